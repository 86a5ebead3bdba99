//! The workflows in use: those of all files, replaced whole while others read, and never by files that are not valid.
//!
//! Owns which file a workflow stands in, that each name is there once, and the versions on which runs stay. Who reads the
//! files calls [`Live::replace`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use sha2::{Digest, Sha256};

use crate::workflow::begin::{By, about};
use crate::workflow::definition::Workflow;
use crate::workflow::known::Known;
use crate::workflow::mistake::{Mistake, Position};
use crate::workflow::repository_file;
use crate::workflow::stored::{self, Format, NotThere};

/// The file that is part of the program: tasks of events that are posted with the wish for one.
const BUILT_IN: (&str, &str) = ("built-in/posted.yml", include_str!("../../config/posted.yml"));
/// Versions that are kept read; of more the rest is read anew.
const MOST_VERSIONS: usize = 1_000;
/// Files of repositories that are kept read, some kilobytes each; of more the rest is read anew.
const MOST_REPOSITORIES: usize = 500;

/// A file of workflows that is valid.
#[derive(Debug)]
pub struct File {
    /// Its name, without its folder.
    pub name: String,
    /// Its text.
    pub text: String,
    /// SHA-256 of name and text, in hexadecimal digits: what runs call it by.
    pub digest: String,
    /// What stands in it.
    pub workflows: Vec<Arc<Workflow>>,
    /// The repository whose file it is, `owner/name`; nothing where those who run the bot keep it.
    pub repository: Option<String>,
}

impl File {
    /// Whether an event of this name may begin anything in it.
    #[must_use]
    pub fn concerns(&self, platform: &str, event: &str) -> bool {
        let by = By::of(platform, event);
        self.workflows.iter().any(|it| it.enabled && about(it, &by, platform, event).next().is_some())
    }
}

/// All files.
#[derive(Debug, Default)]
pub struct Set {
    files: Vec<File>,
}

/// A file that is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Its name.
    pub file: String,
    /// All that is wrong with it.
    pub mistakes: Vec<Mistake>,
}

/// What runs call a file by.
#[must_use]
pub fn digest(name: &str, text: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(format!("{name}\0{text}").as_bytes()))
}

impl Set {
    /// Reads files, each a name and its text, behind the one that is built in.
    ///
    /// # Errors
    /// As [`Set::read`].
    pub fn read_with_built_in(files: Vec<(String, String)>, known: &Known<'_>) -> Result<Self, Vec<Wrong>> {
        let built_in = (BUILT_IN.0.to_owned(), BUILT_IN.1.to_owned());
        Self::read(std::iter::once(built_in).chain(files).collect(), known)
    }

    /// Reads files, each a name and its text.
    ///
    /// # Errors
    /// The files that are not valid, with their mistakes; a name that two files give is the second one's.
    pub fn read(files: Vec<(String, String)>, known: &Known<'_>) -> Result<Self, Vec<Wrong>> {
        let mut set = Self::default();
        let mut wrong = Vec::new();
        let mut seen: HashMap<String, String> = HashMap::new();
        for (name, text) in files {
            match Format::Workflows.read(&text, known) {
                Ok(workflows) => {
                    let same = workflows.iter().filter_map(|it| Some((it, seen.get(&it.name)?)));
                    let same: Vec<Mistake> = same.map(|(it, other)| same_name(it.at, &it.name, other)).collect();
                    seen.extend(workflows.iter().map(|it| (it.name.clone(), name.clone())));
                    if !same.is_empty() {
                        wrong.push(Wrong { file: name, mistakes: same });
                        continue;
                    }
                    let workflows = workflows.into_iter().map(Arc::new).collect();
                    set.files.push(File { digest: digest(&name, &text), name, text, workflows, repository: None });
                }
                Err(mistakes) => wrong.push(Wrong { file: name, mistakes }),
            }
        }
        if wrong.is_empty() { Ok(set) } else { Err(wrong) }
    }

