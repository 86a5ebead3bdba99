//! Latency under a steady load: 500 mentions a second that wait for nobody.

use std::sync::Arc;
use std::time::Duration;

use crate::support::figures::{Latencies, Report, rate};
use crate::support::load::open_loop;
use crate::support::requests::{Pool, Said, Shape};
use crate::support::server::{Server, folder};
use crate::support::stand_in::StandIn;

const EVERY: Duration = Duration::from_millis(2);
const COUNT: usize = 10_000;
/// Before the clock runs, so that people are known and pages are in memory.
const WARM_UP: usize = 500;
const PATIENCE: Duration = Duration::from_secs(60);
const MOST_TO_2XX: f64 = 10.0;
const MOST_TO_ANSWER: f64 = 50.0;

/// Measures it.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let (stand_in, data) = (StandIn::start().await?, folder()?);
    let server = Server::connected(data.path(), &stand_in, &[]).await?;
    // In a thread that is there each answer names its thread, by which it is known.
    let shape = Shape { threads: Some(u64::MAX), ..Shape::usual(Said::Mention) };
    let warm_up = Arc::new(Pool::new(&shape, 0, WARM_UP));
    open_loop(server.address, &warm_up, 64, EVERY).await?;
    stand_in.answered(WARM_UP, PATIENCE).await?;
    stand_in.forget();
    let pool = Arc::new(Pool::new(&shape, WARM_UP as u64, COUNT));
    let (mut burst, due) = open_loop(server.address, &pool, 64, EVERY).await?;
    stand_in.answered(COUNT, PATIENCE).await?;
    let mut answers = Latencies::default();
    for (number, at) in stand_in.shown() {
        let index = number.and_then(|number| usize::try_from(number).ok()?.checked_sub(WARM_UP));
        if let Some(due) = index.and_then(|index| due.get(index)) {
            answers.add(at.saturating_duration_since(*due));
        }
    }
    anyhow::ensure!(answers.len() == COUNT, "{} of {COUNT} answers can be told apart", answers.len());
    report.line("offered", &format!("{:.0}/s", rate(burst.taken, burst.took)));
    report.line(
        "to the 2xx",
        &format!("p50 {:.1} ms, p99.9 {:.1} ms", burst.latencies.at(0.5), burst.latencies.at(0.999)),
    );
    let p99 = burst.latencies.at(0.99);
    report.demand("p99 to the 2xx at 500/s", &format!("{p99:.1} ms"), "< 10 ms", p99 < MOST_TO_2XX);
    report.line("to the answer", &format!("p50 {:.1} ms, p99.9 {:.1} ms", answers.at(0.5), answers.at(0.999)));
    let p99 = answers.at(0.99);
    report.demand("p99 to the command's answer at 500/s", &format!("{p99:.1} ms"), "< 50 ms", p99 < MOST_TO_ANSWER);
    server.stop().await
}
