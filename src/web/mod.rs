//! The HTTP edge: webhooks, API, health and metrics.
//!
//! A webhook answers 2xx when its event is on disk, and not before; what the event means is decided
//! behind it. Nothing here knows an actor: what the edge needs of the rest of the program stands in
//! [`inside::Inside`]. A new route is a function in the file of its noun and a line in [`routes`].

pub mod api;
pub mod auth;
pub mod edge;
pub mod health;
pub mod inside;
pub mod limit;
pub mod metrics;
pub mod problem;
pub mod server;
pub mod slack;
pub mod written;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::channels::slack::inline::InlineAnswers;
use crate::channels::slack::manifest;
use crate::channels::slack::verify::Verifier;
use crate::channels::terminal::TerminalChannel;
use crate::config::secrets::Secrets;
use crate::domain::event::Incoming;
use crate::domain::ids::{EventId, TenantId};
use crate::ledger::inbox::{Accepted, Inbox};
use crate::ledger::settled::Settlements;
use crate::store::StoreError;
use crate::web::inside::Inside;
use crate::web::limit::Limit;
use crate::web::metrics::WebMetrics;

/// Slack's part of the edge; absent where Slack is off.
pub struct SlackEdge {
    /// Checks signatures.
    pub verifier: Verifier,
    /// Callers of slash commands who still wait.
    pub inline: Arc<InlineAnswers>,
    /// How long the HTTP answer waits for the command's answer.
    pub inline_answer: Duration,
}

/// What the routes share.
pub struct State {
    /// A number that no other process has.
    pub instance: String,
    /// Where events go.
    pub inbox: Inbox,
    /// Who waits for the end of an event.
    pub settlements: Settlements,
    /// The rest of the program.
    pub inside: Arc<dyn Inside>,
    /// Slack, where it is on.
    pub slack: Option<SlackEdge>,
    /// The terminal.
    pub terminal: Arc<TerminalChannel>,
    /// Who may use the API.
    pub admin: Secrets,
    /// The longest body.
    pub max_body: usize,
    /// How much one caller may send.
    pub limit: Limit,
    /// How long a body may take to arrive.
    pub body_patience: Duration,
    /// Figures of the edge, and the page of all figures.
    pub metrics: WebMetrics,
    /// Requests that are to be done once and are under way.
    pub under_way: api::UnderWay,
}

impl State {
    /// Puts something on disk and hands it on, whether or not the caller still waits: a connection that
    /// breaks between the two must not leave an event that nobody handles.
    ///
    /// # Errors
    /// Where it is not on disk.
    pub async fn accept(
        self: &Arc<Self>,
        tenant: TenantId,
        id: EventId,
        what: Incoming,
    ) -> Result<Accepted, StoreError> {
        let state = self.clone();
        let accepting = tokio::spawn(async move {
            let channel = what.channel;
            let accepted = state.inbox.accept(&tenant, id, what).await?;
            state.metrics.accepted(channel, &accepted);
            state.inside.accepted(&accepted);
            Ok(accepted)
        });
        accepting.await.unwrap_or_else(|error| Err(StoreError::Unusable(error.to_string())))
    }
}

/// What every route is given.
pub type Shared = Arc<State>;

/// All routes.
pub fn routes(state: Shared) -> Router {
    let limit = state.max_body;
    Router::new()
        .route(manifest::EVENTS_PATH, post(slack::receive))
        .route(manifest::COMMANDS_PATH, post(slack::receive))
        .route(manifest::INTERACTIONS_PATH, post(slack::receive))
        .route(manifest::OPTIONS_PATH, post(slack::receive))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::page))
        .nest("/api/v1", api::routes(state.clone()))
        .fallback(problem::unknown_path)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(DefaultBodyLimit::max(limit))
        .with_state(state)
}
