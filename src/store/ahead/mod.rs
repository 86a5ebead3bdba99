//! A log ahead of an engine: what is put is on disk when it stands in the log, and goes into the engine later, in the
//! order of its keys and only as it is last.
//!
//! An engine pays for each put: sled finds a page, copies it, and splits it. Half of what we put is taken away again
//! within milliseconds (that an event is to be handled, that an effect is owed), and a log pays for bytes alone. So a
//! group of commits is one record and one `fdatasync` here; tables in memory hold what the log has and the engine has
//! not, for who reads; and a thread, the settler, begins a new file now and then, puts what the old one held into the
//! engine, and takes the old one away when that is on disk.
//!
//! After a crash the files are read again. What they hold is put as it is last, so doing it twice does no harm.

mod log;
mod table;
mod walk;

use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use self::log::Log;
use self::table::{Table, Tables};
use self::walk::{Behind, Walk};
use crate::store::engine::{Engine, EngineError, Entry, Glance, Order, Purpose, Put};

/// The folder of the log's files in the store's.
pub(super) const FOLDER: &str = "log";
/// Puts that go into the engine at once: who wants the processor meanwhile waits for as many.
const SETTLED_AT_ONCE: usize = 64;
/// Bytes of puts after which the engine is synced, and the most that go into it at once. In a power cut sled loses its
/// footing where several of its segments are not on disk: it did not open in one of twenty.
const MOST_UNSYNCED: usize = 256 << 10;
/// Between them the settler rests for so many times as long as they took, while there is time.
const RESTS: u32 = 2;

/// How far the log may be ahead.
#[derive(Debug, Clone, Copy)]
pub struct Lead {
    /// What is ahead goes into the engine when it takes so many bytes of memory,
    pub settle_bytes: usize,
    /// or has waited for so long: longer than most events take, so that of what comes and goes with one nothing goes
    /// into the engine.
    pub settle_after: Duration,
    /// Writers wait for the settler where what came since takes so many bytes of memory.
    pub most_bytes: usize,
}

impl Default for Lead {
    fn default() -> Self {
        Self { settle_bytes: 8 << 20, settle_after: Duration::from_secs(2), most_bytes: 64 << 20 }
    }
}

/// An engine with a log ahead of it.
pub(super) struct Ahead {
    shared: Arc<Shared>,
    settler: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    behind: Arc<dyn Engine>,
    folder: PathBuf,
    lead: Lead,
    power_safe: bool,
    tables: RwLock<Tables>,
    state: Mutex<State>,
    /// Wakes the settler, and writers that wait for it.
    changed: Condvar,
}

/// What the writer and the settler share.
struct State {
    log: Option<Log>,
    /// The log has what is not on disk.
    unsynced: bool,
    /// When the first of what is ahead came.
    since: Option<Instant>,
    /// Why nothing more is taken, until all is opened anew.
    failed: Option<EngineError>,
    end: Option<End>,
}

/// How the settler is to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// When all is in the engine.
    Settled,
    /// As soon as it can.
    Soon,
}

