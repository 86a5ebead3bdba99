//! Deliveries of GitHub's webhook that have not arrived: found in GitHub's record of its tries, and sent once more.
//!
//! GitHub repeats nothing by itself. So at the start and on a timer the record is read back to where the last look ended
//! (`store/keyspace/gap.rs`), what is not in the ledger is noted (`store/keyspace/missing.rs`), in one commit with where this
//! look has ended, and then sent again one by one. What was noted is seen to whatever breaks in between. Which deliveries
//! are missing is decided in `choice.rs`, how one is sent again stands in `again.rs`, what is read of GitHub in
//! `channels/github/deliveries.rs`.
//!
//! An App that is connected for the first time begins there: what happened before is none of the bot's business.

mod again;
mod choice;

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use self::choice::{Choice, Found, Window};
use super::GapMetrics;
use crate::actors::board::Board;
use crate::actors::clock;
use crate::app::inside::Insides;
use crate::channels::DeliverError;
use crate::channels::github::client::Client;
use crate::channels::github::decode::delivery_key;
use crate::domain::event::ChannelName;
use crate::domain::ids::TenantId;
use crate::domain::time::{Clock, Timestamp};
use crate::store::engine::Order;
use crate::store::keyspace::gap::{self, Reached};
use crate::store::keyspace::missing::{self, Missing};
use crate::store::keyspace::{dedupe, event};
use crate::store::{Batch, Store, StoreError};

/// Its name on the board.
pub(in crate::app) const BOARD_NAME: &str = "github gap";
/// Pause after a look that has found something or was cut off.
const AGAIN: Duration = Duration::from_secs(60);
/// Parts of GitHub's record that one look reads, of a hundred tries each. Ours: they are as many calls, of some hundred that
/// the App has in a minute.
const MOST_PAGES: usize = 100;
/// What is missing is noted in commits of so many.
const IN_A_COMMIT: usize = 500;
/// Events among which the newest of GitHub is looked for, at the first start of a program that keeps this row.
const MOST_EVENTS: usize = 1000;
/// Deliveries that are named; the others are counted.
const MOST_NAMED: usize = 50;

/// The healing of GitHub's gaps.
pub(in crate::app) struct Healing {
    store: Store,
    clock: Arc<dyn Clock>,
    client: Arc<Client>,
    /// The App, whose deliveries these are.
    app: String,
    board: Board,
    metrics: GapMetrics,
    /// How far back it is looked.
    most: Duration,
    every: Duration,
    /// When this process began to look.
    started: Timestamp,
    tally: Tally,
}

/// What all looks of this process have come to.
#[derive(Debug, Default)]
struct Tally {
    looking: bool,
    looked: Option<Timestamp>,
    from: Option<Timestamp>,
    found: u64,
    healed: u64,
    waiting: usize,
    given_up: Vec<Missing>,
    unread: usize,
    /// Deliveries before it were too many to be read.
    not_read_before: Option<Timestamp>,
    cut_off: Option<String>,
    /// Several were asked for in vain until then, and none that was asked for has come since.
    in_vain_since: Option<Timestamp>,
}

/// Why a look did not come to its end.
#[derive(Debug)]
struct CutOff {
    why: String,
    /// The next one does not begin before.
    after: Duration,
}

impl CutOff {
    fn because(why: impl Into<String>) -> Self {
        Self { why: why.into(), after: Duration::ZERO }
    }
}

impl From<StoreError> for CutOff {
    fn from(error: StoreError) -> Self {
        Self::because(error.to_string())
    }
}

impl From<DeliverError> for CutOff {
    fn from(error: DeliverError) -> Self {
        let after = if let DeliverError::RateLimited { after } = &error { *after } else { Duration::ZERO };
        Self { why: error.to_string(), after }
    }
}

/// The tenants to which an event of GitHub can belong.
fn tenants() -> [TenantId; 2] {
    [TenantId::default_tenant(), TenantId::unclaimed()]
}

impl Healing {
    /// None where GitHub is off, or this is turned off.
    pub(in crate::app) fn new(insides: &Insides, metrics: &GapMetrics) -> Option<Self> {
        let settings = &insides.config.channels.github;
        let clock = clock::system();
        Some(Self {
            store: insides.store.clone(),
            client: insides.github.as_ref()?.channel.client().clone(),
            app: settings.app_id.as_deref().unwrap_or_default().trim().to_owned(),
            board: insides.board.clone(),
            metrics: metrics.clone(),
            most: settings.look_back()?,
            every: settings.look_every(),
            started: clock.now(),
            clock,
            tally: Tally::default(),
        })
    }

    /// Looks, and sends again, for as long as the program runs.
    pub(in crate::app) async fn watch(mut self) {
        loop {
            let broke_off = |_| Err(CutOff::because("a fault of the bot, which is in its log"));
            let round = AssertUnwindSafe(self.round()).catch_unwind().await.unwrap_or_else(broke_off);
            let pause = self.ended(round);
            tokio::time::sleep(pause).await;
        }
    }

    /// Looks once. True where something is left for soon.
    async fn round(&mut self) -> Result<bool, CutOff> {
        self.tally.looking = true;
        let row = self.row().await?;
        let found = self.look(&row).await?;
        let young = found.young;
        let left = self.heal(found.arrived_last).await?;
        Ok(left || young > 0 || !found.missing.is_empty())
    }

