//! The bodies that Slack sends to an application: commands, events, interactions.
//!
//! Only their shape, from docs.slack.dev/interactivity and …/apis/events-api; who sends them, when and
//! how signed is [`super::sender`]. A further kind of event is one function.

use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::message::Message;
use super::seed::{self, Channel, User, Workspace};
use super::state::OpenView;

/// The deprecated verification token; no application may rely on it.
const TOKEN: &str = "deprecated-do-not-trust";

/// An HTTP request to an application, not signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Below the application's base address.
    pub path: &'static str,
    /// `application/json` or a form.
    pub content_type: &'static str,
    /// The body, byte for byte.
    pub body: String,
}

impl Request {
    fn json(path: &'static str, body: &Value) -> Self {
        Self { path, content_type: "application/json", body: body.to_string() }
    }

    fn form(path: &'static str, pairs: &[(&str, &str)]) -> Self {
        let body = Serializer::new(String::new()).extend_pairs(pairs).finish();
        Self { path, content_type: "application/x-www-form-urlencoded", body }
    }

    fn interaction(payload: &Value) -> Self {
        Self::form("/slack/interactions", &[("payload", &payload.to_string())])
    }
}

/// A slash command with all its fields.
pub(super) fn slash(
    team: &Workspace,
    channel: &Channel,
    user: &User,
    (command, text): (&str, &str),
    (response_url, trigger_id): (&str, &str),
) -> Request {
    let mut pairs = vec![
        ("token", TOKEN),
        ("team_id", team.id.as_str()),
        ("team_domain", &team.domain),
        ("channel_id", &channel.id),
        ("channel_name", channel.name_in_payloads()),
        ("user_id", &user.id),
        ("user_name", &user.name),
        ("command", command),
        ("text", text),
        ("api_app_id", seed::APP),
        ("is_enterprise_install", if team.org_install { "true" } else { "false" }),
        ("response_url", response_url),
        ("trigger_id", trigger_id),
    ];
    if let Some((id, name)) = &team.enterprise {
        pairs.push(("enterprise_id", id));
        pairs.push(("enterprise_name", name));
    }
    Request::form("/slack/commands", &pairs)
}

/// The question with which Slack checks an address.
pub(super) fn url_verification(challenge: &str) -> Request {
    let body = json!({ "token": TOKEN, "challenge": challenge, "type": "url_verification" });
    Request::json("/slack/events", &body)
}

/// An event in its envelope.
pub(super) fn event(team: &Workspace, event: &Value, event_id: &str, seconds: i64, shared: bool) -> Request {
    let enterprise = team.enterprise.as_ref().map(|(id, _)| id);
    let body = json!({
        "token": TOKEN, "team_id": team.id, "context_team_id": team.id, "context_enterprise_id": enterprise,
        "api_app_id": seed::APP, "event": event, "type": "event_callback", "event_id": event_id, "event_time": seconds,
        "authorizations": [{
            "enterprise_id": enterprise, "team_id": (!team.org_install).then_some(&team.id), "user_id": seed::BOT_USER,
            "is_bot": true, "is_enterprise_install": team.org_install,
        }],
        "is_ext_shared_channel": shared, "event_context": format!("4-{event_id}"),
    });
    Request::json("/slack/events", &body)
}

/// The inner event of something said: `app_mention`, or `message` with its `channel_type`. In a thread it
/// names the author of the thread's first message.
pub(super) fn said(
    kind: &str,
    message: &Message,
    parent_author: Option<&str>,
    channel: &Channel,
    user: &User,
    team: &Workspace,
) -> Value {
    let mut event = json!({
        "type": kind, "user": user.id, "ts": message.ts, "client_msg_id": format!("{}-{}", channel.id, message.ts),
        "text": message.text, "team": user.team, "blocks": message.blocks, "channel": channel.id,
        "event_ts": message.ts,
    });
    if kind == "message" {
        event["channel_type"] = json!(channel.channel_type());
    }
    if let Some(parent) = &message.thread_ts {
        event["thread_ts"] = json!(parent);
        event["parent_user_id"] = json!(parent_author);
    }
    if user.team != team.id {
        event["user_team"] = json!(user.team);
        event["source_team"] = json!(user.team);
    }
    event
}

