//! Answers that unfold, in the chat that a person has with the bot alone: a stream of Teams.
//!
//! learn.microsoft.com/microsoftteams/platform/bots/streaming-ux: the first part is answered with the stream's id; the last
//! carries that id and all the text so far; it is a message, and alone may carry a card. So the text of the beginning is
//! shown at once, and stays above the card, which is the whole answer: two parts, and none between them.
//!
//! A stream without an end vanishes, and Teams shows the bot no messages. So where a stream does not begin, or Teams ends
//! it, the whole comes as one ordinary message, and nothing is streamed a second time. A last part whose answer was lost
//! may have arrived, and is not repeated, as with any message.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::card::{self, Rendered};
use super::client::{Client, Spot, Streamed};
use super::deliver::not_repeated;
use crate::channels::progress::Progress;
use crate::channels::unfolding::{REFUSED_FOR, Refusals, Stand, is_wanted};
use crate::channels::{DeliverError, Delivered, Delivery};

/// States of a message, the whole included: the beginning at once, and the rest.
const MOST_STATES: usize = 2;
/// Between two parts. The page allows one a second, and advises 1.5 to 2 s.
const PAUSE: Duration = Duration::from_millis(1_500);
/// The receipt's word for a stream.
const VIA: &str = "stream";
/// The receipt's word for one under which the person has pressed Stop.
const BY_THE_PERSON: &str = "stopped by the person";

/// What a channel knows of its messages that unfold.
pub(super) struct Unfolding {
    stands: Progress<Stand<Stream>>,
    /// People to whom Teams lets the bot stream nothing.
    refusals: Refusals,
    pause: Duration,
}

/// A stream that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stream {
    id: String,
    /// What it shows.
    text: String,
}

impl Default for Unfolding {
    fn default() -> Self {
        Self { stands: Progress::default(), refusals: Refusals::default(), pause: PAUSE }
    }
}

impl Stream {
    /// Begins a stream.
    async fn begin(client: &Client, spot: Spot<'_>, text: &str) -> Result<Result<Self, Streamed>, DeliverError> {
        let info = json!({"type": "streaminfo", "streamType": "streaming", "streamSequence": 1});
        match client.stream(spot, &part("typing", text, &info)).await? {
            // Without its id it cannot go on.
            Streamed::Taken(id) if id.is_empty() => Ok(Err(Streamed::Refused { for_all: false })),
            Streamed::Taken(id) => Ok(Ok(Self { id, text: text.to_owned() })),
            other => Ok(Err(other)),
        }
    }

    /// Ends it with the card.
    async fn finish(&self, client: &Client, spot: Spot<'_>, whole: &Rendered) -> Result<Streamed, DeliverError> {
        let info = json!({"type": "streaminfo", "streamType": "final", "streamId": self.id});
        let mut message = part("message", &self.text, &info);
        message["summary"] = whole.text.as_str().into();
        message["attachments"] = json!([card::attachment(&whole.card)]);
        client.stream(spot, &message).await
    }

    fn delivered(&self, via: &'static str) -> Delivered {
        Delivered { platform_id: self.id.clone(), via }
    }
}

/// An activity of a stream. Its text is no Markdown.
fn part(kind: &str, text: &str, info: &Value) -> Value {
    json!({"type": kind, "text": text, "textFormat": "plain", "entities": [info]})
}

impl Unfolding {
    /// Brings a message to its whole, or goes on where an earlier try has stopped; nothing where it is to be shown as an
    /// ordinary message.
    pub(super) async fn unfold(
        &self,
        client: &Client,
        spot: Spot<'_>,
        delivery: &Delivery,
    ) -> Result<Option<Delivered>, DeliverError> {
        if !is_wanted(delivery) || card::messages(&delivery.card).len() != 1 {
            return Ok(None);
        }
        let states = delivery.card.states(MOST_STATES);
        let Some((whole, [first, ..])) = states.split_last() else { return Ok(None) };
        let whole = card::render(whole);
        let stream = match self.stands.of(&delivery.idempotency_key) {
            Some(Stand::AtOnce) => return Ok(None),
            Some(Stand::Begun(stream)) => return self.finish(client, spot, delivery, &stream, &whole).await,
            None => match self.begin(client, spot, delivery, &card::render(first).text).await? {
                Ok(stream) => stream,
                Err(ended) => return Ok(ended),
            },
        };
        tokio::time::sleep(self.pause).await;
        self.finish(client, spot, delivery, &stream, &whole).await
    }

    /// The delivery has come to its end.
    pub(super) fn forget(&self, delivery: &Delivery) {
        self.stands.forget(&delivery.idempotency_key);
    }

    fn keep(&self, delivery: &Delivery, stand: Stand<Stream>) {
        self.stands.keep(&delivery.idempotency_key, stand);
    }

