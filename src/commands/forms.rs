//! Forms, as a table: what they ask, what may be filled in, and the line that a filled-in form stands for.
//!
//! A form is a face of a command: what was filled in becomes the command's line, and from there on it is as if it had
//! been typed. A further form is an arm in [`form`], [`check`] and [`line`].

use jiff::civil::Date;

use crate::commands::lexer::quote;
use crate::config::catalog::Catalog;
use crate::domain::card::Choice;
use crate::domain::form::{Field, FieldErrors, FieldKind, Filled, Form};
use crate::domain::task::{LONGEST_TITLE, Priority};

/// The form that makes a task.
pub const TASK_CREATE: &str = "task.create";

/// The longest description that a field of a modal takes: docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element.
const MOST_DESCRIPTION: usize = 3000;

/// A form with what is known beforehand filled in; `None` where there is none of that name.
#[must_use]
pub fn form(name: &str, catalog: &Catalog, known: &Filled) -> Option<Form> {
    (name == TASK_CREATE).then(|| Form {
        name: TASK_CREATE,
        title: "Create a task",
        submit: "Create",
        fields: task_create(catalog, known),
    })
}

fn task_create(catalog: &Catalog, known: &Filled) -> Vec<Field> {
    let value = |name: &str| known.get(name).cloned();
    let field = |name, label, kind, required| Field { name, label, kind, hint: None, required, value: value(name) };
    let agents = catalog
        .all()
        .iter()
        .map(|agent| Choice { label: format!("{} ({})", agent.name, agent.category), value: agent.name.clone() });
    let priorities = Priority::ALL
        .iter()
        .map(|priority| Choice { label: priority.as_str().to_owned(), value: priority.as_str().to_owned() });
    vec![
        field("title", "Title", FieldKind::Line { most: LONGEST_TITLE }, true),
        field("description", "Description", FieldKind::Text { most: MOST_DESCRIPTION }, false),
        Field {
            hint: Some("Leave it empty, and the answer says which agents suit the work."),
            ..field("agent", "Agent", FieldKind::Choice { options: agents.collect() }, false)
        },
        field("priority", "Priority", FieldKind::Choice { options: priorities.collect() }, false),
        field("due", "Due", FieldKind::Date, false),
    ]
}

/// What is wrong with what was filled in, as far as that can be said without looking anything up.
#[must_use]
pub fn check(name: &str, filled: &Filled, today: Date) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if name != TASK_CREATE {
        return errors;
    }
    let said = |field: &str| filled.get(field).map(|text| text.trim()).filter(|text| !text.is_empty());
    let mut wrong = |field: &str, what: String| errors.insert(field.to_owned(), what);
    match said("title") {
        None => drop(wrong("title", "say in one line what is to be done".to_owned())),
        Some(title) if title.chars().count() > LONGEST_TITLE => {
            drop(wrong(
                "title",
                format!("a title has at most {LONGEST_TITLE} characters; put the rest into the description"),
            ));
        }
        Some(_) => {}
    }
    if let Some(due) = said("due") {
        match due.parse::<Date>() {
            Err(_) => drop(wrong("due", "a day such as 2026-12-01".to_owned())),
            Ok(day) if day < today => drop(wrong("due", "this day is over".to_owned())),
            Ok(_) => {}
        }
    }
    errors
}

/// The line that a filled-in form stands for; `None` where there is no form of that name.
#[must_use]
pub fn line(name: &str, filled: &Filled) -> Option<String> {
    if name != TASK_CREATE {
        return None;
    }
    let said = |field: &str| filled.get(field).map(|text| text.trim()).filter(|text| !text.is_empty());
    let mut line = format!("task create {}", quote(said("title").unwrap_or_default()));
    for field in ["description", "agent", "priority", "due"] {
        if let Some(text) = said(field) {
            line.push_str(&format!(" --{field} {}", quote(text)));
        }
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::grammar;

    fn filled(pairs: &[(&str, &str)]) -> Filled {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn what_is_filled_in_is_read_as_it_was_meant() {
        for title in ["Fix it", "say \"hi\" --agent nobody", "--done", "a\\b ' ’ –x", "<@U1> & <b>", "x = \"y"] {
            let line =
                line(TASK_CREATE, &filled(&[("title", title), ("description", "one\ntwo \"three\""), ("due", "")]));
            let parsed = grammar::parse(&line.unwrap()).unwrap_or_else(|_| panic!("{title} is no command"));
            assert_eq!(parsed.spec.name(), "task create");
            let words: Vec<&String> = parsed.matches.get_many::<String>("title").unwrap().collect();
            assert_eq!(words, [title]);
            let description: &String = parsed.matches.get_one("description").unwrap();
            assert_eq!(description, "one\ntwo \"three\"");
        }
        assert_eq!(line("no.such", &Filled::new()), None);
    }

    #[test]
    fn mistakes_are_told_by_their_field() {
        let today: Date = "2026-11-26".parse().unwrap();
        let long = "x".repeat(LONGEST_TITLE + 1);
        for (fields, wrong) in [
            (filled(&[("title", "x")]), vec![]),
            (filled(&[("title", "x"), ("due", "2026-11-26")]), vec![]),
            (filled(&[]), vec!["title"]),
            (filled(&[("title", "  ")]), vec!["title"]),
            (filled(&[("title", &long)]), vec!["title"]),
            (filled(&[("title", "x"), ("due", "2026-11-25")]), vec!["due"]),
            (filled(&[("due", "soon")]), vec!["due", "title"]),
        ] {
            assert_eq!(check(TASK_CREATE, &fields, today).into_keys().collect::<Vec<_>>(), wrong, "{fields:?}");
        }
    }
}
