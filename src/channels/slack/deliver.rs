//! Cards to people on Slack, and people to profiles.
//!
//! Owns the choice of the route: the `response_url` of the event first, since it works where the
//! bot is no member, then the Web API. Rendering is `blocks`, the wire is `client`, a message that grows is `stream`, retries
//! and pace are the outbox. A long card is several messages; each is shown once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::answers::{Identity, Posted};
use super::blocks::{self, Rendered};
use super::client::{Client, RespondError};
use super::home;
use super::look_up::{self, Found, Scans, hides_the_place, metadata, part_key};
use super::names::Names;
use super::people::{display_name, standing};
use super::stream::{self, Unfolding};
use super::unfurl;
use super::workspaces::Workspaces;
use crate::channels::inline::InlineAnswers;
use crate::channels::progress::{Progress, Shown};
use crate::channels::unfolding;
use crate::channels::{Channel, DeliverError, Delivered, Delivery, Lookup};
use crate::domain::card::Audience;
use crate::domain::event::{Address, ChannelName, PlatformUser, is_below_links};
use crate::domain::ids::EventId;
use crate::domain::principal::Profile;
use crate::domain::time::Timestamp;

/// The receipt's word for a message that Slack gives no id for.
const BY_RESPONSE_URL: &str = "response_url";
/// The receipt's word for a message that was the HTTP answer itself.
const INLINE: &str = "inline";
/// How Slack says that a user is not of the workspace (docs.slack.dev/reference/methods/users.info).
const NO_SUCH_USER: [&str; 3] = ["user_not_found", "user_not_visible", "users_not_found"];

/// Slack as the outbox sees it.
pub struct SlackChannel {
    workspaces: Workspaces,
    pace: Duration,
    command: String,
    progress: Progress,
    unfolding: Unfolding,
    scans: Scans,
    names: Names,
    inline: Arc<InlineAnswers>,
}

impl SlackChannel {
    /// The channel of some workspaces, in which the slash command is `command`.
    #[must_use]
    pub fn new(workspaces: Workspaces, pace: Duration, command: &str) -> Self {
        let command = command.to_owned();
        Self {
            workspaces,
            pace,
            command,
            progress: Progress::default(),
            unfolding: Unfolding::default(),
            scans: Scans::default(),
            names: Names::default(),
            inline: Arc::default(),
        }
    }

    /// The workspaces and their tokens.
    #[must_use]
    pub fn workspaces(&self) -> &Workspaces {
        &self.workspaces
    }

