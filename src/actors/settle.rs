//! From a verdict to everything that one commit writes: story, audit row, effects.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::actors::identify::Identity;
use crate::actors::reported;
use crate::commands::approval_card::visible;
use crate::commands::task_card::minute;
use crate::domain::approval::Approval;
use crate::domain::audit::{AuditEnd, AuditEntry};
use crate::domain::card::{Audience, Block, Card, Tone};
use crate::domain::effect::{Effect, EffectKind};
use crate::domain::event::{Address, ChannelName, Event, EventKind};
use crate::domain::ids::{ApprovalId, EffectId, TenantId};
use crate::domain::notice;
use crate::domain::outcome::{Call, Outcome, Refusal, Reply, Shows, Write};
use crate::domain::time::Timestamp;
use crate::ledger::inbox::Settlement;
use crate::policy::Decision;
use crate::store::Stored;
use crate::store::keyspace::event::{End, Ready, Story};
use crate::store::keyspace::notice::{self as notices_kept, Trouble};
use crate::tools::approval as approvals;

/// Pause before an answer that is late when it is made: others of its conversation are about to come, and one
/// digest tells of all.
const GATHERING: Duration = Duration::from_secs(3);

/// How an event ends, and what follows.
pub struct Verdict {
    end: End,
    outcome: Outcome,
    /// Nothing is audited where nothing was asked.
    audit: Option<(AuditEnd, String)>,
    handler: Option<&'static str>,
    actor: Option<String>,
    person: Option<String>,
    rules: Vec<String>,
    smallest_change: Option<String>,
    /// The approval that it asked for, decided, or ran by.
    approval: Option<ApprovalId>,
    /// Where the asker is told that it was given up, where that is not the place of the event.
    asker: Option<Address>,
}

impl Verdict {
    fn new(end: End, outcome: Outcome) -> Self {
        Self {
            end,
            outcome,
            audit: None,
            handler: None,
            actor: None,
            person: None,
            rules: Vec::new(),
            smallest_change: None,
            approval: None,
            asker: None,
        }
    }

    fn of(mut self, identity: &Identity) -> Self {
        self.actor = Some(identity.person.id.to_string());
        self.person = Some(identity.words.clone());
        self.outcome.writes.extend(identity.writes.iter().cloned());
        self
    }

    /// It asks nothing of us.
    pub fn ignored(why: String) -> Self {
        Self::new(End::Ignored, Outcome { summary: why, ..Outcome::default() })
    }

    /// It asks nothing of us by itself; what follows from it is in the outcome.
    pub fn noted(outcome: Outcome) -> Self {
        Self::new(End::Done, outcome)
    }

    /// With who has posted the event in its platform's place, for the audit chain.
    pub(super) fn posted_by(mut self, by: &str) -> Self {
        self.audit = Some((AuditEnd::Done, "posted in the platform's place".to_owned()));
        self.handler = Some("events.post");
        self.actor = Some(by.to_owned());
        self
    }

    /// With the sign by which the text that asked shows how it has ended, where its platform has such signs.
    pub(super) fn shown_to_have_ended(mut self, event: &Event) -> Self {
        self.outcome.calls.extend(reported::ended(event, self.end));
        self
    }

    /// The platform has ended something, and this is written for it.
    pub fn ended(action: &'static str, what: String, write: Write) -> Self {
        let outcome = Outcome { summary: what.clone(), writes: vec![write], ..Outcome::default() };
        let mut verdict = Self::new(End::Done, outcome);
        verdict.audit = Some((AuditEnd::Done, what));
        verdict.handler = Some(action);
        verdict
    }

