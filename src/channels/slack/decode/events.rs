//! The Events API: docs.slack.dev/apis/events-api.
//!
//! One mention may come as two events, `app_mention` and `message`, each with its own id. Both
//! read as the same command under the same keys, so whichever comes first is acted on. A message
//! that will be ignored claims no key but its own delivery id: it must not hide its twin.

use super::{DecodeError, Decoded, Found, Request, ignored, malformed};
use super::{links, origin};
use crate::channels::slack::inbound::{Envelope, InnerEvent};
use crate::channels::slack::text;
use crate::domain::event::{EventKind, Place, PlaceKind, PlatformUser};
use crate::domain::time::Timestamp;

/// Slackbot has the same id in every workspace, and is not marked as a bot.
const SLACKBOT: &str = "USLACKBOT";

pub(super) fn decode(request: &Request<'_>, body: &str) -> Result<Decoded, DecodeError> {
    let envelope: Envelope =
        serde_json::from_str(body).map_err(|error| malformed(format!("not JSON of Slack: {error}")))?;
    let kind = envelope.kind.as_deref().ok_or_else(|| malformed("a body without `type`"))?;
    let happened = match (kind, &envelope.event) {
        ("url_verification", _) => {
            let challenge = envelope.challenge.ok_or_else(|| malformed("a verification without `challenge`"))?;
            return Ok(Decoded::Challenge(challenge));
        }
        ("event_callback", Some(event)) => read(&envelope, event),
        ("event_callback", None) => return Err(malformed("an event callback without `event`")),
        ("app_rate_limited", _) => {
            let why =
                "Slack has left out events, since more than 30,000 came in an hour; nothing else is known of them";
            Found::of_envelope(&envelope, ignored(kind, why))
        }
        _ => Found::of_envelope(&envelope, ignored(kind, "no part of the bot listens to this kind of request")),
    };
    Ok(request.event(happened))
}

impl Found {
    fn of_envelope(envelope: &Envelope, kind: EventKind) -> Self {
        Self {
            installation: installation(envelope),
            organisation: organisation(envelope).map(str::to_owned),
            dedupe: envelope.event_id.iter().map(|id| format!("slack:event|{id}")).collect(),
            thread: None,
            begins_thread: false,
            request: None,
            alone: false,
            home: false,
            from: None,
            place: None,
            route: None,
            kind,
        }
    }
}

fn read(envelope: &Envelope, event: &InnerEvent) -> Found {
    let kind = event.kind.as_deref().unwrap_or("event without a type");
    let mut found = Found::of_envelope(envelope, EventKind::platform(kind, None));
    found.from = writer(envelope, event, &found.installation);
    found.place = place(envelope, event, found.from.as_ref(), &found.installation);
    found.thread.clone_from(&event.thread_ts);
    if let Some(why) = disconnects(kind, event) {
        let at = envelope.event_time.as_ref().and_then(serde_json::Value::as_i64);
        found.kind =
            EventKind::Disconnected { why: why.to_owned(), happened: at.map(|seconds| Timestamp(seconds * 1000)) };
        return found;
    }
    if kind == "app_home_opened" {
        match opens_home(event) {
            Ok(()) => {
                found.in_home();
                found.kind = EventKind::HomeOpened;
            }
            Err(why) => found.kind = ignored(kind, why),
        }
        return found;
    }
    if kind == links::LINK_SHARED {
        links::read(event, &mut found);
        return found;
    }
    if !matches!(kind, "message" | "app_mention") {
        let why = why_nobody_listens(kind);
        let is_persons = found.from.as_ref().is_some_and(|from| Some(&*from.id) != bot_user(envelope));
        let is_persons = is_persons && event.bot_id.is_none();
        found.kind = if is_persons { EventKind::overheard(kind, why) } else { ignored(kind, why) };
        return found;
    }
    let direct = found.place.as_ref().is_some_and(|place| place.kind == PlaceKind::Direct);
    match line(envelope, event, direct) {
        Ok(None) => found.kind = EventKind::overheard(kind, "not addressed to the bot"),
        Ok(Some(line)) => {
            if !direct && found.thread.is_none() {
                // The answer opens a thread under the mention and leaves the channel quiet.
                found.thread.clone_from(&event.ts);
                found.begins_thread = true;
            }
            if direct && found.thread.is_none() {
                found.request.clone_from(&event.ts);
            }
            found.alone = direct;
            found.dedupe.extend(message_keys(event, &found));
            found.kind = EventKind::Command { line };
        }
        Err(why) => found.kind = ignored(kind, why),
    }
    found
}

