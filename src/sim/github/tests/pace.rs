//! The pace that GitHub demands, over HTTP: the headers, the refusals, and what is on record of them.

use super::*;

#[tokio::test]
async fn the_eighty_first_comment_of_a_minute_is_refused_and_on_record() {
    let stage = Stage::set().await;
    stage.world().set_rate_limits(RateLimits::enforced());
    let number = stage.issue("x");
    let at = format!("repos/acme/shop/issues/{number}/comments");
    for count in 0..80 {
        assert_eq!(stage.call("POST", &at, json!({"body": "x"})).await.status, 201, "comment {count}");
    }
    let refused = stage.call("POST", &at, json!({"body": "x"})).await;
    assert_eq!((refused.status, refused.header("retry-after")), (403, "60"));
    assert!(refused.message().contains("secondary rate limit and have been temporarily blocked from content creation"));
    assert!(refused.body["documentation_url"].as_str().unwrap().ends_with("#about-secondary-rate-limits"));
    assert_eq!(broken(&stage), ["secondary_rate_limit"]);
    assert_eq!(stage.world().comments("acme/shop", number).len(), 80);
    assert_eq!(stage.get(&at).await.status, 200, "looks go on");
    stage.clock.advance(60_000);
    assert_eq!(stage.call("POST", &at, json!({"body": "x"})).await.status, 201);
}

#[tokio::test]
async fn the_primary_limit_says_when_it_ends() {
    let stage = Stage::set().await;
    let limits = stage.control("limits", json!({"enforced": true, "per_hour": 2})).await;
    assert_eq!(limits["content_per_minute"], 80);
    for left in ["1", "0"] {
        let answer = stage.get("repos/acme/shop").await;
        assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (200, left));
        assert_eq!(answer.header("x-ratelimit-resource"), "core");
    }
    let refused = stage.get("repos/acme/shop").await;
    let expected = format!("API rate limit exceeded for installation ID {}.", seed::INSTALLATION);
    assert_eq!((refused.status, refused.message()), (403, expected.as_str()));
    assert_eq!((refused.header("x-ratelimit-remaining"), refused.header("retry-after")), ("0", ""));
    let reset: i64 = refused.header("x-ratelimit-reset").parse().unwrap();
    stage.clock.advance((reset - stage.world().now().as_seconds()) * 1000);
    // The token has ended as well by then.
    let token = stage.new_token(json!({})).await;
    assert_eq!(stage.by(&token, "GET", "repos/acme/shop", Value::Null).await.status, 200);
}

#[tokio::test]
async fn calls_at_one_time_are_counted() {
    let stage = Arc::new(Stage::set().await);
    stage.world().set_rate_limits(RateLimits { at_once: 2, ..RateLimits::enforced() });
    stage.world().set_faults(Faults { latency_ms: 300, ..Faults::default() });
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let stage = stage.clone();
            tokio::spawn(async move { stage.get("repos/acme/shop").await.status })
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap());
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    stage.world().set_faults(Faults::default());
    assert_eq!(stage.get("repos/acme/shop").await.status, 200, "those that have ended count no longer");
}
