//! What is so in the tenant, and the steps that every rule is made of.
//!
//! Under the lock of a [`super::world::TeamsWorld`]; it checks nothing and decides nothing. A further kind of record is a
//! field here and an accessor there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::super::record::Records;
use super::super::world::PlatformState;
use super::message::Message;
use super::package::AskedFor;
use super::rates::{Gate, RateLimits};
use super::refusal::Refusal;
use super::seed::{self, BotStanding, Conversation, Kind, Team, User};
use super::streaming::Stream;
use super::world::App;
use crate::domain::time::Timestamp;

/// How long a message for one person's eyes is shown: 24 hours, from Microsoft's page on targeted messages.
const TARGETED_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// The region in which conversations begin.
const REGION: &str = "emea";

/// A performed post of the bot, kept even if the message is deleted later.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Post {
    /// When it was performed.
    pub at: Timestamp,
    /// Where, as it was addressed: `;messageid=…` included.
    pub conversation: String,
    /// The id that was answered. Where a message was split into two, it names neither.
    pub id: String,
    /// The activity as it came.
    pub activity: Value,
    /// Whether the caller was told.
    pub answered: bool,
}

/// All that is so in the tenant.
pub struct State {
    pub(super) base_url: String,
    pub(super) app: App,
    /// The number of the key in use.
    pub(super) key: usize,
    /// Whether the published keys say what they are endorsed for.
    pub(super) endorsed: bool,
    /// Whether the bot hears what does not mention it, as resource-specific consent allows.
    pub(super) hears_all: bool,
    /// Into which kinds of conversations it can be put, where a package was uploaded; else into all.
    pub(super) installable: Option<Vec<Kind>>,
    /// What else the package asks for, where one was uploaded; else all.
    pub(super) asked_for: Option<AskedFor>,
    pub(super) users: BTreeMap<String, User>,
    pub(super) teams: BTreeMap<String, Team>,
    pub(super) conversations: BTreeMap<String, Conversation>,
    pub(super) messages: BTreeMap<String, Vec<Message>>,
    pub(super) streams: BTreeMap<String, Stream>,
    /// Whether the application may stream.
    pub(super) may_stream: bool,
    /// The region at whose connector a conversation is, where it was moved.
    pub(super) regions: BTreeMap<String, String>,
    /// Tokens given out, and until when each holds.
    pub(super) tokens: BTreeMap<String, Timestamp>,
    pub(super) posts: Vec<Post>,
    pub(super) records: Records,
    /// How often the bot showed that it types, by conversation.
    pub(super) typing: BTreeMap<String, u64>,
    pub(super) gate: Gate,
    last_id: i64,
    next_number: u64,
    born: Timestamp,
}

impl State {
    pub(super) fn new(app: App, born: Timestamp) -> Self {
        Self {
            base_url: String::new(),
            app,
            key: 0,
            endorsed: true,
            hears_all: false,
            installable: None,
            asked_for: None,
            users: seed::users().into_iter().map(|user| (user.id.clone(), user)).collect(),
            teams: seed::teams().into_iter().map(|team| (team.id.clone(), team)).collect(),
            conversations: seed::conversations().into_iter().map(|place| (place.id.clone(), place)).collect(),
            messages: BTreeMap::new(),
            streams: BTreeMap::new(),
            may_stream: true,
            regions: BTreeMap::new(),
            tokens: BTreeMap::new(),
            posts: Vec::new(),
            records: Records::default(),
            typing: BTreeMap::new(),
            gate: Gate::default(),
            last_id: 0,
            next_number: 0,
            born,
        }
    }

    /// The address to which answers are sent where nothing was moved. It has a region in its path, as Microsoft's has.
    pub(super) fn service_url(&self) -> String {
        format!("{}/{REGION}/", self.base_url)
    }

    /// The address to which answers in a conversation are sent.
    pub(super) fn service_url_of(&self, conversation: &str) -> String {
        format!("{}/{}/", self.base_url, self.region_of(conversation))
    }

    /// The region of a conversation, by its id with `;messageid=…` or without.
    pub(super) fn region_of(&self, conversation: &str) -> &str {
        let id = conversation.split(";messageid=").next().unwrap_or_default();
        self.regions.get(id).map_or(REGION, String::as_str)
    }

    /// The bot's id in conversations.
    pub(super) fn bot(&self) -> String {
        format!("28:{}", self.app.id)
    }

