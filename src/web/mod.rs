//! The HTTP edge: webhooks, API, health and metrics.
//!
//! A webhook answers 2xx when its event is on disk, and not before; what the event means is decided
//! behind it. Nothing here knows an actor: what the edge needs of the rest of the program stands in
//! [`inside::Inside`]. A new route is a function in the file of its noun and a line in [`routes`].

pub mod api;
pub mod auth;
pub mod edge;
pub mod github;
pub mod health;
pub mod inside;
pub mod metrics;
pub mod problem;
pub mod server;
pub mod slack;
pub mod slack_install;
pub mod task_page;
pub mod teams;
pub mod webhook;
pub mod written;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::channels::github::WEBHOOK_PATH;
use crate::channels::slack::manifest;
use crate::channels::teams::manifest::MESSAGES_PATH;
use crate::channels::terminal::TerminalChannel;
use crate::config::secrets::Secrets;
use crate::domain::task::link::TaskLinks;
use crate::ledger::inbox::Inbox;
use crate::ledger::intake::Intake;
use crate::ledger::limit::Limit;
use crate::ledger::settled::Settlements;
use crate::web::inside::Inside;
use crate::web::metrics::WebMetrics;

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
    pub slack: Option<slack::Edge>,
    /// The links to tasks, where there are any.
    pub links: Option<TaskLinks>,
    /// How people call the bot in Slack.
    pub slack_command: String,
    /// Teams, where it is on.
    pub teams: Option<teams::Edge>,
    /// GitHub, on or off.
    pub github: github::Edge,
    /// The workflows in use.
    pub workflows: Arc<crate::workflow::set::Live>,
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
        .route(WEBHOOK_PATH, post(github::receive))
        .route(webhook::PATH, post(webhook::receive))
        .route(task_page::PATHS[0], get(task_page::show))
        .route(task_page::PATHS[1], get(task_page::show))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::page))
        .nest("/api/v1", api::routes(state.clone()))
        .fallback(problem::unknown_path)
        .method_not_allowed_fallback(problem::wrong_method)
        .layer(DefaultBodyLimit::max(limit))
        .with_state(state)
}
