//! Every command, from the typed line or the pressed button to what is stored and shown.

use serde_json::json;

use super::*;
use crate::domain::card::{Action, Audience, Block, Card};
use crate::domain::event::EventKind;
use crate::domain::outcome::{Expect, Refusal};
use crate::domain::principal::Role;
use crate::domain::task::Status;
use crate::store::keyspace::{person, setting};
use crate::tools::testing::{Desk, NOW, refused};

/// Runs a line as the router does: read, checked, decided.
fn decide(desk: &Desk, line: &str, kind: EventKind) -> Result<Outcome, Failure> {
    let parsed = grammar::parse(line)?;
    let event = desk.event(kind);
    desk.on(&event, |ctx| (parsed.spec.run)(&parsed.matches, ctx))
}

fn typed(line: &str) -> EventKind {
    EventKind::Command { line: line.to_owned() }
}

/// Types a line, applies what follows.
fn say(desk: &Desk, line: &str) -> Outcome {
    let outcome = decide(desk, line, typed(line)).unwrap_or_else(|failure| panic!("{line}: {failure:?}"));
    desk.apply(&outcome).unwrap();
    outcome
}

fn refusal(desk: &Desk, line: &str) -> Refusal {
    refused(decide(desk, line, typed(line)))
}

/// Presses the button that stands for a line, on the card in message `m1`.
fn press(desk: &Desk, line: &str) -> Outcome {
    let kind = EventKind::CardAction { token: format!("signed({line})"), choice: None, message: Some("m1".into()) };
    let outcome = decide(desk, line, kind).unwrap();
    desk.apply(&outcome).unwrap();
    outcome
}

/// All that a card says, line by line.
fn text(card: &Card) -> String {
    let mut lines = vec![card.title.clone()];
    for block in &card.blocks {
        match block {
            Block::Text { text } | Block::Heading { text } | Block::Code { text } | Block::Markup { text } => {
                lines.push(text.clone());
            }
            Block::Facts { facts } => lines.extend(facts.iter().map(|fact| format!("{}: {}", fact.label, fact.value))),
            Block::List { items } => lines.extend(items.clone()),
            Block::Table { columns, rows } => {
                assert!(rows.iter().all(|row| row.len() == columns.len()), "every row has a cell for every column");
                lines.extend(rows.iter().map(|row| row.join(" | ")));
            }
            Block::Image { .. } | Block::Divider => {}
        }
    }
    lines.extend(card.footer.clone());
    lines.join("\n")
}

fn shown(outcome: &Outcome) -> String {
    text(&outcome.replies[0].card)
}

/// The lines that the buttons of a card stand for.
fn buttons(card: &Card) -> Vec<String> {
    let line = |action: &Action| match action {
        Action::Button { token, .. } | Action::Menu { token, .. } => {
            token.trim_start_matches("signed(").trim_end_matches(')').to_owned()
        }
        Action::Link { url, .. } => url.clone(),
    };
    card.actions.iter().map(line).collect()
}

#[test]
fn a_task_lives_from_its_making_to_its_end() {
    let desk = Desk::new();
    let line = "task create “Implement user auth” —agent security-auditor --priority high --due 2026-12-01 --label a,b";
    let made = say(&desk, line);
    assert_eq!((made.summary.as_str(), made.resource.as_str()), ("created T-1", "T-1"));
    assert_eq!(made.replies[0].audience, Audience::Everyone);
    let seen = shown(&made);
    for part in [
        "T-1 Implement user auth",
        "Status: todo",
        "Priority: high",
        "Assignee: security-auditor",
        "Due: 2026-12-01",
        "Labels: a, b",
        "Created by: Ada",
        "from slack C1",
    ] {
        assert!(seen.contains(part), "{part} in {seen}");
    }
    let card = &made.replies[0].card;
    let expected = ["in-progress", "in-review", "done", "blocked"].map(|s| format!("task update T-1 --status {s}"));
    assert_eq!(buttons(card), expected);
    assert_eq!(desk.timers(), ["due/T-1 2026-12-01T09:00:00.000Z"]);

    say(&desk, "start T-1");
    say(&desk, "task comment T-1 waiting for the keys");
    assert!(shown(&say(&desk, "T-1")).contains("waiting for the keys"));
    say(&desk, "task update T-1 --priority low --project web --unlabel b --due +2d");
    assert_eq!(desk.timers(), ["due/T-1 2026-11-23T09:00:00.000Z"]);
    let task = desk.task(1);
    assert_eq!(
        (task.status, task.labels.join(","), task.project.as_deref()),
        (Status::InProgress, "a".into(), Some("web"))
    );

    let given = say(&desk, "assign T-1 to <@U2>");
    assert!(shown(&given).contains("Ada: assigned to @Grace Hopper"), "{}", shown(&given));
    let done = say(&desk, "done T-1");
    assert_eq!(buttons(&done.replies[0].card), ["task reopen T-1"]);
    assert!(desk.timers().is_empty(), "what is done is not reminded of");
    assert!(
        refusal(&desk, "task update T-1 --status in-review")
            .what
            .starts_with("T-1 is done, so it cannot become in-review (by Ada")
    );
    say(&desk, "task reopen T-1");
    assert_eq!(desk.task(1).status, Status::Todo);
    assert_eq!(desk.timers().len(), 1);
    let history: Vec<String> = desk.task(1).history.into_iter().map(|entry| entry.what).collect();
    assert_eq!(history.len(), 7, "{history:?}");
}