    /// Whose the token of the configuration is; none where there is no such token.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn identity(&self) -> Result<Option<Identity>, DeliverError> {
        let Some(client) = self.workspaces.configured() else { return Ok(None) };
        Ok(Some(client.auth_test().await?.0))
    }

    /// Whose a token is, the configured one before others, and what time it is at Slack, where it says so; none where
    /// nothing is connected.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn identity_and_time(&self) -> Result<Option<(Identity, Option<Timestamp>)>, DeliverError> {
        let Some(client) = self.workspaces.any() else { return Ok(None) };
        client.auth_test().await.map(Some)
    }

    /// Callers of slash commands who still wait for the HTTP answer.
    #[must_use]
    pub fn inline(&self) -> &Arc<InlineAnswers> {
        &self.inline
    }

    /// Whether the first message of a card has answered a slash command in its HTTP answer.
    async fn answer_inline(&self, delivery: &Delivery, first: Option<&Rendered>) -> bool {
        let Some((event, first)) = delivery.answers.zip(first) else { return false };
        let body = || Bytes::from(Value::Object(answer(delivery, first)).to_string());
        self.inline.is_awaited(event) && self.inline.answer(event, body()).await
    }

    /// With the token of the delivery's workspace; once more, where that has ended: what was shown by then is kept in
    /// mind.
    async fn perform(&self, delivery: &Delivery) -> Result<Delivered, DeliverError> {
        let (workspace, organisation) = (&delivery.to.installation, delivery.to.organisation.as_deref());
        let lease = match self.workspaces.lease(workspace, organisation).await {
            // Who waits in an open request, or has left an address for answers, is reached without a token.
            Err(error @ DeliverError::Rejected { .. }) if delivery.to.route.is_some() => {
                let Some(client) = self.workspaces.without_token(workspace, organisation) else { return Err(error) };
                let performed = self.perform_with(client, delivery).await;
                return performed.map_err(|other| match other {
                    DeliverError::Rejected { .. } => error,
                    other => other,
                });
            }
            other => other?,
        };
        let perform = |client: Arc<Client>| async move {
            let to = self.names.with_id(&client, &delivery.to).await?;
            self.perform_with(&client, &Delivery { to, ..delivery.clone() }).await
        };
        self.workspaces.call_by(&lease, perform).await
    }

    async fn perform_with(&self, client: &Client, delivery: &Delivery) -> Result<Delivered, DeliverError> {
        if delivery.to.home {
            return home::publish(client, delivery).await;
        }
        if let Some(below) = &delivery.to.below {
            return unfurl::show(client, delivery, below).await;
        }
        if let Some(message) = &delivery.replaces
            && let Some(replaced) = self.replace(client, delivery, message).await?
        {
            return Ok(replaced);
        }
        if let Some(states) = stream::states(delivery)
            && let Some(unfolded) = self.unfolding.unfold(client, &self.scans, delivery, &states).await?
        {
            return Ok(unfolded);
        }
        let parts = blocks::messages(&delivery.card);
        let mut shown = None;
        if self.answer_inline(delivery, parts.first()).await {
            let answered = Shown { parts: 1, first: Delivered { platform_id: INLINE.to_owned(), via: INLINE } };
            // A repetition goes on where the last one ended.
            if parts.len() > 1 {
                self.progress.keep(&delivery.idempotency_key, answered.clone());
            }
            shown = Some(answered);
        }
        self.show(client, delivery, &parts, shown).await
    }

    /// Changes a message that is there. It stays one message, so repeating it does no harm. One that only one person
    /// sees is changed by the address of the press alone (docs.slack.dev/reference/methods/chat.update); where that is
    /// used up, nothing is changed, and it is to be shown as a new one.
    async fn replace(
        &self,
        client: &Client,
        delivery: &Delivery,
        message: &str,
    ) -> Result<Option<Delivered>, DeliverError> {
        let part = blocks::render(&delivery.card);
        if let Some(url) = &delivery.to.route {
            let mut body = content(&part);
            body.insert("replace_original".to_owned(), Value::Bool(true));
            if respond(client, url, body).await? {
                return Ok(Some(Delivered { platform_id: message.to_owned(), via: BY_RESPONSE_URL }));
            }
        }
        if seen_by_one(delivery) {
            return Ok(None);
        }
        let (channel, ts) =
            message.split_once(':').ok_or_else(|| rejected("the message to replace has no `channel:ts`"))?;
        let mut body = content(&part);
        body.insert("channel".to_owned(), channel.into());
        body.insert("ts".to_owned(), ts.into());
        client.chat("chat.update", &Value::Object(body)).await?;
        Ok(Some(Delivered { platform_id: message.to_owned(), via: "chat.update" }))
    }

    /// Shows the messages of a card that are not shown yet, in order.
    async fn show(
        &self,
        client: &Client,
        delivery: &Delivery,
        parts: &[Rendered],
        shown: Option<Shown>,
    ) -> Result<Delivered, DeliverError> {
        let key = &delivery.idempotency_key;
        let mut shown = self.progress.of(key).or(shown);
        let mut route = delivery.to.route.as_deref();
        let mut earlier = None;
        for (index, part) in parts.iter().enumerate().skip(shown.as_ref().map_or(0, |shown| shown.parts)) {
            let by_route = match route {
                Some(url) => {
                    let mut body = answer(delivery, part);
                    // By default the answer to a press overwrites the card that was pressed.
                    body.insert("replace_original".to_owned(), Value::Bool(false));
                    respond(client, url, body).await?
                }
                None => false,
            };
            let delivered = if by_route {
                Delivered { platform_id: BY_RESPONSE_URL.to_owned(), via: BY_RESPONSE_URL }
            } else {
                route = None;
                if earlier.is_none() && parts.len() > 1 && !seen_by_one(delivery) {
                    earlier = Some(self.earlier_parts(client, delivery, parts.len()).await?);
                }
                self.post(client, delivery, index, part, earlier.as_ref()).await?
            };
            let first = shown.map_or(delivered, |shown| shown.first);
            if parts.len() > 1 {
                self.progress.keep(key, Shown { parts: index + 1, first: first.clone() });
            }
            shown = Some(Shown { parts: index + 1, first });
        }
        self.progress.forget(key);
        self.unfolding.forget(delivery);
        shown.map(|shown| shown.first).ok_or_else(|| rejected("the card renders to nothing"))
    }

    /// Posts one part by the Web API, unless it is there.
    async fn post(
        &self,
        client: &Client,
        delivery: &Delivery,
        index: usize,
        part: &Rendered,
        earlier: Option<&Found>,
    ) -> Result<Delivered, DeliverError> {
        let to = &delivery.to;
        let key = part_key(delivery, index);
        if let Some(id) = earlier.and_then(|found| found.messages.get(&key)) {
            return Ok(Delivered { platform_id: id.clone(), via: "chat.postMessage" });
        }
        let mut body = content(part);
        body.insert("channel".to_owned(), to.place.as_str().into());
        if let Some(thread) = thread(delivery) {
            body.insert("thread_ts".to_owned(), thread.into());
        }
        let method = match (seen_by_one(delivery), &to.person) {
            (false, _) => {
                body.insert("metadata".to_owned(), metadata(&key));
                body.insert("unfurl_links".to_owned(), Value::Bool(false));
                body.insert("unfurl_media".to_owned(), Value::Bool(false));
                self.scans.begin(delivery, &key);
                "chat.postMessage"
            }
            (true, Some(person)) => {
                body.insert("user".to_owned(), person.as_str().into());
                "chat.postEphemeral"
            }
            (true, None) => {
                return Err(rejected("an answer for the asker alone, but nobody knows who asked"));
            }
        };
        let posted = client.chat(method, &Value::Object(body)).await?;
        self.scans.chats.learn(to, posted.channel.as_deref());
        Ok(Delivered { platform_id: message_id(&posted, &to.place), via: method })
    }

    /// The parts that an earlier try has posted. Where Slack will not show the place to the bot,
    /// a part may be shown twice, which is better than never.
    async fn earlier_parts(&self, client: &Client, delivery: &Delivery, parts: usize) -> Result<Found, DeliverError> {
        match look_up::search(&self.scans.chats, client, delivery, parts).await {
            Err(error) if hides_the_place(&error) => Ok(Found { messages: BTreeMap::new(), whole: false }),
            other => other,
        }
    }

    async fn find(&self, delivery: &Delivery) -> Result<Lookup, DeliverError> {
        if delivery.to.home || delivery.to.below.is_some() {
            return Ok(Lookup::NotDone);
        }
        let lease = self.workspaces.lease(&delivery.to.installation, delivery.to.organisation.as_deref()).await;
        let lease = match lease {
            Err(DeliverError::Rejected { .. }) => return Ok(Lookup::CannotTell("the workspace is not connected")),
            other => other?,
        };
        let find = |client: Arc<Client>| async move {
            let to = self.names.with_id(&client, &delivery.to).await?;
            self.find_with(&client, &Delivery { to, ..delivery.clone() }).await
        };
        self.workspaces.call_by(&lease, find).await
    }

    async fn find_with(&self, client: &Client, delivery: &Delivery) -> Result<Lookup, DeliverError> {
        if delivery.replaces.is_some() {
            return Ok(Lookup::NotDone);
        }
        if seen_by_one(delivery) {
            return Ok(Lookup::CannotTell("Slack does not list messages that only one person sees"));
        }
        let unfolds = unfolding::is_wanted(delivery);
        if unfolds && let Some(done) = self.unfolding.look_below(client, &self.scans, delivery).await? {
            return Ok(Lookup::Done(done));
        }
        let parts = part_count(delivery);
        let found = match self.scans.search(client, delivery, parts).await {
            Err(error) if hides_the_place(&error) => {
                return Ok(Lookup::CannotTell("Slack does not let the bot read this place"));
            }
            other => other?,
        };
        if unfolds {
            self.unfolding.found(delivery, &found.messages);
        }
        let is_whole = (0..parts).all(|index| found.messages.contains_key(&part_key(delivery, index)));
        let first = found.messages.get(&part_key(delivery, 0)).filter(|_| is_whole);
        Ok(match first {
            Some(id) => Lookup::Done(Delivered { platform_id: id.clone(), via: "chat.postMessage" }),
            None if delivery.to.route.is_some() => {
                Lookup::CannotTell("a message posted through a response_url cannot be found again")
            }
            None if !found.whole => {
                Lookup::CannotTell("there are more messages, or more chats, than are looked through")
            }
            None => Lookup::NotDone,
        })
    }
}

