//! What the connector does with a conversation's messages: post, reply, edit, take back, begin a conversation.
//!
//! From the Bot Connector's REST reference and Microsoft's page on messages in bot conversations. Whether a call may come
//! at all stands in [`super::api`], what a message may hold in [`super::checks`].

use serde_json::{Value, json};

use super::checks;
use super::message::Message;
use super::refusal::Refusal;
use super::seed::{Conversation, Kind};
use super::state::{Post, State};
use super::streaming;
use crate::domain::time::Timestamp;

/// A status and a body.
pub(super) type Done = Result<(u16, Value), Refusal>;

/// Where a message goes, as the call says.
pub(super) struct Address<'a> {
    /// The conversation, with `;messageid=…` or without.
    pub(super) conversation: &'a str,
    /// The message of the path: replied to, edited or taken back.
    pub(super) activity: Option<&'a str>,
    /// `isTargetedActivity=true`.
    pub(super) targeted: bool,
}

/// `POST …/activities` and `POST …/activities/{id}`.
pub(super) fn send(state: &mut State, address: &Address<'_>, body: &str, now: Timestamp) -> Done {
    let (place, root) = state.place(address.conversation)?;
    let activity = read(state, "send", body, now)?;
    let reply_to = address.activity.or(activity["replyToId"].as_str()).map(str::to_owned);
    if address.activity.is_some_and(|id| state.message(&place.id, id).is_none()) {
        return Err(Refusal::no_activity());
    }
    if streaming::info(&activity).is_some() {
        let done = streaming::call(state, &place, &activity, now)?;
        if activity["type"] == "message" {
            remember(state, address, &done.1, &activity, now);
        }
        return Ok(done);
    }
    if activity["type"] == "typing" {
        *state.typing.entry(place.id).or_insert(0) += 1;
        return Ok((201, json!({ "id": state.new_id(now) })));
    }
    let only_for = if address.targeted { Some(recipient(state, &place, &activity)?) } else { None };
    let root = root.or_else(|| chain_of(state, &place, reply_to.as_deref()));
    let parts = parts(&activity);
    let split = parts.len() > 1;
    let mut id = String::new();
    for activity in parts {
        id = state.new_id(now);
        let message = Message {
            root: root.clone(),
            reply_to: reply_to.clone(),
            only_for: only_for.clone(),
            ..Message::new(&place.id, &id, &state.bot(), activity, now)
        };
        state.add(message);
    }
    if split {
        // Two messages have two ids, and the one that is answered is neither.
        id = state.new_id(now);
    }
    let answer = json!({ "id": id });
    remember(state, address, &answer, &activity, now);
    Ok((201, answer))
}

/// `PUT …/activities/{id}`.
pub(super) fn update(state: &mut State, address: &Address<'_>, body: &str, now: Timestamp) -> Done {
    let place = own(state, address)?;
    let activity = read(state, "update", body, now)?;
    if activity["type"] != "message" {
        return Err(Refusal::bad("Only messages are edited."));
    }
    let id = address.activity.unwrap_or_default();
    let message = state.message_mut(&place.id, id).ok_or_else(Refusal::no_activity)?;
    message.activity = activity;
    message.edits += 1;
    message.card_for.clear();
    Ok((200, json!({ "id": id })))
}

/// `DELETE …/activities/{id}`.
pub(super) fn delete(state: &mut State, address: &Address<'_>) -> Done {
    let place = own(state, address)?;
    let id = address.activity.unwrap_or_default();
    state.message_mut(&place.id, id).ok_or_else(Refusal::no_activity)?.deleted = true;
    Ok((200, json!({})))
}

