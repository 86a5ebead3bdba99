//! Search in a message extension, as a person sees it who types.
//!
//! From Microsoft's pages "Respond to search command" and "Define search commands". How an activity gets to the
//! application stands in [`super::delivery`].

use std::time::Duration;

use serde_json::{Value, json};

use super::card;
use super::checks;
use super::delivery::Answer;
use super::press::{self, Shown, wrong};
use super::sender::{SendError, Sender};

/// How long Teams waits: "your code has 5 seconds".
const PATIENCE: Duration = Duration::from_secs(5);
/// Results for which Teams asks at one time.
const COUNT: usize = 25;
/// Cards that may stand in the list.
const PREVIEWS: [&str; 2] = ["application/vnd.microsoft.card.thumbnail", "application/vnd.microsoft.card.hero"];

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The command of the manifest.
    pub command: &'a str,
    /// The name of its parameter there.
    pub parameter: &'a str,
    /// What is typed; nothing where the search has only been opened.
    pub words: &'a str,
    /// Results that are seen already.
    pub skip: usize,
}

impl Sender {
    /// The activity of a search, ready to be sent.
    ///
    /// # Errors
    /// When there is no such person or conversation.
    pub fn prepare_search(&self, user: &str, place: &str, query: Search<'_>) -> Result<Value, SendError> {
        let parameter = match query.words {
            "" => json!({ "name": "initialRun", "value": "true" }),
            words => json!({ "name": query.parameter, "value": words }),
        };
        let value = json!({
            "commandId": query.command, "parameters": [parameter],
            "queryOptions": { "skip": query.skip, "count": COUNT },
        });
        self.invoke(user, place, "composeExtension/query", &value)
    }

    /// Searches, and shows what comes of it.
    ///
    /// # Errors
    /// As [`Sender::prepare_search`].
    pub async fn search(&self, user: &str, place: &str, query: Search<'_>) -> Result<(Answer, Shown), SendError> {
        let answer = self.deliver(&self.prepare_search(user, place, query)?).await;
        let shown = self.see_search(&answer);
        Ok((answer, shown))
    }

    /// What the person sees of the answer to a search.
    pub fn see_search(&self, answer: &Answer) -> Shown {
        let shown = read(answer);
        if let Shown::Failure { why } = &shown {
            self.world.change(|state, now| state.records.violate(now, "invoke", "InvalidBotResponse", why.clone()));
        }
        shown
    }
}

/// The results as text for a terminal: what the list shows, and under it the card that the person would send.
#[must_use]
pub fn text(results: &Value, width: usize) -> String {
    let mut lines = Vec::new();
    for result in results.as_array().into_iter().flatten() {
        let word = |name: &str| result["preview"]["content"][name].as_str().unwrap_or_default();
        lines.push(format!("── {}", word("title")));
        lines.push(format!("   {}", word("text")));
        lines.extend(card::lines(&result["content"], width));
    }
    if lines.is_empty() {
        lines.push("nothing is found".to_owned());
    }
    lines.join("\n")
}

/// The answer to `composeExtension/query`.
pub(super) fn read(answer: &Answer) -> Shown {
    if answer.elapsed > PATIENCE {
        return wrong("the answer came after 5 seconds");
    }
    let body = match press::body(answer) {
        Ok(body) => body,
        Err(shown) => return shown,
    };
    let extension = &body["composeExtension"];
    match extension["type"].as_str() {
        Some("message") => press::text(&extension["text"]),
        Some("result") => listed(extension),
        _ => wrong("the type of the answer to a search is result or message"),
    }
}

fn listed(extension: &Value) -> Shown {
    if !matches!(extension["attachmentLayout"].as_str(), Some("list" | "grid")) {
        return wrong("the layout of results is list or grid");
    }
    let Some(results) = extension["attachments"].as_array() else { return wrong("results are attachments") };
    if results.len() > COUNT {
        return wrong(format!("{} results, where {COUNT} were asked for", results.len()));
    }
    for result in results {
        let preview = &result["preview"];
        if result["contentType"] != checks::CARD_TYPE {
            return wrong("a result is an Adaptive Card");
        }
        if !preview["contentType"].as_str().is_some_and(|kind| PREVIEWS.contains(&kind)) {
            return wrong("the preview of an Adaptive Card is a hero or a thumbnail card");
        }
        if preview["content"]["title"].as_str().is_none_or(str::is_empty) {
            return wrong("the preview of a result has a title");
        }
        if let Err(refusal) = checks::card(&result["content"]) {
            return wrong(refusal.message);
        }
    }
    Shown::Results { results: Value::from(results.clone()) }
}
