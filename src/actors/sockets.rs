//! The actor that keeps one socket of Slack's Socket Mode open: opens it, has another one ready before an old one goes,
//! opens it again when it dies, and shows whether Slack can reach us by it.
//!
//! Owns when a connection is opened and closed. What comes over it is taken in by `taking`, in a task of its own that
//! tells this actor what becomes of it. The protocol is `channels/slack/socket`.

mod taking;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::actors::board::Board;
use crate::actors::delivery::Dice;
use crate::actors::sockets::taking::{Stay, Tally};
use crate::channels::slack::forms::FormDesk;
use crate::channels::slack::socket::Hello;
use crate::channels::slack::socket::connection::{OpenError, Opener};
use crate::domain::time::Clock;
use crate::ledger::inbox::backoff;
use crate::ledger::intake::Intake;

/// What the names of these actors on the board begin with.
pub const BOARD_NAME: &str = "slack socket";
/// Pause before a failed connection is tried again; doubles with each failure in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest of those pauses: a socket is open again within half a minute of Slack's being back.
const MOST_PAUSE: Duration = Duration::from_secs(15);
/// Pause where somebody has to mend something first. `apps.connections.open` may be asked about once a minute.
const SLOW_PAUSE: Duration = Duration::from_secs(120);
/// Pause where there are too many sockets, so that those of who goes are gone.
const CROWDED_PAUSE: Duration = Duration::from_secs(30);
/// A connection that stood for so long was a good one: its end, and that a dead one is dead, is no failure in a row.
const GOOD_AFTER: Duration = Duration::from_secs(15);
/// How often figures are shown.
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// What it is told.
pub enum SocketMessage {
    /// Open a connection.
    Open,
    /// A connection stands.
    Stands(u64, Hello),
    /// Slack will close this connection: have another one ready.
    Leaves(u64),
    /// There is no connection under this number, or none any more.
    Ended(u64, OpenError),
    /// Show the figures.
    Show,
    /// Take nothing in any more; answer when all connections are closed.
    Close(RpcReplyPort<()>),
}

/// What it is started with.
#[derive(Clone)]
pub struct Arguments {
    /// Which of the sockets, from 1.
    pub index: usize,
    /// Opens connections.
    pub opener: Arc<Opener>,
    /// The way in.
    pub intake: Intake,
    /// Opens forms and looks at those that were sent.
    pub forms: Arc<FormDesk>,
    /// Gives each connection of the process a number.
    pub numbers: Arc<AtomicU64>,
    /// For the times on the board.
    pub clock: Arc<dyn Clock>,
    /// Spreads the pauses.
    pub dice: Dice,
    /// Where it is shown.
    pub board: Board,
}

impl Arguments {
    /// Its name on the board.
    #[must_use]
    pub fn board_name(&self) -> String {
        format!("{BOARD_NAME} {}", self.index)
    }
}

/// The actor.
pub struct SocketActor;

/// What it works with.
pub struct Keeping {
    args: Arguments,
    tally: Arc<Tally>,
    /// Every connection that has not ended, with what it is asked to do. They close when this is dropped.
    connections: HashMap<u64, watch::Sender<Stay>>,
    /// The one by which Slack sends.
    live: Option<(u64, Instant)>,
    hello: Hello,
    /// One is being opened, or will be after a pause.
    opening: bool,
    /// The one that is being opened.
    trying: Option<u64>,
    failures: u32,
    opened: u64,
    closing: bool,
    /// Who waits until all are closed.
    waiting: Option<RpcReplyPort<()>>,
}

impl Keeping {
    fn open(&mut self, myself: &ActorRef<SocketMessage>) {
        if self.closing {
            return;
        }
        let number = self.args.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let (ask, stay) = watch::channel(Stay::Open);
        self.connections.insert(number, ask);
        self.trying = Some(number);
        tokio::spawn(taking::run(self.args.clone(), self.tally.clone(), number, stay, myself.clone()));
    }

    fn open_after(&mut self, myself: &ActorRef<SocketMessage>, pause: Duration) {
        if !std::mem::replace(&mut self.opening, true) {
            myself.send_after(pause, || SocketMessage::Open);
        }
    }

    fn stands(&mut self, number: u64, hello: Hello) {
        let name = self.args.board_name();
        tracing::info!(actor = name, connection = number, connections = hello.connections, "slack sends by socket");
        (self.opening, self.trying, self.hello) = (false, None, hello);
        self.opened += 1;
        if let Some((old, _)) = self.live.replace((number, Instant::now()))
            && let Some(ask) = self.connections.get(&old)
        {
            // What Slack has on its way there is still taken.
            ask.send_replace(Stay::ForTheRest);
        }
        self.args.board.degraded(&name, self.args.clock.now(), None);
    }

    fn ended(&mut self, myself: &ActorRef<SocketMessage>, number: u64, why: &OpenError) {
        self.connections.remove(&number);
        let stood = self.live.filter(|(live, _)| *live == number).map(|(_, since)| since.elapsed());
        let tried = self.trying.take_if(|trying| *trying == number).is_some();
        if stood.is_some() {
            self.live = None;
        }
        if self.closing || !(stood.is_some() || tried) {
            return;
        }
        let name = self.args.board_name();
        let pause = pause(&mut self.failures, why, stood, (self.args.dice)());
        tracing::warn!(actor = name, connection = number, why = %why, again_in = ?pause, "a socket of slack is not open");
        if self.live.is_none() {
            self.args.board.degraded(&name, self.args.clock.now(), Some(&format!("not connected: {why}")));
        }
        // The end of a try makes room for the next; the end of one that stood does not, where a try is under way.
        if tried {
            self.opening = false;
        }
        self.open_after(myself, pause);
    }

