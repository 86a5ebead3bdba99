//! Answers that unfold: a message that is there with its beginning, and grows.
//!
//! Slack lets a message grow as a stream (docs.slack.dev/reference/methods/chat.startStream and its sisters). A stream
//! only grows: each state is sent as the blocks that it has beyond the one before, and what people end with are the blocks
//! of an ordinary message. Where Slack does not stream, the message is posted with its first state and edited once, to be
//! whole: edits have one rate with the cards that are kept true. Where that does not go either, or Slack has asked us to
//! wait, the rest comes at once. How a state came to be is not asked
//! here: [`Unfolding::further`] takes the next one whenever it is there.
//!
//! A beginning carries no metadata, since `chat.startStream` takes none and metadata say that a message is whole. What
//! marks it is the `block_id` of its first block. A message that was found by that mark, or to which something may have been
//! added that was not acknowledged, is ended and then edited to be whole, which may be repeated at will.

mod refusal;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use self::refusal::is_to_all;
use super::answers::Posted;
use super::blocks::{self, Rendered};
use super::client::Client;
use super::deliver::{content, thread};
use super::look_up::{Scans, hides_the_place, mark, metadata};
use super::workspaces::is_expired;
use crate::channels::progress::Progress;
use crate::channels::unfolding::{REFUSED_FOR, Refusals, Stand, is_wanted};
use crate::channels::{DeliverError, Delivered, Delivery};

/// States of a message, the whole included. Ours: `chat.startStream` and `chat.stopStream` are taken 20 times a minute,
/// and nobody sees more steps than this in the second that they take.
const MOST_STATES: usize = 4;
/// Characters of a `block_id` (docs.slack.dev/reference/block-kit/blocks).
const LONGEST_MARK: usize = 255;
/// Slack's word where the person has pressed Stop under a stream.
const STOPPED: &str = "stopped_by_user";
/// The receipt's word for that.
const BY_THE_PERSON: &str = "stopped by the person";

/// What a channel knows of its messages that unfold.
#[derive(Default)]
pub(super) struct Unfolding {
    stands: Progress<Stand<Begun>>,
    /// Workspaces in which Slack does not stream.
    without_streams: Refusals,
    /// Workspaces in which it does not let messages be edited.
    without_edits: Refusals,
}

/// A message that is there and is not whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Begun {
    channel: String,
    ts: String,
    way: Way,
}

/// How a message grows, and what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As a stream, with so many blocks in it.
    Streamed(usize),
    /// By edits.
    Edited,
    /// It may be either, and what is in it is not known.
    Unsure,
}

impl Begun {
    fn delivered(&self, via: &'static str) -> Delivered {
        Delivered { platform_id: format!("{}:{}", self.channel, self.ts), via }
    }

    fn call(&self, rest: Map<String, Value>) -> Value {
        let mut body = rest;
        body.insert("channel".to_owned(), self.channel.as_str().into());
        body.insert("ts".to_owned(), self.ts.as_str().into());
        Value::Object(body)
    }
}

/// What the beginning of a stream has come to.
enum Started {
    Begun(Begun),
    /// There is none to be had; whether Slack has just said so of all of the workspace.
    No {
        to_all: bool,
    },
    /// Slack has asked to wait before another one.
    Later(Duration),
}

/// What a step has come to.
enum Step {
    /// The message shows it.
    Done,
    /// The person has stopped the stream: nothing more is said.
    Stopped,
    /// Slack adds nothing more to it.
    Over,
}

