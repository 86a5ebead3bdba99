//! Tokens of every kind against a server that hands out keys: who is believed, who is not, and how often it is asked.
//!
//! The tables of tokens are `tables`, by class; how keys come and go is `rotation`. The same classes over HTTP, with the
//! figure that each raises, are `tests/it/teams_tokens.rs`.

mod forge;
mod rotation;
mod stand_in;
mod tables;

use std::time::Instant;

use forge::*;
use stand_in::StandIn;

use super::*;

async fn check(
    verifier: &Verifier,
    now: Timestamp,
    authorization: &str,
    service_url: Option<&str>,
    channel: Option<&str>,
) -> Result<(), Refused> {
    let token = verifier.token(now, Some(authorization)).await?;
    token.vouches_for(service_url, channel).map(|proof| assert!(proof.to_string().starts_with("bot framework token")))
}

/// The outcome for a token that came with an activity as it should be.
async fn outcome(verifier: &Verifier, now: Timestamp, authorization: &str) -> Result<(), Refused> {
    check(verifier, now, authorization, Some(SERVICE), TEAMS).await
}

const fn bad(reason: Reason) -> Result<(), Refused> {
    Err(Refused::Unauthentic(reason))
}

/// Every cut of a good token, and bytes of it exchanged: none is believed, and none is more than refused.
#[tokio::test]
async fn broken_tokens_are_refused() {
    let verifier = StandIn::start().await.verifier();
    let good = saying(&claims());
    for end in 0..good.len() {
        assert!(outcome(&verifier, at(NOW), &good[..end]).await.is_err(), "{end}");
    }
    // The last letter of 256 bytes in base64 has four bits too many: others than zeros there are refused.
    for place in 0..good.len() {
        for letter in ["A", "_", ".", " ", "=", "\0", "é"] {
            if &good[place..=place] != letter {
                let broken = format!("{}{letter}{}", &good[..place], &good[place + 1..]);
                assert!(outcome(&verifier, at(NOW), &broken).await.is_err(), "{place} {letter:?}");
            }
        }
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_is_believed_or_stops_the_reading(text in "\\PC{0,200}", bytes in any::<Vec<u8>>()) {
            prop_assert!(bearer(Some(&text)).is_err());
            prop_assert!(Parts::of(&text).is_err());
            let inner = BASE64URL_NOPAD.encode(&bytes);
            let token = format!("{inner}.{inner}.{inner}");
            prop_assert!(Parts::of(&token).is_err());
            let is_object = bytes.trim_ascii_start().starts_with(b"{");
            prop_assert!(is_object || decode::<Claims>(&inner).is_err());
        }
    }
}

/// `cargo test --release --lib channels::teams::verify -- --ignored --nocapture`
#[tokio::test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "what was measured is for who asked")]
async fn what_a_check_with_known_keys_takes() {
    const ROUNDS: u32 = 20_000;
    let verifier = StandIn::start().await.verifier();
    let good = saying(&claims());
    outcome(&verifier, at(NOW), &good).await.unwrap();
    let started = Instant::now();
    for _ in 0..ROUNDS {
        outcome(&verifier, at(NOW), &good).await.unwrap();
    }
    let each = started.elapsed() / ROUNDS;
    println!("{each:?} a token");
}
