//! Messages that grow, as an application meets them.

use super::*;
use crate::sim::slack::rates::RateLimits;

/// The direct messages of Ada with the bot.
const WITH_ADA: &str = "D0ADA0001";

fn text(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "plain_text", "text": text}})
}

fn chunks(blocks: &[Value]) -> Value {
    json!([{"type": "blocks", "blocks": blocks}])
}

/// Something that Ada has asked, in a place.
async fn asked(stage: &Stage, channel: &str) -> String {
    let answer = stage.json("chat.postMessage", json!({"channel": channel, "text": "a question"})).await;
    answer["ts"].as_str().unwrap().to_owned()
}

/// The beginning of a stream for Ada, below what she has asked.
fn below(thread: &str) -> Value {
    json!({"channel": WITH_ADA, "thread_ts": thread, "recipient_user_id": "U0ADA0001", "recipient_team_id": "T0SIM0001"})
}

async fn begun(stage: &Stage, more: Value) -> Value {
    let mut call = below(&asked(stage, WITH_ADA).await);
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    stage.json("chat.startStream", call).await
}

#[tokio::test]
async fn a_stream_grows_and_is_whole_when_it_has_ended() {
    let stage = Stage::set().await;
    let start = begun(&stage, json!({"chunks": chunks(&[text("one")])})).await;
    assert_eq!(start["ok"], true, "{start}");
    let it = json!({"channel": WITH_ADA, "ts": start["ts"]});
    let with = |field: &str, value: Value| {
        let mut call = it.clone();
        call[field] = value;
        call
    };
    let error = async |method: &str, call: Value| stage.json(method, call).await["error"].clone();
    assert!(stage.world().message(WITH_ADA, start["ts"].as_str().unwrap()).unwrap().streaming);
    assert_eq!(error("chat.update", with("text", json!("other"))).await, "streaming_state_conflict");
    assert_eq!(error("chat.appendStream", with("markdown_text", json!("x"))).await, "streaming_mode_mismatch");
    assert_eq!(error("chat.appendStream", it.clone()).await, "no_text");
    let more = with("chunks", chunks(&[text("two")]));
    assert_eq!(stage.json("chat.appendStream", more.clone()).await["ok"], true);
    let mut last = with("blocks", json!([text("three")]));
    last["metadata"] = json!({"event_type": "done", "event_payload": {"key": "k"}});
    let stopped = stage.json("chat.stopStream", last.clone()).await;
    assert_eq!(stopped["message"]["streaming_state"], "completed", "{stopped}");
    let message = stage.world().message(WITH_ADA, start["ts"].as_str().unwrap()).unwrap();
    assert_eq!((message.text.as_str(), message.blocks.len(), message.streaming), ("one two three", 3, false));
    assert!(message.metadata.unwrap().holds("k") && stage.world().posts_for("k").len() == 1);
    for (method, call) in [("chat.appendStream", more), ("chat.stopStream", last)] {
        assert_eq!(error(method, call).await, "message_not_in_streaming_state");
    }
    assert_eq!(stage.json("chat.update", with("text", json!("other"))).await["ok"], true, "it is a message");
}

#[tokio::test]
async fn what_is_no_stream_is_refused_as_slack_does() {
    let stage = Stage::set().await;
    let long = "x".repeat(12_001);
    for (more, error) in [
        (json!({"thread_ts": null}), "invalid_thread_ts"),
        (json!({"thread_ts": "0"}), "invalid_thread_ts"),
        (json!({"channel": "C0NONE"}), "channel_not_found"),
        (json!({"markdown_text": long}), "msg_too_long"),
        (json!({"chunks": [{"type": "markdown_text", "text": long}]}), "msg_too_long"),
        (json!({"chunks": [{"type": "sparkle"}]}), "invalid_chunks"),
        (json!({"chunks": [{"type": "blocks", "blocks": [], "text": "x"}]}), "invalid_chunks"),
        (json!({"chunks": chunks(&[json!({"type": "section"})])}), "invalid_blocks"),
        (json!({"chunks": chunks(&[text("x")]), "markdown_text": "x"}), "invalid_arguments"),
        (json!({"task_display_mode": "list"}), "invalid_arguments"),
        (json!({"recipient_user_id": "U0NOBODY"}), "user_not_found"),
        (json!({"recipient_user_id": null}), "missing_recipient_user_id"),
        (json!({"recipient_team_id": null}), "missing_recipient_team_id"),
    ] {
        assert_eq!(begun(&stage, more.clone()).await["error"], error, "{more}");
    }
    let thread = asked(&stage, "C0GENERAL").await;
    let in_channel = |more: Value| {
        let mut call = json!({"channel": "C0GENERAL", "thread_ts": thread, "markdown_text": "x"});
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call
    };
    for (more, error) in [
        (json!({}), json!("missing_recipient_user_id")),
        (json!({"recipient_user_id": "U0ADA0001"}), json!("missing_recipient_team_id")),
        (json!({"recipient_user_id": "U0ADA0001", "recipient_team_id": "T0SIM0001"}), Value::Null),
    ] {
        assert_eq!(stage.json("chat.startStream", in_channel(more)).await["error"], error);
    }
    let it = json!({"channel": WITH_ADA, "ts": "1.000000", "markdown_text": "x"});
    assert_eq!(stage.json("chat.appendStream", it).await["error"], "message_not_found");
    let posted = asked(&stage, WITH_ADA).await;
    let it = json!({"channel": WITH_ADA, "ts": posted});
    assert_eq!(stage.json("chat.stopStream", it).await["error"], "message_not_in_streaming_state");
}

#[tokio::test]
async fn a_stream_ends_by_the_person_by_time_and_is_kept_to_its_pace() {
    let stage = Stage::set().await;
    let more = |start: &Value| json!({"channel": WITH_ADA, "ts": start["ts"], "markdown_text": "x"});
    let start = begun(&stage, json!({"markdown_text": "x"})).await;
    let ts = start["ts"].as_str().unwrap();
    assert!(stage.world().stop_stream(WITH_ADA, ts) && !stage.world().stop_stream(WITH_ADA, ts));
    assert_eq!(stage.json("chat.appendStream", more(&start)).await["error"], "stopped_by_user");
    let start = begun(&stage, json!({"markdown_text": "x"})).await;
    stage.advance(301_000);
    assert_eq!(stage.json("chat.appendStream", more(&start)).await["error"], "message_not_in_streaming_state");
    stage.world().set_refusal("chat.startStream", Some("unknown_method"));
    assert_eq!(begun(&stage, json!({"markdown_text": "x"})).await["error"], "unknown_method");
    stage.world().set_refusal("chat.startStream", None);
    let thread = asked(&stage, WITH_ADA).await;
    stage.world().set_rate_limits(RateLimits::enforced());
    let mut call = below(&thread);
    call["markdown_text"] = json!("x");
    for _ in 0..20 {
        assert_eq!(stage.json("chat.startStream", call.clone()).await["ok"], true);
    }
    assert_eq!(stage.json("chat.startStream", call).await["error"], "ratelimited");
}
