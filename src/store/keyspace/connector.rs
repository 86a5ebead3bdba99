//! `cn<digest>` the address at which a platform takes what is said in a place, as it has named it last; `cp<digest>` in
//! which workspace a place is.
//!
//! Microsoft may move a conversation to another connector, and says so by the next activity alone. So the address is kept
//! beside the conversation, by the commit that accepts what brought it, and what is owed there is taken to it, however
//! old it is. A place without a row is reached as the event says that owes something; a store of before has none.

use serde::{Deserialize, Serialize};

use crate::domain::event::{Address, ChannelName, Incoming, Reach};
use crate::domain::outcome::{Expect, Write};
use crate::store::codec::Record;
use crate::store::keyspace::hashed;
use crate::store::{StoreError, View, put, take};

const CONNECTOR: &[u8] = b"cn";
const PLACE: &[u8] = b"cp";

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Connector {
    url: String,
}
impl Record for Connector {}

#[derive(Debug, Serialize, Deserialize)]
struct Of {
    installation: String,
}
impl Record for Of {}

fn place_key(channel: ChannelName, place: &str) -> Vec<u8> {
    hashed(PLACE, &format!("{channel}\0{place}"))
}

/// The workspace of a place whose platform names addresses; none where nothing was heard from there.
///
/// # Errors
/// Where the store cannot be read.
pub fn installation_of(view: &View, channel: ChannelName, place: &str) -> Result<Option<String>, StoreError> {
    Ok(view.get::<Of>(&place_key(channel, place))?.map(|stored| stored.value.installation))
}

/// Threads are reached as the place in which they are.
fn key(channel: ChannelName, installation: &str, place: &str) -> Vec<u8> {
    hashed(CONNECTOR, &format!("{channel}\0{installation}\0{place}"))
}

/// The address that is kept. A row that cannot be read is as none, or nothing that comes from there would be accepted any
/// more; the next event writes it anew.
fn kept(view: &View, key: &[u8]) -> Result<Option<String>, StoreError> {
    match view.get::<Connector>(key) {
        Ok(stored) => Ok(stored.map(|stored| stored.value.url)),
        Err(StoreError::Unreadable(why)) => {
            tracing::warn!(tenant = %view.tenant(), why, "where a place is reached cannot be read, and is learnt anew");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What is to be written with an event that is accepted: nothing where it says what is known. Only events that name an
/// address cost a read. Any expectation does: of two events at one time either may be the later.
///
/// Where the store cannot be read it is as if nothing were known: the event's own commit finds that out, and shows it.
#[must_use]
pub fn learnt(view: &View, what: &Incoming) -> Vec<Write> {
    let Some((reach, place)) = what.reach.as_ref().zip(what.place.as_ref()) else { return Vec::new() };
    let of = Of { installation: what.installation.clone() };
    let there = place_key(what.channel, &place.id);
    let key = key(what.channel, &what.installation, &place.id);
    match (reach, kept(view, &key).ok().flatten()) {
        (Reach::By(url), Some(known)) if *url == known => Vec::new(),
        (Reach::By(url), _) => {
            vec![put(key, Expect::Any, &Connector { url: url.clone() }), put(there, Expect::Any, &of)]
        }
        (Reach::Lost, Some(_)) => vec![take(key, Expect::Any), take(there, Expect::Any)],
        (Reach::Lost, None) => Vec::new(),
    }
}

/// An address as its place is reached by the platform's last word. Costs no read where the platform names no addresses.
///
/// # Errors
/// Where the store cannot be read.
pub fn newest(view: &View, address: &Address) -> Result<Address, StoreError> {
    let mut newest = address.clone();
    if address.connector.is_some()
        && let Some(url) = kept(view, &key(address.channel, &address.installation, &address.place))?
    {
        newest.connector = Some(url);
    }
    Ok(newest)
}
