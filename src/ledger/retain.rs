//! What is forgotten: events that have ended and are older than the retention, or the oldest ones when
//! their bytes are too many. Tasks, people and the audit chain are not touched.

use crate::domain::ids::{EventId, TenantId};
use crate::domain::outcome::Write;
use crate::domain::time::Timestamp;
use crate::store::engine::Order;
use crate::store::keyspace::{dedupe, effect, event};
use crate::store::{Batch, Store, StoreError};

/// Events that are forgotten in one commit.
const STEP: usize = 64;

/// Forgets the oldest events of a tenant that ended before `before`, or whatever their age when `all`.
/// Events that wait, were given up, or still owe something stay. Gives how many were forgotten; zero
/// means there is nothing more to forget.
///
/// # Errors
/// Where the store cannot be read or written.
pub async fn step(store: &Store, tenant: &TenantId, before: Timestamp, all: bool) -> Result<usize, StoreError> {
    let view = store.view(tenant);
    let mut writes: Vec<Write> = Vec::new();
    let mut forgotten = 0;
    for id in event::ids(&view, Order::Ascending) {
        let id = id?;
        if forgotten == STEP {
            break;
        }
        let Some(it) = event::read(&view, id)? else { continue };
        if !all && it.at >= before {
            break;
        }
        if !has_ended(&view, id)? {
            continue;
        }
        writes.extend(event::forget(id));
        writes.extend(it.what.dedupe.iter().map(|key| dedupe::release(key)));
        writes.extend(effect::receipts(&view, id)?.iter().map(|receipt| effect::take_receipt(receipt.id)));
        writes.extend(dedupe::forget_deliveries(&view, id)?);
        forgotten += 1;
    }
    if forgotten > 0 {
        let mut batch = Batch::new();
        batch.writes(tenant, writes);
        store.commit(batch).await?;
    }
    Ok(forgotten)
}

fn has_ended(view: &crate::store::View, id: EventId) -> Result<bool, StoreError> {
    let Some(story) = event::story(view, id)? else {
        return Ok(false);
    };
    if story.value.end == event::End::Dead || event::ready(view, id)?.is_some() {
        return Ok(false);
    }
    for owed in &story.value.effects {
        if effect::owed(view, *owed)?.is_some() || effect::dead(view, *owed)?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}
