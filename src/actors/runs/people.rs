//! What is known of the people of an event on other platforms: `pr.author.teams_id`, by the links that they have made.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::domain::event::{ChannelName, Incoming, PlatformUser};
use crate::domain::task::Person;
use crate::store::keyspace::{link, person};
use crate::store::{StoreError, View};
use crate::workflow::context::Told;

/// What is known of each person of an event, by the id on its platform. Whoever has linked nothing is nobody elsewhere.
pub(super) fn known(
    told: &Told,
    channel: ChannelName,
    realm: Option<&str>,
    view: &View,
) -> Result<BTreeMap<String, Map<String, Value>>, StoreError> {
    let mut known = BTreeMap::new();
    let Some(realm) = realm else { return Ok(known) };
    for id in told.person_ids() {
        let user = PlatformUser { channel, realm: realm.to_owned(), id: id.clone() };
        let Some(record) = person::record(view, &user)? else { continue };
        let mut fields = Map::new();
        let first = link::resolve(view, &record.value.principal)?;
        for user in link::links(view, &first)?.iter().flat_map(|links| links.value.users()) {
            match user.channel {
                ChannelName::Slack => drop(fields.insert("slack_id".to_owned(), user.id.clone().into())),
                // Teams knows a person within their tenant alone.
                ChannelName::Teams => {
                    drop(fields.insert("teams_id".to_owned(), format!("{}/{}", user.realm, user.id).into()));
                }
                _ => {}
            }
        }
        known.insert(id, fields);
    }
    Ok(known)
}

/// By whose doing it was, where the bot knows them.
pub(super) fn requester(what: &Incoming, view: &View) -> Result<Option<Person>, StoreError> {
    let Some(user) = &what.from else { return Ok(None) };
    let Some(record) = person::record(view, user)? else { return Ok(None) };
    let id = link::resolve(view, &record.value.principal)?;
    let name = person::read(view, &id)?.map_or(record.value.profile.name, |known| known.value.name);
    Ok(Some(Person { id, name }))
}
