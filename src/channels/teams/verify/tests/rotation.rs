//! How keys come and go: new ones, withdrawn ones, answers that are none, many askers at once.

use std::time::Duration;

use axum::http::StatusCode;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;
use url::Url;

use super::stand_in::{Says, TIMEOUT};
use super::*;
use crate::channels::teams::keys::{FRESH, OLDEST, SETTLED};

/// Valid at any time that these tests come to.
fn lasting(pair: &RsaKeyPair, kid: &str) -> String {
    let claims = changed(&claims(), &json!({"exp": NOW + 100 * 86_400}));
    signed_by(pair, &RSA_PKCS1_SHA256, &header_of(kid).to_string(), &claims.to_string())
}

#[tokio::test]
async fn a_new_key_is_found_and_an_invented_one_costs_one_fetch_an_hour() {
    let stand_in = StandIn::start().await;
    let verifier = stand_in.verifier();
    let (one, two) = (lasting(&FIRST, "one"), lasting(&SECOND, "two"));
    assert_eq!(stand_in.fetches(), 0, "nothing is fetched before it is wanted");
    for second in 0..20 {
        assert_eq!(outcome(&verifier, at(NOW + second), &one).await, Ok(()));
    }
    assert_eq!(stand_in.fetches(), 1);

    stand_in.now_says(Says::Keys(json!({"keys": [jwk("one", &FIRST, &json!({})), jwk("two", &SECOND, &json!({}))]})));
    assert_eq!(outcome(&verifier, at(NOW + 20), &two).await, Ok(()), "it is asked for when it is first named");
    assert_eq!(stand_in.fetches(), 2);
    for second in 0..50 {
        let invented = lasting(&FORGER, &format!("invented-{second}"));
        let now = after(Duration::from_secs(60 + second));
        assert_eq!(outcome(&verifier, now, &invented).await, bad(Reason::UnknownKey));
    }
    assert_eq!(stand_in.fetches(), 3, "a second invented key within the hour is not asked for");
    for (minute, fetches) in [(60, 3), (61, 4), (62, 4), (120, 4), (121, 5)] {
        let now = after(Duration::from_secs(minute * 60));
        assert_eq!(outcome(&verifier, now, &lasting(&FORGER, "invented")).await, bad(Reason::UnknownKey));
        assert_eq!(stand_in.fetches(), fetches, "minute {minute}");
    }
}

#[tokio::test]
async fn a_key_that_is_withdrawn_is_gone_within_a_day() {
    let stand_in = StandIn::start().await;
    let verifier = stand_in.verifier();
    let one = lasting(&FIRST, "one");
    assert_eq!(outcome(&verifier, at(NOW), &one).await, Ok(()));
    stand_in.now_says(Says::Keys(json!({"keys": [jwk("two", &SECOND, &json!({}))]})));
    assert_eq!(outcome(&verifier, Timestamp(after(FRESH).0 - 1), &one).await, Ok(()));
    assert_eq!(stand_in.fetches(), 1);
    assert_eq!(outcome(&verifier, after(FRESH), &one).await, bad(Reason::UnknownKey));
    assert_eq!(stand_in.fetches(), 2);
}

#[tokio::test]
async fn without_an_answer_keys_last_five_days_and_no_longer() {
    let stand_in = StandIn::start().await;
    let verifier = stand_in.verifier();
    let one = lasting(&FIRST, "one");
    assert_eq!(outcome(&verifier, at(NOW), &one).await, Ok(()));
    stand_in.now_says(Says::Status(StatusCode::INTERNAL_SERVER_ERROR));
    let unknown = lasting(&FORGER, "invented");
    assert_eq!(outcome(&verifier, after(SETTLED), &unknown).await, Err(Refused::KeysUnavailable));
    assert_eq!(outcome(&verifier, after(SETTLED), &one).await, Ok(()), "what is known is not in doubt");
    for day in [1, 2, 3, 4] {
        let now = after(FRESH * day);
        assert_eq!(outcome(&verifier, now, &one).await, Ok(()), "day {day}");
        assert_eq!(outcome(&verifier, now, &lasting(&FORGER, "one")).await, bad(Reason::Signature), "day {day}");
    }
    assert_eq!(stand_in.fetches(), 6);
    assert_eq!(outcome(&verifier, Timestamp(after(OLDEST).0 - 1), &one).await, Ok(()));
    assert_eq!(outcome(&verifier, after(OLDEST), &one).await, Err(Refused::KeysUnavailable));
    stand_in.now_says(Says::Keys(listed()));
    assert_eq!(outcome(&verifier, after(OLDEST + FRESH), &one).await, Ok(()));
}

