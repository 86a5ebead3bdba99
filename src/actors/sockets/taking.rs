//! Takes in what comes over one connection: each envelope is put on disk, and acknowledged then and not before.
//!
//! Owns the order of the two and what goes with an acknowledgement: the mistakes of a form, and nothing that is owed. A
//! connection takes what is written to it for some time after the other end is gone, and Slack says nothing of what it was
//! told, so an answer would count as shown that nobody saw; what is sent again is known then. It decides nothing about
//! connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ractor::ActorRef;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{Arguments, SocketMessage};
use crate::channels::slack::decode::Decoded;
use crate::channels::slack::socket::connection::{Connection, OpenError};
use crate::channels::slack::socket::{Envelope, Frame, Leave};
use crate::ledger::inbox::Accepted;
use crate::ledger::intake::{Admitted, NotAdmitted};

/// Envelopes of one connection that are on their way to the disk at one time. Behind them nothing is read, so that what
/// waits is at Slack and not in memory.
const MOST_AT_ONCE: usize = 256;
/// How long an old connection is read beside its successor: Slack closes one of which it has warned after ten seconds.
const FOR_THE_REST: Duration = Duration::from_secs(10);
/// How long what was taken in may take to be acknowledged when the connection is closed.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// What a connection is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stay {
    /// Take in what comes.
    Open,
    /// Another one has taken its place: take in what is on its way, then close.
    ForTheRest,
    /// Take nothing in, acknowledge what is on disk, close.
    No,
}

/// What the connections of one socket have taken in.
#[derive(Default)]
pub(super) struct Tally {
    /// Acknowledged, since on disk.
    pub(super) acknowledged: AtomicU64,
    /// Acknowledged, since Slack would send again what nobody can read.
    pub(super) unreadable: AtomicU64,
    /// Not acknowledged, since not on disk.
    pub(super) unacknowledged: AtomicU64,
}

/// What becomes of an envelope.
enum Taken {
    /// It is acknowledged, maybe with what is wrong with a form.
    Acknowledge(Envelope, Option<Bytes>),
    /// It is not, and Slack sends it again.
    Refuse(NotAdmitted),
}

/// The life of one connection, from its opening to its end.
pub(super) async fn run(
    args: Arguments,
    tally: Arc<Tally>,
    number: u64,
    mut stay: watch::Receiver<Stay>,
    actor: ActorRef<SocketMessage>,
) {
    let opened = tokio::select! {
        opened = args.opener.open() => opened,
        // Also where the actor has ended.
        _ = stay.wait_for(|stay| *stay == Stay::No) => Err(OpenError::Failed("closed by us".to_owned())),
    };
    let why = match opened {
        Ok((connection, hello)) => {
            // An actor that has ended has dropped the other end of `stay`, which closes the connection.
            let _ = actor.cast(SocketMessage::Stands(number, hello));
            let taking = Taking { args, tally, number, actor: &actor, working: JoinSet::new(), is_refusing: false };
            taking.run(connection, stay).await
        }
        Err(why) => why,
    };
    let _ = actor.cast(SocketMessage::Ended(number, why));
}

struct Taking<'a> {
    args: Arguments,
    tally: Arc<Tally>,
    number: u64,
    actor: &'a ActorRef<SocketMessage>,
    working: JoinSet<Taken>,
    /// The store takes nothing, and that is logged.
    is_refusing: bool,
}