/// The states of a delivery that unfolds, the whole at the end; nothing where it is an ordinary message.
pub(super) fn states(delivery: &Delivery) -> Option<Vec<Rendered>> {
    if !is_wanted(delivery) || blocks::messages(&delivery.card).len() != 1 {
        return None;
    }
    let mut states: Vec<Rendered> = delivery.card.states(MOST_STATES).iter().map(blocks::render).collect();
    // A part that renders to nothing makes no step.
    states.dedup_by(|later, earlier| later.blocks == earlier.blocks);
    let mark = mark(delivery);
    let unmarked = |state: &Rendered| state.blocks.first().is_some_and(|first| first.get("block_id").is_none());
    let grows = states.windows(2).all(|pair| pair[1].blocks.starts_with(&pair[0].blocks));
    if states.len() < 2 || !grows || mark.len() > LONGEST_MARK || !states.iter().all(unmarked) {
        return None;
    }
    for state in &mut states {
        state.blocks[0]["block_id"] = mark.as_str().into();
    }
    Some(states)
}

/// The same delivery below the message that asked, where a stream has to stand: Slack lets one stand in the place itself
/// in its own kinds of channels alone, else it is `invalid_thread_ts` (chat.startStream, "thread_ts"). Nothing where it
/// goes into a thread as it is.
pub(super) fn below_request(delivery: &Delivery) -> Option<Delivery> {
    let request = delivery.to.request.clone().filter(|_| delivery.to.thread.is_none())?;
    let mut below = delivery.clone();
    below.to.thread = Some(request);
    Some(below)
}

impl Unfolding {
    /// Brings a message to its whole through its states, or from wherever an earlier try has left it; nothing where it is to be
    /// shown as an ordinary message.
    pub(super) async fn unfold(
        &self,
        client: &Client,
        scans: &Scans,
        delivery: &Delivery,
        states: &[Rendered],
    ) -> Result<Option<Delivered>, DeliverError> {
        let (whole, before) = states.split_last().expect("invariant: what unfolds has two states at least");
        let mut begun = match self.stands.of(&delivery.idempotency_key) {
            Some(Stand::AtOnce) => return Ok(None),
            Some(Stand::Begun(begun)) => {
                // It is in one of the two places, and is changed there.
                below_request(delivery)
                    .iter()
                    .chain([delivery])
                    .for_each(|to| scans.begin(to, &delivery.idempotency_key));
                return self.finish(client, delivery, begun, whole).await;
            }
            None => match self.begin(client, scans, delivery, &before[0]).await? {
                Some(begun) => begun,
                None => return Ok(None),
            },
        };
        for state in &before[1..] {
            match self.further(client, delivery, &mut begun, state).await? {
                Step::Done => {}
                Step::Stopped => return Ok(Some(self.stopped(delivery, &begun))),
                Step::Over => break,
            }
        }
        self.finish(client, delivery, begun, whole).await
    }

    /// Looks below the message that asked, where a stream would be, for what an earlier try has shown; gives the message
    /// that is whole.
    pub(super) async fn look_below(
        &self,
        client: &Client,
        scans: &Scans,
        delivery: &Delivery,
    ) -> Result<Option<Delivered>, DeliverError> {
        let Some(below) = below_request(delivery) else { return Ok(None) };
        let found = match scans.search(client, &below, 1).await {
            // It has been taken back, or Slack does not let the bot read: then there is nothing to see.
            Err(error) if hides_the_place(&error) => return Ok(None),
            other => other?.messages,
        };
        self.found(delivery, &found);
        let whole = found.get(&delivery.idempotency_key);
        Ok(whole.map(|id| Delivered { platform_id: id.clone(), via: "chat.stopStream" }))
    }

    /// Keeps in mind where a message of this delivery was found that is not whole.
    pub(super) fn found(&self, delivery: &Delivery, messages: &BTreeMap<String, String>) {
        if messages.contains_key(&delivery.idempotency_key) {
            self.forget(delivery);
            return;
        }
        let begun = messages.get(&mark(delivery)).and_then(|id| id.split_once(':'));
        if let Some((channel, ts)) = begun {
            let begun = Begun { channel: channel.to_owned(), ts: ts.to_owned(), way: Way::Unsure };
            self.stands.keep(&delivery.idempotency_key, Stand::Begun(begun));
        }
    }

    /// The message is whole, or is none of those that unfold any more.
    pub(super) fn forget(&self, delivery: &Delivery) {
        self.stands.forget(&delivery.idempotency_key);
    }

