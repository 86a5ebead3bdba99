//! `sim`: the platforms in the box. `sim up` runs the stand-in for Slack; `sim slack LINE` does what a
//! person in Slack does and shows what that person would see. Where no server runs, both run in this
//! process for as long as the line takes.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::access::{Running, http_client};
use super::{Global, print};
use crate::actors::clock;
use crate::app::{App, Mode};
use crate::config::Config;
use crate::sim::slack::fault::{self, Faults};
use crate::sim::slack::rates::RateLimits;
use crate::sim::slack::world::SlackWorld;
use crate::sim::slack::{Manner, SlackSim};
use crate::web::server::{self, Bounds};

/// The secrets of the built-in profile `sim`.
const SIM_SECRET: &str = "sim-signing-secret";
const SIM_TOKEN: &str = "xoxb-sim";
/// Where `sim up` listens, and the profile `sim` looks for it.
const STAND_IN: &str = "127.0.0.1:8090";
/// How long an answer may take to be shown.
const PATIENCE: Duration = Duration::from_secs(15);
/// After the first answer, how long to look for further ones.
const AFTERWARDS: Duration = Duration::from_millis(300);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Options of `sim`.
#[derive(Args)]
pub(super) struct SimArgs {
    #[command(subcommand)]
    command: Sim,
}

#[derive(Subcommand)]
enum Sim {
    /// Run the stand-in for Slack's Web API until you stop it
    Up {
        /// Where to listen
        #[arg(long, default_value = STAND_IN, value_name = "ADDR")]
        listen: String,
        /// Do not keep Slack's rate limits
        #[arg(long)]
        no_limits: bool,
        /// What goes wrong between the bot and Slack; may be given again
        #[arg(long, value_name = "KIND=VALUE", long_help = faults_help())]
        fault: Vec<String>,
    },
    /// Do what a person in Slack does, and show what that person sees
    Slack(SlackArgs),
}

#[derive(Args)]
struct SlackArgs {
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
    /// How the request goes: wrong-signature and stale (six minutes old) are to be refused; retry is Slack's first
    /// repeat of what never arrived; twice is the same request again
    #[arg(long = "as", value_name = "MANNER", default_value = "genuine", value_parser = Manner::WORDS)]
    manner: String,
}

/// Every fault by its word.
fn faults_help() -> String {
    let mut help = String::from("What goes wrong between the bot and Slack; may be given again:");
    for (word, _, about) in fault::KINDS {
        help.push_str(&format!("\n  {word}=… {about}"));
    }
    help + "\nA chance is between 0 and 1. What goes wrong on the way to the bot is `sim slack --as`."
}

pub(super) async fn run(global: &Global, args: SimArgs) -> anyhow::Result<ExitCode> {
    // A provider that is installed already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match args.command {
        Sim::Up { listen, no_limits, fault } => match Faults::read(&fault) {
            Ok(faults) => up(global, &listen, !no_limits, faults).await,
            Err(what) => {
                print::remark(format!("error: --fault {what}"));
                Ok(ExitCode::from(2))
            }
        },
        Sim::Slack(args) => slack(global, &args).await,
    }
}

