//! Findings of a message that is sent to prove the way out: on each platform to an owner who would be told of troubles
//! there, else to one who could be, in the chat that they have with the bot alone. It is shown, and then changed under the
//! id that came back, so that both directions of the call are proved. It goes by no outbox, since nobody is owed it, and
//! leaves no row.

use std::time::Duration;

use super::{Finding, State, good, not_good};
use crate::actors::clock::SystemClock;
use crate::app::inside::Insides;
use crate::channels::{Channel, DeliverError, Delivery};
use crate::domain::card::{Audience, Card};
use crate::domain::event::{Address, ChannelName};
use crate::domain::notice::{Going, Topic};
use crate::domain::time::{Clock, Timestamp};
use crate::store::keyspace::connector;
use crate::store::{StoreError, View};
use crate::tools::notices;

/// How long each of the two calls may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Sends it on every platform that is on.
pub(super) async fn findings(inside: &Insides) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(slack) = &inside.slack {
        findings.push(finding(inside, slack.as_ref(), "slack message").await);
    }
    if let Some((teams, _)) = &inside.teams {
        findings.push(finding(inside, teams.as_ref(), "teams message").await);
    }
    findings
}

async fn finding(inside: &Insides, channel: &dyn Channel, what: &'static str) -> Finding {
    let (chat, is_told) = match chat(inside, channel.name()) {
        Ok(Some(Reached { chat, is_told })) => (chat, is_told),
        Ok(None) => {
            let mend = "let an owner who is no guest there write to the bot once; who is one stands in people.owners, or \
                        says `pair CODE` with the code that `ai-crm serve` prints";
            return not_good(what, State::Warning, "there is no owner there to whom it could be sent", mend);
        }
        Err(error) => return not_good(what, State::Bad, error.to_string(), "see the finding `store`"),
    };
    let place = chat.spot();
    match out_and_back(channel, chat).await {
        Ok(()) => {
            let elsewhere = if is_told { "" } else { "; no owner is told of troubles on this platform" };
            good(what, format!("shown to an owner ({place}), and changed there{elsewhere}"))
        }
        Err(error) => {
            let mend = "mend what it names; the findings above say whether the token is good and the platform can be \
                        reached";
            not_good(what, State::Bad, format!("to an owner ({place}): {error}"), mend)
        }
    }
}

async fn out_and_back(channel: &dyn Channel, chat: Address) -> Result<(), DeliverError> {
    let now = SystemClock.now();
    let first = perform(channel, message(&chat, now, None)).await?;
    perform(channel, message(&chat, now, Some(first))).await.map(drop)
}

/// Delivers it; the platform's id of the message.
async fn perform(channel: &dyn Channel, delivery: Delivery) -> Result<String, DeliverError> {
    let late = || DeliverError::Unavailable { reason: format!("no answer in {} s", PATIENCE.as_secs()) };
    let delivered = tokio::time::timeout(PATIENCE, channel.deliver(&delivery)).await.unwrap_or_else(|_| Err(late()));
    delivered.map(|delivered| delivered.platform_id)
}

fn message(chat: &Address, now: Timestamp, replaces: Option<String>) -> Delivery {
    let said = match replaces {
        None => "It is there. If it stays like this, the bot may write here, but not change what it wrote.",
        Some(_) => "It was shown, and changed: the way out is open, and so is the way back.",
    };
    Delivery {
        idempotency_key: format!("doctor-{}", now.0),
        to: chat.clone(),
        card: Card::new("A message of `ai-crm doctor --send`").text(said),
        audience: Audience::Everyone,
        replaces,
        topic: None,
        answers: None,
        since: now,
    }
}

/// Where an owner is reached.
#[derive(Debug, PartialEq, Eq)]
struct Reached {
    chat: Address,
    /// They are told of troubles there.
    is_told: bool,
}

/// The chat that an owner has with the bot on a platform: in the first tenant in which one is told of troubles there, else
/// in the first that has one.
fn chat(inside: &Insides, channel: ChannelName) -> Result<Option<Reached>, StoreError> {
    let now = SystemClock.now();
    let mut another = None;
    for tenant in inside.store.tenants()? {
        match chat_in(&inside.store.view(&tenant), channel, now)? {
            Some(reached) if reached.is_told => return Ok(Some(reached)),
            reached => another = another.or(reached),
        }
    }
    Ok(another)
}

