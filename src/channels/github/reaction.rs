//! The reaction by which a comment shows how far its commands are.
//!
//! Owns which of GitHub's reactions says what. What a text is called stands in `Address::request`.
//! Reactions: docs.github.com/rest/reactions/reactions.

use serde_json::json;

use crate::domain::event::{Address, ChannelName};
use crate::domain::outcome::Call;

/// The operation that sets a reaction.
pub const OPERATION: &str = "github.react";

/// How far a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It was seen.
    Seen,
    /// It was done.
    Done,
    /// It was refused, or has failed.
    Refused,
}

/// What shows it below the text that asked; nothing where that is on another platform, or is a review, to which GitHub
/// takes no reactions.
#[must_use]
pub fn shown(asked_at: &Address, progress: Progress) -> Option<Call> {
    let subject = asked_at.request.as_deref().filter(|_| asked_at.channel == ChannelName::GitHub)?;
    if subject.starts_with("review/") {
        return None;
    }
    let content = match progress {
        Progress::Seen => "eyes",
        Progress::Done => "rocket",
        Progress::Refused => "confused",
    };
    let args = json!({ "subject": subject, "content": content });
    Some(Call { to: asked_at.lasting(), operation: OPERATION.to_owned(), args, terms: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_takes_reactions_gets_one() {
        let at = |channel, request: Option<&str>| Address {
            request: request.map(str::to_owned),
            ..Address::at(channel, "1", "acme/shop")
        };
        let call = shown(&at(ChannelName::GitHub, Some("issue_comment/7")), Progress::Done).unwrap();
        assert_eq!(call.args, json!({"subject": "issue_comment/7", "content": "rocket"}));
        for elsewhere in [
            at(ChannelName::GitHub, None),
            at(ChannelName::GitHub, Some("review/7")),
            at(ChannelName::Slack, Some("1.2")),
        ] {
            assert_eq!(shown(&elsewhere, Progress::Seen), None);
        }
    }
}
