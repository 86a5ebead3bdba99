//! Room on the disk: where new work is refused, and the reserve that is given back.
//!
//! sled cannot open on a full disk. So the store stops taking work while there is still room, and
//! keeps a file aside that is given back when the disk is found full at opening.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::store::engine::Purpose;

/// The reserve's name in the store's folder.
const RESERVE_FILE: &str = "reserve";

/// Bounds of the store's size.
///
/// What the store may hold is measured in bytes of keys and values that are there, not by the length of its file: that
/// never shrinks, and a store that was full once would be full for ever. sled reuses what is free in its file, which
/// comes to two and a half times what is in it at most; what the disk has left is a bound of its own.
#[derive(Debug, Clone)]
pub struct Quota {
    /// Bytes of keys and values that the store may hold.
    pub most_bytes: u64,
    /// Bytes of the disk that stay free.
    pub keep_free_bytes: u64,
    /// Bytes set aside.
    pub reserve_bytes: u64,
}

impl Quota {
    /// The bounds for a purpose. What finishes old work has half of what stays free for it, and a sixteenth more than
    /// the store may hold. What only takes away has no bound but the disk's, and a quarter of what stays free.
    #[must_use]
    pub fn of(&self, purpose: Purpose) -> Self {
        let (most_bytes, keep_free_bytes) = match purpose {
            Purpose::Intake => (self.most_bytes, self.keep_free_bytes),
            Purpose::Work => (self.most_bytes.saturating_add(self.most_bytes / 16), self.keep_free_bytes / 2),
            Purpose::Freeing => (u64::MAX, self.keep_free_bytes / 4),
        };
        Self { most_bytes, keep_free_bytes, reserve_bytes: self.reserve_bytes }
    }
}

/// Bytes that are free on the disk of a folder.
///
/// # Errors
/// Where the disk cannot be asked.
pub fn free(folder: &Path) -> io::Result<u64> {
    let disk = statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Bytes that are held in reserve in a store's folder.
#[must_use]
pub fn reserve_held(folder: &Path) -> u64 {
    folder.join(RESERVE_FILE).metadata().map_or(0, |about| about.len())
}

/// Bytes that may still be written by a store that holds `live` bytes, and which bound is the nearest.
#[must_use]
pub fn room(quota: &Quota, folder: &Path, live: u64) -> (u64, String) {
    let own = quota.most_bytes.saturating_sub(live);
    let own_words = format!("it holds {live} bytes and may hold {} (`store.most_mb`)", quota.most_bytes);
    let Ok(free) = free(folder) else {
        return (own, own_words);
    };
    let disk_room = free.saturating_sub(quota.keep_free_bytes);
    if disk_room < own {
        let words =
            format!("the disk has {free} bytes free and {} stay free (`store.keep_free_mb`)", quota.keep_free_bytes);
        (disk_room, words)
    } else {
        (own, own_words)
    }
}

/// Takes space aside, where there is enough; less is no error, since the bound above still holds.
///
/// # Errors
/// Where the file cannot be made for another reason than space.
pub fn set_reserve_aside(quota: &Quota, folder: &Path) -> io::Result<()> {
    let path = folder.join(RESERVE_FILE);
    if quota.reserve_bytes == 0 || path.metadata().is_ok_and(|m| m.len() >= quota.reserve_bytes) {
        return Ok(());
    }
    if free(folder)? < quota.reserve_bytes.saturating_add(quota.keep_free_bytes) {
        return Ok(());
    }
    let file = File::create(&path)?;
    match fallocate(file.as_fd(), FallocateFlags::empty(), 0, quota.reserve_bytes) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::NOSPC | rustix::io::Errno::OPNOTSUPP) => std::fs::remove_file(&path),
        Err(error) => Err(error.into()),
    }
}

/// Gives the reserve back where the disk is full, so that the store can open.
///
/// # Errors
/// Where the disk cannot be asked or the file cannot be removed.
pub fn give_back_reserve_if_needed(quota: &Quota, folder: &Path) -> io::Result<()> {
    let path = folder.join(RESERVE_FILE);
    let free = free(folder)?;
    if free < quota.keep_free_bytes && path.exists() {
        tracing::warn!(free, "the disk is full: the store's reserve is given back");
        std::fs::remove_file(&path)?;
    }
    Ok(())
}
