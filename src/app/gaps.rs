//! What people said on Slack while the bot was down, or could not be reached: fetched from its history and taken in as
//! if Slack had told of it.
//!
//! Owns when it is looked for and from when on. While a workspace can reach us a row says so every minute
//! (`store/keyspace/gap.rs`); at a start, and where the row was not written for longer than Slack tells again, what
//! lies between is looked through once, in the background. Each team of an organisation that is connected as a whole has
//! a row of its own and is looked through by itself (`teams.rs`). What is read stands in `channels/slack/history.rs`,
//! what becomes of it in `look.rs`.
//!
//! What GitHub has sent in vain is found and fetched in another way, which stands in `github.rs`.

pub(super) mod github;
mod look;
mod teams;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::actors::board::{Board, Shown};
use crate::actors::{clock, sockets};
use crate::app::gaps::look::Looked;
pub(super) use crate::app::gaps::look::{BOARD_NAME, GapMetrics};
use crate::app::gaps::teams::{Organisations, Team};
use crate::app::inside::Insides;
use crate::app::installation::Installations;
use crate::channels::slack::deliver::SlackChannel;
use crate::channels::slack::history::Bounds;
use crate::domain::event::ChannelName;
use crate::domain::ids::TenantId;
use crate::domain::time::{Clock, Timestamp};
use crate::ledger::intake::Intake;
use crate::store::keyspace::gap::{self, Reached};
use crate::store::{Batch, Store, StoreError};

/// Between two looks at what there is to do.
const TICK: Duration = Duration::from_secs(1);
/// How often it is noted that a workspace can reach us.
const BEAT: Duration = Duration::from_secs(60);
/// So long Slack tells again of what was not accepted, at once, after a minute and after five more
/// (docs.slack.dev/apis/events-api), and some minutes for its queues: a gap that is shorter it closes by itself, and
/// what was said so short before a gap may have been told in vain.
const RETRIES: Duration = Duration::from_secs(600);
/// Pause before a look that Slack or the store has cut off is begun anew.
const AGAIN: Duration = Duration::from_secs(600);

/// What is needed to look.
#[derive(Clone)]
pub(super) struct Gaps {
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) installations: Installations,
    pub(super) slack: Arc<SlackChannel>,
    pub(super) intake: Intake,
    pub(super) board: Board,
    pub(super) metrics: GapMetrics,
    /// Slack reaches us by sockets alone.
    by_socket: bool,
    /// How far back it is looked.
    most: Duration,
    bounds: Bounds,
}

/// A workspace, as this process has seen to it.
#[derive(Default)]
struct Watched {
    /// When its row is to be written next.
    beat_at: Timestamp,
    /// It was looked through since the start.
    looked: bool,
    looking: bool,
    /// No look begins before.
    not_before: Timestamp,
}

impl Watched {
    /// A look has ended; one that has not come to its end is begun anew after a pause.
    fn has_looked(&mut self, to_its_end: bool, now: Timestamp) {
        self.looking = false;
        if !to_its_end {
            self.not_before = now.after(AGAIN);
        }
    }
}

/// The end of a look.
struct Ended {
    tenant: TenantId,
    workspace: String,
    looked: Looked,
}

/// What is to be done at a beat.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Note that the workspace can reach us.
    Note(Reached),
    /// Note it, and look for what was said since then.
    Look(Reached, Timestamp),
    /// Nothing: a look is under way, and the next one needs to know where this gap began.
    Wait,
}

/// What follows from the row of a workspace. A workspace without one was never connected: nothing is looked for.
fn step(known: Option<Reached>, watched: &Watched, now: Timestamp, most: Duration) -> Step {
    let Some(known) = known else { return Step::Note(Reached { since: now, until: now, look_from: None }) };
    // What is older than a look goes back is past being looked for, and so is a look that begins there.
    let look_from = known.look_from.filter(|from| *from >= now.before(most));
    let known = Reached { look_from, ..known };
    let is_gap = !watched.looked || now.since(known.until) > RETRIES;
    if watched.looking {
        return if is_gap { Step::Wait } else { Step::Note(Reached { until: now, ..known }) };
    }
    if now < watched.not_before || !(is_gap || known.look_from.is_some()) {
        return Step::Note(Reached { until: now, ..known });
    }
    let from = known.until.before(RETRIES);
    let from = known.look_from.map_or(from, |begun| begun.min(from)).max(known.since).max(now.before(most));
    Step::Look(Reached { until: now, look_from: Some(from), ..known }, from)
}

