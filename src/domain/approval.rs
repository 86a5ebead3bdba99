//! An approval: something that a policy lets nobody do before somebody else has said yes to it.
//!
//! Owns what is asked for, of whom, and how it can end. It is one durable object, however many messages show it: bound
//! to the exact line, the asker, the place, the rules and the policies by which it was asked. Pure: storing is
//! `store/keyspace/approval.rs`, who may decide is `tools/approval.rs`, words and cards are `commands/`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::event::{Address, ChannelName, Event, EventKind, Incoming, Place, PlatformUser};
use crate::domain::ids::{ApprovalId, EventId, PrincipalId};
use crate::domain::outcome::TimerChange;
use crate::domain::principal::{Principal, Role};
use crate::domain::task::Person;
use crate::domain::time::Timestamp;

/// Whom a policy asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Approver {
    /// An owner of this bot.
    Owner,
    /// Somebody of a group.
    Group(String),
}

impl Approver {
    /// Whether somebody is one of those; who is a guest decides about nothing.
    #[must_use]
    pub fn is(&self, person: &Principal) -> bool {
        match self {
            Self::Owner => person.role == Role::Owner,
            Self::Group(name) => person.role != Role::Guest && person.groups.contains(name),
        }
    }
}

impl fmt::Display for Approver {
    /// As policies write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("owner"),
            Self::Group(name) => write!(f, "group:{name}"),
        }
    }
}

impl FromStr for Approver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let group = text.strip_prefix("group:").filter(|name| !name.is_empty() && name.trim() == *name);
        match (text, group) {
            ("owner", _) => Ok(Self::Owner),
            (_, Some(name)) => Ok(Self::Group(name.to_owned())),
            _ => Err(format!("`{text}` is nobody whom a policy can ask")),
        }
    }
}

impl TryFrom<String> for Approver {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Approver> for String {
    fn from(approver: Approver) -> Self {
        approver.to_string()
    }
}

/// Whether somebody is each of those whom some policies ask.
#[must_use]
pub fn is_each(approvers: &[Approver], person: &Principal) -> bool {
    approvers.iter().all(|approver| approver.is(person))
}

/// Who is each of those, for people: `an owner`, `somebody in the group ops`, `an owner in the groups dev and ops`.
#[must_use]
pub fn words(approvers: &[Approver]) -> String {
    let who = if approvers.contains(&Approver::Owner) { "an owner" } else { "somebody" };
    let groups = approvers.iter().filter_map(|approver| match approver {
        Approver::Owner => None,
        Approver::Group(name) => Some(name.as_str()),
    });
    match groups.collect::<Vec<_>>().as_slice() {
        [] => who.to_owned(),
        [one] => format!("{who} in the group {one}"),
        more => format!("{who} in the groups {}", more.join(" and ")),
    }
}

/// Something that waits for a yes, or has had its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Its name.
    pub id: ApprovalId,
    /// What is asked for: the very line that runs once it is approved.
    pub line: String,
    /// What policies decide about.
    pub action: String,
    /// Who asks.
    pub by: Person,
    /// The principals by which who asks was known then: none of them decides, whoever is separated later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<PrincipalId>,
    /// The same as the event stated it, by whom the line runs.
    pub user: PlatformUser,
    /// The event that was stopped by it.
    pub event: EventId,
    /// When.
    pub asked: Timestamp,
    /// Where it was asked, and the way back.
    pub way: Way,
    /// The policies that ask.
    pub rules: Vec<String>,
    /// Why they do, in the operator's words.
    pub reason: String,
    /// The set of policies that asked, by its hash.
    pub policy: String,
    /// Who may decide: somebody who is each of these, and is not who asks.
    pub approvers: Vec<Approver>,
    /// Until when it waits.
    pub until: Timestamp,
    /// How far it is.
    pub state: State,
    /// The event in which the line ran, was refused in spite of the yes, or was dropped: it is run once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<EventId>,
    /// The event in which its run was given up: until its time is over, an operator may have it tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<EventId>,
}

/// Where something was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// By which channel.
    pub channel: ChannelName,
    /// In which workspace.
    pub installation: String,
    /// Of which organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// In which place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Where answers go, as it can be used a day later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Address>,
}

impl Way {
    /// The way of an event.
    #[must_use]
    pub fn of(what: &Incoming) -> Self {
        Self {
            channel: what.channel,
            installation: what.installation.clone(),
            organisation: what.organisation.clone(),
            place: what.place.clone(),
            reply: what.reply.as_ref().map(Address::lasting),
        }
    }

