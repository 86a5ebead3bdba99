//! An export of the audit chain: its lines, and the check that it is whole. It needs no store.
//!
//! A chain is exported from its first row on, since retention never touches it, and ends with a line that counts its
//! rows. So rows that are cut off are seen at either end. The last line is no signature: whoever can write a whole new
//! chain can write its end too, so compare the head with one that was kept elsewhere.

use std::collections::BTreeMap;
use std::io::BufRead;

use serde::{Deserialize, Serialize};

use crate::domain::audit::AuditRow;
use crate::domain::ids::TenantId;
use crate::store::chain::{Break, Head, Verifier};

/// A row as it is exported: with its own hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedRow {
    /// The row.
    #[serde(flatten)]
    pub row: AuditRow,
    /// Its hash, hex.
    pub hash: String,
}

/// The last line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedEnd {
    /// What it says.
    pub end: End,
}

/// How long an exported chain is, and where it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Whose chain.
    pub tenant: TenantId,
    /// Rows in it.
    pub rows: u64,
    /// Hash of the last one, hex.
    pub head: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    End(ExportedEnd),
    Row(Box<ExportedRow>),
}

/// Why an export proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// A line is something else.
    #[error("line {line}: not a row of an export ({why})")]
    NotALine {
        /// Which, from 1.
        line: u64,
        /// What the reader says.
        why: String,
    },
    /// The chain is broken.
    #[error("broken at row {row}: {what} (line {line})")]
    Broken {
        /// At which row.
        row: u64,
        /// What does not fit.
        what: String,
        /// In which line, from 1; one more than there are where something is missing at the end.
        line: u64,
    },
}

fn broken(found: Break, line: u64) -> ExportError {
    ExportError::Broken { row: found.seq, what: found.what, line }
}

struct Chain {
    verifier: Verifier,
    ended: bool,
}

/// Follows an export from its first row to its last line. Exports of several tenants may stand behind one another.
/// Gives the head of each.
///
/// # Errors
/// Where it cannot be read, is broken, has an end cut off, or holds no row.
pub fn verify(input: impl BufRead) -> Result<Vec<Head>, ExportError> {
    let mut chains: BTreeMap<TenantId, Chain> = BTreeMap::new();
    let mut line = 0;
    for text in input.lines() {
        line += 1;
        let read = serde_json::from_str(&text?);
        let read: Line = read.map_err(|error| ExportError::NotALine { line, why: error.to_string() })?;
        let tenant = match &read {
            Line::End(last) => &last.end.tenant,
            Line::Row(row) => &row.row.tenant,
        };
        let begin = || Chain { verifier: Verifier::new(tenant.clone()), ended: false };
        let chain = chains.entry(tenant.clone()).or_insert_with(begin);
        let seq = chain.verifier.head().seq;
        if chain.ended {
            return Err(ExportError::Broken { row: seq + 1, what: "it stands behind the end".to_owned(), line });
        }
        match read {
            Line::Row(row) => chain.verifier.follow(&row.row, Some(&row.hash)).map_err(|found| broken(found, line))?,
            Line::End(ExportedEnd { end }) if end.rows == 0 && seq == 0 => {
                let what = format!("the chain of {} has no rows, so there is nothing that it proves", end.tenant);
                return Err(ExportError::Broken { row: 1, what, line });
            }
            Line::End(ExportedEnd { end }) => {
                chain.verifier.end(&Head { seq: end.rows, hash: end.head }).map_err(|found| broken(found, line))?;
                chain.ended = true;
            }
        }
    }
    if chains.is_empty() {
        let what = "the file is empty; `audit export FILE` writes one".to_owned();
        return Err(ExportError::Broken { row: 1, what, line: 1 });
    }
    if let Some((tenant, cut)) = chains.iter().find(|(_, chain)| !chain.ended) {
        let what =
            format!("the chain of {tenant} stops here without the line that counts its rows: its end is cut off");
        return Err(ExportError::Broken { row: cut.verifier.head().seq + 1, what, line: line + 1 });
    }
    Ok(chains.into_values().map(|chain| chain.verifier.head().clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::chain::tests::chain;

    fn lines(length: u64) -> Vec<String> {
        let rows = chain(length);
        let head = rows.last().map_or_else(Head::default, |row| Head { seq: length, hash: row.hash.clone() });
        let end = End { tenant: TenantId::default_tenant(), rows: length, head: head.hash };
        let rows = rows.iter().map(|row| serde_json::to_string(row).unwrap());
        rows.chain([serde_json::to_string(&ExportedEnd { end }).unwrap()]).collect()
    }

    fn check(lines: &[String]) -> Result<u64, String> {
        let heads = verify(lines.join("\n").as_bytes()).map_err(|error| error.to_string())?;
        Ok(heads.iter().map(|head| head.seq).sum())
    }

    #[test]
    fn a_whole_export_is_valid() {
        assert_eq!(check(&lines(5)), Ok(5));
        assert!(lines(5)[5].starts_with(r#"{"end":{"tenant":"default","rows":5,"head":""#), "{}", lines(5)[5]);
    }

    #[test]
    fn what_is_cut_off_or_added_is_named() {
        let whole = lines(5);
        let with = |change: &dyn Fn(&mut Vec<String>)| {
            let mut lines = whole.clone();
            change(&mut lines);
            check(&lines).unwrap_err()
        };
        for (found, said) in [
            (with(&|lines| drop(lines.drain(..2))), "broken at row 1: missing: row 3 comes next (line 1)"),
            (with(&|lines| drop(lines.remove(2))), "broken at row 3: missing: row 4 comes next (line 3)"),
            (
                with(&|lines| drop(lines.drain(3..5))),
                "broken at row 4: the chain ends at row 3, the head counts 5 (line 4)",
            ),
            (with(&|lines| lines.truncate(3)), "broken at row 4: the chain of default stops here without the line"),
            (with(&|lines| lines.truncate(5)), "broken at row 6: the chain of default stops here without the line"),
            (with(&Vec::clear), "broken at row 1: the file is empty"),
            (with(&|lines| drop(lines.drain(..5))), "broken at row 1: the chain ends at row 0, the head counts 5"),
            (with(&|lines| lines.push(whole[4].clone())), "broken at row 6: it stands behind the end (line 7)"),
            (with(&|lines| lines[1] = "nonsense".into()), "line 2: not a row of an export"),
        ] {
            assert!(found.starts_with(said), "{found}, not {said}");
        }
        assert!(check(&lines(0)).unwrap_err().contains("the chain of default has no rows"));
    }
}
