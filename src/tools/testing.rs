//! What tests of tools and commands share: a store in memory, people, and outcomes that are applied.
//!
//! Nothing here runs outside tests.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures_util::FutureExt;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::config::catalog::Catalog;
use crate::domain::event::{Address, ChannelName, Event, EventKind, Incoming, Place, PlaceKind, PlatformUser};
use crate::domain::ids::{EventId, LaneKey, PrincipalId, TaskId, TenantId};
use crate::domain::outcome::{Expect, Failure, Outcome, Refusal};
use crate::domain::principal::{PersonRecord, Principal, Profile, Role, Standing};
use crate::domain::task::Task;
use crate::domain::task::link::TaskLinks;
use crate::domain::time::Timestamp;
use crate::domain::time::testing::Still;
use crate::pm::OfflineAnalyst;
use crate::store::keyspace::{event, link, person, task, timer};
use crate::store::memory::Memory;
use crate::store::seal::Keyring;
use crate::store::{Batch, Store, StoreError, View};
use crate::tools::{self, Context};

/// Saturday, 2026-11-21, 10:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp(1_795_255_200_000);

static CATALOG: LazyLock<Arc<Catalog>> = LazyLock::new(|| Arc::new(Catalog::embedded(&tools::known_tools()).unwrap()));
static ANALYST: LazyLock<OfflineAnalyst> = LazyLock::new(|| OfflineAnalyst::new(CATALOG.clone()));

