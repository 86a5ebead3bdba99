//! Whether an event costs the same however many are kept: windows of mentions, answered to the last, after
//! 1,000, 10,000, 100,000 and more events. The store is filled between the windows with messages that are
//! not for the bot.
//!
//! A window lasts from rest to rest, so that it bears what its own events cost behind the log, whole, and nothing of
//! the filling. The machine's own speed changes by half within minutes: each window stands beside what a request cost
//! the floor just before and just after it, and growth is that of the ratio. Single windows at one mark have differed
//! by a half within minutes (19.5 and 29.0 floors with 100,000 events kept), so there are several at each.

use std::sync::Arc;
use std::time::Duration;

use crate::support::figures::{Report, grouped, rate};
use crate::support::floor;
use crate::support::load::{Leash, closed_loop};
use crate::support::requests::{Pool, Said, Shape};
use crate::support::sections::Length;
use crate::support::server::{Server, folder};
use crate::support::stand_in::StandIn;

const MARKS: [usize; 6] = [1_000, 10_000, 100_000, 200_000, 500_000, 1_000_000];
const WINDOW: usize = 5_000;
/// Windows at each mark; what counts is all of them together.
const WINDOWS: usize = 4;
/// Requests that are made and sent at once; their signatures hold for five minutes.
const CHUNK: usize = 50_000;
const PATIENCE: Duration = Duration::from_secs(600);
/// Requests by which the floor is measured beside a window.
const FLOOR: usize = 30_000;
/// A server rests when in such a time,
const REST: Duration = Duration::from_secs(1);
/// so many times one after another, longer together than the log waits before it settles,
const RESTS: u32 = 4;
/// it used less of its core than this.
const RESTING: Duration = Duration::from_millis(20);
/// A window may cost this much more than the first, on a machine whose figures vary by a tenth.
const MOST_GROWTH: f64 = 1.25;

/// Measures it.
pub(crate) async fn measure(report: &mut Report, length: Length) -> anyhow::Result<()> {
    let (stand_in, data) = (StandIn::start().await?, folder()?);
    let server = Server::connected(data.path(), &stand_in, &[("AI_CRM__STORE__MOST_MB", "16384")]).await?;
    let marks = match length {
        Length::Quick => &MARKS[..2],
        Length::Usual => &MARKS[..4],
        Length::Full => &MARKS[..],
    };
    let mut run = Run { server, stand_in, floor: floor::start(None).await?, kept: 0 };
    let mut ratios = Vec::new();
    for mark in marks {
        run.fill(*mark).await?;
        run.rest().await?;
        let (mut cost, mut floor, mut answered) = (0.0, 0.0, 0.0);
        for _ in 0..WINDOWS {
            let before = run.floor().await?;
            let window = run.window().await?;
            floor += f64::midpoint(before, run.floor().await?) / WINDOWS as f64;
            cost += window.0 / WINDOWS as f64;
            answered += window.1 / WINDOWS as f64;
        }
        let (ratio, answered) = (cost / floor, grouped(answered));
        let figure = format!("{cost:>5.0} µs of the core per event, {ratio:.1} floors of {floor:.1} µs, {answered}/s");
        report.line(&format!("with {} events kept", grouped(*mark as f64)), &figure);
        ratios.push(ratio);
    }
    let growth = ratios.last().unwrap_or(&0.0) / ratios.first().unwrap_or(&1.0);
    report.demand(
        "cost per event in floors, last window to the first",
        &format!("× {growth:.2}"),
        "flat (≤ × 1.25)",
        growth <= MOST_GROWTH,
    );
    report.line("  memory in use then", &format!("{:.0} MB", run.server.resident()? as f64 / 1e6));
    run.floor.stop().await?;
    run.server.stop().await
}

struct Run {
    server: Server,
    stand_in: StandIn,
    floor: Server,
    kept: usize,
}

impl Run {
    /// Fills up to a mark and waits until all have ended.
    async fn fill(&mut self, mark: usize) -> anyhow::Result<()> {
        while self.kept < mark {
            let count = (mark - self.kept).min(CHUNK);
            let pool = Arc::new(Pool::new(&Shape::usual(Said::Chatter), self.kept as u64, count));
            closed_loop(self.server.address, &pool, 64, PATIENCE, None).await?;
            self.kept += count;
            self.server.ended(self.kept, PATIENCE).await?;
        }
        Ok(())
    }

    /// Waits until the server has nothing left to do.
    async fn rest(&self) -> anyhow::Result<()> {
        let (deadline, mut rested) = (tokio::time::Instant::now() + PATIENCE, 0);
        while rested < RESTS {
            anyhow::ensure!(tokio::time::Instant::now() < deadline, "the server does not come to rest");
            let before = self.server.processor_time()?;
            tokio::time::sleep(REST).await;
            rested = if self.server.processor_time()? - before < RESTING { rested + 1 } else { 0 };
        }
        Ok(())
    }

    /// Processor time of a request to the floor, in microseconds.
    async fn floor(&self) -> anyhow::Result<f64> {
        let pool = Arc::new(Pool::new(&Shape::usual(Said::Chatter), 0, FLOOR));
        let before = self.floor.processor_time()?;
        closed_loop(self.floor.address, &pool, 64, PATIENCE, None).await?;
        Ok((self.floor.processor_time()? - before).as_secs_f64() * 1e6 / FLOOR as f64)
    }

    /// Processor time per event in microseconds, and answers per second.
    async fn window(&mut self) -> anyhow::Result<(f64, f64)> {
        self.stand_in.forget();
        let pool = Arc::new(Pool::new(&Shape::usual(Said::Mention), self.kept as u64, WINDOW));
        let (before, started) = (self.server.processor_time()?, tokio::time::Instant::now());
        let leash = Leash { done: self.stand_in.counter(), most: 500 };
        closed_loop(self.server.address, &pool, 64, PATIENCE, Some(leash)).await?;
        self.stand_in.answered(WINDOW, PATIENCE).await?;
        let took = started.elapsed();
        self.rest().await?;
        let spent = self.server.processor_time()? - before;
        self.kept += WINDOW;
        Ok((spent.as_secs_f64() * 1e6 / WINDOW as f64, rate(WINDOW, took)))
    }
}