    /// A policy says no: told to the asker, with what would permit it.
    pub fn denied(action: &'static str, identity: &Identity, decision: &Decision) -> Self {
        let mut card = Card::new("You may not do this here").tone(Tone::Warning).text(decision.reason.clone());
        if let Some(change) = &decision.smallest_change {
            card = card.text(format!("What would permit it: {change}"));
        }
        let outcome = Outcome {
            replies: vec![Reply::asker(card.footer(format!("rule {}", decision.rules.join(", "))))],
            summary: decision.reason.clone(),
            ..Outcome::default()
        };
        let mut verdict = Self::new(End::Denied, outcome).of(identity);
        verdict.audit = Some((AuditEnd::Denied, decision.reason.clone()));
        verdict.handler = Some(action);
        verdict.rules.clone_from(&decision.rules);
        verdict.smallest_change.clone_from(&decision.smallest_change);
        verdict
    }

    /// A policy asks for somebody's approval, which was asked for.
    pub fn asked(action: &'static str, identity: &Identity, decision: &Decision, outcome: Outcome) -> Self {
        let mut verdict = Self::new(End::Asked, outcome).of(identity);
        verdict.audit = Some((AuditEnd::Asked, decision.reason.clone()));
        verdict.handler = Some(action);
        verdict.rules.clone_from(&decision.rules);
        verdict
    }

    /// It was decided on a line that somebody has approved: whatever came of it, there is no second run, but of what was
    /// given up while its time lasts. Hours may have
    /// passed, so what is for the asker alone goes to their own chat, and who approved it hears of a no.
    pub fn by_approval(mut self, approval: &Stored<Approval>, run: &Event) -> Self {
        let it = &approval.value;
        let decided = it.state.decided().expect("invariant: what runs is approved");
        // What is asked for in its turn is told by its own name.
        self.approval = Some(it.id).filter(|_| self.end != End::Asked);
        self.outcome.writes.extend(match self.end {
            End::Dead => approvals::is_given_up(approval, run),
            _ => approvals::has_run(approval, run),
        });
        for reply in self.outcome.replies.iter_mut().filter(|reply| reply.to.is_none()) {
            let said = format!("{}, approved by {}", it.id, decided.by.name);
            reply.card.footer =
                Some(reply.card.footer.as_ref().map_or(said.clone(), |before| format!("{before} · {said}")));
            if reply.audience == Audience::Asker {
                reply.to = it.way.in_person();
            }
        }
        if self.end != End::Done {
            let card =
                Card::new(format!("{} was approved by you, and was not done all the same", it.id)).tone(Tone::Warning);
            let card = card.block(Block::Code { text: visible(&it.line) });
            let why = match (self.end, &self.audit) {
                (End::Denied, Some((_, reason))) => reason.clone(),
                (End::Asked, Some((_, reason))) => {
                    format!(
                        "policies ask for more than {} was asked for, so it waits as {}: {reason}",
                        it.id, self.outcome.resource
                    )
                }
                (End::Dead, _) => format!(
                    "it was given up after errors; until {} an operator can try it again as incident {}",
                    minute(it.until),
                    run.id
                ),
                _ => "it does not fit any more; who asked is told what is wrong".to_owned(),
            };
            let back = decided.back.clone();
            self.outcome.replies.extend(back.map(|to| Reply { to: Some(to), ..Reply::asker(card.text(why)) }));
        }
        self.asker = it.way.in_person();
        let by = format!("{}, asked for in {} and approved by {} in {}", it.id, it.event, decided.by.id, decided.event);
        self.outcome.summary = format!("{}; by {by}", self.outcome.summary);
        if let Some((_, reason)) = &mut self.audit {
            *reason = format!("{reason}; by {by}");
        }
        self
    }

    /// It was done.
    pub fn done(action: &'static str, identity: &Identity, decision: &Decision, outcome: Outcome) -> Self {
        // A handler that writes the person has read it; what it writes stands above the look-up's.
        let mut identity = identity.clone();
        identity.writes.retain(|write| outcome.writes.iter().all(|other| other.key != write.key));
        let (reason, acted) = (outcome.summary.clone(), outcome.acted.clone());
        let mut verdict = Self::new(End::Done, outcome).of(&identity);
        verdict.audit = Some((AuditEnd::Done, acted.as_ref().map_or(reason, |acted| acted.what.clone())));
        verdict.actor = acted.map(|acted| acted.by).or(verdict.actor);
        verdict.handler = Some(action);
        verdict.rules.clone_from(&decision.rules);
        verdict
    }

