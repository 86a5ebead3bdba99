//! Backup of a running store and restore into an empty one.
//!
//! A backup is a scan of all keys followed by every group that was committed meanwhile, in order: read
//! from front to back it is the store as it was when the backup ended. Values stay sealed, and the data
//! keys in it are sealed by the master key, which is not in it.
//!
//! File: the line `AI-CRM backup 1`, frames of `key length, value length, key, value` (lengths as 32-bit
//! big-endian, a value length of all ones takes the key away), a frame with two zero lengths, the number
//! of frames (64-bit) and the SHA-256 of all before it.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use sha2::{Digest, Sha256};

use crate::store::engine::{Engine, Order, Put};
use crate::store::keyspace::setting::is_action_key;
use crate::store::open::RESTORING_KEY;
use crate::store::{Store, StoreError};

const MAGIC: &[u8] = b"AI-CRM backup 1\n";
const TAKEN: u32 = u32::MAX;
/// Keys after which what was committed meanwhile is written out.
const DRAIN_EVERY: usize = 1024;
/// Keys that are written to the engine at once when restoring.
const RESTORE_STEP: usize = 512;
/// No key and no value is larger; a file that says otherwise is damaged.
const LARGEST: u32 = 64 << 20;

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BackupSummary {
    /// Keys and changes written.
    pub frames: u64,
    /// Length of the file.
    pub bytes: u64,
}

/// Why there is no backup, or no restore.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file cannot be read or written.
    #[error("{file}: {source}")]
    File {
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a whole backup.
    #[error("{file} is not a whole backup: {what}")]
    Damaged {
        /// The file.
        file: String,
        /// What does not fit.
        what: &'static str,
    },
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

struct Summing<W> {
    inner: W,
    digest: Sha256,
    frames: u64,
    bytes: u64,
}

impl<W: Write> Summing<W> {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        self.inner.write_all(bytes)
    }

    fn groups(&mut self, groups: &Receiver<Vec<Put>>) -> std::io::Result<()> {
        while let Ok(puts) = groups.try_recv() {
            for (key, value) in puts {
                self.frame(&key, value.as_deref())?;
            }
        }
        Ok(())
    }

    fn frame(&mut self, key: &[u8], value: Option<&[u8]>) -> std::io::Result<()> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("invariant: keys and values are below 4 GB");
        self.put(&length(key).to_be_bytes())?;
        self.put(&value.map_or(TAKEN, length).to_be_bytes())?;
        self.put(key)?;
        self.put(value.unwrap_or_default())?;
        self.frames += 1;
        Ok(())
    }
}

/// Writes a backup while the store runs. Blocking: call it where blocking is allowed. The file appears
/// under its name only when it is whole and has been read back.
///
/// # Errors
/// Where the file or the store refuses.
pub fn write(store: &Store, file: &Path) -> Result<BackupSummary, BackupError> {
    let failed = |source| BackupError::File { file: file.display().to_string(), source };
    let part = part_of(file);
    let meanwhile = store.listen()?;
    let out = File::options().write(true).create(true).truncate(true).open(&part).map_err(failed)?;
    let mut out = Summing { inner: BufWriter::new(out), digest: Sha256::new(), frames: 0, bytes: 0 };
    out.put(MAGIC).map_err(failed)?;
    for (number, entry) in store.engine().scan(&[], &[], Order::Ascending).enumerate() {
        let (key, value) = entry.map_err(StoreError::from)?;
        out.frame(&key, Some(&value)).map_err(failed)?;
        // What was committed meanwhile does not wait in memory. It was told after it was written, so a key
        // that the scan still comes to has this value or a later one.
        if number.is_multiple_of(DRAIN_EVERY) {
            out.groups(&meanwhile).map_err(failed)?;
        }
    }
    // A group of which the scan has seen a part is told in whole.
    store.wait_for_groups_before()?;
    out.groups(&meanwhile).map_err(failed)?;
    out.put(&[0; 8]).map_err(failed)?;
    let frames = out.frames;
    out.put(&frames.to_be_bytes()).map_err(failed)?;
    let digest = out.digest.clone().finalize();
    out.inner.write_all(&digest).map_err(failed)?;
    let inner = out.inner.into_inner().map_err(|error| failed(error.into_error()))?;
    inner.sync_all().map_err(failed)?;
    read(&part, |_| Ok(()))?;
    std::fs::rename(&part, file).map_err(failed)?;
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    Ok(BackupSummary { frames, bytes: out.bytes + 32 })
}

