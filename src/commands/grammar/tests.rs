//! What people type, and what it means; every line with its command and arguments, or its refusal.

use proptest::prelude::*;

use super::*;
use crate::domain::outcome::Refusal;

/// A command with its arguments in one line, in the order of their names: `task show task=T-12`.
fn meaning(parsed: &Parsed) -> String {
    let mut given: Vec<String> = Vec::new();
    for id in parsed.matches.ids() {
        if parsed.matches.value_source(id.as_str()) == Some(clap::parser::ValueSource::CommandLine) {
            let raw = parsed.matches.get_raw(id.as_str()).into_iter().flatten();
            let raw: Vec<String> = raw.map(|value| value.to_string_lossy().into_owned()).collect();
            given.push(format!(" {id}={}", raw.join(" ")));
        }
    }
    given.sort();
    format!("{}{}", parsed.spec.name(), given.concat())
}

fn read_as(line: &str) -> String {
    match parse(line) {
        Ok(parsed) => meaning(&parsed),
        Err(Refusal { what, mend, .. }) => format!("NO {what} / {}", mend.unwrap_or_default()),
    }
}

const UNDERSTOOD: &[(&str, &str)] = &[
    ("", "help"),
    ("   \u{a0}\n", "help"),
    ("/ai-crm", "help"),
    ("@AI-CRM", "help"),
    ("help", "help"),
    ("HELP!", "help"),
    ("hi", "help"),
    ("help task create", "help command=task create"),
    ("ai-crm help", "help"),
    ("@ai-crm, help", "help"),
    ("<@U0BOT> help", "help"),
    ("<@U0BOT|ai crm>: help", "help"),
    ("task create --help", "help command=task create"),
    ("create task x -h", "help command=task create"),
    ("task create Implement user auth", "task create title=Implement user auth"),
    (
        "task create \"Implement user auth\" --agent security-auditor",
        "task create agent=security-auditor title=Implement user auth",
    ),
    ("task create Implement user auth --agent x", "task create agent=x title=Implement user auth"),
    ("task create --agent x Implement user auth", "task create agent=x title=Implement user auth"),
    ("task create Implement --agent x user auth", "task create agent=x title=Implement user auth"),
    ("task create “Implement user auth” –agent x", "task create agent=x title=Implement user auth"),
    ("task create “Implement user auth” —agent x", "task create agent=x title=Implement user auth"),
    ("task create «Implement user auth» ––agent=x", "task create agent=x title=Implement user auth"),
    (
        "task\u{a0}create\u{a0}‘Implement user auth’\u{202f}--agent\u{a0}x",
        "task create agent=x title=Implement user auth",
    ),
    (
        "task create \"Implement user auth\" --description Add a login page --priority high",
        "task create description=Add a login page priority=high title=Implement user auth",
    ),
    ("task create --description short Implement user auth", "task create description=short title=Implement user auth"),
    (
        "task update T-1 --title Another name –description And more",
        "task update description=And more task=T-1 title=Another name",
    ),
    ("done task T-1", "task done task=T-1"),
    ("finish task T-1", "task done task=T-1"),
    ("task list --agent x --mine", "task list agent=x mine=true"),
    ("task create\nImplement\r\nuser auth\n--agent x", "task create agent=x title=Implement user auth"),
    ("/ai-crm create task Implement user auth", "task create title=Implement user auth"),
    ("Create Task: fix it", "task create title=fix it"),
    ("create a task fix it", "task create title=fix it"),
    ("new task fix it", "task create title=fix it"),
    ("task create x --priority High", "task create priority=High title=x"),
    ("task create x --PRIORITY high", "task create priority=high title=x"),
    ("task create x --Due 2026-12-01 --to me", "task create due=2026-12-01 title=x to=me"),
    ("task create x --due +3d", "task create due=+3d title=x"),
    ("task create x -due friday", "task create due=friday title=x"),
    ("task create x --description \"a --b c\"", "task create description=a --b c title=x"),
    ("task create x --description=“two words”", "task create description=two words title=x"),
    ("task create x --description \"\"", "task create description= title=x"),
    ("task create x --label a,b --label c", "task create label=a,b c title=x"),
    ("task create \"--agent\" is wrong", "task create title=--agent is wrong"),
    ("task create fix – later", "task create title=fix – later"),
    ("task create fix -5 and - x", "task create title=fix -5 and - x"),
    ("task create don't panic", "task create title=don't panic"),
    ("task create don’t panic", "task create title=don’t panic"),
    ("task create R&D <b> &amp; \"x < y\"", "task create title=R&D <b> &amp; x < y"),
    ("task create \"not closed", "task create title=not closed"),
    ("task create help the users", "task create title=help the users"),
    ("task list", "task list"),
    ("tasks", "task list"),
    ("list tasks", "task list"),
    ("tasks --mine", "task list mine=true"),
    ("my tasks", "task list mine=true"),
    ("all tasks", "task list all=true"),
    ("my tasks --status todo", "task list mine=true status=todo"),
    ("task list --status in-progress", "task list status=in-progress"),
    ("task list --status \"In Progress\"", "task list status=In Progress"),
    ("task list --status IN_PROGRESS", "task list status=IN_PROGRESS"),
    ("task list --agent backend-architect --project web", "task list agent=backend-architect project=web"),
    ("task list --limit 5 --before T-50", "task list before=T-50 limit=5"),
    ("task show T-12", "task show task=T-12"),
    ("show task t-12", "task show task=t-12"),
    ("show #12", "task show task=#12"),
    ("task show 12", "task show task=12"),
    ("T-12", "task show task=T-12"),
    ("/ai-crm #12", "task show task=#12"),
    ("task update T-12 --status done", "task update status=done task=T-12"),
    ("task update --status done T-12", "task update status=done task=T-12"),
    ("update T-12 --title \"better title\" --unlabel x", "task update task=T-12 title=better title unlabel=x"),
    ("start T-12", "task update status=in-progress task=T-12"),
    ("block t-12", "task update status=blocked task=t-12"),
    ("task assign T-12 --to @ada", "task assign task=T-12 to=@ada"),
    ("assign T-12 to <@U1|Ada L>", "task assign task=T-12 whom=to <@U1|Ada L>"),
    ("task assign T-12 --to “@Grace Hopper”", "task assign task=T-12 to=@Grace Hopper"),
    ("task assign T-12 security-auditor", "task assign task=T-12 whom=security-auditor"),
    ("take T-12", "task assign task=T-12 to=me"),
    ("task done T-12", "task done task=T-12"),
    ("close T-12", "task done task=T-12"),
    ("task reopen T-12", "task reopen task=T-12"),
    ("task comment T-12 waiting for the keys", "task comment task=T-12 text=waiting for the keys"),
    ("comment on T-12: it works", "task comment task=T-12: text=it works"),
    ("task comment T-12 \"see --verbose\"", "task comment task=T-12 text=see --verbose"),
    ("pm analyze \"Build recommendation engine with ML\"", "pm analyze text=Build recommendation engine with ML"),
    ("pm analyse Build it --label a", "pm analyze label=a text=Build it"),
    ("analyze T-12", "pm analyze text=T-12"),
    ("agents list", "agents list"),
    ("agents", "agents list"),
    ("list agents --category development", "agents list category=development"),
    ("agents show security-auditor", "agents show name=security-auditor"),
    ("show agent security auditor", "agents show name=security auditor"),
    ("status", "status"),
    ("Status?", "status"),
    ("status dashboard", "status dashboard"),
    ("dashboard", "status dashboard"),
    ("team status", "team status"),
    ("why", "why"),
    ("why?", "why"),
    ("why e-17", "why id=e-17"),
    ("e-17", "why id=e-17"),
    ("e-17.0", "why id=e-17.0"),
    ("why T-12", "why id=T-12"),
    ("pair ABCD-1234", "pair code=ABCD-1234"),
    ("pair abcd 1234", "pair code=abcd 1234"),
];

