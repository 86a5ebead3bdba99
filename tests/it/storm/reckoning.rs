//! What must be true after the storm. Everything that was accepted is counted: what is seen on the platforms, what was
//! given up, and what the owners were told of it.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::places::{At, Fate, Place, TENANTS};
use super::talk::{Gesture, Way};
use super::{AFTERWARDS, Storm};
use crate::oauth::MARY;
use crate::support::api::Api;
use crate::support::done::{Acts, event_of, text};
use crate::support::until;

/// Refusals that are the storm's own doing.
const OF_SLACK: [&str; 2] = ["token_revoked", "not_in_channel"];
const OF_TEAMS: [&str; 4] =
    ["BotNotInConversationRoster", "BotDisabledByAdmin", "ConversationBlockedByUser", "ConversationNotFound"];

/// The chats in which owners are told, by what their addresses have.
const OWNERS: [&str; 2] = ["29:1ada", MARY];

/// How the story of an event ends whose asker the platform does not describe, and what that person is told.
const WHO_ASKS: &str = "does not say who asks";
const NOT_KNOWN: &str = "who you are, so this was not done";

/// What was given up in a tenant: the reason, by the effect.
type GivenUp = BTreeMap<String, String>;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    gestures: usize,
    answered: usize,
    given_up: usize,
    repeated: usize,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gestures, answered, given_up, repeated } = self;
        write!(
            f,
            "{gestures} gestures, {answered} answered, {given_up} told to owners as not delivered, {repeated} repeated \
             where Slack shows nothing"
        )
    }
}

impl Storm {
    fn api(&self) -> &Api {
        self.coast.office.server.api()
    }

    /// Everything has ended; what came of it is as promised.
    pub(super) async fn reckoned(self, gestures: &[Gesture]) -> anyhow::Result<Seen> {
        self.nothing_is_owed().await?;
        let mut given_up = Vec::new();
        for tenant in TENANTS {
            let dead = self.given_up(tenant).await?;
            self.owner_is_told(tenant, &dead).await?;
            self.is_explained(tenant, &dead).await?;
            given_up.push(dead);
        }
        // Owners are told by messages too.
        self.nothing_is_owed().await?;
        let acts = [Acts::read_of(self.api(), TENANTS[0]).await?, Acts::read_of(self.api(), TENANTS[1]).await?];
        let mut seen = Seen { gestures: gestures.len(), ..Seen::default() };
        for (index, place) in self.places.iter().enumerate() {
            let of_tenant = usize::from(place.at == At::Second);
            let here: Vec<&Gesture> = gestures.iter().filter(|gesture| gesture.place == index).collect();
            match self.reckon(place, &here, &acts[of_tenant], &given_up[of_tenant], &mut seen) {
                Ok(refused) => self.refusals_are_shown(place, &refused, &mut seen).await?,
                Err(error) => {
                    let story = self.story(TENANTS[of_tenant], &format!("{error:#}")).await?;
                    return Err(error.context(format!("in {place:?}\n{story}")));
                }
            }
        }
        self.repetitions_are_permitted(seen.repeated)?;
        self.end().await?;
        Ok(seen)
    }

    /// What the bot says of the event that a failure names.
    async fn story(&self, tenant: &str, failure: &str) -> anyhow::Result<String> {
        let is_event = |word: &&str| word.strip_prefix("e-").is_some_and(|number| number.parse::<u64>().is_ok());
        let Some(event) = failure.split([' ', ':', ',']).find(is_event) else { return Ok(String::new()) };
        Ok(self.api().get(&format!("/why/{event}?tenant={tenant}")).await?["lines"].to_string())
    }

    async fn nothing_is_owed(&self) -> anyhow::Result<()> {
        let looked = until(AFTERWARDS, "no event waits and nothing is owed", || async {
            let mut left = 0;
            for tenant in TENANTS.into_iter().chain(["_unclaimed"]) {
                for (path, list) in [("/events?state=waiting", "events"), ("/effects?state=owed", "effects")] {
                    let page = self.api().get(&format!("{path}&tenant={tenant}")).await?;
                    left += page[list].as_array().map_or(0, Vec::len);
                }
            }
            Ok((left == 0).then_some(()))
        });
        if let Err(error) = looked.await {
            let owed = self.api().get("/effects?state=owed").await?;
            let waiting = self.api().get("/events?state=waiting").await?;
            return Err(error.context(format!("{owed} {waiting}")));
        }
        Ok(())
    }

