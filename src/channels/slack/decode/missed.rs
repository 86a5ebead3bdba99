//! A message that was read from a history → the event that Slack would have sent of it.
//!
//! It is put into the form of such an event and read as one, so it has the same lane and the same keys and is known
//! again whichever way it comes first. What asks nothing of the bot is nothing here: a look finds it each time anew.

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Decoded, Request, events, time_of};
use crate::domain::event::{EventKind, Incoming};

/// How it was learnt.
const PROOF: &str = "read from conversations.history";

/// Where a message was read, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct Heard<'a> {
    /// The workspace.
    pub workspace: &'a str,
    /// The organisation of which it is a part.
    pub organisation: Option<&'a str>,
    /// The bot's user there.
    pub bot_user: &'a str,
    /// The place.
    pub place: &'a str,
    /// Its kind, in the word of events: `im`, `mpim`, `channel` or `group`.
    pub channel_type: &'a str,
    /// Other workspaces share it.
    pub shared: bool,
}

/// What a person asks of the bot by a message; none where it asks nothing.
#[must_use]
pub fn missed(heard: &Heard<'_>, message: &Value) -> Option<Incoming> {
    let ts = message["ts"].as_str()?;
    let happened = time_of(ts)?;
    // Nobody can say a line with a slash in front: it is what is shown of a command, which has been an event of its
    // own.
    if message["text"].as_str().is_some_and(|text| text.starts_with('/')) {
        return None;
    }
    let direct = heard.channel_type == "im";
    if !direct && !mentions(message["text"].as_str().unwrap_or_default(), heard.bot_user) {
        return None;
    }
    let mut event = message.as_object()?.clone();
    event.insert("type".to_owned(), json!(if direct { "message" } else { "app_mention" }));
    event.insert("channel".to_owned(), json!(heard.place));
    event.insert("channel_type".to_owned(), json!(heard.channel_type));
    // A history names the thread of a message under which others have answered since; its event names none, and in a
    // direct conversation that would be another lane.
    if direct && message["thread_ts"] == message["ts"] {
        event.remove("thread_ts");
    }
    let body = json!({
        "type": "event_callback", "team_id": heard.workspace, "event": event, "event_time": happened.as_seconds(),
        "is_ext_shared_channel": heard.shared,
        "authorizations": [{
            "enterprise_id": heard.organisation, "team_id": heard.workspace, "user_id": heard.bot_user, "is_bot": true,
        }],
    });
    let body = Bytes::from(body.to_string());
    let text = std::str::from_utf8(&body).ok()?;
    match events::decode(&Request { body: &body, proof: &PROOF }, text) {
        Ok(Decoded::Event(incoming)) if matches!(incoming.kind, EventKind::Command { .. }) => {
            Some(Incoming { happened: Some(happened), ..*incoming })
        }
        _ => None,
    }
}

/// Whether somebody is called: `<@U1>`, or with a name behind a bar.
fn mentions(text: &str, user: &str) -> bool {
    let called = |rest: &str| rest.strip_prefix(user).is_some_and(|end| end.starts_with(['>', '|']));
    !user.is_empty() && text.split("<@").skip(1).any(called)
}

#[cfg(test)]
mod tests {
    use super::super::tests::of_json;
    use super::*;
    use crate::domain::time::Timestamp;

    fn heard<'a>(place: &'a str, channel_type: &'a str) -> Heard<'a> {
        Heard { workspace: "T1", organisation: None, bot_user: "UBOT", place, channel_type, shared: false }
    }

    fn event_of(kind: &str, place: &str, channel_type: &str, message: &Value) -> Incoming {
        let mut event = message.clone();
        (event["type"], event["channel"]) = (json!(kind), json!(place));
        event["channel_type"] = json!(channel_type);
        of_json(&json!({
            "type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": event, "api_app_id": "A1",
            "authorizations": [{"enterprise_id": null, "team_id": "T1", "user_id": "UBOT", "is_bot": true}],
        }))
    }

