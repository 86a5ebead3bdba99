//! Who may use the API: the bearer of an admin token, and of an API key for what the key permits.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::domain::api_key::{ApiKey, Scope, Standing, is_key};
use crate::domain::event::ChannelName;
use crate::domain::ids::TenantId;
use crate::domain::outcome::Expect;
use crate::ledger::operate::OPERATOR;
use crate::store::keyspace::api_key;
use crate::store::{Batch, StoreError, Stored};
use crate::web::problem::Problem;
use crate::web::{Shared, api, edge};

/// Whose share of requests the bearers of admin tokens use.
const ADMIN: &str = "admin";

/// Who has proved to be somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Short, for keys of the store: `k-…`, or `admin`.
    pub id: String,
    /// As the audit chain names them: `api key k-…`, or `operator`.
    pub name: String,
}

/// Lets a request through that bears an admin token, or an API key that permits the route.
pub async fn require_token(State(state): State<Shared>, mut request: axum::extract::Request, next: Next) -> Response {
    let wanted = api::scope_of(request.method(), request.uri().path());
    match caller(&state, request.headers(), wanted).await {
        Ok(caller) => request.extensions_mut().insert(caller),
        Err(problem) => return problem.into_response(),
    };
    next.run(request).await
}

/// Who bears an admin token, or an API key that permits what is wanted, within their share of requests.
pub(super) async fn caller(state: &Shared, headers: &HeaderMap, wanted: Option<Scope>) -> Result<Caller, Problem> {
    let bearer = edge::text(headers, header::AUTHORIZATION.as_str());
    let has_bearer = bearer.is_some();
    let token =
        bearer.and_then(|bearer| bearer.split_once(' ')).filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
    let token = token.map(|(_, token)| token.trim().to_owned()).unwrap_or_default();
    let caller = if state.admin.match_any(&token) {
        Caller { id: ADMIN.to_owned(), name: OPERATOR.to_owned() }
    } else if is_key(&token) {
        by_key(state, &token, wanted).await?
    } else {
        return Err(refused(state, if has_bearer { "wrong token" } else { "no token" }, Problem::unauthentic()));
    };
    let counted = state.limit.count(ChannelName::Api, &caller.id, state.inbox.clock().now());
    counted.map_err(Problem::too_many)?;
    Ok(caller)
}

/// Counts who is not let in. Nothing of what they presented is in a log.
fn refused(state: &Shared, reason: &str, problem: Problem) -> Problem {
    state.metrics.unauthentic(ChannelName::Api, reason);
    problem
}

/// Who bears an API key that counts and permits the route. Who has the whole key may know why it does not.
async fn by_key(state: &Shared, token: &str, wanted: Option<Scope>) -> Result<Caller, Problem> {
    let found = api_key::presented(&state.inbox.store().view(&TenantId::default_tenant()), token)?;
    let Some(key) = found else { return Err(refused(state, "unknown key", Problem::unauthentic())) };
    let why = |what: &str| format!("the API key {} {what}: make another by `ai-crm keys create`", key.value.id);
    let now = state.inbox.clock().now();
    match key.value.standing(now) {
        Standing::Valid => {}
        Standing::Expired => {
            let problem = Problem::new(StatusCode::UNAUTHORIZED, why("has expired"));
            return Err(refused(state, "expired key", problem));
        }
        Standing::Revoked => {
            let problem = Problem::new(StatusCode::UNAUTHORIZED, why("was revoked"));
            return Err(refused(state, "revoked key", problem));
        }
    }
    let what = match wanted {
        Some(scope) if key.value.scopes.contains(&scope) => None,
        Some(scope) => Some(format!("this needs an API key with the scope {scope}")),
        None => Some("no API key permits this: it needs the admin token".to_owned()),
    };
    if let Some(what) = what {
        return Err(refused(state, "key without the scope", Problem::new(StatusCode::FORBIDDEN, what)));
    }
    if key.value.is_to_be_noted(now) {
        note_use(state, &key).await;
    }
    Ok(Caller { name: format!("api key {}", key.value.id), id: key.value.id })
}

/// Notes that a key is used. Whoever changes it meanwhile, by revoking it, comes first.
async fn note_use(state: &Shared, key: &Stored<ApiKey>) {
    let used = ApiKey { used: Some(state.inbox.clock().now()), ..key.value.clone() };
    let mut batch = Batch::new();
    batch.write(&TenantId::default_tenant(), api_key::put_key(&used, Expect::Version(key.version)));
    match state.inbox.store().commit(batch).await {
        Ok(()) | Err(StoreError::Conflict) => {}
        Err(error) => tracing::warn!(%error, key = used.id, "the use of an API key cannot be noted"),
    }
}

/// The tenant that a request speaks of: its `tenant` parameter, or the default one.
pub struct Tenant(pub TenantId);

impl FromRequestParts<Shared> for Tenant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let named = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "tenant");
        let Some((_, tenant)) = named else { return Ok(Self(TenantId::default_tenant())) };
        let tenant: TenantId = tenant.parse().map_err(|error| Problem::malformed(format!("tenant: {error}")))?;
        let is_known = tenant == TenantId::default_tenant() || state.inbox.store().tenants()?.contains(&tenant);
        if is_known { Ok(Self(tenant)) } else { Err(Problem::not_found(format!("tenant {tenant} is not known"))) }
    }
}