    /// An id that no message has: the time in milliseconds, moved on where two fall together.
    pub(super) fn new_id(&mut self, now: Timestamp) -> String {
        self.last_id = now.0.max(self.last_id + 1);
        self.last_id.to_string()
    }

    /// A GUID that no other world has given either.
    pub(super) fn new_guid(&mut self) -> String {
        self.next_number += 1;
        let born = self.born.0.unsigned_abs();
        format!("{:08x}-{:04x}-4000-8000-{:012x}", (born >> 16) & 0xffff_ffff, born & 0xffff, self.next_number)
    }

    /// A person by id, object id or short name; made on the fly where the name is one for load.
    pub(super) fn user(&mut self, who: &str) -> Option<User> {
        let is = |user: &&User| user.id == who || user.name == who || user.aad_object_id.as_deref() == Some(who);
        if let Some(user) = self.users.values().find(is) {
            return Some(user.clone());
        }
        let user = seed::load_user(who)?;
        let chat = Conversation::personal(&user);
        self.conversations.insert(chat.id.clone(), chat);
        self.users.insert(user.id.clone(), user.clone());
        Some(user)
    }

    /// A conversation by id or word; made on the fly where the word is one for load.
    pub(super) fn conversation(&mut self, which: &str) -> Option<Conversation> {
        if let Some(place) = self.conversations.get(which) {
            return Some(place.clone());
        }
        if let Some(place) = self.conversations.values().find(|place| place.name == which) {
            return Some(place.clone());
        }
        let place = seed::load_conversation(which)?;
        self.conversations.insert(place.id.clone(), place.clone());
        Some(place)
    }

    /// The chat of a person with the bot.
    pub(super) fn personal(&self, user: &str) -> Option<&Conversation> {
        self.conversations
            .values()
            .find(|place| place.kind == Kind::Personal && place.members.iter().any(|m| m == user))
    }

    /// The conversation of an address and, where the address names one, the first message of the reply chain.
    pub(super) fn place(&self, address: &str) -> Result<(Conversation, Option<String>), Refusal> {
        let (id, root) = match address.split_once(";messageid=") {
            Some((id, root)) => (id, Some(root.to_owned())),
            None => (address, None),
        };
        let place = self.conversations.get(id).ok_or_else(Refusal::no_conversation)?;
        let refused = |code, message| Err(Refusal::new(403, code, message));
        match place.bot {
            BotStanding::Installed => {}
            BotStanding::Absent => {
                return refused("BotNotInConversationRoster", "The bot is not part of the conversation roster.");
            }
            BotStanding::DisabledByAdmin => {
                return refused("BotDisabledByAdmin", "The tenant admin disabled this bot.");
            }
            BotStanding::Blocked => {
                return refused("ConversationBlockedByUser", "User blocked the conversation with the bot.");
            }
        }
        if root.as_deref().is_some_and(|root| place.kind != Kind::Channel || self.message(id, root).is_none()) {
            return Err(Refusal::no_conversation());
        }
        Ok((place.clone(), root))
    }

    pub(super) fn message(&self, conversation: &str, id: &str) -> Option<&Message> {
        self.messages.get(conversation)?.iter().find(|message| message.id == id)
    }

    pub(super) fn message_mut(&mut self, conversation: &str, id: &str) -> Option<&mut Message> {
        self.messages.get_mut(conversation)?.iter_mut().find(|message| message.id == id)
    }

    /// Puts a message at the end of its conversation.
    pub(super) fn add(&mut self, message: Message) -> Message {
        self.messages.entry(message.conversation.clone()).or_default().push(message.clone());
        message
    }
}

impl PlatformState for State {
    type RateLimits = RateLimits;

    fn base_url(&mut self) -> &mut String {
        &mut self.base_url
    }

    fn records(&mut self) -> &mut Records {
        &mut self.records
    }

    fn keep_pace(&mut self, limits: RateLimits) {
        self.gate = Gate::new(limits);
    }

    fn begin_again(&mut self, now: Timestamp) {
        let fresh = Self::new(self.app.clone(), now);
        let before = std::mem::replace(self, fresh);
        self.gate = Gate::new(before.gate.limits);
        (self.base_url, self.last_id, self.next_number) = (before.base_url, before.last_id, before.next_number);
    }

    /// Takes away what was shown to one person for a day.
    fn catch_up(&mut self, now: Timestamp) {
        let over = |message: &Message| message.only_for.is_some() && now.since(message.at) >= TARGETED_LIFE;
        for message in self.messages.values_mut().flatten().filter(|message| over(message)) {
            message.deleted = true;
        }
    }
}
