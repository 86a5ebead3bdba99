//! What the edge and the way in ask of the rest of the program, answered.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::actors::board::{Board, Condition};
use crate::actors::sign::Signer;
use crate::actors::tree::{Entrance, Tree};
use crate::app::installation::Installations;
use crate::app::{doctor, explain, github, pairing, policies, teams};
use crate::channels::github::accounts::{Accounts, Whose};
use crate::channels::slack::deliver::SlackChannel;
use crate::channels::slack::oauth::Granted;
use crate::config::Config;
use crate::domain::effect::Effect;
use crate::domain::event::ChannelName;
use crate::domain::ids::{EventId, TenantId};
use crate::ledger::inbox::Accepted;
use crate::ledger::intake::Behind;
use crate::ledger::lanes::Lane;
use crate::ledger::operate::{self, OPERATOR};
use crate::policy::Live;
use crate::store::keyspace::run;
use crate::store::keyspace::setting::Installation;
use crate::store::seal::MasterKey;
use crate::store::{Batch, Store, backup, rotate};
use crate::web::inside::{Inside, NewWorkspace};

/// The rest of the program.
pub(super) struct Insides {
    pub(super) config: Arc<Config>,
    pub(super) store: Store,
    pub(super) masters: Vec<MasterKey>,
    pub(super) policies: Arc<Live>,
    pub(super) workflows: Arc<crate::workflow::set::Live>,
    pub(super) board: Board,
    pub(super) installations: Installations,
    pub(super) tree: Option<Tree>,
    pub(super) signer: Arc<Signer>,
    pub(super) slack: Option<Arc<SlackChannel>>,
    pub(super) teams: Option<teams::Parts>,
    pub(super) github: Option<Arc<github::Parts>>,
}

/// What the way in asks of the rest of the program.
pub(super) struct BehindIntake {
    pub(super) github: Option<Arc<github::Parts>>,
    /// Those of GitHub that are listed, for where it is off.
    pub(super) accounts: Accounts,
    pub(super) installations: Installations,
    /// Where runs are that wait for what people do among themselves.
    pub(super) store: Store,
    /// Rules that are about that.
    pub(super) workflows: Arc<crate::workflow::set::Live>,
    pub(super) entrance: Entrance,
}

impl Behind for BehindIntake {
    fn tenant_of(&self, channel: ChannelName, installation: &str, organisation: Option<&str>) -> TenantId {
        match channel {
            ChannelName::GitHub => {
                let accounts = self.github.as_ref().map_or(&self.accounts, |github| github.channel.accounts().as_ref());
                match accounts.whose(organisation) {
                    // Nobody can tell yet: see `app/github.rs`.
                    Whose::Ours | Whose::Unknown => TenantId::default_tenant(),
                    Whose::Others => TenantId::unclaimed(),
                }
            }
            _ => self.installations.tenant_of(channel, installation, organisation),
        }
    }

    fn listens(&self, channel: ChannelName, name: &str) -> bool {
        let is_awaited = || {
            let view = self.store.view(&TenantId::default_tenant());
            // Where that cannot be read, it is better heard in vain than not at all.
            run::is_awaited(&view, channel.as_str(), name).unwrap_or(true)
        };
        self.workflows.current().concerns(channel.as_str(), name, false) || is_awaited()
    }

    fn accepted(&self, accepted: &Accepted) {
        self.entrance.accepted(accepted);
    }
}

impl Inside for Insides {
    fn handle(&self, lane: Lane, event: EventId) {
        if let Some(tree) = &self.tree {
            tree.handle(lane, event);
        }
    }

