//! What is shown below the links to tasks that somebody writes in a message of their own.
//!
//! Nobody has asked for it, so it is authorised as if the writer had asked to see the task there, and where nothing is
//! shown nobody is told: `why` says so. Who presses could be anybody who reads the message, so there is nothing to press.

use std::collections::BTreeSet;

use crate::commands::task_card;
use crate::domain::event::{Address, Below, Event, EventKind};
use crate::domain::ids::TaskId;
use crate::domain::outcome::{Failure, Outcome, Reply};
use crate::domain::task::link::TaskLinks;
use crate::store::keyspace::task as tasks;
use crate::tools::{Context, due, task_show};

/// What policies decide about.
pub const ACTION: &str = task_show::TOOL.name;

/// Tasks of one message that are shown. Each is a call, and nobody reads more below a message; who wants to show many has
/// `task list`.
const MOST_SHOWN: usize = 5;

/// Why an event asks nothing of the bot, where it tells of links and none of them may be shown: before anybody is looked
/// up, since a domain may have more than the bot on it.
#[must_use]
pub fn asks_nothing(event: &Event, ours: Option<&TaskLinks>) -> Option<&'static str> {
    let EventKind::LinksWritten { links, .. } = &event.what.kind else { return None };
    let Some(ours) = ours else { return Some("server.public_url is no https address, so no link is one to a task") };
    if links.iter().all(|link| ours.task(link).is_none()) {
        return Some("none of its links is one to a task of this bot");
    }
    let shared = event.what.place.as_ref().is_some_and(|place| place.shared);
    shared.then_some("people of other organisations read this place, where nothing is shown that nobody asks for")
}

/// The tasks to which links lead, each once, with the first link to it.
fn meant<'a>(links: &'a [String], ours: &TaskLinks) -> Vec<(TaskId, &'a str)> {
    let mut seen = BTreeSet::new();
    let all = links.iter().filter_map(|link| Some((ours.task(link)?, link.as_str())));
    all.filter(|(task, _)| seen.insert(*task)).collect()
}

/// Shows each task below its link in the message.
///
/// # Errors
/// Where the store cannot be read.
pub fn written(message: &str, links: &[String], ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let meant = ctx.links.map(|ours| meant(links, ours)).unwrap_or_default();
    let (mut replies, mut shown, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    let today = due::day_of(ctx.now);
    for (id, link) in meant.iter().take(MOST_SHOWN) {
        let (Some(task), Some(here)) = (tasks::read(ctx.view, *id)?, &ctx.event.what.reply) else {
            missing.push(id.to_string());
            continue;
        };
        let below = Below { message: message.to_owned(), link: (*link).to_owned() };
        let to = Address { below: Some(below), ..here.lasting() };
        replies.push(Reply { to: Some(to), ..Reply::everyone(task_card::brief(&task.value, today)) });
        shown.push(id.to_string());
    }
    let left_out = meant.len().saturating_sub(MOST_SHOWN);
    let summary = [
        (!shown.is_empty()).then(|| format!("showed {} below the link", shown.join(", "))),
        (!missing.is_empty()).then(|| format!("there is no {}", missing.join(", no "))),
        (left_out > 0).then(|| format!("left out {left_out}, since {MOST_SHOWN} are shown at most")),
    ];
    let summary = summary.into_iter().flatten().collect::<Vec<_>>().join("; ");
    Ok(Outcome { replies, resource: shown.join(" "), summary, ..Outcome::default() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::event::Place;
    use crate::tools::testing::Desk;

    const AT: &str = "https://bot.example.com";

    fn ours() -> TaskLinks {
        TaskLinks::at(&AT.parse().unwrap()).unwrap()
    }

    fn desk() -> Desk {
        let mut desk = Desk::new();
        desk.links = Some(ours());
        for number in 1..=7 {
            desk.tool("task.create", json!({"title": format!("Number {number}"), "description": "the story"})).unwrap();
        }
        desk
    }

    fn event(desk: &Desk, paths: &[&str]) -> Event {
        let links = paths.iter().map(|path| format!("{AT}{path}")).collect();
        desk.event(EventKind::LinksWritten { message: "C1:1.2".to_owned(), links })
    }

    fn run(desk: &Desk, paths: &[&str]) -> Outcome {
        let event = event(desk, paths);
        let EventKind::LinksWritten { message, links } = event.what.kind.clone() else { unreachable!() };
        desk.on(&event, |ctx| written(&message, &links, ctx).unwrap())
    }

    #[test]
    fn each_task_is_shown_once_below_its_first_link_and_can_be_read_alone() {
        let outcome = run(&desk(), &["/tasks/T-1", "/tasks/t-1?again", "/", "/tasks/T-3/", "/tasks/T-99"]);
        let shown: Vec<(String, &str)> = outcome
            .replies
            .iter()
            .map(|reply| (reply.to.clone().unwrap().below.unwrap().link, reply.card.title.as_str()))
            .collect();
        let of = |path: &str| format!("{AT}{path}");
        assert_eq!(shown, [(of("/tasks/T-1"), "T-1 Number 1"), (of("/tasks/T-3/"), "T-3 Number 3")]);
        for reply in &outcome.replies {
            let to = reply.to.as_ref().unwrap();
            assert_eq!((to.below.as_ref().unwrap().message.as_str(), to.route.as_deref()), ("C1:1.2", None));
            assert!(reply.card.actions.is_empty() && reply.shows.is_none(), "{reply:?}");
            assert!(!json!(reply.card).to_string().contains("the story"), "it is short");
        }
        assert_eq!(outcome.summary, "showed T-1, T-3 below the link; there is no T-99");
        assert_eq!(outcome.resource, "T-1 T-3");
    }

    #[test]
    fn as_many_are_shown_as_are_read() {
        for more in [0, 1] {
            let paths: Vec<String> = (1..=MOST_SHOWN + more).map(|number| format!("/tasks/T-{number}")).collect();
            let outcome = run(&desk(), &paths.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(outcome.replies.len(), MOST_SHOWN);
            assert_eq!(outcome.summary.contains("left out 1"), more > 0, "{}", outcome.summary);
        }
    }

    #[test]
    fn what_can_show_nothing_asks_nothing() {
        let desk = desk();
        let ours = ours();
        assert_eq!(asks_nothing(&event(&desk, &["/x", "/tasks/T-1"]), Some(&ours)), None);
        assert!(asks_nothing(&event(&desk, &["/x", "/tasks/"]), Some(&ours)).unwrap().contains("none of its links"));
        assert!(asks_nothing(&event(&desk, &["/tasks/T-1"]), None).unwrap().contains("server.public_url"));
        let mut outside = event(&desk, &["/tasks/T-1"]);
        outside.what.place = outside.what.place.map(|place| Place { shared: true, ..place });
        assert!(asks_nothing(&outside, Some(&ours)).unwrap().contains("other organisations"));
        assert_eq!(asks_nothing(&desk.event(EventKind::HomeOpened), None), None, "it is of links alone");
    }
}
