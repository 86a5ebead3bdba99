//! What people have said to the bot in a workspace since a time, read from the history of its places.
//!
//! Owns what is read, in which order, and how slowly: one call at a time, with a pause between two, as long as Slack
//! asks for, and no more of them than is allowed. Slack counts calls by app and workspace, and does not say how it
//! counts those of an organisation's one token (docs.slack.dev/apis/web-api/rate-limits); so all teams of an
//! organisation share one [`Pace`]. It does not know what was taken in already, and keeps nothing. A
//! message in a thread is found where the thread was begun since that time, or is one of which the caller knows:
//! Slack's history lists threads by their beginning.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::answers::next_page;
use super::client::Client;
use super::decode::{Heard, message_key, missed};
use super::workspaces::Workspaces;
use crate::channels::DeliverError;
use crate::domain::event::Incoming;
use crate::domain::time::Timestamp;

/// Kinds of places, those of one person first: Slack's word in `users.conversations`, and the word in events.
/// Each is asked for by itself: where the scope for one of several is missing, Slack refuses all.
pub const KINDS: [(&str, &str); 4] =
    [("im", "im"), ("mpim", "mpim"), ("public_channel", "channel"), ("private_channel", "group")];
/// Pages of one place, or of one list of places or of teams; what is beyond is said. With Slack's smallest pages, of 15
/// (docs.slack.dev/apis/web-api/rate-limits), that is 300 messages.
const MOST_PAGES: usize = 20;
/// Tries of a call to which nobody answers.
const MOST_TRIES: u32 = 8;
/// Pause before the second of them; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How Slack says that the message under which a thread stood is gone
/// (docs.slack.dev/reference/methods/conversations.replies).
const NO_THREAD: &str = "thread_not_found";
/// What is added to the time that Slack asks to wait, which it states in whole seconds.
const MARGIN: Duration = Duration::from_millis(50);

/// How much a look may do.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Calls in all.
    pub calls: usize,
    /// Time between two of them.
    pub pace: Duration,
}

/// When the next call may be made by those who share a token.
#[derive(Debug)]
pub struct Pace {
    next: Instant,
    /// Time between two calls, where Slack has asked for more than is set.
    least: Duration,
    /// Times that Slack has asked to wait.
    held_up: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { next: Instant::now(), least: Duration::ZERO, held_up: 0 }
    }
}

/// The workspace that is looked through.
#[derive(Debug, Clone)]
pub struct Where {
    /// Its id.
    pub workspace: String,
    /// The organisation of which it is a part.
    pub organisation: Option<String>,
    /// The bot's user there.
    pub bot_user: String,
}

/// A place in which the bot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// The word of events for its kind.
    pub channel_type: &'static str,
    /// Other workspaces share it.
    pub shared: bool,
}

/// Why something was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// Slack lets this token not read it: missing scopes, not a member.
    #[error("{0}")]
    Refused(String),
    /// The calls of this look are used up.
    #[error("channels.slack.look_back_calls is used up")]
    UsedUp,
    /// Nobody answers; another look may read it.
    #[error("{0}")]
    Away(String),
}

/// What was found in a place.
#[derive(Debug, Default)]
pub struct FoundThere {
    /// What people ask of the bot, in the order in which it was said.
    pub asked: Vec<Incoming>,
    /// It was read to its end.
    pub whole: bool,
}

/// Reads a workspace's histories.
pub struct Reader<'a> {
    workspaces: &'a Workspaces,
    of: &'a Where,
    bounds: Bounds,
    pace: &'a Mutex<Pace>,
    used: usize,
}

impl<'a> Reader<'a> {
    /// A reader that has called nobody.
    #[must_use]
    pub fn new(workspaces: &'a Workspaces, of: &'a Where, bounds: Bounds, pace: &'a Mutex<Pace>) -> Self {
        Self { workspaces, of, bounds, pace, used: 0 }
    }

    /// The workspace that it reads.
    #[must_use]
    pub fn workspace(&self) -> &str {
        &self.of.workspace
    }

