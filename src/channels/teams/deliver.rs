//! Cards to people in Teams, and people to profiles.
//!
//! Owns the choice of the route: the answer to the press itself, the conversation, a message that one person alone sees,
//! or that person's own chat with the bot. Rendering is `card`, the wire is `client`, a message that grows is `stream`, retries
//! and pace are the outbox.
//!
//! Teams lists no messages to a bot and knows no key by which a post is done once. So a post whose answer was lost is
//! not repeated, and its effect is given up with that reason, for the owner to see; what changes a message is repeated,
//! since that does no harm.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::card::{self, Rendered};
use super::client::{Client, Member, SeenBy, Spot};
use super::decode::conversation_id;
use super::manifest::MENTION;
use super::stream::Unfolding;
use super::typing::Typing;
use crate::channels::inline::InlineAnswers;
use crate::channels::progress::{Progress, Shown};
use crate::channels::{Channel, DeliverError, Delivered, Delivery, Lookup};
use crate::domain::card::Audience;
use crate::domain::event::{Address, ChannelName, PlatformUser};
use crate::domain::ids::EventId;
use crate::domain::principal::{Profile, Standing};

/// The receipt's word for what was the answer to the press itself.
const INLINE: &str = "inline";

/// Teams as the outbox sees it.
pub struct TeamsChannel {
    client: Arc<Client>,
    pace: Duration,
    progress: Progress,
    unfolding: Unfolding,
    inline: Arc<InlineAnswers>,
    typing: Arc<Typing>,
}

impl TeamsChannel {
    /// Prepares the channel; connects to nobody.
    #[must_use]
    pub fn new(client: Client, pace: Duration) -> Self {
        let client = Arc::new(client);
        let typing = Arc::new(Typing::new(client.clone()));
        Self {
            client,
            pace,
            progress: Progress::default(),
            unfolding: Unfolding::default(),
            inline: Arc::default(),
            typing,
        }
    }

    /// Presses whose callers still wait for the HTTP answer.
    #[must_use]
    pub fn inline(&self) -> &Arc<InlineAnswers> {
        &self.inline
    }

    /// Answers that are being made, while somebody waits for them.
    #[must_use]
    pub fn typing(&self) -> &Arc<Typing> {
        &self.typing
    }

    /// Whether Entra gives the app a token.
    ///
    /// # Errors
    /// As [`DeliverError`] says.
    pub async fn check(&self) -> Result<(), DeliverError> {
        self.client.check().await
    }

    async fn perform(&self, delivery: &Delivery) -> Result<Delivered, DeliverError> {
        if let Some(event) = delivery.answers {
            self.typing.answered(event).await;
        }
        let performed = self.show_or_change(delivery).await;
        if let Err(DeliverError::RateLimited { after }) = &performed {
            self.typing.hush(*after);
        }
        performed
    }

    async fn show_or_change(&self, delivery: &Delivery) -> Result<Delivered, DeliverError> {
        let replacement = delivery.replaces.as_ref().map(|id| (id, card::render(&delivery.card)));
        if let Some(delivered) = self.answer_press(delivery, replacement.as_ref().map(|(_, card)| card)).await {
            return Ok(delivered);
        }
        let to = &delivery.to;
        let service_url = service_url(to)?;
        let conversation = match &to.person {
            Some(person) if to.is_in_person() => self.client.chat_with(service_url, person, &to.installation).await?,
            _ => conversation_id(&to.place, to.thread.as_deref()),
        };
        let spot = Spot { service_url, conversation: &conversation };
        let is_for_one = delivery.audience == Audience::Asker && !to.alone;
        if let Some((id, rendered)) = &replacement {
            let seen_by = if is_for_one { SeenBy::OnePerson } else { SeenBy::All };
            self.client.update(spot, id, &message(rendered, to, seen_by), seen_by).await?;
            return Ok(Delivered { platform_id: (*id).clone(), via: "update" });
        }
        if is_for_one {
            return self.show_one(delivery, spot).await;
        }
        if let Some(unfolded) = self.unfolding.unfold(&self.client, spot, delivery).await? {
            return Ok(unfolded);
        }
        self.show(delivery, spot).await
    }