const REFUSED: &[(&str, &str)] = &[
    ("taks create x", "NO `taks create` is not a command / did you mean `task create`?"),
    ("task crate x", "NO `task crate` is not a command / did you mean `task create`?"),
    (
        "task frobnicate",
        "NO `task frobnicate` is not a command / behind `task` comes create, list, show, update, assign, done, reopen or comment",
    ),
    (
        "task",
        "NO `task` alone is not a command / behind `task` comes create, list, show, update, assign, done, reopen or comment",
    ),
    ("hepl", "NO `hepl` is not a command / did you mean `help`?"),
    ("statsu", "NO `statsu` is not a command / did you mean `status`?"),
    ("xyzzy plugh", "NO `xyzzy plugh` is not a command / `help` lists what you may ask"),
    ("🦀🦀", "NO `🦀🦀` is not a command / `help` lists what you may ask"),
    (
        "task create",
        "NO `task create` needs TITLE / for example: task create \"Implement user auth\" --agent security-auditor --priority high --due 2026-12-01",
    ),
    ("task create x --agnet y", "NO `--agnet` is not an option of `task create` / did you mean `--agent`?"),
    ("task create x –agnet y", "NO `--agnet` is not an option of `task create` / did you mean `--agent`?"),
    (
        "task create x --frobnicate",
        "NO `--frobnicate` is not an option of `task create` / put a text that begins with dashes in quotes",
    ),
    (
        "task create x --agent",
        "NO `--agent` needs a value / for example: task create \"Implement user auth\" --agent security-auditor --priority high --due 2026-12-01",
    ),
    (
        "task create x --agent --due today",
        "NO `--agent` needs a value / for example: task create \"Implement user auth\" --agent security-auditor --priority high --due 2026-12-01",
    ),
    (
        "task create x --priority hihg",
        "NO `--priority`: `hihg` is none of low, medium, high, critical / did you mean `high`?",
    ),
    ("task create x --priority", "NO `--priority` needs a value / one of low, medium, high or critical"),
    ("task create x --agent a --agent b", "NO `--agent` is there twice / say it once"),
    ("task create x --agent a --to b", "NO `--agent` and `--to` do not go together / say one of them"),
    (
        "task list --status finished",
        "NO `--status`: `finished` is none of backlog, todo, in-progress, in-review, blocked, done, cancelled / use backlog, todo, in-progress, in-review, blocked, done or cancelled",
    ),
    ("task list --mine=yes", "NO `--mine` takes no value / say `--mine` alone"),
    ("task list --limit 1000", "NO `--limit`: `1000` is not a number from 1 to 100 / for example: task list"),
    (
        "task list everything",
        "NO `everything` is more than `task list` takes / say it without, or put a text of several words in quotes; `help task list` shows all it takes",
    ),
    ("status dashbord", "NO `dashbord` is more than `status` takes / did you mean `status dashboard`?"),
    ("task show", "NO `task show` needs TASK / for example: task show T-12"),
    ("task show abc", "NO TASK: `abc` is not a task (like T-12) / for example: task show T-12"),
    (
        "task show T-1 T-2",
        "NO `T-2` is more than `task show` takes / say it without, or put a text of several words in quotes; `help task show` shows all it takes",
    ),
    ("task done", "NO `task done` needs TASK / for example: task done T-12"),
    ("task comment T-1", "NO `task comment` needs TEXT / for example: task comment T-12 waiting for the keys"),
    ("pair", "NO `pair` needs CODE / for example: pair ABCD-1234"),
    (
        "status --all",
        "NO `--all` is not an option of `status` / `status` takes no options; put a text that begins with dashes in quotes",
    ),
];

