//! Loops: which rounds begin, how many at a time, and what they come to.
//!
//! Owns the rounds. The steps of a round are steps like others, at the paths `loop[2].1`; when a round is done, its
//! output alone is kept. With the first round that fails no further one begins, and the loop fails when those under
//! way are over.

use serde_json::Value;

use super::act::local;
use super::drive::{Drive, Flow};
use crate::workflow::run::{Failure, Rounds, State};
use crate::workflow::size::{bounded, size_of};
use crate::workflow::step::{ForEach, Step};
use crate::workflow::template::sink::Sink;

/// As much is gone through, as JSON in bytes: the run keeps it until the loop is over.
const MOST_OF_A_LIST: usize = 131_072;
/// As much is kept of what one round came to; the loop as a whole keeps no more than any step.
const MOST_OF_A_ROUND: usize = 4_096;

/// The path of a step in a round.
fn path_in(path: &str, round: u32, step: &Step) -> String {
    format!("{path}[{round}].{}", local(step))
}

impl<'a> Drive<'a> {
    pub(super) fn begin_rounds(&mut self, each: &ForEach, path: &str) -> Result<(), Failure> {
        let filled = each.list.fill(&self.scope, Sink::Plain, self.now);
        let filled = filled.map_err(|missing| Failure::lasting(missing.what))?;
        self.remark(path, filled.remarks);
        let items = match filled.value {
            Value::Array(items) => items,
            Value::Null => Vec::new(),
            _ => return Err(Failure::lasting("`in` has no list")),
        };
        let (count, size) = (items.len(), items.iter().map(size_of).sum::<usize>());
        if u32::try_from(count).is_ok_and(|count| count > each.max) {
            return Err(Failure::lasting(format!("the list has {count} entries; `max` is {}", each.max)));
        }
        if size > MOST_OF_A_LIST {
            return Err(Failure::lasting(format!("the list has {size} bytes; it has at most {MOST_OF_A_LIST}")));
        }
        let outputs = vec![Value::Null; count];
        self.set(path, State::Looping).rounds = Some(Box::new(Rounds { items, outputs, ..Rounds::default() }));
        Ok(())
    }

    /// A loop that has begun. Nothing: look at it again.
    pub(super) fn repeat(&mut self, each: &'a ForEach, path: &str) -> Option<Flow> {
        if self.rounds(path).is_none() {
            self.fail_step(path, Failure::lasting("its rounds are not there"));
            return None;
        }
        loop {
            let mut has_moved = false;
            for round in self.rounds(path)?.open.clone() {
                match self.round(each, path, round) {
                    Flow::Stop => {}
                    Flow::On => {
                        self.close(each, path, round);
                        has_moved = true;
                    }
                    Flow::Fail { step, message } => {
                        let rounds = self.rounds(path)?;
                        rounds.open.retain(|open| *open != round);
                        rounds.failed.push(round);
                        let error = &mut self.entry(path).error;
                        error.get_or_insert_with(|| Failure::lasting(format!("`{step}` failed: {message}")));
                        has_moved = true;
                    }
                }
            }
            has_moved |= self.open_next(each, path)?;
            if !has_moved {
                break;
            }
        }
        let rounds = self.rounds(path)?;
        if !rounds.open.is_empty() {
            return Some(Flow::Stop);
        }
        if rounds.failed.is_empty() {
            let outputs = std::mem::take(&mut rounds.outputs);
            self.finish(path, Value::Array(outputs)).rounds = None;
        } else {
            let failure = self.entry(path).error.clone();
            self.fail_step(path, failure.unwrap_or_else(|| Failure::lasting("a round failed")));
        }
        None
    }

    fn rounds(&mut self, path: &str) -> Option<&mut Rounds> {
        self.run.steps.get_mut(path)?.rounds.as_deref_mut()
    }

    /// Opens rounds, as many as may be under way.
    fn open_next(&mut self, each: &ForEach, path: &str) -> Option<bool> {
        let parallel = usize::try_from(each.parallel).unwrap_or(1);
        let rounds = self.rounds(path)?;
        let mut has_opened = false;
        while rounds.failed.is_empty()
            && rounds.open.len() < parallel
            && usize::try_from(rounds.next).is_ok_and(|next| next < rounds.items.len())
        {
            rounds.open.push(rounds.next);
            rounds.next += 1;
            has_opened = true;
        }
        Some(has_opened)
    }

    /// One round, as far as it goes.
    fn round(&mut self, each: &'a ForEach, path: &str, round: u32) -> Flow {
        let index = usize::try_from(round).unwrap_or(usize::MAX);
        let item = self.rounds(path).and_then(|rounds| rounds.items.get(index).cloned()).unwrap_or_default();
        let task = self.scope.get("task").cloned();
        let before = self.put(&each.name, Some(item));
        let mut flow = Flow::On;
        for step in &each.steps {
            flow = self.step(step, &path_in(path, round, step));
            if !matches!(flow, Flow::On) {
                break;
            }
        }
        self.forget(&each.steps);
        self.put(&each.name, before);
        self.put("task", task);
        flow
    }

    /// A round is done: its last output is kept, and its steps are not.
    fn close(&mut self, each: &ForEach, path: &str, round: u32) {
        let last = each.steps.iter().rev().find_map(|step| {
            let step = self.run.steps.get(&path_in(path, round, step))?;
            (step.state == State::Done).then(|| step.output.clone())
        });
        let output = bounded(last.unwrap_or_default(), MOST_OF_A_ROUND).0;
        let prefix = format!("{path}[{round}].");
        self.run.steps.retain(|path, _| !path.starts_with(&prefix));
        if let Some(rounds) = self.rounds(path) {
            rounds.open.retain(|open| *open != round);
            let place = usize::try_from(round).ok().and_then(|index| rounds.outputs.get_mut(index));
            if let Some(place) = place {
                *place = output;
            }
        }
    }
}
