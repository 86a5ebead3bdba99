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

use crate::channels::{Channel, DeliverError};
use crate::config::people::People;
use crate::domain::event::{ChannelName, Event, PlatformUser};
use crate::domain::ids::{PrincipalId, TenantId};
use crate::domain::outcome::{Expect, Write};
use crate::domain::principal::{PersonRecord, Principal, Profile, Role, Standing};
use crate::domain::time::{Clock, Timestamp};
use crate::policy::Subject;
use crate::store::keyspace::person;
use crate::store::{StoreError, View};

/// Age at which a profile is asked for again.
const FRESH_FOR: Duration = Duration::from_secs(3600);
/// Age up to which a profile is believed while the platform does not answer.
const BELIEVED_FOR: Duration = Duration::from_secs(24 * 3600);

/// How Slack says that a user is not of the workspace (docs.slack.dev/reference/methods/users.info).
const NO_SUCH_USER: [&str; 3] = ["user_not_found", "user_not_visible", "users_not_found"];

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
    #[error("cannot look up who asks: {0}")]
    NoAnswer(String),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Look-ups under way, each with the people who wait for its answer.
type LookUps = HashMap<(String, PlatformUser), LookUp>;
/// One of them.
type LookUp = Shared<BoxFuture<'static, Result<Profile, DeliverError>>>;

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
    /// One look-up a person at a time, however many events wait for it.
    pub under_way: Mutex<LookUps>,
}

/// A platform user in one word, as configuration and audit write it.
#[must_use]
pub fn user_words(user: &PlatformUser) -> String {
    format!("{}:{}/{}", user.channel, user.realm, user.id)
}

/// The id of the person behind a platform user whom nobody has linked to another: the same at every
/// first sight, so that two events at once make one person.
#[must_use]
pub fn principal_id(tenant: &TenantId, user: &PlatformUser) -> PrincipalId {
    let digest = Sha256::digest(format!("{tenant}\0{}", user_words(user)).as_bytes());
    let text = data_encoding::BASE32_NOPAD.encode(&digest[..8]).to_lowercase();
    PrincipalId(format!("p-{text}").into())
}

impl Identifier {
    /// Who did this.
    ///
    /// # Errors
    /// Where it cannot be said just now.
    pub async fn identify(&self, view: &View, event: &Event) -> Result<Identity, IdentifyError> {
        let Some(user) = &event.what.from else { return Ok(nobody("system")) };
        let words = user_words(user);
        if *view.tenant() == TenantId::unclaimed() {
            return Ok(nobody(&words));
        }
        let now = self.clock.now();
        let known = person::record(view, user)?.map(|stored| stored.value);
        // A look-up that a clock once ahead has dated in the future is none.
        let fresh = |record: &PersonRecord, age| record.seen <= now && now.since(record.seen) < age;
        if let Some(record) = known.as_ref().filter(|record| fresh(record, FRESH_FOR)) {
            return self.person(view, user, record.clone(), Vec::new());
        }
        match self.ask(&event.what.installation, user).await {
            Ok(profile) => {
                let principal = known.map_or_else(|| principal_id(view.tenant(), user), |record| record.principal);
                let record = PersonRecord { principal, profile, seen: now };
                let writes = vec![person::put_record(user, &record)];
                self.person(view, user, record, writes)
            }
            // Only the platform's word that there is no such user makes somebody unknown; a token that may
            // not ask says nothing about who asks.
            Err(DeliverError::Rejected { reason }) if NO_SUCH_USER.contains(&reason.as_str()) => Ok(nobody(&words)),
            Err(error) => match known.filter(|record| fresh(record, BELIEVED_FOR)) {
                Some(record) => self.person(view, user, record, Vec::new()),
                None => Err(IdentifyError::NoAnswer(error.to_string())),
            },
        }
    }

    async fn ask(&self, installation: &str, user: &PlatformUser) -> Result<Profile, DeliverError> {
        if user.channel == ChannelName::Api {
            // The admin token has proved who calls; there is no platform behind it to be asked.
            return Ok(Profile { name: user.id.clone(), standing: Standing::Member });
        }
        let Some(channel) = self.channels.get(&user.channel).cloned() else {
            return Err(DeliverError::Unavailable { reason: format!("{} is off", user.channel) });
        };
        let key = (installation.to_owned(), user.clone());
        let look_up = self.under_way().entry(key.clone()).or_insert_with(|| self.look_up(channel, key.clone())).clone();
        let answer = look_up.await;
        self.under_way().remove(&key);
        answer
    }

    fn look_up(&self, channel: Arc<dyn Channel>, (installation, user): (String, PlatformUser)) -> LookUp {
        let timeout = self.timeout;
        let asking = async move {
            match tokio::time::timeout(timeout, channel.profile(&installation, &user)).await {
                Ok(answer) => answer,
                Err(_) => Err(DeliverError::Unavailable { reason: format!("no answer in {} s", timeout.as_secs()) }),
            }
        };
        asking.boxed().shared()
    }

    fn under_way(&self) -> MutexGuard<'_, LookUps> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn person(
        &self,
        view: &View,
        user: &PlatformUser,
        record: PersonRecord,
        mut writes: Vec<Write>,
    ) -> Result<Identity, IdentifyError> {
        let words = user_words(user);
        let stored = person::read(view, &record.principal)?;
        let operator = matches!(user.channel, ChannelName::Terminal | ChannelName::Api);
        let role = match record.profile.standing {
            Standing::Member if operator || self.people.is_owner(user) => Role::Owner,
            Standing::Member => Role::Member,
            _ => Role::Guest,
        };
        let role = match &stored {
            // A paired owner stays one as long as the platform calls them a member.
            Some(stored) if stored.value.role == Role::Owner && role == Role::Member => Role::Owner,
            _ => role,
        };
        let person = Principal {
            id: record.principal.clone(),
            name: record.profile.name.clone(),
            role,
            groups: self.people.groups_of(user).into_iter().map(ToOwned::to_owned).collect(),
        };
        let (version, same) = stored.map_or((0, false), |stored| (stored.version, stored.value == person));
        if !same {
            writes.extend(person::put_person(&person, Expect::as_read(version)));
        }
        let subject =
            Subject { id: words, known: true, role, groups: person.groups.clone(), standing: record.profile.standing };
        Ok(Identity { words: format!("{} ({})", person.id, role.as_str()), subject, person, writes })
    }
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

/// The time until which a button that is made now works.
#[must_use]
pub fn button_until(now: Timestamp) -> Timestamp {
    now.after(Duration::from_secs(90 * 24 * 3600))
}
