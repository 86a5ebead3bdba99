//! A run is moved on by what happens, as far as it goes.
//!
//! [`advance`] takes a run, one happening and [`Hands`], and gives the run as it is then. It reads no clock and keeps
//! nothing. The caller commits the run together with what the hands owe, so that a crash in between leaves neither, and
//! the same happening gives the same run and the same keys again. What comes twice, or late, changes nothing: reports
//! and answers name the try or the question that they are about.
//!
//! One commit holds what one tool has written, since each reads the store as it was: behind an action that has
//! written, `advance` stops and [`Next::again`] says so.
//!
//! | file | owns |
//! |---|---|
//! | `advance/drive.rs` | the way through the steps: which is over, which is due, what fails |
//! | `advance/act.rs` | tries of an action, pauses between them, what makes up for it |
//! | `advance/ask.rs` | approvals |
//! | `advance/wait.rs` | delays, and events that are awaited |
//! | `advance/rounds.rs` | loops |
//! | `advance/again.rs` | runs that are ended, and set going again |

mod act;
mod again;
mod ask;
mod drive;
#[cfg(test)]
mod laws;
mod rounds;
#[cfg(test)]
mod tests;
mod wait;

use serde_json::{Value, json};

use crate::domain::ids::EventId;
use crate::domain::task::Person;
use crate::domain::time::Timestamp;
use crate::workflow::begin::judge;
use crate::workflow::condition::Verdict;
use crate::workflow::context::Told;
use crate::workflow::definition::Workflow;
use crate::workflow::duration::shown;
use crate::workflow::hands::Hands;
use crate::workflow::run::{Failure, Run, RunFailure, State, Status};
use crate::workflow::size::bounded;
use crate::workflow::trigger::EventName;

use self::drive::Drive;

/// As much is kept of the files that an event changes, as JSON in bytes: 3,000 paths of 80 bytes.
const MOST_OF_FILES: usize = 262_144;

/// Something that moves a run.
#[derive(Debug, Clone)]
pub enum Happened {
    /// It has its turn.
    Begun,
    /// Its time has come, or it was to go on at once.
    Woken,
    /// What an action owed has come to its end.
    Ended {
        /// The path of its step.
        step: String,
        /// Which try it was.
        attempt: u32,
        /// How it ended.
        end: End,
    },
    /// An event has come for which it may wait.
    Event {
        /// The event.
        id: EventId,
        /// What is known of it.
        told: Box<Told>,
    },
    /// Somebody has answered a question. That they may, the caller has seen to; that they are not who caused the run
    /// is seen to here.
    Decided {
        /// The path of the step.
        step: String,
        /// Which question of the step it was.
        attempt: u32,
        /// Yes or no.
        approved: bool,
        /// Who.
        by: Person,
    },
    /// Somebody ends it.
    Cancelled {
        /// Who; nobody where another run takes its turn.
        by: Option<Person>,
    },
    /// Somebody sets it going again, after it was over.
    Retry {
        /// From this step on; without it, from the first that is not done.
        from: Option<String>,
        /// How often it had been set going when they asked for it: [`Run::attempt`].
        after: u32,
        /// Who.
        by: Person,
    },
    /// What its conditions look at is there, or could not be had, and why.
    Needed(Result<Vec<String>, String>),
}

/// How what was owed has ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// It is done.
    Done {
        /// What it came to.
        output: Value,
    },
    /// It was not done.
    Failed(Failure),
    /// Nobody knows whether it was done: why, in words.
    Unknown(String),
}

/// A run as it is now, and what is to be kept with it.
#[derive(Debug)]
pub struct Next {
    /// The run.
    pub run: Run,
    /// When it is to be woken, at the latest; without it, by nothing but what it waits for. It replaces what was said
    /// before.
    pub wake: Option<Timestamp>,
    /// Events for which it waits; they replace those before.
    pub awaits: Vec<EventName>,
    /// Whether it goes on at once: it is woken in a commit of its own.
    pub again: bool,
    /// Whether its conditions need the files that the event changes: they are fetched, and told by
    /// [`Happened::Needed`].
    pub needs_files: bool,
    /// Why what happened was not taken, where somebody is to be told.
    pub refused: Option<String>,
}

/// Moves a run by what has happened. `chance` gives a number from 0 to 1 for a purpose.
pub fn advance(
    workflow: &Workflow,
    run: Run,
    happened: Happened,
    hands: &mut dyn Hands,
    now: Timestamp,
    chance: &dyn Fn(&str) -> f64,
) -> Next {
    let mut drive = Drive::new(workflow, run, hands, now, chance);
    let refused = drive.take(happened).err();
    // Also where it was refused: the walk says what the run waits for.
    drive.go();
    drive.next(refused)
}

