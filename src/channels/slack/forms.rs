//! Forms on Slack: opened where they are asked for, and sent back with what is wrong in them.
//!
//! Owns what happens before an event is accepted, the same on both roads by which Slack comes. How a form looks is
//! `modal`; what it asks and what it does is not known here. A form is opened straight from the road that took the
//! request in, behind no queue, by the token of the workspace: what allows it lives for 3 s and works once
//! (docs.slack.dev/surfaces/modals). It is best effort: what fails is logged, and told to the person where Slack has
//! given an address for that.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::client::Client;
use super::decode::Asking;
use super::deliver::SlackChannel;
use super::modal;
use crate::channels::DeliverError;
use crate::channels::forms::Forms;
use crate::domain::event::{EventKind, Incoming};
use crate::domain::time::Timestamp;

/// Opens forms and looks at those that were sent.
pub struct FormDesk {
    slack: Arc<SlackChannel>,
    forms: Arc<dyn Forms>,
}

/// A form that is to be opened.
#[derive(Debug)]
pub struct Opening {
    body: Value,
    workspace: String,
    organisation: Option<String>,
    /// Where it is told that it did not open.
    route: Option<String>,
}

impl FormDesk {
    /// Opens forms in the workspaces of the channel.
    #[must_use]
    pub fn new(slack: Arc<SlackChannel>, forms: Arc<dyn Forms>) -> Self {
        Self { slack, forms }
    }

    /// The form that a request asks for, if it does. Its event then asks nothing more: what is filled in comes as an
    /// event of its own.
    #[must_use]
    pub fn asked_for(&self, asking: &Asking, incoming: &mut Incoming) -> Option<Opening> {
        let form = self.forms.asked_for(&asking.asked)?;
        let name = match &incoming.kind {
            EventKind::Platform { name, .. } => name.clone(),
            _ => "slash command".to_owned(),
        };
        let why = format!("it opens the form `{}`; what is filled in comes as an event of its own", form.name);
        incoming.kind = EventKind::Platform { name, ignore: Some(why) };
        incoming.reply = None;
        let view = modal::view(&form, &asking.came_from);
        let body = json!({ "trigger_id": asking.trigger_id, "view": view });
        Some(Opening {
            body,
            workspace: incoming.installation.clone(),
            organisation: incoming.organisation.clone(),
            route: asking.came_from.route.clone(),
        })
    }

    /// What answers a form that has mistakes in it: they are shown at their fields, and the form stays open.
    #[must_use]
    pub fn mistakes(&self, incoming: &Incoming, now: Timestamp) -> Option<Bytes> {
        let EventKind::FormSubmitted { form, filled } = &incoming.kind else { return None };
        let errors = self.forms.mistakes(form, filled, now);
        let body = || json!({ "response_action": "errors", "errors": errors });
        (!errors.is_empty()).then(|| Bytes::from(body().to_string()))
    }

    /// Opens a form. The request that asked for it is acknowledged meanwhile.
    pub fn open(self: &Arc<Self>, opening: Opening) {
        let desk = Arc::clone(self);
        tokio::spawn(async move { desk.try_to_open(&opening).await });
    }

    async fn try_to_open(&self, opening: &Opening) {
        let Err(error) = self.show(opening).await else { return };
        tracing::warn!(%error, "slack did not open a form");
        // Where nobody knows whether it opened, the person sees it.
        let (false, Some(route)) = (matches!(error, DeliverError::UnknownOutcome { .. }), &opening.route) else {
            return;
        };
        let text = "The form did not open. Please try again, or type the command with its words; `help` shows how.";
        let body = json!({ "response_type": "ephemeral", "replace_original": false, "text": text });
        let (workspace, organisation) = (&opening.workspace, opening.organisation.as_deref());
        let Some(client) = self.slack.workspaces().without_token(workspace, organisation) else { return };
        if let Err(error) = client.respond(route, &body).await {
            tracing::warn!(?error, "nor could the person be told");
        }
    }

    async fn show(&self, opening: &Opening) -> Result<(), DeliverError> {
        let open = |client: Arc<Client>| async move { client.view("views.open", &opening.body).await };
        self.slack.workspaces().call(&opening.workspace, opening.organisation.as_deref(), open).await
    }
}
