//! Socket Mode: docs.slack.dev/apis/events-api/using-socket-mode.
//!
//! Owns what frames say, how they are acknowledged, and where Slack may send us to. All of it is pure; the connection
//! itself is [`connection`]. What an envelope carries is read by `decode`, as a request is. It knows neither store nor
//! actors: who accepts an envelope acknowledges it. A further kind of envelope is a line in `content`.

pub mod connection;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::decode::{self, Content, DecodeError, Decoded};
use super::lenient::{flag, object, text};

/// Slack's hosts for sockets end so: the usual ones and those of the United States' government.
const SOCKET_HOSTS: [&str; 2] = [".slack.com", ".slack-gov.com"];

/// What a frame says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The connection stands.
    Hello(Hello),
    /// Slack will close the connection.
    Leave(Leave),
    /// Something happened; acknowledged when it is on disk.
    Envelope(Envelope),
    /// Nothing that can be acknowledged, and what it is.
    Other(String),
}

/// The first frame of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hello {
    /// Connections of the app, this one included, where Slack says so.
    pub connections: Option<u64>,
    /// For how long Slack means to keep it, in seconds.
    pub lasts_s: Option<u64>,
}

/// Why Slack will close a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leave {
    /// In about ten seconds: `warning`; or at once, since it is old: `refresh_requested`. Another takes its place.
    Refresh,
    /// Socket Mode was switched off in the app's settings.
    LinkDisabled,
    /// The app has more than ten.
    TooMany,
    /// A reason that no document names.
    Other(String),
}

/// Something that happened, and the name under which it is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The name.
    pub id: String,
    /// What it carries, by Slack's word.
    pub kind: String,
    /// The payload, byte for byte.
    pub payload: Bytes,
    /// Whether the acknowledgement may carry an answer.
    pub accepts_answer: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head<'a> {
    #[serde(rename = "type", deserialize_with = "text")]
    kind: Option<String>,
    #[serde(deserialize_with = "text")]
    envelope_id: Option<String>,
    #[serde(deserialize_with = "text")]
    reason: Option<String>,
    #[serde(deserialize_with = "flag")]
    accepts_response_payload: bool,
    #[serde(deserialize_with = "text")]
    num_connections: Option<String>,
    #[serde(deserialize_with = "object")]
    debug_info: Option<DebugInfo>,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DebugInfo {
    #[serde(deserialize_with = "text")]
    approximate_connection_time: Option<String>,
}

/// Reads a frame, whatever is in it.
#[must_use]
pub fn read(frame: &Bytes) -> Frame {
    let head: Head<'_> = match std::str::from_utf8(frame)
        .map_err(|error| error.to_string())
        .and_then(|frame| serde_json::from_str(frame).map_err(|error| error.to_string()))
    {
        Ok(head) => head,
        Err(error) => return Frame::Other(format!("no JSON of Slack: {error}")),
    };
    let number = |text: Option<String>| text.and_then(|digits| digits.parse().ok());
    let kind = head.kind.unwrap_or_default();
    match (kind.as_str(), head.envelope_id) {
        ("hello", None) => Frame::Hello(Hello {
            connections: number(head.num_connections),
            lasts_s: number(head.debug_info.and_then(|info| info.approximate_connection_time)),
        }),
        ("disconnect", None) => Frame::Leave(match head.reason.unwrap_or_default().as_str() {
            "warning" | "refresh_requested" => Leave::Refresh,
            "link_disabled" => Leave::LinkDisabled,
            "too_many_websockets" => Leave::TooMany,
            other => Leave::Other(other.to_owned()),
        }),
        (_, Some(id)) => {
            let payload = head.payload.map(|raw| frame.slice_ref(raw.get().as_bytes())).unwrap_or_default();
            Frame::Envelope(Envelope { id, kind, payload, accepts_answer: head.accepts_response_payload })
        }
        _ => Frame::Other(format!("a frame `{kind}` without an envelope")),
    }
}

