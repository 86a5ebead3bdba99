//! From a platform user to a person: known ones from the store, others by asking the platform.
//!
//! Asking is a read that can be repeated, so it is not an effect; its answer is stored in the commit
//! of the event that needed it. Whoever cannot be identified is unknown, not admitted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::actors::board::Board;
use crate::channels::{Channel, DeliverError};
use crate::config::people::People;
use crate::domain::event::{Address, ChannelName, Event, PlatformUser};
use crate::domain::ids::{PrincipalId, TenantId};
use crate::domain::outcome::{Expect, Write};
use crate::domain::principal::{PersonRecord, Principal, Profile, Role, Standing};
use crate::domain::time::{Clock, Timestamp};
use crate::policy::Subject;
use crate::store::keyspace::{connector, link, person};
use crate::store::{StoreError, View};

/// Age at which a profile is asked for again.
const FRESH_FOR: Duration = Duration::from_secs(3600);
/// Age up to which a profile is believed while the platform does not answer.
const BELIEVED_FOR: Duration = Duration::from_secs(24 * 3600);
/// People who are asked for at one time; more wait in their lanes.
const MOST_LOOK_UPS: usize = 64;

/// Look-ups without an answer in a row after which that is shown.
const FAILURES_UNTIL_SHOWN: u32 = 3;

/// Somebody who did something.
#[derive(Debug, Clone)]
pub struct Identity {
    /// As policies see them: by the platform's own id, which an operator can read off the platform.
    pub subject: Subject,
    /// As handlers see them.
    pub person: Principal,
    /// For `why`, without personal text: `p-… (member)`.
    pub words: String,
    /// What is to be stored of them in the commit of the event.
    pub writes: Vec<Write>,
}

/// Why somebody is not identified just now.
#[derive(Debug, thiserror::Error)]
pub enum IdentifyError {
    /// The platform does not answer; try again.
    #[error("cannot look up who asks: {why}")]
    NoAnswer {
        /// What it said instead.
        why: String,
        /// How long it wants to be left alone, where it says so.
        after: Option<Duration>,
    },
    /// So many look-ups are under way that this one has not begun.
    #[error("many look-ups are under way")]
    Busy,
    /// The platform will not say; asking again changes nothing.
    #[error("the platform does not say who asks: {0}")]
    Refused(String),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a platform says of somebody; nothing where it says that there is no such user.
type Answer = Result<Option<Profile>, DeliverError>;

/// Whom a look-up is of, and of whom it is asked. Where the platform describes people by conversations, one that is
/// shut to the bot must not speak for the others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Question {
    installation: String,
    user: PlatformUser,
    /// The conversation and its connector, where it matters.
    place: Option<(String, Option<String>)>,
}

/// Look-ups under way.
type LookUps = HashMap<Question, LookUp>;

/// One of them.
struct LookUp {
    answer: Shared<BoxFuture<'static, Answer>>,
    /// Events that wait for its answer.
    waiting: usize,
    _seat: OwnedSemaphorePermit,
}

/// Identifies people.
pub struct Identifier {
    /// Who is asked.
    pub channels: HashMap<ChannelName, Arc<dyn Channel>>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// What configuration says.
    pub people: People,
    /// How long the platform may take.
    pub timeout: Duration,
    /// How long it may take where there is a profile to believe.
    pub short_timeout: Duration,
    /// Look-ups, and what platforms said last.
    pub asking: Asking,
}

/// Look-ups under way, and what came of the last.
pub struct Asking {
    /// One look-up of one kind at a time, however many events wait for it.
    under_way: Mutex<LookUps>,
    seats: Arc<Semaphore>,
    platforms: Mutex<HashMap<ChannelName, LastWord>>,
    board: Board,
}

/// What a platform said last when it was asked for somebody.
#[derive(Debug, Default, Clone, Copy)]
struct LastWord {
    /// When it last said anything that helps.
    answered: Timestamp,
    /// Until when it wants to be left alone.
    quiet_until: Timestamp,
    /// Look-ups in a row that it did not answer.
    failures: u32,
}

impl Asking {
    /// Nobody has been asked; troubles are shown on the board.
    #[must_use]
    pub fn new(board: Board) -> Self {
        let seats = Arc::new(Semaphore::new(MOST_LOOK_UPS));
        Self { under_way: Mutex::default(), seats, platforms: Mutex::default(), board }
    }

