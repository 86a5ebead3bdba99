//! The file system whose files are disks: `/<number>.img` is the disk in that slot of the shelf.
//! It answers the few operations that a loop device needs; everything else is refused by the crate's defaults.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner, OpenFlags,
    ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, WriteFlags,
};

use super::disk::{Disk, DiskRefusal, PAGE};

/// How long the kernel may believe an attribute; a disk never changes its size.
const ATTRIBUTES_HOLD: Duration = Duration::from_secs(60);

/// Inode 1 is the root folder; the disk in slot 0 is the next one.
const FIRST_DISK: u64 = 2;

/// The disks that the file system shows, shared with the machines that use them.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    slots: Arc<Mutex<Slots>>,
}

#[derive(Default)]
struct Slots {
    next: u64,
    disks: BTreeMap<u64, Arc<Drive>>,
}

/// A disk in its slot, and a way to wait for what happens to it.
pub(crate) struct Drive {
    disk: Mutex<Disk>,
    asked_to_flush: Condvar,
}

impl Drive {
    /// The disk, for oneself.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the power away in place of the next flush and comes back then, or after `limit` when none was asked for.
    pub(crate) fn end_at_next_flush(&self, limit: Duration) {
        let mut disk = self.lock();
        disk.end_at_next_flush();
        drop(self.asked_to_flush.wait_timeout_while(disk, limit, |disk| disk.is_powered()));
    }
}

impl Shelf {
    /// Puts a disk into a slot of its own; slots are never used twice, so that the kernel cannot mix two disks up.
    pub(crate) fn put(&self, disk: Disk) -> (u64, Arc<Drive>) {
        let drive = Arc::new(Drive { disk: Mutex::new(disk), asked_to_flush: Condvar::new() });
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.next;
        slots.next += 1;
        slots.disks.insert(slot, drive.clone());
        (slot, drive)
    }

    /// Takes the disk away; what still has its file open gets errors.
    pub(crate) fn remove(&self, slot: u64) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).disks.remove(&slot);
    }

    /// The file name under which the disk of a slot is seen.
    pub(crate) fn file_name(slot: u64) -> String {
        format!("{slot}.img")
    }

    fn slot_of(name: &OsStr) -> Option<u64> {
        name.to_str()?.strip_suffix(".img")?.parse().ok()
    }

    /// The drive behind an inode.
    fn drive(&self, inode: INodeNo) -> Result<Arc<Drive>, Errno> {
        let slot = inode.0.checked_sub(FIRST_DISK).ok_or(Errno::ENOENT)?;
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.disks.get(&slot).cloned().ok_or(Errno::EIO)
    }

    /// Does `work` on the disk behind an inode.
    fn with<R>(&self, inode: INodeNo, work: impl FnOnce(&mut Disk) -> Result<R, DiskRefusal>) -> Result<R, Errno> {
        let drive = self.drive(inode)?;
        work(&mut drive.lock()).map_err(|refusal| match refusal {
            DiskRefusal::NoPower => Errno::EIO,
            DiskRefusal::NotOnTheDisk => Errno::EINVAL,
        })
    }

    fn attributes(&self, inode: INodeNo) -> Result<FileAttr, Errno> {
        let (kind, size, perm, nlink) = if inode == INodeNo::ROOT {
            (FileType::Directory, 0, 0o700, 2)
        } else {
            (FileType::RegularFile, self.with(inode, |disk| Ok(disk.size()))? as u64, 0o600, 1)
        };
        Ok(FileAttr {
            ino: inode,
            size,
            blocks: size / 512,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm,
            nlink,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: PAGE as u32,
            flags: 0,
        })
    }
}

impl Filesystem for Shelf {
    fn lookup(&self, _request: &Request, _parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = Self::slot_of(name).ok_or(Errno::ENOENT);
        match found.and_then(|slot| self.attributes(INodeNo(FIRST_DISK + slot))) {
            Ok(attributes) => reply.entry(&ATTRIBUTES_HOLD, &attributes, Generation(0)),
            Err(errno) => reply.error(errno),
        }
    }

    fn getattr(&self, _request: &Request, inode: INodeNo, _handle: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(inode) {
            Ok(attributes) => reply.attr(&ATTRIBUTES_HOLD, &attributes),
            Err(errno) => reply.error(errno),
        }
    }

    fn open(&self, _request: &Request, _inode: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        // Direct I/O, so that no page cache stands between the loop device and the disk: a write arrives when it is
        // made, and what the disk forgot cannot be read back.
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn read(
        &self,
        _request: &Request,
        inode: INodeNo,
        _handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.with(inode, |disk| disk.read(offset as usize, size as usize)) {
            Ok(bytes) => reply.data(&bytes),
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        _request: &Request,
        inode: INodeNo,
        _handle: FileHandle,
        offset: u64,
        bytes: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.with(inode, |disk| disk.write(offset as usize, bytes)) {
            Ok(()) => reply.written(bytes.len() as u32),
            Err(errno) => reply.error(errno),
        }
    }

    /// A flush of the loop device (`REQ_OP_FLUSH`) is an fsync of its file.
    fn fsync(&self, _request: &Request, inode: INodeNo, _handle: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        let flushed = self.with(inode, Disk::flush);
        if let Ok(drive) = self.drive(inode) {
            drive.asked_to_flush.notify_all();
        }
        match flushed {
            Ok(()) => reply.ok(),
            Err(errno) => reply.error(errno),
        }
    }

    /// FUSE's name for "a descriptor was closed", which empties no disk's cache.
    fn flush(&self, _request: &Request, _inode: INodeNo, _handle: FileHandle, _owner: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }
}
