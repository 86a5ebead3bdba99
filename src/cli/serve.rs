//! `serve`: runs the bot until it is told to stop.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::access::Running;
use super::{Global, logging, print};
use crate::app::{App, Mode};
use crate::config::teams::Counterpart;
use crate::web::server::{self, Bounds};

/// What is said at each start with the playground, on the screen and in the log.
const WITH_PLAYGROUND: &str = "--teams-playground: EVERY PROGRAM ON THIS MACHINE IS BELIEVED to be anybody in Teams, \
                               without a proof; for development only";

/// Options of `serve`.
#[derive(Args)]
pub(super) struct ServeArgs {
    /// Where to listen
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Speak with Microsoft 365 Agents Playground on this machine as if it were Teams, without proofs: for development
    #[arg(long)]
    teams_playground: bool,
}

pub(super) async fn run(global: &Global, args: ServeArgs) -> anyhow::Result<ExitCode> {
    let options = args.listen.map(|listen| ("server.listen", listen)).into_iter().collect();
    let config = global.load(options)?;
    let config = if args.teams_playground { config.for_playground()? } else { config };
    logging::init(config.log.format, &config.log.filter, &std::io::stderr())?;
    if let Some(running) = Running::find(&config.data).await {
        anyhow::bail!(
            "a server runs on {} already (process {}, {}): stop it, or name another folder with --data",
            config.data.display(),
            running.pid,
            running.address
        );
    }
    let listener = TcpListener::bind(config.server.listen)
        .await
        .with_context(|| format!("cannot listen on {}: name another address with --listen", config.server.listen))?;
    let address = listener.local_addr()?;
    let bounds = Bounds { connections: config.server.max_connections, head: config.server.request_timeout() };
    let (data, grace) = (config.data.clone(), config.server.shutdown_grace());
    let mut app = App::start(config, Mode::Whole).await?;
    let instance = app.instance().to_owned();
    Running { address: address.to_string(), pid: std::process::id(), instance }.announce(&data)?;
    app.listens();
    greet(&app, &address.to_string());
    // Outside systemd there is nobody to notify.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let watchdog = tokio::spawn(feed_watchdog());
    server::serve(listener, app.routes(), bounds, stop_signal()?, grace).await;
    tracing::info!("stopping: no new work is taken");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    app.stop().await;
    watchdog.abort();
    Running::retract(&data);
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// What is on, what is off, and how to turn it on.
fn greet(app: &App, address: &str) {
    print::line(format!("AI-CRM {} listens on http://{address}", env!("CARGO_PKG_VERSION")));
    print::line(format!("data: {}", app.config().data.display()));
    for line in app.channels() {
        print::line(format!("  {line}"));
    }
    for line in app.said() {
        print::line(line);
    }
    if app.config().channels.teams.counterpart() == Counterpart::Playground {
        tracing::warn!("{WITH_PLAYGROUND}");
        print::line(format!("WARNING: {WITH_PLAYGROUND}"));
    }
    for warning in app.config().warnings() {
        print::line(format!("warning: {warning}"));
    }
    print::line("talk to it: `ai-crm chat`; no Slack account at hand: `ai-crm sim slack '/ai-crm help'`");
}

fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Tells systemd's watchdog that the runtime turns, at half its time.
async fn feed_watchdog() {
    let Some(every) = sd_notify::watchdog_enabled() else { return };
    loop {
        tokio::time::sleep((every / 2).max(Duration::from_millis(100))).await;
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
    }
}