#[test]
fn nothing_of_people_stands_in_what_is_audited() {
    let desk = Desk::new();
    for line in [
        "task create secret plan --to @grace --project secret",
        "task update T-1 --title \"secret two\" --description secret",
        "task comment T-1 secret",
        "assign T-1 @grace",
        "task list --project secret",
        "pm analyze secret",
        "why T-1",
        "team status",
    ] {
        let outcome = say(&desk, line);
        let audited = format!("{} {}", outcome.resource, outcome.summary);
        assert!(!audited.contains("secret") && !audited.to_lowercase().contains("grace"), "{line}: {audited}");
    }
}

#[test]
fn a_task_of_nobody_is_offered_to_the_agents_that_suit_it() {
    let desk = Desk::new();
    let made = say(&desk, "task create Review the oauth login for token leaks");
    let card = &made.replies[0].card;
    let menu = card.actions.iter().find_map(|action| match action {
        Action::Menu { token, options, .. } => Some((token.as_str(), options)),
        _ => None,
    });
    let (token, options) = menu.unwrap();
    assert_eq!(token, "signed(task assign T-1 --to {choice})");
    assert_eq!(options[0].value, "security-auditor");
    assert!(card.footer.as_ref().unwrap().contains("suits: security-auditor ("));
    let line = "task assign T-1 --to {choice}".replace("{choice}", &options[0].value);
    assert!(shown(&press(&desk, &line)).contains("Assignee: security-auditor"));
}

#[test]
fn a_press_makes_the_card_true_in_its_place() {
    let desk = Desk::new();
    say(&desk, "task create x");
    let pressed = press(&desk, "task update T-1 --status in-progress");
    assert_eq!(pressed.replies.len(), 1);
    assert_eq!((pressed.replies[0].replaces.as_deref(), pressed.replies[0].audience), (Some("m1"), Audience::Everyone));

    // Grace presses the same button on a card that she saw before.
    desk.become_person("p-2", "U2");
    for line in ["task update T-1 --status in-progress", "task update T-1 --status done"] {
        if line.ends_with("done") {
            desk.become_person("p-1", "U1");
            say(&desk, "done T-1");
            desk.become_person("p-2", "U2");
        }
        let late = press(&desk, line);
        assert!(late.writes.is_empty() && late.replies.len() == 2, "{line}");
        assert_eq!((late.replies[0].audience, late.replies[0].replaces.as_deref()), (Audience::Asker, None));
        assert!(shown(&late).contains("already: Ada, 2026-11-21 10:00 UTC"), "{}", shown(&late));
        assert_eq!((late.replies[1].audience, late.replies[1].replaces.as_deref()), (Audience::Everyone, Some("m1")));
    }
    let late = press(&desk, "task update T-1 --status in-review");
    assert!(shown(&late).starts_with("T-1 is done already: Ada"), "{}", shown(&late));
    assert_eq!(desk.task(1).status, Status::Done);
    assert!(press(&desk, "task create y").replies[0].replaces.is_none(), "a new task has a card of its own");
}

#[test]
fn a_button_makes_one_task_however_often_it_is_pressed() {
    let desk = Desk::new();
    press(&desk, "task create y");
    let kind = EventKind::CardAction { token: "signed(task create y)".to_owned(), choice: None, message: None };
    let again = refused(decide(&desk, "task create y", kind));
    assert!(again.what.contains("this button has done its work"), "{again:?}");
    say(&desk, "task create y");
    press(&desk, "task create z");
    assert_eq!(desk.task(3).title, "z");
}

