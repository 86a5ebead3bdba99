//! The App itself: where it is installed, the tokens that it takes there, and the deliveries of its webhook.
//!
//! docs.github.com/rest/apps/apps, …/apps/installations, …/apps/webhooks.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::routing::MethodFilter;
use serde_json::{Value, json};

use super::super::app::{Installation, Permissions, Token};
use super::super::asked::Asked;
use super::super::refusal::Refusal;
use super::super::state::State;
use super::super::{doors, page, shape};
use super::{Answer, Call, Done};
use crate::domain::time::Timestamp;

/// How long a token holds: an hour.
const TOKEN_LIFE: Duration = Duration::from_secs(60 * 60);
/// What stands before the id in a cursor.
const CURSOR: &str = "v1_";

const APPS: &str = "rest/apps/apps";
const HOOKS: &str = "rest/apps/webhooks";

pub(super) const CALLS: &[Call] = &[
    Call::get("/app", "apps/get-authenticated", APPS)
        .by_app(|state, _, _| Ok(Answer::Of(200, with_count(state, shape::app(state))))),
    Call::get("/app/installations", "apps/list-installations", APPS).by_app(|state, _, _| {
        Ok(Answer::List(state.installations.values().map(|one| shape::installation(state, one)).collect()))
    }),
    Call::get("/app/installations/{id}", "apps/get-installation", APPS)
        .by_app(|state, asked, _| Ok(Answer::Of(200, shape::installation(state, installation(state, asked)?)))),
    Call::change(
        MethodFilter::POST,
        "/app/installations/{id}/access_tokens",
        "apps/create-installation-access-token",
        "rest/apps/apps#create-an-installation-access-token-for-an-app",
    )
    .by_app(token),
    Call::get("/repos/{owner}/{repo}/installation", "apps/get-repo-installation", APPS).by_app(|state, asked, _| {
        let of = state.installation_of(asked.repository).ok_or_else(Refusal::not_found)?;
        Ok(Answer::Of(200, shape::installation(state, of)))
    }),
    Call::get("/installation/repositories", "apps/list-repos-accessible-to-installation", "rest/apps/installations")
        .by(&[], repositories),
    Call::get("/app/hook/config", "apps/get-webhook-config-for-app", HOOKS).by_app(|state, _, _| {
        let url = &state.hook.url;
        let config = json!({ "content_type": "json", "insecure_ssl": "0", "secret": "********", "url": url });
        Ok(Answer::Of(200, config))
    }),
    Call::get("/app/hook/deliveries", "apps/list-webhook-deliveries", HOOKS).by_app(deliveries),
    Call::get("/app/hook/deliveries/{id}", "apps/get-webhook-delivery", HOOKS).by_app(|state, asked, _| {
        let delivery = state.deliveries.get(&asked.number("id")?).ok_or_else(Refusal::not_found)?;
        Ok(Answer::Of(200, delivery.whole()))
    }),
    Call::change(MethodFilter::POST, "/app/hook/deliveries/{id}/attempts", "apps/redeliver-webhook-delivery", HOOKS)
        .by_app(|state, asked, _| match state.redeliver(asked.number("id")?) {
            true => Ok(Answer::Of(202, json!({}))),
            false => Err(Refusal::not_found()),
        }),
];

fn with_count(state: &State, mut app: Value) -> Value {
    app["installations_count"] = json!(state.installations.len());
    app
}

fn installation<'a>(state: &'a State, asked: &Asked) -> Result<&'a Installation, Refusal> {
    state.installations.get(&asked.number("id")?).ok_or_else(Refusal::not_found)
}

