//! Findings of `doctor`: each says what is so, and where it is not as it should be, how to mend it.
//!
//! Where the program cannot start, or its configuration cannot be read, what can still be looked at is. Findings of
//! secrets, disk and clock stand in `doctor/machine.rs`, those of what was missed in
//! `doctor/gaps.rs`, those of files of workflows in `doctor/workflows.rs`, those of the public address in
//! `doctor/endpoint.rs`, those of a message that is sent on demand in `doctor/sending.rs`.

mod endpoint;
mod gaps;
mod machine;
mod sending;
mod workflows;

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::actors::board::Condition;
use crate::actors::clock::SystemClock;
use crate::actors::sockets::BOARD_NAME;
use crate::app::github as github_parts;
use crate::app::inside::Insides;
use crate::app::policies;
use crate::app::teams::Parts;
use crate::channels::slack;
use crate::channels::slack::deliver::SlackChannel;
use crate::channels::{DeliverError, github, teams};
use crate::config::Config;
use crate::config::errors::ConfigErrors;
use crate::config::keyfile::KeyFileError;
use crate::domain::ids::TenantId;
use crate::domain::time::{Clock, Timestamp};
use crate::store::Health;
use crate::store::keyspace::{effect, event, sync};
use crate::store::open::OpenError;
use crate::web::inside::Inside;

/// How long a platform may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Good,
    Warning,
    Bad,
}

#[derive(Debug, Serialize)]
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

/// Tasks that a finding names: a line on a terminal holds no more.
const MOST_NAMED: usize = 5;

/// Pairs of an issue and a task that wait for a person.
fn paused_pairs(inside: &Insides) -> Option<Finding> {
    let view = inside.store.view(&TenantId::default_tenant());
    let paused = match sync::paused(&view) {
        Ok(paused) => paused,
        Err(error) => return Some(not_good("sync", State::Bad, error.to_string(), "see the finding about the store")),
    };
    let named: Vec<String> = paused.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    let detail = format!("paused, {} in all: {}", paused.len(), named.join(", "));
    let mend = "each says with `task show` which task asks a person to look; when that is done it goes on";
    (!paused.is_empty()).then(|| not_good("sync", State::Warning, detail, mend))
}

/// Looks at everything, and sends each platform's owner a message where that is asked for.
pub(super) async fn examine(inside: &Insides, send: bool) -> Value {
    let (answer, at_slack) = slack_answers(inside.slack.as_deref()).await;
    let mut findings = configuration(&inside.config);
    findings.extend(machine::secrets(&inside.config));
    findings.push(store(inside));
    findings.push(machine::disk(&inside.config, Some(inside.store.live())));
    findings.push(machine::clock(SystemClock.now(), at_slack));
    findings.push(answer);
    findings.extend(workspace(inside));
    findings.extend(teams(inside.teams.as_ref()).await);
    findings.extend(github(inside.github.as_deref()).await);
    findings.extend(endpoints(inside).await);
    findings.extend(ledger(inside));
    findings.push(policy(inside));
    findings.extend(workflows::findings(inside));
    findings.extend(paused_pairs(inside));
    findings.extend(sockets(inside));
    findings.extend(gaps::findings(&inside.board));
    findings.extend(gaps::github(&inside.board));
    if send {
        findings.extend(sending::findings(inside).await);
    }
    for (actor, error) in inside.troubles() {
        if actor.starts_with(BOARD_NAME) {
            continue;
        }
        let mend = "it is started again by itself; if it stays so, the error says what is missing";
        findings.push(not_good("actor", State::Bad, format!("{actor}: {error}"), mend));
    }
    report(&findings)
}

