//! The audit chain: every row carries the hash of the one before.
//!
//! `hash = SHA-256("ai-crm-audit-v1" ‖ canonical JSON of the row ‖ previous hash)`. A changed, swapped
//! or missing row breaks the chain at its place; rows cut off at the end are seen by the head, which
//! counts. It is tamper-evident, not tamper-proof: whoever owns the keys can write a whole new chain,
//! so keep an export elsewhere.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::audit::AuditRow;
use crate::domain::ids::TenantId;
use crate::store::codec::{self, Record};
use crate::store::engine::{Engine, Order};
use crate::store::seal::Keyring;
use crate::store::{StoreError, View, keyspace};

/// What the hash begins with, so that it is of no use elsewhere.
const CONTEXT: &[u8] = b"ai-crm-audit-v1";

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Rows in the chain.
    pub seq: u64,
    /// Hash of the last one, hex.
    pub hash: String,
}

impl Record for Head {}
impl Record for AuditRow {}

impl Default for Head {
    fn default() -> Self {
        Self { seq: 0, hash: "0".repeat(64) }
    }
}

/// The hash of a row.
#[must_use]
pub fn hash(row: &AuditRow) -> String {
    let canonical = serde_json::to_vec(row).expect("invariant: rows serialise");
    let digest =
        Sha256::new().chain_update(CONTEXT).chain_update(&canonical).chain_update(row.prev.as_bytes()).finalize();
    data_encoding::HEXLOWER.encode(&digest)
}

pub(crate) fn read_head(engine: &dyn Engine, keyring: &Keyring, tenant: &TenantId) -> Result<Head, StoreError> {
    let key = keyspace::full(tenant, keyspace::audit::HEAD);
    match engine.get(&key)? {
        Some(bytes) => codec::decode(&keyring.open(&key, &bytes)?.1).map_err(StoreError::Unreadable),
        None => Ok(Head::default()),
    }
}

/// Where and how a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("row {seq} of {tenant}: {what}")]
pub struct Break {
    /// Whose chain.
    pub tenant: TenantId,
    /// At which row.
    pub seq: u64,
    /// What does not fit.
    pub what: String,
}

/// Follows a chain row by row.
#[derive(Debug)]
pub struct Verifier {
    tenant: TenantId,
    head: Head,
}

impl Verifier {
    /// Begins before the first row.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant, head: Head::default() }
    }

    fn broken(&self, what: String) -> Break {
        Break { tenant: self.tenant.clone(), seq: self.head.seq + 1, what }
    }

    /// Takes the next row.
    ///
    /// # Errors
    /// Where it does not follow.
    pub fn follow(&mut self, row: &AuditRow, stated_hash: Option<&str>) -> Result<(), Break> {
        if row.tenant != self.tenant {
            return Err(self.broken(format!("it belongs to {}", row.tenant)));
        }
        if row.seq != self.head.seq + 1 {
            return Err(self.broken(format!("missing: row {} comes next", row.seq)));
        }
        if row.prev != self.head.hash {
            return Err(self.broken("the row before it was changed or swapped".to_owned()));
        }
        let hash = hash(row);
        if stated_hash.is_some_and(|stated| stated != hash) {
            return Err(self.broken("it was changed after it was written".to_owned()));
        }
        self.head = Head { seq: row.seq, hash };
        Ok(())
    }

    /// The head that the rows so far lead to.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Compares with the head that the store counts.
    ///
    /// # Errors
    /// Where rows are cut off at the end or were added.
    pub fn end(&self, counted: &Head) -> Result<(), Break> {
        if self.head == *counted {
            Ok(())
        } else {
            Err(self.broken(format!("the chain ends at row {}, the head counts {}", self.head.seq, counted.seq)))
        }
    }
}

