//! `au<seq>` rows of the audit chain, `ah` its head.

use crate::store::keyspace::numbered;

/// Kind of a row.
pub const ROW: &[u8] = b"au";
/// Key of the head.
pub const HEAD: &[u8] = b"ah";

/// Key of a row.
#[must_use]
pub fn row(seq: u64) -> Vec<u8> {
    numbered(ROW, seq)
}
