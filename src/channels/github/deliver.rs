//! Cards to GitHub, as comments on issues and pull requests; people to profiles; operations to calls.
//!
//! Owns what a card becomes: comments, each with the mark of its key, the first with a quote of what it answers, or one
//! comment that is changed. Rendering is `markdown`, the wire is `client`, what is found again is `look_up`, operations
//! stand in `operations/`, retries and pace are the outbox.
//!
//! Whatever is said on GitHub is said to all who read the repository: an answer for the asker alone is a comment as well.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;

use super::accounts::{Accounts, Whose};
use super::client::{Ask, Client};
use super::operations;
use super::repository::{Repository, refused};
use super::{look_up, markdown, people};
use crate::channels::progress::{Progress, Shown};
use crate::channels::{Call, Called, Channel, DeliverError, Delivered, Delivery, Lookup};
use crate::domain::event::{Address, ChannelName, PlatformUser};
use crate::domain::principal::Profile;

/// How people call the bot in a comment; `@` and the App's name does as well.
const PREFIX: &str = "/ai-crm";
/// What the id of a comment begins with, in our notation.
const COMMENT: &str = "issue_comment/";
/// The receipt's word for a comment that was posted; stands for its id where GitHub's answer had none.
const POSTED: &str = "comment";

/// GitHub as the outbox sees it.
pub struct GitHubChannel {
    client: Arc<Client>,
    accounts: Arc<Accounts>,
    pace: Duration,
    progress: Progress,
}

/// Where a card goes.
struct Spot {
    installation: u64,
    /// The path of the comments of an issue or a pull request.
    comments: String,
    /// The path of the comments of the repository.
    comment: String,
}

impl GitHubChannel {
    /// The channel of an App whose events are of these accounts; connects to nobody.
    #[must_use]
    pub fn new(client: Arc<Client>, accounts: Arc<Accounts>, pace: Duration) -> Self {
        Self { client, accounts, pace, progress: Progress::default() }
    }

    /// GitHub.
    #[must_use]
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Whose events are this team's.
    #[must_use]
    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    /// Nothing is done in accounts of others who have installed the App too, whoever names their repositories.
    fn check_ours(&self, to: &Address) -> Result<(), DeliverError> {
        let repository = Repository::read(&to.place)?;
        if self.accounts.whose(Some(repository.owner())) == Whose::Others {
            let reason =
                format!("{repository} is of an account that is not this team's; list it in channels.github.accounts");
            return Err(DeliverError::OutOfReach { reason });
        }
        Ok(())
    }

    async fn spot(&self, to: &Address) -> Result<Spot, DeliverError> {
        self.check_ours(to)?;
        let repository = Repository::read(&to.place)?;
        let number = thread(to)?;
        let installation = self.client.installation_of(to, &repository).await?;
        let comments = repository.path(format_args!("issues/{number}/comments"));
        Ok(Spot { installation, comments, comment: repository.path("issues/comments") })
    }

    async fn show_or_change(&self, delivery: &Delivery) -> Result<Delivered, DeliverError> {
        let spot = self.spot(&delivery.to).await?;
        if let Some(replaced) = &delivery.replaces
            && let Some(changed) = self.change(&spot, delivery, replaced).await?
        {
            return Ok(changed);
        }
        self.show(&spot, delivery).await
    }

    /// Changes a comment; nothing where it is gone.
    async fn change(
        &self,
        spot: &Spot,
        delivery: &Delivery,
        replaced: &str,
    ) -> Result<Option<Delivered>, DeliverError> {
        let id: u64 = comment_id(replaced)?;
        let Some(body) = bodies(delivery).into_iter().next() else { return Ok(None) };
        let ask = Ask::patch(format!("{}/{id}", spot.comment), json!({ "body": body }));
        let answer = self.client.ask(spot.installation, ask).await?;
        if answer.is_missing() {
            return Ok(None);
        }
        answer.into_success()?;
        Ok(Some(Delivered { platform_id: replaced.to_owned(), via: "update" }))
    }

    /// Posts the bodies of a card that are not posted yet, in order.
    async fn show(&self, spot: &Spot, delivery: &Delivery) -> Result<Delivered, DeliverError> {
        #[derive(Deserialize)]
        struct Made {
            id: u64,
        }
        let key = &delivery.idempotency_key;
        let bodies = bodies(delivery);
        let mut shown = self.progress.of(key);
        for (index, body) in bodies.iter().enumerate().skip(shown.as_ref().map_or(0, |shown| shown.parts)) {
            let ask = Ask::post(&*spot.comments, json!({ "body": body })).that_notifies();
            let answer = self.client.ask(spot.installation, ask).await?.into_success()?;
            // It was done, whatever its answer looks like.
            let id = answer.read().map(|Made { id }| comment(id));
            let delivered = Delivered { platform_id: id.unwrap_or_else(|| POSTED.to_owned()), via: POSTED };
            let first = shown.map_or(delivered, |shown| shown.first);
            if bodies.len() > 1 {
                self.progress.keep(key, Shown { parts: index + 1, first: first.clone() });
            }
            shown = Some(Shown { parts: index + 1, first });
        }
        self.progress.forget(key);
        let nothing = || DeliverError::Rejected { reason: "the card renders to nothing; report it".to_owned() };
        shown.map(|shown| shown.first).ok_or_else(nothing)
    }

