//! Forms, as a table: what they ask, what may be filled in, and the line that a filled-in form stands for.
//!
//! A form is a face of a command: what was filled in becomes the command's line, and from there on it is as if it had
//! been typed. A further form is an arm in [`form`], [`check`] and [`line()`]; a further way to ask for one is a line
//! in [`ENTRIES`] and in [`asked_for`]. Who opens a form is told what is known of its own text: agents that suit it,
//! and the analysis of [`analysis`]. Nothing of anybody else's tasks is looked at for it.

use jiff::civil::Date;

use crate::commands::grammar::{self, quote};
use crate::config::catalog::Catalog;
use crate::domain::card::Choice;
use crate::domain::form::{Asked, Entry, Field, FieldErrors, FieldKind, Filled, Form, Group, Said};
use crate::domain::task::{LONGEST_TITLE, Priority};
use crate::pm::fit::Recommendation;
use crate::pm::{Analyst, Brief};

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

/// The longest name of who said something. Teams' own are shorter; it comes with the message, so it is taken for hostile.
const LONGEST_NAME: usize = 256;

/// What people read above the agents that suit the work.
const SUITS: &str = "Suits the work";

/// The agents that may be chosen, and who says which of them suit.
#[derive(Clone, Copy)]
pub struct Agents<'a> {
    /// All of them.
    pub catalog: &'a Catalog,
    /// Who knows them.
    pub analyst: &'a dyn Analyst,
}

/// The form that somebody asks for, filled in as far as that is known; `None` where they ask for none.
///
/// The bare line `task create`, however it is said, lacks what the form asks for, so it asks for the form.
#[must_use]
pub fn asked_for(asked: &Asked, agents: Agents<'_>) -> Option<Form> {
    let known = match asked {
        Asked::Line(line) if grammar::bare(line).is_some_and(|spec| spec.words == ["task", "create"]) => Filled::new(),
        Asked::Entry { name, .. } if name == ENTRY_TASK => Filled::new(),
        Asked::Entry { name, said } if name == ENTRY_FROM_MESSAGE => said.as_ref().map(of_message).unwrap_or_default(),
        Asked::Form(name) => return form(name, agents, &Filled::new()),
        Asked::Line(_) | Asked::Entry { .. } => return None,
    };
    form(TASK_CREATE, agents, &known)
}

/// The first line is the title. What it has no room for, the other lines and who said it are the description.
fn of_message(said: &Said) -> Filled {
    let text = said.text.trim();
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = first.trim();
    let title = cut(first, LONGEST_TITLE);
    let by = said.by.as_ref().map(|by| format!("Said by {}", cut(by, LONGEST_NAME)));
    let room = MOST_DESCRIPTION - by.as_ref().map_or(0, |by| by.encode_utf16().count() + 2);
    let rest = if title == first { rest.trim() } else { text };
    let description: Vec<String> =
        [Some(cut(rest, room)), by].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let filled = [("title", title), ("description", description.join("\n\n"))];
    filled.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name.to_owned(), text)).collect()
}

/// A form with what is known beforehand filled in; `None` where there is none of that name.
#[must_use]
pub fn form(name: &str, agents: Agents<'_>, known: &Filled) -> Option<Form> {
    (name == TASK_CREATE).then(|| Form {
        name: TASK_CREATE,
        title: "Create a task",
        submit: "Create",
        fields: task_create(agents, known),
        analysed: &["title", "description"],
    })
}

fn task_create(agents: Agents<'_>, known: &Filled) -> Vec<Field> {
    let value = |name: &str| known.get(name).cloned();
    let field = |name, label, kind, required| Field { name, label, kind, hint: None, required, value: value(name) };
    let recommended = brief_of(known).map(|brief| agents.analyst.recommend(&brief)).unwrap_or_default();
    let groups = groups(agents.catalog, &recommended);
    let priorities = Priority::ALL
        .iter()
        .map(|priority| Choice { label: priority.as_str().to_owned(), value: priority.as_str().to_owned() });
    vec![
        field("title", "Title", FieldKind::Line { most: LONGEST_TITLE }, true),
        field("description", "Description", FieldKind::Text { most: MOST_DESCRIPTION }, false),
        Field {
            hint: Some("Leave it empty, and the answer says which agents suit the work."),
            ..field("agent", "Agent", FieldKind::Grouped { groups }, false)
        },
        field("priority", "Priority", FieldKind::Choice { options: priorities.collect() }, false),
        field("due", "Due", FieldKind::Date, false),
    ]
}

