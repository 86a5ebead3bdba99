//! Dialogs: what opens one, what is sent with one, and the answers of which Teams makes one.
//!
//! Owns the invokes `task/*` and those by which a message extension opens a dialog. The card in it is `card/form.rs`;
//! what a form asks and means is decided by who has the table of forms.
//! Shapes: learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/task-modules/task-modules-bots, and for
//! message extensions .../messaging-extensions/how-to/action-commands/create-task-module and respond-to-task-module-submit.

use bytes::Bytes;
use serde_json::{Value, json};

use super::card::{self, Mark};
use super::text;
use crate::domain::form::{Asked, FieldErrors, Filled, Form, Said};

/// Bytes of a message that are read for a form.
const MOST_CONTENT: usize = 32 << 10;

/// Somebody opens a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Which, and of what.
    pub asked: Asked,
    /// The id of the activity that opens it.
    pub opened_by: Option<String>,
}

/// The form that an invoke opens; `None` where it opens none.
#[must_use]
pub fn opened(name: &str, value: &Value, id: Option<&str>) -> Option<Opened> {
    let asked = match name {
        "task/fetch" => Asked::Form(card::mark(value.get("data")?)?.form),
        "composeExtension/fetchTask" => {
            let entry = value["commandId"].as_str()?.to_owned();
            Asked::Entry { name: entry, said: value.get("messagePayload").map(said) }
        }
        _ => return None,
    };
    Some(Opened { asked, opened_by: id.map(str::to_owned) })
}

/// What an invoke sends with a form; `None` where it sends none.
#[must_use]
pub fn submitted(name: &str, value: &Value) -> Option<(Mark, Filled)> {
    let data = matches!(name, "task/submit" | "composeExtension/submitAction").then(|| value.get("data")).flatten()?;
    Some((card::mark(data)?, card::filled(data)))
}

/// The message on which an entry was chosen.
fn said(message: &Value) -> Said {
    let content = message["body"]["content"].as_str().unwrap_or_default();
    let is_html = message["body"]["contentType"].as_str().is_none_or(|kind| kind.eq_ignore_ascii_case("html"));
    let read = &content[..content.floor_char_boundary(MOST_CONTENT)];
    let mut text = if is_html { text::of_html(read) } else { read.trim().to_owned() };
    if read.len() < content.len() {
        text.push('…');
    }
    Said { text, by: message["from"]["user"]["displayName"].as_str().map(str::to_owned) }
}

/// The answer that shows a form, with what is wrong with what was filled in.
#[must_use]
pub fn show(form: &Form, errors: &FieldErrors, opened_by: Option<&str>) -> Bytes {
    let card = card::attachment(&card::form(form, errors, opened_by));
    let value = json!({"title": form.title, "height": "medium", "width": "medium", "card": card});
    Bytes::from(json!({"task": {"type": "continue", "value": value}}).to_string())
}

/// The answer that closes the dialog and says something.
#[must_use]
pub fn say(words: &str) -> Bytes {
    Bytes::from(json!({"task": {"type": "message", "value": words}}).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_message_are_read_whatever_it_is_made_of() {
        for (content, text) in [
            ("<p>Fix the login</p>", "Fix the login"),
            ("<div>Fix <b>it</b><br>today &amp; well</div>", "Fix it\ntoday & well"),
            ("  ", ""),
            ("<script>alert(1)</script><p>x</p>", "x"),
            ("a &lt;b&gt; c", "a <b> c"),
            ("<at id=\"0\">Bob</at> look", "Bob look"),
            ("1 < 2 <unclosed", "1 < 2"),
        ] {
            let from = json!({"user": {"displayName": "Ann"}});
            let said = said(&json!({"from": from, "body": {"contentType": "html", "content": content}}));
            assert_eq!(said, Said { text: text.to_owned(), by: Some("Ann".to_owned()) }, "{content}");
        }
        let plain = said(&json!({"body": {"contentType": "text", "content": "a <b> c"}}));
        assert_eq!(plain, Said { text: "a <b> c".to_owned(), by: None });
        for (length, wanted) in [(MOST_CONTENT, "é"), (MOST_CONTENT + 2, "é…")] {
            let long = said(&json!({"body": {"content": "é".repeat(length / 2)}})).text;
            assert!(long.trim_end_matches('…').len() == MOST_CONTENT && long.ends_with(wanted), "{length}");
        }
        for odd in [json!(null), json!([]), json!({"body": 1}), json!({"body": {"content": ["x"]}})] {
            assert_eq!(said(&odd), Said::default(), "{odd}");
        }
    }

    #[test]
    fn only_what_is_ours_opens_and_sends() {
        let ours = json!({"data": {"ai-crm": {"form": "task.create"}, "title": "x"}});
        assert!(opened("task/fetch", &ours, None).is_some() && submitted("task/submit", &ours).is_some());
        assert!(submitted("composeExtension/submitAction", &ours).is_some());
        assert_eq!(opened("task/submit", &ours, None), None);
        assert_eq!(submitted("task/fetch", &ours), None);
        let entry = json!({"commandId": "task_create"});
        let asked = Asked::Entry { name: "task_create".to_owned(), said: None };
        let opened_by = Some("f:1".to_owned());
        assert_eq!(opened("composeExtension/fetchTask", &entry, Some("f:1")), Some(Opened { asked, opened_by }));
        for (name, value) in [
            ("composeExtension/fetchTask", json!({"commandId": 7})),
            ("composeExtension/query", json!({"commandId": "task_create"})),
            ("task/fetch", json!({"data": "reset"})),
            ("task/fetch", json!([])),
        ] {
            assert_eq!(opened(name, &value, None), None, "{name} {value}");
        }
    }
}