    async fn find(&self, delivery: &Delivery) -> Result<Lookup, DeliverError> {
        let spot = self.spot(&delivery.to).await?;
        let keys: Vec<String> = (0..bodies(delivery).len()).map(|index| part_key(delivery, index)).collect();
        let found = look_up::comments(&self.client, spot.installation, &spot.comments, delivery.since, &keys).await?;
        let ids: BTreeMap<&String, u64> = found.written.iter().map(|(key, written)| (key, written.id)).collect();
        let in_order = keys.iter().map_while(|key| ids.get(key));
        let (parts, first) = (in_order.clone().count(), in_order.clone().next());
        let Some(first) = first.map(|id| Delivered { platform_id: comment(*id), via: POSTED }) else {
            let unseen = "more was written there since than is looked at, a thousand comments";
            return Ok(if found.whole { Lookup::NotDone } else { Lookup::CannotTell(unseen) });
        };
        if parts == keys.len() {
            return Ok(Lookup::Done(first));
        }
        // The next try goes on behind what is there.
        self.progress.keep(&delivery.idempotency_key, Shown { parts, first });
        Ok(Lookup::NotDone)
    }
}

impl Channel for GitHubChannel {
    fn name(&self) -> ChannelName {
        ChannelName::GitHub
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Delivered, DeliverError>> {
        Box::pin(self.show_or_change(delivery))
    }

    fn look_up<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Lookup, DeliverError>> {
        Box::pin(self.find(delivery))
    }

    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Called, DeliverError>> {
        Box::pin(async {
            self.check_ours(&call.to)?;
            operations::perform(&self.client, call).await
        })
    }

    fn look_up_call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Lookup<Called>, DeliverError>> {
        Box::pin(operations::look_up(&self.client, call))
    }

    fn profile<'a>(
        &'a self,
        _installation: &'a str,
        user: &'a PlatformUser,
        seen_in: Option<&'a Address>,
    ) -> BoxFuture<'a, Result<Option<Profile>, DeliverError>> {
        Box::pin(people::describe(&self.client, &self.accounts, user, seen_in))
    }

    fn describes_by_place(&self) -> bool {
        true
    }

    fn standing_by_place(&self) -> bool {
        true
    }

    fn is_ours(&self, organisation: Option<&str>) -> Option<bool> {
        match self.accounts.whose(organisation) {
            Whose::Ours => Some(true),
            Whose::Others => Some(false),
            Whose::Unknown => None,
        }
    }

    fn prefix(&self) -> &str {
        PREFIX
    }

    fn pace(&self) -> Duration {
        self.pace
    }
}

/// The number of the issue or pull request of an address.
pub(super) fn thread(to: &Address) -> Result<u64, DeliverError> {
    let number = to.thread.as_deref().and_then(|number| number.parse().ok()).filter(|number| *number > 0);
    number.ok_or_else(|| refused("thread", "it is no number of an issue or a pull request"))
}

fn comment(id: u64) -> String {
    format!("{COMMENT}{id}")
}

fn comment_id(replaced: &str) -> Result<u64, DeliverError> {
    let id = replaced.strip_prefix(COMMENT).and_then(|id| id.parse().ok());
    id.ok_or_else(|| refused("replaces", "it is no comment, which is written `issue_comment/123`"))
}

/// The key of a part of a card, from 0.
fn part_key(delivery: &Delivery, index: usize) -> String {
    match index {
        0 => delivery.idempotency_key.clone(),
        _ => format!("{}#{}", delivery.idempotency_key, index + 1),
    }
}

/// The bodies of a card with their marks. A card that takes the place of another has one body, on which the rest is counted
/// where not all fits.
fn bodies(delivery: &Delivery) -> Vec<String> {
    let mut card = delivery.card.clone();
    card.undivided |= delivery.replaces.is_some();
    let quote = delivery.to.quotes.as_deref().map(markdown::quote).filter(|quote| !quote.is_empty());
    let body = |(index, body): (usize, String)| {
        let mark = markdown::marker(&part_key(delivery, index));
        match quote.as_deref().filter(|_| index == 0) {
            Some(quote) => format!("{mark}\n{quote}\n\n{body}"),
            None => format!("{mark}\n{body}"),
        }
    };
    markdown::render(&card).into_iter().enumerate().map(body).collect()
}

#[cfg(test)]
mod tests;