/// `POST v3/conversations`: the chat with one person, or a new reply chain in a channel.
pub(super) fn create(state: &mut State, body: &str, now: Timestamp) -> Done {
    let wanted: Value = serde_json::from_str(body).map_err(|_| Refusal::bad("The body is not JSON."))?;
    let first = wanted.get("activity").filter(|activity| !activity.is_null()).map(Value::to_string);
    if wanted["isGroup"] == true {
        let channel = wanted["channelData"]["channel"]["id"].as_str();
        let channel =
            channel.ok_or_else(|| Refusal::bad("Bots begin no group chats; a channel is named in channelData."))?;
        let first = first.ok_or_else(|| Refusal::bad("A reply chain begins with an activity."))?;
        if state.place(channel)?.0.kind != Kind::Channel {
            return Err(Refusal::bad("The id in channelData.channel is not that of a channel."));
        }
        let address = Address { conversation: channel, activity: None, targeted: false };
        let (_, answer) = send(state, &address, &first, now)?;
        let id = answer["id"].as_str().unwrap_or_default();
        return Ok((201, json!({ "id": format!("{channel};messageid={id}"), "activityId": id })));
    }
    let members = wanted["members"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [member] = members else { return Err(Refusal::bad("A chat with the bot has exactly one member.")) };
    let tenant = wanted["tenantId"].as_str().or(wanted["channelData"]["tenant"]["id"].as_str());
    let tenant = tenant.ok_or_else(|| Refusal::bad("The tenant is missing: tenantId or channelData.tenant.id."))?;
    let id = member["id"].as_str().unwrap_or_default();
    let known = state.users.values().find(|user| user.id == id || user.aad_object_id.as_deref() == Some(id)).cloned();
    let user = known.filter(|user| user.tenant.eq_ignore_ascii_case(tenant));
    let user = user.ok_or_else(|| Refusal::bad(format!("There is no user '{id}' in the tenant.")))?;
    let chat = state.personal(&user.id).map(|chat| chat.id.clone());
    let chat = chat.ok_or_else(|| {
        Refusal::new(403, "ForbiddenOperationException", "Bot is not installed in user's personal scope.")
    })?;
    state.place(&chat)?;
    let mut answer = json!({ "id": chat, "serviceUrl": state.service_url_of(&chat) });
    if let Some(first) = first {
        let address = Address { conversation: &chat, activity: None, targeted: false };
        answer["activityId"] = send(state, &address, &first, now)?.1["id"].clone();
    }
    Ok((201, answer))
}

/// An activity, checked; its slips are recorded.
fn read(state: &mut State, method: &str, body: &str, now: Timestamp) -> Result<Value, Refusal> {
    let activity: Value = serde_json::from_str(body).map_err(|_| Refusal::bad("The body is not JSON."))?;
    for (word, what) in checks::activity(&activity, body)? {
        state.records.violate(now, method, word, what);
    }
    Ok(activity)
}

/// Text and attachments of one activity become two messages.
fn parts(activity: &Value) -> Vec<Value> {
    let text = !activity["text"].as_str().unwrap_or_default().trim().is_empty();
    let attached = activity["attachments"].as_array().is_some_and(|list| !list.is_empty());
    if !(text && attached) {
        return vec![activity.clone()];
    }
    let without = |names: &[&str]| {
        let mut part = activity.clone();
        if let Some(fields) = part.as_object_mut() {
            fields.retain(|name, _| !names.contains(&name.as_str()));
        }
        part
    };
    vec![without(&["attachments", "attachmentLayout"]), without(&["text", "textFormat", "entities"])]
}

/// In a channel, a reply stands in the chain of what it replies to.
fn chain_of(state: &State, place: &Conversation, reply_to: Option<&str>) -> Option<String> {
    let parent = reply_to.filter(|_| place.kind == Kind::Channel).and_then(|id| state.message(&place.id, id))?;
    Some(parent.root.clone().unwrap_or_else(|| parent.id.clone()))
}

/// For whose eyes alone it is.
fn recipient(state: &mut State, place: &Conversation, activity: &Value) -> Result<String, Refusal> {
    if place.kind == Kind::Personal {
        return Err(Refusal::bad("Targeted messages are for channels and group chats."));
    }
    let id = activity["recipient"]["id"].as_str().filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| Refusal::bad("A targeted message names its recipient."))?;
    let user = state.users.get(id).filter(|user| place.members.contains(&user.id));
    let user = user.ok_or_else(|| Refusal::bad(format!("The recipient '{id}' is not in the conversation.")))?;
    Ok(user.id.clone())
}

/// The conversation of one of the bot's own messages that is still there.
fn own(state: &State, address: &Address<'_>) -> Result<Conversation, Refusal> {
    let (place, _) = state.place(address.conversation)?;
    let message = state.message(&place.id, address.activity.unwrap_or_default());
    let message = message.filter(|message| !message.deleted && message.only_for.is_some() == address.targeted);
    let message = message.ok_or_else(Refusal::no_activity)?;
    if !message.is_by_bot() {
        return Err(Refusal::new(403, "NotEnoughPermissions", "The message is not the bot's own."));
    }
    Ok(place)
}

fn remember(state: &mut State, address: &Address<'_>, answer: &Value, activity: &Value, now: Timestamp) {
    state.posts.push(Post {
        at: now,
        conversation: address.conversation.to_owned(),
        id: answer["id"].as_str().unwrap_or_default().to_owned(),
        activity: activity.clone(),
        answered: true,
    });
}
