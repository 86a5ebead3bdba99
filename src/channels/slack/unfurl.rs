//! What is shown below a link in a message of somebody's: docs.slack.dev/messaging/unfurling-links-in-messages.
//!
//! Owns the name of such a message, and the call by which Slack adds blocks to it. What is added takes the place of what
//! stood below that link before (docs.slack.dev/reference/methods/chat.unfurl), so it is repeated at will: there is nothing
//! to look for where an answer was lost. Whether anything is shown, and what, is not known here.

use std::time::Duration;

use serde_json::{Value, json};

use super::blocks;
use super::client::Client;
use crate::channels::{DeliverError, Delivered, Delivery};
use crate::domain::card::Card;
use crate::domain::event::Below;

/// The method, and the receipt's word for this way.
const UNFURL: &str = "chat.unfurl";
/// Between two calls: Slack takes 50 a minute of a workspace (docs.slack.dev/reference/methods/chat.unfurl, "Tier 3").
pub(super) const PACE: Duration = Duration::from_millis(1_200);
/// Where a link stands that Slack calls posted; the other place is the box in which a message is still being written.
pub(super) const POSTED: &str = "conversations_history";

/// The name of a message in which links stand: by the id that Slack has given for this, or by its place and time where
/// Slack gives none.
pub(super) fn message(unfurl_id: Option<&str>, source: Option<&str>, channel: &str, ts: &str) -> String {
    match (unfurl_id, source) {
        (Some(id), Some(source)) if !id.is_empty() => format!("{source} {id}"),
        _ => format!("{channel}:{ts}"),
    }
}

/// What Slack is told for a card below a link; none where the message's name is none of ours. Buttons have no place
/// there: whoever reads the message could press them.
fn body(below: &Below, card: &Card) -> Option<Value> {
    let inert = Card { actions: Vec::new(), ..card.clone() };
    let unfurls = json!({ &below.link: { "blocks": blocks::render(&inert).blocks } });
    Some(match below.message.split_once(' ') {
        Some((source, id)) => json!({ "unfurl_id": id, "source": source, "unfurls": unfurls }),
        None => {
            let (channel, ts) = below.message.split_once(':')?;
            json!({ "channel": channel, "ts": ts, "unfurls": unfurls })
        }
    })
}

/// Shows the card of a delivery below the link to which it is addressed.
pub(super) async fn show(client: &Client, delivery: &Delivery, below: &Below) -> Result<Delivered, DeliverError> {
    let Some(body) = body(below, &delivery.card) else {
        return Err(DeliverError::Rejected { reason: "the message of the link has no name of Slack's".to_owned() });
    };
    client.unfurl(UNFURL, &body).await?;
    Ok(Delivered { platform_id: format!("below:{}", below.message), via: UNFURL })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::card::{Action, ButtonStyle};

    fn below(message: String) -> Below {
        Below { message, link: "https://bot.example.com/tasks/T-1?x=\"é\"".to_owned() }
    }

    #[test]
    fn a_message_goes_by_the_id_that_slack_gave_or_by_place_and_time() {
        let card = Card::new("T-1 Fix it").facts([("Status", "todo")]);
        let of = |id, source| body(&below(message(id, source, "C1", "1.2")), &card).unwrap();
        let by_id = of(Some("C1.1.2.abc"), Some(POSTED));
        assert_eq!((&by_id["unfurl_id"], &by_id["source"]), (&json!("C1.1.2.abc"), &json!(POSTED)));
        assert_eq!((by_id.get("channel"), by_id.get("ts")), (None, None), "it takes one of the two");
        for (id, source) in [(None, Some(POSTED)), (Some("x"), None), (Some(""), Some(POSTED)), (None, None)] {
            let by_place = of(id, source);
            assert_eq!((&by_place["channel"], &by_place["ts"]), (&json!("C1"), &json!("1.2")));
            assert_eq!((by_place.get("unfurl_id"), by_place.get("source")), (None, None));
        }
        let shown = &by_id["unfurls"]["https://bot.example.com/tasks/T-1?x=\"é\""]["blocks"];
        assert_eq!(shown[0]["text"]["text"], "T-1 Fix it");
        assert_eq!(body(&below("nothing".to_owned()), &card), None);
    }

    #[test]
    fn nothing_below_a_link_can_be_pressed() {
        let button = Action::Button { label: "Start".into(), token: "t".into(), style: ButtonStyle::Plain };
        let made = body(&below("C1:1.2".to_owned()), &Card::new("T-1").action(button)).unwrap();
        assert!(!made.to_string().contains("button") && !made.to_string().contains("actions"), "{made}");
    }

    proptest! {
        /// Slack's document: `chat.unfurl` answers `invalid_blocks` to rich text.
        #[test]
        fn no_title_and_no_name_makes_rich_text_of_it_or_calls_anybody(title in ".{0,400}", name in ".{0,3000}") {
            let card = Card::new(title).facts([("Status", "todo".to_owned()), ("Assignee", name)]);
            let made = body(&below("C1:1.2".to_owned()), &card).unwrap().to_string();
            prop_assert!(!made.contains("\"rich_text\""), "{made}");
            prop_assert!(!made.contains("<!"), "{made}");
        }
    }
}
