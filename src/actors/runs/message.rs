//! Messages that steps of workflows send: how they live on, and to whom they go.
//!
//! A comment of a step has a topic of its own, by the workflow and the step: when the workflow runs again for the same
//! issue its comment is changed, and none is added. A message whose texts speak of a task that the run has made
//! (`{task.…}`, or `{steps.ID.output.…}` of the step that made it) shows below its words how that task stands, and is kept
//! true. A message that was to go to somebody who has linked nothing says who that is.

use serde_json::Value;

use super::action::tool_of;
use crate::commands::task_card;
use crate::domain::card::{Block, Card};
use crate::domain::outcome::{Living, Outcome, Refusal, Reply};
use crate::store::StoreError;
use crate::store::keyspace::task as tasks;
use crate::tools::Context;
use crate::workflow::context::Told;
use crate::workflow::hands::Act;
use crate::workflow::scope::Path;

/// The ids of somebody on other platforms, by what paths to them end with, and what those platforms are called.
const ELSEWHERE: [(&str, &str); 2] = [(".teams_id", "Teams"), (".slack_id", "Slack")];
/// The longest name of somebody that is told, in characters.
const LONGEST_NAME: usize = 40;

/// Lets what a step says live on.
pub(super) fn living(
    mut outcome: Outcome,
    act: &Act<'_>,
    workflow: &str,
    ctx: &Context<'_>,
) -> Result<Outcome, StoreError> {
    let task = act.speaks_of.map(|id| tasks::read(ctx.view, id)).transpose()?.flatten();
    let has_topic = tool_of(act.action, act.args) == "github.comment" && !act.args.contains_key("topic");
    let own_topic = has_topic.then(|| format!("{workflow}/{}", act.step));
    for reply in &mut outcome.replies {
        let mut living = reply.living.take().unwrap_or_default();
        living.topic = living.topic.or_else(|| own_topic.clone());
        if let (Some(task), Some(lead)) = (&task, words(reply)) {
            reply.card = task_card::told(&lead, &task.value, ctx);
            reply.shows = Some(task.value.id.into());
            living.lead = Some(lead);
        }
        reply.living = Some(living).filter(|living| *living != Living::default());
    }
    Ok(outcome)
}

