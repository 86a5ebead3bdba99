//! Posts a message to a channel or a person of Slack.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::card::{Block, Card};
use crate::domain::event::{Address, ChannelName};
use crate::domain::outcome::{Failure, Outcome, Refusal, Reply};
use crate::store::keyspace::setting;
use crate::tools::{Context, ToolSpec, arguments};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "slack.post",
    about: "post a message to a channel or a person of Slack",
    group: ActionGroup::Everyday,
    risk: Risk::Medium,
    input: || {
        let properties = json!({
            "channel": arguments::text("#name or id of a channel in which the bot is, or the id of a person", 100),
            "text": arguments::text("the message, in Slack's mrkdwn", MOST_TEXT),
            "workspace": arguments::text("id of the workspace, where several are connected", 50),
        });
        arguments::schema(&properties, &["channel", "text"])
    },
    run,
};

/// Characters of a message: what people read of one.
pub(crate) const MOST_TEXT: usize = 12_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    channel: String,
    text: String,
    workspace: Option<String>,
}

/// Whether it is an id or a name of Slack's (docs.slack.dev/reference/methods/conversations.create: up to 80 characters).
fn is_place(channel: &str) -> bool {
    let name = channel.strip_prefix('#').unwrap_or(channel);
    (1..=80).contains(&name.chars().count())
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let Asked { channel, text, workspace } = arguments::read(args)?;
    if text.trim().is_empty() || text.chars().count() > MOST_TEXT {
        let mend = format!("give `text` of 1 to {MOST_TEXT} characters");
        return Err(Refusal::new("the message is empty or too long", mend).into());
    }
    let channel = channel.trim();
    if !is_place(channel) {
        return Err(Refusal::new("`channel` is no channel of Slack", "write #name, or its id").into());
    }
    let to = Address::at(ChannelName::Slack, self::workspace(workspace, ctx)?, channel);
    let to = match is_person(channel) {
        true => Address { alone: true, person: Some(channel.to_owned()), ..to },
        false => to,
    };
    let resource = format!("slack {channel}");
    let card = Card::new("").block(Block::Markup { text });
    Ok(Outcome {
        summary: format!("a message is owed to {resource}"),
        result: Some(json!({"owed": TOOL.name, "to": resource})),
        resource,
        replies: vec![Reply { to: Some(to), ..Reply::everyone(card) }],
        ..Outcome::default()
    })
}

/// Ids of people begin with `U` or `W` (docs.slack.dev/reference/objects/user-object); names of channels stand behind `#`.
fn is_person(channel: &str) -> bool {
    channel.starts_with(['U', 'W']) && channel.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// The workspace that is named, or the one that is connected.
fn workspace(named: Option<String>, ctx: &Context<'_>) -> Result<String, Failure> {
    let connected = setting::installations(ctx.view)?.into_iter();
    let mut connected =
        connected.filter(|row| row.channel == ChannelName::Slack && row.gone.is_none()).map(|row| row.id);
    match (named, connected.next(), connected.next()) {
        (Some(named), first, second) => {
            let is_connected = first.into_iter().chain(second).chain(connected).any(|id| id == named);
            let refusal = || Refusal::new("no such workspace is connected", "`doctor` shows those that are");
            if is_connected { Ok(named) } else { Err(refusal().into()) }
        }
        (None, Some(only), None) => Ok(only),
        // That of the configured token, of which Slack has not said yet which it is.
        (None, None, _) => Ok(String::new()),
        (None, Some(_), Some(_)) => {
            Err(Refusal::new("several workspaces of Slack are connected", "give `workspace`, the id of one").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::testing::Desk;

    #[test]
    fn a_message_goes_to_a_channel_by_its_name_and_to_a_person_alone() {
        let desk = Desk::new();
        let to = |channel: &str| {
            let outcome = desk.decide("slack.post", json!({"channel": channel, "text": "*hello*"}));
            let [Reply { to: Some(to), card, .. }] = &outcome.replies[..] else { panic!("{outcome:?}") };
            assert_eq!(card.blocks, [Block::Markup { text: "*hello*".into() }]);
            (to.place.clone(), to.is_in_person())
        };
        assert_eq!(to("#dev-team"), ("#dev-team".into(), false));
        assert_eq!(to("C012"), ("C012".into(), false));
        assert_eq!(to("U012"), ("U012".into(), true));
    }

    #[test]
    fn what_is_no_channel_or_no_message_is_refused() {
        let desk = Desk::new();
        for (args, what) in [
            (json!({"channel": "", "text": "x"}), "`channel`"),
            (json!({"channel": "a b", "text": "x"}), "`channel`"),
            (json!({"channel": "<!channel>", "text": "x"}), "`channel`"),
            (json!({"channel": "#x", "text": " "}), "empty"),
            (json!({"channel": "#x", "text": "x".repeat(12_001)}), "too long"),
            (json!({"channel": "#x", "text": "x", "workspace": "T9"}), "no such workspace"),
        ] {
            assert!(desk.refused_tool("slack.post", args.clone()).what.contains(what), "{args}");
        }
    }
}
