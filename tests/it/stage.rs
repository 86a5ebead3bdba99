//! A stage for one test: the real binary in a fresh folder, a Slack workspace beside it, and what people do there.
//!
//! It says nothing about what the bot should answer. What must be true at the end of every test stands in
//! [`Stage::end`]: nothing waits, nothing is owed, no fault is logged, and Slack refused nothing.

use std::collections::BTreeMap;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ai_crm::actors::clock;
use ai_crm::sim::slack::message::{Message, Via};
use ai_crm::sim::slack::sender::SlashResult;
use ai_crm::sim::slack::state::OpenView;
use ai_crm::sim::slack::world::SlackWorld;
use ai_crm::sim::slack::{Sender, SenderConfig, SharedWorld, SlackSim};
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::slack_models;
use crate::support::api::{Api, http_client};
use crate::support::server::{APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, Server, ServerPlan};
use crate::support::until;

/// A member who administers the workspace, two more members, a guest, and somebody of another workspace.
pub(crate) const ADA: &str = "U0ADA0001";
pub(crate) const GRACE: &str = "U0GRACE01";
pub(crate) const LINUS: &str = "U0LINUS01";
pub(crate) const GUEST: &str = "U0GUEST01";
pub(crate) const STRANGER: &str = "U0STRANGE";
/// A public channel, and one that another workspace shares.
pub(crate) const GENERAL: &str = "C0GENERAL";
pub(crate) const SHARED: &str = "C0SHARED1";
/// The channel in which most tests talk.
pub(crate) const DEV: &str = "C0DEVTEAM";

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What a command of the binary printed.
#[derive(Debug)]
pub(crate) struct Printed {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Its standard output.
    pub(crate) out: String,
    /// Its standard error.
    pub(crate) err: String,
}

impl Printed {
    /// The exit code.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The standard output as JSON.
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("no JSON: {self:?}"))
    }
}

/// Runs the binary to its end, with `input` at its standard input.
pub(crate) async fn run(plan: &ServerPlan, words: &[&str], input: &str) -> anyhow::Result<Printed> {
    let mut command = plan.command(&[]);
    command.args(words).env("USER", "ada").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    // A command that reads nothing may have closed it.
    let _ = tokio::io::AsyncWriteExt::write_all(&mut stdin, input.as_bytes()).await;
    drop(stdin);
    let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await??;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Printed { status: output.status, out: text(&output.stdout), err: text(&output.stderr) })
}

/// What a test expects to go wrong.
#[derive(Debug, Default)]
pub(crate) struct Expected<'a> {
    /// Faults in the log, by a part of their line.
    pub(crate) faults: &'a [&'a str],
    /// Refusals of Slack, by Slack's word for them.
    pub(crate) refusals: &'a [&'a str],
    /// Events or effects that are given up, each at most so many.
    pub(crate) dead: usize,
}

/// A workspace and a bot in it.
pub(crate) struct Stage {
    /// Removed with the stage.
    folder: TempDir,
    pub(crate) plan: ServerPlan,
    slack: SlackSim,
    pub(crate) sender: Sender,
    pub(crate) server: Server,
    /// The HTTP answers to slash commands, as they came.
    inline: Mutex<Vec<String>>,
}

impl Stage {
    /// A bot with its usual settings, but without the pause between messages.
    pub(crate) async fn set() -> anyhow::Result<Self> {
        Self::set_with(&[]).await
    }

    /// A bot with some settings changed, given as environment.
    pub(crate) async fn set_with(variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        // The stand-in's client needs a default TLS provider too.
        http_client()?;
        let slack = SlackSim::start("127.0.0.1:0", SlackWorld::new(BOT_TOKEN, clock::system())).await?;
        slack.world().put_app_token(APP_TOKEN);
        let mut plan = ServerPlan::new(&folder.path().join("data"))
            .with_slack(&slack)
            .with("AI_CRM__CHANNELS__SLACK__MESSAGE_PACE_MS", "0");
        for (name, value) in variables {
            plan = plan.with(name, value);
        }
        let server = plan.start().await?;
        let sender = Sender::new(slack.world().clone(), SenderConfig::new(server.base_url(), SIGNING_SECRET))?;
        until(PATIENCE, "the workspace is known", || async { Ok(plan.log().contains("connected").then_some(())) })
            .await?;
        Ok(Self { folder, plan, slack, sender, server, inline: Mutex::default() })
    }

    /// A bot that Slack reaches by its sockets alone, with some settings changed.
    pub(crate) async fn by_socket(variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        // An empty variable sets nothing.
        let mut all = vec![("SLACK_APP_TOKEN", APP_TOKEN), ("SLACK_SIGNING_SECRET", "")];
        all.extend_from_slice(variables);
        let mut stage = Self::set_with(&all).await?;
        stage.sender = stage.sender_by_socket(|_| ())?;
        stage.sees("a socket is open", |world| (!world.sockets().is_empty()).then_some(())).await?;
        Ok(stage)
    }

