//! The version of a workflow on which a run stays, from the text of its file.
//!
//! Owns which of the two formats a file has, and that what is found is the version that was asked for.

use crate::workflow::definition::Workflow;
use crate::workflow::known::Known;
use crate::workflow::mistake::{Mistake, quoted};
use crate::workflow::{file, repository_file};

/// Names of the file of a repository, which GitHub's side of the bot looks for.
const OF_A_REPOSITORY: [&str; 2] = [repository_file::NAME, "ai-crm.yaml"];

/// The formats of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Of those who run the bot.
    Workflows,
    /// Of a repository, which can create tasks alone.
    Repository,
}

/// A stored version cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotThere {
    /// Its text is not valid with this program: it names something that there is no more, most likely.
    #[error("the stored file does not fit this program: {0}")]
    Mistakes(Mistake),
    /// The text has no such workflow.
    #[error("the stored file has no workflow {0}")]
    Name(String),
    /// The workflow is another version.
    #[error("the stored file has another version, {0}")]
    Version(String),
}

impl Format {
    /// By the name of the file, without its folder.
    #[must_use]
    pub fn of(name: &str) -> Self {
        if OF_A_REPOSITORY.contains(&name) { Self::Repository } else { Self::Workflows }
    }

    /// Reads a text of this format.
    ///
    /// # Errors
    /// All mistakes, in the order of the file.
    pub fn read(self, text: &str, known: &Known<'_>) -> Result<Vec<Workflow>, Vec<Mistake>> {
        match self {
            Self::Workflows => file::read(text, known),
            Self::Repository => repository_file::read(text),
        }
    }
}

/// Finds a workflow in a stored text, in the version that a run names.
///
/// # Errors
/// It is not there, or not in that version.
pub fn find(text: &str, format: Format, name: &str, version: &str, known: &Known<'_>) -> Result<Workflow, NotThere> {
    let read = format.read(text, known);
    let workflows = read.map_err(|mistakes| match mistakes.into_iter().next() {
        Some(first) => NotThere::Mistakes(first),
        None => NotThere::Name(quoted(name)),
    })?;
    let found = workflows.into_iter().find(|workflow| workflow.name == name);
    let found = found.ok_or_else(|| NotThere::Name(quoted(name)))?;
    if found.version.to_string() == version { Ok(found) } else { Err(NotThere::Version(found.version.short())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_finds_its_version_and_no_other() {
        let known = Known { actions: &["a"], platforms: &[] };
        let text = "workflows: {w: {trigger: {manual: }, actions: [{action: a}]}}";
        let version = Format::of("x.yml").read(text, &known).unwrap()[0].version.to_string();
        assert_eq!(find(text, Format::Workflows, "w", &version, &known).unwrap().name, "w");
        let other = find(&text.replace("action: a", "action: a, id: b"), Format::Workflows, "w", &version, &known);
        assert!(matches!(other, Err(NotThere::Version(_))), "{other:?}");
        assert!(matches!(find(text, Format::Workflows, "v", &version, &known), Err(NotThere::Name(_))));
        let gone = find(text, Format::Workflows, "w", &version, &Known { actions: &[], platforms: &[] });
        assert!(matches!(gone, Err(NotThere::Mistakes(_))), "{gone:?}");
        assert_eq!(Format::of("ai-crm.yml"), Format::Repository);
    }
}
