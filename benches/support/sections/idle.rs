//! Memory: of a server that has nothing to do, and of a conversation in which nobody speaks.
//!
//! The cost of a conversation is the difference between two servers that were sent as many mentions: one
//! in 20,000 threads, one in a few. What the store keeps of them and caches is the same in both.

use std::sync::Arc;
use std::time::Duration;

use crate::support::figures::Report;
use crate::support::load::{Leash, closed_loop};
use crate::support::requests::{Pool, Said, Shape};
use crate::support::server::{Server, folder};
use crate::support::stand_in::StandIn;

const CONVERSATIONS: usize = 20_000;
const FEW: u64 = 64;
const PATIENCE: Duration = Duration::from_secs(300);
const SETTLED: Duration = Duration::from_secs(3);
const MOST_IDLE: f64 = 60.0;
const MOST_EACH: f64 = 2048.0;

/// Measures it.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let (few, idle) = after(FEW).await?;
    let megabytes = idle as f64 / 1e6;
    report.demand(
        "memory in use after the start, empty store",
        &format!("{megabytes:.1} MB"),
        "< 60 MB",
        megabytes < MOST_IDLE,
    );
    let (many, _) = after(CONVERSATIONS as u64).await?;
    report.line("  after 20,000 mentions in 64 threads", &format!("{:.1} MB", few as f64 / 1e6));
    report.line("  after 20,000 mentions in 20,000 threads", &format!("{:.1} MB", many as f64 / 1e6));
    let each = many.saturating_sub(few) as f64 / (CONVERSATIONS as u64 - FEW) as f64;
    report.demand("an idle conversation", &format!("{each:.0} bytes"), "≤ 2,048 bytes", each <= MOST_EACH);
    Ok(())
}

/// Memory after mentions in so many threads, and before them.
async fn after(threads: u64) -> anyhow::Result<(u64, u64)> {
    let (stand_in, data) = (StandIn::start().await?, folder()?);
    let server = Server::connected(data.path(), &stand_in, &[]).await?;
    tokio::time::sleep(SETTLED).await;
    let idle = server.resident()?;
    let shape = Shape { threads: Some(threads), ..Shape::usual(Said::Mention) };
    let pool = Arc::new(Pool::new(&shape, 0, CONVERSATIONS));
    let leash = Leash { done: stand_in.counter(), most: 100 };
    closed_loop(server.address, &pool, 16, PATIENCE, Some(leash)).await?;
    stand_in.answered(CONVERSATIONS, PATIENCE).await?;
    tokio::time::sleep(SETTLED).await;
    let used = server.resident()?;
    server.stop().await?;
    Ok((used, idle))
}