/// How the payload of an envelope is read; none where no document names the kind.
fn content(kind: &str) -> Option<Content> {
    match kind {
        "events_api" => Some(Content::Event),
        "slash_commands" => Some(Content::Command),
        "interactive" => Some(Content::Interaction),
        _ => None,
    }
}

impl Envelope {
    /// What it tells of. It came over a connection that we opened to Slack by TLS, which is its proof.
    ///
    /// # Errors
    /// Where it cannot be read. It is acknowledged all the same, or Slack sends it again and again.
    pub fn decode(&self, connection: u64) -> Result<Decoded, DecodeError> {
        let Some(content) = content(&self.kind) else {
            return Err(DecodeError::Malformed(format!("an envelope of the kind `{}`", self.kind)));
        };
        decode::decode_payload(content, &self.payload, &format!("slack socket, connection {connection}"))
    }

    /// What acknowledges it. An answer goes with it where Slack takes one and it is JSON.
    #[must_use]
    pub fn acknowledgement(&self, answer: Option<&[u8]>) -> String {
        #[derive(serde::Serialize)]
        struct Acknowledgement<'a> {
            envelope_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            payload: Option<&'a RawValue>,
        }
        let answer = answer.filter(|_| self.accepts_answer);
        let payload = answer.and_then(|answer| serde_json::from_slice(answer).ok());
        serde_json::to_string(&Acknowledgement { envelope_id: &self.id, payload })
            .expect("invariant: a text and a piece of JSON are JSON")
    }
}

