//! Latency under a steady load from Teams: 500 signed mentions a second that wait for nobody.

use std::sync::Arc;
use std::time::Duration;

use crate::support::figures::{Latencies, Report, rate};
use crate::support::load::open_loop;
use crate::support::server::{Server, folder};
use crate::support::stand_in::StandIn;
use crate::support::teams::Teams;

const EVERY: Duration = Duration::from_millis(2);
const COUNT: usize = 10_000;
/// Before the clock runs, so that people are known, keys and token are there, and pages are in memory.
const WARM_UP: usize = 500;
const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(60);
const MOST_TO_2XX: f64 = 25.0;
const MOST_TO_ANSWER: f64 = 100.0;

/// Measures it.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let (slack, teams, data) = (StandIn::start().await?, Teams::start().await?, folder()?);
    let settings = teams.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = Server::connected(data.path(), &slack, &settings).await?;
    let warm_up = Arc::new(teams.mentions(0, WARM_UP)?);
    open_loop(server.address, &warm_up, CONNECTIONS, EVERY).await?;
    teams.answered(WARM_UP, PATIENCE).await?;
    teams.forget();
    let pool = Arc::new(teams.mentions(WARM_UP as u64, COUNT)?);
    let (mut burst, due) = open_loop(server.address, &pool, CONNECTIONS, EVERY).await?;
    anyhow::ensure!(burst.refused == 0, "{} of {COUNT} were refused", burst.refused);
    teams.answered(COUNT, PATIENCE).await?;
    let mut answers = Latencies::default();
    for (number, at) in teams.answers() {
        let index = number.and_then(|number| usize::try_from(number).ok()?.checked_sub(WARM_UP));
        if let Some(due) = index.and_then(|index| due.get(index)) {
            answers.add(at.saturating_duration_since(*due));
        }
    }
    anyhow::ensure!(answers.len() == COUNT, "{} of {COUNT} answers can be told apart", answers.len());
    report.line("offered", &format!("{:.0}/s", rate(burst.taken, burst.took)));
    report.line("to the 2xx", &burst.latencies.words());
    let p99 = burst.latencies.at(0.99);
    report.demand("p99 to the 2xx at 500/s of Teams", &format!("{p99:.1} ms"), "< 25 ms", p99 < MOST_TO_2XX);
    report.line("to the answer at the connector", &answers.words());
    let p99 = answers.at(0.99);
    report.demand("p99 to the answer at 500/s of Teams", &format!("{p99:.1} ms"), "< 100 ms", p99 < MOST_TO_ANSWER);
    server.stop().await
}
