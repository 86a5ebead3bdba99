//! Search at the edge: what somebody looks for is an event like any other, and its end is the answer of the request. So is
//! a link that somebody pastes, which looks for one task.
//!
//! Whether they may look is decided behind, with the event, and audited there. Texts of people about it stand here.

use std::time::Duration;

use axum::response::Response;
use jiff::civil::Date;
use tokio::time::{Instant, timeout_at};

use super::forms::note;
use crate::channels::teams::search;
use crate::commands::search as searches;
use crate::domain::event::Incoming;
use crate::domain::ids::{EventId, TenantId};
use crate::domain::search::Sought;
use crate::ledger::intake::Admitted;
use crate::store::keyspace::event::{self, End, Story};
use crate::tools::due;
use crate::web::Shared;
use crate::web::problem::Problem;
use crate::web::written::json;

/// How long who looks waits for what is found. Teams gives up after 5 s (its document on search commands).
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// What is said of a search that is of no table.
const UNKNOWN: &str = "This search is not known here. `help` says what can be asked.";
/// What is said where Teams does not say who looks: it describes people of conversations in which the bot is, and whom the
/// bot has seen lately it knows elsewhere too.
const UNIDENTIFIED: &str =
    "Teams does not tell the bot who you are here. Write to it in your own chat with it, and try again.";
/// What is said where it is not found in time.
const TOO_LONG: &str = "Looking takes longer than it should. Type on, or try again.";

/// Answers with what is found, or says why nothing is.
pub(super) async fn look(
    state: &Shared,
    mut incoming: Incoming,
    sought: &Sought,
    arrived: Instant,
) -> Result<Response, Problem> {
    let Some(call) = searches::call(sought) else {
        incoming.reply = None;
        note(state, incoming, arrived).await;
        return Ok(json(search::say(UNKNOWN)));
    };
    incoming.kind = call;
    match asked(state, incoming, arrived).await? {
        Asked { tenant, id, story: Some(story) } => answer(state, &tenant, id, &story),
        _ => Ok(json(search::say(TOO_LONG))),
    }
}

/// Answers with what stands below a link. Whoever pastes one has asked nothing in words, so nothing is said where there is
/// nothing to show: the link is none of ours, the task is not there, they may not see it, or it takes too long.
pub(super) async fn below(
    state: &Shared,
    mut incoming: Incoming,
    link: &str,
    arrived: Instant,
) -> Result<Response, Problem> {
    let Some(task) = state.links.as_ref().and_then(|links| links.task(link)) else {
        incoming.reply = None;
        note(state, incoming, arrived).await;
        return Ok(json(search::show_link(None)));
    };
    incoming.kind = searches::show(task);
    let Asked { tenant, story, .. } = asked(state, incoming, arrived).await?;
    let found = match story.filter(|story| story.end == End::Done) {
        Some(_) => searches::linked(&state.inbox.store().view(&tenant), task, today(state))?,
        None => None,
    };
    Ok(json(search::show_link(found.as_ref())))
}

/// A question that is an event, and how it has ended; nothing where that takes too long.
struct Asked {
    tenant: TenantId,
    id: EventId,
    story: Option<Story>,
}

async fn asked(state: &Shared, incoming: Incoming, arrived: Instant) -> Result<Asked, Problem> {
    let asked = incoming.clone();
    let Admitted { tenant, id } = state.intake.admit(&incoming).await?;
    let ended = state.settlements.wait_for(id);
    let accepted = state.intake.accept(tenant.clone(), id, incoming).await?;
    let story = if accepted.id() == id {
        timeout_at(arrived + ANSWER_WITHIN, ended).await.ok().and_then(Result::ok)
    } else {
        earlier(state, &tenant, accepted.id(), &asked)?
    };
    Ok(Asked { tenant, id: accepted.id(), story })
}

fn today(state: &Shared) -> Date {
    due::day_of(state.inbox.clock().now())
}

/// The end of the same query that came before, where it has one.
fn earlier(state: &Shared, tenant: &TenantId, id: EventId, asked: &Incoming) -> Result<Option<Story>, Problem> {
    let view = state.inbox.store().view(tenant);
    let is_same = |what: &Incoming| what.kind == asked.kind && what.from == asked.from;
    match event::read(&view, id)? {
        Some(earlier) if is_same(&earlier.what) => Ok(event::story(&view, id)?),
        _ => Ok(None),
    }
}

fn answer(state: &Shared, tenant: &TenantId, id: EventId, story: &Story) -> Result<Response, Problem> {
    let body = match (story.end, &story.result) {
        (End::Done, Some(result)) => {
            search::show(&searches::found(&state.inbox.store().view(tenant), result, today(state))?)
        }
        (End::Denied, _) => search::say(&format!("You may not look for this here: {}", story.summary)),
        (End::Refused, Some(result)) if result["refused"].is_string() => {
            search::say(result["refused"].as_str().unwrap_or_default())
        }
        (End::Refused, _) => search::say(UNIDENTIFIED),
        _ => search::say(&format!("Something broke. An operator can look it up as incident {id}.")),
    };
    Ok(json(body))
}