/// The Home of the one who asks.
fn at_home(desk: &Desk) -> Card {
    let event = desk.event(EventKind::HomeOpened);
    let opened = desk.on(&event, home::opened).unwrap();
    assert!(opened.writes.is_empty() && opened.replies[0].audience == Audience::Asker);
    opened.replies[0].card.clone()
}

#[test]
fn the_home_is_made_of_what_one_may_see() {
    let desk = Desk::new();
    let seen = text(&at_home(&desk));
    assert!(seen.starts_with("You have no open tasks\nTeam\nOpen: 0") && seen.contains("task create …"), "{seen}");
    for number in 1..=17 {
        say(&desk, &format!("task create task {number} --to me"));
    }
    say(&desk, "task create of an agent --agent rust-pro");
    say(&desk, "task create of nobody");
    let card = at_home(&desk);
    let seen = text(&card);
    for part in [
        "Your open tasks (15 of more)",
        "T-17 task 17 (todo, @Ada)",
        "you have more: `/ai-crm my tasks`",
        "@Ada: 17 open, 0 in progress, 0 blocked, 0 done in 7 days",
        "rust-pro: 1 open",
        "nobody: 1 open",
        "Ada (member). Linked with no other platform.",
    ] {
        assert!(seen.contains(part), "{part} in {seen}");
    }
    assert!(!seen.contains("T-2 ") && !seen.contains("of nobody"), "{seen}");
    assert_eq!((card.actions.len(), buttons(&card)[0].as_str()), (15, "task update T-17 --status {choice}"));
    let Action::Menu { label, options, .. } = &card.actions[0] else { panic!("{card:?}") };
    let choices: Vec<&str> = options.iter().map(|choice| choice.value.as_str()).collect();
    assert_eq!((label.as_str(), choices), ("T-17 task 17", vec!["in-progress", "in-review", "done", "blocked"]));

    desk.forbid(&["task.update", "status.read", "whoami"]);
    let card = at_home(&desk);
    let seen = text(&card);
    assert!(card.actions.is_empty() && seen.contains("T-17"), "{seen}");
    assert!(!seen.contains("rust-pro") && !seen.contains("Linked") && !seen.contains("team status"), "{seen}");
}

#[test]
fn after_a_press_the_home_is_as_it_will_be() {
    let desk = Desk::new();
    say(&desk, "task create one --to me");
    say(&desk, "task create two --to me");
    let event = desk.event(typed(""));
    let after = |line: &str| {
        let outcome = decide(&desk, line, typed(line)).unwrap();
        let say: Vec<Card> = outcome.replies.iter().map(|reply| reply.card.clone()).collect();
        let home = desk.on(&event, |ctx| home::after(&outcome.writes, &say, ctx)).unwrap();
        desk.apply(&outcome).unwrap();
        let stored = text(&at_home(&desk));
        let said = text(&home);
        let notice = said.lines().nth(1).unwrap_or_default().to_owned();
        assert_eq!(said.replacen(&format!("{notice}\n"), "", 1), stored, "{line}");
        notice
    };
    assert!(after("start T-1").starts_with("T-1 one: Ada: "));
    after("task update T-2 --status blocked");
    after("done T-1");
    after("reopen T-1");
    after("assign T-2 rust-pro");
    after("task update T-2 --title \"another\"");

    let refusal = Refusal::new("it cannot be", "do it otherwise").card();
    let home = desk.on(&event, |ctx| home::after(&[], &[refusal], ctx)).unwrap();
    assert!(text(&home).contains("it cannot be\ndo it otherwise\nT-1 one"), "{}", text(&home));
}

#[test]
fn buttons_are_for_those_who_may_press_them() {
    let desk = Desk::new();
    desk.forbid(&["task.update", "task.assign"]);
    let made = say(&desk, "task create x");
    assert!(made.replies[0].card.actions.is_empty());
}

