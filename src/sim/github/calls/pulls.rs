//! Pull requests: what they are, the files that they change, and who is asked for a review.
//!
//! docs.github.com/rest/pulls.

use axum::routing::MethodFilter;

use super::super::app::Level;
use super::super::asked::Asked;
use super::super::happens::{code, pulls};
use super::super::issue::{Issue, Pull};
use super::super::refusal::Refusal;
use super::super::repository::Repository;
use super::super::shape;
use super::super::state::State;
use super::{Answer, Call, Done, collaborators, issue, repository};
use crate::domain::time::Timestamp;

/// Files of a pull request that are listed at most.
const MOST_FILES: usize = 3000;

const READS: &[(&str, Level)] = &[("pull_requests", Level::Read)];
const WRITES: &[(&str, Level)] = &[("pull_requests", Level::Write)];

const ALL: &str = "/repos/{owner}/{repo}/pulls";
const ONE: &str = "/repos/{owner}/{repo}/pulls/{number}";
const FILES: &str = "/repos/{owner}/{repo}/pulls/{number}/files";
const REVIEWS: &str = "/repos/{owner}/{repo}/pulls/{number}/reviews";
const ASKED: &str = "/repos/{owner}/{repo}/pulls/{number}/requested_reviewers";
const PULLS: &str = "rest/pulls/pulls";
const REQUESTS: &str = "rest/pulls/review-requests";

pub(super) const CALLS: &[Call] = &[
    Call::get(ALL, "pulls/list", PULLS).by(READS, |state, asked, _| {
        let (of, wanted) = (repository(state, asked)?, asked.option("state").unwrap_or("open"));
        let fits = of.issues.values().rev().filter(|one| wanted == "all" || (wanted == "open") == one.open);
        let pulls = fits.filter_map(|one| Some(shape::pull(state, of, one, one.pull.as_ref()?)));
        Ok(Answer::List(pulls.collect()))
    }),
    Call::get(ONE, "pulls/get", PULLS).by(READS, |state, asked, _| shown(state, asked, 200)),
    Call::get(FILES, "pulls/list-files", PULLS).by(READS, |state, asked, _| {
        let (of, _, pull) = pull(state, asked)?;
        Ok(Answer::List(code::changed(state, of, pull).into_iter().take(MOST_FILES).collect()))
    }),
    Call::get(REVIEWS, "pulls/list-reviews", "rest/pulls/reviews").by(READS, |state, asked, _| {
        let (of, issue, pull) = pull(state, asked)?;
        let shown = pull.reviews.iter().map(|review| {
            let mut shown = shape::review(state, of, issue.number, review);
            shown["state"] = review.state.to_uppercase().into();
            shown
        });
        Ok(Answer::List(shown.collect()))
    }),
    Call::get(ASKED, "pulls/list-requested-reviewers", REQUESTS).by(READS, |state, asked, _| {
        let (_, _, pull) = pull(state, asked)?;
        let users: Vec<_> = pull.reviewers.iter().map(|id| shape::account(state, *id)).collect();
        let teams: Vec<_> = pull.teams.iter().map(|slug| shape::team(state, slug)).collect();
        Ok(Answer::Of(200, serde_json::json!({ "users": users, "teams": teams })))
    }),
    Call::create(ASKED, "pulls/request-reviewers", REQUESTS).by(WRITES, request),
    Call::change(MethodFilter::DELETE, ASKED, "pulls/remove-requested-reviewers", REQUESTS).by(
        WRITES,
        |state, asked, now| {
            let (of, issue, _) = pull(state, asked)?;
            let people = collaborators(state, of, &asked.texts("reviewers")?.unwrap_or_default());
            let (number, teams) = (issue.number, asked.texts("team_reviewers")?.unwrap_or_default());
            pulls::unrequest(state, asked.scene(now), number, &people, &teams);
            shown(state, asked, 200)
        },
    ),
];

/// The pull request of the path.
fn pull<'a>(state: &'a State, asked: &Asked) -> Result<(&'a Repository, &'a Issue, &'a Pull), Refusal> {
    let (of, issue) = issue(state, asked)?;
    let pull = issue.pull.as_ref().ok_or_else(Refusal::not_found)?;
    Ok((of, issue, pull))
}

fn shown(state: &State, asked: &Asked, status: u16) -> Done {
    let (of, issue, pull) = pull(state, asked)?;
    Ok(Answer::Of(status, shape::pull(state, of, issue, pull)))
}

/// Asks for reviews: of collaborators, and never of who opened it.
fn request(state: &mut State, asked: &Asked, now: Timestamp) -> Done {
    let (of, issue, _) = pull(state, asked)?;
    let logins = asked.texts("reviewers")?.unwrap_or_default();
    let teams = asked.texts("team_reviewers")?.unwrap_or_default();
    let author = shape::login(state, issue.user);
    if logins.iter().any(|login| login.eq_ignore_ascii_case(&author)) {
        return Err(Refusal::unprocessable("Review cannot be requested from pull request author."));
    }
    let people = collaborators(state, of, &logins);
    if people.len() != logins.len() {
        return Err(Refusal::unprocessable(format!(
            "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a \
             collaborator of the {} repository.",
            of.full_name
        )));
    }
    let number = issue.number;
    pulls::request(state, asked.scene(now), number, &people, &teams);
    shown(state, asked, 201)
}
