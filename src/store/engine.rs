//! What an engine must do. It knows bytes and order, nothing else.
//!
//! An engine is one file beside this one; the contract suite in `store/tests.rs` runs over each.

/// The order of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smallest key first.
    Ascending,
    /// Largest key first.
    Descending,
}

/// The engine's own words for why it could not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(pub String);

/// One change of one key; `None` takes it away.
pub type Put = (Vec<u8>, Option<Vec<u8>>);

/// A key and its value, or why they could not be read.
pub type Entry = Result<(Vec<u8>, Vec<u8>), EngineError>;

/// How a value begins, and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    /// Its first bytes; zeros where it has fewer.
    pub head: [u8; 9],
    /// Its length in bytes.
    pub length: u64,
}

impl Glance {
    /// Of a value that begins so and has so many bytes.
    #[must_use]
    pub fn of(begins: &[u8], length: usize) -> Self {
        let mut head = [0; 9];
        let known = begins.len().min(head.len());
        head[..known].copy_from_slice(&begins[..known]);
        Self { head, length: length as u64 }
    }
}

/// What a change is for, as far as room goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// New work, which is refused first.
    Intake,
    /// Work that finishes what was taken in.
    Work,
    /// Nothing but taking away, which is how there is room again.
    Freeing,
}

/// An ordered map of bytes that can apply a set of changes whole or not at all.
pub trait Engine: Send + Sync + 'static {
    /// The value of a key.
    ///
    /// # Errors
    /// Where the engine cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError>;

    /// How the value of a key begins, and its length, without reading all of it where the engine can.
    ///
    /// # Errors
    /// Where the engine cannot be read.
    fn glance(&self, key: &[u8]) -> Result<Option<Glance>, EngineError> {
        Ok(self.get(key)?.map(|value| Glance::of(&value, value.len())))
    }

    /// Keys from `from` (within) to `to` (not within; empty is the end of all).
    fn scan<'a>(&'a self, from: &[u8], to: &[u8], order: Order) -> Box<dyn Iterator<Item = Entry> + 'a>;

    /// As [`Engine::scan`], without the values, which may be large.
    fn keys<'a>(
        &'a self,
        from: &[u8],
        to: &[u8],
        order: Order,
    ) -> Box<dyn Iterator<Item = Result<Vec<u8>, EngineError>> + 'a> {
        Box::new(self.scan(from, to, order).map(|entry| Ok(entry?.0)))
    }

    /// Applies all changes or none, visible to readers when it returns, durable after [`Engine::sync`].
    ///
    /// # Errors
    /// Where it may or may not have been applied.
    fn apply(&self, puts: Vec<Put>) -> Result<(), EngineError>;

    /// Returns when all that was applied survives a power cut.
    ///
    /// # Errors
    /// Where it may not survive.
    fn sync(&self) -> Result<(), EngineError>;

    /// Bytes on disk.
    fn size(&self) -> u64;

    /// Bytes that may still be written for a purpose where `live` bytes of keys and values are kept, and which bound is
    /// the nearest; `None` is no bound.
    fn room(&self, purpose: Purpose, live: u64) -> Option<(u64, String)>;

    /// Bytes that are free on the disk, where there is one.
    fn free(&self) -> Option<u64> {
        None
    }

    /// Opens itself anew after an error.
    ///
    /// # Errors
    /// Where that did not help.
    fn reopen(&self) -> Result<(), EngineError>;
}