    /// Shows the first state; nothing where it could not be followed by another.
    async fn begin(
        &self,
        client: &Client,
        scans: &Scans,
        delivery: &Delivery,
        first: &Rendered,
    ) -> Result<Option<Begun>, DeliverError> {
        let begun = match self.start(client, scans, delivery, first).await {
            Ok(Started::Begun(begun)) => Ok(Some(begun)),
            Ok(Started::No { .. }) if self.without_edits.hold(&delivery.to.installation, Instant::now()) => Ok(None),
            Ok(Started::No { to_all }) => {
                let posted = post(client, scans, delivery, first).await;
                // What is wrong with the place or the token is so for any message.
                if to_all && posted.is_ok() {
                    self.without_streams.note(&delivery.to.installation, Instant::now() + REFUSED_FOR);
                }
                if posted == Ok(None) {
                    self.without_edits.note(&delivery.to.installation, Instant::now() + REFUSED_FOR);
                }
                posted
            }
            // Slack counts each method for itself: a message need not wait for what streams must.
            Ok(Started::Later(after)) => {
                self.without_streams.note(&delivery.to.installation, Instant::now() + after);
                Ok(None)
            }
            Err(error) => Err(error),
        };
        match &begun {
            Ok(Some(begun)) => self.stands.keep(&delivery.idempotency_key, Stand::Begun(begun.clone())),
            // With the next token it may still go step by step.
            Err(error) if is_expired(error) => {}
            Ok(None) | Err(_) => self.stands.keep(&delivery.idempotency_key, Stand::AtOnce),
        }
        begun
    }

    /// Begins a stream.
    async fn start(
        &self,
        client: &Client,
        scans: &Scans,
        delivery: &Delivery,
        first: &Rendered,
    ) -> Result<Started, DeliverError> {
        let below = below_request(delivery);
        let to = &below.as_ref().unwrap_or(delivery).to;
        let Some(thread) = &to.thread else { return Ok(Started::No { to_all: false }) };
        if self.without_streams.hold(&to.installation, Instant::now()) {
            return Ok(Started::No { to_all: false });
        }
        let mut body = json!({"channel": to.place, "thread_ts": thread, "chunks": chunks(&first.blocks)});
        // Slack's page asks for the recipient in channels alone; yet `chat.stopStream` has refused direct messages too
        // without it (openclaw#19839, #20847). An organisation is no team.
        if let (Some(person), true) = (&to.person, to.installation.starts_with('T')) {
            body["recipient_user_id"] = person.as_str().into();
            body["recipient_team_id"] = to.installation.as_str().into();
        }
        scans.begin(below.as_ref().unwrap_or(delivery), &delivery.idempotency_key);
        match client.chat("chat.startStream", &body).await {
            Ok(posted) => Ok(match begun(posted, &to.place, Way::Streamed(first.blocks.len())) {
                Some(begun) => Started::Begun(begun),
                None => Started::No { to_all: true },
            }),
            Err(error) if is_expired(&error) => Err(error),
            Err(DeliverError::Rejected { reason }) => {
                tracing::debug!(reason, "Slack does not stream this, so that it grows by an edit");
                Ok(Started::No { to_all: is_to_all(&reason) })
            }
            Err(DeliverError::RateLimited { after }) => Ok(Started::Later(after)),
            Err(error) => Err(error),
        }
    }

