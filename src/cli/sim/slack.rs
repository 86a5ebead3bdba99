//! `sim slack`: does what a person in Slack does and shows what that person would see. Where no server runs, the bot and
//! the stand-in run in this process for as long as the line takes.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde_json::{Value, json};
use url::Url;

use super::super::access::Running;
use super::super::{Global, print};
use super::stage::BotHere;
use super::visit::{self, PATIENCE, Seen, Visit};
use crate::actors::clock;
use crate::config::Config;
use crate::domain::task::link;
use crate::sim::slack::world::SlackWorld;
use crate::sim::slack::{Manner, SlackSim, seed};

/// The secrets of the built-in profile `sim`.
const SIM_SECRET: &str = "sim-signing-secret";
pub(super) const SIM_TOKEN: &str = "xoxb-sim";
pub(super) const SIM_APP_TOKEN: &str = "xapp-sim";
/// Where `sim up` listens, and the profile `sim` looks for it.
pub(super) const STAND_IN: &str = "127.0.0.1:8090";

#[derive(Args)]
pub(super) struct SlackArgs {
    /// What is typed: a slash command, `@ai-crm …`, or anything else, such as a link to a task (with server.public_url set)
    #[arg(
        required_unless_present_any = ["click", "home", "shortcut", "look", "make_app"],
        conflicts_with_all = ["home", "shortcut", "make_app"]
    )]
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
    /// Press this button or menu (its action id, act-0) of the message --ts, or of the Home, instead
    #[arg(long, value_name = "ACTION", requires = "carrier")]
    click: Option<String>,
    /// Choose this entry of the menu of shortcuts instead: task_create; or, with --ts, of the menu of that message:
    /// task_from_message
    #[arg(long, value_name = "NAME", conflicts_with_all = ["click", "home"])]
    shortcut: Option<String>,
    /// Type into a field of the modal that opens and press Enter there, before what --fill does: FIELD=VALUE
    #[arg(long, value_name = "FIELD=VALUE", value_parser = field, conflicts_with_all = ["click", "home"])]
    enter: Option<(String, String)>,
    /// Fill in a field of the modal that opens, and send it: FIELD=VALUE; may be given again
    #[arg(long, value_name = "FIELD=VALUE", value_parser = field, conflicts_with_all = ["click", "home"])]
    fill: Vec<(String, String)>,
    /// The message of --click or --shortcut
    #[arg(long, group = "carrier")]
    ts: Option<String>,
    /// Open the bot's Home instead; with --click, press in the Home as it was opened before
    #[arg(long, group = "carrier")]
    home: bool,
    /// Do nothing but look at the last messages of the bot there, as in somebody's own chat with it: --channel D0GRACE01
    #[arg(long, conflicts_with_all = ["line", "click", "home", "shortcut"])]
    look: bool,
    /// Open this link of `ai-crm manifest slack --link` and make the app of it: the stand-in gives it those scopes, events
    /// and addresses alone
    #[arg(long, value_name = "LINK", conflicts_with_all = ["click", "home", "shortcut", "look"])]
    make_app: Option<Url>,
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

/// A field and what is filled in.
fn field(text: &str) -> Result<(String, String), String> {
    let split = text.split_once('=').map(|(field, value)| (field.to_owned(), value.to_owned()));
    split.ok_or_else(|| "FIELD=VALUE is needed, such as title='Try a form'".to_owned())
}

/// A stand-in and a server to send to.
struct Ends {
    stand_in: String,
    app_url: String,
    secret: String,
    /// The domain of the server, for whose links the app is registered.
    domain: Option<String>,
}

pub(super) async fn run(global: &Global, args: &SlackArgs) -> anyhow::Result<ExitCode> {
    if args.socket && visit::is_to_be_refused(&args.manner) {
        print::remark("error: what comes over a socket has no signature that could be wrong or stale");
        return Ok(ExitCode::from(2));
    }
    let config = global.load(Vec::new())?;
    if let Some(link) = &args.make_app {
        let api = &config.channels.slack.api_url;
        // Slack's own address, which is https, has no stand-in behind it.
        let stand_in = if api.scheme() == "http" { api.as_str().trim_end_matches("api/").to_owned() } else { here() };
        return make_app(&stand_in, link).await;
    }
    let Some(running) = Running::find(&config.data).await else {
        drop(config);
        return in_this_process(global, args).await;
    };
    let slack = &config.channels.slack;
    let own = slack.signing_secrets().first().map(|secret| secret.expose().to_owned());
    let is_set_up = own.is_some() || slack.app_token.is_some();
    let stand_in = if is_set_up { slack.api_url.as_str().trim_end_matches("api/") } else { "" };
    let stand_in = if stand_in.is_empty() { here() } else { stand_in.to_owned() };
    let ends = Ends {
        stand_in,
        app_url: format!("http://{}", running.address),
        secret: own.unwrap_or_else(|| SIM_SECRET.to_owned()),
        domain: domain(&config),
    };
    play(&ends, args, global.json).await
}

/// The domain that the app's manifest names.
fn domain(config: &Config) -> Option<String> {
    config.server.public_url.as_ref().and_then(link::domain).map(str::to_owned)
}

/// Where `sim up` listens when it is not told otherwise.
fn here() -> String {
    format!("http://{STAND_IN}/")
}

