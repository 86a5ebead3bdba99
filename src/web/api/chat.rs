//! The terminal's way in and out: a line or a press, and the cards that answer it.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::once;
use crate::channels::Delivery;
use crate::channels::terminal;
use crate::domain::card::Card;
use crate::domain::event::{ChannelName, EventKind};
use crate::domain::ids::{EffectId, TenantId};
use crate::store::View;
use crate::store::keyspace::effect;
use crate::store::keyspace::event::{End, Story};
use crate::web::Shared;
use crate::web::problem::Problem;

/// How long a line waits for its answers; those that come later are shown with the next line.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest line.
const LONGEST_LINE: usize = 100_000;

/// What a person at this machine says or presses.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Say {
    /// The user of the machine.
    pub user: String,
    /// The same number for the same line, however often it is sent; an `Idempotency-Key` stands before it.
    #[serde(default)]
    pub delivery: String,
    /// The line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Or the token of a button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// And what was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<String>,
}

/// What a person at this machine is shown.
#[derive(Debug, Serialize, Deserialize)]
pub struct Said {
    /// The event that the line became.
    pub event: String,
    /// The cards, in order.
    pub cards: Vec<Card>,
    /// Whether it has ended.
    pub ended: bool,
    /// How; none where it has not, or where the line was sent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<End>,
}

/// The body, as a JSON Schema.
pub(super) fn schema() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "type": "object", "additionalProperties": false, "required": ["user"],
        "properties": {
            "user": { "type": "string", "description": "the user of the machine", "pattern": "^[\\p{L}\\p{N}_.@-]{1,64}$" },
            "delivery": text("the same for the same line, however often it is sent; or the header Idempotency-Key"),
            "line": { "type": "string", "description": "what is said", "maxLength": LONGEST_LINE },
            "token": text("or the token of the button that is pressed"),
            "choice": text("and what was chosen"),
        },
        "oneOf": [{ "required": ["line"] }, { "required": ["token"] }],
    })
}

fn kind(say: &Say) -> Result<EventKind, Problem> {
    match (&say.line, &say.token) {
        (Some(line), None) if line.len() > LONGEST_LINE => {
            Err(Problem::malformed(format!("line: at most {LONGEST_LINE} bytes fit")))
        }
        (Some(line), None) => Ok(EventKind::Command { line: line.clone() }),
        (None, Some(token)) => {
            Ok(EventKind::CardAction { token: token.clone(), choice: say.choice.clone(), message: None })
        }
        _ => Err(Problem::malformed("either `line` or `token` is needed")),
    }
}

/// Takes a line or a press and waits for its answers.
pub(super) async fn say(
    State(state): State<Shared>,
    headers: HeaderMap,
    Json(say): Json<Say>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let kind = kind(&say)?;
    let delivery = once::key_of(&headers)?.unwrap_or(&say.delivery);
    if delivery.is_empty() {
        return Err(Problem::malformed(format!("`delivery` or the header {} is needed", once::HEADER)));
    }
    let fits = |c: char| c.is_alphanumeric() || "-_.@".contains(c);
    if say.user.is_empty() || say.user.len() > 64 || !say.user.chars().all(fits) {
        return Err(Problem::malformed("user: 1 to 64 letters, digits, `-`, `_`, `.` or `@` are needed"));
    }
    let tenant = TenantId::default_tenant();
    let id = state.inbox.next_id().await?;
    let mut cards = state.terminal.connect(&say.user, Some(id));
    let ended = state.settlements.wait_for(id);
    let incoming = terminal::incoming(&say.user, delivery, kind);
    let view = state.inbox.store().view(&tenant);
    let accepted = state.intake.accept(tenant, id, incoming).await?;
    state.inside.nudge(ChannelName::Terminal, terminal::address(&say.user).conversation());
    let Gathered { shown, ended, state } = gather(&mut cards, ended, accepted.id(), &view).await;
    let cards: Vec<Card> = shown.into_iter().map(|delivery| delivery.card).collect();
    // What goes on is not its answer yet: asked again, it may be.
    let status = if ended { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(json!(Said { event: accepted.id().to_string(), cards, ended, state }))))
}

/// What came of a line until its answers were there, or for as long as it is waited for.
struct Gathered {
    shown: Vec<Delivery>,
    ended: bool,
    state: Option<End>,
}

/// Whether an effect is an answer at the terminal, and no message elsewhere that is changed with it. One that cannot be read
/// is waited for.
fn is_shown_here(view: &View, id: EffectId) -> bool {
    let terminal = ChannelName::Terminal;
    match effect::owed(view, id) {
        Ok(Some(owed)) => owed.value.address().channel == terminal,
        Ok(None) => match effect::receipt(view, id) {
            Ok(Some(receipt)) => receipt.to.starts_with(terminal.as_str()),
            Ok(None) | Err(_) => true,
        },
        Err(_) => true,
    }
}

async fn gather(
    cards: &mut tokio::sync::mpsc::Receiver<Delivery>,
    ended: tokio::sync::oneshot::Receiver<Story>,
    id: crate::domain::ids::EventId,
    view: &View,
) -> Gathered {
    let deadline = Instant::now() + PATIENCE;
    let mut shown: Vec<Delivery> = Vec::new();
    let mut owed: Option<usize> = None;
    let mut state = None;
    tokio::pin!(ended);
    loop {
        let answers = shown.iter().filter(|delivery| delivery.answers == Some(id)).count();
        if owed.is_some_and(|owed| answers >= owed) {
            return Gathered { shown, ended: true, state };
        }
        tokio::select! {
            story = &mut ended, if owed.is_none() => {
                state = story.as_ref().ok().map(|story| story.end);
                // Who is not told, because the line was sent before, is shown what still comes.
                owed = Some(story.map_or(0, |story| story.effects.iter().filter(|id| is_shown_here(view, **id)).count()));
            }
            Some(delivery) = cards.recv() => shown.push(delivery),
            () = sleep_until(deadline) => return Gathered { shown, ended: false, state },
        }
    }
}