/// Gives a token, as narrow as it is asked for.
fn token(state: &mut State, asked: &Asked, now: Timestamp) -> Done {
    let of = installation(state, asked)?.clone();
    if of.suspended_at.is_some() {
        return Err(doors::suspended());
    }
    let permissions = match &asked.body["permissions"] {
        Value::Null => of.permissions.clone(),
        wanted => {
            let wanted: Permissions = serde_json::from_value(wanted.clone())
                .map_err(|_| Refusal::unprocessable("Invalid request.\n\nThe permissions are not well formed."))?;
            if wanted.iter().any(|(name, level)| of.permissions.get(name) < Some(level)) {
                return Err(Refusal::unprocessable("The permissions requested are not granted to this installation."));
            }
            wanted
        }
    };
    let repositories = narrowed(state, asked, &of)?;
    let until = now.after(TOKEN_LIFE);
    let word = format!("ghs_Sim{}{}", state.new_id(), state.new_guid().replace('-', ""));
    let mut body = json!({
        "token": word, "expires_at": shape::time(until), "permissions": permissions,
        "repository_selection": if of.repositories.is_some() || repositories.is_some() { "selected" } else { "all" },
    });
    if let Some(chosen) = &repositories {
        let chosen = chosen.iter().filter_map(|id| state.repositories.get(id));
        body["repositories"] = chosen.map(|one| shape::repository(state, one)).collect();
    }
    state.tokens.insert(word, Token { installation: of.id, until, permissions, repositories });
    Ok(Answer::Of(201, body))
}

/// The repositories to which a token is to be narrowed.
fn narrowed(state: &State, asked: &Asked, of: &Installation) -> Result<Option<BTreeSet<u64>>, Refusal> {
    let all = state.repositories_of(of);
    let none = || {
        let message = "There is at least one repository that does not exist or is not accessible to the parent \
                       installation.";
        Refusal::unprocessable(message)
    };
    let names = asked.texts("repositories")?;
    let by_name = |name: &String| {
        let found = all.iter().find(|one| one.name().eq_ignore_ascii_case(name));
        found.map(|one| one.id).ok_or_else(none)
    };
    let by_id = |id: &Value| {
        let found = all.iter().find(|one| Some(one.id) == id.as_u64());
        found.map(|one| one.id).ok_or_else(none)
    };
    let ids = asked.body["repository_ids"].as_array();
    if names.is_none() && ids.is_none() {
        return Ok(None);
    }
    let named = names.iter().flatten().map(by_name);
    named.chain(ids.into_iter().flatten().map(by_id)).collect::<Result<_, _>>().map(Some)
}

fn repositories(state: &mut State, asked: &Asked, _now: Timestamp) -> Done {
    let token = asked.caller.token().ok_or_else(Refusal::not_found)?;
    let of = state.installations.get(&token.installation).ok_or_else(Refusal::not_found)?;
    let chosen = |id: u64| token.repositories.as_ref().is_none_or(|chosen| chosen.contains(&id));
    let all = state.repositories_of(of).into_iter().filter(|one| chosen(one.id));
    let all = all.map(|one| shape::repository(state, one)).collect();
    let selection = if of.repositories.is_some() { "selected" } else { "all" };
    Ok(Answer::Within("repositories", json!({ "repository_selection": selection }), all))
}

/// The newest first, from the one that the cursor names.
fn deliveries(state: &mut State, asked: &Asked, _now: Timestamp) -> Done {
    let start = match asked.option("cursor") {
        None => u64::MAX,
        Some(cursor) => {
            let id = cursor.strip_prefix(CURSOR).and_then(|id| id.parse().ok());
            id.ok_or_else(|| Refusal::unprocessable("Invalid cursor"))?
        }
    };
    let wanted = asked.option("redelivery").map(|wanted| wanted == "true");
    let fits = |redelivery: bool| wanted.is_none_or(|wanted| wanted == redelivery);
    let status = asked.option("status");
    let ends = |is_taken: bool| status.is_none_or(|status| (status == "success") == is_taken);
    let from = state.deliveries.range(..=start).rev().map(|(_, one)| one);
    let mut from = from.filter(|one| fits(one.redelivery) && ends(one.is_taken()));
    let entries = from.by_ref().take(page::size(&asked.query)).map(super::super::hook::Delivery::listed).collect();
    Ok(Answer::From(entries, from.next().map(|one| format!("{CURSOR}{}", one.id))))
}