    /// It could not be done as asked.
    pub fn refused(action: &'static str, identity: &Identity, decision: &Decision, refusal: &Refusal) -> Self {
        let outcome = Outcome {
            replies: vec![Reply::asker(refusal.card())],
            // The refusal may quote what was typed; the story and the audit row name only its kind.
            summary: format!("refused: `{action}` could not be done as asked"),
            result: Some(serde_json::json!({ "refused": refusal.what, "mend": refusal.mend })),
            ..Outcome::default()
        };
        let mut verdict = Self::new(End::Refused, outcome).of(identity);
        verdict.audit = Some((AuditEnd::Refused, "bad input or a state that does not fit".to_owned()));
        verdict.handler = Some(action);
        verdict.rules.clone_from(&decision.rules);
        verdict
    }

    /// The platform will not say who asks, so nobody knows what they may: told to the asker, with the mend.
    pub fn unidentified(channel: ChannelName, why: &str) -> Self {
        let mend = format!(
            "an operator mends it: {channel} says `{why}`, and `ai-crm doctor` names what the token lacks. Then ask again"
        );
        let refusal = Refusal::new(format!("I may not ask {channel} who you are, so this was not done"), mend);
        let outcome = Outcome {
            replies: vec![Reply::asker(refusal.card())],
            summary: format!("refused: {channel} does not say who asks: {why}"),
            ..Outcome::default()
        };
        let mut verdict = Self::new(End::Refused, outcome);
        verdict.audit = Some((AuditEnd::Refused, format!("{channel} does not say who asks")));
        verdict
    }

    /// In a Home there is no further message: `page` makes one page of all that was to be said there.
    ///
    /// # Errors
    /// As `page`.
    pub fn on_one_page<E>(mut self, page: impl FnOnce(&[Write], &[Card]) -> Result<Card, E>) -> Result<Self, E> {
        let (here, elsewhere): (Vec<Reply>, Vec<Reply>) =
            self.outcome.replies.into_iter().partition(|reply| reply.to.is_none());
        let say: Vec<Card> = here.into_iter().map(|reply| reply.card).collect();
        self.outcome.replies = elsewhere;
        self.outcome.replies.push(Reply::asker(page(&self.outcome.writes, &say)?));
        Ok(self)
    }

    /// It was tried and given up.
    pub fn dead(identity: Option<&Identity>, why: String) -> Self {
        let outcome = Outcome { summary: why, ..Outcome::default() };
        let mut verdict = Self::new(End::Dead, outcome);
        if let Some(identity) = identity {
            verdict = verdict.of(identity);
        }
        verdict.audit = Some((AuditEnd::Failed, "given up after errors".to_owned()));
        verdict
    }
}

