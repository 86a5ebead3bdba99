//! Slack's side towards an application: commands and what people say, and what they see of the answers.
//!
//! Bodies come from [`super::payload`], [`super::delivery`] gets them there, [`super::clicks`] has what
//! people do with messages; this file keeps the workspace in step. It knows nothing of what the
//! application should answer.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::redirect::Policy;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::delivery;
use super::delivery::{Answer, SenderConfig};
use super::hooks;
use super::message::{Message, Via};
use super::payload::{self, Request};
use super::seed::{self, Channel, Kind, User, Workspace};
use super::state::State;
use super::unfurls;
use super::world::SharedWorld;
use crate::domain::time::Timestamp;

/// Redirects that Slack follows, from docs.slack.dev/apis/events-api.
const MOST_REDIRECTS: usize = 2;

/// What a person sees after a slash command.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SlashResult {
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// The body as it came.
    pub body: String,
    /// How long it took.
    pub elapsed: Duration,
    /// What Slack tells the user instead of an answer: `operation_timeout`, `dispatch_failed`, …
    pub error: Option<String>,
    /// The message in the body, as it stands in the workspace.
    pub message: Option<Message>,
    /// Where later answers may be posted.
    pub response_url_id: String,
    /// The trigger of this command.
    pub trigger_id: String,
}

/// A slash command, ready to be sent once or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedSlash {
    /// The request.
    pub request: Request,
    /// The id of its response URL.
    pub response_url_id: String,
    /// Its trigger.
    pub trigger_id: String,
    user: String,
    channel: String,
    typed: String,
}

/// Something that was said, and the events that tell of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The message in the workspace.
    pub message: Message,
    /// One to three requests: a mention in a channel is told as `app_mention` and as `message`, and links to the
    /// application's domains are told of in each place, also where the bot is not.
    pub events: Vec<Request>,
}

/// Why something cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No such user.
    #[error("there is no user {0} in the workspace; GET /_sim/state shows who there is")]
    NoUser(String),
    /// No such channel.
    #[error("there is no channel {0} in the workspace; GET /_sim/state shows which there are")]
    NoChannel(String),
    /// No application has this slash command.
    #[error("{0} is not a valid command: the app's manifest has no such one")]
    NoCommand(String),
    /// No such message.
    #[error("there is no message {ts} in {channel}")]
    NoMessage {
        /// The channel.
        channel: String,
        /// The id.
        ts: String,
    },
    /// No such button or menu.
    #[error("there is nothing to click named {0}")]
    NoAction(String),
    /// No such entry in the menu.
    #[error("the menu has no entry with the value {0}")]
    NoOption(String),
    /// The person cannot see it.
    #[error("the message is shown to somebody else")]
    NotVisible,
    /// No such view.
    #[error("there is no open view {0}")]
    NoView(String),
    /// No such field in the view.
    #[error("the modal has no field {field}; it has {known}")]
    NoField {
        /// As it was named.
        field: String,
        /// Those that there are.
        known: String,
    },
    /// It dispatches nothing.
    #[error("Enter in the field {0} of the modal sends nothing")]
    NoDispatch(String),
    /// Nothing was published there.
    #[error("the Home of {0} shows nothing yet; open it first")]
    NoHome(String),
}

/// Slack, as an application meets it.
pub struct Sender {
    pub(super) world: SharedWorld,
    pub(super) config: SenderConfig,
    pub(super) client: reqwest::Client,
}

