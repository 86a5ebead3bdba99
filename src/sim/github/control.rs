//! The routes under `/_sim/` that are GitHub's own: looking in, changing it, letting people act.
//!
//! Those of every stand-in are in [`super::super::control`]. A further route is one line in `routes`.

use std::time::Duration;

use axum::Router;
use axum::extract::{Json, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::control::refused;
use super::super::delivery::Manner;
use super::account::{Kind, Role};
use super::act::{Act, ActError};
use super::hook::{Delivery, Way};
use super::world::SharedWorld;
use super::{seed, shape, show};

/// Beyond the deadline of a delivery, how long its record may take to be there.
const GRACE: Duration = Duration::from_secs(2);

/// The routes beside those of every stand-in.
pub(super) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/_sim/state", get(state))
        .route("/_sim/messages", get(messages))
        .route("/_sim/show", get(shown))
        .route("/_sim/deliveries", get(deliveries))
        .route("/_sim/redeliver", post(redeliver))
        .route("/_sim/hook", post(set_hook))
        .route("/_sim/role", post(set_role))
        .route("/_sim/account", post(put_account))
        .route("/_sim/repository", post(put_repository))
        .route("/_sim/expire-tokens", post(expire_tokens))
        .route("/_sim/send", post(send))
}

async fn state(State(world): State<SharedWorld>) -> Json<Value> {
    let (faults, violations, calls) = (world.faults(), world.violations().len(), world.calls());
    let state = world.state();
    let repositories = state.repositories.values().map(|of| {
        json!({
            "id": of.id, "full_name": of.full_name, "private": of.private, "labels": of.labels,
            "milestones": of.milestones, "roles": of.roles, "branches": of.branches, "check_runs": of.check_runs,
            "statuses": of.statuses, "workflows": of.workflows,
            "issues": of.issues.values().map(|issue| shape::issue(&state, of, issue)).collect::<Vec<_>>(),
            "comments": of.comments.values().collect::<Vec<_>>(),
        })
    });
    Json(json!({
        "app": state.app, "hook": state.hook, "base_url": state.base_url,
        "accounts": state.accounts.values().collect::<Vec<_>>(),
        "installations": state.installations.values().collect::<Vec<_>>(),
        "repositories": repositories.collect::<Vec<_>>(), "dispatches": state.dispatches,
        "waiting": state.outgoing.len(), "deliveries": state.deliveries.len(), "calls": calls,
        "violations": violations, "faults": faults, "limits": state.gate.limits,
    }))
}

#[derive(Deserialize)]
struct WhichIssue {
    /// `acme/shop`.
    repository: String,
    number: u64,
    /// Columns of the rendered text.
    width: Option<usize>,
}

impl WhichIssue {
    fn missing(&self) -> Response {
        refused(StatusCode::NOT_FOUND, &ActError::NoIssue(self.number))
    }
}

/// The issue and each of its comments, each with the text as people see it, and whether the bot wrote it or reacted to it.
/// One that is not there has none.
async fn messages(State(world): State<SharedWorld>, Query(which): Query<WhichIssue>) -> Response {
    let state = world.state();
    let Some(of) = state.repository_called(&which.repository) else {
        return refused(StatusCode::NOT_FOUND, &ActError::NoRepository(which.repository));
    };
    let width = which.width.unwrap_or(80);
    let Some(issue) = of.issues.get(&which.number) else { return Json(json!({ "messages": [] })).into_response() };
    let by_bot = |user: u64, reactions: &[super::issue::Reaction]| {
        user == seed::BOT || reactions.iter().any(|reaction| reaction.user == seed::BOT)
    };
    // What people look at changes with labels and state too, which the bot's comments say.
    let message = json!({ "id": format!("issue {}", issue.number), "reactions": issue.reactions });
    let mut list = vec![json!({
        "message": message, "by_bot": by_bot(issue.user, &issue.reactions),
        "shown": show::head_text(&state, of, issue, width),
    })];
    for comment in of.comments.values().filter(|comment| comment.issue == which.number) {
        let mut message = json!(comment);
        message["id"] = json!(comment.id.to_string());
        list.push(json!({
            "message": message, "by_bot": by_bot(comment.user, &comment.reactions),
            "shown": show::comment_text(&state, comment, width),
        }));
    }
    Json(json!({ "messages": list })).into_response()
}

/// An issue with all its comments: as GitHub's JSON, and as people see it.
async fn shown(State(world): State<SharedWorld>, Query(which): Query<WhichIssue>) -> Response {
    let Some(text) = world.show(&which.repository, which.number, which.width.unwrap_or(80)) else {
        return which.missing();
    };
    let state = world.state();
    let of = state.repository_called(&which.repository);
    let Some((of, issue)) = of.and_then(|of| Some((of, of.issues.get(&which.number)?))) else {
        return which.missing();
    };
    let comments = of.comments.values().filter(|comment| comment.issue == which.number);
    let comments: Vec<Value> = comments.map(|comment| shape::comment(&state, of, comment)).collect();
    let issue = shape::issue(&state, of, issue);
    Json(json!({ "issue": issue, "comments": comments, "shown": text })).into_response()
}