#[tokio::test]
async fn answers_that_are_none_are_told_and_not_asked_for_again_at_once() {
    let good = saying(&claims());
    for (says, reason) in [
        (Says::Status(StatusCode::INTERNAL_SERVER_ERROR), "the list of keys: HTTP 500"),
        (Says::Status(StatusCode::NO_CONTENT), "the list of keys: HTTP 204"),
        (Says::Redirect, "the list of keys: HTTP 302"),
        (Says::Text("<html>".to_owned()), "the list of keys: an answer in an unknown form"),
        (Says::Text(String::new()), "the list of keys: an answer in an unknown form"),
        (Says::Text("{\"keys\":[".repeat(20_000)), "the list of keys: an answer in an unknown form"),
        (Says::Text(" ".repeat(2 << 20)), "the list of keys: an answer of more than 1 MiB"),
        (Says::Keys(json!({"keys": []})), "the list of keys has none that can be used"),
        (Says::Keys(json!({"keys": [jwk("one", &FIRST, &json!({"use": "enc"}))]})), "the list of keys has none"),
        (Says::Keys(json!({"keys": null})), "the list of keys: an answer in an unknown form"),
        (Says::Never, "the list of keys: "),
        (Says::Names("https://login.botframework.com/v1/.well-known/keys".to_owned()), "the metadata names an address"),
        (Says::Names("http://127.0.0.1:1/keys".to_owned()), "the metadata names an address"),
        (Says::Names("not an address".to_owned()), "the metadata names an address"),
    ] {
        let stand_in = StandIn::start().await;
        let verifier = stand_in.verifier();
        stand_in.now_says(says);
        for second in [0, 1, 4] {
            assert_eq!(outcome(&verifier, at(NOW + second), &good).await, Err(Refused::KeysUnavailable), "{reason}");
        }
        assert_eq!(stand_in.fetches(), 1, "{reason}");
        let told = verifier.keys().check(at(NOW)).await.unwrap_err().reason;
        assert!(told.starts_with(reason), "{told}");
        assert!(!told.contains("127.0.0.1"), "{told}");
        stand_in.now_says(Says::Keys(listed()));
        assert_eq!(outcome(&verifier, at(NOW + 4), &good).await, Err(Refused::KeysUnavailable), "{reason}");
        assert_eq!(outcome(&verifier, at(NOW + 15), &good).await, Ok(()), "{reason}");
        assert_eq!(stand_in.fetches(), 3, "{reason}");
    }
}

#[tokio::test]
async fn many_at_once_make_one_fetch() {
    let stand_in = StandIn::start().await;
    let verifier = stand_in.verifier();
    let good = saying(&claims());
    let found = futures_util::future::join_all((0..50).map(|_| outcome(&verifier, at(NOW), &good))).await;
    assert!(found.iter().all(Result::is_ok), "{found:?}");
    assert_eq!(stand_in.fetches(), 1);

    // Those with a key that will do go on while one of them asks.
    stand_in.now_says(Says::Never);
    let one = lasting(&FIRST, "one");
    let started = Instant::now();
    let asks = outcome(&verifier, after(FRESH), &one);
    let goes_on = async {
        tokio::task::yield_now().await;
        let found = outcome(&verifier, after(FRESH), &one).await;
        (found, started.elapsed() < TIMEOUT)
    };
    let (asked, (found, at_once)) = futures_util::future::join(asks, goes_on).await;
    assert_eq!((asked, found, at_once), (Ok(()), Ok(()), true));
    assert_eq!(stand_in.fetches(), 2);
}

#[tokio::test]
async fn a_fetch_that_its_asker_gave_up_counts_as_failed() {
    let stand_in = StandIn::start().await;
    let verifier = stand_in.verifier();
    stand_in.now_says(Says::Never);
    let good = saying(&claims());
    let given_up = tokio::time::timeout(TIMEOUT / 3, outcome(&verifier, at(NOW), &good)).await;
    assert!(given_up.is_err());
    stand_in.now_says(Says::Keys(listed()));
    assert_eq!(outcome(&verifier, at(NOW + 4), &good).await, Err(Refused::KeysUnavailable));
    assert_eq!(stand_in.fetches(), 1);
    assert_eq!(outcome(&verifier, at(NOW + 5), &good).await, Ok(()));
}

#[tokio::test]
async fn a_clock_that_was_set_back_asks_again() {
    let stand_in = StandIn::start().await;
    let verifier = stand_in.verifier();
    let one = lasting(&FIRST, "one");
    assert_eq!(outcome(&verifier, after(FRESH), &one).await, Ok(()));
    assert_eq!(outcome(&verifier, at(NOW), &one).await, Ok(()));
    assert_eq!(stand_in.fetches(), 2);
}

#[tokio::test]
async fn keys_can_be_fetched_to_show_that_they_can() {
    let stand_in = StandIn::start().await;
    assert_eq!(stand_in.keys().check(at(NOW)).await, Ok(4));
    let closed = Keys::with_timeout(Url::parse("http://127.0.0.1:1/metadata").unwrap(), TIMEOUT).unwrap();
    let told = closed.check(at(NOW)).await.unwrap_err().to_string();
    assert!(told.starts_with("the keys by which Teams signs cannot be fetched: the metadata: "), "{told}");
}
