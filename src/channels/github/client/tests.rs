//! Who speaks, limits, lost answers, redirects and clocks, against a GitHub of the tests (`testing.rs`).

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use futures_util::future::join_all;
use serde_json::json;

use super::*;
use crate::channels::github::testing::{APP, Hub, NOW, Odd, address, client_at, start, with_client};
use crate::domain::time::testing::Still;

/// [`NOW`] as a header says it.
const NOW_IN_HTTP: &str = "Thu, 12 Jul 2018 18:36:58 GMT";
const ISSUE: &str = "/repos/Acme/Shop/issues/7";

fn get() -> Ask {
    Ask::get(ISSUE)
}

fn patch() -> Ask {
    Ask::patch(ISSUE, json!({ "state": "closed" }))
}

async fn reason(client: &Client, ask: Ask) -> String {
    match client.ask(77, ask).await.and_then(Answer::into_success) {
        Ok(answer) => format!("HTTP {}", answer.status.as_u16()),
        Err(error) => error.to_string(),
    }
}

fn tokens(hub: &Hub) -> usize {
    hub.all("POST /app/installations/77/access_tokens").len()
}

#[tokio::test]
async fn calls_of_an_installation_have_its_token_and_the_app_proves_itself() {
    let (hub, client) = with_client().await;
    hub.answers(&format!("GET {ISSUE}"), json!({}));
    let all = join_all((0..10).map(|_| client.ask(77, get()))).await;
    assert!(all.iter().all(|one| one.as_ref().unwrap().status == StatusCode::OK));
    assert_eq!(tokens(&hub), 1, "one is asked for, however many wait");
    assert!(hub.all(&format!("GET {ISSUE}")).iter().all(|seen| seen.bearer == "Bearer ghs_1"));
    let app = client.who_we_are().await.unwrap();
    let expected = Identity { id: APP, slug: "ai-crm".to_owned(), owner: Some("Acme".to_owned()) };
    assert_eq!((&*app, &*app.login()), (&expected, "ai-crm[bot]"));
    client.who_we_are().await.unwrap();
    let as_app = hub.all("GET /app");
    assert_eq!(as_app.len(), 1, "it is known then");
    assert_eq!(as_app[0].bearer.matches('.').count(), 2, "a statement, which has three parts");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let (hub, client) = with_client().await;
    hub.answers(&format!("PATCH {ISSUE}"), json!({}));
    hub.refuses("PATCH", 401, "Bad credentials");
    assert_eq!(reason(&client, patch()).await, "HTTP 200");
    assert_eq!(tokens(&hub), 2);
    hub.refuses("PATCH", 401, "Bad credentials");
    hub.refuses("PATCH", 401, "Bad credentials");
    assert_eq!(reason(&client, patch()).await, "unavailable: HTTP 401 Bad credentials");
    assert_eq!(hub.all(&format!("PATCH {ISSUE}")).len(), 4);
}

#[tokio::test]
async fn an_installation_that_is_suspended_or_gone_is_out_of_reach() {
    let (hub, client) = with_client().await;
    hub.refuses("POST /app", 403, "This installation has been suspended");
    let suspended = reason(&client, get()).await;
    assert_eq!(suspended, "out of reach: HTTP 403 This installation has been suspended");
    hub.refuses("POST /app", 404, "Not Found");
    let gone = reason(&client, get()).await;
    assert!(gone.starts_with("out of reach: the App is not installed there any more"), "{gone}");
    // The answer to a request for a token may be lost without harm.
    hub.oddly("POST /app", Odd::Loses);
    let lost = reason(&client, patch()).await;
    assert!(lost.starts_with("unavailable: "), "{lost}");
}

#[tokio::test]
async fn where_an_address_names_no_installation_it_is_that_of_the_repository() {
    let (hub, client) = with_client().await;
    let shop = Repository::read("Acme/Shop").unwrap();
    let elsewhere = Address { installation: String::new(), ..address() };
    assert_eq!(client.installation_of(&address(), &shop).await, Ok(77));
    assert_eq!(hub.calls(), Vec::<String>::new());
    hub.refuses("GET /repos", 404, "Not Found");
    let none = client.installation_of(&elsewhere, &shop).await.unwrap_err().to_string();
    assert!(none.contains("the App is not installed for Acme/Shop"), "{none}");
    for _ in 0..2 {
        assert_eq!(client.installation_of(&elsewhere, &shop).await, Ok(77));
    }
    assert_eq!(hub.calls().len(), 2, "it is known then");
    hub.refuses("POST /app", 404, "Not Found");
    reason(&client, get()).await;
    client.installation_of(&elsewhere, &shop).await.unwrap();
    assert_eq!(hub.calls().len(), 3, "what was uninstalled may have another number");
    let nonsense = Address { installation: "x".to_owned(), ..address() };
    assert!(client.installation_of(&nonsense, &shop).await.is_err());
}

#[tokio::test]
async fn a_limit_that_github_names_holds_every_call_of_its_installation() {
    let (hub, client) = with_client().await;
    hub.answers(&format!("GET {ISSUE}"), json!({}));
    let words = json!({ "message": "You have exceeded a secondary rate limit." }).to_string();
    hub.oddly("PATCH", Odd::Answers(403, vec![], words));
    let limited = |seconds| Err(DeliverError::RateLimited { after: Duration::from_secs(seconds) });
    assert_eq!(client.ask(77, patch()).await.map(|_| ()), limited(60));
    let calls = hub.calls().len();
    assert_eq!(client.ask(77, get()).await.map(|_| ()), limited(60));
    assert_eq!(hub.calls().len(), calls, "GitHub is left alone");
    hub.answers("GET /repos/Other/Shop", json!({}));
    assert!(client.ask(78, Ask::get("/repos/Other/Shop")).await.is_ok());
    hub.oddly("GET /repos/Other", Odd::Answers(429, vec![("retry-after", "7".to_owned())], String::new()));
    assert_eq!(client.ask(78, Ask::get("/repos/Other/Shop")).await.map(|_| ()), limited(7));
}

