//! The Home of a person, as Slack shows it: docs.slack.dev/surfaces/app-home.
//!
//! Owns the view that a card becomes there, and its publication. A view takes the place of the one before, so a
//! publication is repeated at will: there is nothing to look for where an answer was lost. It goes without a `hash`,
//! since the outbox keeps the order of each Home, and the last that was decided is to stay. When a Home is shown, and
//! what stands on it, is not known here.

use serde_json::{Value, json};

use super::blocks;
use super::client::Client;
use crate::channels::{DeliverError, Delivered, Delivery};
use crate::domain::card::Card;

/// The method, and the receipt's word for this way.
const PUBLISH: &str = "views.publish";
/// How Slack refuses where the app has no such tab, from docs.slack.dev/reference/methods/views.publish.
const NOT_ENABLED: &str = "not_enabled";

/// A card as a Home.
#[must_use]
pub fn view(card: &Card) -> Value {
    json!({ "type": "home", "blocks": blocks::of_view(card) })
}

/// Shows the card of a delivery in the Home to which it is addressed.
pub(super) async fn publish(client: &Client, delivery: &Delivery) -> Result<Delivered, DeliverError> {
    let person = &delivery.to.place;
    let body = json!({ "user_id": person, "view": view(&delivery.card) });
    match client.view(PUBLISH, &body).await {
        Ok(_) => Ok(Delivered { platform_id: format!("home:{person}"), via: PUBLISH }),
        Err(DeliverError::Rejected { reason }) if reason == NOT_ENABLED => {
            let reason = format!(
                "{NOT_ENABLED} (the app's Home tab is off: turn it on under App Home in its settings, or give it the \
                 manifest that `ai-crm manifest slack` prints)"
            );
            Err(DeliverError::Rejected { reason })
        }
        Err(error) => Err(error),
    }
}
