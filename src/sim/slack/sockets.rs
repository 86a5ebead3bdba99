//! Socket Mode, Slack's side: who may open a socket, which there are, what is sent over them and what is acknowledged.
//!
//! From docs.slack.dev/apis/events-api/using-socket-mode and …/reference/methods/apps.connections.open. The web socket
//! itself is `link`. Envelopes carry what requests carry; [`super::sender`] makes them. Connections and
//! tokens outlive a reset of the workspace, as an application's do.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::methods::{Answer, ApiError};
use super::payload::Request;
use super::seed;
use super::world::SlackWorld;

/// Sockets of one application, from the page on Socket Mode.
pub(super) const MOST_SOCKETS: usize = 10;
/// Frames that wait for one socket: more than any test sends at once. Ours.
const MOST_WAITING: usize = 1024;

/// What a socket is told to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Send this text.
    Send(String),
    /// Say that it will be closed, for this reason; then close it.
    Leave(String),
    /// Read, write and answer nothing any more.
    Silence,
    /// Close it without a word.
    Cut,
}

struct Link {
    orders: mpsc::Sender<Order>,
    leaving: bool,
}

struct Pending {
    link: u64,
    accepts_answer: bool,
    told: oneshot::Sender<Value>,
}

/// All that is so of an application's sockets.
#[derive(Default)]
pub(super) struct Sockets {
    app_tokens: BTreeSet<String>,
    tickets: BTreeSet<String>,
    links: BTreeMap<u64, Link>,
    pending: HashMap<String, Pending>,
    refusal: Option<String>,
    acknowledged: Vec<Value>,
    /// Sockets, tickets and envelopes that were given a number.
    numbers: u64,
    /// Whose turn it is.
    turn: usize,
}

impl Sockets {
    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// The next socket in turn; one that will be closed only where there is no other.
    fn next_link(&mut self) -> Option<u64> {
        let of = |leaving| -> Vec<u64> {
            self.links.iter().filter(|(_, link)| link.leaving == leaving).map(|(number, _)| *number).collect()
        };
        let links = Some(of(false)).filter(|links| !links.is_empty()).unwrap_or_else(|| of(true));
        self.turn = self.turn.wrapping_add(1);
        links.get(self.turn.checked_rem(links.len())?).copied()
    }
}

/// What an envelope may carry beside its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extras {
    /// Whether an answer may come with the acknowledgement.
    pub accepts_answer: bool,
    /// A repeat, by number and reason.
    pub retry: Option<(u8, &'static str)>,
}

/// The envelope of what would be a request: its type and its payload.
#[must_use]
pub fn enveloped(request: &Request) -> (&'static str, Value) {
    let read = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
    if request.content_type == "application/json" {
        return ("events_api", read(&request.body));
    }
    let fields = url::form_urlencoded::parse(request.body.as_bytes());
    let fields: BTreeMap<String, String> = fields.into_owned().collect();
    match fields.get("payload") {
        Some(payload) => ("interactive", read(payload)),
        None => ("slash_commands", json!(fields)),
    }
}

impl SlackWorld {
    /// Lets the application open sockets with an app-level token.
    pub fn put_app_token(&self, token: &str) {
        self.with_sockets(|sockets| sockets.app_tokens.insert(token.to_owned()));
    }

    /// Refuses further sockets with Slack's word for it: `link_disabled` when a socket is opened, any other when it is
    /// asked for. `None` lets them in again.
    pub fn refuse_sockets(&self, why: Option<&str>) {
        self.with_sockets(|sockets| sockets.refusal = why.map(str::to_owned));
    }

    /// The numbers of the sockets that are open, oldest first.
    #[must_use]
    pub fn sockets(&self) -> Vec<u64> {
        self.sockets_lock().links.keys().copied().collect()
    }

    /// Everything that was acknowledged, in order.
    #[must_use]
    pub fn acknowledged(&self) -> Vec<Value> {
        self.sockets_lock().acknowledged.clone()
    }

    /// Tells the application that a socket will be closed (`warning`, `refresh_requested`: after ten seconds;
    /// `link_disabled`, `too_many_websockets`: at once).
    pub fn ask_to_leave(&self, socket: u64, reason: &str) {
        self.with_sockets(|sockets| {
            if let Some(link) = sockets.links.get_mut(&socket) {
                link.leaving = true;
            }
        });
        self.order(socket, Order::Leave(reason.to_owned()));
    }

    /// Lets a socket go dead: it stays open, and nothing is read from it or written to it.
    pub fn silence(&self, socket: u64) {
        self.order(socket, Order::Silence);
    }

    /// Closes a socket without a word.
    pub fn cut(&self, socket: u64) {
        self.order(socket, Order::Cut);
    }

    /// Sends a frame as it stands.
    pub fn push(&self, socket: u64, frame: &str) {
        self.order(socket, Order::Send(frame.to_owned()));
    }