impl Sender {
    /// A sender for `world`. The process needs a default TLS provider, even though http alone is spoken.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(world: SharedWorld, config: SenderConfig) -> reqwest::Result<Self> {
        let client = delivery::client(config.deadline, Policy::limited(MOST_REDIRECTS))?;
        Ok(Self { world, config, client })
    }

    /// A slash command of `user` in `channel`, typed as `command` and `text`.
    ///
    /// # Errors
    /// When there is no such user or channel.
    pub fn prepare_slash(
        &self,
        user: &str,
        channel: &str,
        command: &str,
        text: &str,
    ) -> Result<PreparedSlash, SendError> {
        self.world.change(|state, now| {
            let (user, channel, team) = who_where(state, user, channel)?;
            if state.app.as_ref().is_some_and(|app| !app.has_command(command)) {
                return Err(SendError::NoCommand(command.to_owned()));
            }
            let (response_url_id, response_url) = hooks::give_out(state, &channel.id, &user.id, None, now);
            let trigger_id = state.new_trigger(&user.id, now);
            let text = payload::as_typed(text);
            let request = payload::slash(&team, &channel, &user, (command, &text), (&response_url, &trigger_id));
            let typed = format!("{command} {text}").trim_end().to_owned();
            Ok(PreparedSlash { request, response_url_id, trigger_id, user: user.id, channel: channel.id, typed })
        })
    }

    /// Sends a slash command and shows the answer that is in its body.
    ///
    /// # Errors
    /// When there is no such user or channel.
    pub async fn slash(&self, user: &str, channel: &str, command: &str, text: &str) -> Result<SlashResult, SendError> {
        let prepared = self.prepare_slash(user, channel, command, text)?;
        let answer = self.deliver(&prepared.request).await;
        Ok(self.finish_slash(&prepared, answer))
    }

    /// What the person sees of the answer to a slash command.
    #[must_use]
    pub fn finish_slash(&self, prepared: &PreparedSlash, answer: Answer) -> SlashResult {
        let mut error = match (answer.failure, answer.status) {
            (Some("http_timeout"), _) => Some("operation_timeout".to_owned()),
            (Some(_), _) => Some("dispatch_failed".to_owned()),
            (None, Some(200)) => None,
            (None, _) => Some("dispatch_failed".to_owned()),
        };
        let mut message = None;
        if error.is_none() && !answer.body.trim().is_empty() {
            match self.world.change(|state, now| show_inline(state, prepared, &answer, now)) {
                Ok(shown) => message = shown,
                Err(refused) => error = Some(refused),
            }
        }
        SlashResult {
            status: answer.status,
            body: answer.body,
            elapsed: answer.elapsed,
            error,
            message,
            response_url_id: prepared.response_url_id.clone(),
            trigger_id: prepared.trigger_id.clone(),
        }
    }

    /// Lets a person say something, in a channel or a thread, and makes the events that tell of it. In
    /// a direct conversation that is `message`; in a channel where the bot is, `message` and, where the
    /// bot is mentioned, `app_mention`. With several people in a direct conversation it is both: an application listens
    /// there by `message.mpim`, and not every one is told by `app_mention` as well.
    /// Anywhere it is also `link_shared`, where there are links to the domains of the application.
    ///
    /// # Errors
    /// When there is no such user or channel.
    pub fn say(&self, user: &str, channel: &str, text: &str, thread_ts: Option<&str>) -> Result<Said, SendError> {
        self.world.change(|state, now| {
            let (user, channel, team) = who_where(state, user, channel)?;
            let text = payload::as_typed(text);
            let message = typed_message(state, &user.id, &channel.id, &text, thread_ts, now);
            let mut kinds = Vec::new();
            if channel.bot_is_member {
                let mentioned = text.contains(&format!("<@{}>", seed::BOT_USER)) && channel.kind != Kind::Direct;
                kinds.extend(mentioned.then_some("app_mention"));
                let is_told = matches!(channel.kind, Kind::Direct | Kind::Group) || self.config.hears_channels;
                kinds.extend(is_told.then_some("message"));
            }
            kinds.retain(|kind| state.app.as_ref().is_none_or(|app| app.hears(kind, &channel)));
            let parent = state.message(&channel.id, message.thread_root()).map(|parent| parent.user.clone());
            let mut events = Vec::new();
            for kind in kinds {
                let event_id = state.new_id("Ev");
                let event = payload::said(kind, &message, parent.as_deref(), &channel, &user, &team);
                events.push(payload::event(&team, &event, &event_id, now.as_seconds(), channel.shared));
            }
            events.extend(unfurls::told(state, &message, &channel, now));
            Ok(Said { message, events })
        })
    }

    /// Says something and delivers its events, all at the same time.
    ///
    /// # Errors
    /// When there is no such user or channel.
    pub async fn say_and_deliver(
        &self,
        user: &str,
        channel: &str,
        text: &str,
        thread_ts: Option<&str>,
    ) -> Result<(Message, Vec<Answer>), SendError> {
        let said = self.say(user, channel, text, thread_ts)?;
        let answers = futures_util::future::join_all(said.events.iter().map(|event| self.deliver(event))).await;
        Ok((said.message, answers))
    }
}

pub(super) fn who_where(state: &mut State, user: &str, channel: &str) -> Result<(User, Channel, Workspace), SendError> {
    let known = state.user(user).ok_or_else(|| SendError::NoUser(user.to_owned()))?;
    let place = state.channel(channel).ok_or_else(|| SendError::NoChannel(channel.to_owned()))?;
    Ok((known, place, state.team.clone()))
}

fn typed_message(
    state: &mut State,
    user: &str,
    channel: &str,
    text: &str,
    thread_ts: Option<&str>,
    now: Timestamp,
) -> Message {
    let message = Message {
        channel: channel.to_owned(),
        ts: state.new_ts(now),
        thread_ts: thread_ts.map(str::to_owned),
        reply_broadcast: false,
        user: user.to_owned(),
        bot_id: None,
        text: text.to_owned(),
        blocks: payload::rich_text(text),
        metadata: None,
        ephemeral_to: None,
        edited: None,
        reactions: Vec::new(),
        unfurls: BTreeMap::new(),
        streaming: false,
        via: Via::Typed,
    };
    state.add_message(message)
}

/// Shows the body of a 200: plain text and JSON both are messages, ephemeral unless it says otherwise.
fn show_inline(
    state: &mut State,
    prepared: &PreparedSlash,
    answer: &Answer,
    now: Timestamp,
) -> Result<Option<Message>, String> {
    let body = match answer.content_type.as_str() {
        "application/json" => serde_json::from_str(&answer.body).map_err(|_| "invalid_command_response".to_owned())?,
        _ => json!({ "text": answer.body }),
    };
    if body["response_type"] == "in_channel" {
        typed_message(state, &prepared.user, &prepared.channel, &prepared.typed, None, now);
    }
    let says_something = ["text", "blocks", "attachments"].iter().any(|name| !matches!(body[*name], Value::Null));
    if !says_something {
        return Ok(None);
    }
    if let Err(refusal) = hooks::show(state, &prepared.response_url_id, &body, Via::Inline, now) {
        state.records.violate(now, "inline", refusal.error, refusal.detail.join("; "));
        return Err(refusal.error.to_owned());
    }
    let shown = state.response_urls.get(&prepared.response_url_id).and_then(|entry| entry.original.as_deref());
    Ok(shown.and_then(|ts| state.message(&prepared.channel, ts)).cloned())
}