impl Gaps {
    /// None where Slack is off, or this is turned off.
    pub(super) fn new(insides: &Insides, intake: &Intake, metrics: &GapMetrics) -> Option<Self> {
        let settings = &insides.config.channels.slack;
        Some(Self {
            store: insides.store.clone(),
            clock: clock::system(),
            installations: insides.installations.clone(),
            slack: insides.slack.clone()?,
            intake: intake.clone(),
            board: insides.board.clone(),
            metrics: metrics.clone(),
            by_socket: settings.app_token.is_some() && settings.signing_secret.is_empty(),
            most: settings.look_back()?,
            bounds: Bounds { calls: settings.look_back_calls, pace: settings.look_back_pace() },
        })
    }

    /// Keeps the rows, and looks where there is a gap, for as long as the program runs.
    pub(super) async fn watch(self) {
        let mut watched: HashMap<String, Watched> = HashMap::new();
        let mut organisations = Organisations::default();
        let mut looks: JoinSet<Ended> = JoinSet::new();
        loop {
            if let Err(error) = self.round(&mut watched, &mut organisations, &mut looks).await {
                // A full store takes nothing in, so that is a gap too.
                tracing::debug!(%error, "that slack can reach us is not noted");
            }
            tokio::select! {
                Some(ended) = looks.join_next() => match ended {
                    Ok(ended) => self.ended(&mut watched, &ended).await,
                    Err(error) => tracing::error!(%error, "the look for what was missed on slack broke off"),
                },
                Some(answered) = organisations.asking.join_next() => match answered {
                    Ok(answered) => organisations.learn(&self, answered),
                    Err(error) => {
                        tracing::error!(%error, "the question for the teams of an organisation broke off");
                        organisations.ask_again(self.clock.now());
                    }
                },
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// Whether Slack can reach us, as far as we know: a request needs nothing of us, a socket is ours to keep open.
    fn is_reached(&self) -> bool {
        let is_open = |shown: &Shown| shown.state.get("connected").is_some_and(|connected| connected == true);
        let of_sockets = |(name, shown): (String, Shown)| name.starts_with(sockets::BOARD_NAME) && is_open(&shown);
        !self.by_socket || self.board.read().into_iter().any(of_sockets)
    }

    async fn round(
        &self,
        watched: &mut HashMap<String, Watched>,
        organisations: &mut Organisations,
        looks: &mut JoinSet<Ended>,
    ) -> Result<(), StoreError> {
        if !self.is_reached() {
            return Ok(());
        }
        for team in organisations.teams(self, self.installations.connected()?) {
            let of = watched.entry(team.of.workspace.clone()).or_default();
            let now = self.clock.now();
            if now < of.beat_at {
                continue;
            }
            of.beat_at = now.after(BEAT);
            self.beat(team, of, looks).await?;
        }
        Ok(())
    }

    async fn beat(&self, team: Team, watched: &mut Watched, looks: &mut JoinSet<Ended>) -> Result<(), StoreError> {
        let (tenant, workspace) = (team.tenant.clone(), team.of.workspace.clone());
        let known = gap::reached(&self.store.view(&tenant), ChannelName::Slack, &workspace)?;
        // Connected anew by OAuth, it is told of nothing that was said before.
        let connected = team.connected;
        let known =
            known.map(|known| Reached { since: connected.map_or(known.since, |at| at.max(known.since)), ..known });
        let (reached, from) = match step(known, watched, self.clock.now(), self.most) {
            Step::Note(reached) => (reached, None),
            Step::Look(reached, from) => (reached, Some(from)),
            Step::Wait => return Ok(()),
        };
        self.note(&tenant, &workspace, &reached).await?;
        let is_first = !std::mem::replace(&mut watched.looked, true);
        if from.is_none() && is_first {
            look::show_nothing(self, &workspace);
        }
        if let Some(from) = from {
            watched.looking = true;
            let gaps = self.clone();
            looks.spawn(async move {
                let looked = look::look(&gaps, &team, from).await;
                Ended { tenant, workspace, looked }
            });
        }
        Ok(())
    }

    /// While the store takes no events in, it takes no such row either.
    async fn note(&self, tenant: &TenantId, workspace: &str, reached: &Reached) -> Result<(), StoreError> {
        let mut batch = Batch::intake();
        batch.write(tenant, gap::put_reached(ChannelName::Slack, workspace, reached));
        self.store.commit(batch).await
    }

    async fn ended(&self, watched: &mut HashMap<String, Watched>, ended: &Ended) {
        let kept = match &ended.looked.cut_off {
            None => self.forget_look(&ended.tenant, &ended.workspace).await.map_err(|error| error.to_string()),
            Some(why) => Err(why.clone()),
        };
        let of = watched.entry(ended.workspace.clone()).or_default();
        of.has_looked(kept.is_ok(), self.clock.now());
        if let Err(why) = kept {
            let workspace = &ended.workspace;
            tracing::warn!(workspace, why, again_in = ?AGAIN, "the look for what was missed on slack is begun anew");
        }
    }

    async fn forget_look(&self, tenant: &TenantId, workspace: &str) -> Result<(), StoreError> {
        match gap::reached(&self.store.view(tenant), ChannelName::Slack, workspace)? {
            Some(reached) => self.note(tenant, workspace, &Reached { look_from: None, ..reached }).await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);
    const MINUTE: i64 = 60_000;

    fn reached(since: i64, until: i64, look_from: Option<i64>) -> Reached {
        let minutes = |at: i64| Timestamp(at * MINUTE);
        Reached { since: minutes(since), until: minutes(until), look_from: look_from.map(minutes) }
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp(minutes * MINUTE)
    }

    #[test]
    fn a_first_start_looks_for_nothing() {
        let step = step(None, &Watched::default(), at(100), DAY);
        assert_eq!(step, Step::Note(reached(100, 100, None)));
    }

    #[test]
    fn a_start_looks_from_before_the_end_of_the_last_one() {
        let cases = [
            // (row, now, from)
            (reached(0, 500, None), 520, 490),
            // Not from before it was connected.
            (reached(495, 500, None), 520, 495),
            // A day at most.
            (reached(0, 500, None), 5000, 5000 - 24 * 60),
            // From where an earlier look has not come to its end.
            (reached(0, 500, Some(300)), 520, 300),
            (reached(0, 500, Some(300)), 2000, 2000 - 24 * 60),
        ];
        for (row, now, from) in cases {
            let expected = Reached { until: at(now), look_from: Some(at(from)), ..row };
            let step = step(Some(row), &Watched::default(), at(now), DAY);
            assert_eq!(step, Step::Look(expected, at(from)), "{row:?} at {now}");
        }
    }

    #[test]
    fn while_it_runs_only_what_slack_does_not_repeat_is_a_gap() {
        let seen = || Watched { looked: true, ..Watched::default() };
        let row = reached(0, 500, None);
        assert_eq!(step(Some(row), &seen(), at(510), DAY), Step::Note(reached(0, 510, None)));
        let looks = step(Some(row), &seen(), at(511), DAY);
        assert_eq!(looks, Step::Look(reached(0, 511, Some(490)), at(490)));
        let looking = Watched { looking: true, ..seen() };
        assert_eq!(step(Some(row), &looking, at(501), DAY), Step::Note(reached(0, 501, None)));
        assert_eq!(step(Some(row), &looking, at(511), DAY), Step::Wait, "the next look begins where this gap began");
    }

    #[test]
    fn a_look_that_was_cut_off_is_begun_anew_after_a_pause() {
        let row = reached(0, 500, Some(300));
        let paused = Watched { looked: true, not_before: at(510), ..Watched::default() };
        assert_eq!(step(Some(row), &paused, at(501), DAY), Step::Note(reached(0, 501, Some(300))));
        assert_eq!(step(Some(row), &paused, at(510), DAY), Step::Look(reached(0, 510, Some(300)), at(300)));
        let late = Reached { until: at(1800), ..row };
        assert_eq!(step(Some(late), &paused, at(1801), DAY), Step::Note(reached(0, 1801, None)), "not for ever");
    }

    #[tokio::test]
    async fn a_look_that_panics_is_begun_anew_after_a_pause() {
        let row = reached(0, 500, Some(300));
        let looked = look::whole(async { panic!("a fault of ours") }).await;
        let mut watched = Watched { looked: true, looking: true, ..Watched::default() };
        watched.has_looked(looked.cut_off.is_none(), at(500));
        assert_eq!(step(Some(row), &watched, at(501), DAY), Step::Note(reached(0, 501, Some(300))));
        assert_eq!(step(Some(row), &watched, at(510), DAY), Step::Look(reached(0, 510, Some(300)), at(300)));
    }
}