    /// Tells who waits for the answer to a press what came of it. That is all there is to do only where it is for that
    /// person's eyes; a card that changes is changed for the others by its own call.
    async fn answer_press(&self, delivery: &Delivery, replacement: Option<&Rendered>) -> Option<Delivered> {
        let event = delivery.answers.filter(|event| self.inline.is_awaited(*event))?;
        let is_seen_by_one = delivery.replaces.is_none() || !delivery.to.alone;
        let is_for_one = delivery.audience == Audience::Asker && is_seen_by_one;
        let body = match replacement {
            Some(rendered) => invoke_card(&rendered.card),
            None if is_for_one => invoke_text(&card::render(&delivery.card).text),
            None => invoke_text(&card::headline(&delivery.card)),
        };
        let told = self.inline.answer(event, body).await;
        (told && is_for_one).then(|| Delivered { platform_id: INLINE.to_owned(), via: INLINE })
    }

    /// Shows a card to one person of many: by a message that the others do not see, or in that person's own chat where
    /// Teams does not take such messages.
    async fn show_one(&self, delivery: &Delivery, spot: Spot<'_>) -> Result<Delivered, DeliverError> {
        let rejected = |reason: &str| DeliverError::Rejected { reason: reason.to_owned() };
        let to = &delivery.to;
        let person = to.person.as_deref();
        let person = person.ok_or_else(|| rejected("an answer for the asker alone, but nobody knows who asked"))?;
        if let Some(shown) = self.show_to(delivery, spot, SeenBy::OnePerson).await? {
            return Ok(shown);
        }
        let chat = self.client.chat_with(spot.service_url, person, &to.installation).await?;
        let shown = self.show(delivery, Spot { conversation: &chat, ..spot }).await?;
        Ok(Delivered { via: "personal chat", ..shown })
    }

    async fn show(&self, delivery: &Delivery, spot: Spot<'_>) -> Result<Delivered, DeliverError> {
        let nothing = || DeliverError::Rejected { reason: "the card renders to nothing; report it".to_owned() };
        self.show_to(delivery, spot, SeenBy::All).await?.ok_or_else(nothing)
    }

    /// Shows the messages of a card that are not shown yet, in order; nothing where Teams does not take them so.
    async fn show_to(
        &self,
        delivery: &Delivery,
        spot: Spot<'_>,
        seen_by: SeenBy,
    ) -> Result<Option<Delivered>, DeliverError> {
        let key = &delivery.idempotency_key;
        let parts = card::messages(&delivery.card);
        let mut shown = self.progress.of(key);
        for (index, part) in parts.iter().enumerate().skip(shown.as_ref().map_or(0, |shown| shown.parts)) {
            let message = message(part, &delivery.to, seen_by);
            let posted = self.client.post(spot, &message, seen_by).await.map_err(not_repeated)?;
            let Some(platform_id) = posted else { return Ok(None) };
            let via = if seen_by == SeenBy::OnePerson { "targeted message" } else { "message" };
            let delivered = Delivered { platform_id, via };
            let first = shown.map_or(delivered, |shown: Shown| shown.first);
            if parts.len() > 1 {
                self.progress.keep(key, Shown { parts: index + 1, first: first.clone() });
            }
            shown = Some(Shown { parts: index + 1, first });
        }
        self.progress.forget(key);
        self.unfolding.forget(delivery);
        Ok(shown.map(|shown| shown.first))
    }

    async fn describe(
        &self,
        installation: &str,
        user: &PlatformUser,
        seen_in: Option<&Address>,
    ) -> Result<Option<Profile>, DeliverError> {
        let nowhere = || DeliverError::Rejected { reason: "Teams describes people of a conversation only".to_owned() };
        let seen_in = seen_in.ok_or_else(nowhere)?;
        // A channel's people are those of the channel, not of one of its threads.
        let spot = Spot { service_url: service_url(seen_in)?, conversation: &seen_in.place };
        let id = seen_in.person.as_deref().unwrap_or(&user.id);
        Ok(self.client.member(spot, id).await?.map(|member| profile(&member, user, installation)))
    }
}

