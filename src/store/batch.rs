//! What is written together: changes, audit rows, and what the store notes for itself. It knows no engine; `committer.rs`
//! checks and writes it.

use crate::domain::audit::AuditEntry;
use crate::domain::ids::TenantId;
use crate::domain::outcome::Write;

/// A set of changes that lands whole or not at all, with the audit rows that belong to it.
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) writes: Vec<(TenantId, Write)>,
    pub(crate) rows: Vec<(TenantId, AuditEntry)>,
    /// The store's own entries: full key and value, written only where there is none.
    pub(crate) own: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) intake: bool,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty batch of new work, which is refused while there is still room to finish the old.
    #[must_use]
    pub fn intake() -> Self {
        Self { intake: true, ..Self::default() }
    }

    /// Adds a change.
    pub fn write(&mut self, tenant: &TenantId, write: Write) -> &mut Self {
        self.writes.push((tenant.clone(), write));
        self
    }

    /// Adds changes of one tenant.
    pub fn writes(&mut self, tenant: &TenantId, writes: impl IntoIterator<Item = Write>) -> &mut Self {
        self.writes.extend(writes.into_iter().map(|write| (tenant.clone(), write)));
        self
    }

    /// Adds a row to the tenant's audit chain.
    pub fn audit(&mut self, tenant: &TenantId, entry: AuditEntry) -> &mut Self {
        self.rows.push((tenant.clone(), entry));
        self
    }
}
