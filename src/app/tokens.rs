//! Tokens of Slack that are renewed: kept in the store before they are used, and shown on the board while that fails.

use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::BoxFuture;

use super::installation::{FIRST_PAUSE, MOST_PAUSE, row_of, token_of};
use crate::actors::board::Board;
use crate::actors::clock::SystemClock;
use crate::channels::slack::oauth::Granted;
use crate::channels::slack::workspaces::{Token, TokenKeeper};
use crate::domain::outcome::Expect;
use crate::domain::time::Clock as _;
use crate::ledger::inbox::backoff;
use crate::store::keyspace::setting;
use crate::store::{Batch, Store, StoreError};

/// Keeps renewed tokens in the store.
pub(super) struct Keeper {
    pub(super) store: Store,
    pub(super) board: Board,
}

impl Keeper {
    async fn replace(&self, id: &str, granted: Granted) -> anyhow::Result<Token> {
        let now = SystemClock.now();
        let until = granted.expires_in.map(|seconds| now.after(Duration::from_secs(seconds.into())));
        let mut attempt = 0;
        loop {
            let row = row_of(&self.store, id)?.filter(|(_, stored)| stored.value.gone.is_none());
            let (tenant, stored) = row.context("it is connected no longer")?;
            let mut installation = stored.value;
            let grant = installation.grant.as_mut().context("it is connected by the configured token")?;
            (grant.token, grant.from, grant.until) = (granted.access_token.clone(), now, until);
            grant.refresh = granted.refresh_token.clone().or_else(|| grant.refresh.take());
            let token = token_of(grant);
            let mut batch = Batch::new();
            batch.write(&tenant, setting::put_installation(&installation, Expect::as_read(stored.version)));
            match self.store.commit(batch).await {
                Ok(()) => return Ok(token),
                Err(StoreError::Conflict) => {}
                // Slack has ended the old one: it is kept on trying until the disk takes it.
                Err(error) => {
                    tracing::error!(workspace = id, %error, "a renewed token cannot be stored and is tried again");
                    tokio::time::sleep(backoff(attempt, FIRST_PAUSE, MOST_PAUSE, rand::random())).await;
                    attempt += 1;
                }
            }
        }
    }
}

impl TokenKeeper for Keeper {
    fn keep<'a>(&'a self, id: &'a str, granted: Granted) -> BoxFuture<'a, Result<Token, String>> {
        Box::pin(async move { self.replace(id, granted).await.map_err(|error| format!("{error:#}")) })
    }

    fn trouble(&self, id: &str, error: Option<&str>) {
        let said = error.map(|error| {
            let mend = "if it stays so, connect it again: `ai-crm slack install-link`";
            format!("the token of {id} cannot be renewed: {error}; {mend}")
        });
        self.board.degraded(&format!("slack token of {id}"), SystemClock.now(), said.as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::board::Condition;
    use crate::store::testing::in_memory;

    #[test]
    fn the_trouble_of_one_workspace_is_not_over_by_the_success_of_another() {
        let store = in_memory();
        let keeper = Keeper { store, board: Board::default() };
        for (id, error) in [("T1", Some("invalid_refresh_token")), ("T2", Some("no answer")), ("T2", None)] {
            keeper.trouble(id, error);
        }
        let shown = keeper.board.read();
        let condition = |id: &str| shown[&format!("slack token of {id}")].condition;
        assert_eq!((condition("T1"), condition("T2")), (Condition::Degraded, Condition::Running));
        assert!(shown["slack token of T1"].last_error.as_deref().is_some_and(|said| said.contains("install-link")));
    }
}
