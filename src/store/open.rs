//! Opening a store: the lock, the format, the keys; each refusal says what to do.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::time::Clock;
use crate::store::ahead::{self, Ahead, Lead};
use crate::store::engine::{Engine, EngineError, Order};
use crate::store::keyspace::Note;
use crate::store::pieces::PIECE;
use crate::store::seal::{Keyring, MasterKey, SealError, WrappedKey, new_data_key};
use crate::store::sled::{LOCKED, Sled, SledOptions};
use crate::store::{Store, StoreError, keyspace};

/// Version of the layout of the whole store. Raised when keys move, and when there are values that programs before
/// cannot read; a migration then stands in `migrate`.
pub const FORMAT: u32 = 7;

/// Bytes that a migration writes at once.
const MOVED_AT_ONCE: usize = 1 << 20;

const FORMAT_KEY: &[u8] = b"_system\0fm";
const DATA_KEYS: &[u8] = b"_system\0ky";
/// Stands in a store while a backup is restored into it.
pub(crate) const RESTORING_KEY: &[u8] = b"_system\0rs";

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "the store in {folder} is in use by another process: stop it, or talk to it (`ai-crm` commands do so by themselves when `serve` runs)"
    )]
    InUse {
        /// The store's folder.
        folder: String,
    },
    /// It is damaged, or the disk refuses.
    #[error(
        "the store in {folder} does not open: {reason}\n  hint: keep the folder, make an empty one, and `ai-crm restore FILE` your last backup into it"
    )]
    Damaged {
        /// The store's folder.
        folder: String,
        /// What the engine says.
        reason: String,
    },
    /// A newer program has written it.
    #[error(
        "the store has format {found}, this program knows up to {FORMAT}: run the newer program again, or restore a backup of before its first start"
    )]
    Newer {
        /// The format found.
        found: u32,
    },
    /// A restore into it was cut off.
    #[error("a restore into this store was cut off: empty the folder and restore the backup again")]
    HalfRestored,
    /// Its keys do not open.
    #[error(transparent)]
    Keys(#[from] SealError),
    /// Something in it cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<EngineError> for OpenError {
    fn from(error: EngineError) -> Self {
        Self::Store(error.into())
    }
}

#[derive(Serialize, Deserialize)]
struct Format {
    format: u32,
    written_by: String,
}

/// The engine of a store as it lies in its folder, which a backup is restored into.
///
/// # Errors
/// [`OpenError::InUse`] and [`OpenError::Damaged`].
pub fn bare(options: SledOptions) -> Result<Arc<dyn Engine>, OpenError> {
    bare_after(options, Lead::default(), |_| Ok(()))
}

/// As [`bare`]; `look` comes before there is a log ahead of the engine.
fn bare_after(
    options: SledOptions,
    lead: Lead,
    look: impl FnOnce(&dyn Engine) -> Result<(), OpenError>,
) -> Result<Arc<dyn Engine>, OpenError> {
    let folder = options.folder.display().to_string();
    let failed = |error: EngineError| {
        if error.0.contains(LOCKED) {
            OpenError::InUse { folder: folder.clone() }
        } else {
            OpenError::Damaged { folder: folder.clone(), reason: error.0 }
        }
    };
    let (log, power_safe) = (options.folder.join(ahead::FOLDER), options.power_safe);
    let engine = Sled::open(options).map_err(failed)?;
    look(&engine)?;
    let engine = Ahead::open(Arc::new(engine), log, lead, power_safe).map_err(failed)?;
    Ok(Arc::new(engine))
}

/// Opens the embedded store, making it where there is none.
///
/// # Errors
/// See [`OpenError`].
pub fn open(
    options: SledOptions,
    lead: Lead,
    masters: &[MasterKey],
    clock: Arc<dyn Clock>,
) -> Result<Store, OpenError> {
    // The format is in the engine itself: a program that is older than the log knows nothing of what is in that.
    let engine = bare_after(options, lead, check_format)?;
    let keyring = prepare(engine.as_ref(), masters)?;
    Ok(Store::grouped(engine, Arc::new(keyring), clock)?)
}

