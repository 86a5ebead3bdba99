//! Activities as the Bot Framework sends them, read leniently: a field that is not as documented is absent, so that one
//! odd field never costs a whole activity. What an activity means is `decode`.
//!
//! Shapes: protocol "Activity", learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An activity. Fields that nothing reads are left out.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    /// `message`, `invoke`, `conversationUpdate`, …
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    pub kind: Option<String>,
    /// Its number in its conversation.
    #[serde(default, deserialize_with = "lenient")]
    pub id: Option<String>,
    /// `msteams`.
    #[serde(default, deserialize_with = "lenient")]
    pub channel_id: Option<String>,
    /// Where its answers are taken.
    #[serde(default, deserialize_with = "lenient")]
    pub service_url: Option<String>,
    /// Who sent it.
    #[serde(default, deserialize_with = "lenient")]
    pub from: Option<Account>,
    /// To whom: the bot.
    #[serde(default, deserialize_with = "lenient")]
    pub recipient: Option<Account>,
    /// Where.
    #[serde(default, deserialize_with = "lenient")]
    pub conversation: Option<Conversation>,
    /// What was written.
    #[serde(default, deserialize_with = "lenient")]
    pub text: Option<String>,
    /// Mentions, and what the client is.
    #[serde(default, deserialize_with = "lenient_list")]
    pub entities: Vec<Entity>,
    /// What Teams adds to the protocol.
    #[serde(default, deserialize_with = "lenient")]
    pub channel_data: Option<ChannelData>,
    /// What an invoke or a pressed button carries.
    #[serde(default)]
    pub value: Option<Value>,
    /// Which invoke or event it is.
    #[serde(default, deserialize_with = "lenient")]
    pub name: Option<String>,
    /// What an `installationUpdate` says: `add`, `remove`, `add-upgrade`.
    #[serde(default, deserialize_with = "lenient")]
    pub action: Option<String>,
    /// Who came, by a `conversationUpdate`.
    #[serde(default, deserialize_with = "lenient_list")]
    pub members_added: Vec<Account>,
    /// Who went, by a `conversationUpdate`.
    #[serde(default, deserialize_with = "lenient_list")]
    pub members_removed: Vec<Account>,
    /// The message that a press or a reaction belongs to.
    #[serde(default, deserialize_with = "lenient")]
    pub reply_to_id: Option<String>,
}

/// A person or a bot.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// `29:…` for people and `28:…` for bots; another for each bot that sees the person.
    #[serde(default, deserialize_with = "lenient")]
    pub id: Option<String>,
    /// The name that the client shows.
    #[serde(default, deserialize_with = "lenient")]
    pub name: Option<String>,
    /// The person's object in Microsoft Entra, the same for all bots.
    #[serde(default, deserialize_with = "lenient")]
    pub aad_object_id: Option<String>,
    /// `user`, `bot` or `skill`, where it is said.
    #[serde(default, deserialize_with = "lenient")]
    pub role: Option<String>,
}

/// A chat, or a thread of a channel.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// Opaque, but for the `;messageid=` of a channel's threads.
    #[serde(default, deserialize_with = "lenient")]
    pub id: Option<String>,
    /// `personal`, `groupChat` or `channel`.
    #[serde(default, deserialize_with = "lenient")]
    pub conversation_type: Option<String>,
    /// The Entra tenant.
    #[serde(default, deserialize_with = "lenient")]
    pub tenant_id: Option<String>,
}

/// Something in the text that is more than text.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entity {
    /// `mention`, `clientInfo`, …
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    pub kind: Option<String>,
    /// Who is mentioned.
    #[serde(default, deserialize_with = "lenient")]
    pub mentioned: Option<Account>,
    /// How the mention stands in the text.
    #[serde(default, deserialize_with = "lenient")]
    pub text: Option<String>,
}

/// What Teams adds to the protocol.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelData {
    /// The Entra tenant.
    #[serde(default, deserialize_with = "lenient")]
    pub tenant: Option<Named>,
    /// The team.
    #[serde(default, deserialize_with = "lenient")]
    pub team: Option<Named>,
    /// The channel.
    #[serde(default, deserialize_with = "lenient")]
    pub channel: Option<Named>,
    /// The meeting whose chat or thread it is.
    #[serde(default, deserialize_with = "lenient")]
    pub meeting: Option<Named>,
    /// What a `conversationUpdate` or `messageUpdate` is about: `channelCreated`, `editMessage`, …
    #[serde(default, deserialize_with = "lenient")]
    pub event_type: Option<String>,
}

/// A thing with an id.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Named {
    /// The id.
    #[serde(default, deserialize_with = "lenient")]
    pub id: Option<String>,
    /// Of a channel: `standard`, `private` or `shared`.
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    pub kind: Option<String>,
}

impl Activity {
    /// Reads a body.
    ///
    /// # Errors
    /// Where it is not a JSON object, or names a field twice.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        // A list would be read as the fields in their order.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err("the body is no JSON object".to_owned());
        }
        serde_json::from_slice(body).map_err(|error| format!("the body is not JSON of the Bot Framework: {error}"))
    }

    /// The Entra tenant in which it happened, in lower case; `None` where it names none, or two.
    #[must_use]
    pub fn tenant(&self) -> Option<String> {
        let of_conversation = self.conversation.as_ref().and_then(|conversation| conversation.tenant_id.as_deref());
        let of_channel = self.channel_data.as_ref().and_then(|data| data.tenant.as_ref()?.id.as_deref());
        let same = |one: &str, other: &str| one.trim().eq_ignore_ascii_case(other.trim());
        match (of_conversation, of_channel) {
            (Some(one), Some(other)) if !same(one, other) => None,
            (one, other) => one.or(other).map(|tenant| tenant.trim().to_lowercase()).filter(|id| !id.is_empty()),
        }
    }
}

fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

fn lenient_list<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let Value::Array(items) = Value::deserialize(deserializer)? else { return Ok(Vec::new()) };
    Ok(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Activity {
        Activity::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_odd_field_costs_no_activity() {
        let odd = read(
            r#"{"type":"message","id":7,"from":"x","entities":[1,{"type":"mention"},null],"channelData":5,"text":null}"#,
        );
        assert_eq!(odd.kind.as_deref(), Some("message"));
        assert!(odd.id.is_none() && odd.from.is_none() && odd.channel_data.is_none() && odd.text.is_none());
        assert_eq!(odd.entities.len(), 1);
        for broken in ["", "[]", "null", "{", r#"{"type":"message","type":"invoke"}"#] {
            assert!(Activity::read(broken.as_bytes()).is_err(), "{broken}");
        }
        let deep = format!(r#"{{"type":"message","value":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert!(Activity::read(deep.as_bytes()).is_err());
    }

    #[test]
    fn two_tenants_are_none() {
        for (text, tenant) in [
            (r#"{"conversation":{"tenantId":"AB"},"channelData":{"tenant":{"id":"ab"}}}"#, Some("ab")),
            (r#"{"conversation":{"tenantId":"ab"}}"#, Some("ab")),
            (r#"{"channelData":{"tenant":{"id":"ab"}}}"#, Some("ab")),
            (r#"{"conversation":{"tenantId":"ab"},"channelData":{"tenant":{"id":"cd"}}}"#, None),
            (r#"{"conversation":{"tenantId":" "}}"#, None),
            ("{}", None),
        ] {
            assert_eq!(read(text).tenant().as_deref(), tenant, "{text}");
        }
    }
}