    /// A sender by socket that is set up otherwise in some way.
    pub(crate) fn sender_by_socket(&self, change: impl FnOnce(&mut SenderConfig)) -> anyhow::Result<Sender> {
        let mut config = SenderConfig { by_socket: true, ..SenderConfig::new(self.server.base_url(), SIGNING_SECRET) };
        change(&mut config);
        Ok(Sender::new(self.world().clone(), config)?)
    }

    /// The server dies without a word and is started again; senders by request must be made anew.
    pub(crate) async fn killed(self) -> anyhow::Result<Self> {
        let Self { folder, plan, slack, server, inline, sender } = self;
        server.kill();
        let server = plan.start().await?;
        Ok(Self { folder, plan, slack, sender, server, inline })
    }

    /// The server dies without a word; people talk on to nobody; it is started again.
    pub(crate) async fn killed_while<T>(
        self,
        meanwhile: impl AsyncFnOnce(&Sender) -> anyhow::Result<T>,
    ) -> anyhow::Result<(Self, T)> {
        let Self { folder, plan, slack, server, inline, sender } = self;
        server.kill();
        let happened = meanwhile(&sender).await?;
        let server = plan.start().await?;
        let sender = Sender::new(slack.world().clone(), SenderConfig::new(server.base_url(), SIGNING_SECRET))?;
        Ok((Self { folder, plan, slack, sender, server, inline }, happened))
    }

    /// The address of the server.
    pub(crate) fn address(&self) -> &str {
        self.server.base_url()
    }

    /// The workspace.
    pub(crate) fn world(&self) -> &SharedWorld {
        self.slack.world()
    }

    /// The bot's API.
    pub(crate) fn api(&self) -> &Api {
        self.server.api()
    }

    /// A folder of this stage, beside the bot's data.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Runs a further command of the binary beside the server.
    pub(crate) async fn run(&self, words: &[&str]) -> anyhow::Result<Printed> {
        run(&self.plan, words, "").await
    }

    /// Starts the server again after its orderly end.
    pub(crate) async fn restart(self) -> anyhow::Result<Self> {
        let Self { folder, plan, slack, server, inline, .. } = self;
        ensure!(server.stop().await?.success(), "the server did not end well: {}", plan.log());
        let server = plan.start().await?;
        let sender = Sender::new(slack.world().clone(), SenderConfig::new(server.base_url(), SIGNING_SECRET))?;
        Ok(Self { folder, plan, slack, sender, server, inline })
    }

    /// A person types `/ai-crm TEXT`.
    pub(crate) async fn slash(&self, user: &str, text: &str) -> anyhow::Result<SlashResult> {
        let result = self.sender.slash(user, DEV, "/ai-crm", text).await?;
        self.inline.lock().unwrap_or_else(PoisonError::into_inner).push(result.body.clone());
        Ok(result)
    }

    /// A person types `/ai-crm TEXT`, and the answer comes at once: to the request, or by the `response_url` of what was
    /// told by a socket.
    pub(crate) async fn answer(&self, user: &str, text: &str) -> anyhow::Result<Message> {
        let result = self.slash(user, text).await?;
        if !self.sender.is_by_socket() {
            return result.message.clone().with_context(|| format!("no answer at once to `{text}`: {result:?}"));
        }
        ensure!(result.error.is_none() && result.body.is_empty(), "it is more than acknowledged: {result:?}");
        let id = &result.response_url_id;
        self.sees("the answer", |world| world.response_url(id).filter(|url| url.uses == 1)).await?;
        let said = self.said(DEV).into_iter().rfind(|message| message.via == Via::ResponseUrl);
        said.with_context(|| format!("no answer to `{text}`"))
    }

    /// The messages of the bot in a channel, oldest first.
    pub(crate) fn said(&self, channel: &str) -> Vec<Message> {
        self.world().messages(channel).into_iter().filter(|message| message.bot_id.is_some()).collect()
    }

    /// Waits for something in the workspace.
    pub(crate) async fn sees<T>(&self, what: &str, look: impl FnMut(&SlackWorld) -> Option<T>) -> anyhow::Result<T> {
        let seen = self.world().wait_for(PATIENCE, look).await;
        seen.with_context(|| format!("not within {PATIENCE:?}: {what}\n{}", self.plan.log()))
    }

    /// The newest event, as the API lists it.
    pub(crate) async fn newest(&self) -> anyhow::Result<Value> {
        let page = self.api().get("/events?limit=1").await?;
        Ok(page["events"][0].clone())
    }

