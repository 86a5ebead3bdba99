//! Which workspace belongs to which tenant. The workspace of the configured bot token is asked for at the
//! start and remembered, so that a later start needs no answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::actors::clock::SystemClock;
use crate::channels::slack::deliver::SlackChannel;
use crate::domain::event::ChannelName;
use crate::domain::ids::TenantId;
use crate::domain::time::Clock;
use crate::ledger::inbox::backoff;
use crate::store::keyspace::setting::{self, Installation};
use crate::store::{Batch, Store, StoreError};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MOST_PAUSE: Duration = Duration::from_secs(60);

/// Workspaces and their tenants; clones share them.
#[derive(Clone)]
pub(super) struct Installations {
    tenants: Arc<ArcSwap<HashMap<(ChannelName, String), TenantId>>>,
}

impl Installations {
    /// What earlier starts have found.
    pub(super) fn read(store: &Store) -> Result<Self, StoreError> {
        let mut tenants = HashMap::new();
        for tenant in store.tenants()? {
            for found in setting::installations(&store.view(&tenant))? {
                tenants.insert((found.channel, found.id), tenant.clone());
            }
        }
        Ok(Self { tenants: Arc::new(ArcSwap::from_pointee(tenants)) })
    }

    /// The tenant of a workspace. While none is known, all belong to the default one: who asks is then
    /// looked up with the configured token, which knows the people of its own workspace only.
    pub(super) fn tenant_of(&self, channel: ChannelName, installation: &str) -> TenantId {
        let tenants = self.tenants.load();
        match tenants.get(&(channel, installation.to_owned())) {
            Some(tenant) => tenant.clone(),
            None if tenants.is_empty() => TenantId::default_tenant(),
            None => TenantId::unclaimed(),
        }
    }

    /// Whether any workspace of a channel is known.
    pub(super) fn of(&self, channel: ChannelName) -> Vec<String> {
        let tenants = self.tenants.load();
        tenants.keys().filter(|(name, _)| *name == channel).map(|(_, id)| id.clone()).collect()
    }

    /// Asks Slack whose token it is until it answers, and remembers the answer.
    pub(super) async fn connect(self, store: Store, slack: Arc<SlackChannel>) {
        for attempt in 0.. {
            match slack.identity().await {
                Ok(identity) => {
                    let id = identity.team_id.or(identity.enterprise_id).unwrap_or_default();
                    let found = Installation {
                        channel: ChannelName::Slack,
                        id: id.clone(),
                        name: identity.team.unwrap_or_default(),
                        bot_user: identity.user_id.unwrap_or_default(),
                        since: SystemClock.now(),
                    };
                    match self.remember(&store, found).await {
                        Ok(()) => {
                            tracing::info!(channel = "slack", workspace = id, "connected");
                            return;
                        }
                        Err(error) => tracing::warn!(%error, "the workspace cannot be stored"),
                    }
                }
                Err(error) => tracing::warn!(channel = "slack", %error, "slack does not say whose token it is"),
            }
            tokio::time::sleep(backoff(attempt, FIRST_PAUSE, MOST_PAUSE, rand::random())).await;
        }
    }

    async fn remember(&self, store: &Store, found: Installation) -> Result<(), StoreError> {
        let tenant = TenantId::default_tenant();
        let mut batch = Batch::new();
        batch.write(&tenant, setting::put_installation(&found));
        store.commit(batch).await?;
        // The configured token is the only one: what an earlier token was for is connected no longer.
        let tenants = HashMap::from([((found.channel, found.id), tenant)]);
        self.tenants.store(Arc::new(tenants));
        Ok(())
    }
}
