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
pub mod metrics;
pub mod problem;
pub mod server;
pub mod slack;
pub mod slack_install;
pub mod teams;
pub mod written;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::channels::forms::Forms;
use crate::channels::inline::InlineAnswers;
use crate::channels::slack::forms::FormDesk;
use crate::channels::slack::manifest;
use crate::channels::slack::verify::Verifier;
use crate::channels::teams::hosts::Hosts;
use crate::channels::teams::manifest::MESSAGES_PATH;
use crate::channels::teams::verify as teams_verify;
use crate::channels::terminal::TerminalChannel;
use crate::config::secrets::Secrets;
use crate::domain::event::Incoming;
use crate::domain::ids::{EventId, TenantId};
use crate::ledger::inbox::{Accepted, Inbox};
use crate::ledger::intake::Intake;
use crate::ledger::limit::Limit;
use crate::ledger::settled::Settlements;
use crate::store::StoreError;
use crate::web::inside::Inside;
use crate::web::metrics::WebMetrics;

/// Slack's part of the edge; absent where Slack is off.
pub struct SlackEdge {
    /// Checks signatures; none where Slack comes by socket alone.
    pub verifier: Option<Verifier>,
    /// Callers of slash commands who still wait.
    pub inline: Arc<InlineAnswers>,
    /// How long the HTTP answer waits for the command's answer.
    pub inline_answer: Duration,
    /// Opens forms and looks at those that were sent.
    pub forms: Arc<FormDesk>,
    /// Where browsers connect workspaces; none without a client of OAuth.
    pub desk: Option<slack_install::Desk>,
}

/// Teams' part of the edge; absent where Teams is off.
pub struct TeamsEdge {
    /// Checks tokens.
    pub verifier: Arc<teams_verify::Verifier>,
    /// Which addresses of connectors are believed.
    pub hosts: Hosts,
    /// Entra tenants whose people are let in, in lower case.
    pub tenants: Vec<String>,
    /// Callers of presses who still wait.
    pub inline: Arc<InlineAnswers>,
    /// How long the HTTP answer waits for what a press does.
    pub inline_answer: Duration,
    /// What is asked about forms.
    pub forms: Arc<dyn Forms>,
}

/// What the routes share.
pub struct State {
    /// A number that no other process has.
    pub instance: String,
    /// Where events are.
    pub inbox: Inbox,
    /// The way in for them.
    pub intake: Intake,
    /// Who waits for the end of an event.
    pub settlements: Settlements,
    /// The rest of the program.
    pub inside: Arc<dyn Inside>,
    /// Slack, where it is on.
    pub slack: Option<SlackEdge>,
    /// Teams, where it is on.
    pub teams: Option<TeamsEdge>,
    /// The terminal.
    pub terminal: Arc<TerminalChannel>,
    /// Who may use the API.
    pub admin: Secrets,
    /// The longest body.
    pub max_body: usize,
    /// How much one caller may send.
    pub limit: Arc<Limit>,
    /// How long a body may take to arrive.
    pub body_patience: Duration,
    /// Figures of the edge, and the page of all figures.
    pub metrics: WebMetrics,
    /// Requests that are to be done once and are under way.
    pub under_way: api::UnderWay,
}

impl State {
    /// As [`Intake::accept`].
    ///
    /// # Errors
    /// Where it is not on disk.
    pub async fn accept(&self, tenant: TenantId, id: EventId, what: Incoming) -> Result<Accepted, StoreError> {
        self.intake.accept(tenant, id, what).await
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
        .route(manifest::INSTALL_PATH, get(slack_install::begin))
        .route(manifest::REDIRECT_PATH, get(slack_install::finish))
        .route(MESSAGES_PATH, post(teams::receive))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::page))
        .nest("/api/v1", api::routes(state.clone()))
        .fallback(problem::unknown_path)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(DefaultBodyLimit::max(limit))
        .with_state(state)
}
