//! The stand-in's own routes under `/_sim/`: looking into the workspace, setting faults, letting
//! people act.
//!
//! `ai-crm sim` and scripts use them; no application does, and they are never slowed or broken by
//! faults. A further route is one line in `routes`.

use axum::Router;
use axum::extract::{Json, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::delivery::{Manner, SenderConfig};
use super::fault::Faults;
use super::rates::RateLimits;
use super::sender::{SendError, Sender};
use super::show;
use super::world::SharedWorld;

/// The routes of the stand-in itself.
pub(super) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/_sim/state", get(state))
        .route("/_sim/messages", get(messages))
        .route("/_sim/violations", get(violations))
        .route("/_sim/faults", get(faults).post(set_faults))
        .route("/_sim/limits", post(set_limits))
        .route("/_sim/reset", post(reset))
        .route("/_sim/response_url", post(new_response_url))
        .route("/_sim/response/{id}", get(response))
        .route("/_sim/send", post(send))
}

async fn state(State(world): State<SharedWorld>) -> Json<Value> {
    let (faults, violations) = (world.faults(), world.violations().len());
    let (calls, posts, views) = (world.calls(), world.posts().len(), world.views());
    let state = world.state();
    let counts = state.messages.iter().map(|(channel, list)| (channel.clone(), json!(list.len())));
    Json(json!({
        "team": state.team, "base_url": state.base_url,
        "users": state.users.values().collect::<Vec<_>>(), "channels": state.channels.values().collect::<Vec<_>>(),
        "messages": counts.collect::<serde_json::Map<_, _>>(), "posts": posts, "views": views, "calls": calls,
        "violations": violations, "faults": faults, "limits": state.gate.limits,
    }))
}

#[derive(Deserialize)]
struct WhichMessages {
    channel: String,
    /// Only those after this `ts`.
    #[serde(default)]
    after: String,
    /// Columns of the rendered text.
    width: Option<usize>,
}

/// The messages of a channel, each with the text that a person sees.
async fn messages(State(world): State<SharedWorld>, Query(which): Query<WhichMessages>) -> Json<Value> {
    let names = world.names();
    let width = which.width.unwrap_or(80);
    let list = world.messages(&which.channel).into_iter().filter(|message| message.ts > which.after);
    let list = list.map(|message| {
        let shown = show::message(&message, &names, width);
        json!({ "message": message, "shown": shown })
    });
    Json(json!({ "messages": list.collect::<Vec<_>>() }))
}

async fn violations(State(world): State<SharedWorld>) -> Json<Value> {
    Json(json!({ "violations": world.violations() }))
}

async fn faults(State(world): State<SharedWorld>) -> Json<Faults> {
    Json(world.faults())
}

async fn set_faults(State(world): State<SharedWorld>, Json(faults): Json<Faults>) -> Json<Faults> {
    world.set_faults(faults);
    Json(world.faults())
}

async fn set_limits(State(world): State<SharedWorld>, Json(limits): Json<RateLimits>) -> Json<RateLimits> {
    world.set_rate_limits(limits);
    Json(limits)
}

async fn reset(State(world): State<SharedWorld>) -> Json<Value> {
    world.reset();
    Json(json!({ "ok": true }))
}

#[derive(Deserialize)]
struct NewResponseUrl {
    channel: String,
    user: String,
}

async fn new_response_url(State(world): State<SharedWorld>, Json(wanted): Json<NewResponseUrl>) -> Json<Value> {
    let (id, url) = world.new_response_url(&wanted.channel, &wanted.user);
    Json(json!({ "id": id, "response_url": url }))
}

async fn response(State(world): State<SharedWorld>, Path(id): Path<String>) -> Response {
    match world.response_url(&id) {
        Some(entry) => Json(json!(entry)).into_response(),
        None => (StatusCode::NOT_FOUND, Json(json!({ "error": "no such response url" }))).into_response(),
    }
}

/// What a person does, and to which application.
#[derive(Deserialize)]
struct Send {
    /// The application's address.
    app_url: String,
    /// The secret that it knows.
    signing_secret: String,
    /// Who.
    user: String,
    /// Where.
    channel: String,
    /// Whether it goes by socket.
    #[serde(default)]
    by_socket: bool,
    /// How the request goes.
    #[serde(default, rename = "as")]
    manner: Manner,
    #[serde(flatten)]
    what: What,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum What {
    /// Types a slash command.
    Command {
        command: String,
        #[serde(default)]
        text: String,
    },
    /// Says something.
    Say { text: String, thread_ts: Option<String> },
    /// Clicks or chooses.
    Click { ts: String, action_id: String, choice: Option<String> },
}

async fn send(State(world): State<SharedWorld>, Json(wanted): Json<Send>) -> Response {
    if wanted.by_socket && world.sockets().is_empty() {
        let error = "the bot has opened no socket here: start it with SLACK_APP_TOKEN=xapp-sim";
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": error }))).into_response();
    }
    let by_socket = wanted.by_socket;
    let config = SenderConfig { by_socket, ..SenderConfig::new(&wanted.app_url, &wanted.signing_secret) };
    let sender = match Sender::new(world, config) {
        Ok(sender) => sender,
        Err(error) => {
            return (StatusCode::BAD_GATEWAY, Json(json!({ "error": error.to_string() }))).into_response();
        }
    };
    match act(&sender, &wanted).await {
        Ok(outcome) => Json(outcome).into_response(),
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "error": error.to_string() }))).into_response(),
    }
}

async fn act(sender: &Sender, wanted: &Send) -> Result<Value, SendError> {
    let (user, channel, manner) = (&wanted.user, &wanted.channel, wanted.manner);
    match &wanted.what {
        What::Command { command, text } => {
            let prepared = sender.prepare_slash(user, channel, command, text)?;
            let answers = sender.deliver_as(&prepared.request, manner).await;
            // What a person sees is the first answer that was one; a repetition has none of its own to show.
            let shown = answers.iter().find(|answer| answer.accepted()).or(answers.first()).cloned();
            let result = shown.map(|answer| sender.finish_slash(&prepared, answer));
            Ok(json!({ "result": result, "answers": answers }))
        }
        What::Say { text, thread_ts } => {
            let said = sender.say(user, channel, text, thread_ts.as_deref())?;
            let sent = said.events.iter().map(|event| sender.deliver_as(event, manner));
            let answers = futures_util::future::join_all(sent).await.concat();
            Ok(json!({ "message": said.message, "answers": answers }))
        }
        What::Click { ts, action_id, choice } => {
            let prepared = sender.prepare_click(user, channel, ts, action_id, choice.as_deref())?;
            let answers = sender.deliver_as(&prepared.request, manner).await;
            Ok(json!({ "answers": answers, "response_url_id": prepared.response_url_id }))
        }
    }
}
