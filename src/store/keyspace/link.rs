//! `la<person>` with whom a person is one, `ln<person>` who is one with that person, `lk<person>` the code that a person
//! has asked for, `lc<digest>` whose code that is, `lt<person>` wrong codes of a person.
//!
//! A platform user's own principal stays as it is; that it is one with another is said here alone. So an unlink takes
//! one row away and everything is as before.

use serde::{Deserialize, Serialize};

use crate::domain::event::PlatformUser;
use crate::domain::ids::PrincipalId;
use crate::domain::outcome::{Expect, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::keyspace::hashed;
use crate::store::{StoreError, Stored, View, put, take};

const ALIAS: &[u8] = b"la";
const LINKS: &[u8] = b"ln";
const CODE: &[u8] = b"lk";
const OF_CODE: &[u8] = b"lc";
const TRIES: &[u8] = b"lt";

/// Who the person of a principal is, on which platforms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// The platform user whose principal stays.
    pub first: PlatformUser,
    /// Those who joined, in the order in which they did.
    pub joined: Vec<Joined>,
}

/// A platform user who is one with another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The platform user.
    pub user: PlatformUser,
    /// The principal that is theirs again once they are separated.
    pub own: PrincipalId,
    /// Since when.
    pub since: Timestamp,
}

impl Record for Links {}

impl Links {
    /// Every platform user of the person, the first one first.
    pub fn users(&self) -> impl Iterator<Item = &PlatformUser> {
        std::iter::once(&self.first).chain(self.joined.iter().map(|joined| &joined.user))
    }
}

/// A code that is waiting to be given on another platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCode {
    /// SHA-256 of it, hex.
    pub digest: String,
    /// Who asked for it.
    pub by: PlatformUser,
    /// Until when it works.
    pub until: Timestamp,
}

impl Record for LinkCode {}

/// Wrong codes that somebody has given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// How many.
    pub failures: u32,
    /// When they are forgotten.
    pub until: Timestamp,
}

impl Record for Tries {}

#[derive(Debug, Serialize, Deserialize)]
struct Named(PrincipalId);
impl Record for Named {}

fn of_person(kind: &[u8], id: &PrincipalId) -> Vec<u8> {
    [kind, id.0.as_bytes()].concat()
}

/// The principal that stands for a principal: another, where their platform users are one person, or itself.
///
/// # Errors
/// Where the store cannot be read.
pub fn resolve(view: &View, own: &PrincipalId) -> Result<PrincipalId, StoreError> {
    Ok(view.get::<Named>(&of_person(ALIAS, own))?.map_or_else(|| own.clone(), |named| named.value.0))
}

/// Who is one with the person of a principal; `None` where nobody is.
///
/// # Errors
/// Where the store cannot be read.
pub fn links(view: &View, person: &PrincipalId) -> Result<Option<Stored<Links>>, StoreError> {
    view.get(&of_person(LINKS, person))
}

/// Every principal by which things may know a person: the one that stands for it first.
///
/// # Errors
/// Where the store cannot be read.
pub fn known_by(view: &View, person: &PrincipalId) -> Result<Vec<PrincipalId>, StoreError> {
    let joined = links(view, person)?.map(|links| links.value.joined).unwrap_or_default();
    Ok(std::iter::once(person.clone()).chain(joined.into_iter().map(|joined| joined.own)).collect())
}

/// Makes a principal one with another, on condition that it is one with nobody.
#[must_use]
pub fn put_alias(own: &PrincipalId, person: &PrincipalId) -> Write {
    put(of_person(ALIAS, own), Expect::Absent, &Named(person.clone()))
}

/// On condition that a principal stands for itself.
#[must_use]
pub fn stands_alone(person: &PrincipalId) -> Write {
    take(of_person(ALIAS, person), Expect::Absent)
}

/// On condition that nobody is one with a principal.
#[must_use]
pub fn none_joined(own: &PrincipalId) -> Write {
    take(of_person(LINKS, own), Expect::Absent)
}

/// Makes a principal stand for itself again.
#[must_use]
pub fn take_alias(own: &PrincipalId) -> Write {
    // Whose it is stands in the links, which are written under a condition in the same commit.
    take(of_person(ALIAS, own), Expect::Any)
}

/// Stores who is one with a person; takes the row away where nobody is left.
#[must_use]
pub fn put_links(person: &PrincipalId, links: &Links, expect: Expect) -> Write {
    let key = of_person(LINKS, person);
    if links.joined.is_empty() { take(key, expect) } else { put(key, expect, links) }
}

/// The code that a person has asked for.
///
/// # Errors
/// Where the store cannot be read.
pub fn code(view: &View, own: &PrincipalId) -> Result<Option<Stored<LinkCode>>, StoreError> {
    view.get(&of_person(CODE, own))
}

/// Whose code has a digest.
///
/// # Errors
/// Where the store cannot be read.
pub fn of_code(view: &View, digest: &str) -> Result<Option<PrincipalId>, StoreError> {
    Ok(view.get::<Named>(&hashed(OF_CODE, digest))?.map(|named| named.value.0))
}

/// Stores the code that a person has asked for, in the place of the one before.
#[must_use]
pub fn put_code(own: &PrincipalId, before: Option<&Stored<LinkCode>>, code: &LinkCode) -> Vec<Write> {
    let mut writes: Vec<Write> =
        before.map(|before| take(hashed(OF_CODE, &before.value.digest), Expect::Any)).into_iter().collect();
    let expect = Expect::as_read(before.map_or(0, |before| before.version));
    writes.push(put(of_person(CODE, own), expect, code));
    writes.push(put(hashed(OF_CODE, &code.digest), Expect::Any, &Named(own.clone())));
    writes
}

/// Takes a code away: it is used.
#[must_use]
pub fn take_code(own: &PrincipalId, code: &Stored<LinkCode>) -> Vec<Write> {
    vec![
        take(of_person(CODE, own), Expect::Version(code.version)),
        take(hashed(OF_CODE, &code.value.digest), Expect::Any),
    ]
}

/// The wrong codes that somebody has given.
///
/// # Errors
/// Where the store cannot be read.
pub fn tries(view: &View, own: &PrincipalId) -> Result<Option<Stored<Tries>>, StoreError> {
    view.get(&of_person(TRIES, own))
}

/// Stores the wrong codes that somebody has given.
#[must_use]
pub fn put_tries(own: &PrincipalId, tries: &Tries, expect: Expect) -> Write {
    put(of_person(TRIES, own), expect, tries)
}