/// Everything that the end of an event writes. `before` is what the event has owed already, where it was
/// given up and taken up again: what it owes from here on has other names.
pub fn settlement(
    event: &Event,
    ready: &Stored<Ready>,
    verdict: Verdict,
    now: Timestamp,
    shelf_life: Duration,
    before: Vec<EffectId>,
) -> Settlement {
    let mut replies = verdict.outcome.replies;
    let mut timers = verdict.outcome.timers;
    let mut writes = verdict.outcome.writes;
    if verdict.end == End::Dead {
        if !notice::is_alert(&event.what.kind) {
            writes.push(notices_kept::put_trouble(now, Trouble::Event(event.id)));
            timers.push(notice::alert(now));
        }
        let card = Card::new("Something broke, and this was not done")
            .tone(Tone::Bad)
            .text(format!("An operator can look it up and try it again as incident {}.", event.id));
        replies.push(Reply { to: verdict.asker, ..Reply::asker(card) });
    }
    if event.what.kind.has_no_answer() {
        replies.retain(|reply| reply.to.is_some());
    }
    let first = before.iter().map(|id| id.index + 1).max().unwrap_or_default();
    let mut effects = effects(event, replies, now, shelf_life, first);
    let first = effects.last().map_or(first, |last| last.id.index + 1);
    effects.extend(called(event, verdict.outcome.calls, now, first));
    let action = verdict.handler.unwrap_or_else(|| event.what.kind.name());
    let acted_on = Some(&verdict.outcome.resource).filter(|it| it.starts_with("A-")).and_then(|it| it.parse().ok());
    let audit = verdict.audit.map(|(end, reason)| AuditEntry {
        action: action.to_owned(),
        actor: verdict
            .actor
            .or_else(|| event.what.from.as_ref().map(ToString::to_string))
            .unwrap_or_else(|| "system".to_owned()),
        args_digest: args_digest(&event.what.kind),
        channel: event.what.channel.to_string(),
        end,
        event: Some(event.id),
        reason,
        resource: verdict.outcome.resource,
        rules: verdict.rules.clone(),
    });
    let story = Story {
        end: verdict.end,
        summary: verdict.outcome.summary,
        at: now,
        person: verdict.person,
        handler: verdict.handler.map(ToOwned::to_owned),
        rules: verdict.rules,
        smallest_change: verdict.smallest_change,
        approval: verdict.approval.or(acted_on),
        told: verdict.outcome.told,
        effects: before.into_iter().chain(effects.iter().map(|effect| effect.id)).collect(),
        attempts: ready.value.attempts + 1,
        // Only a program reads it; people have their card.
        result: verdict.outcome.result.filter(|_| matches!(event.what.kind, EventKind::ToolCall { .. })),
        shown: verdict.outcome.shown,
    };
    Settlement { story, writes, effects, timers, withdrawn: verdict.outcome.withdrawn, audit }
}

fn effects(event: &Event, replies: Vec<Reply>, now: Timestamp, shelf_life: Duration, first: u32) -> Vec<Effect> {
    let addressed = replies.into_iter().filter_map(|reply| {
        let answers = reply.to.is_none().then_some(event.id);
        let to: Option<Address> = reply.to.clone().or_else(|| event.what.reply.clone());
        // In a workspace that nobody installed we have no token: only an address that came with the
        // event itself reaches it.
        let to = to.filter(|to| event.tenant != TenantId::unclaimed() || to.route.is_some());
        to.map(|to| (to, answers, reply))
    });
    // The shelf life counts from the question: what is decided late, after an outage or a restart, is late.
    let expires = event.what.happened.unwrap_or(event.at).after(shelf_life);
    let owed = addressed.zip(first..).map(|((to, answers, reply), index)| Effect {
        id: EffectId { event: event.id, index },
        tenant: event.tenant.clone(),
        created: now,
        not_before: (expires <= now).then(|| now.after(GATHERING)),
        // A card that changes in its place floods nobody, and must not stay as it was; what nobody asked for and tells
        // of many things is worth as much later, and would be lost in one line. What stands below a link is no message.
        // What the step of a workflow owes is waited for.
        expires: (reply.terms.is_none()
            && reply.replaces.is_none()
            && !to.home
            && to.below.is_none()
            && !tells_of_many(&reply))
        .then_some(expires),
        kind: EffectKind::Deliver {
            to,
            card: reply.card,
            audience: reply.audience,
            replaces: reply.replaces,
            shows: reply.shows,
            living: reply.living,
            answers,
        },
        attempts: 0,
        last_error: None,
        terms: reply.terms,
    });
    owed.collect()
}

