//! The group committer: takes every commit that waits, checks the conditions of each against what is
//! stored and against those before it in the group, writes all that hold as one batch, waits once for
//! the disk, and answers all.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use crate::domain::audit::{AuditEntry, AuditRow};
use crate::domain::ids::TenantId;
use crate::domain::outcome::Expect;
use crate::domain::time::Clock;
use crate::store::chain::{self, Head};
use crate::store::engine::{Engine, EngineError, Purpose, Put};
use crate::store::group::{Group, Kept};
use crate::store::keyspace::Note;
use crate::store::metrics::StoreMetrics;
use crate::store::queue::{self, Entrance, Exit};
use crate::store::seal::{self, Keyring};
use crate::store::{Batch, Health, StoreError, codec, keyspace};

/// Commits in one group. The disk answers in about a millisecond; more than this waits for the next.
const MOST_IN_GROUP: usize = 512;
/// Bytes in one group, several of sled's segments.
const MOST_BYTES_IN_GROUP: usize = 4 << 20;
/// How often a broken store is opened anew, and a full one looked at while nobody commits.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// How often the gauges of sizes are set at most.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// A batch with its values sealed, ready for the engine but for the version.
pub(crate) struct SealedBatch {
    puts: Vec<(Vec<u8>, Expect, Option<Vec<u8>>)>,
    /// The store's own entries, which are not sealed and are never written over.
    own: Vec<(Vec<u8>, Vec<u8>)>,
    rows: Vec<(TenantId, AuditEntry)>,
    intake: bool,
}

impl SealedBatch {
    fn bytes(&self) -> usize {
        self.puts.iter().map(|(key, _, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum()
    }

    fn purpose(&self) -> Purpose {
        let frees = self.rows.is_empty() && self.own.is_empty() && self.puts.iter().all(|put| put.2.is_none());
        match (self.intake, frees) {
            (true, _) => Purpose::Intake,
            (false, false) => Purpose::Work,
            // What waits for the groups before it changes nothing, and must come through as well.
            (false, true) => Purpose::Freeing,
        }
    }
}

/// A batch and the caller who waits for it.
pub(crate) struct Waiting {
    pub(crate) sealed: SealedBatch,
    pub(crate) answer: oneshot::Sender<Result<u64, StoreError>>,
}

/// Seals the values of a batch, in the task of its caller.
pub(crate) fn seal(keyring: &Keyring, batch: Batch) -> SealedBatch {
    let puts = batch.writes.into_iter().map(|(tenant, write)| {
        let key = keyspace::full(&tenant, &write.key);
        let value = write.value.map(|plain| keyring.seal(&key, &plain));
        (key, write.expect, value)
    });
    SealedBatch { puts: puts.collect(), own: batch.own, rows: batch.rows, intake: batch.intake }
}

/// Those who want to see every group, such as a backup.
#[derive(Default)]
pub(crate) struct Listeners(std::sync::Mutex<Vec<Sender<Vec<Put>>>>);

impl Listeners {
    pub(crate) fn add(&self) -> Receiver<Vec<Put>> {
        let (sender, receiver) = channel();
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(sender);
        receiver
    }

    fn wanted(&self) -> bool {
        !self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).is_empty()
    }

    /// Tells those who still listen.
    fn tell(&self, puts: &[Put]) {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .retain(|listener| listener.send(puts.to_vec()).is_ok());
    }
}

/// The one writer of an engine.
pub(crate) struct Committer {
    engine: Arc<dyn Engine>,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    metrics: Arc<StoreMetrics>,
    health: watch::Sender<Health>,
    listeners: Arc<Listeners>,
    heads: HashMap<TenantId, Head>,
    note: Note,
    /// When the gauges were set.
    measured: Option<Instant>,
    /// When reopening failed last; commits are refused at once until it is tried again.
    closed_since: Option<Instant>,
}

impl Committer {
    pub(crate) fn new(
        engine: Arc<dyn Engine>,
        keyring: Arc<Keyring>,
        clock: Arc<dyn Clock>,
        metrics: Arc<StoreMetrics>,
        listeners: Arc<Listeners>,
    ) -> Result<(Self, watch::Receiver<Health>), StoreError> {
        let note = keyspace::read_note(engine.as_ref())?;
        let (health, receiver) = watch::channel(Health::Writable);
        let heads = HashMap::new();
        let (measured, closed_since) = (None, None);
        let mut committer =
            Self { engine, keyring, clock, metrics, health, listeners, heads, note, measured, closed_since };
        committer.measure();
        Ok((committer, receiver))
    }

    /// Runs on a thread of its own until every handle is gone.
    pub(crate) fn start(self) -> std::io::Result<Entrance<Waiting>> {
        queue::start("committer", move |exit| self.run(exit))
    }

