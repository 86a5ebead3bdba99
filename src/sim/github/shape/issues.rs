//! Issues, pull requests, comments, reviews and reactions as GitHub's JSON.

use serde_json::{Value, json};

use super::super::happens::code;
use super::super::issue::{Comment, Issue, Pull, Reaction, Review};
use super::super::repository::Repository;
use super::super::state::State;
use super::{account, association, label, milestone, node, reactions, repository, team, time, via};

/// The labels, the assignees and the milestone, which an issue and a pull request have alike.
fn common(state: &State, of: &Repository, issue: &Issue) -> Value {
    let labels = issue.labels.iter().filter_map(|name| of.label(name)).map(|one| label(state, of, one));
    let assignees: Vec<Value> = issue.assignees.iter().map(|id| account(state, *id)).collect();
    let of_number = of.milestones.iter().find(|milestone| Some(milestone.number) == issue.milestone);
    json!({
        "number": issue.number, "title": issue.title, "body": issue.body, "user": account(state, issue.user),
        "state": if issue.open { "open" } else { "closed" }, "locked": issue.locked, "active_lock_reason": null,
        "labels": labels.collect::<Vec<_>>(), "assignee": assignees.first(), "assignees": assignees,
        "milestone": of_number.map(|one| milestone(state, of, one)),
        "author_association": association(state, of, issue.user), "created_at": time(issue.created_at),
        "updated_at": time(issue.updated_at), "closed_at": issue.closed_at.map(time),
    })
}

fn overlay(under: &mut Value, over: Value) {
    if let (Value::Object(under), Value::Object(over)) = (under, over) {
        under.extend(over);
    }
}

/// An issue; of a pull request what it has as an issue.
pub(in super::super) fn issue(state: &State, of: &Repository, issue: &Issue) -> Value {
    let (base, name, number) = (&state.base_url, &of.full_name, issue.number);
    let url = format!("{base}/repos/{name}/issues/{number}");
    let kind = if issue.pull.is_some() { "pull" } else { "issues" };
    let comments = of.comments.values().filter(|comment| comment.issue == number && comment.line.is_none());
    let mut shown = common(state, of, issue);
    let own = json!({
        "id": issue.id, "node_id": node("Issue", issue.id), "url": url, "repository_url": format!("{base}/repos/{name}"),
        "labels_url": format!("{url}/labels{{/name}}"), "comments_url": format!("{url}/comments"),
        "events_url": format!("{url}/events"), "timeline_url": format!("{url}/timeline"),
        "html_url": format!("{base}/{name}/{kind}/{number}"), "comments": comments.count(),
        "closed_by": issue.closed_by.map(|id| account(state, id)), "reactions": reactions(&url, &issue.reactions),
        "performed_via_github_app": via(state, issue.via_app), "state_reason": issue.state_reason,
    });
    overlay(&mut shown, own);
    if let Some(pull) = &issue.pull {
        let page = format!("{base}/{name}/pull/{number}");
        shown["draft"] = json!(pull.draft);
        shown["pull_request"] = json!({
            "url": format!("{base}/repos/{name}/pulls/{number}"), "html_url": page, "diff_url": format!("{page}.diff"),
            "patch_url": format!("{page}.patch"), "merged_at": pull.merged_at.map(time),
        });
    }
    shown
}

