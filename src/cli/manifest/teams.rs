//! `manifest teams`: writes the app package, and says what is to be done with it.
//!
//! Owns what comes from where: the app's id from the option or the configuration, the server's address from
//! `server.public_url`. Form, limits and texts of the platform stand in its channel.

use std::borrow::Cow;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;
use url::Url;

use super::PLACEHOLDER;
use crate::channels::teams::manifest::package::{self, MOST_BYTES};
use crate::channels::teams::manifest::steps::{self, REGISTER, Setup};
use crate::channels::teams::manifest::{self, AppId, MESSAGES_PATH, MOST_COMMANDS, MenuCommand};
use crate::cli::print;
use crate::commands::forms::ENTRIES;
use crate::commands::search;
use crate::commands::usage;
use crate::config::Config;

/// The package's file where no other is named.
const PACKAGE: &str = "ai-crm-teams.zip";

/// Options of `manifest teams`.
#[derive(Args)]
pub(super) struct TeamsArgs {
    /// The file to write [default: ai-crm-teams.zip, and with --json none]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Id of the bot's app in Microsoft Entra [default: channels.teams.app_id]
    #[arg(long, value_name = "GUID")]
    app_id: Option<AppId>,
}

/// Writes the package and says what is left to do, or prints the manifest.
pub(super) fn run(config: &Config, args: &TeamsArgs, json: bool) -> anyhow::Result<()> {
    let id = app_id(config, args)?;
    let site = site(config);
    let made = teams(&id, &site);
    if site.is_none() {
        print::remark(remark(config));
    }
    let file = args.out.clone().or_else(|| (!json).then(|| PACKAGE.into()));
    if let Some(file) = &file {
        write(file, &package::package(&made), &id)?;
    }
    match file {
        Some(file) if !json => {
            let endpoint = format!("{}{MESSAGES_PATH}", base(&site).as_str().trim_end_matches('/'));
            let tenant = config.channels.teams.tenant_id.as_deref();
            let package = file.display().to_string();
            print::line(steps::steps(&Setup { app: &id, tenant, endpoint: &endpoint, package: &package }));
        }
        _ => print::json(&made),
    }
    Ok(())
}

fn app_id(config: &Config, args: &TeamsArgs) -> anyhow::Result<AppId> {
    if let Some(id) = &args.app_id {
        return Ok(id.clone());
    }
    let Some(id) = &config.channels.teams.app_id else {
        bail!(
            "the package needs the bot's app in Entra: register one, then set MICROSOFT_APP_ID or give --app-id\n\
             {REGISTER}"
        );
    };
    id.parse().context("channels.teams.app_id (MICROSOFT_APP_ID) cannot be used")
}

fn teams(id: &AppId, site: &Option<Url>) -> Value {
    let of =
        |spec: &crate::commands::CommandSpec| MenuCommand { title: spec.name(), description: spec.about.to_owned() };
    let commands: Vec<MenuCommand> = usage::menu(MOST_COMMANDS).into_iter().map(of).collect();
    manifest::manifest(id, &base(site), &commands, &ENTRIES, &search::ENTRIES, site.is_some())
}

/// The server's address, where it is one to which Azure would send.
fn site(config: &Config) -> Option<Url> {
    config.server.public_url.clone().filter(|url| url.scheme() == "https")
}

/// The server's address, or what stands for it.
fn base(site: &Option<Url>) -> Cow<'_, Url> {
    let placeholder = || Url::parse(PLACEHOLDER).expect("invariant: the placeholder is an address");
    site.as_ref().map_or_else(|| Cow::Owned(placeholder()), Cow::Borrowed)
}

/// What the server's address lacks. No refusal: Teams only shows it, and what Azure is told can be changed there.
fn remark(config: &Config) -> String {
    let what = match &config.server.public_url {
        None => "server.public_url is not set".to_owned(),
        Some(url) => format!("server.public_url is {url}, and Azure sends to https addresses only"),
    };
    format!(
        "{what}, so {PLACEHOLDER} stands for your server: the package works, but shows that address as the \
         developer's; set AI_CRM_PUBLIC_URL to the https address of the bot and make it again before you give \
         it to others"
    )
}

/// Writes the package, in place of an earlier one of the same app and of nothing else.
fn write(file: &Path, package: &[u8], id: &AppId) -> anyhow::Result<()> {
    let name = file.display();
    match fs::metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("{name} cannot be looked at")),
        Ok(there) => {
            let is_small = there.is_file() && there.len() <= MOST_BYTES;
            let earlier = if is_small { fs::read(file).ok().and_then(|bytes| package::app_of(&bytes)) } else { None };
            if earlier != Some(id.to_string()) {
                bail!(
                    "{name} is there already and is no package of this app: take it away, or name another file by \
                     --out"
                );
            }
        }
    }
    // Whoever uploads it meanwhile gets the one or the other, and no half.
    let mut part = file.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let written = fs::write(&part, package).and_then(|()| fs::rename(&part, file));
    written.with_context(|| format!("{name} cannot be written"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    #[test]
    fn the_menu_has_one_command_of_each_topic_at_least() {
        let made = teams(&ID.parse().unwrap(), &None);
        let commands = made["bots"][0]["commandLists"][0]["commands"].as_array().unwrap();
        let titles: Vec<&str> = commands.iter().map(|command| command["title"].as_str().unwrap()).collect();
        assert_eq!(titles.len(), MOST_COMMANDS);
        for title in ["task create", "task list", "pm analyze", "agents list", "status", "team status", "why", "help"] {
            assert!(titles.contains(&title), "{title}: {titles:?}");
        }
        assert!(made.to_string().contains(PLACEHOLDER));
    }

    #[test]
    fn only_a_package_of_the_same_app_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.zip");
        let (ours, other): (AppId, AppId) = (ID.parse().unwrap(), ID.replace('0', "1").parse().unwrap());
        let package_of = |id: &AppId| package::package(&teams(id, &None));
        write(&file, &package_of(&ours), &ours).unwrap();
        write(&file, &package_of(&ours), &ours).unwrap();
        let refused = write(&file, &package_of(&other), &other).unwrap_err().to_string();
        assert!(refused.contains("--out"), "{refused}");
        assert_eq!(fs::read(&file).unwrap(), package_of(&ours));
        fs::write(&file, "a letter").unwrap();
        assert!(write(&file, &package_of(&ours), &ours).is_err());
        assert!(write(folder.path(), &package_of(&ours), &ours).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
