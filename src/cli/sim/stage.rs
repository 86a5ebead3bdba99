//! The bot in this process, for a person who has something to do where no server runs.
//!
//! Of the platforms it knows nothing; with what it is started, their files say.

use std::io::IsTerminal;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::super::{Global, print};
use super::visit::PATIENCE;
use crate::app::{App, Mode};
use crate::web::server::{self, Bounds};

/// How long requests that are under way when it ends may take to end: nobody waits for them.
const GRACE: Duration = Duration::from_millis(300);
/// Connections at once: those of one stand-in and one person.
const MOST_CONNECTIONS: usize = 64;

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
        let bounds = Bounds { connections: MOST_CONNECTIONS, head: PATIENCE };
        let routes = app.routes();
        let serving = tokio::spawn(server::serve(
            listener,
            routes,
            bounds,
            async {
                // Dropped or sent, it is the end.
                let _ = stopped.await;
            },
            GRACE,
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
