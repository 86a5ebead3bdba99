//! A verified delivery of a webhook → what happened.
//!
//! Each kind of event is taken, also one that GitHub adds later: only a few fields of the body are read, each by itself,
//! and one that is missing or of another shape is left out. Nobody has asked the bot to act on any of them, so each is
//! ignored with that reason, and kept. Not here: the check of the signature (`verify`).
//! Shapes: docs.github.com/webhooks/webhook-events-and-payloads.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::verify::Proof;
use crate::domain::event::{ChannelName, EventKind, Incoming, Place, PlaceKind, PlatformUser};
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
fn is_word(text: &str) -> bool {
    let fits = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_' || letter == b'-';
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(fits)
}

fn is_delivery(text: &str) -> bool {
    let fits = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
    (1..=LONGEST_DELIVERY).contains(&text.len()) && text.bytes().all(fits)
}

/// Reads a delivery whose authenticity is proved: the headers [`EVENT_HEADER`] and [`DELIVERY_HEADER`], and the body.
/// `realm` is where the ids of its users are valid: `github.com`, or the host of a server of one's own.
///
/// # Errors
/// As [`Malformed`] says.
pub fn decode(
    event: Option<&str>,
    delivery: Option<&str>,
    body: &Bytes,
    realm: &str,
    proof: &Proof,
) -> Result<Incoming, Malformed> {
    let event = event.filter(|event| is_word(event)).ok_or(Malformed::Header(EVENT_HEADER))?;
    let delivery = delivery.filter(|id| is_delivery(id)).ok_or(Malformed::Header(DELIVERY_HEADER))?;
    let fields: Body<'_> = serde_json::from_slice(body).map_err(|error| Malformed::Body(error.to_string()))?;
    let action: Option<String> = read(fields.action).filter(|action: &String| is_word(action));
    let name = action.map_or_else(|| event.to_owned(), |action| format!("{event}.{action}"));
    let repository: Option<Repository> = read(fields.repository);
    let user =
        |Identified { id }| PlatformUser { channel: ChannelName::GitHub, realm: realm.to_owned(), id: id.to_string() };
    let installation = read(fields.installation).map(|Identified { id }| id.to_string()).unwrap_or_default();
    let lane = lane(&installation, repository.as_ref(), read(fields.issue).or_else(|| read(fields.pull_request)));
    let why = format!("nothing acts on `{name}` of GitHub");
    Ok(Incoming {
        channel: ChannelName::GitHub,
        organisation: account(&fields, repository.as_ref()),
        installation,
        dedupe: vec![format!("github:delivery:{}", delivery.to_ascii_lowercase())],
        lane: LaneKey(lane.into()),
        from: read(fields.sender).map(user),
        place: repository.map(place),
        reply: None,
        kind: EventKind::Platform { name, ignore: Some(why) },
        proof: proof.to_string(),
        reach: None,
        happened: None,
        raw: body.clone(),
    })
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
fn lane(installation: &str, repository: Option<&Repository>, of: Option<Numbered>) -> String {
    match (repository, of) {
        (Some(Repository { id, .. }), Some(Numbered { number })) => format!("github/{id}/{number}"),
        (Some(Repository { id, .. }), None) => format!("github/{id}/"),
        (None, _) => format!("github/-/{installation}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const DELIVERY: &str = "72D3162E-cc78-11e3-81ab-4c9367dc0958";

    fn decoded(event: &str, body: &Value) -> Incoming {
        let proof = Proof { secret_index: 0 };
        decode(Some(event), Some(DELIVERY), &body.to_string().into(), "github.com", &proof).unwrap()
    }

    fn opened() -> Value {
        json!({
            "action": "opened",
            "issue": {"number": 7, "title": "It breaks"},
            "repository": {"id": 186853002, "full_name": "Acme/Shop", "private": true, "owner": {"login": "Acme", "id": 1}},
            "organization": {"login": "Acme"},
            "installation": {"id": 1234, "node_id": "x"},
            "sender": {"login": "ann", "id": 21031067, "type": "User"},
        })
    }

    #[test]
    fn an_event_of_an_issue_says_who_where_and_in_which_order() {
        let incoming = decoded("issues", &opened());
        assert_eq!(incoming.dedupe, ["github:delivery:72d3162e-cc78-11e3-81ab-4c9367dc0958"]);
        assert_eq!(&*incoming.lane.0, "github/186853002/7");
        assert_eq!((&*incoming.installation, incoming.organisation.as_deref()), ("1234", Some("acme")));
        let from = incoming.from.unwrap();
        assert_eq!(from.to_string(), "github:github.com/21031067");
        let place = Place { id: "Acme/Shop".into(), kind: PlaceKind::Private, shared: false };
        assert_eq!(incoming.place, Some(place));
        let why = "nothing acts on `issues.opened` of GitHub".to_owned();
        assert_eq!(incoming.kind, EventKind::Platform { name: "issues.opened".into(), ignore: Some(why) });
        assert_eq!(incoming.raw, opened().to_string());
    }

    #[test]
    fn a_public_repository_is_read_by_everybody() {
        let mut body = opened();
        body["repository"]["private"] = json!(false);
        let place = decoded("issues", &body).place.unwrap();
        assert_eq!((place.kind, place.shared), (PlaceKind::Public, true));
    }

    #[test]
    fn what_a_pull_request_is_told_of_by_any_event_stands_in_its_lane() {
        let mut body = opened();
        body["pull_request"] = body["issue"].take();
        for event in ["pull_request", "pull_request_review", "pull_request_review_comment"] {
            assert_eq!(&*decoded(event, &body).lane.0, "github/186853002/7", "{event}");
        }
        body["pull_request"] = Value::Null;
        assert_eq!(&*decoded("push", &body).lane.0, "github/186853002/");
        assert_eq!(&*decoded("installation", &json!({"installation": {"id": 5}})).lane.0, "github/-/5");
    }

    #[test]
    fn what_is_missing_or_of_another_shape_is_left_out() {
        for key in ["action", "issue", "repository", "organization", "installation", "sender"] {
            for other in [Value::Null, json!(1), json!("x"), json!([]), json!({}), json!({"id": "x", "number": -1})] {
                let mut body = opened();
                body[key] = other.clone();
                let incoming = decoded("issues", &body);
                let EventKind::Platform { name, .. } = &incoming.kind else { panic!("{incoming:?}") };
                assert!(
                    name == "issues.opened" || (key == "action" && name.starts_with("issues")),
                    "{key} {other}: {name}"
                );
            }
        }
        let bare = decoded("ping", &json!({"zen": "x"}));
        assert_eq!((bare.from, bare.place, bare.organisation), (None, None, None));
        assert_eq!(
            decoded("installation", &json!({"installation": {"id": 5, "account": {"login": "Acme"}}})).organisation,
            Some("acme".into())
        );
        assert_eq!(decoded("team", &json!({"organization": {"login": "Acme"}})).organisation, Some("acme".into()));
    }

    #[test]
    fn what_github_does_not_write_is_refused() {
        let proof = Proof { secret_index: 0 };
        let long = "a".repeat(65);
        for (event, delivery, body, expected) in [
            (None, Some(DELIVERY), "{}", EVENT_HEADER),
            (Some(""), Some(DELIVERY), "{}", EVENT_HEADER),
            (Some("Issues\n"), Some(DELIVERY), "{}", EVENT_HEADER),
            (Some(&*long), Some(DELIVERY), "{}", EVENT_HEADER),
            (Some("issues"), None, "{}", DELIVERY_HEADER),
            (Some("issues"), Some("a|b"), "{}", DELIVERY_HEADER),
            (Some("issues"), Some(&*long), "{}", DELIVERY_HEADER),
            (Some("issues"), Some(DELIVERY), "", "no JSON object"),
            (Some("issues"), Some(DELIVERY), "[]", "no JSON object"),
            (Some("issues"), Some(DELIVERY), "{\"action\":", "no JSON object"),
            (Some("issues"), Some(DELIVERY), "payload=%7B%7D", "no JSON object"),
        ] {
            let refused =
                decode(event, delivery, &Bytes::from_static(body.as_bytes()), "github.com", &proof).unwrap_err();
            assert!(refused.to_string().contains(expected), "{event:?} {delivery:?} {body}: {refused}");
        }
    }
}
