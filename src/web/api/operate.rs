//! What operators ask of the running program.

use std::path::PathBuf;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::principal::{Role, Standing};
use crate::web::Shared;
use crate::web::problem::Problem;
use crate::web::slack_install::LINK_LIFE;

/// What every actor shows of itself.
pub(super) async fn actors(State(state): State<Shared>) -> Json<Value> {
    Json(json!({ "actors": state.inside.actors() }))
}

/// Whether the policies are valid.
pub(super) async fn policy_check(State(state): State<Shared>) -> Json<Value> {
    Json(state.inside.policy_check())
}

/// Who may do what, and by which rule.
pub(super) async fn policy_explain(
    State(state): State<Shared>,
    Json(question): Json<Value>,
) -> Result<Json<Value>, Problem> {
    state.inside.policy_explain(&question).map(Json).map_err(Problem::malformed)
}

/// A link that connects a workspace of Slack.
pub(super) async fn install_link(State(state): State<Shared>) -> Result<Json<Value>, Problem> {
    let Some(desk) = state.slack.as_ref().and_then(|slack| slack.desk.as_ref()) else {
        let what = "installation by OAuth is off: set SLACK_CLIENT_ID, SLACK_CLIENT_SECRET and AI_CRM_PUBLIC_URL";
        return Err(Problem::new(StatusCode::CONFLICT, what));
    };
    let link = desk.link(state.inbox.clock().now());
    Ok(Json(json!({ "link": link, "expires_in_s": LINK_LIFE.as_secs() })))
}

/// Runs the tests of the policies.
pub(super) async fn policy_test(State(state): State<Shared>) -> Json<Value> {
    Json(state.inside.policy_test())
}

/// Findings, each with its mend.
pub(super) async fn doctor(State(state): State<Shared>) -> Json<Value> {
    Json(state.inside.doctor(false).await)
}

/// The same, and a message to an owner on each platform.
pub(super) async fn doctor_sends(State(state): State<Shared>) -> Json<Value> {
    Json(state.inside.doctor(true).await)
}

/// The question, as a JSON Schema.
pub(super) fn question_schema() -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "type": "object", "additionalProperties": false, "required": ["action"],
        "properties": {
            "action": text("what would be done: task.create"),
            "person": text("who: slack:T1/U1"),
            "role": { "enum": [Role::Owner, Role::Member, Role::Guest], "default": Role::Member },
            "standing": {
                "enum": [
                    Standing::Member, Standing::Guest, Standing::Stranger, Standing::Deactivated, Standing::Bot
                ],
                "description": "how the platform knows the person; by the role where it is left out",
            },
            "groups": { "type": "array", "items": { "type": "string" } },
            "channel": { "type": "string", "description": "by which channel: slack", "default": "slack" },
            "place": text("where: C0123"),
            "shared": { "type": "boolean", "default": false, "description": "another workspace is there too" },
            "tool": text("by which tool"),
        },
    })
}

/// Where a backup goes, as a JSON Schema.
pub(super) fn backup_schema() -> Value {
    let file = json!({ "type": "string", "description": "an absolute path on the server's machine" });
    json!({ "type": "object", "additionalProperties": false, "required": ["file"], "properties": { "file": file } })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackupTo {
    file: PathBuf,
}

/// Writes a backup to a file of the server's machine.
pub(super) async fn backup(State(state): State<Shared>, Json(to): Json<BackupTo>) -> Result<Json<Value>, Problem> {
    if !to.file.is_absolute() {
        return Err(Problem::malformed("file: an absolute path is needed"));
    }
    let failed = |why| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why);
    state.inside.backup(&to.file).await.map(Json).map_err(failed)
}

/// Makes a new sealing key.
pub(super) async fn rotate_keys(State(state): State<Shared>) -> Result<Json<Value>, Problem> {
    let failed = |why| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, why);
    state.inside.rotate_keys().await.map(Json).map_err(failed)
}
