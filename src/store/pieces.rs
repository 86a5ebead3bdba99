//! Long values in pieces: what an engine with pages keeps of a value that would make its pages too long.
//!
//! sled keeps what is longer than a quarter of a segment in a file of its own, which it never syncs; after a power cut
//! such a file is missing or cut off, and what stands behind it in the log is lost without a word. Up to seventeen
//! values share a page, so no value may be longer than [`PIECE`]: a page of the longest is then 140 KB, of 262 KB that a
//! segment of 1 MiB allows. This file knows how a value is cut and put together; it knows neither sled nor what a value
//! means.
//!
//! A long value is a *stub* under its own key: a mark, the value's length, a stamp, the first piece. The others stand
//! behind all keys of tenants, each with the stamp, so that a reader sees a value that was written over while it was
//! read. How many there are stands in a key of its own as well: that is read when the store opens, so that whoever
//! writes over a value knows what goes with it.

use crate::store::engine::{EngineError, Put};

/// Bytes of the longest value that is kept whole, and of a piece.
pub(super) const PIECE: usize = 8 << 10;

/// Where the keys of this file begin. No tenant's name begins so high.
pub(super) const RESERVED: &[u8] = &[0xfe];
/// Begins the keys that count pieces.
pub(super) const COUNTS: &[u8] = &[0xfe];
/// Begins the keys of pieces.
const PIECES: &[u8] = &[0xff];

/// Begins a stub. Sealed values begin with 0 or 1, the store's own with a number below 2^56 or with a brace.
const MARK: [u8; 8] = *b"\xc3pieces\x01";
const STAMP: usize = 16;
const STUB_HEAD: usize = MARK.len() + 4 + STAMP;

/// The key that counts the pieces of a key's value.
pub(super) fn count_key(key: &[u8]) -> Vec<u8> {
    [COUNTS, key].concat()
}

/// The key of a piece; 0 is the first behind the one in the stub.
pub(super) fn piece_key(key: &[u8], number: u32) -> Vec<u8> {
    [PIECES, key, &number.to_be_bytes()].concat()
}

/// How many pieces a value of so many bytes has beside its stub.
fn pieces_of(length: usize) -> u32 {
    u32::try_from(length.saturating_sub(1) / PIECE).unwrap_or(u32::MAX)
}

/// The puts that keep a long value, and how many pieces it has; `None` where the value is kept whole.
pub(super) fn cut(key: &[u8], value: &[u8], stamp: [u8; STAMP]) -> Option<(Vec<Put>, u32)> {
    if value.len() <= PIECE {
        return None;
    }
    let length = u32::try_from(value.len()).expect("invariant: values are below 4 GB").to_be_bytes();
    let count = pieces_of(value.len());
    let (first, rest) = value.split_at(PIECE);
    let mut puts = vec![
        (key.to_vec(), Some([&MARK[..], &length, &stamp, first].concat())),
        (count_key(key), Some(count.to_be_bytes().to_vec())),
    ];
    for (number, piece) in (0..).zip(rest.chunks(PIECE)) {
        puts.push((piece_key(key, number), Some([&stamp[..], piece].concat())));
    }
    Some((puts, count))
}

/// The keys that go when a value of so many pieces goes or is written over by one of `left`.
pub(super) fn leftovers(key: &[u8], count: u32, left: u32) -> impl Iterator<Item = Put> + '_ {
    let count_goes = (left == 0).then(|| (count_key(key), None));
    (left..count).map(|number| (piece_key(key, number), None)).chain(count_goes)
}

/// What a stub says of its value.
pub(super) struct Stub<'a> {
    /// Bytes of the whole value.
    pub(super) length: usize,
    stamp: &'a [u8],
    /// How it begins.
    pub(super) first: &'a [u8],
}

impl<'a> Stub<'a> {
    /// Reads what is kept under a key; `None` where it is a whole value.
    pub(super) fn read(kept: &'a [u8]) -> Option<Self> {
        let rest = kept.strip_prefix(&MARK)?;
        let (length, _) = rest.split_first_chunk::<4>()?;
        let (stamp, first) = kept.get(MARK.len() + 4..)?.split_at_checked(STUB_HEAD - MARK.len() - 4)?;
        Some(Self { length: u32::from_be_bytes(*length) as usize, stamp, first })
    }

    /// The whole value; `None` where a piece is missing or another value's, which has been written over or is damaged.
    ///
    /// # Errors
    /// Where the engine cannot be read.
    pub(super) fn whole<P: AsRef<[u8]>>(
        &self,
        key: &[u8],
        mut get: impl FnMut(&[u8]) -> Result<Option<P>, EngineError>,
    ) -> Result<Option<Vec<u8>>, EngineError> {
        let mut value = Vec::with_capacity(self.length);
        value.extend_from_slice(self.first);
        for number in 0..pieces_of(self.length) {
            let Some(kept) = get(&piece_key(key, number))? else { return Ok(None) };
            let Some(piece) = kept.as_ref().strip_prefix(self.stamp) else { return Ok(None) };
            value.extend_from_slice(piece);
        }
        Ok((value.len() == self.length).then_some(value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn value(length: usize) -> Vec<u8> {
        (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    #[test]
    fn what_is_cut_is_put_together_and_no_piece_is_long() {
        for length in [PIECE + 1, 2 * PIECE - 1, 2 * PIECE, 2 * PIECE + 1, 1_000_000] {
            let (puts, count) = cut(b"k", &value(length), [7; STAMP]).unwrap();
            assert!(puts.iter().all(|put| put.1.as_ref().unwrap().len() <= PIECE + STUB_HEAD), "{length}");
            assert_eq!(puts.len(), count as usize + 2, "{length}");
            let kept: BTreeMap<_, _> = puts.into_iter().map(|(key, kept)| (key, kept.unwrap())).collect();
            let stub = Stub::read(&kept[&b"k"[..]]).unwrap();
            let whole = stub.whole(b"k", |key| Ok(kept.get(key))).unwrap().unwrap();
            assert_eq!(whole, value(length), "{length}");
        }
        assert!(cut(b"k", &value(PIECE), [7; STAMP]).is_none());
    }

    #[test]
    fn pieces_of_another_value_are_not_taken_for_those_of_this_one() {
        let kept =
            |stamp| -> BTreeMap<_, _> { cut(b"k", &value(20_000), [stamp; STAMP]).unwrap().0.into_iter().collect() };
        let (old, new) = (kept(1), kept(2));
        let stub = Stub::read(old[&b"k"[..]].as_ref().unwrap()).unwrap();
        assert_eq!(stub.whole(b"k", |key| Ok(new[key].as_ref())).unwrap(), None);
        assert_eq!(stub.whole(b"k", |_| Ok(None::<Vec<u8>>)).unwrap(), None);
    }

    #[test]
    fn a_shorter_value_leaves_nothing_of_a_longer_one_behind() {
        let gone = |count, left| leftovers(b"k", count, left).map(|put| put.0).collect::<Vec<_>>();
        assert_eq!(gone(3, 1), [piece_key(b"k", 1), piece_key(b"k", 2)]);
        assert_eq!(gone(2, 0), [piece_key(b"k", 0), piece_key(b"k", 1), count_key(b"k")]);
        assert!(gone(1, 3).is_empty());
    }
}
