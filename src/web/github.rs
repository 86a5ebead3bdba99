//! GitHub's webhook: verify, decode, store, answer. GitHub waits ten seconds and sends nothing twice by itself.
//!
//! What a program posts in GitHub's place comes by `api/github.rs`, which takes bodies as they are taken here.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::channels::github::TURN_ON;
use crate::channels::github::decode::{DELIVERY_HEADER, EVENT_HEADER, MOST_BYTES, Me, decode};
use crate::channels::github::verify::{SIGNATURE_HEADER, Unauthentic, Verifier};
use crate::domain::event::ChannelName;
use crate::web::problem::Problem;
use crate::web::{Shared, edge};

/// Bodies longer than those of all other platforms that are in memory at one time: nobody is known before a body is whole.
const LARGE_AT_ONCE: usize = 4;

/// GitHub's part of the edge.
pub struct Edge {
    /// Believes webhooks; none where GitHub is off.
    verifier: Option<Verifier>,
    me: Arc<ArcSwap<Me>>,
    large: Semaphore,
}

impl Edge {
    /// Takes what `verifier` believes; `me` is as whom the bot is known there, of which more may be learnt later.
    #[must_use]
    pub fn new(verifier: Option<Verifier>, me: Arc<ArcSwap<Me>>) -> Self {
        Self { verifier, me, large: Semaphore::new(LARGE_AT_ONCE) }
    }

    /// Whether GitHub is on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.verifier.is_some()
    }

    /// As whom the bot is known there.
    pub(super) fn me(&self) -> Arc<Me> {
        self.me.load_full()
    }

    /// The body, with the place that a long one takes.
    pub(super) async fn body(
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

/// That the body says to be JSON.
pub(super) fn is_json(headers: &HeaderMap, mend: &str) -> Result<(), Problem> {
    let content_type = edge::text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    if content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("the body is not JSON: {mend}")))
}

/// A delivery.
///
/// # Errors
/// As the contract says: 400, 401, 413, 415, 429, 503.
pub async fn receive(State(state): State<Shared>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let github = &state.github;
    let Some(verifier) = &github.verifier else {
        return Err(Problem::unavailable(format!("github is off: {TURN_ON}")));
    };
    let unauthentic = |reason: Unauthentic| {
        state.metrics.unauthentic(ChannelName::GitHub, &reason.to_string());
        Problem::unauthentic()
    };
    // What nobody has signed takes no place of what GitHub sends.
    Verifier::look(edge::text(&headers, SIGNATURE_HEADER)).map_err(unauthentic)?;
    let (body, _place) = github.body(&state, &headers, body).await?;
    let proof = verifier.verify(edge::text(&headers, SIGNATURE_HEADER), &body).map_err(unauthentic)?;
    is_json(&headers, "choose the content type application/json for the webhook")?;
    let named = |name| edge::text(&headers, name);
    let told = decode(named(EVENT_HEADER), named(DELIVERY_HEADER), &body, &github.me(), proof);
    let told = told.map_err(|malformed| Problem::malformed(malformed.to_string()))?;
    let admitted = state.intake.admit(&told.event).await?;
    state.intake.accept_parts(admitted.tenant, admitted.id, told.event, told.commands).await?;
    Ok(StatusCode::OK.into_response())
}