    /// Where the asker is told, and nobody else: in the chat that they have with the bot alone. What only one person
    /// sees of a place is not kept there for who looks later.
    #[must_use]
    pub fn in_person(&self) -> Option<Address> {
        let reply = self.reply.as_ref()?;
        Some(reply.in_person().unwrap_or_else(|| reply.clone()))
    }

    /// Where everybody is told: the place where it was asked. A page that one person has alone is no such place.
    fn in_place(&self) -> Option<Address> {
        self.reply.as_ref().filter(|reply| !reply.home).cloned().or_else(|| self.in_person())
    }
}

/// How far an approval is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum State {
    /// Nobody has decided.
    Pending,
    /// Somebody said yes.
    Approved(Decided),
    /// Somebody said no.
    Rejected(Decided),
    /// Who asked has taken it back.
    Withdrawn(Decided),
    /// Nobody has decided in time.
    Expired {
        /// When it ended.
        at: Timestamp,
    },
}

/// Who decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The person.
    pub by: Person,
    /// When.
    pub at: Timestamp,
    /// In which event.
    pub event: EventId,
    /// Why, in their own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Where they are told what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<Address>,
}

impl State {
    /// The word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved(_) => "approved",
            Self::Rejected(_) => "rejected",
            Self::Withdrawn(_) => "withdrawn",
            Self::Expired { .. } => "expired",
        }
    }

    /// Who decided, where somebody has.
    #[must_use]
    pub fn decided(&self) -> Option<&Decided> {
        match self {
            Self::Approved(decided) | Self::Rejected(decided) | Self::Withdrawn(decided) => Some(decided),
            Self::Pending | Self::Expired { .. } => None,
        }
    }

    /// When it got so; nothing while nobody has decided.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Expired { at } => Some(*at),
            other => other.decided().map(|decided| decided.at),
        }
    }
}

impl Approval {
    /// Whether it can still be decided.
    #[must_use]
    pub fn is_pending(&self, now: Timestamp) -> bool {
        self.state == State::Pending && now < self.until
    }

    /// Whether it is approved and has not run.
    #[must_use]
    pub fn is_to_run(&self) -> bool {
        matches!(self.state, State::Approved(_)) && self.ran.is_none()
    }

    /// Whether its line may still be run: what was given up is forgotten with the time for which it was asked.
    #[must_use]
    pub fn may_run(&self, now: Timestamp) -> bool {
        self.is_to_run() && (self.given_up.is_none() || now < self.until)
    }

    /// Whether nothing can follow from it any more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.state != State::Pending && !self.may_run(now)
    }

    /// The principals of who asked, when they asked.
    pub fn askers(&self) -> impl Iterator<Item = &PrincipalId> {
        std::iter::once(&self.by.id).chain(&self.known)
    }

    /// Whether its yes answers what policies ask: the same, or less.
    #[must_use]
    pub fn covers(&self, rules: &[String], approvers: &[Approver]) -> bool {
        let is_known = rules.iter().all(|rule| self.rules.contains(rule));
        is_known && approvers.iter().all(|approver| self.approvers.contains(approver))
    }

    /// What is asked for as if it were asked in another event: by the same person, in the same place.
    #[must_use]
    pub fn asked_in(&self, run: &Event) -> Event {
        let Way { channel, installation, organisation, place, .. } = self.way.clone();
        let kind = EventKind::Command { line: self.line.clone() };
        let (from, reply) = (Some(self.user.clone()), self.way.in_place());
        let what = Incoming { channel, installation, organisation, place, from, reply, kind, ..run.what.clone() };
        Event { what, ..run.clone() }
    }
}

/// How the names of its timers begin.
pub const TIMER: &str = "approval";

fn timer(what: &str, id: ApprovalId) -> String {
    format!("{TIMER}/{what}/{id}")
}

/// The timer that ends an approval on which nobody has decided.
#[must_use]
pub fn expiry(id: ApprovalId, at: Timestamp) -> TimerChange {
    TimerChange::Set { name: timer("expire", id), at, payload: serde_json::json!({ "expire": id }) }
}

/// That timer does not ring.
#[must_use]
pub fn no_expiry(id: ApprovalId) -> TimerChange {
    TimerChange::Clear { name: timer("expire", id) }
}

/// The timer whose ring is the event in which the line runs: it is set by the commit that approves, so it rings once
/// and is never forgotten.
#[must_use]
pub fn run(id: ApprovalId, at: Timestamp) -> TimerChange {
    TimerChange::Set { name: timer("run", id), at, payload: serde_json::json!({ "run": id }) }
}

