//! What people do on GitHub: whether they may, and of what the App is told.
//!
//! The words for it stand in [`super::act`], what then happens in [`super::happens`]. People are named by login,
//! repositories by `owner/name`. A further deed is a variant of [`Act`] and an arm where its kind stands.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::delivery::Manner;
use super::account::Role;
use super::act::{Act, ActError, Acted};
use super::happens::comments::Subject;
use super::happens::issues::Draft;
use super::happens::{self, Scene, checks, code, comments, installs, issues, pulls};
use super::issue::{Issue, REACTIONS};
use super::repository::Repository;
use super::state::State;
use super::world::GitHubWorld;

impl GitHubWorld {
    /// Lets a person do something in a repository; webhooks are on their way then.
    ///
    /// # Errors
    /// When there is no such person or thing, or the person may not do it.
    pub fn act(&self, who: &str, repository: &str, act: Act) -> Result<Acted, ActError> {
        self.act_as(who, repository, act, Manner::Genuine)
    }

    /// The same, with webhooks that go in a manner.
    ///
    /// # Errors
    /// As [`GitHubWorld::act`].
    pub fn act_as(&self, who: &str, repository: &str, act: Act, manner: Manner) -> Result<Acted, ActError> {
        self.change(|state, now| {
            let actor = state.account_called(who).ok_or_else(|| ActError::NoUser(who.to_owned()))?.id;
            let none = || ActError::NoRepository(repository.to_owned());
            let of = state.repository_called(repository).ok_or_else(none)?;
            let deed = Deed { scene: Scene { repository: of.id, actor, now }, role: of.role(actor) };
            let before = state.outgoing.len();
            let made = deed.perform(state, act)?;
            let told = state.outgoing.iter_mut().skip(before).map(|outgoing| {
                outgoing.manner = manner;
                outgoing.guid.clone()
            });
            Ok(Acted { made, told: told.collect() })
        })
    }
}

/// Who does something where, and what they may.
#[derive(Debug, Clone, Copy)]
struct Deed {
    scene: Scene,
    role: Role,
}

type Made = Result<Value, ActError>;

impl Deed {
    fn perform(self, state: &mut State, act: Act) -> Made {
        match act {
            Act::OpenIssue { .. }
            | Act::Label { .. }
            | Act::Unlabel { .. }
            | Act::Assign { .. }
            | Act::Unassign { .. }
            | Act::Close { .. }
            | Act::Reopen { .. }
            | Act::Edit { .. }
            | Act::SetMilestone { .. }
            | Act::Lock { .. }
            | Act::DeleteIssue { .. } => self.issue(state, act),
            Act::Comment { .. } | Act::EditComment { .. } | Act::DeleteComment { .. } | Act::React { .. } => {
                self.comment(state, act)
            }
            Act::OpenPull { .. } | Act::Review { .. } | Act::Merge { .. } | Act::Push { .. } => self.code(state, act),
            _ => self.administer(state, act),
        }
    }

    fn issue(self, state: &mut State, act: Act) -> Made {
        let scene = self.scene;
        match act {
            Act::OpenIssue { title, body, labels, assignees, milestone } => {
                self.takes(state, Role::Read)?;
                let sets = self.role >= Role::Triage;
                let people = if sets { self.collaborators(state, &assignees)? } else { Vec::new() };
                let milestone = milestone.filter(|_| sets).map(|title| self.milestone(state, &title));
                let labels = if sets { labels } else { Vec::new() };
                let draft = Draft { title, body, labels, assignees: people, milestone, pull: None };
                return Ok(json!({ "number": issues::open(state, scene, draft) }));
            }
            Act::Label { number, labels } => {
                self.known(state, number, Role::Triage)?;
                issues::label(state, scene, number, &labels);
            }
            Act::Unlabel { number, labels } => {
                self.known(state, number, Role::Triage)?;
                for label in &labels {
                    issues::unlabel(state, scene, number, label);
                }
            }
            Act::Assign { number, people } => {
                self.known(state, number, Role::Triage)?;
                let people = self.collaborators(state, &people)?;
                issues::assign(state, scene, number, &people);
            }
            Act::Unassign { number, people } => {
                self.known(state, number, Role::Triage)?;
                let people = self.collaborators(state, &people)?;
                issues::unassign(state, scene, number, &people);
            }
            Act::Close { number, reason } => {
                self.own(state, number, Role::Triage)?;
                let reason = word(reason.as_deref().unwrap_or("completed"), &["completed", "not_planned"])?;
                issues::close(state, scene, number, reason);
            }
            Act::Reopen { number } => {
                self.own(state, number, Role::Triage)?;
                issues::reopen(state, scene, number);
            }
            Act::Edit { number, title, body } => {
                self.own(state, number, Role::Write)?;
                issues::edit(state, scene, number, title, body.map(Some));
            }
            Act::SetMilestone { number, title } => {
                self.known(state, number, Role::Triage)?;
                let milestone = title.map(|title| self.milestone(state, &title));
                issues::set_milestone(state, scene, number, milestone);
            }
            Act::Lock { number, locked } => {
                self.known(state, number, Role::Triage)?;
                issues::lock(state, scene, number, locked);
            }
            Act::DeleteIssue { number } => {
                self.known(state, number, Role::Admin)?;
                issues::delete(state, scene, number);
            }
            _ => {}
        }
        Ok(json!({}))
    }

