//! That an answer is being made, shown in its conversation while somebody waits for it.
//!
//! It is advice and nothing more: never stored, never tried again, and gone when the answer sets out, which waits for
//! nothing of it but the moment that a call under way takes. Owns when it is shown, and how much of a conversation's rate it takes. Who waits for which event is told
//! by the edge, that the answer sets out by `deliver.rs`.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use super::client::{Client, Spot};
use super::decode::conversation_id;
use crate::channels::DeliverError;
use crate::domain::event::Address;
use crate::domain::ids::EventId;

/// What is answered sooner needs no sign of it.
const FIRST_AFTER: Duration = Duration::from_secs(1);
/// Clients show it for three seconds, and senders should not send it more often (protocol "Activity", A6000 and A6001).
const EVERY: Duration = Duration::from_secs(3);
/// Whoever waits for longer is told by the answer alone.
const AT_MOST: Duration = Duration::from_secs(60);
/// What takes longer would be seen too late.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// A call that is under way when the answer sets out may come to its end: cut off, it could be shown behind the answer.
/// One that takes longer is cut off all the same, since nobody is to wait for it. Ours: most take a third of that.
const IN_FLIGHT: Duration = Duration::from_millis(300);
/// The answer waits no longer than that and this until such a call is gone, which is for a machine that is busy.
const CUT_OFF: Duration = Duration::from_millis(100);
/// Events for which it is shown at one time; more are answered without it.
const MOST_AT_ONCE: usize = 256;
/// Places that are remembered; beyond it those of a while ago are forgotten.
const MOST_PLACES: usize = 1000;
/// The span of Teams' rate for one conversation to which it counts, and what may be sent in it
/// (learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit). The shorter spans have room for it: a pace that
/// fills this one leaves half of those free.
const SPAN: Duration = Duration::from_secs(30);
const MOST_IN_SPAN: u32 = 60;

/// Answers that are being made.
pub struct Typing {
    client: Arc<Client>,
    waiting: Mutex<HashMap<EventId, Waiting>>,
    places: Mutex<Places>,
}

/// Somebody who is shown that an answer is being made.
struct Waiting {
    /// Dropped when the answer sets out.
    stop: oneshot::Sender<()>,
    /// Closed when nothing is under way any more.
    gone: oneshot::Receiver<()>,
}

/// When it was shown where.
#[derive(Default)]
struct Places {
    shown: HashMap<String, VecDeque<Instant>>,
    /// Teams has asked to be left alone until then.
    quiet_until: Option<Instant>,
}

impl Places {
    /// Whether it may be shown in a place, which is then counted.
    fn admit(&mut self, place: &str, now: Instant) -> bool {
        if self.quiet_until.is_some_and(|until| now < until) || self.newest(place).is_some_and(|at| now < at + EVERY) {
            return false;
        }
        if self.shown.len() >= MOST_PLACES {
            self.shown.retain(|_, shown| shown.back().is_some_and(|at| now < *at + SPAN));
        }
        if self.shown.len() >= MOST_PLACES && !self.shown.contains_key(place) {
            return false;
        }
        let shown = self.shown.entry(place.to_owned()).or_default();
        shown.retain(|at| now < *at + SPAN);
        shown.push_back(now);
        true
    }

    fn newest(&self, place: &str) -> Option<Instant> {
        self.shown.get(place).and_then(|shown| shown.back()).copied()
    }

    /// The pace at which messages and this together are no more than Teams takes.
    fn pace(&self, place: &str, pace: Duration, now: Instant) -> Duration {
        let shown = self.shown.get(place).map_or(0, |shown| shown.iter().filter(|at| now < **at + SPAN).count());
        let left = MOST_IN_SPAN.saturating_sub(u32::try_from(shown).unwrap_or(u32::MAX)).max(1);
        pace * MOST_IN_SPAN / left
    }
}

/// An answer that somebody will wait for, once its event is on disk.
pub struct Answering {
    typing: Arc<Typing>,
    event: EventId,
    to: Address,
    asked: Instant,
    stop: oneshot::Receiver<()>,
    gone: Option<oneshot::Sender<()>>,
}

