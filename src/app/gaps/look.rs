//! One look for what was missed in a workspace: what is found goes the ordinary way in, and what could not be read is
//! said, on the board, in `doctor` and in the log; never with a word of what was written.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use super::Gaps;
use super::teams::Team;
use crate::channels::slack::history::{FoundThere, KINDS, Listed, NotRead, Reader, keys_elsewhere};
use crate::domain::event::{Address, ChannelName, Incoming};
use crate::domain::time::Timestamp;
use crate::ledger::inbox::Accepted;
use crate::ledger::intake::NotAdmitted;
use crate::store::engine::Order;
use crate::store::keyspace::{dedupe, event};
use crate::store::{StoreError, View};

/// What the names of these looks on the board begin with.
pub(in crate::app) const BOARD_NAME: &str = "slack gap of ";
/// Threads that were begun before the gap and are looked through, those in which the bot was spoken to last: each is a
/// call.
const MOST_THREADS: usize = 30;
/// Events among which they are looked for.
const MOST_EVENTS: usize = 500;
/// Places that are named with why they were not read; the others are counted.
const MOST_NAMED: usize = 50;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    kind: &'static str,
}

/// Figures of all looks.
#[derive(Debug, Clone, Default)]
pub(in crate::app) struct GapMetrics {
    messages: Family<Labels, Counter>,
    places: Family<Labels, Counter>,
    deliveries: Family<Labels, Counter>,
}

impl GapMetrics {
    /// Puts the figures on the page.
    pub(in crate::app) fn register(&self, registry: &mut Registry) {
        let help = "Messages to the bot that a look after a gap has found: taken_in, known";
        registry.register("gap_messages", help, self.messages.clone());
        let help = "Places that a look after a gap was for: read, cut (not to the end), not_read, left_out";
        registry.register("gap_places", help, self.places.clone());
        let help = "Deliveries of GitHub that had not arrived: found, healed (sent again, and arrived), given_up";
        registry.register("gap_deliveries", help, self.deliveries.clone());
    }

    /// Counts what became of deliveries of GitHub.
    pub(super) fn deliveries(&self, kind: &'static str, by: usize) {
        Self::count(&self.deliveries, kind, by);
    }

    fn count(family: &Family<Labels, Counter>, kind: &'static str, by: usize) {
        family.get_or_create(&Labels { kind }).inc_by(by as u64);
    }
}

/// What a look has come to.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Messages that ask something of the bot and were not taken in before.
    taken_in: usize,
    /// Those that were.
    known: usize,
    /// Places that were read to their end.
    read: usize,
    /// Places of which only a part was read.
    cut: usize,
    /// Places, or kinds of places, that the token may not read, and why.
    not_read: BTreeMap<String, String>,
    /// How many of them.
    refused: usize,
    /// Places for which no call was left.
    left_out: usize,
    calls: usize,
    /// Why it did not come to its end.
    pub(super) cut_off: Option<String>,
}

impl Looked {
    fn refuse(&mut self, place: &str, why: String) {
        self.refused += 1;
        if self.not_read.len() < MOST_NAMED {
            self.not_read.insert(place.to_owned(), why);
        }
    }
}

fn show(gaps: &Gaps, workspace: &str, from: Timestamp, looked: &Looked, looking: bool) {
    let figures: [(&str, Value); 11] = [
        ("looking", looking.into()),
        ("from", from.to_string().into()),
        ("found", (looked.taken_in + looked.known).into()),
        ("taken_in", looked.taken_in.into()),
        ("known", looked.known.into()),
        ("read", looked.read.into()),
        ("cut", looked.cut.into()),
        ("not_read", json!(looked.not_read)),
        ("left_out", looked.left_out.into()),
        ("calls", looked.calls.into()),
        ("cut_off", json!(looked.cut_off)),
    ];
    gaps.board.figures(&format!("{BOARD_NAME}{workspace}"), gaps.clock.now(), figures);
}

/// There was no gap, as at a first start.
pub(super) fn show_nothing(gaps: &Gaps, workspace: &str) {
    show(gaps, workspace, gaps.clock.now(), &Looked::default(), false);
}

/// An organisation that is connected as a whole: how many teams it has, or why nobody knows.
pub(super) fn show_organisation(gaps: &Gaps, organisation: &str, teams: &Result<(Vec<String>, bool), NotRead>) {
    let (count, all, not_read) = match teams {
        Ok((teams, all)) => (teams.len(), *all, json!({})),
        Err(why) => (0, true, json!({ "its teams": why.to_string() })),
    };
    let figures = [("teams", count.into()), ("left_out", usize::from(!all).into()), ("not_read", not_read)];
    gaps.board.figures(&format!("{BOARD_NAME}{organisation}"), gaps.clock.now(), figures);
}

/// Looks through a workspace since a time.
pub(super) async fn look(gaps: &Gaps, team: &Team, from: Timestamp) -> Looked {
    let looked = whole(look_through(gaps, team, from)).await;
    show(gaps, &team.of.workspace, from, &looked, false);
    looked
}

/// What a look has come to; one that panics is one that was cut off. Which fault it was stands in the log.
pub(super) async fn whole(look: impl Future<Output = Looked>) -> Looked {
    let broke_off =
        || Looked { cut_off: Some("a fault of the bot, which is in its log".to_owned()), ..Looked::default() };
    AssertUnwindSafe(look).catch_unwind().await.unwrap_or_else(|_| broke_off())
}