    fn comment(self, state: &mut State, act: Act) -> Made {
        let scene = self.scene;
        match act {
            Act::Comment { number, text } => {
                let locked = self.known(state, number, Role::Read)?.locked;
                self.takes(state, if locked { Role::Write } else { Role::Read })?;
                Ok(json!({ "comment": comments::comment(state, scene, number, &text, None) }))
            }
            Act::EditComment { id, text } => {
                self.own_comment(state, id)?;
                comments::edit(state, scene, id, &text);
                Ok(json!({ "comment": id }))
            }
            Act::DeleteComment { id } => {
                self.own_comment(state, id)?;
                comments::delete(state, scene, id);
                Ok(json!({}))
            }
            Act::React { number, comment, content } => {
                let content = word(&content, &REACTIONS)?;
                let subject = match (number, comment) {
                    (_, Some(id)) => Subject::Comment(id),
                    (number, None) => Subject::Issue(number.unwrap_or_default()),
                };
                let none = ActError::NoComment(comment.or(number).unwrap_or_default());
                let (reaction, _) = comments::react(state, scene, subject, content).ok_or(none)?;
                Ok(json!({ "reaction": reaction.id }))
            }
            _ => Ok(json!({})),
        }
    }

    fn code(self, state: &mut State, act: Act) -> Made {
        let scene = self.scene;
        match act {
            Act::OpenPull { title, body, files, head, draft } => self.open_pull(state, title, body, files, head, draft),
            Act::Review { number, verdict, text, path, line, line_text } => {
                self.pull(state, number)?;
                let known = ["approved", "changes_requested", "commented"];
                let verdict = word(verdict.as_deref().unwrap_or("commented"), &known)?;
                let at = line_text.map(|text| (path.unwrap_or_default(), line.unwrap_or(1), text));
                Ok(json!({ "review": pulls::review(state, scene, number, verdict, text, at) }))
            }
            Act::Merge { number } => {
                self.pull(state, number)?;
                self.takes(state, Role::Write)?;
                pulls::merge(state, scene, number);
                Ok(json!({}))
            }
            Act::Push { branch, files, message } => {
                self.takes(state, Role::Write)?;
                let branch = branch.or_else(|| Some(self.of(state)?.default_branch.clone())).unwrap_or_default();
                let files: Vec<_> =
                    files.into_iter().map(|(path, content)| (path, content.map(String::into_bytes))).collect();
                let message = message.unwrap_or_else(|| "Change files".to_owned());
                Ok(json!({ "sha": code::push(state, scene, &branch, &message, &files) }))
            }
            _ => Ok(json!({})),
        }
    }

    /// Who may not push does so in a fork; the branch is in the repository all the same, which is all that is seen of it.
    fn open_pull(
        self,
        state: &mut State,
        title: String,
        body: Option<String>,
        files: BTreeMap<String, String>,
        head: Option<String>,
        draft: bool,
    ) -> Made {
        let scene = self.scene;
        self.takes(state, Role::Read)?;
        let id = state.new_id();
        let head = head.unwrap_or_else(|| format!("change-{id}"));
        let files: Vec<_> = files.into_iter().map(|(path, text)| (path, Some(text.into_bytes()))).collect();
        if !files.is_empty() {
            code::push(state, scene, &head, &title, &files);
        }
        let of = self.of(state).ok_or(ActError::NothingChanged)?;
        let pull = code::pull(of, id, &head, &of.default_branch, draft);
        let pull = pull.filter(|pull| pull.head_sha != pull.base_sha).ok_or(ActError::NothingChanged)?;
        let number = issues::open(state, scene, Draft { title, body, pull: Some(pull), ..Draft::default() });
        Ok(json!({ "number": number }))
    }

