//! Which workspace belongs to which tenant. The workspace of the configured bot token is asked for at the
//! start and remembered, so that a later start with the same token needs no answer.
//!
//! What was remembered of another token says nothing of this one: it is left out, and events belong to the
//! default tenant until Slack has answered, as on a first start.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::actors::clock::SystemClock;
use crate::channels::slack::answers::Identity;
use crate::channels::slack::deliver::SlackChannel;
use crate::domain::event::ChannelName;
use crate::domain::ids::TenantId;
use crate::domain::secret::Secret;
use crate::domain::time::{Clock, Timestamp};
use crate::ledger::inbox::backoff;
use crate::store::keyspace::setting::{self, Installation};
use crate::store::{Batch, Store, StoreError};

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MOST_PAUSE: Duration = Duration::from_secs(60);

/// Workspaces, and organisations that are connected as a whole, by channel.
type Tenants = HashMap<(ChannelName, String), TenantId>;

/// Workspaces and their tenants; clones share them.
#[derive(Clone)]
pub(super) struct Installations {
    tenants: Arc<ArcSwap<Tenants>>,
    /// Entra tenants, which the configuration names.
    teams: Arc<HashMap<String, TenantId>>,
    /// Digest of the token in use.
    token: Option<String>,
}

/// What is kept of a token, to know it again: it names the token to nobody.
fn digest(token: &Secret) -> String {
    HEXLOWER.encode(&Sha256::digest(format!("installation\0{}", token.expose()))[..16])
}

/// What is remembered of the answer to `auth.test`; none where it names nothing that could be a workspace.
fn installation(identity: &Identity, token: Option<&str>, since: Timestamp) -> Option<Installation> {
    let named = |id: &Option<String>| id.clone().filter(|id| !id.is_empty());
    let enterprise = named(&identity.enterprise_id);
    let organisation = enterprise.clone().filter(|_| identity.is_enterprise_install == Some(true));
    Some(Installation {
        channel: ChannelName::Slack,
        id: named(&identity.team_id).or(enterprise)?,
        organisation,
        token: token.map(ToOwned::to_owned),
        name: identity.team.clone().unwrap_or_default(),
        bot_user: identity.user_id.clone().unwrap_or_default(),
        since,
    })
}

fn insert(tenants: &mut Tenants, found: Installation, tenant: &TenantId) {
    for id in [Some(found.id), found.organisation].into_iter().flatten() {
        tenants.insert((found.channel, id), tenant.clone());
    }
}

impl Installations {
    /// What earlier starts with the same token have found.
    pub(super) fn read(
        store: &Store,
        token: Option<&Secret>,
        teams: HashMap<String, TenantId>,
    ) -> Result<Self, StoreError> {
        let token = token.map(digest);
        let is_of_another = |found: &Installation| found.token.is_some() && token.is_some() && found.token != token;
        let mut tenants = HashMap::new();
        for tenant in store.tenants()? {
            for found in setting::installations(&store.view(&tenant))? {
                if !is_of_another(&found) {
                    insert(&mut tenants, found, &tenant);
                }
            }
        }
        Ok(Self { tenants: Arc::new(ArcSwap::from_pointee(tenants)), teams: Arc::new(teams), token })
    }

