//! What reached us, and from whom, where and by which proof.
//!
//! An event is written to the inbox before anyone acts on it. Channels make events; handlers read
//! them. A new kind of thing that can happen is a variant of [`EventKind`].

mod asked;
mod kind;
mod meeting_phase;

pub use asked::Asked;
pub use kind::EventKind;
pub use meeting_phase::MeetingPhase;

use serde::{Deserialize, Serialize};

use crate::domain::ids::{EventId, LaneKey, TenantId};
use crate::domain::time::Timestamp;

/// The way by which people or programs reach the bot. A channel here is a platform adapter, not a
/// Slack channel (that is a [`Place`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChannelName {
    /// Slack workspaces.
    Slack,
    /// Microsoft Teams.
    Teams,
    /// GitHub.
    GitHub,
    /// The `chat` command.
    Terminal,
    /// `/api/v1`.
    Api,
    /// Our own clock and effects.
    Internal,
}

impl ChannelName {
    /// Those on which people have users of their own.
    pub const OF_PEOPLE: [Self; 3] = [Self::Slack, Self::Teams, Self::Terminal];

    /// Whether a message stays there and can be changed later.
    #[must_use]
    pub fn keeps_messages(self) -> bool {
        matches!(self, Self::Slack | Self::Teams | Self::GitHub)
    }

    /// Whether what is for one person is read there by that one alone. A comment on GitHub is read by all.
    #[must_use]
    pub fn keeps_secrets(self) -> bool {
        self != Self::GitHub
    }

    /// Whether people can be told something there unasked, whether or not they look.
    #[must_use]
    pub fn reaches_people(self) -> bool {
        matches!(self, Self::Slack | Self::Teams)
    }

    /// The word used in keys, policies and texts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::GitHub => "github",
            Self::Terminal => "terminal",
            Self::Api => "api",
            Self::Internal => "internal",
        }
    }
}

impl std::fmt::Display for ChannelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A person as the platform states it. Not yet somebody we know.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlatformUser {
    /// Where the id is valid.
    pub channel: ChannelName,
    /// The workspace or organisation that the user belongs to, which need not be the one in which
    /// the message was written (Slack Connect).
    pub realm: String,
    /// The platform's id.
    pub id: String,
}

/// How public a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaceKind {
    /// One person and the bot.
    Direct,
    /// Invited people.
    Private,
    /// Everybody of the workspace.
    Public,
    /// The platform did not say.
    Unknown,
}

/// Where something was said: a Slack channel, a repository, a Teams conversation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The platform's id of the place.
    pub id: String,
    /// How public it is.
    pub kind: PlaceKind,
    /// Whether people from outside the installed workspace can read it.
    #[serde(default)]
    pub shared: bool,
}

/// Where an answer goes. Only the channel that made it reads `route`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The channel that delivers.
    pub channel: ChannelName,
    /// The connected workspace.
    pub installation: String,
    /// The organisation of which it is a part: where the bot is installed for all of it, the token is that one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// The place's id.
    pub place: String,
    /// The thread in that place, in the platform's own notation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Nobody has answered in that thread: an answer would begin it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub begins_thread: bool,
    /// The message that asked, in the platform's notation, where an answer could stand below it but does not as a rule:
    /// there are ways to show an answer that the platform has below what asked for it alone (Slack's streams).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The words that it answers, where answers stand below everything else that was said and a quote says to what one
    /// belongs (GitHub).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quotes: Option<String>,
    /// Nobody but the person and the bot can read the place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// It is the page that the person has with the bot alone, which shows the last card that it was given and nothing
    /// of those before (the Home of a Slack app).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub home: bool,
    /// It is below a link in a message that somebody has written: what is shown there is added to that message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<Below>,
    /// The person who asked; who alone sees an answer for the asker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// An address that the platform gave for answers to this one event (Slack's `response_url`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Where the platform took what is said in this place when the event came (Teams' `serviceUrl`). Where it has named
    /// another since, that one is taken: `store/keyspace/connector.rs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<String>,
}

/// A link in a message that a person has written. What is shown below it takes the place of what was shown there before.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Below {
    /// The message, in the channel's own notation.
    pub message: String,
    /// The link, letter by letter as the platform tells of it.
    pub link: String,
}