async fn up(global: &Global, listen: &str, limits: bool, faults: Faults) -> anyhow::Result<ExitCode> {
    let config = global.load(Vec::new())?;
    let token = config.channels.slack.token().map_or_else(|| SIM_TOKEN.to_owned(), |token| token.expose().to_owned());
    let world = SlackWorld::new(&token, clock::system());
    if limits {
        world.set_rate_limits(RateLimits::enforced());
    }
    let sound = faults == Faults::default();
    world.set_faults(faults);
    let sim = SlackSim::start(listen, world).await.with_context(|| format!("cannot listen on {listen}"))?;
    print::line(format!("Slack's stand-in listens on {}", sim.api_url()));
    if !sound {
        print::line("things go wrong on purpose, as --fault says");
    }
    print::line("start the bot beside it: `ai-crm serve --profile sim`");
    print::line("then type as a person in Slack: `ai-crm sim slack '/ai-crm help'`");
    tokio::signal::ctrl_c().await?;
    sim.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// A stand-in and a server to send to.
struct Stage {
    stand_in: String,
    app_url: String,
    secret: String,
}

async fn slack(global: &Global, args: &SlackArgs) -> anyhow::Result<ExitCode> {
    let config = global.load(Vec::new())?;
    if let Some(running) = Running::find(&config.data).await {
        let slack = &config.channels.slack;
        let own = slack.signing_secrets().first().map(|secret| secret.expose().to_owned());
        let stand_in = if own.is_some() { slack.api_url.as_str().trim_end_matches("api/") } else { "" };
        let stand_in = if stand_in.is_empty() { format!("http://{STAND_IN}/") } else { stand_in.to_owned() };
        let stage = Stage {
            stand_in,
            app_url: format!("http://{}", running.address),
            secret: own.unwrap_or_else(|| SIM_SECRET.to_owned()),
        };
        return play(&stage, args, global.json).await;
    }
    in_this_process(global, config, args).await
}

/// Nothing runs: the stand-in and the bot run here, on the data folder, while the line takes.
async fn in_this_process(global: &Global, config: Config, args: &SlackArgs) -> anyhow::Result<ExitCode> {
    drop(config);
    let world = SlackWorld::new(SIM_TOKEN, clock::system());
    let sim = SlackSim::start("127.0.0.1:0", world).await?;
    let options = vec![
        ("channels.slack.enabled", "true".to_owned()),
        ("channels.slack.signing_secret", SIM_SECRET.to_owned()),
        ("channels.slack.bot_token", SIM_TOKEN.to_owned()),
        ("channels.slack.api_url", sim.api_url()),
        ("server.listen", "127.0.0.1:0".to_owned()),
    ];
    let app = App::start(global.load(options)?, Mode::Whole).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let stage = Stage {
        stand_in: sim.api_url().trim_end_matches("api/").to_owned(),
        app_url: format!("http://{}", listener.local_addr()?),
        secret: SIM_SECRET.to_owned(),
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
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
    let played = play(&stage, args, global.json).await;
    drop(stop);
    serving.await?;
    app.stop().await;
    sim.stop().await;
    if std::io::stderr().is_terminal() {
        print::remark("(no server runs: the bot and the stand-in ran in this process)");
    }
    played
}

async fn play(stage: &Stage, args: &SlackArgs, as_json: bool) -> anyhow::Result<ExitCode> {
    let client = http_client()?;
    let look = || async {
        let columns = std::env::var("COLUMNS").unwrap_or_else(|_| "80".to_owned());
        let url = format!("{}_sim/messages?channel={}&width={columns}", stage.stand_in, args.channel);
        let answer = client.get(url).send().await.with_context(|| {
            format!(
                "no stand-in answers at {}: run `ai-crm sim up`, and `ai-crm serve --profile sim` beside it",
                stage.stand_in
            )
        })?;
        let messages: Value =
            answer.json().await.context("what answers there is not the stand-in of `ai-crm sim up`")?;
        Ok::<Vec<Value>, anyhow::Error>(messages["messages"].as_array().cloned().unwrap_or_default())
    };
    let before = look().await?;
    let sent = client.post(format!("{}_sim/send", stage.stand_in)).json(&action(stage, args)).send().await?;
    let outcome: Value = sent.json().await?;
    if let Some(error) = outcome["error"].as_str() {
        bail!("{error}");
    }
    if args.is_to_be_refused() {
        return Ok(refused(&outcome, as_json));
    }
    let result = &outcome["result"];
    if let Some(error) = result["error"].as_str() {
        bail!(
            "slack shows `{error}` (the server answered {}: {})",
            result["status"],
            print::text(result, "body").trim()
        );
    }
    let is_new = |message: &&Value| {
        let by_bot = !message["message"]["bot_id"].is_null();
        by_bot && !before.contains(message)
    };
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut shown = Vec::new();
    while tokio::time::Instant::now() < deadline {
        let now = look().await?;
        let new: Vec<Value> = now.iter().filter(is_new).cloned().collect();
        if !new.is_empty() && new == shown {
            break;
        }
        let found = !new.is_empty();
        shown = new;
        tokio::time::sleep(if found { AFTERWARDS } else { LOOK_EVERY }).await;
    }
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

/// Whether the server refused what nobody may take from it, and nothing else happened.
fn refused(outcome: &Value, as_json: bool) -> ExitCode {
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

impl SlackArgs {
    /// Whether the request does not prove that it is Slack's.
    fn is_to_be_refused(&self) -> bool {
        matches!(self.manner.as_str(), "wrong-signature" | "stale")
    }
}

fn action(stage: &Stage, args: &SlackArgs) -> Value {
    let mut action = json!({
        "app_url": stage.app_url, "signing_secret": stage.secret, "user": args.user, "channel": args.channel,
        "as": args.manner,
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
