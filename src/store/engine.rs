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

/// An ordered map of bytes that can apply a set of changes whole or not at all.
pub trait Engine: Send + Sync + 'static {
    /// The value of a key.
    ///
    /// # Errors
    /// Where the engine cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError>;

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

    /// Bytes that may still be written, and which bound is the nearest; `None` is no bound. New work
    /// (`intake`) has less room than work that finishes what was taken in.
    fn room(&self, intake: bool) -> Option<(u64, String)>;

    /// Opens itself anew after an error.
    ///
    /// # Errors
    /// Where that did not help.
    fn reopen(&self) -> Result<(), EngineError>;
}