impl std::fmt::Display for PlatformUser {
    /// As configuration, policies and audit write it: `slack:T1/U1`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}/{}", self.channel, self.realm, self.id)
    }
}

/// The end of the [`Address::spot`] of what stands below links. No platform calls a place so.
const LINKS: &str = "/links";

/// Whether a spot is that of what stands below links.
#[must_use]
pub fn is_below_links(spot: &str) -> bool {
    spot.ends_with(LINKS)
}

impl Address {
    /// A place of a connected workspace, outside threads, for whoever reads it.
    #[must_use]
    pub fn at(channel: ChannelName, installation: impl Into<String>, place: impl Into<String>) -> Self {
        Self {
            channel,
            installation: installation.into(),
            organisation: None,
            place: place.into(),
            thread: None,
            begins_thread: false,
            request: None,
            quotes: None,
            alone: false,
            home: false,
            below: None,
            person: None,
            route: None,
            connector: None,
        }
    }

    /// The unit in which answers keep their order: one thread, the place outside threads, one person's Home, or one link.
    #[must_use]
    pub fn conversation(&self) -> String {
        if let Some(Below { message, link }) = &self.below {
            return format!("{}/{message} {link}", self.spot());
        }
        let thread = if self.home { "home" } else { self.thread.as_deref().unwrap_or("") };
        format!("{}/{thread}", self.spot())
    }

    /// The place, in which messages keep their pace. The chat that a person has with the bot alone goes by the person:
    /// the platform may name it by an id of its own as well. What stands below links keeps a pace of its own, one for all
    /// of a workspace: no answer waits for what nobody has asked for.
    #[must_use]
    pub fn spot(&self) -> String {
        if self.below.is_some() {
            return format!("{}/{}{LINKS}", self.channel, self.installation);
        }
        let place = self.person.as_ref().filter(|_| self.alone).unwrap_or(&self.place);
        format!("{}/{}/{place}", self.channel, self.installation)
    }

    /// The chat that the person has with the bot alone, wherever that is: its place is the person.
    #[must_use]
    pub fn in_person(&self) -> Option<Self> {
        let person = self.person.clone().filter(|_| self.channel.reaches_people())?;
        let apart =
            Self { thread: None, begins_thread: false, home: false, below: None, alone: true, ..self.lasting() };
        Some(Self { place: person, ..apart })
    }

    /// Whether a message of this place may be one of another: a message's id is of its place alone. Of the chat that
    /// somebody has with the bot a platform may tell by an id of its own, without saying that nobody else is in it.
    #[must_use]
    pub fn shares_messages_with(&self, other: &Self) -> bool {
        let is_chat_of = |chat: &Self, of: &Self| chat.is_in_person() && chat.person == of.person;
        let is_same = self.place == other.place || is_chat_of(self, other) || is_chat_of(other, self);
        self.channel == other.channel && is_same
    }

    /// Whether its place is a person, of whose chat with the bot the platform has to be asked.
    #[must_use]
    pub fn is_in_person(&self) -> bool {
        self.alone && self.person.as_deref() == Some(self.place.as_str())
    }

    /// The address as it can be used days later.
    #[must_use]
    pub fn lasting(&self) -> Self {
        Self { route: None, request: None, quotes: None, ..self.clone() }
    }
}

/// What an event says of the way to its place, for whatever is said there later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// From here on the platform takes it at this address (Teams' `serviceUrl`).
    By(String),
    /// There is none: the bot was taken out of the place.
    Lost,
}

/// Something a channel has verified and decoded, not yet on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incoming {
    /// The channel that decoded it.
    pub channel: ChannelName,
    /// The workspace, as the platform states it; maps to a tenant.
    pub installation: String,
    /// The organisation of which that workspace is a part, where the platform names one; maps to a tenant where the
    /// bot is installed for all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Keys by which the same happening is recognised, however often and by whatever route it
    /// comes. The first is the platform's delivery id. What stands behind a `|` grows with time and is nobody's
    /// name: see `store/keyspace/dedupe.rs`.
    pub dedupe: Vec<String>,
    /// Unit of order within the tenant.
    pub lane: LaneKey,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PlatformUser>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Where answers go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Address>,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
    /// How authenticity was proved, for `why`: `slack v0 signature, secret 1`.
    pub proof: String,
    /// The way to the place, where the platform names one; kept with the place when the event is accepted, and not in
    /// the event.
    #[serde(skip)]
    pub reach: Option<Reach>,
    /// When it happened, where it came long after that: an answer to it is late from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened: Option<Timestamp>,
    /// The body as it came, for `why` and for what-if. Not part of the serialised head.
    #[serde(skip)]
    pub raw: bytes::Bytes,
}

