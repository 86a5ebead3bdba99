//! `pr<id>` a person, `pu<digest>` what a platform user is to us, `pv<digest>` what one is in a place, `pn<digest>` people by their name,
//! `pw<id>` where a person is reached alone, `po<id>` who is an owner or was one, `pm` that every owner has such a mark.

use serde::{Deserialize, Serialize};

use crate::domain::event::{Address, PlatformUser};
use crate::domain::ids::PrincipalId;
use crate::domain::outcome::{Expect, Write};
use crate::domain::principal::{PersonRecord, Principal, Role};
use crate::store::codec::Record;
use crate::store::engine::Order;
use crate::store::keyspace::hashed;
use crate::store::{StoreError, Stored, View, mark, put};

const PERSON: &[u8] = b"pr";
const USER: &[u8] = b"pu";
const USER_IN: &[u8] = b"pv";
const NAME: &[u8] = b"pn";
const REACHED: &[u8] = b"pw";
const OWNER: &[u8] = b"po";
const OWNERS_MARKED: &[u8] = b"pm";

impl Record for Principal {}
impl Record for PersonRecord {}

#[derive(Debug, Serialize, Deserialize)]
struct Named(PrincipalId);
impl Record for Named {}

impl Record for Address {}

fn person_key(id: &PrincipalId) -> Vec<u8> {
    [PERSON, id.0.as_bytes()].concat()
}

fn user_key(user: &PlatformUser) -> Vec<u8> {
    hashed(USER, &format!("{}\0{}\0{}", user.channel, user.realm, user.id))
}

/// A person.
///
/// # Errors
/// Where the store cannot be read.
pub fn read(view: &View, id: &PrincipalId) -> Result<Option<Stored<Principal>>, StoreError> {
    view.get(&person_key(id))
}

/// Stores a person, findable by name, and as an owner where they are one.
#[must_use]
pub fn put_person(person: &Principal, expect: Expect) -> Vec<Write> {
    let name = hashed(NAME, &person.name.to_lowercase());
    let mut writes =
        vec![put(person_key(&person.id), expect, person), put(name, Expect::Any, &Named(person.id.clone()))];
    writes.extend((person.role == Role::Owner).then(|| mark_owner(&person.id)));
    writes
}

/// The mark stays when somebody is an owner no longer: it says whom to look at, and not what they are.
fn mark_owner(id: &PrincipalId) -> Write {
    mark([OWNER, id.0.as_bytes()].concat(), Expect::Any)
}

/// The owners, however many people there are, with what is to be written so that the next look need not go through all
/// of them. Of a row that cannot be read nobody knows whose it is: it is left out, and said.
///
/// # Errors
/// Where the store cannot be read.
pub fn owners(view: &View) -> Result<(Vec<PrincipalId>, Vec<Write>), StoreError> {
    let mut owners = Vec::new();
    if view.has(OWNERS_MARKED)? {
        for key in view.keys(OWNER, Order::Ascending) {
            let id = PrincipalId(String::from_utf8_lossy(&key?[OWNER.len()..]).into());
            let person = readable(read(view, &id).transpose())?.filter(|person| person.value.role == Role::Owner);
            owners.extend(person.map(|person| person.value.id));
        }
        return Ok((owners, Vec::new()));
    }
    // A store from before there were marks.
    for person in all(view) {
        let person = readable(Some(person))?.filter(|person| person.value.role == Role::Owner);
        owners.extend(person.map(|person| person.value.id));
    }
    let marks = owners.iter().map(mark_owner).chain([mark(OWNERS_MARKED.to_vec(), Expect::Any)]).collect();
    Ok((owners, marks))
}

fn readable<T>(read: Option<Result<T, StoreError>>) -> Result<Option<T>, StoreError> {
    match read.transpose() {
        Err(StoreError::Unreadable(why)) => {
            tracing::warn!(why, "a person cannot be read, and is not known as an owner");
            Ok(None)
        }
        other => other,
    }
}

/// The person who goes by a name.
///
/// # Errors
/// Where the store cannot be read.
pub fn by_name(view: &View, name: &str) -> Result<Option<Stored<Principal>>, StoreError> {
    match view.get::<Named>(&hashed(NAME, &name.to_lowercase()))? {
        Some(named) => read(view, &named.value.0),
        None => Ok(None),
    }
}

/// Everybody.
pub fn all(view: &View) -> impl Iterator<Item = Result<Stored<Principal>, StoreError>> + '_ {
    view.scan(PERSON, Order::Ascending).map(|entry| Ok(entry?.1))
}

/// What a platform user is to us.
///
/// # Errors
/// Where the store cannot be read.
pub fn record(view: &View, user: &PlatformUser) -> Result<Option<Stored<PersonRecord>>, StoreError> {
    view.get(&user_key(user))
}

/// Stores what a platform user is to us.
#[must_use]
pub fn put_record(user: &PlatformUser, record: &PersonRecord) -> Write {
    put(user_key(user), Expect::Any, record)
}

fn user_in_key(user: &PlatformUser, place: &str) -> Vec<u8> {
    hashed(USER_IN, &format!("{}\0{}\0{}\0{place}", user.channel, user.realm, user.id))
}

/// What a platform user is to us in a place, where people stand differently in each.
///
/// # Errors
/// Where the store cannot be read.
pub fn record_in(view: &View, user: &PlatformUser, place: &str) -> Result<Option<Stored<PersonRecord>>, StoreError> {
    view.get(&user_in_key(user, place))
}

/// Stores what a platform user is to us in a place.
#[must_use]
pub fn put_record_in(user: &PlatformUser, place: &str, record: &PersonRecord) -> Write {
    put(user_in_key(user, place), Expect::Any, record)
}

/// The chat that a platform user has with the bot alone, by the user's own principal.
///
/// # Errors
/// Where the store cannot be read.
pub fn reach(view: &View, own: &PrincipalId) -> Result<Option<Address>, StoreError> {
    Ok(view.get([REACHED, own.0.as_bytes()].concat().as_slice())?.map(|stored| stored.value))
}

/// Stores the chat that a platform user has with the bot alone.
#[must_use]
pub fn put_reach(own: &PrincipalId, chat: &Address) -> Write {
    put([REACHED, own.0.as_bytes()].concat(), Expect::Any, chat)
}
