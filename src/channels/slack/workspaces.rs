//! The connected workspaces and the token of each: which one a call takes, and that it is renewed in time.
//!
//! The token of a workspace is its own, or else that of its organisation, where that is connected as a whole; what is
//! connected in no way is refused with the mend. The token of the configuration serves the workspace whose it is, and
//! until Slack has said whose that is, what nobody else serves.
//!
//! Where tokens are kept is not known here: a [`TokenKeeper`] keeps a new one before it is used, since Slack ends the
//! one from which it came. One renewal of a workspace runs at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;

use super::client::{Client, SetUpError};
use super::oauth::{Granted, OAuth};
use crate::channels::DeliverError;
use crate::domain::secret::Secret;
use crate::domain::time::{Clock, Timestamp};

/// Slack's word for a token whose time is over (docs.slack.dev/authentication/using-token-rotation).
const EXPIRED: &str = "token_expired";
/// Pause after a renewal that did not work, while the token still holds.
const PAUSE: Duration = Duration::from_secs(30);

/// Keeps tokens durably, and shows what troubles them.
pub trait TokenKeeper: Send + Sync + 'static {
    /// Keeps the new tokens of a workspace or organisation; gives them back when they are on disk.
    fn keep<'a>(&'a self, id: &'a str, granted: Granted) -> BoxFuture<'a, Result<Token, String>>;
    /// The renewal of a workspace's token fails, or works again.
    fn trouble(&self, id: &str, error: Option<&str>);
}

/// A bot token and how long it holds.
#[derive(Clone)]
pub struct Token {
    /// The token.
    pub token: Secret,
    /// What the next is got with, where tokens are rotated.
    pub refresh: Option<Secret>,
    /// When it was given.
    pub from: Timestamp,
    /// When it ends.
    pub until: Option<Timestamp>,
}

impl Token {
    /// The last quarter of its life has begun.
    fn is_due(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now >= until.before(until.since(self.from) / 4))
    }
}

/// How a workspace, or an organisation as a whole, is connected.
#[derive(Clone)]
pub enum Connected {
    /// By the token of the configuration.
    ByConfiguration,
    /// By a token of its own.
    ByOAuth(Box<Token>),
    /// No longer; why.
    Gone(String),
}

/// A workspace with its token in use.
struct Workspace {
    id: String,
    current: ArcSwap<Current>,
    /// Until when a renewal is not tried again.
    renewing: Arc<tokio::sync::Mutex<Timestamp>>,
}

struct Current {
    client: Arc<Client>,
    token: Token,
}

enum Entry {
    Configured,
    Own(Arc<Workspace>),
    Gone(String),
}

/// All of them.
pub struct Workspaces {
    configured: Option<Arc<Client>>,
    /// Has no token.
    nobody: Client,
    oauth: Option<Arc<OAuth>>,
    clock: Arc<dyn Clock>,
    keeper: OnceLock<Arc<dyn TokenKeeper>>,
    entries: Mutex<HashMap<String, Entry>>,
}

/// A client for one call, and whose token it has.
pub struct Lease {
    /// The client.
    pub client: Arc<Client>,
    of: Option<Arc<Workspace>>,
}

