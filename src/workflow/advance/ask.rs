//! Approvals: who is asked, what their answers come to, and what follows where there is none.
//!
//! Owns the count of answers. Who is in a group the caller knows; a question of whether something was done, which is
//! no approval, is asked by `act.rs` and answered here.

use serde_json::Value;

use super::drive::{Admits, Drive, Flow};
use crate::domain::task::Person;
use crate::workflow::hands::{Asks, Question};
use crate::workflow::pause::{Approval, OnExpire};
use crate::workflow::run::{Failure, State};
use crate::workflow::scope::text_of;
use crate::workflow::template::sink::Sink;

impl Drive<'_> {
    pub(super) fn begin_asking(&mut self, approval: &Approval, path: &str) -> Option<Flow> {
        match self.admits(approval.only_if.as_ref(), path) {
            Admits::Later => return Some(Flow::Stop),
            Admits::No => self.finish(path, Value::Null).approved = Some(true),
            Admits::Failed(why) => self.fail_step(path, Failure::lasting(why)),
            Admits::Yes => {
                if let Err(failure) = self.question(approval, path, &approval.approvers.group, false) {
                    self.fail_step(path, failure);
                }
            }
        }
        self.left -= 1;
        None
    }

    /// Asks the members of a group.
    fn question(&mut self, approval: &Approval, path: &str, group: &str, is_escalated: bool) -> Result<(), Failure> {
        let mut remarks = Vec::new();
        let mut fill = |template: &crate::workflow::template::Template| {
            let filled = template.fill(&self.scope, Sink::Plain, self.now);
            let filled = filled.map_err(|missing| Failure::lasting(missing.what))?;
            remarks.extend(filled.remarks);
            Ok(text_of(&filled.value))
        };
        let text = fill(&approval.ask)?;
        let shown = approval.show.iter().map(|(name, template)| Ok((name.clone(), fill(template)?)));
        let shown = shown.collect::<Result<Vec<_>, Failure>>()?;
        self.remark(path, remarks);
        let until = self.now.after(approval.expires);
        let (min, exclude_requester) = (approval.approvers.min, approval.approvers.exclude_requester);
        let asking = State::Asking { until, group: group.to_owned(), min, exclude_requester, is_escalated };
        let step = self.set(path, asking);
        step.attempts += 1;
        step.by.clear();
        let attempt = step.attempts;
        let (asks, group) = (Asks::MayGoOn, Some(group));
        self.hands.ask(&Question { step: path, attempt, asks, group, min, exclude_requester, text, shown, until });
        Ok(())
    }

    pub(super) fn asked(&mut self, approval: &Approval, path: &str, state: &State) -> Option<Flow> {
        let State::Asking { until, is_escalated, .. } = state else { return Some(Flow::On) };
        if *until > self.now {
            self.wake_at(*until);
            return Some(Flow::Stop);
        }
        self.withdraw(path);
        match &approval.on_expire {
            OnExpire::Escalate(group) if !is_escalated => {
                self.run.remember(self.now, format!("nobody has decided about `{path}` in time; others are asked"));
                if let Err(failure) = self.question(approval, path, group, true) {
                    self.fail_step(path, failure);
                }
            }
            _ => {
                self.run.remember(self.now, format!("nobody has decided about `{path}` in time, which is a no"));
                let step = self.finish(path, Value::Null);
                step.by.clear();
                step.approved = Some(false);
            }
        }
        None
    }

    /// Takes in an answer.
    ///
    /// # Errors
    /// Why it does not count, for who gave it.
    pub(super) fn decided(&mut self, path: &str, attempt: u32, approved: bool, by: Person) -> Result<(), String> {
        let over = || "that question is not open: it was answered, or others were asked".to_owned();
        let is_requester = self.run.requester.as_ref().is_some_and(|requester| requester.id == by.id);
        let step = self.run.steps.get_mut(path).filter(|step| step.attempts == attempt).ok_or_else(over)?;
        match step.state {
            State::Asking { exclude_requester: true, .. } if is_requester => {
                return Err("who caused a run may not decide about it".to_owned());
            }
            State::Asking { min, .. } => {
                if approved && !step.by.iter().any(|person| person.id == by.id) {
                    step.by.push(by.clone());
                }
                let given = u32::try_from(step.by.len()).unwrap_or(u32::MAX);
                if approved && given < min {
                    return Ok(());
                }
                if !approved {
                    step.by = vec![by.clone()];
                }
                self.finish(path, Value::Null).approved = Some(approved);
                let word = if approved { "approved" } else { "turned down" };
                self.run.remember(self.now, format!("`{path}` was {word} by {}", by.name));
            }
            State::Unknown { .. } if approved => {
                self.finish(path, Value::Null).by = vec![by.clone()];
                self.run.remember(self.now, format!("`{path}` was done, says {}", by.name));
            }
            State::Unknown { .. } => {
                (step.is_open, step.error) = (false, None);
                step.state = State::Pausing { until: self.now };
                self.run.remember(self.now, format!("`{path}` was not done, says {}; it is done again", by.name));
            }
            _ => return Err(over()),
        }
        Ok(())
    }
}
