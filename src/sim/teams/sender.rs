//! Teams' side towards an application: what people say and change, who comes and goes, and what is invoked.
//!
//! Bodies come from `activity`, [`super::delivery`] gets them there, [`super::press`] has what people do with
//! cards; this file keeps the tenant in step. It knows nothing of what the application should answer. People are named by
//! id, object id or short name, places by id or word; `personal` is the person's own chat with the bot.

use reqwest::redirect::Policy;
use serde_json::{Value, json};

use super::super::delivery;
use super::activity::{self, Scene};
use super::delivery::{Answer, SenderConfig};
use super::message::Message;
use super::seed::{BotStanding, Conversation, Kind, User};
use super::state::State;
use super::world::SharedWorld;

/// Something that was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The message in the conversation.
    pub message: Message,
    /// What the bot is told. Nothing, where it is not in the conversation, or is neither alone with the person nor
    /// mentioned.
    pub activity: Option<Value>,
}

/// Why something cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The package names no such scope.
    #[error("the app cannot be put into {0}: its package has no scope for such a conversation")]
    NotInstallable(String),
    /// The package asks for no such links.
    #[error("the app is not told of {0}: its package has no messageHandlers for that domain")]
    LinkNotAskedFor(String),
    /// The package asks for no meetings.
    #[error("the app is not told of meetings in {0}: its package lacks the resource-specific permission")]
    MeetingsNotAskedFor(String),
    /// No such person.
    #[error("there is no user {0} in the tenant; GET /_sim/state shows who there is")]
    NoUser(String),
    /// No such conversation.
    #[error("there is no conversation {0} in the tenant; GET /_sim/state shows which there are")]
    NoPlace(String),
    /// The person is not in the conversation.
    #[error("{user} is not in {place}, and can do nothing there: name somebody who is, or another place")]
    NotThere {
        /// The person.
        user: String,
        /// The conversation.
        place: String,
    },
    /// No such message.
    #[error("there is no message {id} in {place}; GET /_sim/messages shows which there are")]
    NoMessage {
        /// The conversation.
        place: String,
        /// The id.
        id: String,
    },
    /// No such button.
    #[error("the person sees no card with a button named {0}: its title, its id or its verb is needed")]
    NoButton(String),
    /// The button sends nothing to the bot.
    #[error("the button is {0}, of which the bot is told nothing: press one that is Action.Execute or Action.Submit")]
    NotForTheBot(String),
    /// No such choice.
    #[error("the card has no choice {0}: a value or a title of its list is needed, or ID=VALUE")]
    NoChoice(String),
    /// An input that must be filled in is empty.
    #[error("the card asks to fill in {0}: nothing is sent before")]
    Required(String),
}

/// Teams, as an application meets it.
pub struct Sender {
    pub(super) world: SharedWorld,
    pub(super) config: SenderConfig,
    pub(super) client: reqwest::Client,
}

