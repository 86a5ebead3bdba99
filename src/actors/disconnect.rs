//! A platform says that a workspace is connected no longer: its tokens go, in the commit of that event.
//!
//! The row of the workspace stays, so that what it sends afterwards is explained and a later installation finds its
//! tenant again. Who keeps the workspaces in memory is told after the commit, and reads them from the store.

use std::sync::Arc;

use crate::actors::settle::Verdict;
use crate::domain::event::Event;
use crate::domain::outcome::Expect;
use crate::domain::time::Timestamp;
use crate::store::keyspace::setting;
use crate::store::{StoreError, View};

/// Told after the commit that ended a connection.
pub type Disconnected = Arc<dyn Fn() + Send + Sync>;

/// What ends, and the word on it; said twice, or of an earlier connection than the present one, it changes nothing.
pub(super) fn decide(view: &View, event: &Event, why: &str, at: Option<Timestamp>) -> Result<Verdict, StoreError> {
    let of = |id: &str| setting::installation(view, event.what.channel, id);
    let mut found = of(&event.what.installation)?;
    if found.is_none()
        && let Some(organisation) = &event.what.organisation
    {
        found = of(organisation)?;
    }
    let Some(stored) = found else {
        return Ok(Verdict::ignored(format!("{why}, which is not connected here")));
    };
    let mut installation = stored.value;
    if installation.gone.is_some() {
        return Ok(Verdict::ignored(format!("{why}, and that was known already")));
    }
    // The platform tells whole seconds.
    if at.is_some_and(|at| at.as_seconds() < installation.since.as_seconds()) {
        return Ok(Verdict::ignored(format!("{why}, but it was connected again since")));
    }
    installation.grant = None;
    installation.gone = Some(why.to_owned());
    let write = setting::put_installation(&installation, Expect::as_read(stored.version));
    let told = format!("{why}: its token is deleted, and what is owed to it is given up");
    Ok(Verdict::ended("workspace.disconnect", told, write))
}
