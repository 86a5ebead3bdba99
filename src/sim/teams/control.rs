//! The stand-in's own routes under `/_sim/`: looking into the tenant, setting faults, letting people act.
//!
//! `ai-crm sim` and scripts use them; no application does, and they are never slowed or broken by faults. A further route
//! is one line in `routes`.

use axum::Router;
use axum::extract::{Json, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::fault::Faults;
use super::delivery::{Answer, Manner, SenderConfig};
use super::press::{Press, Shown};
use super::rates::RateLimits;
use super::seed::BotStanding;
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
        .route("/_sim/rotate-keys", post(rotate_keys))
        .route("/_sim/expire-tokens", post(expire_tokens))
        .route("/_sim/standing", post(set_standing))
        .route("/_sim/stop-stream", post(stop_stream))
        .route("/_sim/send", post(send))
}

async fn state(State(world): State<SharedWorld>) -> Json<Value> {
    let (faults, violations, calls) = (world.faults(), world.violations().len(), world.calls());
    let (posts, typing) = (world.posts().len(), world.typing());
    let state = world.state();
    let counts = state.messages.iter().map(|(place, list)| (place.clone(), json!(list.len())));
    Json(json!({
        "app": state.app, "base_url": state.base_url, "service_url": state.service_url(), "key": state.key,
        "users": state.users.values().collect::<Vec<_>>(), "teams": state.teams.values().collect::<Vec<_>>(),
        "conversations": state.conversations.values().collect::<Vec<_>>(),
        "messages": counts.collect::<serde_json::Map<_, _>>(), "posts": posts, "typing": typing, "calls": calls,
        "violations": violations, "faults": faults, "limits": state.gate.limits,
    }))
}

#[derive(Deserialize)]
struct WhichMessages {
    /// The conversation, by id or word.
    conversation: String,
    /// Who looks; nobody in particular sees all.
    viewer: Option<String>,
    /// Columns of the rendered text.
    width: Option<usize>,
}