/// Checks the format, migrates what is older, and opens the keys. Safe to run again at any point.
///
/// # Errors
/// See [`OpenError`].
pub fn prepare(engine: &dyn Engine, masters: &[MasterKey]) -> Result<Keyring, OpenError> {
    check_format(engine)?;
    let mut wrapped = read_data_keys(engine)?;
    if wrapped.is_empty() {
        let master = masters.first().ok_or(SealError::Damaged)?;
        let key = new_data_key(1, master);
        put_data_key(engine, &key)?;
        wrapped.push(key);
    }
    let (keyring, anew) = Keyring::open_keys(&wrapped, masters)?;
    for key in anew {
        put_data_key(engine, &key)?;
    }
    Ok(keyring)
}

fn check_format(engine: &dyn Engine) -> Result<(), OpenError> {
    if engine.get(RESTORING_KEY)?.is_some() {
        return Err(OpenError::HalfRestored);
    }
    let found = match engine.get(FORMAT_KEY)? {
        Some(bytes) => {
            let format: Format = serde_json::from_slice(&bytes).map_err(|e| StoreError::Unreadable(e.to_string()))?;
            format.format
        }
        None => 0,
    };
    if found > FORMAT {
        return Err(OpenError::Newer { found });
    }
    if found < FORMAT {
        migrate(engine, found)?;
        let format = Format { format: FORMAT, written_by: env!("CARGO_PKG_VERSION").to_owned() };
        let bytes = serde_json::to_vec(&format).expect("invariant: the format serialises");
        engine.apply(vec![(FORMAT_KEY.to_vec(), Some(bytes))])?;
        engine.sync()?;
    }
    Ok(())
}

/// Brings the keys of an older format to the present one, step by step; each step can run twice.
fn migrate(engine: &dyn Engine, from: u32) -> Result<(), OpenError> {
    match from {
        // What format 1 packed, and the stories that it wrote of events that ask nothing, are read as they are.
        0..=2 => cut_and_count(engine),
        // Format 4 has a log ahead of the engine, format 5 events and receipts of further kinds, format 6 ends of events,
        // messages of approvals and addresses of further kinds: who does not know them would post to the channel what
        // belongs below a link. Format 7 has runs of workflows, and effects that are calls, which others cannot read.
        3..=6 => Ok(()),
        other => Err(StoreError::Unreadable(format!("no migration from format {other} is known")).into()),
    }
}

/// Format 3 keeps long values in pieces, which those of before get by being put again, and notes the bytes of all.
fn cut_and_count(engine: &dyn Engine) -> Result<(), OpenError> {
    let (mut live, mut step, mut bytes) = (0, Vec::new(), 0);
    for entry in engine.scan(&[], &[], Order::Ascending) {
        let (key, value) = entry?;
        live += (key.len() + value.len()) as u64;
        if value.len() > PIECE {
            bytes += value.len();
            step.push((key, Some(value)));
        }
        if bytes >= MOVED_AT_ONCE {
            engine.apply(std::mem::take(&mut step))?;
            engine.sync()?;
            bytes = 0;
        }
    }
    step.push(keyspace::note_put(Note { live, ..keyspace::read_note(engine)? }));
    engine.apply(step)?;
    Ok(engine.sync()?)
}

pub(crate) fn read_data_keys(engine: &dyn Engine) -> Result<Vec<WrappedKey>, StoreError> {
    let read = |entry: crate::store::engine::Entry| {
        serde_json::from_slice(&entry?.1).map_err(|error| StoreError::Unreadable(error.to_string()))
    };
    engine.scan(DATA_KEYS, &keyspace::end_of(DATA_KEYS), Order::Ascending).map(read).collect()
}

/// A data key as the store's own entry.
pub(crate) fn data_key_entry(key: &WrappedKey) -> (Vec<u8>, Vec<u8>) {
    let bytes = serde_json::to_vec(key).expect("invariant: wrapped keys serialise");
    ([DATA_KEYS, &key.id.to_be_bytes()].concat(), bytes)
}

fn put_data_key(engine: &dyn Engine, key: &WrappedKey) -> Result<(), StoreError> {
    let (name, bytes) = data_key_entry(key);
    engine.apply(vec![(name, Some(bytes))])?;
    Ok(engine.sync()?)
}