/// A pull request.
pub(in super::super) fn pull(state: &State, of: &Repository, issue: &Issue, pull: &Pull) -> Value {
    let (base, name, number) = (&state.base_url, &of.full_name, issue.number);
    let (url, page) = (format!("{base}/repos/{name}/pulls/{number}"), format!("{base}/{name}/pull/{number}"));
    let at_issue = format!("{base}/repos/{name}/issues/{number}");
    let branch = |branch: &str, sha: &str| {
        let label = format!("{}:{branch}", of.owner_login());
        json!({
            "label": label, "ref": branch, "sha": sha, "user": account(state, of.owner), "repo": repository(state, of),
        })
    };
    let changed = code::changed(state, of, pull);
    let sum = |field: &str| changed.iter().filter_map(|file| file[field].as_u64()).sum::<u64>();
    let of_issue = |comment: &&Comment| comment.issue == number;
    let (on_lines, below): (Vec<_>, Vec<_>) =
        of.comments.values().filter(of_issue).partition(|comment| comment.line.is_some());
    let mut shown = common(state, of, issue);
    let own = json!({
        "id": pull.id, "node_id": node("PullRequest", pull.id), "url": url, "html_url": page,
        "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"), "issue_url": at_issue,
        "commits_url": format!("{url}/commits"), "review_comments_url": format!("{url}/comments"),
        "review_comment_url": format!("{base}/repos/{name}/pulls/comments{{/number}}"),
        "comments_url": format!("{at_issue}/comments"),
        "statuses_url": format!("{base}/repos/{name}/statuses/{}", pull.head_sha),
        "merged_at": pull.merged_at.map(time), "merge_commit_sha": pull.merged_at.map(|_| &pull.head_sha),
        "requested_reviewers": pull.reviewers.iter().map(|id| account(state, *id)).collect::<Vec<_>>(),
        "requested_teams": pull.teams.iter().map(|slug| team(state, slug)).collect::<Vec<_>>(), "draft": pull.draft,
        "head": branch(&pull.head, &pull.head_sha), "base": branch(&pull.base, &pull.base_sha), "auto_merge": null,
        "merged": pull.merged_at.is_some(), "mergeable": true, "rebaseable": true, "mergeable_state": "clean",
        "merged_by": pull.merged_by.map(|id| account(state, id)), "comments": below.len(),
        "review_comments": on_lines.len(), "maintainer_can_modify": false, "commits": 1, "additions": sum("additions"),
        "deletions": sum("deletions"), "changed_files": changed.len(),
    });
    overlay(&mut shown, own);
    let links = [
        ("self", &url),
        ("html", &page),
        ("issue", &at_issue),
        ("comments", &format!("{at_issue}/comments")),
        ("review_comments", &format!("{url}/comments")),
    ];
    shown["_links"] = links.iter().map(|(name, url)| ((*name).to_owned(), json!({ "href": url }))).collect();
    shown
}

/// A comment below an issue, or on a line of a pull request.
pub(in super::super) fn comment(state: &State, of: &Repository, comment: &Comment) -> Value {
    let (base, name, id) = (&state.base_url, &of.full_name, comment.id);
    let mut shown = json!({
        "id": id, "body": comment.body, "user": account(state, comment.user), "created_at": time(comment.created_at),
        "updated_at": time(comment.updated_at), "author_association": association(state, of, comment.user),
    });
    let own = match &comment.line {
        None => {
            let issue = of.issues.get(&comment.issue);
            let kind = if issue.is_some_and(|issue| issue.pull.is_some()) { "pull" } else { "issues" };
            let url = format!("{base}/repos/{name}/issues/comments/{id}");
            json!({
                "node_id": node("IssueComment", id), "reactions": reactions(&url, &comment.reactions), "url": url,
                "html_url": format!("{base}/{name}/{kind}/{}#issuecomment-{id}", comment.issue),
                "issue_url": format!("{base}/repos/{name}/issues/{}", comment.issue),
                "performed_via_github_app": via(state, comment.via_app),
            })
        }
        Some(line) => {
            let url = format!("{base}/repos/{name}/pulls/comments/{id}");
            let pull = format!("{base}/repos/{name}/pulls/{}", comment.issue);
            json!({
                "node_id": node("PullRequestReviewComment", id), "reactions": reactions(&url, &comment.reactions),
                "html_url": format!("{base}/{name}/pull/{}#discussion_r{id}", comment.issue), "pull_request_url": pull,
                "pull_request_review_id": line.review, "path": line.path, "line": line.line, "position": line.line,
                "original_line": line.line, "original_position": line.line, "side": "RIGHT", "start_line": null,
                "original_start_line": null, "start_side": null, "commit_id": line.commit,
                "original_commit_id": line.commit, "diff_hunk": "@@ -1 +1 @@", "subject_type": "line",
                "_links": { "self": { "href": url }, "pull_request": { "href": pull } }, "url": url,
            })
        }
    };
    overlay(&mut shown, own);
    shown
}

/// A review. Its state is written small in webhooks, and large in the API.
pub(in super::super) fn review(state: &State, of: &Repository, number: u64, review: &Review) -> Value {
    let (base, name) = (&state.base_url, &of.full_name);
    let page = format!("{base}/{name}/pull/{number}#pullrequestreview-{}", review.id);
    let pull = format!("{base}/repos/{name}/pulls/{number}");
    json!({
        "id": review.id, "node_id": node("PullRequestReview", review.id), "user": account(state, review.user),
        "body": review.body, "state": review.state, "html_url": page, "pull_request_url": pull,
        "author_association": association(state, of, review.user), "commit_id": review.commit,
        "submitted_at": time(review.submitted_at),
        "_links": { "html": { "href": page }, "pull_request": { "href": pull } },
    })
}

/// A reaction.
pub(in super::super) fn reaction(state: &State, reaction: &Reaction) -> Value {
    json!({
        "id": reaction.id, "node_id": node("Reaction", reaction.id), "user": account(state, reaction.user),
        "content": reaction.content, "created_at": time(reaction.created_at),
    })
}