/// Makes the app of the manifest in a link.
async fn make_app(stand_in: &str, link: &Url) -> anyhow::Result<ExitCode> {
    let manifest = link.query_pairs().find(|(name, _)| name == "manifest_json").map(|(_, value)| value.into_owned());
    let manifest = manifest.context("there is no manifest in the link: `ai-crm manifest slack --link` prints one")?;
    let manifest: Value = serde_json::from_str(&manifest).context("the manifest in the link is not JSON")?;
    let made = visit::tell(stand_in, "_sim/app", |request| request.json(&manifest)).await?;
    print::line(format!("Slack's stand-in has made the app, with {} scopes", made["scopes"]));
    Ok(ExitCode::SUCCESS)
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
    let domain = domain(&global.load(Vec::new())?);
    let bot = BotHere::start(global, options).await?;
    let is_open = |world: &SlackWorld| (!world.sockets().is_empty()).then_some(());
    let ready = !args.socket || sim.world().wait_for(PATIENCE, is_open).await.is_some();
    let ends = Ends {
        stand_in: sim.api_url().trim_end_matches("api/").to_owned(),
        app_url: bot.url.clone(),
        secret: SIM_SECRET.to_owned(),
        domain,
    };
    let played = match ready {
        true => play(&ends, args, global.json).await,
        false => Err(anyhow!("the bot opens no socket: `ai-crm doctor` says why")),
    };
    bot.stop().await?;
    sim.stop().await;
    played
}

async fn play(ends: &Ends, args: &SlackArgs, as_json: bool) -> anyhow::Result<ExitCode> {
    let (user, channel) = (("user", args.user.as_str()), ("channel", args.channel.as_str()));
    let (route, which, place, id) = match args.home {
        true => ("_sim/home", vec![user], format!("home of {}", args.user), "hash"),
        false => (visit::MESSAGES, vec![channel, user], args.channel.clone(), "ts"),
    };
    // What the bot shows below a link stands in a message of somebody's.
    let is_by_bot =
        |message: &Value| !message["message"]["bot_id"].is_null() || message["message"]["unfurls"].is_object();
    let visit = Visit::begin(&ends.stand_in, route, &which, is_by_bot).await?;
    if args.look {
        return Ok(visit::print_looked(&visit.last(), &place, id, as_json));
    }
    let scene = json!({
        "app_url": ends.app_url, "signing_secret": ends.secret, "user": args.user, "channel": args.channel,
        "as": args.manner, "by_socket": args.socket, "unfurl_domains": ends.domain.as_slice(),
    });
    let mut outcome = visit.act(scene.clone(), action(args)).await?;
    if visit::is_to_be_refused(&args.manner) {
        return Ok(visit::print_refused(&outcome, as_json));
    }
    let result = &outcome["result"];
    if let Some(error) = result["error"].as_str() {
        bail!(
            "slack shows `{error}` (the server answered {}: {})",
            result["status"],
            print::text(result, "body").trim()
        );
    }
    let mut messages = visit.shown(PATIENCE).await?;
    let mut at_once = None;
    if let Some((field, text)) = &args.enter {
        let typed = json!({ "do": "enter", "view_id": opened(&messages)?["id"], "field": field, "text": text });
        outcome = visit.act(scene.clone(), typed).await?;
        messages = visit.shown(PATIENCE).await?;
    }
    if !args.fill.is_empty() {
        outcome = visit.act(scene, submission(&messages, args)?).await?;
        at_once = mistakes(&outcome);
        messages = visit.shown(PATIENCE).await?;
    }
    let (outcome, messages, place) = (&outcome, messages.as_slice(), place.as_str());
    let is_answered = at_once.is_some();
    Ok(visit::print_seen(&Seen { outcome, at_once, is_answered, messages, place, id }, as_json))
}

/// The modal that has opened.
fn opened(shown: &[Value]) -> anyhow::Result<&Value> {
    let opened = shown.iter().map(|shown| &shown["message"]).find(|message| message["type"] == "modal");
    opened.context("no modal has opened, so there is nothing to fill in")
}

/// What sends the modal that has opened.
fn submission(shown: &[Value], args: &SlackArgs) -> anyhow::Result<Value> {
    let opened = opened(shown)?;
    let fill: BTreeMap<&String, &String> = args.fill.iter().map(|(field, value)| (field, value)).collect();
    Ok(json!({ "do": "submit", "view_id": opened["id"], "fill": fill }))
}

/// The mistakes that the modal shows at its fields; none where it has closed.
fn mistakes(outcome: &Value) -> Option<String> {
    let body: Value = serde_json::from_str(print::text(&outcome["answers"][0], "body")).ok()?;
    let errors = body["errors"].as_object()?.iter();
    let lines = errors.map(|(field, error)| format!("at {field}: {}", error.as_str().unwrap_or_default()));
    Some(lines.collect::<Vec<_>>().join("\n"))
}

fn action(args: &SlackArgs) -> Value {
    let line = args.line.as_deref().unwrap_or_default();
    match (&args.click, line.strip_prefix('/')) {
        (Some(click), _) if args.home => json!({ "do": "click_at_home", "action_id": click, "choice": args.choice }),
        (None, _) if args.home => json!({ "do": "open_tab", "tab": "home" }),
        (None, _) if args.shortcut.is_some() => {
            json!({ "do": "shortcut", "callback_id": args.shortcut, "ts": args.ts })
        }
        (Some(click), _) => json!({ "do": "click", "ts": args.ts, "action_id": click, "choice": args.choice }),
        (None, Some(command)) => {
            let (command, text) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
            json!({ "do": "command", "command": format!("/{command}"), "text": text })
        }
        (None, None) => json!({ "do": "say", "text": mention(line), "thread_ts": args.thread }),
    }
}

/// People type the bot's name; Slack sends its id.
fn mention(line: &str) -> String {
    let id = format!("<@{}>", seed::BOT_USER);
    line.replacen("@ai-crm", &id, 1).replacen("@AI-CRM", &id, 1)
}