/// The messages of a conversation that the viewer sees, each with the text as they see it.
async fn messages(State(world): State<SharedWorld>, Query(which): Query<WhichMessages>) -> Response {
    let viewer = which.viewer.as_deref();
    let place = match (which.conversation.as_str(), viewer) {
        ("personal", Some(viewer)) => format!("personal-{viewer}"),
        (place, _) => place.to_owned(),
    };
    let user = viewer.map(|viewer| world.user(viewer).map_or_else(|| viewer.to_owned(), |user| user.id));
    if world.conversation(&place).is_none() {
        return refused(StatusCode::NOT_FOUND, &SendError::NoPlace(place).to_string());
    }
    let names = world.names();
    let (width, user) = (which.width.unwrap_or(80), user.as_deref());
    let seen = world
        .messages(&place)
        .into_iter()
        .filter(|message| user.is_none_or(|user| message.deleted || message.is_seen_by(user)));
    let list = seen.map(|message| {
        let shown = show::message(&message, &names, user.unwrap_or_default(), width);
        json!({ "message": message, "by_bot": message.is_by_bot(), "shown": shown })
    });
    Json(json!({ "messages": list.collect::<Vec<_>>() })).into_response()
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

async fn rotate_keys(State(world): State<SharedWorld>) -> Json<Value> {
    world.rotate_keys();
    Json(json!({ "key": world.state().key }))
}

async fn expire_tokens(State(world): State<SharedWorld>) -> Json<Value> {
    world.expire_tokens();
    Json(json!({ "ok": true }))
}

#[derive(Deserialize)]
struct Standing {
    conversation: String,
    bot: BotStanding,
}

async fn set_standing(State(world): State<SharedWorld>, Json(wanted): Json<Standing>) -> Response {
    if world.set_standing(&wanted.conversation, wanted.bot) {
        return Json(json!({ "ok": true })).into_response();
    }
    refused(StatusCode::NOT_FOUND, &SendError::NoPlace(wanted.conversation).to_string())
}

#[derive(Deserialize)]
struct WhichStream {
    id: String,
}

async fn stop_stream(State(world): State<SharedWorld>, Json(which): Json<WhichStream>) -> Json<Value> {
    Json(json!({ "ok": world.stop_stream(&which.id) }))
}

/// What a person does, and to which application.
#[derive(Deserialize)]
struct Send {
    /// The application's address.
    app_url: String,
    /// Who.
    user: String,
    /// Where.
    conversation: String,
    /// How the activity goes.
    #[serde(default, rename = "as")]
    manner: Manner,
    #[serde(flatten)]
    what: What,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum What {
    /// Says something.
    Say { text: String, thread: Option<String> },
    /// Fills in a card and presses a button.
    Press {
        label: String,
        message: Option<String>,
        #[serde(default)]
        fill: Vec<String>,
        #[serde(default)]
        submit: bool,
    },
    /// Opens a dialog of the bot; fills it in and sends it where something is filled in.
    Dialog {
        form: String,
        #[serde(default)]
        fill: Vec<String>,
    },
    /// Puts the bot in.
    Install,
    /// Takes the bot out.
    Uninstall,
    /// Anything else: what every activity has, with these fields over it.
    Activity { fields: Value, root: Option<String> },
}

async fn send(State(world): State<SharedWorld>, Json(wanted): Json<Send>) -> Response {
    let sender = match Sender::new(world, SenderConfig::new(&wanted.app_url)) {
        Ok(sender) => sender,
        Err(error) => return refused(StatusCode::BAD_GATEWAY, &error.to_string()),
    };
    match act(&sender, &wanted).await {
        Ok(outcome) => Json(outcome).into_response(),
        Err(error) => refused(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
    }
}

fn refused(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

async fn act(sender: &Sender, wanted: &Send) -> Result<Value, SendError> {
    let (user, place, manner) = (&wanted.user, &wanted.conversation, wanted.manner);
    match &wanted.what {
        What::Say { text, thread } => {
            let said = sender.say(user, place, text, thread.as_deref())?;
            let answers = deliver_all(sender, said.activity.as_slice(), manner).await;
            Ok(json!({ "message": said.message, "told": said.activity.is_some(), "answers": answers }))
        }
        What::Press { label, message, fill, submit } => {
            let press = Press { label, message: message.as_deref(), fill, submit: *submit };
            let (answers, shown) = sender.press_as(user, place, &press, manner).await?;
            Ok(json!({ "answers": answers, "result": shown }))
        }
        What::Dialog { form, fill } => {
            let opened = sender.open_dialog(user, place, &json!({ "ai-crm": { "form": form } })).await?;
            let (answer, Shown::Dialog { task }) = &opened else {
                return Ok(json!({ "answers": [opened.0], "result": opened.1 }));
            };
            if fill.is_empty() {
                return Ok(json!({ "answers": [answer], "result": opened.1 }));
            }
            let sent = sender.prepare_submit(user, place, task, fill, None)?;
            let answers = sender.deliver_as(&sent, manner).await;
            let shown = answers.iter().find(|answer| answer.accepted()).or(answers.first());
            let shown = shown.map_or(Shown::Nothing, |answer| sender.see_dialog(answer));
            Ok(json!({ "answers": answers, "result": shown }))
        }
        What::Install => {
            let told = sender.install(user, place)?;
            Ok(json!({ "answers": deliver_all(sender, &told, manner).await }))
        }
        What::Uninstall => {
            let told = sender.uninstall(user, place)?;
            Ok(json!({ "answers": deliver_all(sender, &told, manner).await }))
        }
        What::Activity { fields, root } => {
            let told = sender.activity(user, place, root.as_deref(), fields.clone())?;
            Ok(json!({ "answers": deliver_all(sender, &[told], manner).await }))
        }
    }
}

async fn deliver_all(sender: &Sender, activities: &[Value], manner: Manner) -> Vec<Answer> {
    let mut answers = Vec::new();
    for activity in activities {
        answers.extend(sender.deliver_as(activity, manner).await);
    }
    answers
}