    /// Shows the beginning; else how it ended: by the person, or not at all.
    async fn begin(
        &self,
        client: &Client,
        spot: Spot<'_>,
        delivery: &Delivery,
        text: &str,
    ) -> Result<Result<Stream, Option<Delivered>>, DeliverError> {
        let whom = format!("{}/{}", delivery.to.installation, spot.conversation);
        if self.refusals.hold(&whom, Instant::now()) {
            return Ok(Err(None));
        }
        match Stream::begin(client, spot, text).await {
            Ok(Ok(stream)) => {
                self.keep(delivery, Stand::Begun(stream.clone()));
                Ok(Ok(stream))
            }
            Ok(Err(refused)) => {
                if let Streamed::Refused { for_all: true } = refused {
                    self.refusals.note(&whom, Instant::now() + REFUSED_FOR);
                }
                Ok(Err(None))
            }
            // A stream that nobody ends vanishes.
            Err(DeliverError::UnknownOutcome { .. }) => {
                self.keep(delivery, Stand::AtOnce);
                Ok(Err(None))
            }
            Err(error) => {
                self.keep(delivery, Stand::AtOnce);
                Err(error)
            }
        }
    }

    async fn finish(
        &self,
        client: &Client,
        spot: Spot<'_>,
        delivery: &Delivery,
        stream: &Stream,
        whole: &Rendered,
    ) -> Result<Option<Delivered>, DeliverError> {
        match stream.finish(client, spot, whole).await {
            Ok(Streamed::Taken(_)) => Ok(Some(self.ended(delivery, stream, VIA))),
            Ok(Streamed::Stopped) => Ok(Some(self.ended(delivery, stream, BY_THE_PERSON))),
            Ok(Streamed::Refused { .. }) => {
                self.keep(delivery, Stand::AtOnce);
                Ok(None)
            }
            Err(error) => Err(not_repeated(error)),
        }
    }

