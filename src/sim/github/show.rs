//! An issue or a pull request as a person would see it, as text for a terminal.
//!
//! Of Markdown it hides what GitHub hides, HTML comments, and shows what is folded with its summary; the rest stays as it
//! was typed. It returns text and prints nothing.

use super::super::layout;
use super::account::Kind;
use super::happens::code;
use super::issue::{Comment, Issue, Pull, REACTIONS, Reaction};
use super::repository::Repository;
use super::shape::login;
use super::state::State;
use super::world::GitHubWorld;

/// Columns that a text has at least.
const NARROWEST: usize = 20;

impl GitHubWorld {
    /// An issue or a pull request with its comments. `None` where there is none.
    #[must_use]
    pub fn show(&self, repository: &str, number: u64, width: usize) -> Option<String> {
        let state = self.state();
        let of = state.repository_called(repository)?;
        let issue = of.issues.get(&number)?;
        let mut lines = head(&state, of, issue, width);
        for comment in of.comments.values().filter(|comment| comment.issue == number) {
            lines.push(String::new());
            lines.push(comment_text(&state, comment, width));
        }
        Some(lines.join("\n"))
    }
}

/// A comment with its author and its reactions.
pub(super) fn comment_text(state: &State, comment: &Comment, width: usize) -> String {
    let mut line = format!("{}  comment {}", who(state, comment.user), comment.id);
    if let Some(at) = &comment.line {
        line.push_str(&format!("  on {} line {}", at.path, at.line));
    }
    if comment.is_edited() {
        line.push_str("  (edited)");
    }
    let mut lines = vec![line];
    lines.extend(body(&comment.body, width));
    lines.extend(reacted(state, &comment.reactions));
    lines.join("\n")
}

/// An issue without its comments.
pub(super) fn head_text(state: &State, of: &Repository, issue: &Issue, width: usize) -> String {
    head(state, of, issue, width).join("\n")
}

fn head(state: &State, of: &Repository, issue: &Issue, width: usize) -> Vec<String> {
    let kind = if issue.pull.is_some() { "pull request" } else { "issue" };
    let title = format!("{} #{}  {}", of.full_name, issue.number, issue.title);
    let merged = issue.pull.as_ref().is_some_and(|pull| pull.merged_at.is_some());
    let standing = match (issue.open, &issue.state_reason) {
        _ if merged => "merged".to_owned(),
        (true, _) => "open".to_owned(),
        (false, Some(reason)) => format!("closed as {}", reason.replace('_', " ")),
        (false, None) => "closed".to_owned(),
    };
    let mut lines = vec![title.clone(), layout::underline(&title, width)];
    lines.push(format!("{standing}, {kind} of {}", who(state, issue.user)));
    let people = |ids: &[u64]| ids.iter().map(|id| login(state, *id)).collect::<Vec<_>>().join(", ");
    let milestone = of.milestones.iter().find(|one| Some(one.number) == issue.milestone);
    let facts = [
        ("labels", issue.labels.join(", ")),
        ("assigned", people(&issue.assignees)),
        ("milestone", milestone.map(|one| one.title.clone()).unwrap_or_default()),
    ];
    lines.extend(facts.iter().filter(|(_, said)| !said.is_empty()).map(|(what, said)| format!("{what}: {said}")));
    if issue.locked {
        lines.push("locked: only collaborators comment".to_owned());
    }
    if let Some(pull) = &issue.pull {
        lines.extend(of_pull(state, of, pull));
    }
    lines.extend(body(issue.body.as_deref().unwrap_or_default(), width));
    lines.extend(reacted(state, &issue.reactions));
    lines
}

/// The branches, the files, the reviews and the checks of a pull request.
fn of_pull(state: &State, of: &Repository, pull: &Pull) -> Vec<String> {
    let mut lines = vec![format!("{} into {}", pull.head, pull.base)];
    for file in code::changed(state, of, pull) {
        let text = |field: &str| file[field].as_str().unwrap_or_default().to_owned();
        lines.push(format!("  {} {}", text("status"), text("filename")));
    }
    let asked = pull.reviewers.iter().map(|id| login(state, *id)).chain(pull.teams.iter().cloned());
    let asked: Vec<String> = asked.collect();
    if !asked.is_empty() {
        lines.push(format!("asked for a review: {}", asked.join(", ")));
    }
    for review in &pull.reviews {
        let said = review.body.as_deref().unwrap_or_default();
        lines.push(
            format!("{} {} {said}", who(state, review.user), review.state.replace('_', " ")).trim_end().to_owned(),
        );
    }
    for run in of.check_runs.values().filter(|run| run.head_sha == pull.head_sha) {
        let end = run.conclusion.as_deref().unwrap_or(&run.status);
        let title = run.output["title"].as_str().unwrap_or_default();
        lines.push(format!("check {}: {end} {title}", run.name).trim_end().to_owned());
        for note in &run.annotations {
            let text = |field: &str| note[field].as_str().unwrap_or_default().to_owned();
            lines.push(format!(
                "  {}:{} {}: {}",
                text("path"),
                note["start_line"],
                text("annotation_level"),
                text("message")
            ));
        }
    }
    let of_head = of.statuses.iter().filter(|status| status.sha == pull.head_sha);
    lines.extend(of_head.map(|status| {
        let about = status.description.as_deref().unwrap_or_default();
        format!("status {}: {} {about}", status.context, status.state).trim_end().to_owned()
    }));
    lines
}

