//! GitHub's webhook: verify, decode, store, answer. GitHub waits ten seconds and sends nothing twice by itself.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::channels::github::TURN_ON;
use crate::channels::github::decode::{DELIVERY_HEADER, EVENT_HEADER, MOST_BYTES, Me, decode};
use crate::channels::github::verify::{SIGNATURE_HEADER, Verifier};
use crate::domain::event::ChannelName;
use crate::web::problem::Problem;
use crate::web::{Shared, edge};

/// Bodies longer than those of all other platforms that are in memory at one time: nobody is known before a body is whole.
const LARGE_AT_ONCE: usize = 4;

/// GitHub's part of the edge; absent where GitHub is off.
pub struct Edge {
    verifier: Verifier,
    me: Arc<ArcSwap<Me>>,
    large: Semaphore,
}

impl Edge {
    /// Takes what `verifier` believes; `me` is as whom the bot is known there, of which more may be learnt later.
    #[must_use]
    pub fn new(verifier: Verifier, me: Arc<ArcSwap<Me>>) -> Self {
        Self { verifier, me, large: Semaphore::new(LARGE_AT_ONCE) }
    }

    /// The body, with the place that a long one takes.
    async fn body(
        &self,
        state: &Shared,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(Bytes, Option<SemaphorePermit<'_>>), Problem> {
        let stated = edge::text(headers, header::CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok());
        let patience = state.body_patience;
        if stated.is_some_and(|length: usize| length <= state.max_body) {
            return Ok((edge::body(headers, body, state.max_body, patience).await?, None));
        }
        let place = tokio::time::timeout(patience, self.large.acquire()).await;
        let place = place.ok().and_then(Result::ok);
        let place = place.ok_or_else(|| Problem::unavailable("several long bodies are being read; send it again"))?;
        Ok((edge::body(headers, body, MOST_BYTES.max(state.max_body), patience).await?, Some(place)))
    }
}

/// A delivery.
///
/// # Errors
/// As the contract says: 400, 401, 413, 415, 429, 503.
pub async fn receive(State(state): State<Shared>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let Some(github) = &state.github else {
        return Err(Problem::unavailable(format!("github is off: {TURN_ON}")));
    };
    let (body, _place) = github.body(&state, &headers, body).await?;
    let proof = github.verifier.verify(edge::text(&headers, SIGNATURE_HEADER), &body).map_err(|reason| {
        state.metrics.unauthentic(ChannelName::GitHub, &reason.to_string());
        Problem::unauthentic()
    })?;
    let content_type = edge::text(&headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    if !content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        let what = "the body is not JSON: choose the content type application/json for the webhook";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, what));
    }
    let named = |name| edge::text(&headers, name);
    let told = decode(named(EVENT_HEADER), named(DELIVERY_HEADER), &body, &github.me.load(), &proof);
    let told = told.map_err(|malformed| Problem::malformed(malformed.to_string()))?;
    let admitted = state.intake.admit(&told.event).await?;
    let tenant = admitted.tenant.clone();
    state.intake.accept(admitted.tenant, admitted.id, told.event).await?;
    // A delivery that breaks off between two of them was not answered: when it is sent again, each is known by itself.
    for command in told.commands {
        state.intake.accept_further(&tenant, command).await?;
    }
    Ok(StatusCode::OK.into_response())
}