impl Workspaces {
    /// None is known yet.
    ///
    /// # Errors
    /// Where the address or the token cannot be used.
    pub fn new(
        api_url: &str,
        configured: Option<&Secret>,
        oauth: Option<Arc<OAuth>>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetUpError> {
        let nobody = Client::new(api_url, &Secret::new(""))?;
        let configured = configured.map(|token| nobody.with_token(token)).transpose()?.map(Arc::new);
        let (keeper, entries) = (OnceLock::new(), Mutex::default());
        Ok(Self { configured, nobody, oauth, clock, keeper, entries })
    }

    /// Who keeps tokens; the first is it.
    pub fn kept_by(&self, keeper: Arc<dyn TokenKeeper>) {
        // A second one is a mistake of the composition and changes nothing.
        let _ = self.keeper.set(keeper);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says how a workspace or an organisation is connected from now on.
    ///
    /// # Errors
    /// Where its token cannot be sent.
    pub fn put(&self, id: &str, connected: Connected) -> Result<(), SetUpError> {
        let entry = match connected {
            Connected::ByConfiguration => Entry::Configured,
            Connected::Gone(why) => Entry::Gone(why),
            // What was read before a renewal was kept must not put back what Slack has ended by it.
            Connected::ByOAuth(token) if self.has_newer(id, token.from) => return Ok(()),
            Connected::ByOAuth(token) => Entry::Own(Arc::new(Workspace {
                id: id.to_owned(),
                current: ArcSwap::from_pointee(current(&self.nobody, *token)?),
                renewing: Arc::default(),
            })),
        };
        self.entries().insert(id.to_owned(), entry);
        Ok(())
    }

    /// By which tokens are got and renewed; none where no app is configured.
    #[must_use]
    pub fn oauth(&self) -> Option<&Arc<OAuth>> {
        self.oauth.as_ref()
    }

    /// Whether the token in use is as new.
    fn has_newer(&self, id: &str, from: Timestamp) -> bool {
        match self.entries().get(id) {
            Some(Entry::Own(own)) => own.current.load().token.from >= from,
            _ => false,
        }
    }

    /// The client of the configured token, or else of any workspace; none where nothing is connected.
    #[must_use]
    pub fn any(&self) -> Option<Arc<Client>> {
        let of_any = || {
            let entries = self.entries();
            entries.values().find_map(|entry| match entry {
                Entry::Own(workspace) => Some(workspace.current.load().client.clone()),
                Entry::Configured | Entry::Gone(_) => None,
            })
        };
        self.configured.clone().or_else(of_any)
    }

    /// The client of the configured token.
    #[must_use]
    pub fn configured(&self) -> Option<&Arc<Client>> {
        self.configured.as_ref()
    }

    /// A client for a call to a workspace, with a token that holds.
    ///
    /// # Errors
    /// Rejected where it is not connected, with the mend; unavailable where its token has ended and cannot be renewed.
    pub async fn lease(&self, workspace: &str, organisation: Option<&str>) -> Result<Lease, DeliverError> {
        let own = match self.find(workspace, organisation)? {
            Ok(configured) => return Ok(Lease { client: configured, of: None }),
            Err(own) => own,
        };
        let now = self.clock.now();
        let token = own.current.load_full();
        if token.token.is_due(now) && token.token.refresh.is_some() {
            let renewed = self.renew(&own, &token).await;
            if let Err(error) = renewed
                && token.token.until.is_some_and(|until| now >= until)
            {
                return Err(error);
            }
        }
        Ok(Lease { client: own.current.load().client.clone(), of: Some(own) })
    }

    /// A client for what needs no token, in a workspace that was never connected; none where it is connected no longer.
    #[must_use]
    pub fn without_token(&self, workspace: &str, organisation: Option<&str>) -> Option<&Client> {
        let entries = self.entries();
        let is_gone = |id: &str| matches!(entries.get(id), Some(Entry::Gone(_)));
        let gone = is_gone(workspace) || organisation.is_some_and(is_gone);
        (!gone).then_some(&self.nobody)
    }

    /// Calls Slack with the token of a workspace; once more, with the next one, where that has ended.
    ///
    /// # Errors
    /// As [`Workspaces::lease`], and as the call says.
    pub async fn call<T, F: Future<Output = Result<T, DeliverError>>>(
        &self,
        workspace: &str,
        organisation: Option<&str>,
        call: impl Fn(Arc<Client>) -> F,
    ) -> Result<T, DeliverError> {
        let lease = self.lease(workspace, organisation).await?;
        self.call_by(&lease, call).await
    }

    /// As [`Workspaces::call`], with a client that is there already.
    ///
    /// # Errors
    /// Where the token has ended and cannot be renewed, and as the call says.
    pub async fn call_by<T, F: Future<Output = Result<T, DeliverError>>>(
        &self,
        lease: &Lease,
        call: impl Fn(Arc<Client>) -> F,
    ) -> Result<T, DeliverError> {
        match call(lease.client.clone()).await {
            Err(error) if is_expired(&error) => match self.after_expiry(lease).await? {
                Some(lease) => call(lease.client).await,
                None => Err(error),
            },
            other => other,
        }
    }

    /// Another client for a call that was refused because its token had ended; none where there is none.
    async fn after_expiry(&self, lease: &Lease) -> Result<Option<Lease>, DeliverError> {
        let Some(own) = &lease.of else { return Ok(None) };
        let current = own.current.load_full();
        if Arc::ptr_eq(&current.client, &lease.client) {
            if current.token.refresh.is_none() {
                return Ok(None);
            }
            self.renew(own, &current).await?;
        }
        Ok(Some(Lease { client: own.current.load().client.clone(), of: lease.of.clone() }))
    }

    /// Renews what is due, so that no call has to wait for it.
    pub async fn renew_due(&self) {
        let all: Vec<Arc<Workspace>> = {
            let entries = self.entries();
            let own = |entry: &Entry| if let Entry::Own(own) = entry { Some(own.clone()) } else { None };
            entries.values().filter_map(own).collect()
        };
        for own in all {
            let token = own.current.load_full();
            if token.token.is_due(self.clock.now()) && token.token.refresh.is_some() {
                // The keeper was told; it is tried again.
                let _ = self.renew(&own, &token).await;
            }
        }
    }

    /// The configured client, or else the workspace with a token of its own.
    fn find(
        &self,
        workspace: &str,
        organisation: Option<&str>,
    ) -> Result<Result<Arc<Client>, Arc<Workspace>>, DeliverError> {
        let entries = self.entries();
        let mut gone = None;
        for id in [Some(workspace), organisation].into_iter().flatten() {
            match (entries.get(id), &self.configured) {
                (Some(Entry::Own(own)), _) => return Ok(Err(own.clone())),
                (Some(Entry::Configured), Some(client)) => return Ok(Ok(client.clone())),
                (Some(Entry::Gone(why)), _) => gone = gone.or(Some((id, why))),
                _ => {}
            }
        }
        let whose_is_known = entries.values().any(|entry| matches!(entry, Entry::Configured));
        let reason = match (gone, &self.configured) {
            (Some((id, why)), _) => format!("{why} ({id}); to connect it again see `ai-crm slack install-link`"),
            (None, Some(configured)) if !whose_is_known => return Ok(Ok(configured.clone())),
            _ => format!("the workspace {workspace} is not connected; connect it with `ai-crm slack install-link`"),
        };
        Err(DeliverError::Rejected { reason })
    }

    /// One at a time: who waited finds the work done. It runs to its end whoever stops waiting for it, since the old
    /// token ends with Slack's answer.
    async fn renew(&self, own: &Arc<Workspace>, seen: &Arc<Current>) -> Result<(), DeliverError> {
        let mut tried = own.renewing.clone().lock_owned().await;
        if !Arc::ptr_eq(&own.current.load(), seen) {
            return Ok(());
        }
        let now = self.clock.now();
        let unavailable = |reason: String| DeliverError::Unavailable { reason };
        if now < *tried {
            return Err(unavailable("the token could not be renewed a moment ago".to_owned()));
        }
        let (Some(oauth), Some(keeper), Some(refresh)) = (&self.oauth, self.keeper.get(), &seen.token.refresh) else {
            let reason = "its token ends, and without SLACK_CLIENT_ID and SLACK_CLIENT_SECRET nothing renews it";
            return Err(unavailable(reason.to_owned()));
        };
        let (oauth, keeper, refresh) = (oauth.clone(), keeper.clone(), refresh.clone());
        let (own, client) = (own.clone(), seen.client.clone());
        let renewing = tokio::spawn(async move {
            let renewed = async {
                let granted = oauth.refresh(&refresh).await.map_err(|error| error.to_string())?;
                let token = keeper.keep(&own.id, granted).await?;
                current(&client, token).map_err(|error| error.to_string())
            };
            let renewed = renewed.await.map(|current| own.current.store(Arc::new(current)));
            if renewed.is_err() {
                *tried = now.after(PAUSE);
            }
            keeper.trouble(&own.id, renewed.as_ref().err().map(String::as_str));
            renewed
        });
        let renewed = renewing.await.unwrap_or_else(|error| Err(error.to_string()));
        renewed.map_err(|error| unavailable(format!("the token cannot be renewed: {error}")))
    }
}

fn current(like: &Client, token: Token) -> Result<Current, SetUpError> {
    Ok(Current { client: Arc::new(like.with_token(&token.token)?), token })
}

/// Whether a call was refused because its token had ended.
#[must_use]
pub fn is_expired(error: &DeliverError) -> bool {
    matches!(error, DeliverError::Rejected { reason } if reason == EXPIRED)
}
