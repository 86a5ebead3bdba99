//! Search in the message extension: what is looked for, and the answers of which Teams makes a list; and links that are
//! pasted where one writes, for which Teams searches in the same way.
//!
//! Owns the invokes `composeExtension/query`, `queryLink` and `anonymousQueryLink`. Which searches there are, what they find
//! and where a link leads is not decided here. Shapes:
//! learn.microsoft.com/microsoftteams/platform/messaging-extensions/how-to/search-commands/respond-to-search and
//! learn.microsoft.com/microsoftteams/platform/messaging-extensions/how-to/link-unfurling.

use bytes::Bytes;
use serde_json::{Value, json};

use super::card;
use crate::channels::text::one_line;
use crate::domain::search::{Found, Sought};

/// The invoke.
const QUERY: &str = "composeExtension/query";
/// The invoke of a link that was pasted.
const QUERY_LINK: &str = "composeExtension/queryLink";
/// The same, of somebody whom Teams does not name, since they have not installed the app. The manifest asks for none.
const ANONYMOUS_LINK: &str = "composeExtension/anonymousQueryLink";
/// The longest link that is read.
const LONGEST_LINK: usize = 3_000;
/// The version of the card below a link: "Link unfurling supports Adaptive Cards version 1.3 and earlier". What a task's
/// card is made of is older: [`card`] says of each element in which version it came.
const CARD_OF_LINK: &str = "1.3";
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

/// The link of an invoke; `None` where it is not about one, or about one that is longer than links are.
#[must_use]
pub fn pasted(name: &str, value: &Value) -> Option<String> {
    let link = value["url"].as_str().filter(|_| name == QUERY_LINK)?;
    (link.len() <= LONGEST_LINK).then(|| link.to_owned())
}

/// Whether an invoke is about a link that somebody has pasted whom Teams does not name.
#[must_use]
pub fn is_anonymous(name: Option<&str>) -> bool {
    name == Some(ANONYMOUS_LINK)
}

/// The answer for a link: the card that is put below it, or nothing, which a result without an entry says. Teams would keep
/// either for half an hour and show it without asking again, perhaps to somebody else; it is told not to.
#[must_use]
pub fn show_link(found: Option<&Found>) -> Bytes {
    let mut results: Vec<Value> = found.into_iter().map(result).collect();
    results.iter_mut().for_each(|result| result["content"]["version"] = json!(CARD_OF_LINK));
    let keep = json!({"type": "setCachePolicy", "value": json!({"type": "no-cache"}).to_string()});
    let list = json!({"type": "result", "attachmentLayout": "list", "attachments": results,
        "suggestedActions": {"actions": [keep]}});
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
    fn a_pasted_link_is_read_as_it_is() {
        let of = |name: &str, value: Value| pasted(name, &value);
        let link = "https://bot.example.com/tasks/T-1?x=<é>";
        assert_eq!(of(QUERY_LINK, json!({"url": link})).as_deref(), Some(link));
        for value in
            [json!({}), json!({"url": 7}), json!(null), json!("x"), json!({"url": "x".repeat(LONGEST_LINK + 1)})]
        {
            assert_eq!(of(QUERY_LINK, value.clone()), None, "{value}");
        }
        for name in [QUERY, ANONYMOUS_LINK, "composeExtension/selectItem"] {
            assert_eq!(of(name, json!({"url": link})), None, "{name}");
        }
        assert!(is_anonymous(Some(ANONYMOUS_LINK)) && !is_anonymous(Some(QUERY_LINK)) && !is_anonymous(None));
    }

    #[test]
    fn below_a_link_stands_one_old_enough_card_or_nothing_and_neither_is_kept() {
        let card =
            Card::new("T-1 *Fix* it").facts([("Status", "todo"), ("Note", "*x*")]).text("the story").footer("from x");
        let found = Found { title: "T-1".to_owned(), line: "todo".to_owned(), card };
        for (found, count) in [(Some(&found), 1), (None, 0)] {
            let answer: Value = serde_json::from_slice(&show_link(found)).unwrap();
            let list = &answer["composeExtension"];
            assert_eq!((&list["type"], list["attachments"].as_array().unwrap().len()), (&json!("result"), count));
            let keep = &list["suggestedActions"]["actions"][0];
            assert_eq!((&keep["type"], &keep["value"]), (&json!("setCachePolicy"), &json!("{\"type\":\"no-cache\"}")));
            for result in list["attachments"].as_array().unwrap() {
                assert_eq!(result["content"]["version"], CARD_OF_LINK);
                assert!(result["preview"]["content"]["title"].is_string(), "the document wants a preview");
                let kinds = result["content"]["body"].as_array().unwrap().iter().map(|it| it["type"].as_str().unwrap());
                let old = ["TextBlock", "RichTextBlock", "FactSet"];
                assert!(kinds.clone().all(|kind| old.contains(&kind)), "{:?}", kinds.collect::<Vec<_>>());
            }
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
