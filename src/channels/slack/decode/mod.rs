//! A verified request of Slack, or what came in an envelope of a socket → what happened.
//!
//! Every kind of request is read by one function, as in Slack's own framework, since one address
//! may serve them all: the Events API is JSON, a slash command is a form with `command`, a press
//! is a form with `payload`. What nobody has asked the bot to act on is an event too, with the
//! reason why it will be ignored, so that silence can be explained.
//!
//! Not here: the check of the signature (`verify`), and what a line or a token means. A new kind
//! is an arm in one of the three files below.

mod command;
mod events;
mod form;
mod interaction;
mod links;
mod missed;
mod origin;

pub use events::tells_of;
pub use missed::{Heard, missed};

use std::fmt::Display;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::channels::slack::modal::{CameFrom, Typed};
use crate::channels::slack::verify::Proof;
use crate::domain::event::{Address, ChannelName, EventKind, Incoming, Place, PlaceKind, PlatformUser};
use crate::domain::form::Asked;
use crate::domain::ids::LaneKey;
use crate::domain::time::Timestamp;

/// What a request of Slack is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// Slack asks whether the address is ours; the answer is this text, with status 200.
    Challenge(String),
    /// Slack looks whether the certificate is good; the answer is an empty 200.
    Probe,
    /// Something happened.
    Event(Box<Incoming>),
    /// Something happened by which somebody may ask for a form, or for more in one.
    Asking(Box<Incoming>, Box<Asking>),
}

/// What somebody may ask for beside what an event is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asking {
    /// A form.
    Form(Wanted),
    /// The analysis of what is typed in an open one.
    Analysis(Typed),
    /// Nothing, by a form that was not opened in the workspace from which it comes.
    Strayed {
        /// The form's name.
        form: String,
        /// The field at which that can be said.
        field: String,
    },
}

/// How somebody may ask for a form, and what allows to open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What was typed or chosen.
    pub asked: Asked,
    /// Opens one form within 3 s: docs.slack.dev/surfaces/modals.
    pub trigger_id: String,
    /// Where.
    pub came_from: CameFrom,
}

impl Decoded {
    /// The same, by which somebody may ask for a form.
    fn asking(self, asking: Option<Asking>) -> Self {
        match (self, asking) {
            (Self::Event(incoming), Some(asking)) => Self::Asking(incoming, Box::new(asking)),
            (same, _) => same,
        }
    }
}

/// Why a request cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not what Slack documents; the answer is 400.
    #[error("malformed: {0}")]
    Malformed(String),
    /// Neither JSON nor a form; the answer is 415.
    #[error("wrong type: neither application/json nor application/x-www-form-urlencoded")]
    WrongType,
}

/// The key by which every copy of a message is known: its place and its time name it in a workspace.
#[must_use]
pub fn message_key(workspace: &str, place: &str, ts: &str) -> String {
    format!("slack:msg:{workspace}:{place}|{ts}")
}

/// When a message was said, by its `ts`: seconds and, behind the point, what tells messages of one second apart.
#[must_use]
pub fn time_of(ts: &str) -> Option<Timestamp> {
    let (seconds, order) = ts.split_once('.')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = seconds.parse::<i64>().ok().filter(|_| is_number(seconds) && is_number(order))?;
    Some(Timestamp(seconds.checked_mul(1000)?))
}

fn malformed(what: impl Into<String>) -> DecodeError {
    DecodeError::Malformed(what.into())
}

/// Reads a request whose authenticity is proved.
///
/// # Errors
/// Where the body is not UTF-8, not JSON or a form, or lacks what makes it a request of Slack.
pub fn decode(content_type: Option<&str>, body: &Bytes, proof: &Proof) -> Result<Decoded, DecodeError> {
    let kind = content_type.unwrap_or_default();
    let text = || std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8"));
    let request = Request { body, proof };
    if essence(kind).eq_ignore_ascii_case("application/json") {
        events::decode(&request, text()?)
    } else if is_form(kind) {
        decode_form(&request, &form::Form::read(text()?)?)
    } else {
        Err(DecodeError::WrongType)
    }
}

