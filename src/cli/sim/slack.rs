//! `sim slack`: does what a person in Slack does and shows what that person would see. Where no server runs, the bot and
//! the stand-in run in this process for as long as the line takes.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};

use super::super::access::{Running, http_client};
use super::super::{Global, print};
use super::stage::{self, BotHere, PATIENCE};
use crate::actors::clock;
use crate::sim::slack::world::SlackWorld;
use crate::sim::slack::{Manner, SlackSim};

/// The secrets of the built-in profile `sim`.
const SIM_SECRET: &str = "sim-signing-secret";
pub(super) const SIM_TOKEN: &str = "xoxb-sim";
pub(super) const SIM_APP_TOKEN: &str = "xapp-sim";
/// Where `sim up` listens, and the profile `sim` looks for it.
pub(super) const STAND_IN: &str = "127.0.0.1:8090";

#[derive(Args)]
pub(super) struct SlackArgs {
    /// What is typed: a slash command, `@ai-crm …`, or anything else
    #[arg(required_unless_present = "click")]
    line: Option<String>,
    /// Who: U0ADA0001, U0GRACE01, U0LINUS01 (members), U0GUEST01, U0STRANGE, …
    #[arg(long, default_value = "U0ADA0001")]
    user: String,
    /// Where: C0GENERAL, C0DEVTEAM, G0PRIVATE, D0ADA0001 (a direct message), …
    #[arg(long, default_value = "C0GENERAL")]
    channel: String,
    /// In which thread
    #[arg(long, value_name = "TS")]
    thread: Option<String>,
    /// Press this button or menu (its action id, act-0) of the message --ts instead
    #[arg(long, value_name = "ACTION", requires = "ts")]
    click: Option<String>,
    /// The message of --click
    #[arg(long)]
    ts: Option<String>,
    /// What is chosen in the menu of --click
    #[arg(long)]
    choice: Option<String>,
    /// Send it over a socket (Socket Mode) and not by a request; a server that runs must have been started with
    /// SLACK_APP_TOKEN=xapp-sim
    #[arg(long)]
    socket: bool,
    /// How the request goes: wrong-signature and stale (six minutes old) are to be refused; retry is Slack's first
    /// repeat of what never arrived; twice is the same request again
    #[arg(long = "as", value_name = "MANNER", default_value = "genuine", value_parser = Manner::WORDS)]
    manner: String,
}

/// A stand-in and a server to send to.
struct Ends {
    stand_in: String,
    app_url: String,
    secret: String,
}

pub(super) async fn run(global: &Global, args: &SlackArgs) -> anyhow::Result<ExitCode> {
    if args.socket && stage::is_to_be_refused(&args.manner) {
        print::remark("error: what comes over a socket has no signature that could be wrong or stale");
        return Ok(ExitCode::from(2));
    }
    let config = global.load(Vec::new())?;
    let Some(running) = Running::find(&config.data).await else {
        drop(config);
        return in_this_process(global, args).await;
    };
    let slack = &config.channels.slack;
    let own = slack.signing_secrets().first().map(|secret| secret.expose().to_owned());
    let is_set_up = own.is_some() || slack.app_token.is_some();
    let stand_in = if is_set_up { slack.api_url.as_str().trim_end_matches("api/") } else { "" };
    let stand_in = if stand_in.is_empty() { format!("http://{STAND_IN}/") } else { stand_in.to_owned() };
    let ends = Ends {
        stand_in,
        app_url: format!("http://{}", running.address),
        secret: own.unwrap_or_else(|| SIM_SECRET.to_owned()),
    };
    play(&ends, args, global.json).await
}