/// The line that is meant for the bot, nothing where people speak with each other, or why there is none.
fn line(envelope: &Envelope, event: &InnerEvent, direct: bool) -> Result<Option<String>, String> {
    let bot = bot_user(envelope);
    if let Some(subtype) = event.subtype.as_deref().filter(|subtype| !is_said_by_a_person(subtype)) {
        return Err(format!("a `{subtype}` notice is nothing that a person says to the bot"));
    }
    if event.hidden {
        return Err("Slack marks it as hidden".to_owned());
    }
    let user = event.user.as_ref().and_then(|user| user.id.as_deref());
    let own_app = event.app_id.is_some() && event.app_id == envelope.api_app_id;
    if own_app || (user.is_some() && user == bot) {
        return Err("the bot's own message".to_owned());
    }
    if event.bot_id.is_some() || user == Some(SLACKBOT) {
        return Err("written by a bot or an app; bots have no say here".to_owned());
    }
    if user.is_none() {
        return Err("it names nobody who wrote it".to_owned());
    }
    let written = event.text.as_deref().unwrap_or_default();
    if direct {
        let words = text::called(written, bot);
        return if written.trim().is_empty() { Err("there are no words in it".to_owned()) } else { Ok(Some(words)) };
    }
    let addressed = text::addressed(written, bot);
    if event.kind.as_deref() == Some("app_mention") {
        return Ok(Some(addressed.unwrap_or_else(|| text::read(written).trim().to_owned())));
    }
    Ok(addressed.filter(|_| bot.is_some()))
}

/// Subtypes that are messages of people all the same.
fn is_said_by_a_person(subtype: &str) -> bool {
    matches!(subtype, "file_share" | "thread_broadcast")
}

/// The bot's user in the installation that this event is for.
fn bot_user(envelope: &Envelope) -> Option<&str> {
    let of_bots = envelope.authorizations.iter().filter(|authorization| authorization.is_bot != Some(false));
    of_bots.filter_map(|authorization| authorization.user_id.as_deref()).next()
}

/// `authorizations` stands before the outer `team_id`, which in a shared channel may name the
/// workspace of the other side.
fn installation(envelope: &Envelope) -> String {
    let authorization = envelope.authorizations.first();
    origin::installation([
        authorization.and_then(|authorization| authorization.team_id.as_ref()),
        envelope.team_id.as_ref(),
        envelope.event.as_ref().and_then(|event| event.team.as_ref()).and_then(|team| team.id.as_ref()),
        authorization.and_then(|authorization| authorization.enterprise_id.as_ref()),
        envelope.enterprise_id.as_ref(),
        envelope.context_enterprise_id.as_ref(),
    ])
}

fn writer(envelope: &Envelope, event: &InnerEvent, installation: &str) -> Option<PlatformUser> {
    let user = event.user.as_ref()?;
    let realm = origin::first([
        event.user_team.as_ref(),
        event.source_team.as_ref(),
        event.user_profile.as_ref().and_then(|profile| profile.team.as_ref()),
        user.team_id.as_ref(),
        event.team.as_ref().and_then(|team| team.id.as_ref()),
    ]);
    Some(origin::user(user.id.as_deref()?, realm, installation, organisation(envelope)))
}

/// The organisation of the installed workspace, by the same precedence.
fn organisation(envelope: &Envelope) -> Option<&str> {
    origin::first([
        envelope.authorizations.first().and_then(|authorization| authorization.enterprise_id.as_ref()),
        envelope.enterprise_id.as_ref(),
        envelope.context_enterprise_id.as_ref(),
    ])
}

