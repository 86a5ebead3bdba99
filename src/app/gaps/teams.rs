//! What can be looked through by itself: a workspace that is connected, or a team of an organisation that is connected
//! as a whole.
//!
//! Owns which teams an organisation has. Slack is asked for those for which the app is approved, at a start and now and
//! then, so that one which is approved later is looked at from then on. Until Slack has answered, nothing is noted of
//! them, and the gap stays.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::{AGAIN, Gaps, look};
use crate::channels::slack::history::{NotRead, Pace, Reader, Where};
use crate::domain::event::ChannelName;
use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;
use crate::store::keyspace::setting::Installation;

/// Between two questions for the teams of an organisation. What is said in a team before it is known is not looked for.
const ASK_EVERY: Duration = Duration::from_secs(600);
/// Pause before the question is asked again where nobody has answered.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// What those share that are looked through with one token.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// When the next call may be made.
    pub(super) pace: Mutex<Pace>,
    /// Whose turn it is: one is looked through after the other, so that of a message that two of them show, as in a
    /// channel of several teams, the second look finds what the first one took in.
    pub(super) turn: Mutex<()>,
}

/// A workspace, or a team.
#[derive(Clone)]
pub(super) struct Team {
    pub(super) tenant: TenantId,
    pub(super) of: Where,
    /// When it, or its organisation, was connected by OAuth.
    pub(super) connected: Option<Timestamp>,
    pub(super) shared: Arc<Shared>,
    /// The teams of its organisation.
    pub(super) siblings: Arc<Vec<String>>,
}

/// An organisation that is connected as a whole.
#[derive(Default)]
struct Organisation {
    shared: Arc<Shared>,
    teams: Arc<Vec<String>>,
    /// When Slack is asked for its teams next.
    ask_at: Timestamp,
    asking: bool,
}

/// What Slack has answered.
pub(super) struct Answered {
    of: Where,
    teams: Result<(Vec<String>, bool), NotRead>,
}

/// The organisations, as this process knows them.
#[derive(Default)]
pub(super) struct Organisations {
    known: HashMap<String, Organisation>,
    pub(super) asking: JoinSet<Answered>,
}

impl Organisations {
    /// All that can be looked through. Slack is asked for teams meanwhile, where it is time for that.
    pub(super) fn teams(&mut self, gaps: &Gaps, connected: Vec<(TenantId, Installation)>) -> Vec<Team> {
        let alone: HashSet<String> = connected.iter().map(|(_, row)| row.id.clone()).collect();
        let mut all = Vec::new();
        for (tenant, row) in connected {
            let by_oauth = row.grant.is_some().then_some(row.since);
            let Some(organisation) = row.organisation.clone() else {
                let organisation = row.grant.and_then(|grant| grant.enterprise);
                let of = Where { workspace: row.id, organisation, bot_user: row.bot_user };
                let (shared, siblings) = (Arc::default(), Arc::default());
                all.push(Team { tenant, of, connected: by_oauth, shared, siblings });
                continue;
            };
            let of = Where { workspace: row.id, organisation: Some(organisation.clone()), bot_user: row.bot_user };
            let known = self.asked(gaps, &of, &organisation);
            // One that is connected by itself as well has its own token, and its own row.
            let is_other = |team: &&String| !alone.contains(*team) || **team == of.workspace;
            for team in known.teams.iter().filter(is_other) {
                all.push(Team {
                    tenant: gaps.installations.tenant_of(ChannelName::Slack, team, Some(&organisation)),
                    of: Where { workspace: team.clone(), ..of.clone() },
                    connected: by_oauth,
                    shared: known.shared.clone(),
                    siblings: known.teams.clone(),
                });
            }
        }
        all
    }

    /// What is known of an organisation; Slack is asked where it is time for that.
    fn asked(&mut self, gaps: &Gaps, of: &Where, organisation: &str) -> &Organisation {
        let known = self.known.entry(organisation.to_owned()).or_default();
        if !known.asking && gaps.clock.now() >= known.ask_at {
            known.asking = true;
            let (gaps, of, shared) = (gaps.clone(), of.clone(), known.shared.clone());
            self.asking.spawn(async move {
                let mut reader = Reader::new(gaps.slack.workspaces(), &of, gaps.bounds, &shared.pace);
                let teams = reader.teams().await;
                Answered { of, teams }
            });
        }
        known
    }

    /// A question has broken off, and nobody knows whose: those under way are asked again after a pause.
    pub(super) fn ask_again(&mut self, now: Timestamp) {
        for known in self.known.values_mut().filter(|known| known.asking) {
            (known.asking, known.ask_at) = (false, now.after(AGAIN));
        }
    }

    /// Takes an answer in. Where it says nothing, what was known before stays.
    pub(super) fn learn(&mut self, gaps: &Gaps, answered: Answered) {
        let Answered { of, teams } = answered;
        let organisation = of.organisation.unwrap_or_default();
        let known = self.known.entry(organisation.clone()).or_default();
        let pause = match &teams {
            Ok(_) => ASK_EVERY,
            Err(NotRead::Away(_)) => ASK_AGAIN,
            Err(NotRead::Refused(_) | NotRead::UsedUp) => AGAIN,
        };
        (known.asking, known.ask_at) = (false, gaps.clock.now().after(pause));
        look::show_organisation(gaps, &organisation, &teams);
        match teams {
            Ok((teams, _)) if teams != *known.teams => {
                tracing::info!(channel = "slack", organisation, teams = teams.len(), "the teams are known");
                known.teams = Arc::new(teams);
            }
            Ok(_) => {}
            Err(why) => {
                tracing::warn!(channel = "slack", organisation, %why, "slack does not say which teams there are")
            }
        }
    }
}
