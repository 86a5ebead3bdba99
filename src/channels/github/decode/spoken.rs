//! What somebody has written: the body of an issue or a pull request, a comment, a review; and the commands in it.
//!
//! Owns which events tell of a text, and by which key a command is known again: the text's id, the command's words, and
//! which one of those with these words it is. So each is carried out once, however often its text is told of, and one
//! that is added by an edit is carried out then. A line that stood in somebody else's text before, in whatever form, is no
//! wish of whoever edits that. What is a command stands in `commands.rs`.

use std::collections::HashMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Body, Identified, Me, read};
use crate::channels::github::commands::{Commands, Found, commands};
use crate::channels::github::markdown::marked;
use crate::domain::event::{Address, Asked, EventKind, Incoming};
use crate::domain::sync::issue;

/// A text that somebody has written just now.
pub(super) struct Text {
    /// What it is, as reactions name it: `issue`, `issue_comment/7`.
    pub(super) subject: String,
    body: String,
    /// What stood there before it was edited. That was told of by another event, as its author's.
    before: Option<String>,
    /// Whether somebody else than its author has edited it.
    is_anothers: bool,
}

/// The commands of a text.
#[derive(Default)]
pub(super) struct Said {
    subject: String,
    new: Vec<Keyed>,
    left: usize,
}

/// A command and what it is known by in its text.
struct Keyed {
    line: String,
    quoted: String,
    key: String,
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    performed_via_github_app: Option<Identified>,
    #[serde(default)]
    user: Option<Identified>,
}

#[derive(Deserialize)]
struct Changes {
    #[serde(default)]
    body: Option<Changed>,
}

#[derive(Deserialize)]
struct Changed {
    #[serde(default)]
    from: Option<String>,
}

/// The text that an event tells of; none where the bot wrote it.
pub(super) fn text(event: &str, action: Option<&str>, fields: &Body<'_>, me: &Me) -> Option<Text> {
    let is_edited = action == Some("edited");
    let (field, kind) = match (event, action?) {
        ("issues", "opened" | "edited") => (fields.issue, None),
        ("pull_request", "opened" | "edited") => (fields.pull_request, None),
        ("issue_comment", "created" | "edited") => (fields.comment, Some("issue_comment")),
        ("pull_request_review_comment", "created" | "edited") => (fields.comment, Some("review_comment")),
        ("pull_request_review", "submitted" | "edited") => (fields.review, Some("review")),
        _ => return None,
    };
    let subject = match kind {
        Some(kind) => format!("{kind}/{}", read::<Identified>(field)?.id),
        None => "issue".to_owned(),
    };
    let Written { body, performed_via_github_app, user } = read(field)?;
    let body = body.unwrap_or_default();
    let is_ours =
        performed_via_github_app.zip(me.app_id).is_some_and(|(by, own)| by.id == own) || marked(&body).is_some();
    if is_ours {
        return None;
    }
    let changed = read::<Changes>(fields.changes).and_then(|changes| changes.body);
    // Where the text was not edited but something else of it, all of it was there before.
    let before = match changed {
        Some(changed) => changed.from,
        None => Some(body.clone()),
    };
    let by = read::<Identified>(fields.sender);
    let is_anothers = user.zip(by).is_none_or(|(author, by)| author.id != by.id);
    Some(Text { subject, before: before.filter(|_| is_edited), body, is_anothers })
}

impl Text {
    /// What is asked in it that was not asked before it was edited.
    pub(super) fn commands(self, slug: &str) -> Said {
        let Commands { found, left, .. } = commands(&self.body, slug);
        let text_before = self.before.unwrap_or_default();
        let before = keyed(commands(&text_before, slug));
        let stood_there = |command: &Keyed| self.is_anothers && text_before.contains(command.quoted.trim());
        let mut new = keyed(Commands { found, left: 0, is_cut: false });
        new.retain(|command| !stood_there(command) && before.iter().all(|other| other.key != command.key));
        Said { subject: self.subject, new, left }
    }
}

fn keyed(commands: Commands) -> Vec<Keyed> {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let of = |found: Found| {
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(found.line.as_bytes())[..12]);
        let nth = seen.entry(digest.clone()).or_default();
        *nth += 1;
        Keyed { key: format!("{digest}.{nth}"), line: found.line, quoted: found.quoted }
    };
    commands.found.into_iter().map(of).collect()
}

impl Said {
    /// How much is asked.
    pub(super) fn asked(&self) -> Asked {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Asked { commands: count(self.new.len()), left: count(self.left) }
    }

    /// The commands as events of their own, beside the one that tells of the text.
    pub(super) fn events(self, told: &Incoming) -> Vec<Incoming> {
        let Some(reply) = &told.reply else { return Vec::new() };
        let lane = &told.lane.0;
        let subject = &self.subject;
        let below = match self.new.is_empty() {
            true => bytes::Bytes::new(),
            false => issue::read(&told.raw).map(|it| it.excerpt()).unwrap_or_default().into(),
        };
        let event = |command: Keyed| Incoming {
            dedupe: vec![format!("github:command:{lane}:{subject}:{}", command.key)],
            reply: Some(Address { quotes: Some(command.quoted), ..reply.clone() }),
            kind: EventKind::Command { line: command.line },
            // The text stands in the event that tells of it. What is made by the command may be kept the same with the
            // issue.
            raw: below.clone(),
            ..told.clone()
        };
        self.new.into_iter().map(event).collect()
    }
}
