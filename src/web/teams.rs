//! Teams' webhook: prove, decode, store, answer; and the answer of a press in the HTTP answer itself, where it is ready
//! in time. What is answered with a form is `teams/forms.rs`, with a list `teams/search.rs`, with a card as it is for who
//! looks `teams/look.rs`.

mod forms;
mod look;
mod search;
mod typing;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::channels::forms::Forms;
use crate::channels::inline::{InlineAnswers, Seat};
use crate::channels::teams::activity::Activity;
use crate::channels::teams::decode::{Answer, DecodeError, Decoded, decode};
use crate::channels::teams::deliver::invoke_text;
use crate::channels::teams::door::{Caller, Door};
use crate::channels::teams::search::{is_anonymous, show_link};
use crate::channels::teams::typing::Typing;
use crate::channels::teams::verify::Refused;
use crate::domain::event::ChannelName;
use crate::ledger::inbox::Accepted;
use crate::ledger::intake::Admitted;
use crate::web::problem::Problem;
use crate::web::server::Peer;
use crate::web::written::{inline, json};
use crate::web::{Shared, edge};

/// What who pressed a button is told where the outcome is not there in time.
const STILL_WORKING: &str = "Taken. The answer follows in this conversation.";
/// What they are told where the same press came before.
const KNOWN: &str = "This was taken before.";

/// Teams' part of the edge; absent where Teams is off.
pub struct Edge {
    /// Judges who is let in.
    pub door: Arc<Door>,
    /// Callers of presses who still wait.
    pub inline: Arc<InlineAnswers>,
    /// How long the HTTP answer waits for what a press does.
    pub inline_answer: Duration,
    /// Answers that are being made.
    pub typing: Arc<Typing>,
    /// What is asked about forms.
    pub forms: Arc<dyn Forms>,
}

/// An activity.
///
/// # Errors
/// As the contract says: 400, 401, 413, 415, 429, 503; and 403 and 501 as the Bot Framework has them.
pub async fn receive(
    State(state): State<Shared>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let arrived = Instant::now();
    let Some(teams) = &state.teams else {
        return Err(Problem::unavailable(format!("teams is off: {}", crate::channels::teams::TURN_ON)));
    };
    let body = edge::body(&headers, body, state.max_body, state.body_patience).await?;
    // Of two tokens nobody can say which is meant.
    let authorization = edge::text(&headers, header::AUTHORIZATION.as_str())
        .filter(|_| headers.get_all(header::AUTHORIZATION).iter().count() == 1);
    let refuse = |refused: Refused| refusal(&state, &refused);
    let caller = caller(peer, &headers);
    let entered = teams.door.enter(state.inbox.clock().now(), authorization, caller).await.map_err(refuse)?;
    let content_type = edge::text(&headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    if !content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        let what = "the body is not JSON, as its content type says";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, what));
    }
    let activity = Activity::read(&body).map_err(Problem::malformed)?;
    let service_url = activity.service_url.as_deref();
    let proof = entered.vouches_for(service_url, activity.channel_id.as_deref()).map_err(refuse)?;
    let service_url = service_url.and_then(|url| teams.door.connector(url));
    let service_url =
        service_url.ok_or_else(|| forbidden(&state, "its serviceUrl is on no host that may be sent to"))?;
    if is_anonymous(activity.name.as_deref()) {
        // Nobody is named in it, and nobody sees anything without a name: nothing is asked of anyone, and nothing is kept.
        return Ok(json(show_link(None)));
    }
    match decode(&activity, &body, &service_url, teams.door.admitted(), &proof) {
        Ok(decoded) => accept(&state, teams, decoded, arrived).await,
        Err(DecodeError::Malformed(what)) => Err(Problem::malformed(what)),
        Err(error @ (DecodeError::ForeignTenant | DecodeError::ForeignChannel)) => {
            Err(forbidden(&state, &error.to_string()))
        }
    }
}

/// Where a request comes from. A browser names the page that sends it, and a proxy whom it sends it for.
fn caller(peer: Option<Extension<Peer>>, headers: &HeaderMap) -> Caller<'_> {
    const OTHERS: [&str; 6] = ["origin", "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];
    Caller {
        peer: peer.map(|Extension(Peer(address))| address.ip()),
        host: edge::text(headers, header::HOST.as_str()),
        speaks_for_others: OTHERS.iter().any(|name| headers.contains_key(*name)),
    }
}

fn refusal(state: &Shared, refused: &Refused) -> Problem {
    match refused {
        Refused::Unauthentic(reason) => {
            state.metrics.unauthentic(ChannelName::Teams, &reason.to_string());
            Problem::unauthentic()
        }
        Refused::Forbidden(reason) => forbidden(state, &reason.to_string()),
        Refused::KeysUnavailable => {
            state.metrics.unauthentic(ChannelName::Teams, "the keys cannot be fetched");
            Problem::unavailable("the keys by which Teams signs cannot be fetched just now")
        }
    }
}

fn forbidden(state: &Shared, reason: &str) -> Problem {
    state.metrics.unauthentic(ChannelName::Teams, reason);
    Problem::new(StatusCode::FORBIDDEN, "it is not let in")
}

async fn accept(state: &Shared, teams: &Edge, decoded: Decoded, arrived: Instant) -> Result<Response, Problem> {
    let Decoded { incoming, answer } = decoded;
    match answer {
        Answer::Form(opened) => return Ok(forms::open(state, teams, incoming, &opened, arrived).await),
        Answer::Submitted { opened_by } => {
            return forms::submit(state, teams, incoming, opened_by.as_deref(), arrived).await;
        }
        Answer::Card { chosen } => return Ok(look::look(state, incoming, &chosen, arrived).await),
        Answer::Search(sought) => return search::look(state, incoming, &sought, arrived).await,
        Answer::Link(link) => return search::below(state, incoming, &link, arrived).await,
        Answer::Taken | Answer::Press | Answer::NotImplemented => {}
    }
    let Admitted { tenant, id } = state.intake.admit(&incoming).await?;
    let seat = (answer == Answer::Press).then(|| Seat::new(&teams.inline, id));
    let awaited = typing::awaited(state, teams, id, &incoming, arrived);
    let accepted = state.intake.accept(tenant, id, incoming).await?;
    typing::show(awaited, &accepted);
    Ok(match (answer, seat) {
        (Answer::NotImplemented, _) => StatusCode::NOT_IMPLEMENTED.into_response(),
        (Answer::Press, Some(seat)) if matches!(accepted, Accepted::New { .. }) => pressed(seat, teams, arrived).await,
        (Answer::Press, _) => json(invoke_text(KNOWN)),
        (_, _) => Bytes::new().into_response(),
    })
}

/// Waits for what the press does, far less than the 10 to 15 s after which Teams says that the bot does not answer.
async fn pressed(seat: Seat, teams: &Edge, arrived: Instant) -> Response {
    match seat.answer(arrived + teams.inline_answer).await {
        Some(answer) => inline(answer),
        None => json(invoke_text(STILL_WORKING)),
    }
}
