//! What people type, as one table; help, usage, manifests and the docs page are made from it.
//!
//! A command is one file and two lines in the table. It reads its arguments, asks a function of
//! `tools/`, and answers with a card. It does not write, send or wait, and knows no platform.
//!
//! | file | owns |
//! |---|---|
//! | `lexer.rs` | a line as words |
//! | `grammar.rs`, `mistake.rs` | words as a command with its arguments; what is wrong with them, in people's words |
//! | `usage.rs` | usage lines and the page `docs/commands.md`, made from the table |
//! | `arguments.rs` | arguments that several commands take |
//! | `task_card.rs`, `answer.rs` | how a task looks; to whom an answer goes |
//! | `forms.rs` | forms, and the lines that they stand for |
//! | `home.rs` | the page that somebody has with the bot alone |
//! | `look.rs` | a task's card as it is for who looks at it |
//! | `task_links.rs` | what stands below links to tasks that somebody writes |
//! | `meetings.rs` | what a meeting has brought, told when it ends |
//! | `notices.rs`, `alerts.rs` | of what people are told unasked; of what owners are |
//! | `approval_card.rs` | how an approval looks, and who is told of it |
//! | `timers.rs` | what happens when a timer rings |
//! | all others | one command each |

pub mod agents_list;
pub mod agents_show;
mod alerts;
mod answer;
pub mod approval_card;
pub mod approvals;
pub mod approve;
mod arguments;
pub mod forms;
pub mod grammar;
pub mod help;
pub mod home;
pub mod lexer;
pub mod link;
pub mod look;
pub mod meetings;
mod mistake;
pub mod notices;
pub mod notifications;
pub mod pair;
pub mod pm_analyze;
pub mod reject;
pub mod run_answer;
pub mod search;
pub mod status;
pub mod status_dashboard;
pub mod task_assign;
pub mod task_card;
pub mod task_comment;
pub mod task_create;
pub mod task_done;
pub mod task_links;
pub mod task_list;
pub mod task_reopen;
pub mod task_show;
pub mod task_update;
pub mod team_status;
pub mod timers;
pub mod unlink;
pub mod usage;
pub mod whoami;
pub mod why;
pub mod withdraw;

use std::fmt;

use crate::domain::action::{ActionGroup, ActionSpec};
use crate::domain::outcome::{Failure, Outcome};
use crate::tools::{self, Context};

/// A further way to say a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saying {
    /// The words: `create task`.
    pub words: &'static str,
    /// Arguments that these words stand for: `--mine`.
    pub adds: &'static [&'static str],
}

/// Sayings that stand for a command and nothing more.
pub(crate) const fn also(words: &'static str) -> Saying {
    Saying { words, adds: &[] }
}

/// What a command does with its arguments.
pub type Run = fn(&clap::ArgMatches, &Context<'_>) -> Result<Outcome, Failure>;

/// One line of the table of commands.
pub struct CommandSpec {
    /// Its words: `task create`.
    pub words: &'static [&'static str],
    /// How people say it else.
    pub also: &'static [Saying],
    /// What policies decide about.
    pub action: ActionSpec,
    /// One line.
    pub about: &'static str,
    /// What else is to be known.
    pub details: &'static str,
    /// Whole lines that work.
    pub examples: &'static [&'static str],
    /// Adds its arguments.
    pub arguments: fn(clap::Command) -> clap::Command,
    /// Decides.
    pub run: Run,
}

impl CommandSpec {
    /// Its words as one text: `task create`.
    #[must_use]
    pub fn name(&self) -> String {
        self.words.join(" ")
    }
}

impl fmt::Debug for CommandSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommandSpec({})", self.name())
    }
}

/// Every command, in the order of help.
pub const TABLE: &[CommandSpec] = &[
    task_create::SPEC,
    task_list::SPEC,
    task_show::SPEC,
    task_update::SPEC,
    task_assign::SPEC,
    task_done::SPEC,
    task_reopen::SPEC,
    task_comment::SPEC,
    pm_analyze::SPEC,
    agents_list::SPEC,
    agents_show::SPEC,
    status::SPEC,
    status_dashboard::SPEC,
    team_status::SPEC,
    why::SPEC,
    help::SPEC,
    whoami::SPEC,
    link::SPEC,
    unlink::SPEC,
    notifications::SPEC,
    approvals::SPEC,
    approve::SPEC,
    reject::SPEC,
    withdraw::SPEC,
    run_answer::SPEC,
    pair::SPEC,
];

/// An everyday action.
pub(crate) const fn everyday(name: &'static str) -> ActionSpec {
    ActionSpec { name, group: ActionGroup::Everyday }
}

/// An action for whoever reaches the bot.
pub(crate) const fn open(name: &'static str) -> ActionSpec {
    ActionSpec { name, group: ActionGroup::Open }
}

/// Everything that can be asked of us, by command or by tool, each once, in the order of names.
#[must_use]
pub fn actions() -> Vec<ActionSpec> {
    let of_commands = TABLE.iter().map(|spec| spec.action);
    let of_tools = tools::TABLE.iter().map(tools::ToolSpec::action);
    let mut actions: Vec<ActionSpec> = of_commands.chain(of_tools).chain([tools::why::ANY, meetings::ACTION]).collect();
    actions.sort_by_key(|action| action.name);
    actions.dedup_by_key(|action| action.name);
    actions
}

#[cfg(test)]
mod tests;