#[test]
fn every_line_means_what_was_meant() {
    let wrong = UNDERSTOOD.iter().chain(REFUSED).filter(|(line, meaning)| read_as(line) != *meaning);
    let wrong: Vec<String> =
        wrong.map(|(line, meaning)| format!("{line:?}\n  is {}\n not {meaning}", read_as(line))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn examples_work_and_every_saying_names_its_command() {
    for (place, spec) in TABLE.iter().enumerate() {
        for example in spec.examples {
            assert!(parse(example).is_ok(), "{example}: {}", read_as(example));
        }
        for words in spec.also.iter().map(|saying| saying.words).chain([spec.name().as_str()]) {
            let found = GRAMMAR.phrases.iter().filter(|phrase| phrase.words.join(" ") == words);
            let owners: Vec<usize> = found.map(|phrase| phrase.command).collect();
            assert_eq!(owners, [place], "`{words}` is said once");
            assert_eq!(named(words).map(CommandSpec::name), Some(spec.name()));
        }
    }
}

#[test]
fn a_refusal_of_arguments_shows_the_usage() {
    for (line, usage) in
        [("task show", "task show TASK"), ("status dashbord", "status"), ("task shwo T-1", "task show TASK")]
    {
        assert_eq!(parse(line).unwrap_err().usage.as_deref(), Some(usage), "{line}");
    }
}

#[test]
fn what_is_refused_shows_no_more_of_a_line_than_fits() {
    let refusal = parse(&format!("status {}", "x".repeat(100_000))).unwrap_err();
    assert!(refusal.what.len() < 200, "{}", refusal.what.len());
    let refusal = parse(&"🦀".repeat(100_000)).unwrap_err();
    assert!(refusal.what.len() < 400);
    for (option, value) in
        [("priority", "é".repeat(9999)), ("due", "x".repeat(9999)), ("x".repeat(9999).as_str(), String::new())]
    {
        let answer = parse(&format!("task create x --{option} {value}"));
        assert!(answer.is_ok() || answer.is_err_and(|refusal| refusal.what.len() < 400), "{option}");
    }
}

/// Another way to write the same line: other quotes, other dashes, other blanks.
fn written_otherwise(line: &str, quotes: (char, char), dash: &str, blank: &str) -> String {
    let mut written = String::new();
    let mut open = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                written.push(if open { quotes.1 } else { quotes.0 });
                open = !open;
            }
            ' ' if !open => written.push_str(blank),
            '-' if !open && chars.peek() == Some(&'-') => {
                chars.next();
                written.push_str(dash);
            }
            c => written.push(c),
        }
    }
    written
}

