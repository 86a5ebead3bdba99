//! Actions: what they are given, their tries and the pauses between them, and what makes up for one that failed.
//!
//! Owns what follows from each way in which a try can end. What nobody knows to be undone is not repeated: a person is
//! asked, and where none answers the step has failed.

use std::time::Duration;

use serde_json::{Map, Value};

use super::drive::{Drive, Flow};
use super::{End, is_tried};
use crate::domain::ids::TaskId;
use crate::domain::time::Timestamp;
use crate::workflow::action::Action;
use crate::workflow::duration::{days, shown};
use crate::workflow::hands::{Act, Acted, Asks, Question};
use crate::workflow::run::{Failure, FailureKind, State};
use crate::workflow::scope::{Path, text_of};
use crate::workflow::size::size_of;
use crate::workflow::step::Step;
use crate::workflow::template::Missing;
use crate::workflow::template::sink::Sink;

/// As much is given to an action, as JSON in bytes: no platform takes a longer text, and a step that waits keeps it.
const MOST_OF_ARGS: usize = 262_144;
/// How long people have to say whether something was done.
const ASKED_FOR: Duration = days(3);

impl<'a> Drive<'a> {
    /// Fills what an action is given.
    pub(super) fn prepare(&mut self, action: &Action, path: &str) -> Result<(), Failure> {
        let mut args = Map::new();
        let mut remarks = Vec::new();
        let lasting = |error: Missing| Failure::lasting(error.what);
        for (name, param) in &action.params {
            let sink = self.hands.sink(&action.name, name);
            let filled = param.fill(&self.scope, sink, self.now).map_err(lasting)?;
            remarks.extend(filled.remarks.into_iter().map(|remark| format!("{name}: {remark}")));
            args.insert(name.clone(), filled.value);
        }
        let args = Value::Object(args);
        let size = size_of(&args);
        if size > MOST_OF_ARGS {
            let what = format!("it would be given {size} bytes; an action is given at most {MOST_OF_ARGS}");
            return Err(Failure::lasting(what));
        }
        let key = match &action.idempotency_key {
            Some(template) => {
                let filled = template.fill(&self.scope, Sink::Plain, self.now).map_err(lasting)?;
                remarks.extend(filled.remarks.into_iter().map(|remark| format!("idempotency_key: {remark}")));
                text_of(&filled.value)
            }
            None => self.run.key_of(&self.once_per_attempt(path)),
        };
        let until = self.now;
        self.remark(path, remarks);
        let step = self.set(path, State::Pausing { until });
        step.key = Some(key);
        step.args = if let Value::Object(args) = args { Some(args) } else { None };
        Ok(())
    }

    /// What follows a failure is done anew each time that the run was set going; everything else once.
    fn once_per_attempt(&self, path: &str) -> String {
        let is_afterwards = self.run.failure.is_some() || path.contains(".compensate.");
        if is_afterwards && self.run.attempt > 1 { format!("{path}#{}", self.run.attempt) } else { path.to_owned() }
    }

    /// An action that has begun. Nothing: look at it again.
    pub(super) fn act(&mut self, action: &'a Action, path: &str, state: State) -> Option<Flow> {
        match state {
            State::Pausing { until } if until > self.now => self.pause(until),
            State::Pausing { .. } => self.do_it(action, path),
            State::Owed { late, .. } if late > self.now => self.pause(late),
            State::Owed { may_repeat, .. } => {
                self.withdraw(path);
                let step = self.entry(path);
                step.error = Some(Failure::new(FailureKind::Timeout, "there was no answer in time"));
                step.state = if may_repeat { State::Tried } else { State::Lost };
                None
            }
            State::Tried => self.tried(action, path),
            State::Lost => self.ask_whether(action, path),
            State::Unknown { until } if until > self.now => {
                self.wake_at(until);
                Some(Flow::Stop)
            }
            State::Unknown { .. } => {
                self.withdraw(path);
                let why = format!("nobody has said within {} whether it was done", shown(ASKED_FOR));
                self.fail_step(path, Failure::lasting(why));
                None
            }
            _ => Some(Flow::On),
        }
    }

    fn pause(&mut self, until: Timestamp) -> Option<Flow> {
        self.wake_at(until);
        self.works = true;
        Some(Flow::Stop)
    }

    pub(super) fn withdraw(&mut self, path: &str) {
        let attempt = self.entry(path).attempts;
        self.hands.withdraw(path, attempt);
    }

    /// One try.
    fn do_it(&mut self, action: &Action, path: &str) -> Option<Flow> {
        if self.left == 0 {
            self.again = true;
            return Some(Flow::Stop);
        }
        if self.entry(path).args.is_none() {
            if let Err(failure) = self.prepare(action, path) {
                self.fail_step(path, failure);
            }
            return None;
        }
        let late = self.now.after(action.timeout);
        let paths = paths_of(action);
        let speaks_of = paths.iter().find_map(|(_, path)| self.task_at(path));
        let step = self.entry(path);
        step.attempts += 1;
        let (args, key) = (step.args.clone().unwrap_or_default(), step.key.clone().unwrap_or_default());
        let (attempt, remarks, again) = (step.attempts, step.remarks.clone(), step.has_owed);
        let (has_retry, action, timeout) = (action.retry.is_some(), action.name.as_str(), action.timeout);
        let act = Act {
            step: path,
            attempt,
            has_retry,
            action,
            args: &args,
            paths: &paths,
            speaks_of,
            key: &key,
            again,
            timeout,
            remarks: &remarks,
        };
        let acted = self.hands.act(&act);
        if let Acted::Done { has_written: true, .. } | Acted::Owed { has_written: true, .. } = acted {
            self.left = 0;
        }
        match acted {
            Acted::Done { output, is_simulated, .. } => self.finish(path, output).is_simulated = is_simulated,
            Acted::Owed { late: given, may_repeat, .. } => {
                self.set(path, State::Owed { late: given.unwrap_or(late), may_repeat }).has_owed = true;
            }
            Acted::Failed(failure) => self.set(path, State::Tried).error = Some(failure),
            Acted::Unknown(why) => self.set(path, State::Lost).error = Some(Failure::new(FailureKind::Timeout, why)),
        }
        None
    }