/// Looks at what can be looked at where the program does not start, for this reason.
pub(crate) async fn examine_unstarted(config: &Config, why: &anyhow::Error) -> Value {
    let slack = super::slack::channel(config);
    let (answer, at_slack) = match &slack {
        Ok(slack) => slack_answers(slack.as_deref()).await,
        Err(error) => (not_good("slack", State::Bad, format!("{error:#}"), "mend the setting that it names"), None),
    };
    let mut findings = configuration(config);
    findings.extend(machine::secrets(config));
    findings.push(unstarted(why));
    findings.push(machine::disk(config, None));
    findings.push(machine::clock(SystemClock.now(), at_slack));
    findings.push(answer);
    findings.extend(match super::teams::parts(config) {
        Ok(parts) => teams(parts.as_ref()).await,
        Err(error) => vec![not_good("teams", State::Bad, format!("{error:#}"), "mend the setting that it names")],
    });
    findings.extend(match github_parts::parts(config) {
        Ok(parts) => github(parts.as_deref()).await,
        Err(error) => vec![not_good("github", State::Bad, format!("{error:#}"), "mend the setting that it names")],
    });
    findings.push(policy_files(config));
    report(&findings)
}

/// The mistakes of a configuration that cannot be read.
pub(crate) fn of_mistakes(mistakes: &ConfigErrors) -> Value {
    let mend = "mend it where it stands; config/default.toml shows every key";
    let findings = mistakes.0.iter().map(|issue| not_good("configuration", State::Bad, issue.to_string(), mend));
    let findings: Vec<Finding> = findings.chain([machine::clock(SystemClock.now(), None)]).collect();
    report(&findings)
}

fn report(findings: &[Finding]) -> Value {
    let well = findings.iter().all(|finding| finding.state != State::Bad);
    json!({ "well": well, "findings": findings })
}

fn configuration(config: &Config) -> Vec<Finding> {
    let warnings = config.warnings().iter();
    let mut findings: Vec<Finding> = warnings
        .map(|warning| not_good("configuration", State::Warning, warning.clone(), "see config/default.toml"))
        .collect();
    let set = config.origins().len();
    findings.push(good("configuration", format!("{set} keys are set; data in {}", config.data.display())));
    findings
}