async fn look_through(gaps: &Gaps, team: &Team, from: Timestamp) -> Looked {
    let (of, shared) = (&team.of, &team.shared);
    let mut looked = Looked::default();
    show(gaps, &of.workspace, from, &looked, true);
    let _turn = shared.turn.lock().await;
    let mut reader = Reader::new(gaps.slack.workspaces(), of, gaps.bounds, &shared.pace);
    if let Err(why) = all_places(gaps, team, &mut reader, from, &mut looked).await {
        looked.cut_off = Some(why);
    }
    looked.calls = reader.used();
    say(gaps, &of.workspace, &looked);
    looked
}

/// Everything, or why it was cut off.
async fn all_places(
    gaps: &Gaps,
    team: &Team,
    reader: &mut Reader<'_>,
    from: Timestamp,
    looked: &mut Looked,
) -> Result<(), String> {
    let threads = threads(&gaps.store.view(&team.tenant), reader.workspace()).map_err(|error| error.to_string())?;
    let none = BTreeSet::new();
    for kind in KINDS {
        let places = match reader.places(kind).await {
            Ok((places, all)) => {
                looked.left_out += usize::from(!all);
                places
            }
            Err(NotRead::Away(why)) => return Err(why),
            Err(why @ NotRead::Refused(_)) => {
                looked.refuse(&format!("all of {}", kind.0), why.to_string());
                continue;
            }
            Err(NotRead::UsedUp) => {
                looked.left_out += 1;
                continue;
            }
        };
        for place in places {
            match reader.asked(&place, from, threads.get(&place.id).unwrap_or(&none)).await {
                Ok(found) => take_all(gaps, team, &place, found, looked).await?,
                Err(NotRead::Away(why)) => return Err(why),
                Err(NotRead::Refused(why)) => looked.refuse(&place.id, why),
                Err(NotRead::UsedUp) => looked.left_out += 1,
            }
            looked.calls = reader.used();
            show(gaps, reader.workspace(), from, looked, true);
        }
    }
    Ok(())
}

/// The threads in which the bot was spoken to last, by their place.
fn threads(view: &View, workspace: &str) -> Result<BTreeMap<String, BTreeSet<String>>, StoreError> {
    let (mut threads, mut count) = (BTreeMap::<String, BTreeSet<String>>::new(), 0);
    for id in event::ids(view, Order::Descending).take(MOST_EVENTS) {
        let reply = match event::read(view, id?) {
            Ok(event) => event.and_then(|event| event.what.reply),
            // One value that cannot be read must not hold up the others.
            Err(StoreError::Unreadable(_)) => continue,
            Err(error) => return Err(error),
        };
        let Some(Address { channel: ChannelName::Slack, installation, place, thread: Some(thread), .. }) = reply else {
            continue;
        };
        if installation == workspace && threads.entry(place).or_default().insert(thread) {
            count += 1;
            if count == MOST_THREADS {
                break;
            }
        }
    }
    Ok(threads)
}

async fn take_all(
    gaps: &Gaps,
    team: &Team,
    place: &Listed,
    found: FoundThere,
    looked: &mut Looked,
) -> Result<(), String> {
    for incoming in found.asked {
        let is_new = take(gaps, team, incoming).await.map_err(|error| error.to_string())?;
        looked.taken_in += usize::from(is_new);
        looked.known += usize::from(!is_new);
    }
    if !found.whole {
        tracing::debug!(place = place.id, "more was said there than one look reads");
    }
    looked.read += usize::from(found.whole);
    looked.cut += usize::from(!found.whole);
    Ok(())
}

/// Takes one message in, unless it is here already: what is known is left as it is, and no further delivery of it.
async fn take(gaps: &Gaps, team: &Team, incoming: Incoming) -> Result<bool, StoreError> {
    let view = gaps.store.view(&team.tenant);
    for key in incoming.dedupe.iter().cloned().chain(keys_elsewhere(&incoming, &team.siblings)) {
        if dedupe::owner(&view, &key)?.is_some() {
            return Ok(false);
        }
    }
    let admitted = loop {
        match gaps.intake.admit(&incoming).await {
            Ok(admitted) => break admitted,
            Err(NotAdmitted::TooMany { retry_after_s }) => {
                tokio::time::sleep(Duration::from_secs(retry_after_s)).await;
            }
            Err(NotAdmitted::Store(error)) => return Err(error),
        }
    };
    // Slack may tell of it at this moment as well; then one of the two is known.
    let accepted = gaps.intake.accept(admitted.tenant, admitted.id, incoming).await?;
    Ok(matches!(accepted, Accepted::New { .. } | Accepted::Ignored { .. }))
}

fn say(gaps: &Gaps, workspace: &str, looked: &Looked) {
    let Looked { taken_in, known, read, cut, refused, left_out, calls, .. } = looked;
    for (kind, by) in [("taken_in", taken_in), ("known", known)] {
        GapMetrics::count(&gaps.metrics.messages, kind, *by);
    }
    for (kind, by) in [("read", read), ("cut", cut), ("not_read", refused), ("left_out", left_out)] {
        GapMetrics::count(&gaps.metrics.places, kind, *by);
    }
    tracing::info!(
        channel = "slack",
        workspace,
        taken_in,
        known,
        read,
        cut,
        not_read = refused,
        left_out,
        calls,
        "looked for what was missed"
    );
    if refused + left_out + cut > 0 {
        tracing::warn!(
            channel = "slack",
            workspace,
            not_read = refused,
            left_out,
            cut,
            "what was missed could not be looked for everywhere; `ai-crm doctor` names why"
        );
    }
}
