//! People of GitHub: who somebody is, and how they stand in the repository in which they were seen.
//!
//! Somebody stands in each repository as its permissions say. Where the repository is not this team's, nobody stands for
//! anything, whatever they may do there.
//!
//! | permission | private repository | public repository |
//! |---|---|---|
//! | admin, maintain, write, triage | member | member |
//! | read | guest | stranger, as everybody is who has an account |
//! | none | stranger | stranger |
//!
//! Calls: docs.github.com/rest/users/users, "get a user using their ID", and docs.github.com/rest/collaborators/collaborators,
//! "get repository permissions for a user".

use serde::Deserialize;

use super::accounts::{Accounts, Whose};
use super::client::{Ask, Client};
use super::repository::{Repository, part, refused};
use crate::channels::DeliverError;
use crate::domain::event::{Address, PlatformUser};
use crate::domain::principal::{Profile, Standing};

#[derive(Deserialize)]
struct User {
    login: String,
    #[serde(default, rename = "type")]
    kind: String,
    /// A server of one's own shows whom it has suspended.
    #[serde(default)]
    suspended_at: Option<String>,
}

/// The older of the two words knows no `triage` and no `maintain`; the newer one has the name of a role of one's own.
#[derive(Deserialize)]
struct Permission {
    #[serde(default)]
    permission: String,
    #[serde(default)]
    role_name: String,
}

#[derive(Deserialize)]
struct Visibility {
    private: bool,
}

/// What a permission lets somebody do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum May {
    Act,
    Read,
    Nothing,
}

impl Permission {
    fn may(&self) -> May {
        let word = |word: &str| match word {
            "admin" | "maintain" | "write" | "triage" => Some(May::Act),
            "read" => Some(May::Read),
            "none" => Some(May::Nothing),
            _ => None,
        };
        word(&self.role_name).or_else(|| word(&self.permission)).unwrap_or(May::Nothing)
    }
}

/// What GitHub says of a user, seen in a repository; nothing where there is no such user.
pub(super) async fn describe(
    client: &Client,
    accounts: &Accounts,
    user: &PlatformUser,
    seen_in: Option<&Address>,
) -> Result<Option<Profile>, DeliverError> {
    let nowhere = || refused("place", "GitHub describes people in a repository only");
    let seen_in = seen_in.ok_or_else(nowhere)?;
    let repository = Repository::read(&seen_in.place)?;
    let number: u64 = user.id.parse().map_err(|_| refused("user", "it is no number"))?;
    let installation = client.installation_of(seen_in, &repository).await?;
    let answer = client.ask(installation, Ask::get(format!("/user/{number}"))).await?;
    if answer.is_missing() {
        return Ok(None);
    }
    let found: User = answer.into_read()?;
    let standing = standing(client, accounts, installation, &repository, &found).await?;
    Ok(Some(Profile { name: found.login, standing }))
}

async fn standing(
    client: &Client,
    accounts: &Accounts,
    installation: u64,
    repository: &Repository,
    user: &User,
) -> Result<Standing, DeliverError> {
    if user.kind == "Bot" {
        return Ok(Standing::Bot);
    }
    if user.suspended_at.is_some() {
        return Ok(Standing::Deactivated);
    }
    if accounts.whose(Some(repository.owner())) == Whose::Unknown {
        accounts.learn(client.who_we_are().await?.owner.as_deref());
    }
    if accounts.whose(Some(repository.owner())) == Whose::Others {
        return Ok(Standing::Stranger);
    }
    let rest = format!("collaborators/{}/permission", part("user", &user.login)?);
    let permission: Permission = client.ask(installation, Ask::get(repository.path(rest))).await?.into_read()?;
    match permission.may() {
        May::Act => Ok(Standing::Member),
        May::Nothing => Ok(Standing::Stranger),
        May::Read => {
            let answer = client.ask(installation, Ask::get(repository.path(""))).await?;
            let Visibility { private } = answer.into_read()?;
            Ok(if private { Standing::Guest } else { Standing::Stranger })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_word_for_a_permission_is_taken_where_it_is_known() {
        for (permission, role_name, expected) in [
            ("admin", "admin", May::Act),
            ("write", "maintain", May::Act),
            ("read", "triage", May::Act),
            ("read", "read", May::Read),
            ("write", "release crew", May::Act),
            ("read", "readers", May::Read),
            ("none", "", May::Nothing),
            ("", "", May::Nothing),
        ] {
            let permission = Permission { permission: permission.into(), role_name: role_name.into() };
            assert_eq!(permission.may(), expected, "{} {}", permission.permission, permission.role_name);
        }
    }
}
