//! The command line: arguments, subcommands, what they print, and the log.
//!
//! A subcommand is a file here, a variant of `Subcommand` and a line in `dispatch`. What lists or
//! shows takes `--json`. Exit code 0 is done, 1 failed, 2 used wrongly.

mod access;
mod audit;
mod backup;
mod chat;
mod docs;
mod doctor;
mod events;
mod keys;
pub mod logging;
mod manifest;
mod policy;
mod print;
mod serve;
mod sim;
mod slack;
mod why;
mod workflow;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser};

use crate::config::{Config, LoadArgs};

/// A chat-ops bot that loses nothing, doubles nothing and can explain everything it did.
#[derive(Parser)]
#[command(name = "ai-crm", version, propagate_version = true, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Subcommand,
}

/// Options of every subcommand.
#[derive(Args, Clone, Default)]
pub(crate) struct Global {
    /// A further configuration file; later ones win
    #[arg(long = "config", value_name = "FILE", global = true)]
    config: Vec<PathBuf>,
    /// A named set of settings: config/NAME.toml; `sim` is built in
    #[arg(long, value_name = "NAME", global = true)]
    profile: Option<String>,
    /// The data folder
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    json: bool,
}

impl Global {
    /// Reads the configuration, with options of the command line above it.
    fn load(&self, options: Vec<(&'static str, String)>) -> anyhow::Result<Config> {
        let args = LoadArgs {
            files: self.config.clone(),
            profile: self.profile.clone(),
            data: self.data.clone(),
            options,
            ..LoadArgs::default()
        };
        Ok(Config::load(&args.with_environment(std::env::vars_os()))?)
    }
}

#[derive(clap::Subcommand)]
enum Subcommand {
    /// Run the bot
    Serve(serve::ServeArgs),
    /// Talk to the bot in this terminal: one line, or a prompt
    Chat(chat::ChatArgs),
    /// Send what a platform would send, and show what it would show
    Sim(sim::SimArgs),
    /// The ledger: what was accepted, what waits, what was given up
    Events(events::EventsArgs),
    /// The whole story of one event, message or silence
    Why(why::WhyArgs),
    /// Check policies; say who may do what, and by which rule
    Policy(policy::PolicyArgs),
    /// Check files of workflows, and show what one would do
    Workflow(workflow::WorkflowArgs),
    /// The audit chain
    Audit(audit::AuditArgs),
    /// Look at configuration, secrets, platforms, clock and disk
    Doctor(doctor::DoctorArgs),
    /// Write a backup of a running or stopped store
    Backup(backup::BackupArgs),
    /// Fill an empty data folder from a backup
    Restore(backup::RestoreArgs),
    /// API keys for programs, and sealing keys
    Keys(keys::KeysArgs),
    /// Workspaces of Slack
    Slack(slack::SlackArgs),
    /// The page of the chat grammar, as Markdown
    Docs,
    /// What a platform must be told of the bot, made from the table of commands
    Manifest(manifest::ManifestArgs),
}

/// Reads the arguments and runs what they ask for.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; clap says where each goes.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return print::failure(&anyhow::anyhow!("the runtime cannot be started: {error}")),
    };
    match runtime.block_on(dispatch(cli)) {
        Ok(code) => code,
        Err(error) => print::failure(&error),
    }
}

async fn dispatch(Cli { global, command }: Cli) -> anyhow::Result<ExitCode> {
    match command {
        Subcommand::Serve(args) => serve::run(&global, args).await,
        Subcommand::Chat(args) => chat::run(&global, args).await,
        Subcommand::Sim(args) => sim::run(&global, args).await,
        Subcommand::Events(args) => events::run(&global, args).await,
        Subcommand::Why(args) => why::run(&global, args).await,
        Subcommand::Policy(args) => policy::run(&global, args).await,
        Subcommand::Workflow(args) => workflow::run(&global, &args).await,
        Subcommand::Audit(args) => audit::run(&global, args).await,
        Subcommand::Doctor(args) => doctor::run(&global, &args).await,
        Subcommand::Backup(args) => backup::run(&global, args).await,
        Subcommand::Restore(args) => backup::restore(&global, &args),
        Subcommand::Keys(args) => keys::run(&global, args).await,
        Subcommand::Slack(args) => slack::run(&global, args).await,
        Subcommand::Docs => Ok(docs::run()),
        Subcommand::Manifest(args) => manifest::run(&global, &args),
    }
}
