//! Links in what people write to domains that the application has registered: which Slack tells of, and by which names
//! the application may show something below them.
//!
//! From docs.slack.dev/messaging/unfurling-links-in-messages and …/reference/events/link_shared. What is refused stands in
//! `methods/unfurl.rs`.

use serde_json::{Value, json};
use url::{Host, Url};

use super::clicks::envelope;
use super::message::Message;
use super::payload::{self, Request};
use super::seed::Channel;
use super::sender::{SendError, Sender, who_where};
use super::state::State;
use super::world::SlackWorld;
use crate::domain::time::Timestamp;

/// The most domains that an application may register.
pub(super) const MOST_DOMAINS: usize = 5;
/// The source of a message that stands in a conversation, and of one that is still being written.
pub(super) const POSTED: &str = "conversations_history";
/// See [`POSTED`].
pub(super) const COMPOSER: &str = "composer";
/// The channel that is named for a message that is still being written.
pub(super) const NOWHERE: &str = "COMPOSER";

/// A message of whose links the application was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) channel: String,
    pub(super) ts: String,
    pub(super) source: &'static str,
    pub(super) links: Vec<String>,
}

impl SlackWorld {
    /// Registers the application's domains, in the place of those before.
    ///
    /// # Panics
    /// Where Slack would not take them: more than five, an address of a machine, or a name without a top-level domain.
    pub fn set_unfurl_domains(&self, wanted: &[&str]) {
        let domains = domains(wanted.iter().copied()).unwrap_or_else(|wrong| panic!("{wrong}"));
        self.change(|state, _| state.unfurl_domains = domains);
    }
}

/// The domains that an application registers, or what Slack says of them.
pub(super) fn domains<'a>(wanted: impl Iterator<Item = &'a str>) -> Result<Vec<String>, String> {
    let domains: Vec<String> = wanted.map(str::to_lowercase).collect();
    match domains.iter().find(|name| !is_domain(name)) {
        Some(wrong) => Err(format!("{wrong} is no domain that Slack takes")),
        None if domains.len() > MOST_DOMAINS => Err(format!("there are more than {MOST_DOMAINS} domains")),
        None => Ok(domains),
    }
}

/// "Domains must have a TLD", and "IP addresses are not domains".
pub(super) fn is_domain(name: &str) -> bool {
    name.contains('.') && matches!(Host::parse(name), Ok(Host::Domain(_)))
}

/// The registered domain to which a link goes: the name itself, or one above it, whatever the port.
pub(super) fn domain_of(link: &str, registered: &[String]) -> Option<String> {
    let url = Url::parse(link).ok()?;
    let host = url.host_str()?;
    let is_below = |name: &&String| host == name.as_str() || host.ends_with(&format!(".{name}"));
    registered.iter().find(is_below).cloned()
}

/// The links in a text as Slack keeps it: with their protocol, to the next blank or the end of a token.
pub(super) fn links(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (at, _) in text.match_indices("http") {
        let rest = &text[at..];
        let begins_word = !text[..at].ends_with(|before: char| before.is_alphanumeric() || "/=?&".contains(before));
        if !begins_word || !(rest.starts_with("https://") || rest.starts_with("http://")) {
            continue;
        }
        let link = rest.split([' ', '\n', '\t', '<', '>', '|', '"']).next().unwrap_or_default();
        let link = link.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'']).replace("&amp;", "&");
        if !found.contains(&link) {
            found.push(link);
        }
    }
    found
}

/// The event that tells of the links of a message to the application's domains; none where there are none. Each telling
/// has an id of its own, and a message of an application is told of to nobody.
pub(super) fn told(state: &mut State, message: &Message, channel: &Channel, now: Timestamp) -> Option<Request> {
    let is_told = message.bot_id.is_none() && state.app.as_ref().is_none_or(|app| app.listens_to("link_shared"));
    let links = of_the_app(state, &message.text).filter(|_| is_told)?;
    let id = format!("{}.{}.{}", message.channel, message.ts, state.new_id("").to_lowercase());
    let (ts, user) = (message.ts.clone(), message.user.clone());
    let told = Told { channel: message.channel.clone(), ts, source: POSTED, links: links.urls };
    let mut event = shared(&told, &id, &user, channel.bot_is_member, &links.shown);
    if let Some(thread) = &message.thread_ts {
        event["thread_ts"] = json!(thread);
    }
    state.unfurls.insert(id, told);
    Some(envelope(state, &event, now.as_seconds(), channel.shared))
}