#[test]
fn a_list_is_for_the_asker_and_says_how_to_go_on() {
    let desk = Desk::new();
    assert!(shown(&say(&desk, "tasks")).contains("Open tasks: none"));
    for number in 1..=25 {
        say(&desk, &format!("task create task {number} --project \"the web\""));
    }
    say(&desk, "done 25");
    let first = say(&desk, "task list --project \"the web\"");
    assert_eq!(first.replies[0].audience, Audience::Asker);
    let seen = shown(&first);
    assert!(seen.contains("T-24 | task 24 | todo | medium | nobody | "), "{seen}");
    let next = "there are more: /ai-crm task list --project \"the web\" --before T-5";
    assert!(seen.ends_with(next), "{seen}");
    let last = shown(&say(&desk, next.trim_start_matches("there are more: ")));
    assert!(last.contains("T-4 |") && last.contains("T-1 |") && !last.contains("T-5 |"), "{last}");
    assert!(last.ends_with("`/ai-crm task list --all` shows closed ones too"), "{last}");
    assert!(shown(&say(&desk, "task list --all --limit 1")).contains("T-25 | task 25 | done"));
    assert!(shown(&say(&desk, "my tasks")).contains("Open tasks of yours: none"));
    assert!(refusal(&desk, "task list --agent nobody-such").what.contains("there is no agent"));
}

#[test]
fn a_wish_that_changes_nothing_is_answered_to_the_asker() {
    let desk = Desk::new();
    say(&desk, "task create x");
    for line in ["task update T-1 --status todo", "task reopen T-1", "unassign T-1"] {
        let outcome = say(&desk, line);
        assert!(outcome.writes.is_empty() && outcome.replies[0].audience == Audience::Asker, "{line}");
        assert!(shown(&outcome).starts_with("nothing to change: T-1 is todo already: Ada"), "{}", shown(&outcome));
    }
    for (line, what) in [
        ("task update T-1", "nothing to change on T-1"),
        ("task assign T-1", "T-1 is given to whom?"),
        ("task show T-7", "there is no T-7"),
        ("task done T-7", "there is no T-7"),
        ("task reopen T-7", "there is no T-7"),
        ("task comment T-7 x", "there is no T-7"),
        ("task comment T-1 \"\"", "a comment needs a text"),
        ("task create \" \"", "a task needs a title"),
        ("task create x --due someday", "`someday` is not a day"),
        ("pm analyze T-7", "there is no T-7"),
        ("agents show rust-po", "there is no agent `rust-po`"),
        ("agents list --category qualty", "there is no category `qualty`"),
    ] {
        let refusal = refusal(&desk, line);
        assert!(refusal.what.contains(what), "{line}: {}", refusal.what);
        assert!(refusal.mend.is_some_and(|mend| !mend.is_empty()), "{line}");
    }
}

#[test]
fn an_analysis_is_for_everybody_and_makes_a_task_by_a_button() {
    let desk = Desk::new();
    let outcome = say(&desk, "pm analyze \"Build recommendation engine with ML\"");
    assert_eq!(outcome.replies[0].audience, Audience::Everyone);
    let card = &outcome.replies[0].card;
    let seen = text(card);
    for part in
        ["Analysis: Build recommendation engine with ML", "Complexity:", "Hours:", "ml-engineer", "offline estimate"]
    {
        assert!(seen.contains(part), "{part} in {seen}");
    }
    let lines = buttons(card);
    assert_eq!(lines, ["task create \"Build recommendation engine with ML\" --agent ml-engineer"]);
    press(&desk, &lines[0]);
    assert_eq!(desk.task(1).title, "Build recommendation engine with ML");
    // A brief with quotes and line breaks arrives as it was.
    let brief = grammar::quote("Fix “this”\nbecause of \"that\" \\ --agent x");
    let outcome = say(&desk, &format!("pm analyze {brief}"));
    press(&desk, &buttons(&outcome.replies[0].card)[0]);
    let task = desk.task(2);
    assert_eq!((task.title.as_str(), task.description.as_str()), ("Fix “this”", "because of \"that\" \\ --agent x"));
    assert!(shown(&say(&desk, "pm analyze T-1")).starts_with("Analysis of T-1 Build"));
    let long = say(&desk, &format!("pm analyze Fix {}", "the login ".repeat(20)));
    assert!(long.replies[0].card.actions.is_empty(), "half a brief would be another task");
    assert!(shown(&long).ends_with("/ai-crm task create TITLE makes a task of it"), "{}", shown(&long));
}

#[test]
fn agents_are_listed_and_shown() {
    let desk = Desk::new();
    let all = shown(&say(&desk, "agents list"));
    assert!(all.starts_with("Agents (59)") && all.contains("security-auditor | "), "{all}");
    let some = shown(&say(&desk, "agents list --category Documentation"));
    assert!(some.contains("mermaid-expert") && !some.contains("rust-pro"), "{some}");
    assert!(shown(&say(&desk, "agents show Security Auditor")).contains("Risk: high"));
    assert!(refusal(&desk, "agents list --category qualty").mend.unwrap().contains("`quality`"));
}

