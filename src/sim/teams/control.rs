//! The routes under `/_sim/` that are Teams' own: looking into the tenant, changing it, letting people act.
//!
//! Those of every stand-in are in [`super::super::control`]. A further route is one line in `routes`.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Json, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::control::{acted, refused};
use super::super::delivery;
use super::delivery::{Answer, Manner, SenderConfig};
use super::press::{Press, Shown};
use super::search::Search;
use super::seed::BotStanding;
use super::sender::{SendError, Sender, who_where};
use super::show;
use super::world::SharedWorld;

/// The routes beside those of every stand-in.
pub(super) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/_sim/state", get(state))
        .route("/_sim/messages", get(messages))
        .route("/_sim/rotate-keys", post(rotate_keys))
        .route("/_sim/expire-tokens", post(expire_tokens))
        .route("/_sim/standing", post(set_standing))
        .route("/_sim/move", post(move_to))
        .route("/_sim/stop-stream", post(stop_stream))
        .route("/_sim/app", post(upload))
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
    let no_place = || SendError::NoPlace(which.conversation.clone());
    let seen = world.change(|state, _| match &which.viewer {
        Some(viewer) => who_where(state, viewer, &which.conversation).map(|(user, place)| (Some(user.id), place)),
        None => state.conversation(&which.conversation).map(|place| (None, place)).ok_or_else(no_place),
    });
    let (user, place) = match seen {
        Ok(seen) => seen,
        Err(error) => return refused(StatusCode::NOT_FOUND, &error),
    };
    let names = world.names();
    let (width, user) = (which.width.unwrap_or(80), user.as_deref());
    let seen = world
        .messages(&place.id)
        .into_iter()
        .filter(|message| user.is_none_or(|user| message.deleted || message.is_seen_by(user)));
    let list = seen.map(|message| {
        let shown = show::message(&message, &names, user.unwrap_or_default(), width);
        json!({ "message": message, "by_bot": message.is_by_bot(), "shown": shown })
    });
    Json(json!({ "messages": list.collect::<Vec<_>>() })).into_response()
}

async fn rotate_keys(State(world): State<SharedWorld>) -> Json<Value> {
    world.rotate_keys();
    Json(json!({ "key": world.state().key }))
}

async fn expire_tokens(State(world): State<SharedWorld>) -> Json<Value> {
    world.expire_tokens();
    Json(json!({ "ok": true }))
}

/// Uploads the app package, as somebody does under "Manage your apps".
async fn upload(State(world): State<SharedWorld>, package: Bytes) -> Response {
    match world.upload(&package) {
        Ok(scopes) => Json(json!({ "ok": true, "scopes": scopes })).into_response(),
        Err(why) => refused(StatusCode::UNPROCESSABLE_ENTITY, &format!("the package is not taken: {why}")),
    }
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
    refused(StatusCode::NOT_FOUND, &SendError::NoPlace(wanted.conversation))
}

#[derive(Deserialize)]
struct Move {
    conversation: String,
    region: String,
}

async fn move_to(State(world): State<SharedWorld>, Json(wanted): Json<Move>) -> Response {
    if world.move_to(&wanted.conversation, &wanted.region) {
        return Json(json!({ "ok": true })).into_response();
    }
    refused(StatusCode::NOT_FOUND, &SendError::NoPlace(wanted.conversation))
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
    /// Opens the conversation, so that its cards are refreshed for this person.
    Look,
    /// Opens a dialog of the bot; fills it in and sends it where something is filled in.
    Dialog {
        form: String,
        #[serde(default)]
        fill: Vec<String>,
    },
    /// Types into a search of the bot's message extension.
    Search { command: String, parameter: String, words: String },
    /// Pastes a link where one writes.
    Paste { link: String },
    /// Begins (`meetingStart`) or ends (`meetingEnd`) a meeting.
    Meeting { event: String },
    /// Puts the bot in.
    Install,
    /// Takes the bot out.
    Uninstall,
    /// Anything else: what every activity has, with these fields over it.
    Activity { fields: Value, root: Option<String> },
}

async fn send(State(world): State<SharedWorld>, Json(wanted): Json<Send>) -> Response {
    match Sender::new(world, SenderConfig::new(&wanted.app_url)) {
        Ok(sender) => acted(act(&sender, &wanted).await),
        Err(error) => refused(StatusCode::BAD_GATEWAY, &error),
    }
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
        What::Look => {
            let (answers, shown): (Vec<_>, Vec<_>) = sender.look(user, place).await?.into_iter().unzip();
            Ok(json!({ "answers": answers, "results": shown }))
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
            let shown = delivery::shown(&answers, Answer::accepted);
            let shown = shown.map_or(Shown::Nothing, |answer| sender.see_dialog(answer));
            Ok(json!({ "answers": answers, "result": shown }))
        }
        What::Search { command, parameter, words } => {
            let query = Search { command, parameter, words, skip: 0 };
            let answers = sender.deliver_as(&sender.prepare_search(user, place, query)?, manner).await;
            let shown = delivery::shown(&answers, Answer::accepted);
            let shown = shown.map_or(Shown::Nothing, |answer| sender.see_search(answer));
            Ok(json!({ "answers": answers, "result": shown }))
        }
        What::Paste { link } => {
            let answers = sender.deliver_as(&sender.prepare_paste(user, place, link)?, manner).await;
            let shown = delivery::shown(&answers, Answer::accepted);
            let shown = shown.map_or(Shown::Nothing, |answer| sender.see_link(answer));
            Ok(json!({ "answers": answers, "result": shown }))
        }
        What::Meeting { event } => {
            let meeting = sender.meeting(user, place, event)?;
            let is_told = sender.is_heard(user, place)?;
            let answers = if is_told { deliver_all(sender, &[meeting], manner).await } else { Vec::new() };
            Ok(json!({ "told": is_told, "answers": answers }))
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
