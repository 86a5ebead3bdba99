//! Cards that somebody looks at, at the edge: to look is an event like any other, and its end is the answer of the request.
//!
//! Nobody has asked for anything but their client, so nothing here may disturb them: what is not there in time, or not to
//! be had, leaves the card as it stands. Whether they may see the task is decided behind, with the event, and audited there.

use std::time::Duration;

use axum::response::Response;
use tokio::time::{Instant, timeout_at};

use crate::channels::teams::card;
use crate::domain::card::Card;
use crate::domain::event::{EventKind, Incoming};
use crate::ledger::intake::{Admitted, NotAdmitted};
use crate::store::keyspace::event::{End, Story};
use crate::web::Shared;
use crate::web::written::json;

/// How long a card may take. Teams waits for an invoke for 10 to 15 s, and shows the card as it was sent meanwhile.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// What stands in the place of a task for who may not see it.
const NOT_FOR_YOU: &str = "What stands here is not for you";

/// Answers with the card as it is for who looks.
pub(super) async fn look(state: &Shared, incoming: Incoming, chosen: &[String], arrived: Instant) -> Response {
    let EventKind::CardSeen { token } = &incoming.kind else { return json(card::left()) };
    let token = token.clone();
    let seen = match timeout_at(arrived + ANSWER_WITHIN, ended(state, incoming)).await {
        Ok(Ok(story)) => story.and_then(|story| card_of(story, token)),
        Ok(Err(error)) => {
            tracing::info!(%error, "a card is left as it stands: looking at it was not let in");
            None
        }
        Err(_) => None,
    };
    json(seen.map_or_else(card::left, |seen| card::seen(&seen, chosen)))
}

/// How it ended; nothing where the same came before, which has its answer.
async fn ended(state: &Shared, incoming: Incoming) -> Result<Option<Story>, NotAdmitted> {
    let Admitted { tenant, id } = state.intake.admit(&incoming).await?;
    let ended = state.settlements.wait_for(id);
    let accepted = state.intake.accept(tenant, id, incoming).await?;
    Ok(if accepted.id() == id { ended.await.ok() } else { None })
}

/// What is shown; nothing leaves the card as it stands. Who may not see the task sees nothing of it, until they may.
fn card_of(story: Story, token: String) -> Option<Card> {
    match story.end {
        End::Denied => Some(Card { refresh: Some(token), ..Card::new(NOT_FOR_YOU).text(story.summary) }),
        _ => story.shown,
    }
}