/// The operations of platforms that are owed. In a workspace that nobody installed nothing is done.
fn called(event: &Event, calls: Vec<Call>, now: Timestamp, first: u32) -> impl Iterator<Item = Effect> {
    let calls = if event.tenant == TenantId::unclaimed() { Vec::new() } else { calls };
    calls.into_iter().zip(first..).map(move |(Call { to, operation, args, terms }, index)| Effect {
        id: EffectId { event: event.id, index },
        tenant: event.tenant.clone(),
        created: now,
        not_before: None,
        expires: None,
        kind: EffectKind::Call { to, operation, args },
        attempts: 0,
        last_error: None,
        terms,
    })
}

/// Whether it tells somebody unasked of more than one task, or of something that waits for their yes.
fn tells_of_many(reply: &Reply) -> bool {
    !matches!(reply.shows, Some(Shows::Task(_))) && reply.to.as_ref().is_some_and(Address::is_in_person)
}

/// What was asked, as a digest: the audit chain proves it without telling it.
fn args_digest(kind: &EventKind) -> String {
    let text = match kind {
        EventKind::Command { line } => line.clone(),
        EventKind::CardAction { token, choice, .. } => format!("{token}\0{}", choice.as_deref().unwrap_or_default()),
        EventKind::CardSeen { token } => token.clone(),
        EventKind::FormSubmitted { form, filled } => format!("{form}\0{}", serde_json::json!(filled)),
        EventKind::ToolCall { args, .. } => args.to_string(),
        EventKind::TimerFired { payload, .. } => payload.to_string(),
        EventKind::LinksWritten { links, .. } => links.join("\0"),
        EventKind::Meeting { phase, meeting: id } => format!("{phase:?}\0{id}"),
        EventKind::HomeOpened | EventKind::Platform { .. } | EventKind::Disconnected { .. } => return String::new(),
    };
    data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Incoming;
    use crate::domain::ids::{EventId, LaneKey};

    fn command() -> Event {
        let reply = Address::at(ChannelName::Slack, "T1", "C1");
        let what = Incoming {
            channel: ChannelName::Slack,
            installation: "T1".into(),
            organisation: None,
            dedupe: vec![],
            lane: LaneKey("l".into()),
            from: None,
            place: None,
            reply: Some(reply),
            kind: EventKind::Command { line: "help".into() },
            proof: "test".into(),
            reach: None,
            happened: None,
            raw: bytes::Bytes::new(),
        };
        Event { id: EventId(7), tenant: TenantId::default_tenant(), at: Timestamp(0), what }
    }

    #[test]
    fn an_answer_to_what_came_long_after_it_happened_is_late() {
        let shelf_life = Duration::from_secs(1800);
        let (asked, came) = (Timestamp(0), Timestamp(3_600_000));
        for (happened, expires) in [(None, came.after(shelf_life)), (Some(asked), asked.after(shelf_life))] {
            let mut event = command();
            (event.at, event.what.happened) = (came, happened);
            let owed = effects(&event, vec![Reply::asker(Card::new("Help"))], came, shelf_life, 0);
            assert_eq!(owed[0].expires, Some(expires));
            assert_eq!(owed[0].not_before.is_some(), happened.is_some(), "what is late waits for company");
        }
    }

    #[test]
    fn what_is_owed_after_a_replay_does_not_take_the_name_of_what_was_delivered_before() {
        let event = command();
        let ready = Ready::in_line(event.what.lane.clone());
        let ready = Stored { value: ready, version: 1 };
        let end = |before| {
            let verdict = Verdict::dead(None, "no answer".to_owned());
            settlement(&event, &ready, verdict, Timestamp(1), Duration::from_secs(1), before)
        };
        let first = end(Vec::new());
        assert_eq!(first.effects.len(), 1);
        let second = end(first.story.effects.clone());
        assert_ne!(second.effects[0].idempotency_key(), first.effects[0].idempotency_key());
        assert_eq!(second.story.effects, [first.effects[0].id, second.effects[0].id], "the story tells of both");
    }
}
