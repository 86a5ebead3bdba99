//! What has happened on GitHub, posted by a program in its place: by the Action of this repository, where no App may be
//! installed.
//!
//! It is decoded as a webhook is, and kept as one; what differs is who vouches for it. A key does, and a key is in the
//! hands of whoever may change a workflow of the repository: so commands in what was written are not carried out, since
//! nothing proves who wrote them. Ids of deliveries are those of the one who posts, so that nobody can take one of
//! GitHub's, or of another key. Where GitHub is off, nothing can be said there: the event has no way back, and a step of
//! a rule that would write to GitHub fails with that.

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::once;
use crate::channels::github::decode::{DELIVERY_HEADER, EVENT_HEADER, decode};
use crate::domain::api_key::Posted;
use crate::domain::event::{Asked, ChannelName, EventKind, Incoming};
use crate::domain::ids::TenantId;
use crate::web::auth::Caller;
use crate::web::github::is_json;
use crate::web::problem::Problem;
use crate::web::{Shared, edge};

/// The path of the route.
pub(super) const PATH: &str = "/events/github";

/// What is asked for the event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    pm_analysis: Option<bool>,
    auto_assign: Option<bool>,
}

/// The body, as a JSON Schema.
pub(super) fn schema() -> Value {
    json!({
        "type": "object", "required": [],
        "description": "the payload of the event as GitHub writes it, at most 25 MiB: docs.github.com/webhooks",
    })
}

/// Takes an event.
pub(super) async fn receive(
    State(state): State<Shared>,
    Extension(caller): Extension<Caller>,
    Query(options): Query<Options>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    is_json(&headers, "post GitHub's payload with the content type application/json")?;
    let github = &state.github;
    let (body, _place) = github.body(&state, &headers, body).await?;
    let delivery = match edge::text(&headers, DELIVERY_HEADER) {
        Some(delivery) => Some(delivery),
        None => once::key_of(&headers)?,
    };
    let told = decode(edge::text(&headers, EVENT_HEADER), delivery, &body, &github.me(), &caller.name);
    let told = told.map_err(|malformed| Problem::malformed(malformed.to_string()))?;
    let event = posted(told.event, &caller, options.inputs(), github.is_on());
    let admitted = state.intake.admit(&event).await?;
    if admitted.tenant != TenantId::default_tenant() {
        state.metrics.unauthentic(ChannelName::Api, "an account of others");
        let what = "it happened in an account that is not this team's: list it in channels.github.accounts";
        return Err(Problem::new(StatusCode::FORBIDDEN, what));
    }
    let accepted = state.intake.accept(admitted.tenant, admitted.id, event).await?;
    Ok(Json(json!({ "event": accepted.id().to_string(), "known": accepted.id() != admitted.id })))
}

impl Options {
    /// What rules read: both, where one is given.
    fn inputs(&self) -> Map<String, Value> {
        let given = [("pm_analysis", self.pm_analysis), ("auto_assign", self.auto_assign)];
        let is_given = given.iter().any(|(_, flag)| flag.is_some());
        let flags = given.into_iter().filter(|_| is_given);
        flags.map(|(name, flag)| (name.to_owned(), flag.unwrap_or_default().into())).collect()
    }
}

/// An event as one that a program has posted.
fn posted(told: Incoming, caller: &Caller, inputs: Map<String, Value>, has_way_back: bool) -> Incoming {
    let delivery = told.dedupe.first().and_then(|key| key.rsplit(':').next()).unwrap_or_default();
    let dedupe = vec![format!("github:posted:{}:{delivery}", caller.id)];
    let kind = match told.kind {
        EventKind::Platform { name, ignore, own, .. } => {
            let posted = Some(Posted { by: caller.name.clone(), inputs });
            EventKind::Platform { name, ignore, asked: Asked::default(), own, posted, overheard: false }
        }
        other => other,
    };
    let reply = told.reply.filter(|_| has_way_back);
    Incoming { dedupe, kind, reply, proof: format!("posted by {}", caller.name), ..told }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::github::decode::Me;

    fn told(has_way_back: bool) -> Incoming {
        let payload = json!({
            "action": "opened",
            "issue": {"number": 3, "title": "x", "body": "/ai-crm task create now"},
            "repository": {"id": 5, "full_name": "acme/shop", "private": true, "owner": {"login": "Acme"}},
            "sender": {"id": 7, "login": "ann", "type": "User"},
        });
        let told = decode(Some("issues"), Some("Run-1"), &payload.to_string().into(), &Me::default(), "x").unwrap();
        assert_eq!(told.commands.len(), 1);
        let caller = Caller { id: "k-1".into(), name: "api key k-1".into() };
        let options = Options { pm_analysis: Some(true), auto_assign: None };
        posted(told.event, &caller, options.inputs(), has_way_back)
    }

    #[test]
    fn what_is_posted_says_by_whom_and_asks_for_no_command() {
        let event = told(true);
        assert_eq!(event.dedupe, ["github:posted:k-1:run-1"]);
        assert_eq!((event.proof.as_str(), event.organisation.as_deref()), ("posted by api key k-1", Some("acme")));
        assert!(event.reply.is_some() && told(false).reply.is_none());
        let EventKind::Platform { name, asked, posted: Some(posted), .. } = event.kind else { panic!("{event:?}") };
        assert!(name == "issues.opened" && asked.is_nothing() && posted.asks_for_a_task());
        assert_eq!(json!(posted), json!({"by": "api key k-1", "inputs": {"auto_assign": false, "pm_analysis": true}}));
    }
}
