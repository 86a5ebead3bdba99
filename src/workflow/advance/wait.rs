//! Delays, and events that are awaited.
//!
//! Owns until when, and whether an event is the one. An event that came before its step was reached is not kept.

use serde_json::Value;

use super::drive::{Drive, Flow};
use crate::workflow::condition::Verdict;
use crate::workflow::duration::{days, shown};
use crate::workflow::pause::{Delay, WaitFor};
use crate::workflow::run::{Failure, FailureKind, State};
use crate::workflow::scope::moment::Moment;
use crate::workflow::template::sink::Sink;

/// The longest pause to a time that stands in the scope, as for one that stands in the file.
const LONGEST: std::time::Duration = days(90);

impl Drive<'_> {
    pub(super) fn begin_sleep(&mut self, delay: &Delay, path: &str) -> Result<(), Failure> {
        let until = match delay {
            Delay::For(length) => self.now.after(*length),
            Delay::Until(template) => {
                let filled = template.fill(&self.scope, Sink::Plain, self.now);
                let value = filled.map_err(|missing| Failure::lasting(missing.what))?.value;
                let wrong = "`until` has no time; one is written as `2026-11-27T08:00:00Z` or `2026-11-27`";
                let moment = Moment::of(&value).ok_or_else(|| Failure::lasting(wrong))?;
                crate::domain::time::Timestamp(moment.from)
            }
        };
        if until > self.now.after(LONGEST) {
            let why = format!("`until` is further away than {}, the longest pause", shown(LONGEST));
            return Err(Failure::lasting(why));
        }
        self.set(path, State::Sleeping { until });
        Ok(())
    }

    pub(super) fn asleep(&mut self, path: &str, state: &State) -> Option<Flow> {
        let State::Sleeping { until } = state else { return Some(Flow::On) };
        if *until > self.now {
            self.wake_at(*until);
            return Some(Flow::Stop);
        }
        self.finish(path, Value::Null);
        None
    }

    pub(super) fn wait_on(&mut self, wait: &WaitFor, path: &str, state: &State) -> Option<Flow> {
        let State::Awaiting { until } = state else { return Some(Flow::On) };
        if *until <= self.now {
            let why = format!("`{}` did not come within {}", wait.event.event, shown(wait.timeout));
            self.run.remember(self.now, why.clone());
            if wait.is_continued {
                self.finish(path, Value::Null).error = Some(Failure::new(FailureKind::Timeout, why));
            } else {
                self.fail_step(path, Failure::new(FailureKind::Timeout, why));
            }
            return None;
        }
        match self.is_it(wait, path) {
            Ok(true) => {
                if let Some((id, told)) = self.arrived.take() {
                    let mut output = told.scope();
                    if let Some(Value::Object(event)) = output.get_mut("event") {
                        // Its fields stand beside it.
                        event.remove("payload");
                    }
                    self.finish(path, Value::Object(output)).event = Some(id);
                    self.run.remember(self.now, format!("`{}` has come", wait.event.event));
                }
                None
            }
            Ok(false) => {
                self.wake_at(*until);
                self.events.push(wait.event.clone());
                Some(Flow::Stop)
            }
            Err(failure) => {
                self.fail_step(path, failure);
                None
            }
        }
    }

    /// Whether the event that has come is the awaited one. Its names stand before those of the event that began the
    /// run, which is whole in `began`.
    fn is_it(&mut self, wait: &WaitFor, path: &str) -> Result<bool, Failure> {
        let Some((_, told)) = &self.arrived else { return Ok(false) };
        if told.platform != wait.event.platform || told.name != wait.event.event {
            return Ok(false);
        }
        let Some(conditions) = &wait.conditions else { return Ok(true) };
        let mut scope = self.scope.clone();
        if let Some(root) = scope.as_object_mut() {
            let began = self.run.told.scope();
            root.remove(crate::workflow::condition::FILES_CHANGED);
            root.extend(told.scope());
            root.insert("began".to_owned(), Value::Object(began));
        }
        let judged = conditions.judge(&scope, self.now);
        self.hands.judged(path, &judged);
        match judged.verdict {
            Verdict::Holds => Ok(true),
            Verdict::Fails | Verdict::Unknown(_) => Ok(false),
            Verdict::Needs(what) => {
                Err(Failure::lasting(format!("`{what}` is not fetched for events that are awaited")))
            }
            Verdict::Failed(why) => Err(Failure::lasting(why)),
        }
    }
}