/// The agents by their categories; before them those that suit the work, which then stand there alone.
fn groups(catalog: &Catalog, recommended: &[Recommendation]) -> Vec<Group> {
    let suits = |it: &Recommendation| Choice { label: it.to_string(), value: it.agent.clone() };
    let is_known = |it: &&Recommendation| catalog.all().iter().any(|agent| agent.name == it.agent);
    let first: Vec<Choice> = recommended.iter().filter(is_known).map(suits).collect();
    let is_first = |name: &str| first.iter().any(|choice| choice.value == name);
    let mut groups: Vec<Group> = Vec::new();
    for agent in catalog.all().iter().filter(|agent| !is_first(&agent.name)) {
        let choice = Choice { label: agent.name.clone(), value: agent.name.clone() };
        match groups.iter_mut().find(|group| group.label == agent.category) {
            Some(group) => group.options.push(choice),
            None => groups.push(Group { label: agent.category.clone(), options: vec![choice] }),
        }
    }
    if !first.is_empty() {
        groups.insert(0, Group { label: SUITS.to_owned(), options: first });
    }
    groups
}

/// What was filled in as a piece of work; `None` where it says nothing.
fn brief_of(filled: &Filled) -> Option<Brief> {
    let said = |field: &str| filled.get(field).map(|text| text.trim()).filter(|text| !text.is_empty());
    let bounded = |text: &str| text.chars().take(MOST_DESCRIPTION).collect::<String>();
    match (said("title"), said("description")) {
        (None, None) => None,
        (title, description) => {
            let parts: Vec<String> = [title, description].into_iter().flatten().map(bounded).collect();
            Some(Brief::of(parts.join("\n")))
        }
    }
}

