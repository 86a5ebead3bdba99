//! The record that GitHub keeps of what it sent to the App's webhook: reading it, and having something sent once more.
//!
//! Each try is an entry of its own; the tries of one delivery have one GUID. An entry is read field by field: one without an
//! id, a GUID or a time is left out and counted, and nothing else is needed. Which of them are missing is decided in
//! `app/gaps/github`.
//! Shapes: docs.github.com/rest/apps/webhooks.

use std::time::Duration;

use reqwest::header::{HeaderMap, LINK};
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::client::{Ask, Client};
use super::decode::{is_delivery, is_word};
use crate::channels::DeliverError;
use crate::domain::time::Timestamp;

/// How long GitHub keeps deliveries: three days (docs.github.com/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks).
pub const KEPT: Duration = Duration::from_secs(3 * 24 * 3600);
/// Entries of a page, of which GitHub gives no more.
const PAGE: &str = "100";
/// Longest cursor that is handed back, in bytes; GitHub's have some dozens. Ours.
const LONGEST_CURSOR: usize = 1000;

/// One try of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its own id.
    pub id: u64,
    /// The GUID of the delivery, in lower case.
    pub guid: String,
    /// When it was tried, by GitHub's clock, as a rule in whole seconds.
    pub at: Timestamp,
    /// Whether the answer was a success.
    pub taken: bool,
    /// The kind of event: `issues`. Empty where it is not said.
    pub event: String,
}

/// A part of the record, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// What was tried.
    pub attempts: Vec<Attempt>,
    /// Entries that cannot be read.
    pub unread: usize,
    /// What leads to older ones, where there are any.
    pub next: Option<String>,
    /// When the page was made, by GitHub's clock.
    pub made: Option<Timestamp>,
}

/// What became of asking for one more try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// GitHub sends it.
    Asked,
    /// GitHub does not have it any more.
    Gone,
}

impl Client {
    /// The newest part of the record, or the one to which a page has led.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn attempts(&self, cursor: Option<&str>) -> Result<Page, DeliverError> {
        let answer = self.ask_as_app(Ask::get(path(cursor))).await?;
        let (made, next) = (answer.date(), next(&answer.headers));
        let entries: Vec<Value> = answer.into_read()?;
        let attempts: Vec<Attempt> = entries.iter().filter_map(attempt).collect();
        Ok(Page { unread: entries.len() - attempts.len(), attempts, next, made })
    }

    /// Has GitHub send a delivery once more, by the id of one of its tries. It does so after it has answered.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn deliver_again(&self, attempt: u64) -> Result<Again, DeliverError> {
        let answer = self.ask_as_app(Ask::post(format!("/app/hook/deliveries/{attempt}/attempts"), json!({}))).await?;
        if answer.is_missing() {
            return Ok(Again::Gone);
        }
        answer.into_success().map(|_| Again::Asked)
    }
}

fn path(cursor: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("per_page", PAGE).extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
    format!("/app/hook/deliveries?{}", query.finish())
}

fn attempt(entry: &Value) -> Option<Attempt> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    let code = entry.get("status_code").and_then(Value::as_u64);
    Some(Attempt {
        id: entry.get("id").and_then(Value::as_u64)?,
        guid: text("guid").filter(|guid| is_delivery(guid))?.to_ascii_lowercase(),
        at: Timestamp(text("delivered_at")?.parse::<jiff::Timestamp>().ok()?.as_millisecond()),
        taken: code.is_some_and(|code| (200..300).contains(&code)),
        event: text("event").filter(|event| is_word(event)).unwrap_or_default().to_owned(),
    })
}