    /// What was given up in a tenant, as `events effects --state dead` shows it.
    async fn given_up(&self, tenant: &str) -> anyhow::Result<GivenUp> {
        let dead = self.api().get(&format!("/events?state=dead&tenant={tenant}")).await?;
        ensure!(dead["events"].as_array().is_some_and(Vec::is_empty), "events were given up: {dead}");
        let page = self.api().get(&format!("/effects?state=dead&limit=1000&tenant={tenant}")).await?;
        let rows = page["effects"].as_array().context("a list")?;
        // That an alert itself may not have arrived is told to nobody; it is looked for in the owner's chat.
        let is_alert = |row: &&Value| OWNERS.iter().any(|chat| text(&row["to"]).contains(chat));
        Ok(rows.iter().filter(|row| !is_alert(row)).map(|row| (text(&row["id"]), text(&row["last_error"]))).collect())
    }

    /// Each is in what the tenant's owner was told, with its reason.
    async fn owner_is_told(&self, tenant: &str, dead: &GivenUp) -> anyhow::Result<()> {
        let told = || {
            let mut told = String::new();
            if tenant == TENANTS[0] {
                let said = self.coast.teams.world().messages("personal-ada");
                said.iter().for_each(|message| told.push_str(&crate::teams::shown(message)));
            } else {
                let chat = MARY.replacen('U', "D", 1);
                let said = self.coast.office.second.messages(&chat);
                said.iter().for_each(|message| told.push_str(&crate::stage::words(message)));
            }
            told
        };
        // An id may begin with another one.
        let is_told = |told: &str, id: &str| told.split([' ', '\n', ',', ':', '(', ')']).any(|word| word == id);
        let missing = |told: &str| -> Vec<(&String, &String)> {
            dead.iter().filter(|(id, reason)| !is_told(told, id) || !told.contains(reason.as_str())).collect()
        };
        let all =
            until(AFTERWARDS, "owners are told of all", || async { Ok(missing(&told()).is_empty().then_some(())) });
        all.await.with_context(|| format!("{tenant}: not told of {:#?}\nbut: {}", missing(&told()), told()))
    }

    /// `why` says of each what was not delivered, and for what reason.
    async fn is_explained(&self, tenant: &str, dead: &GivenUp) -> anyhow::Result<()> {
        for (id, reason) in dead {
            let story = self.api().get(&format!("/why/{id}?tenant={tenant}")).await?;
            let lines = story.to_string();
            // Quotes of a reason are escaped in JSON.
            let reason = reason.split('"').next().unwrap_or_default();
            ensure!(lines.contains("given up: ") && lines.contains(reason), "{id}: {reason}: {story}");
        }
        Ok(())
    }

    /// Where the platform no longer says who somebody is, they may be told that: in Slack by the answer to their command
    /// itself, which needs no token, in Teams where the conversation is by then.
    async fn refusals_are_shown(&self, place: &Place, refused: &[String], seen: &mut Seen) -> anyhow::Result<()> {
        let mut stories = Vec::new();
        for event in refused {
            let story = self.api().get(&format!("/why/{event}?tenant={}", TENANTS[0])).await?["story"].clone();
            let is_shown = story["effects"][0]["state"] == "done" && text(&story["outcome"]).contains(WHO_ASKS);
            ensure!(is_shown, "it was neither answered nor given up: {story}");
            stories.push(story);
        }
        let shown = self.said(place).iter().filter(|(_, words)| words.contains(NOT_KNOWN)).count();
        ensure!(shown >= refused.len(), "{shown} refusals are shown in {place:?} of {stories:#?}");
        seen.answered += refused.len();
        Ok(())
    }