    /// Shows how a look has ended; gives the pause until the next.
    fn ended(&mut self, round: Result<bool, CutOff>) -> Duration {
        self.tally.looking = false;
        let (soon, after, cut_off) = match round {
            Ok(soon) => (soon, Duration::ZERO, None),
            Err(CutOff { why, after }) => (true, after, Some(why)),
        };
        if let Some(why) = &cut_off
            && self.tally.cut_off.as_ref() != Some(why)
        {
            tracing::warn!(channel = "github", why, "the look for deliveries that have not arrived was cut off");
        }
        self.tally.cut_off = cut_off;
        self.show();
        let pause = if soon { AGAIN.min(self.every) } else { self.every };
        pause.max(after)
    }

    /// Where the last look has ended. Without a row it begins here, or where an earlier program, which kept none, has heard
    /// of GitHub last.
    async fn row(&self) -> Result<Reached, CutOff> {
        if let Some(row) = gap::reached(&self.store.view(&TenantId::default_tenant()), ChannelName::GitHub, &self.app)?
        {
            return Ok(row);
        }
        let mut newest = None;
        for tenant in tenants() {
            newest = newest.max(self.newest_of(&tenant)?);
        }
        let since = newest.unwrap_or(self.started);
        let row = Reached { since, until: since, look_from: None };
        self.note(&[], Some(&row)).await?;
        Ok(row)
    }

    fn newest_of(&self, tenant: &TenantId) -> Result<Option<Timestamp>, StoreError> {
        let view = self.store.view(tenant);
        for id in event::ids(&view, Order::Descending).take(MOST_EVENTS) {
            match event::read(&view, id?) {
                Ok(Some(event)) if event.what.channel == ChannelName::GitHub => return Ok(Some(event.at)),
                // One value that cannot be read must not hold up the others.
                Ok(_) | Err(StoreError::Unreadable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Reads GitHub's record, and notes what is missing.
    async fn look(&mut self, row: &Reached) -> Result<Found, CutOff> {
        let mut page = self.client.attempts(None).await?;
        let window = Window::after(row, page.made.unwrap_or_else(|| self.clock.now()), self.most);
        let (mut choice, mut pages) = (Choice::default(), 1);
        self.tally.unread = 0;
        loop {
            self.tally.unread += page.unread;
            let oldest = page.attempts.iter().map(|attempt| attempt.at).min();
            page.attempts.into_iter().for_each(|attempt| choice.note(&window, attempt));
            let is_within = oldest.is_none_or(|oldest| oldest >= window.from);
            let Some(next) = page.next.filter(|_| is_within) else { break };
            if pages == MOST_PAGES {
                self.tally.not_read_before = oldest;
                break;
            }
            page = self.client.attempts(Some(&next)).await?;
            pages += 1;
        }
        let mut found = choice.found(&window, |guid| is_known(&self.store, guid))?;
        let noted = missing::all(&self.store.view(&TenantId::default_tenant()))?;
        let noted: BTreeSet<String> = noted.into_iter().map(|missing| missing.guid).collect();
        found.missing.retain(|missing| !noted.contains(&missing.guid));
        self.note(&found.missing, Some(&Reached { until: window.now, ..*row })).await?;
        (self.tally.looked, self.tally.from) = (Some(window.now), Some(window.from));
        let count = found.missing.len();
        self.tally.found += count as u64;
        self.metrics.deliveries("found", count);
        if count > 0 {
            tracing::info!(channel = "github", count, "deliveries have not arrived and are asked for again");
        }
        Ok(found)
    }

    /// Notes what is missing, and behind it, in the last commit, where a look has ended. While the store takes no events in
    /// it takes nothing of this either.
    async fn note(&self, missing: &[Missing], row: Option<&Reached>) -> Result<(), StoreError> {
        let tenant = TenantId::default_tenant();
        let (rest, last) = missing.split_at(missing.len() - missing.len() % IN_A_COMMIT);
        for part in rest.chunks(IN_A_COMMIT) {
            let mut batch = Batch::intake();
            batch.writes(&tenant, part.iter().map(missing::put_missing));
            self.store.commit(batch).await?;
        }
        let mut batch = Batch::intake();
        batch.writes(&tenant, last.iter().map(missing::put_missing));
        batch.writes(&tenant, row.map(|row| gap::put_reached(ChannelName::GitHub, &self.app, row)));
        self.store.commit(batch).await
    }

    fn show(&self) {
        let tally = &self.tally;
        let named = tally.given_up.iter().take(MOST_NAMED).map(|missing| {
            json!({ "delivery": missing.guid, "event": missing.event, "sent": missing.sent.to_string(),
                    "why": missing.given_up })
        });
        let time = |at: Option<Timestamp>| at.map_or(Value::Null, |at| at.to_string().into());
        let figures = [
            ("looking", tally.looking.into()),
            ("looked", time(tally.looked)),
            ("from", time(tally.from)),
            ("found", tally.found.into()),
            ("healed", tally.healed.into()),
            ("waiting", tally.waiting.into()),
            ("given_up", tally.given_up.len().into()),
            ("named", named.collect()),
            ("unread", tally.unread.into()),
            ("not_read_before", time(tally.not_read_before)),
            ("cut_off", json!(tally.cut_off)),
        ];
        self.board.figures(BOARD_NAME, self.clock.now(), figures);
    }
}

/// Whether a delivery is in the ledger.
fn is_known(store: &Store, guid: &str) -> Result<bool, StoreError> {
    let key = delivery_key(guid);
    for tenant in tenants() {
        if dedupe::owner(&store.view(&tenant), &key)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
