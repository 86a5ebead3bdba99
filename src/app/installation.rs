//! Which workspace belongs to which tenant, and how each is connected: by the configured bot token, whose workspace is
//! asked for at the start and remembered, so that a later start needs no answer; or by OAuth, when somebody installs
//! the app. Tokens that are renewed later are kept by [`super::tokens`].
//!
//! What was remembered of another token says nothing of this one: it is left out, and events belong to the
//! default tenant until Slack has answered, as on a first start.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::actors::clock::SystemClock;
use crate::actors::sign::Signer;
use crate::channels::slack::answers::Identity;
use crate::channels::slack::deliver::SlackChannel;
use crate::channels::slack::oauth::{Granted, Named};
use crate::channels::slack::workspaces::{Connected, Token};
use crate::domain::event::ChannelName;
use crate::domain::ids::TenantId;
use crate::domain::outcome::Expect;
use crate::domain::secret::Secret;
use crate::domain::time::{Clock, Timestamp};
use crate::ledger::inbox::backoff;
use crate::ledger::operate;
use crate::store::keyspace::setting::{self, Grant, Installation};
use crate::store::{Batch, Store, StoreError, Stored};

pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(500);
pub(super) const MOST_PAUSE: Duration = Duration::from_secs(60);

/// Workspaces, and organisations that are connected as a whole, by channel.
type Tenants = HashMap<(ChannelName, String), TenantId>;

/// Workspaces and their tenants; clones share them.
#[derive(Clone)]
pub(super) struct Installations {
    store: Store,
    tenants: Arc<ArcSwap<Tenants>>,
    /// Entra tenants, which the configuration names.
    teams: Arc<HashMap<String, TenantId>>,
    /// Digest of the token in use.
    token: Option<String>,
    slack: Option<Arc<SlackChannel>>,
    /// One workspace is connected at a time: the first is the default tenant's.
    connecting: Arc<Mutex<()>>,
    /// They are read anew one after the other.
    reloading: Arc<std::sync::Mutex<()>>,
}

/// A row with its version and its tenant.
type Row = (TenantId, Stored<Installation>);

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
        grant: None,
        gone: None,
    })
}

fn insert(tenants: &mut Tenants, found: Installation, tenant: &TenantId) {
    for id in [Some(found.id), found.organisation].into_iter().flatten() {
        tenants.insert((found.channel, id), tenant.clone());
    }
}

/// The row of a workspace or organisation, whosever it is.
pub(super) fn row_of(store: &Store, id: &str) -> Result<Option<Row>, StoreError> {
    for tenant in store.tenants()? {
        if let Some(stored) = setting::installation(&store.view(&tenant), ChannelName::Slack, id)? {
            return Ok(Some((tenant, stored)));
        }
    }
    Ok(None)
}

/// Every tenant that has, or had, a workspace.
pub(super) fn tenants(store: &Store) -> Result<Vec<TenantId>, StoreError> {
    let mut with = Vec::new();
    for tenant in store.tenants()? {
        if !setting::installations(&store.view(&tenant))?.is_empty() {
            with.push(tenant);
        }
    }
    Ok(with)
}

impl Installations {
    /// What earlier starts with the same token have found, and what was connected by OAuth.
    pub(super) fn read(
        store: &Store,
        token: Option<&Secret>,
        slack: Option<Arc<SlackChannel>>,
        teams: HashMap<String, TenantId>,
    ) -> Result<Self, StoreError> {
        let token = token.map(digest);
        let (tenants, connecting, reloading) = (Arc::default(), Arc::default(), Arc::default());
        let all = Self { store: store.clone(), tenants, teams: Arc::new(teams), token, slack, connecting, reloading };
        all.reload()?;
        Ok(all)
    }

    /// Reads the workspaces anew.
    pub(super) fn reload(&self) -> Result<(), StoreError> {
        // What was read first must not be shown last.
        let _one = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tenants = HashMap::new();
        for tenant in self.store.tenants()? {
            for found in setting::installations(&self.store.view(&tenant))? {
                if self.is_of_another(&found) {
                    continue;
                }
                self.show(&found);
                insert(&mut tenants, found, &tenant);
            }
        }
        self.tenants.store(Arc::new(tenants));
        Ok(())
    }

