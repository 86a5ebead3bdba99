//! What each call of the API does, by the nouns of GitHub's own pages.
//!
//! Who may call, and how often, is settled before. A further call is a line in the table of its file; a further file is a
//! line in [`all`]. A call is known to faults and records by the name that its page gives it: `issues/create-comment`.

mod apps;
mod checks;
mod comments;
mod issues;
mod pulls;
mod repos;

use axum::routing::MethodFilter;
use serde_json::Value;

use super::app::Level;
use super::asked::Asked;
use super::doors::Door;
use super::issue::Issue;
use super::rates::Counted;
use super::refusal::Refusal;
use super::repository::Repository;
use super::state::State;
use crate::domain::time::Timestamp;

/// What an App gets.
pub(super) enum Answer {
    /// A status and a body.
    Of(u16, Value),
    /// 204.
    Nothing,
    /// A file as it is.
    Raw(Vec<u8>),
    /// All there is, of which a page is shown.
    List(Vec<Value>),
    /// The same, in a field of an object beside others and the count.
    Within(&'static str, Value, Vec<Value>),
    /// A page, and the cursor of the next.
    From(Vec<Value>, Option<String>),
}

/// What comes of a call.
pub(super) type Done = Result<Answer, Refusal>;

/// A call of the API.
pub(super) struct Call {
    pub(super) verb: MethodFilter,
    pub(super) path: &'static str,
    /// GitHub's name for it.
    pub(super) name: &'static str,
    /// Its page, behind `https://docs.github.com/`.
    pub(super) documents: &'static str,
    pub(super) door: Door,
    /// Permissions of which one is needed.
    pub(super) needs: &'static [(&'static str, Level)],
    pub(super) counted: Counted,
    pub(super) how: fn(&mut State, &Asked, Timestamp) -> Done,
}

impl Call {
    /// A look.
    const fn get(path: &'static str, name: &'static str, documents: &'static str) -> Builder {
        Builder { verb: MethodFilter::GET, path, name, documents, counted: Counted::Reading }
    }

    /// A change.
    const fn change(verb: MethodFilter, path: &'static str, name: &'static str, documents: &'static str) -> Builder {
        Builder { verb, path, name, documents, counted: Counted::Writing }
    }

    /// A post of whose page it is said that people are told of it.
    const fn create(path: &'static str, name: &'static str, documents: &'static str) -> Builder {
        Builder { verb: MethodFilter::POST, path, name, documents, counted: Counted::Creating }
    }
}

/// A call without who may call it and what it does.
struct Builder {
    verb: MethodFilter,
    path: &'static str,
    name: &'static str,
    documents: &'static str,
    counted: Counted,
}

impl Builder {
    /// By the App itself.
    const fn by_app(self, how: fn(&mut State, &Asked, Timestamp) -> Done) -> Call {
        self.done(Door::App, &[], how)
    }

    /// By an installation that has one of these permissions.
    const fn by(self, needs: &'static [(&'static str, Level)], how: fn(&mut State, &Asked, Timestamp) -> Done) -> Call {
        self.done(Door::Installation, needs, how)
    }

    const fn done(
        self,
        door: Door,
        needs: &'static [(&'static str, Level)],
        how: fn(&mut State, &Asked, Timestamp) -> Done,
    ) -> Call {
        let Self { verb, path, name, documents, counted } = self;
        Call { verb, path, name, documents, door, needs, counted, how }
    }
}

/// Every call.
pub(super) fn all() -> impl Iterator<Item = &'static Call> {
    [apps::CALLS, repos::CALLS, issues::CALLS, comments::CALLS, pulls::CALLS, checks::CALLS].into_iter().flatten()
}

/// The repository of the path.
fn repository<'a>(state: &'a State, asked: &Asked) -> Result<&'a Repository, Refusal> {
    state.repositories.get(&asked.repository).ok_or_else(Refusal::not_found)
}

/// The issue or pull request of the path, with its repository.
fn issue<'a>(state: &'a State, asked: &Asked) -> Result<(&'a Repository, &'a Issue), Refusal> {
    let (of, number) = (repository(state, asked)?, asked.number("number")?);
    if of.deleted.contains(&number) {
        return Err(Refusal::new(410, "gone", "This issue was deleted"));
    }
    let issue = of.issues.get(&number).ok_or_else(Refusal::not_found)?;
    if !of.has_issues && issue.pull.is_none() {
        return Err(Refusal::new(410, "gone", "Issues are disabled for this repo"));
    }
    Ok((of, issue))
}

/// The accounts of these names that can be assigned or asked; others are left out, as GitHub does.
fn collaborators(state: &State, of: &Repository, logins: &[String]) -> Vec<u64> {
    let known = logins.iter().filter_map(|login| state.account_called(login));
    known.map(|account| account.id).filter(|id| of.has_collaborator(*id)).collect()
}
