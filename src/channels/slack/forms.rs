//! Forms on Slack: opened where they are asked for, told more of while they are open, and sent back with what is wrong
//! in them.
//!
//! Owns what happens before an event is accepted, the same on both roads by which Slack comes. How a form looks is
//! `modal`; what it asks and what it does is not known here. A form is opened straight from the road that took the
//! request in, behind no queue, by the token of the workspace: what allows it lives for 3 s and works once
//! (docs.slack.dev/surfaces/modals). It is best effort: what fails is logged, and told to the person where Slack has
//! given an address for that.
//!
//! The analysis of what is typed comes after it, to the version of the form for which it was made. Where Slack finds
//! another version, or the form closed, there is nothing to mend; where it fails in another way the form stays as it
//! is, and works.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::answers::Viewed;
use super::client::Client;
use super::decode::{Asking, Wanted};
use super::deliver::SlackChannel;
use super::modal::{self, Typed};
use crate::channels::DeliverError;
use crate::channels::forms::Forms;
use crate::domain::event::{EventKind, Incoming};
use crate::domain::form::{FieldErrors, Filled};
use crate::domain::time::Timestamp;

/// Slack's words for an update that comes too late: another one was made since its `hash`, or the modal is closed
/// (docs.slack.dev/reference/methods/views.update).
const TOO_LATE: [&str; 2] = ["hash_conflict", "not_found"];

/// Said in a form that was opened elsewhere: what it names of where it came from is nothing here.
const ELSEWHERE: &str = "this form was not opened in this workspace: close it, and open it again here";

/// Opens forms, says more in them, and looks at those that were sent.
pub struct FormDesk {
    slack: Arc<SlackChannel>,
    forms: Arc<dyn Forms>,
}

/// What is to be shown to somebody.
#[derive(Debug)]
pub struct Showing {
    what: What,
    workspace: String,
    organisation: Option<String>,
}

#[derive(Debug)]
enum What {
    Form(Opening),
    Analysis(Typed),
}

/// A form that is to be opened.
#[derive(Debug)]
struct Opening {
    form: String,
    known: Filled,
    view: Value,
    trigger_id: String,
    /// Where it is told that it did not open.
    route: Option<String>,
}

impl FormDesk {
    /// Opens forms in the workspaces of the channel.
    #[must_use]
    pub fn new(slack: Arc<SlackChannel>, forms: Arc<dyn Forms>) -> Self {
        Self { slack, forms }
    }

    /// What is to be shown to who asks for a form, or for more in one. Its event then asks nothing more: what is filled
    /// in comes as an event of its own.
    #[must_use]
    pub fn asked_for(&self, asking: &Asking, incoming: &mut Incoming) -> Option<Showing> {
        let name = match &incoming.kind {
            EventKind::Platform { name, .. } => name.clone(),
            _ => "slash command".to_owned(),
        };
        let (what, does, form) = match asking {
            Asking::Form(wanted) => {
                let opening = self.opening(wanted)?;
                let form = opening.form.clone();
                (What::Form(opening), "opens", form)
            }
            Asking::Analysis(typed) => (What::Analysis(typed.clone()), "asks for an analysis in", typed.form.clone()),
            Asking::Strayed { .. } => return None,
        };
        let why = format!("it {does} the form `{form}`; what is filled in comes as an event of its own");
        incoming.kind = EventKind::platform(name, Some(why));
        incoming.reply = None;
        let (workspace, organisation) = (incoming.installation.clone(), incoming.organisation.clone());
        Some(Showing { what, workspace, organisation })
    }

    fn opening(&self, wanted: &Wanted) -> Option<Opening> {
        let form = self.forms.asked_for(&wanted.asked)?;
        Some(Opening {
            form: form.name.to_owned(),
            known: form.known(),
            view: modal::view(&form, &wanted.came_from),
            trigger_id: wanted.trigger_id.clone(),
            route: wanted.came_from.route.clone(),
        })
    }

