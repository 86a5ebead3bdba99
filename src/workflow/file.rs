//! A file of workflows, as operators keep them: `version`, and `workflows` by name.
//!
//! Owns the top of such a file, and how many mistakes of one file are told. A workflow itself is `definition.rs`.

use crate::workflow::definition::Workflow;
use crate::workflow::fields::{Fields, wrong};
use crate::workflow::known::Known;
use crate::workflow::mistake::{Mistake, Position, quoted};
use crate::workflow::yaml::{self, Is, Node};

/// Versions of the format. Version 1 has fewer keys; what it has means the same in version 2, so one that says nothing
/// is read with all keys.
const VERSIONS: std::ops::RangeInclusive<u32> = 1..=2;
/// Workflows of one file.
const MOST_WORKFLOWS: usize = 200;
/// Mistakes that are told of one file. After those somebody mends before they read on.
const MOST_TOLD: usize = 100;

/// Reads a file of workflows, in the order in which they stand in it.
///
/// # Errors
/// All mistakes, in the order of the file; of more than 100 the first, and how many more there are.
pub fn read(text: &str, known: &Known<'_>) -> Result<Vec<Workflow>, Vec<Mistake>> {
    let node = yaml::read(text).map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let workflows = workflows(&node, known, &mut mistakes);
    told(workflows, mistakes)
}

/// What was read where there is no mistake in it.
pub(super) fn told(read: Vec<Workflow>, mut mistakes: Vec<Mistake>) -> Result<Vec<Workflow>, Vec<Mistake>> {
    if mistakes.is_empty() {
        return Ok(read);
    }
    mistakes.sort();
    mistakes.dedup();
    let more = mistakes.len().saturating_sub(MOST_TOLD);
    if more > 0 {
        mistakes.truncate(MOST_TOLD);
        let at = mistakes.last().map_or(Position::START, |mistake| mistake.at);
        mistakes.push(Mistake::new(at, format!("there are {more} further mistakes below")));
    }
    Err(mistakes)
}

fn workflows(node: &Node, known: &Known<'_>, mistakes: &mut Vec<Mistake>) -> Vec<Workflow> {
    if let Is::Map(entries) = &node.is
        && let Some((key, _)) = entries.iter().find(|(key, _)| key.name == "auto_task_creation")
    {
        let what =
            "`auto_task_creation` stands in the file `.github/ai-crm.yml` of a repository, not in one of workflows";
        mistakes.push(Mistake::new(key.at, what));
        return Vec::new();
    }
    let Some(fields) = Fields::of(node, "a file of workflows", &["version", "workflows"], mistakes) else {
        return Vec::new();
    };
    fields.number("version", *VERSIONS.end(), VERSIONS, mistakes);
    let Some(workflows) = fields.need("workflows", mistakes) else { return Vec::new() };
    let Is::Map(entries) = &workflows.is else {
        mistakes.push(wrong("workflows", "a mapping from names to workflows", workflows));
        return Vec::new();
    };
    if let Some((key, _)) = entries.get(MOST_WORKFLOWS) {
        let what = format!("the file has {} workflows; one has at most {MOST_WORKFLOWS}: split it", entries.len());
        mistakes.push(Mistake::new(key.at, what));
    }
    let mut read = Vec::new();
    for (key, node) in entries.iter().take(MOST_WORKFLOWS) {
        if !is_name(&key.name) {
            let what = format!(
                "{} is no name of a workflow: it has letters, digits, `_` and `-`, at most 64",
                quoted(&key.name)
            );
            mistakes.push(Mistake::new(key.at, what));
        }
        read.extend(Workflow::read(&key.name, key.at, node, known, mistakes));
    }
    read
}

fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=64).contains(&name.len()) && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests;