fn who(state: &State, id: u64) -> String {
    let is_bot = state.accounts.get(&id).is_some_and(|account| account.kind == Kind::Bot);
    let name = login(state, id);
    if is_bot { format!("{}  bot", name.trim_end_matches("[bot]")) } else { name }
}

fn reacted(state: &State, reactions: &[Reaction]) -> Option<String> {
    let of = |content: &&str| reactions.iter().filter(|one| one.content == *content).collect::<Vec<_>>();
    let all = REACTIONS.iter().map(|content| (content, of(content))).filter(|(_, of)| !of.is_empty());
    let all: Vec<String> = all
        .map(|(content, of)| {
            let people: Vec<String> = of.iter().map(|one| login(state, one.user)).collect();
            format!("{content} by {}", people.join(", "))
        })
        .collect();
    (!all.is_empty()).then(|| format!("  ({})", all.join("; ")))
}

/// A text as it is seen, indented and wrapped.
fn body(text: &str, width: usize) -> Vec<String> {
    let seen = seen(text);
    let wrapped = layout::wrap(seen.trim_matches('\n'), width.saturating_sub(2).max(NARROWEST));
    wrapped.into_iter().map(|line| format!("  {line}").trim_end().to_owned()).collect()
}

/// Leaves out HTML comments, but for those in code, and the tags that fold.
fn seen(text: &str) -> String {
    let (mut shown, mut fence, mut hidden) = (String::new(), None::<String>, false);
    for line in text.lines() {
        let begins = line.trim_start();
        let mark: String = begins.chars().take_while(|letter| matches!(letter, '`' | '~')).collect();
        let is_fence = mark.len() >= 3 && !hidden;
        if let Some(open) = &fence {
            let ends = is_fence && mark.starts_with(open.as_str()) && begins.trim_end() == mark;
            shown.push_str(line);
            shown.push('\n');
            if ends {
                fence = None;
            }
            continue;
        }
        if is_fence {
            fence = Some(mark);
        }
        let mut kept = String::new();
        let mut rest = line;
        loop {
            let (mark, skipped) = if hidden { ("-->", "") } else { ("<!--", rest) };
            match rest.find(mark) {
                Some(at) => {
                    kept.push_str(skipped.get(..at).unwrap_or_default());
                    rest = &rest[at + mark.len()..];
                    hidden = !hidden;
                }
                None => {
                    kept.push_str(skipped);
                    break;
                }
            }
        }
        let unfolded = kept.replace("<details>", "").replace("</details>", "").replace("<summary>", "▸ ");
        let unfolded = unfolded.replace("</summary>", "");
        // A line of which nothing is seen leaves none.
        if !unfolded.trim().is_empty() || line.trim().is_empty() {
            shown.push_str(&unfolded);
            shown.push('\n');
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_github_hides_is_not_seen_and_code_is() {
        for (text, expected) in [
            ("<!-- ai-crm:1 -->\nhello", "hello\n"),
            ("a <!-- b --> c<!-- d\ne -->f", "a  c\nf\n"),
            ("```\n<!-- seen -->\n```\nafter", "```\n<!-- seen -->\n```\nafter\n"),
            ("~~~~\n<!-- seen -->\n~~~\n~~~~\n<!-- not -->", "~~~~\n<!-- seen -->\n~~~\n~~~~\n"),
            ("<details><summary>More</summary>\n\nwithin\n</details>", "▸ More\n\nwithin\n"),
            ("never ends <!-- so", "never ends \n"),
            ("--> is text", "--> is text\n"),
            ("", ""),
        ] {
            assert_eq!(seen(text), expected, "{text}");
        }
    }
}