/// By the rules of what owners are told, but for the hours at which they want to be left alone.
fn chat_in(view: &View, channel: ChannelName, now: Timestamp) -> Result<Option<Reached>, StoreError> {
    let reached = |chat: &Address, is_told| Ok(Some(Reached { chat: connector::newest(view, chat)?, is_told }));
    let mut another = None;
    for owner in notices::owners(view)?.0 {
        let wishes = notices::wishes(view, &owner)?;
        let is_here = |chat: &Address| chat.channel == channel;
        if let Some(chat) = notices::reach(view, &owner, wishes.via)?.filter(is_here)
            && !matches!(wishes.going(Topic::Alerts, now), Going::Never(_))
        {
            return reached(&chat, true);
        }
        if another.is_none() {
            another = notices::reach(view, &owner, Some(channel))?.filter(is_here);
        }
    }
    another.map_or(Ok(None), |chat| reached(&chat, false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::PlatformUser;
    use crate::domain::ids::PrincipalId;
    use crate::domain::notice::Preferences;
    use crate::domain::outcome::Expect;
    use crate::domain::principal::{Principal, Role};
    use crate::store::keyspace::{link, notice, person, setting};
    use crate::tools::testing::{Desk, NOW};

    /// Ada and Grace are owners on Slack and reached there; Ada is linked with `p-3`, who is reached in Teams.
    fn desk() -> Desk {
        let desk = Desk::new();
        for (id, role) in [("p-1", Role::Owner), ("p-2", Role::Owner), ("p-3", Role::Member)] {
            take_role(&desk, id, role);
        }
        let chats =
            [("p-1", ChannelName::Slack, "U1"), ("p-2", ChannelName::Slack, "U2"), ("p-3", ChannelName::Teams, "A1")];
        for (id, channel, user) in chats {
            let chat = Address { person: Some(user.into()), alone: true, ..Address::at(channel, "T1", user) };
            desk.write(vec![person::put_reach(&PrincipalId(id.into()), &chat)]).unwrap();
        }
        let of = |channel, id: &str| PlatformUser { channel, realm: "T1".into(), id: id.into() };
        let joined = link::Joined { user: of(ChannelName::Teams, "A1"), own: PrincipalId("p-3".into()), since: NOW };
        let links = link::Links { first: of(ChannelName::Slack, "U1"), joined: vec![joined] };
        desk.write(vec![link::put_links(&PrincipalId("p-1".into()), &links, Expect::Any)]).unwrap();
        desk
    }

    fn take_role(desk: &Desk, id: &str, role: Role) {
        let known = person::read(&desk.view, &PrincipalId(id.into())).unwrap().unwrap().value;
        desk.write(person::put_person(&Principal { role, ..known }, Expect::Any)).unwrap();
    }

    fn found(desk: &Desk, channel: ChannelName) -> Option<(String, bool)> {
        chat_in(&desk.view, channel, NOW).unwrap().map(|reached| (reached.chat.place, reached.is_told))
    }

    #[test]
    fn it_goes_to_an_owner_who_is_told_of_troubles_there_else_to_one_who_could_be() {
        let desk = desk();
        assert_eq!(found(&desk, ChannelName::Slack), Some(("U1".into(), true)));
        assert_eq!(found(&desk, ChannelName::Teams), Some(("A1".into(), false)), "Ada is told on Slack");
        let wish = |wishes: Preferences| {
            desk.write(vec![notice::put_preferences(&PrincipalId("p-1".into()), &wishes, Expect::Any)]).unwrap();
        };
        wish(Preferences { via: Some(ChannelName::Teams), ..Preferences::default() });
        assert_eq!(found(&desk, ChannelName::Teams), Some(("A1".into(), true)));
        assert_eq!(found(&desk, ChannelName::Slack), Some(("U2".into(), true)), "Grace is told there");
        wish(Preferences { off: [Topic::Alerts].into(), ..Preferences::default() });
        assert_eq!(found(&desk, ChannelName::Slack), Some(("U2".into(), true)), "Ada wants to hear of none");
    }

    #[test]
    fn where_alerts_reach_nobody_it_is_not_sent() {
        let desk = desk();
        take_role(&desk, "p-3", Role::Guest);
        assert_eq!(found(&desk, ChannelName::Teams), None, "a link gives no right");
        let gone = setting::Installation {
            channel: ChannelName::Slack,
            id: "T1".into(),
            organisation: None,
            token: None,
            name: "Office".into(),
            bot_user: "U9".into(),
            since: NOW,
            grant: None,
            gone: Some("the app was removed".into()),
        };
        desk.write(vec![setting::put_installation(&gone, Expect::Any)]).unwrap();
        assert_eq!(found(&desk, ChannelName::Slack), None, "nobody would see it");
    }
}
