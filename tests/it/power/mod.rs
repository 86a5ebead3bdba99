//! A machine whose power can be cut: what a program has on disk afterwards is what a disk with a volatile write cache
//! would have kept, not what the kernel's page cache still knew. `kill -9` cannot show this, because the page cache
//! outlives the process.
//!
//! ```text
//!  program ─▶ ext4 ─▶ /dev/loopN (direct I/O) ─▶ FUSE file ─▶ `disk::Disk` in this process
//! ```
//!
//! A flush of the block device reaches the file as FSYNC and makes everything written before durable. At a cut the
//! device refuses everything from then on; what remains is the durable image and a random part of what was written
//! since, possibly torn. `rounds::rounds` loads a program, cuts, boots again on what remains, and asks whether all that
//! was acknowledged is still there.
//!
//! This module knows no program and no store: a test brings the command, the reader of its acknowledgements and the
//! check. To put another program under test, write such a trio; `power_cut.rs` is the example.

pub(crate) mod disk;
pub(crate) mod fuse;
pub(crate) mod machine;
pub(crate) mod rounds;
mod truth;
