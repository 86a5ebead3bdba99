//! Forms at the edge: one is shown at once, since that changes nothing; one that is sent is checked, and taken as any event.
//!
//! Whether who sends it may do so is decided behind, with the event. Texts of people about a form stand here.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::time::{Instant, timeout_at};

use super::{Edge, KNOWN, typing};
use crate::channels::teams::dialog::{self, Opened};
use crate::domain::event::{EventKind, Incoming};
use crate::domain::form::FieldErrors;
use crate::ledger::inbox::Accepted;
use crate::ledger::intake::Admitted;
use crate::web::Shared;
use crate::web::problem::Problem;
use crate::web::written::json;

/// How long a form waits until its opening is on disk, which is noted for `why` alone.
const NOTE_PATIENCE: Duration = Duration::from_millis(250);
/// What is said where a form was taken.
const TAKEN: &str = "Taken. The answer follows in this conversation.";
/// What is said of a form that is of no table.
const UNKNOWN: &str = "This form is not known here. `help` says what can be asked.";

/// Shows a form.
pub(super) async fn open(
    state: &Shared,
    teams: &Edge,
    incoming: Incoming,
    opened: &Opened,
    arrived: Instant,
) -> Response {
    note(state, incoming, arrived).await;
    let answer = match teams.forms.asked_for(&opened.asked) {
        Some(form) => dialog::show(&form, &FieldErrors::new(), opened.opened_by.as_deref()),
        None => dialog::say(UNKNOWN),
    };
    json(answer)
}

/// Takes a form that was sent, or shows it again with what is wrong.
pub(super) async fn submit(
    state: &Shared,
    teams: &Edge,
    incoming: Incoming,
    opened_by: Option<&str>,
    arrived: Instant,
) -> Result<Response, Problem> {
    let EventKind::FormSubmitted { form: name, filled } = &incoming.kind else {
        // The channel makes no other event of a form.
        return Ok(StatusCode::NOT_IMPLEMENTED.into_response());
    };
    let Some(form) = teams.forms.filled_in(name, filled) else {
        note(state, set_aside(incoming, "a form that is not known here was sent".to_owned()), Instant::now()).await;
        return Ok(json(dialog::say(UNKNOWN)));
    };
    let errors = teams.forms.mistakes(name, filled, state.inbox.clock().now());
    if !errors.is_empty() {
        let fields: Vec<&str> = errors.keys().map(String::as_str).collect();
        let why = format!("the form {name} was sent back to mend: {}", fields.join(", "));
        note(state, set_aside(incoming, why), Instant::now()).await;
        return Ok(json(dialog::show(&form, &errors, opened_by)));
    }
    let Admitted { tenant, id } = state.intake.admit(&incoming).await?;
    let awaited = typing::awaited(state, teams, id, &incoming, arrived);
    let accepted = state.intake.accept(tenant, id, incoming).await?;
    typing::show(awaited, &accepted);
    let said = match accepted {
        Accepted::New { .. } | Accepted::Revived { .. } => TAKEN,
        Accepted::Known { .. } | Accepted::Ignored { .. } => KNOWN,
    };
    Ok(json(dialog::say(said)))
}

/// A form that was sent, as something that nobody acts on.
fn set_aside(mut incoming: Incoming, why: String) -> Incoming {
    incoming.kind = EventKind::platform("form", Some(why));
    incoming.reply = None;
    // Its dialog is not used up: what is mended is sent from there.
    incoming.dedupe.truncate(1);
    incoming
}

/// Puts on disk what changes nothing. Who waits for an answer gets it also where the disk is slow or full: that they looked
/// is no loss.
pub(super) async fn note(state: &Shared, incoming: Incoming, since: Instant) {
    let noted = async {
        let Admitted { tenant, id } = state.intake.admit(&incoming).await.map_err(|_| "it is not let in")?;
        state.intake.accept(tenant, id, incoming).await.map_err(|_| "it is not on disk")
    };
    let failed = match timeout_at(since + NOTE_PATIENCE, noted).await {
        Ok(Ok(_)) => return,
        Ok(Err(what)) => what,
        Err(_) => "it takes too long",
    };
    tracing::info!(failed, "a request that changes nothing was answered without a record of it");
}