    /// The workspaces of Slack that are connected, each with its tenant.
    pub(super) fn connected(&self) -> Result<Vec<(TenantId, Installation)>, StoreError> {
        let mut connected = Vec::new();
        for tenant in self.store.tenants()? {
            let rows = setting::installations(&self.store.view(&tenant))?.into_iter();
            let ours = rows.filter(|row| row.channel == ChannelName::Slack && row.gone.is_none());
            // What only a token connects that is there no longer is connected no longer.
            let ours = ours.filter(|row| !self.is_of_another(row) && (row.grant.is_some() || self.token.is_some()));
            connected.extend(ours.map(|row| (tenant.clone(), row)));
        }
        Ok(connected)
    }

    fn is_of_another(&self, found: &Installation) -> bool {
        let by_token = found.grant.is_none() && found.gone.is_none() && found.token.is_some();
        by_token && self.token.is_some() && found.token != self.token
    }

    /// Tells the channel how a workspace is connected.
    fn show(&self, found: &Installation) {
        let Some(slack) = self.slack.as_ref().filter(|_| found.channel == ChannelName::Slack) else { return };
        let connected = match (&found.gone, &found.grant) {
            (Some(why), _) => Connected::Gone(why.clone()),
            (None, Some(grant)) => Connected::ByOAuth(Box::new(token_of(grant))),
            (None, None) if self.token.is_some() => Connected::ByConfiguration,
            (None, None) => return,
        };
        for id in std::iter::once(&found.id).chain(&found.organisation) {
            if let Err(error) = slack.workspaces().put(id, connected.clone()) {
                tracing::error!(workspace = id, %error, "the stored token of a workspace cannot be used");
            }
        }
    }

    /// Connects the workspace, or the organisation, that has installed the app. One that is known keeps its tenant;
    /// the first that an operator's link connects is the default tenant's, unless that has the one of the configured
    /// token; each other one is a tenant of its own, so that nothing of one shows in another.
    pub(super) async fn connect_by_oauth(
        &self,
        granted: Granted,
        by_link: bool,
        signer: &Signer,
    ) -> anyhow::Result<Row> {
        let _one = self.connecting.lock().await;
        let now = SystemClock.now();
        let fresh = installed(granted, now).context("slack's answer names no workspace")?;
        let known = row_of(&self.store, &fresh.id)?;
        let tenant = match &known {
            Some((tenant, _)) => tenant.clone(),
            None if by_link && self.token.is_none() && self.default_is_free()? => TenantId::default_tenant(),
            None => format!("slack-{}", fresh.id.to_ascii_lowercase()).parse()?,
        };
        let mut dice = [0; 32];
        rand::fill(&mut dice);
        signer.prepare(&self.store, &tenant, dice).await?;
        let expect = Expect::as_read(known.as_ref().map_or(0, |(_, stored)| stored.version));
        let token = known.and_then(|(_, stored)| stored.value.token);
        let row = Installation { token, ..fresh };
        let mut batch = Batch::new();
        batch.write(&tenant, setting::put_installation(&row, expect));
        let by = row.grant.as_ref().map(|grant| grant.by.clone()).unwrap_or_default();
        batch.audit(&tenant, operate::entry("workspace.connect", &format!("slack:{by}"), row.id.clone(), None));
        self.store.commit(batch).await?;
        self.reload()?;
        let stored = setting::installation(&self.store.view(&tenant), ChannelName::Slack, &row.id)?;
        Ok((tenant, stored.context("invariant: the row was written")?))
    }