/// The words of a message that is nothing else.
fn words(reply: &Reply) -> Option<String> {
    match &reply.card {
        Card { title, blocks, .. } if title.is_empty() => match &blocks[..] {
            [Block::Markup { text }] => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// Why a message goes to nobody, where it was to go to somebody of the event who has linked nothing.
pub(super) fn to_nobody(act: &Act<'_>, told: &Told) -> Option<Refusal> {
    let is_empty = |param: &str| match act.args.get(param) {
        Some(Value::String(text)) => text.trim().is_empty(),
        given => given.is_none_or(Value::is_null),
    };
    let mut elsewhere = act.paths.iter().filter(|(param, _)| is_empty(param)).filter_map(|(_, path)| {
        let found = ELSEWHERE.iter().find_map(|(end, platform)| Some((path.strip_suffix(end)?, *platform)));
        found.map(|(person, platform)| (path, person, platform))
    });
    let (path, person, platform) = elsewhere.next()?;
    let scope = Value::Object(told.scope());
    let found = Path::read(person).ok().and_then(|person| person.of(&scope).cloned());
    let name = found.as_ref().and_then(|person| person.get("login").or_else(|| person.get("name"))?.as_str());
    let name = name.map(|name| name.chars().filter(|sign| sign.is_alphanumeric() || "-_.[]".contains(*sign)));
    let who = match name.map(|name| name.take(LONGEST_NAME).collect::<String>()).filter(|name| !name.is_empty()) {
        Some(name) => format!("`{name}` of {}", told.platform),
        None => format!("nobody is at `{person}`, or they"),
    };
    let what = format!("{who} has linked no user of {platform}, so nothing is at `{path}`");
    let mend = format!(
        "they say `link` to the bot in {platform} and what it answers to the bot on {}; then `ai-crm workflow retry`",
        told.platform
    );
    Some(Refusal::new(what, mend))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Map, json};

    use super::*;
    use crate::domain::ids::TaskId;
    use crate::domain::time::Timestamp;
    use crate::tools::testing::Desk;

    fn act<'a>(args: &'a Map<String, Value>, paths: &'a [(&'a str, String)]) -> Act<'a> {
        Act {
            step: "2",
            attempt: 1,
            action: "teams_notification",
            args,
            paths,
            speaks_of: None,
            key: "k",
            again: false,
            has_retry: false,
            timeout: Duration::from_secs(30),
            remarks: &[],
        }
    }

    #[test]
    fn a_comment_has_the_topic_of_its_step_and_shows_the_task_of_which_it_speaks() {
        let desk = Desk::new();
        desk.tool("task.create", json!({"title": "x"})).unwrap();
        let said = |text: &str, topic: Value, speaks_of: Option<u64>| {
            let args = Map::from_iter([("message".to_owned(), text.into()), ("topic".to_owned(), topic)]);
            let args = args.into_iter().filter(|(_, value)| !value.is_null()).collect();
            let act = Act { action: "github_comment", speaks_of: speaks_of.map(TaskId), ..act(&args, &[]) };
            let card = Card::new("").block(Block::Markup { text: text.to_owned() });
            let topic = args.get("topic").and_then(Value::as_str).filter(|topic| *topic != "none");
            let given = topic.map(|topic| Living { topic: Some(topic.to_owned()), lead: None });
            let outcome =
                Outcome { replies: vec![Reply { living: given, ..Reply::everyone(card) }], ..Outcome::default() };
            desk.with(|ctx| living(outcome, &act, "triage", ctx)).unwrap().replies.remove(0)
        };
        let topic = |reply: &Reply| reply.living.as_ref().and_then(|living| living.topic.clone());
        let plain = said("hello", Value::Null, None);
        assert_eq!((topic(&plain).as_deref(), plain.shows, plain.card.blocks.len()), (Some("triage/2"), None, 1));
        assert_eq!(topic(&said("hello", json!("own"), None)).as_deref(), Some("own"));
        assert_eq!(said("hello", json!("none"), None).living, None);
        let told = said("✅ *made*", json!("none"), Some(1));
        assert_eq!((told.shows, told.living.unwrap().lead.as_deref()), (Some(TaskId(1).into()), Some("✅ *made*")));
        assert_eq!(told.card.blocks[0], Block::Markup { text: "✅ *made*".to_owned() }, "its words come first");
        let json = json!(told.card.blocks[1]).to_string();
        assert!(json.contains("T-1") && json.contains("todo"), "{json}");
        assert_eq!(said("gone", Value::Null, Some(9)).shows, None, "a task that is not there");
    }

    #[test]
    fn who_has_linked_nothing_is_named_with_what_mends_it() {
        let payload = json!({"pull_request": {"user": {"id": 7, "login": "mia`<b>"}}});
        let told = Told::new("github", "pull_request.opened", payload, Timestamp(0));
        let args = |chat: Value| Map::from_iter([("chat_id".to_owned(), chat)]);
        let paths = |path: &str| [("message", "pr.url".to_owned()), ("chat_id", path.to_owned())];
        let refused = |chat: Value, path: &str| to_nobody(&act(&args(chat), &paths(path)), &told);
        let refusal = refused(json!(""), "pr.author.teams_id").unwrap();
        assert_eq!(refusal.what, "`miab` of github has linked no user of Teams, so nothing is at `pr.author.teams_id`");
        assert!(refusal.mend.unwrap().contains("`link` to the bot in Teams"));
        assert!(refused(Value::Null, "sender.slack_id").unwrap().what.contains("nobody is at `sender`"));
        assert!(refused(json!("t1/A1"), "pr.author.teams_id").is_none());
        assert!(refused(json!(""), "pr.author.login").is_none(), "it is no id of another platform");
    }
}
