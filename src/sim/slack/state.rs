//! What is so in the workspace, and the steps that every rule is made of.
//!
//! Under the lock of a [`super::world::SlackWorld`]; it checks nothing and decides nothing. A further kind
//! of record is a field here and an accessor there.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::super::record::Records;
use super::super::world::PlatformState;
use super::app::App;
use super::hooks::ResponseUrl;
use super::message::{Message, Metadata};
use super::methods::streams::Stream;
use super::rates::{Gate, RateLimits};
use super::seed::{self, Channel, User, Workspace};
use super::unfurls::Told;
use crate::domain::time::Timestamp;

/// A performed `chat.postMessage`, or a stream that has ended, kept even if the message is deleted later.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Post {
    /// When it was performed.
    pub at: Timestamp,
    /// Where.
    pub channel: String,
    /// The message's id.
    pub ts: String,
    /// The thread, if any.
    pub thread_ts: Option<String>,
    /// What the application hung on it.
    pub metadata: Option<Metadata>,
    /// Whether the caller was told.
    pub answered: bool,
}

/// A modal that an application has opened, or a Home that it has published.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenView {
    /// `V…`.
    pub id: String,
    /// The person who sees it.
    pub user: String,
    /// The view as the application gave it.
    pub view: Value,
    /// What people have typed and chosen in it, in the shape of `view.state.values`; the rest is as it began.
    pub typed: Value,
    /// The version.
    pub hash: String,
}

/// A permission to open one modal.
#[derive(Debug, Clone)]
pub(super) struct Trigger {
    pub(super) user: String,
    pub(super) made_at: Timestamp,
    pub(super) used: bool,
}

/// All that is so in the workspace.
pub struct State {
    /// The token under which the application is installed at the beginning.
    token: String,
    pub(super) base_url: String,
    pub(super) team: Workspace,
    pub(super) users: BTreeMap<String, User>,
    pub(super) channels: BTreeMap<String, Channel>,
    /// Tokens and whether each still holds.
    pub(super) tokens: BTreeMap<String, bool>,
    /// When those end that are rotated.
    pub(super) expiries: BTreeMap<String, Timestamp>,
    /// The application, where a manifest made it.
    pub(super) app: Option<App>,
    /// Scopes that the application was not given; it has all others.
    pub(super) without_scopes: BTreeSet<String>,
    /// The organisation's token is not granted access to this team of it.
    pub(super) is_withheld: bool,
    pub(super) messages: BTreeMap<String, Vec<Message>>,
    pub(super) response_urls: BTreeMap<String, ResponseUrl>,
    pub(super) triggers: BTreeMap<String, Trigger>,
    pub(super) views: Vec<OpenView>,
    /// Every Home that was published, in order; of one person the last is shown.
    pub(super) homes: Vec<OpenView>,
    /// Whether the application's settings have the Home tab on.
    pub(super) home_tab: bool,
    /// The domains of whose links the application is told.
    pub(super) unfurl_domains: Vec<String>,
    /// The messages of whose links it was told, by the id of that telling, in order.
    pub(super) unfurls: BTreeMap<String, Told>,
    pub(super) posts: Vec<Post>,
    /// Messages that were begun as streams, by channel and `ts`.
    pub(super) streams: BTreeMap<(String, String), Stream>,
    /// Methods that are refused to the application, whatever it asks, with Slack's word for it.
    pub(super) refusals: BTreeMap<String, String>,
    pub(super) records: Records,
    pub(super) gate: Gate,
    last_ts: i64,
    born: Timestamp,
    pub(super) next_id: u64,
}

impl State {
    pub(super) fn new(token: &str, born: Timestamp) -> Self {
        Self {
            token: token.to_owned(),
            base_url: String::new(),
            team: seed::workspace(),
            users: seed::users().into_iter().map(|user| (user.id.clone(), user)).collect(),
            channels: seed::channels().into_iter().map(|channel| (channel.id.clone(), channel)).collect(),
            tokens: BTreeMap::from([(token.to_owned(), true)]),
            expiries: BTreeMap::new(),
            app: None,
            without_scopes: BTreeSet::new(),
            is_withheld: false,
            messages: BTreeMap::new(),
            response_urls: BTreeMap::new(),
            triggers: BTreeMap::new(),
            views: Vec::new(),
            homes: Vec::new(),
            home_tab: true,
            unfurl_domains: Vec::new(),
            unfurls: BTreeMap::new(),
            posts: Vec::new(),
            streams: BTreeMap::new(),
            refusals: BTreeMap::new(),
            records: Records::default(),
            gate: Gate::default(),
            last_ts: 0,
            born,
            next_id: 0,
        }
    }

