//! `/api/v1`: REST for operators and programs, behind the admin token, or an API key that permits the route.
//!
//! Errors are problem+json, lists have cursors, and a POST with an `Idempotency-Key` is done once. A
//! new route is a function in the file of its noun, a line in `ROUTES` and a line in `routes`.

mod audit;
pub mod chat;
mod effects;
mod events;
mod github;
mod keys;
pub(super) mod once;
mod openapi;
mod operate;
mod route;
mod runs;
mod shadow;
mod tools;
mod why;
mod workflows;

pub use once::UnderWay;

use axum::Router;
use axum::http::Method;
use axum::routing::{get, post};

use self::route::{
    AUTO_ASSIGN, BEFORE, EFFECT_STATE, EVENT_STATE, GITHUB_DELIVERY, GITHUB_EVENT, LIMIT, PM_ANALYSIS, RUN_STATUS,
    Route, TENANT, WORKFLOW, route,
};
use crate::domain::api_key::Scope;
use crate::web::{Shared, auth, problem};

/// Every route, as the description lists them.
pub(crate) const ROUTES: &[Route] = &[
    route("get", "/actors", "What every actor shows of itself"),
    route("get", "/events", "Events, the newest first").query(&[EVENT_STATE, LIMIT, BEFORE, TENANT]),
    route("get", "/events/{id}", "One event: what came, and its story").query(&[TENANT]),
    route("post", "/events/{id}/replay", "Handle a dead event again, or owe its dead effects again").query(&[TENANT]),
    route("post", "/events/{id}/drop", "Take a waiting or dead event (e-17) or effect (e-17.0) off").query(&[TENANT]),
    route("post", github::PATH, "Takes what has happened on GitHub, with GitHub's own payload as the body")
        .query(&[PM_ANALYSIS, AUTO_ASSIGN])
        .headers(&[GITHUB_EVENT, GITHUB_DELIVERY])
        .body(github::schema)
        .scope(Scope::EventsGitHub),
    route("get", "/effects", "Effects that are owed or dead, the newest first").query(&[
        EFFECT_STATE,
        LIMIT,
        BEFORE,
        TENANT,
    ]),
    route("get", "/runs", "Runs of workflows, the newest first").query(&[RUN_STATUS, WORKFLOW, LIMIT, BEFORE, TENANT]),
    route("get", "/runs/{id}", "One run (R-7): its steps and its story").query(&[TENANT]),
    route("post", "/runs/{id}/cancel", "End a run that is not over").query(&[TENANT]),
    route("post", "/runs/{id}/retry", "Set a run going again that is over; what was done is not repeated")
        .query(&[TENANT])
        .body(runs::retry_schema),
    route("post", "/workflows/{name}/start", "Start a workflow by hand, with what it asks for")
        .body(workflows::start_schema),
    route("get", "/workflows/shadow", "What workflows in the shadow would have done").query(&[TENANT]),
    route(
        "post",
        "/workflows/what-if",
        "What a changed set of workflows would have done with the events that are kept",
    )
    .query(&[TENANT])
    .body(workflows::what_if_schema),
    route("get", "/why/{id}", "The whole story of an event, an effect, a task or a message (CHANNEL:TS)")
        .query(&[TENANT]),
    route("get", "/audit/verify", "Follows the hash chain to its end").query(&[TENANT]),
    route("get", "/audit/export", "The chain, one JSON row a line, and a last line that counts them").query(&[TENANT]),
    route("get", "/tools", "The tools, with the JSON Schema of their arguments"),
    route("post", openapi::TOOL, "Calls a tool with the body as its arguments").query(&[TENANT]),
    route("post", "/chat", "Says a line or presses a button as a user of this machine").body(chat::schema),
    route("get", "/policy/check", "Whether the policies are valid"),
    route("post", "/policy/explain", "Who may do what, and by which rule").body(operate::question_schema),
    route("get", "/policy/test", "Runs the tests of the policies"),
    route("get", "/doctor", "Findings, each with its mend"),
    route("post", "/doctor/send", "The same, after a message to an owner on each platform"),
    route("post", "/backup", "Writes a backup to a file of the server's machine").body(operate::backup_schema),
    route("get", "/keys", "API keys, those that count no longer among them; no key is shown"),
    route("post", "/keys", "Makes an API key, which is shown this once").body(keys::schema).shown_once(),
    route("post", "/keys/{id}/revoke", "Ends an API key at once"),
    route("post", "/keys/rotate", "Makes a new sealing key; old values are sealed anew behind it"),
    route("post", "/slack/install-links", "Makes a link that connects one workspace of Slack, once, within an hour"),
    route("get", "/openapi.json", "This description"),
];

/// What an API key must permit for a route without parameters; none where only the admin token will do.
pub(crate) fn scope_of(method: &Method, path: &str) -> Option<Scope> {
    let is_it = |route: &&Route| route.path == path && route.method.eq_ignore_ascii_case(method.as_str());
    ROUTES.iter().find(is_it)?.scope
}

pub(crate) fn routes(state: Shared) -> Router<Shared> {
    let guarded = Router::new()
        .route("/actors", get(operate::actors))
        .route("/events", get(events::list))
        .route("/events/{id}", get(events::show))
        .route("/events/{id}/replay", post(events::replay))
        .route("/events/{id}/drop", post(events::drop_one))
        .route(github::PATH, post(github::receive))
        .route("/effects", get(effects::list))
        .route("/workflows/what-if", post(workflows::what_if))
        .route("/workflows/shadow", get(shadow::report))
        .route("/workflows/{name}/start", post(workflows::start))
        .route("/runs", get(runs::list))
        .route("/runs/{id}", get(runs::show))
        .route("/runs/{id}/cancel", post(runs::cancel))
        .route("/runs/{id}/retry", post(runs::retry))
        .route("/why/{*id}", get(why::why))
        .route("/audit/verify", get(audit::verify))
        .route("/audit/export", get(audit::export))
        .route("/tools", get(tools::list))
        .route("/tools/{name}", post(tools::call))
        .route("/chat", post(chat::say))
        .route("/policy/check", get(operate::policy_check))
        .route("/policy/explain", post(operate::policy_explain))
        .route("/policy/test", get(operate::policy_test))
        .route("/doctor", get(operate::doctor))
        .route("/doctor/send", post(operate::doctor_sends))
        .route("/backup", post(operate::backup))
        .route("/keys", get(keys::list).post(keys::create))
        .route("/keys/{id}/revoke", post(keys::revoke))
        .route("/keys/rotate", post(operate::rotate_keys))
        .route("/slack/install-links", post(operate::install_link))
        .layer(axum::middleware::from_fn_with_state(state.clone(), once::once))
        .layer(axum::middleware::from_fn_with_state(state, auth::require_token));
    let all = Router::new().route("/openapi.json", get(openapi::describe)).merge(guarded);
    all.layer(axum::middleware::map_response(problem::of_framework))
}
