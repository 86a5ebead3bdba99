//! The embedded engine: sled 0.34.7, one tree.
//!
//! `sled::Db::flush` ends in `sync_file_range`, which survives a killed process but not a power cut.
//! [`Sled::sync`] therefore adds an `fdatasync` on sled's `db` file, and opening syncs file and
//! folder once. What is long is kept in pieces (`pieces.rs`), since sled puts it into files that nobody syncs.
//! `tests/it/power_cut.rs` keeps it so.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use crate::store::engine::{Engine, EngineError, Entry, Glance, Order, Purpose, Put};
use crate::store::pieces::{self, COUNTS, RESERVED, Stub};
use crate::store::quota::{self, Quota};

/// Bytes of a log segment. sled's default of 512 KiB costs more segments for events of 10 KB.
const SEGMENT_BYTES: usize = 1 << 20;
/// How often sled writes out and collects garbage by itself.
const BACKGROUND_FLUSH_MS: u64 = 500;

/// How long to wait for the lock of a process that is ending.
const LOCK_PATIENCE: Duration = Duration::from_millis(700);
/// How long to wait for a database that failed to let go of its files.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);
/// How sled words a lock that another process holds.
pub(crate) const LOCKED: &str = "could not acquire lock";

/// How to open the engine.
#[derive(Debug, Clone)]
pub struct SledOptions {
    /// The folder that sled owns.
    pub folder: PathBuf,
    /// Bytes of its page cache.
    pub cache_bytes: u64,
    /// Where new work is refused.
    pub quota: Quota,
    /// Whether a commit waits for the disk itself. Off only in the test that shows why it is on.
    pub power_safe: bool,
}

struct Open {
    db: sled::Db,
    file: File,
}

/// An open sled database that can be opened anew after an error.
pub struct Sled {
    options: SledOptions,
    open: RwLock<Option<Open>>,
    /// Keys whose values are in pieces, and how many there are beside the first.
    long: Mutex<HashMap<Vec<u8>, u32>>,
}

impl Sled {
    /// Opens or creates the database in the folder.
    ///
    /// # Errors
    /// Where it is locked by another process, damaged, or the disk refuses. sled panics on some
    /// damage; that is an error here.
    pub fn open(options: SledOptions) -> Result<Self, EngineError> {
        let open = open(&options)?;
        let long = Mutex::new(long_values(&open.db)?);
        Ok(Self { options, open: RwLock::new(Some(open)), long })
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Open>> {
        self.open.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Open>> {
        self.open.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn long(&self) -> MutexGuard<'_, HashMap<Vec<u8>, u32>> {
        self.long.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn with<T>(&self, act: impl FnOnce(&Open) -> Result<T, EngineError>) -> Result<T, EngineError> {
        let guard = self.read();
        let open = guard.as_ref().ok_or_else(|| EngineError("the store is closed after an error".to_owned()))?;
        act(open)
    }
}

/// Reads which values are in pieces.
fn long_values(db: &sled::Db) -> Result<HashMap<Vec<u8>, u32>, EngineError> {
    let counts = db.scan_prefix(COUNTS).map(|entry| {
        let (key, count) = entry.map_err(words)?;
        let count = count.as_ref().try_into().map_or(0, u32::from_be_bytes);
        Ok((key[COUNTS.len()..].to_vec(), count))
    });
    counts.collect()
}

/// The value of a key, put together where it is in pieces. Of one that is damaged the stub is given, which does not open.
fn whole(db: &sled::Db, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
    let mut before: Option<sled::IVec> = None;
    while let Some(kept) = db.get(key).map_err(words)? {
        let Some(stub) = Stub::read(&kept) else { return Ok(Some(kept.to_vec())) };
        if let Some(value) = stub.whole(key, |piece| db.get(piece).map_err(words))? {
            return Ok(Some(value));
        }
        // Where it was written over while it was read, the stub is another.
        if before.as_ref() == Some(&kept) {
            return Ok(Some(kept.to_vec()));
        }
        before = Some(kept);
    }
    Ok(None)
}

impl Sled {
    fn walk<'a, T: 'a>(
        &'a self,
        from: &[u8],
        to: &[u8],
        order: Order,
        take: impl Fn(&sled::Db, &sled::IVec, &sled::IVec) -> Result<Option<T>, EngineError> + 'a,
    ) -> Box<dyn Iterator<Item = Result<T, EngineError>> + 'a> {
        let guard = self.read();
        let Some(open) = guard.as_ref() else {
            return Box::new(std::iter::once(Err(EngineError("the store is closed after an error".to_owned()))));
        };
        // What stands behind the tenants is ours alone.
        let to = if to.is_empty() || to > RESERVED { RESERVED } else { to };
        if from >= to {
            return Box::new(std::iter::empty());
        }
        // sled's iterator owns what it needs, so the guard need not outlive this call.
        let (iter, db) = (open.db.range(from.to_vec()..to.to_vec()), open.db.clone());
        let own = move |entry: sled::Result<(sled::IVec, sled::IVec)>| match entry {
            Ok((key, value)) => take(&db, &key, &value).transpose(),
            Err(error) => Some(Err(words(error))),
        };
        match order {
            Order::Ascending => Box::new(iter.filter_map(own)),
            Order::Descending => Box::new(iter.rev().filter_map(own)),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "shape of map_err")]
fn words(error: sled::Error) -> EngineError {
    EngineError(error.to_string())
}

fn open(options: &SledOptions) -> Result<Open, EngineError> {
    let io = |error: std::io::Error| EngineError(format!("{}: {error}", options.folder.display()));
    std::fs::create_dir_all(&options.folder).map_err(io)?;
    quota::give_back_reserve_if_needed(&options.quota, &options.folder).map_err(io)?;
    let config = sled::Config::new()
        .path(&options.folder)
        .cache_capacity(options.cache_bytes)
        .segment_size(SEGMENT_BYTES)
        .mode(sled::Mode::HighThroughput)
        .flush_every_ms(Some(BACKGROUND_FLUSH_MS));
    let db = open_unlocked(&config)?;
    let file = File::open(options.folder.join("db")).map_err(io)?;
    file.sync_all().map_err(io)?;
    sync_blobs(&options.folder.join("blobs")).map_err(io)?;
    sync_folder(&options.folder).map_err(io)?;
    quota::set_reserve_aside(&options.quota, &options.folder).map_err(io)?;
    Ok(Open { db, file })
}

/// A process that has just ended, and a handle that was just dropped, hold sled's lock a moment longer.
fn open_unlocked(config: &sled::Config) -> Result<sled::Db, EngineError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| config.open()));
        match opened {
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(error)) if error.to_string().contains(LOCKED) && Instant::now() < deadline => {
                std::thread::park_timeout(Duration::from_millis(10));
            }
            Ok(Err(error)) => return Err(words(error)),
            Err(_) => {
                return Err(EngineError("the files are damaged (a checksum or a pointer does not fit)".to_owned()));
            }
        }
    }
}

