//! `[people]`: who answers for the installation, and groups for policies.
//!
//! Owns the notation `platform:workspace/user`. Who a person is stands in `actors/` and `domain/`. A new
//! key is a field here and a line in `config/default.toml`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::domain::event::{ChannelName, PlatformUser};

/// The section `[people]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// Those who answer for the installation.
    #[serde(deserialize_with = "users")]
    pub owners: Vec<PlatformUser>,
    /// Owners are not told sooner of further troubles, in seconds.
    pub alert_pause_s: u64,
    /// Members of each group.
    #[serde(deserialize_with = "groups")]
    pub groups: BTreeMap<String, Vec<PlatformUser>>,
}

impl People {
    /// Whether the operator names the user as an owner.
    #[must_use]
    pub fn is_owner(&self, user: &PlatformUser) -> bool {
        self.owners.contains(user)
    }

    /// Owners are not told sooner of further troubles.
    #[must_use]
    pub fn alert_pause(&self) -> Duration {
        Duration::from_secs(self.alert_pause_s)
    }

    /// Groups of which the user is a member, in the order of their names.
    #[must_use]
    pub fn groups_of(&self, user: &PlatformUser) -> Vec<&str> {
        let member = self.groups.iter().filter(|(_, members)| members.contains(user));
        member.map(|(name, _)| name.as_str()).collect()
    }
}

/// Channels whose users an operator can name.
fn nameable() -> impl Iterator<Item = ChannelName> {
    ChannelName::OF_PEOPLE.into_iter().chain([ChannelName::Api])
}

/// Reads `slack:T1/U1`, and `slack/T1/U1`, which people write as well.
#[must_use]
pub fn user(text: &str) -> Option<PlatformUser> {
    let (channel, rest) = text.trim().split_once([':', '/'])?;
    let (realm, id) = rest.split_once('/')?;
    let channel = nameable().find(|name| name.as_str() == channel)?;
    let fits = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '/');
    (fits(realm) && fits(id)).then(|| PlatformUser { channel, realm: realm.to_owned(), id: id.to_owned() })
}

fn read_all<E: de::Error>(texts: &[String]) -> Result<Vec<PlatformUser>, E> {
    let one = |(index, text): (usize, &String)| {
        user(text).ok_or_else(|| {
            E::custom(format!(
                "entry {} is no user; expected platform:workspace/user, such as slack:T024BE7LD/U024BE7LH",
                index + 1
            ))
        })
    };
    texts.iter().enumerate().map(one).collect()
}

fn users<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PlatformUser>, D::Error> {
    read_all(&Vec::deserialize(deserializer)?)
}

/// A list of users in a map, so that an error carries the name of its group.
struct Members(Vec<PlatformUser>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        users(deserializer).map(Self)
    }
}

fn groups<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Vec<PlatformUser>>, D::Error> {
    let read = BTreeMap::<String, Members>::deserialize(deserializer)?;
    Ok(read.into_iter().map(|(name, Members(members))| (name, members)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_in_both_notations() {
        let table = [
            ("slack:T1/U1", Some((ChannelName::Slack, "T1", "U1"))),
            ("slack/T1/U1", Some((ChannelName::Slack, "T1", "U1"))),
            ("terminal:host/ann", Some((ChannelName::Terminal, "host", "ann"))),
            ("slack:T1", None),
            ("slack:T1/U1/x", None),
            ("slack:/U1", None),
            ("internal:a/b", None),
            ("U1", None),
            ("", None),
        ];
        for (text, expected) in table {
            let read = user(text);
            let parts = read.as_ref().map(|user| (user.channel, user.realm.as_str(), user.id.as_str()));
            assert_eq!(parts, expected, "{text}");
        }
    }

    #[test]
    fn people_know_their_groups() {
        let people: People = toml::from_str(
            "owners = ['slack:T1/U1']\nalert_pause_s = 900\n[groups]\na = ['slack:T1/U1', 'slack:T1/U2']\nb = ['slack:T1/U2']",
        )
        .unwrap();
        let (one, two) = (user("slack:T1/U1").unwrap(), user("slack:T1/U2").unwrap());
        assert!(people.is_owner(&one) && !people.is_owner(&two));
        assert_eq!(people.groups_of(&one), ["a"]);
        assert_eq!(people.groups_of(&two), ["a", "b"]);
    }
}
