//! One file of an agent: where files are found, how one is read, what is wrong with it.
//!
//! Owns the format (YAML front matter between `---` lines with the fields of [`Agent`], below it the
//! prompt). Does not know the other files; what concerns several stands in `catalog.rs`.
//!
//! A new check is a few lines in [`AgentFile::check`].

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use include_dir::Dir;

use super::{CATEGORIES, CatalogIssue, SHORTEST_PROMPT, nearest_of};
use crate::domain::agent::Agent;

/// The largest file in bytes. A prompt is paid for with every turn, so a larger one is a mistake.
const LARGEST_FILE: u64 = 256 * 1024;

/// A file before it is an agent. The path is relative to the folder of agents, with `/`.
pub(super) struct AgentFile {
    pub(super) path: String,
    text: String,
}

/// The front matter as it was written, to find the line of a finding.
pub(super) struct FrontMatter<'a> {
    yaml: &'a str,
}

impl FrontMatter<'_> {
    /// The line in the file on which a field, or one of its values, stands.
    pub(super) fn line_of(&self, field: &str, value: Option<&str>) -> Option<usize> {
        let is_field = |line: &str| line.strip_prefix(field).is_some_and(|rest| rest.trim_start().starts_with(':'));
        let lines: Vec<&str> = self.yaml.lines().collect();
        let start = lines.iter().position(|line| is_field(line))?;
        let within = lines[start + 1..].iter().take_while(|line| line.starts_with([' ', '-', '\t']) || line.is_empty());
        let end = start + 1 + within.count();
        let found = value.filter(|value| !value.is_empty()).and_then(|value| {
            let first_line = value.lines().next().unwrap_or(value);
            lines[start..end].iter().position(|line| line.contains(first_line))
        });
        // The opening `---` is line 1 of the file, so the first line of the YAML is line 2.
        Some(start + found.unwrap_or(0) + 2)
    }
}

impl AgentFile {
    pub(super) fn issue(&self, line: Option<usize>, text: String) -> CatalogIssue {
        CatalogIssue { file: self.path.clone(), line, text }
    }

    /// Splits the file and reads its front matter; what cannot be read becomes an issue.
    pub(super) fn read(&self, issues: &mut Vec<CatalogIssue>) -> Option<(Agent, FrontMatter<'_>)> {
        let text = self.text.strip_prefix('\u{feff}').unwrap_or(&self.text);
        let Some((yaml, prompt)) = split_front_matter(text) else {
            let wanted = "an agent's file begins with front matter between two lines of `---`";
            issues.push(self.issue(Some(1), wanted.to_owned()));
            return None;
        };
        let options = serde_saphyr::options! { with_snippet: false };
        match serde_saphyr::from_str_with_options::<Agent>(yaml, options) {
            Ok(mut agent) => {
                prompt.trim().clone_into(&mut agent.prompt);
                Some((agent, FrontMatter { yaml }))
            }
            Err(error) => {
                let at = error.location().and_then(|at| usize::try_from(at.line()).ok()).filter(|line| *line > 0);
                let said = error.without_snippet().to_string();
                let said = said.lines().next().unwrap_or_default().to_owned();
                issues.push(self.issue(at.map(|line| line + 1), said));
                None
            }
        }
    }

