//! What a run reaches the world by: a trait that whoever moves a run implements.
//!
//! Owns the shape of what is asked for and what comes back, and nothing that acts. The implementation that runs
//! workflows performs tools and owes effects; that of `simulate.rs` makes up what they would come to.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::ids::TaskId;
use crate::domain::time::Timestamp;
use crate::workflow::action::Retry;
use crate::workflow::condition::Judged;
use crate::workflow::known;
use crate::workflow::run::Failure;
use crate::workflow::template::sink::Sink;

/// An action that is due.
#[derive(Debug)]
pub struct Act<'a> {
    /// The path of the step: with the attempt, what its report names.
    pub step: &'a str,
    /// Which try it is, from 1 on, over all times that the run was set going.
    pub attempt: u32,
    /// The name of the action.
    pub action: &'a str,
    /// What it is given, escaped for who reads it.
    pub args: &'a Map<String, Value>,
    /// The paths that it was filled from, each behind the name of its param.
    pub paths: &'a [(&'a str, String)],
    /// The task of which its texts speak, where a step of the run has made it.
    pub speaks_of: Option<TaskId>,
    /// Under which it is done once: the same for each try of the step.
    pub key: &'a str,
    /// Whether an earlier try has owed something under this key, which may have been done.
    pub again: bool,
    /// Whether the workflow itself says how it is tried again.
    pub has_retry: bool,
    /// How long one try may take, where a platform has to answer.
    pub timeout: Duration,
    /// What in its texts may not be meant.
    pub remarks: &'a [String],
}

/// What came of an action at once.
#[derive(Debug, Clone, PartialEq)]
pub enum Acted {
    /// It is done.
    Done {
        /// What it came to.
        output: Value,
        /// Whether the store is written by it: then nothing else is done before that is committed.
        has_written: bool,
        /// Whether it was not done but made up, as in a simulation.
        is_simulated: bool,
    },
    /// Effects are owed, whose end is told by `Happened::Ended`.
    Owed {
        /// From when on that is too late; without it, when the action's timeout is over.
        late: Option<Timestamp>,
        /// Whether another try under the same key does no harm where nothing is known of this one.
        may_repeat: bool,
        /// Whether the store is written beside.
        has_written: bool,
    },
    /// It was not done.
    Failed(Failure),
    /// Nobody knows whether it was done: why, in words.
    Unknown(String),
}

/// A question to people.
#[derive(Debug)]
pub struct Question<'a> {
    /// The path of the step.
    pub step: &'a str,
    /// Which question of the step it is, from 1 on: the answer names it.
    pub attempt: u32,
    /// What is asked.
    pub asks: Asks,
    /// Who may answer: the members of this group; without it, those who run the bot.
    pub group: Option<&'a str>,
    /// Of so many a yes is needed.
    pub min: u32,
    /// Whether who caused the run may not answer.
    pub exclude_requester: bool,
    /// The question.
    pub text: String,
    /// What is shown with it: a path and its value.
    pub shown: Vec<(String, String)>,
    /// Until when it is open.
    pub until: Timestamp,
}

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// May the run go on? The step is an approval.
    MayGoOn,
    /// Was it done? The answer to what was sent was lost. A no has it done again.
    WasItDone,
}

/// Who acts for a run.
pub trait Hands {
    /// Who reads a param of an action.
    fn sink(&self, action: &str, param: &str) -> Sink {
        known::sink(action, param)
    }

    /// How an action is tried again where the workflow does not say; nothing: not at all.
    fn retry(&self, action: &str) -> Option<Retry> {
        let _ = action;
        Some(Retry::default())
    }

    /// Does it. What was done under the same key is told again and not repeated.
    fn act(&mut self, act: &Act<'_>) -> Acted;

    /// Asks people.
    fn ask(&mut self, question: &Question<'_>);

    /// Takes back what is owed for a try, or the question that was asked: nobody waits for it any more.
    fn withdraw(&mut self, step: &str, attempt: u32);

    /// Hears what became of the conditions of a step.
    fn judged(&mut self, step: &str, judged: &Judged) {
        let _ = (step, judged);
    }
}
