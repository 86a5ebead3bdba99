//! Who may use the API: the bearer of an admin token.

use axum::extract::{FromRequestParts, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::domain::event::ChannelName;
use crate::domain::ids::TenantId;
use crate::web::problem::Problem;
use crate::web::{Shared, edge};

/// Lets a request through that bears an admin token.
pub async fn require_token(State(state): State<Shared>, request: axum::extract::Request, next: Next) -> Response {
    let bearer = edge::text(request.headers(), header::AUTHORIZATION.as_str());
    let token =
        bearer.and_then(|bearer| bearer.split_once(' ')).filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
    if token.is_some_and(|(_, token)| state.admin.match_any(token.trim())) {
        return match state.limit.count(ChannelName::Api, "admin", state.inbox.clock().now()) {
            Ok(()) => next.run(request).await,
            Err(seconds) => Problem::too_many(seconds).into_response(),
        };
    }
    let reason = if bearer.is_some() { "wrong token" } else { "no token" };
    state.metrics.unauthentic(ChannelName::Api, reason);
    Problem::unauthentic().into_response()
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
