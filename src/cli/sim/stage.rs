//! What the `sim` commands share: the bot in this process, waiting for what it shows, and what must be refused.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::super::{Global, print};
use crate::app::{App, Mode};
use crate::web::server::{self, Bounds};

/// How long an answer may take to be shown.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);
/// After the first answer, how long to look for further ones.
const AFTERWARDS: Duration = Duration::from_millis(300);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The bot, in this process and on the data folder, for as long as a line takes.
pub(super) struct BotHere {
    /// Where it listens, without a slash at the end.
    pub(super) url: String,
    app: App,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl BotHere {
    /// Starts it with `options` over what is configured.
    pub(super) async fn start(global: &Global, mut options: Vec<(&'static str, String)>) -> anyhow::Result<Self> {
        options.push(("server.listen", "127.0.0.1:0".to_owned()));
        let app = App::start(global.load(options)?, Mode::Whole).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel::<()>();
        let bounds = Bounds { connections: 64, head: PATIENCE };
        let routes = app.routes();
        let serving = tokio::spawn(server::serve(
            listener,
            routes,
            bounds,
            async {
                // Dropped or sent, it is the end.
                let _ = stopped.await;
            },
            AFTERWARDS,
        ));
        Ok(Self { url, app, stop, serving })
    }

    /// Ends it.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        self.serving.await?;
        self.app.stop().await;
        if std::io::stderr().is_terminal() {
            print::remark("(no server runs: the bot and the stand-in ran in this process)");
        }
        Ok(())
    }
}

/// Looks until the bot has shown something that was not there before, and then until nothing further comes.
pub(super) async fn shown_after<Looking: Future<Output = anyhow::Result<Vec<Value>>>>(
    look: impl Fn() -> Looking,
    before: &[Value],
    is_by_bot: impl Fn(&Value) -> bool,
    patience: Duration,
) -> anyhow::Result<Vec<Value>> {
    let deadline = tokio::time::Instant::now() + patience;
    let mut shown = Vec::new();
    while tokio::time::Instant::now() < deadline {
        let new: Vec<Value> =
            look().await?.into_iter().filter(|message| is_by_bot(message) && !before.contains(message)).collect();
        if !new.is_empty() && new == shown {
            break;
        }
        let found = !new.is_empty();
        shown = new;
        tokio::time::sleep(if found { AFTERWARDS } else { LOOK_EVERY }).await;
    }
    Ok(shown)
}

/// Whether a manner of sending does not prove who sends.
pub(super) fn is_to_be_refused(manner: &str) -> bool {
    matches!(manner, "wrong-signature" | "stale")
}

/// Whether the server refused what nobody may take from it, and nothing else happened.
pub(super) fn refused(outcome: &Value, as_json: bool) -> ExitCode {
    let answers = outcome["answers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let well = !answers.is_empty() && answers.iter().all(|answer| answer["status"] == 401);
    if as_json {
        print::json(&json!({ "refused": well, "sent": outcome }));
    } else {
        for answer in answers {
            let (status, body) = (&answer["status"], print::text(answer, "body").trim());
            print::line(format!("the server answered {status}: {body}"));
        }
        print::line(if well { "it was refused, as it must be" } else { "it was not refused as not authentic" });
    }
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
