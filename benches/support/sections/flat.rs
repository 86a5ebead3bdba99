//! Whether an event costs the same however many are kept: windows of mentions, answered to the last, after
//! 1,000, 10,000, 100,000 and more events. The store is filled between the windows with messages that are
//! not for the bot.

use std::sync::Arc;
use std::time::Duration;

use crate::support::figures::{Report, grouped, rate};
use crate::support::load::{Leash, closed_loop};
use crate::support::requests::{Pool, Said, Shape};
use crate::support::sections::Length;
use crate::support::server::{Server, folder};
use crate::support::stand_in::StandIn;

const MARKS: [usize; 6] = [1_000, 10_000, 100_000, 200_000, 500_000, 1_000_000];
const WINDOW: usize = 5_000;
/// Requests that are made and sent at once; their signatures hold for five minutes.
const CHUNK: usize = 50_000;
const PATIENCE: Duration = Duration::from_secs(600);
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
    let mut run = Run { server, stand_in, kept: 0 };
    let mut costs = Vec::new();
    for mark in marks {
        run.fill(*mark).await?;
        let (cost, answered) = run.window().await?;
        let figure = format!("{cost:>5.0} µs of the server's core per event, {}/s", grouped(answered));
        report.line(&format!("with {} events kept", grouped(*mark as f64)), &figure);
        costs.push(cost);
    }
    let growth = costs.last().unwrap_or(&0.0) / costs.first().unwrap_or(&1.0);
    report.demand(
        "cost per event, last window to the first",
        &format!("× {growth:.2}"),
        "flat (≤ × 1.25)",
        growth <= MOST_GROWTH,
    );
    report.line("  memory in use then", &format!("{:.0} MB", run.server.resident()? as f64 / 1e6));
    run.server.stop().await
}

struct Run {
    server: Server,
    stand_in: StandIn,
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

    /// Processor time per event in microseconds, and answers per second.
    async fn window(&mut self) -> anyhow::Result<(f64, f64)> {
        self.stand_in.forget();
        let pool = Arc::new(Pool::new(&Shape::usual(Said::Mention), self.kept as u64, WINDOW));
        let (before, started) = (self.server.processor_time()?, tokio::time::Instant::now());
        let leash = Leash { done: self.stand_in.counter(), most: 500 };
        closed_loop(self.server.address, &pool, 64, PATIENCE, Some(leash)).await?;
        self.stand_in.answered(WINDOW, PATIENCE).await?;
        let took = started.elapsed();
        let spent = self.server.processor_time()? - before;
        self.kept += WINDOW;
        Ok((spent.as_secs_f64() * 1e6 / WINDOW as f64, rate(WINDOW, took)))
    }
}