impl Typing {
    pub(super) fn new(client: Arc<Client>) -> Self {
        Self { client, waiting: Mutex::default(), places: Mutex::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<EventId, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to an event that is about to be accepted, asked for at that time; nothing where many wait already. It
    /// is known from here on, so that an answer which sets out at once is not followed by it.
    #[must_use]
    pub fn answering(self: &Arc<Self>, event: EventId, to: Address, asked: Instant) -> Option<Answering> {
        let mut waiting = self.waiting();
        if waiting.len() >= MOST_AT_ONCE {
            return None;
        }
        let ((stop, stopped), (gone, is_gone)) = (oneshot::channel(), oneshot::channel());
        waiting.insert(event, Waiting { stop, gone: is_gone });
        Some(Answering { typing: self.clone(), event, to, asked, stop: stopped, gone: Some(gone) })
    }

    /// The answer to an event sets out: nothing is begun behind it, and what is under way has a moment to arrive.
    pub(super) async fn answered(&self, event: EventId) {
        let waiting = self.waiting().remove(&event);
        if let Some(Waiting { stop, gone }) = waiting {
            drop(stop);
            // It is closed, or is not in time: the answer goes either way.
            let _ = timeout(IN_FLIGHT + CUT_OFF, gone).await;
        }
    }

    /// Teams asks to be left alone.
    pub(super) fn hush(&self, after: Duration) {
        let until = Instant::now() + after;
        let mut places = self.places();
        places.quiet_until = places.quiet_until.max(Some(until));
    }

    /// The pace of messages in a place, of those that `pace` would have.
    pub(super) fn pace(&self, place: &str, pace: Duration) -> Duration {
        self.places().pace(place, pace, Instant::now())
    }

    async fn show(&self, to: &Address) {
        let Some(service_url) = to.connector.as_deref() else { return };
        if !self.places().admit(&to.spot(), Instant::now()) {
            return;
        }
        let conversation = conversation_id(&to.place, to.thread.as_deref());
        match self.client.typing(Spot { service_url, conversation: &conversation }).await {
            Ok(()) => {}
            Err(DeliverError::RateLimited { after }) => self.hush(after),
            // Nobody misses it. What Teams says of a conversation stays out of the log.
            Err(_) => tracing::debug!(channel = "teams", "that an answer is being made could not be shown"),
        }
    }
}

impl Answering {
    /// Shows it until the answer sets out, or `ended` says that there is none.
    pub fn until(mut self, ended: impl Future<Output = bool> + Send + 'static) {
        tokio::spawn(async move {
            let mut ended = pin!(ended);
            let (mut at, last) = (self.asked + FIRST_AFTER, self.asked + AT_MOST);
            let mut is_decided = false;
            while at < last {
                tokio::select! {
                    biased;
                    _ = &mut self.stop => return,
                    owes = &mut ended, if !is_decided => {
                        if !owes {
                            return;
                        }
                        is_decided = true;
                        continue;
                    }
                    () = sleep_until(at) => {}
                }
                let mut shown = pin!(self.typing.show(&self.to));
                tokio::select! {
                    biased;
                    _ = &mut self.stop => {
                        // It has arrived, or is cut off: the answer goes either way.
                        let _ = timeout(IN_FLIGHT, shown).await;
                        return;
                    }
                    () = &mut shown => {}
                }
                at = Instant::now() + EVERY;
            }
        });
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.typing.waiting().remove(&self.event);
        drop(self.gone.take());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::domain::event::ChannelName;

    #[test]
    fn a_place_is_shown_it_once_in_a_while_however_many_wait_there() {
        let (mut places, now) = (Places::default(), Instant::now());
        let seconds = |seconds: u64| now + Duration::from_secs(seconds);
        assert!(places.admit("a", now) && !places.admit("a", seconds(2)), "two who wait see one");
        assert!(places.admit("b", now) && places.admit("a", seconds(3)));
        places.quiet_until = Some(seconds(10));
        assert!(!places.admit("a", seconds(9)) && places.admit("a", seconds(10)));
        let many = Instant::now() + Duration::from_secs(100);
        assert!((0..MOST_PLACES).all(|place| places.admit(&place.to_string(), many)), "old ones make room");
        assert!(!places.admit("one more", many) && places.shown.len() == MOST_PLACES);
    }

    #[test]
    fn messages_leave_room_for_what_was_shown_beside_them() {
        let (mut places, now) = (Places::default(), Instant::now());
        let half = Duration::from_millis(500);
        assert_eq!(places.pace("a", half, now), half);
        for shown in 0..10 {
            assert!(places.admit("a", now + EVERY * shown));
        }
        let at = now + EVERY * 9;
        let paced = places.pace("a", half, at);
        assert_eq!((SPAN.as_millis() / paced.as_millis(), places.pace("b", half, at)), (50, half));
        assert_eq!(places.pace("a", half, at + SPAN), half);
        assert_eq!(places.pace("a", Duration::ZERO, at), Duration::ZERO);
    }

    /// A connector that takes so long for each call; how many have come, and how many came to their end.
    async fn slow(takes: Duration) -> (String, Arc<[AtomicUsize; 2]>) {
        let counts: Arc<[AtomicUsize; 2]> = Arc::default();
        let counted = counts.clone();
        let take = move || async move {
            counted[0].fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(takes).await;
            counted[1].fetch_add(1, Ordering::SeqCst);
            "{}"
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(take)).await.unwrap() });
        (url, counts)
    }

    #[tokio::test]
    async fn what_is_under_way_when_the_answer_sets_out_arrives_before_it_or_is_cut_off() {
        for (takes, arrives) in [(Duration::from_millis(100), 1), (Duration::from_secs(60), 0)] {
            let (url, counts) = slow(takes).await;
            let to = Address {
                connector: Some(url),
                alone: true,
                person: Some("29:ann".to_owned()),
                ..Address::at(ChannelName::Teams, "t1", "a:1")
            };
            let typing = Arc::new(Typing::new(Arc::new(Client::for_playground().unwrap())));
            let answering = typing.answering(EventId(1), to, Instant::now() - FIRST_AFTER).unwrap();
            answering.until(std::future::pending());
            while counts[0].load(Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let before = Instant::now();
            typing.answered(EventId(1)).await;
            assert_eq!(counts[1].load(Ordering::SeqCst), arrives, "{takes:?}");
            assert!(before.elapsed() < IN_FLIGHT + CUT_OFF + Duration::from_secs(5), "nobody waits for {takes:?}");
        }
    }
}
