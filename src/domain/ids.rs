//! Names of things: tenants, events, effects, people, tasks, approvals, runs and lanes.
//!
//! Every id prints the way users see it and parses what it prints.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a text had to look like to be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct NotAnId {
    text: String,
    expected: &'static str,
}

impl NotAnId {
    fn new(text: &str, expected: &'static str) -> Self {
        Self { text: text.chars().take(40).collect(), expected }
    }
}

/// The owner of configuration, policy and data; the first part of every stored key.
///
/// Lower-case letters, digits, `-` and `_`, 1 to 63 of them: it stands in keys and in policies.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The name of the tenant that a single-workspace installation uses.
    pub const DEFAULT: &'static str = "default";
    /// Where events are kept that came, correctly signed, from a workspace that nobody installed.
    pub const UNCLAIMED: &'static str = "_unclaimed";

    /// The tenant of a single-workspace installation.
    #[must_use]
    pub fn default_tenant() -> Self {
        Self(Self::DEFAULT.into())
    }

    /// The tenant that owns what nobody has claimed.
    #[must_use]
    pub fn unclaimed() -> Self {
        Self(Self::UNCLAIMED.into())
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if (1..=63).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.into()))
        } else {
            Err(NotAnId::new(text, "a tenant (1 to 63 of a-z 0-9 - _)"))
        }
    }
}

impl TryFrom<String> for TenantId {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<TenantId> for String {
    fn from(id: TenantId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Number of an accepted event; grows with acceptance over all tenants. Prints as `e-17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub u64);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e-{}", self.0)
    }
}

impl FromStr for EventId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digits = text.strip_prefix("e-").or_else(|| text.strip_prefix("E-"));
        digits.and_then(|d| d.parse().ok()).map(Self).ok_or_else(|| NotAnId::new(text, "an event (like e-17)"))
    }
}

/// An effect is named by the event that owes it and its place in the outcome, so a handler that
/// runs twice names it the same. Prints as `e-17.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EffectId {
    /// The event whose outcome owes the effect.
    pub event: EventId,
    /// Place in that outcome, from 0.
    pub index: u32,
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.event, self.index)
    }
}

impl FromStr for EffectId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let parsed = text
            .split_once('.')
            .and_then(|(event, index)| Some(Self { event: event.parse().ok()?, index: index.parse().ok()? }));
        parsed.ok_or_else(|| NotAnId::new(text, "an effect (like e-17.0)"))
    }
}

/// A person whom we know; platform users map to it. Prints as `p-…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PrincipalId(pub Arc<str>);

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Number of a task within its tenant. Prints as `T-12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub u64);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "T-{}", self.0)
    }
}

impl FromStr for TaskId {
    type Err = NotAnId;
    /// Reads `T-12`, `t-12`, `#12` and `12`, as people type them.
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digits = ["T-", "t-", "#"].iter().find_map(|p| text.strip_prefix(p)).unwrap_or(text);
        match digits.parse() {
            Ok(number) if number > 0 && !digits.starts_with('+') => Ok(Self(number)),
            _ => Err(NotAnId::new(text, "a task (like T-12)")),
        }
    }
}

/// Number of an approval within its tenant. Prints as `A-3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApprovalId(pub u64);

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "A-{}", self.0)
    }
}

impl FromStr for ApprovalId {
    type Err = NotAnId;
    /// Reads `A-3`, `a-3` and `3`, as people type them.
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digits = ["A-", "a-"].iter().find_map(|p| text.strip_prefix(p)).unwrap_or(text);
        match digits.parse() {
            Ok(number) if number > 0 && !digits.starts_with('+') => Ok(Self(number)),
            _ => Err(NotAnId::new(text, "an approval (like A-3)")),
        }
    }
}

/// Number of a run of a workflow within its tenant. Prints as `R-7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R-{}", self.0)
    }
}

impl FromStr for RunId {
    type Err = NotAnId;
    /// Reads `R-7`, `r-7` and `7`, as people type them.
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digits = ["R-", "r-"].iter().find_map(|p| text.strip_prefix(p)).unwrap_or(text);
        match digits.parse() {
            Ok(number) if number > 0 && !digits.starts_with('+') => Ok(Self(number)),
            _ => Err(NotAnId::new(text, "a run (like R-7)")),
        }
    }
}

/// Unit of order: events of one lane are handled one at a time, in the order of acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaneKey(pub Arc<str>);

impl fmt::Display for LaneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_what_they_print() {
        let effect = EffectId { event: EventId(17), index: 3 };
        assert_eq!(effect.to_string().parse(), Ok(effect));
        assert_eq!(EventId(9).to_string().parse(), Ok(EventId(9)));
        assert_eq!(TaskId(12).to_string().parse(), Ok(TaskId(12)));
        assert_eq!(ApprovalId(3).to_string().parse(), Ok(ApprovalId(3)));
        assert_eq!(RunId(7).to_string().parse(), Ok(RunId(7)));
    }

    #[test]
    fn a_task_is_read_as_people_type_it() {
        for text in ["T-12", "t-12", "#12", "12"] {
            assert_eq!(text.parse(), Ok(TaskId(12)), "{text}");
        }
        for text in ["", "T-", "T-0", "T--1", "+12", "T-1x"] {
            assert!(text.parse::<TaskId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_tenant_cannot_break_out_of_its_key() {
        for text in ["", "A", "a/b", "a\0b", "ä"] {
            assert!(text.parse::<TenantId>().is_err(), "{text:?}");
        }
    }
}