    #[test]
    fn it_is_what_the_event_would_have_been() {
        let said = |text: &str| {
            json!({"type": "message", "user": "U1", "team": "T1", "ts": "1700000000.000100", "text": text,
                "client_msg_id": "c-1"})
        };
        let mut in_thread = said("in a thread <@UBOT> list tasks");
        in_thread["thread_ts"] = json!("1699999999.000100");
        let cases = [
            ("message", "D1", "im", said("create task A &amp; B")),
            ("app_mention", "C1", "channel", said("<@UBOT> help")),
            ("app_mention", "G1", "group", said("help, <@UBOT|ai-crm>")),
            ("app_mention", "G2", "mpim", said("<@UBOT> help")),
            // As Slack tells of it where it tells no mention.
            ("message", "G2", "mpim", said("<@UBOT> help")),
            ("app_mention", "C1", "channel", in_thread),
        ];
        for (kind, place, channel_type, message) in cases {
            let found = missed(&heard(place, channel_type), &message).unwrap();
            let event = event_of(kind, place, channel_type, &message);
            assert_eq!(found.happened, Some(Timestamp(1_700_000_000_000)));
            assert_eq!((&found.lane, &found.from, &found.place), (&event.lane, &event.from, &event.place));
            assert_eq!((&found.kind, &found.reply), (&event.kind, &event.reply), "{message}");
            assert_eq!(found.dedupe, event.dedupe[1..], "all but the id of the delivery");
            assert_eq!(found.proof, "read from conversations.history");
        }
    }

    #[test]
    fn an_answered_direct_message_stays_in_its_lane() {
        let message = json!({"type": "message", "user": "U1", "ts": "1.2", "thread_ts": "1.2", "text": "help"});
        let found = missed(&heard("D1", "im"), &message).unwrap();
        assert_eq!(found.lane.to_string(), "slack/T1/D1/");
        let mention = json!({"type": "message", "user": "U1", "ts": "1.2", "thread_ts": "1.2", "text": "<@UBOT> help"});
        let found = missed(&heard("C1", "channel"), &mention).unwrap();
        assert_eq!(found.lane.to_string(), "slack/T1/C1/1.2");
    }

    #[test]
    fn what_asks_nothing_of_the_bot_is_nothing() {
        let direct = [
            json!({"user": "UBOT", "bot_id": "B1", "ts": "1.2", "text": "done"}),
            json!({"bot_id": "B1", "subtype": "bot_message", "ts": "1.2", "text": "hello"}),
            json!({"user": "U1", "subtype": "channel_join", "ts": "1.2", "text": "<@U1> has joined"}),
            json!({"user": "U1", "subtype": "tombstone", "hidden": true, "ts": "1.2", "text": "gone"}),
            json!({"user": "U1", "ts": "1.2", "text": "  "}),
            json!({"user": "U1", "ts": "1.2", "text": "/ai-crm task create Shown to all"}),
            json!({"user": "U1", "text": "without a time"}),
            json!({"user": "U1", "ts": "soon", "text": "help"}),
            json!(["not a message"]),
        ];
        for message in direct {
            assert_eq!(missed(&heard("D1", "im"), &message), None, "{message}");
        }
        let to_others = json!({"user": "U1", "ts": "1.2", "text": "help"});
        assert_eq!(missed(&heard("G2", "mpim"), &to_others), None, "several people talk there");
        for text in ["help", "<@U2> help", "<@UBOT2> help", "&lt;@UBOT&gt; help"] {
            let message = json!({"user": "U1", "ts": "1.2", "text": text});
            assert_eq!(missed(&heard("C1", "channel"), &message), None, "{text}");
        }
        let nobody = Heard { bot_user: "", ..heard("C1", "channel") };
        assert_eq!(missed(&nobody, &json!({"user": "U1", "ts": "1.2", "text": "<@> help"})), None);
    }
}