/// The address that Slack gives is data from outside: it is used on Slack's hosts and by TLS, or where the operator has
/// put the Web API.
#[must_use]
pub fn allowed(address: &str, api: &Url) -> Option<Url> {
    let url = Url::parse(address).ok().filter(|url| url.username().is_empty() && url.password().is_none())?;
    let host = url.host_str()?;
    let port = url.port_or_known_default();
    let at_slack = url.scheme() == "wss" && port == Some(443) && SOCKET_HOSTS.iter().any(|end| host.ends_with(end));
    let same_place = Some(host) == api.host_str() && port == api.port_or_known_default();
    // Where the Web API is asked by TLS, nothing goes around it.
    let beside_api = same_place && (url.scheme() == "wss" || (url.scheme() == "ws" && api.scheme() == "http"));
    (at_slack || beside_api).then_some(url)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(frame: impl Into<Bytes>) -> Frame {
        read(&frame.into())
    }

    #[test]
    fn frames_are_told_apart() {
        // As in Slack's document.
        let hello = json!({"type": "hello", "connection_info": {"app_id": "A1"}, "num_connections": 2,
            "debug_info": {"host": "applink-7fc4fdbb64-4x5xq", "approximate_connection_time": 18060}});
        assert_eq!(of(hello.to_string()), Frame::Hello(Hello { connections: Some(2), lasts_s: Some(18060) }));
        assert_eq!(of(r#"{"type":"hello"}"#), Frame::Hello(Hello::default()));
        for (reason, expected) in [
            ("warning", Leave::Refresh),
            ("refresh_requested", Leave::Refresh),
            ("link_disabled", Leave::LinkDisabled),
            ("too_many_websockets", Leave::TooMany),
            ("new_reason", Leave::Other("new_reason".to_owned())),
        ] {
            let frame = json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "wss-111.slack.com"}});
            assert_eq!(of(frame.to_string()), Frame::Leave(expected));
        }
        let envelope = r#"{"envelope_id":"e-1","type":"slash_commands","payload":{"a": [1, "é"]},
            "accepts_response_payload":true}"#;
        let expected = Envelope {
            id: "e-1".to_owned(),
            kind: "slash_commands".to_owned(),
            payload: Bytes::from_static("{\"a\": [1, \"é\"]}".as_bytes()),
            accepts_answer: true,
        };
        assert_eq!(of(envelope), Frame::Envelope(expected));
    }

    #[test]
    fn hostile_frames_are_survived_and_what_has_a_name_is_acknowledged() {
        let deep =
            format!(r#"{{"type":"x","envelope_id":"e","payload":{}1{}}}"#, "[".repeat(300_000), "]".repeat(300_000));
        for frame in [
            r#"{"envelope_id":"e"}"#,
            r#"{"envelope_id":"e","type":null,"payload":null}"#,
            r#"{"envelope_id":"e","type":{"a":1},"payload":"text"}"#,
            r#"{"envelope_id":"e","type":"hello"}"#,
            r#"{"envelope_id":"e","type":"events_api","payload":{"type":"event_callback"}}"#,
            r#"{"envelope_id":"e","type":"slash_commands","payload":[]}"#,
            r#"{"envelope_id":"e","type":"workflow_steps","payload":{}}"#,
            &deep,
        ] {
            let Frame::Envelope(envelope) = of(frame.to_owned()) else { panic!("{frame}") };
            assert!(envelope.decode(1).is_err(), "{frame}");
            assert_eq!(envelope.acknowledgement(None), r#"{"envelope_id":"e"}"#);
        }
        let unnamed: [&'static [u8]; 9] = [
            b"",
            b"{",
            b"[]",
            b"null",
            b"1",
            b"\xff\xfe",
            b"{\"type\":\"events_api\"}",
            b"{}",
            b"{\"envelope_id\":\"\"}",
        ];
        for frame in unnamed {
            assert!(matches!(read(&Bytes::from_static(frame)), Frame::Other(_)), "{frame:?}");
        }
    }

    #[test]
    fn an_answer_goes_only_where_it_is_taken() {
        let mut envelope =
            Envelope { id: "a\"b".to_owned(), kind: String::new(), payload: Bytes::new(), accepts_answer: true };
        let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        let with = envelope.acknowledgement(Some(br#"{"text":"hi"}"#));
        assert_eq!(read(with), json!({"envelope_id": "a\"b", "payload": {"text": "hi"}}));
        assert_eq!(read(envelope.acknowledgement(Some(b"plain"))), json!({"envelope_id": "a\"b"}));
        envelope.accepts_answer = false;
        assert_eq!(read(envelope.acknowledgement(Some(b"{}"))), json!({"envelope_id": "a\"b"}));
    }

    #[test]
    fn sockets_are_opened_at_slack_or_where_the_web_api_is() {
        let table = [
            ("https://slack.com/api/", "wss://wss-primary.slack.com/link/?ticket=1", true),
            ("https://slack.com/api/", "wss://cerberus-xxxx.lb.slack-msgs.com/websocket/1", false),
            ("https://slack.com/api/", "wss://wss-primary.slack.com:8443/link", false),
            ("https://slack.com/api/", "wss://wss.slack-gov.com/link", true),
            ("https://slack.com/api/", "ws://wss-primary.slack.com/link", false),
            ("https://slack.com/api/", "ws://slack.com:443/link", false),
            ("https://slack.com/api/", "wss://evilslack.com/link", false),
            ("https://slack.com/api/", "wss://wss.slack.com.evil.io/link", false),
            ("https://slack.com/api/", "wss://u:p@wss.slack.com/link", false),
            ("https://slack.com/api/", "wss://127.0.0.1/link", false),
            ("https://slack.com/api/", "https://wss.slack.com/link", false),
            ("https://slack.com/api/", "", false),
            ("http://127.0.0.1:9001/api/", "ws://127.0.0.1:9001/link", true),
            ("http://127.0.0.1:9001/api/", "ws://127.0.0.1:9002/link", false),
            ("http://127.0.0.1:9001/api/", "ws://localhost:9001/link", false),
            ("https://10.0.0.1:9001/api/", "wss://10.0.0.1:9001/link", true),
            ("https://10.0.0.1:9001/api/", "ws://10.0.0.1:9001/link", false),
        ];
        for (api, address, expected) in table {
            assert_eq!(allowed(address, &Url::parse(api).unwrap()).is_some(), expected, "{api} {address}");
        }
    }
}