async fn deliveries(State(world): State<SharedWorld>) -> Json<Value> {
    let listed: Vec<Value> = world.deliveries().iter().map(Delivery::listed).collect();
    Json(json!({ "deliveries": listed, "waiting": world.waiting() }))
}

#[derive(Deserialize)]
struct WhichDelivery {
    id: u64,
}

/// Sends a delivery once more, and says what came of it.
async fn redeliver(State(world): State<SharedWorld>, Json(which): Json<WhichDelivery>) -> Response {
    let newest = world.newest();
    let Some(guid) = world.state().deliveries.get(&which.id).map(|one| one.guid.clone()) else {
        let why = format!("there is no delivery {}; GET /_sim/deliveries shows which there are", which.id);
        return refused(StatusCode::NOT_FOUND, &why);
    };
    world.redeliver(which.id);
    let answers = answers(&world, &[guid], newest).await;
    Json(json!({ "answers": answers })).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedHook {
    url: Option<String>,
    secret: Option<String>,
    way: Option<Way>,
    at_once: Option<usize>,
    deadline_ms: Option<u64>,
}

/// Changes what is named of the webhook; nothing else.
async fn set_hook(State(world): State<SharedWorld>, Json(wanted): Json<WantedHook>) -> Json<Value> {
    if let Some(secret) = &wanted.secret {
        world.set_webhook_secret(secret);
    }
    world.set_hook(|hook| {
        hook.url = wanted.url.or(hook.url.take());
        hook.way = wanted.way.unwrap_or(hook.way);
        hook.at_once = wanted.at_once.unwrap_or(hook.at_once);
        hook.deadline = wanted.deadline_ms.map_or(hook.deadline, Duration::from_millis);
    });
    Json(json!({ "hook": world.hook() }))
}

#[derive(Deserialize)]
struct WantedRole {
    repository: String,
    login: String,
    role: Role,
}

async fn set_role(State(world): State<SharedWorld>, Json(wanted): Json<WantedRole>) -> Response {
    if world.set_role(&wanted.repository, &wanted.login, wanted.role) {
        return Json(json!({ "ok": true })).into_response();
    }
    refused(StatusCode::NOT_FOUND, &format!("there is no {} or no {}", wanted.repository, wanted.login))
}

#[derive(Deserialize)]
struct WantedAccount {
    id: u64,
    login: String,
    #[serde(rename = "type")]
    kind: Kind,
}

async fn put_account(State(world): State<SharedWorld>, Json(wanted): Json<WantedAccount>) -> Json<Value> {
    world.put_account(wanted.id, &wanted.login, wanted.kind);
    Json(json!({ "ok": true }))
}

#[derive(Deserialize)]
struct WantedRepository {
    id: u64,
    full_name: String,
    #[serde(default)]
    private: bool,
}

async fn put_repository(State(world): State<SharedWorld>, Json(wanted): Json<WantedRepository>) -> Response {
    if world.put_repository(wanted.id, &wanted.full_name, wanted.private) {
        return Json(json!({ "ok": true })).into_response();
    }
    refused(StatusCode::NOT_FOUND, &format!("there is no account for {}", wanted.full_name))
}

async fn expire_tokens(State(world): State<SharedWorld>) -> Json<Value> {
    world.expire_tokens();
    Json(json!({ "ok": true }))
}

/// What a person does, and in which repository.
#[derive(Deserialize)]
struct Send {
    /// Who.
    user: String,
    /// Where, `acme/shop`.
    repository: String,
    /// How the webhooks go.
    #[serde(default, rename = "as")]
    manner: Manner,
    #[serde(flatten)]
    act: Act,
}

/// Lets a person act; answers when the webhooks that tell of it were tried.
async fn send(State(world): State<SharedWorld>, Json(wanted): Json<Send>) -> Response {
    let newest = world.newest();
    match world.act_as(&wanted.user, &wanted.repository, wanted.act, wanted.manner) {
        Ok(acted) => {
            let answers = answers(&world, &acted.told, newest).await;
            let told = !acted.told.is_empty();
            Json(json!({ "made": acted.made, "told": told, "answers": answers })).into_response()
        }
        Err(error) => refused(StatusCode::UNPROCESSABLE_ENTITY, &error),
    }
}

/// What the application answered to these webhooks, tried after the delivery `newest`; what is not tried in time is left
/// out.
async fn answers(world: &SharedWorld, guids: &[String], newest: u64) -> Vec<Value> {
    let deadline = world.hook().deadline + GRACE;
    let mut answers = Vec::new();
    for guid in guids {
        let tried = world.wait_for(deadline, |world| world.tried(guid, newest)).await;
        answers.extend(tried.map(|one| {
            json!({
                "id": one.id, "guid": one.guid, "event": one.event, "action": one.action, "status": one.status_code,
                "outcome": one.status, "body": one.response, "taken": one.is_taken(),
            })
        }));
    }
    answers
}
