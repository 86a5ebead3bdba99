//! A user as `users.info` shows it → name and standing.

use super::answers::User;
use crate::domain::principal::Standing;

/// Slackbot has the same id in every workspace, and is not marked as a bot.
const SLACKBOT: &str = "USLACKBOT";

/// The name by which people know somebody.
pub(super) fn display_name(user: &User) -> String {
    let names = [
        user.profile.display_name.as_deref(),
        user.profile.real_name.as_deref(),
        user.real_name.as_deref(),
        user.name.as_deref(),
    ];
    names.into_iter().flatten().map(str::trim).find(|name| !name.is_empty()).unwrap_or(&user.id).to_owned()
}

/// How somebody belongs to the workspace from which they are seen.
pub(super) fn standing(user: &User, installation: &str) -> Standing {
    let in_organisation = user.enterprise_user.as_ref().is_some_and(|enterprise| {
        enterprise.enterprise_id.as_deref() == Some(installation)
            || enterprise.teams.iter().any(|team| team == installation)
    });
    // People from shared channels are marked as strangers also where the team is not said.
    let at_home = user.team_id.as_deref().is_none_or(|team| team == installation) || in_organisation;
    if user.deleted {
        Standing::Deactivated
    } else if user.is_bot || user.is_workflow_bot || user.id == SLACKBOT {
        Standing::Bot
    } else if user.is_stranger || !at_home {
        Standing::Stranger
    } else if user.is_restricted || user.is_ultra_restricted {
        Standing::Guest
    } else {
        Standing::Member
    }
}