    /// Each workflow with its file.
    pub fn workflows(&self) -> impl Iterator<Item = (&File, &Arc<Workflow>)> {
        self.files.iter().flat_map(|file| file.workflows.iter().map(move |workflow| (file, workflow)))
    }

    /// The workflow of a name, with its file.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(&File, &Arc<Workflow>)> {
        self.workflows().find(|(_, workflow)| workflow.name == name)
    }

    /// Whether an event of this name may begin anything. What is built in is about events alone with which somebody `asks`
    /// for a task.
    #[must_use]
    pub fn concerns(&self, platform: &str, event: &str, asks: bool) -> bool {
        let mut among = self.files.iter().filter(|file| asks || file.name != BUILT_IN.0);
        among.any(|file| file.concerns(platform, event))
    }
}

fn same_name(at: Position, name: &str, other: &str) -> Mistake {
    Mistake::new(at, format!("`{name}` stands in {other} as well; give each workflow a name of its own"))
}

/// The set in use, and the versions of runs.
#[derive(Default)]
pub struct Live {
    current: ArcSwap<Set>,
    versions: Mutex<HashMap<String, Arc<Workflow>>>,
    repositories: Mutex<HashMap<String, Arc<File>>>,
    refused: ArcSwapOption<Vec<Wrong>>,
}

impl Live {
    /// The set in use. Whoever looks at several workflows for one event keeps it for all of them.
    #[must_use]
    pub fn current(&self) -> Arc<Set> {
        self.current.load_full()
    }

    /// Puts a set into use.
    pub fn replace(&self, set: Set) {
        self.current.store(Arc::new(set));
        self.refused.store(None);
    }

    /// The workflow in the version of a run, where it is the one in use or was read before.
    #[must_use]
    pub fn known(&self, name: &str, version: &str) -> Option<Arc<Workflow>> {
        if let Some((_, it)) = self.current().find(name)
            && it.version.to_string() == version
        {
            return Some(Arc::clone(it));
        }
        self.versions().get(&format!("{version}/{name}")).cloned()
    }

    /// The same from the text of its stored file, which is kept read.
    ///
    /// # Errors
    /// As [`NotThere`] says.
    pub fn version(
        &self,
        name: &str,
        version: &str,
        known: &Known<'_>,
        file: Option<(String, Format)>,
    ) -> Result<Arc<Workflow>, NotThere> {
        let (text, format) = file.ok_or_else(|| NotThere::Name(name.to_owned()))?;
        let found = Arc::new(stored::find(&text, format, name, version, known)?);
        let mut versions = self.versions();
        if versions.len() >= MOST_VERSIONS {
            versions.clear();
        }
        versions.insert(format!("{version}/{name}"), Arc::clone(&found));
        Ok(found)
    }

    /// The file of a repository by its digest, where it is kept read.
    #[must_use]
    pub fn kept_read(&self, repository: &str, digest: &str) -> Option<Arc<File>> {
        self.repositories().get(&format!("{digest}/{repository}")).cloned()
    }

    /// Reads the file of a repository, and keeps it read. It is no part of the set: only events of that repository begin
    /// what stands in it.
    ///
    /// # Errors
    /// All mistakes in it, in the order of the file.
    pub fn read_for(&self, repository: &str, text: &str) -> Result<Arc<File>, Vec<Mistake>> {
        let workflows = repository_file::read(text)?.into_iter().map(Arc::new).collect();
        let digest = digest(repository_file::NAME, text);
        let file = Arc::new(File {
            name: repository_file::NAME.to_owned(),
            text: text.to_owned(),
            digest,
            workflows,
            repository: Some(repository.to_owned()),
        });
        let mut repositories = self.repositories();
        if repositories.len() >= MOST_REPOSITORIES {
            repositories.clear();
        }
        repositories.insert(format!("{}/{repository}", file.digest), Arc::clone(&file));
        Ok(file)
    }

