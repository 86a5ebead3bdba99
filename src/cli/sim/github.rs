//! `sim github`: does what a person on GitHub does and shows what that person would see. Where neither a server nor a
//! stand-in runs, both run in this process for as long as the line takes.
//!
//! What there is to do stands in `github/deeds.rs`; a further deed is a variant there.

mod deeds;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde_json::{Value, json};

use self::deeds::{Deed, Wanted};
use super::super::access::Running;
use super::super::{Global, print};
use super::stage::BotHere;
use super::visit::{self, Visit};
use crate::actors::clock;
use crate::channels::github::WEBHOOK_PATH;
use crate::config::github::GitHubSettings;
use crate::sim::github::{App, GitHubSim, GitHubWorld, seed};

/// Where `sim up` listens, and the profile `sim` looks for it.
const STAND_IN: &str = "http://127.0.0.1:8092/";

#[derive(Args)]
pub(super) struct GitHubArgs {
    #[command(subcommand)]
    deed: Deed,
    /// Who: ann (admin), mia (maintain), bob (write), cleo (triage), dan (read), eve (nothing but what is public)
    #[arg(long = "as", value_name = "LOGIN", default_value = "ann", global = true)]
    user: String,
    /// Where: acme/shop (public), acme/vault (private)
    #[arg(long, value_name = "OWNER/REPO", default_value = "acme/shop", global = true)]
    repo: String,
    /// How the webhooks go: wrong-signature is to be refused, twice is the same delivery again
    #[arg(
        long,
        value_name = "MANNER",
        default_value = "genuine",
        value_parser = ["genuine", "wrong-signature", "twice"],
        global = true
    )]
    manner: String,
    /// How long to look for what the bot says or how it reacts, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1, global = true)]
    wait: u64,
}

/// The App as the stand-in is to know it: what is configured, else that of the profile `sim`.
pub(super) fn app(settings: &GitHubSettings) -> anyhow::Result<App> {
    let Some((id, key)) = settings.app_id.as_ref().zip(settings.private_key.as_ref()) else {
        return Ok(App::default());
    };
    let app = App::with_key(id, key.expose(), &secret(settings));
    app.context("channels.github.private_key is no RSA key in PEM, so the stand-in cannot know the App by it")
}

/// The secret with which webhooks are signed.
fn secret(settings: &GitHubSettings) -> String {
    let own = settings.webhook_secret.as_slice().first();
    own.map_or_else(|| seed::WEBHOOK_SECRET.to_owned(), |secret| secret.expose().to_owned())
}

