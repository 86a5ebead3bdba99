//! Links to the application's domains: what is told of them, and what `chat.unfurl` takes and refuses.

use super::*;
use crate::sim::slack::payload::Request;

const LINK: &str = "https://bot.example/tasks/T-1";
const ADA: &str = "U0ADA0001";

fn inner(request: &Request) -> Value {
    serde_json::from_str::<Value>(&request.body).unwrap()["event"].clone()
}

fn sender(stage: &Stage) -> Sender {
    stage.world().set_unfurl_domains(&["bot.example"]);
    Sender::new(stage.world().clone(), SenderConfig::new("http://127.0.0.1:9", "x")).unwrap()
}

/// The event of a message with a link.
fn told(sender: &Sender, channel: &str, text: &str) -> Option<Value> {
    let said = sender.say(ADA, channel, text, None).unwrap();
    said.events.iter().map(inner).find(|event| event["type"] == "link_shared")
}

#[tokio::test]
async fn links_are_told_of_in_every_place_and_of_every_name_below_the_domain() {
    let stage = Stage::set().await;
    let sender = sender(&stage);
    for (channel, is_member) in [("C0GENERAL", true), ("C0OUTSIDE", false), ("G0CLOSED1", false)] {
        let event = told(&sender, channel, &format!("see {LINK}?a=1&b=2 and {LINK}?a=1&b=2")).unwrap();
        assert_eq!((&event["channel"], &event["is_bot_user_member"]), (&json!(channel), &json!(is_member)));
        assert_eq!(event["source"], "conversations_history");
        assert_eq!(event["links"], json!([{"domain": "bot.example", "url": format!("{LINK}?a=1&b=2")}]));
    }
    for text in ["no link", "bot.example/tasks/T-1", "https://bot.example.evil.example/tasks/T-1"] {
        assert_eq!(told(&sender, "C0GENERAL", text), None, "{text}");
    }
    let below = told(&sender, "C0GENERAL", "http://a.bot.example:81/x").unwrap();
    assert_eq!(below["links"][0]["domain"], "bot.example");
    let composed = inner(&sender.compose(ADA, "C0GENERAL", LINK).unwrap().unwrap());
    assert_eq!((&composed["channel"], &composed["source"]), (&json!("COMPOSER"), &json!("composer")));
    assert_eq!(composed["message_ts"], composed["unfurl_id"]);
    assert_eq!(sender.compose(ADA, "C0GENERAL", "no link").unwrap(), None);
}

#[tokio::test]
async fn what_is_shown_takes_the_place_of_what_was_and_is_seen_below_the_message() {
    let stage = Stage::set().await;
    let sender = sender(&stage);
    let event = told(&sender, "C0GENERAL", LINK).unwrap();
    let ts = event["message_ts"].as_str().unwrap();
    let blocks =
        |text: &str| json!({LINK: {"blocks": [{"type": "section", "text": {"type": "plain_text", "text": text}}]}});
    let by_id = json!({"unfurl_id": event["unfurl_id"], "source": event["source"], "unfurls": blocks("one")});
    let by_place = json!({"channel": "C0GENERAL", "ts": ts, "unfurls": blocks("two")});
    for (call, text) in [(by_id, "one"), (by_place, "two")] {
        assert_eq!(stage.json("chat.unfurl", call).await, json!({"ok": true}));
        let message = stage.world().message("C0GENERAL", ts).unwrap();
        assert_eq!(message.unfurls.len(), 1);
        assert_eq!(message.unfurls[LINK][0]["text"]["text"], text);
        assert!(show::message(&message, &stage.world().names(), 80).contains(text));
    }
    let attachment = &stage.history(&[]).await[0]["attachments"][0];
    assert_eq!((&attachment["app_unfurl_url"], &attachment["is_app_unfurl"]), (&json!(LINK), &json!(true)));
    // Told of again, as after an edit, it has another name, and the first holds too.
    let again = inner(&sender.links_again("C0GENERAL", ts).unwrap());
    assert_ne!(again["unfurl_id"], event["unfurl_id"]);
}

#[tokio::test]
async fn what_slack_refuses_is_refused() {
    let stage = Stage::set().await;
    let sender = sender(&stage);
    let event = told(&sender, "C0GENERAL", LINK).unwrap();
    let without_link = sender.say(ADA, "C0GENERAL", "no link", None).unwrap().message.ts;
    let (id, ts) = (&event["unfurl_id"], &event["message_ts"]);
    let text = json!({"type": "plain_text", "text": "x"});
    let fine = json!({LINK: {"blocks": [{"type": "section", "text": text}]}});
    let of = |unfurls: Value| json!({"unfurl_id": id, "source": "conversations_history", "unfurls": unfurls});
    let rich = json!({"type": "rich_text", "elements": []});
    for (call, error) in [
        (json!({"unfurl_id": id, "unfurls": fine}), "missing_source"),
        (json!({"source": "composer", "unfurls": fine}), "missing_unfurl_id"),
        (json!({"channel": "C0GENERAL", "unfurls": fine}), "missing_ts"),
        (json!({"unfurls": fine}), "missing_channel"),
        (json!({"unfurl_id": id, "source": "elsewhere", "unfurls": fine}), "invalid_source"),
        (json!({"unfurl_id": "x", "source": "composer", "unfurls": fine}), "invalid_unfurl_id"),
        (json!({"unfurl_id": id, "source": "composer", "unfurls": fine}), "invalid_unfurl_id"),
        (json!({"channel": "C0NOWHERE", "ts": ts, "unfurls": fine}), "cannot_find_channel"),
        (json!({"channel": "C0GENERAL", "ts": "1.2", "unfurls": fine}), "cannot_find_message"),
        (json!({"channel": "C0GENERAL", "ts": without_link, "unfurls": fine}), "cannot_unfurl_url"),
        (json!({"unfurl_id": id, "source": "conversations_history"}), "missing_unfurls"),
        (of(json!({})), "missing_unfurls"),
        (of(json!([])), "invalid_unfurls_format"),
        (of(json!("{")), "invalid_unfurls_format"),
        (of(json!({"https://bot.example/other": fine[LINK]})), "cannot_unfurl_message"),
        (of(json!({"https://other.example/": fine[LINK]})), "cannot_unfurl_url"),
        (of(json!({LINK: "x"})), "cannot_parse_attachment"),
        (of(json!({LINK: {"text": "x"}})), "cannot_parse_attachment"),
        (of(json!({LINK: {"blocks": fine[LINK]["blocks"], "colour": "red"}})), "cannot_parse_attachment"),
        (of(json!({LINK: {"blocks": [rich]}})), "invalid_blocks"),
        (of(json!({LINK: {"blocks": [{"type": "section"}]}})), "invalid_blocks"),
        (
            json!({"unfurl_id": id, "source": "conversations_history", "unfurls": fine, "text": "x"}),
            "invalid_arguments",
        ),
    ] {
        assert_eq!(stage.json("chat.unfurl", call.clone()).await["error"], error, "{call}");
    }
    stage.world().set_scope("links:write", false);
    let refused = stage.json("chat.unfurl", of(fine)).await;
    assert_eq!((&refused["error"], &refused["needed"]), (&json!("missing_scope"), &json!("links:write")));
    assert!(stage.world().messages("C0GENERAL").iter().all(|message| message.unfurls.is_empty()));
}
