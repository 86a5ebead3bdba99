//! The catalogue of agents: reads `config/agents/<category>/<name>.md`, checks it, finds agents in it.
//!
//! Owns the names of the categories and what is true of all agents together; the format of one file
//! and its checks stand in `catalog/agent_file.rs`. Does not know which tools exist (the caller says so), does not
//! choose an agent for a piece of work (`pm/fit.rs`), does not run one (`agent/`).
//!
//! A new agent is a new file in the folder of its category. A new category is a line in
//! [`CATEGORIES`] and a folder.

mod agent_file;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use include_dir::{Dir, include_dir};

use crate::config::catalog::agent_file::{AgentFile, collect_embedded, collect_from_disk};
use crate::domain::agent::Agent;

/// The categories, in the order in which agents are listed. Each is a folder.
pub const CATEGORIES: [&str; 8] = [
    "development",
    "languages",
    "infrastructure",
    "quality",
    "data-ai",
    "specialist",
    "documentation",
    "business",
];

/// What people mean by `--category development`: all that builds software.
const DEVELOPMENT_IN_THE_WIDE_SENSE: &[&str] = &["development", "languages", "infrastructure"];
/// The word for the folder `development` alone.
pub const DEVELOPMENT_ALONE: &str = "development-only";

/// The shortest prompt in characters; below that an agent has not been told its limits.
pub const SHORTEST_PROMPT: usize = 300;
/// How alike a word must be to a name to be offered as what was meant (0 to 1).
const ALIKE_ENOUGH: f64 = 0.6;

/// The files of `config/agents` as they were when the program was built.
static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/config/agents");

/// Something in an agent's file that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub struct CatalogIssue {
    /// The file, relative to the folder of agents; the folder itself where no file is at fault.
    pub file: String,
    /// The line, from 1, where one is at fault.
    pub line: Option<usize>,
    /// What is wrong and how to mend it.
    pub text: String,
}

impl fmt::Display for CatalogIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.text),
            None => write!(f, "{}: {}", self.file, self.text),
        }
    }
}

/// All agents, checked, in the order of [`CATEGORIES`] and then by name.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    agents: Vec<Agent>,
    /// The file globs of all agents in one set, because to compile them takes milliseconds.
    globs: GlobSet,
    /// For each glob of the set the place of its agent in `agents`.
    glob_owners: Vec<usize>,
}

impl Catalog {
    /// The agents that came with the program. `known_tools` are the names in the table of tools.
    ///
    /// # Errors
    /// All that does not fit, in the order of files and lines.
    pub fn embedded(known_tools: &[&str]) -> Result<Self, Vec<CatalogIssue>> {
        let mut files = Vec::new();
        let mut issues = Vec::new();
        collect_embedded(&EMBEDDED, &mut files, &mut issues);
        Self::from_files("config/agents", files, issues, known_tools)
    }

    /// The agents in a folder that an operator edits: `<dir>/<category>/<name>.md`. Files of other
    /// kinds and `README.md` are passed over.
    ///
    /// # Errors
    /// All that does not fit or cannot be read, in the order of files and lines.
    pub fn load(dir: &Path, known_tools: &[&str]) -> Result<Self, Vec<CatalogIssue>> {
        let mut files = Vec::new();
        let mut issues = Vec::new();
        collect_from_disk(dir, "", &mut files, &mut issues);
        Self::from_files(&dir.display().to_string(), files, issues, known_tools)
    }

    /// A catalogue of agents that need no check, such as those of a test.
    #[must_use]
    pub fn of(mut agents: Vec<Agent>) -> Self {
        agents.sort_by(|a, b| (rank(&a.category), &a.name).cmp(&(rank(&b.category), &b.name)));
        let (globs, glob_owners) = compile_globs(&agents);
        Self { agents, globs, glob_owners }
    }

