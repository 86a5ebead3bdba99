//! Requests that the Bot Framework did not make, over HTTP to the real binary: forged, stale, mis-issued, mis-addressed and
//! unendorsed. Each is refused with 401 or 403, kept nowhere, and raises one figure of `/metrics`, which names the reason.
//!
//! All classes with many more of each are `src/channels/teams/verify/tests/tables.rs`. What makes the tokens is `forge`.

mod forge;

use std::collections::BTreeMap;

use ai_crm::sim::teams::seed::{APP_ID, GROUP, OTHER_TENANT};
use anyhow::{Context, ensure};
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::support::api::http_client;
use crate::teams::Team;
use forge::{Claims, Key, KeyHost, header};

/// A request that may be one of the Bot Framework's.
struct Request {
    what: &'static str,
    /// The values of `Authorization`.
    authorization: Vec<String>,
    activity: Value,
    /// The status and the reason; nothing where it is let in.
    refused: Option<(u16, &'static str)>,
}

/// What is sent to one bot, and what is not let in there.
struct Door {
    team: Team,
    url: String,
    activity: Value,
}

impl Door {
    /// How often requests were not let in, by the reason.
    async fn figures(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let page = http_client()?.get(format!("{}/metrics", self.team.server.base_url())).send().await?.text().await?;
        let lines = page.lines().filter_map(|line| {
            let line = line.strip_prefix("ai_crm_requests_unauthentic_total{channel=\"teams\",reason=\"")?;
            line.split_once("\"} ")
        });
        lines.map(|(reason, count)| Ok((reason.to_owned(), count.parse()?))).collect()
    }

    /// Sends it; the status is right, and so is the one figure that it raises.
    async fn tries(&self, request: &Request) -> anyhow::Result<()> {
        let before = self.figures().await?;
        let mut sent = http_client()?.post(&self.url).json(&request.activity);
        for value in &request.authorization {
            sent = sent.header(AUTHORIZATION, value);
        }
        let status = sent.send().await?.status().as_u16();
        let mut expected = before.clone();
        let wanted = request.refused.map_or(200, |(status, _)| status);
        if let Some((_, reason)) = request.refused {
            *expected.entry(reason.to_owned()).or_default() += 1;
        }
        let after = self.figures().await?;
        ensure!(status == wanted, "{}: HTTP {status} and not {wanted}; {after:?}", request.what);
        ensure!(after == expected, "{}: {before:?} became {after:?} and not {expected:?}", request.what);
        Ok(())
    }

    /// A request with the activity as it should be.
    fn with(&self, what: &'static str, authorization: String, refused: Option<(u16, &'static str)>) -> Request {
        Request { what, authorization: vec![authorization], activity: self.activity.clone(), refused }
    }
}

/// Requests with claims that the Bot Framework would not have made; its own key has signed them.
fn claimed(door: &Door, claims: &Claims) -> Vec<Request> {
    let service = claims.service.clone();
    let other = service.replace("127.0.0.1", "127.0.0.1.evil.example");
    let with_port = service.replace("/emea", "0/emea");
    let with_name = service.replace("http://", "http://127.0.0.1@evil.example:");
    let now = claims.now;
    let table = [
        ("the government's issuer", json!({"iss": "https://api.botframework.us"}), "wrong issuer"),
        ("Entra's issuer", json!({"iss": "https://sts.windows.net/7e4a0000/"}), "wrong issuer"),
        ("Entra's other issuer", json!({"iss": "https://login.microsoftonline.com/t/v2.0"}), "wrong issuer"),
        ("an issuer with a slash", json!({"iss": "https://api.botframework.com/"}), "wrong issuer"),
        ("an issuer in capitals", json!({"iss": "HTTPS://API.BOTFRAMEWORK.COM"}), "wrong issuer"),
        ("no issuer", json!({"iss": null}), "wrong issuer"),
        ("another app", json!({"aud": "00000000-0000-0000-0000-000000000000"}), "wrong audience"),
        ("the app and another", json!({"aud": [APP_ID, "x"]}), "wrong audience"),
        ("an empty audience", json!({"aud": ""}), "wrong audience"),
        ("no audience", json!({"aud": null}), "wrong audience"),
        ("another app as api://", json!({"aud": "api://00000000-0000-0000-0000-000000000000"}), "wrong audience"),
        ("no end", json!({"exp": null}), "expired"),
        ("past its end and the skew", json!({"exp": now - 330}), "expired"),
        ("ended yesterday", json!({"exp": now - 86_400}), "expired"),
        ("ended before 1970", json!({"exp": -1}), "expired"),
        ("a text as its end", json!({"exp": (now + 60).to_string()}), "malformed"),
        ("a fraction as its end", json!({"exp": 1e300}), "malformed"),
        ("an end beyond all numbers", json!({"exp": u64::MAX}), "malformed"),
        ("not begun", json!({"nbf": now + 360}), "not yet valid"),
        ("no service url", json!({"serviceurl": null}), "wrong service url"),
        ("the document's spelling alone", json!({"serviceurl": null, "serviceUrl": service}), "wrong service url"),
        ("another host", json!({"serviceurl": "https://evil.example/"}), "wrong service url"),
        ("a host that begins alike", json!({"serviceurl": other}), "wrong service url"),
        ("another port", json!({"serviceurl": with_port}), "wrong service url"),
        ("the host as somebody's name", json!({"serviceurl": with_name}), "wrong service url"),
    ];
    let requests = table.into_iter().map(|(what, change, reason)| {
        door.with(what, Key::First.bearer(&header("first"), &claims.with(&change)), Some((401, reason)))
    });
    requests.collect()
}

