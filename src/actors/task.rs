//! What an event asks to be run: a line as a command, a token as what it was signed for, a ring as its timer.
//!
//! Owns which handler that is, and runs it. Whether it may run is the router's; what it decides is the handler's. A further
//! kind of thing that can be run is a variant of [`Task`].

use std::any::Any;
use std::panic::AssertUnwindSafe;

use crate::actors::runs::{self, Desk};
use crate::actors::sign::Signer;
use crate::actors::sync;
use crate::commands::{self, grammar};
use crate::domain::event::{Event, EventKind, MeetingPhase};
use crate::domain::outcome::{Failure, Outcome, Refusal};
use crate::domain::time::Timestamp;
use crate::tools::{self, Context};

/// What is to be run, once it is permitted.
pub(super) enum Task<'a> {
    /// A command, and the line that it was read from.
    Command {
        parsed: Box<grammar::Parsed>,
        line: String,
    },
    Tool {
        spec: &'static tools::ToolSpec,
        args: &'a serde_json::Value,
    },
    Timer {
        name: &'a str,
        payload: &'a serde_json::Value,
    },
    Home,
    Links {
        message: &'a str,
        links: &'a [String],
    },
    Look(commands::look::Look),
    Meeting {
        phase: MeetingPhase,
        id: &'a str,
    },
    Refuse {
        action: &'static str,
        refusal: Refusal,
    },
}

impl<'a> Task<'a> {
    /// What an event asks for. Those of platforms ask for nothing.
    pub(super) fn of(event: &'a Event, signer: &Signer, now: Timestamp) -> Self {
        match &event.what.kind {
            EventKind::Command { line } => Self::line(line),
            EventKind::CardAction { token, choice, .. } => match signer.check(&event.tenant, token, now) {
                Ok(claim) => Self::line(&with_choice(&claim.line, choice.as_deref())),
                Err(error) => Self::refuse(error.to_string(), "ask for a fresh card: `status` or `task list`"),
            },
            EventKind::CardSeen { token } => {
                let claim = signer.check(&event.tenant, token, now);
                // A button's token is no such token: who looks changes nothing.
                match claim.ok().and_then(|claim| commands::look::read(&claim.line)) {
                    Some(look) => Self::Look(look),
                    None => Self::refuse("this card was not made by this bot, or is too old", "ask for a fresh one"),
                }
            }
            EventKind::FormSubmitted { form, filled } => match commands::forms::line(form, filled) {
                Some(line) => Self::line(&line),
                None => Self::refuse("this form is not known here", "ask for a fresh one: `help` says how"),
            },
            EventKind::ToolCall { tool, args } => match tools::find(tool) {
                Ok(spec) => Self::Tool { spec, args },
                Err(refusal) => Self::Refuse { action: "help", refusal },
            },
            EventKind::HomeOpened => Self::Home,
            EventKind::LinksWritten { message, links } => Self::Links { message, links },
            EventKind::Meeting { phase, meeting: id } => Self::Meeting { phase: *phase, id },
            EventKind::TimerFired { name, payload } => Self::Timer { name, payload },
            EventKind::Platform { .. } | EventKind::Disconnected { .. } => {
                unreachable!("invariant: platform events are settled before")
            }
        }
    }

    fn line(line: &str) -> Self {
        match grammar::parse(line) {
            Ok(parsed) => Self::Command { parsed: Box::new(parsed), line: line.to_owned() },
            Err(refusal) => Self::Refuse { action: "help", refusal },
        }
    }

    fn refuse(what: impl Into<String>, mend: &str) -> Self {
        Self::Refuse { action: "help", refusal: Refusal::new(what, mend) }
    }

    /// What policies decide about.
    pub(super) fn action(&self) -> &'static str {
        match self {
            Self::Command { parsed, .. } => parsed.spec.action.name,
            Self::Tool { spec, .. } => spec.name,
            Self::Timer { name, .. } if runs::is_ours(name) => runs::ACTION,
            Self::Timer { name, .. } if sync::is_ours(name) => sync::ACTION,
            Self::Timer { .. } => "timer",
            Self::Home => commands::home::ACTION,
            Self::Links { .. } => commands::task_links::ACTION,
            Self::Look(_) => commands::look::ACTION,
            Self::Meeting { .. } => commands::meetings::ACTION.name,
            Self::Refuse { action, .. } => action,
        }
    }

    /// Runs the handler. Its panic is a failure of this event, not of the process.
    pub(super) fn run(&self, context: &Context<'_>, desk: &Desk<'_>) -> Result<Outcome, Failure> {
        let caught = std::panic::catch_unwind(AssertUnwindSafe(|| match self {
            Self::Command { parsed, .. } => (parsed.spec.run)(&parsed.matches, context),
            Self::Tool { spec, args } => (spec.run)((*args).clone(), context),
            Self::Timer { name, payload } if runs::is_ours(name) => runs::rang(name, payload, context, desk),
            Self::Timer { name, payload } if sync::is_ours(name) => sync::rang(name, payload, context, desk.sync),
            Self::Timer { name, payload } => commands::timers::timer_fired(name, payload, context),
            Self::Home => commands::home::opened(context),
            Self::Links { message, links } => commands::task_links::written(message, links, context),
            Self::Look(look) => commands::look::at(look, context),
            Self::Meeting { phase, id } => commands::meetings::told(*phase, id, context),
            Self::Refuse { refusal, .. } => Err(Failure::Refused(refusal.clone())),
        }));
        caught.unwrap_or_else(|panic| {
            let words = words(panic.as_ref());
            Err(Failure::Fault(anyhow::anyhow!("the handler of `{}` panicked: {words}", self.action())))
        })
    }
}

/// A choice stands in the line as one quoted word, whatever is in it.
fn with_choice(line: &str, choice: Option<&str>) -> String {
    match choice {
        Some(choice) => line.replace("{choice}", &commands::lexer::quote(choice)),
        None => line.to_owned(),
    }
}

/// What a panic said.
pub(super) fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}
