//! `gp<channel>/<id>` until when a workspace, or a team of an organisation, could reach us, and from when on what it said
//! in vain is still to be looked for.
//!
//! The row is written now and then while the process runs, so taking in an event costs nothing for it; what lies
//! between its time and the present is a gap. One writer has it: a later value stands over an earlier one.

use serde::{Deserialize, Serialize};

use crate::domain::event::ChannelName;
use crate::domain::outcome::{Expect, Write};
use crate::domain::time::Timestamp;
use crate::store::codec::Record;
use crate::store::{StoreError, View, put};

const REACHED: &[u8] = b"gp";

/// Until when a workspace could reach us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// When it was connected, as far as this row knows: what was said before is none of our business.
    pub since: Timestamp,
    /// When it could reach us last.
    pub until: Timestamp,
    /// From when on it is looked for what was missed, where that look has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_from: Option<Timestamp>,
}

impl Record for Reached {}

fn key(channel: ChannelName, id: &str) -> Vec<u8> {
    [REACHED, channel.as_str().as_bytes(), b"/", id.as_bytes()].concat()
}

/// What is known of a workspace. A row that cannot be read is as none: nothing is looked for, and it is written anew.
///
/// # Errors
/// Where the store cannot be read.
pub fn reached(view: &View, channel: ChannelName, id: &str) -> Result<Option<Reached>, StoreError> {
    match view.get::<Reached>(&key(channel, id)) {
        Ok(stored) => Ok(stored.map(|stored| stored.value)),
        Err(StoreError::Unreadable(why)) => {
            tracing::warn!(tenant = %view.tenant(), workspace = id, why, "until when we were reached cannot be read");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Stores it.
#[must_use]
pub fn put_reached(channel: ChannelName, id: &str, reached: &Reached) -> Write {
    put(key(channel, id), Expect::Any, reached)
}