    pub(super) fn check(
        &self,
        agent: &Agent,
        front: &FrontMatter<'_>,
        known_tools: &[&str],
        issues: &mut Vec<CatalogIssue>,
    ) {
        let mut say = |line, text| issues.push(self.issue(line, text));
        let (folder, file_name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let stem = file_name.strip_suffix(".md").unwrap_or(file_name);
        let Agent { name, category, .. } = agent;
        if name != stem {
            say(front.line_of("name", None), format!("name `{name}` is not the file's `{stem}`; make them the same"));
        }
        if !is_plain_name(name) {
            let text = format!("name `{name}` has other characters than a-z, 0-9 and `-`");
            say(front.line_of("name", None), text);
        }
        if category != folder {
            let text = format!("category `{category}` is not the folder's `{folder}`; make them the same");
            say(front.line_of("category", None), text);
        }
        if !CATEGORIES.contains(&category.as_str()) {
            let text = format!("unknown category `{category}`; known are {}", CATEGORIES.join(", "));
            say(front.line_of("category", None), text);
        }
        if agent.purpose.trim().is_empty() || agent.purpose.trim().contains('\n') {
            say(front.line_of("purpose", None), "purpose is to be one line".to_owned());
        }
        if agent.when_to_use.iter().all(|situation| situation.trim().is_empty()) {
            say(front.line_of("when_to_use", None), "when_to_use names no situation; add at least one".to_owned());
        }
        let length = agent.prompt.chars().count();
        if length < SHORTEST_PROMPT {
            say(None, format!("the prompt has {length} characters, an agent needs at least {SHORTEST_PROMPT}"));
        }
        check_words(agent, front, known_tools, &mut say);
    }
}

fn is_agent_file(name: &str) -> bool {
    name.ends_with(".md") && !name.starts_with('.') && name != "README.md"
}

pub(super) fn collect_embedded(dir: &Dir<'_>, files: &mut Vec<AgentFile>, issues: &mut Vec<CatalogIssue>) {
    for file in dir.files() {
        let path = file.path().to_string_lossy().replace('\\', "/");
        if !is_agent_file(path.rsplit('/').next().unwrap_or_default()) {
            continue;
        }
        match file.contents_utf8() {
            Some(text) => files.push(AgentFile { path, text: text.to_owned() }),
            None => issues.push(CatalogIssue { file: path, line: None, text: "is not UTF-8 text".to_owned() }),
        }
    }
    for inner in dir.dirs() {
        collect_embedded(inner, files, issues);
    }
}

pub(super) fn collect_from_disk(dir: &Path, below: &str, files: &mut Vec<AgentFile>, issues: &mut Vec<CatalogIssue>) {
    let shown = if below.is_empty() { dir.display().to_string() } else { below.to_owned() };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            issues.push(CatalogIssue { file: shown, line: None, text: format!("cannot read this folder: {error}") });
            return;
        }
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let text = format!("cannot read this folder: {error}");
                issues.push(CatalogIssue { file: shown.clone(), line: None, text });
                continue;
            }
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        let is_folder = fs::metadata(entry.path()).is_ok_and(|about| about.is_dir());
        // Agents stand two levels deep; going further would follow a link that leads round in a circle.
        if is_folder && below.is_empty() && !name.starts_with('.') {
            collect_from_disk(&entry.path(), &path, files, issues);
        } else if !is_folder && is_agent_file(&name) {
            match read_text(&entry.path()) {
                Ok(text) => files.push(AgentFile { path, text }),
                Err(text) => issues.push(CatalogIssue { file: path, line: None, text }),
            }
        }
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    let length = fs::metadata(path).map_err(|error| format!("cannot read this file: {error}"))?.len();
    if length > LARGEST_FILE {
        return Err(format!("has {length} bytes, an agent's file has at most {LARGEST_FILE}; shorten the prompt"));
    }
    fs::read_to_string(path).map_err(|error| format!("cannot read this file: {error}"))
}

fn check_words(
    agent: &Agent,
    front: &FrontMatter<'_>,
    known_tools: &[&str],
    say: &mut impl FnMut(Option<usize>, String),
) {
    if agent.keywords.is_empty() {
        say(front.line_of("keywords", None), "keywords are empty, so nothing would lead to this agent".to_owned());
    }
    let mut seen = BTreeSet::new();
    for keyword in &agent.keywords {
        let line = front.line_of("keywords", Some(keyword));
        if keyword.trim().is_empty() || keyword.trim() != keyword {
            say(line, format!("keyword `{keyword}` is empty or has blanks around it"));
        } else if keyword.to_lowercase() != *keyword {
            say(line, format!("keyword `{keyword}` is to be lower-case: `{}`", keyword.to_lowercase()));
        } else if !seen.insert(keyword) {
            say(line, format!("keyword `{keyword}` stands here twice"));
        }
    }
    for glob in &agent.file_globs {
        if let Err(error) = globset::Glob::new(glob) {
            say(front.line_of("file_globs", Some(glob)), format!("file glob `{glob}` is not one: {}", error.kind()));
        }
    }
    for tool in &agent.tools {
        if !known_tools.contains(&tool.as_str()) {
            let hint = nearest_of(tool, known_tools.iter().copied());
            let hint = hint.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            say(front.line_of("tools", Some(tool)), format!("unknown tool `{tool}`{hint}"));
        }
    }
}

fn is_plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.chars().all(plain) && !name.starts_with('-') && !name.ends_with('-')
}

/// The YAML and what stands below it; `None` without an opening and a closing `---` line.
fn split_front_matter(text: &str) -> Option<(&str, &str)> {
    let is_fence = |line: &str| line.trim_end() == "---";
    let mut lines = text.split_inclusive('\n');
    let opening = lines.next().filter(|line| is_fence(line))?.len();
    let mut end = opening;
    for line in lines {
        if is_fence(line) {
            return Some((&text[opening..end], &text[end + line.len()..]));
        }
        end += line.len();
    }
    None
}