/// Rows of a tenant from `first` on.
pub fn rows(view: &View, first: u64) -> impl Iterator<Item = Result<AuditRow, StoreError>> + '_ {
    let from = keyspace::audit::row(first);
    let to = keyspace::end_of(keyspace::audit::ROW);
    view.range::<AuditRow>(&from, &to, Order::Ascending).map(|entry| Ok(entry?.1.value))
}

/// The end of a tenant's chain, as the store counts it.
///
/// # Errors
/// Where the store cannot be read.
pub fn head(view: &View) -> Result<Head, StoreError> {
    Ok(view.get::<Head>(keyspace::audit::HEAD)?.map_or_else(Head::default, |head| head.value))
}

/// Verifies the stored chain of a tenant up to the head that is counted at the start, and gives that head. Rows that
/// are written meanwhile are a later look's.
///
/// # Errors
/// The outer where the store cannot be read, the inner where the chain is broken.
pub fn verify(view: &View) -> Result<Result<Head, Break>, StoreError> {
    let counted = head(view)?;
    let mut verifier = Verifier::new(view.tenant().clone());
    for row in rows(view, 0) {
        let row = match row {
            Ok(row) => row,
            Err(StoreError::Unreadable(why)) => return Ok(Err(verifier.broken(why))),
            Err(error) => return Err(error),
        };
        if row.seq > counted.seq {
            break;
        }
        if let Err(found) = verifier.follow(&row, None) {
            return Ok(Err(found));
        }
    }
    Ok(verifier.end(&counted).map(|()| counted))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::audit::{AuditEnd, AuditEntry};
    use crate::domain::time::Timestamp;
    use crate::store::export::ExportedRow;

    pub(crate) fn chain(length: u64) -> Vec<ExportedRow> {
        let mut head = Head::default();
        (1..=length)
            .map(|seq| {
                let entry = AuditEntry {
                    action: "task.create".into(),
                    actor: "p-1".into(),
                    args_digest: String::new(),
                    channel: "slack".into(),
                    end: AuditEnd::Done,
                    event: None,
                    reason: String::new(),
                    resource: format!("T-{seq}"),
                    rules: vec![],
                };
                let row = AuditRow {
                    at: Timestamp(1),
                    entry,
                    prev: head.hash.clone(),
                    seq,
                    tenant: TenantId::default_tenant(),
                };
                head = Head { seq, hash: hash(&row) };
                ExportedRow { row, hash: head.hash.clone() }
            })
            .collect()
    }

    fn check(rows: &[ExportedRow]) -> Result<Head, u64> {
        let mut verifier = Verifier::new(TenantId::default_tenant());
        for row in rows {
            verifier.follow(&row.row, Some(&row.hash)).map_err(|found| found.seq)?;
        }
        Ok(verifier.head().clone())
    }

    #[test]
    fn an_edited_deleted_or_swapped_row_is_named() {
        assert_eq!(check(&chain(5)).map(|h| h.seq), Ok(5));
        let mut edited = chain(5);
        edited[2].row.entry.resource = "T-9".into();
        assert_eq!(check(&edited), Err(3));
        let mut deleted = chain(5);
        deleted.remove(2);
        assert_eq!(check(&deleted), Err(3));
        let mut swapped = chain(5);
        swapped.swap(1, 2);
        assert_eq!(check(&swapped), Err(2));
    }

    #[test]
    fn rows_cut_off_at_the_end_are_seen_by_the_head() {
        let rows = chain(5);
        let counted = Head { seq: 5, hash: rows[4].hash.clone() };
        let mut verifier = Verifier::new(TenantId::default_tenant());
        for row in &rows[..4] {
            verifier.follow(&row.row, None).unwrap();
        }
        assert!(verifier.end(&counted).is_err());
    }

    #[test]
    fn serialisation_is_canonical() {
        let row = &chain(1)[0].row;
        let derived = serde_json::to_string(row).unwrap();
        let sorted = serde_json::to_string(&serde_json::to_value(row).unwrap()).unwrap();
        assert_eq!(derived, sorted);
    }
}