    fn repositories(&self) -> MutexGuard<'_, HashMap<String, Arc<File>>> {
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn versions(&self) -> MutexGuard<'_, HashMap<String, Arc<Workflow>>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Files were not valid, and did not become a set: what was wrong with them.
    pub fn refuse(&self, wrong: Vec<Wrong>) {
        self.refused.store(Some(Arc::new(wrong)));
    }

    /// What was wrong with the files that were read last, where they did not become a set.
    #[must_use]
    pub fn refused(&self) -> Option<Arc<Vec<Wrong>>> {
        self.refused.load_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known<'_> = Known { actions: &["a"], platforms: &["github"] };

    fn file(name: &str, workflow: &str) -> (String, String) {
        let text = format!(
            "workflows: {{{workflow}: {{trigger: {{platform: github, event: issues.opened}}, actions: [{{action: a}}]}}}}"
        );
        (name.to_owned(), text)
    }

    #[test]
    fn files_are_one_set_and_a_name_is_there_once() {
        let set = Set::read(vec![file("a.yml", "one"), file("b.yml", "two")], &KNOWN).unwrap();
        assert_eq!(set.find("two").unwrap().0.name, "b.yml");
        assert!(set.concerns("github", "issues.opened", false) && !set.concerns("github", "issues.closed", true));
        let wrong = Set::read(vec![file("a.yml", "one"), file("b.yml", "one")], &KNOWN).unwrap_err();
        assert!(wrong[0].file == "b.yml" && wrong[0].mistakes[0].what.contains("a.yml"), "{wrong:?}");
        let wrong = Set::read(vec![("c.yml".into(), "workflows: 7".into())], &KNOWN).unwrap_err();
        assert_eq!(wrong[0].file, "c.yml");
    }

    #[test]
    fn what_is_built_in_is_about_what_asks_for_a_task() {
        let known = Known { actions: &["create_ai_crm_task"], platforms: &["github"] };
        let set = Set::read_with_built_in(Vec::new(), &known).unwrap();
        for event in ["issues.opened", "pull_request.opened"] {
            assert!(set.concerns("github", event, true) && !set.concerns("github", event, false), "{event}");
        }
        assert!(!set.concerns("github", "push", true));
    }

    #[test]
    fn the_file_of_a_repository_is_kept_read_for_that_one_and_is_no_part_of_the_set() {
        let live = Live::default();
        let text = "auto_task_creation: {rules: [{trigger: issue_opened, task: {title_template: x}}]}";
        let file = live.read_for("acme/shop", text).unwrap();
        assert_eq!((file.repository.as_deref(), file.workflows.len()), (Some("acme/shop"), 1));
        assert!(live.kept_read("acme/shop", &file.digest).is_some());
        assert!(
            live.kept_read("acme/door", &file.digest).is_none()
                && live.current().find("auto_task_creation_1").is_none()
        );
        assert!(live.read_for("acme/shop", "actions: []").is_err());
    }

    #[test]
    fn a_run_stays_on_its_version_when_the_set_is_replaced() {
        let live = Live::default();
        let before = file("a.yml", "one");
        live.replace(Set::read(vec![before.clone()], &KNOWN).unwrap());
        let version = live.current().find("one").unwrap().1.version.to_string();
        let changed = before.1.replace("action: a", "action: a, id: b");
        live.replace(Set::read(vec![("a.yml".into(), changed)], &KNOWN).unwrap());
        assert!(live.known("one", &version).is_none());
        let kept = |text: &str| Some((text.to_owned(), Format::Workflows));
        let found = live.version("one", &version, &KNOWN, kept(&before.1)).unwrap();
        assert_eq!(found.version.to_string(), version);
        assert!(live.known("one", &version).is_some(), "it is kept read");
        assert!(matches!(live.version("two", &version, &KNOWN, None), Err(NotThere::Name(_))));
    }
}
