//! Arguments that several commands take, declared once, so that a task is a task everywhere.

use clap::{Arg, ArgAction, ArgMatches};

use crate::domain::ids::{ApprovalId, TaskId};
use crate::domain::task::{Priority, Status};

/// The statuses as usage lines show them; what is wrong with a status is answered with the nearest of them.
const STATUSES: &str = "backlog|todo|in-progress|in-review|blocked|done|cancelled";
/// How usage lines name a text.
const TEXT: &str = "TEXT";
const PRIORITIES: &str = "low|medium|high|critical";

/// A task's id.
pub(super) fn task() -> Arg {
    let read = |text: &str| text.trim_end_matches([',', ':', '.']).parse::<TaskId>();
    Arg::new("task").value_name("TASK").required(true).value_parser(read).help("the task: T-12, #12 or 12")
}

/// The task that was named.
pub(super) fn task_of(matches: &ArgMatches) -> TaskId {
    *matches.get_one("task").expect("invariant: clap demands the task")
}

/// An approval's id.
pub(super) fn approval() -> Arg {
    let read = |text: &str| text.trim_end_matches([',', ':', '.']).parse::<ApprovalId>();
    Arg::new("approval").value_name("APPROVAL").required(true).value_parser(read).help("the approval: A-3 or 3")
}

/// The approval that was named.
pub(super) fn approval_of(matches: &ArgMatches) -> ApprovalId {
    *matches.get_one("approval").expect("invariant: clap demands the approval")
}

/// The mark of the card of an approval.
pub(super) fn card() -> Arg {
    option("card", "MARK", "what the card showed that was pressed; buttons say it by themselves")
}

/// The mark that was named.
pub(super) fn card_of(matches: &ArgMatches) -> Option<String> {
    value_of(matches, "card")
}

/// Words up to the end of the line or the next option.
pub(super) fn words(id: &'static str, name: &'static str, help: &'static str) -> Arg {
    Arg::new(id).value_name(name).num_args(1..).action(ArgAction::Append).help(help)
}

/// Those words as one text.
pub(super) fn text_of(matches: &ArgMatches, id: &str) -> String {
    let words: Vec<&str> = matches.get_many::<String>(id).into_iter().flatten().map(String::as_str).collect();
    words.join(" ")
}

/// An option with a value.
pub(super) fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

/// An option whose value is a text: where it is not quoted, it goes on to the next option.
pub(super) fn text(name: &'static str, help: &'static str) -> Arg {
    option(name, TEXT, help)
}

/// Whether an option takes a text.
pub(super) fn is_text(arg: &Arg) -> bool {
    arg.get_long().is_some() && arg.get_value_names().is_some_and(|names| names.iter().any(|name| name == TEXT))
}

/// The value of such an option.
pub(super) fn value_of(matches: &ArgMatches, name: &str) -> Option<String> {
    matches.get_one::<String>(name).cloned()
}

/// An option without a value.
pub(super) fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// `--status`.
pub(super) fn status(help: &'static str) -> Arg {
    option("status", STATUSES, help).value_parser(|word: &str| word.parse::<Status>())
}

/// `--priority`.
pub(super) fn priority(help: &'static str) -> Arg {
    option("priority", PRIORITIES, help).value_parser(|word: &str| word.parse::<Priority>())
}

/// `--agent`.
pub(super) fn agent(help: &'static str) -> Arg {
    option("agent", "NAME", help)
}

/// `--due`.
pub(super) fn due() -> Arg {
    option(
        "due",
        "DAY",
        "the day by which it shall be done: 2026-12-01, today, tomorrow, friday, +3d, +2w or none (UTC)",
    )
}

/// `--project`.
pub(super) fn project(help: &'static str) -> Arg {
    option("project", "NAME", help)
}

/// An option with labels, separated by commas; it may stand several times.
pub(super) fn labels(name: &'static str, help: &'static str) -> Arg {
    option(name, "A,B", help).action(ArgAction::Append)
}

/// The labels of such an option.
pub(super) fn labels_of(matches: &ArgMatches, name: &str) -> Vec<String> {
    let given = matches.get_many::<String>(name).into_iter().flatten();
    let split = given.flat_map(|labels| labels.split(',')).map(str::trim);
    split.filter(|label| !label.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_lists_every_status_and_priority() {
        assert_eq!(Status::ALL.map(Status::as_str).join("|"), STATUSES);
        assert_eq!(Priority::ALL.map(Priority::as_str).join("|"), PRIORITIES);
    }
}
