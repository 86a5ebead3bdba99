//! What the button of a card does when it is pressed: decided when the card is made, signed, and
//! checked when it comes back. The signature is made in `actors/` with a key from the store.

use serde::{Deserialize, Serialize};

use crate::domain::ids::TenantId;
use crate::domain::time::Timestamp;

/// What a press means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionClaim {
    /// The tenant whose card it is.
    pub tenant: TenantId,
    /// The line of the chat grammar that a press stands for; `{choice}` is replaced by what was chosen.
    pub line: String,
    /// After this the button is stale.
    pub until: Timestamp,
}