#[test]
fn status_is_of_what_is_stored() {
    let desk = Desk::new();
    assert!(shown(&say(&desk, "team status")).contains("nobody has anything to do"));
    say(&desk, "task create a --due 2026-11-20 --to me");
    say(&desk, "task create b --agent rust-pro --priority critical");
    say(&desk, "block T-2");
    let seen = shown(&say(&desk, "status dashboard"));
    for part in [
        "Dashboard: 2 tasks",
        "todo: 1",
        "blocked: 1",
        "critical: 1",
        "Overdue (1)",
        "T-1 a (todo, @Ada, due 2026-11-20 (overdue))",
        "Blocked (1)",
        "rust-pro: 1",
        "Last seven days: made 2, done 0",
    ] {
        assert!(seen.contains(part), "{part} in {seen}");
    }
    let seen = shown(&say(&desk, "team status"));
    assert!(seen.contains("@Ada | 1 | 0 | 0 | 0") && seen.contains("rust-pro | 1 | 0 | 1 | 0"), "{seen}");
    let status = say(&desk, "status");
    assert_eq!(status.replies[0].audience, Audience::Asker);
    assert!(shown(&status).contains("T-1 a (todo") && shown(&status).contains("Open tasks: 2"), "{}", shown(&status));
}

#[test]
fn help_shows_what_one_may_and_nothing_else() {
    let desk = Desk::new();
    let all = say(&desk, "help");
    assert_eq!(all.replies[0].audience, Audience::Asker);
    let seen = shown(&all);
    for spec in TABLE {
        assert!(seen.contains(&format!("/ai-crm {}", usage::brief(spec))), "{spec:?} in {seen}");
    }
    assert!(!seen.contains("there is more"));
    let one = shown(&say(&desk, "help task create"));
    assert!(one.contains("/ai-crm task create TITLE … [--agent NAME]") && one.contains("--due DAY: "), "{one}");
    assert_eq!(shown(&say(&desk, "help create task")), one);
    assert_eq!(shown(&say(&desk, "task create --help")), one);
    assert!(shown(&say(&desk, "help task")).contains("task reopen TASK"));
    assert!(refusal(&desk, "help taks create").mend.unwrap().contains("`help task create`"));

    // A guest may do what is open to all.
    let everyday = actions().into_iter().filter(|action| action.group != crate::domain::action::ActionGroup::Open);
    desk.forbid(&everyday.map(|action| action.name).collect::<Vec<_>>());
    let seen = shown(&say(&desk, "help"));
    for word in ["task", "agents", "dashboard", "analyze"] {
        assert!(!seen.contains(word), "{word} in {seen}");
    }
    assert!(
        seen.contains("/ai-crm help") && seen.contains("/ai-crm pair CODE") && seen.contains("there is more"),
        "{seen}"
    );
    let refusal = refusal(&desk, "help task create");
    assert_eq!(refusal.what, "there is no command `task create` that you may use");
    assert!(!refusal.mend.unwrap().contains("did you mean"));
}

#[test]
fn the_pairing_code_serves_once_and_dies_of_guessing() {
    let code =
        |failures| setting::Pairing { code_digest: Some(tools::pairing::digest("ABCD-1234")), failures, owner: None };
    let desk = Desk::new();
    assert!(shown(&say(&desk, "pair ABCD-1234")).contains("no code is waiting"));
    desk.write(vec![setting::put_pairing(&code(0), Expect::Any)]).unwrap();
    let wrong = say(&desk, "pair ABCD-1235");
    assert_eq!((wrong.replies[0].audience, wrong.summary.as_str()), (Audience::Asker, "wrong pairing code"));
    assert!(shown(&wrong).contains("that is not the code\n4 tries are left"));
    assert!(shown(&say(&desk, "pair abcd 1234")).starts_with("You are the owner"));
    let owner = person::read(&desk.view, &crate::domain::ids::PrincipalId("p-1".into())).unwrap().unwrap().value;
    assert_eq!(owner.role, Role::Owner);
    let pairing = setting::pairing(&desk.view).unwrap().unwrap().value;
    assert_eq!((pairing.code_digest, pairing.owner), (None, Some(owner.id)));
    desk.become_person("p-2", "U2");
    assert!(shown(&say(&desk, "pair ABCD-1234")).contains("used already"));

    desk.write(vec![setting::put_pairing(&code(0), Expect::Any)]).unwrap();
    for left in ["4 tries are", "3 tries are", "2 tries are", "1 try is"] {
        assert!(shown(&say(&desk, "pair WRONG")).contains(&format!("{left} left")));
    }
    for code in ["WRONG", "ABCD-1234"] {
        assert!(shown(&say(&desk, &format!("pair {code}"))).contains("restart the server for a new code"), "{code}");
    }
    let grace = person::read(&desk.view, &crate::domain::ids::PrincipalId("p-2".into())).unwrap().unwrap().value;
    assert_eq!(grace.role, Role::Member);
}