/// A tab of the application that somebody has opened, with what its Home shows:
/// docs.slack.dev/reference/events/app_home_opened.
pub(super) fn home_opened(user: &User, channel: &Channel, tab: &str, home: Option<&OpenView>, ts: &str) -> Value {
    let mut event = json!({
        "type": "app_home_opened", "user": user.id, "channel": channel.id, "tab": tab, "event_ts": ts,
    });
    if let Some(home) = home.filter(|_| tab == "home") {
        event["view"] = home.view.clone();
    }
    event
}

/// A `message` event of the bot's own message, which it hears as well.
pub(super) fn own_message(message: &Message, channel: &Channel, team: &Workspace) -> Value {
    let mut event = message.to_api(&team.id, seed::APP, false);
    event["channel"] = json!(channel.id);
    event["channel_type"] = json!(channel.channel_type());
    event["event_ts"] = json!(message.ts);
    event["bot_profile"] = json!({ "id": seed::BOT, "app_id": seed::APP, "name": "AI-CRM", "team_id": team.id });
    event
}

/// A `message_changed` event.
pub(super) fn message_changed(message: &Message, before: &str, channel: &Channel, team: &Workspace, ts: &str) -> Value {
    let mut old = message.to_api(&team.id, seed::APP, false);
    old["text"] = json!(before);
    json!({
        "type": "message", "subtype": "message_changed", "hidden": true, "channel": channel.id,
        "channel_type": channel.channel_type(), "ts": ts, "event_ts": ts,
        "message": message.to_api(&team.id, seed::APP, false), "previous_message": old,
    })
}

/// A click on a button or a choice from a menu of a message.
pub(super) fn block_actions(
    team: &Workspace,
    channel: &Channel,
    user: &User,
    message: &Message,
    action: &Value,
    (response_url, trigger_id): (&str, &str),
) -> Request {
    let ephemeral = message.ephemeral_to.is_some();
    let mut payload = json!({
        "type": "block_actions",
        "user": person(user),
        "api_app_id": seed::APP, "token": TOKEN,
        "container": {
            "type": "message", "message_ts": message.ts, "channel_id": channel.id, "is_ephemeral": ephemeral,
        },
        "trigger_id": trigger_id,
        "team": installed_in(team), "enterprise": organisation(team), "is_enterprise_install": team.org_install,
        "channel": { "id": channel.id, "name": channel.name_in_payloads() },
        "state": { "values": {} },
        "response_url": response_url,
        "actions": [action],
    });
    if let Some(thread) = &message.thread_ts {
        payload["container"]["thread_ts"] = json!(thread);
    }
    // Of an ephemeral message Slack sends no copy.
    if !ephemeral {
        payload["message"] = message.to_api(&team.id, seed::APP, false);
    }
    Request::interaction(&payload)
}

/// A click on a button or a choice from a menu of a Home, or what was typed in a modal: it stands in no channel and
/// takes no answer by itself.
pub(super) fn view_actions(
    team: &Workspace,
    user: &User,
    shown: &OpenView,
    action: &Value,
    trigger_id: &str,
) -> Request {
    Request::interaction(&json!({
        "type": "block_actions", "user": person(user), "api_app_id": seed::APP, "token": TOKEN,
        "container": { "type": "view", "view_id": shown.id }, "trigger_id": trigger_id,
        "team": installed_in(team), "enterprise": organisation(team), "is_enterprise_install": team.org_install,
        "view": shown.view, "actions": [action],
    }))
}

/// An entry that was chosen from the menu of shortcuts, which knows no place.
pub(super) fn shortcut(team: &Workspace, user: &User, callback_id: &str, (at, trigger_id): (&str, &str)) -> Request {
    Request::interaction(&json!({
        "type": "shortcut", "token": TOKEN, "action_ts": at, "team": installed_in(team), "user": person(user),
        "is_enterprise_install": team.org_install, "enterprise": organisation(team),
        "callback_id": callback_id, "trigger_id": trigger_id,
    }))
}

/// An entry that was chosen from the menu of a message.
pub(super) fn message_action(
    team: &Workspace,
    channel: &Channel,
    user: &User,
    message: &Message,
    callback_id: &str,
    (at, response_url, trigger_id): (&str, &str, &str),
) -> Request {
    Request::interaction(&json!({
        "type": "message_action", "token": TOKEN, "action_ts": at, "team": installed_in(team), "user": person(user),
        "is_enterprise_install": team.org_install, "enterprise": organisation(team),
        "callback_id": callback_id, "trigger_id": trigger_id, "response_url": response_url,
        "channel": { "id": channel.id, "name": channel.name_in_payloads() },
        "message_ts": message.ts, "message": message.to_api(&team.id, seed::APP, false),
    }))
}