#[tokio::test]
async fn a_lost_answer_is_told_by_what_the_call_does() {
    let (hub, client) = with_client().await;
    hub.answers(&format!("GET {ISSUE}"), json!({}));
    hub.oddly("GET /repos", Odd::Loses);
    hub.oddly("PATCH /repos", Odd::Loses);
    assert!(reason(&client, get()).await.starts_with("unavailable: "));
    assert!(reason(&client, patch()).await.starts_with("no answer, so it may have been done: "));
    let nobody = client_at(&Url::parse("http://127.0.0.1:1/").unwrap(), Arc::new(Still(NOW)));
    assert!(reason(&nobody, patch()).await.starts_with("unavailable: "), "nothing was sent");
}

#[tokio::test]
async fn redirects_are_followed_on_githubs_own_host_alone() {
    let (hub, client) = with_client().await;
    let (other, elsewhere) = start().await;
    hub.answers("PATCH /repositories/9/issues/7", json!({}));
    let to = |url: String| Odd::Answers(307, vec![("location", url)], "{}".to_owned());
    hub.oddly("PATCH", to("/api/v3/repositories/9/issues/7".to_owned()));
    assert_eq!(reason(&client, patch()).await, "HTTP 200");
    let moved = hub.all("PATCH /repositories/9/issues/7");
    assert_eq!((&*moved[0].bearer, &moved[0].body), ("Bearer ghs_1", &json!({ "state": "closed" })));
    for url in [format!("{elsewhere}/repositories/9"), "https://127.0.0.1/".to_owned(), "http://[".to_owned()] {
        hub.oddly("PATCH", to(url));
        let refused = reason(&client, patch()).await;
        assert!(refused.starts_with("rejected: GitHub redirects to another host"), "{refused}");
    }
    assert!(other.seen.lock().unwrap().is_empty(), "no token went there");
    for _ in 0..4 {
        hub.oddly("PATCH", to("/api/v3/repos/a/b".to_owned()));
    }
    assert_eq!(reason(&client, patch()).await, "rejected: GitHub redirects in a circle");
}

#[tokio::test]
async fn an_answer_that_is_huge_or_in_no_known_form_harms_nobody() {
    let (hub, client) = with_client().await;
    let huge = || Odd::Answers(200, vec![], "x".repeat((16 << 20) + 1));
    hub.oddly("GET /repos", huge());
    assert_eq!(reason(&client, get()).await, "unavailable: an answer of more than 16 MiB");
    hub.oddly("PATCH /repos", huge());
    assert!(reason(&client, patch()).await.starts_with("no answer, so it may have been done"));
    hub.oddly("GET /repos", Odd::Answers(200, vec![], "{\"id\": \"zebra".to_owned()));
    let read = client.ask(77, get()).await.unwrap().into_read::<Identified>().map(|_| ());
    assert_eq!(read.unwrap_err().to_string(), "unavailable: GitHub's answer is in an unknown form");
}

#[derive(Deserialize)]
struct Identified {}

#[tokio::test]
async fn by_a_clock_that_is_wrong_the_app_states_what_githubs_clock_says() {
    let (hub, url) = start().await;
    let date = ("date", NOW_IN_HTTP.to_owned());
    let message = json!({ "message": "'Expiration time' claim ('exp') is too far in the future" }).to_string();
    for ours in [NOW.after(Duration::from_secs(7200)), NOW.before(Duration::from_secs(7200))] {
        let client = client_at(&url, Arc::new(Still(ours)));
        hub.oddly("GET /app", Odd::Answers(401, vec![date.clone()], message.clone()));
        client.introduce().await.unwrap();
        client.introduce().await.unwrap();
        let times: Vec<i64> = hub.all("GET /app").iter().map(|seen| issued(&seen.bearer)).collect();
        let wanted = NOW.as_seconds() - 60;
        assert!(times.ends_with(&[wanted, wanted]) && !times[..times.len() - 2].ends_with(&[wanted]), "{times:?}");
    }
}

/// When a statement says that it was made, in seconds.
fn issued(bearer: &str) -> i64 {
    let claims = bearer.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap()).unwrap();
    claims["iat"].as_i64().unwrap()
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named_where_github_does_not_believe_the_app() {
    let (hub, url) = start().await;
    let date = ("date", NOW_IN_HTTP.to_owned());
    let message = json!({ "message": "'Expiration time' claim ('exp') is too far in the future" }).to_string();
    for (ours, expected) in [
        (NOW.after(Duration::from_secs(900)), "this machine's clock is 900 s ahead of GitHub's: set it"),
        (NOW.before(Duration::from_secs(900)), "this machine's clock is 900 s behind GitHub's: set it"),
        (NOW, "check GITHUB_APP_ID, and that GITHUB_PRIVATE_KEY is a key of that App"),
    ] {
        for _ in 0..2 {
            hub.oddly("GET /app", Odd::Answers(401, vec![date.clone()], message.clone()));
        }
        let client = client_at(&url, Arc::new(Still(ours)));
        let disbelieved = client.introduce().await.unwrap_err().to_string();
        assert!(disbelieved.contains("does not believe the App") && disbelieved.ends_with(expected), "{disbelieved}");
    }
}