/// An accepted happening: an [`Incoming`] with its number, its owner and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its number.
    pub id: EventId,
    /// Its owner.
    pub tenant: TenantId,
    /// When it was accepted.
    pub at: Timestamp,
    /// What came.
    #[serde(flatten)]
    pub what: Incoming,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api_key::Posted;

    #[test]
    fn what_happened_is_read_back_beside_the_fields_of_its_event() {
        for kind in [
            EventKind::Command { line: "help".into() },
            EventKind::CardAction { token: "t".into(), choice: Some("c".into()), message: Some("1".into()) },
            EventKind::CardSeen { token: "t".into() },
            EventKind::HomeOpened,
            EventKind::ToolCall { tool: "task.list".into(), args: serde_json::json!({"id": 1}) },
            EventKind::platform("x", Some("y".into())),
            EventKind::Platform {
                name: "x".into(),
                ignore: None,
                asked: Asked::default(),
                own: false,
                posted: Some(Posted {
                    by: "api key k-x".into(),
                    inputs: [("a".to_owned(), true.into())].into_iter().collect(),
                }),
                overheard: true,
            },
            EventKind::platform("x", None),
            EventKind::Meeting { phase: MeetingPhase::Ended, meeting: "m".into() },
            EventKind::Disconnected { why: "x".into(), happened: Some(Timestamp(1)) },
            EventKind::TimerFired { name: "due/T-1".into(), payload: serde_json::json!({}) },
        ] {
            let what = Incoming {
                channel: ChannelName::Teams,
                installation: "t1".into(),
                organisation: None,
                dedupe: vec!["k".into()],
                lane: LaneKey("l".into()),
                from: None,
                place: Some(Place { id: "p".into(), kind: PlaceKind::Private, shared: false }),
                reply: None,
                kind,
                proof: "test".into(),
                reach: None,
                happened: None,
                raw: bytes::Bytes::new(),
            };
            let event = Event { id: EventId(7), tenant: TenantId::default_tenant(), at: Timestamp(5), what };
            let written = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&written).unwrap(), event, "{written}");
        }
    }

    #[test]
    fn the_chat_of_a_person_alone_is_one_conversation_by_whichever_id() {
        let asked = Address {
            thread: Some("1.2".into()),
            begins_thread: true,
            request: Some("2.5".into()),
            person: Some("U1".into()),
            route: Some("https://hooks.slack.com/once".into()),
            ..Address::at(ChannelName::Slack, "T1", "C1")
        };
        let chat = asked.in_person().unwrap();
        assert!(chat.is_in_person() && chat.route.is_none() && chat.thread.is_none() && chat.request.is_none());
        let by_its_id = Address { place: "D1".into(), ..chat.clone() };
        assert!(!by_its_id.is_in_person());
        assert_eq!(chat.conversation(), by_its_id.conversation());
        let pressed = Address { alone: false, ..by_its_id.clone() };
        assert!(chat.shares_messages_with(&pressed) && pressed.shares_messages_with(&chat));
        let others = Address { person: Some("U2".into()), ..asked.clone() };
        for elsewhere in [others.in_person().unwrap(), Address { channel: ChannelName::Teams, ..chat.clone() }, others]
        {
            assert!(!chat.shares_messages_with(&elsewhere) && !elsewhere.shares_messages_with(&chat), "{elsewhere:?}");
        }
        assert_ne!(chat.conversation(), asked.conversation());
        assert_eq!(Address { person: None, ..asked.clone() }.in_person(), None);
        let below =
            Address { below: Some(Below { message: "C1:1.2".into(), link: "https://a/1".into() }), ..asked.clone() };
        assert!(below.conversation() != asked.conversation() && below.spot() != asked.spot());
        assert_eq!(below.in_person().unwrap(), chat);
        assert_eq!(Address { channel: ChannelName::Terminal, ..asked }.in_person(), None);
    }
}