    fn run(mut self, mut queue: Exit<Waiting>) {
        loop {
            let (mut count, mut bytes) = (0, 0);
            let is_full = |waiting: &Waiting| {
                count += 1;
                bytes += waiting.sealed.bytes();
                count >= MOST_IN_GROUP || bytes >= MOST_BYTES_IN_GROUP
            };
            match queue.take(RETRY_EVERY, is_full) {
                Ok(group) => {
                    let (group, answers): (Vec<_>, Vec<_>) = group.into_iter().map(|w| (w.sealed, w.answer)).unzip();
                    for (result, answer) in self.apply_guarded(group).into_iter().zip(answers) {
                        // A caller that has gone away has no use for the answer.
                        let _ = answer.send(result);
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.look_after_health_guarded(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// As [`Committer::look_after_health`]; a panic of the engine while it is opened or asked leaves this thread alive.
    fn look_after_health_guarded(&mut self) {
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.look_after_health())).is_err() {
            self.panicked();
        }
    }

    fn panicked(&mut self) -> StoreError {
        let why = "the engine panicked".to_owned();
        tracing::error!(error = why, "the store failed and is opened anew");
        self.heads.clear();
        self.closed_since = Some(Instant::now());
        self.health.send_replace(Health::Broken(why.clone()));
        StoreError::Unusable(why)
    }

    /// The engine has failed: it is opened anew before the next commit.
    fn broken(&mut self, why: String) {
        tracing::error!(error = why, "the store failed and is opened anew");
        self.metrics.failed();
        self.heads.clear();
        self.health.send_replace(Health::Broken(why));
    }

    fn look_after_health(&mut self) {
        if matches!(*self.health.borrow(), Health::Broken(_)) {
            self.try_reopen();
        } else {
            // What was found is in the health.
            let _ = self.room(Purpose::Intake);
        }
        self.measure();
    }

    /// Sets the gauges, where they are not fresh.
    fn measure(&mut self) {
        if self.measured.is_some_and(|at| at.elapsed() < MEASURE_EVERY) {
            return;
        }
        self.measured = Some(Instant::now());
        self.metrics.measured(self.engine.size(), self.note.live, self.engine.free());
    }

    fn try_reopen(&mut self) {
        if self.closed_since.is_some_and(|since| since.elapsed() < RETRY_EVERY) {
            return;
        }
        self.heads.clear();
        let reopened = self
            .engine
            .reopen()
            .and_then(|()| keyspace::read_note(self.engine.as_ref()).map_err(|error| EngineError(error.to_string())));
        match reopened {
            Ok(note) => {
                tracing::info!("the store is open again");
                self.closed_since = None;
                self.note = Note { version: self.note.version.max(note.version), live: note.live };
                self.health.send_replace(Health::Writable);
                // A disk that is full lets itself be opened: the reserve is there for that.
                let _ = self.room(Purpose::Intake);
            }
            Err(error) => {
                tracing::warn!(%error, "the store cannot be opened and is tried again");
                self.closed_since = Some(Instant::now());
                self.health.send_replace(Health::Broken(error.to_string()));
            }
        }
    }

    /// Whether there is room; the health says what new work finds.
    fn room(&self, purpose: Purpose) -> Result<(), StoreError> {
        let full = self.engine.room(purpose, self.note.live).filter(|(bytes, _)| *bytes == 0).map(|(_, why)| why);
        self.health.send_if_modified(|health| {
            let was_full = matches!(health, Health::Full(_));
            match &full {
                Some(why) => {
                    if !was_full {
                        tracing::error!(why, "the store is full and takes no new work");
                    }
                    *health = Health::Full(why.clone());
                    !was_full
                }
                None if purpose == Purpose::Intake && was_full => {
                    tracing::info!("the store has room again");
                    *health = Health::Writable;
                    true
                }
                None => false,
            }
        });
        full.map_or(Ok(()), |why| Err(StoreError::Full(why)))
    }

    /// As [`Committer::apply`]; a panic of the engine, also while it is read, breaks the store and not this
    /// thread, which opens it anew.
    fn apply_guarded(&mut self, group: Vec<SealedBatch>) -> Vec<Result<u64, StoreError>> {
        let count = group.len();
        let applied = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.apply(group)));
        applied.unwrap_or_else(|_| vec![Err(self.panicked()); count])
    }

    /// Applies a group; the answers, in the order of the batches, are the versions that their values have.
    pub(crate) fn apply(&mut self, group: Vec<SealedBatch>) -> Vec<Result<u64, StoreError>> {
        if matches!(*self.health.borrow(), Health::Broken(_)) {
            self.try_reopen();
        }
        if let Health::Broken(why) = &*self.health.borrow() {
            return group.iter().map(|_| Err(StoreError::Unusable(why.clone()))).collect();
        }
        let started = Instant::now();
        let rooms = Rooms::of(self);
        let mut group_so_far = Group { live: self.note.live, ..Group::default() };
        let mut answers = Vec::with_capacity(group.len());
        for batch in group {
            let room = rooms.of_purpose(batch.purpose());
            let taken = room.and_then(|()| self.check(&batch, &group_so_far.overlay));
            answers.push(taken.and_then(|kept| self.take_in(batch, &kept, &mut group_so_far)));
        }
        // Where nothing can be read, nothing is written that could fail: what is refused for it must not look ready.
        let unreadable = answers.iter().find_map(|answer| match answer {
            Err(StoreError::Unusable(why)) => Some(why.clone()),
            _ => None,
        });
        if let Some(why) = unreadable {
            self.broken(why);
        }
        let Group { mut puts, heads, live, .. } = group_so_far;
        if puts.is_empty() {
            return answers;
        }
        for (tenant, head) in &heads {
            puts.push(self.sealed_put(keyspace::full(tenant, keyspace::audit::HEAD), &codec::encode(head)));
        }
        let note = Note { live, ..self.note };
        puts.push(keyspace::note_put(note));
        let told = self.listeners.wanted().then(|| puts.clone());
        match guarded(|| self.engine.apply(puts).and_then(|()| self.engine.sync())) {
            Ok(()) => {
                // After the write: whoever scans meanwhile sees at least what was told.
                if let Some(told) = told {
                    self.listeners.tell(&told);
                }
                self.heads.extend(heads);
                self.note = note;
                self.metrics.committed(answers.iter().filter(|a| a.is_ok()).count(), started.elapsed());
                self.measure();
                answers
            }
            Err(error) => {
                self.broken(error.to_string());
                let failed = |answer: Result<u64, StoreError>| answer.and(Err(StoreError::Unusable(error.to_string())));
                answers.into_iter().map(failed).collect()
            }
        }
    }

    /// Whether the conditions of a batch hold; what is kept under its keys, in the order of its puts.
    fn check(&self, batch: &SealedBatch, overlay: &HashMap<Vec<u8>, Kept>) -> Result<Vec<Kept>, StoreError> {
        for (key, _) in &batch.own {
            if overlay.contains_key(key) || self.engine.get(key)?.is_some() {
                return Err(StoreError::Conflict);
            }
        }
        let mut all = Vec::with_capacity(batch.puts.len());
        for (key, expect, _) in &batch.puts {
            let kept = match overlay.get(key) {
                Some(kept) => *kept,
                None if *expect == Expect::Unused => Kept::default(),
                None => self.engine.glance(key)?.map_or(Kept::default(), |found| Kept::found(key, found)),
            };
            let holds = match expect {
                Expect::Any | Expect::Unused => true,
                Expect::Absent => kept.version == 0,
                Expect::Version(version) => kept.version == *version,
            };
            if !holds {
                return Err(StoreError::Conflict);
            }
            all.push(kept);
        }
        Ok(all)
    }

    fn take_in(&mut self, batch: SealedBatch, kept: &[Kept], group: &mut Group) -> Result<u64, StoreError> {
        let heads = &mut group.heads;
        for (tenant, _) in &batch.rows {
            if !heads.contains_key(tenant) {
                let head = match self.heads.get(tenant) {
                    Some(head) => head.clone(),
                    None => chain::read_head(self.engine.as_ref(), &self.keyring, tenant)?,
                };
                heads.insert(tenant.clone(), head);
            }
        }
        self.note.version += 1;
        let version = self.note.version;
        for (key, value) in batch.own {
            group.put((key, Some(value)), version, Kept::default());
        }
        for ((key, _, value), kept) in batch.puts.into_iter().zip(kept) {
            let value = value.map(|mut bytes| {
                seal::stamp(&mut bytes, version);
                bytes
            });
            group.put((key, value), version, *kept);
        }
        for (tenant, entry) in batch.rows {
            let head = group.heads.get_mut(&tenant).expect("invariant: every head was read above");
            let row = AuditRow { at: self.clock.now(), entry, prev: head.hash.clone(), seq: head.seq + 1, tenant };
            *head = Head { seq: row.seq, hash: chain::hash(&row) };
            let key = keyspace::full(&row.tenant, &keyspace::audit::row(row.seq));
            group.put(self.sealed_put(key, &codec::encode(&row)), version, Kept::default());
        }
        Ok(version)
    }

    fn sealed_put(&self, key: Vec<u8>, plain: &[u8]) -> Put {
        let mut bytes = self.keyring.seal(&key, plain);
        seal::stamp(&mut bytes, self.note.version);
        (key, Some(bytes))
    }
}

/// Whether there is room, by purpose, asked once for a group.
struct Rooms([Result<(), StoreError>; 3]);

impl Rooms {
    fn of(committer: &Committer) -> Self {
        let work = committer.room(Purpose::Work);
        let freeing = if work.is_ok() { Ok(()) } else { committer.room(Purpose::Freeing) };
        // Asked last: the health is what new work finds.
        Self([committer.room(Purpose::Intake), work, freeing])
    }

    fn of_purpose(&self, purpose: Purpose) -> Result<(), StoreError> {
        self.0[purpose as usize].clone()
    }
}

/// sled panics on some errors of the disk; here that is an error like any other.
fn guarded(act: impl FnOnce() -> Result<(), EngineError>) -> Result<(), EngineError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(act))
        .unwrap_or_else(|_| Err(EngineError("the engine panicked while writing".to_owned())))
}