/// Where a server that listens there takes webhooks.
pub(super) fn webhook(listen: SocketAddr) -> String {
    let host = if listen.ip().is_unspecified() { "127.0.0.1".to_owned() } else { listen.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    format!("http://{host}:{}{WEBHOOK_PATH}", listen.port())
}

pub(super) async fn run(global: &Global, args: &GitHubArgs) -> anyhow::Result<ExitCode> {
    let wanted = match args.deed.wanted() {
        Ok(wanted) => wanted,
        Err(error) => {
            print::remark(format!("error: {error:#}"));
            return Ok(ExitCode::from(2));
        }
    };
    let config = global.load(Vec::new())?;
    let api = &config.channels.github.api_url;
    // GitHub's own address, which is https, has no stand-in behind it.
    let stand_in = if api.scheme() == "http" { api.as_str().to_owned() } else { STAND_IN.to_owned() };
    let running = Running::find(&config.data).await;
    if let Some(running) = &running {
        let hook = json!({
            "url": format!("http://{}{WEBHOOK_PATH}", running.address), "secret": secret(&config.channels.github),
        });
        visit::tell(&stand_in, "_sim/hook", |request| request.json(&hook)).await?;
    }
    // What happens while the bot is down is what a person may want to try.
    if running.is_some() || visit::ask(&stand_in, "_sim/faults", &[]).await.is_ok() {
        return play(&stand_in, args, wanted, global.json).await;
    }
    drop(config);
    in_this_process(global, args, wanted).await
}

/// Nothing runs: the stand-in and the bot run here, on the data folder, while the line takes.
async fn in_this_process(global: &Global, args: &GitHubArgs, wanted: Wanted) -> anyhow::Result<ExitCode> {
    if matches!(wanted, Wanted::Look(_)) {
        return Err(anyhow!("there is nothing to look at: run `ai-crm sim up`"));
    }
    let sim = GitHubSim::start("127.0.0.1:0", GitHubWorld::new(App::default(), clock::system())).await?;
    let options = vec![
        ("channels.github.enabled", "true".to_owned()),
        ("channels.github.app_id", seed::APP_ID.to_string()),
        ("channels.github.private_key", seed::PRIVATE_KEY.to_owned()),
        ("channels.github.webhook_secret", seed::WEBHOOK_SECRET.to_owned()),
        ("channels.github.api_url", sim.api_url()),
    ];
    let bot = BotHere::start(global, options).await?;
    sim.world().set_hook(|hook| hook.url = Some(format!("{}{WEBHOOK_PATH}", bot.url)));
    let played = play(&sim.api_url(), args, wanted, global.json).await;
    bot.stop().await?;
    sim.stop().await;
    played
}

async fn play(stand_in: &str, args: &GitHubArgs, wanted: Wanted, as_json: bool) -> anyhow::Result<ExitCode> {
    match wanted {
        Wanted::Look(look) => look.show(stand_in, &args.repo, as_json).await,
        Wanted::Control { route, body } => {
            let outcome = visit::tell(stand_in, route, |request| request.json(&body)).await?;
            Ok(print_outcome(&outcome, &[], args, as_json))
        }
        Wanted::Act { number, act } => {
            let number = number.map(|number| number.to_string());
            // A number that nothing has yet is a place in which nothing stands.
            let place = [("repository", args.repo.as_str()), ("number", number.as_deref().unwrap_or("0"))];
            let visit = Visit::begin(stand_in, visit::MESSAGES, &place, |message| message["by_bot"] == true).await?;
            let scene = json!({ "user": args.user, "repository": args.repo, "as": args.manner });
            let outcome = visit.act(scene, act).await?;
            if visit::is_to_be_refused(&args.manner) {
                return Ok(visit::print_refused(&outcome, as_json));
            }
            let made = outcome["made"]["number"].as_u64().map(|number| number.to_string());
            let patience = Duration::from_secs(args.wait);
            let seen = match (made, number) {
                (Some(made), _) => {
                    let place = [("repository", args.repo.as_str()), ("number", made.as_str())];
                    shown(stand_in, &place, patience).await?
                }
                (None, Some(_)) => visit.shown(patience).await?,
                (None, None) => Vec::new(),
            };
            Ok(print_outcome(&outcome, &seen, args, as_json))
        }
    }
}

/// What the bot shows at a place that has just come to be.
async fn shown(stand_in: &str, place: &[(&str, &str)], patience: Duration) -> anyhow::Result<Vec<Value>> {
    let visit = Visit::begin(stand_in, visit::MESSAGES, place, |message| message["by_bot"] == true).await?;
    let at_once = visit.last();
    if at_once.is_empty() { visit.shown(patience).await } else { Ok(at_once) }
}

/// Prints what was made, how the server took what tells of it, and what the bot has shown.
fn print_outcome(outcome: &Value, seen: &[Value], args: &GitHubArgs, as_json: bool) -> ExitCode {
    let answers = outcome["answers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_taken = answers.iter().all(|answer| answer["taken"] == true);
    if as_json {
        let messages: Vec<&Value> = seen.iter().map(|message| &message["message"]).collect();
        print::json(&json!({ "sent": outcome, "messages": messages }));
    } else {
        for (name, value) in outcome["made"].as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            print::line(format!("{} {name} {value}", args.repo));
        }
        for answer in answers {
            let action = answer["action"].as_str().map(|action| format!(".{action}")).unwrap_or_default();
            let (event, end, status) =
                (print::text(answer, "event"), print::text(answer, "outcome"), &answer["status"]);
            print::line(format!("delivery {} {event}{action}: {end} ({status})", answer["id"]));
        }
        if outcome["told"] == false {
            print::remark("the App is told nothing of it");
        }
        for message in seen {
            print::line(format!("── {}", print::text(&message["message"], "id")));
            print::line(print::text(message, "shown").trim_end());
        }
    }
    if !is_taken {
        print::remark("GitHub sends nothing again by itself: `ai-crm sim github redeliver ID` does");
    }
    if is_taken { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, LoadArgs};

    #[test]
    fn the_stand_in_knows_the_app_that_is_configured() {
        let known = |variables: &[(&str, &str)]| {
            let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            app(&Config::load(&LoadArgs { env, ..LoadArgs::default() }).unwrap().channels.github)
        };
        assert_eq!(known(&[]).unwrap(), App::default());
        let key = include_str!("../../../tests/data/teams-key-first.pem");
        let own = [("GITHUB_APP_ID", "77"), ("GITHUB_PRIVATE_KEY", key), ("GITHUB_WEBHOOK_SECRET", "new,old")];
        let app = known(&own).unwrap();
        assert_eq!((app.id, app.webhook_secret.as_str()), (77, "new"));
        assert!(app.public_key != App::default().public_key);
        let broken = [own[0], ("GITHUB_PRIVATE_KEY", "none"), own[2]];
        assert!(known(&broken).unwrap_err().to_string().contains("private_key"));
    }

    #[test]
    fn the_profile_sim_has_the_key_of_the_world() {
        let args = LoadArgs { profile: Some("sim".to_owned()), ..LoadArgs::default() };
        let settings = Config::load(&args).unwrap().channels.github;
        assert_eq!(app(&settings).unwrap(), App::default());
        assert_eq!(settings.api_url.as_str(), STAND_IN);
    }

    #[test]
    fn webhooks_go_where_the_server_listens() {
        for (listen, expected) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080/api/github/webhooks"),
            ("0.0.0.0:1", "http://127.0.0.1:1/api/github/webhooks"),
            ("[::1]:9", "http://[::1]:9/api/github/webhooks"),
        ] {
            assert_eq!(webhook(listen.parse().unwrap()), expected);
        }
    }
}
