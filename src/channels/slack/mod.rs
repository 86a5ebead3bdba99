//! Slack.

/// What it is.
pub const ABOUT: &str = "Slack workspaces: /ai-crm, mentions, direct messages and buttons";
/// How to turn it on.
pub const TURN_ON: &str = "set SLACK_SIGNING_SECRET and SLACK_BOT_TOKEN";