/// The timer by which the messages that show an approval are made anew.
#[must_use]
pub fn stale(id: ApprovalId, at: Timestamp) -> TimerChange {
    TimerChange::Set { name: timer("face", id), at, payload: serde_json::json!({ "show": id }) }
}

/// What the ring of one of its timers wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ring {
    /// It is to end where nobody has decided.
    Expire(ApprovalId),
    /// Its line is to run.
    Run(ApprovalId),
    /// Its messages are to be made anew.
    Show(ApprovalId),
}

impl Ring {
    /// What a ring wants of an approval; nothing where it is of something else.
    #[must_use]
    pub fn of(kind: &EventKind) -> Option<Self> {
        match kind {
            EventKind::TimerFired { name, payload } if name.split('/').next() == Some(TIMER) => {
                serde_json::from_value(payload.clone()).ok()
            }
            _ => None,
        }
    }
}

/// What tests of approvals begin with.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// Ada's of Slack, which waits for an owner from 1 until 9.
    pub(crate) fn pending(id: u64) -> Approval {
        Approval {
            id: ApprovalId(id),
            line: "task done T-1".to_owned(),
            action: "task.update".to_owned(),
            by: Person { id: PrincipalId("p-1".into()), name: "Ada".to_owned() },
            known: Vec::new(),
            user: PlatformUser { channel: ChannelName::Slack, realm: "T1".into(), id: "U1".into() },
            event: EventId(1),
            asked: Timestamp(1),
            way: Way {
                channel: ChannelName::Slack,
                installation: "T1".into(),
                organisation: None,
                place: None,
                reply: Some(Address::at(ChannelName::Slack, "T1", "C1")),
            },
            rules: Vec::new(),
            reason: String::new(),
            policy: String::new(),
            approvers: vec![Approver::Owner],
            until: Timestamp(9),
            state: State::Pending,
            ran: None,
            given_up: None,
        }
    }

    /// Decided by Grace at a time.
    pub(crate) fn decided(at: i64) -> Decided {
        let by = Person { id: PrincipalId("p-2".into()), name: "Grace".to_owned() };
        Decided { by, at: Timestamp(at), event: EventId(2), why: None, back: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approver_is_read_as_it_is_written() {
        for text in ["owner", "group:ops", "group:on call"] {
            let approver: Approver = text.parse().unwrap();
            assert_eq!(approver.to_string(), text);
            let json = serde_json::to_string(&approver).unwrap();
            assert_eq!(serde_json::from_str::<Approver>(&json).unwrap(), approver);
        }
        for text in ["", "Owner", "group:", "group: ops", "ops"] {
            assert!(text.parse::<Approver>().is_err(), "{text}");
        }
    }

    #[test]
    fn who_decides_is_each_of_those_who_are_asked_and_no_guest() {
        let person = |role, groups: &[&str]| Principal {
            id: PrincipalId("p-1".into()),
            name: "Ada".into(),
            role,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        };
        let (owner, ops) = (Approver::Owner, Approver::Group("ops".into()));
        let both = [owner, ops.clone()];
        for (asked, role, groups, expected) in [
            (&both[..1], Role::Owner, &[][..], true),
            (&both[..1], Role::Member, &["ops"], false),
            (&both[1..], Role::Member, &["ops"], true),
            (&both[1..], Role::Guest, &["ops"], false),
            (&both[1..], Role::Owner, &[], false),
            (&both[..], Role::Owner, &["ops"], true),
            (&both[..], Role::Owner, &["dev"], false),
        ] {
            assert_eq!(is_each(asked, &person(role, groups)), expected, "{asked:?} {role:?} {groups:?}");
        }
        assert_eq!(words(&both[..1]), "an owner");
        assert_eq!(words(&both[1..]), "somebody in the group ops");
        assert_eq!(words(&both), "an owner in the group ops");
        assert_eq!(words(&[Approver::Group("dev".into()), ops]), "somebody in the groups dev and ops");
    }

    #[test]
    fn a_ring_says_what_it_wants() {
        let (id, at) = (ApprovalId(3), Timestamp(1));
        for (timer, expected) in
            [(expiry(id, at), Ring::Expire(id)), (run(id, at), Ring::Run(id)), (stale(id, at), Ring::Show(id))]
        {
            let TimerChange::Set { name, payload, .. } = timer else { panic!("{timer:?}") };
            assert_eq!(Ring::of(&EventKind::TimerFired { name, payload }), Some(expected));
        }
        let other = EventKind::TimerFired { name: "due/T-1".into(), payload: serde_json::json!({ "run": 3 }) };
        assert_eq!(Ring::of(&other), None);
    }
}
