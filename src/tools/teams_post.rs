//! Posts a message to a conversation or a person of Teams.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::action::ActionGroup;
use crate::domain::agent::Risk;
use crate::domain::card::{Block, Card};
use crate::domain::event::{Address, ChannelName, PlatformUser};
use crate::domain::outcome::{Failure, Outcome, Refusal, Reply};
use crate::store::keyspace::{connector, person};
use crate::tools::{Context, ToolSpec, arguments};

/// Its line in the table.
pub const TOOL: ToolSpec = ToolSpec {
    name: "teams.post",
    about: "post a message to a conversation or a person of Teams",
    group: ActionGroup::Everyday,
    risk: Risk::Medium,
    input: || {
        let properties = json!({
            "chat": arguments::text("id of a conversation in which the bot is, or tenant/id of a person", 300),
            "text": arguments::text("the message, in Markdown", MOST_TEXT),
        });
        arguments::schema(&properties, &["chat", "text"])
    },
    run,
};

/// Characters of a message: what people read of one.
pub(crate) const MOST_TEXT: usize = 12_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    chat: String,
    text: String,
}

fn run(args: Value, ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let Asked { chat, text } = arguments::read(args)?;
    if text.trim().is_empty() || text.chars().count() > MOST_TEXT {
        let mend = format!("give `text` of 1 to {MOST_TEXT} characters");
        return Err(Refusal::new("the message is empty or too long", mend).into());
    }
    let to = place(chat.trim(), ctx)?;
    let card = Card::new("").block(Block::Markup { text });
    Ok(Outcome {
        resource: "teams".to_owned(),
        summary: "a message is owed to teams".to_owned(),
        result: Some(json!({"owed": TOOL.name})),
        replies: vec![Reply { to: Some(to), ..Reply::everyone(card) }],
        ..Outcome::default()
    })
}

/// The chat with a person, or a conversation that the bot has heard of.
fn place(chat: &str, ctx: &Context<'_>) -> Result<Address, Failure> {
    if chat.is_empty() {
        let mend = "where a person is meant, they have to `link` themselves to Teams first";
        return Err(Refusal::new("`chat` names nobody", mend).into());
    }
    if let Some((realm, id)) = chat.split_once('/') {
        let user = PlatformUser { channel: ChannelName::Teams, realm: realm.to_owned(), id: id.to_owned() };
        let known = person::record(ctx.view, &user)?;
        let chat = known.map(|known| person::reach(ctx.view, &known.value.principal)).transpose()?.flatten();
        let mend = "they have to write to the bot in Teams once";
        return chat.ok_or_else(|| Refusal::new("the bot has no chat with that person in Teams", mend).into());
    }
    let installation = connector::installation_of(ctx.view, ChannelName::Teams, chat)?;
    let mend = "add the bot to it; after that it is known";
    let installation =
        installation.ok_or_else(|| Refusal::new("the bot has never heard of that conversation of Teams", mend))?;
    Ok(Address::at(ChannelName::Teams, installation, chat))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{EventKind, Incoming, Place, PlaceKind, Reach};
    use crate::tools::testing::Desk;

    #[test]
    fn a_message_goes_where_the_bot_was_met() {
        let desk = Desk::new();
        let chat = |chat: &str| json!({"chat": chat, "text": "hello"});
        assert!(desk.refused_tool("teams.post", chat("19:abc@thread.v2")).what.contains("never heard"));
        let event = desk.event(EventKind::HomeOpened);
        let told = Incoming {
            channel: ChannelName::Teams,
            installation: "t1".into(),
            place: Some(Place { id: "19:abc@thread.v2".into(), kind: PlaceKind::Private, shared: false }),
            reach: Some(Reach::By("https://smba".into())),
            ..event.what
        };
        desk.write(connector::learnt(&desk.view, &told)).unwrap();
        let outcome = desk.decide("teams.post", chat("19:abc@thread.v2"));
        let to = outcome.replies[0].to.as_ref().unwrap();
        assert_eq!((&*to.installation, &*to.place), ("t1", "19:abc@thread.v2"));

        let ada = PlatformUser { channel: ChannelName::Teams, realm: "t1".into(), id: "A1".into() };
        assert!(desk.refused_tool("teams.post", chat("t1/A1")).what.contains("no chat"));
        desk.meet(&ada, "p-9", "Ada");
        let alone = Address { alone: true, person: Some("A1".into()), ..Address::at(ChannelName::Teams, "t1", "A1") };
        desk.write(vec![person::put_reach(&crate::domain::ids::PrincipalId("p-9".into()), &alone)]).unwrap();
        assert_eq!(desk.decide("teams.post", chat("t1/A1")).replies[0].to, Some(alone));
        assert!(desk.refused_tool("teams.post", chat("")).what.contains("nobody"));
    }
}