/// What an envelope of Socket Mode carries: docs.slack.dev/apis/events-api/using-socket-mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// The body of the Events API.
    Event,
    /// The fields of a slash command, as JSON.
    Command,
    /// The JSON that stands in the field `payload` of a press.
    Interaction,
}

/// Reads what came in an envelope. The keys of the event are those that it has as a request, so what comes by both
/// roads is one event.
///
/// # Errors
/// Where it is not UTF-8, not JSON, or lacks what makes it one of Slack's.
pub fn decode_payload(content: Content, payload: &Bytes, proof: &dyn Display) -> Result<Decoded, DecodeError> {
    let text = std::str::from_utf8(payload).map_err(|_| malformed("the payload is not UTF-8"))?;
    let request = Request { body: payload, proof };
    match content {
        Content::Event => events::decode(&request, text),
        Content::Command => command::decode(&request, &form::Form::of_json(text)?),
        Content::Interaction => interaction::decode(&request, text),
    }
}

/// Whether an event is one to which Slack takes an answer at once: a slash command.
#[must_use]
pub fn awaits_its_answer(incoming: &Incoming) -> bool {
    let by_route = incoming.reply.as_ref().is_some_and(|reply| reply.route.is_some());
    matches!(incoming.kind, EventKind::Command { .. }) && by_route
}

/// Whether it is Slack's look at the certificate of a command's address, which is the one request that it does not
/// sign: docs.slack.dev/interactivity/implementing-slash-commands. It asks nothing and is answered with nothing.
#[must_use]
pub fn is_probe(content_type: Option<&str>, body: &Bytes) -> bool {
    let Some(form) = content_type.filter(|kind| is_form(kind)).and_then(|_| std::str::from_utf8(body).ok()) else {
        return false;
    };
    form::Form::read(form).is_ok_and(|form| {
        form.get("ssl_check") == Some("1") && form.get("command").is_none() && form.get("payload").is_none()
    })
}

fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn is_form(content_type: &str) -> bool {
    essence(content_type).eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn decode_form(request: &Request<'_>, form: &form::Form<'_>) -> Result<Decoded, DecodeError> {
    if form.get("ssl_check") == Some("1") {
        Ok(Decoded::Probe)
    } else if let Some(payload) = form.get("payload") {
        interaction::decode(request, payload)
    } else if form.get("command").is_some() {
        command::decode(request, form)
    } else {
        Err(malformed("a form with neither `command` nor `payload`"))
    }
}

/// The request that is being read.
struct Request<'a> {
    body: &'a Bytes,
    proof: &'a dyn Display,
}

/// What a reader has found; [`Request::event`] makes the event of it.
struct Found {
    installation: String,
    /// The organisation of which it is a part.
    organisation: Option<String>,
    /// Keys besides the one of the body; the platform's delivery id first.
    dedupe: Vec<String>,
    thread: Option<String>,
    /// The thread is that of the event itself, under which nobody has answered.
    begins_thread: bool,
    /// The message that asks, where its answer stands beside it.
    request: Option<String>,
    /// Only the person and the bot read the place.
    alone: bool,
    /// It happened in the Home of that person, which shows what it is answered.
    home: bool,
    from: Option<PlatformUser>,
    place: Option<Place>,
    /// Where Slack wants answers to this one event, if it says so.
    route: Option<String>,
    kind: EventKind,
}

impl Found {
    /// It happened in the Home of who did it. All that happens there stands in one lane, and all that is shown there has
    /// one target, so that the Home always ends as the last of it has left it.
    ///
    /// Slack tells of each opening (docs.slack.dev/reference/events/app_home_opened), and each is an event of its own: a
    /// key for several of them would leave a Home as it was before somebody else's change. They do no harm by their
    /// number: one at a time is handled, one a pause is shown (`channels.slack.message_pace_ms`), and of those that have
    /// to wait the outbox shows the last.
    fn in_home(&mut self) {
        let Some(person) = &self.from else { return };
        let shared = person.realm != self.installation;
        self.place = Some(Place { id: person.id.clone(), kind: PlaceKind::Direct, shared });
        (self.home, self.alone, self.thread, self.route) = (true, true, None, None);
    }
}

