//! How much is asked of us in a text that a platform tells of.

use serde::{Deserialize, Serialize};

/// How many commands stand in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Asked {
    /// Those that are carried out.
    pub commands: u32,
    /// Those that are not, since one text has too many.
    pub left: u32,
}

impl Asked {
    /// Whether there are none.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