    /// The tenant of a workspace, or else of its organisation, where that is connected as a whole. While none is
    /// known, all belong to the default one: who asks is then looked up with the configured token, which knows the
    /// people of its own workspace only.
    pub(super) fn tenant_of(&self, channel: ChannelName, installation: &str, organisation: Option<&str>) -> TenantId {
        if channel == ChannelName::Teams {
            return self.teams.get(installation).cloned().unwrap_or_else(TenantId::unclaimed);
        }
        let tenants = self.tenants.load();
        let mut ids = [Some(installation), organisation].into_iter().flatten();
        match ids.find_map(|id| tenants.get(&(channel, id.to_owned()))) {
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
                Ok(identity) => match installation(&identity, self.token.as_deref(), SystemClock.now()) {
                    Some(found) => {
                        let workspace = found.id.clone();
                        match self.remember(&store, found).await {
                            Ok(()) => {
                                tracing::info!(channel = "slack", workspace, "connected");
                                return;
                            }
                            Err(error) => tracing::warn!(%error, "the workspace cannot be stored"),
                        }
                    }
                    None => tracing::warn!(
                        channel = "slack",
                        "slack's answer to auth.test names no workspace: it is asked again; see what answers at \
                         channels.slack.api_url"
                    ),
                },
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
        let mut tenants = HashMap::new();
        insert(&mut tenants, found, &tenant);
        self.tenants.store(Arc::new(tenants));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::clock;
    use crate::store::memory::Memory;
    use crate::store::seal::Keyring;

    const SLACK: ChannelName = ChannelName::Slack;

    fn identity(answer: serde_json::Value) -> Identity {
        serde_json::from_value(answer).unwrap()
    }

    fn store() -> Store {
        Store::inline(Arc::new(Memory::default()), Arc::new(Keyring::ephemeral()), clock::system()).unwrap()
    }

    async fn remembered(store: &Store, token: &str, answer: serde_json::Value) {
        let installations = Installations::read(store, Some(&Secret::new(token)), HashMap::new()).unwrap();
        let found = installation(&identity(answer), installations.token.as_deref(), Timestamp(1)).unwrap();
        installations.remember(store, found).await.unwrap();
    }

    #[test]
    fn an_answer_without_ids_claims_nothing() {
        for answer in [
            serde_json::json!({"ok": true}),
            serde_json::json!({"ok": true, "team_id": "", "enterprise_id": ""}),
            serde_json::json!({"ok": true, "team_id": null}),
        ] {
            assert_eq!(installation(&identity(answer), None, Timestamp(1)), None);
        }
    }

    #[tokio::test]
    async fn what_is_remembered_of_another_token_leaves_no_event_unclaimed() {
        let store = store();
        remembered(&store, "xoxb-1", serde_json::json!({"team_id": "T1", "enterprise_id": "E1"})).await;
        let tenant = |token: &str, id: &str| {
            Installations::read(&store, Some(&Secret::new(token)), HashMap::new()).unwrap().tenant_of(
                SLACK,
                id,
                Some("E1"),
            )
        };
        assert_eq!(tenant("xoxb-1", "T1"), TenantId::default_tenant());
        assert_eq!(tenant("xoxb-1", "T2"), TenantId::unclaimed(), "one workspace is not its whole organisation");
        assert_eq!(tenant("xoxb-2", "T2"), TenantId::default_tenant(), "as on a first start");
        remembered(&store, "xoxb-2", serde_json::json!({"team_id": "T2"})).await;
        assert_eq!(tenant("xoxb-2", "T2"), TenantId::default_tenant());
        assert_eq!(tenant("xoxb-2", "T1"), TenantId::unclaimed());
        assert_eq!(tenant("xoxb-1", "T1"), TenantId::default_tenant(), "each token has its own");
        let kept = setting::installations(&store.view(&TenantId::default_tenant())).unwrap();
        assert!(kept.iter().all(|found| !found.token.as_deref().unwrap_or_default().contains("xoxb")));
    }

    #[tokio::test]
    async fn an_organisation_that_is_connected_as_a_whole_has_all_its_workspaces() {
        let store = store();
        let answer = serde_json::json!({"team_id": "T1", "enterprise_id": "E1", "is_enterprise_install": true});
        remembered(&store, "xoxb-1", answer).await;
        let installations = Installations::read(&store, Some(&Secret::new("xoxb-1")), HashMap::new()).unwrap();
        for (id, organisation, claimed) in [
            ("T1", None, true),
            ("T7", Some("E1"), true),
            ("E1", Some("E1"), true),
            ("T7", Some("E2"), false),
            ("T7", None, false),
        ] {
            let tenant = installations.tenant_of(SLACK, id, organisation);
            assert_eq!(tenant == TenantId::default_tenant(), claimed, "{id} of {organisation:?}");
        }
    }
}
