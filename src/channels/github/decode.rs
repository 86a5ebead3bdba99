//! A verified delivery of a webhook → what happened, and which commands stand in what was written.
//!
//! Each kind of event is taken, also one that GitHub adds later: only a few fields of the body are read, each by itself,
//! and one that is missing or of another shape is left out. Rules may act on any of them. What somebody has written is
//! `decode/spoken.rs`. Not here: the check of the signature (`verify`).
//! Shapes: docs.github.com/webhooks/webhook-events-and-payloads.

mod spoken;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::domain::event::{Address, ChannelName, EventKind, Incoming, Place, PlaceKind, PlatformUser};
use crate::domain::ids::LaneKey;

/// Header that names the kind of event: `issues`, `push`.
pub const EVENT_HEADER: &str = "x-github-event";
/// Header with the GUID of the delivery, which a redelivery keeps.
pub const DELIVERY_HEADER: &str = "x-github-delivery";
/// Largest body that GitHub sends, in bytes (docs.github.com/webhooks/webhook-events-and-payloads, "Payload cap").
pub const MOST_BYTES: usize = 25 * 1024 * 1024;
/// Longest name of an event or an action, in characters; GitHub's longest are half of it.
const LONGEST_NAME: usize = 64;
/// Longest id of a delivery, in characters; a GUID has 36.
const LONGEST_DELIVERY: usize = 64;

/// Why a delivery is no event; the answer is 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A header of GitHub is missing, or holds what GitHub does not write.
    #[error("the header {0} is missing or malformed")]
    Header(&'static str),
    /// The body is no JSON object.
    #[error("the body is no JSON object: {0}")]
    Body(String),
}

/// As whom the bot is known on GitHub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Me {
    /// Where the ids of users are valid: `github.com`, or the host of a server of one's own.
    pub realm: String,
    /// The App's name in addresses, by which people also call it, `@slug`; empty while it is not known.
    pub slug: String,
    /// The App's id, where it is a number.
    pub app_id: Option<u64>,
}

/// What a delivery tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What happened.
    pub event: Incoming,
    /// The commands in what was written, in their order; each is known again by itself, however often its text is told
    /// of, also after it was edited.
    pub commands: Vec<Incoming>,
}

/// The fields of a body that are read. Each is as GitHub wrote it until it is asked for.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    #[serde(borrow)]
    repository: Option<&'a RawValue>,
    #[serde(borrow)]
    organization: Option<&'a RawValue>,
    #[serde(borrow)]
    installation: Option<&'a RawValue>,
    #[serde(borrow)]
    issue: Option<&'a RawValue>,
    #[serde(borrow)]
    pull_request: Option<&'a RawValue>,
    #[serde(borrow)]
    comment: Option<&'a RawValue>,
    #[serde(borrow)]
    review: Option<&'a RawValue>,
    #[serde(borrow)]
    changes: Option<&'a RawValue>,
    #[serde(borrow)]
    sender: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Account {
    login: String,
}

#[derive(Deserialize)]
struct Identified {
    id: u64,
}

#[derive(Deserialize)]
struct Numbered {
    number: u64,
}

/// Who did it.
#[derive(Deserialize)]
struct Sender {
    login: String,
    #[serde(rename = "type", default)]
    kind: String,
}

#[derive(Deserialize)]
struct Installation {
    account: Account,
}

#[derive(Deserialize)]
struct Repository {
    id: u64,
    full_name: String,
    private: bool,
    owner: Account,
}

/// A field, where it is there and of that shape.
fn read<T: DeserializeOwned>(field: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(field?.get()).ok()
}

/// A word of GitHub's, as it is used in names: `pull_request`, `opened`.
pub(super) fn is_word(text: &str) -> bool {
    let fits = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_' || letter == b'-';
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(fits)
}

pub(super) fn is_delivery(text: &str) -> bool {
    let fits = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
    (1..=LONGEST_DELIVERY).contains(&text.len()) && text.bytes().all(fits)
}

/// The key by which a delivery is known again, whatever the case of its GUID.
#[must_use]
pub fn delivery_key(guid: &str) -> String {
    format!("github:delivery:{}", guid.to_ascii_lowercase())
}