    /// The task of which a path tells, where a step of the run has made it. What only looks like one is none: an event may
    /// say anything.
    fn task_at(&self, path: &str) -> Option<TaskId> {
        let path = Path::read(path).ok()?;
        match (path.root()?, path.head()) {
            ("task", _) => self.task,
            ("steps", Some((_, id))) => self.made.iter().rfind(|(step, _)| step == id).map(|(_, task)| *task),
            _ => None,
        }
    }

    /// Takes in how what was owed has ended. The word that it is done counts whenever it comes; another one only where it is
    /// about the last try.
    pub(super) fn ended(&mut self, path: &str, attempt: u32, end: End) {
        let Some(step) = self.run.steps.get_mut(path) else { return };
        if attempt > step.attempts || step.is_anew && attempt <= step.earlier {
            return;
        }
        let is_last = attempt == step.attempts && matches!(step.state, State::Owed { .. });
        match end {
            End::Done { output } if is_tried(&step.state) => {
                if matches!(step.state, State::Unknown { .. }) {
                    self.withdraw(path);
                }
                self.finish(path, output);
            }
            End::Done { output } if step.state == State::Failed => {
                // What has followed the failure stands; a retry does not do it again.
                self.finish(path, output);
                self.run.remember(self.now, format!("`{path}` was done after all"));
            }
            End::Done { .. } => {}
            End::Failed(failure) if is_last => {
                step.error = Some(failure);
                step.state = State::Tried;
            }
            End::Unknown(why) if is_last => {
                step.error = Some(Failure::new(FailureKind::Timeout, why));
                step.state = State::Lost;
            }
            End::Failed(_) | End::Unknown(_) => {}
        }
    }

    /// A try has failed: another one, or none.
    fn tried(&mut self, action: &Action, path: &str) -> Option<Flow> {
        let step = self.entry(path);
        let failure = step.error.clone().unwrap_or_else(|| Failure::lasting("it failed"));
        let failed = step.attempts.saturating_sub(step.earlier);
        let retry = match &action.retry {
            Some(retry) => Some(retry.clone()),
            None => self.hands.retry(&action.name),
        };
        let kind = failure.kind.after_which_to_try();
        let Some(retry) =
            retry.filter(|retry| kind.is_some_and(|kind| retry.on.contains(&kind)) && failed <= retry.max)
        else {
            self.fail_step(path, failure);
            return None;
        };
        let chance = (self.chance)(&format!("{}/{path}/{failed}", self.run.id));
        let until = self.now.after(retry.pause(failed, chance)).max(failure.not_before.unwrap_or_default());
        self.set(path, State::Pausing { until });
        None
    }

    /// Asks people whether it was done.
    fn ask_whether(&mut self, action: &Action, path: &str) -> Option<Flow> {
        let until = self.now.after(ASKED_FOR);
        let step = self.entry(path);
        step.is_open = true;
        let attempt = step.attempts;
        let why = step.error.as_ref().map_or("", |error| error.message.as_str());
        let text = format!("was `{}` of step `{path}` done? {why}", action.name);
        self.set(path, State::Unknown { until });
        self.run.remember(self.now, format!("nobody knows whether `{path}` was done; people are asked"));
        let (asks, group, min, exclude_requester) = (Asks::WasItDone, None, 1, false);
        let shown = Vec::new();
        self.hands.ask(&Question { step: path, attempt, asks, group, min, exclude_requester, text, shown, until });
        None
    }

    /// A step has failed for good.
    pub(super) fn fail_step(&mut self, path: &str, failure: Failure) {
        let step = self.set(path, State::Compensating);
        step.args = None;
        step.error = Some(failure);
    }

    /// What makes up for a step that failed.
    pub(super) fn make_up(&mut self, action: &'a Action, path: &str) -> Option<Flow> {
        let message = self.entry(path).error.as_ref().map_or_else(String::new, |error| error.message.clone());
        let before = self.tell_error(path, &message);
        let flow = self.regardless(&action.on_error.compensate, |step| format!("{path}.compensate.{}", local(step)));
        self.forget(&action.on_error.compensate);
        self.put("error", before);
        if let Flow::Stop = flow {
            return Some(Flow::Stop);
        }
        self.set(path, State::Failed);
        None
    }
}

/// The paths that an action is filled from, each behind the name of its param.
fn paths_of(action: &Action) -> Vec<(&str, String)> {
    let params = action.params.iter();
    params.flat_map(|(name, param)| param.paths().into_iter().map(move |path| (name.as_str(), path))).collect()
}

/// What a step is called within the part in which it stands: its id, or its number.
pub(super) fn local(step: &Step) -> &str {
    step.id.rsplit('.').next().unwrap_or(&step.id)
}
