//! Repositories, their files, who may do what in them, and accounts.
//!
//! docs.github.com/rest/repos/repos, …/repos/contents, …/collaborators/collaborators, …/users/users.

use serde_json::json;

use super::super::account::Role;
use super::super::app::Level;
use super::super::asked::Asked;
use super::super::refusal::Refusal;
use super::super::shape;
use super::super::state::State;
use super::{Answer, Call, Done, repository};
use crate::domain::time::Timestamp;

const CONTENTS: &str = "rest/repos/contents#get-repository-content";
const READS_CODE: &[(&str, Level)] = &[("contents", Level::Read)];
const KNOWS: &[(&str, Level)] = &[("metadata", Level::Read)];

pub(super) const CALLS: &[Call] = &[
    Call::get("/repos/{owner}/{repo}", "repos/get", "rest/repos/repos#get-a-repository").by(
        KNOWS,
        |state, asked, _| {
            let of = repository(state, asked)?;
            let mut shown = shape::repository(state, of);
            shown["organization"] = shape::account(state, of.owner);
            Ok(Answer::Of(200, shown))
        },
    ),
    Call::get(
        "/repos/{owner}/{repo}/collaborators/{login}/permission",
        "repos/get-collaborator-permission-level",
        "rest/collaborators/collaborators#get-repository-permissions-for-a-user",
    )
    .by(KNOWS, permission),
    Call::get("/repos/{owner}/{repo}/contents", "repos/get-content", CONTENTS).by(READS_CODE, content),
    Call::get("/repos/{owner}/{repo}/contents/", "repos/get-content", CONTENTS).by(READS_CODE, content),
    Call::get("/repos/{owner}/{repo}/contents/{*path}", "repos/get-content", CONTENTS).by(READS_CODE, content),
    Call::get("/users/{login}", "users/get-by-username", "rest/users/users#get-a-user").by(&[], |state, asked, _| {
        let known = state.account_called(asked.named("login")).map(|account| account.id);
        account(state, known)
    }),
    Call::get("/user/{id}", "users/get-by-id", "rest/users/users#get-a-user-using-their-id")
        .by(&[], |state, asked, _| account(state, Some(asked.number("id")?))),
];

/// An account as it is shown by itself.
fn account(state: &State, id: Option<u64>) -> Done {
    let known = id.and_then(|id| state.accounts.get(&id)).ok_or_else(Refusal::not_found)?;
    let mut shown = shape::account(state, known.id);
    let began = shape::time(Timestamp(0));
    let more = json!({
        "name": known.login, "company": null, "blog": "", "location": null, "email": null, "hireable": null, "bio": null,
        "twitter_username": null, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
        "created_at": began, "updated_at": began,
    });
    if let (Some(shown), Some(more)) = (shown.as_object_mut(), more.as_object()) {
        shown.extend(more.clone());
    }
    Ok(Answer::Of(200, shown))
}

/// What somebody may do. Who has no role in what is private, and everybody who may only look at what is public, is no
/// collaborator and is answered all the same.
fn permission(state: &mut State, asked: &Asked, _now: Timestamp) -> Done {
    let (of, login) = (repository(state, asked)?, asked.named("login"));
    let nobody = || Refusal::new(404, "not_found", format!("{login} is not a user"));
    let known = state.account_called(login).ok_or_else(nobody)?;
    let role = of.role(known.id);
    let mut user = shape::account(state, known.id);
    user["role_name"] = json!(role.word());
    user["permissions"] = json!({
        "pull": role >= Role::Read, "triage": role >= Role::Triage, "push": role >= Role::Write,
        "maintain": role >= Role::Maintain, "admin": role >= Role::Admin,
    });
    Ok(Answer::Of(200, json!({ "permission": role.permission(), "role_name": role.word(), "user": user })))
}

fn content(state: &mut State, asked: &Asked, _now: Timestamp) -> Done {
    let of = repository(state, asked)?;
    let at = asked.option("ref").unwrap_or(&of.default_branch);
    let no_commit = || Refusal::new(404, "not_found", format!("No commit found for the ref {at}"));
    let (_, commit) = of.commit(at).ok_or_else(no_commit)?;
    let path = asked.named("path").trim_matches('/');
    match commit.files.get(path) {
        Some(content) if asked.accept.contains("raw") => Ok(Answer::Raw(content.clone())),
        Some(content) => Ok(Answer::Of(200, shape::content(state, of, at, path, content))),
        None => {
            let within = shape::folder(state, of, at, path, &commit.files).ok_or_else(Refusal::not_found)?;
            Ok(Answer::Of(200, json!(within)))
        }
    }
}
