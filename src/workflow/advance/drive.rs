//! The way through the steps: what is over is passed, what is due is done, at what waits the way ends.
//!
//! Owns the order of steps, and what of them later steps see. It goes from the beginning each time: where a run stands
//! is nowhere but in its steps. Each kind of step has a file beside this one.

use serde_json::{Value, json};

use crate::domain::ids::{EventId, TaskId};
use crate::domain::time::Timestamp;
use crate::workflow::condition::{Conditions, Verdict};
use crate::workflow::context::Told;
use crate::workflow::definition::Workflow;
use crate::workflow::hands::Hands;
use crate::workflow::known::{MAKES_A_TASK, MAY_MAKE_A_TASK};
use crate::workflow::run::{Failure, Run, State, Status, StepRun};
use crate::workflow::size::{bounded, size_of};
use crate::workflow::step::{Does, Step};
use crate::workflow::trigger::EventName;

/// Steps that are begun before a run is committed: a loop of a thousand rounds takes no event's time from others.
const MOST_AT_ONCE: u32 = 100;
/// As much of what a step came to is kept, as JSON in bytes.
const MOST_OF_AN_OUTPUT: usize = 16_384;
/// As much of all of them together.
const MOST_OF_OUTPUTS: usize = 262_144;
/// Remarks of a step that are kept.
const MOST_REMARKS: usize = 5;

/// A run on its way.
pub(super) struct Drive<'a> {
    pub(super) workflow: &'a Workflow,
    pub(super) run: Run,
    pub(super) hands: &'a mut dyn Hands,
    pub(super) now: Timestamp,
    pub(super) chance: &'a dyn Fn(&str) -> f64,
    /// What conditions and templates see.
    pub(super) scope: Value,
    /// The task that `{task.…}` means, and those that steps have made, by their ids.
    pub(super) task: Option<TaskId>,
    pub(super) made: Vec<(String, TaskId)>,
    /// An event that nobody has taken.
    pub(super) arrived: Option<(EventId, Told)>,
    /// Steps that may still be begun before the run is committed.
    pub(super) left: u32,
    pub(super) wake: Option<Timestamp>,
    pub(super) events: Vec<EventName>,
    pub(super) again: bool,
    pub(super) works: bool,
    pub(super) needs_files: bool,
}

/// How it goes on behind a step.
pub(super) enum Flow {
    /// With the next one.
    On,
    /// Not before something happens.
    Stop,
    /// The step has failed, this one or one within it.
    Fail { step: String, message: String },
}

/// Whether a step is done under its conditions.
pub(super) enum Admits {
    Yes,
    No,
    /// Not before the files are there.
    Later,
    Failed(String),
}

impl<'a> Drive<'a> {
    pub(super) fn new(
        workflow: &'a Workflow,
        run: Run,
        hands: &'a mut dyn Hands,
        now: Timestamp,
        chance: &'a dyn Fn(&str) -> f64,
    ) -> Self {
        let scope = Value::Null;
        let (task, made, arrived, events, wake) = (None, Vec::new(), None, Vec::new(), None);
        let (again, works, needs_files, left) = (false, false, false, MOST_AT_ONCE);
        let mut drive = Self {
            workflow,
            run,
            hands,
            now,
            chance,
            scope,
            task,
            made,
            arrived,
            left,
            wake,
            events,
            again,
            works,
            needs_files,
        };
        drive.renew_scope();
        drive
    }

    /// The scope without steps.
    pub(super) fn renew_scope(&mut self) {
        let mut root = self.run.told.scope();
        root.insert("vars".to_owned(), Value::Object(self.workflow.vars.clone()));
        root.insert("steps".to_owned(), json!({}));
        let run = json!({ "id": self.run.id.to_string(), "key": self.run.key, "attempt": self.run.attempt });
        root.insert("run".to_owned(), run);
        root.insert("workflow".to_owned(), json!({ "name": self.run.workflow, "version": self.run.version }));
        self.scope = Value::Object(root);
        (self.task, self.made) = (None, Vec::new());
    }

