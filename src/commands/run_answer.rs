//! `run answer`: answers a question of a run. People press a button that stands for it.

use clap::{Arg, ArgMatches, Command};
use serde_json::json;

use crate::commands::{CommandSpec, answer, everyday};
use crate::domain::approval::Approver;
use crate::domain::card::{Card, Tone};
use crate::domain::event::PlatformUser;
use crate::domain::ids::{PrincipalId, RunId};
use crate::domain::outcome::{Failure, Outcome, Refusal, Reply, TimerChange};
use crate::store::keyspace::run::{self, Question};
use crate::store::keyspace::{link, person};
use crate::store::{StoreError, View};
use crate::tools::Context;

/// Its line in the table.
pub const SPEC: CommandSpec = CommandSpec {
    words: &["run", "answer"],
    also: &[],
    action: everyday("run.answer"),
    about: "answer a question of a workflow's run",
    details: "Those who are asked get a card with buttons. Who caused the run may not answer where its workflow says so.",
    examples: &["run answer R-7 gate 1 yes"],
    arguments,
    run: decide,
};

fn arguments(command: Command) -> Command {
    command
        .arg(
            Arg::new("run")
                .required(true)
                .value_parser(|text: &str| text.parse::<RunId>())
                .help("the run, such as R-7"),
        )
        .arg(Arg::new("step").required(true).help("the step that asks"))
        .arg(Arg::new("question").required(true).value_parser(clap::value_parser!(u32)).help("which of its questions"))
        .arg(Arg::new("answer").required(true).value_parser(["yes", "no"]).help("yes or no"))
}

/// The line that a button stands for.
#[must_use]
pub fn line(run: RunId, step: &str, attempt: u32, is_yes: bool) -> String {
    let word = if is_yes { "yes" } else { "no" };
    format!("run answer {run} {} {attempt} {word}", crate::commands::lexer::quote(step))
}

fn decide(matches: &ArgMatches, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let run = *matches.get_one::<RunId>("run").expect("invariant: it is required");
    let step = matches.get_one::<String>("step").expect("invariant: it is required");
    let attempt = *matches.get_one::<u32>("question").expect("invariant: it is required");
    let is_yes = matches.get_one::<String>("answer").is_some_and(|word| word == "yes");
    let open = run::question(ctx.view, run, step, attempt)?.filter(|question| question.until > ctx.now);
    let over = || Refusal::new(format!("{run} has no such open question"), "it was answered, or its time is over");
    let question = open.ok_or_else(over)?;
    may_answer(&question, ctx)?;
    let by = ctx.person();
    let timer = TimerChange::Set {
        name: format!("run/{run}/decided/{attempt}/{}/{step}", by.id),
        at: ctx.now,
        payload: json!({"by": by.id, "name": by.name, "approved": is_yes}),
    };
    let said = format!("{}: {}", by.name, if is_yes { "yes" } else { "no" });
    let card =
        Card::new(format!("{run}, step {step}")).tone(if is_yes { Tone::Good } else { Tone::Warning }).text(said);
    let mut reply = Reply::everyone(card);
    reply.replaces = answer::pressed_message(ctx).map(str::to_owned);
    Ok(Outcome {
        resource: run.to_string(),
        summary: format!("answered {run}"),
        timers: vec![timer],
        replies: vec![reply],
        ..Outcome::default()
    })
}

/// Who a platform user is, by the links that they have made by now. Who has linked nothing is another person on each
/// platform.
///
/// # Errors
/// Where the store cannot be read.
pub fn person_of(view: &View, user: &PlatformUser) -> Result<PrincipalId, StoreError> {
    let own = person::record(view, user)?.map(|record| record.value.principal);
    link::resolve(view, &own.unwrap_or_else(|| PrincipalId(user.to_string().into())))
}

fn may_answer(question: &Question, ctx: &Context<'_>) -> Result<(), Failure> {
    let who = question.group.as_ref().map_or(Approver::Owner, |group| Approver::Group(group.clone()));
    if !who.is(ctx.by) {
        return Err(Refusal::new("you may not answer this", format!("ask {who} to do it")).into());
    }
    let excluded = question.excludes.as_ref().map(|user| person_of(ctx.view, user)).transpose()?;
    if excluded.as_ref() == Some(&ctx.by.id) {
        return Err(Refusal::new("who caused a run may not decide about it", format!("ask another of {who}")).into());
    }
    Ok(())
}
