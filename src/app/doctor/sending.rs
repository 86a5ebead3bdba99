//! Findings of a message that is sent to prove the way out: on each platform to an owner, in the chat that they have with
//! the bot alone. It is shown, and then changed under the id that came back, so that both directions of the call are
//! proved. It goes by no outbox, since nobody is owed it, and leaves no row.

use std::time::Duration;

use super::{Finding, State, good, not_good};
use crate::actors::clock::SystemClock;
use crate::app::inside::Insides;
use crate::channels::{Channel, DeliverError, Delivery};
use crate::domain::card::{Audience, Card};
use crate::domain::event::{Address, ChannelName};
use crate::domain::principal::Role;
use crate::domain::time::{Clock, Timestamp};
use crate::store::keyspace::{connector, person};
use crate::store::{StoreError, View};

/// How long each of the two calls may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// As many people are looked through for an owner.
const MOST_PEOPLE: usize = 20_000;

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
    let chat = match chat(inside, channel.name()) {
        Ok(Some(chat)) => chat,
        Ok(None) => {
            let mend = "let an owner write to the bot there once; who is one stands in people.owners, or says `pair CODE` \
                        with the code that `ai-crm serve` prints";
            return not_good(what, State::Warning, "there is no owner there to whom it could be sent", mend);
        }
        Err(error) => return not_good(what, State::Bad, error.to_string(), "see the finding `store`"),
    };
    let place = chat.spot();
    match out_and_back(channel, chat).await {
        Ok(()) => good(what, format!("shown to an owner ({place}), and changed there")),
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
        answers: None,
        since: now,
    }
}

/// The chat that an owner has with the bot on a platform, in the first tenant that has one.
fn chat(inside: &Insides, channel: ChannelName) -> Result<Option<Address>, StoreError> {
    for tenant in inside.store.tenants()? {
        let view = inside.store.view(&tenant);
        if let Some(chat) = chat_in(&view, channel)? {
            return Ok(Some(chat));
        }
    }
    Ok(None)
}

fn chat_in(view: &View, channel: ChannelName) -> Result<Option<Address>, StoreError> {
    for known in person::all(view).take(MOST_PEOPLE) {
        let known = known?.value;
        if known.role == Role::Owner
            && let Some(chat) = person::reach(view, &known.id)?.filter(|chat| chat.channel == channel)
        {
            return connector::newest(view, &chat).map(Some);
        }
    }
    Ok(None)
}