    /// Goes on as far as it goes.
    pub(super) fn go(&mut self) {
        if !self.run.status.is_under_way() {
            self.needs_files = self.run.status == Status::Needs;
            return;
        }
        self.watch();
        if self.run.status.is_over() {
            return;
        }
        let workflow = self.workflow;
        if self.run.failure.is_some() {
            workflow.actions.iter().for_each(|step| self.publish(step, &step.id));
        } else {
            match self.all(&workflow.actions, |step| step.id.clone()) {
                Flow::Stop => return,
                Flow::On => return self.end(Status::Done),
                Flow::Fail { step, message } => {
                    self.run.remember(self.now, format!("`{step}` failed: {message}"));
                    self.fail(&step, message);
                }
            }
        }
        if let Some(failure) = self.run.failure.clone() {
            self.tell_error(&failure.step, &failure.message);
        }
        if let Flow::On = self.regardless(&workflow.on_failure, |step| step.id.clone()) {
            self.end(Status::Failed);
        }
    }

    /// Steps one after the other, until one fails.
    fn all(&mut self, steps: &'a [Step], path: impl Fn(&Step) -> String) -> Flow {
        for step in steps {
            match self.step(step, &path(step)) {
                Flow::On => {}
                stop => return stop,
            }
        }
        Flow::On
    }

    /// Steps one after the other, whichever fails.
    pub(super) fn regardless(&mut self, steps: &'a [Step], path: impl Fn(&Step) -> String) -> Flow {
        for step in steps {
            if let Flow::Stop = self.step(step, &path(step)) {
                return Flow::Stop;
            }
        }
        Flow::On
    }

    /// One step, as far as it goes.
    pub(super) fn step(&mut self, step: &'a Step, path: &str) -> Flow {
        let flow = loop {
            let state = self.run.steps.get(path).map(|step| step.state.clone());
            let settled = match state {
                None | Some(State::Reset) => self.begin(step, path),
                Some(State::Done | State::Skipped { .. } | State::Withdrawn) => Some(Flow::On),
                Some(State::Failed) => Some(self.failed(step, path)),
                Some(State::Compensating) => match &step.does {
                    Does::Act(action) => self.make_up(action, path),
                    _ => {
                        self.set(path, State::Failed);
                        None
                    }
                },
                Some(state) => match &step.does {
                    Does::Act(action) => self.act(action, path, state),
                    Does::Ask(approval) => self.asked(approval, path, &state),
                    Does::Sleep(_) => self.asleep(path, &state),
                    Does::WaitFor(wait) => self.wait_on(wait, path, &state),
                    Does::Repeat(each) => self.repeat(each, path),
                },
            };
            if let Some(flow) = settled {
                break flow;
            }
        };
        self.publish(step, path);
        flow
    }

    fn failed(&self, step: &Step, path: &str) -> Flow {
        if let Does::Act(action) = &step.does
            && action.on_error.is_continued
        {
            return Flow::On;
        }
        let message = self.run.steps.get(path).and_then(|step| step.error.as_ref());
        let message = message.map_or_else(String::new, |error| error.message.clone());
        Flow::Fail { step: path.to_owned(), message }
    }

    /// Begins a step, where its conditions hold. Nothing: look at it again.
    fn begin(&mut self, step: &'a Step, path: &str) -> Option<Flow> {
        if self.left == 0 {
            self.again = true;
            return Some(Flow::Stop);
        }
        match self.admits(step.when.as_ref(), path) {
            Admits::Later => return Some(Flow::Stop),
            Admits::No => {
                self.left -= 1;
                self.set(path, State::Skipped { why: "its conditions do not hold".to_owned() });
                return None;
            }
            Admits::Failed(why) => {
                self.left -= 1;
                self.fail_step(path, Failure::lasting(why));
                return None;
            }
            Admits::Yes => {}
        }
        let begun = match &step.does {
            Does::Act(action) => self.prepare(action, path),
            Does::Ask(approval) => return self.begin_asking(approval, path),
            Does::Sleep(delay) => self.begin_sleep(delay, path),
            Does::WaitFor(wait) => {
                self.set(path, State::Awaiting { until: self.now.after(wait.timeout) });
                Ok(())
            }
            Does::Repeat(each) => self.begin_rounds(each, path),
        };
        self.left -= 1;
        if let Err(failure) = begun {
            self.fail_step(path, failure);
        }
        None
    }

