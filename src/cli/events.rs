//! `events`: the ledger.

use std::collections::BTreeSet;
use std::process::ExitCode;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::access::Access;
use super::{Global, print};
use crate::app::Mode;
use crate::domain::ids::EventId;

/// Rows that are asked for at once, where all are wanted.
const PAGE: usize = 1000;

/// Options of `events`.
#[derive(Args)]
pub(super) struct EventsArgs {
    #[command(subcommand)]
    command: Events,
    /// The tenant
    #[arg(long, default_value = "default", global = true)]
    tenant: String,
}

/// What can be asked for; what runs is accepted too, and `waiting` is another word for that.
const STATES: [&str; 10] =
    ["accepted", "waiting", "running", "done", "denied", "asked", "refused", "ignored", "dead", "dropped"];

#[derive(Subcommand)]
enum Events {
    /// Events, the newest first
    List {
        /// Only those in this state
        #[arg(long, value_parser = STATES)]
        state: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Only those before this one
        #[arg(long, value_name = "ID")]
        before: Option<String>,
    },
    /// Effects that are owed or were given up, the newest first
    Effects {
        /// Only those in this state
        #[arg(long, value_parser = ["owed", "dead"])]
        state: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Only those before this one
        #[arg(long, value_name = "ID")]
        before: Option<String>,
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
        /// All that is dead, events and effects
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
            let path = page("/events", tenant, *limit, state.as_deref(), before.as_deref());
            list(&access.ask(Method::GET, &path, None).await?, as_json);
        }
        Events::Effects { state, limit, before } => {
            let path = page("/effects", tenant, *limit, state.as_deref(), before.as_deref());
            effects(&access.ask(Method::GET, &path, None).await?, as_json);
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

/// The path of a page.
fn page(path: &str, tenant: &str, limit: usize, state: Option<&str>, before: Option<&str>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("tenant", tenant).append_pair("limit", &limit.to_string());
    for (name, value) in [("state", state), ("before", before)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    format!("{path}?{}", query.finish())
}

async fn replay(access: &Access, tenant: &str, id: Option<&str>, as_json: bool) -> anyhow::Result<ExitCode> {
    let ids = match id {
        Some(id) => vec![id.to_owned()],
        None => dead(access, tenant).await?,
    };
    let mut replayed = Vec::new();
    for one in ids {
        let path = format!("/events/{one}/replay?tenant={tenant}");
        let mut did = match access.ask(Method::POST, &path, Some(&json!({}))).await {
            Ok(did) => did,
            // One that cannot be taken up must not hold up the others.
            Err(error) if id.is_none() => json!({ "replayed": "nothing", "why": format!("{one}: {error:#}") }),
            Err(error) => return Err(error),
        };
        did["id"] = json!(one);
        if !as_json && did["replayed"] == "nothing" {
            print::line(print::text(&did, "why"));
        } else if !as_json {
            print::line(format!("{one}: its {} is taken up again", print::text(&did, "replayed")));
        }
        replayed.push(did);
    }
    let is_done = replayed.iter().all(|did| did["replayed"] != "nothing");
    if as_json {
        print::json(&json!({ "replayed": replayed }));
    } else if replayed.is_empty() {
        print::line("nothing is dead");
    }
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Events that are dead or have dead effects, the oldest first. The dead effects of an event are replayed together.
async fn dead(access: &Access, tenant: &str) -> anyhow::Result<Vec<String>> {
    let mut found = BTreeSet::new();
    for kind in ["events", "effects"] {
        let mut before = None;
        loop {
            let path = page(&format!("/{kind}"), tenant, PAGE, Some("dead"), before.as_deref());
            let answer = access.ask(Method::GET, &path, None).await?;
            for it in answer[kind].as_array().into_iter().flatten() {
                let id = print::text(it, "id");
                let event = id.split_once('.').map_or(id, |(event, _)| event);
                found.insert(event.parse::<EventId>()?);
            }
            before = answer["next"].as_str().map(ToOwned::to_owned);
            if before.is_none() {
                break;
            }
        }
    }
    Ok(found.iter().map(ToString::to_string).collect())
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
    more(answer);
}

fn more(answer: &Value) {
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
    more(answer);
}
