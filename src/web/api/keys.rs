//! API keys: made, listed, revoked. A key is shown in the answer that makes it and nowhere else, so that answer is kept
//! under no `Idempotency-Key`; who did not get it revokes the key and makes another.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::api_key::{ApiKey, LONGEST_LIFE, LONGEST_NAME, Scope, USUAL_LIFE, key_of};
use crate::domain::ids::TenantId;
use crate::domain::outcome::Expect;
use crate::domain::time::Timestamp;
use crate::ledger::operate::{OPERATOR, entry};
use crate::store::keyspace::api_key;
use crate::store::{Batch, StoreError, Stored};
use crate::web::Shared;
use crate::web::problem::Problem;
use crate::workflow::duration;

/// The path of the route that makes one.
pub(super) const PATH: &str = "/keys";
/// Keys that count at one time: far more than there are programs, and few enough to list.
const MOST_KEYS: usize = 200;
/// How long a key that counts no longer is listed, so that an operator sees why a program is refused.
const LISTED_FOR: Duration = Duration::from_secs(90 * 24 * 3600);
/// How often a revocation is tried while the key is being used.
const TRIES: usize = 5;

/// A key that is to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    scopes: Vec<Scope>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    expires: Option<String>,
}

/// The body, as a JSON Schema.
pub(super) fn schema() -> Value {
    let usual = duration::shown(USUAL_LIFE);
    json!({
        "type": "object", "additionalProperties": false, "required": ["scopes"],
        "properties": {
            "scopes": { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "enum": Scope::ALL } },
            "name": { "type": "string", "maxLength": LONGEST_NAME, "description": "what for" },
            "expires": {
                "type": "string", "pattern": "^[0-9]+[smhd]$", "default": usual,
                "description": "how long it counts, a year at most: 30d",
            },
        },
    })
}

impl NewKey {
    /// Its scopes, its name and its life, where they can be.
    fn read(mut self) -> Result<(Vec<Scope>, String, Duration), Problem> {
        if self.scopes.is_empty() {
            let all = Scope::ALL.map(Scope::as_str).join(", ");
            return Err(Problem::malformed(format!("scopes: say what it permits: {all}")));
        }
        self.scopes.dedup();
        let name = self.name.trim();
        if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(Problem::malformed(format!("name: one line of at most {LONGEST_NAME} characters")));
        }
        let life = match &self.expires {
            Some(text) => duration::read(text).filter(|life| !life.is_zero() && *life <= LONGEST_LIFE),
            None => Some(USUAL_LIFE),
        };
        let odd = || Problem::malformed("expires: a year at most, written as `30d`, `12h` or `90m`");
        Ok((self.scopes, name.to_owned(), life.ok_or_else(odd)?))
    }
}

/// A key in a list.
fn row(key: &ApiKey, now: Timestamp) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "id": key.id, "name": key.name, "scopes": key.scopes, "state": key.standing(now),
        "created": key.created.to_string(), "expires": key.expires.to_string(),
        "last_used": time(key.used), "revoked": time(key.revoked),
    })
}

/// The keys, the newest first.
pub(super) async fn list(State(state): State<Shared>) -> Result<Json<Value>, Problem> {
    let now = state.inbox.clock().now();
    let mut keys = api_key::all(&state.inbox.store().view(&TenantId::default_tenant()))?;
    keys.sort_by(|a, b| (b.value.created, &a.value.id).cmp(&(a.value.created, &b.value.id)));
    Ok(Json(json!({ "keys": keys.iter().map(|key| row(&key.value, now)).collect::<Vec<_>>() })))
}

/// Makes a key.
pub(super) async fn create(State(state): State<Shared>, Json(new): Json<NewKey>) -> Result<Json<Value>, Problem> {
    let (scopes, name, life) = new.read()?;
    let (tenant, now) = (TenantId::default_tenant(), state.inbox.clock().now());
    let store = state.inbox.store();
    let keys = api_key::all(&store.view(&tenant))?;
    let (over, valid): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.value.ended(now).is_some());
    if valid.len() >= MOST_KEYS {
        let what = format!("{MOST_KEYS} keys count already: revoke those that nobody uses");
        return Err(Problem::new(StatusCode::CONFLICT, what));
    }
    let key = key_of(&rand::random());
    let kept = ApiKey::new(&key, name, scopes, now, life);
    let is_old = |key: &&Stored<ApiKey>| key.value.ended(now).is_some_and(|ended| now.since(ended) > LISTED_FOR);
    let mut batch = Batch::new();
    batch.writes(&tenant, over.iter().filter(is_old).map(api_key::forget));
    batch.write(&tenant, api_key::put_key(&kept, Expect::Absent));
    batch.audit(&tenant, entry("keys.create", OPERATOR, resource(&kept), None));
    store.commit(batch).await?;
    let mut shown = row(&kept, now);
    shown["key"] = key.expose().into();
    Ok(Json(shown))
}

/// On what it was acted, for the audit chain: `api key k-… (events:github)`.
fn resource(key: &ApiKey) -> String {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    format!("api key {} ({})", key.id, scopes.join(", "))
}

/// Ends a key.
pub(super) async fn revoke(State(state): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let (tenant, store) = (TenantId::default_tenant(), state.inbox.store());
    for _ in 0..TRIES {
        let found = api_key::all(&store.view(&tenant))?.into_iter().find(|key| key.value.id == id);
        let Some(Stored { value: key, version }) = found else {
            return Err(Problem::not_found("no API key has this id: `ai-crm keys list` shows those that there are"));
        };
        let now = state.inbox.clock().now();
        if key.revoked.is_some() {
            return Ok(Json(row(&key, now)));
        }
        let revoked = ApiKey { revoked: Some(now), ..key };
        let mut batch = Batch::new();
        batch.write(&tenant, api_key::put_key(&revoked, Expect::Version(version)));
        batch.audit(&tenant, entry("keys.revoke", OPERATOR, resource(&revoked), None));
        match store.commit(batch).await {
            Ok(()) => return Ok(Json(row(&revoked, now))),
            // A program was let in by it at this very moment.
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: Value) -> Result<(Vec<Scope>, String, Duration), String> {
        let new: NewKey = serde_json::from_value(body).map_err(|error| error.to_string())?;
        new.read().map_err(|problem| format!("{problem:?}"))
    }

    #[test]
    fn a_key_has_a_scope_a_short_name_and_an_end() {
        let (scopes, name, life) = read(json!({"scopes": ["events:github"], "name": " ci "})).unwrap();
        assert_eq!((scopes, name.as_str(), life), (vec![Scope::EventsGitHub], "ci", USUAL_LIFE));
        let with = |name: &str, value: Value| {
            let mut body = json!({"scopes": ["events:github"]});
            body[name] = value;
            read(body)
        };
        assert_eq!(with("expires", json!("365d")).unwrap().2, LONGEST_LIFE);
        assert!(with("name", json!("x".repeat(LONGEST_NAME))).is_ok());
        for (name, value) in [
            ("expires", json!("366d")),
            ("expires", json!("0s")),
            ("expires", json!("soon")),
            ("expires", json!("-1d")),
            ("name", json!("x".repeat(LONGEST_NAME + 1))),
            ("name", json!("two\nlines")),
            ("scopes", json!([])),
            ("scopes", json!(["everything"])),
            ("digest", json!("x")),
        ] {
            assert!(with(name, value.clone()).is_err(), "{name} {value}");
        }
    }
}