impl Channel for SlackChannel {
    fn name(&self) -> ChannelName {
        ChannelName::Slack
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Delivered, DeliverError>> {
        Box::pin(self.perform(delivery))
    }

    fn look_up<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Lookup, DeliverError>> {
        Box::pin(self.find(delivery))
    }

    fn profile<'a>(
        &'a self,
        installation: &'a str,
        user: &'a PlatformUser,
        seen_in: Option<&'a Address>,
    ) -> BoxFuture<'a, Result<Option<Profile>, DeliverError>> {
        Box::pin(async move {
            let organisation = seen_in.and_then(|place| place.organisation.as_deref());
            let ask = |client: Arc<Client>| async move { client.user(&user.id).await };
            match self.workspaces.call(installation, organisation, ask).await {
                Ok(user) => Ok(Some(Profile { name: display_name(&user), standing: standing(&user, installation) })),
                Err(DeliverError::Rejected { reason }) if NO_SUCH_USER.contains(&reason.as_str()) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }

    fn prefix(&self) -> &str {
        &self.command
    }

    fn pace(&self) -> Duration {
        self.pace
    }

    fn pace_in(&self, place: &str) -> Duration {
        if is_below_links(place) { self.pace.max(unfurl::PACE) } else { self.pace }
    }

    fn is_awaited(&self, event: EventId) -> bool {
        self.inline.is_awaited(event)
    }
}

/// Posts to the `response_url`; false where that cannot be used and another route may work.
async fn respond(client: &Client, url: &str, body: Map<String, Value>) -> Result<bool, DeliverError> {
    match client.respond(url, &Value::Object(body)).await {
        Ok(()) => Ok(true),
        Err(RespondError::Unusable(why)) => {
            tracing::debug!(why, "an answer goes by the Web API");
            Ok(false)
        }
        Err(RespondError::Failed(error)) => Err(error),
    }
}

/// Whether it has to be a message that Slack shows to one person only. In a direct message with the bot nobody else
/// reads along, and a usual message stays there and can be found again.
fn seen_by_one(delivery: &Delivery) -> bool {
    delivery.audience == Audience::Asker && !delivery.to.alone
}

/// The thread in which it is shown. Slack shows a message for one person in a thread only where the thread is there
/// already: docs.slack.dev/reference/methods/chat.postEphemeral.
pub(super) fn thread(delivery: &Delivery) -> Option<&str> {
    let invisible_there = seen_by_one(delivery) && delivery.to.begins_thread;
    delivery.to.thread.as_deref().filter(|_| !invisible_there)
}

/// How many messages a card takes.
fn part_count(delivery: &Delivery) -> usize {
    blocks::messages(&delivery.card).len()
}

/// A message without an address. `text` is what notifications and screen readers show.
pub(super) fn content(part: &Rendered) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("text".to_owned(), part.text.as_str().into());
    if !part.blocks.is_empty() {
        body.insert("blocks".to_owned(), part.blocks.clone().into());
    }
    body
}

/// A new message as an answer to a command or a press.
fn answer(delivery: &Delivery, part: &Rendered) -> Map<String, Value> {
    let mut body = content(part);
    let seen_by = match delivery.audience {
        Audience::Everyone => "in_channel",
        Audience::Asker => "ephemeral",
    };
    body.insert("response_type".to_owned(), seen_by.into());
    if let Some(thread) = thread(delivery) {
        body.insert("thread_ts".to_owned(), thread.into());
    }
    body
}

fn message_id(posted: &Posted, place: &str) -> String {
    let channel = posted.channel.as_deref().unwrap_or(place);
    let ts = posted.ts.as_deref().or(posted.message_ts.as_deref()).unwrap_or_default();
    format!("{channel}:{ts}")
}

fn rejected(reason: &str) -> DeliverError {
    DeliverError::Rejected { reason: reason.to_owned() }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::State;
    use axum::http::{StatusCode, Uri};
    use axum::response::{IntoResponse, Response};
    use serde_json::json;

    use super::*;
    use crate::domain::secret::Secret;
    use crate::domain::time::testing::Still;

    use crate::domain::card::Card;
    use crate::domain::event::Below;
    use crate::domain::principal::Standing;

    /// What Slack answers to a call, where it is not what it usually does.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub(in super::super) enum Odd {
        Answers(u16, &'static str),
        WaitsFor(&'static str),
        /// Carries the call out, but the answer is lost.
        HangsUp,
    }

    /// A Slack with one channel that remembers what it was asked to show.
    #[derive(Default)]
    pub(in super::super) struct Slack {
        /// Method and body of every call, in order.
        calls: Mutex<Vec<(String, Value)>>,
        /// By the number of the call, from 0.
        pub(in super::super) odd: Mutex<Vec<(usize, Odd)>>,
        user: Mutex<Value>,
    }

    impl Slack {
        fn call(&self, path: &str, body: Value) -> (usize, Option<Odd>) {
            let mut calls = self.calls.lock().unwrap();
            calls.push((path.rsplit('/').next().unwrap().to_owned(), body));
            let number = calls.len() - 1;
            let odd = self.odd.lock().unwrap().iter().find(|(at, _)| *at == number).map(|(_, odd)| *odd);
            (number, odd)
        }

        pub(in super::super) fn methods(&self) -> Vec<String> {
            self.calls.lock().unwrap().iter().map(|(method, _)| method.clone()).collect()
        }

        pub(in super::super) fn body(&self, number: usize) -> Value {
            self.calls.lock().unwrap()[number].1.clone()
        }

        /// Every message that people see, in pages of two.
        fn history(&self, form: &Value) -> Value {
            let odd = self.odd.lock().unwrap().clone();
            let calls = self.calls.lock().unwrap();
            let performed = |number: &usize| !odd.iter().any(|(at, odd)| at == number && *odd != Odd::HangsUp);
            let mut all: Vec<Value> = Vec::new();
            for (number, (method, body)) in calls.iter().enumerate().filter(|(number, _)| performed(number)) {
                let metadata = &body["metadata"];
                match method.as_str() {
                    "chat.postMessage" | "chat.startStream" => {
                        let blocks = body.pointer("/chunks/0/blocks").unwrap_or(&body["blocks"]);
                        let ts = format!("100.{number}");
                        all.push(json!({"ts": ts, "bot_id": "B1", "metadata": metadata, "blocks": blocks}));
                    }
                    "chat.stopStream" | "chat.update" => {
                        let changed = all.iter_mut().filter(|message| message["ts"] == body["ts"]);
                        changed.for_each(|message| message["metadata"] = metadata.clone());
                    }
                    "chat.delete" => all.retain(|message| message["ts"] != body["ts"]),
                    _ => {}
                }
            }
            let from: usize = form["cursor"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
            let page: Vec<&Value> = all.iter().skip(from).take(2).collect();
            let next = if from + 2 < all.len() { (from + 2).to_string() } else { String::new() };
            json!({"ok": true, "messages": page, "response_metadata": {"next_cursor": next}})
        }
    }

    async fn answer_call(State(slack): State<Arc<Slack>>, uri: Uri, body: String) -> Response {
        let body: Value = serde_json::from_str(&body).unwrap_or_else(|_| {
            let fields = url::form_urlencoded::parse(body.as_bytes());
            fields.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect()
        });
        let (number, odd) = slack.call(uri.path(), body.clone());
        match odd {
            Some(Odd::Answers(status, body)) => return (StatusCode::from_u16(status).unwrap(), body).into_response(),
            Some(Odd::WaitsFor(seconds)) => {
                return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds)], "").into_response();
            }
            Some(Odd::HangsUp) => panic!("the connection breaks"),
            None => {}
        }
        match uri.path().rsplit('/').next().unwrap() {
            "response" => "ok".into_response(),
            "conversations.history" | "conversations.replies" => slack.history(&body).to_string().into_response(),
            "users.info" => json!({"ok": true, "user": *slack.user.lock().unwrap()}).to_string().into_response(),
            "auth.test" => json!({"ok": true, "team_id": "T1", "user_id": "UBOT"}).to_string().into_response(),
            "chat.postEphemeral" => json!({"ok": true, "message_ts": "100.9"}).to_string().into_response(),
            _ => json!({"ok": true, "channel": body["channel"], "ts": format!("100.{number}")})
                .to_string()
                .into_response(),
        }
    }

