//! The rate at which mentions are accepted, handled and answered for as long as it goes on: the load is
//! never more than a leash ahead of the answers that Slack has been sent.

use std::sync::Arc;
use std::time::Duration;

use crate::support::figures::{Report, grouped, rate};
use crate::support::load::{Leash, closed_loop};
use crate::support::requests::{Pool, Said, Shape};
use crate::support::sections::Length;
use crate::support::server::{Server, folder};
use crate::support::stand_in::StandIn;

const LASTING: Duration = Duration::from_secs(20);
const QUICK: Duration = Duration::from_secs(5);
/// Answers that may be missing while the load goes on.
const AHEAD: usize = 500;
/// More than the server answers in a second.
const MOST_PER_SECOND: usize = 10_000;
const PATIENCE: Duration = Duration::from_secs(60);
const WANTED: f64 = 2_500.0;

/// Measures it.
pub(crate) async fn measure(report: &mut Report, length: Length) -> anyhow::Result<()> {
    let (stand_in, data) = (StandIn::start().await?, folder()?);
    let server = Server::connected(data.path(), &stand_in, &[]).await?;
    let lasting = if length == Length::Quick { QUICK } else { LASTING };
    let pool = Pool::new(&Shape::usual(Said::Mention), 0, MOST_PER_SECOND * usize::try_from(lasting.as_secs())?);
    let before = server.processor_time()?;
    let leash = Leash { done: stand_in.counter(), most: AHEAD };
    let started = tokio::time::Instant::now();
    let mut burst = closed_loop(server.address, &Arc::new(pool), 64, lasting, Some(leash)).await?;
    stand_in.answered(burst.taken, PATIENCE).await?;
    let took = started.elapsed();
    let spent = server.processor_time()? - before;
    let answered = rate(stand_in.messages(), took);
    report.demand(
        "accepted = answered, mentions",
        &format!("{}/s", grouped(answered)),
        "≥ 2,500/s",
        answered >= WANTED,
    );
    report.line("  to the 2xx meanwhile", &burst.latencies.words());
    let each = spent.as_secs_f64() * 1e6 / stand_in.messages() as f64;
    report.line(
        "  processor time of the server per event",
        &format!("{each:.0} µs, {:.0} % of its core", 100.0 * spent.as_secs_f64() / took.as_secs_f64()),
    );
    report.line("  store: commits", &grouped(server.metric("ai_crm_store_commits_total").await?));
    report.line("  store: groups", &grouped(server.metric("ai_crm_store_group_commits_count").await?));
    anyhow::ensure!(burst.refused == 0, "{} events were refused", burst.refused);
    server.stop().await
}