    fn running(&self) -> BoxFuture<'_, Vec<EventId>> {
        Box::pin(async {
            match &self.tree {
                Some(tree) => tree.running().await,
                None => Vec::new(),
            }
        })
    }

    fn owed(&self, effects: Vec<Effect>) {
        if let Some(tree) = &self.tree {
            tree.owed(effects);
        }
    }

    fn dropped_event(&self, event: EventId) {
        if let Some(tree) = &self.tree {
            tree.dropped_event(event);
        }
    }

    fn dropped_effect(&self, effect: &Effect) {
        if let Some(tree) = &self.tree {
            tree.dropped_effect(effect);
        }
    }

    fn nudge(&self, channel: ChannelName, conversation: String) {
        if let Some(tree) = &self.tree {
            tree.nudge(channel, conversation);
        }
    }

    fn actors(&self) -> Value {
        json!(self.board.read())
    }

    fn troubles(&self) -> Vec<(String, String)> {
        let shown = self.board.read().into_iter();
        let troubled = shown.filter(|(_, s)| matches!(s.condition, Condition::Degraded | Condition::Restarting));
        troubled.map(|(name, shown)| (name, shown.last_error.unwrap_or_default())).collect()
    }

    fn policy_check(&self) -> Value {
        let failure = self.policies.last_failure().map(|failure| failure.issues.clone());
        let refused = failure.map(|issues| issues.iter().map(ToString::to_string).collect::<Vec<_>>());
        let in_use = self.policies.current().hash().to_owned();
        json!({ "files": policies::check(&self.config), "in_use": in_use, "last_refused": refused })
    }

    fn policy_explain(&self, question: &Value) -> Result<Value, String> {
        let view = self.store.view(&TenantId::default_tenant());
        explain::explain(question, &self.policies.current(), &self.config.people, &view)
    }

    fn policy_test(&self) -> Value {
        policies::run(&self.policies.current(), &self.config)
    }

    fn connect_slack(&self, granted: Granted, by_link: bool) -> BoxFuture<'_, Result<NewWorkspace, String>> {
        Box::pin(async move {
            let connected = self.installations.connect_by_oauth(granted, by_link, &self.signer).await;
            let (tenant, row) = connected.map_err(|error| format!("{error:#}"))?;
            let code = match tenant == TenantId::default_tenant() {
                // That of the default tenant is told by the server itself, to its operator.
                true => None,
                false => pairing::make(&self.store, &tenant, &self.config.people).await.map_err(|e| e.to_string())?,
            };
            let Installation { name, id, .. } = row.value;
            tracing::info!(channel = "slack", workspace = id, %tenant, "connected by OAuth");
            Ok(NewWorkspace { name, id, tenant, code })
        })
    }

    fn doctor(&self, send: bool) -> BoxFuture<'_, Value> {
        Box::pin(doctor::examine(self, send))
    }

    fn backup<'a>(&'a self, file: &'a Path) -> BoxFuture<'a, Result<Value, String>> {
        let (store, shown, file) = (self.store.clone(), file.display().to_string(), file.to_owned());
        Box::pin(async move {
            let reading = store.clone();
            let written = tokio::task::spawn_blocking(move || backup::write(&reading, &file)).await;
            let summary = written.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
            // The chain in the file ends before this row: the file is on disk when it is written.
            let mut batch = Batch::new();
            batch.audit(&TenantId::default_tenant(), operate::entry("backup", OPERATOR, shown, None));
            store
                .commit(batch)
                .await
                .map_err(|error| format!("the backup is written, its audit row is not: {error}"))?;
            Ok(json!(summary))
        })
    }

    fn rotate_keys(&self) -> BoxFuture<'_, Result<Value, String>> {
        Box::pin(async move {
            let row = |id| operate::entry("keys.rotate", OPERATOR, format!("data key {id}"), None);
            let made = rotate::new_key(&self.store, &self.masters, &TenantId::default_tenant(), row).await;
            let id = made.map_err(|error| error.to_string())?;
            match &self.tree {
                Some(tree) => tree.reseal(),
                None => {
                    let mut from = Some(Vec::new());
                    while let Some(key) = from {
                        from = rotate::step(&self.store, &key).await.map_err(|error| error.to_string())?.next;
                    }
                }
            }
            Ok(json!({ "key": id, "resealing": self.tree.is_some() }))
        })
    }
}