    /// The agent of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.name == name)
    }

    /// Every agent, in the order of [`CATEGORIES`] and then by name.
    #[must_use]
    pub fn all(&self) -> &[Agent] {
        &self.agents
    }

    /// The agents that people mean by a category: `development` is development, languages and
    /// infrastructure together, [`DEVELOPMENT_ALONE`] only the first of them, any other word the
    /// category of that name. Case, blanks and underscores do not matter. `None` for an unknown word.
    #[must_use]
    pub fn category(&self, word: &str) -> Option<Vec<&Agent>> {
        let word = word.trim().to_lowercase().replace([' ', '_', '/'], "-");
        let wanted = match word.as_str() {
            "development" => DEVELOPMENT_IN_THE_WIDE_SENSE,
            DEVELOPMENT_ALONE => &CATEGORIES[..1],
            exact => {
                let place = CATEGORIES.iter().position(|category| *category == exact)?;
                &CATEGORIES[place..=place]
            }
        };
        Some(self.agents.iter().filter(|agent| wanted.contains(&agent.category.as_str())).collect())
    }

    /// The agents whose work a file is, by their globs, in the order of [`Catalog::all`]. The path
    /// starts at the root of its repository.
    #[must_use]
    pub fn whose_file(&self, path: &str) -> Vec<&Agent> {
        let mut owners: Vec<usize> = self.globs.matches(path).into_iter().map(|glob| self.glob_owners[glob]).collect();
        owners.sort_unstable();
        owners.dedup();
        owners.into_iter().map(|owner| &self.agents[owner]).collect()
    }

    /// The agent whose name is most like the word, for "did you mean".
    #[must_use]
    pub fn nearest(&self, word: &str) -> Option<&str> {
        nearest_of(word, self.agents.iter().map(|agent| agent.name.as_str()))
    }

    /// The category whose name is most like the word, for "did you mean".
    #[must_use]
    pub fn nearest_category(word: &str) -> Option<&'static str> {
        nearest_of(word, CATEGORIES.into_iter().chain([DEVELOPMENT_ALONE]))
    }

    fn from_files(
        folder: &str,
        mut files: Vec<AgentFile>,
        mut issues: Vec<CatalogIssue>,
        known_tools: &[&str],
    ) -> Result<Self, Vec<CatalogIssue>> {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        if files.is_empty() && issues.is_empty() {
            let text = "no agent in this folder; add `<category>/<name>.md`".to_owned();
            issues.push(CatalogIssue { file: folder.to_owned(), line: None, text });
        }
        let mut agents = Vec::new();
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for file in &files {
            let Some((agent, front)) = file.read(&mut issues) else { continue };
            file.check(&agent, &front, known_tools, &mut issues);
            match seen.get(&agent.name) {
                Some(first) => {
                    let text = format!("`{}` is the name of the agent in {first} already; rename one", agent.name);
                    issues.push(file.issue(front.line_of("name", None), text));
                }
                None => {
                    seen.insert(agent.name.clone(), file.path.clone());
                }
            }
            agents.push(agent);
        }
        if !issues.is_empty() {
            issues.sort();
            return Err(issues);
        }
        Ok(Self::of(agents))
    }
}

/// Globs that do not compile have become issues before this; they would match nothing.
fn compile_globs(agents: &[Agent]) -> (GlobSet, Vec<usize>) {
    let mut set = GlobSetBuilder::new();
    let mut owners = Vec::new();
    for (place, agent) in agents.iter().enumerate() {
        for glob in &agent.file_globs {
            // As in `.gitignore`, a name without a folder is meant in every folder.
            let anywhere = if glob.contains('/') { glob.clone() } else { format!("**/{glob}") };
            if let Ok(glob) = GlobBuilder::new(&anywhere).literal_separator(true).build() {
                set.add(glob);
                owners.push(place);
            }
        }
    }
    set.build().map_or_else(|_| (GlobSet::empty(), Vec::new()), |set| (set, owners))
}

fn rank(category: &str) -> usize {
    CATEGORIES.iter().position(|known| *known == category).unwrap_or(CATEGORIES.len())
}

fn nearest_of<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // A pasted page is nobody's idea of a name, and the comparison is quadratic in its length.
    let word: String = word.trim().to_lowercase().replace([' ', '_'], "-").chars().take(64).collect();
    // People type one half of a name (`auditor`), which by letters alone is far from the whole.
    let likeness = |name: &str| {
        let part = name.split('-').map(|part| strsim::jaro_winkler(&word, part)).fold(0.0, f64::max);
        strsim::normalized_damerau_levenshtein(&word, name).max(if part > 0.9 { part - 0.2 } else { 0.0 })
    };
    names
        .map(|name| (likeness(name), name))
        .filter(|(alike, _)| *alike >= ALIKE_ENOUGH)
        .fold(None, |best: Option<(f64, &str)>, candidate| match best {
            Some(best) if best.0 >= candidate.0 => Some(best),
            _ => Some(candidate),
        })
        .map(|(_, name)| name)
}