/// The cursor of the next page. Of the address that GitHub names nothing else is used.
fn next(headers: &HeaderMap) -> Option<String> {
    let links = headers.get(LINK)?.to_str().ok()?;
    let next = links.split(',').find(|link| link.split(';').skip(1).any(|word| word.trim() == "rel=\"next\""))?;
    let address = Url::parse(next.split_once('<')?.1.split_once('>')?.0).ok()?;
    let (_, cursor) = address.query_pairs().find(|(name, _)| name == "cursor")?;
    (1..=LONGEST_CURSOR).contains(&cursor.len()).then(|| cursor.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::github::testing::{NOW, Odd, with_client};

    const LIST: &str = "GET /app/hook/deliveries";

    fn entry() -> Value {
        json!({
            "id": 12_345_678, "guid": "0B989BA4-242F-11E5-81E1-C7B6966D2516", "delivered_at": "2018-07-12T18:36:58Z",
            "redelivery": false, "duration": 0.27, "status": "OK", "status_code": 200, "event": "issues",
            "action": "opened", "installation_id": 123, "repository_id": 456, "throttled_at": null,
        })
    }

    fn with(field: &str, value: Value) -> Value {
        let mut entry = entry();
        entry[field] = value;
        entry
    }

    #[tokio::test]
    async fn each_try_is_read_by_its_fields_and_what_names_no_delivery_is_left_out() {
        let (hub, client) = with_client().await;
        let broken = [
            with("id", json!("12")),
            with("guid", json!("a b")),
            with("guid", Value::Null),
            with("delivered_at", json!("yesterday")),
            json!("nothing"),
        ];
        let odd = [
            entry(),
            with("status_code", json!(502)),
            with("event", json!("Is\nsues")),
            with("status_code", json!(null)),
        ];
        hub.answers(LIST, broken.iter().chain(&odd).cloned().collect());
        let page = client.attempts(None).await.unwrap();
        let read = Attempt {
            id: 12_345_678,
            guid: "0b989ba4-242f-11e5-81e1-c7b6966d2516".to_owned(),
            at: Timestamp(1_531_420_618_000),
            taken: true,
            event: "issues".to_owned(),
        };
        let failed = Attempt { taken: false, ..read.clone() };
        let unnamed = Attempt { event: String::new(), ..read.clone() };
        let attempts = vec![read, failed.clone(), unnamed, failed];
        assert_eq!(page, Page { attempts, unread: 5, next: None, made: Some(NOW) });
        assert_eq!(hub.all(LIST)[0].query, "per_page=100");
    }

    #[tokio::test]
    async fn only_the_cursor_of_the_next_page_is_taken_from_a_link() {
        let (hub, client) = with_client().await;
        for (link, expected) in [
            ("<https://api.github.com/app/hook/deliveries?per_page=100&cursor=v1_1%262>; rel=\"next\"", Some("v1_1&2")),
            (
                "<https://x/?cursor=a>; rel=\"prev\", <https://elsewhere.example/steal?cursor=b>; rel=\"next\"",
                Some("b"),
            ),
            ("<https://x/?cursor=a>; rel=\"prev\"", None),
            ("<https://x/?page=2>; rel=\"next\"", None),
            ("<https://x/?cursor=>; rel=\"next\"", None),
            ("no link; rel=\"next\"", None),
        ] {
            hub.oddly(LIST, Odd::Answers(200, vec![("link", link.to_owned())], "[]".to_owned()));
            assert_eq!(client.attempts(None).await.unwrap().next.as_deref(), expected, "{link}");
        }
        hub.answers(LIST, json!([]));
        client.attempts(Some("v1_1&2")).await.unwrap();
        assert_eq!(hub.all(LIST).last().unwrap().query, "per_page=100&cursor=v1_1%262");
        hub.answers(LIST, json!({ "message": "no list" }));
        assert!(client.attempts(None).await.is_err());
    }

    #[tokio::test]
    async fn what_is_gone_is_told_from_what_cannot_be_asked_for() {
        let (hub, client) = with_client().await;
        assert_eq!(client.deliver_again(7).await.unwrap(), Again::Asked);
        let asked = "POST /app/hook/deliveries/7/attempts";
        assert_eq!(hub.all(asked).len(), 1);
        hub.refuses(asked, 404, "Not Found");
        assert_eq!(client.deliver_again(7).await.unwrap(), Again::Gone);
        hub.refuses(asked, 403, "Resource not accessible by integration");
        assert!(matches!(client.deliver_again(7).await, Err(DeliverError::OutOfReach { .. })));
        hub.refuses(asked, 422, "Validation Failed");
        assert!(matches!(client.deliver_again(7).await, Err(DeliverError::Rejected { .. })));
    }
}