proptest! {
    #[test]
    fn the_same_line_is_the_same_command_however_it_was_written(
        place in 0..UNDERSTOOD.len(),
        quotes in prop::sample::select(vec![('“', '”'), ('„', '“'), ('«', '»'), ('”', '”')]),
        dash in prop::sample::select(vec!["–", "—", "−", "––", "——", "--"]),
        blank in prop::sample::select(vec!["\u{a0}", "\n", "\r\n", "\u{2003}", "  ", "\u{200b} "]),
    ) {
        let (line, _) = UNDERSTOOD[place];
        // Lines whose point is how they are written, and `-h`, are not written otherwise.
        if line.chars().filter(|c| *c == '"').count() % 2 == 0 && !line.contains(['“', '«', '‘', '|']) {
            prop_assert_eq!(read_as(&written_otherwise(line, quotes, dash, blank)), read_as(line));
        }
    }

    #[test]
    fn any_text_is_answered(line in any::<String>()) {
        let _ = parse(&line);
    }

    #[test]
    fn any_words_behind_a_command_are_answered(
        place in 0..UNDERSTOOD.len(), text in "[ \"'“”–=<>@#|a-zA-Z0-9\u{a0}-]{0,40}",
    ) {
        let _ = parse(&format!("{} {text}", UNDERSTOOD[place].0));
    }

    #[test]
    fn a_quoted_title_arrives_as_it_is(title in any::<String>()) {
        let parsed = parse(&format!("task create {}", quote(&title))).unwrap();
        let got: Vec<&String> = parsed.matches.get_many::<String>("title").unwrap().collect();
        prop_assert_eq!(got, vec![&title]);
    }
}
