//! The audit chain: verified in place, exported row by row.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};

use crate::store::StoreError;
use crate::store::chain::{self, ExportedRow};
use crate::web::Shared;
use crate::web::auth::Tenant;
use crate::web::problem::Problem;

/// Rows that are read at once.
const STEP: usize = 500;

/// Follows the chain to its end.
pub(super) async fn verify(State(state): State<Shared>, Tenant(tenant): Tenant) -> Result<Json<Value>, Problem> {
    let view = state.inbox.store().view(&tenant);
    let verified = tokio::task::spawn_blocking(move || chain::verify(&view)).await;
    let verified = verified.map_err(|error| StoreError::Unusable(error.to_string()))??;
    Ok(Json(match verified {
        Ok(head) => json!({ "tenant": tenant, "valid": true, "rows": head.seq, "head": head.hash }),
        Err(found) => json!({ "tenant": tenant, "valid": false, "row": found.seq, "what": found.what }),
    }))
}

/// The chain, one JSON row a line, each with its hash.
pub(super) async fn export(State(state): State<Shared>, Tenant(tenant): Tenant) -> Response {
    let view = state.inbox.store().view(&tenant);
    let pages = stream::try_unfold(0_u64, move |from| {
        let view = view.clone();
        async move {
            let rows: Result<Vec<_>, StoreError> = chain::rows(&view, from).take(STEP).collect();
            let rows = rows.map_err(std::io::Error::other)?;
            let Some(last) = rows.last().map(|row| row.seq) else { return Ok::<_, std::io::Error>(None) };
            let mut page = Vec::new();
            for row in rows {
                let hash = chain::hash(&row);
                serde_json::to_writer(&mut page, &ExportedRow { row, hash })?;
                page.push(b'\n');
            }
            Ok(Some((Bytes::from(page), last + 1)))
        }
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(pages)).into_response()
}
