//! The disk: an image, a volatile write cache in front of it, and what a power cut leaves of the two.
//! Pure: it knows neither FUSE nor mounts; randomness is a seed.
//! A different kind of disk (one that reorders less, one that lies about flushes) is a different `Disk::cut`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The unit in which images share memory; also the block size of the file system on them.
pub(crate) const PAGE: usize = 4096;

/// What a disk writes whole whatever happens: the logical sector.
pub(crate) const SECTOR: usize = 512;

type Page = [u8; PAGE];

/// The contents of a disk. Pages that were never written are zero and take no memory; clones share their pages.
#[derive(Clone)]
pub(crate) struct Image {
    pages: Vec<Option<Arc<Page>>>,
}

impl Image {
    /// A disk of `bytes` zeros; a multiple of the page size.
    pub(crate) fn zeroed(bytes: usize) -> Self {
        Self { pages: vec![None; bytes / PAGE] }
    }

    /// The contents of a file whose size is a multiple of the page size.
    pub(crate) fn of_file(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let size = usize::try_from(file.metadata()?.len()).map_err(std::io::Error::other)?;
        let mut image = Self::zeroed(size);
        let mut page = [0; PAGE];
        for (number, slot) in image.pages.iter_mut().enumerate() {
            file.read_exact_at(&mut page, (number * PAGE) as u64)?;
            if page != [0; PAGE] {
                *slot = Some(Arc::new(page));
            }
        }
        Ok(image)
    }

    /// The size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.pages.len() * PAGE
    }

    /// The bytes at `offset`; what lies behind the end is left out.
    pub(crate) fn read(&self, offset: usize, length: usize) -> Vec<u8> {
        let end = (offset + length).min(self.size());
        let mut bytes = Vec::with_capacity(length);
        let mut at = offset;
        while at < end {
            let (number, within) = (at / PAGE, at % PAGE);
            let take = (PAGE - within).min(end - at);
            match &self.pages[number] {
                Some(page) => bytes.extend_from_slice(&page[within..within + take]),
                None => bytes.resize(bytes.len() + take, 0),
            }
            at += take;
        }
        bytes
    }

    /// Puts `bytes` at `offset`; the caller has checked that they fit.
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let (number, within) = ((offset + done) / PAGE, (offset + done) % PAGE);
            let take = (PAGE - within).min(bytes.len() - done);
            let page = Arc::make_mut(self.pages[number].get_or_insert_with(|| Arc::new([0; PAGE])));
            page[within..within + take].copy_from_slice(&bytes[done..done + take]);
            done += take;
        }
    }
}

/// Why the disk did not do what it was asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DiskRefusal {
    /// The power is off.
    NoPower,
    /// Not on sector edges, or behind the end.
    NotOnTheDisk,
}

/// A disk with power, or one that had some.
pub(crate) struct Disk {
    /// What survives whatever happens: everything up to the last flush.
    durable: Image,
    /// What a read sees.
    cached: Image,
    /// In order of arrival, what stands between the two.
    unflushed: Vec<Write>,
    powered: bool,
    /// The power goes in place of the next flush.
    ends_at_flush: bool,
}

struct Write {
    offset: usize,
    bytes: Box<[u8]>,
}

/// What a cut found, for the line that a round prints.
#[derive(Clone, Copy, Default)]
pub(crate) struct Losses {
    /// Writes that no flush had followed.
    pub(crate) unflushed_writes: usize,
    /// How many blocks they had.
    pub(crate) unflushed_blocks: usize,
    /// How many of those blocks reached the image all the same.
    pub(crate) kept_blocks: usize,
}

impl Disk {
    /// A powered disk that holds `image`, all of it durable.
    pub(crate) fn new(image: Image) -> Self {
        Self { cached: image.clone(), durable: image, unflushed: Vec::new(), powered: true, ends_at_flush: false }
    }

    /// The size in bytes.
    pub(crate) fn size(&self) -> usize {
        self.durable.size()
    }

    /// What the disk holds at `offset`, its cache included.
    pub(crate) fn read(&self, offset: usize, length: usize) -> Result<Vec<u8>, DiskRefusal> {
        if !self.powered {
            return Err(DiskRefusal::NoPower);
        }
        Ok(self.cached.read(offset, length))
    }