fn place(envelope: &Envelope, event: &InnerEvent, from: Option<&PlatformUser>, installation: &str) -> Option<Place> {
    let id = event.channel.as_ref()?.id.as_deref()?;
    let from_outside = from.is_some_and(|from| from.realm != installation);
    let shared = envelope.is_ext_shared_channel || from_outside;
    Some(origin::place_by_type(id, event.channel_type.as_deref(), shared))
}

/// Keys of the message itself, which its every copy shares.
fn message_keys(event: &InnerEvent, found: &Found) -> Vec<String> {
    let place = found.place.as_ref().map(|place| &place.id);
    let by_place = place.zip(event.ts.as_ref()).map(|(place, ts)| super::message_key(&found.installation, place, ts));
    let by_client = event.client_msg_id.as_ref().map(|id| format!("slack:client:{id}"));
    by_place.into_iter().chain(by_client).collect()
}

/// Whether a request tells of the message of a time, whatever became of it.
#[must_use]
pub fn tells_of(body: &[u8], ts: &str) -> bool {
    let envelope = serde_json::from_slice::<Envelope>(body).ok();
    let event = envelope.and_then(|envelope| envelope.event);
    event.is_some_and(|event| {
        matches!(event.kind.as_deref(), Some("message" | "app_mention")) && event.ts.as_deref() == Some(ts)
    })
}

/// Whether it ends the connection of the workspace, and how. The two events come in any order, and more than once:
/// docs.slack.dev/reference/events/app_uninstalled.
fn disconnects(kind: &str, event: &InnerEvent) -> Option<&'static str> {
    let bots = event.tokens.as_ref().and_then(|tokens| tokens.bot.as_ref()?.as_array());
    let of_bots = || bots.is_some_and(|bots| !bots.is_empty());
    match kind {
        "app_uninstalled" => Some("the app was removed from the workspace"),
        "tokens_revoked" if of_bots() => Some("the bot's token was revoked"),
        _ => None,
    }
}

/// Whether somebody has opened the tab that the bot fills, or why not: docs.slack.dev/reference/events/app_home_opened.
fn opens_home(event: &InnerEvent) -> Result<(), &'static str> {
    match (event.tab.as_deref(), event.user.as_ref().and_then(|user| user.id.as_ref())) {
        (Some("home"), Some(_)) => Ok(()),
        (Some("home"), None) => Err("it names nobody who opened the Home"),
        (Some("messages"), _) => Err("opening the tab for messages asks nothing of the bot"),
        _ => Err("it does not say that the Home was opened"),
    }
}