    fn last_word(&self, channel: ChannelName) -> LastWord {
        let platforms = self.platforms.lock().unwrap_or_else(PoisonError::into_inner);
        platforms.get(&channel).copied().unwrap_or_default()
    }

    /// Remembers what a platform answered, and shows it where it troubles us.
    fn heard(&self, channel: ChannelName, now: Timestamp, answer: &Answer) {
        let mut platforms = self.platforms.lock().unwrap_or_else(PoisonError::into_inner);
        let word = platforms.entry(channel).or_default();
        let shown = match answer {
            Err(DeliverError::RateLimited { after }) => {
                word.quiet_until = now.after(*after);
                return;
            }
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        let before = word.failures;
        if shown.is_none() {
            (word.answered, word.failures) = (now, 0);
        } else {
            word.failures += 1;
        }
        let after = word.failures;
        drop(platforms);
        if before.max(after) >= FAILURES_UNTIL_SHOWN {
            self.board.degraded(&board_name(channel), now, shown.as_deref());
        }
    }

    fn under_way(&self) -> MutexGuard<'_, LookUps> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name on the board of the look-ups of a channel.
#[must_use]
pub fn board_name(channel: ChannelName) -> String {
    format!("people of {channel}")
}

/// An event that waits for a look-up; the last one takes it out of those under way.
struct Waiting<'a> {
    asking: &'a Asking,
    key: Question,
    answer: Shared<BoxFuture<'static, Answer>>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut under_way = self.asking.under_way();
        if let Some(look_up) = under_way.get_mut(&self.key) {
            look_up.waiting -= 1;
            if look_up.waiting == 0 {
                under_way.remove(&self.key);
            }
        }
    }
}

impl Asking {
    /// Joins the look-up of a person, or begins it; `None` where too many are under way.
    fn join(&self, channel: Arc<dyn Channel>, key: Question, seen_in: Option<&Address>) -> Option<Waiting<'_>> {
        let mut under_way = self.under_way();
        let answer = match under_way.get_mut(&key) {
            Some(look_up) => {
                look_up.waiting += 1;
                look_up.answer.clone()
            }
            None => {
                let seat = self.seats.clone().try_acquire_owned().ok()?;
                let answer = look_up(channel, &key, seen_in);
                under_way.insert(key.clone(), LookUp { answer: answer.clone(), waiting: 1, _seat: seat });
                answer
            }
        };
        drop(under_way);
        Some(Waiting { asking: self, key, answer })
    }
}

/// The ids under which a platform may name who did this: in Teams a mention names people by another id than the one that
/// is theirs everywhere.
fn known_as(event: &Event, user: &PlatformUser) -> Vec<PlatformUser> {
    let here = event.what.reply.as_ref().and_then(|reply| reply.person.clone()).filter(|id| *id != user.id);
    let also = here.map(|id| PlatformUser { id, ..user.clone() });
    std::iter::once(user.clone()).chain(also).collect()
}

/// The id of the person behind a platform user whom nobody has linked to another: the same at every
/// first sight, so that two events at once make one person.
#[must_use]
pub fn principal_id(tenant: &TenantId, user: &PlatformUser) -> PrincipalId {
    let digest = Sha256::digest(format!("{tenant}\0{user}").as_bytes());
    let text = data_encoding::BASE32_NOPAD.encode(&digest[..8]).to_lowercase();
    PrincipalId(format!("p-{text}").into())
}

/// What a user is to the bot: by the platform's word, by the configuration, and by what was stored `before`.
#[must_use]
pub fn role_of(people: &People, user: &PlatformUser, standing: Standing, before: Option<Role>) -> Role {
    let operator = matches!(user.channel, ChannelName::Terminal | ChannelName::Api);
    match standing {
        Standing::Member if operator || people.is_owner(user) => Role::Owner,
        // A paired owner stays one as long as the platform calls them a member.
        Standing::Member if before == Some(Role::Owner) => Role::Owner,
        Standing::Member => Role::Member,
        _ => Role::Guest,
    }
}

