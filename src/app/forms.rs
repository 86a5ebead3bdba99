//! The forms of the commands, as channels ask for them.

use std::sync::Arc;
use std::time::Duration;

use crate::channels::forms::Forms;
use crate::commands::forms;
use crate::config::catalog::Catalog;
use crate::domain::form::{Asked, FieldErrors, Filled, Form};
use crate::domain::time::Timestamp;
use crate::pm::Analyst;
use crate::tools::due;

/// The forms, with the agents that may be chosen in them and who says which of them suit.
pub(super) struct CommandForms {
    pub(super) catalog: Arc<Catalog>,
    pub(super) analyst: Arc<dyn Analyst>,
}

impl CommandForms {
    fn agents(&self) -> forms::Agents<'_> {
        forms::Agents { catalog: &self.catalog, analyst: &*self.analyst }
    }
}

impl Forms for CommandForms {
    fn asked_for(&self, asked: &Asked) -> Option<Form> {
        forms::asked_for(asked, self.agents())
    }

    fn filled_in(&self, name: &str, filled: &Filled) -> Option<Form> {
        forms::form(name, self.agents(), filled)
    }

    fn analysis(&self, name: &str, filled: &Filled) -> Option<Vec<String>> {
        forms::analysis(name, filled, &*self.analyst)
    }

    fn mistakes(&self, name: &str, filled: &Filled, now: Timestamp) -> FieldErrors {
        // A day is over when it is over everywhere: clocks on earth are at most twelve hours behind UTC.
        forms::check(name, filled, due::day_of(now.before(Duration::from_secs(12 * 3600))))
    }
}