    /// What answers a form that has mistakes in it, or was opened elsewhere: they are shown at their fields, and the form
    /// stays open.
    #[must_use]
    pub fn mistakes(&self, incoming: &Incoming, asking: Option<&Asking>, now: Timestamp) -> Option<Bytes> {
        let errors = match (&incoming.kind, asking) {
            (_, Some(Asking::Strayed { form, field })) => {
                let workspace = &incoming.installation;
                tracing::warn!(form, workspace, "a form came by a workspace in which it was not opened; it is refused");
                FieldErrors::from([(field.clone(), ELSEWHERE.to_owned())])
            }
            (EventKind::FormSubmitted { form, filled }, _) => self.forms.mistakes(form, filled, now),
            _ => return None,
        };
        let body = || json!({ "response_action": "errors", "errors": errors });
        (!errors.is_empty()).then(|| Bytes::from(body().to_string()))
    }

    /// Shows it. The request that asked for it is acknowledged meanwhile.
    pub fn show(self: &Arc<Self>, showing: Showing) {
        let desk = Arc::clone(self);
        tokio::spawn(async move {
            match &showing.what {
                What::Form(opening) => desk.open(&showing, opening).await,
                What::Analysis(typed) => {
                    let lines = desk.forms.analysis(&typed.form, &typed.filled);
                    desk.analyse(&showing, typed, lines).await;
                }
            }
        });
    }

    async fn open(&self, showing: &Showing, opening: &Opening) {
        let body = json!({ "trigger_id": opening.trigger_id, "view": opening.view });
        let opened = match self.call(showing, "views.open", &body).await {
            Ok(opened) => opened,
            Err(error) => return self.not_opened(showing, opening.route.as_deref(), &error).await,
        };
        let lines = self.forms.analysis(&opening.form, &opening.known);
        let (Some(version), Some(lines)) = (opened.version(), lines) else { return };
        let (form, filled, view) = (opening.form.clone(), opening.known.clone(), opening.view.clone());
        self.analyse(showing, &Typed { form, filled, version, view }, Some(lines)).await;
    }

    /// Shows an analysis in an open form; without one, how it is asked for.
    async fn analyse(&self, showing: &Showing, typed: &Typed, lines: Option<Vec<String>>) {
        let Some(view) = modal::with_analysis(&typed.view, lines) else { return };
        let (id, hash) = (&typed.version.id, &typed.version.hash);
        let body = json!({ "view_id": id, "hash": hash, "view": view });
        match self.call(showing, "views.update", &body).await {
            Ok(_) => {}
            Err(DeliverError::Rejected { reason }) if TOO_LATE.contains(&reason.as_str()) => {
                tracing::debug!(reason, form = typed.form, "slack shows something newer than an analysis in a form");
            }
            Err(error) => tracing::warn!(%error, form = typed.form, "slack did not show an analysis in a form"),
        }
    }

    async fn not_opened(&self, showing: &Showing, route: Option<&str>, error: &DeliverError) {
        tracing::warn!(%error, "slack did not open a form");
        // Where nobody knows whether it opened, the person sees it.
        let (false, Some(route)) = (matches!(error, DeliverError::UnknownOutcome { .. }), route) else { return };
        let text = "The form did not open. Please try again, or type the command with its words; `help` shows how.";
        let body = json!({ "response_type": "ephemeral", "replace_original": false, "text": text });
        let (workspace, organisation) = (&showing.workspace, showing.organisation.as_deref());
        let Some(client) = self.slack.workspaces().without_token(workspace, organisation) else { return };
        if let Err(error) = client.respond(route, &body).await {
            tracing::warn!(?error, "nor could the person be told");
        }
    }

    async fn call(&self, showing: &Showing, method: &'static str, body: &Value) -> Result<Viewed, DeliverError> {
        let call = |client: Arc<Client>| async move { client.view(method, body).await };
        self.slack.workspaces().call(&showing.workspace, showing.organisation.as_deref(), call).await
    }
}
