//! Tokens of every kind against a server that hands out keys: who is believed, who is not, and how often it is asked.

mod forge;
mod stand_in;

use std::time::Instant;

use axum::http::StatusCode;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaKeyPair};
use serde_json::json;
use url::Url;

use forge::*;
use stand_in::{Says, StandIn, TIMEOUT};

use super::*;
use crate::channels::teams::keys::{FRESH, OLDEST, SETTLED};

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

async fn assert_table(table: Vec<(&str, String, Result<(), Refused>)>) {
    let verifier = StandIn::start().await.verifier();
    for (what, authorization, expected) in table {
        assert_eq!(outcome(&verifier, at(NOW), &authorization).await, expected, "{what}: {authorization}");
    }
}

#[tokio::test]
async fn who_signed_and_how() {
    let good = saying(&claims());
    let (all, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = all.split_once('.').unwrap();
    let other_payload = BASE64URL_NOPAD.encode(changed(&claims(), &json!({"x": 1})).to_string().as_bytes());
    let (header, text) = (header_of("one").to_string(), claims().to_string());
    let under = |alg: &str| changed(&header_of("one"), &json!({"alg": alg}));
    let unsigned = BASE64URL_NOPAD.encode(under("none").to_string().as_bytes());
    let flipped = format!("{all}.{}{}", if signature.starts_with('A') { "B" } else { "A" }, &signature[1..]);
    let twin = jwk("one", &FORGER, &json!({}));
    let embedded =
        changed(&header_of("one"), &json!({"jwk": twin, "jku": "http://127.0.0.1:1/", "x5u": "http://[::1]:1/"}));
    assert_table(vec![
        ("as it should be", good.clone(), Ok(())),
        ("by a key for any channel", by_second("free"), Ok(())),
        ("by a key with an empty list of channels", by_second("empty"), Ok(())),
        ("a key that came along is not looked at", headed(&embedded), Ok(())),
        (
            "by the key that came along",
            signed_by(&FORGER, &RSA_PKCS1_SHA256, &embedded.to_string(), &text),
            bad(Reason::Signature),
        ),
        ("forged", signed_by(&FORGER, &RSA_PKCS1_SHA256, &header, &text), bad(Reason::Signature)),
        ("by another of the keys", by_second("one"), bad(Reason::Signature)),
        ("a bit of the signature", flipped, bad(Reason::Signature)),
        ("the payload exchanged", good.replace(payload, &other_payload), bad(Reason::Signature)),
        ("no signature", format!("{all}."), bad(Reason::Signature)),
        ("half a signature", format!("{all}.{}", &signature[..168]), bad(Reason::Signature)),
        ("a signature of zeros", format!("{all}.{}", "A".repeat(342)), bad(Reason::Signature)),
        ("PSS", signed_by(&FIRST, &RSA_PSS_SHA256, &header, &text), bad(Reason::Signature)),
        ("RS512 that says RS256", signed_by(&FIRST, &RSA_PKCS1_SHA512, &header, &text), bad(Reason::Signature)),
        ("HS256 that says RS256", by_hmac(&header_of("one")), bad(Reason::Signature)),
        ("HS256 with the public key", by_hmac(&under("HS256")), bad(Reason::Algorithm)),
        ("none", format!("Bearer {unsigned}.{payload}."), bad(Reason::Algorithm)),
        ("none with a signature", headed(&under("none")), bad(Reason::Algorithm)),
        ("RS384", signed_by(&FIRST, &RSA_PKCS1_SHA384, &under("RS384").to_string(), &text), bad(Reason::Algorithm)),
        ("RS512", signed_by(&FIRST, &RSA_PKCS1_SHA512, &under("RS512").to_string(), &text), bad(Reason::Algorithm)),
        ("PS256", signed_by(&FIRST, &RSA_PSS_SHA256, &under("PS256").to_string(), &text), bad(Reason::Algorithm)),
        ("ES256", headed(&under("ES256")), bad(Reason::Algorithm)),
        ("rs256", headed(&under("rs256")), bad(Reason::Algorithm)),
        ("no alg", headed(&without(header_of("one"), "alg")), bad(Reason::Algorithm)),
        ("alg is a list", headed(&changed(&header_of("one"), &json!({"alg": ["RS256"]}))), bad(Reason::Malformed)),
        ("crit", headed(&changed(&header_of("one"), &json!({"crit": ["exp"]}))), bad(Reason::Critical)),
        ("crit is null", headed(&changed(&header_of("one"), &json!({"crit": null}))), bad(Reason::Critical)),
        ("no kid", headed(&without(header_of("one"), "kid")), bad(Reason::Malformed)),
        ("an empty kid", headed(&header_of("")), bad(Reason::Malformed)),
        ("kid is a number", headed(&changed(&header_of("one"), &json!({"kid": 1}))), bad(Reason::Malformed)),
        ("an unknown kid", headed(&header_of("two")), bad(Reason::UnknownKey)),
        ("a kid in capitals", headed(&header_of("ONE")), bad(Reason::UnknownKey)),
        ("a key for encrypting", by_second("encrypts"), bad(Reason::UnknownKey)),
        ("a key for RS512", by_second("rs512"), bad(Reason::UnknownKey)),
        ("a key of 1,024 bits", headed(&header_of("weak")), bad(Reason::UnknownKey)),
        ("a key of an elliptic curve", headed(&header_of("ec")), bad(Reason::UnknownKey)),
    ])
    .await;
}

#[tokio::test]
async fn what_a_token_says() {
    let only = |field: &str| saying(&without(claims(), field));
    assert_table(vec![
        ("claims that nobody knows", with(&json!({"iat": NOW, "ver": "1.0", "tid": null})), Ok(())),
        ("the government's issuer", with(&json!({"iss": "https://api.botframework.us"})), bad(Reason::Issuer)),
        ("an issuer with a slash", with(&json!({"iss": "https://api.botframework.com/"})), bad(Reason::Issuer)),
        ("Entra's issuer", with(&json!({"iss": "https://sts.windows.net/t/"})), bad(Reason::Issuer)),
        ("no issuer", only("iss"), bad(Reason::Issuer)),
        ("two issuers", with(&json!({"iss": ["https://api.botframework.com"]})), bad(Reason::Malformed)),
        ("the app in capitals", with(&json!({"aud": APP.to_uppercase()})), Ok(())),
        ("the app as api://", with(&json!({"aud": format!("api://{APP}")})), Ok(())),
        ("the app as api://botid-", with(&json!({"aud": format!("api://botid-{APP}")})), Ok(())),
        ("the app alone in a list", with(&json!({"aud": [APP]})), Ok(())),
        ("the app and another", with(&json!({"aud": [APP, "other"]})), bad(Reason::Audience)),
        ("the app twice", with(&json!({"aud": [APP, APP]})), bad(Reason::Audience)),
        ("an empty list", with(&json!({"aud": []})), bad(Reason::Audience)),
        ("another app", with(&json!({"aud": "00000000-0000-0000-0000-000000000000"})), bad(Reason::Audience)),
        ("the app and more", with(&json!({"aud": format!("{APP}0")})), bad(Reason::Audience)),
        ("twice api://", with(&json!({"aud": format!("api://api://{APP}")})), bad(Reason::Audience)),
        ("a domain before the app", with(&json!({"aud": format!("api://evil.example/{APP}")})), bad(Reason::Audience)),
        ("an empty audience", with(&json!({"aud": ""})), bad(Reason::Audience)),
        ("no audience", only("aud"), bad(Reason::Audience)),
        ("an audience that is a number", with(&json!({"aud": 1})), bad(Reason::Malformed)),
        ("just before its end and the skew", with(&json!({"exp": NOW - 299})), Ok(())),
        ("at its end and the skew", with(&json!({"exp": NOW - 300})), bad(Reason::Expired)),
        ("stale", with(&json!({"exp": NOW - 86_400})), bad(Reason::Expired)),
        ("at the beginning of time", with(&json!({"exp": 0})), bad(Reason::Expired)),
        ("before the beginning of time", with(&json!({"exp": i64::MIN})), bad(Reason::Expired)),
        ("until the end of time", with(&json!({"exp": i64::MAX})), Ok(())),
        ("beyond the end of time", with(&json!({"exp": u64::MAX})), bad(Reason::Malformed)),
        ("no end", only("exp"), bad(Reason::Expired)),
        ("null as its end", with(&json!({"exp": null})), bad(Reason::Expired)),
        ("a text as its end", with(&json!({"exp": (NOW + 60).to_string()})), bad(Reason::Malformed)),
        ("a fraction as its end", with(&json!({"exp": 1_790_000_060.5})), bad(Reason::Malformed)),
        ("infinity as its end", with(&json!({"exp": 1e300})), bad(Reason::Malformed)),
        ("as early as the skew", with(&json!({"nbf": NOW + 300})), Ok(())),
        ("earlier than the skew", with(&json!({"nbf": NOW + 301})), bad(Reason::Early)),
        ("never to begin", with(&json!({"nbf": i64::MAX})), bad(Reason::Early)),
        ("begun for ever", with(&json!({"nbf": i64::MIN})), Ok(())),
        ("no beginning", only("nbf"), Ok(())),
        ("null as its beginning", with(&json!({"nbf": null})), bad(Reason::Malformed)),
        ("a text as its beginning", with(&json!({"nbf": "0"})), bad(Reason::Malformed)),
        ("no service url", only("serviceurl"), bad(Reason::ServiceUrl)),
        (
            "the document's spelling alone",
            saying(&changed(&without(claims(), "serviceurl"), &json!({"serviceUrl": SERVICE}))),
            bad(Reason::ServiceUrl),
        ),
        ("an empty service url", with(&json!({"serviceurl": ""})), bad(Reason::ServiceUrl)),
        ("a slash for a service url", with(&json!({"serviceurl": "/"})), bad(Reason::ServiceUrl)),
        ("null as the service url", with(&json!({"serviceurl": null})), bad(Reason::ServiceUrl)),
        ("another service url", with(&json!({"serviceurl": "https://evil.example/"})), bad(Reason::ServiceUrl)),
        ("a list of service urls", with(&json!({"serviceurl": [SERVICE]})), bad(Reason::Malformed)),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_token() {
    let good = saying(&claims());
    let token = good.strip_prefix("Bearer ").unwrap();
    let (header, text) = (header_of("one").to_string(), claims().to_string());
    let twice = |json: &str, field: &str| format!("{{{field},{}", &json[1..]);
    let deep = format!("{{\"a\":{}", "[".repeat(5000));
    let long = with(&json!({"padding": "x".repeat(LONGEST_TOKEN)}));
    assert_table(vec![
        ("nothing", String::new(), bad(Reason::Scheme)),
        ("the scheme alone", "Bearer".to_owned(), bad(Reason::Scheme)),
        ("the scheme and a space", "Bearer ".to_owned(), bad(Reason::Scheme)),
        ("the token alone", token.to_owned(), bad(Reason::Scheme)),
        ("a small scheme", format!("bearer {token}"), bad(Reason::Scheme)),
        ("a great scheme", format!("BEARER {token}"), bad(Reason::Scheme)),
        ("another scheme", format!("Basic {token}"), bad(Reason::Scheme)),
        ("a space before", format!(" {good}"), bad(Reason::Scheme)),
        ("two spaces", format!("Bearer  {token}"), bad(Reason::Scheme)),
        ("a tab", format!("Bearer\t{token}"), bad(Reason::Scheme)),
        ("a space behind", format!("{good} "), bad(Reason::Scheme)),
        ("two tokens", format!("{good} {token}"), bad(Reason::Scheme)),
        ("two headers in one", format!("{good}, {good}"), bad(Reason::Scheme)),
        ("two tokens with a comma", format!("{good},{token}"), bad(Reason::Scheme)),
        ("long", long, bad(Reason::TooLong)),
        ("huge", format!("Bearer {}", "x".repeat(4 << 20)), bad(Reason::TooLong)),
        ("dots", format!("Bearer {}", ".".repeat(LONGEST_TOKEN)), bad(Reason::Malformed)),
        ("two dots", "Bearer ..".to_owned(), bad(Reason::Malformed)),
        ("one part", "Bearer abc".to_owned(), bad(Reason::Malformed)),
        ("two parts", good.rsplit_once('.').unwrap().0.to_owned(), bad(Reason::Malformed)),
        ("four parts", format!("{good}.AAAA"), bad(Reason::Malformed)),
        ("an encrypted one's five parts", "Bearer e30.e30.e30.e30.e30".to_owned(), bad(Reason::Malformed)),
        ("padded", format!("{good}="), bad(Reason::Malformed)),
        ("base64 of the other alphabet", format!("Bearer +/8.{token}"), bad(Reason::Malformed)),
        ("no base64", "Bearer {}.{}.{}".to_owned(), bad(Reason::Malformed)),
        ("a line break in the claims", good.replacen('.', ".\n", 1), bad(Reason::Signature)),
        ("a line break in the header", good.replacen('.', "\n.", 1), bad(Reason::Malformed)),
        ("letters beyond ASCII", "Bearer é.é.é".to_owned(), bad(Reason::Malformed)),
        ("a header that is no JSON", raw("RS256", &text), bad(Reason::Malformed)),
        ("a header that is a list", raw(r#"["RS256","one"]"#, &text), bad(Reason::Malformed)),
        ("a header with a tail", raw(&format!("{header}{{}}"), &text), bad(Reason::Malformed)),
        ("a header that does not end", raw(&deep, &text), bad(Reason::Malformed)),
        ("alg twice", raw(&twice(&header, r#""alg":"none""#), &text), bad(Reason::Malformed)),
        ("kid twice", raw(&twice(&header, r#""kid":"two""#), &text), bad(Reason::Malformed)),
        ("alg twice, once in disguise", raw(&twice(&header, "\"\\u0061lg\":\"none\""), &text), bad(Reason::Malformed)),
        ("claims that are no JSON", raw(&header, "claims"), bad(Reason::Malformed)),
        ("claims that are a list", raw(&header, &format!(r#"["iss","{APP}",1,1,"x"]"#)), bad(Reason::Malformed)),
        ("claims that are null", raw(&header, "null"), bad(Reason::Malformed)),
        ("no claims", raw(&header, ""), bad(Reason::Malformed)),
        ("empty claims", raw(&header, "{}"), bad(Reason::Issuer)),
        ("claims with a tail", raw(&header, &format!("{text}x")), bad(Reason::Malformed)),
        ("deep claims", raw(&header, &deep), bad(Reason::Malformed)),
        ("aud twice", raw(&header, &twice(&text, r#""aud":"x""#)), bad(Reason::Malformed)),
        ("exp twice", raw(&header, &twice(&text, r#""exp":1"#)), bad(Reason::Malformed)),
        ("serviceurl twice", raw(&header, &twice(&text, r#""serviceurl":"x""#)), bad(Reason::Malformed)),
    ])
    .await;
    let verifier = StandIn::start().await.verifier();
    assert_eq!(verifier.token(at(NOW), None).await.err(), Some(Refused::Unauthentic(Reason::Missing)));
}

#[tokio::test]
async fn a_token_speaks_for_the_activity_it_was_made_for() {
    let verifier = StandIn::start().await.verifier();
    let (one, free) = (saying(&claims()), by_second("free"));
    let elsewhere = by_second("elsewhere");
    let service = Some(SERVICE);
    let unendorsed = Err(Refused::Forbidden(Reason::Endorsement));
    let table = [
        (&one, service, TEAMS, Ok(())),
        (&one, service, Some("webchat"), Ok(())),
        (&one, Some("https://smba.trafficmanager.net/emea"), TEAMS, Ok(())),
        (&one, Some("https://SMBA.trafficmanager.net/EMEA/"), TEAMS, Ok(())),
        (&free, service, TEAMS, Ok(())),
        (&free, service, Some("anything"), Ok(())),
        (&free, service, None, Ok(())),
        (&one, None, TEAMS, bad(Reason::ServiceUrl)),
        (&one, Some(""), TEAMS, bad(Reason::ServiceUrl)),
        (&one, Some("/"), TEAMS, bad(Reason::ServiceUrl)),
        (&one, Some("https://smba.trafficmanager.net/amer/"), TEAMS, bad(Reason::ServiceUrl)),
        (&one, Some("http://smba.trafficmanager.net/emea/"), TEAMS, bad(Reason::ServiceUrl)),
        (&one, Some("https://smba.trafficmanager.net/emea//"), TEAMS, bad(Reason::ServiceUrl)),
        (&one, Some(" https://smba.trafficmanager.net/emea/"), TEAMS, bad(Reason::ServiceUrl)),
        (&one, Some("https://smba.trafficmanager.net/emea/../evil"), TEAMS, bad(Reason::ServiceUrl)),
        (&free, Some("https://evil.example/"), None, bad(Reason::ServiceUrl)),
        (&one, service, Some("emulator"), unendorsed),
        (&one, service, Some("MSTEAMS"), unendorsed),
        (&one, service, Some(""), unendorsed),
        (&one, service, None, unendorsed),
        (&elsewhere, service, TEAMS, unendorsed),
        (&elsewhere, service, Some("msteams2"), Ok(())),
    ];
    for (authorization, service_url, channel, expected) in table {
        let found = check(&verifier, at(NOW), authorization, service_url, channel).await;
        assert_eq!(found, expected, "{service_url:?} {channel:?}");
    }
    for blank in ["", "/"] {
        let token = with(&json!({"serviceurl": blank}));
        let found = check(&verifier, at(NOW), &token, Some(blank), TEAMS).await;
        assert_eq!(found, bad(Reason::ServiceUrl), "nothing is not equal to nothing");
    }
    let proof = verifier.token(at(NOW), Some(&one)).await.unwrap().vouches_for(service, TEAMS).unwrap();
    assert_eq!(proof.to_string(), "bot framework token, key one");
}

#[tokio::test]
async fn whose_tokens_are_taken_is_decided_by_the_host_of_the_keys_and_the_app() {
    for (address, issuer) in [
        ("https://login.botframework.com/v1/.well-known/openidconfiguration", "https://api.botframework.com"),
        ("https://LOGIN.botframework.azure.us/v1/.well-known/openidconfiguration", "https://api.botframework.us"),
        ("https://login.botframework.azure.us.example/", "https://api.botframework.com"),
        ("http://127.0.0.1:9000/metadata", "https://api.botframework.com"),
    ] {
        let keys = Keys::new(Url::parse(address).unwrap()).unwrap();
        assert_eq!(Verifier::new(APP, keys).issuer, issuer, "{address}");
    }
    let stand_in = StandIn::start().await;
    for blank in ["", "  "] {
        for audience in ["", "  ", "api://", "api://botid-", APP] {
            let verifier = Verifier::new(blank, stand_in.keys());
            let found = outcome(&verifier, at(NOW), &with(&json!({"aud": audience}))).await;
            assert_eq!(found, bad(Reason::Audience), "{audience:?}");
        }
    }
    let verifier = Verifier::new(&format!(" {} ", APP.to_uppercase()), stand_in.keys());
    assert_eq!(outcome(&verifier, at(NOW), &saying(&claims())).await, Ok(()));
}

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
