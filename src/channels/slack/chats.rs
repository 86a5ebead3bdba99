//! The chats that people have with the bot alone, by the person.
//!
//! A message is posted to such a chat by its id or by the person's: "Post to a DM" under "Channels" in
//! docs.slack.dev/reference/methods/chat.scheduleMessage, which shares that section with chat.postMessage. Its history is
//! read by its own id alone, which the answer to a post names, and `users.conversations` lists. What either has said is
//! kept in memory, within bounds, until Slack knows no such chat.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::answers::next_page;
use super::client::Client;
use crate::channels::DeliverError;
use crate::domain::event::Address;

/// As many chats are remembered, some 100 bytes each; then it begins anew, with a call for each that is looked for.
const MOST_CHATS: usize = 20_000;
/// Pages of chats that are looked through for one of them.
const MOST_PAGES: usize = 10;
/// How Slack says that there is no such chat (docs.slack.dev/reference/methods/conversations.history).
const NO_CHAT: &str = "channel_not_found";

/// What is known of the chat that a person has with the bot alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chat {
    /// Its id.
    Known(String),
    /// There is none, so nothing was ever posted there.
    None,
    /// It may be beyond those that were listed.
    Unknown,
}

/// Chats that were found, by workspace and person.
#[derive(Default)]
pub(super) struct Chats {
    found: Mutex<HashMap<(String, String), String>>,
}

/// Whether Slack knows no such chat.
pub(super) fn is_gone(error: &DeliverError) -> bool {
    matches!(error, DeliverError::Rejected { reason } if reason == NO_CHAT)
}

/// The team for whose conversations the token of an organisation is used; without one there is no need to say.
pub(super) fn team(to: &Address) -> Option<&str> {
    to.organisation.as_ref().map(|_| to.installation.as_str()).filter(|id| id.starts_with('T'))
}

fn key(to: &Address) -> (String, String) {
    (to.installation.clone(), to.place.clone())
}

impl Chats {
    fn found(&self) -> MutexGuard<'_, HashMap<(String, String), String>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers which chat it is; nothing where the place is no person.
    pub(super) fn learn(&self, to: &Address, chat: Option<&str>) {
        let Some(chat) = chat.filter(|_| to.is_in_person()) else { return };
        let mut found = self.found();
        if found.len() >= MOST_CHATS {
            found.clear();
        }
        found.insert(key(to), chat.to_owned());
    }

    /// Forgets it; says whether it was known.
    pub(super) fn forget(&self, to: &Address) -> bool {
        self.found().remove(&key(to)).is_some()
    }

    /// The chat of an address whose place is a person: as it is remembered, or else as Slack lists it.
    pub(super) async fn of(&self, client: &Client, to: &Address) -> Result<Chat, DeliverError> {
        if let Some(chat) = self.found().get(&key(to)) {
            return Ok(Chat::Known(chat.clone()));
        }
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = client.places("im", team(to), cursor.as_deref()).await?;
            if let Some(chat) = page.channels.into_iter().find(|chat| chat.user.as_deref() == Some(&to.place)) {
                self.learn(to, Some(&chat.id));
                return Ok(Chat::Known(chat.id));
            }
            cursor = next_page(page.response_metadata);
            if cursor.is_none() {
                return Ok(Chat::None);
            }
        }
        Ok(Chat::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::ChannelName;

    fn chat_of(person: &str, organisation: Option<&str>) -> Address {
        Address {
            organisation: organisation.map(str::to_owned),
            alone: true,
            person: Some(person.to_owned()),
            ..Address::at(ChannelName::Slack, "T1", person)
        }
    }

    #[tokio::test]
    async fn what_is_known_is_not_asked_for_and_is_forgotten_once() {
        let nobody = Client::new("http://127.0.0.1:1/", &crate::domain::secret::Secret::new("x")).unwrap();
        let (chats, to) = (Chats::default(), chat_of("U1", None));
        assert!(chats.of(&nobody, &to).await.is_err(), "slack is asked");
        chats.learn(&to, Some("D1"));
        assert_eq!(chats.of(&nobody, &to).await, Ok(Chat::Known("D1".to_owned())));
        let elsewhere = Address { installation: "T2".to_owned(), ..to.clone() };
        assert!(chats.of(&nobody, &elsewhere).await.is_err(), "each workspace has its own");
        assert!(chats.forget(&to) && !chats.forget(&to));
        chats.learn(&Address { place: "C1".to_owned(), ..to.clone() }, Some("C1"));
        assert!(chats.found().is_empty(), "a channel is no chat");
    }

    #[test]
    fn memory_is_bounded() {
        let chats = Chats::default();
        for number in 0..=MOST_CHATS {
            chats.learn(&chat_of(&format!("U{number}"), None), Some("D1"));
        }
        assert_eq!(chats.found().len(), 1);
    }

    #[test]
    fn the_token_of_an_organisation_says_for_which_team() {
        assert_eq!(team(&chat_of("U1", None)), None);
        assert_eq!(team(&chat_of("U1", Some("E1"))), Some("T1"));
        let whole = Address { installation: "E1".to_owned(), ..chat_of("U1", Some("E1")) };
        assert_eq!(team(&whole), None, "an organisation is no team");
    }
}
