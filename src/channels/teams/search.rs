//! Search in the message extension: what is looked for, and the answers of which Teams makes a list.
//!
//! Owns the invoke `composeExtension/query`. Which searches there are and what they find is not decided here. Shapes:
//! learn.microsoft.com/microsoftteams/platform/messaging-extensions/how-to/search-commands/respond-to-search.

use bytes::Bytes;
use serde_json::{Value, json};

use super::card;
use crate::channels::text::one_line;
use crate::domain::search::{Found, Sought};

/// The invoke.
const QUERY: &str = "composeExtension/query";
/// The name of what people type, as the manifest gives it to Teams. The first query, before anything is typed, comes with
/// `initialRun` in its place.
pub(super) const PARAMETER: &str = "words";
/// Results of one answer: the `count` for which Teams asks in its document.
pub const MOST_RESULTS: usize = 25;
/// Characters of what was typed that are read.
const MOST_WORDS: usize = 1000;
/// Characters of a result's title and line in the list, which shows one line of each.
const MOST_LINE: usize = 120;
/// The card of a result in the list, beside the one that is put into the message: "The preview property must be a Hero or
/// Thumbnail card".
const PREVIEW: &str = "application/vnd.microsoft.card.thumbnail";

/// What an invoke looks for; `None` where it looks for nothing. Fields that are not as documented are as if they were not
/// there.
#[must_use]
pub fn sought(name: &str, value: &Value) -> Option<Sought> {
    if name != QUERY {
        return None;
    }
    let entry = value["commandId"].as_str()?.to_owned();
    let parameters = value["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let typed = parameters.iter().find(|parameter| parameter["name"] == PARAMETER);
    let words = typed.and_then(|parameter| parameter["value"].as_str()).unwrap_or_default();
    let number = |name: &str| value["queryOptions"][name].as_u64().and_then(|number| usize::try_from(number).ok());
    Some(Sought {
        entry,
        words: words.chars().take(MOST_WORDS).collect(),
        skip: number("skip").unwrap_or_default(),
        count: number("count").unwrap_or(MOST_RESULTS).clamp(1, MOST_RESULTS),
    })
}

/// The answer that lists what was found; nobody has to be told by us that it is nothing.
#[must_use]
pub fn show(found: &[Found]) -> Bytes {
    let results: Vec<Value> = found.iter().take(MOST_RESULTS).map(result).collect();
    let list = json!({"type": "result", "attachmentLayout": "list", "attachments": results});
    Bytes::from(json!({ "composeExtension": list }).to_string())
}

/// The answer that says something in the place of the list.
#[must_use]
pub fn say(words: &str) -> Bytes {
    Bytes::from(json!({"composeExtension": {"type": "message", "text": one_line(words)}}).to_string())
}

fn result(found: &Found) -> Value {
    let preview = json!({"title": line(&found.title), "text": escaped(&line(&found.line))});
    let mut result = card::attachment(&card::render(&found.card).card);
    result["preview"] = json!({"contentType": PREVIEW, "content": preview});
    result
}

fn line(text: &str) -> String {
    let line = one_line(text);
    if line.chars().count() <= MOST_LINE {
        return line;
    }
    line.chars().take(MOST_LINE - 1).chain(['…']).collect()
}

/// The text of a thumbnail card reads HTML
/// (learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format).
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::Card;

    fn query(parameters: Value, options: Value) -> Option<Sought> {
        let value = json!({"commandId": "task_search", "parameters": parameters, "queryOptions": options});
        sought(QUERY, &value)
    }

    #[test]
    fn a_query_is_read_leniently() {
        let long = "é".repeat(MOST_WORDS + 1);
        let said = |words: &Value| json!([{"name": "words", "value": words}]);
        for (parameters, options, words, skip, count) in [
            (said(&json!("login")), json!({"skip": 25, "count": 10}), "login", 25, 10),
            (json!([{"name": "initialRun", "value": "true"}]), json!({"skip": 0, "count": 25}), "", 0, 25),
            (said(&json!("x")), json!({"count": 9000, "skip": 7}), "x", 7, MOST_RESULTS),
            (said(&json!("x")), json!({"count": 0, "skip": -1}), "x", 0, 1),
            (said(&json!("x")), json!({"count": "25", "skip": 1.5}), "x", 0, MOST_RESULTS),
            (said(&json!(["x"])), json!([]), "", 0, MOST_RESULTS),
            (said(&json!({"a": 1})), json!("x"), "", 0, MOST_RESULTS),
            (json!("words"), json!(null), "", 0, MOST_RESULTS),
            (json!([1, null, {"name": 5}]), json!(null), "", 0, MOST_RESULTS),
            (said(&json!(long)), json!(null), &long[..MOST_WORDS * 2], 0, MOST_RESULTS),
        ] {
            let entry = "task_search".to_owned();
            let wanted = Some(Sought { entry, words: words.to_owned(), skip, count });
            assert_eq!(query(parameters.clone(), options.clone()), wanted, "{parameters} {options}");
        }
        for (name, value) in [
            (QUERY, json!({"commandId": 7})),
            (QUERY, json!([])),
            (QUERY, json!(null)),
            ("composeExtension/selectItem", json!({"commandId": "task_search"})),
            ("composeExtension/fetchTask", json!({"commandId": "task_search"})),
        ] {
            assert_eq!(sought(name, &value), None, "{name} {value}");
        }
    }

    #[test]
    fn what_is_found_is_a_list_with_previews() {
        let found = |title: &str, line: &str| Found {
            title: title.to_owned(),
            line: line.to_owned(),
            card: Card::new(title).text("the story"),
        };
        let answer = show(&[found("T-1 Fix\nit", "todo · <b>Ann</b> & co"), found(&"x".repeat(300), "done")]);
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let list = &answer["composeExtension"];
        assert_eq!((&list["type"], &list["attachmentLayout"]), (&json!("result"), &json!("list")));
        let first = &list["attachments"][0];
        assert_eq!(first["contentType"], card::CONTENT_TYPE);
        assert!(first["content"].to_string().contains("the story"), "{first}");
        assert_eq!(first["preview"]["contentType"], PREVIEW);
        let preview = json!({"title": "T-1 Fix it", "text": "todo · &lt;b&gt;Ann&lt;/b&gt; &amp; co"});
        assert_eq!(first["preview"]["content"], preview);
        let long = list["attachments"][1]["preview"]["content"]["title"].as_str().unwrap();
        assert_eq!(long.chars().count(), MOST_LINE);
        for more in [0, 1] {
            let cut = line(&"ü".repeat(MOST_LINE + more));
            assert_eq!((cut.chars().count(), cut.ends_with('…')), (MOST_LINE, more > 0));
            let many = vec![found("x", "y"); MOST_RESULTS + more];
            let many: Value = serde_json::from_slice(&show(&many)).unwrap();
            assert_eq!(many["composeExtension"]["attachments"].as_array().unwrap().len(), MOST_RESULTS);
        }
        let none: Value = serde_json::from_slice(&show(&[])).unwrap();
        assert_eq!(none["composeExtension"]["attachments"], json!([]));
        let said: Value = serde_json::from_slice(&say("not\nhere")).unwrap();
        assert_eq!(said, json!({"composeExtension": {"type": "message", "text": "not here"}}));
    }
}