/// The name under which a backup is written until it is whole.
fn part_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    PathBuf::from(name)
}

/// Reads a backup to its end, checking that it is whole, and hands on what it holds.
fn read(file: &Path, mut each: impl FnMut(Put) -> Result<(), StoreError>) -> Result<BackupSummary, BackupError> {
    let name = || file.display().to_string();
    let failed = |source| BackupError::File { file: name(), source };
    let damaged = |what| BackupError::Damaged { file: name(), what };
    let mut input = BufReader::new(File::open(file).map_err(failed)?);
    let mut digest = Sha256::new();
    let mut bytes = 0_u64;
    let mut take = |length: usize| {
        let mut buffer = vec![0; length];
        input.read_exact(&mut buffer).map_err(|_| damaged("it is cut off"))?;
        digest.update(&buffer);
        bytes += length as u64;
        Ok::<_, BackupError>(buffer)
    };
    if take(MAGIC.len())? != MAGIC {
        return Err(damaged("it does not begin as one"));
    }
    let number = |bytes: &[u8]| bytes.try_into().map(u32::from_be_bytes).unwrap_or(0);
    let mut frames = 0_u64;
    loop {
        let (key, value) = (number(&take(4)?), number(&take(4)?));
        if key == 0 {
            break;
        }
        if key > LARGEST || (value != TAKEN && value > LARGEST) {
            return Err(damaged("a length does not fit"));
        }
        let key = take(key as usize)?;
        let value = if value == TAKEN { None } else { Some(take(value as usize)?) };
        frames += 1;
        each((key, value))?;
    }
    if take(8)? != frames.to_be_bytes() {
        return Err(damaged("frames are missing"));
    }
    let expected = digest.finalize();
    let mut stated = [0; 32];
    input.read_exact(&mut stated).map_err(|_| damaged("it is cut off"))?;
    if stated != expected.as_slice() {
        return Err(damaged("its checksum does not fit"));
    }
    Ok(BackupSummary { frames, bytes: bytes + 32 })
}

/// Reads a backup to its end: it is whole, and holds something. Nothing is written.
///
/// # Errors
/// Where the file cannot be read, is damaged or is empty.
pub fn verify(file: &Path) -> Result<BackupSummary, BackupError> {
    let summary = read(file, |_| Ok(()))?;
    if summary.frames == 0 {
        return Err(BackupError::Damaged { file: file.display().to_string(), what: "it holds nothing" });
    }
    Ok(summary)
}

/// Fills an empty engine from a backup, after checking that the backup is whole. The key that signs buttons stays
/// behind: cards that were made after the backup speak of tasks whose numbers are given out again, and their buttons
/// must not reach those. A card from before is refused with the words to ask for a fresh one.
///
/// # Errors
/// Where the engine is not empty, or the file or the engine refuses.
pub fn restore(engine: &dyn Engine, file: &Path) -> Result<BackupSummary, BackupError> {
    if engine.scan(&[], &[], Order::Ascending).next().is_some() {
        return Err(BackupError::Store(StoreError::Unusable(
            "the store is not empty: restore into a new data folder".to_owned(),
        )));
    }
    let summary = verify(file)?;
    // A restore that is cut off leaves the mark, and such a store does not open.
    engine.apply(vec![(RESTORING_KEY.to_vec(), Some(Vec::new()))]).map_err(StoreError::from)?;
    engine.sync().map_err(StoreError::from)?;
    let mut step = Vec::with_capacity(RESTORE_STEP);
    read(file, |put| {
        if is_action_key(&put.0) {
            return Ok(());
        }
        step.push(put);
        if step.len() == RESTORE_STEP {
            engine.apply(std::mem::take(&mut step))?;
        }
        Ok(())
    })?;
    engine.apply(step).map_err(StoreError::from)?;
    engine.sync().map_err(StoreError::from)?;
    engine.apply(vec![(RESTORING_KEY.to_vec(), None)]).map_err(StoreError::from)?;
    engine.sync().map_err(StoreError::from)?;
    Ok(summary)
}
