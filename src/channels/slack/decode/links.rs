//! Links to the app's domain that somebody writes: docs.slack.dev/reference/events/link_shared.
//!
//! Slack tells of every link to a domain of the app, with those of its subdomains and whatever the port, in every
//! conversation of the workspace, also where the bot is not. Which of them are ours is decided behind.

use super::{Found, ignored};
use crate::channels::slack::inbound::InnerEvent;
use crate::channels::slack::unfurl::{self, POSTED};
use crate::domain::event::{EventKind, PlaceKind};

/// Slack's name of the event.
pub(super) const LINK_SHARED: &str = "link_shared";
/// As many links of one message are read; nobody reads what stands below more.
const MOST_LINKS: usize = 50;
/// The longest link that is read: as long as a block's address may be.
const LONGEST_LINK: usize = 3_000;

/// Reads such an event into what was found of its envelope.
pub(super) fn read(event: &InnerEvent, found: &mut Found) {
    // A direct message need not be one with the bot.
    if let Some(place) = found.place.as_mut().filter(|place| place.kind == PlaceKind::Direct)
        && !event.is_bot_user_member
    {
        place.kind = PlaceKind::Private;
    }
    found.kind = written(event, found).unwrap_or_else(|why| ignored(LINK_SHARED, why));
}

fn written(event: &InnerEvent, found: &Found) -> Result<EventKind, &'static str> {
    if event.source.as_deref().is_some_and(|source| source != POSTED) {
        // Slack tells of it again when it is sent, with its place; until then nobody knows who will read it.
        return Err("the message is still being written, so nobody knows yet who reads it");
    }
    let place = found.place.as_ref().ok_or("it does not say where the links were written")?;
    let ts = event.message_ts.as_deref().ok_or("it does not say in which message the links were written")?;
    if found.from.is_none() {
        return Err("it names nobody who wrote the links");
    }
    let links = event.links.iter().filter_map(|link| link.url.clone());
    let links: Vec<String> = links.filter(|link| link.len() <= LONGEST_LINK).take(MOST_LINKS).collect();
    if links.is_empty() {
        return Err("there is no link in it");
    }
    let message = unfurl::message(event.unfurl_id.as_deref(), event.source.as_deref(), &place.id, ts);
    Ok(EventKind::LinksWritten { message, links })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{of_json, reason};
    use super::*;

    /// After Slack's document.
    fn shared(changes: Value) -> Value {
        let mut event = json!({"type": "link_shared", "channel": "C123ABC456", "is_bot_user_member": true,
            "user": "U123ABC456", "message_ts": "123456789.9875",
            "unfurl_id": "C123456.123456789.987501.1b90fa1278528ce6e2f6c5c2bfa1abc9a41d57d02b29d173f40399c9ffdecf4b",
            "source": "conversations_history", "event_ts": "123456789.9875",
            "links": [{"domain": "example.com", "url": "https://example.com/12345"},
                {"domain": "example.com", "url": "https://example.com/67890?a=b&c=<d>"}]});
        for (name, value) in changes.as_object().unwrap() {
            event[name] = value.clone();
        }
        json!({"type": "event_callback", "team_id": "T1", "event_id": "Ev123ABC456", "event": event,
            "authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": true}], "is_ext_shared_channel": false})
    }

    #[test]
    fn links_are_kept_as_they_are_told_and_stand_in_a_lane_of_their_writer() {
        let incoming = of_json(&shared(json!({"thread_ts": "123456621.1855"})));
        let EventKind::LinksWritten { message, links } = &incoming.kind else { panic!("{:?}", incoming.kind) };
        assert!(message.starts_with("conversations_history C123456.123456789.987501."), "{message}");
        assert_eq!(links, &["https://example.com/12345", "https://example.com/67890?a=b&c=<d>"]);
        assert_eq!(incoming.dedupe, ["slack:event|Ev123ABC456"]);
        assert_eq!(incoming.lane.to_string(), "slack/T1/links/U123ABC456", "nobody in the thread waits for it");
        let reply = incoming.reply.unwrap();
        assert_eq!((reply.place.as_str(), reply.person.as_deref()), ("C123ABC456", Some("U123ABC456")));
        let without = of_json(&shared(json!({"unfurl_id": null, "source": null})));
        let EventKind::LinksWritten { message, .. } = &without.kind else { panic!("{:?}", without.kind) };
        assert_eq!(message, "C123ABC456:123456789.9875");
    }

    #[test]
    fn who_reads_along_is_known_by_the_place() {
        for (channel, is_member, kind) in
            [("C1", true, PlaceKind::Unknown), ("D1", true, PlaceKind::Direct), ("D1", false, PlaceKind::Private)]
        {
            let incoming = of_json(&shared(json!({"channel": channel, "is_bot_user_member": is_member})));
            assert_eq!(incoming.place.unwrap().kind, kind, "{channel} {is_member}");
        }
        let mut outside = shared(json!({}));
        outside["is_ext_shared_channel"] = json!(true);
        assert!(of_json(&outside).place.unwrap().shared);
    }

    #[test]
    fn what_has_no_place_no_writer_or_no_link_is_ignored_with_its_reason() {
        let composed =
            json!({"source": "composer", "channel": "COMPOSER", "message_ts": "U1-909b", "unfurl_id": "U1-909b"});
        let long = format!("https://example.com/{}", "x".repeat(LONGEST_LINK));
        for (changes, part) in [
            (composed, "still being written"),
            (json!({"source": "some_day", "unfurl_id": "x"}), "still being written"),
            (json!({"channel": null}), "where the links were written"),
            (json!({"message_ts": null}), "in which message"),
            (json!({"user": null}), "nobody who wrote"),
            (json!({"links": []}), "no link"),
            (json!({"links": null}), "no link"),
            (json!({"links": ["x", 7, {"domain": "example.com"}, {"url": null}]}), "no link"),
            (json!({"links": [{"url": long}]}), "no link"),
        ] {
            let incoming = of_json(&shared(changes.clone()));
            assert!(reason(&incoming).contains(part), "{changes}: {}", reason(&incoming));
            assert_eq!(incoming.reply, None, "nobody is answered");
        }
        let many = vec![json!({"url": "https://example.com/1"}); MOST_LINKS + 1];
        let EventKind::LinksWritten { links, .. } = of_json(&shared(json!({"links": many}))).kind else { panic!() };
        assert_eq!(links.len(), MOST_LINKS);
    }
}