impl Drive<'_> {
    /// Puts what happened into the run. What does not fit it, since it is over or has gone on, changes nothing.
    fn take(&mut self, happened: Happened) -> Result<(), String> {
        match happened {
            Happened::Retry { from, after, by } => return self.set_going(from.as_deref(), after, &by),
            _ if self.run.status.is_over() => return Ok(()),
            Happened::Begun if self.run.status == Status::Queued => {
                self.run.status = Status::Running;
                self.run.began.get_or_insert(self.now);
                self.run.remember(self.now, "began");
            }
            Happened::Begun | Happened::Woken => {}
            Happened::Ended { step, attempt, end } => self.ended(&step, attempt, end),
            Happened::Event { id, told } => {
                if id != self.run.event && !self.run.steps.values().any(|step| step.event == Some(id)) {
                    self.arrived = Some((id, *told));
                }
            }
            Happened::Decided { step, attempt, approved, by } => return self.decided(&step, attempt, approved, by),
            Happened::Cancelled { by } => self.cancel(by.as_ref()),
            Happened::Needed(files) => self.needed(files),
        }
        Ok(())
    }

    fn needed(&mut self, files: Result<Vec<String>, String>) {
        if self.run.told.files_changed.is_some() {
            return;
        }
        let files = match files {
            Ok(files) => match bounded(json!(files), MOST_OF_FILES) {
                (files, false) => files,
                (_, true) => json!({ "error": "the names of the files that it changes are more than is kept" }),
            },
            Err(why) => json!({ "error": why }),
        };
        self.run.told.files_changed = Some(files);
        self.renew_scope();
        if self.run.status != Status::Needs {
            return;
        }
        let judged = judge(self.workflow, &self.run.told, self.now);
        match judged.map(|(_, judged)| judged.verdict) {
            Some(Verdict::Holds) => self.run.status = Status::Queued,
            Some(Verdict::Failed(why)) => {
                self.run.remember(self.now, format!("its conditions could not be judged: {why}"));
                self.run.status = Status::Running;
                self.fail("trigger", why);
            }
            Some(_) | None => {
                self.run.remember(self.now, "its conditions do not hold");
                self.end(Status::PassedOver);
            }
        }
    }

    fn fail(&mut self, step: &str, message: String) {
        self.run.worked = 0;
        self.run.failure = Some(RunFailure { step: step.to_owned(), message });
    }

    pub(super) fn end(&mut self, status: Status) {
        self.run.status = status;
        self.run.ended = Some(self.now);
        self.run.works_since = None;
        if status == Status::Done {
            // What was done after an earlier failure is done no more.
            self.run.steps.retain(|_, step| step.state != State::Reset);
        }
        if status != Status::PassedOver {
            self.run.remember(self.now, status.as_str());
        }
    }

    /// Counts for how long it has worked, and ends what has worked for too long.
    fn watch(&mut self) {
        if let Some(since) = self.run.works_since.take() {
            let worked = u64::try_from(self.now.since(since).as_millis()).unwrap_or(u64::MAX);
            self.run.worked = self.run.worked.saturating_add(worked);
        }
        if u128::from(self.run.worked) < self.workflow.timeout.as_millis() {
            return;
        }
        let why = format!("the run has worked for {}, which is all that it may", shown(self.workflow.timeout));
        let step = self.withdraw_all(&why).unwrap_or_else(|| "timeout".to_owned());
        self.run.remember(self.now, why.clone());
        if self.run.failure.is_some() {
            self.end(Status::Failed);
        } else {
            self.fail(&step, why);
        }
    }

    fn next(self, refused: Option<String>) -> Next {
        let Self { mut run, now, mut wake, events: awaits, again, works, needs_files, workflow, .. } = self;
        let needs_files = needs_files && !run.status.is_over();
        if run.status.is_under_way() {
            let is_working = works || again || needs_files;
            run.status = if is_working { Status::Running } else { Status::Waiting };
            run.works_since = is_working.then_some(now);
        }
        if run.works_since.is_some() {
            let spent = std::time::Duration::from_millis(run.worked);
            let end = now.after(workflow.timeout.saturating_sub(spent));
            wake = Some(wake.map_or(end, |wake| wake.min(end)));
        }
        Next { wake, awaits, again, needs_files, refused, run }
    }
}

/// Whether a step is where it waits for a try.
fn is_tried(state: &State) -> bool {
    matches!(
        state,
        State::Pausing { .. } | State::Owed { .. } | State::Tried | State::Lost | State::Unknown { .. } | State::Reset
    )
}
