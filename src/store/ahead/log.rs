//! The files of the log: `<number>.log`, each a row of records. A record is one set of puts that lands whole or not at all.
//!
//! Record: length of what follows the head (32-bit), CRC-32 of the file's number, the record's number in it and what
//! follows; then for each put the length of the key, the length of the value (all ones take the key away), key, value.
//! Numbers are big-endian. The first record that does not fit is the end: it was being written when the power went.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::store::engine::Put;

const TAKEN: u32 = u32::MAX;
/// Length and checksum.
const HEAD: usize = 8;

/// A file that is written to.
pub(super) struct Log {
    /// The file, for whoever waits for the disk.
    pub(super) file: Arc<File>,
    /// Its number.
    pub(super) number: u64,
    records: u64,
}

impl Log {
    /// Makes the file of a number; after a power cut it is there.
    pub(super) fn create(folder: &Path, number: u64) -> io::Result<Self> {
        let file = File::options().write(true).create_new(true).open(path(folder, number))?;
        File::open(folder)?.sync_all()?;
        Ok(Self { file: Arc::new(file), number, records: 0 })
    }

    /// Adds a record. After an error nothing may be added: what is torn hides what follows it.
    pub(super) fn append<'a>(&mut self, puts: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> io::Result<()> {
        let mut record = vec![0; HEAD];
        for (key, value) in puts {
            record.extend_from_slice(&length(key)?.to_be_bytes());
            record.extend_from_slice(&value.map_or(Ok(TAKEN), length)?.to_be_bytes());
            record.extend_from_slice(key);
            record.extend_from_slice(value.unwrap_or_default());
        }
        let (head, body) = record.split_at_mut(HEAD);
        head[..4].copy_from_slice(&length(body)?.to_be_bytes());
        head[4..].copy_from_slice(&checksum(self.number, self.records, body).to_be_bytes());
        self.records += 1;
        (&*self.file).write_all(&record)
    }
}

fn length(bytes: &[u8]) -> io::Result<u32> {
    u32::try_from(bytes.len()).ok().filter(|length| *length < TAKEN).ok_or(io::ErrorKind::FileTooLarge.into())
}

fn checksum(file: u64, record: u64, body: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&file.to_be_bytes());
    sum.update(&record.to_be_bytes());
    sum.update(body);
    sum.finalize()
}

/// The name of a file.
pub(super) fn name(number: u64) -> String {
    format!("{number:016}.log")
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(name(number))
}

/// Numbers of the files in a folder, in order.
pub(super) fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.strip_suffix(".log")?.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Takes a file away. That is on disk when the next file is made.
pub(super) fn remove(folder: &Path, number: u64) -> io::Result<()> {
    std::fs::remove_file(path(folder, number))
}

/// Reads the puts of a file, in order, up to the first record that does not fit; the bytes from there on.
pub(super) fn read(folder: &Path, number: u64, mut each: impl FnMut(Put)) -> io::Result<usize> {
    let bytes = std::fs::read(path(folder, number))?;
    let mut rest = &bytes[..];
    for record in 0.. {
        let before = rest.len();
        let Some(mut body) = take_record(&mut rest, number, record) else { return Ok(before) };
        while let Some(put) = take_put(&mut body) {
            each(put);
        }
    }
    Ok(0)
}

fn take_record<'a>(rest: &mut &'a [u8], number: u64, record: u64) -> Option<&'a [u8]> {
    let length = take_number(rest)?;
    let sum = take_number(rest)?;
    let (body, after) = rest.split_at_checked(length as usize)?;
    *rest = after;
    (checksum(number, record, body) == sum).then_some(body)
}

fn take_put(body: &mut &[u8]) -> Option<Put> {
    let (key, value) = (take_number(body)?, take_number(body)?);
    let (key, after) = body.split_at_checked(key as usize)?;
    *body = after;
    if value == TAKEN {
        return Some((key.to_vec(), None));
    }
    let (value, after) = body.split_at_checked(value as usize)?;
    *body = after;
    Some((key.to_vec(), Some(value.to_vec())))
}

fn take_number(rest: &mut &[u8]) -> Option<u32> {
    let (number, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(u32::from_be_bytes(*number))
}
