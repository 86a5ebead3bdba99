//! Tools, called by programs: each call is an event like any other, under policy and audited.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::once;
use crate::domain::event::{ChannelName, EventKind, Incoming, PlatformUser};
use crate::domain::ids::{EventId, LaneKey, TenantId};
use crate::store::View;
use crate::store::keyspace::event::{self, End, Story};
use crate::tools;
use crate::web::Shared;
use crate::web::auth::Tenant;
use crate::web::problem::Problem;

/// How long a call waits for its end; after it the event goes on and can be looked up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The tools, with the JSON Schema of their arguments.
pub(super) async fn list() -> Json<Value> {
    let tools = tools::TABLE.iter().map(|tool| {
        json!({ "name": tool.name, "about": tool.about, "risk": tool.risk, "group": tool.group, "input": (tool.input)() })
    });
    Json(json!({ "tools": tools.collect::<Vec<_>>() }))
}

/// Calls a tool.
pub(super) async fn call(
    State(state): State<Shared>,
    Tenant(tenant): Tenant,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    if !tools::TABLE.iter().any(|tool| tool.name == name) {
        return Err(Problem::not_found(format!("no tool is called `{name}`: GET /api/v1/tools lists them")));
    }
    let args = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(&body) };
    let args = args.map_err(|error| Problem::malformed(format!("the arguments are not JSON: {error}")))?;
    let asked = EventKind::ToolCall { tool: name, args };
    let id = state.inbox.next_id().await?;
    let key = once::key_of(&headers)?.map_or_else(|| format!("api:{id}"), |key| format!("api:key:{key}"));
    let incoming = Incoming {
        channel: ChannelName::Api,
        installation: "local".to_owned(),
        organisation: None,
        dedupe: vec![key.clone()],
        lane: LaneKey(key.into()),
        from: Some(PlatformUser { channel: ChannelName::Api, realm: "local".to_owned(), id: "admin".to_owned() }),
        place: None,
        reply: None,
        kind: asked.clone(),
        proof: "the admin token".to_owned(),
        reach: None,
        happened: None,
        raw: body,
    };
    let ended = state.settlements.wait_for(id);
    let accepted = state.intake.accept(tenant.clone(), id, incoming).await?;
    let story = if accepted.id() == id {
        tokio::time::timeout(PATIENCE, ended).await.ok().and_then(Result::ok)
    } else {
        earlier(&state, &tenant, accepted.id(), &asked)?
    };
    answer(accepted.id(), story)
}

/// The end of an earlier call with the same key, where it has one. A key stands for one call only.
fn earlier(state: &Shared, tenant: &TenantId, id: EventId, asked: &EventKind) -> Result<Option<Story>, Problem> {
    let view: View = state.inbox.store().view(tenant);
    if event::read(&view, id)?.is_some_and(|earlier| earlier.what.kind != *asked) {
        return Err(once::another_request());
    }
    Ok(event::story(&view, id)?)
}

fn answer(id: EventId, story: Option<Story>) -> Result<Json<Value>, Problem> {
    let Some(story) = story else {
        return Ok(Json(json!({ "event": id.to_string(), "state": "waiting" })));
    };
    match story.end {
        End::Done | End::Ignored => Ok(Json(
            json!({ "event": id.to_string(), "state": story.end, "summary": story.summary, "result": story.result }),
        )),
        // For a program nothing waits: where a person would be asked, it is told no.
        End::Denied | End::Asked => {
            Err(Problem::new(StatusCode::FORBIDDEN, format!("{} ({})", story.summary, story.rules.join(", "))))
        }
        End::Refused => {
            let result = story.result.unwrap_or_default();
            let said = [&result["refused"], &result["mend"]].map(|text| text.as_str().unwrap_or_default());
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, said.join(": ")))
        }
        End::Dead | End::Dropped => {
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{id} was given up: see `ai-crm why {id}`")))
        }
    }
}
