//! What happens to the App's installations. GitHub tells of it whatever the App asked to be told of.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::app::Installation;
use super::super::hook::EVENTS;
use super::super::state::State;
use super::super::{seed, shape};
use super::post;
use crate::domain::time::Timestamp;

/// The App's webhook is tried.
pub(in super::super) fn ping(state: &mut State, now: Timestamp) {
    let config = json!({
        "url": state.hook.url, "content_type": "json", "insecure_ssl": "0", "secret": "********",
    });
    let payload = json!({
        "zen": "Keep it logically awesome.", "hook_id": seed::HOOK_ID,
        "hook": {
            "type": "App", "id": seed::HOOK_ID, "name": "web", "active": true, "events": EVENTS, "config": config,
            "app_id": state.app.id, "created_at": shape::time(now), "updated_at": shape::time(now),
            "deliveries_url": format!("{}/app/hook/deliveries", state.base_url),
        },
    });
    post(state, "ping", None, None, None, &payload);
}

fn tell(state: &mut State, installation: &Installation, sender: u64, event: &str, action: &str, more: Value) {
    let mut payload = json!({
        "action": action, "installation": shape::installation(state, installation), "requester": null,
        "sender": shape::account(state, sender),
    });
    if let (Some(payload), Value::Object(more)) = (payload.as_object_mut(), more) {
        payload.extend(more);
    }
    post(state, event, Some(action), Some(installation.id), None, &payload);
}

fn briefs(state: &State, repositories: impl IntoIterator<Item = u64>) -> Vec<Value> {
    let known = repositories.into_iter().filter_map(|id| state.repositories.get(&id));
    known.map(shape::repository_brief).collect()
}

/// Somebody installs the App in an account, for some repositories of it or for all.
pub(in super::super) fn install(
    state: &mut State,
    sender: u64,
    account: u64,
    chosen: Option<BTreeSet<u64>>,
    now: Timestamp,
) -> u64 {
    let id = state.new_id();
    let made = Installation { id, account, repositories: chosen, ..seed::installation(now) };
    state.installations.insert(id, made.clone());
    let ids: Vec<u64> = state.repositories_of(&made).iter().map(|repository| repository.id).collect();
    let repositories = briefs(state, ids);
    tell(state, &made, sender, "installation", "created", json!({ "repositories": repositories }));
    id
}

/// Somebody takes the App out. Its tokens end.
pub(in super::super) fn uninstall(state: &mut State, sender: u64, id: u64) {
    let Some(gone) = state.installations.remove(&id) else { return };
    state.tokens.retain(|_, token| token.installation != id);
    let ids: Vec<u64> = state.repositories_of(&gone).iter().map(|repository| repository.id).collect();
    let repositories = briefs(state, ids);
    tell(state, &gone, sender, "installation", "deleted", json!({ "repositories": repositories }));
}

/// Somebody suspends the App, or lets it on.
pub(in super::super) fn suspend(state: &mut State, sender: u64, id: u64, suspended: bool, now: Timestamp) {
    let Some(installation) = state.installations.get_mut(&id) else { return };
    installation.suspended_at = suspended.then_some(now);
    installation.updated_at = now;
    let installation = installation.clone();
    let action = if suspended { "suspend" } else { "unsuspend" };
    tell(state, &installation, sender, "installation", action, json!({}));
}

/// Somebody gives the App a repository more, or takes one from it.
pub(in super::super) fn choose(state: &mut State, sender: u64, id: u64, repository: u64, chosen: bool, now: Timestamp) {
    let Some(installation) = state.installations.get(&id) else { return };
    let all = state.repositories_of(installation).iter().map(|one| one.id).collect::<BTreeSet<_>>();
    let Some(installation) = state.installations.get_mut(&id) else { return };
    let of_it = installation.repositories.get_or_insert(all);
    if chosen {
        of_it.insert(repository);
    } else {
        of_it.remove(&repository);
    }
    installation.updated_at = now;
    let installation = installation.clone();
    let (changed, none) = (briefs(state, [repository]), Vec::new());
    let (added, removed) = if chosen { (changed, none) } else { (none, changed) };
    let more = json!({
        "repository_selection": "selected", "repositories_added": added, "repositories_removed": removed,
    });
    let action = if chosen { "added" } else { "removed" };
    tell(state, &installation, sender, "installation_repositories", action, more);
}