    /// Whether conditions hold.
    pub(super) fn admits(&mut self, conditions: Option<&Conditions>, path: &str) -> Admits {
        let Some(conditions) = conditions else { return Admits::Yes };
        let judged = conditions.judge(&self.scope, self.now);
        self.hands.judged(path, &judged);
        match judged.verdict {
            Verdict::Holds => Admits::Yes,
            Verdict::Fails | Verdict::Unknown(_) => Admits::No,
            Verdict::Failed(why) => Admits::Failed(why),
            Verdict::Needs(_) => {
                self.needs_files = true;
                Admits::Later
            }
        }
    }

    /// The step, which begins with this.
    pub(super) fn entry(&mut self, path: &str) -> &mut StepRun {
        let now = self.now;
        self.run.steps.entry(path.to_owned()).or_insert_with(|| StepRun::new(State::Reset, now))
    }

    /// Sets how far a step is.
    pub(super) fn set(&mut self, path: &str, state: State) -> &mut StepRun {
        let now = self.now;
        let step = self.entry(path);
        step.ended = state.is_over().then_some(now);
        if state.is_over() {
            step.args = None;
        }
        step.state = state;
        step
    }

    /// A step is done, and has come to this.
    pub(super) fn finish(&mut self, path: &str, output: Value) -> &mut StepRun {
        let spent: usize = self.run.steps.values().map(|step| size_of(&step.output)).sum();
        let (output, is_cut) = bounded(output, MOST_OF_AN_OUTPUT.min(MOST_OF_OUTPUTS.saturating_sub(spent)));
        let step = self.set(path, State::Done);
        (step.output, step.is_cut, step.is_open, step.error) = (output, is_cut, false, None);
        step
    }

    pub(super) fn remark(&mut self, path: &str, remarks: Vec<String>) {
        let step = self.entry(path);
        step.remarks.extend(remarks);
        step.remarks.truncate(MOST_REMARKS);
    }

    pub(super) fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    /// Puts something at the root of the scope, or takes it away, and gives what was there.
    pub(super) fn put(&mut self, name: &str, value: Option<Value>) -> Option<Value> {
        let root = self.scope.as_object_mut()?;
        match value {
            Some(value) => root.insert(name.to_owned(), value),
            None => root.remove(name),
        }
    }

    /// Lets steps see what has failed, and gives what they saw before.
    pub(super) fn tell_error(&mut self, step: &str, message: &str) -> Option<Value> {
        self.put("error", Some(json!({ "step": step, "message": message })))
    }

    /// Lets later steps see what a step came to.
    fn publish(&mut self, step: &Step, path: &str) {
        let Some(run) = self.run.steps.get(path) else { return };
        let mut seen = json!({ "status": run.state.as_str(), "output": run.output });
        if let Some(approved) = run.approved {
            seen["approved"] = approved.into();
            seen["by"] = run.by.iter().map(|person| Value::from(person.name.as_str())).collect();
        }
        if let Some(error) = &run.error {
            seen["error"] = error.message.as_str().into();
        }
        let is_made = run.state == State::Done && run.output.is_object();
        let action = match &step.does {
            Does::Act(action) if is_made => action.name.as_str(),
            _ => "",
        };
        let task = MAKES_A_TASK.contains(&action).then(|| run.output.clone());
        if task.is_some() || MAY_MAKE_A_TASK.contains(&action) {
            let id: Option<TaskId> = run.output.get("key").and_then(|key| key.as_str()?.parse().ok());
            self.made.extend(id.map(|id| (step.id.clone(), id)));
            self.task = if task.is_some() { id } else { self.task };
        }
        if task.is_some() {
            self.put("task", task);
        }
        if let Some(Value::Object(steps)) = self.scope.get_mut("steps") {
            steps.insert(step.id.clone(), seen);
        }
    }

    /// Takes the steps of a part out of sight, once that part is over.
    pub(super) fn forget(&mut self, part: &[Step]) {
        if let Some(Value::Object(steps)) = self.scope.get_mut("steps") {
            part.iter().for_each(|step| drop(steps.remove(&step.id)));
        }
    }
}