    pub(in super::super) async fn start() -> (Arc<Slack>, SlackChannel, String) {
        let slack = Arc::new(Slack::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer_call).with_state(Arc::clone(&slack));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (slack, channel(&format!("{base}/api")), format!("{base}/response"))
    }

    impl SlackChannel {
        /// The channel as the next process has it.
        pub(in super::super) fn after_a_start(self) -> Self {
            let (progress, unfolding, scans) = (Progress::default(), Unfolding::default(), Scans::default());
            Self { progress, unfolding, scans, ..self }
        }
    }

    fn channel(api_url: &str) -> SlackChannel {
        let workspaces =
            Workspaces::new(api_url, Some(&Secret::new("xoxb-1")), None, Arc::new(Still(Timestamp(1)))).unwrap();
        SlackChannel::new(workspaces, Duration::from_secs(1), "/ai-crm")
    }

    pub(in super::super) fn delivery(route: Option<&str>) -> Delivery {
        Delivery {
            idempotency_key: "default/e-17.0".to_owned(),
            to: Address {
                person: Some("U1".to_owned()),
                route: route.map(str::to_owned),
                ..Address::at(ChannelName::Slack, "T1", "C1")
            },
            card: Card::new("Created T-1"),
            audience: Audience::Everyone,
            replaces: None,
            topic: None,
            answers: None,
            since: Timestamp(1_531_420_618_000),
        }
    }