/// Links to the application's domains.
struct Links {
    urls: Vec<String>,
    /// As an event names them.
    shown: Vec<Value>,
}

fn of_the_app(state: &State, text: &str) -> Option<Links> {
    let domain = |url: &String| domain_of(url, &state.unfurl_domains);
    let (urls, shown): (Vec<String>, Vec<Value>) = links(text)
        .into_iter()
        .filter_map(|url| domain(&url).map(|domain| (url.clone(), json!({ "domain": domain, "url": url }))))
        .unzip();
    (!urls.is_empty()).then_some(Links { urls, shown })
}

fn shared(told: &Told, id: &str, user: &str, bot_is_member: bool, links: &[Value]) -> Value {
    json!({
        "type": "link_shared", "channel": told.channel, "is_bot_user_member": bot_is_member, "user": user,
        "message_ts": told.ts, "unfurl_id": id, "source": told.source, "links": links, "event_ts": told.ts,
    })
}

impl Sender {
    /// Tells of the links of a message once more, as after an edit: with another id.
    ///
    /// # Errors
    /// When there is no such channel or message, or there is no link to tell of.
    pub fn links_again(&self, channel: &str, ts: &str) -> Result<Request, SendError> {
        self.world.change(|state, now| {
            let place = state.channel(channel).ok_or_else(|| SendError::NoChannel(channel.to_owned()))?;
            let no_message = || SendError::NoMessage { channel: channel.to_owned(), ts: ts.to_owned() };
            let message = state.message(channel, ts).cloned().ok_or_else(no_message)?;
            told(state, &message, &place, now).ok_or_else(no_message)
        })
    }

    /// Lets a person put a text into the box in which messages are written, and tells of its links; none where there are
    /// none.
    ///
    /// # Errors
    /// When there is no such user or channel.
    pub fn compose(&self, user: &str, channel: &str, text: &str) -> Result<Option<Request>, SendError> {
        self.world.change(|state, now| {
            let (user, place, _) = who_where(state, user, channel)?;
            let Some(links) = of_the_app(state, &payload::as_typed(text)) else { return Ok(None) };
            let id = format!("{}-{}", user.id, state.new_id("").to_lowercase());
            let told = Told { channel: NOWHERE.into(), ts: id.clone(), source: COMPOSER, links: links.urls };
            let event = shared(&told, &id, &user.id, place.bot_is_member, &links.shown);
            state.unfurls.insert(id, told);
            Ok(Some(envelope(state, &event, now.as_seconds(), false)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_with_their_protocol_and_each_once() {
        let text = "see https://a.example/1, (http://b.example/x?y=1&amp;z=2) <https://c.example|c> https://a.example/1. \
                    a.example/2 xhttps://d.example https://e.example/?https://f.example";
        assert_eq!(
            links(text),
            [
                "https://a.example/1",
                "http://b.example/x?y=1&z=2",
                "https://c.example",
                "https://e.example/?https://f.example"
            ]
        );
    }

    #[test]
    fn a_domain_has_those_below_it_and_any_port() {
        let registered = vec!["bot.example".to_owned()];
        for (link, is_told) in [
            ("https://bot.example/1", true),
            ("https://BOT.example:8443/1", true),
            ("https://a.bot.example/1", true),
            ("http://bot.example/1", true),
            ("https://example/1", false),
            ("https://xbot.example/1", false),
            ("https://bot.example.evil.example/1", false),
            ("https://evil.example/?https://bot.example/1", false),
        ] {
            assert_eq!(domain_of(link, &registered).is_some(), is_told, "{link}");
        }
        assert!(is_domain("bot.example") && !is_domain("127.0.0.1") && !is_domain("localhost") && !is_domain("[::1]"));
    }
}
