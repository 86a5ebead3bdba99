//! From the start of the process to the first 200 of `/healthz`, with an empty store.

use crate::support::figures::{Latencies, Report};
use crate::support::load::Connection;
use crate::support::server::{Server, folder};
use crate::support::stand_in::StandIn;

const STARTS: usize = 10;
const MOST: f64 = 300.0;

/// Measures it.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let stand_in = StandIn::start().await?;
    let mut starts = Latencies::default();
    for _ in 0..STARTS {
        let data = folder()?;
        let server = Server::start(data.path(), &stand_in, &[]).await?;
        let (status, _) = Connection::open(server.address).await?.get("/healthz").await?;
        anyhow::ensure!(status == 200, "/healthz says {status}");
        starts.add(server.started.elapsed());
        server.stop().await?;
    }
    report.line("ten starts, median", &format!("{:.0} ms", starts.at(0.5)));
    let longest = starts.at(1.0);
    report.demand(
        "cold start with an empty store, the longest of ten",
        &format!("{longest:.0} ms"),
        "< 300 ms",
        longest < MOST,
    );
    Ok(())
}