    fn close(&mut self, reply: RpcReplyPort<()>) {
        (self.closing, self.waiting) = (true, Some(reply));
        for ask in self.connections.values() {
            ask.send_replace(Stay::No);
        }
    }

    fn answer_when_closed(&mut self) {
        if self.connections.is_empty()
            && let Some(reply) = self.waiting.take()
        {
            // Who asked and gave up needs no answer.
            let _ = reply.send(());
        }
    }

    fn show(&self) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed).into();
        let figures = [
            ("connected", self.live.is_some().into()),
            ("connection", self.live.map(|(number, _)| number).into()),
            ("connections_of_app", self.hello.connections.into()),
            ("lasts_s", self.hello.lasts_s.into()),
            ("opened", self.opened.into()),
            ("acknowledged", count(&self.tally.acknowledged)),
            ("unreadable", count(&self.tally.unreadable)),
            ("unacknowledged", count(&self.tally.unacknowledged)),
        ];
        self.args.board.figures(&self.args.board_name(), self.args.clock.now(), figures);
    }
}

/// For how long none is opened after one ended, which had `stood` for so long or never did. Counts the failures in a row.
fn pause(failures: &mut u32, why: &OpenError, stood: Option<Duration>, dice: f64) -> Duration {
    let was_good = stood.is_some_and(|stood| stood >= GOOD_AFTER);
    let in_a_row = if was_good { 0 } else { *failures };
    // Slack that asks to wait is there.
    let counts = !was_good && !matches!(why, OpenError::RateLimited { .. });
    *failures = in_a_row.saturating_add(counts.into());
    match why {
        OpenError::Refused { .. } => backoff(0, SLOW_PAUSE, SLOW_PAUSE.mul_f64(1.5), dice),
        OpenError::TooMany => backoff(in_a_row, CROWDED_PAUSE, SLOW_PAUSE, dice),
        // Not sooner than asked for, and not all at one time.
        OpenError::RateLimited { after } => *after + FIRST_PAUSE.mul_f64(1.0 + dice),
        OpenError::Failed(_) if stood.is_some() && in_a_row == 0 => Duration::ZERO,
        OpenError::Failed(_) => backoff(in_a_row, FIRST_PAUSE, MOST_PAUSE, dice),
    }
}

impl Actor for SocketActor {
    type Msg = SocketMessage;
    type State = Keeping;
    type Arguments = Arguments;

    async fn pre_start(&self, myself: ActorRef<SocketMessage>, args: Arguments) -> Result<Keeping, ActorProcessingErr> {
        myself.send_interval(SHOW_EVERY, || SocketMessage::Show);
        myself.cast(SocketMessage::Open)?;
        let state = Keeping {
            args,
            tally: Arc::default(),
            connections: HashMap::new(),
            live: None,
            hello: Hello::default(),
            opening: true,
            trying: None,
            failures: 0,
            opened: 0,
            closing: false,
            waiting: None,
        };
        state.show();
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<SocketMessage>,
        message: SocketMessage,
        state: &mut Keeping,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            SocketMessage::Open => state.open(&myself),
            SocketMessage::Stands(number, hello) => state.stands(number, hello),
            SocketMessage::Leaves(number) => {
                if state.live.is_some_and(|(live, _)| live == number) {
                    state.open_after(&myself, Duration::ZERO);
                }
            }
            SocketMessage::Ended(number, why) => state.ended(&myself, number, &why),
            SocketMessage::Show => {}
            SocketMessage::Close(reply) => state.close(reply),
        }
        state.answer_when_closed();
        state.show();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses after these ends, one after the other, in the middle of what the dice give.
    fn pauses<'a>(ends: impl IntoIterator<Item = (&'a OpenError, Option<u64>)>) -> Vec<u128> {
        let mut failures = 0;
        let pause = |(why, stood): (_, Option<u64>)| pause(&mut failures, why, stood.map(Duration::from_secs), 0.5);
        ends.into_iter().map(pause).map(|pause| pause.as_millis()).collect()
    }

    #[test]
    fn a_dead_socket_is_opened_again_at_once_and_oftener_than_it_fails() {
        let failed = OpenError::Failed("away".to_owned());
        let wait = OpenError::RateLimited { after: Duration::from_secs(1) };
        let tries =
            [(&failed, Some(15)), (&failed, None), (&wait, None), (&wait, None), (&failed, None), (&failed, None)];
        assert_eq!(pauses(tries), [0, 500, 1750, 1750, 1000, 2000]);
    }

    #[test]
    fn one_that_ends_as_soon_as_it_stands_is_opened_less_and_less_often() {
        let failed = OpenError::Failed("closed".to_owned());
        let pauses = pauses([(&failed, Some(1)); 8]);
        assert_eq!(pauses, [0, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
    }
}