    fn ended(&self, delivery: &Delivery, stream: &Stream, via: &'static str) -> Delivered {
        self.forget(delivery);
        stream.delivered(via)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::State;
    use axum::http::StatusCode;
    use axum::response::{IntoResponse, Response};

    use super::*;
    use crate::domain::card::{Audience, Block, Card};
    use crate::domain::event::{Address, ChannelName};
    use crate::domain::time::Timestamp;

    /// A connector that answers as it is told, and remembers what it was sent.
    #[derive(Default)]
    struct Connector {
        answers: Mutex<VecDeque<(u16, &'static str)>>,
        parts: Mutex<Vec<Value>>,
    }

    async fn take(State(connector): State<Arc<Connector>>, body: String) -> Response {
        connector.parts.lock().unwrap().push(serde_json::from_str(&body).unwrap());
        match connector.answers.lock().unwrap().pop_front() {
            // The call is taken and its answer is lost.
            Some((0, _)) => panic!("the connection breaks"),
            Some((status, body)) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
            None => (StatusCode::ACCEPTED, "{}").into_response(),
        }
    }

    const BEGUN: (u16, &str) = (201, r#"{"id":"s-1"}"#);
    const LOST: (u16, &str) = (0, "");
    const STOPPED: (u16, &str) =
        (403, r#"{"error":{"code":"ContentStreamNotAllowed","message":"Content stream was canceled by user."}}"#);
    const NOT_ALLOWED: (u16, &str) =
        (403, r#"{"error":{"code":"ContentStreamNotAllowed","message":"Content stream is not allowed"}}"#);
    const DROPPED: (u16, &str) = (202, r#"{"code":"ContentStreamSequenceOrderPreConditionFailed"}"#);

    async fn start(answers: &[(u16, &'static str)]) -> (Arc<Connector>, String) {
        // Installed by whichever test comes first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let connector =
            Arc::new(Connector { answers: Mutex::new(answers.iter().copied().collect()), ..Connector::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let app = Router::new().fallback(take).with_state(Arc::clone(&connector));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (connector, url)
    }

    fn unfolding() -> Unfolding {
        Unfolding { pause: Duration::ZERO, ..Unfolding::default() }
    }

    fn delivery() -> Delivery {
        let to =
            Address { alone: true, person: Some("29:ann".to_owned()), ..Address::at(ChannelName::Teams, "t1", "a:1") };
        let card = Card::new("Analysis").facts([("Hours", "4")]);
        let card = card.block(Block::Heading { text: "Steps".to_owned() }).text("first *this*").footer("from words");
        Delivery {
            idempotency_key: "default/e-17.0".to_owned(),
            to,
            card: card.unfolding(),
            audience: Audience::Everyone,
            replaces: None,
            topic: None,
            answers: None,
            since: Timestamp(1),
        }
    }

    #[tokio::test]
    async fn a_stream_begins_with_the_headline_and_ends_with_the_card() {
        let (connector, url) = start(&[BEGUN]).await;
        let (client, spot) = (Client::for_playground().unwrap(), Spot { service_url: &url, conversation: "a:1" });
        let stream = Stream::begin(&client, spot, "One").await.unwrap().unwrap();
        let whole = card::render(&delivery().card);
        assert!(matches!(stream.finish(&client, spot, &whole).await, Ok(Streamed::Taken(_))));
        let parts = connector.parts.lock().unwrap().clone();
        let info = |kind: &str| json!({"type": "streaminfo", "streamType": kind});
        let with = |mut info: Value, more: Value| {
            info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!([info])
        };
        let expected = [
            ("typing", "One", with(info("streaming"), json!({"streamSequence": 1}))),
            ("message", "One", with(info("final"), json!({"streamId": "s-1"}))),
        ];
        for (part, (kind, text, entities)) in parts.iter().zip(expected) {
            assert_eq!((&part["type"], &part["text"], &part["entities"]), (&json!(kind), &json!(text), &entities));
            assert_eq!((part.get("attachments").is_some(), &part["textFormat"]), (kind == "message", &json!("plain")));
        }
        assert!(parts[1]["attachments"].to_string().contains("first *this*"));

        let (connector, url) = start(&[BEGUN]).await;
        let spot = Spot { service_url: &url, conversation: "a:1" };
        let delivered = unfolding().unfold(&client, spot, &delivery()).await;
        assert_eq!(delivered, Ok(Some(Delivered { platform_id: "s-1".to_owned(), via: "stream" })));
        let parts = connector.parts.lock().unwrap().clone();
        let text = parts[0]["text"].as_str().unwrap();
        assert!(text.contains("Analysis") && text.contains("Hours") && !text.contains("first"), "{text}");
        assert_eq!((parts.len(), &parts[1]["text"]), (2, &parts[0]["text"]));
    }

    #[tokio::test]
    async fn what_does_not_come_to_its_end_is_an_ordinary_message_at_once() {
        let limited = Err(DeliverError::RateLimited { after: Duration::from_secs(5) });
        let by = |via| Ok(Some(Delivered { platform_id: "s-1".to_owned(), via }));
        let table: [(&[(u16, &str)], _, _); 10] = [
            (&[NOT_ALLOWED], Ok(None), 1),
            (&[(400, r#"{"error":{"code":"BadRequest"}}"#)], Ok(None), 1),
            (&[(201, "{}")], Ok(None), 1),
            (&[LOST], Ok(None), 1),
            (&[BEGUN, NOT_ALLOWED], Ok(None), 2),
            (&[BEGUN, DROPPED], Ok(None), 2),
            (&[BEGUN, STOPPED], by("stopped by the person"), 2),
            // Asked to wait, it goes on where it is: with the end of what has begun, or as a message.
            (&[BEGUN, (429, "")], limited.clone(), 2),
            (&[(429, "")], limited.clone(), 1),
            (&[BEGUN, (503, "")], Err(DeliverError::Unavailable { reason: "HTTP 503".to_owned() }), 2),
        ];
        let client = Client::for_playground().unwrap();
        for (answers, expected, calls) in table {
            let (connector, url) = start(answers).await;
            let spot = Spot { service_url: &url, conversation: "a:1" };
            let unfolding = unfolding();
            assert_eq!(unfolding.unfold(&client, spot, &delivery()).await, expected, "{answers:?}");
            assert_eq!(connector.parts.lock().unwrap().len(), calls, "{answers:?}");
            if let (Err(_), 2) = (&expected, calls) {
                assert_eq!(unfolding.unfold(&client, spot, &delivery()).await, by("stream"), "{answers:?}");
                assert_eq!(connector.parts.lock().unwrap()[2]["type"], "message");
            } else if expected == limited {
                assert_eq!(unfolding.unfold(&client, spot, &delivery()).await, Ok(None));
                assert_eq!(connector.parts.lock().unwrap().len(), 1, "it is not streamed again");
            }
        }
        let (_, url) = start(&[BEGUN, LOST]).await;
        let spot = Spot { service_url: &url, conversation: "a:1" };
        let Err(DeliverError::Rejected { reason }) = unfolding().unfold(&client, spot, &delivery()).await else {
            panic!()
        };
        assert!(reason.contains("it may have arrived"), "{reason}");
    }

    #[tokio::test]
    async fn whom_teams_streams_nothing_is_remembered_and_other_cards_are_no_streams() {
        let (connector, url) = start(&[NOT_ALLOWED]).await;
        let (client, spot) = (Client::for_playground().unwrap(), Spot { service_url: &url, conversation: "a:1" });
        let unfolding = unfolding();
        for _ in 0..2 {
            assert_eq!(unfolding.unfold(&client, spot, &delivery()).await, Ok(None));
        }
        assert_eq!(connector.parts.lock().unwrap().len(), 1);
        let table: [fn(&mut Delivery); 4] = [
            |delivery| delivery.to.alone = false,
            |delivery| delivery.replaces = Some("1".to_owned()),
            |delivery| delivery.card.unfolds = false,
            |delivery| delivery.card.blocks.truncate(1),
        ];
        for change in table {
            let mut delivery = delivery();
            change(&mut delivery);
            assert_eq!(self::unfolding().unfold(&client, spot, &delivery).await, Ok(None));
        }
        assert_eq!(connector.parts.lock().unwrap().len(), 1);
    }
}
