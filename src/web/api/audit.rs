//! The audit chain: verified in place, exported row by row.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};

use crate::store::chain::{self, Head};
use crate::store::export::{End, ExportedEnd, ExportedRow};
use crate::store::{StoreError, View};
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

/// The chain, one JSON row a line, each with its hash, and a last line that counts them. Rows that are written
/// meanwhile are left out: the head that is read first says where it ends.
pub(super) async fn export(State(state): State<Shared>, Tenant(tenant): Tenant) -> Result<Response, Problem> {
    let view = state.inbox.store().view(&tenant);
    let head = chain::head(&view)?;
    let pages = stream::try_unfold(Some(1_u64), move |from| {
        let (view, head) = (view.clone(), head.clone());
        async move { from.map(|from| page(&view, from, &head)).transpose() }
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(pages)).into_response())
}

/// Lines of an export from a row on, and where the next page begins; nothing behind the last line.
fn page(view: &View, from: u64, head: &Head) -> std::io::Result<(Bytes, Option<u64>)> {
    let mut page = Vec::new();
    let mut last = None;
    let rows = chain::rows(view, from).take_while(|row| !row.as_ref().is_ok_and(|row| row.seq > head.seq));
    for row in rows.take(STEP) {
        let row = row.map_err(std::io::Error::other)?;
        last = Some(row.seq);
        let hash = chain::hash(&row);
        serde_json::to_writer(&mut page, &ExportedRow { row, hash })?;
        page.push(b'\n');
    }
    if last.is_none() {
        let end = End { tenant: view.tenant().clone(), rows: head.seq, head: head.hash.clone() };
        serde_json::to_writer(&mut page, &ExportedEnd { end })?;
        page.push(b'\n');
    }
    Ok((page.into(), last.map(|last| last + 1)))
}