    /// Shows a further state of a stream.
    async fn further(
        &self,
        client: &Client,
        delivery: &Delivery,
        begun: &mut Begun,
        state: &Rendered,
    ) -> Result<Step, DeliverError> {
        let Way::Streamed(shown) = begun.way else { return Ok(Step::Over) };
        let more = json!({"chunks": chunks(&state.blocks[shown.min(state.blocks.len())..])});
        let body = begun.call(more.as_object().cloned().unwrap_or_default());
        let step = match client.chat("chat.appendStream", &body).await {
            Ok(_) => {
                begun.way = Way::Streamed(state.blocks.len());
                Ok(Step::Done)
            }
            Err(DeliverError::Rejected { reason }) if reason == STOPPED => Ok(Step::Stopped),
            Err(error) if is_expired(&error) => Err(error),
            Err(DeliverError::Rejected { reason }) => {
                tracing::debug!(reason, "a stream does not grow further");
                begun.way = Way::Unsure;
                Ok(Step::Over)
            }
            // It was not done, and to end a stream is counted apart.
            Err(DeliverError::RateLimited { .. }) => Ok(Step::Over),
            Err(error) => {
                begun.way = Way::Unsure;
                Err(error)
            }
        };
        self.stands.keep(&delivery.idempotency_key, Stand::Begun(begun.clone()));
        step
    }

    /// Makes a message whole. What cannot be made so is taken back, and to be shown as an ordinary message.
    async fn finish(
        &self,
        client: &Client,
        delivery: &Delivery,
        mut begun: Begun,
        whole: &Rendered,
    ) -> Result<Option<Delivered>, DeliverError> {
        if let Way::Streamed(shown) = begun.way {
            // What is asked of Slack from here on may be done without a word of it.
            let unsure = Begun { way: Way::Unsure, ..begun.clone() };
            self.stands.keep(&delivery.idempotency_key, Stand::Begun(unsure.clone()));
            let mut last = Map::new();
            let rest = &whole.blocks[shown.min(whole.blocks.len())..];
            if !rest.is_empty() {
                last.insert("blocks".to_owned(), rest.into());
            }
            last.insert("metadata".to_owned(), metadata(&delivery.idempotency_key));
            match stop(client, &begun.call(last)).await {
                Ok(Step::Done) => {
                    self.forget(delivery);
                    return Ok(Some(begun.delivered("chat.stopStream")));
                }
                Ok(Step::Stopped) => return Ok(Some(self.stopped(delivery, &begun))),
                Ok(Step::Over) => begun = unsure,
                Err(error) => {
                    // It surely was not done, so that the stream can still be ended with what is missing.
                    if matches!(error, DeliverError::RateLimited { .. }) || is_expired(&error) {
                        self.stands.keep(&delivery.idempotency_key, Stand::Begun(begun));
                    }
                    return Err(error);
                }
            }
        }
        // A stream that runs cannot be edited (`streaming_state_conflict`). It is ended without metadata, since it is not
        // whole then.
        if begun.way == Way::Unsure
            && let Step::Stopped = stop(client, &begun.call(Map::new())).await?
        {
            return Ok(Some(self.stopped(delivery, &begun)));
        }
        self.mend(client, delivery, &begun, whole).await
    }