impl Request<'_> {
    /// Puts the event together: its lane, its address for answers, its keys.
    fn event(&self, mut found: Found) -> Decoded {
        if found.dedupe.is_empty() {
            found.dedupe.push(format!("slack:body:{}", HEXLOWER.encode(&Sha256::digest(self.body))));
        }
        let place_id = found.place.as_ref().map(|place| place.id.as_str()).unwrap_or_default();
        let thread = if found.home { "home" } else { found.thread.as_deref().unwrap_or_default() };
        let lane = match (&found.kind, &found.from) {
            // Nobody asks for what stands below a link, so nobody waits for it; the links of one person keep their order.
            (EventKind::LinksWritten { .. }, Some(from)) => format!("slack/{}/links/{}", found.installation, from.id),
            _ => format!("slack/{}/{place_id}/{thread}", found.installation),
        };
        let ignored = matches!(found.kind, EventKind::Platform { .. } | EventKind::Disconnected { .. });
        let answerable = !ignored && (found.place.is_some() || found.route.is_some());
        let reply = answerable.then(|| Address {
            organisation: found.organisation.clone(),
            thread: found.thread.clone(),
            begins_thread: found.begins_thread,
            request: found.request,
            home: found.home,
            alone: found.alone,
            person: found.from.as_ref().map(|user| user.id.clone()),
            route: found.route,
            ..Address::at(ChannelName::Slack, found.installation.clone(), place_id)
        });
        Decoded::Event(Box::new(Incoming {
            channel: ChannelName::Slack,
            installation: found.installation,
            organisation: found.organisation,
            dedupe: found.dedupe,
            lane: LaneKey(lane.into()),
            from: found.from,
            place: found.place,
            reply,
            kind: found.kind,
            proof: self.proof.to_string(),
            reach: None,
            happened: None,
            raw: self.body.clone(),
        }))
    }
}