impl Sender {
    /// A sender for `world`. The process needs a default TLS provider, even though http alone is spoken.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(world: SharedWorld, config: SenderConfig) -> reqwest::Result<Self> {
        let client = delivery::client(config.deadline, Policy::none())?;
        Ok(Self { world, config, client })
    }

    /// Lets a person say something: `@AI-CRM` and `@name` are mentions. `thread` is the first message of a reply chain.
    ///
    /// # Errors
    /// When there is no such person, conversation or message.
    pub fn say(&self, user: &str, place: &str, text: &str, thread: Option<&str>) -> Result<Said, SendError> {
        self.world.change(|state, now| {
            let (user, place) = present(state, user, place)?;
            let root = thread.map(|id| chain(state, &place, id)).transpose()?;
            let typed = activity::typed(state, text);
            let id = state.new_id(now);
            let scene = Scene { user: &user, place: &place, root: Some(root.as_deref().unwrap_or(&id)), now };
            let mut fields = typed.fields();
            if let Some(root) = &root {
                fields["replyToId"] = json!(root);
            }
            let told = activity::base(state, &scene, &id, fields);
            let hears = typed.mentions_bot || place.kind == Kind::Personal || state.hears_all;
            let told_to_bot = hears && place.bot == BotStanding::Installed;
            let message = Message {
                root: root.clone().filter(|_| place.kind == Kind::Channel),
                reply_to: root,
                ..Message::new(&place.id, &id, &user.id, told.clone(), now)
            };
            Ok(Said { message: state.add(message), activity: told_to_bot.then_some(told) })
        })
    }

    /// Says something and delivers it; no answer where the bot is told nothing.
    ///
    /// # Errors
    /// As [`Sender::say`].
    pub async fn say_and_deliver(
        &self,
        user: &str,
        place: &str,
        text: &str,
        thread: Option<&str>,
    ) -> Result<(Message, Option<Answer>), SendError> {
        let said = self.say(user, place, text, thread)?;
        let answer = match &said.activity {
            Some(activity) => Some(self.deliver(activity).await),
            None => None,
        };
        Ok((said.message, answer))
    }

    /// `messageUpdate`: a person changes what they said.
    ///
    /// # Errors
    /// When there is no such person, conversation or message.
    pub fn edit(&self, user: &str, place: &str, id: &str, text: &str) -> Result<Value, SendError> {
        let mut fields = self.world.change(|state, _| activity::typed(state, text).fields());
        activity::overlay(
            &mut fields,
            json!({ "type": "messageUpdate", "channelData": { "eventType": "editMessage" } }),
        );
        self.about(user, place, id, fields, |message, told| {
            message.activity = told.clone();
            message.edits += 1;
        })
    }

    /// `messageDelete`: a person takes back what they said.
    ///
    /// # Errors
    /// When there is no such person, conversation or message.
    pub fn take_back(&self, user: &str, place: &str, id: &str) -> Result<Value, SendError> {
        let fields = json!({ "type": "messageDelete", "channelData": { "eventType": "softDeleteMessage" } });
        self.about(user, place, id, fields, |message, _| message.deleted = true)
    }

    /// `messageUpdate` with `undeleteMessage`: a person says it again after all.
    ///
    /// # Errors
    /// When there is no such person, conversation or message.
    pub fn restore(&self, user: &str, place: &str, id: &str) -> Result<Value, SendError> {
        let text = self.world.message(place, id).map(|message| message.text().to_owned()).unwrap_or_default();
        let fields = json!({
            "type": "messageUpdate", "text": text, "textFormat": "plain", "channelData": { "eventType": "undeleteMessage" },
        });
        self.about(user, place, id, fields, |message, _| message.deleted = false)
    }

    /// `messageReaction`: `like`, `heart`, `laugh`, `surprised`, `sad`, `angry`, …, put there or taken away.
    ///
    /// # Errors
    /// When there is no such person, conversation or message.
    pub fn react(&self, user: &str, place: &str, id: &str, reaction: &str, added: bool) -> Result<Value, SendError> {
        let field = if added { "reactionsAdded" } else { "reactionsRemoved" };
        let mut fields = json!({ "type": "messageReaction", "replyToId": id });
        fields[field] = json!([{ "type": reaction }]);
        let mut told = self.about(user, place, id, fields, |_, _| {})?;
        told["id"] = json!(self.world.change(|state, _| event_id(state)));
        Ok(told)
    }

    /// The bot is put into a conversation: `installationUpdate` and `conversationUpdate`, as both come.
    ///
    /// # Errors
    /// When there is no such person or conversation.
    pub fn install(&self, user: &str, place: &str) -> Result<Vec<Value>, SendError> {
        self.installation(user, place, true)
    }

    /// The bot is taken out of a conversation.
    ///
    /// # Errors
    /// When there is no such person or conversation.
    pub fn uninstall(&self, user: &str, place: &str) -> Result<Vec<Value>, SendError> {
        self.installation(user, place, false)
    }

    fn installation(&self, user: &str, place: &str, add: bool) -> Result<Vec<Value>, SendError> {
        let bot = self.world.change(|state, _| {
            let (_, place) = who_where(state, user, place)?;
            if add && state.installable.as_ref().is_some_and(|kinds| !kinds.contains(&place.kind)) {
                return Err(SendError::NotInstallable(place.name));
            }
            let standing = if add { BotStanding::Installed } else { BotStanding::Absent };
            // Who installs it in a team has it in all the team's channels.
            for other in state.conversations.values_mut() {
                if other.id == place.id || (place.team.is_some() && other.team == place.team) {
                    other.bot = standing;
                }
            }
            Ok::<_, SendError>(json!({ "id": state.bot() }))
        })?;
        let action = if add { "add" } else { "remove" };
        let installed = self.activity(user, place, None, json!({ "type": "installationUpdate", "action": action }))?;
        let place_known = self.world.change(|state, _| who_where(state, user, place))?.1;
        let update = activity::members(&place_known, &[bot], add);
        Ok(vec![installed, self.activity(user, place, None, update)?])
    }

    /// `conversationUpdate`: somebody comes, or goes.
    ///
    /// # Errors
    /// When there is no such person or conversation.
    pub fn membership(&self, by: &str, place: &str, who: &str, came: bool) -> Result<Value, SendError> {
        let fields = self.world.change(|state, _| {
            let (who, mut known) = who_where(state, who, place)?;
            known.members.retain(|member| *member != who.id);
            if came {
                known.members.push(who.id.clone());
            }
            let fields = activity::members(&known, &[activity::member(&who)], came);
            state.conversations.insert(known.id.clone(), known);
            Ok::<_, SendError>(fields)
        })?;
        self.activity(by, place, None, fields)
    }

    /// `typing`: a person writes.
    ///
    /// # Errors
    /// When there is no such person or conversation.
    pub fn typing(&self, user: &str, place: &str) -> Result<Value, SendError> {
        self.activity(user, place, None, json!({ "type": "typing" }))
    }

    /// `event`: a meeting starts (`meetingStart`) or ends (`meetingEnd`).
    ///
    /// # Errors
    /// When there is no such person or conversation, or the package does not ask for it.
    pub fn meeting(&self, user: &str, place: &str, event: &str) -> Result<Value, SendError> {
        let known = self.world.change(|state, _| {
            let known = who_where(state, user, place)?.1;
            match &state.asked_for {
                Some(asked) if !asked.tells_of_meetings(known.kind) => Err(SendError::MeetingsNotAskedFor(known.name)),
                _ => Ok(known),
            }
        })?;
        let mut told = self.activity(user, place, None, activity::meeting(&known, event, self.world.now()))?;
        // The page's example says whether it is a group, and not of which type.
        if let Some(conversation) = told["conversation"].as_object_mut() {
            conversation.remove("conversationType");
        }
        Ok(told)
    }

    /// Whether the bot is in a conversation, and is told what happens there.
    ///
    /// # Errors
    /// When there is no such person or conversation.
    pub fn is_heard(&self, user: &str, place: &str) -> Result<bool, SendError> {
        Ok(self.world.change(|state, _| who_where(state, user, place))?.1.bot == BotStanding::Installed)
    }

    /// `invoke` of any name: `task/fetch`, `composeExtension/query`, or one that nobody knows.
    ///
    /// # Errors
    /// When there is no such person or conversation.
    pub fn invoke(&self, user: &str, place: &str, name: &str, value: &Value) -> Result<Value, SendError> {
        self.activity(user, place, None, json!({ "type": "invoke", "name": name, "value": value }))
    }

    /// An activity of any shape: what every activity has, and `fields` laid over it.
    ///
    /// # Errors
    /// When there is no such person or conversation.
    pub fn activity(&self, user: &str, place: &str, root: Option<&str>, fields: Value) -> Result<Value, SendError> {
        self.world.change(|state, now| {
            let (user, place) = who_where(state, user, place)?;
            let id = event_id(state);
            Ok(activity::base(state, &Scene { user: &user, place: &place, root, now }, &id, fields))
        })
    }

    /// Changes a message, and makes the activity that tells of it.
    fn about(
        &self,
        user: &str,
        place: &str,
        id: &str,
        fields: Value,
        change: impl FnOnce(&mut Message, &Value),
    ) -> Result<Value, SendError> {
        self.world.change(|state, now| {
            let (user, place) = present(state, user, place)?;
            let root = chain(state, &place, id)?;
            let scene = Scene { user: &user, place: &place, root: Some(&root), now };
            let told = activity::base(state, &scene, id, fields);
            if let Some(message) = state.message_mut(&place.id, id) {
                change(message, &told);
            }
            Ok(told)
        })
    }
}