impl Ahead {
    /// Puts a log ahead of an engine, in a folder of its own, and takes up what an earlier process left in it.
    ///
    /// `power_safe` is off only in the test that shows why it is on.
    ///
    /// # Errors
    /// Where the folder cannot be read or written.
    pub(super) fn open(
        behind: Arc<dyn Engine>,
        folder: PathBuf,
        lead: Lead,
        power_safe: bool,
    ) -> Result<Self, EngineError> {
        let state = State { log: None, unsynced: false, since: None, failed: None, end: None };
        let shared = Shared {
            behind,
            folder,
            lead,
            power_safe,
            tables: RwLock::default(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        };
        let ahead = Self { shared: Arc::new(shared), settler: Mutex::new(None) };
        ahead.start()?;
        Ok(ahead)
    }

    /// Takes up what the files hold, and starts the settler.
    fn start(&self) -> Result<(), EngineError> {
        let (log, table) = take_up(&self.shared.folder).map_err(|error| self.shared.words(&error))?;
        {
            let mut tables = self.shared.tables.write().unwrap_or_else(PoisonError::into_inner);
            *tables = Tables { newest: Arc::new(table), settling: None, settled: tables.settled + 1 };
        }
        let since = (!self.shared.tables().newest.is_empty()).then(Instant::now);
        *self.shared.state() = State { log: Some(log), unsynced: false, since, failed: None, end: None };
        let shared = self.shared.clone();
        let spawned = std::thread::Builder::new().name("settler".to_owned()).spawn(move || shared.settle());
        let settler = spawned.map_err(|error| self.shared.words(&error))?;
        *self.settler.lock().unwrap_or_else(PoisonError::into_inner) = Some(settler);
        Ok(())
    }

    /// Ends the settler.
    fn end(&self, how: End) {
        self.shared.state().end = Some(how);
        self.shared.changed.notify_all();
        if let Some(settler) = self.settler.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A panic of it is in the state as a failure.
            let _ = settler.join();
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.end(End::Settled);
    }
}

/// Reads what the files of a folder hold and writes it into one new file, so that it is on disk whatever became of
/// the last writes of an earlier process; then takes the old files away.
fn take_up(folder: &Path) -> io::Result<(Log, Table)> {
    std::fs::create_dir_all(folder)?;
    if let Some(parent) = folder.parent() {
        std::fs::File::open(parent)?.sync_all()?;
    }
    let (table, old) = (Table::default(), log::numbers(folder)?);
    for number in &old {
        let left = log::read(folder, *number, |put| table.insert([put]))?;
        if left > 0 {
            let file = folder.join(log::name(*number));
            tracing::warn!(file = %file.display(), bytes = left, "the log ends in a record that was not written whole");
        }
    }
    let number = old.last().map_or(1, |last| last + 1);
    let log = write_out(folder, number, &table).inspect_err(|_| {
        // The old files hold all of it; on a full disk this one would stand beside them for nothing.
        let _ = log::remove(folder, number);
    })?;
    for number in old {
        log::remove(folder, number)?;
    }
    Ok((log, table))
}

/// Writes a table into a new file; it is on disk.
fn write_out(folder: &Path, number: u64, table: &Table) -> io::Result<Log> {
    let mut log = Log::create(folder, number)?;
    let mut after = Bound::Unbounded;
    loop {
        let puts = table.step(after.as_ref().map(Vec::as_slice), SETTLED_AT_ONCE, MOST_UNSYNCED);
        let Some((last, _)) = puts.last() else { break };
        log.append(puts.iter().map(|(key, value)| (key.as_slice(), value.as_deref())))?;
        after = Bound::Excluded(last.clone());
    }
    log.file.sync_data()?;
    Ok(log)
}

impl Shared {
    fn tables(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn words(&self, error: &io::Error) -> EngineError {
        EngineError(format!("{}: {error}", self.folder.display()))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        let ahead = self.tables().get(key, |value| value.cloned());
        ahead.map_or_else(|| self.behind.get(key), Ok)
    }

    /// The settler.
    fn settle(&self) {
        loop {
            let settled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.settle_next()));
            let failure = match settled {
                Ok(Ok(true)) => continue,
                Ok(Ok(false)) => return,
                Ok(Err(error)) => error,
                Err(_) => EngineError("the engine panicked while writing".to_owned()),
            };
            self.state().failed = Some(failure);
            self.changed.notify_all();
            return;
        }
    }

    /// Puts into the engine what is ahead, when it is time; whether there may be more.
    fn settle_next(&self) -> Result<bool, EngineError> {
        let Some(old) = self.begin()? else { return Ok(false) };
        let table = self.tables().settling.clone().unwrap_or_default();
        let (mut after, mut unsynced) = (Bound::Unbounded, 0);
        loop {
            if self.state().end == Some(End::Soon) {
                return Ok(false);
            }
            let started = Instant::now();
            let puts = table.step(after.as_ref().map(Vec::as_slice), SETTLED_AT_ONCE, MOST_UNSYNCED);
            let Some((last, _)) = puts.last() else { break };
            after = Bound::Excluded(last.clone());
            let mut needed = Vec::with_capacity(puts.len());
            let mut bytes = 0;
            for put in puts {
                // Most of what was taken away was never there.
                if put.1.is_some() || self.behind.glance(&put.0)?.is_some() {
                    bytes += put.0.len() + put.1.as_ref().map_or(0, Vec::len);
                    needed.push(put);
                }
            }
            if unsynced + bytes > MOST_UNSYNCED {
                self.behind.sync()?;
                unsynced = 0;
            }
            unsynced += bytes;
            self.behind.apply(needed)?;
            self.rest(started.elapsed() * RESTS);
        }
        self.behind.sync()?;
        {
            let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
            tables.settling = None;
            tables.settled += 1;
        }
        log::remove(&self.folder, old).map_err(|error| self.words(&error))?;
        self.changed.notify_all();
        Ok(true)
    }

