//! Channels by their names, as people who write rules call them: `#dev-team`.
//!
//! Slack posts to a channel by its id alone in the long run, and reads its history by nothing else; so a name is looked
//! up among the channels in which the bot is. What was found is kept in memory, within bounds; a channel that is renamed
//! keeps its id, and goes by its old name here until the next start.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::answers::next_page;
use super::chats::team;
use super::client::Client;
use crate::channels::DeliverError;
use crate::domain::event::Address;

/// As many names are remembered; then it begins anew, with a call for each that is looked for.
const MOST_NAMES: usize = 5_000;
/// Pages of channels that are looked through for one of them.
const MOST_PAGES: usize = 20;
/// The kinds of places that have names.
const NAMED: &str = "public_channel,private_channel";

/// Names that were found, by workspace.
#[derive(Default)]
pub(super) struct Names {
    found: Mutex<HashMap<(String, String), String>>,
}

/// The name in an address whose place is one.
fn name(to: &Address) -> Option<&str> {
    to.place.strip_prefix('#')
}

impl Names {
    /// The address with the id of its place; the same where that is no name.
    pub(super) async fn with_id(&self, client: &Client, to: &Address) -> Result<Address, DeliverError> {
        let Some(name) = name(to) else { return Ok(to.clone()) };
        let place = self.id_of(client, to, name).await?;
        Ok(Address { place, ..to.clone() })
    }

    async fn id_of(&self, client: &Client, to: &Address, name: &str) -> Result<String, DeliverError> {
        let key = (to.installation.clone(), name.to_lowercase());
        if let Some(id) = self.found.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(id.clone());
        }
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = client.places(NAMED, team(to), cursor.as_deref()).await?;
            let is_it = |named: &Option<String>| named.as_deref().is_some_and(|other| other.to_lowercase() == key.1);
            if let Some(place) = page.channels.into_iter().find(|place| is_it(&place.name)) {
                let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                if found.len() >= MOST_NAMES {
                    found.clear();
                }
                found.insert(key, place.id.clone());
                return Ok(place.id);
            }
            cursor = next_page(page.response_metadata);
            if cursor.is_none() {
                break;
            }
        }
        let reason = format!("the bot is in no channel #{name}: invite it there, or name another channel");
        Err(DeliverError::Rejected { reason })
    }
}