fn why_nobody_listens(kind: &str) -> &'static str {
    match kind {
        "tokens_revoked" => "tokens of people were revoked, and the bot uses none of them",
        "reaction_added" | "reaction_removed" => "reactions ask nothing of the bot",
        "member_joined_channel" | "member_left_channel" => "coming and going asks nothing of the bot",
        _ => "no part of the bot listens to this kind of event",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{of_json, reason};
    use super::*;

    /// An event around what happened, after Slack's document.
    fn envelope(event: Value) -> Value {
        json!({
            "token": "XXYYZZ", "team_id": "T1", "api_app_id": "AAPP", "context_team_id": "T1",
            "context_enterprise_id": null, "event": event, "type": "event_callback", "event_id": "Ev0PV52K21",
            "event_time": 1_355_517_523, "is_ext_shared_channel": false, "event_context": "EC12345",
            "authorizations": [{"enterprise_id": null, "team_id": "T1", "user_id": "UBOT", "is_bot": true,
                "is_enterprise_install": false}]
        })
    }

    fn mention() -> Value {
        json!({"type": "app_mention", "user": "U061F7AUR", "text": "<@UBOT> task list", "ts": "1515449522.000016",
            "client_msg_id": "c-1", "team": "T1", "channel": "C123ABC456", "event_ts": "1515449522000016",
            "blocks": [{"type": "rich_text", "elements": [{"type": "user", "user_id": "UBOT"}]}]})
    }

    fn message(changes: Value) -> Value {
        let mut event = mention();
        event["type"] = json!("message");
        event["channel_type"] = json!("channel");
        for (name, value) in changes.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    }

    fn direct(changes: Value) -> Value {
        let mut event = message(json!({"channel": "D024BE91L", "channel_type": "im", "text": "task list"}));
        for (name, value) in changes.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    }

    fn line(event: Value) -> String {
        match of_json(&envelope(event)).kind {
            EventKind::Command { line } => line,
            other => panic!("no command: {other:?}"),
        }
    }

    #[test]
    fn a_mention_is_a_line_that_is_answered_in_its_thread() {
        let incoming = of_json(&envelope(mention()));
        assert_eq!(incoming.kind, EventKind::Command { line: "task list".to_owned() });
        assert_eq!(
            incoming.dedupe,
            ["slack:event|Ev0PV52K21", "slack:msg:T1:C123ABC456|1515449522.000016", "slack:client:c-1"]
        );
        assert_eq!(incoming.lane.to_string(), "slack/T1/C123ABC456/1515449522.000016");
        let reply = incoming.reply.unwrap();
        assert_eq!(reply.thread.as_deref(), Some("1515449522.000016"));
        assert_eq!((reply.person.as_deref(), reply.route), (Some("U061F7AUR"), None));
        assert_eq!(incoming.place.unwrap().kind, PlaceKind::Unknown);

        let mut in_thread = mention();
        in_thread["thread_ts"] = json!("1515440000.000001");
        assert_eq!(of_json(&envelope(in_thread)).lane.to_string(), "slack/T1/C123ABC456/1515440000.000001");
    }

    #[test]
    fn both_events_of_one_mention_read_the_same() {
        let (first, second) = (of_json(&envelope(mention())), of_json(&envelope(message(json!({})))));
        assert_eq!(first.kind, second.kind);
        assert_eq!(first.lane, second.lane);
        assert_eq!(first.dedupe[1..], second.dedupe[1..]);
    }

    #[test]
    fn an_ignored_message_does_not_claim_the_keys_of_its_twin() {
        let mut blind = envelope(message(json!({})));
        blind["authorizations"] = json!([]);
        let incoming = of_json(&blind);
        assert_eq!(reason(&incoming), "not addressed to the bot");
        assert_eq!(incoming.dedupe, ["slack:event|Ev0PV52K21"]);
    }

    #[test]
    fn a_direct_message_needs_no_mention() {
        let table = [
            (direct(json!({})), "task list"),
            (direct(json!({"text": "<@UBOT> task list"})), "task list"),
            (direct(json!({"text": "task list <@UBOT>"})), "task list"),
            (direct(json!({"text": "<@UBOT>: <@UBOT>"})), ""),
            (direct(json!({"text": "task create \"Ask <@UBOT> to sing\""})), "task create \"Ask <@UBOT> to sing\""),
            (direct(json!({"text": "task comment T-1 ping <@UBOT> later"})), "task comment T-1 ping <@UBOT> later"),
            (direct(json!({"text": "task create \u{201c}a &amp; b\u{201d}\u{a0}now"})), "task create “a & b” now"),
            (direct(json!({"channel_type": null})), "task list"),
            (direct(json!({"subtype": "file_share"})), "task list"),
            (message(json!({"subtype": "thread_broadcast"})), "task list"),
            (message(json!({"channel_type": "mpim"})), "task list"),
            (mention(), "task list"),
        ];
        for (event, expected) in table {
            assert_eq!(line(event.clone()), expected, "{event}");
        }
        let incoming = of_json(&envelope(direct(json!({}))));
        assert_eq!(incoming.lane.to_string(), "slack/T1/D024BE91L/");
        assert_eq!(incoming.place.unwrap().kind, PlaceKind::Direct);
        assert_eq!(incoming.reply.unwrap().thread, None);
    }

    fn opened(tab: Value) -> Value {
        json!({"type": "app_home_opened", "user": "U061F7AUR", "channel": "D0LAN2Q65",
            "event_ts": "1515449522000016", "tab": tab,
            "view": {"id": "VPASKP233", "team_id": "T1", "type": "home", "blocks": [], "private_metadata": "",
                "callback_id": "", "state": {}, "hash": "1231232323.12321312", "app_installed_team_id": "T1"}})
    }

    #[test]
    fn the_home_is_opened_by_whom_it_is_shown_to() {
        let incoming = of_json(&envelope(opened(json!("home"))));
        assert_eq!(incoming.kind, EventKind::HomeOpened);
        assert_eq!(incoming.dedupe, ["slack:event|Ev0PV52K21"], "an opening is no other opening");
        assert_eq!(incoming.lane.to_string(), "slack/T1/U061F7AUR/home");
        assert_eq!(incoming.from.unwrap().to_string(), "slack:T1/U061F7AUR");
        let place = incoming.place.unwrap();
        assert_eq!((place.id.as_str(), place.kind, place.shared), ("U061F7AUR", PlaceKind::Direct, false));
        let reply = incoming.reply.unwrap();
        assert_eq!(reply.conversation(), "slack/T1/U061F7AUR/home");
        assert_eq!((reply.place.as_str(), reply.person.as_deref()), ("U061F7AUR", Some("U061F7AUR")));
        assert!(reply.home && reply.alone && reply.thread.is_none() && reply.route.is_none());

        let mut without_view = opened(json!("home"));
        without_view["view"] = Value::Null;
        without_view["channel"] = Value::Null;
        assert_eq!(of_json(&envelope(without_view)).kind, EventKind::HomeOpened, "a first opening has no view");
        let mut of_organisation = envelope(opened(json!("home")));
        of_organisation["authorizations"] = json!([{"enterprise_id": "E1", "is_enterprise_install": true}]);
        let reply = of_json(&of_organisation).reply.unwrap();
        assert_eq!((reply.installation.as_str(), reply.organisation.as_deref()), ("T1", Some("E1")));
    }

    #[test]
    fn silence_has_a_reason() {
        let table = [
            (message(json!({"text": "task list"})), "not addressed to the bot"),
            (message(json!({"text": "<@U2> task list"})), "not addressed to the bot"),
            (message(json!({"channel_type": "mpim", "text": "help"})), "not addressed to the bot"),
            (message(json!({"user": "UBOT"})), "the bot's own message"),
            (message(json!({"app_id": "AAPP", "bot_id": "B1"})), "the bot's own message"),
            (direct(json!({"bot_id": "B1", "user": null})), "written by a bot"),
            (direct(json!({"bot_id": "B1", "app_id": "AOTHER"})), "written by a bot"),
            (direct(json!({"user": "USLACKBOT"})), "written by a bot"),
            (direct(json!({"user": null})), "nobody who wrote it"),
            (direct(json!({"text": ""})), "no words"),
            (direct(json!({"text": null})), "no words"),
            (direct(json!({"hidden": true})), "hidden"),
            (direct(json!({"subtype": "message_changed", "hidden": true})), "`message_changed`"),
            (direct(json!({"subtype": "message_deleted"})), "`message_deleted`"),
            (direct(json!({"subtype": "bot_message"})), "`bot_message`"),
            (message(json!({"subtype": "channel_join"})), "`channel_join`"),
            (opened(json!("messages")), "the tab for messages"),
            (opened(json!("about")), "does not say that the Home"),
            (opened(json!(["home"])), "does not say that the Home"),
            (json!({"type": "app_home_opened", "user": "U1", "channel": "D1"}), "does not say that the Home"),
            (json!({"type": "app_home_opened", "channel": "D1", "tab": "home"}), "nobody who opened"),
            (json!({"type": "app_home_opened", "user": {}, "channel": "D1", "tab": "home"}), "nobody who opened"),
            (json!({"type": "tokens_revoked", "tokens": {"oauth": ["U1"], "bot": []}}), "tokens of people"),
            (json!({"type": "member_joined_channel", "user": "UBOT", "channel": "C1"}), "coming and going"),
            (json!({"type": "reaction_added", "user": "U1", "item": {"type": "message"}}), "reactions"),
            (json!({"type": "channel_created", "channel": {"id": "C1", "name": "x"}}), "no part of the bot"),
            (json!({"type": "user_change", "user": {"id": "U1", "team_id": "T1"}}), "no part of the bot"),
            (json!({}), "no part of the bot"),
        ];
        for (event, expected) in table {
            let incoming = of_json(&envelope(event.clone()));
            assert!(reason(&incoming).contains(expected), "{event}: {}", reason(&incoming));
            assert_eq!(incoming.dedupe, ["slack:event|Ev0PV52K21"]);
            assert_eq!(incoming.reply, None);
        }
    }

    #[test]
    fn the_installation_is_the_one_that_the_event_is_for() {
        let with = |authorizations: Value, team_id: Value, enterprise_id: Value| {
            let mut body = envelope(mention());
            body["authorizations"] = authorizations;
            body["team_id"] = team_id;
            body["enterprise_id"] = enterprise_id;
            body["event"]["team"] = Value::Null;
            of_json(&body).installation
        };
        let table = [
            (json!([{"team_id": "T2"}]), json!("T1"), Value::Null, "T2"),
            (json!([{"team_id": null, "enterprise_id": "E1"}]), json!("T1"), Value::Null, "T1"),
            (json!([{"enterprise_id": "E1", "is_enterprise_install": true}]), Value::Null, Value::Null, "E1"),
            (json!([]), json!("T1"), json!("E1"), "T1"),
            (Value::Null, Value::Null, json!("E1"), "E1"),
            (json!("odd"), json!(null), json!(null), "unknown"),
        ];
        for (authorizations, team_id, enterprise_id, expected) in table {
            assert_eq!(with(authorizations.clone(), team_id, enterprise_id), expected, "{authorizations}");
        }
    }

    #[test]
    fn people_of_a_shared_channel_keep_their_own_workspace() {
        let mut shared = envelope(message(json!({"user": "U9", "team": "T9", "user_team": "T9", "source_team": "T9"})));
        shared["is_ext_shared_channel"] = json!(true);
        shared["team_id"] = json!("T9");
        let incoming = of_json(&shared);
        assert_eq!(incoming.installation, "T1");
        assert_eq!(incoming.from.unwrap().realm, "T9");
        assert!(incoming.place.unwrap().shared);

        let by_profile = message(json!({"team": null, "user_profile": {"team": "T8", "name": "x"}}));
        let incoming = of_json(&envelope(by_profile));
        assert_eq!(incoming.from.unwrap().realm, "T8");
        assert!(incoming.place.unwrap().shared);
    }

    #[test]
    fn a_colleague_of_the_same_organisation_is_one_person() {
        let mut body = envelope(message(json!({"user_team": "E1", "source_team": "E1", "team": "E1"})));
        body["authorizations"][0]["enterprise_id"] = json!("E1");
        let incoming = of_json(&body);
        assert_eq!((incoming.installation.as_str(), incoming.organisation.as_deref()), ("T1", Some("E1")));
        assert_eq!(incoming.from.unwrap().realm, "T1");
        assert!(!incoming.place.unwrap().shared);
    }

    #[test]
    fn the_user_of_a_user_token_is_not_taken_for_the_bot() {
        let mut body = envelope(direct(json!({"user": "UHUMAN"})));
        body["authorizations"] = json!([{"team_id": "T1", "user_id": "UHUMAN", "is_bot": false}]);
        assert_eq!(of_json(&body).kind, EventKind::Command { line: "task list".to_owned() });
    }

    #[test]
    fn what_ends_the_connection_says_when() {
        for event in [
            json!({"type": "app_uninstalled"}),
            json!({"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["UBOT"]}}),
        ] {
            let incoming = of_json(&envelope(event));
            assert_eq!((incoming.installation.as_str(), incoming.reply), ("T1", None));
            match incoming.kind {
                EventKind::Disconnected { happened, .. } => assert_eq!(happened, Some(Timestamp(1_355_517_523_000))),
                other => panic!("{other:?}"),
            }
        }
    }
}
