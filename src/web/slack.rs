//! Slack's webhooks: verify, decode, store, answer; and the answer of a slash command in the HTTP answer
//! itself, where it is ready in time.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::channels::slack::decode::{DecodeError, Decoded, decode, is_probe};
use crate::channels::slack::inline::InlineAnswer;
use crate::channels::slack::verify::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use crate::domain::event::{ChannelName, EventKind, Incoming};
use crate::domain::ids::EventId;
use crate::ledger::inbox::Accepted;
use crate::web::problem::Problem;
use crate::web::written::WrittenBody;
use crate::web::{Shared, SlackEdge, edge};

/// Every kind of request is taken at every one of Slack's paths.
///
/// # Errors
/// As the contract says: 400, 401, 413, 415, 429, 503.
pub async fn receive(State(state): State<Shared>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let arrived = Instant::now();
    let Some(slack) = &state.slack else {
        return Err(Problem::unavailable("slack is off: set SLACK_SIGNING_SECRET and SLACK_BOT_TOKEN"));
    };
    let body = edge::body(&headers, body, state.max_body, state.body_patience).await?;
    let content_type = edge::text(&headers, header::CONTENT_TYPE.as_str());
    if is_probe(content_type, &body) {
        return Ok(StatusCode::OK.into_response());
    }
    let (timestamp, signature) = (edge::text(&headers, TIMESTAMP_HEADER), edge::text(&headers, SIGNATURE_HEADER));
    let now = state.inbox.clock().now();
    let proof = slack.verifier.verify(now, timestamp, signature, &body).map_err(|reason| {
        state.metrics.unauthentic(ChannelName::Slack, &reason.to_string());
        Problem::unauthentic()
    })?;
    match decode(content_type, &body, &proof) {
        Ok(Decoded::Challenge(challenge)) => Ok(challenge.into_response()),
        Ok(Decoded::Probe) => Ok(StatusCode::OK.into_response()),
        Ok(Decoded::Event(incoming)) => accept(&state, slack, *incoming, arrived).await,
        Err(DecodeError::Malformed(what)) => Err(Problem::malformed(what)),
        Err(DecodeError::WrongType) => {
            let what = "the body is neither a form nor JSON, as its content type says";
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, what))
        }
    }
}

async fn accept(state: &Shared, slack: &SlackEdge, incoming: Incoming, arrived: Instant) -> Result<Response, Problem> {
    let now = state.inbox.clock().now();
    let (workspace, organisation) = (&incoming.installation, incoming.organisation.as_deref());
    state.limit.count(ChannelName::Slack, workspace, now).map_err(Problem::too_many)?;
    let tenant = state.inside.tenant_of(ChannelName::Slack, workspace, organisation);
    let is_slash = matches!(incoming.kind, EventKind::Command { .. })
        && incoming.reply.as_ref().is_some_and(|reply| reply.route.is_some());
    let id = state.inbox.next_id().await?;
    let place = is_slash.then(|| Place { receiver: slack.inline.wait_for(id), slack, id });
    let accepted = state.accept(tenant, id, incoming).await?;
    match place {
        Some(place) if matches!(accepted, Accepted::New { .. }) => Ok(answer(place, arrived).await),
        _ => Ok(StatusCode::OK.into_response()),
    }
}

/// A place for the answer to a command, which is taken away when nobody waits there any more: also where Slack hangs
/// up before.
struct Place<'a> {
    receiver: oneshot::Receiver<InlineAnswer>,
    slack: &'a SlackEdge,
    id: EventId,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.slack.inline.give_up(self.id);
    }
}

/// Waits for the command's answer as long as Slack's three seconds allow.
async fn answer(mut place: Place<'_>, arrived: Instant) -> Response {
    let answer = match timeout_at(arrived + place.slack.inline_answer, &mut place.receiver).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(_)) => None,
        Err(_) => {
            place.slack.inline.give_up(place.id);
            // It may have been put there between the timeout and now.
            place.receiver.close();
            place.receiver.try_recv().ok()
        }
    };
    match answer {
        Some(InlineAnswer { body, written }) => {
            let body = Body::new(WrittenBody::new(body, written));
            ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
        }
        None => Bytes::new().into_response(),
    }
}