    /// A `ts` that no message has: the time, moved on where two fall together.
    pub(super) fn new_ts(&mut self, now: Timestamp) -> String {
        self.last_ts = now.0.saturating_mul(1000).max(self.last_ts + 100);
        format!("{}.{:06}", self.last_ts / 1_000_000, self.last_ts % 1_000_000)
    }

    /// An id that no other world has given either, so that a bot which outlives one takes nothing for a repeat.
    pub(super) fn new_id(&mut self, prefix: &str) -> String {
        self.next_id += 1;
        format!("{prefix}{:X}{:05X}", self.born.0, self.next_id)
    }

    pub(super) fn new_trigger(&mut self, user: &str, now: Timestamp) -> String {
        let id = self.new_id("");
        let trigger = format!("{}.{}.{}", now.0, self.next_id, id.to_lowercase());
        self.triggers.insert(trigger.clone(), Trigger { user: user.to_owned(), made_at: now, used: false });
        trigger
    }

    /// A user, made on the fly where the id is one for load.
    pub(super) fn user(&mut self, id: &str) -> Option<User> {
        if !self.users.contains_key(id)
            && let Some(user) = seed::load_user(id)
        {
            self.users.insert(id.to_owned(), user);
        }
        self.users.get(id).cloned()
    }

    /// A channel, made on the fly where the id is one for load.
    pub(super) fn channel(&mut self, id: &str) -> Option<Channel> {
        if !self.channels.contains_key(id)
            && let Some(channel) = seed::load_channel(id)
        {
            self.channels.insert(id.to_owned(), channel);
        }
        self.channels.get(id).cloned()
    }

    /// The conversation of a user with the bot, opened where there is none.
    pub(super) fn direct_channel(&mut self, user: &str) -> Channel {
        let known = self.channels.values().find(|channel| channel.with.as_deref() == Some(user));
        if let Some(channel) = known {
            return channel.clone();
        }
        let channel = Channel::direct(&format!("D{}", user.get(1..).unwrap_or(user)), user);
        self.channels.insert(channel.id.clone(), channel.clone());
        channel
    }

    /// Whether an id is that of the workspace, or of a channel, a person, a trigger or a view in it.
    pub(super) fn has(&self, id: &str) -> bool {
        self.team.id == id
            || self.channels.contains_key(id)
            || self.users.contains_key(id)
            || self.triggers.contains_key(id)
            || self.unfurls.contains_key(id)
            || self.views.iter().any(|view| view.id == id)
    }

    /// What the Home of a person shows, where anything was published there.
    pub(super) fn home(&self, user: &str) -> Option<&OpenView> {
        self.homes.iter().rev().find(|home| home.user == user)
    }

    pub(super) fn message(&self, channel: &str, ts: &str) -> Option<&Message> {
        let list = self.messages.get(channel)?;
        list.binary_search_by(|message| message.ts.as_str().cmp(ts)).ok().map(|index| &list[index])
    }

    pub(super) fn message_mut(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        let list = self.messages.get_mut(channel)?;
        list.binary_search_by(|message| message.ts.as_str().cmp(ts)).ok().map(|index| &mut list[index])
    }

    pub(super) fn remove_message(&mut self, channel: &str, ts: &str) -> Option<Message> {
        let list = self.messages.get_mut(channel)?;
        let index = list.binary_search_by(|message| message.ts.as_str().cmp(ts)).ok()?;
        Some(list.remove(index))
    }

    /// Puts a message at the end of its channel; its `ts` is the newest there is. Slack gives every
    /// block an id that has none.
    pub(super) fn add_message(&mut self, mut message: Message) -> Message {
        for block in &mut message.blocks {
            self.complete_block(block);
        }
        self.messages.entry(message.channel.clone()).or_default().push(message.clone());
        message
    }

    /// Gives a block and its elements the ids that the application left out.
    pub(super) fn complete_block(&mut self, block: &mut Value) {
        if block["block_id"].as_str().is_none_or(str::is_empty) {
            block["block_id"] = Value::String(self.new_id("b"));
        }
        let interactive = |element: &Value| {
            element["type"].as_str().is_some_and(|kind| kind != "image" && kind != "mrkdwn" && kind != "plain_text")
        };
        if block["type"] == "actions"
            && let Some(elements) = block["elements"].as_array_mut()
        {
            for element in elements.iter_mut().filter(|element| interactive(element) && element["action_id"].is_null())
            {
                element["action_id"] = Value::String(self.new_id("a"));
            }
        }
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
        let fresh = Self::new(&self.token, now);
        let before = std::mem::replace(self, fresh);
        self.gate = Gate::new(before.gate.limits);
        self.unfurl_domains = before.unfurl_domains;
        (self.base_url, self.last_ts, self.next_id) = (before.base_url, before.last_ts, before.next_id);
    }
}