    /// Calls so far.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// The teams of the organisation for which the bot is approved, and whether these are all.
    ///
    /// # Errors
    /// As [`NotRead`] says.
    pub async fn teams(&mut self) -> Result<(Vec<String>, bool), NotRead> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..MOST_PAGES {
            let from = cursor.as_deref();
            let page = self.call(|client| async move { client.teams(from).await }).await?;
            all.extend(page.teams.into_iter().map(|team| team.id));
            cursor = next_page(page.response_metadata);
            if cursor.is_none() {
                return Ok((all, true));
            }
        }
        Ok((all, false))
    }

    /// The places of a kind in which the bot is, and whether these are all.
    ///
    /// # Errors
    /// As [`NotRead`] says.
    pub async fn places(&mut self, kind: (&str, &'static str)) -> Result<(Vec<Listed>, bool), NotRead> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..MOST_PAGES {
            let from = cursor.as_deref();
            let team = self.of.organisation.as_ref().map(|_| self.of.workspace.as_str());
            let page = self.call(|client| async move { client.places(kind.0, team, from).await }).await?;
            all.extend(page.channels.into_iter().map(|place| Listed {
                id: place.id,
                channel_type: kind.1,
                shared: place.is_ext_shared == Some(true),
            }));
            cursor = next_page(page.response_metadata);
            if cursor.is_none() {
                return Ok((all, true));
            }
        }
        Ok((all, false))
    }

    /// What people have asked of the bot in a place since a time, also in these threads of it.
    ///
    /// # Errors
    /// As [`NotRead`] says.
    pub async fn asked(
        &mut self,
        place: &Listed,
        since: Timestamp,
        threads: &BTreeSet<String>,
    ) -> Result<FoundThere, NotRead> {
        let oldest = format!("{}.{:03}000", since.0.div_euclid(1000), since.0.rem_euclid(1000));
        let (said, whole) = self.said(place, None, &oldest).await?;
        let mut found =
            FoundThere { asked: said.iter().filter_map(|message| self.read(place, message)).collect(), whole };
        let listed: BTreeSet<&str> = said.iter().filter_map(|message| message["ts"].as_str()).collect();
        let with_news = said.iter().filter_map(|message| thread_with_news(message, &oldest));
        let older = threads.iter().map(String::as_str).filter(|thread| !listed.contains(thread));
        for thread in with_news.chain(older) {
            match self.said(place, Some(thread), &oldest).await {
                Ok((replies, to_the_end)) => {
                    // Each page has the thread's own beginning too.
                    let replies = replies.iter().filter(|reply| reply["ts"] != *thread);
                    found.asked.extend(replies.filter_map(|reply| self.read(place, reply)));
                    found.whole &= to_the_end;
                }
                Err(away @ NotRead::Away(_)) => return Err(away),
                Err(NotRead::Refused(why)) if why.starts_with(NO_THREAD) => {}
                // What was found already is not lost by it.
                Err(NotRead::Refused(_) | NotRead::UsedUp) => found.whole = false,
            }
        }
        found.asked.sort_by(|one, other| said_at(one).cmp(said_at(other)));
        Ok(found)
    }

    fn read(&self, place: &Listed, message: &Value) -> Option<Incoming> {
        let heard = Heard {
            workspace: &self.of.workspace,
            organisation: self.of.organisation.as_deref(),
            bot_user: &self.of.bot_user,
            place: &place.id,
            channel_type: place.channel_type,
            shared: place.shared,
        };
        missed(&heard, message)
    }

    /// The messages of a place, or of a thread in it, and whether these are all.
    async fn said(
        &mut self,
        place: &Listed,
        thread: Option<&str>,
        oldest: &str,
    ) -> Result<(Vec<Value>, bool), NotRead> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        for _ in 0..MOST_PAGES {
            let from = cursor.as_deref();
            let page = match self.call(|client| async move { client.said(&place.id, thread, oldest, from).await }).await
            {
                Err(NotRead::UsedUp) if !all.is_empty() => return Ok((all, false)),
                other => other?,
            };
            all.extend(page.messages);
            cursor = next_page(page.response_metadata);
            if cursor.is_none() {
                return Ok((all, true));
            }
        }
        Ok((all, false))
    }

    /// One call when its time has come, again where Slack asks to wait or does not answer.
    async fn call<T, F: Future<Output = Result<T, DeliverError>>>(
        &mut self,
        call: impl Fn(Arc<Client>) -> F,
    ) -> Result<T, NotRead> {
        if self.used >= self.bounds.calls {
            return Err(NotRead::UsedUp);
        }
        self.used += 1;
        let (workspace, organisation) = (&self.of.workspace, self.of.organisation.as_deref());
        let mut failures = 0;
        // Whoever waits, or has to try again, does so before the next of those who share the token.
        let mut pace = self.pace.lock().await;
        loop {
            tokio::time::sleep_until(pace.next).await;
            let answer = self.workspaces.call(workspace, organisation, &call).await;
            let usual = self.bounds.pace.max(pace.least);
            let pause = match answer {
                Ok(answer) => {
                    pace.next = Instant::now() + usual;
                    return Ok(answer);
                }
                Err(DeliverError::RateLimited { after }) => {
                    pace.held_up += 1;
                    // Once may be for the calls of others; from the second time on it is the pace of this app, of
                    // which every other turn is left to who delivers and has to look for what it sent.
                    if pace.held_up > 1 {
                        pace.least = pace.least.max(after * 2);
                    }
                    after + MARGIN
                }
                Err(DeliverError::Rejected { reason } | DeliverError::OutOfReach { reason }) => {
                    pace.next = Instant::now() + usual;
                    return Err(NotRead::Refused(reason));
                }
                Err(error) => {
                    failures += 1;
                    if failures == MOST_TRIES {
                        return Err(NotRead::Away(error.to_string()));
                    }
                    FIRST_PAUSE * (1 << (failures - 1))
                }
            };
            pace.next = Instant::now() + pause.max(usual);
        }
    }
}

