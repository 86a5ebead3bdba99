//! Messages of workflows to one person: told, kept or left out as that person wants it, like every notice.
//!
//! Owns that alone. What somebody wants is `domain/notice.rs`, what waits for its time is let go by `commands/notices.rs`.
//! A step whose message waits or is left out is done: a rule has no say in whether somebody is at work.

use serde_json::json;

use crate::commands::task_card::{cut, minute};
use crate::domain::card::Block;
use crate::domain::event::ChannelName;
use crate::domain::ids::PrincipalId;
use crate::domain::notice::{Going, Topic};
use crate::domain::outcome::{Outcome, Reply, Shows};
use crate::store::StoreError;
use crate::store::keyspace::notice::{self, Held};
use crate::tools::{Context, notices};

/// The longest part of a message that stands in a line among others.
const LONGEST_LINE: usize = 200;

/// Lets a message to a person go by that person's wishes. Whom the bot does not know has none.
pub(super) fn respected(mut outcome: Outcome, workflow: &str, ctx: &Context<'_>) -> Result<Outcome, StoreError> {
    let Some((index, person)) = to_a_person(&outcome.replies, ctx)? else { return Ok(outcome) };
    match notices::wishes(ctx.view, &person)?.going(Topic::Rules, ctx.now) {
        Going::Now => {
            let card = &mut outcome.replies[index].card;
            let why = format!(
                "the workflow {workflow} tells you this ({0}); `notifications --off {0}` ends it",
                Topic::Rules
            );
            card.footer = Some(why);
        }
        Going::Never(why) => {
            outcome.replies.remove(index);
            outcome.result = Some(json!({ "told": false, "why": format!("the person {why}") }));
            outcome.told.push(format!("{person} is not told, who {why}"));
        }
        Going::At(at) => {
            let reply = outcome.replies.remove(index);
            let task = match reply.shows {
                Some(Shows::Task(task)) => Some(task),
                _ => None,
            };
            let held = Held { topic: Topic::Rules, at: ctx.now, line: line(&reply), task, approval: None };
            // One tool owes one message, and is alone in its commit with what it has written.
            outcome.writes.push(notice::hold(&person, at, (ctx.event.id, 0), &held));
            outcome.timers.push(notices::let_go(&person, at));
            outcome.result =
                Some(json!({ "told": false, "why": "the person wants to be told later", "at": at.to_string() }));
            outcome.told.push(format!("{person} is told at {}: {}", minute(at), Topic::Rules));
        }
    }
    Ok(outcome)
}

/// The message that goes to one person, and whose chat that is.
fn to_a_person(replies: &[Reply], ctx: &Context<'_>) -> Result<Option<(usize, PrincipalId)>, StoreError> {
    for (index, reply) in replies.iter().enumerate() {
        if let Some(chat) = reply.to.as_ref().filter(|to| to.is_in_person())
            && let Some(person) = notices::whose(ctx.view, chat)?
        {
            return Ok(Some((index, person)));
        }
    }
    Ok(None)
}

/// What a message says, in one line without the signs of its platform.
fn line(reply: &Reply) -> String {
    let text = reply.card.blocks.iter().find_map(|block| match block {
        Block::Markup { text } => Some(text.as_str()),
        _ => None,
    });
    let text = text.unwrap_or(&reply.card.title);
    let is_slack = reply.to.as_ref().is_some_and(|to| to.channel == ChannelName::Slack);
    let plain = if is_slack { without_entities(text) } else { without_escapes(text) };
    cut(&plain.split_whitespace().collect::<Vec<_>>().join(" "), LONGEST_LINE)
}

fn without_entities(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// Markdown takes the backslash before a sign for no letter.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match signs.peek() {
            Some(next) if sign == '\\' && next.is_ascii_punctuation() => plain.extend(signs.next()),
            _ => plain.push(sign),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::card::Card;
    use crate::domain::event::Address;
    use crate::domain::ids::TaskId;
    use crate::domain::notice::{Preferences, Quiet};
    use crate::domain::outcome::Expect;
    use crate::tools::testing::Desk;

    fn to(user: &str) -> Outcome {
        let chat = Address { alone: true, person: Some(user.into()), ..Address::at(ChannelName::Slack, "T1", user) };
        let card = Card::new("").block(Block::Markup { text: "a &lt;b&gt;\n *c*".to_owned() });
        let shows = Some(TaskId(7).into());
        Outcome { replies: vec![Reply { to: Some(chat), shows, ..Reply::everyone(card) }], ..Outcome::default() }
    }

    #[test]
    fn a_message_to_a_person_goes_by_their_wishes() {
        let desk = Desk::new();
        let person = PrincipalId("p-2".into());
        let wish = |wishes: &Preferences| {
            desk.write(vec![notice::put_preferences(&person, wishes, Expect::Any)]).unwrap();
            desk.with(|ctx| respected(to("U2"), "triage", ctx)).unwrap()
        };
        let told = wish(&Preferences::default());
        assert!(told.replies[0].card.footer.as_deref().unwrap().contains("`notifications --off rules` ends it"));
        let off = wish(&Preferences { off: vec![Topic::Rules], ..Preferences::default() });
        assert!(
            off.replies.is_empty() && off.writes.is_empty() && off.told[0].contains("wants none of these"),
            "{off:?}"
        );
        let quiet = Quiet { from: "00:00".parse().unwrap(), to: "23:59".parse().unwrap() };
        let kept = wish(&Preferences { quiet: Some(quiet), ..Preferences::default() });
        assert!(kept.replies.is_empty() && kept.timers.len() == 1, "{kept:?}");
        desk.write(kept.writes).unwrap();
        let due = notice::due(&desk.view, &person, crate::domain::time::Timestamp(i64::MAX), 9).unwrap();
        assert_eq!((due[0].0.line.as_str(), due[0].0.task), ("a <b> *c*", Some(TaskId(7))));
        let unknown = desk.with(|ctx| respected(to("U9"), "triage", ctx)).unwrap();
        assert_eq!(unknown, to("U9"), "whom nobody knows has no wishes");
        assert_eq!(without_escapes(r"\*a\* \b \\"), r"*a* \b \");
    }
}
