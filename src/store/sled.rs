//! The embedded engine: sled 0.34.7, one tree.
//!
//! `sled::Db::flush` ends in `sync_file_range`, which survives a killed process but not a power cut.
//! [`Sled::sync`] therefore adds an `fdatasync` on sled's `db` file, and opening syncs file and
//! folder once. `tests/it/power_cut.rs` keeps it so.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use crate::store::engine::{Engine, EngineError, Entry, Order, Put};
use crate::store::quota::{self, Quota};

/// Bytes of a log segment. sled's default of 512 KiB costs more segments for events of 10 KB.
const SEGMENT_BYTES: usize = 1 << 20;
/// How often sled writes out and collects garbage by itself.
const BACKGROUND_FLUSH_MS: u64 = 500;
/// How many applied groups pass between two looks at the disk usage.
const LOOK_EVERY: u64 = 64;

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
    size: AtomicU64,
    applied: AtomicU64,
}

impl Sled {
    /// Opens or creates the database in the folder.
    ///
    /// # Errors
    /// Where it is locked by another process, damaged, or the disk refuses. sled panics on some
    /// damage; that is an error here.
    pub fn open(options: SledOptions) -> Result<Self, EngineError> {
        let open = open(&options)?;
        let size = open.db.size_on_disk().unwrap_or(0);
        Ok(Self { options, open: RwLock::new(Some(open)), size: AtomicU64::new(size), applied: AtomicU64::new(0) })
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Open>> {
        self.open.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Open>> {
        self.open.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn with<T>(&self, act: impl FnOnce(&Open) -> sled::Result<T>) -> Result<T, EngineError> {
        let guard = self.read();
        let open = guard.as_ref().ok_or_else(|| EngineError("the store is closed after an error".to_owned()))?;
        act(open).map_err(words)
    }
}

impl Sled {
    fn walk<'a, T: 'a>(
        &'a self,
        from: &[u8],
        to: &[u8],
        order: Order,
        take: impl Fn(&sled::IVec, &sled::IVec) -> T + 'a,
    ) -> Box<dyn Iterator<Item = Result<T, EngineError>> + 'a> {
        let guard = self.read();
        let Some(open) = guard.as_ref() else {
            return Box::new(std::iter::once(Err(EngineError("the store is closed after an error".to_owned()))));
        };
        // sled's iterator owns what it needs, so the guard need not outlive this call.
        let iter =
            if to.is_empty() { open.db.range(from.to_vec()..) } else { open.db.range(from.to_vec()..to.to_vec()) };
        let own = move |entry: sled::Result<(sled::IVec, sled::IVec)>| match entry {
            Ok((key, value)) => Ok(take(&key, &value)),
            Err(error) => Err(words(error)),
        };
        match order {
            Order::Ascending => Box::new(iter.map(own)),
            Order::Descending => Box::new(iter.rev().map(own)),
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

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()?;
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

impl Engine for Sled {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.with(|open| Ok(open.db.get(key)?.map(|value| value.to_vec())))
    }

    fn scan<'a>(&'a self, from: &[u8], to: &[u8], order: Order) -> Box<dyn Iterator<Item = Entry> + 'a> {
        self.walk(from, to, order, |key, value| (key.to_vec(), value.to_vec()))
    }

    fn keys<'a>(
        &'a self,
        from: &[u8],
        to: &[u8],
        order: Order,
    ) -> Box<dyn Iterator<Item = Result<Vec<u8>, EngineError>> + 'a> {
        self.walk(from, to, order, |key, _| key.to_vec())
    }

    fn apply(&self, puts: Vec<Put>) -> Result<(), EngineError> {
        let mut batch = sled::Batch::default();
        for (key, value) in puts {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.with(|open| open.db.apply_batch(batch))
    }

    fn sync(&self) -> Result<(), EngineError> {
        self.with(|open| {
            open.db.flush()?;
            if self.options.power_safe {
                open.file.sync_data()?;
            }
            if self.applied.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) {
                self.size.store(open.db.size_on_disk()?, Ordering::Relaxed);
            }
            Ok(())
        })
    }

    fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    fn room(&self, intake: bool) -> Option<(u64, String)> {
        let quota = if intake { self.options.quota.clone() } else { self.options.quota.for_old_work() };
        Some(quota::room(&quota, &self.options.folder, self.size()))
    }

    fn reopen(&self) -> Result<(), EngineError> {
        // Readers are not kept waiting: without an open database they are told so.
        let old = self.write().take();
        close(old)?;
        let open = open(&self.options)?;
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
