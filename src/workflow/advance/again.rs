//! Runs that are ended before they are over, and runs that are set going again.
//!
//! Owns what is taken back, and what of a run stands when it goes on: what was done stays done, and what nobody knows to
//! be undone is asked about first.

use super::drive::Drive;
use crate::domain::task::Person;
use crate::workflow::mistake::{instead, quoted};
use crate::workflow::run::{Failure, State, Status, StepRun};

impl Drive<'_> {
    /// Somebody ends the run.
    pub(super) fn cancel(&mut self, by: Option<&Person>) {
        let why = match by {
            Some(by) => format!("cancelled by {}", by.name),
            None => "cancelled, since another run takes its place".to_owned(),
        };
        self.withdraw_all(&why);
        self.run.remember(self.now, why);
        self.end(Status::Cancelled);
    }

    /// Takes back all that is under way, and gives the path of the last of it.
    pub(super) fn withdraw_all(&mut self, why: &str) -> Option<String> {
        let under_way = self.run.steps.iter().filter(|(_, step)| !step.state.is_over());
        let paths: Vec<String> = under_way.map(|(path, _)| path.clone()).collect();
        for path in &paths {
            let step = self.entry(path);
            let is_asked = matches!(step.state, State::Owed { .. } | State::Asking { .. } | State::Unknown { .. });
            step.is_open |=
                matches!(step.state, State::Owed { may_repeat: false, .. } | State::Lost | State::Unknown { .. });
            if is_asked {
                self.withdraw(path);
            }
            self.set(path, State::Withdrawn).error = Some(Failure::lasting(why));
        }
        paths.into_iter().next_back()
    }

    /// Sets the run going again.
    ///
    /// # Errors
    /// Why it cannot be, for who asks.
    pub(super) fn set_going(&mut self, from: Option<&str>, after: u32, by: &Person) -> Result<(), String> {
        if let Some(why) = self.run.cannot_go_again() {
            return Err(why);
        }
        if self.run.attempt != after {
            return Err(format!("{} was set going again already", self.run.id));
        }
        let first = self.first(from)?;
        self.run.remember(
            self.now,
            match from {
                Some(from) => format!("set going again from `{from}` by {}", by.name),
                None => format!("set going again by {}", by.name),
            },
        );
        self.run.attempt += 1;
        (self.run.worked, self.run.ended) = (0, None);
        let failure = self.run.failure.take();
        if self.run.told.files_changed.as_ref().is_some_and(|files| files.get("error").is_some()) {
            self.run.told.files_changed = None;
        }
        let workflow = self.workflow;
        for (place, step) in workflow.actions.iter().enumerate() {
            if place < first {
                self.pass_over(&step.id, by);
            } else if let Some(run) = self.run.steps.get_mut(&step.id) {
                reset(run, from.is_some());
            }
        }
        let own: Vec<&str> = workflow.actions.iter().map(|step| step.id.as_str()).collect();
        for (path, step) in self.run.steps.iter_mut().filter(|(path, _)| !own.contains(&path.as_str())) {
            let owner = path.split(['[', '.']).next().unwrap_or_default();
            match own.iter().position(|id| *id == owner) {
                Some(place) if place < first => {}
                Some(_) if !path.contains(".compensate.") => reset(step, false),
                // What follows a failure follows the next one too.
                Some(_) | None => renew(step, true),
            }
        }
        self.renew_scope();
        self.run.status = match failure {
            Some(failure) if failure.step == "trigger" => Status::Needs,
            // It has its turn anew: others of its group may have theirs by now.
            _ => Status::Queued,
        };
        Ok(())
    }

    /// The place among the steps from which it goes on.
    fn first(&self, from: Option<&str>) -> Result<usize, String> {
        let steps = &self.workflow.actions;
        let Some(from) = from else { return Ok(0) };
        steps.iter().position(|step| step.id == from).ok_or_else(|| {
            let names: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
            format!("`{}` has no step {}; {}", self.workflow.name, quoted(from), instead(from, &names))
        })
    }

    fn pass_over(&mut self, path: &str, by: &Person) {
        let state = self.run.steps.get(path).map(|step| &step.state);
        if !matches!(state, Some(State::Done | State::Skipped { .. })) {
            self.set(path, State::Skipped { why: format!("passed over by {}", by.name) });
        }
    }
}

/// A step that is to be done again, where it is not done. `all`: what was passed over or turned down too.
fn reset(step: &mut StepRun, all: bool) {
    match step.state {
        State::Done if !(all && step.approved == Some(false)) => {}
        State::Skipped { .. } if !all => {}
        _ if step.is_open => {
            step.earlier = step.attempts;
            (step.state, step.ended) = (State::Lost, None);
        }
        _ => renew(step, false),
    }
    if let Some(rounds) = &mut step.rounds {
        let failed = std::mem::take(&mut rounds.failed);
        rounds.open.extend(failed);
        rounds.open.sort_unstable();
        (step.state, step.error) = (State::Looping, None);
    }
}

/// A step as if it had not been; but reports of its earlier tries are still known from those of the next.
fn renew(step: &mut StepRun, is_anew: bool) {
    let rounds = step.rounds.take();
    let (attempts, has_owed) = (step.attempts, step.has_owed && !is_anew);
    *step =
        StepRun { attempts, earlier: attempts, is_anew, has_owed, rounds, ..StepRun::new(State::Reset, step.began) };
}
