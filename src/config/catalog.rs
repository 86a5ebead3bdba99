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
pub const CATEGORIES: [&str; 8] =
    ["development", "languages", "infrastructure", "quality", "data-ai", "specialist", "documentation", "business"];

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
            let Some((agent, front)) = file.read(&mut issues) else {
                continue;
            };
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const TOOLS: &[&str] =
        &["task.show", "task.list", "task.create", "task.comment", "pm.analyze", "status.read", "agents.recommend"];

    /// The agents that people and scripts may rely on, by category.
    const PROMISED: &[(&str, &str)] = &[
        (
            "development",
            "backend-architect frontend-developer ui-ux-designer mobile-developer graphql-architect architect-review",
        ),
        (
            "languages",
            "python-pro golang-pro rust-pro c-pro cpp-pro javascript-pro typescript-pro php-pro java-pro csharp-pro \
             elixir-pro scala-pro sql-pro ios-developer unity-developer minecraft-bukkit-pro",
        ),
        (
            "infrastructure",
            "cloud-architect deployment-engineer devops-troubleshooter incident-responder network-engineer \
             terraform-specialist database-admin database-optimizer dx-optimizer",
        ),
        (
            "quality",
            "code-reviewer security-auditor test-automator performance-engineer debugger error-detective search-specialist",
        ),
        ("data-ai", "data-scientist data-engineer ai-engineer ml-engineer mlops-engineer prompt-engineer"),
        (
            "specialist",
            "api-documenter payment-integration quant-analyst risk-manager legacy-modernizer context-manager",
        ),
        ("documentation", "docs-architect mermaid-expert reference-builder tutorial-engineer"),
        ("business", "business-analyst content-marketer sales-automator customer-support legal-advisor"),
    ];

    fn file(front: &str) -> String {
        format!("---\n{front}---\n{}\n", "You read and report. ".repeat(20))
    }

    const GOOD: &str = "name: rust-pro\ncategory: languages\npurpose: write Rust\nwhen_to_use:\n  - Rust is written\n\
        keywords: [rust, cargo]\nfile_globs:\n  - \"**/*.rs\"\n  - Cargo.toml\ntools: [task.show]\nrisk: low\n";

    fn load(files: &[(&str, String)]) -> Result<Catalog, Vec<CatalogIssue>> {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Catalog::load(dir.path(), TOOLS)
    }

    #[test]
    fn the_program_comes_with_the_promised_agents() {
        let catalog = Catalog::embedded(TOOLS).unwrap_or_else(|issues| {
            panic!("mend config/agents:\n{}", issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        });
        let found: Vec<(&str, &str)> =
            catalog.all().iter().map(|agent| (agent.category.as_str(), agent.name.as_str())).collect();
        let mut promised = Vec::new();
        for (category, names) in PROMISED {
            let mut names: Vec<&str> = names.split_whitespace().collect();
            names.sort_unstable();
            promised.extend(names.into_iter().map(|name| (*category, name)));
        }
        assert_eq!(promised.len(), 59);
        assert_eq!(found, promised);
    }

    #[test]
    fn a_good_file_is_read_whole() {
        let catalog = load(&[
            ("languages/rust-pro.md", file(GOOD)),
            ("languages/README.md", "about".to_owned()),
            ("README.md", "about".to_owned()),
            ("languages/notes.txt", "not an agent".to_owned()),
            ("languages/.rust-pro.md", "an editor's copy".to_owned()),
        ])
        .unwrap();
        let agent = catalog.get("rust-pro").unwrap();
        assert_eq!(agent.keywords, ["rust", "cargo"]);
        assert!(agent.prompt.starts_with("You read") && agent.prompt.ends_with("report."));
        assert_eq!(catalog.all().len(), 1);
        assert!(catalog.get("rust").is_none());
    }

    #[test]
    fn line_ends_and_marks_of_other_editors_are_read() {
        let text = format!("\u{feff}{}", file(GOOD)).replace('\n', "\r\n");
        assert_eq!(load(&[("languages/rust-pro.md", text)]).unwrap().all().len(), 1);
    }

    #[test]
    fn every_finding_names_its_line() {
        for (wrong, right, line, said) in [
            ("name: rust", "name: rust-pro", Some(2), "not the file's `rust-pro`"),
            ("name: Rust Pro", "name: rust-pro", Some(2), "other characters"),
            ("category: quality", "category: languages", Some(3), "not the folder's `languages`"),
            ("category: tools", "category: languages", Some(3), "unknown category `tools`"),
            ("purpose: \"a\\nb\"", "purpose: write Rust", Some(4), "one line"),
            ("purpose: \"\"", "purpose: write Rust", Some(4), "one line"),
            ("- \"\"", "- Rust is written", Some(5), "when_to_use"),
            ("keywords: []", "keywords: [rust, cargo]", Some(7), "keywords are empty"),
            ("keywords: [rust, Cargo]", "keywords: [rust, cargo]", Some(7), "lower-case: `cargo`"),
            ("keywords: [rust, rust]", "keywords: [rust, cargo]", Some(7), "twice"),
            ("keywords: [rust, \"\"]", "keywords: [rust, cargo]", Some(7), "empty"),
            ("- \"a[\"", "- Cargo.toml", Some(10), "file glob `a[`"),
            ("tools: [task.sho]", "tools: [task.show]", Some(11), "did you mean `task.show`"),
            ("risk: huge", "risk: low", Some(12), "huge"),
            ("risk: low\nmodel: big", "risk: low", Some(13), "model"),
            ("", "purpose: write Rust\n", None, "purpose"),
            ("keywords: [rust", "keywords: [rust, cargo]", None, ""),
        ] {
            let text = file(&GOOD.replacen(right, wrong, 1));
            let issues = load(&[("languages/rust-pro.md", text)]).unwrap_err();
            let fits = |issue: &CatalogIssue| issue.text.contains(said) && (line.is_none() || issue.line == line);
            assert!(issues.iter().any(fits), "{wrong:?}: {issues:#?}");
            assert!(issues.iter().all(|issue| issue.file == "languages/rust-pro.md"), "{issues:#?}");
        }
    }

    #[test]
    fn all_findings_are_told_at_once() {
        let short = GOOD.replace("rust-pro", "short");
        let issues = load(&[
            ("languages/rust-pro.md", file(GOOD)),
            ("quality/rust-pro.md", file(&GOOD.replace("languages", "quality"))),
            ("languages/short.md", format!("---\n{short}---\ntoo short")),
            ("languages/bare.md", "no front matter".to_owned()),
            ("languages/open.md", format!("---\n{GOOD}")),
            ("stray.md", file(&GOOD.replace("rust-pro", "stray"))),
        ])
        .unwrap_err();
        let said: Vec<String> = issues.iter().map(ToString::to_string).collect();
        for wanted in [
            "quality/rust-pro.md:2: `rust-pro` is the name of the agent in languages/rust-pro.md",
            "languages/short.md: the prompt has 9 characters",
            "languages/bare.md:1: an agent's file begins with front matter",
            "languages/open.md:1: an agent's file begins with front matter",
            "stray.md:3: category `languages` is not the folder's ``",
        ] {
            assert!(said.iter().any(|said| said.starts_with(wanted)), "{wanted} is not in {said:#?}");
        }
        assert_eq!(said.len(), 5, "{said:#?}");
        assert!(issues.is_sorted());
    }

    #[test]
    fn a_folder_without_agents_is_a_finding() {
        assert!(load(&[]).unwrap_err()[0].text.contains("no agent in this folder"));
        let missing = Catalog::load(Path::new("/no/such/folder"), TOOLS).unwrap_err();
        assert!(missing[0].to_string().starts_with("/no/such/folder: cannot read"), "{missing:?}");
    }

    fn three() -> Catalog {
        let agent = |name: &str, category: &str| file(&GOOD.replace("rust-pro", name).replace("languages", category));
        load(&[
            ("business/seller.md", agent("seller", "business")),
            ("development/shaper.md", agent("shaper", "development")),
            ("languages/rust-pro.md", agent("rust-pro", "languages")),
            ("infrastructure/builder.md", agent("builder", "infrastructure")),
        ])
        .unwrap()
    }

    #[test]
    fn categories_are_found_as_people_mean_them() {
        let catalog = three();
        for (word, names) in [
            ("development", Some(vec!["shaper", "rust-pro", "builder"])),
            (" Development ", Some(vec!["shaper", "rust-pro", "builder"])),
            ("development only", Some(vec!["shaper"])),
            ("languages", Some(vec!["rust-pro"])),
            ("Business", Some(vec!["seller"])),
            ("data_ai", Some(vec![])),
            ("developers", None),
        ] {
            let found = catalog.category(word).map(|found| found.iter().map(|a| a.name.as_str()).collect::<Vec<_>>());
            assert_eq!(found, names, "{word}");
        }
        assert_eq!(Catalog::nearest_category("developmnt"), Some("development"));
        assert_eq!(Catalog::nearest_category("zzz"), None);
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest_name() {
        let catalog = three();
        for (word, name) in [
            ("rust-por", Some("rust-pro")),
            ("Rust Pro", Some("rust-pro")),
            ("rust", Some("rust-pro")),
            ("bilder", Some("builder")),
            ("", None),
            ("xyz", None),
        ] {
            assert_eq!(catalog.nearest(word), name, "{word}");
        }
        assert_eq!(catalog.nearest(&"rust-pro".repeat(10_000)), None);
    }

    #[test]
    fn files_are_found_in_every_folder() {
        let catalog = load(&[("languages/rust-pro.md", file(GOOD))]).unwrap();
        for (path, owned) in
            [("main.rs", true), ("a/b/main.rs", true), ("a/Cargo.toml", true), ("Cargo.toml.bak", false)]
        {
            assert_eq!(catalog.whose_file(path).len(), usize::from(owned), "{path}");
        }
    }
}