/// A modal that was closed without being sent.
pub(super) fn view_closed(team: &Workspace, user: &User, open: &OpenView) -> Request {
    Request::interaction(&json!({
        "type": "view_closed", "team": installed_in(team), "user": person(user), "api_app_id": seed::APP,
        "token": TOKEN, "view": open.view, "is_cleared": false,
        "is_enterprise_install": team.org_install, "enterprise": organisation(team),
    }))
}

/// A modal that was filled in.
pub(super) fn view_submission(
    team: &Workspace,
    user: &User,
    open: &OpenView,
    values: &Value,
    trigger_id: &str,
) -> Request {
    let mut view = open.view.clone();
    view["state"] = json!({ "values": values });
    Request::interaction(&json!({
        "type": "view_submission", "team": installed_in(team),
        "user": person(user), "api_app_id": seed::APP, "token": TOKEN, "trigger_id": trigger_id, "view": view,
        "response_urls": [], "is_enterprise_install": team.org_install, "enterprise": organisation(team),
    }))
}

fn installed_in(team: &Workspace) -> Option<Value> {
    (!team.org_install).then(|| json!({ "id": team.id, "domain": team.domain }))
}

fn organisation(team: &Workspace) -> Option<Value> {
    team.enterprise.as_ref().map(|(id, name)| json!({ "id": id, "name": name }))
}

fn person(user: &User) -> Value {
    json!({ "id": user.id, "username": user.name, "name": user.name, "team_id": user.team })
}

/// What Slack makes of what a person typed: `&`, `<` and `>` are escaped, but for people and channels
/// that were picked from the list (`<@U…>`, `<#C…>`) and links.
#[must_use]
pub fn as_typed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let picked = rest.split_once('>').map(|(token, _)| token).filter(|token| {
            ["<@U", "<@W", "<#C", "<#G", "<https://", "<http://", "<mailto:"]
                .iter()
                .any(|start| token.starts_with(start))
        });
        if let Some(token) = picked {
            out.push_str(&rest[..=token.len()]);
            rest = &rest[token.len() + 1..];
            continue;
        }
        out.push_str(match rest.as_bytes()[0] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            _ => "&gt;",
        });
        rest = &rest[1..];
    }
    out + rest
}

/// The rich text that Slack's clients send beside a typed text.
pub(super) fn rich_text(text: &str) -> Vec<Value> {
    let mut elements = Vec::new();
    for piece in text.split_inclusive('>') {
        let mention = piece.rfind("<@").filter(|_| piece.ends_with('>'));
        let plain = &piece[..mention.unwrap_or(piece.len())];
        if !plain.is_empty() {
            let plain = plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            elements.push(json!({ "type": "text", "text": plain }));
        }
        if let Some(at) = mention {
            elements.push(json!({ "type": "user", "user_id": &piece[at + 2..piece.len() - 1] }));
        }
    }
    vec![json!({ "type": "rich_text", "elements": [{ "type": "rich_text_section", "elements": elements }] })]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_was_typed_and_keeps_what_was_picked() {
        let cases = [
            ("a & b < c > d", "a &amp; b &lt; c &gt; d"),
            ("<@U0GRACE01> & <#C0GENERAL|general>", "<@U0GRACE01> &amp; <#C0GENERAL|general>"),
            ("<!channel>", "&lt;!channel&gt;"),
            ("<https://x.example/?a=1>", "<https://x.example/?a=1>"),
            ("“quoted” — é", "“quoted” — é"),
            ("", ""),
        ];
        for (typed, expected) in cases {
            assert_eq!(as_typed(typed), expected, "{typed}");
        }
    }

    #[test]
    fn rich_text_names_who_is_mentioned() {
        let elements = rich_text("<@U0BOT0001> a &lt; b")[0]["elements"][0]["elements"].clone();
        assert_eq!(elements, json!([{"type": "user", "user_id": "U0BOT0001"}, {"type": "text", "text": " a < b"}]));
    }
}