/// The id of what is no message.
pub(super) fn event_id(state: &mut State) -> String {
    format!("f:{}", state.new_guid())
}

pub(super) fn who_where(state: &mut State, user: &str, place: &str) -> Result<(User, Conversation), SendError> {
    let known = state.user(user).ok_or_else(|| SendError::NoUser(user.to_owned()))?;
    let chat = if place == "personal" { state.personal(&known.id).cloned() } else { state.conversation(place) };
    let chat = chat.ok_or_else(|| SendError::NoPlace(place.to_owned()))?;
    Ok((known, chat))
}

/// A person and a conversation in which that person is. Who is there for load comes in by coming.
pub(super) fn present(state: &mut State, user: &str, place: &str) -> Result<(User, Conversation), SendError> {
    let (user, mut place) = who_where(state, user, place)?;
    if !place.members.contains(&user.id) {
        if !user.name.starts_with("load") || place.kind == Kind::Personal {
            return Err(SendError::NotThere { user: user.name, place: place.name });
        }
        place.members.push(user.id.clone());
        state.conversations.insert(place.id.clone(), place.clone());
    }
    Ok((user, place))
}

/// The first message of the reply chain in which a message stands.
pub(super) fn chain(state: &State, place: &Conversation, id: &str) -> Result<String, SendError> {
    let message = state.message(&place.id, id);
    let message = message.ok_or_else(|| SendError::NoMessage { place: place.name.clone(), id: id.to_owned() })?;
    Ok(message.root.clone().unwrap_or_else(|| message.id.clone()))
}