impl Channel for TeamsChannel {
    fn name(&self) -> ChannelName {
        ChannelName::Teams
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Delivered, DeliverError>> {
        Box::pin(self.perform(delivery))
    }

    fn look_up<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Result<Lookup, DeliverError>> {
        Box::pin(async {
            Ok(match delivery.replaces {
                Some(_) => Lookup::NotDone,
                None => Lookup::CannotTell("Teams lists no messages to a bot"),
            })
        })
    }

    fn profile<'a>(
        &'a self,
        installation: &'a str,
        user: &'a PlatformUser,
        seen_in: Option<&'a Address>,
    ) -> BoxFuture<'a, Result<Option<Profile>, DeliverError>> {
        Box::pin(self.describe(installation, user, seen_in))
    }

    fn describes_by_place(&self) -> bool {
        true
    }

    fn prefix(&self) -> &str {
        MENTION
    }

    fn pace(&self) -> Duration {
        self.pace
    }

    fn pace_in(&self, place: &str) -> Duration {
        self.typing.pace(place, self.pace)
    }

    fn is_awaited(&self, event: EventId) -> bool {
        self.inline.is_awaited(event)
    }
}

fn service_url(address: &Address) -> Result<&str, DeliverError> {
    let unknown = || DeliverError::Rejected {
        reason: "nobody has said where its connector is: let somebody write to the bot there".to_owned(),
    };
    address.connector.as_deref().ok_or_else(unknown)
}

/// A post whose answer was lost may have arrived, and nobody can look: once, or the owner is told.
pub(super) fn not_repeated(error: DeliverError) -> DeliverError {
    match error {
        DeliverError::UnknownOutcome { reason } => DeliverError::Rejected {
            reason: format!(
                "it may have arrived, and Teams lists no messages to a bot, so it is not repeated: {reason}"
            ),
        },
        other => other,
    }
}

/// A message with one card. Text beside a card makes Teams split the message in two, of which neither can be changed
/// (conversation-messages, "text and attachments"); what notifications show is the summary.
fn message(part: &Rendered, to: &Address, seen_by: SeenBy) -> Value {
    let attachments = [card::attachment(&part.card)];
    let mut message = json!({ "type": "message", "summary": part.text, "attachments": attachments });
    if let (SeenBy::OnePerson, Some(person)) = (seen_by, &to.person) {
        message["recipient"] = json!({ "id": person });
    }
    message
}

/// The body of the HTTP answer to a press that shows a card to who pressed
/// (learn.microsoft.com/adaptive-cards/authoring-cards/universal-action-model, "response format").
fn invoke_card(card: &Value) -> Bytes {
    let body = json!({"statusCode": 200, "type": card::CONTENT_TYPE, "value": card});
    Bytes::from(body.to_string())
}

/// The body of the HTTP answer to a press that tells who pressed something.
#[must_use]
pub fn invoke_text(text: &str) -> Bytes {
    let body = json!({"statusCode": 200, "type": "application/vnd.microsoft.activity.message", "value": text});
    Bytes::from(body.to_string())
}

fn profile(member: &Member, user: &PlatformUser, installation: &str) -> Profile {
    let names = [member.name.as_deref(), member.given_name.as_deref()];
    let name = names.into_iter().flatten().map(str::trim).find(|name| !name.is_empty()).unwrap_or(&user.id).to_owned();
    let at_home = member.tenant_id.as_deref().is_none_or(|home| home.eq_ignore_ascii_case(installation));
    let standing = match member.user_role.as_deref().map(str::to_lowercase).as_deref() {
        Some("guest") => Standing::Guest,
        Some("anonymous") => Standing::Stranger,
        _ if !at_home => Standing::Stranger,
        _ => Standing::Member,
    };
    Profile { name, standing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standing_is_by_role_and_home() {
        let user = PlatformUser { channel: ChannelName::Teams, realm: "t1".into(), id: "o1".into() };
        for (role, home, standing) in [
            (Some("user"), Some("T1"), Standing::Member),
            (None, None, Standing::Member),
            (Some("user"), Some("t2"), Standing::Stranger),
            (Some("Guest"), Some("t1"), Standing::Guest),
            (Some("anonymous"), None, Standing::Stranger),
        ] {
            let member = Member {
                name: Some(" Ann ".to_owned()),
                user_role: role.map(str::to_owned),
                tenant_id: home.map(str::to_owned),
                ..Member::default()
            };
            assert_eq!(
                profile(&member, &user, "t1"),
                Profile { name: "Ann".to_owned(), standing },
                "{role:?} {home:?}"
            );
        }
    }
}
