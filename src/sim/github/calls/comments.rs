//! Comments below issues and pull requests, comments on lines, and reactions.
//!
//! docs.github.com/rest/issues/comments, …/pulls/comments, …/reactions/reactions.

use axum::routing::MethodFilter;
use serde_json::Value;

use super::super::app::Level;
use super::super::asked::Asked;
use super::super::happens::comments::{self, Subject};
use super::super::issue::{Comment, REACTIONS};
use super::super::refusal::Refusal;
use super::super::repository::Repository;
use super::super::state::State;
use super::super::{seed, shape};
use super::{Answer, Call, Done, issue, repository};
use crate::domain::time::Timestamp;

const READS: &[(&str, Level)] = &[("issues", Level::Read), ("pull_requests", Level::Read)];
const WRITES: &[(&str, Level)] = &[("issues", Level::Write), ("pull_requests", Level::Write)];
const READS_PULLS: &[(&str, Level)] = &[("pull_requests", Level::Read)];
const WRITES_PULLS: &[(&str, Level)] = &[("pull_requests", Level::Write)];

const BELOW: &str = "/repos/{owner}/{repo}/issues/{number}/comments";
const ALL: &str = "/repos/{owner}/{repo}/issues/comments";
const ONE: &str = "/repos/{owner}/{repo}/issues/comments/{id}";
const ON_LINES: &str = "/repos/{owner}/{repo}/pulls/{number}/comments";
const ON_LINE: &str = "/repos/{owner}/{repo}/pulls/comments/{id}";
const TO_ISSUE: &str = "/repos/{owner}/{repo}/issues/{number}/reactions";
const TO_COMMENT: &str = "/repos/{owner}/{repo}/issues/comments/{id}/reactions";
const TO_LINE: &str = "/repos/{owner}/{repo}/pulls/comments/{id}/reactions";
const OF_ISSUE: &str = "/repos/{owner}/{repo}/issues/{number}/reactions/{reaction}";
const OF_COMMENT: &str = "/repos/{owner}/{repo}/issues/comments/{id}/reactions/{reaction}";
const OF_LINE: &str = "/repos/{owner}/{repo}/pulls/comments/{id}/reactions/{reaction}";
const COMMENTS: &str = "rest/issues/comments";
const LINES: &str = "rest/pulls/comments";
const REACT: &str = "rest/reactions/reactions";

pub(super) const CALLS: &[Call] = &[
    Call::get(BELOW, "issues/list-comments", COMMENTS).by(READS, list),
    Call::get(ALL, "issues/list-comments-for-repo", COMMENTS).by(READS, list),
    Call::create(BELOW, "issues/create-comment", "rest/issues/comments#create-an-issue-comment").by(WRITES, create),
    Call::get(ONE, "issues/get-comment", COMMENTS).by(READS, |state, asked, _| shown(state, asked, false)),
    Call::change(MethodFilter::PATCH, ONE, "issues/update-comment", COMMENTS)
        .by(WRITES, |state, asked, now| update(state, asked, false, now)),
    Call::change(MethodFilter::DELETE, ONE, "issues/delete-comment", COMMENTS)
        .by(WRITES, |state, asked, now| delete(state, asked, false, now)),
    Call::get(ON_LINES, "pulls/list-review-comments", LINES).by(READS_PULLS, |state, asked, _| {
        let (of, issue) = issue(state, asked)?;
        let all = of.comments.values().filter(|one| one.issue == issue.number && one.line.is_some());
        Ok(Answer::List(all.map(|one| shape::comment(state, of, one)).collect()))
    }),
    Call::get(ON_LINE, "pulls/get-review-comment", LINES).by(READS_PULLS, |state, asked, _| shown(state, asked, true)),
    Call::change(MethodFilter::PATCH, ON_LINE, "pulls/update-review-comment", LINES)
        .by(WRITES_PULLS, |state, asked, now| update(state, asked, true, now)),
    Call::change(MethodFilter::DELETE, ON_LINE, "pulls/delete-review-comment", LINES)
        .by(WRITES_PULLS, |state, asked, now| delete(state, asked, true, now)),
    Call::get(TO_ISSUE, "reactions/list-for-issue", REACT)
        .by(READS, |state, asked, _| reactions(state, asked, to_issue(state, asked)?)),
    Call::change(MethodFilter::POST, TO_ISSUE, "reactions/create-for-issue", REACT)
        .by(WRITES, |state, asked, now| react(state, asked, to_issue(state, asked)?, now)),
    Call::change(MethodFilter::DELETE, OF_ISSUE, "reactions/delete-for-issue", REACT)
        .by(WRITES, |state, asked, _| unreact(state, asked, to_issue(state, asked)?)),
    Call::get(TO_COMMENT, "reactions/list-for-issue-comment", REACT)
        .by(READS, |state, asked, _| reactions(state, asked, to_comment(state, asked, false)?)),
    Call::change(MethodFilter::POST, TO_COMMENT, "reactions/create-for-issue-comment", REACT)
        .by(WRITES, |state, asked, now| react(state, asked, to_comment(state, asked, false)?, now)),
    Call::change(MethodFilter::DELETE, OF_COMMENT, "reactions/delete-for-issue-comment", REACT)
        .by(WRITES, |state, asked, _| unreact(state, asked, to_comment(state, asked, false)?)),
    Call::get(TO_LINE, "reactions/list-for-pull-request-review-comment", REACT)
        .by(READS_PULLS, |state, asked, _| reactions(state, asked, to_comment(state, asked, true)?)),
    Call::change(MethodFilter::POST, TO_LINE, "reactions/create-for-pull-request-review-comment", REACT)
        .by(WRITES_PULLS, |state, asked, now| react(state, asked, to_comment(state, asked, true)?, now)),
    Call::change(MethodFilter::DELETE, OF_LINE, "reactions/delete-for-pull-request-comment", REACT)
        .by(WRITES_PULLS, |state, asked, _| unreact(state, asked, to_comment(state, asked, true)?)),
];