/// The keys by which a message that was found is known if it came by another team of its organisation: a channel of
/// several teams has one id in all of them.
#[must_use]
pub fn keys_elsewhere(found: &Incoming, teams: &[String]) -> Vec<String> {
    let Some(place) = &found.place else { return Vec::new() };
    let others = teams.iter().filter(|team| **team != found.installation);
    others.map(|team| message_key(team, &place.id, said_at(found))).collect()
}

/// Messages of one lane are taken in as they were said; their key has the time in it.
fn said_at(incoming: &Incoming) -> &str {
    incoming.dedupe.first().and_then(|key| key.rsplit('|').next()).unwrap_or_default()
}

/// The thread that a message has begun, where something was said in it since.
fn thread_with_news<'a>(message: &'a Value, oldest: &str) -> Option<&'a str> {
    let thread = message["thread_ts"].as_str().filter(|thread| message["ts"] == **thread)?;
    let newest = message["latest_reply"].as_str()?;
    (newest > oldest).then_some(thread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_thread_is_read_where_something_is_new_in_it() {
        let cases = [
            (json!({"ts": "10.1", "thread_ts": "10.1", "latest_reply": "20.1"}), Some("10.1")),
            (json!({"ts": "10.1", "thread_ts": "10.1", "latest_reply": "14.9"}), None),
            (json!({"ts": "16.1", "thread_ts": "10.1", "latest_reply": "20.1"}), None),
            (json!({"ts": "16.1"}), None),
        ];
        for (message, thread) in cases {
            assert_eq!(thread_with_news(&message, "15.0"), thread, "{message}");
        }
    }

    /// When each call was begun and ended.
    type Calls = Arc<std::sync::Mutex<Vec<(Instant, Instant)>>>;

    async fn answer(axum::extract::State(calls): axum::extract::State<Calls>) -> String {
        let begun = Instant::now();
        tokio::time::sleep(Duration::from_millis(10)).await;
        calls.lock().unwrap().push((begun, Instant::now()));
        json!({"ok": true, "teams": []}).to_string()
    }

    #[tokio::test]
    async fn who_shares_a_token_calls_one_at_a_time_at_one_pace() {
        let calls = Calls::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = format!("http://{}/api", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(answer).with_state(calls.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        struct Still;
        impl crate::domain::time::Clock for Still {
            fn now(&self) -> Timestamp {
                Timestamp(1)
            }
        }
        let token = crate::domain::secret::Secret::new("xoxb-1");
        let workspaces = Workspaces::new(&api, Some(&token), None, Arc::new(Still)).unwrap();
        let bounds = Bounds { calls: 3, pace: Duration::from_millis(40) };
        let pace = Mutex::default();
        let look = async |team: &str| {
            let of =
                Where { workspace: team.to_owned(), organisation: Some("E1".to_owned()), bot_user: "U".to_owned() };
            let mut reader = Reader::new(&workspaces, &of, bounds, &pace);
            for _ in 0..bounds.calls {
                reader.teams().await.unwrap();
            }
            assert_eq!(reader.teams().await, Err(NotRead::UsedUp), "each has its own calls");
        };
        tokio::join!(look("T1"), look("T2"), look("T3"));
        let calls = calls.lock().unwrap();
        assert_eq!(calls.len(), 9);
        for (before, after) in calls.iter().zip(&calls[1..]) {
            // A little less, since they are timed where they arrive.
            assert!(after.0 - before.1 >= Duration::from_millis(30), "{calls:?}");
        }
    }

    #[test]
    fn a_message_of_several_teams_is_known_by_whichever_it_came() {
        let heard = Heard {
            workspace: "T1",
            organisation: Some("E1"),
            bot_user: "UBOT",
            place: "C1",
            channel_type: "channel",
            shared: false,
        };
        let found = missed(&heard, &json!({"user": "U1", "ts": "1.2", "text": "<@UBOT> help"})).unwrap();
        let teams = ["T1", "T2", "T3"].map(str::to_owned);
        assert_eq!(keys_elsewhere(&found, &teams), [message_key("T2", "C1", "1.2"), message_key("T3", "C1", "1.2")]);
        assert!(found.dedupe.contains(&message_key("T1", "C1", "1.2")));
    }
}