impl Taking<'_> {
    async fn run(mut self, mut connection: Connection, mut stay: watch::Receiver<Stay>) -> OpenError {
        let mut asked = Stay::Open;
        // When it is closed for good, whatever still works.
        let mut until: Option<Instant> = None;
        loop {
            if asked == Stay::No && self.working.is_empty() {
                connection.close().await;
                return OpenError::Failed("closed by us".to_owned());
            }
            let reads = asked != Stay::No && self.working.len() < MOST_AT_ONCE;
            tokio::select! {
                changed = stay.changed(), if asked != Stay::No => {
                    asked = if changed.is_ok() { *stay.borrow_and_update() } else { Stay::No };
                    let patience = if asked == Stay::ForTheRest { FOR_THE_REST } else { CLOSE_PATIENCE };
                    until = Some(Instant::now() + patience);
                }
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                    if asked == Stay::No {
                        connection.close().await;
                        return OpenError::Failed("closed by us before all was acknowledged".to_owned());
                    }
                    (asked, until) = (Stay::No, Some(Instant::now() + CLOSE_PATIENCE));
                }
                Some(taken) = self.working.join_next() => match taken {
                    Ok(taken) => if let Err(lost) = self.answer(&mut connection, taken).await {
                        // What is on its way to the disk goes on, and what it has to open.
                        self.working.detach_all();
                        return lost;
                    },
                    Err(error) => tracing::error!(%error, "an envelope of slack was not taken in"),
                },
                frame = connection.next(), if reads => match frame {
                    Ok(frame) => if let Some(why) = self.read(frame) { return why },
                    Err(lost) => {
                        self.working.detach_all();
                        return OpenError::Failed(lost.to_string());
                    }
                },
            }
        }
    }

    /// Begins with a frame; an error where it is the connection's last.
    fn read(&mut self, frame: Frame) -> Option<OpenError> {
        match frame {
            Frame::Envelope(envelope) => {
                self.working.spawn(take(self.args.clone(), self.tally.clone(), self.number, envelope));
            }
            Frame::Leave(Leave::Refresh) => {
                // Without the actor the connection closes by itself.
                let _ = self.actor.cast(SocketMessage::Leaves(self.number));
            }
            Frame::Leave(leave) => return Some(leave.into()),
            Frame::Hello(_) => {}
            Frame::Other(what) => {
                self.tally.unreadable.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(connection = self.number, what, "slack sent what cannot be acknowledged");
            }
        }
        None
    }

    async fn answer(&mut self, connection: &mut Connection, taken: Taken) -> Result<(), OpenError> {
        let (envelope, body) = match taken {
            Taken::Acknowledge(envelope, body) => (envelope, body),
            Taken::Refuse(why) => {
                self.tally.unacknowledged.fetch_add(1, Ordering::Relaxed);
                if !std::mem::replace(&mut self.is_refusing, true) {
                    tracing::warn!(connection = self.number, %why, "what slack sends is not acknowledged: it comes again");
                }
                return Ok(());
            }
        };
        self.is_refusing = false;
        let sent = connection.send(envelope.acknowledgement(body.as_deref())).await;
        sent.map_err(|lost| OpenError::Failed(lost.to_string()))?;
        self.tally.acknowledged.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Puts what an envelope tells of on disk.
async fn take(args: Arguments, tally: Arc<Tally>, number: u64, envelope: Envelope) -> Taken {
    let (mut incoming, asking) = match envelope.decode(number) {
        Ok(Decoded::Event(incoming)) => (*incoming, None),
        Ok(Decoded::Asking(incoming, asking)) => (*incoming, Some(asking)),
        Ok(Decoded::Challenge(_) | Decoded::Probe) => return Taken::Acknowledge(envelope, None),
        Err(error) => {
            tally.unreadable.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(connection = number, kind = envelope.kind, %error, "slack sent what cannot be read");
            return Taken::Acknowledge(envelope, None);
        }
    };
    // Where no answer may go with the acknowledgement, what is wrong is told by the event's own answer.
    if envelope.accepts_answer
        && let Some(body) = args.forms.mistakes(&incoming, asking.as_deref(), args.clock.now())
    {
        return Taken::Acknowledge(envelope, Some(body));
    }
    let showing = asking.and_then(|asking| args.forms.asked_for(&asking, &mut incoming));
    let Admitted { tenant, id } = match args.intake.admit(&incoming).await {
        Ok(admitted) => admitted,
        Err(why) => return Taken::Refuse(why),
    };
    match (args.intake.accept(tenant, id, incoming).await, showing) {
        (Err(error), _) => return Taken::Refuse(error.into()),
        (Ok(Accepted::New { .. } | Accepted::Ignored { .. }), Some(showing)) => args.forms.show(showing),
        (Ok(_), _) => {}
    }
    Taken::Acknowledge(envelope, None)
}
