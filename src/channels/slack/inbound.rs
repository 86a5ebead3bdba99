//! Slack's JSON as it comes in: the fields that are read, each of them optional.
//!
//! What a field means is `decode/`. Every reader is a lenient one, since `team` is `null` in
//! organisation-wide installations, `authorizations[].team_id` may be absent, and documents lag
//! behind the platform.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::lenient::{flag, list, maybe_flag, object, object_or_id, text};

/// The body of the Events API: docs.slack.dev/apis/events-api.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Envelope {
    #[serde(rename = "type", deserialize_with = "text")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) challenge: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) event_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) api_app_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) team_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) enterprise_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) context_enterprise_id: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(super) authorizations: Vec<Authorization>,
    pub(super) event_time: Option<serde_json::Value>,
    #[serde(deserialize_with = "flag")]
    pub(super) is_ext_shared_channel: bool,
    #[serde(deserialize_with = "object")]
    pub(super) event: Option<InnerEvent>,
}

/// One of the installations that can see an event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Authorization {
    #[serde(deserialize_with = "text")]
    pub(super) team_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) enterprise_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) user_id: Option<String>,
    #[serde(deserialize_with = "maybe_flag")]
    pub(super) is_bot: Option<bool>,
}

/// What happened, in an [`Envelope`].
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct InnerEvent {
    #[serde(rename = "type", deserialize_with = "text")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) subtype: Option<String>,
    #[serde(deserialize_with = "flag")]
    pub(super) hidden: bool,
    #[serde(deserialize_with = "object_or_id")]
    pub(super) user: Option<Named>,
    #[serde(deserialize_with = "text")]
    pub(super) bot_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) app_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) text: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) ts: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) thread_ts: Option<String>,
    #[serde(deserialize_with = "object_or_id")]
    pub(super) channel: Option<Named>,
    #[serde(deserialize_with = "text")]
    pub(super) channel_type: Option<String>,
    #[serde(deserialize_with = "object_or_id")]
    pub(super) team: Option<Named>,
    #[serde(deserialize_with = "text")]
    pub(super) user_team: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) source_team: Option<String>,
    #[serde(deserialize_with = "object")]
    pub(super) user_profile: Option<UserProfile>,
    #[serde(deserialize_with = "text")]
    pub(super) client_msg_id: Option<String>,
    /// Which tab of the app was opened.
    #[serde(deserialize_with = "text")]
    pub(super) tab: Option<String>,
    #[serde(deserialize_with = "object")]
    pub(super) tokens: Option<RevokedTokens>,
    /// What was written to a domain of the app.
    #[serde(deserialize_with = "list")]
    pub(super) links: Vec<SharedLink>,
    #[serde(deserialize_with = "text")]
    pub(super) message_ts: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) unfurl_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) source: Option<String>,
    #[serde(deserialize_with = "flag")]
    pub(super) is_bot_user_member: bool,
}

/// A link in a message: docs.slack.dev/reference/events/link_shared.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SharedLink {
    #[serde(deserialize_with = "text")]
    pub(super) url: Option<String>,
}

/// Whose tokens were revoked: docs.slack.dev/reference/events/tokens_revoked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RevokedTokens {
    /// A list of ids of bots' users; of any form that it may have only that it holds something is read.
    pub(super) bot: Option<serde_json::Value>,
}

/// The writer of a message in a shared channel.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UserProfile {
    #[serde(deserialize_with = "text")]
    pub(super) team: Option<String>,
}

/// The form field `payload`: docs.slack.dev/reference/interaction-payloads.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Interaction {
    #[serde(rename = "type", deserialize_with = "text")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "object_or_id")]
    pub(super) team: Option<Named>,
    #[serde(deserialize_with = "object_or_id")]
    pub(super) enterprise: Option<Named>,
    #[serde(deserialize_with = "flag")]
    pub(super) is_enterprise_install: bool,
    #[serde(deserialize_with = "object_or_id")]
    pub(super) user: Option<Named>,
    #[serde(deserialize_with = "text")]
    pub(super) trigger_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) callback_id: Option<String>,
    #[serde(deserialize_with = "object_or_id")]
    pub(super) channel: Option<Named>,
    #[serde(deserialize_with = "object")]
    pub(super) container: Option<Container>,
    #[serde(deserialize_with = "object")]
    pub(super) message: Option<CarryingMessage>,
    #[serde(deserialize_with = "text")]
    pub(super) response_url: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(super) actions: Vec<BlockAction>,
    #[serde(deserialize_with = "object")]
    pub(super) view: Option<View>,
}

/// A workspace, channel or user: its id, or an object with its id.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) team_id: Option<String>,
}

impl From<String> for Named {
    fn from(id: String) -> Self {
        Self { id: Some(id), ..Self::default() }
    }
}

/// Where a control stands.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Container {
    #[serde(deserialize_with = "text")]
    pub(super) channel_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) message_ts: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) thread_ts: Option<String>,
}

/// The message that carries a control, or on which a shortcut was chosen.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CarryingMessage {
    #[serde(deserialize_with = "text")]
    pub(super) text: Option<String>,
    #[serde(deserialize_with = "object_or_id")]
    pub(super) user: Option<Named>,
    /// The name of an app or a bot.
    #[serde(deserialize_with = "text")]
    pub(super) username: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) ts: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) thread_ts: Option<String>,
}

/// A press or a choice.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct BlockAction {
    #[serde(rename = "type", deserialize_with = "text")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) action_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) block_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) action_ts: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) value: Option<String>,
    #[serde(deserialize_with = "object")]
    pub(super) selected_option: Option<SelectedOption>,
}

/// The entry that was chosen from a menu.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SelectedOption {
    #[serde(deserialize_with = "text")]
    pub(super) value: Option<String>,
}

/// What is filled in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ViewState {
    #[serde(deserialize_with = "object")]
    pub(super) values: Option<Map<String, Value>>,
}

/// A modal or the home tab. What is shown in it is kept as it came.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct View {
    pub(super) title: Value,
    pub(super) submit: Value,
    pub(super) close: Value,
    pub(super) blocks: Value,
    #[serde(rename = "type", deserialize_with = "text")]
    pub(super) kind: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) hash: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) callback_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) private_metadata: Option<String>,
    #[serde(deserialize_with = "object")]
    pub(super) state: Option<ViewState>,
    #[serde(deserialize_with = "text")]
    pub(super) app_installed_team_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) team_id: Option<String>,
}