    /// Edits a message to be whole, or takes it back.
    async fn mend(
        &self,
        client: &Client,
        delivery: &Delivery,
        begun: &Begun,
        whole: &Rendered,
    ) -> Result<Option<Delivered>, DeliverError> {
        let mut body = content(whole);
        body.insert("metadata".to_owned(), metadata(&delivery.idempotency_key));
        match client.chat("chat.update", &begun.call(body)).await {
            Ok(_) => {
                self.forget(delivery);
                Ok(Some(begun.delivered("chat.update")))
            }
            Err(error) if is_expired(&error) => Err(error),
            Err(DeliverError::Rejected { reason }) => {
                tracing::debug!(reason, "the beginning of a message is taken back, since it cannot be made whole");
                if begun.way == Way::Edited {
                    self.without_edits.note(&delivery.to.installation, Instant::now() + REFUSED_FOR);
                }
                match client.chat("chat.delete", &begun.call(Map::new())).await {
                    // Where it stays, the whole stands beside its beginning, which is better than the beginning alone.
                    Ok(_) | Err(DeliverError::Rejected { .. }) => {}
                    Err(error) => return Err(error),
                }
                self.stands.keep(&delivery.idempotency_key, Stand::AtOnce);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn stopped(&self, delivery: &Delivery, begun: &Begun) -> Delivered {
        self.forget(delivery);
        begun.delivered(BY_THE_PERSON)
    }
}

/// The message of an answer; none where the platform gives it no name: nobody may have seen it, and it cannot be changed.
fn begun(posted: Posted, place: &str, way: Way) -> Option<Begun> {
    let ts = posted.ts.filter(|ts| !ts.is_empty())?;
    Some(Begun { channel: posted.channel.unwrap_or_else(|| place.to_owned()), ts, way })
}

/// Posts the first state as a message that is edited later; nothing where there is none to edit.
async fn post(
    client: &Client,
    scans: &Scans,
    delivery: &Delivery,
    first: &Rendered,
) -> Result<Option<Begun>, DeliverError> {
    let mut body = content(first);
    body.insert("channel".to_owned(), delivery.to.place.as_str().into());
    if let Some(thread) = thread(delivery) {
        body.insert("thread_ts".to_owned(), thread.into());
    }
    body.insert("unfurl_links".to_owned(), Value::Bool(false));
    body.insert("unfurl_media".to_owned(), Value::Bool(false));
    scans.begin(delivery, &delivery.idempotency_key);
    let posted = client.chat("chat.postMessage", &Value::Object(body)).await?;
    Ok(begun(posted, &delivery.to.place, Way::Edited))
}

/// Ends a stream.
async fn stop(client: &Client, body: &Value) -> Result<Step, DeliverError> {
    match client.chat("chat.stopStream", body).await {
        Ok(_) => Ok(Step::Done),
        Err(DeliverError::Rejected { reason }) if reason == STOPPED => Ok(Step::Stopped),
        Err(error) if is_expired(&error) => Err(error),
        Err(DeliverError::Rejected { reason }) => {
            tracing::debug!(reason, "a stream was not ended by us");
            Ok(Step::Over)
        }
        Err(error) => Err(error),
    }
}

/// Blocks as a stream takes them (docs.slack.dev/changelog/2026/04/16/block-kit-new-blocks).
fn chunks(blocks: &[Value]) -> Value {
    json!([{"type": "blocks", "blocks": blocks}])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::deliver::SlackChannel;
    use super::super::deliver::tests::{Odd, Slack, delivery, start};
    use super::*;
    use crate::channels::{Channel, Lookup};
    use crate::domain::card::{Action, Block, ButtonStyle, Card};

    const NO_STREAMS: Odd = Odd::Answers(200, r#"{"ok":false,"error":"unknown_method"}"#);
    const NO_EDITS: Odd = Odd::Answers(200, r#"{"ok":false,"error":"cant_update_message"}"#);

    /// An answer of three chapters in Ann's direct messages.
    fn unfolding() -> Delivery {
        let mut delivery = delivery(None);
        (delivery.to.alone, delivery.to.place, delivery.to.request) = (true, "D1".to_owned(), Some("99.5".to_owned()));
        let chapter = |card: Card, name: &str| card.block(Block::Heading { text: name.to_owned() }).text("words");
        let button = Action::Button { label: "Go".to_owned(), token: "tok".to_owned(), style: ButtonStyle::Primary };
        let card = Card::new("Analysis").facts([("Hours", "4")]);
        delivery.card = ["One", "Two", "Three"].into_iter().fold(card, chapter).action(button).footer("from words");
        delivery.card.unfolds = true;
        delivery
    }

    fn done(ts: &str, via: &'static str) -> Result<Delivered, DeliverError> {
        Ok(Delivered { platform_id: format!("D1:{ts}"), via })
    }

    async fn with(odd: &[(usize, Odd)]) -> (Arc<Slack>, SlackChannel) {
        let (slack, channel, _) = start().await;
        slack.odd.lock().unwrap().extend(odd.iter().copied());
        (slack, channel)
    }

    #[tokio::test]
    async fn an_organisation_is_named_as_nobodys_team() {
        let (slack, channel) = with(&[]).await;
        let mut delivery = unfolding();
        (delivery.to.installation, delivery.to.organisation) = ("E1".to_owned(), Some("E1".to_owned()));
        channel.deliver(&delivery).await.unwrap();
        let first = slack.body(0);
        assert_eq!((first.get("recipient_user_id"), first.get("recipient_team_id")), (None, None), "{first}");
    }

    #[tokio::test]
    async fn a_stream_grows_by_what_is_new_and_ends_as_the_ordinary_message() {
        let (slack, channel) = with(&[]).await;
        let delivery = unfolding();
        assert_eq!(channel.deliver(&delivery).await, done("100.0", "chat.stopStream"));
        assert_eq!(slack.methods(), ["chat.startStream", "chat.appendStream", "chat.appendStream", "chat.stopStream"]);
        let first = slack.body(0);
        assert_eq!((&first["channel"], &first["thread_ts"]), (&json!("D1"), &json!("99.5")));
        assert_eq!((&first["recipient_user_id"], &first["recipient_team_id"]), (&json!("U1"), &json!("T1")));
        assert_eq!(first.get("metadata"), None, "it is not whole");
        let mut blocks = Vec::new();
        for number in 0..3 {
            let body = slack.body(number);
            assert!(number == 0 || body["ts"] == "100.0", "{body}");
            blocks.extend(body["chunks"][0]["blocks"].as_array().unwrap().clone());
        }
        let last = slack.body(3);
        blocks.extend(last["blocks"].as_array().unwrap().clone());
        let mut ordinary = blocks::render(&delivery.card).blocks;
        ordinary[0]["block_id"] = mark(&delivery).into();
        assert_eq!(blocks, ordinary, "the whole, once");
        assert_eq!(last["metadata"]["event_payload"]["key"], "default/e-17.0");
        assert_eq!(channel.look_up(&delivery).await.map(|found| matches!(found, Lookup::Done(_))), Ok(true));
    }

    #[tokio::test]
    async fn what_is_no_answer_to_one_person_alone_is_one_message() {
        type Case = (&'static str, fn(&mut Delivery));
        let table: [Case; 5] = [
            ("in a channel", |delivery| delivery.to.alone = false),
            ("in the place of another", |delivery| delivery.replaces = Some("D1:1.1".to_owned())),
            ("another card", |delivery| delivery.card.unfolds = false),
            ("in two messages", |delivery| delivery.card = delivery.card.clone().text("word ".repeat(4_000))),
            ("all of it at once", |delivery| delivery.card.blocks.truncate(1)),
        ];
        for (what, change) in table {
            let (slack, channel) = with(&[]).await;
            let mut delivery = unfolding();
            change(&mut delivery);
            channel.deliver(&delivery).await.unwrap();
            assert!(!slack.methods().iter().any(|method| method.ends_with("Stream")), "{what}: {:?}", slack.methods());
        }
    }

    #[tokio::test]
    async fn where_slack_does_not_stream_the_message_is_edited_and_slack_is_not_asked_again() {
        let (slack, channel) = with(&[(0, NO_STREAMS)]).await;
        assert_eq!(channel.deliver(&unfolding()).await, done("100.1", "chat.update"));
        let edited = ["chat.postMessage", "chat.update"];
        assert_eq!(slack.methods()[1..], edited);
        assert_eq!((slack.body(1).get("thread_ts"), slack.body(1).get("metadata")), (None, None));
        assert_eq!(slack.body(2)["metadata"]["event_payload"]["key"], "default/e-17.0");
        let next = Delivery { idempotency_key: "default/e-18.0".to_owned(), ..unfolding() };
        channel.deliver(&next).await.unwrap();
        assert_eq!(slack.methods()[3..], edited);
        // A place that takes no message says nothing of streams.
        let gone = Odd::Answers(200, r#"{"ok":false,"error":"channel_not_found"}"#);
        let (slack, channel) = with(&[(0, gone), (1, gone)]).await;
        assert!(matches!(channel.deliver(&unfolding()).await, Err(DeliverError::Rejected { .. })));
        channel.deliver(&next).await.unwrap();
        assert_eq!(slack.methods()[2], "chat.startStream");
    }

    #[tokio::test]
    async fn what_is_wrong_with_one_message_turns_nothing_off_for_others() {
        let next = Delivery { idempotency_key: "default/e-18.0".to_owned(), ..unfolding() };
        for (refusal, asks_again) in [
            (r#"{"ok":false,"error":"invalid_thread_ts"}"#, true),
            (r#"{"ok":false,"error":"user_not_found"}"#, true),
            (r#"{"ok":false,"error":"missing_scope","needed":"chat:write"}"#, false),
            (r#"{"ok":false,"error":"not_allowed_token_type"}"#, false),
        ] {
            let (slack, channel) = with(&[(0, Odd::Answers(200, refusal))]).await;
            assert_eq!(channel.deliver(&unfolding()).await, done("100.1", "chat.update"));
            channel.deliver(&next).await.unwrap();
            assert_eq!(slack.methods()[3] == "chat.startStream", asks_again, "{refusal}");
        }
    }

    #[tokio::test]
    async fn a_beginning_without_a_name_is_none_and_the_whole_follows() {
        for nameless in [Odd::Answers(200, r#"{"ok":true}"#), Odd::Answers(200, r#"{"ok":true,"ts":""}"#)] {
            let (slack, channel) = with(&[(0, nameless)]).await;
            assert_eq!(channel.deliver(&unfolding()).await, done("100.1", "chat.update"));
            assert_eq!(slack.methods(), ["chat.startStream", "chat.postMessage", "chat.update"]);
            let (slack, channel) = with(&[(0, NO_STREAMS), (1, nameless)]).await;
            assert_eq!(channel.deliver(&unfolding()).await, done("100.2", "chat.postMessage"));
            assert!(slack.body(2)["blocks"].to_string().contains("from words"), "the whole");
            let next = Delivery { idempotency_key: "default/e-18.0".to_owned(), ..unfolding() };
            channel.deliver(&next).await.unwrap();
            assert_eq!(slack.methods()[3..], ["chat.postMessage"], "it is one message from then on");
        }
    }

    #[tokio::test]
    async fn where_nothing_can_be_edited_the_beginning_is_taken_back() {
        let (slack, channel) = with(&[(0, NO_STREAMS), (2, NO_EDITS)]).await;
        assert_eq!(channel.deliver(&unfolding()).await, done("100.4", "chat.postMessage"));
        assert_eq!(slack.methods()[2..], ["chat.update", "chat.delete", "chat.postMessage"]);
        let next = Delivery { idempotency_key: "default/e-18.0".to_owned(), ..unfolding() };
        channel.deliver(&next).await.unwrap();
        assert_eq!(slack.methods()[5..], ["chat.postMessage"], "it is one message from then on");
    }

    #[tokio::test]
    async fn whoever_is_asked_to_wait_shows_the_rest_at_once() {
        let wait = Odd::WaitsFor("3");
        // What is called, and after the wait, where there is one.
        type Case<'a> = (&'a [(usize, Odd)], &'a [&'a str], &'a [&'a str]);
        let table: [Case<'_>; 4] = [
            (&[(0, wait)], &["chat.startStream", "chat.postMessage"], &[]),
            (&[(1, wait)], &["chat.startStream", "chat.appendStream", "chat.stopStream"], &[]),
            (
                &[(3, wait)],
                &["chat.startStream", "chat.appendStream", "chat.appendStream", "chat.stopStream"],
                &["chat.stopStream"],
            ),
            (&[(0, NO_STREAMS), (2, wait)], &["chat.startStream", "chat.postMessage", "chat.update"], &["chat.update"]),
        ];
        for (odd, before, after) in table {
            let (slack, channel) = with(odd).await;
            let delivery = unfolding();
            let delivered = channel.deliver(&delivery).await;
            assert_eq!(slack.methods(), before, "{odd:?}");
            if after.is_empty() {
                assert!(delivered.is_ok(), "{delivered:?}");
                continue;
            }
            assert_eq!(delivered, Err(DeliverError::RateLimited { after: Duration::from_secs(3) }));
            channel.deliver(&delivery).await.unwrap();
            assert_eq!(slack.methods()[before.len()..], *after, "{odd:?}");
        }
        let (slack, channel) = with(&[(0, wait)]).await;
        channel.deliver(&unfolding()).await.unwrap();
        channel.deliver(&Delivery { idempotency_key: "default/e-18.0".to_owned(), ..unfolding() }).await.unwrap();
        assert_eq!(slack.methods()[2], "chat.postMessage", "streams wait, and messages that are edited do not");
    }

    #[tokio::test]
    async fn a_lost_answer_to_any_step_ends_in_one_whole_message_also_after_a_start() {
        let begun = ["chat.stopStream", "chat.update"];
        for (lost, via) in [(0, Some("chat.update")), (1, Some("chat.update")), (2, Some("chat.update")), (3, None)] {
            for starts in [false, true] {
                let (slack, mut channel) = with(&[(lost, Odd::HangsUp)]).await;
                let delivery = unfolding();
                assert!(matches!(channel.deliver(&delivery).await, Err(DeliverError::UnknownOutcome { .. })));
                if starts {
                    channel = channel.after_a_start();
                }
                let found = channel.look_up(&delivery).await.unwrap();
                let Some(via) = via else {
                    let Lookup::Done(found) = found else { panic!("{found:?}") };
                    assert_eq!(found.platform_id, "D1:100.0");
                    continue;
                };
                assert!(!matches!(found, Lookup::Done(_)), "{found:?}");
                let before = slack.methods().len();
                assert_eq!(channel.deliver(&delivery).await, done("100.0", via));
                assert_eq!(slack.methods()[before..], begun, "call {lost}, {starts}");
                assert_eq!(slack.body(before).get("metadata"), None, "it is not whole by its end alone");
                assert!(slack.body(before + 1)["blocks"].to_string().contains("from words"));
                assert!(matches!(channel.look_up(&delivery).await, Ok(Lookup::Done(_))));
            }
        }
    }

    #[tokio::test]
    async fn what_has_begun_in_a_persons_chat_is_found_there_and_made_whole() {
        let listed = Odd::Answers(200, r#"{"ok":true,"channels":[{"id":"D1","user":"U1"}]}"#);
        let (slack, channel) = with(&[(0, Odd::HangsUp), (1, listed)]).await;
        let mut delivery = unfolding();
        (delivery.to.place, delivery.to.request) = ("U1".to_owned(), None);
        assert!(matches!(channel.deliver(&delivery).await, Err(DeliverError::UnknownOutcome { .. })));
        let channel = channel.after_a_start();
        assert_eq!(channel.look_up(&delivery).await, Ok(Lookup::NotDone));
        assert_eq!(channel.deliver(&delivery).await, done("100.0", "chat.update"));
        let looked = ["users.conversations", "conversations.history", "chat.stopStream", "chat.update"];
        assert_eq!(slack.methods()[1..], looked, "nothing is posted a second time");
    }

    #[tokio::test]
    async fn a_stream_that_is_over_is_mended_and_one_that_the_person_stopped_is_left() {
        let over = Odd::Answers(200, r#"{"ok":false,"error":"message_not_in_streaming_state"}"#);
        let (slack, channel) = with(&[(1, over), (2, over)]).await;
        assert_eq!(channel.deliver(&unfolding()).await, done("100.0", "chat.update"));
        assert_eq!(slack.methods()[1..], ["chat.appendStream", "chat.stopStream", "chat.update"]);
        let stopped = Odd::Answers(200, r#"{"ok":false,"error":"stopped_by_user"}"#);
        for step in [1, 3] {
            let (slack, channel) = with(&[(step, stopped)]).await;
            assert_eq!(channel.deliver(&unfolding()).await, done("100.0", "stopped by the person"));
            assert_eq!(slack.methods().len(), step + 1);
        }
    }
}