    fn administer(self, state: &mut State, act: Act) -> Made {
        let scene = self.scene;
        let (sender, now) = (scene.actor, scene.now);
        match act {
            Act::Rerequest { check_run } => {
                self.known_run(state, check_run)?;
                checks::tell_run(state, scene, check_run, "rerequested", json!({}));
            }
            Act::RequestAction { check_run, identifier } => {
                self.known_run(state, check_run)?;
                let more = json!({ "requested_action": { "identifier": identifier } });
                checks::tell_run(state, scene, check_run, "requested_action", more);
            }
            Act::Permit { login, role } => {
                self.takes(state, Role::Admin)?;
                let account = state.account_called(&login).ok_or(ActError::NoUser(login.clone()))?.id;
                if let Some(of) = state.repositories.get_mut(&scene.repository) {
                    of.roles.insert(account, role);
                }
            }
            Act::Install => {
                let Some(owner) = self.of(state).map(|of| of.owner) else { return Ok(json!({})) };
                let chosen = Some([scene.repository].into());
                return Ok(json!({ "installation": installs::install(state, sender, owner, chosen, now) }));
            }
            Act::Uninstall => installs::uninstall(state, sender, self.installation(state)?),
            Act::Suspend { suspended } => {
                installs::suspend(state, sender, self.installation(state)?, suspended, now);
            }
            Act::Choose { chosen } => {
                installs::choose(state, sender, self.installation(state)?, scene.repository, chosen, now);
            }
            Act::Ping => installs::ping(state, now),
            Act::Event { event, action, fields } => {
                happens::tell(state, scene, &event, action.as_deref(), fields);
            }
            _ => {}
        }
        Ok(json!({}))
    }

    fn of(self, state: &State) -> Option<&Repository> {
        state.repositories.get(&self.scene.repository)
    }

    /// Whether the role is enough.
    fn takes(self, state: &State, needs: Role) -> Result<(), ActError> {
        let of = self.of(state).map(|of| of.full_name.clone()).unwrap_or_default();
        if self.role == Role::None {
            return Err(ActError::NoRepository(of));
        }
        if self.role >= needs {
            return Ok(());
        }
        let who = super::shape::login(state, self.scene.actor);
        Err(ActError::NotAllowed { who, repository: of, needs: needs.word(), has: self.role.word() })
    }

    /// The issue, where the role is enough.
    fn known(self, state: &State, number: u64, needs: Role) -> Result<&Issue, ActError> {
        self.takes(state, needs)?;
        state.issue(self.scene.repository, number).ok_or(ActError::NoIssue(number))
    }

    /// One's own issue, or one for which the role is enough.
    fn own(self, state: &State, number: u64, needs: Role) -> Result<(), ActError> {
        let is_own = self.known(state, number, Role::Read)?.user == self.scene.actor;
        if is_own { Ok(()) } else { self.takes(state, needs) }
    }

    fn own_comment(self, state: &State, id: u64) -> Result<(), ActError> {
        let comment = state.comment(self.scene.repository, id).ok_or(ActError::NoComment(id))?;
        if comment.user == self.scene.actor { Ok(()) } else { self.takes(state, Role::Write) }
    }

    fn pull(self, state: &State, number: u64) -> Result<(), ActError> {
        let issue = self.known(state, number, Role::Read)?;
        if issue.pull.is_some() { Ok(()) } else { Err(ActError::NoPull(number)) }
    }

    fn known_run(self, state: &State, id: u64) -> Result<(), ActError> {
        let is_there = self.of(state).is_some_and(|of| of.check_runs.contains_key(&id));
        if is_there { self.takes(state, Role::Write) } else { Err(ActError::NoCheckRun(id)) }
    }

    /// The App's installation in the account of the repository.
    fn installation(self, state: &State) -> Result<u64, ActError> {
        let of = self.of(state);
        let found = of.and_then(|of| state.installations.values().find(|one| one.account == of.owner));
        let none = || ActError::NotInstalled(of.map(|of| of.full_name.clone()).unwrap_or_default());
        found.map(|one| one.id).ok_or_else(none)
    }

    /// The accounts of these names; those who cannot be assigned are left out, as in the list that people choose from.
    fn collaborators(self, state: &State, logins: &[String]) -> Result<Vec<u64>, ActError> {
        let known = |login: &String| {
            let account = state.account_called(login).ok_or_else(|| ActError::NoUser(login.clone()))?;
            Ok(account.id)
        };
        let all: Vec<u64> = logins.iter().map(known).collect::<Result<_, ActError>>()?;
        let of = self.of(state);
        Ok(all.into_iter().filter(|id| of.is_some_and(|of| of.has_collaborator(*id))).collect())
    }

    /// The number of a milestone, which is made where there is none of this title.
    fn milestone(self, state: &mut State, title: &str) -> u64 {
        let of = self.of(state).map(|of| of.milestones.as_slice()).unwrap_or_default();
        match of.iter().find(|milestone| milestone.title == title) {
            Some(milestone) => milestone.number,
            None => issues::make_milestone(state, self.scene, title),
        }
    }
}

/// One of some words.
fn word<'a>(given: &str, known: &[&'a str]) -> Result<&'a str, ActError> {
    let found = known.iter().find(|word| **word == given);
    let none = || ActError::NoWord { given: given.to_owned(), known: known.join(", ") };
    found.copied().ok_or_else(none)
}