    /// Leaves the processor to others, while writers are far from having to wait.
    fn rest(&self, most: Duration) {
        let until = Instant::now() + most;
        let mut state = self.state();
        while state.end.is_none() && self.tables().newest.bytes() < self.lead.most_bytes / 2 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until it is time to settle and begins a new file; the number of the old one, or nothing where it is to end.
    fn begin(&self) -> Result<Option<u64>, EngineError> {
        let mut state = self.state();
        loop {
            let (Some(log), None) = (&state.log, &state.failed) else { return Ok(None) };
            let waited = state.since.map(|since| since.elapsed());
            let many = self.tables().newest.bytes() >= self.lead.settle_bytes;
            match (state.end, waited) {
                (Some(End::Soon), _) | (Some(End::Settled), None) => return Ok(None),
                (Some(End::Settled), Some(_)) => {}
                (None, Some(waited)) if many || waited >= self.lead.settle_after => {}
                (None, Some(waited)) => {
                    let (next, _) = self
                        .changed
                        .wait_timeout(state, self.lead.settle_after.saturating_sub(waited))
                        .unwrap_or_else(PoisonError::into_inner);
                    state = next;
                    continue;
                }
                (None, None) => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
            }
            let old = log.number;
            if state.unsynced && self.power_safe {
                log.file.sync_data().map_err(|error| self.words(&error))?;
            }
            let log = Log::create(&self.folder, old + 1).map_err(|error| self.words(&error))?;
            (state.log, state.since, state.unsynced) = (Some(log), None, false);
            let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
            let newest = std::mem::take(&mut tables.newest);
            tables.settling = Some(newest);
            return Ok(Some(old));
        }
    }
}

impl Engine for Ahead {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.shared.get(key)
    }

    fn glance(&self, key: &[u8]) -> Result<Option<Glance>, EngineError> {
        let ahead = self.shared.tables().get(key, |value| value.map(|value| Glance::of(value, value.len())));
        ahead.map_or_else(|| self.shared.behind.glance(key), Ok)
    }

    fn scan<'a>(&'a self, from: &[u8], to: &[u8], order: Order) -> Box<dyn Iterator<Item = Entry> + 'a> {
        let behind = || self.shared.behind.scan(from, to, order);
        Box::new(Walk::new(&self.shared, (from, to, order), behind, Vec::clone, Shared::get))
    }

    fn keys<'a>(
        &'a self,
        from: &[u8],
        to: &[u8],
        order: Order,
    ) -> Box<dyn Iterator<Item = Result<Vec<u8>, EngineError>> + 'a> {
        let behind =
            || -> Behind<'a, ()> { Box::new(self.shared.behind.keys(from, to, order).map(|key| Ok((key?, ())))) };
        let get = |shared: &Shared, key: &[u8]| Ok(shared.get(key)?.map(|_| ()));
        Box::new(Walk::new(&self.shared, (from, to, order), behind, |_| (), get).map(|entry| Ok(entry?.0)))
    }

    fn apply(&self, puts: Vec<Put>) -> Result<(), EngineError> {
        let mut state = self.shared.state();
        loop {
            if let Some(error) = &state.failed {
                return Err(error.clone());
            }
            let tables = self.shared.tables();
            if tables.settling.is_none() || tables.newest.bytes() < self.shared.lead.most_bytes {
                break;
            }
            drop(tables);
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let Some(log) = &mut state.log else {
            return Err(EngineError("the store is closed after an error".to_owned()));
        };
        if let Err(error) = log.append(puts.iter().map(|(key, value)| (key.as_slice(), value.as_deref()))) {
            let error = self.shared.words(&error);
            state.failed = Some(error.clone());
            return Err(error);
        }
        state.unsynced = true;
        let newest = self.shared.tables().newest.clone();
        newest.insert(puts);
        if state.since.is_none() {
            state.since = Some(Instant::now());
            self.shared.changed.notify_all();
        } else if newest.bytes() >= self.shared.lead.settle_bytes && self.shared.tables().settling.is_none() {
            self.shared.changed.notify_all();
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        let file = match &*self.shared.state() {
            State { failed: Some(error), .. } => return Err(error.clone()),
            State { log: None, .. } => return Err(EngineError("the store is closed after an error".to_owned())),
            State { log: Some(log), .. } => log.file.clone(),
        };
        if !self.shared.power_safe {
            return Ok(());
        }
        let synced = file.sync_data();
        let mut state = self.shared.state();
        match synced {
            Ok(()) => state.unsynced = false,
            Err(error) => {
                let error = self.shared.words(&error);
                state.failed = Some(error.clone());
                return Err(error);
            }
        }
        Ok(())
    }

    fn size(&self) -> u64 {
        let log = self.shared.state().log.as_ref().and_then(|log| log.file.metadata().ok());
        self.shared.behind.size() + log.map_or(0, |about| about.len())
    }

    fn room(&self, purpose: Purpose, live: u64) -> Option<(u64, String)> {
        self.shared.behind.room(purpose, live)
    }

    fn free(&self) -> Option<u64> {
        self.shared.behind.free()
    }

    fn reopen(&self) -> Result<(), EngineError> {
        self.end(End::Soon);
        self.shared.state().log = None;
        self.shared.behind.reopen()?;
        self.start()
    }
}

#[cfg(test)]
mod tests;