/// The comment of the path, which stands on a line or does not.
fn comment<'a>(state: &'a State, asked: &Asked, on_line: bool) -> Result<(&'a Repository, &'a Comment), Refusal> {
    let (of, id) = (repository(state, asked)?, asked.number("id")?);
    let found = of.comments.get(&id).filter(|comment| comment.line.is_some() == on_line);
    Ok((of, found.ok_or_else(Refusal::not_found)?))
}

fn shown(state: &State, asked: &Asked, on_line: bool) -> Done {
    let (of, comment) = comment(state, asked, on_line)?;
    Ok(Answer::Of(200, shape::comment(state, of, comment)))
}

/// Those below an issue by id, those of a repository too unless another order is asked for; `since` is when each changed
/// last.
fn list(state: &mut State, asked: &Asked, _now: Timestamp) -> Done {
    let of = repository(state, asked)?;
    let number = if asked.path.contains_key("number") { Some(issue(state, asked)?.1.number) } else { None };
    let since = asked.option("since");
    let fits = |comment: &&Comment| {
        let is_since = since.is_none_or(|since| shape::time(comment.updated_at).as_str() >= since);
        comment.line.is_none() && is_since && number.is_none_or(|number| comment.issue == number)
    };
    let mut found: Vec<&Comment> = of.comments.values().filter(fits).collect();
    if number.is_none() {
        if asked.option("sort") == Some("updated") {
            found.sort_by_key(|comment| comment.updated_at);
        }
        if asked.option("direction") == Some("desc") {
            found.reverse();
        }
    }
    Ok(Answer::List(found.into_iter().map(|comment| shape::comment(state, of, comment)).collect()))
}

/// The text of a comment, which is not empty.
fn text(asked: &Asked, resource: &str) -> Result<String, Refusal> {
    asked.needed("body")?;
    match asked.markdown(resource)? {
        Some(text) if !text.trim().is_empty() => Ok(text),
        _ => Err(Refusal::custom(resource, "body", "body can't be blank")),
    }
}

fn create(state: &mut State, asked: &Asked, now: Timestamp) -> Done {
    let number = issue(state, asked)?.1.number;
    let text = text(asked, "IssueComment")?;
    let id = comments::comment(state, asked.scene(now), number, &text, None);
    let of = repository(state, asked)?;
    let made = of.comments.get(&id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::Of(201, shape::comment(state, of, made)))
}

fn update(state: &mut State, asked: &Asked, on_line: bool, now: Timestamp) -> Done {
    let id = own(state, asked, on_line)?;
    let resource = if on_line { "PullRequestReviewComment" } else { "IssueComment" };
    comments::edit(state, asked.scene(now), id, &text(asked, resource)?);
    shown(state, asked, on_line)
}

fn delete(state: &mut State, asked: &Asked, on_line: bool, now: Timestamp) -> Done {
    let id = own(state, asked, on_line)?;
    comments::delete(state, asked.scene(now), id);
    Ok(Answer::Nothing)
}

/// A comment that the App may change: its own. GitHub lets one with write access change those of others too; a bot that
/// does so has gone wrong, so here it is refused.
fn own(state: &State, asked: &Asked, on_line: bool) -> Result<u64, Refusal> {
    let (_, comment) = comment(state, asked, on_line)?;
    if comment.user == seed::BOT { Ok(comment.id) } else { Err(Refusal::not_accessible()) }
}

fn to_issue(state: &State, asked: &Asked) -> Result<Subject, Refusal> {
    issue(state, asked).map(|(_, issue)| Subject::Issue(issue.number))
}

fn to_comment(state: &State, asked: &Asked, on_line: bool) -> Result<Subject, Refusal> {
    comment(state, asked, on_line).map(|(_, comment)| Subject::Comment(comment.id))
}

fn reactions(state: &mut State, asked: &Asked, subject: Subject) -> Done {
    let wanted = asked.option("content");
    let all = comments::reactions(state, asked.repository, subject).ok_or_else(Refusal::not_found)?.clone();
    let fits = all.iter().filter(|one| wanted.is_none_or(|content| one.content == content));
    Ok(Answer::List(fits.map(|one| shape::reaction(state, one)).collect()))
}

fn react(state: &mut State, asked: &Asked, subject: Subject, now: Timestamp) -> Done {
    let content = asked.needed("content")?;
    if !REACTIONS.contains(&content.as_str()) {
        let value = Value::String(content);
        let words = REACTIONS.map(|word| format!("\"{word}\"")).join(", ");
        let message = format!("Invalid request.\n\nFor 'properties/content', {value} is not a member of [{words}].");
        return Err(Refusal::unprocessable(message));
    }
    let made = comments::react(state, asked.scene(now), subject, &content);
    let (reaction, is_new) = made.ok_or_else(Refusal::not_found)?;
    Ok(Answer::Of(if is_new { 201 } else { 200 }, shape::reaction(state, &reaction)))
}

fn unreact(state: &mut State, asked: &Asked, subject: Subject) -> Done {
    let id = asked.number("reaction")?;
    let all = comments::reactions(state, asked.repository, subject).ok_or_else(Refusal::not_found)?;
    let at = all.iter().position(|one| one.id == id && one.user == seed::BOT).ok_or_else(Refusal::not_found)?;
    all.remove(at);
    Ok(Answer::Nothing)
}