    fn default_is_free(&self) -> Result<bool, StoreError> {
        let rows = setting::installations(&self.store.view(&TenantId::default_tenant()))?;
        Ok(rows.iter().all(|row| row.channel != ChannelName::Slack))
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
            None if tenants.is_empty() && (channel != ChannelName::Slack || self.token.is_some()) => {
                TenantId::default_tenant()
            }
            None => TenantId::unclaimed(),
        }
    }

    /// The known workspaces and organisations of Slack, sorted.
    pub(super) fn known(&self) -> Vec<String> {
        let mut known: Vec<String> = self.tenants.load().keys().map(|(_, id)| id.clone()).collect();
        known.sort_unstable();
        known
    }

    /// Asks Slack whose token it is until it answers, and remembers the answer.
    pub(super) async fn connect(self, slack: Arc<SlackChannel>) {
        for attempt in 0.. {
            match slack.identity().await {
                Ok(None) => return,
                Ok(Some(identity)) => match installation(&identity, self.token.as_deref(), SystemClock.now()) {
                    Some(found) => {
                        let workspace = found.id.clone();
                        match self.remember(found).await {
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

    /// What connects it by OAuth stays; what an earlier token was for is connected no longer.
    async fn remember(&self, found: Installation) -> Result<(), StoreError> {
        let _one = self.connecting.lock().await;
        let known = row_of(&self.store, &found.id)?;
        let tenant = known.as_ref().map_or_else(TenantId::default_tenant, |(tenant, _)| tenant.clone());
        let version = known.as_ref().map_or(0, |(_, stored)| stored.version);
        let grant = known.and_then(|(_, stored)| stored.value.grant);
        let mut batch = Batch::new();
        batch.write(&tenant, setting::put_installation(&Installation { grant, ..found }, Expect::as_read(version)));
        self.store.commit(batch).await?;
        self.reload()
    }
}

/// What is stored of an installation by OAuth; none where it names nothing that could be a workspace.
fn installed(granted: Granted, now: Timestamp) -> Option<Installation> {
    let id = |named: &Option<Named>| named.as_ref().and_then(|named| named.id.clone()).filter(|id| !id.is_empty());
    let enterprise = id(&granted.enterprise);
    let organisation = enterprise.clone().filter(|_| granted.is_enterprise_install == Some(true));
    let named = if organisation.is_some() { &granted.enterprise } else { &granted.team };
    Some(Installation {
        channel: ChannelName::Slack,
        id: id(named)?,
        organisation,
        token: None,
        name: named.as_ref().and_then(|named| named.name.clone()).unwrap_or_default(),
        bot_user: granted.bot_user_id.clone().unwrap_or_default(),
        since: now,
        gone: None,
        grant: Some(Grant {
            until: granted.expires_in.map(|seconds| now.after(Duration::from_secs(seconds.into()))),
            refresh: granted.refresh_token.filter(|token| !token.expose().is_empty()),
            token: granted.access_token,
            from: now,
            scopes: granted.scope.unwrap_or_default(),
            app: granted.app_id.unwrap_or_default(),
            enterprise,
            by: id(&granted.authed_user).unwrap_or_default(),
        }),
    })
}

pub(super) fn token_of(grant: &Grant) -> Token {
    Token { token: grant.token.clone(), refresh: grant.refresh.clone(), from: grant.from, until: grant.until }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::in_memory;

    const SLACK: ChannelName = ChannelName::Slack;

    fn identity(answer: serde_json::Value) -> Identity {
        serde_json::from_value(answer).unwrap()
    }

    async fn remembered(store: &Store, token: &str, answer: serde_json::Value) {
        let installations = Installations::read(store, Some(&Secret::new(token)), None, HashMap::new()).unwrap();
        let found = installation(&identity(answer), installations.token.as_deref(), Timestamp(1)).unwrap();
        installations.remember(found).await.unwrap();
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
        let store = in_memory();
        remembered(&store, "xoxb-1", serde_json::json!({"team_id": "T1", "enterprise_id": "E1"})).await;
        let tenant = |token: &str, id: &str| {
            Installations::read(&store, Some(&Secret::new(token)), None, HashMap::new()).unwrap().tenant_of(
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
        let store = in_memory();
        let answer = serde_json::json!({"team_id": "T1", "enterprise_id": "E1", "is_enterprise_install": true});
        remembered(&store, "xoxb-1", answer).await;
        let installations = Installations::read(&store, Some(&Secret::new("xoxb-1")), None, HashMap::new()).unwrap();
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