/// Why the program does not start. What has a hint in its text gets that as its mend.
fn unstarted(why: &anyhow::Error) -> Finding {
    let text = format!("{why:#}");
    let (detail, hint) = match text.split_once("\n  hint: ") {
        Some((detail, hint)) => (detail.to_owned(), Some(hint.to_owned())),
        None => (text.clone(), None),
    };
    let of_store = why.downcast_ref::<OpenError>();
    let what = if of_store.is_some() || why.is::<KeyFileError>() { "store" } else { "start" };
    let mend = hint.unwrap_or_else(|| match of_store {
        Some(OpenError::InUse { .. }) => "stop the other process, or name another folder with --data".to_owned(),
        Some(OpenError::Newer { .. }) => "run the newer program, or restore a backup of before its start".to_owned(),
        Some(OpenError::HalfRestored) => "empty the folder and restore the backup again".to_owned(),
        Some(OpenError::Keys(_)) => {
            "put back the master.key with which it was written, or set AI_CRM_MASTER_KEY to it".to_owned()
        }
        _ => "mend what it names, and look again".to_owned(),
    });
    not_good(what, State::Bad, detail, mend)
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

/// Whether Slack answers, and what time it is there.
async fn slack_answers(channel: Option<&SlackChannel>) -> (Finding, Option<Timestamp>) {
    let Some(channel) = channel else { return (good("slack", format!("off: {}", slack::TURN_ON)), None) };
    match tokio::time::timeout(PATIENCE, channel.identity_and_time()).await {
        Ok(Ok(None)) => {
            let mend = "connect one: `ai-crm slack install-link` makes a link for its people";
            (not_good("slack", State::Warning, "no workspace is connected", mend), None)
        }
        Ok(Ok(Some((identity, time)))) => {
            let team = identity.team.unwrap_or_default();
            let id = identity.team_id.or(identity.enterprise_id).unwrap_or_default();
            (good("slack", format!("the token is good for workspace {id} ({team})")), time)
        }
        Ok(Err(error)) => {
            let mend = "check SLACK_BOT_TOKEN, or connect the workspace again by `ai-crm slack install-link`, and that \
                        SLACK_API_URL can be reached from here";
            (not_good("slack", State::Bad, error.to_string(), mend), None)
        }
        Err(_) => {
            let mend = "check that SLACK_API_URL can be reached from here";
            (not_good("slack", State::Bad, format!("no answer in {} s", PATIENCE.as_secs()), mend), None)
        }
    }
}

fn workspace(inside: &Insides) -> Option<Finding> {
    inside.slack.as_ref()?;
    let known = inside.installations.known();
    // Whose workspaces there are is asked for by a bot that runs, and told by it.
    if known.is_empty() && inside.tree.is_none() {
        return None;
    }
    Some(if known.is_empty() {
        let mend = "it is asked for until Slack answers; until then people are looked up one by one";
        not_good("slack workspace", State::Warning, "not known yet", mend)
    } else {
        good("slack workspace", known.join(", "))
    })
}

/// Whether Entra gives a token, and whether the keys by which Teams signs can be fetched.
async fn teams(parts: Option<&Parts>) -> Vec<Finding> {
    let Some((channel, door)) = parts else {
        return vec![good("teams", format!("off: {}", teams::TURN_ON))];
    };
    let Some(keys) = door.keys() else {
        let detail = "it speaks with the playground: programs on this machine are believed without a proof";
        let mend = "start it without --teams-playground for the real Teams";
        return vec![not_good("teams", State::Warning, detail, mend)];
    };
    let late = || DeliverError::Unavailable { reason: format!("no answer in {} s", PATIENCE.as_secs()) };
    let token = tokio::time::timeout(PATIENCE, channel.check()).await.unwrap_or_else(|_| Err(late()));
    let token = match token {
        Ok(()) => good("teams", "Entra gives the app a token for sending"),
        Err(error) => {
            let mend = "check the app's id, its secret or certificate, and its tenant, and that MICROSOFT_LOGIN_URL \
                        can be reached from here";
            not_good("teams", State::Bad, error.to_string(), mend)
        }
    };
    let fetched = tokio::time::timeout(PATIENCE, keys.check(SystemClock.now())).await;
    let fetched = fetched.map_err(|_| late().to_string()).and_then(|kept| kept.map_err(|error| error.to_string()));
    let keys = match fetched {
        Ok(count) => good("teams keys", format!("{count} keys by which Teams signs")),
        Err(why) => {
            let mend =
                "check that MICROSOFT_OPENID_METADATA_URL can be reached from here; until then nothing is let in";
            not_good("teams keys", State::Bad, why, mend)
        }
    };
    vec![token, keys]
}

/// Whether GitHub believes the App, and what it says of it.
async fn github(parts: Option<&github_parts::Parts>) -> Vec<Finding> {
    let Some(parts) = parts else { return vec![good("github", format!("off: {}", github::TURN_ON))] };
    let late = || DeliverError::Unavailable { reason: format!("no answer in {} s", PATIENCE.as_secs()) };
    let learnt = tokio::time::timeout(PATIENCE, parts.learn()).await.unwrap_or_else(|_| Err(late()));
    let (identity, time) = match learnt {
        Ok(learnt) => learnt,
        Err(error) => {
            let mend = "check GITHUB_APP_ID and GITHUB_PRIVATE_KEY, and that GITHUB_API_URL can be reached from here; \
                        what GitHub sends is taken in and waits";
            return vec![not_good("github", State::Bad, error.to_string(), mend)];
        }
    };
    let owner = identity.owner.as_deref().map(|owner| format!(" of {owner}")).unwrap_or_default();
    let known =
        format!("GitHub believes the App @{}{owner}; what it does is done by {}", identity.slug, identity.login());
    let mut findings = vec![good("github", known)];
    if identity.owner.is_none() && parts.channel.accounts().go_by_owner() {
        let detail = "the App is owned by no account but an enterprise, so the events of all who install it are taken";
        let mend = "list this team's organisations in channels.github.accounts";
        findings.push(not_good("github accounts", State::Warning, detail, mend));
    }
    if let Some(skew) = time.and_then(|theirs| github::client::skew(SystemClock.now(), theirs)) {
        let mend = "set the clock, and keep it by NTP: GitHub judges the times of the App's statements";
        findings.push(not_good("github clock", State::Warning, skew, mend));
    }
    findings
}

/// Whether what the platforms send to the public address comes here.
async fn endpoints(inside: &Insides) -> Vec<Finding> {
    let (config, is_serving) = (&inside.config, inside.tree.is_some());
    let public_url = config.server.public_url.as_ref();
    // An app of Slack that was made by hand needs no address of ours here.
    let asks_slack = inside.slack.is_some() && !config.channels.slack.signing_secrets().is_empty();
    let by_requests = asks_slack && public_url.is_some();
    let by_tokens = inside.teams.as_ref().is_some_and(|(_, door)| door.keys().is_some());
    let by_webhook = config.channels.github.is_on() == Ok(true);
    let asked = [
        by_requests.then_some(&endpoint::SLACK),
        by_tokens.then_some(&endpoint::TEAMS),
        by_webhook.then_some(&endpoint::GITHUB),
    ];
    let mut findings = Vec::new();
    for endpoint in asked.into_iter().flatten() {
        findings.push(endpoint::finding(endpoint, public_url, is_serving).await);
    }
    findings
}

/// Whether Slack can reach us by socket, where it is to.
fn sockets(inside: &Insides) -> Option<Finding> {
    let board = inside.board.read();
    let sockets: Vec<_> = board.iter().filter(|(name, _)| name.starts_with(BOARD_NAME)).collect();
    let open = sockets.iter().filter(|(_, shown)| shown.state.get("connected").is_some_and(|it| it == true)).count();
    let what = "slack sockets";
    let detail = format!("{open} of {} are open", sockets.len());
    if sockets.is_empty() {
        return None;
    }
    if open == sockets.len() {
        return Some(good(what, detail));
    }
    let troubled = sockets.iter().find(|(_, shown)| shown.condition != Condition::Running);
    let why = troubled.and_then(|(_, shown)| shown.last_error.clone());
    // One is enough to be reached.
    let state = if open == 0 { State::Bad } else { State::Warning };
    let mend = "mend what it names; it is tried again by itself, within minutes";
    Some(not_good(what, state, why.map_or(detail.clone(), |why| format!("{detail}; {why}")), mend))
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
        let mend = "`ai-crm events list --state dead` and `ai-crm events effects --state dead` show them, \
                    `ai-crm events replay ID` or `--all` takes them up again, `ai-crm events drop ID` takes one off";
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
    policy_files(&inside.config)
}

fn policy_files(config: &Config) -> Finding {
    match policies::load(config) {
        Ok(Ok(set)) => good("policy", format!("valid, {}", &set.hash()[..12])),
        Ok(Err(issues)) => {
            let issues: Vec<String> = issues.iter().map(ToString::to_string).collect();
            not_good("policy", State::Bad, issues.join("; "), "mend the file")
        }
        Err(error) => not_good("policy", State::Bad, format!("{error:#}"), "make the folder readable"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_does_not_open_is_named_with_its_mend() {
        let damaged = OpenError::Damaged { folder: "d".to_owned(), reason: "torn".to_owned() };
        for (error, what, detail, mend) in [
            (anyhow::Error::from(damaged), "store", "torn", "restore FILE"),
            (OpenError::InUse { folder: "d".to_owned() }.into(), "store", "in use", "--data"),
            (OpenError::HalfRestored.into(), "store", "cut off", "empty the folder"),
            (KeyFileError::Unusable("k is empty".to_owned()).into(), "store", "k is empty", "mend"),
            (anyhow::anyhow!("the agents cannot be loaded"), "start", "agents", "mend"),
        ] {
            let found = unstarted(&error);
            assert_eq!((found.what, found.state), (what, State::Bad), "{error}");
            assert!(found.detail.contains(detail) && !found.detail.contains("hint"), "{}", found.detail);
            assert!(found.mend.as_deref().is_some_and(|text| text.contains(mend)), "{:?}", found.mend);
        }
    }
}
