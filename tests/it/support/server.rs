//! The real binary: started on a data folder with a free port, killed, stopped, started again.
//!
//! A process never outlives its [`Server`]. Its log goes to a file that all starts of one plan share.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ai_crm::sim::slack::SlackSim;
use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;

use super::api::Api;

/// The signing secret of every server that speaks to the stand-in.
pub(crate) const SIGNING_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
/// The bot token of every server that speaks to the stand-in.
pub(crate) const BOT_TOKEN: &str = "xoxb-sim";
/// The app-level token with which a server opens sockets to the stand-in.
pub(crate) const APP_TOKEN: &str = "xapp-sim";

/// How long a start may take before the test gives up; tests that promise less measure it.
const START: Duration = Duration::from_secs(30);
/// How long an orderly end may take: the server's own bound, and a little.
const STOP: Duration = Duration::from_secs(30);

/// How a server is started: where its data is, and its environment.
#[derive(Debug, Clone)]
pub(crate) struct ServerPlan {
    data: PathBuf,
    log: PathBuf,
    environment: BTreeMap<String, String>,
    options: Vec<String>,
}

impl ServerPlan {
    /// A server on `data` that logs to `data` with `.log` behind it, beside the folder.
    pub(crate) fn new(data: &Path) -> Self {
        let environment = BTreeMap::from([
            ("AI_CRM__SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
        ]);
        let mut log = data.as_os_str().to_owned();
        log.push(".log");
        Self { data: data.to_owned(), log: log.into(), environment, options: Vec::new() }
    }

    /// With a variable of the environment.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With an option of `serve`.
    #[must_use]
    pub(crate) fn with_option(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self
    }

    /// With Slack on, spoken to by the stand-in whose API is at `api_url`.
    #[must_use]
    pub(crate) fn with_slack(self, slack: &SlackSim) -> Self {
        self.with("SLACK_SIGNING_SECRET", SIGNING_SECRET)
            .with("SLACK_BOT_TOKEN", BOT_TOKEN)
            .with("SLACK_API_URL", &slack.api_url())
    }

    /// With its log in another place.
    #[must_use]
    pub(crate) fn with_log(mut self, log: &Path) -> Self {
        log.clone_into(&mut self.log);
        self
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// A command of the binary with this environment and data folder; nothing of the caller's environment is seen.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ai-crm"));
        command.args(words).arg("--data").arg(&self.data);
        command.env_clear().envs(&self.environment).stdin(Stdio::null());
        command
    }

    /// What all starts have logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Starts the server and waits until it answers.
    pub(crate) async fn start(&self) -> anyhow::Result<Server> {
        let log = File::options().append(true).create(true).open(&self.log)?;
        let started = Instant::now();
        let mut child =
            Killed(self.command(&["serve"]).args(&self.options).stdout(Stdio::piped()).stderr(log).spawn()?);
        let stdout = child.0.stdout.take().context("the server has no standard output")?;
        let printed = Printed::default();
        let base_url = match tokio::time::timeout(START, greeting(stdout, printed.clone())).await {
            Ok(Ok(address)) => address,
            Ok(Err(_)) => bail!("the server ended before it served: {}", self.log()),
            Err(_) => bail!("the server does not serve within {START:?}: {}", self.log()),
        };
        let api = Api::new(&base_url, &self.data)?;
        ensure!(api.is_alive().await, "the server does not answer at {base_url}: {}", self.log());
        Ok(Server { child, base_url, api, took: started.elapsed(), printed })
    }
}

/// The address in the first line that a server prints. The rest is read as well, so that it can print on.
fn greeting(stdout: ChildStdout, printed: Printed) -> oneshot::Receiver<String> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let keep = |line: &String| {
            let mut kept = printed.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push_str(line);
            kept.push('\n');
        };
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok).inspect(keep);
        if let Some(address) = lines.find_map(|line| address_of(&line)) {
            // Who no longer waits has given up on the server.
            let _ = sender.send(address);
        }
        lines.for_each(drop);
    });
    receiver
}

/// What a server has printed so far.
type Printed = Arc<Mutex<String>>;

/// The address in a server's greeting.
pub(crate) fn address_of(line: &str) -> Option<String> {
    line.split_once(" listens on ").map(|(_, address)| address.trim().to_owned())
}

/// A server that answers.
pub(crate) struct Server {
    child: Killed,
    base_url: String,
    api: Api,
    took: Duration,
    printed: Printed,
}

impl Server {
    /// All that it says at its start.
    pub(crate) async fn greeting(&self) -> anyhow::Result<String> {
        super::until(START, "the last line of the greeting", || async {
            let printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Ok(printed.contains("talk to it").then_some(printed))
        })
        .await
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Its API.
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// The time from its start to its first answer.
    pub(crate) fn took(&self) -> Duration {
        self.took
    }

    /// `kill -9`; comes back when the process is gone.
    pub(crate) fn kill(self) {
        drop(self.child);
    }

    /// An orderly end, by SIGTERM.
    pub(crate) async fn stop(mut self) -> anyhow::Result<ExitStatus> {
        kill_process(Pid::from_child(&self.child.0), Signal::TERM)?;
        let child = &mut self.child.0;
        super::until(STOP, "the server ends on SIGTERM", || {
            let ended = child.try_wait();
            async move { Ok(ended?) }
        })
        .await
    }
}

/// A process that does not outlive its owner.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