    /// Waits until every event has ended and everything that is owed is done.
    pub(crate) async fn rest(&self) -> anyhow::Result<()> {
        until(PATIENCE, "every event has ended and nothing is owed", || async {
            let mut left = 0;
            for tenant in ["default", "_unclaimed"] {
                for (path, list) in [("/events?state=waiting", "events"), ("/effects?state=owed", "effects")] {
                    let page = self.api().get(&format!("{path}&tenant={tenant}")).await?;
                    left += page[list].as_array().map_or(0, Vec::len);
                }
            }
            Ok((left == 0).then_some(()))
        })
        .await
    }

    /// Everything the bot has shown, as Slack's own models read it.
    fn payloads(&self) -> Vec<Value> {
        let channels = ["C0GENERAL", "C0DEVTEAM", "C0SHARED1", "G0PRIVATE", "D0ADA0001", "D0GRACE01", "D0LINUS01"];
        let messages = channels.iter().flat_map(|channel| self.said(channel));
        let shown = messages.map(|message| json!({ "text": message.text, "blocks": message.blocks }));
        let in_place = channels.iter().flat_map(|channel| self.world().messages(channel));
        let below = in_place.flat_map(|message| message.unfurls.into_values());
        let below = below.map(|blocks| json!({ "text": "below a link", "blocks": blocks }));
        let posted = self.world().response_urls().into_iter().flat_map(|url| url.posts);
        let inline = self.inline.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let inline = inline.iter().filter_map(|body| serde_json::from_str::<Value>(body).ok());
        let bodies = posted.chain(inline).map(|body| json!({ "text": body["text"], "blocks": body["blocks"] }));
        let view = |home: OpenView| json!({ "view": { "type": home.view["type"], "blocks": home.view["blocks"] } });
        shown.chain(below).chain(bodies).chain(self.world().homes().into_iter().map(view)).collect()
    }

    /// The end of every test.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        self.end_but_for(Expected::default()).await
    }

    /// The end of a test that expects something to go wrong.
    pub(crate) async fn end_but_for(self, expected: Expected<'_>) -> anyhow::Result<()> {
        self.rest().await?;
        for kind in ["events", "effects"] {
            let dead = self.api().get(&format!("/{kind}?state=dead")).await?;
            let count = dead[kind].as_array().map_or(0, Vec::len);
            ensure!(count <= expected.dead, "something was given up: {dead}");
        }
        let mut refused = self.world().violations();
        refused.retain(|violation| !expected.refusals.contains(&violation.error.as_str()));
        ensure!(refused.is_empty(), "Slack refused: {refused:#?}");
        let payloads = self.payloads();
        if !payloads.is_empty() {
            slack_models::check(&payloads)?;
        }
        let verified = self.api().get("/audit/verify").await?;
        ensure!(verified["valid"] == true, "the audit chain is broken: {verified}");
        ensure!(self.server.stop().await?.success(), "the server did not end well: {}", self.plan.log());
        let log = self.plan.log();
        let is_fault =
            |line: &&str| line.contains("\"ERROR\"") && !expected.faults.iter().any(|fault| line.contains(fault));
        let faults: Vec<&str> = log.lines().filter(is_fault).collect();
        ensure!(faults.is_empty(), "faults were logged: {faults:#?}");
        self.slack.stop().await;
        Ok(())
    }
}

/// All words of a message that a person reads, block by block.
pub(crate) fn words(message: &Message) -> String {
    if message.blocks.is_empty() { unescaped(&message.text) } else { words_of(&message.blocks) }
}

/// All words of some blocks that a person reads.
pub(crate) fn words_of(blocks: &[Value]) -> String {
    let mut all = Vec::new();
    blocks.iter().for_each(|block| collect(block, &mut all));
    unescaped(&all.join("\n"))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn collect(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(text) = fields.get("text").and_then(Value::as_str) {
                all.push(text.to_owned());
            }
            fields.values().for_each(|inner| collect(inner, all));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect(inner, all)),
        _ => {}
    }
}

/// The action ids of a message's buttons and menus, by what stands on them.
pub(crate) fn controls(message: &Message) -> BTreeMap<String, String> {
    controls_of(&message.blocks)
}

/// The action ids of buttons and menus in some blocks, by what stands on them.
pub(crate) fn controls_of(blocks: &[Value]) -> BTreeMap<String, String> {
    let actions = blocks.iter().filter(|block| block["type"] == "actions");
    let elements = actions.flat_map(|block| block["elements"].as_array().into_iter().flatten());
    let named = elements.filter_map(|element| {
        let label = element["text"]["text"].as_str().or(element["placeholder"]["text"].as_str())?;
        Some((label.to_owned(), element["action_id"].as_str()?.to_owned()))
    });
    named.collect()
}
