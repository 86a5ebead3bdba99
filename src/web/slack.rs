//! Slack's webhooks: verify, decode, store, answer; and the answer of a slash command in the HTTP answer
//! itself, where it is ready in time. Forms are opened and looked at from here, behind no queue.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::channels::inline::{InlineAnswers, Seat};
use crate::channels::slack::TURN_ON;
use crate::channels::slack::decode::{Asking, DecodeError, Decoded, awaits_its_answer, decode, is_probe};
use crate::channels::slack::forms::FormDesk;
use crate::channels::slack::verify::{SIGNATURE_HEADER, TIMESTAMP_HEADER, Verifier};
use crate::domain::event::{ChannelName, Incoming};
use crate::ledger::inbox::Accepted;
use crate::ledger::intake::Admitted;
use crate::web::problem::Problem;
use crate::web::slack_install::Desk;
use crate::web::written::{inline, json};
use crate::web::{Shared, edge};

/// Slack's part of the edge; absent where Slack is off.
pub struct Edge {
    /// Checks signatures; none where Slack comes by socket alone.
    pub verifier: Option<Verifier>,
    /// Callers of slash commands who still wait.
    pub inline: Arc<InlineAnswers>,
    /// How long the HTTP answer waits for the command's answer.
    pub inline_answer: Duration,
    /// Opens forms and looks at those that were sent.
    pub forms: Arc<FormDesk>,
    /// Where browsers connect workspaces; none without a client of OAuth.
    pub desk: Option<Desk>,
}

/// Every kind of request is taken at every one of Slack's paths.
///
/// # Errors
/// As the contract says: 400, 401, 413, 415, 429, 503.
pub async fn receive(State(state): State<Shared>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let arrived = Instant::now();
    let Some(slack) = &state.slack else {
        return Err(Problem::unavailable(format!("slack is off: {TURN_ON}")));
    };
    let Some(verifier) = &slack.verifier else {
        return Err(Problem::unavailable("slack comes by socket; set SLACK_SIGNING_SECRET to take requests as well"));
    };
    let body = edge::body(&headers, body, state.max_body, state.body_patience).await?;
    let content_type = edge::text(&headers, header::CONTENT_TYPE.as_str());
    if is_probe(content_type, &body) {
        return Ok(StatusCode::OK.into_response());
    }
    let (timestamp, signature) = (edge::text(&headers, TIMESTAMP_HEADER), edge::text(&headers, SIGNATURE_HEADER));
    let now = state.inbox.clock().now();
    let proof = verifier.verify(now, timestamp, signature, &body).map_err(|reason| {
        state.metrics.unauthentic(ChannelName::Slack, &reason.to_string());
        Problem::unauthentic()
    })?;
    match decode(content_type, &body, &proof) {
        Ok(Decoded::Challenge(challenge)) => Ok(challenge.into_response()),
        Ok(Decoded::Probe) => Ok(StatusCode::OK.into_response()),
        Ok(Decoded::Event(incoming)) => accept(&state, slack, *incoming, None, arrived).await,
        Ok(Decoded::Asking(incoming, asking)) => accept(&state, slack, *incoming, Some(*asking), arrived).await,
        Err(DecodeError::Malformed(what)) => Err(Problem::malformed(what)),
        Err(DecodeError::WrongType) => {
            let what = "the body is neither a form nor JSON, as its content type says";
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, what))
        }
    }
}

async fn accept(
    state: &Shared,
    slack: &Edge,
    mut incoming: Incoming,
    asking: Option<Asking>,
    arrived: Instant,
) -> Result<Response, Problem> {
    if let Some(mistakes) = slack.forms.mistakes(&incoming, asking.as_ref(), state.inbox.clock().now()) {
        return Ok(json(mistakes));
    }
    let showing = asking.and_then(|asking| slack.forms.asked_for(&asking, &mut incoming));
    let Admitted { tenant, id } = state.intake.admit(&incoming).await?;
    let seat = awaits_its_answer(&incoming).then(|| Seat::new(&slack.inline, id));
    let accepted = state.intake.accept(tenant, id, incoming).await?;
    if let (Some(showing), Accepted::New { .. } | Accepted::Ignored { .. }) = (showing, &accepted) {
        slack.forms.show(showing);
    }
    let answer = match seat {
        Some(seat) if matches!(accepted, Accepted::New { .. }) => seat.answer(arrived + slack.inline_answer).await,
        _ => return Ok(StatusCode::OK.into_response()),
    };
    Ok(match answer {
        Some(answer) => inline(answer),
        None => Bytes::new().into_response(),
    })
}
