//! GitHub put together: its channel, its edge, and what GitHub says of the App: how people call it, and who owns it.
//!
//! Whose an event is goes by the account at which it happened. Where the operator lists none, the account that owns the App
//! is this team's and all others are not. GitHub says who that is at the start, and again every hour, since an account can
//! be renamed; while GitHub is away it is asked until it answers.
//!
//! Until then nobody can tell whose a delivery is, and it is taken in as this team's: to refuse it would lose it, since
//! GitHub sends nothing twice by itself, and to keep it apart would leave undone what the team has asked for. It does no
//! harm that others may have installed the App as well: for a command a person has to be looked up at GitHub, which is
//! asked first whose the account is, and in an account of others nobody stands for anything (`channels/github/people.rs`);
//! and what rules are about waits until it is known (`Channel::rules_may_act`, `actors/reported.rs`).

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;

use crate::actors::clock;
use crate::channels::DeliverError;
use crate::channels::github::accounts::Accounts;
use crate::channels::github::client::{Client, Identity};
use crate::channels::github::decode::Me;
use crate::channels::github::deliver::GitHubChannel;
use crate::channels::github::key::AppKey;
use crate::channels::github::verify::Verifier;
use crate::config::Config;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::web::github::Edge;

/// How long a start waits for GitHub to say what it says of the App.
const AT_START: Duration = Duration::from_secs(3);
/// Between two tries while GitHub is away: the first, doubling, and the longest. Rules wait for its answer, so one that is lost
/// is asked for again at once.
const TRY_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// Between two looks whether the App or its owner is called otherwise.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

/// GitHub, where it is on.
pub(super) struct Parts {
    pub(super) channel: Arc<GitHubChannel>,
    me: Arc<ArcSwap<Me>>,
}

/// Its parts, where it is on.
pub(super) fn parts(config: &Config) -> anyhow::Result<Option<Arc<Parts>>> {
    let settings = &config.channels.github;
    if !settings.is_on()? {
        return Ok(None);
    }
    let app_id = settings.app_id.clone().unwrap_or_default();
    let unset = Secret::new("");
    let key = AppKey::read(settings.private_key.as_ref().unwrap_or(&unset))
        .context("channels.github.private_key (GITHUB_PRIVATE_KEY) cannot be used")?;
    let client = Client::new(&settings.api_url, &app_id, key, clock::system()).context("github cannot be set up")?;
    let accounts = Arc::new(Accounts::new(&settings.accounts));
    let channel = Arc::new(GitHubChannel::new(Arc::new(client), accounts, settings.pace()));
    let me = Me { realm: settings.realm().to_owned(), slug: String::new(), app_id: app_id.trim().parse().ok() };
    Ok(Some(Arc::new(Parts { channel, me: Arc::new(ArcSwap::from_pointee(me)) })))
}

/// Its part of the edge. Where GitHub is off, that takes what is posted with an API key alone.
pub(super) fn edge(config: &Config, parts: Option<&Parts>) -> Edge {
    let settings = &config.channels.github;
    match parts {
        Some(parts) => Edge::new(Some(Verifier::new(settings.webhook_secret.as_slice())), parts.me.clone()),
        None => {
            let me = Me { realm: settings.realm().to_owned(), ..Me::default() };
            Edge::new(None, Arc::new(ArcSwap::from_pointee(me)))
        }
    }
}

/// The accounts that are listed. Where there are none and no App whose owner decides, each is this team's: nothing comes
/// then but what bears an API key.
pub(super) fn listed(config: &Config) -> Accounts {
    Accounts::new(&config.channels.github.accounts)
}

impl Parts {
    /// Asks GitHub what it says of the App, and keeps it in mind; with what time it is there.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub(super) async fn learn(&self) -> Result<(Arc<Identity>, Option<Timestamp>), DeliverError> {
        let (identity, time) = self.channel.client().introduce().await?;
        self.channel.accounts().learn(identity.owner.as_deref());
        let realm = self.me.load().realm.clone();
        self.me.store(Arc::new(Me { realm, slug: identity.slug.clone(), app_id: Some(identity.id) }));
        Ok((identity, time))
    }

    /// The first look, for which a start waits a little.
    pub(super) async fn learn_at_start(&self) {
        match tokio::time::timeout(AT_START, self.learn()).await {
            Ok(Ok((identity, _))) => tracing::info!(channel = "github", app = identity.slug, "GitHub knows the App"),
            Ok(Err(error)) => {
                tracing::warn!(channel = "github", %error, "what GitHub says of the App is not known yet")
            }
            Err(_) => tracing::warn!(channel = "github", "GitHub does not say who the App is yet; it is asked again"),
        }
    }

    /// Keeps what GitHub says of the App in mind.
    pub(super) async fn keep_learning(self: Arc<Self>) {
        let mut pause = if self.channel.client().known_identity().is_some() { LOOK_EVERY } else { TRY_AGAIN.0 };
        loop {
            tokio::time::sleep(pause).await;
            pause = match self.learn().await {
                Ok(_) => LOOK_EVERY,
                Err(error) => {
                    tracing::debug!(channel = "github", %error, "GitHub does not say who the App is");
                    (pause * 2).clamp(TRY_AGAIN.0, TRY_AGAIN.1)
                }
            };
        }
    }
}
