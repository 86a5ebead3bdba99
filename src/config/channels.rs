//! `[channels]`: the platforms. The keys of each stand in its file, what turns one on is judged in `enabled.rs`. A new
//! platform is a file, and a field in [`Channels`].

use serde::Deserialize;

use crate::config::github::GitHubSettings;
use crate::config::slack::SlackSettings;
use crate::config::teams::TeamsSettings;

/// The section `[channels]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channels {
    /// Slack workspaces.
    pub slack: SlackSettings,
    /// Microsoft Teams.
    pub teams: TeamsSettings,
    /// GitHub.
    pub github: GitHubSettings,
    /// The `chat` command.
    pub terminal: TerminalSettings,
}

/// The section `[channels.terminal]`, which has no keys: who can run the command is let in by the rights
/// of the data folder or by the admin token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TerminalSettings {}