    /// A card that no single message holds.
    fn long(mut delivery: Delivery) -> Delivery {
        for _ in 0..20 {
            delivery.card = delivery.card.text("word ".repeat(500));
        }
        assert!(part_count(&delivery) > 2);
        delivery
    }

    #[tokio::test]
    async fn a_card_is_posted_with_its_key_and_found_again() {
        let (slack, channel, _) = start().await;
        let mut delivery = delivery(None);
        assert_eq!(channel.look_up(&delivery).await, Ok(Lookup::NotDone));
        assert_eq!(slack.body(0)["oldest"], "1531420318.000000");
        delivery.to.thread = Some("99.1".to_owned());
        let delivered = channel.deliver(&delivery).await.unwrap();
        assert_eq!(delivered, Delivered { platform_id: "C1:100.1".to_owned(), via: "chat.postMessage" });
        let body = slack.body(1);
        assert_eq!(body["thread_ts"], "99.1");
        assert_eq!(body["unfurl_links"], false);
        assert_eq!(body["metadata"]["event_type"], "ai_crm_delivery");
        assert_eq!(body["metadata"]["event_payload"], json!({"key": "default/e-17.0"}));
        assert!(body["text"].as_str().unwrap().contains("T-1"));
        assert_eq!(channel.look_up(&delivery).await, Ok(Lookup::Done(delivered)));
        assert_eq!(slack.methods().last().unwrap(), "conversations.replies");
        assert_eq!((&slack.body(2)["ts"], &slack.body(2)["include_all_metadata"]), (&json!("99.1"), &json!("true")));
    }

    #[tokio::test]
    async fn one_look_tells_of_all_that_an_earlier_process_may_have_sent() {
        let (slack, channel, _) = start().await;
        let mut deliveries = Vec::new();
        for number in 0..3 {
            deliveries.push(Delivery { idempotency_key: format!("default/e-{number}.0"), ..delivery(None) });
        }
        for delivery in &deliveries {
            assert_eq!(channel.look_up(delivery).await, Ok(Lookup::NotDone));
        }
        assert_eq!(slack.methods(), ["conversations.history"]);
        // What this process has begun to send may be there since.
        slack.odd.lock().unwrap().push((1, Odd::HangsUp));
        assert!(matches!(channel.deliver(&deliveries[1]).await, Err(DeliverError::UnknownOutcome { .. })));
        assert!(matches!(channel.look_up(&deliveries[1]).await, Ok(Lookup::Done(_))));
        assert_eq!(channel.look_up(&deliveries[2]).await, Ok(Lookup::NotDone));
        let older = Delivery { since: Timestamp(1), ..deliveries[2].clone() };
        assert_eq!(channel.look_up(&older).await, Ok(Lookup::NotDone));
        assert_eq!(slack.methods().iter().filter(|method| *method == "conversations.history").count(), 3);
    }