    /// Sends an envelope over one of the sockets and waits for its acknowledgement.
    ///
    /// # Errors
    /// Slack's reason for a repeat: there is no socket, it was closed before, or nothing came in time.
    pub async fn send_envelope(
        &self,
        kind: &str,
        payload: &Value,
        extras: Extras,
        deadline: Duration,
    ) -> Result<Value, &'static str> {
        let waiting = self.with_sockets(|sockets| {
            let link = sockets.next_link()?;
            let id = format!("{:08x}-7c2a-4d1e-9b5f-5eed00000000", sockets.number());
            let mut envelope = json!({
                "envelope_id": id, "type": kind, "payload": payload,
                "accepts_response_payload": extras.accepts_answer,
            });
            if kind == "events_api" {
                let (attempt, reason) = extras.retry.unwrap_or((0, ""));
                envelope["retry_attempt"] = json!(attempt);
                envelope["retry_reason"] = json!(reason);
            }
            let (told, waiting) = oneshot::channel();
            sockets.pending.insert(id, Pending { link, accepts_answer: extras.accepts_answer, told });
            Some((link, envelope, waiting))
        });
        let Some((link, envelope, waiting)) = waiting else { return Err("connection_failed") };
        self.order(link, Order::Send(envelope.to_string()));
        match tokio::time::timeout(deadline, waiting).await {
            Ok(Ok(acknowledgement)) => Ok(acknowledgement),
            Ok(Err(_)) => Err("connection_failed"),
            Err(_) => Err("timeout"),
        }
    }

    /// Closes all sockets.
    pub(super) fn close_sockets(&self) {
        self.with_sockets(|sockets| sockets.links.clear());
    }

    fn order(&self, socket: u64, order: Order) {
        let orders = self.sockets_lock().links.get(&socket).map(|link| link.orders.clone());
        // A socket that is gone, or takes nothing, gets nothing.
        let _ = orders.map(|orders| orders.try_send(order));
    }

    /// Whether a token is one of an app.
    pub(super) fn is_app_token(&self, token: Option<&str>) -> bool {
        token.is_some_and(|token| self.sockets_lock().app_tokens.contains(token))
    }

    /// `apps.connections.open`. The token counts where it stands in the header.
    pub(super) fn open_connection(&self, bearer: Option<&str>, is_bot: bool) -> Answer {
        let base = self.base_url().replacen("http", "ws", 1);
        self.with_sockets(|sockets| {
            let token = bearer.ok_or_else(|| ApiError::new("not_authed"))?;
            if !sockets.app_tokens.contains(token) {
                return Err(ApiError::new(if is_bot { "not_allowed_token_type" } else { "invalid_auth" }));
            }
            if let Some(refusal) = sockets.refusal.as_ref().filter(|refusal| *refusal != "link_disabled") {
                return Err(ApiError::new(refusal));
            }
            let ticket = format!("ticket-{}", sockets.number());
            sockets.tickets.insert(ticket.clone());
            Ok(json!({ "url": format!("{base}/link/?ticket={ticket}&app_id={}", seed::APP) }))
        })
    }

    /// Takes a ticket, which opens one socket.
    pub(super) fn take_ticket(&self, ticket: &str) -> bool {
        self.with_sockets(|sockets| sockets.tickets.remove(ticket))
    }

    /// A socket was opened: its number, what it is to do, and how many there are. Or why it may not stay.
    pub(super) fn link(&self) -> Result<(u64, mpsc::Receiver<Order>, usize), String> {
        self.with_sockets(|sockets| {
            if let Some(refusal) = &sockets.refusal {
                return Err(refusal.clone());
            }
            if sockets.links.len() >= MOST_SOCKETS {
                return Err("too_many_websockets".to_owned());
            }
            let (orders, receiver) = mpsc::channel(MOST_WAITING);
            let number = sockets.number();
            sockets.links.insert(number, Link { orders, leaving: false });
            Ok((number, receiver, sockets.links.len()))
        })
    }

    /// A socket is gone. What was not acknowledged over it never will be.
    pub(super) fn unlink(&self, number: u64) {
        self.with_sockets(|sockets| {
            sockets.links.remove(&number);
            sockets.pending.retain(|_, pending| pending.link != number);
        });
    }

    /// The application has sent something over a socket.
    pub(super) fn heard(&self, text: &str) {
        let read: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        let id = read["envelope_id"].as_str().map(str::to_owned);
        let pending = self.with_sockets(|sockets| {
            sockets.acknowledged.push(read.clone());
            sockets.pending.remove(id.as_deref()?)
        });
        let carries = !read["payload"].is_null();
        if id.is_none() {
            self.change(|state, now| state.records.violate(now, "socket", "invalid_acknowledgement", text));
        } else if carries && pending.as_ref().is_some_and(|pending| !pending.accepts_answer) {
            self.change(|state, now| state.records.violate(now, "socket", "payload_not_accepted", text));
        }
        // What comes late is for nobody.
        let _ = pending.map(|pending| pending.told.send(read));
    }

    fn with_sockets<T>(&self, how: impl FnOnce(&mut Sockets) -> T) -> T {
        let result = how(&mut self.sockets_lock());
        // Wakes those who wait on the world.
        self.change(|_, _| ());
        result
    }
}