/// Reads a delivery whose authenticity is proved: the headers [`EVENT_HEADER`] and [`DELIVERY_HEADER`], and the body.
///
/// # Errors
/// As [`Malformed`] says.
pub fn decode(
    event: Option<&str>,
    delivery: Option<&str>,
    body: &Bytes,
    me: &Me,
    proof: impl std::fmt::Display,
) -> Result<Told, Malformed> {
    let event = event.filter(|event| is_word(event)).ok_or(Malformed::Header(EVENT_HEADER))?;
    let delivery = delivery.filter(|id| is_delivery(id)).ok_or(Malformed::Header(DELIVERY_HEADER))?;
    // serde would read a list as the fields in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Malformed::Body("it does not begin with `{`".to_owned()));
    }
    let fields: Body<'_> = serde_json::from_slice(body).map_err(|error| Malformed::Body(error.to_string()))?;
    let action: Option<String> = read(fields.action).filter(|action: &String| is_word(action));
    let name = action.as_deref().map_or_else(|| event.to_owned(), |action| format!("{event}.{action}"));
    let repository: Option<Repository> = read(fields.repository);
    let of = read(fields.issue).or_else(|| read(fields.pull_request)).map(|Numbered { number }| number);
    let installation = read(fields.installation).map(|Identified { id }| id.to_string()).unwrap_or_default();
    let lane = lane(&installation, repository.as_ref(), of);
    let organisation = account(&fields, repository.as_ref());
    let from = read(fields.sender).map(|Identified { id }| PlatformUser {
        channel: ChannelName::GitHub,
        realm: me.realm.clone(),
        id: id.to_string(),
    });
    let reply = repository.as_ref().zip(of).map(|(repository, number)| Address {
        organisation: organisation.clone(),
        thread: Some(number.to_string()),
        person: from.as_ref().map(|user| user.id.clone()),
        ..Address::at(ChannelName::GitHub, installation.clone(), repository.full_name.clone())
    });
    let sender: Option<Sender> = read(fields.sender);
    let own = sender.as_ref().is_some_and(|sender| me.is(sender));
    let text = spoken::text(event, action.as_deref(), &fields, me);
    let reply = reply.map(|reply| Address { request: text.as_ref().map(|text| text.subject.clone()), ..reply });
    // Whatever another program writes is no wish of a person.
    let is_person = sender.is_some_and(|sender| sender.kind != "Bot") && from.is_some() && reply.is_some();
    let said = text.filter(|_| is_person).map(|text| text.commands(&me.slug)).unwrap_or_default();
    let event = Incoming {
        channel: ChannelName::GitHub,
        organisation,
        installation,
        dedupe: vec![delivery_key(delivery)],
        lane: LaneKey(lane.into()),
        from,
        place: repository.map(place),
        reply,
        kind: EventKind::Platform { name, ignore: None, asked: said.asked(), own, posted: None, overheard: false },
        proof: proof.to_string(),
        reach: None,
        happened: None,
        raw: body.clone(),
    };
    Ok(Told { commands: said.events(&event), event })
}

impl Me {
    /// Whether this is the bot itself.
    fn is(&self, sender: &Sender) -> bool {
        !self.slug.is_empty() && sender.login.strip_suffix("[bot]") == Some(&*self.slug)
    }
}

/// The organisation or user in whose account it happened, in lower case: GitHub knows accounts again in either.
fn account(fields: &Body<'_>, repository: Option<&Repository>) -> Option<String> {
    let owner = repository.map(|repository| repository.owner.login.clone());
    let organisation = || read(fields.organization).map(|Account { login }| login);
    let installed = || read(fields.installation).map(|Installation { account }| account.login);
    Some(owner.or_else(organisation).or_else(installed)?.to_lowercase())
}

/// A public repository is read by everybody.
fn place(repository: Repository) -> Place {
    let kind = if repository.private { PlaceKind::Private } else { PlaceKind::Public };
    Place { id: repository.full_name, kind, shared: !repository.private }
}

/// An issue or pull request, else the repository, else what the App is installed in. Numbers go over both kinds, and
/// a repository that is renamed keeps its id.
fn lane(installation: &str, repository: Option<&Repository>, of: Option<u64>) -> String {
    match (repository, of) {
        (Some(Repository { id, .. }), Some(number)) => format!("github/{id}/{number}"),
        (Some(Repository { id, .. }), None) => format!("github/{id}/"),
        (None, _) => format!("github/-/{installation}"),
    }
}