/// A bot with three people: Ada (U1), who asks, Grace Hopper (U2) and Mary Hopper (U3).
pub(crate) struct Desk {
    store: Store,
    pub(crate) view: View,
    pub(crate) by: RefCell<Principal>,
    pub(crate) user: RefCell<String>,
    /// The one who asks, where that is not somebody of Slack's T1.
    elsewhere: RefCell<Option<PlatformUser>>,
    forbidden: RefCell<BTreeSet<String>>,
    events: Cell<u64>,
    pub(crate) now: Cell<Timestamp>,
    pub(crate) links: Option<TaskLinks>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let store =
            Store::inline(Arc::new(Memory::default()), Arc::new(Keyring::ephemeral()), Arc::new(Still(NOW))).unwrap();
        let view = store.view(&TenantId::default_tenant());
        let desk = Self {
            store,
            view,
            by: RefCell::new(principal("p-1", "Ada")),
            user: RefCell::new("U1".into()),
            elsewhere: RefCell::default(),
            forbidden: RefCell::default(),
            events: Cell::new(0),
            now: Cell::new(NOW),
            links: None,
        };
        for (id, name, user) in [("p-1", "Ada", "U1"), ("p-2", "Grace Hopper", "U2"), ("p-3", "Mary Hopper", "U3")] {
            desk.meet(&platform_user(user), id, name);
        }
        // `why.any` is the owner's.
        desk.forbid(&["why.any"]);
        desk
    }

    /// Lets somebody else ask.
    pub(crate) fn become_person(&self, id: &str, user: &str) {
        *self.by.borrow_mut() = person::read(&self.view, &PrincipalId(id.into())).unwrap().unwrap().value;
        *self.user.borrow_mut() = user.to_owned();
        *self.elsewhere.borrow_mut() = None;
    }

    /// Lets a platform user ask whose own principal that is, as the identifier sees them.
    pub(crate) fn become_user(&self, user: &PlatformUser, own: &str) {
        let own = person::read(&self.view, &PrincipalId(own.into())).unwrap().unwrap().value;
        let id = link::resolve(&self.view, &own.id).unwrap();
        let name = person::read(&self.view, &id).unwrap().unwrap().value.name;
        *self.by.borrow_mut() = Principal { id, name, ..own };
        *self.elsewhere.borrow_mut() = Some(user.clone());
    }

    /// Makes a platform user known.
    pub(crate) fn meet(&self, user: &PlatformUser, own: &str, name: &str) {
        let profile = Profile { name: name.into(), standing: Standing::Member };
        let record = PersonRecord { principal: PrincipalId(own.into()), profile, seen: NOW };
        let mut writes = person::put_person(&principal(own, name), Expect::Any);
        writes.push(person::put_record(user, &record));
        self.write(writes).unwrap();
    }

    pub(crate) fn forbid(&self, actions: &[&str]) {
        self.forbidden.borrow_mut().extend(actions.iter().map(|action| (*action).to_owned()));
    }

    pub(crate) fn permit(&self, action: &str) {
        self.forbidden.borrow_mut().remove(action);
    }

    pub(crate) fn write(&self, writes: Vec<crate::domain::outcome::Write>) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.writes(self.view.tenant(), writes);
        self.store.commit(batch).now_or_never().unwrap()
    }

    /// An event of the one who asks, kept in the store.
    pub(crate) fn event(&self, kind: EventKind) -> Event {
        self.events.set(self.events.get() + 1);
        let from = self.elsewhere.borrow().clone().unwrap_or_else(|| platform_user(&self.user.borrow()));
        let event = Event {
            id: EventId(self.events.get()),
            tenant: self.view.tenant().clone(),
            at: self.now.get(),
            what: Incoming {
                channel: from.channel,
                installation: from.realm.clone(),
                organisation: None,
                dedupe: vec!["k".into()],
                lane: LaneKey("slack/T1/C1/".into()),
                from: Some(from),
                place: Some(Place { id: "C1".into(), kind: PlaceKind::Public, shared: false }),
                reply: Some(Address {
                    person: Some(self.user.borrow().clone()),
                    route: Some("https://hooks.slack.com/once".into()),
                    ..Address::at(ChannelName::Slack, "T1", "C1")
                }),
                kind,
                proof: "slack v0 signature, secret 1".into(),
                reach: None,
                happened: None,
                raw: bytes::Bytes::new(),
            },
        };
        self.write(vec![event::put_event(&event)]).unwrap();
        event
    }

    /// Runs something in the context of an event.
    pub(crate) fn on<T>(&self, event: &Event, run: impl FnOnce(&Context<'_>) -> T) -> T {
        let by = self.by.borrow().clone();
        let may = |action: &str| !self.forbidden.borrow().contains(action);
        run(&Context {
            view: &self.view,
            now: self.now.get(),
            event,
            by: &by,
            may: &may,
            offers: &may,
            // As the signer does: a line that is too long for a button has no token.
            sign: &|line| if line.len() > 160 { String::new() } else { format!("signed({line})") },
            chance: &|purpose| Some(Sha256::digest(format!("{} {purpose}", event.id)).into()),
            links: self.links.as_ref(),
            prefix: "/ai-crm",
            catalog: &CATALOG,
            analyst: &*ANALYST,
            alert_pause: Duration::from_secs(900),
        })
    }

    /// Runs something in the context of an event that is about a place.
    pub(crate) fn about<T>(&self, place: Option<Address>, run: impl FnOnce(&Context<'_>) -> T) -> T {
        let mut event = self.event(EventKind::Command { line: String::new() });
        event.what.reply = place;
        self.on(&event, run)
    }

    pub(crate) fn with<T>(&self, run: impl FnOnce(&Context<'_>) -> T) -> T {
        let event = self.event(EventKind::Command { line: String::new() });
        self.on(&event, run)
    }

    fn call(&self, name: &str, args: Value) -> Result<Outcome, Failure> {
        let tool = tools::find(name).unwrap();
        let event = self.event(EventKind::ToolCall { tool: name.to_owned(), args: args.clone() });
        self.on(&event, |ctx| (tool.run)(args, ctx))
    }

    /// What a tool decides, not applied.
    pub(crate) fn decide(&self, name: &str, args: Value) -> Outcome {
        self.call(name, args).unwrap()
    }

    /// Calls a tool and applies what it decides.
    pub(crate) fn tool(&self, name: &str, args: Value) -> Result<Outcome, Failure> {
        let outcome = self.call(name, args)?;
        self.apply(&outcome).unwrap();
        Ok(outcome)
    }

    pub(crate) fn refused_tool(&self, name: &str, args: Value) -> Refusal {
        refused(self.call(name, args))
    }

    /// Commits an outcome as the router does.
    pub(crate) fn apply(&self, outcome: &Outcome) -> Result<(), StoreError> {
        let mut writes = outcome.writes.clone();
        for change in &outcome.timers {
            writes.extend(timer::change(&self.view, change)?);
        }
        self.write(writes)
    }

    pub(crate) fn task(&self, number: u64) -> Task {
        task::read(&self.view, TaskId(number)).unwrap().unwrap().value
    }

    pub(crate) fn no_task(&self, number: u64) -> bool {
        task::read(&self.view, TaskId(number)).unwrap().is_none()
    }

    /// Timers as `name when`.
    pub(crate) fn timers(&self) -> Vec<String> {
        let timers = timer::soonest(&self.view, 100).unwrap();
        timers.into_iter().map(|timer| format!("{} {}", timer.value.name, timer.value.at)).collect()
    }
}

pub(crate) fn refused(result: Result<Outcome, Failure>) -> Refusal {
    match result {
        Err(Failure::Refused(refusal) | Failure::NotPermitted { refusal, .. }) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn principal(id: &str, name: &str) -> Principal {
    Principal { id: PrincipalId(id.into()), name: name.into(), role: Role::Member, groups: Vec::new() }
}

pub(crate) fn platform_user(id: &str) -> PlatformUser {
    PlatformUser { channel: ChannelName::Slack, realm: "T1".into(), id: id.into() }
}
