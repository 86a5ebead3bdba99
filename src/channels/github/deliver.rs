//! Cards to GitHub, as comments on issues and pull requests; people to profiles; operations to calls.
//!
//! Owns where a card goes. Which comments it becomes is `comments`, rendering is `markdown`, the wire is `client`,
//! operations stand in `operations/`, retries and pace are the outbox.
//!
//! Whatever is said on GitHub is said to all who read the repository: an answer for the asker alone is a comment as well.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::accounts::{Accounts, Whose};
use super::client::Client;
use super::comments::{Comments, Spot};
use super::repository::{Repository, refused};
use super::{operations, people};
use crate::channels::{Call, Called, Channel, DeliverError, Delivered, Delivery, Lookup};
use crate::domain::event::{Address, ChannelName, PlatformUser};
use crate::domain::principal::Profile;

/// How people call the bot in a comment; `@` and the App's name does as well.
const PREFIX: &str = "/ai-crm";

/// GitHub as the outbox sees it.
pub struct GitHubChannel {
    client: Arc<Client>,
    accounts: Arc<Accounts>,
    pace: Duration,
    comments: Comments,
}

impl GitHubChannel {
    /// The channel of an App whose events are of these accounts; connects to nobody.
    #[must_use]
    pub fn new(client: Arc<Client>, accounts: Arc<Accounts>, pace: Duration) -> Self {
        Self { client, accounts, pace, comments: Comments::default() }
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

    async fn show(&self, delivery: &Delivery) -> Result<Delivered, DeliverError> {
        let spot = self.spot(&delivery.to).await?;
        self.comments.show(&self.client, &spot, delivery).await
    }

    async fn find(&self, delivery: &Delivery) -> Result<Lookup, DeliverError> {
        let spot = self.spot(&delivery.to).await?;
        self.comments.find(&self.client, &spot, delivery).await
    }
}

impl Channel for GitHubChannel {
    fn name(&self) -> ChannelName {
        ChannelName::GitHub
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Delivered, DeliverError>> {
        Box::pin(self.show(delivery))
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

    fn rules_may_act(&self, organisation: Option<&str>) -> Option<bool> {
        self.accounts.have_rules(organisation)
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

#[cfg(test)]
mod tests;