impl Identifier {
    /// Who did this, where that is known without asking anybody.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn known(&self, view: &View, event: &Event) -> Result<Option<Identity>, IdentifyError> {
        let Some(user) = &event.what.from else { return Ok(Some(nobody("system"))) };
        if *view.tenant() == TenantId::unclaimed() {
            return Ok(Some(nobody(&user.to_string())));
        }
        match self.record(view, event, user, FRESH_FOR)? {
            Some(record) => self.person(view, user, record, Vec::new()).map(Some),
            None => Ok(None),
        }
    }

    /// Who did this, by asking the platform. What is known of the person from the last day is believed where the
    /// platform does not answer.
    ///
    /// # Errors
    /// Where it cannot be said just now.
    pub async fn ask(&self, view: &View, event: &Event) -> Result<Identity, IdentifyError> {
        let Some(user) = &event.what.from else { return Ok(nobody("system")) };
        let believed = self.record(view, event, user, BELIEVED_FOR)?;
        let patience = if believed.is_some() { self.short_timeout } else { self.timeout };
        let seen_in = event.what.reply.as_ref().map(|reply| connector::newest(view, reply)).transpose()?;
        let answer = self.profile(&event.what.installation, user, seen_in.as_ref(), patience).await;
        match (answer, believed) {
            // Only the platform's word that there is no such user makes somebody unknown; a token that may
            // not ask says nothing about who asks.
            (Ok(None), _) => Ok(nobody(&user.to_string())),
            (Ok(Some(profile)), _) => {
                let known = person::record(view, user)?.map(|stored| stored.value);
                let principal = known.map_or_else(|| principal_id(view.tenant(), user), |record| record.principal);
                let record = PersonRecord { principal, profile, seen: self.clock.now() };
                let mut writes: Vec<Write> =
                    known_as(event, user).iter().map(|user| person::put_record(user, &record)).collect();
                writes.extend(self.place_of(event).map(|place| person::put_record_in(user, place, &record)));
                writes.extend(
                    seen_in.and_then(|seen| seen.in_person()).map(|chat| person::put_reach(&record.principal, &chat)),
                );
                self.person(view, user, record, writes)
            }
            (Err(_), Some(record)) => self.person(view, user, record, Vec::new()),
            (Err(LookUpError::Busy), None) => Err(IdentifyError::Busy),
            // It was asked where the conversation no longer is: that is no word on who asks.
            (Err(LookUpError::Platform(DeliverError::OutOfReach { reason: why })), None)
                if event.what.reply.as_ref().map(|reply| connector::newest(view, reply)).transpose()? != seen_in =>
            {
                Err(IdentifyError::NoAnswer { why, after: None })
            }
            (
                Err(LookUpError::Platform(DeliverError::Rejected { reason } | DeliverError::OutOfReach { reason })),
                None,
            ) => Err(IdentifyError::Refused(reason)),
            (Err(LookUpError::Platform(error)), None) => {
                let after = if let DeliverError::RateLimited { after } = &error { Some(*after) } else { None };
                Err(IdentifyError::NoAnswer { why: error.to_string(), after })
            }
        }
    }

    /// When a platform last answered anybody's look-up.
    #[must_use]
    pub fn answered(&self, channel: ChannelName) -> Timestamp {
        self.asking.last_word(channel).answered
    }

    /// The place of an event, where people stand differently in each.
    fn place_of<'e>(&self, event: &'e Event) -> Option<&'e str> {
        let channel = self.channels.get(&event.what.channel).filter(|channel| channel.standing_by_place());
        channel.and(event.what.reply.as_ref()).map(|reply| reply.place.as_str())
    }

    fn record(
        &self,
        view: &View,
        event: &Event,
        user: &PlatformUser,
        age: Duration,
    ) -> Result<Option<PersonRecord>, StoreError> {
        let now = self.clock.now();
        let there = self.place_of(event).map(|place| person::record_in(view, user, place));
        let known = there.unwrap_or_else(|| person::record(view, user))?.map(|stored| stored.value);
        // A look-up that a clock once ahead has dated in the future is none.
        Ok(known.filter(|record| record.seen <= now && now.since(record.seen) < age))
    }

    async fn profile(
        &self,
        installation: &str,
        user: &PlatformUser,
        seen_in: Option<&Address>,
        patience: Duration,
    ) -> Result<Option<Profile>, LookUpError> {
        if user.channel == ChannelName::Api {
            // The admin token has proved who calls; there is no platform behind it to be asked.
            return Ok(Some(Profile { name: user.id.clone(), standing: Standing::Member }));
        }
        let Some(channel) = self.channels.get(&user.channel).cloned() else {
            return Err(LookUpError::Platform(DeliverError::Unavailable {
                reason: format!("{} is off", user.channel),
            }));
        };
        let quiet_until = self.asking.last_word(user.channel).quiet_until;
        if let Some(after) = Some(quiet_until.since(self.clock.now())).filter(|after| !after.is_zero()) {
            return Err(LookUpError::Platform(DeliverError::RateLimited { after }));
        }
        let place = seen_in.filter(|_| channel.describes_by_place());
        let place = place.map(|seen_in| (seen_in.place.clone(), seen_in.connector.clone()));
        let key = Question { installation: installation.to_owned(), user: user.clone(), place };
        let waiting = self.asking.join(channel, key, seen_in).ok_or(LookUpError::Busy)?;
        let answer = match tokio::time::timeout(patience, waiting.answer.clone()).await {
            Ok(answer) => answer,
            Err(_) => Err(DeliverError::Unavailable { reason: format!("no answer in {} ms", patience.as_millis()) }),
        };
        drop(waiting);
        self.asking.heard(user.channel, self.clock.now(), &answer);
        answer.map_err(LookUpError::Platform)
    }

    fn person(
        &self,
        view: &View,
        user: &PlatformUser,
        record: PersonRecord,
        mut writes: Vec<Write>,
    ) -> Result<Identity, IdentifyError> {
        let words = user.to_string();
        let stored = person::read(view, &record.principal)?;
        let before = stored.as_ref().map(|stored| stored.value.role);
        let role = role_of(&self.people, user, record.profile.standing, before);
        let person = Principal {
            id: record.principal.clone(),
            name: record.profile.name.clone(),
            role,
            groups: self.people.groups_of(user).into_iter().map(ToOwned::to_owned).collect(),
        };
        // What somebody is in one place is no word on others: of that only an owner is kept.
        let by_place = self.channels.get(&user.channel).is_some_and(|channel| channel.standing_by_place());
        let kept_role = if by_place && role == Role::Member { Role::Guest } else { role };
        let kept = Principal { role: kept_role, ..person.clone() };
        let (version, same) = stored.map_or((0, false), |stored| (stored.version, stored.value == kept));
        if !same {
            writes.extend(person::put_person(&kept, Expect::as_read(version)));
        }
        let subject =
            Subject { id: words, known: true, role, groups: person.groups.clone(), standing: record.profile.standing };
        let person = one_person(view, person)?;
        Ok(Identity { words: format!("{} ({})", person.id, role.as_str()), subject, person, writes })
    }
}

