//! 100,000 events of 10 KB that wait at the start: time to open, to the first answer, to the last.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ai_crm::actors::clock;
use ai_crm::channels::slack::decode::{Decoded, decode};
use ai_crm::channels::slack::verify::Proof;
use ai_crm::domain::ids::TenantId;
use ai_crm::ledger::inbox::Inbox;
use ai_crm::store::ahead::Lead;
use ai_crm::store::open;
use ai_crm::store::quota::Quota;
use ai_crm::store::seal::MasterKey;
use ai_crm::store::sled::SledOptions;
use anyhow::{Context as _, bail};
use bytes::Bytes;

use crate::support::figures::{Report, grouped, rate};
use crate::support::load::Connection;
use crate::support::requests::{Said, Shape};
use crate::support::server::{MASTER_KEY, Server, folder};
use crate::support::stand_in::StandIn;

const PENDING: u64 = 100_000;
const BYTES: usize = 10_000;
const WRITERS: u64 = 256;
const PATIENCE: Duration = Duration::from_secs(300);
const MOST_TO_FIRST: f64 = 3.0;

/// Measures it.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let data = folder()?;
    fill(data.path()).await?;
    let stand_in = StandIn::start().await?;
    let server = Server::start(data.path(), &stand_in, &[]).await?;
    let (status, _) = Connection::open(server.address).await?.get("/healthz").await?;
    anyhow::ensure!(status == 200, "/healthz says {status}");
    report.line(
        "from the start to the first 200 of /healthz",
        &format!("{:.2} s", server.started.elapsed().as_secs_f64()),
    );
    stand_in.answered(1, PATIENCE).await?;
    let first = stand_in.shown().first().context("no answer")?.1.duration_since(server.started).as_secs_f64();
    report.demand(
        "100,000 pending of 10 KB: the first answer",
        &format!("{first:.2} s"),
        "< 3 s",
        first < MOST_TO_FIRST,
    );
    stand_in.answered(usize::try_from(PENDING)?, PATIENCE).await?;
    let took = server.started.elapsed();
    let drained = format!("{:.1} s, {}/s", took.as_secs_f64(), grouped(rate(stand_in.messages(), took)));
    report.line("  to the last answer", &drained);
    report.line("  memory in use then", &format!("{:.0} MB", server.resident()? as f64 / 1e6));
    server.stop().await
}

/// Accepts the events as the edge does, with nobody there to handle them.
async fn fill(data: &Path) -> anyhow::Result<()> {
    let key = data_encoding::BASE64.decode(MASTER_KEY.as_bytes())?;
    let master = MasterKey::new(key.try_into().map_err(|_| anyhow::anyhow!("the key is not 32 bytes"))?);
    let quota = Quota { most_bytes: 8 << 30, keep_free_bytes: 0, reserve_bytes: 0 };
    let options = SledOptions { folder: data.join("store"), cache_bytes: 64 << 20, quota, power_safe: true };
    let store = open::open(options, Lead::default(), &[master], clock::system())?;
    let inbox = Arc::new(Inbox::open(store, clock::system())?);
    let shape = Shape { padding: BYTES, ..Shape::usual(Said::Mention) };
    let writers = (0..WRITERS).map(|writer| {
        let inbox = inbox.clone();
        tokio::spawn(async move {
            for number in (writer..PENDING).step_by(usize::try_from(WRITERS)?) {
                let body = Bytes::from(shape.body(number));
                let read = decode(Some("application/json"), &body, &Proof { secret_index: 0 })?;
                let Decoded::Event(incoming) = read else { bail!("not an event") };
                let id = inbox.next_id().await?;
                inbox.accept(&TenantId::default_tenant(), id, *incoming).await?;
            }
            anyhow::Ok(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await??;
    }
    drop(inbox);
    // The store closes behind its last owner, when what is ahead is settled; the server's patience is shorter.
    let database = data.join("store/db");
    tokio::task::spawn_blocking(move || std::fs::File::open(database)?.lock()).await??;
    Ok(())
}
