//! Forms, as a table: what they ask, what may be filled in, and the line that a filled-in form stands for.
//!
//! A form is a face of a command: what was filled in becomes the command's line, and from there on it is as if it had
//! been typed. A further form is an arm in [`form`], [`check`] and [`line()`]; a further way to ask for one is a line in
//! [`ENTRIES`] and in [`asked_for`].

use jiff::civil::Date;

use crate::commands::grammar::{self, quote};
use crate::config::catalog::Catalog;
use crate::domain::card::Choice;
use crate::domain::form::{Asked, Entry, Field, FieldErrors, FieldKind, Filled, Form, Said};
use crate::domain::task::{LONGEST_TITLE, Priority};

/// The form that makes a task.
pub const TASK_CREATE: &str = "task.create";

/// The entry that opens an empty form for a task.
const ENTRY_TASK: &str = "task_create";
/// The entry that opens a form for a task, filled in from a message.
const ENTRY_FROM_MESSAGE: &str = "task_from_message";

/// What the menus of a platform are to have.
pub const ENTRIES: [Entry; 2] = [
    Entry { name: ENTRY_TASK, on_message: false, title: "Create a task", about: "Fill in a form for a task" },
    Entry {
        name: ENTRY_FROM_MESSAGE,
        on_message: true,
        title: "Make it a task",
        about: "Fill in a form for a task from what was said here",
    },
];

/// The longest description that is asked for. No field of Slack's modals takes more
/// (docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element), and a form is the same everywhere.
const MOST_DESCRIPTION: usize = 3000;

/// The form that somebody asks for, filled in as far as that is known; `None` where they ask for none.
///
/// The bare line `task create`, however it is said, lacks what the form asks for, so it asks for the form.
#[must_use]
pub fn asked_for(asked: &Asked, catalog: &Catalog) -> Option<Form> {
    let known = match asked {
        Asked::Line(line) if grammar::bare(line).is_some_and(|spec| spec.words == ["task", "create"]) => Filled::new(),
        Asked::Entry { name, .. } if name == ENTRY_TASK => Filled::new(),
        Asked::Entry { name, said } if name == ENTRY_FROM_MESSAGE => said.as_ref().map(of_message).unwrap_or_default(),
        Asked::Form(name) => return form(name, catalog, &Filled::new()),
        Asked::Line(_) | Asked::Entry { .. } => return None,
    };
    form(TASK_CREATE, catalog, &known)
}

/// The first line is the title. What it has no room for, the other lines and who said it are the description.
fn of_message(said: &Said) -> Filled {
    let text = said.text.trim();
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = first.trim();
    let is_long = first.chars().count() > LONGEST_TITLE;
    let title = if is_long { first.chars().take(LONGEST_TITLE - 1).chain(['…']).collect() } else { first.to_owned() };
    let by = said.by.as_ref().map(|by| format!("Said by {by}"));
    let room = MOST_DESCRIPTION - by.as_ref().map_or(0, |by| by.chars().count() + 2);
    let rest: String = if is_long { text } else { rest.trim() }.chars().take(room).collect();
    let description: Vec<String> = [Some(rest), by].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let filled = [("title", title), ("description", description.join("\n\n"))];
    filled.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name.to_owned(), text)).collect()
}

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
        Some(title) if is_longer(title, LONGEST_TITLE) => {
            drop(wrong(
                "title",
                format!("a title has at most {LONGEST_TITLE} characters; put the rest into the description"),
            ));
        }
        Some(_) => {}
    }
    if said("description").is_some_and(|text| is_longer(text, MOST_DESCRIPTION)) {
        let what =
            format!("at most {MOST_DESCRIPTION} characters; add the rest by `task comment` when the task is there");
        drop(wrong("description", what));
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

/// Fields count as JavaScript does, on Slack and in Teams: what is longer was not written in one.
fn is_longer(text: &str, most: usize) -> bool {
    text.encode_utf16().count() > most
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
    fn a_form_is_asked_for_by_a_bare_line_or_by_an_entry() {
        let catalog = Catalog::embedded(&crate::tools::known_tools()).unwrap();
        let entry = |name: &str| Asked::Entry { name: name.to_owned(), said: None };
        for (asked, expected) in [
            (Asked::Line("task create".to_owned()), true),
            (Asked::Line(" Task  create ".to_owned()), true),
            (Asked::Line("task create x".to_owned()), false),
            (Asked::Line(String::new()), false),
            (entry("task_create"), true),
            (entry("task_from_message"), true),
            (entry("other"), false),
        ] {
            assert_eq!(asked_for(&asked, &catalog).is_some(), expected, "{asked:?}");
        }
        for entry in ENTRIES {
            assert!(entry.title.chars().count() <= 24 && !entry.about.is_empty(), "{entry:?}");
        }
    }

    #[test]
    fn a_message_fills_in_title_and_description() {
        let long = "é".repeat(LONGEST_TITLE + 1);
        let cut = format!("{}…", "é".repeat(LONGEST_TITLE - 1));
        for (text, by, title, description) in [
            ("Fix it", None, Some("Fix it"), None),
            (" Fix it \n\n now\nplease ", Some("<@U1>"), Some("Fix it"), Some("now\nplease\n\nSaid by <@U1>")),
            ("", None, None, None),
            ("", Some("Ann"), None, Some("Said by Ann")),
            (&long, None, Some(&*cut), Some(&*long)),
        ] {
            let filled = of_message(&Said { text: text.to_owned(), by: by.map(str::to_owned) });
            assert_eq!(filled.get("title").map(String::as_str), title);
            assert_eq!(filled.get("description").map(String::as_str), description);
        }
        let endless = format!("a\n{}", "x".repeat(5000));
        let filled = of_message(&Said { text: endless, by: Some("Ann".to_owned()) });
        assert_eq!(filled["description"].chars().count(), MOST_DESCRIPTION);
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
            (filled(&[("title", &long[1..]), ("description", &"y".repeat(MOST_DESCRIPTION))]), vec![]),
            (filled(&[("title", "x"), ("description", &"y".repeat(MOST_DESCRIPTION + 1))]), vec!["description"]),
            (filled(&[("title", &"🦀".repeat(LONGEST_TITLE / 2 + 1))]), vec!["title"]),
            (filled(&[("title", "x"), ("due", "2026-11-25")]), vec!["due"]),
            (filled(&[("due", "soon")]), vec!["due", "title"]),
        ] {
            assert_eq!(check(TASK_CREATE, &fields, today).into_keys().collect::<Vec<_>>(), wrong, "{fields:?}");
        }
    }
}