/// The analysis of what is filled in, in the words of `pm analyze`, as lines of plain text; `None` where nothing is
/// filled in that could be analysed, or where there is no form of that name.
#[must_use]
pub fn analysis(name: &str, filled: &Filled, analyst: &dyn Analyst) -> Option<Vec<String>> {
    let analysis = analyst.analyse(&brief_of(filled).filter(|_| name == TASK_CREATE)?);
    let joined = |parts: Vec<String>, by: &str| (!parts.is_empty()).then(|| parts.join(by));
    let suits = joined(analysis.recommended.iter().map(ToString::to_string).collect(), ", ");
    let mut head = vec![analysis.hours.to_string(), format!("complexity {}", analysis.complexity)];
    head.extend(suits.map(|agents| format!("suits: {agents}")));
    let steps = analysis.subtasks.iter().map(|step| format!("{} ({} h)", step.title, step.hours)).collect();
    let risks = analysis.risks.iter().map(|risk| format!("{}: {}", risk.level.as_str(), risk.what)).collect();
    let lines = [
        Some(head.join(" · ")),
        joined(steps, ", ").map(|steps| format!("Steps: {steps}")),
        joined(risks, "; ").map(|risks| format!("Risks: {risks}")),
        Some(analysis.basis),
    ];
    Some(lines.into_iter().flatten().collect())
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

/// A text that a field takes: what is cut off is seen by its `…`.
fn cut(text: &str, most: usize) -> String {
    if !is_longer(text, most) {
        return text.to_owned();
    }
    let mut room = most - 1;
    let fits = |c: &char| room.checked_sub(c.len_utf16()).map(|left| room = left).is_some();
    text.chars().take_while(fits).chain(['…']).collect()
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
    use std::sync::Arc;

    use super::*;
    use crate::commands::grammar;
    use crate::pm::OfflineAnalyst;

    fn known() -> (Arc<Catalog>, OfflineAnalyst) {
        let catalog = Arc::new(Catalog::embedded(&crate::tools::known_tools()).unwrap());
        (catalog.clone(), OfflineAnalyst::new(catalog))
    }

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
        let (catalog, analyst) = known();
        let agents = Agents { catalog: &catalog, analyst: &analyst };
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
            assert_eq!(asked_for(&asked, agents).is_some(), expected, "{asked:?}");
        }
        // What platforms give to names and titles is checked here, where they are written.
        let form = form(TASK_CREATE, agents, &Filled::new()).unwrap();
        assert!([form.title, form.submit].iter().all(|text| text.chars().count() <= 24) && form.name.len() <= 200);
        for field in &form.fields {
            assert!(field.name.len() <= 255 && field.label.len() <= 2000, "{field:?}");
        }
        for entry in ENTRIES {
            assert!(entry.title.chars().count() <= 24 && !entry.about.is_empty(), "{entry:?}");
        }
    }

    #[test]
    fn agents_that_suit_come_first_and_each_agent_once() {
        let (catalog, analyst) = known();
        let agents = Agents { catalog: &catalog, analyst: &analyst };
        let of = |fields: &[(&str, &str)]| {
            let form = form(TASK_CREATE, agents, &filled(fields)).unwrap();
            form.fields.into_iter().find_map(|field| match field.kind {
                FieldKind::Grouped { groups } => Some(groups),
                _ => None,
            })
        };
        for (fields, first) in [
            (vec![], "development"),
            (vec![("title", " "), ("priority", "high")], "development"),
            (vec![("title", "Fix the SQL injection in the login")], SUITS),
            (vec![("description", "Check the login for SQL injection")], SUITS),
        ] {
            let groups = of(&fields).unwrap();
            assert_eq!(groups[0].label == SUITS, first == SUITS, "{fields:?}: {groups:?}");
            let mut names: Vec<String> =
                groups.iter().flat_map(|group| &group.options).map(|choice| choice.value.clone()).collect();
            assert_eq!(names.len(), catalog.all().len());
            names.sort();
            names.dedup();
            assert_eq!(names.len(), catalog.all().len(), "an agent stands there twice");
        }
        let suits = of(&[("title", "Fix the SQL injection in the login")]).unwrap().remove(0);
        let expected = analyst.recommend(&Brief::of("Fix the SQL injection in the login"));
        assert_eq!(suits.options[0].value, expected[0].agent);
        assert_eq!(suits.options[0].label, format!("{} ({} %)", expected[0].agent, expected[0].confidence));
    }

    #[test]
    fn an_analysis_speaks_of_the_text_in_the_words_of_pm_analyze() {
        let (_, analyst) = known();
        for nothing in [filled(&[]), filled(&[("title", " "), ("description", "")]), filled(&[("due", "2026-12-01")])] {
            assert_eq!(analysis(TASK_CREATE, &nothing, &analyst), None, "{nothing:?}");
        }
        let text = filled(&[("title", "Build recommendation engine with ML"), ("description", "- train\n- serve")]);
        assert_eq!(analysis("no.such", &text, &analyst), None);
        let found = analyst.analyse(&Brief::of("Build recommendation engine with ML\n- train\n- serve"));
        let lines = analysis(TASK_CREATE, &text, &analyst).unwrap();
        for part in [
            found.hours.to_string(),
            format!("complexity {} ({} points)", found.complexity.size, found.complexity.points),
            format!("suits: {} ({} %)", found.recommended[0].agent, found.recommended[0].confidence),
        ] {
            assert!(lines[0].contains(&part), "{part} is not in {lines:?}");
        }
        assert!(lines[1].starts_with("Steps: ") && lines[1].contains(&found.subtasks[0].title), "{lines:?}");
        assert!(lines[2].starts_with("Risks: ") && lines[2].contains(&found.risks[0].what), "{lines:?}");
        assert_eq!(lines[3], found.basis);
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
    }

    #[test]
    fn what_a_message_fills_in_is_what_the_fields_take_and_says_where_it_is_cut() {
        let units = |text: &str| text.encode_utf16().count();
        for letter in ["x", "é", "日", "🦀", "👩‍👧", "e\u{301}"] {
            for length in [LONGEST_TITLE, LONGEST_TITLE + 1] {
                let first = format!("{}{}", letter.repeat(length / units(letter)), "y".repeat(length % units(letter)));
                let filled = of_message(&Said { text: first.clone(), by: None });
                let is_cut = length > LONGEST_TITLE;
                assert!(units(&filled["title"]) <= LONGEST_TITLE && filled["title"].ends_with('…') == is_cut);
                assert_eq!(filled.get("description"), is_cut.then_some(&first), "what is cut is whole below");
            }
            let by = format!("\n\nSaid by {letter}");
            let room = MOST_DESCRIPTION - units(&by);
            for length in [room, room + 1] {
                let rest = format!("{}{}", "y".repeat(length % units(letter)), letter.repeat(length / units(letter)));
                let said = Said { text: format!("a\n{rest}"), by: Some(letter.to_owned()) };
                let description = of_message(&said)["description"].clone();
                let kept = description.strip_suffix(&by).expect("who said it stays");
                assert!(units(&description) <= MOST_DESCRIPTION);
                assert_eq!((kept == rest, kept.ends_with('…')), (length == room, length > room), "{letter}");
            }
            let said = Said { text: "a".to_owned(), by: Some(letter.repeat(MOST_DESCRIPTION)) };
            assert!(units(&of_message(&said)["description"]) <= LONGEST_NAME + "Said by ".len());
        }
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
