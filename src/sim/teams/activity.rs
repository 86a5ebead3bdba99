//! The activities that Teams sends to an application, as JSON.
//!
//! From Microsoft's pages on bot conversations, conversation events, Universal Actions and meetings. It builds bodies and
//! changes nothing but the ids that it takes; who sends them stands in [`super::sender`].

use serde_json::{Map, Value, json};

use super::seed::{self, Conversation, Kind, User};
use super::state::State;
use crate::domain::time::Timestamp;

/// Where and by whom something is done.
pub(super) struct Scene<'a> {
    pub(super) user: &'a User,
    pub(super) place: &'a Conversation,
    /// In a channel, the first message of the reply chain.
    pub(super) root: Option<&'a str>,
    pub(super) now: Timestamp,
}

/// What every activity has, with `fields` over it.
pub(super) fn base(state: &State, scene: &Scene<'_>, id: &str, fields: Value) -> Value {
    let Scene { user, place, root, now } = scene;
    let utc = now.to_string();
    let mut conversation = json!({ "conversationType": place.kind, "tenantId": place.tenant, "id": place.id });
    if place.kind != Kind::Personal {
        conversation["isGroup"] = json!(true);
    }
    if let Some(root) = root.filter(|_| place.kind == Kind::Channel) {
        conversation["id"] = json!(format!("{};messageid={root}", place.id));
    }
    let mut activity = json!({
        "id": id, "timestamp": utc, "localTimestamp": utc.replace('Z', "+00:00"), "localTimezone": "Europe/London",
        "channelId": "msteams", "serviceUrl": state.service_url_of(&place.id), "from": person(user), "conversation": conversation,
        "recipient": { "id": state.bot(), "name": seed::BOT_NAME }, "locale": "en-GB",
        "channelData": channel_data(place),
    });
    overlay(&mut activity, fields);
    activity
}

/// Lays fields over an object, deep down.
pub(super) fn overlay(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                overlay(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

fn person(user: &User) -> Value {
    let mut person = json!({ "id": user.id, "name": user.display_name });
    if let Some(object) = &user.aad_object_id {
        person["aadObjectId"] = json!(object);
    }
    person
}

fn channel_data(place: &Conversation) -> Value {
    let mut data = json!({ "tenant": { "id": place.tenant } });
    if let Some(team) = &place.team {
        data["teamsChannelId"] = json!(place.id);
        data["teamsTeamId"] = json!(team);
        data["channel"] = json!({ "id": place.id });
        data["team"] = json!({ "id": team });
    }
    if place.id == seed::MEETING {
        data["meeting"] = json!({ "id": meeting_id(place) });
    }
    data
}

/// A meeting's id is made of that of its chat.
pub(super) fn meeting_id(place: &Conversation) -> String {
    data_encoding::BASE64.encode(format!("0#{}#0", place.id).as_bytes())
}

/// What becomes of a typed text on its way.
pub(super) struct Typed {
    pub(super) text: String,
    html: String,
    entities: Vec<Value>,
    pub(super) mentions_bot: bool,
}

/// Reads `@AI-CRM` and `@name` as Teams' clients do when a name is picked from the list, and escapes the rest.
pub(super) fn typed(state: &mut State, text: &str) -> Typed {
    let mut typed = Typed { text: String::new(), html: String::new(), entities: Vec::new(), mentions_bot: false };
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        typed.say(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_'))).unwrap_or(rest.len());
        let name = &rest[..end];
        let begins_a_word = typed.text.is_empty() || typed.text.ends_with(|c: char| !c.is_alphanumeric());
        let mentioned = if name.eq_ignore_ascii_case(seed::BOT_NAME) {
            typed.mentions_bot |= begins_a_word;
            Some((state.bot(), seed::BOT_NAME.to_owned()))
        } else {
            state.user(&name.to_lowercase()).map(|user| (user.id, user.display_name))
        };
        match mentioned.filter(|_| begins_a_word) {
            Some((id, name)) => {
                typed.mention(&id, &name);
                rest = &rest[end..];
                // The client puts a space that does not break behind a name.
                if let Some(after) = rest.strip_prefix(' ') {
                    typed.text.push_str("&nbsp;");
                    typed.html.push_str("&nbsp;");
                    rest = after;
                }
            }
            None => typed.say("@"),
        }
    }
    typed.say(rest);
    typed
}

impl Typed {
    fn say(&mut self, plain: &str) {
        let escaped = plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.html.push_str(&escaped.replace('\n', "<br>"));
        self.text.push_str(&escaped);
    }

    fn mention(&mut self, id: &str, name: &str) {
        let text = format!("<at>{name}</at>");
        let number = self.entities.len();
        self.html.push_str(&format!(
            "<span itemscope=\"\" itemtype=\"http://schema.skype.com/Mention\" itemid=\"{number}\">{name}</span>"
        ));
        self.text.push_str(&text);
        self.entities.push(json!({ "type": "mention", "text": text, "mentioned": { "id": id, "name": name } }));
    }

    /// The fields of a message that says it.
    pub(super) fn fields(&self) -> Value {
        let mut entities = self.entities.clone();
        entities.push(json!({
            "type": "clientInfo", "locale": "en-GB", "country": "GB", "platform": "Windows", "timezone": "Europe/London",
        }));
        json!({
            "type": "message", "text": self.text, "textFormat": "plain", "entities": entities,
            "attachments": [{ "contentType": "text/html", "content": format!("<p>{}</p>", self.html) }],
        })
    }
}

/// People who came or went.
pub(super) fn members(place: &Conversation, who: &[Value], came: bool) -> Value {
    let (field, event) =
        if came { ("membersAdded", "teamMemberAdded") } else { ("membersRemoved", "teamMemberRemoved") };
    let mut fields = Map::from_iter([("type".to_owned(), json!("conversationUpdate")), (field.to_owned(), json!(who))]);
    if place.kind == Kind::Channel {
        fields.insert("channelData".to_owned(), json!({ "eventType": event }));
    }
    Value::Object(fields)
}

/// A member as such updates name them.
pub(super) fn member(user: &User) -> Value {
    let mut member = person(user);
    if let Some(fields) = member.as_object_mut() {
        fields.remove("name");
    }
    member
}

/// A meeting that starts (`meetingStart`) or ends (`meetingEnd`).
pub(super) fn meeting(place: &Conversation, event: &str, now: Timestamp) -> Value {
    let when = if event == "meetingEnd" { "EndTime" } else { "StartTime" };
    let mut value = json!({
        "MeetingType": "Scheduled", "Title": "Stand-up", "Id": meeting_id(place),
        "JoinUrl": "https://teams.example/l/meetup-join/sim",
    });
    value[when] = json!(now.to_string());
    json!({ "type": "event", "name": format!("application/vnd.microsoft.{event}"), "value": value })
}
