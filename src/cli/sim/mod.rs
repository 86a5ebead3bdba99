//! `sim`: the platforms in the box. `sim up` runs the stand-ins; `sim slack`, `sim teams` and `sim github` do what a person
//! there does.
//!
//! A further platform is a file here, a line in [`Sim`] and its start in `up`.

mod github;
mod slack;
mod stage;
mod teams;
mod visit;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::{Global, print};
use crate::actors::clock;
use crate::sim::fault::{self, Faults};
use crate::sim::github::{self as sim_github, GitHubSim, GitHubWorld};
use crate::sim::slack::SlackSim;
use crate::sim::slack::rates::RateLimits;
use crate::sim::slack::world::SlackWorld;
use crate::sim::teams::{self as sim_teams, TeamsSim, TeamsWorld};

/// Options of `sim`.
#[derive(Args)]
pub(super) struct SimArgs {
    #[command(subcommand)]
    command: Sim,
}

#[derive(Subcommand)]
enum Sim {
    /// Run the stand-ins for Slack, Microsoft Teams and GitHub until you stop them
    Up(UpArgs),
    /// Do what a person in Slack does, and show what that person sees
    Slack(slack::SlackArgs),
    /// Do what a person in Microsoft Teams does, and show what that person sees
    Teams(teams::TeamsArgs),
    /// Do what a person on GitHub does, and show what that person sees
    Github(github::GitHubArgs),
}

#[derive(Args)]
struct UpArgs {
    /// Where Slack's stand-in listens
    #[arg(long, default_value = slack::STAND_IN, value_name = "ADDR")]
    listen: String,
    /// Where that of Teams listens [default: the next port]
    #[arg(long, value_name = "ADDR")]
    teams_listen: Option<String>,
    /// Where that of GitHub listens [default: the port after that of Teams]
    #[arg(long, value_name = "ADDR")]
    github_listen: Option<String>,
    /// Do not keep the platforms' rate limits
    #[arg(long)]
    no_limits: bool,
    /// What goes wrong between the bot and the platforms; may be given again
    #[arg(long, value_name = "KIND=VALUE", long_help = faults_help())]
    fault: Vec<String>,
}

/// Every fault by its word.
fn faults_help() -> String {
    let mut help = String::from("What goes wrong between the bot and the platforms; may be given again:");
    for (word, _, about) in fault::KINDS {
        help.push_str(&format!("\n  {word}=… {about}"));
    }
    help + "\nA chance is between 0 and 1. What goes wrong on the way to the bot is `--as` of `sim slack` and `sim teams`, and \
            `sim github webhook` or the method webhook."
}

pub(super) async fn run(global: &Global, args: SimArgs) -> anyhow::Result<ExitCode> {
    // A provider that is installed already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match args.command {
        Sim::Up(args) => match Faults::read(&args.fault) {
            Ok(faults) => up(global, &args, faults).await,
            Err(what) => {
                print::remark(format!("error: --fault {what}"));
                Ok(ExitCode::from(2))
            }
        },
        Sim::Slack(args) => slack::run(global, &args).await,
        Sim::Teams(args) => teams::run(global, &args).await,
        Sim::Github(args) => github::run(global, &args).await,
    }
}

async fn up(global: &Global, args: &UpArgs, faults: Faults) -> anyhow::Result<ExitCode> {
    let config = global.load(Vec::new())?;
    let token = config.channels.slack.token();
    let token = token.map_or_else(|| slack::SIM_TOKEN.to_owned(), |token| token.expose().to_owned());
    let slack_world = SlackWorld::new(&token, clock::system());
    let app_token = config.channels.slack.app_token.as_ref();
    slack_world.put_app_token(app_token.map_or(slack::SIM_APP_TOKEN, |token| token.expose()));
    let teams_world = TeamsWorld::new(teams::app(&config.channels.teams), clock::system());
    let github_world = GitHubWorld::new(github::app(&config.channels.github)?, clock::system());
    github_world.set_hook(|hook| hook.url = Some(github::webhook(config.server.listen)));
    if !args.no_limits {
        slack_world.set_rate_limits(RateLimits::enforced());
        teams_world.set_rate_limits(sim_teams::RateLimits::enforced());
        github_world.set_rate_limits(sim_github::RateLimits::enforced());
    }
    let sound = faults == Faults::default();
    slack_world.set_faults(faults.clone());
    teams_world.set_faults(faults.clone());
    github_world.set_faults(faults);
    let cannot = |address: &str| format!("cannot listen on {address}");
    let slack = SlackSim::start(&args.listen, slack_world).await.with_context(|| cannot(&args.listen))?;
    let teams_listen = args.teams_listen.clone().unwrap_or_else(|| next_port(&args.listen));
    let teams = TeamsSim::start(&teams_listen, teams_world).await.with_context(|| cannot(&teams_listen))?;
    let github_listen = args.github_listen.clone().unwrap_or_else(|| next_port(&teams_listen));
    let github = GitHubSim::start(&github_listen, github_world).await.with_context(|| cannot(&github_listen))?;
    print::line(format!("Slack's stand-in listens on {}", slack.api_url()));
    print::line(format!("that of Teams listens on {}", teams.login_url()));
    print::line(format!("that of GitHub listens on {}", github.api_url()));
    if !sound {
        print::line("things go wrong on purpose, as --fault says");
    }
    print::line("start the bot beside them: `ai-crm serve --profile sim`");
    print::line("then type as a person in Slack: `ai-crm sim slack '/ai-crm help'`");
    print::line("or as one in Teams: `ai-crm sim teams help`");
    print::line("or do what one on GitHub does: `ai-crm sim github issue open 'It does not start' --label bug`");
    tokio::signal::ctrl_c().await?;
    slack.stop().await;
    teams.stop().await;
    github.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// The same address with the next port; any port stays any.
fn next_port(address: &str) -> String {
    match address.rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>())) {
        Some((host, Ok(port @ 1..))) => format!("{host}:{}", port.wrapping_add(1)),
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn teams_is_next_to_slack() {
        for (address, next) in
            [("127.0.0.1:8090", "127.0.0.1:8091"), ("[::1]:9", "[::1]:10"), ("0.0.0.0:0", "0.0.0.0:0"), ("x", "x")]
        {
            assert_eq!(next_port(address), next);
        }
    }
}
