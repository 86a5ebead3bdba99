//! Findings of `doctor`: each says what is so, and where it is not as it should be, how to mend it.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::actors::clock::SystemClock;
use crate::app::inside::Insides;
use crate::app::policies;
use crate::domain::event::ChannelName;
use crate::domain::time::{Clock, Timestamp};
use crate::store::Health;
use crate::store::keyspace::{effect, event};
use crate::web::inside::Inside;

/// How long a platform may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The clock of a machine that has never been set; signatures would all be stale.
const NEVER_SET: Timestamp = Timestamp(1_735_689_600_000);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    Warning,
    Bad,
}

#[derive(Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

fn good(what: &'static str, detail: impl Into<String>) -> Finding {
    Finding { what, state: State::Good, detail: detail.into(), mend: None }
}

fn not_good(what: &'static str, state: State, detail: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding { what, state, detail: detail.into(), mend: Some(mend.into()) }
}

/// Looks at everything.
pub(super) async fn examine(inside: &Insides) -> Value {
    let mut findings = configuration(inside);
    findings.push(store(inside));
    findings.push(clock());
    findings.extend(channels(inside).await);
    findings.extend(ledger(inside));
    findings.push(policy(inside));
    for (actor, error) in inside.troubles() {
        let mend = "it is started again by itself; if it stays so, the error says what is missing";
        findings.push(not_good("actor", State::Bad, format!("{actor}: {error}"), mend));
    }
    let well = findings.iter().all(|finding| finding.state != State::Bad);
    json!({ "well": well, "findings": findings })
}

fn configuration(inside: &Insides) -> Vec<Finding> {
    let warnings = inside.config.warnings().iter();
    let mut findings: Vec<Finding> = warnings
        .map(|warning| not_good("configuration", State::Warning, warning.clone(), "see config/default.toml"))
        .collect();
    let set = inside.config.origins().len();
    findings.push(good("configuration", format!("{set} keys are set; data in {}", inside.config.data.display())));
    findings
}

fn store(inside: &Insides) -> Finding {
    let health = inside.store.health().borrow().clone();
    match health {
        Health::Writable => good("store", format!("writable, {} bytes", inside.store.size())),
        Health::Full(why) => {
            not_good("store", State::Bad, why, "make room on the disk or raise the bound; it goes on by itself")
        }
        Health::Broken(why) => not_good(
            "store",
            State::Bad,
            why,
            "mend the disk; it is opened again by itself; else `ai-crm restore FILE`",
        ),
    }
}

fn clock() -> Finding {
    let now = SystemClock.now();
    if now > NEVER_SET {
        good("clock", now.to_string())
    } else {
        not_good("clock", State::Bad, now.to_string(), "set the clock: signatures older than five minutes are refused")
    }
}

async fn channels(inside: &Insides) -> Vec<Finding> {
    let Some(slack) = &inside.slack else {
        return vec![good("slack", format!("off: {}", crate::channels::slack::TURN_ON))];
    };
    let asked = tokio::time::timeout(PATIENCE, slack.identity()).await;
    let answer = match asked {
        Ok(Ok(identity)) => {
            let team = identity.team.unwrap_or_default();
            good("slack", format!("the token is good for workspace {} ({team})", identity.team_id.unwrap_or_default()))
        }
        Ok(Err(error)) => {
            let mend = "check SLACK_BOT_TOKEN and that SLACK_API_URL can be reached from here";
            not_good("slack", State::Bad, error.to_string(), mend)
        }
        Err(_) => {
            not_good("slack", State::Bad, "no answer in 5 s", "check that SLACK_API_URL can be reached from here")
        }
    };
    let known = inside.installations.of(ChannelName::Slack);
    let connected = if known.is_empty() {
        let mend = "it is asked for until Slack answers; until then people are looked up one by one";
        not_good("slack workspace", State::Warning, "not known yet", mend)
    } else {
        good("slack workspace", known.join(", "))
    };
    vec![answer, connected]
}

fn ledger(inside: &Insides) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Ok(tenants) = inside.store.tenants() else { return findings };
    let (mut waiting, mut dead, mut owed, mut dead_effects) = (0, 0, 0, 0);
    for tenant in tenants {
        let view = inside.store.view(&tenant);
        waiting += event::all_ready(&view).count();
        dead += event::all_dead(&view).count();
        owed += effect::all_owed(&view).count();
        dead_effects += effect::all_dead(&view).count();
    }
    let line = format!("{waiting} events wait, {owed} effects are owed");
    findings.push(good("ledger", line));
    if dead + dead_effects > 0 {
        let detail = format!("{dead} events and {dead_effects} effects were given up");
        let mend = "`ai-crm events list --state dead`, then `events replay ID` or `events drop ID`";
        findings.push(not_good("ledger", State::Warning, detail, mend));
    }
    findings
}

fn policy(inside: &Insides) -> Finding {
    if let Some(failure) = inside.policies.last_failure() {
        let issues: Vec<String> = failure.issues.iter().map(ToString::to_string).collect();
        let mend = "mend the file: it is taken as soon as it is valid; the last good ones are in use";
        return not_good("policy", State::Bad, issues.join("; "), mend);
    }
    match policies::load(&inside.config) {
        Ok(Ok(set)) => good("policy", format!("valid, {}", &set.hash()[..12])),
        Ok(Err(issues)) => {
            let issues: Vec<String> = issues.iter().map(ToString::to_string).collect();
            not_good("policy", State::Bad, issues.join("; "), "mend the file")
        }
        Err(error) => not_good("policy", State::Bad, format!("{error:#}"), "make the folder readable"),
    }
}
