//! What the audit chain records of an act: who, what, on what, with which end, by which rule.
//!
//! No personal text: people stand as ids, texts as digests.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{EventId, TenantId};
use crate::domain::time::Timestamp;

/// How an act ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditEnd {
    /// It was done.
    Done,
    /// A policy said no.
    Denied,
    /// A policy asks for somebody's approval first, which was asked for.
    Asked,
    /// It was refused for another reason: bad input, a state that does not fit.
    Refused,
    /// It was given up after errors.
    Failed,
}

/// An act, as its handler states it.
///
/// Fields stand in alphabetical order and hold only texts, lists of texts and whole numbers, so that
/// the derived serialisation is the canonical one (RFC 8785) that the chain hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The act: `task.create`.
    pub action: String,
    /// Who: a principal, `slack:T1/U1` where nobody known stands behind it, or `system`.
    pub actor: String,
    /// SHA-256 of the arguments, hex.
    pub args_digest: String,
    /// By which channel it came.
    pub channel: String,
    /// How it ended.
    pub end: AuditEnd,
    /// The event that caused it.
    pub event: Option<EventId>,
    /// Why it ended so, in words without personal text.
    pub reason: String,
    /// On what: `T-12`.
    pub resource: String,
    /// Ids of the policies that decided.
    pub rules: Vec<String>,
}

/// An entry with its place in the chain of its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// When it was committed.
    pub at: Timestamp,
    /// The act.
    pub entry: AuditEntry,
    /// Hash of the row before, hex; zeros for the first.
    pub prev: String,
    /// Place in the chain, from 1.
    pub seq: u64,
    /// The chain's owner.
    pub tenant: TenantId,
}