/// Something that will be ignored, and why.
fn ignored(name: &str, why: impl Into<String>) -> EventKind {
    EventKind::platform(name, Some(why.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const PROOF: Proof = Proof { secret_index: 0 };
    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";

    fn incoming(content_type: &str, body: String) -> Incoming {
        match decode(Some(content_type), &Bytes::from(body.clone()), &PROOF) {
            Ok(Decoded::Event(incoming) | Decoded::Asking(incoming, _)) => *incoming,
            other => panic!("{body} is no event but {other:?}"),
        }
    }

    /// Reads an event of the Events API.
    pub(super) fn of_json(body: &serde_json::Value) -> Incoming {
        incoming(JSON, body.to_string())
    }

    /// Reads a form, whose values are escaped first.
    pub(super) fn of_form(fields: &[(&str, &str)]) -> Incoming {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        incoming(FORM, form.extend_pairs(fields).finish())
    }

    /// Reads the payload of an interaction.
    pub(super) fn of_payload(payload: &serde_json::Value) -> Incoming {
        of_form(&[("payload", &payload.to_string())])
    }

    /// Why an event will be ignored.
    pub(super) fn reason(incoming: &Incoming) -> &str {
        match &incoming.kind {
            EventKind::Platform { ignore: Some(why), .. } => why,
            other => panic!("not ignored: {other:?}"),
        }
    }

    /// What a socket brings of each kind, beside the request that tells of the same.
    #[test]
    fn what_comes_by_both_roads_has_the_same_keys() {
        let command = [
            ("command", "/ai-crm"),
            ("text", "task create \u{201c}Fix é &amp; ü\u{201d}"),
            ("user_id", "U1"),
            ("team_id", "T1"),
            ("channel_id", "C1"),
            ("channel_name", "general"),
            ("trigger_id", "1.2.3"),
            ("response_url", "https://hooks.slack.com/commands/1/2"),
            ("is_enterprise_install", "false"),
        ];
        let fields: serde_json::Map<String, serde_json::Value> =
            command.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let mut fields = serde_json::Value::Object(fields);
        fields["is_enterprise_install"] = false.into();
        fields["enterprise_id"] = serde_json::Value::Null;
        let event = serde_json::json!({"type": "event_callback", "team_id": "T1", "event_id": "Ev1",
            "event": {"type": "message", "channel_type": "im", "channel": "D1", "user": "U1", "ts": "1.2",
                "client_msg_id": "c", "text": "help"}});
        let press = serde_json::json!({"type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U1"},
            "trigger_id": "7.8", "channel": {"id": "C1", "name": "general"},
            "actions": [{"type": "button", "action_id": "a", "value": "token", "action_ts": "9.1"}]});
        for (content, payload, request) in [
            (Content::Command, fields, of_form(&command)),
            (Content::Event, event.clone(), of_json(&event)),
            (Content::Interaction, press.clone(), of_payload(&press)),
        ] {
            let payload = Bytes::from(payload.to_string());
            let Ok(Decoded::Event(by_socket) | Decoded::Asking(by_socket, _)) =
                decode_payload(content, &payload, &"slack socket, connection 3")
            else {
                panic!("{payload:?} is no event");
            };
            assert_eq!(by_socket.proof, "slack socket, connection 3");
            assert_eq!(by_socket.raw, payload);
            assert_eq!(Incoming { proof: request.proof.clone(), raw: request.raw.clone(), ..*by_socket }, request);
        }
    }

    #[test]
    fn a_payload_that_is_none_is_an_error_and_no_panic() {
        for content in [Content::Event, Content::Command, Content::Interaction] {
            let deep = "[".repeat(200_000);
            for payload in ["", "{", "[]", "null", "{}", "1", "\"x\"", "{\"user_id\":{}}", "{\"type\":[]}", &deep] {
                let read = decode_payload(content, &Bytes::copy_from_slice(payload.as_bytes()), &"x");
                assert!(matches!(read, Err(DecodeError::Malformed(_))), "{content:?} {payload}: {read:?}");
            }
        }
        let twice = Bytes::from_static(br#"{"user_id":"U1","user_id":"U2"}"#);
        assert!(decode_payload(Content::Command, &twice, &"x").is_err(), "two readers could see two persons");
    }

    fn read(content_type: Option<&str>, body: impl Into<Bytes>) -> Result<Decoded, DecodeError> {
        decode(content_type, &body.into(), &PROOF)
    }

    #[test]
    fn every_kind_is_read_at_the_same_place() {
        let challenge = read(Some(JSON), r#"{"token":"t","challenge":"3eZbrw1aB","type":"url_verification"}"#);
        assert_eq!(challenge, Ok(Decoded::Challenge("3eZbrw1aB".to_owned())));
        assert_eq!(read(Some(FORM), "ssl_check=1&token=t"), Ok(Decoded::Probe));
        let command = "command=%2Fai-crm&text=help&user_id=U1&team_id=T1&channel_id=C1&trigger_id=1.2";
        for content_type in
            [FORM, "application/x-www-form-urlencoded; charset=utf-8", "Application/X-WWW-Form-Urlencoded"]
        {
            assert!(matches!(read(Some(content_type), command), Ok(Decoded::Asking(..))), "{content_type}");
        }
        let event = r#"{"type":"event_callback","team_id":"T1","event":{"type":"reaction_added"}}"#;
        assert!(matches!(read(Some("application/json; charset=utf-8"), event), Ok(Decoded::Event(_))));
    }

    #[test]
    fn only_a_bare_look_at_the_certificate_needs_no_signature() {
        let table = [
            (FORM, "ssl_check=1&token=t", true),
            (FORM, "token=t&ssl_check=1", true),
            (FORM, "ssl_check=0", false),
            (FORM, "ssl_check=1&command=%2Fai-crm&user_id=U1", false),
            (FORM, "ssl_check=1&payload=%7B%7D", false),
            (FORM, "ssl_check=1&ssl_check=1&command=a", false),
            (JSON, r#"{"ssl_check":1}"#, false),
            ("text/plain", "ssl_check=1", false),
        ];
        for (kind, body, expected) in table {
            assert_eq!(is_probe(Some(kind), &Bytes::from(body)), expected, "{body}");
        }
    }

    #[test]
    fn the_wrong_type_is_told_from_the_wrong_content() {
        for content_type in [None, Some(""), Some("text/plain"), Some("multipart/form-data"), Some("application/xml")] {
            assert_eq!(read(content_type, "{}"), Err(DecodeError::WrongType), "{content_type:?}");
        }
        let table: &[(&str, &[u8])] = &[
            (JSON, b""),
            (JSON, b"{"),
            (JSON, b"[]"),
            (JSON, b"{}"),
            (JSON, b"null"),
            (JSON, br#"{"type":"url_verification"}"#),
            (JSON, br#"{"type":"event_callback"}"#),
            (JSON, br#"{"type":"event_callback","event":"x"}"#),
            (JSON, br#"{"type":"event_callback","type":"url_verification","challenge":"x"}"#),
            (JSON, b"{\"type\":\"event_callback\",\"event\":{\"text\":\"\xff\"}}"),
            (JSON, b"{\"type\":\"x\",\"ignored\":\"\xc3\x28\"}"),
            (FORM, b""),
            (FORM, b"text=help"),
            (FORM, b"command=%2Fai-crm&text=help"),
            (FORM, b"command=a&user_id=U1&text=%ff"),
            (FORM, b"command=a&user_id=U1&text=\xff"),
            (FORM, b"command=a&user_id=U1&user_id=U2"),
            (FORM, b"command=a&user_id=U1&user%5Fid=U2"),
            (FORM, b"payload="),
            (FORM, b"payload=%7B%7D"),
            (FORM, b"payload=%7B%22type%22%3A"),
            (FORM, b"payload=a&payload=b"),
        ];
        for (content_type, body) in table {
            let body = Bytes::copy_from_slice(body);
            let read = read(Some(content_type), body.clone());
            assert!(matches!(read, Err(DecodeError::Malformed(_))), "{body:?}: {read:?}");
        }
    }

    #[test]
    fn hostile_sizes_and_depths_are_survived() {
        let deep = |open: &str, close: &str| open.repeat(200_000) + "1" + &close.repeat(200_000);
        for value in [deep("[", "]"), deep("{\"a\":", "}"), "[".repeat(500_000)] {
            for field in ["unknown", "event", "authorizations", "team_id"] {
                let _ = read(Some(JSON), format!(r#"{{"type":"x","{field}":{value}}}"#));
            }
        }
        let text = "<@UB> &amp;é".repeat(100_000);
        let body = serde_json::json!({"type": "event_callback", "team_id": "T1", "event_id": "Ev1",
            "event": {"type": "message", "channel_type": "im", "channel": "D1", "user": "U1", "ts": "1.2", "text": text}});
        assert!(matches!(of_json(&body).kind, EventKind::Command { .. }));
        let many = (0..5000).map(|n| format!("f{n}=1")).collect::<Vec<_>>().join("&");
        assert!(matches!(read(Some(FORM), many), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn an_event_keeps_its_body_its_proof_and_a_key_of_its_own() {
        let body =
            Bytes::from_static(br#"{"type":"app_rate_limited","team_id":"T1","minute_rate_limited":1518467820}"#);
        let Ok(Decoded::Event(first)) = decode(Some(JSON), &body, &Proof { secret_index: 1 }) else { panic!() };
        let Ok(Decoded::Event(second)) = decode(Some(JSON), &body, &PROOF) else { panic!() };
        assert_eq!(first.proof, "slack v0 signature, secret 2");
        assert_eq!(first.raw, body);
        assert_eq!(first.installation, "T1");
        assert!(first.dedupe[0].starts_with("slack:body:"), "{:?}", first.dedupe);
        assert_eq!(first.dedupe, second.dedupe);
        assert!(reason(&first).contains("30,000"));
        let unknown = of_json(&serde_json::json!({"type": "brand_new"}));
        assert_eq!(unknown.installation, "unknown");
        assert!(reason(&unknown).contains("no part of the bot listens"));
    }
}
