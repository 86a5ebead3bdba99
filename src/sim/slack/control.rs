//! The routes under `/_sim/` that are Slack's own: looking into the workspace, letting people act.
//!
//! Those of every stand-in are in [`super::super::control`]. A further route is one line in `routes`.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Json, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::control::{acted, refused};
use super::super::delivery;
use super::delivery::{Answer, Manner, SenderConfig};
use super::sender::{SendError, Sender};
use super::show;
use super::unfurls;
use super::world::SharedWorld;

/// The routes beside those of every stand-in.
pub(super) fn routes() -> Router<SharedWorld> {
    Router::new()
        .route("/_sim/state", get(state))
        .route("/_sim/messages", get(messages))
        .route("/_sim/home", get(home))
        .route("/_sim/response_url", post(new_response_url))
        .route("/_sim/response/{id}", get(response))
        .route("/_sim/app", post(make_app))
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
    /// Whose modals are to stand behind them.
    user: Option<String>,
    /// Columns of the rendered text.
    width: Option<usize>,
}

/// The messages of a channel, and the modals that are open over it, each with the text that a person sees.
async fn messages(State(world): State<SharedWorld>, Query(which): Query<WhichMessages>) -> Json<Value> {
    let names = world.names();
    let width = which.width.unwrap_or(80);
    let list = world.messages(&which.channel).into_iter().filter(|message| message.ts > which.after);
    let list = list.map(|message| {
        let shown = show::message(&message, &names, width);
        json!({ "message": message, "shown": shown })
    });
    let views = world.views().into_iter().filter(|view| which.user.as_ref() == Some(&view.user));
    let views = views.map(|view| json!({ "message": view.view, "shown": show::modal(&view, &names, width) }));
    Json(json!({ "messages": list.chain(views).collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
struct WhoseHome {
    user: String,
    /// Columns of the rendered text.
    width: Option<usize>,
}

/// What the Home of a person shows, as a list of one or none, each with the text that the person sees.
async fn home(State(world): State<SharedWorld>, Query(whose): Query<WhoseHome>) -> Json<Value> {
    let names = world.names();
    let home = world.home(&whose.user).map(|home| {
        let shown = show::home(&home, &names, whose.width.unwrap_or(80));
        json!({ "message": home.view, "shown": shown })
    });
    Json(json!({ "messages": home.into_iter().collect::<Vec<_>>() }))
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
        None => refused(StatusCode::NOT_FOUND, &"no such response url"),
    }
}

/// Makes the application from its manifest, as who opens the link of it does.
async fn make_app(State(world): State<SharedWorld>, Json(manifest): Json<Value>) -> Response {
    match world.make_app(&manifest) {
        Ok(scopes) => Json(json!({ "ok": true, "scopes": scopes })).into_response(),
        Err(why) => refused(StatusCode::UNPROCESSABLE_ENTITY, &format!("invalid_manifest: {why}")),
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
    /// The domains that the application has registered, where they are to be other ones than before.
    unfurl_domains: Option<Vec<String>>,
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
    /// Chooses an entry of the application in the menu of shortcuts, or with a message in the menu of that.
    Shortcut { callback_id: String, ts: Option<String> },
    /// Types into a field of an open modal, and presses Enter there.
    Enter { view_id: String, field: String, text: String },
    /// Fills in an open modal and sends it.
    Submit { view_id: String, fill: BTreeMap<String, String> },
    /// Opens a tab of the application.
    OpenTab { tab: String },
    /// Clicks or chooses in the own Home.
    ClickAtHome { action_id: String, choice: Option<String> },
}

async fn send(State(world): State<SharedWorld>, Json(wanted): Json<Send>) -> Response {
    if wanted.by_socket && world.sockets().is_empty() {
        let why = "the bot has opened no socket here: start it with SLACK_APP_TOKEN=xapp-sim";
        return refused(StatusCode::UNPROCESSABLE_ENTITY, &why);
    }
    if let Some(wanted) = &wanted.unfurl_domains {
        match unfurls::domains(wanted.iter().map(String::as_str)) {
            // The manifest of an application names its own.
            Ok(domains) => world.change(|state, _| {
                if state.app.is_none() {
                    state.unfurl_domains = domains;
                }
            }),
            Err(wrong) => return refused(StatusCode::UNPROCESSABLE_ENTITY, &wrong),
        }
    }
    let by_socket = wanted.by_socket;
    let config = SenderConfig { by_socket, ..SenderConfig::new(&wanted.app_url, &wanted.signing_secret) };
    match Sender::new(world, config) {
        Ok(sender) => acted(act(&sender, &wanted).await),
        Err(error) => refused(StatusCode::BAD_GATEWAY, &error),
    }
}

async fn act(sender: &Sender, wanted: &Send) -> Result<Value, SendError> {
    let (user, channel, manner) = (&wanted.user, &wanted.channel, wanted.manner);
    match &wanted.what {
        What::Command { command, text } => {
            let prepared = sender.prepare_slash(user, channel, command, text)?;
            let answers = sender.deliver_as(&prepared.request, manner).await;
            let shown = delivery::shown(&answers, Answer::accepted).cloned();
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
        What::Shortcut { callback_id, ts } => {
            let chosen = match ts {
                Some(ts) => sender.prepare_message_action(user, channel, ts, callback_id)?,
                None => sender.prepare_shortcut(user, callback_id)?,
            };
            Ok(json!({ "answers": sender.deliver_as(&chosen, manner).await }))
        }
        What::Enter { view_id, field, text } => {
            let typed = sender.enter(view_id, field, text)?;
            Ok(json!({ "answers": sender.deliver_as(&typed, manner).await }))
        }
        What::Submit { view_id, fill } => {
            let submitted = sender.submit_view(view_id, &sender.fill_in(view_id, fill)?).await?;
            Ok(json!({ "answers": [submitted.answer], "response_action": submitted.response_action }))
        }
        What::OpenTab { tab } => {
            let opened = sender.open_tab(user, tab)?;
            Ok(json!({ "answers": sender.deliver_as(&opened, manner).await }))
        }
        What::ClickAtHome { action_id, choice } => {
            let clicked = sender.prepare_click_at_home(user, action_id, choice.as_deref())?;
            Ok(json!({ "answers": sender.deliver_as(&clicked, manner).await }))
        }
    }
}
