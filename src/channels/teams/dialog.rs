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
use crate::domain::form::{FieldErrors, Filled, Form};

/// The command of the message extension that makes a task, also of a message.
pub const CREATE_TASK: &str = "createTaskFromMessage";
/// The form that it opens.
const ITS_FORM: &str = "task.create";

/// Characters of a title that is made of a message; more of it stands in the description.
const MOST_TITLE: usize = 80;
/// Characters of a description that is made of a message. A field takes 3000.
const MOST_DESCRIPTION: usize = 2_900;
/// Bytes of a message that are read for both.
const MOST_CONTENT: usize = 32 << 10;

/// Somebody opens a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Which.
    pub form: String,
    /// What is filled in beforehand.
    pub known: Filled,
    /// The id of the activity that opens it.
    pub opened_by: Option<String>,
}

/// The form that an invoke opens; `None` where it opens none.
#[must_use]
pub fn opened(name: &str, value: &Value, id: Option<&str>) -> Option<Opened> {
    let opened_by = id.map(str::to_owned);
    match name {
        "task/fetch" => {
            let mark = card::mark(value.get("data")?)?;
            Some(Opened { form: mark.form, known: Filled::new(), opened_by })
        }
        "composeExtension/fetchTask" if value["commandId"] == CREATE_TASK => {
            Some(Opened { form: ITS_FORM.to_owned(), known: of_message(&value["messagePayload"]), opened_by })
        }
        _ => None,
    }
}

/// What an invoke sends with a form; `None` where it sends none.
#[must_use]
pub fn submitted(name: &str, value: &Value) -> Option<(Mark, Filled)> {
    let data = matches!(name, "task/submit" | "composeExtension/submitAction").then(|| value.get("data")).flatten()?;
    Some((card::mark(data)?, card::filled(data)))
}

/// What is known of a task that is made of a message.
fn of_message(message: &Value) -> Filled {
    let content = message["body"]["content"].as_str().unwrap_or_default();
    let is_html = message["body"]["contentType"].as_str().is_none_or(|kind| kind.eq_ignore_ascii_case("html"));
    let content = &content[..content.floor_char_boundary(MOST_CONTENT)];
    let words = if is_html { text::of_html(content) } else { content.trim().to_owned() };
    let mut known = Filled::new();
    let Some(line) = words.lines().map(str::trim).find(|line| !line.is_empty()) else { return known };
    let title = cut(line, MOST_TITLE);
    if title != words {
        known.insert("description".to_owned(), cut(&words, MOST_DESCRIPTION));
    }
    known.insert("title".to_owned(), title);
    known
}

fn cut(words: &str, most: usize) -> String {
    if words.chars().count() <= most {
        return words.to_owned();
    }
    words.chars().take(most - 1).chain(['…']).collect()
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
    fn a_message_is_a_title_and_a_description() {
        let long = "word ".repeat(1000);
        for (content, title, description) in [
            ("<p>Fix the login</p>", Some("Fix the login"), None),
            ("<div>Fix <b>it</b><br>today &amp; well</div>", Some("Fix it"), Some("Fix it\ntoday & well")),
            ("  ", None, None),
            ("<script>alert(1)</script><p>x</p>", Some("x"), None),
            ("a &lt;b&gt; c", Some("a <b> c"), None),
            ("<at id=\"0\">Bob</at> look", Some("Bob look"), None),
            ("1 < 2 <unclosed", Some("1 < 2"), None),
        ] {
            let known = of_message(&json!({"body": {"contentType": "html", "content": content}}));
            assert_eq!(known.get("title").map(String::as_str), title, "{content}");
            assert_eq!(known.get("description").map(String::as_str), description, "{content}");
        }
        let known = of_message(&json!({"body": {"content": long}}));
        assert_eq!(known["title"].chars().count(), MOST_TITLE);
        assert_eq!(known["description"].chars().count(), MOST_DESCRIPTION);
        for odd in [json!(null), json!([]), json!({"body": 1}), json!({"body": {"content": ["x"]}})] {
            assert_eq!(of_message(&odd), Filled::new(), "{odd}");
        }
    }

    #[test]
    fn only_what_is_ours_opens_and_sends() {
        let ours = json!({"data": {"ai-crm": {"form": "task.create"}, "title": "x"}});
        assert!(opened("task/fetch", &ours, None).is_some() && submitted("task/submit", &ours).is_some());
        assert!(submitted("composeExtension/submitAction", &ours).is_some());
        assert_eq!(opened("task/submit", &ours, None), None);
        assert_eq!(submitted("task/fetch", &ours), None);
        assert!(opened("composeExtension/fetchTask", &json!({"commandId": CREATE_TASK}), Some("f:1")).is_some());
        for (name, value) in [
            ("composeExtension/fetchTask", json!({"commandId": "other"})),
            ("composeExtension/query", json!({"commandId": CREATE_TASK})),
            ("task/fetch", json!({"data": "reset"})),
            ("task/fetch", json!([])),
        ] {
            assert_eq!(opened(name, &value, None), None, "{name} {value}");
        }
    }
}
