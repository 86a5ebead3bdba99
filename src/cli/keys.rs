//! `keys`: API keys for programs, and the keys under which values are sealed.

use std::process::ExitCode;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::access::ask_once;
use super::{Global, print};
use crate::app::Mode;
use crate::domain::api_key::Scope;

/// Options of `keys`.
#[derive(Args)]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    command: Keys,
}

#[derive(Subcommand)]
enum Keys {
    /// Make an API key for a program; it is printed once and kept nowhere
    Create {
        /// What it permits; once for each
        #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = Scope::ALL.map(Scope::as_str))]
        scopes: Vec<String>,
        /// What for, in your words
        #[arg(long, default_value = "")]
        name: String,
        /// How long it counts, a year at most: 12h, 30d
        #[arg(long, value_name = "TIME", default_value = "90d")]
        expires: String,
    },
    /// API keys, without the keys themselves
    List,
    /// End an API key at once
    Revoke {
        /// Its id, k-…
        id: String,
    },
    /// Make a new sealing key; old values are sealed anew in the background
    Rotate,
}

pub(super) async fn run(global: &Global, args: KeysArgs) -> anyhow::Result<ExitCode> {
    let config = global.load(Vec::new())?;
    let (method, path, body) = match &args.command {
        Keys::Create { scopes, name, expires } => {
            let body = json!({ "scopes": scopes, "name": name, "expires": expires });
            (Method::POST, "/keys".to_owned(), Some(body))
        }
        Keys::List => (Method::GET, "/keys".to_owned(), None),
        Keys::Revoke { id } => (Method::POST, format!("/keys/{}/revoke", in_path(id)), Some(json!({}))),
        Keys::Rotate => (Method::POST, "/keys/rotate".to_owned(), Some(json!({}))),
    };
    let answer = ask_once(config, Mode::StoreOnly, method, &path, body.as_ref()).await?;
    if global.json {
        print::json(&answer);
    } else {
        show(&args.command, &answer);
    }
    Ok(ExitCode::SUCCESS)
}

/// A text as one step of a path.
fn in_path(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn show(command: &Keys, answer: &Value) {
    let text = |key| print::text(answer, key);
    match command {
        Keys::Create { .. } => {
            // The key alone, so that it can be handed on by a pipe.
            print::line(text("key"));
            let (id, until) = (text("id"), text("expires"));
            print::remark(format!(
                "{id} counts until {until}; it is not shown again: `ai-crm keys revoke {id}` ends it"
            ));
        }
        Keys::List => {
            let keys = answer["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
            print::table(
                &["KEY", "STATE", "SCOPES", "EXPIRES", "LAST USED", "NAME"],
                &keys.iter().map(cells).collect::<Vec<_>>(),
            );
        }
        Keys::Revoke { .. } => print::line(format!("{} counts no longer", text("id"))),
        Keys::Rotate => {
            let behind = if answer["resealing"] == true {
                "old values follow in the background"
            } else {
                "every value is sealed with it"
            };
            print::line(format!("sealing key {} is in use; {behind}", answer["key"]));
        }
    }
}

fn cells(key: &Value) -> Vec<String> {
    let scopes = key["scopes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let scopes: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
    let used = key["last_used"].as_str().unwrap_or("never");
    let text = |name| print::text(key, name).to_owned();
    vec![text("id"), text("state"), scopes.join(" "), text("expires"), used.to_owned(), text("name")]
}
