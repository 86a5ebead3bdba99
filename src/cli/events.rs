//! `events`: the ledger.

use std::process::ExitCode;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::access::Access;
use super::{Global, print};
use crate::app::Mode;

/// Options of `events`.
#[derive(Args)]
pub(super) struct EventsArgs {
    #[command(subcommand)]
    command: Events,
    /// The tenant
    #[arg(long, default_value = "default", global = true)]
    tenant: String,
}

#[derive(Subcommand)]
enum Events {
    /// Events, the newest first
    List {
        /// Only those in this state
        #[arg(long, value_parser = ["waiting", "done", "denied", "refused", "ignored", "dead", "dropped"])]
        state: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Only those before this one
        #[arg(long, value_name = "ID")]
        before: Option<String>,
    },
    /// Effects that are owed or were given up
    Effects {
        /// Only those in this state
        #[arg(long, value_parser = ["owed", "dead"])]
        state: Option<String>,
    },
    /// One event: what came, and its story
    Show {
        /// Its number, e-17
        id: String,
    },
    /// Handle what was given up again; what was done is not repeated
    Replay {
        /// Its number, e-17; nothing with --all
        #[arg(required_unless_present = "all")]
        id: Option<String>,
        /// All that are dead
        #[arg(long, conflicts_with = "id")]
        all: bool,
    },
    /// Take something off that waits or was given up
    Drop {
        /// An event, e-17, or an effect, e-17.0
        id: String,
    },
}

pub(super) async fn run(global: &Global, args: EventsArgs) -> anyhow::Result<ExitCode> {
    let access = Access::open(global.load(Vec::new())?, Mode::StoreOnly).await?;
    let done = one(&access, &args, global.json).await;
    access.close().await;
    done
}

async fn one(access: &Access, args: &EventsArgs, as_json: bool) -> anyhow::Result<ExitCode> {
    let tenant = &args.tenant;
    match &args.command {
        Events::List { state, limit, before } => {
            let mut path = format!("/events?tenant={tenant}&limit={limit}");
            for (name, value) in [("state", state), ("before", before)] {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={value}"));
                }
            }
            list(&access.ask(Method::GET, &path, None).await?, as_json);
        }
        Events::Effects { state } => {
            let state = state.as_ref().map(|state| format!("&state={state}")).unwrap_or_default();
            effects(&access.ask(Method::GET, &format!("/effects?tenant={tenant}{state}"), None).await?, as_json);
        }
        Events::Show { id } => {
            print::json(&access.ask(Method::GET, &format!("/events/{id}?tenant={tenant}"), None).await?)
        }
        Events::Replay { id, all: _ } => return replay(access, tenant, id.as_deref(), as_json).await,
        Events::Drop { id } => {
            let path = format!("/events/{id}/drop?tenant={tenant}");
            let did = access.ask(Method::POST, &path, Some(&json!({}))).await?;
            if as_json { print::json(&did) } else { print::line(format!("dropped {id}")) }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn replay(access: &Access, tenant: &str, id: Option<&str>, as_json: bool) -> anyhow::Result<ExitCode> {
    let ids: Vec<String> = match id {
        Some(id) => vec![id.to_owned()],
        None => {
            let path = format!("/events?tenant={tenant}&state=dead&limit=1000");
            let dead = access.ask(Method::GET, &path, None).await?;
            let ids = dead["events"].as_array().into_iter().flatten().map(|event| print::text(event, "id").to_owned());
            ids.collect()
        }
    };
    let mut code = ExitCode::SUCCESS;
    for id in ids {
        let path = format!("/events/{id}/replay?tenant={tenant}");
        let did = access.ask(Method::POST, &path, Some(&json!({}))).await?;
        if as_json {
            print::json(&did);
        } else if did["replayed"] == "nothing" {
            print::line(print::text(&did, "why"));
        } else {
            print::line(format!("{id}: its {} is taken up again", print::text(&did, "replayed")));
        }
        if did["replayed"] == "nothing" {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

fn list(answer: &Value, as_json: bool) {
    if as_json {
        return print::json(answer);
    }
    let events = answer["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let cells = |event: &Value| {
        ["id", "time", "channel", "kind", "state", "summary"].map(|key| print::text(event, key).to_owned())
    };
    let rows: Vec<Vec<String>> = events.iter().map(|event| cells(event).to_vec()).collect();
    print::table(&["EVENT", "ACCEPTED", "CHANNEL", "KIND", "STATE", "WHAT"], &rows);
    if let Some(next) = answer["next"].as_str() {
        print::remark(format!("there are more: --before {next}"));
    }
}

fn effects(answer: &Value, as_json: bool) {
    if as_json {
        return print::json(answer);
    }
    let effects = answer["effects"].as_array().map(Vec::as_slice).unwrap_or_default();
    let cells = |it: &Value| {
        let mut cells = ["id", "created", "state", "to"].map(|key| print::text(it, key).to_owned()).to_vec();
        cells.extend([it["attempts"].to_string(), print::text(it, "last_error").to_owned()]);
        cells
    };
    let rows: Vec<Vec<String>> = effects.iter().map(cells).collect();
    print::table(&["EFFECT", "SINCE", "STATE", "TO", "TRIES", "LAST ERROR"], &rows);
}
