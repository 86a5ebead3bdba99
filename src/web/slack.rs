//! Slack's webhooks: verify, decode, store, answer; and the answer of a slash command in the HTTP answer
//! itself, where it is ready in time.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::channels::slack::decode::{DecodeError, Decoded, decode};
use crate::channels::slack::inline::InlineAnswer;
use crate::channels::slack::verify::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use crate::domain::event::{ChannelName, EventKind, Incoming};
use crate::ledger::inbox::Accepted;
use crate::web::problem::Problem;
use crate::web::written::WrittenBody;
use crate::web::{Shared, SlackEdge, edge};

/// Every kind of request is taken at every one of Slack's paths.
///
/// # Errors
/// As the contract says: 400, 401, 404, 413, 415, 503.
pub async fn receive(State(state): State<Shared>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let arrived = Instant::now();
    let Some(slack) = &state.slack else {
        return Err(Problem::not_found("slack is off: set SLACK_SIGNING_SECRET and SLACK_BOT_TOKEN"));
    };
    let body = edge::body(&headers, body, state.max_body, state.body_patience).await?;
    let (timestamp, signature) = (edge::text(&headers, TIMESTAMP_HEADER), edge::text(&headers, SIGNATURE_HEADER));
    let now = state.inbox.clock().now();
    let proof = slack.verifier.verify(now, timestamp, signature, &body).map_err(|reason| {
        state.metrics.unauthentic(ChannelName::Slack, &reason.to_string());
        Problem::unauthentic()
    })?;
    match decode(edge::text(&headers, header::CONTENT_TYPE.as_str()), &body, &proof) {
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
    let tenant = state.inside.tenant_of(ChannelName::Slack, &incoming.installation);
    let is_slash = matches!(incoming.kind, EventKind::Command { .. })
        && incoming.reply.as_ref().is_some_and(|reply| reply.route.is_some());
    let id = state.inbox.next_id().await?;
    let place = is_slash.then(|| slack.inline.wait_for(id));
    let accepted = state.accept(tenant, id, incoming).await;
    let accepted = match accepted {
        Ok(accepted) => accepted,
        Err(error) => {
            slack.inline.give_up(id);
            return Err(error.into());
        }
    };
    match (place, &accepted) {
        (Some(place), Accepted::New { .. }) => Ok(answer(slack, id, place, arrived).await),
        _ => {
            slack.inline.give_up(id);
            Ok(StatusCode::OK.into_response())
        }
    }
}

/// Waits for the command's answer as long as Slack's three seconds allow.
async fn answer(
    slack: &SlackEdge,
    id: crate::domain::ids::EventId,
    mut place: oneshot::Receiver<InlineAnswer>,
    arrived: Instant,
) -> Response {
    let answer = match timeout_at(arrived + slack.inline_answer, &mut place).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(_)) => None,
        Err(_) => {
            slack.inline.give_up(id);
            // It may have been put there between the timeout and now.
            place.close();
            place.try_recv().ok()
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
