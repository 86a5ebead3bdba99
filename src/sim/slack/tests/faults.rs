//! What goes wrong on purpose, and the pace.

use std::collections::VecDeque;
use std::time::Duration;

use super::*;

fn keyed(key: &str) -> Value {
    let metadata = json!({"event_type": "delivery", "event_payload": {"key": key}});
    json!({"channel": "C0GENERAL", "text": key, "metadata": metadata})
}

fn script(fates: &[Fate]) -> Faults {
    Faults { script: VecDeque::from(fates.to_vec()), methods: vec!["chat.postMessage".into()], ..Faults::default() }
}

impl Stage {
    async fn try_post(&self, key: &str) -> reqwest::Result<reqwest::Response> {
        let request = self.request("chat.postMessage").header("content-type", "application/json; charset=utf-8");
        request.body(keyed(key).to_string()).send().await
    }
}

#[tokio::test]
async fn a_lost_answer_was_performed_and_can_be_found_by_its_metadata() {
    let stage = Stage::set().await;
    stage.world().set_faults(script(&[Fate::LostAnswer, Fate::Refused]));
    let error = stage.try_post("k1").await.expect_err("the answer is lost");
    assert!(!error.is_timeout() && error.status().is_none(), "{error:?}");
    stage.try_post("k2").await.expect_err("the connection is refused");
    let (lost, refused) = (stage.world().posts_for("k1"), stage.world().posts_for("k2"));
    assert_eq!((lost.len(), lost[0].answered, refused.len()), (1, false, 0));

    let found = stage.history(&[("include_all_metadata", "true"), ("oldest", "1699999999")]).await;
    assert_eq!(found[0]["metadata"]["event_payload"]["key"], "k1");
    assert_eq!(
        stage.history(&[]).await[0]["metadata"],
        json!({"event_type": "delivery"}),
        "without asking, no payload"
    );
}

#[tokio::test]
async fn repeats_are_counted() {
    let stage = Stage::set().await;
    for key in ["a", "b", "a"] {
        stage.try_post(key).await.unwrap();
    }
    assert_eq!(stage.world().duplicates().into_values().collect::<Vec<_>>(), [2]);
    assert_eq!(stage.world().posts_for("a").len(), 2);
}

#[tokio::test]
async fn refusals_before_doing_leave_nothing_behind() {
    let stage = Stage::set().await;
    let faults = Faults { retry_after_s: 7, ..script(&[Fate::RateLimited, Fate::ServerError]) };
    stage.control("faults", serde_json::to_value(faults).unwrap()).await;
    let limited = stage.try_post("k").await.unwrap();
    assert_eq!((limited.status().as_u16(), &limited.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    assert_eq!(stage.try_post("k").await.unwrap().status(), 503);
    assert!(stage.world().posts().is_empty());
    assert_eq!(stage.try_post("k").await.unwrap().status(), 200);
    assert!(stage.world().violations().is_empty(), "faults are not the caller's mistakes");
    let calls = &stage.world().calls()["chat.postMessage"];
    assert_eq!((calls["fault_429"], calls["fault_503"], calls["ok"]), (1, 1, 1));
}

#[tokio::test]
async fn an_outage_ends_when_it_is_switched_off() {
    let stage = Stage::set().await;
    let (_, url) = stage.world().new_response_url("C0GENERAL", "U0ADA0001");
    stage.control("faults", json!({"outage": true})).await;
    stage.try_post("k").await.expect_err("nothing answers");
    stage.http.post(&url).json(&json!({"text": "a"})).send().await.expect_err("response urls neither");
    stage.control("faults", json!({})).await;
    stage.try_post("k").await.unwrap();
    assert_eq!(stage.world().messages("C0GENERAL").len(), 1);
}

#[tokio::test]
async fn a_stall_is_done_long_before_it_is_answered() {
    let stage = Stage::set().await;
    stage.world().set_faults(Faults { stall_ms: 60_000, ..script(&[Fate::Stall]) });
    let request = stage.request("chat.postMessage").timeout(Duration::from_millis(200));
    let request = request.header("content-type", "application/json").body(keyed("k").to_string());
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(stage.world().posts_for("k").len(), 1);
}

#[tokio::test]
async fn the_pace_is_kept_when_switched_on() {
    let stage = Stage::set().await;
    stage.world().set_rate_limits(RateLimits::enforced());
    assert_eq!(stage.try_post("a").await.unwrap().status(), 200);
    let early = stage.try_post("b").await.unwrap();
    assert_eq!((early.status().as_u16(), &early.headers()["retry-after"]), (429, &"1".parse().unwrap()));
    assert_eq!(stage.json("chat.postMessage", json!({"channel": "C0DEVTEAM", "text": "a"})).await["ok"], true);
    stage.advance(1000);
    assert_eq!(stage.try_post("b").await.unwrap().status(), 200);
    assert_eq!(stage.world().violations()[0].error, "ratelimited");
}

#[tokio::test]
async fn waiting_ends_with_the_change_or_the_deadline() {
    let stage = Stage::set().await;
    let world = stage.world().clone();
    let look = |world: &SlackWorld| world.posts_for("k").pop();
    let waiting = world.wait_for(Duration::from_secs(5), look);
    let (found, _) = tokio::join!(waiting, stage.try_post("k"));
    assert_eq!(found.unwrap().channel, "C0GENERAL");
    assert!(world.wait_for(Duration::from_millis(20), |world| world.posts_for("other").pop()).await.is_none());
}