/// Requests with tokens that somebody else has signed, or nobody, or in another way.
fn signed(door: &Door, claims: &Claims) -> Vec<Request> {
    let good = Key::First.bearer(&header("first"), &claims.good());
    let named = |change: Value| forge::changed(&header("first"), &change);
    let of = |head: &Value| Key::First.bearer(head, &claims.good());
    let by_forger = |head: &Value| Key::Forger.bearer(head, &claims.good());
    let own = json!({"jwk": Key::Forger.jwk("first", &json!({})), "jku": "https://evil.example/", "x5u": "https://evil.example/"});
    let other = Key::First.bearer(&header("first"), &claims.with(&json!({"exp": claims.now + 7200})));
    let parts = |bearer: &str| bearer.trim_start_matches("Bearer ").split('.').map(str::to_owned).collect::<Vec<_>>();
    let (mine, theirs) = (parts(&good), parts(&other));
    let exchanged = format!("Bearer {}.{}.{}", mine[0], theirs[1], mine[2]);
    let unsigned = format!("Bearer {}.{}.", forge::encoded(&named(json!({"alg": "none"}))), mine[1]);
    let table = [
        ("by another key under that name", by_forger(&header("first")), "wrong signature"),
        ("by a key that came along", by_forger(&named(own)), "wrong signature"),
        ("by another of the keys", Key::Second.bearer(&header("first"), &claims.good()), "wrong signature"),
        ("the payload of another", exchanged, "wrong signature"),
        ("no signature", format!("Bearer {}.{}.", mine[0], mine[1]), "wrong signature"),
        ("none", unsigned, "wrong algorithm"),
        (
            "HS256 with the public key",
            Key::First.by_hmac(&named(json!({"alg": "HS256"})), &claims.good()),
            "wrong algorithm",
        ),
        ("HS256 that says RS256", Key::First.by_hmac(&header("first"), &claims.good()), "wrong signature"),
        ("RS384", of(&named(json!({"alg": "RS384"}))), "wrong algorithm"),
        ("ES256", of(&named(json!({"alg": "ES256"}))), "wrong algorithm"),
        ("crit", of(&named(json!({"crit": ["exp"]}))), "unknown extension"),
        ("an unknown kid", of(&header("invented")), "unknown key"),
        ("a kid that is a path", of(&header("../../dev/null")), "unknown key"),
        ("an empty kid", of(&header("")), "malformed"),
        ("a small scheme", good.replacen("Bearer", "bearer", 1), "not a bearer token"),
        ("the scheme twice", format!("Bearer {good}"), "not a bearer token"),
        ("two tokens", format!("{good}, {good}"), "not a bearer token"),
        ("another scheme", "Basic YWRhOmFkYQ==".to_owned(), "not a bearer token"),
        ("four parts", format!("{good}.AAAA"), "malformed"),
        ("padded", format!("{good}="), "malformed"),
        ("bytes behind it", format!("{good}AAAA"), "wrong signature"),
        ("exp twice", Key::First.raw(&header("first").to_string(), &claims.with_twice("exp")), "malformed"),
        (
            "alg twice",
            Key::First.raw(&r#"{"alg":"none","#.to_owned().add_object(&header("first")), &claims.good().to_string()),
            "malformed",
        ),
        ("longer than any", of(&named(json!({"padding": "x".repeat(20 << 10)}))), "too long"),
    ];
    table.into_iter().map(|(what, bearer, reason)| door.with(what, bearer, Some((401, reason)))).collect()
}

/// Joins the beginning of an object and the rest of another, so that a member may be there twice.
trait Twice {
    fn add_object(self, rest: &Value) -> String;
}

impl Twice for String {
    fn add_object(self, rest: &Value) -> String {
        self + &rest.to_string()[1..]
    }
}

/// Requests with good tokens for an activity that is not theirs, and what has none or two.
fn addressed(door: &Door, claims: &Claims) -> Vec<Request> {
    let good = Key::First.bearer(&header("first"), &claims.good());
    let of = |what, pointer: &str, value: Value, refused| {
        let mut request = door.with(what, good.clone(), Some(refused));
        if let Some(field) = request.activity.pointer_mut(pointer) {
            *field = value;
        }
        request
    };
    let unlisted = |what, address: &str| {
        let claims = claims.with(&json!({"serviceurl": address}));
        let mut request =
            of(what, "/serviceUrl", json!(address), (403, "its serviceUrl is on no host that may be sent to"));
        request.authorization = vec![Key::First.bearer(&header("first"), &claims)];
        request
    };
    let userinfo = claims.service.replace("http://", "http://ada@");
    let by = |kid: &str| Key::Second.bearer(&header(kid), &claims.good());
    let elsewhere = (403, "not of Teams");
    let mut requests = vec![
        of("another service url", "/serviceUrl", json!("https://evil.example/"), (401, "wrong service url")),
        of("no service url", "/serviceUrl", Value::Null, (401, "wrong service url")),
        unlisted("a host that is not answered", "https://evil.example/emea/"),
        unlisted("somebody's name before the host", &userinfo),
        of("a channel that the key does not speak for", "/channelId", json!("emulator"), (403, "key not endorsed")),
        of("no channel", "/channelId", Value::Null, (403, "key not endorsed")),
        door.with("a key for another channel", by("elsewhere"), Some((403, "key not endorsed"))),
        of("a customer that is not let in", "/conversation/tenantId", json!(OTHER_TENANT), (403, FOREIGN_TENANT)),
    ];
    let mut other_channel = door.with("another channel by a key for any", by("free"), Some(elsewhere));
    other_channel.activity["channelId"] = json!("webchat");
    requests.push(other_channel);
    for (what, authorization, reason) in [
        ("no token", vec![], "no token"),
        ("two headers", vec![good.clone(), good.clone()], "no token"),
        ("an empty header", vec![String::new()], "not a bearer token"),
    ] {
        let activity = door.activity.clone();
        requests.push(Request { what, authorization, activity, refused: Some((401, reason)) });
    }
    requests
}

const FOREIGN_TENANT: &str = "not of an Entra tenant that is let in";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_bot_framework_did_not_send_is_refused_and_counted_by_its_reason() -> anyhow::Result<()> {
    let host = KeyHost::start().await?;
    let team = Team::set_with(&[("MICROSOFT_OPENID_METADATA_URL", &host.metadata_url())]).await?;
    let url = format!("{}/api/messages", team.server.base_url());
    // It asks nothing of the bot.
    let activity = team.sender.typing("ada", GROUP)?;
    let service = activity["serviceUrl"].as_str().context("an address")?.to_owned();
    let claims = Claims { now: team.sim.world().now().as_seconds(), service };
    let door = Door { team, url, activity };

    let good = |what, key: Key, kid| door.with(what, key.bearer(&header(kid), &claims.good()), None);
    let kept = door.team.api().events(None).await?.len();
    let mut wrong = signed(&door, &claims);
    wrong.extend(claimed(&door, &claims));
    wrong.extend(addressed(&door, &claims));
    ensure!(wrong.len() >= 40, "{} are tried", wrong.len());
    for request in &wrong {
        door.tries(request).await?;
    }
    assert_eq!(door.team.api().events(None).await?.len(), kept, "nothing of it is kept");

    door.tries(&good("as it should be", Key::First, "first")).await?;
    for (what, change) in [
        ("just within the skew", json!({"exp": claims.now - 240, "nbf": claims.now + 240})),
        ("the app as api://", json!({"aud": format!("api://{APP_ID}")})),
        ("without the slash, in capitals", json!({"serviceurl": claims.service.trim_end_matches('/').to_uppercase()})),
    ] {
        door.tries(&door.with(what, Key::First.bearer(&header("first"), &claims.with(&change)), None)).await?;
    }
    door.team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_is_taken_and_who_invents_one_is_refused_and_counted() -> anyhow::Result<()> {
    let host = KeyHost::start().await?;
    let team = Team::set_with(&[("MICROSOFT_OPENID_METADATA_URL", &host.metadata_url())]).await?;
    let url = format!("{}/api/messages", team.server.base_url());
    let activity = team.sender.typing("ada", GROUP)?;
    let service = activity["serviceUrl"].as_str().context("an address")?.to_owned();
    let claims = Claims { now: team.sim.world().now().as_seconds(), service };
    let door = Door { team, url, activity };
    let by = |what, key: Key, kid, refused| door.with(what, key.bearer(&header(kid), &claims.good()), refused);
    door.tries(&by("the key of before", Key::First, "first", None)).await?;
    host.publish(json!({"keys": [Key::Second.jwk("next", &json!({"endorsements": ["msteams"]}))]}));
    door.tries(&by("the next key, before anybody has named it", Key::Second, "next", None)).await?;
    // It was withdrawn: what is signed by it is worth nothing from the moment on in which the bot has seen that.
    door.tries(&by("the key of before", Key::First, "first", Some((401, "unknown key")))).await?;
    door.tries(&by("an invented key", Key::Forger, "invented", Some((401, "unknown key")))).await?;
    let fetched = host.fetches();
    for _ in 0..5 {
        door.tries(&by("an invented key again", Key::Forger, "invented-too", Some((401, "unknown key")))).await?;
    }
    assert_eq!(host.fetches(), fetched, "who invents keys makes the bot ask once an hour");
    door.team.end().await
}
