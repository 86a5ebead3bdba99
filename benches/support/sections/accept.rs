//! Signed Slack events accepted durably in a burst, beside the floors.

use std::sync::Arc;
use std::time::Duration;

use crate::support::figures::{Report, grouped, rate};
use crate::support::load::{Burst, closed_loop};
use crate::support::requests::{Pool, Said, Shape};
use crate::support::sections::Length;
use crate::support::server::{Server, folder};
use crate::support::stand_in::StandIn;
use crate::support::{floor, load::Connection};

const BURST: Duration = Duration::from_secs(10);
const QUICK_BURST: Duration = Duration::from_secs(3);
const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// More than any floor takes in a burst.
const MOST_PER_SECOND: usize = 60_000;
/// More than the server takes in a second.
const MOST_DURABLE_PER_SECOND: usize = 25_000;
const WANTED: f64 = 8_000.0;
const WANTED_SHARE: f64 = 0.35;

/// Measures it.
pub(crate) async fn measure(report: &mut Report, length: Length) -> anyhow::Result<()> {
    let (lasting, connections) = match length {
        Length::Quick => (QUICK_BURST, &CONNECTIONS[2..]),
        Length::Usual | Length::Full => (BURST, &CONNECTIONS[..]),
    };
    let mut durable = 0.0;
    for (name, on_disk) in [("floor: axum + HMAC", false), ("floor: axum + HMAC + group-committed fdatasync", true)] {
        let seconds = usize::try_from(lasting.as_secs())?;
        let pool = Arc::new(Pool::new(&Shape::usual(Said::Chatter), 0, MOST_PER_SECOND * seconds));
        for connections in connections.iter().copied() {
            let data = folder()?;
            let server = floor::start(on_disk.then(|| data.path().join("bodies"))).await?;
            let before = server.processor_time()?;
            let mut burst = closed_loop(server.address, &pool, connections, lasting, None).await?;
            line(report, name, connections, &mut burst, server.processor_time()? - before);
            if on_disk {
                durable = rate(burst.taken, burst.took);
            }
            server.stop().await?;
        }
    }
    for (name, said) in [("messages that are not for the bot", Said::Chatter), ("mentions: task list", Said::Mention)] {
        for connections in connections.iter().copied() {
            let (stand_in, data) = (StandIn::start().await?, folder()?);
            let server = Server::connected(data.path(), &stand_in, &[]).await?;
            let per_second = if connections == 1 { 5_000 } else { MOST_DURABLE_PER_SECOND };
            let count = per_second * usize::try_from(lasting.as_secs())?;
            let pool = Arc::new(Pool::new(&Shape::usual(said), 0, count));
            let before = server.processor_time()?;
            let mut burst = closed_loop(server.address, &pool, connections, lasting, None).await?;
            let spent = server.processor_time()? - before;
            let ended = server.metric("ai_crm_events_ended_total").await?;
            line(report, name, connections, &mut burst, spent);
            report.line("    of them handled to their end within the burst", &grouped(ended));
            if connections == 64 {
                demands(report, (name, said), &burst, durable);
            }
            let (status, _) = Connection::open(server.address).await?.get("/readyz").await?;
            anyhow::ensure!(status == 200, "after the burst /readyz says {status}");
            server.stop().await?;
        }
    }
    Ok(())
}

fn line(report: &mut Report, name: &str, connections: usize, burst: &mut Burst, spent: Duration) {
    let figure = format!("{:>7}/s  {}", grouped(rate(burst.taken, burst.took)), burst.latencies.words());
    let core = 100.0 * spent.as_secs_f64() / burst.took.as_secs_f64();
    let refused = if burst.refused == 0 { String::new() } else { format!("  refused: {}", burst.refused) };
    report.line(&format!("{name}, {connections} connections"), &format!("{figure}  {core:.0} % of its core{refused}"));
}

fn demands(report: &mut Report, (name, said): (&str, Said), burst: &Burst, floor: f64) {
    let accepted = rate(burst.taken, burst.took);
    let what = format!("accepted, 64 connections, {name}");
    report.demand(&what, &format!("{}/s", grouped(accepted)), "≥ 8,000/s", accepted >= WANTED);
    let (share, what) = (accepted / floor, "  as a share of the durable floor");
    let figure = format!("{:.0} %", share * 100.0);
    match said {
        Said::Chatter => report.demand(what, &figure, "≥ 35 %", share >= WANTED_SHARE),
        // The floor stores a body; of a mention the server also begins to do what it asks.
        Said::Mention => report.line(what, &figure),
    }
}