    /// Takes `bytes` into the cache.
    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), DiskRefusal> {
        if !self.powered {
            return Err(DiskRefusal::NoPower);
        }
        if !offset.is_multiple_of(SECTOR) || !bytes.len().is_multiple_of(SECTOR) || offset + bytes.len() > self.size() {
            return Err(DiskRefusal::NotOnTheDisk);
        }
        self.cached.write(offset, bytes);
        self.unflushed.push(Write { offset, bytes: bytes.into() });
        Ok(())
    }

    /// Lets the power go when the next flush is asked for: the moment at which most is at stake.
    pub(crate) fn end_at_next_flush(&mut self) {
        self.ends_at_flush = true;
    }

    /// Whether the disk still works.
    pub(crate) fn is_powered(&self) -> bool {
        self.powered
    }

    /// Makes everything written so far durable.
    pub(crate) fn flush(&mut self) -> Result<(), DiskRefusal> {
        self.powered &= !self.ends_at_flush;
        if !self.powered {
            return Err(DiskRefusal::NoPower);
        }
        for write in self.unflushed.drain(..) {
            self.durable.write(write.offset, &write.bytes);
        }
        Ok(())
    }

    /// Takes the power away. What remains is the durable image and, of the writes since, a random part: a write is
    /// kept, dropped or torn, and a later one may be kept where an earlier one is not.
    pub(crate) fn cut(&mut self, seed: u64) -> (Image, Losses) {
        self.powered = false;
        let mut random = StdRng::seed_from_u64(seed);
        // Disks differ in what they write whole, and moments in how much of the cache got out: both ends and the
        // middle find different mistakes, so each round draws its own.
        let edge = [SECTOR, PAGE][random.random_range(0..2)];
        let kept = [0.0, 0.1, 0.5, 0.9, 0.99][random.random_range(0..5)];
        let mut image = self.durable.clone();
        let mut losses = Losses { unflushed_writes: self.unflushed.len(), ..Losses::default() };
        for write in self.unflushed.drain(..) {
            let whole = random.random_bool(0.5);
            let all = random.random_bool(kept);
            for (number, block) in write.bytes.chunks(edge).enumerate() {
                losses.unflushed_blocks += 1;
                let survives = if whole { all } else { random.random_bool(kept) };
                if survives {
                    losses.kept_blocks += 1;
                    image.write(write.offset + number * edge, block);
                }
            }
        }
        (image, losses)
    }

    /// Takes the power away from a disk whose remains nobody wants.
    pub(crate) fn switch_off(&mut self) {
        self.powered = false;
        self.unflushed.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 64 * PAGE;

    /// A disk whose page `n` was written as `1` and flushed, then as `2`, `3` and `4`.
    fn disk_with_unflushed_versions() -> Disk {
        let mut disk = Disk::new(Image::zeroed(SIZE));
        disk.write(0, &[1; SIZE]).unwrap();
        disk.flush().unwrap();
        for version in 2..=4 {
            disk.write(0, &[version; SIZE]).unwrap();
        }
        disk
    }

    #[test]
    fn what_was_flushed_survives_every_seed() {
        for seed in 0..200 {
            let mut disk = Disk::new(Image::zeroed(SIZE));
            disk.write(SECTOR, &[7; 3 * PAGE]).unwrap();
            disk.flush().unwrap();
            let (image, losses) = disk.cut(seed);
            assert_eq!(image.read(SECTOR, 3 * PAGE), vec![7; 3 * PAGE], "seed {seed}");
            assert_eq!(losses.unflushed_blocks, 0, "seed {seed}");
        }
    }

    #[test]
    fn every_sector_of_the_remains_is_one_version_that_was_written() {
        let mut seen = std::collections::BTreeSet::new();
        let mut mixed = 0;
        for seed in 0..200 {
            let (image, _) = disk_with_unflushed_versions().cut(seed);
            let bytes = image.read(0, SIZE);
            let versions: std::collections::BTreeSet<u8> = bytes
                .chunks(SECTOR)
                .map(|sector| {
                    assert!(sector.iter().all(|byte| *byte == sector[0]), "a sector is never torn, seed {seed}");
                    sector[0]
                })
                .collect();
            mixed += usize::from(versions.len() > 1);
            seen.extend(versions);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4], "old and new versions both turn up");
        assert!(mixed > 20, "writes are torn in some rounds, here in {mixed} of 200");
    }

    #[test]
    fn the_same_seed_leaves_the_same_remains() {
        let [first, second] = [0, 1].map(|_| disk_with_unflushed_versions().cut(42).0.read(0, SIZE));
        assert_eq!(first, second);
    }

    #[test]
    fn without_power_nothing_is_accepted() {
        let mut disk = disk_with_unflushed_versions();
        disk.cut(1);
        assert_eq!(disk.write(0, &[9; PAGE]), Err(DiskRefusal::NoPower));
        assert_eq!(disk.flush(), Err(DiskRefusal::NoPower));
        assert_eq!(disk.read(0, PAGE), Err(DiskRefusal::NoPower));
    }

    #[test]
    fn a_disk_that_ends_at_a_flush_takes_writes_until_then_and_does_not_flush() {
        let mut disk = disk_with_unflushed_versions();
        disk.end_at_next_flush();
        assert_eq!(disk.write(0, &[5; PAGE]), Ok(()));
        assert!(disk.is_powered());
        assert_eq!(disk.flush(), Err(DiskRefusal::NoPower));
        assert!(!disk.is_powered());
        assert_eq!(disk.cut(1).1.unflushed_writes, 4);
    }

    #[test]
    fn a_write_beside_the_sectors_or_the_end_is_refused() {
        let mut disk = Disk::new(Image::zeroed(SIZE));
        for (offset, length) in [(1, SECTOR), (0, SECTOR - 1), (SIZE, SECTOR)] {
            assert_eq!(disk.write(offset, &vec![0; length]), Err(DiskRefusal::NotOnTheDisk), "{offset}+{length}");
        }
    }
}