/// A platform user as the person that they are on all linked platforms: the principal and the name are those of the
/// one whom the others joined, role and groups stay those of this platform user. Each platform user's own row is
/// written by their own profile alone, so two names do not take turns in one row.
fn one_person(view: &View, own: Principal) -> Result<Principal, StoreError> {
    let id = link::resolve(view, &own.id)?;
    if id == own.id {
        return Ok(own);
    }
    let name = person::read(view, &id)?.map_or_else(|| own.name.clone(), |first| first.value.name);
    Ok(Principal { id, name, ..own })
}

/// Why there is no profile.
enum LookUpError {
    Busy,
    Platform(DeliverError),
}

fn look_up(
    channel: Arc<dyn Channel>,
    Question { installation, user, .. }: &Question,
    seen_in: Option<&Address>,
) -> Shared<BoxFuture<'static, Answer>> {
    let (installation, user, seen_in) = (installation.clone(), user.clone(), seen_in.cloned());
    async move { channel.profile(&installation, &user, seen_in.as_ref()).await }.boxed().shared()
}

fn nobody(words: &str) -> Identity {
    let person =
        Principal { id: PrincipalId(words.into()), name: "unknown".to_owned(), role: Role::Guest, groups: Vec::new() };
    let subject = Subject {
        id: words.to_owned(),
        known: false,
        role: Role::Guest,
        groups: Vec::new(),
        standing: Standing::Stranger,
    };
    Identity { subject, person, words: format!("{words} (unknown)"), writes: Vec::new() }
}

/// Whether an event was made by us, so that nobody needs to be permitted to cause it.
#[must_use]
pub fn is_ours(event: &Event) -> bool {
    event.what.channel == ChannelName::Internal
}