/// What sled has put beside its log: it has no long values from here, but from before there were pieces.
fn sync_blobs(blobs: &Path) -> std::io::Result<()> {
    for blob in std::fs::read_dir(blobs)? {
        File::open(blob?.path())?.sync_all()?;
    }
    File::open(blobs)?.sync_all()
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()?;
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

impl Engine for Sled {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.with(|open| whole(&open.db, key))
    }

    fn glance(&self, key: &[u8]) -> Result<Option<Glance>, EngineError> {
        let glance = |kept: sled::IVec| match Stub::read(&kept) {
            Some(stub) => Glance::of(stub.first, stub.length),
            None => Glance::of(&kept, kept.len()),
        };
        self.with(|open| Ok(open.db.get(key).map_err(words)?.map(glance)))
    }

    fn scan<'a>(&'a self, from: &[u8], to: &[u8], order: Order) -> Box<dyn Iterator<Item = Entry> + 'a> {
        self.walk(from, to, order, |db, key, kept| {
            let value = if Stub::read(kept).is_some() { whole(db, key)? } else { Some(kept.to_vec()) };
            Ok(value.map(|value| (key.to_vec(), value)))
        })
    }

    fn keys<'a>(
        &'a self,
        from: &[u8],
        to: &[u8],
        order: Order,
    ) -> Box<dyn Iterator<Item = Result<Vec<u8>, EngineError>> + 'a> {
        self.walk(from, to, order, |_, key, _| Ok(Some(key.to_vec())))
    }

    fn apply(&self, puts: Vec<Put>) -> Result<(), EngineError> {
        let mut batch = sled::Batch::default();
        let mut add = |(key, value): Put| match value {
            Some(value) => batch.insert(key, value),
            None => batch.remove(key),
        };
        let mut long = self.long();
        for (key, value) in puts {
            let before = if long.is_empty() { 0 } else { long.remove(&key).unwrap_or(0) };
            let cut = value.as_ref().and_then(|value| pieces::cut(&key, value, rand::random()));
            let count = cut.as_ref().map_or(0, |(_, count)| *count);
            pieces::leftovers(&key, before, count).filter(|_| before > 0).for_each(&mut add);
            match cut {
                Some((puts, count)) => {
                    puts.into_iter().for_each(&mut add);
                    long.insert(key, count);
                }
                None => add((key, value)),
            }
        }
        drop(long);
        self.with(|open| open.db.apply_batch(batch).map_err(words))
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.with(|open| {
            open.db.flush().map_err(words)?;
            if self.options.power_safe {
                open.file.sync_data().map_err(|error| EngineError(error.to_string()))?;
            }
            Ok(())
        })
    }

    fn size(&self) -> u64 {
        self.with(|open| open.db.size_on_disk().map_err(words)).unwrap_or(0)
    }

    fn room(&self, purpose: Purpose, live: u64) -> Option<(u64, String)> {
        Some(quota::room(&self.options.quota.of(purpose), &self.options.folder, live))
    }

    fn free(&self) -> Option<u64> {
        quota::free(&self.options.folder).ok()
    }

    fn reopen(&self) -> Result<(), EngineError> {
        // Readers are not kept waiting: without an open database they are told so.
        let old = self.write().take();
        close(old)?;
        let open = open(&self.options)?;
        *self.long() = long_values(&open.db)?;
        *self.write() = Some(open);
        Ok(())
    }
}

/// Lets go of a database that failed, and with it of sled's file lock. That flushes, which may panic after an error of
/// the disk, and waits for sled's own thread, which may have panicked and then never comes.
fn close(old: Option<Open>) -> Result<(), EngineError> {
    let Some(old) = old else { return Ok(()) };
    let (sender, closed) = std::sync::mpsc::channel::<()>();
    let dropping = move || {
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || drop(old)));
        drop(sender);
    };
    let spawned = std::thread::Builder::new().name("store closing".to_owned()).spawn(dropping);
    spawned.map_err(|error| EngineError(format!("no thread to close the store: {error}")))?;
    match closed.recv_timeout(CLOSE_PATIENCE) {
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
            Err(EngineError("the store does not close after an error: start the program anew".to_owned()))
        }
        _ => Ok(()),
    }
}