#[test]
fn two_wrong_codes_at_once_are_two_failures() {
    let desk = Desk::new();
    let pairing = setting::Pairing { code_digest: Some(tools::pairing::digest("X")), failures: 0, owner: None };
    desk.write(vec![setting::put_pairing(&pairing, Expect::Any)]).unwrap();
    let (first, second) = (decide(&desk, "pair a", typed("")).unwrap(), decide(&desk, "pair b", typed("")).unwrap());
    assert!(desk.apply(&first).is_ok());
    assert!(desk.apply(&second).is_err(), "the router runs it again");
}

fn ring(desk: &Desk, name: &str, payload: serde_json::Value) -> Result<Outcome, Failure> {
    let event = desk.event(EventKind::TimerFired { name: name.into(), payload: payload.clone() });
    desk.on(&event, |ctx| timers::timer_fired(name, &payload, ctx))
}

#[test]
fn a_due_task_is_reminded_of_where_it_was_made() {
    let desk = Desk::new();
    say(&desk, "task create x --due tomorrow");
    let early = ring(&desk, "due/T-1", json!({"task": 1})).unwrap();
    assert!(early.replies.is_empty(), "{}", early.summary);
    let day = 24 * 3600 * 1000;
    desk.now.set(crate::domain::time::Timestamp(NOW.0 + day));
    desk.forbid(&["task.update"]);
    let due = ring(&desk, "due/T-1", json!({"task": 1})).unwrap();
    assert!(!due.replies[0].card.actions.is_empty(), "nobody asked, so the buttons are for whoever may press them");
    let to = due.replies[0].to.as_ref().unwrap();
    assert_eq!((to.place.as_str(), to.route.as_deref()), ("C1", None));
    assert!(shown(&due).contains("T-1 is due today"), "{}", shown(&due));
    desk.now.set(crate::domain::time::Timestamp(NOW.0 + 3 * day));
    assert!(shown(&ring(&desk, "due/T-1", json!({"task": 1})).unwrap()).contains("T-1 was due on 2026-11-22"));
    say(&desk, "done T-1");
    assert_eq!(ring(&desk, "due/T-1", json!({"task": 1})).unwrap().summary, "T-1: no reminder, it is closed");
    assert!(ring(&desk, "due/T-9", json!({"task": 9})).unwrap().replies.is_empty());
    refused(ring(&desk, "due/T-1", json!({})));
    refused(ring(&desk, "renewal/1", json!({})));
}

#[test]
fn why_tells_of_the_last_that_one_asked() {
    let desk = Desk::new();
    assert!(refusal(&desk, "why").what.contains("I remember nothing"));
    let desk = Desk::new();
    say(&desk, "task create x");
    at_home(&desk);
    let told = say(&desk, "why");
    assert_eq!((told.replies[0].audience, told.summary.as_str()), (Audience::Asker, "told the story of e-1"));
    assert!(shown(&told).contains("e-1 is a command that came by slack"), "{}", shown(&told));
    assert!(shown(&say(&desk, "why T-1")).contains("T-1 was made by e-1"), "{}", shown(&told));
    assert!(refusal(&desk, "why x-1").what.contains("has no story"));
    assert!(refusal(&desk, "why e-999").what.contains("there is no e-999 that you may see"));
}

#[test]
fn an_action_has_one_group_wherever_it_is_named() {
    let mut groups = std::collections::BTreeMap::new();
    for action in TABLE.iter().map(|s| s.action).chain(tools::TABLE.iter().map(tools::ToolSpec::action)) {
        assert_eq!(*groups.entry(action.name).or_insert(action.group), action.group, "{}", action.name);
    }
    assert_eq!(actions().len(), groups.len() + 2, "all of them, why.any and meeting.summary");
}

#[test]
fn every_command_says_what_it_is() {
    for spec in TABLE {
        assert!(!spec.about.is_empty() && !spec.details.is_empty() && !spec.examples.is_empty(), "{spec:?}");
        assert!(!spec.about.ends_with('.'), "{spec:?}: one line without a full stop");
    }
}