/// Nothing runs: the stand-in and the bot run here, on the data folder, while the line takes.
async fn in_this_process(global: &Global, args: &SlackArgs) -> anyhow::Result<ExitCode> {
    let world = SlackWorld::new(SIM_TOKEN, clock::system());
    world.put_app_token(SIM_APP_TOKEN);
    let sim = SlackSim::start("127.0.0.1:0", world).await?;
    let mut options = vec![
        ("channels.slack.enabled", "true".to_owned()),
        ("channels.slack.signing_secret", SIM_SECRET.to_owned()),
        ("channels.slack.bot_token", SIM_TOKEN.to_owned()),
        ("channels.slack.api_url", sim.api_url()),
    ];
    if args.socket {
        options.push(("channels.slack.app_token", SIM_APP_TOKEN.to_owned()));
    }
    let bot = BotHere::start(global, options).await?;
    if args.socket {
        let opened = sim.world().wait_for(PATIENCE, |world| (!world.sockets().is_empty()).then_some(())).await;
        opened.context("the bot opens no socket: `ai-crm doctor` says why")?;
    }
    let ends = Ends {
        stand_in: sim.api_url().trim_end_matches("api/").to_owned(),
        app_url: bot.url.clone(),
        secret: SIM_SECRET.to_owned(),
    };
    let played = play(&ends, args, global.json).await;
    bot.stop().await?;
    sim.stop().await;
    played
}

async fn play(ends: &Ends, args: &SlackArgs, as_json: bool) -> anyhow::Result<ExitCode> {
    let client = http_client()?;
    let look = || async {
        let columns = std::env::var("COLUMNS").unwrap_or_else(|_| "80".to_owned());
        let url = format!("{}_sim/messages?channel={}&width={columns}", ends.stand_in, args.channel);
        let answer = client.get(url).send().await.with_context(|| {
            format!(
                "no stand-in answers at {}: run `ai-crm sim up`, and `ai-crm serve --profile sim` beside it",
                ends.stand_in
            )
        })?;
        let messages: Value =
            answer.json().await.context("what answers there is not the stand-in of `ai-crm sim up`")?;
        Ok::<Vec<Value>, anyhow::Error>(messages["messages"].as_array().cloned().unwrap_or_default())
    };
    let before = look().await?;
    let sent = client.post(format!("{}_sim/send", ends.stand_in)).json(&action(ends, args)).send().await?;
    let outcome: Value = sent.json().await?;
    if let Some(error) = outcome["error"].as_str() {
        bail!("{error}");
    }
    if stage::is_to_be_refused(&args.manner) {
        return Ok(stage::refused(&outcome, as_json));
    }
    let result = &outcome["result"];
    if let Some(error) = result["error"].as_str() {
        bail!(
            "slack shows `{error}` (the server answered {}: {})",
            result["status"],
            print::text(result, "body").trim()
        );
    }
    let by_bot = |message: &Value| !message["message"]["bot_id"].is_null();
    let shown = stage::shown_after(look, &before, by_bot, PATIENCE).await?;
    if as_json {
        let messages: Vec<&Value> = shown.iter().map(|message| &message["message"]).collect();
        print::json(&json!({ "sent": outcome, "messages": messages }));
    } else {
        for message in &shown {
            print::line(format!("── {} {}", args.channel, print::text(&message["message"], "ts")));
            print::line(print::text(message, "shown").trim_end());
        }
    }
    if shown.is_empty() {
        print::remark("nothing is shown: `ai-crm events list`, then `ai-crm why ID` says why");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn action(ends: &Ends, args: &SlackArgs) -> Value {
    let mut action = json!({
        "app_url": ends.app_url, "signing_secret": ends.secret, "user": args.user, "channel": args.channel,
        "as": args.manner, "by_socket": args.socket,
    });
    let line = args.line.as_deref().unwrap_or_default();
    let what = match (&args.click, line.strip_prefix('/')) {
        (Some(click), _) => json!({ "do": "click", "ts": args.ts, "action_id": click, "choice": args.choice }),
        (None, Some(command)) => {
            let (command, text) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
            json!({ "do": "command", "command": format!("/{command}"), "text": text })
        }
        (None, None) => json!({ "do": "say", "text": mention(line), "thread_ts": args.thread }),
    };
    if let (Some(action), Some(what)) = (action.as_object_mut(), what.as_object()) {
        action.extend(what.clone());
    }
    action
}

/// People type the bot's name; Slack sends its id.
fn mention(line: &str) -> String {
    line.replacen("@ai-crm", "<@U0BOT0001>", 1).replacen("@AI-CRM", "<@U0BOT0001>", 1)
}