    #[tokio::test]
    async fn each_way_to_fail_is_told_apart() {
        let seconds = Duration::from_secs;
        let limited = |after| DeliverError::RateLimited { after };
        let unknown = |reason: &str| DeliverError::UnknownOutcome { reason: reason.to_owned() };
        let table = [
            (Odd::WaitsFor("7"), limited(seconds(7))),
            (Odd::WaitsFor("soon"), limited(seconds(30))),
            (Odd::Answers(429, ""), limited(seconds(30))),
            (Odd::Answers(200, r#"{"ok":false,"error":"ratelimited"}"#), limited(seconds(30))),
            (Odd::Answers(500, "oops"), unknown("HTTP 500")),
            (Odd::Answers(503, r#"{"ok":false,"error":"service_unavailable"}"#), unknown("HTTP 503")),
            (Odd::Answers(200, r#"{"ok":false,"error":"internal_error"}"#), unknown("internal_error")),
            (Odd::Answers(200, r#"{"ok":false,"error":"fatal_error"}"#), unknown("fatal_error")),
            (Odd::Answers(200, r#"{"ok":false,"error":"request_timeout"}"#), unknown("request_timeout")),
            (Odd::Answers(200, "<html>"), unknown("an answer without `ok`")),
            (Odd::Answers(200, r#"{"ok":false,"error":"channel_not_found"}"#), rejected("channel_not_found")),
            (Odd::Answers(200, r#"{"ok":false,"error":"token_revoked"}"#), rejected("token_revoked")),
            (
                Odd::Answers(200, r#"{"ok":false,"error":"missing_scope","needed":"chat:write"}"#),
                rejected("missing_scope (the token needs chat:write)"),
            ),
            (Odd::Answers(302, ""), rejected("HTTP 302")),
            (Odd::Answers(403, ""), rejected("HTTP 403")),
        ];
        for (odd, expected) in table {
            let (slack, channel, _) = start().await;
            slack.odd.lock().unwrap().push((0, odd));
            assert_eq!(channel.deliver(&delivery(None)).await, Err(expected));
            assert_eq!(slack.methods(), ["chat.postMessage"], "nothing is repeated by itself");
        }
    }

    #[tokio::test]
    async fn a_broken_connection_leaves_the_outcome_open_and_a_refused_one_does_not() {
        let (slack, channel, _) = start().await;
        slack.odd.lock().unwrap().push((0, Odd::HangsUp));
        let delivery = delivery(None);
        assert!(matches!(channel.deliver(&delivery).await, Err(DeliverError::UnknownOutcome { .. })));
        assert!(matches!(channel.look_up(&delivery).await, Ok(Lookup::Done(_))));

        let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let nobody = self::channel(&format!("http://{unused}/"));
        assert!(matches!(nobody.deliver(&delivery).await, Err(DeliverError::Unavailable { .. })));
        assert!(matches!(nobody.look_up(&delivery).await, Err(DeliverError::Unavailable { .. })));
    }

    #[tokio::test]
    async fn a_failed_look_is_never_an_unknown_outcome() {
        let (slack, channel, _) = start().await;
        slack.odd.lock().unwrap().extend([
            (0, Odd::Answers(500, "")),
            (1, Odd::HangsUp),
            (2, Odd::Answers(200, r#"{"ok":false,"error":"not_in_channel"}"#)),
            (3, Odd::WaitsFor("60")),
        ]);
        let delivery = delivery(None);
        assert!(matches!(channel.look_up(&delivery).await, Err(DeliverError::Unavailable { .. })));
        assert!(matches!(channel.look_up(&delivery).await, Err(DeliverError::Unavailable { .. })));
        assert!(matches!(channel.look_up(&delivery).await, Ok(Lookup::CannotTell(_))));
        assert!(matches!(channel.look_up(&delivery).await, Err(DeliverError::RateLimited { .. })));
    }

    #[tokio::test]
    async fn the_response_url_comes_first_and_the_web_api_when_it_is_used_up() {
        for (odd, via, methods) in [
            (None, "response_url", vec!["response"]),
            (
                Some(Odd::Answers(404, r#"{"ok":false,"error":"used_url"}"#)),
                "chat.postMessage",
                vec!["response", "chat.postMessage"],
            ),
            (Some(Odd::Answers(404, "")), "chat.postMessage", vec!["response", "chat.postMessage"]),
            (
                Some(Odd::Answers(200, r#"{"ok":false,"error":"expired_url"}"#)),
                "chat.postMessage",
                vec!["response", "chat.postMessage"],
            ),
        ] {
            let (slack, channel, response_url) = start().await;
            slack.odd.lock().unwrap().extend(odd.map(|odd| (0, odd)));
            let delivered = channel.deliver(&delivery(Some(&response_url))).await.unwrap();
            assert_eq!((delivered.via, slack.methods()), (via, methods.iter().map(|m| (*m).to_owned()).collect()));
            let body = slack.body(0);
            assert_eq!((&body["response_type"], &body["replace_original"]), (&json!("in_channel"), &json!(false)));
        }
    }

    #[tokio::test]
    async fn a_response_url_that_fails_otherwise_does_not_lead_to_two_answers() {
        for (odd, expected) in [
            (Odd::Answers(500, ""), DeliverError::UnknownOutcome { reason: "HTTP 500".to_owned() }),
            (Odd::WaitsFor("3"), DeliverError::RateLimited { after: Duration::from_secs(3) }),
            (Odd::Answers(400, r#"{"ok":false,"error":"invalid_blocks"}"#), rejected("invalid_blocks")),
        ] {
            let (slack, channel, response_url) = start().await;
            slack.odd.lock().unwrap().push((0, odd));
            let delivery = delivery(Some(&response_url));
            assert_eq!(channel.deliver(&delivery).await, Err(expected));
            assert_eq!(slack.methods(), ["response"]);
            assert!(matches!(channel.look_up(&delivery).await, Ok(Lookup::CannotTell(_))));
        }
    }

    #[tokio::test]
    async fn a_response_url_elsewhere_is_not_called() {
        let (slack, channel, _) = start().await;
        let (other, _, elsewhere) = start().await;
        let delivered = channel.deliver(&delivery(Some(&elsewhere))).await.unwrap();
        assert_eq!(delivered.via, "chat.postMessage");
        assert_eq!((slack.methods().len(), other.methods().len()), (1, 0));
    }

    #[tokio::test]
    async fn an_answer_for_the_asker_is_seen_by_the_asker_alone() {
        let (slack, channel, response_url) = start().await;
        let mut delivery = delivery(Some(&response_url));
        delivery.audience = Audience::Asker;
        channel.deliver(&delivery).await.unwrap();
        assert_eq!(slack.body(0)["response_type"], "ephemeral");
        assert!(matches!(channel.look_up(&delivery).await, Ok(Lookup::CannotTell(_))));
        delivery.to.route = None;
        let delivered = channel.deliver(&delivery).await.unwrap();
        assert_eq!((delivered.platform_id.as_str(), delivered.via), ("C1:100.9", "chat.postEphemeral"));
        assert_eq!(slack.body(1)["user"], "U1");
        delivery.to.person = None;
        assert!(matches!(channel.deliver(&delivery).await, Err(DeliverError::Rejected { .. })));
    }

    #[tokio::test]
    async fn an_answer_for_the_asker_is_shown_where_slack_shows_it() {
        let (slack, channel, _) = start().await;
        let mut delivery = delivery(None);
        delivery.audience = Audience::Asker;
        delivery.to.thread = Some("99.1".to_owned());
        delivery.to.begins_thread = true;
        channel.deliver(&delivery).await.unwrap();
        assert_eq!(slack.body(0).get("thread_ts"), None, "in a thread that is not there nobody would see it");
        delivery.to.begins_thread = false;
        channel.deliver(&delivery).await.unwrap();
        assert_eq!(slack.body(1)["thread_ts"], "99.1");
        delivery.to = Address { thread: None, alone: true, ..delivery.to };
        let delivered = channel.deliver(&delivery).await.unwrap();
        assert_eq!(delivered.via, "chat.postMessage", "in a direct message it stays, and can be found again");
        assert_eq!(channel.look_up(&delivery).await, Ok(Lookup::Done(delivered)));
    }

    #[tokio::test]
    async fn the_chat_of_a_person_is_listed_once_and_anew_where_slack_knows_it_no_longer() {
        let (slack, channel, _) = start().await;
        let mut delivery = delivery(None);
        delivery.to = Address { place: "U1".to_owned(), alone: true, ..delivery.to };
        let listed = Odd::Answers(200, r#"{"ok":true,"channels":[{"id":"D7","user":"U7"},{"id":"D1","user":"U1"}]}"#);
        let listed_anew = Odd::Answers(200, r#"{"ok":true,"channels":[{"id":"D2","user":"U1"}]}"#);
        let gone = Odd::Answers(200, r#"{"ok":false,"error":"channel_not_found"}"#);
        slack.odd.lock().unwrap().extend([(0, listed), (3, gone), (4, listed_anew)]);
        for _ in 0..3 {
            assert_eq!(channel.look_up(&delivery).await, Ok(Lookup::NotDone));
        }
        let (list, read) = ("users.conversations", "conversations.history");
        assert_eq!(slack.methods(), [list, read, read, read, list, read]);
        let read_from = [1, 2, 3, 5].map(|call| slack.body(call)["channel"].clone());
        assert_eq!(read_from, ["D1", "D1", "D1", "D2"].map(Value::from));
        assert_eq!(slack.body(0).get("team_id"), None);

        // The token of an organisation has to say for which team.
        slack.odd.lock().unwrap().push((6, listed));
        delivery.to = Address { installation: "T5".to_owned(), organisation: Some("E1".to_owned()), ..delivery.to };
        assert_eq!(channel.look_up(&delivery).await, Ok(Lookup::NotDone));
        assert_eq!(slack.body(6)["team_id"], "T5");
    }

    #[tokio::test]
    async fn what_stands_below_links_keeps_to_what_slack_takes_of_it() {
        let (_, channel, _) = start().await;
        let below = Some(Below { message: "C1:1.2".to_owned(), link: "https://bot.example.com/tasks/T-1".to_owned() });
        let to = Address { below, ..delivery(None).to };
        assert_eq!(channel.pace_in(&to.spot()), Duration::from_millis(1_200), "50 a minute");
        assert_eq!(channel.pace_in(&Address { below: None, ..to }.spot()), Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_place_into_which_much_was_sent_is_read_anew_and_not_kept_in_mind_for_ever() {
        let (slack, channel, _) = start().await;
        let delivery = delivery(None);
        channel.look_up(&delivery).await.unwrap();
        channel.look_up(&delivery).await.unwrap();
        assert_eq!(slack.methods().len(), 1, "one look tells of all");
        (0..=4_000).for_each(|number| channel.scans.begin(&delivery, &format!("default/e-{number}.1")));
        channel.look_up(&delivery).await.unwrap();
        assert_eq!(slack.methods().len(), 2);
    }

    #[tokio::test]
    async fn what_slack_says_of_a_chat_when_it_is_written_to_is_not_asked_for() {
        let (slack, channel, _) = start().await;
        let mut delivery = delivery(None);
        delivery.to = Address { place: "U1".to_owned(), alone: true, ..delivery.to };
        slack.odd.lock().unwrap().push((0, Odd::Answers(200, r#"{"ok":true,"channel":"D1","ts":"100.0"}"#)));
        assert_eq!(channel.deliver(&delivery).await.unwrap().platform_id, "D1:100.0");
        channel.look_up(&delivery).await.unwrap();
        assert_eq!((slack.methods()[1].as_str(), &slack.body(1)["channel"]), ("conversations.history", &json!("D1")));
    }

    #[tokio::test]
    async fn a_home_is_published_and_never_looked_for() {
        let (slack, channel, _) = start().await;
        let mut delivery = delivery(None);
        delivery.to = Address { place: "U1".to_owned(), home: true, alone: true, ..delivery.to };
        slack.odd.lock().unwrap().push((0, Odd::HangsUp));
        assert!(matches!(channel.deliver(&delivery).await, Err(DeliverError::UnknownOutcome { .. })));
        assert_eq!(channel.look_up(&delivery).await, Ok(Lookup::NotDone));
        let delivered = channel.deliver(&delivery).await.unwrap();
        assert_eq!(delivered, Delivered { platform_id: "home:U1".to_owned(), via: "views.publish" });
        assert_eq!(slack.methods(), ["views.publish", "views.publish"]);
        let body = slack.body(1);
        assert_eq!((&body["user_id"], &body["view"]["type"], body.get("hash")), (&json!("U1"), &json!("home"), None));
        assert!(body["view"]["blocks"].to_string().contains("Created T-1"), "{body}");
        slack.odd.lock().unwrap().push((2, Odd::WaitsFor("7")));
        let after = Duration::from_secs(7);
        assert_eq!(channel.deliver(&delivery).await, Err(DeliverError::RateLimited { after }));
        slack.odd.lock().unwrap().push((3, Odd::Answers(200, r#"{"ok":false,"error":"not_enabled"}"#)));
        let Err(DeliverError::Rejected { reason }) = channel.deliver(&delivery).await else { panic!() };
        assert!(reason.contains("not_enabled") && reason.contains("ai-crm manifest slack"), "{reason}");
    }

    #[tokio::test]
    async fn a_card_is_replaced_in_place_by_either_route() {
        let (slack, channel, response_url) = start().await;
        let mut delivery = delivery(Some(&response_url));
        delivery.replaces = Some("C1:55.5".to_owned());
        let delivered = channel.deliver(&delivery).await.unwrap();
        assert_eq!(delivered, Delivered { platform_id: "C1:55.5".to_owned(), via: "response_url" });
        assert_eq!(slack.body(0)["replace_original"], true);
        assert_eq!(channel.look_up(&delivery).await, Ok(Lookup::NotDone));

        slack.odd.lock().unwrap().push((1, Odd::Answers(404, r#"{"ok":false,"error":"expired_url"}"#)));
        assert_eq!(channel.deliver(&delivery).await.unwrap().via, "chat.update");
        let body = slack.body(2);
        assert_eq!((&body["channel"], &body["ts"]), (&json!("C1"), &json!("55.5")));
        delivery.to.route = None;
        delivery.replaces = Some("nonsense".to_owned());
        assert!(matches!(channel.deliver(&delivery).await, Err(DeliverError::Rejected { .. })));
    }

    #[tokio::test]
    async fn each_part_of_a_long_card_is_posted_once_whatever_breaks() {
        let (slack, first_process, _) = start().await;
        let delivery = long(delivery(None));
        let parts = part_count(&delivery);
        // Call 0 looks, call 1 posts the first part, call 2 posts the second and its answer is lost.
        slack.odd.lock().unwrap().push((2, Odd::HangsUp));
        assert!(matches!(first_process.deliver(&delivery).await, Err(DeliverError::UnknownOutcome { .. })));
        assert_eq!(first_process.look_up(&delivery).await, Ok(Lookup::NotDone));

        let restarted = first_process.after_a_start();
        let delivered = restarted.deliver(&delivery).await.unwrap();
        assert_eq!(delivered.platform_id, "C1:100.1");
        assert_eq!(slack.methods().iter().filter(|method| *method == "chat.postMessage").count(), parts);
        assert_eq!(restarted.look_up(&delivery).await, Ok(Lookup::Done(delivered)));
        assert_eq!(slack.body(2)["metadata"]["event_payload"]["key"], "default/e-17.0#2");
    }

    #[tokio::test]
    async fn a_long_answer_by_response_url_goes_on_where_it_stopped() {
        let (slack, channel, response_url) = start().await;
        let delivery = long(delivery(Some(&response_url)));
        slack.odd.lock().unwrap().push((1, Odd::WaitsFor("1")));
        assert!(matches!(channel.deliver(&delivery).await, Err(DeliverError::RateLimited { .. })));
        channel.deliver(&delivery).await.unwrap();
        assert_eq!(slack.methods().len(), part_count(&delivery) + 1, "one call was refused");
    }

    /// What who waits for an answer gets when it is delivered.
    async fn delivered_inline(channel: &SlackChannel, delivery: &Delivery) -> Value {
        let event = EventId(17);
        let place = channel.inline().wait_for(event);
        let waiting = tokio::spawn(async move {
            let answer = place.await.unwrap();
            answer.written.send(()).unwrap();
            answer.body
        });
        let delivery = Delivery { answers: Some(event), ..delivery.clone() };
        assert_eq!(channel.deliver(&delivery).await.unwrap().via, INLINE);
        serde_json::from_slice(&waiting.await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn the_first_message_is_the_http_answer_and_the_rest_follows() {
        let (slack, channel, response_url) = start().await;
        let delivery = long(delivery(Some(&response_url)));
        let inline = delivered_inline(&channel, &delivery).await;
        assert_eq!(inline["response_type"], "in_channel");
        assert!(inline["blocks"].is_array() && inline["text"].is_string());
        assert_eq!(slack.methods().len(), part_count(&delivery) - 1);
        delivered_inline(&channel, &self::delivery(Some(&response_url))).await;
        assert_eq!(slack.methods().len(), part_count(&delivery) - 1, "a short card has no rest");
    }

    #[tokio::test]
    async fn standing_and_name_follow_what_slack_says() {
        let (slack, channel, _) = start().await;
        let user = PlatformUser { channel: ChannelName::Slack, realm: "T1".to_owned(), id: "U1".to_owned() };
        let names = json!({"display_name": "Mia", "real_name": "Mia Doe"});
        let table = [
            (json!({"id": "U1", "team_id": "T1", "name": "mia", "profile": names}), "Mia", Standing::Member),
            (
                json!({"id": "U1", "team_id": "T1", "real_name": "Mia D.", "profile": {"display_name": " "}}),
                "Mia D.",
                Standing::Member,
            ),
            (json!({"id": "U1", "team_id": "T1", "name": "mia"}), "mia", Standing::Member),
            (json!({"id": "U1", "team_id": "T1", "is_restricted": true}), "U1", Standing::Guest),
            (json!({"id": "U1", "team_id": "T1", "is_ultra_restricted": true}), "U1", Standing::Guest),
            (json!({"id": "U1", "team_id": "T2", "is_restricted": true}), "U1", Standing::Stranger),
            (json!({"id": "U1", "team_id": "T1", "is_stranger": true}), "U1", Standing::Stranger),
            (json!({"id": "U1", "team_id": "T2", "enterprise_user": {"teams": ["T1", "T2"]}}), "U1", Standing::Member),
            (json!({"id": "U1", "team_id": "T1", "is_bot": true}), "U1", Standing::Bot),
            (json!({"id": "USLACKBOT", "team_id": "T1", "name": "slackbot"}), "slackbot", Standing::Bot),
            (json!({"id": "U1", "team_id": "T1", "deleted": true, "is_bot": true}), "U1", Standing::Deactivated),
        ];
        for (answer, name, standing) in table {
            *slack.user.lock().unwrap() = answer.clone();
            let profile = channel.profile("T1", &user, None).await.unwrap().unwrap();
            assert_eq!((profile.name.as_str(), profile.standing), (name, standing), "{answer}");
        }
        assert_eq!(channel.identity().await.unwrap().unwrap().team_id.as_deref(), Some("T1"));
        assert_eq!(channel.pace(), Duration::from_secs(1));
    }
}
