//! Tables of tokens, by class: who signed and how, what a token says, what is none, and for which activity it speaks.

use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256};
use serde_json::json;
use url::Url;

use super::*;

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
        ("a kid that is a path", headed(&header_of("../../dev/null")), bad(Reason::UnknownKey)),
        ("a kid that is an address", headed(&header_of("https://evil.example/keys#one")), bad(Reason::UnknownKey)),
        ("a kid with a tail", headed(&header_of("one\u{0}")), bad(Reason::UnknownKey)),
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
        ("made in the future, but in force", with(&json!({"iat": NOW + 86_400})), Ok(())),
        ("claims that nobody knows", with(&json!({"iat": NOW, "ver": "1.0", "tid": null})), Ok(())),
        ("the government's issuer", with(&json!({"iss": "https://api.botframework.us"})), bad(Reason::Issuer)),
        ("an issuer with a slash", with(&json!({"iss": "https://api.botframework.com/"})), bad(Reason::Issuer)),
        ("Entra's issuer", with(&json!({"iss": "https://sts.windows.net/t/"})), bad(Reason::Issuer)),
        (
            "Entra's other issuer",
            with(&json!({"iss": "https://login.microsoftonline.com/t/v2.0"})),
            bad(Reason::Issuer),
        ),
        ("the issuer in capitals", with(&json!({"iss": "HTTPS://API.BOTFRAMEWORK.COM"})), bad(Reason::Issuer)),
        ("the issuer by http", with(&json!({"iss": "http://api.botframework.com"})), bad(Reason::Issuer)),
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
        (
            "a host that begins alike",
            with(&json!({"serviceurl": "https://smba.trafficmanager.net.evil.example/emea/"})),
            bad(Reason::ServiceUrl),
        ),
        (
            "the host as somebody's name",
            with(&json!({"serviceurl": "https://smba.trafficmanager.net@evil.example/emea/"})),
            bad(Reason::ServiceUrl),
        ),
        (
            "another port",
            with(&json!({"serviceurl": "https://smba.trafficmanager.net:8443/emea/"})),
            bad(Reason::ServiceUrl),
        ),
        ("no slash at its end", with(&json!({"serviceurl": SERVICE.trim_end_matches('/')})), Ok(())),
        ("in capitals", with(&json!({"serviceurl": SERVICE.to_uppercase()})), Ok(())),
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
        ("a good one of a megabyte", with(&json!({"padding": "x".repeat(1 << 20)})), bad(Reason::TooLong)),
        ("the scheme twice", format!("Bearer {good}"), bad(Reason::Scheme)),
        ("bytes behind it", format!("{good}AAAA"), bad(Reason::Signature)),
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
        (&one, Some("https://smba.trafficmanager.net.evil.example/emea/"), TEAMS, bad(Reason::ServiceUrl)),
        (&one, Some("https://smba.trafficmanager.net:8443/emea/"), TEAMS, bad(Reason::ServiceUrl)),
        (&one, Some("https://ada@smba.trafficmanager.net/emea/"), TEAMS, bad(Reason::ServiceUrl)),
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