    /// One conversation; gives the events of which nothing is seen here, where that can be.
    fn reckon(
        &self,
        place: &Place,
        gestures: &[&Gesture],
        acts: &Acts,
        given_up: &GivenUp,
        seen: &mut Seen,
    ) -> anyhow::Result<Vec<String>> {
        let said = self.said(place);
        let mut refused = Vec::new();
        let mut order: Vec<(usize, String)> = Vec::new();
        for gesture in gestures {
            let acted: Vec<&Value> = match &gesture.way {
                Way::Pressed { task, .. } => acts.on_task(task, "task.update"),
                _ => acts.of_command(&gesture.line).iter().collect(),
            };
            ensure!(acted.len() == 1, "it was done {} times: {gesture:?} {acted:?}", acted.len());
            let event = event_of(acted[0]);
            let dead = given_up.iter().find(|(id, _)| id.split('.').next() == Some(&event)).map(|(_, reason)| reason);
            let shown: Vec<usize> = match &gesture.way {
                Way::Pressed { card, .. } => {
                    let is_true = |(id, words): &(String, String)| id == card && words.contains("in-progress");
                    said.iter().position(is_true).into_iter().collect()
                }
                _ => (0..said.len()).filter(|at| said[*at].1.contains(&gesture.title)).collect(),
            };
            let may_be_unknown = place.fate == Fate::Revoked || place.fate == Fate::Moves && !gesture.after;
            if shown.is_empty() && dead.is_none() && may_be_unknown {
                refused.push(event);
                continue;
            }
            self.is_answered_or_told(place, gesture, shown.len(), dead, seen).with_context(|| event.clone())?;
            if !matches!(gesture.way, Way::Pressed { .. }) {
                order.extend(shown.first().map(|at| (*at, event)));
            }
        }
        if let Some(pair) = order.windows(2).find(|pair| pair[0].0 > pair[1].0) {
            bail!("{} was asked before, and answered after: {order:?} {said:#?}", pair[0].1);
        }
        Ok(refused)
    }

    /// One gesture.
    fn is_answered_or_told(
        &self,
        place: &Place,
        gesture: &Gesture,
        shown: usize,
        dead: Option<&String>,
        seen: &mut Seen,
    ) -> anyhow::Result<()> {
        seen.answered += shown.min(1);
        seen.given_up += usize::from(dead.is_some());
        if place.at != At::Teams && matches!(gesture.way, Way::Typed | Way::ForOne) {
            seen.repeated += shown.saturating_sub(1);
        } else {
            ensure!(shown <= 1, "it was answered {shown} times: {gesture:?}");
        }
        ensure!(shown > 0 || dead.is_some(), "it was neither answered nor given up: {gesture:?}");
        let Some(reason) = dead else { return Ok(()) };
        let may_have_arrived = place.at == At::Teams && reason.contains("it may have arrived");
        let is_out_of_reach = match place.fate {
            Fate::Stays => false,
            // From where it is now the bot has heard of it.
            Fate::Moves => !gesture.after && reason.contains(Fate::Moves.reason()),
            fate => reason.contains(fate.reason()) || reason.contains("token_revoked"),
        };
        ensure!(may_have_arrived || is_out_of_reach, "given up for `{reason}`: {gesture:?}");
        Ok(())
    }

    /// Only what Slack shows nobody may come twice, and only where its answer was lost.
    fn repetitions_are_permitted(&self, repeated: usize) -> anyhow::Result<()> {
        let mut lost = 0;
        for world in [self.coast.first(), &self.coast.office.second] {
            ensure!(world.duplicates().is_empty(), "{:?}", world.duplicates());
            let of = |method: &str| world.calls().get(method).and_then(|ends| ends.get("answer_lost").copied());
            lost += of("response_url").unwrap_or_default() + of("chat.postEphemeral").unwrap_or_default();
        }
        ensure!(repeated as u64 <= lost, "{repeated} that Slack does not show came twice, of {lost} that were lost");
        ensure!(self.coast.teams.world().duplicates().is_empty(), "{:?}", self.coast.teams.world().duplicates());
        Ok(())
    }

    async fn end(self) -> anyhow::Result<()> {
        for tenant in TENANTS {
            let verified = self.api().get(&format!("/audit/verify?tenant={tenant}")).await?;
            ensure!(verified["valid"] == true, "the audit chain is broken: {verified}");
        }
        for world in [self.coast.first(), &self.coast.office.second] {
            let mut refused = world.violations();
            refused.retain(|violation| !OF_SLACK.contains(&violation.error.as_str()));
            ensure!(refused.is_empty(), "Slack refused: {refused:#?}");
        }
        let mut refused = self.coast.teams.world().violations();
        refused.retain(|violation| !OF_TEAMS.contains(&violation.error.as_str()));
        ensure!(refused.is_empty(), "Teams refused: {refused:#?}");
        let office = self.coast.office;
        office.log_has_no_secret();
        ensure!(office.server.stop().await?.success(), "the server did not end well: {}", office.plan.log());
        let log = office.plan.log();
        let faults: Vec<&str> = log.lines().filter(|line| line.contains("\"ERROR\"")).collect();
        ensure!(faults.is_empty(), "faults were logged: {faults:#?}");
        self.coast.teams.stop().await;
        Ok(())
    }
}
