//! A verified activity → what happened.
//!
//! What nobody has asked the bot to act on is an event too, with the reason why it will be ignored, so that silence can
//! be explained. Not here: the check of the token (`verify`), and what a line or a token of a button means. A new kind of
//! activity is an arm in `read`; an invoke that is answered is one in `invoke`.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use url::Url;

use super::activity::{Account, Activity};
use super::dialog::{self, Opened};
use super::verify::Proof;
use super::{card, meeting, search, text};
use crate::domain::event::{Address, ChannelName, EventKind, Incoming, Place, PlaceKind, PlatformUser, Reach};
use crate::domain::ids::LaneKey;
use crate::domain::search::Sought;

/// How the Bot Framework calls Teams. Its other channels let whoever writes name themselves as they like.
const TEAMS: &str = "msteams";
/// What begins the thread of a channel in a conversation's id.
const THREAD: &str = ";messageid=";

/// What is done where the bot was installed. Help shows what the asker may do, so who installed it alone sees it where
/// there are others.
const HELLO: &str = "help";

/// The installation of whoever writes by the playground, whatever tenant that makes up.
pub const PLAYGROUND: &str = "playground";

/// Whose people are let in.
#[derive(Debug, Clone)]
pub enum Admitted {
    /// Those of these Entra tenants, in lower case.
    Tenants(Vec<String>),
    /// Whoever uses the playground.
    Playground,
}

impl Admitted {
    /// The tenant of an activity, where its people are let in.
    fn tenant(&self, activity: &Activity) -> Result<String, DecodeError> {
        match self {
            Self::Tenants(tenants) => {
                activity.tenant().filter(|tenant| tenants.contains(tenant)).ok_or(DecodeError::ForeignTenant)
            }
            Self::Playground => Ok(PLAYGROUND.to_owned()),
        }
    }
}

/// What an activity is, and what its request is answered with.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What happened.
    pub incoming: Incoming,
    /// How the caller is answered when it is on disk.
    pub answer: Answer,
}

/// How a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// An empty 200.
    Taken,
    /// What the press of a button does, where that is ready in time.
    Press,
    /// A form, which changes nothing.
    Form(Opened),
    /// The card that is looked at, as it is for who looks.
    Card {
        /// What is chosen on it and was not sent.
        chosen: Vec<String>,
    },
    /// What is found. The event says nothing of it: what is to be handled is known where the searches are.
    Search(Sought),
    /// What stands below a link that was pasted, as with a search.
    Link(String),
    /// What is wrong with a form that was sent, or that it was taken.
    Submitted {
        /// What opened its dialog.
        opened_by: Option<String>,
    },
    /// 501: an invoke that is not known.
    NotImplemented,
}

impl Answer {
    /// Whether the caller waits for what is found.
    fn is_search(&self) -> bool {
        matches!(self, Self::Search(_) | Self::Link(_))
    }
}

/// Why an activity is no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not what the Bot Framework documents; the answer is 400.
    #[error("malformed: {0}")]
    Malformed(String),
    /// It comes by another channel of the Bot Framework; the answer is 403.
    #[error("not of Teams")]
    ForeignChannel,
    /// It comes from an Entra tenant whose people may not reach the bot, or from none; the answer is 403.
    #[error("not of an Entra tenant that is let in")]
    ForeignTenant,
}

/// Reads an activity whose authenticity is proved. `service_url` is its own, checked.
///
/// # Errors
/// As [`DecodeError`] says.
pub fn decode(
    activity: &Activity,
    body: &Bytes,
    service_url: &Url,
    admitted: &Admitted,
    proof: &Proof,
) -> Result<Decoded, DecodeError> {
    let kind = activity.kind.as_deref().filter(|kind| !kind.is_empty());
    let kind = kind.ok_or_else(|| DecodeError::Malformed("an activity without `type`".to_owned()))?;
    if activity.channel_id.as_deref() != Some(TEAMS) {
        return Err(DecodeError::ForeignChannel);
    }
    let tenant = admitted.tenant(activity)?;
    let here = Here::of(activity, &tenant);
    let (what, answer) = read(kind, activity);
    // A meeting names somebody as well, who has asked for nothing.
    let who = activity.from.as_ref().filter(|_| !matches!(what, EventKind::Meeting { .. }));
    let from = who.and_then(|account| user(account, &tenant));
    let answerable = answer.is_search() || !matches!(what, EventKind::Platform { .. });
    let reply = here.as_ref().filter(|_| answerable).map(|here| here.address(who, &tenant, service_url));
    let conversation = activity.conversation.as_ref().and_then(|conversation| conversation.id.as_deref());
    let key = match (conversation, activity.id.as_deref()) {
        // Teams tells of an installation by two activities (conversation events, "installation update event"), and of
        // each repair again; the hello is one.
        (Some(conversation), _) if is_hello(kind, activity) => {
            let place = conversation.split_once(THREAD).map_or(conversation, |(place, _)| place);
            format!("teams:installed:{tenant}:{place}")
        }
        (Some(conversation), Some(id)) => format!("teams:activity:{tenant}:{conversation}|{id}"),
        _ => format!("teams:body:{}", HEXLOWER.encode(&Sha256::digest(body))),
    };
    let mut dedupe = vec![key];
    dedupe.extend(meeting::key(&what, activity, &tenant, conversation.unwrap_or_default()));
    if let (Answer::Submitted { opened_by: Some(opened_by) }, Some(from)) = (&answer, &from) {
        // The person in it, so that nobody uses up the dialog of another.
        dedupe.push(format!("teams:dialog:{tenant}:{}|{opened_by}", from.id));
    }
    let lane = lane(&tenant, from.as_ref(), &answer, conversation.unwrap_or_default());
    let incoming = Incoming {
        channel: ChannelName::Teams,
        installation: tenant,
        organisation: None,
        dedupe,
        lane: LaneKey(lane.into()),
        from,
        place: here.map(|here| here.place),
        reply,
        kind: what,
        proof: proof.to_string(),
        reach: Some(if is_farewell(kind, activity) { Reach::Lost } else { Reach::By(service_url.to_string()) }),
        happened: None,
        raw: body.clone(),
    };
    Ok(Decoded { incoming, answer })
}

/// Who types or looks waits for nobody else, and nobody in the conversation for them.
fn lane(tenant: &str, from: Option<&PlatformUser>, answer: &Answer, conversation: &str) -> String {
    match (from, answer) {
        (Some(from), Answer::Search(_) | Answer::Link(_)) => format!("teams/{tenant}/search/{}", from.id),
        (Some(from), Answer::Card { .. }) => format!("teams/{tenant}/look/{}", from.id),
        _ => format!("teams/{tenant}/{conversation}"),
    }
}

/// Where it happened.
struct Here {
    place: Place,
    thread: Option<String>,
}

impl Here {
    /// The way back.
    fn address(&self, who: Option<&Account>, tenant: &str, service_url: &Url) -> Address {
        Address {
            thread: self.thread.clone(),
            connector: Some(service_url.to_string()),
            alone: self.place.kind == PlaceKind::Direct,
            person: who.and_then(|who| who.id.clone()),
            ..Address::at(ChannelName::Teams, tenant, self.place.id.clone())
        }
    }

    fn of(activity: &Activity, tenant: &str) -> Option<Self> {
        let conversation = activity.conversation.as_ref()?;
        let id = conversation.id.as_deref().filter(|id| !id.is_empty())?;
        let (place, thread) = match id.split_once(THREAD) {
            Some((place, thread)) => (place, Some(thread.to_owned())),
            None => (id, None),
        };
        let of_channel = activity.channel_data.as_ref().and_then(|data| data.channel.as_ref()?.kind.as_deref());
        let kind = match (conversation.conversation_type.as_deref(), of_channel) {
            (Some("personal"), _) => PlaceKind::Direct,
            (Some("groupChat"), _) | (Some("channel"), Some("private" | "shared")) => PlaceKind::Private,
            (Some("channel"), _) => PlaceKind::Public,
            _ => PlaceKind::Unknown,
        };
        let shared = of_channel == Some("shared")
            || conversation.tenant_id.as_deref().is_some_and(|home| !home.trim().eq_ignore_ascii_case(tenant));
        Some(Self { place: Place { id: place.to_owned(), kind, shared }, thread })
    }
}

/// The id of a conversation by which Teams knows it.
#[must_use]
pub fn conversation_id(place: &str, thread: Option<&str>) -> String {
    thread.map_or_else(|| place.to_owned(), |thread| format!("{place}{THREAD}{thread}"))
}

/// People go by their object in Entra, which is the same wherever they are seen.
fn user(account: &Account, tenant: &str) -> Option<PlatformUser> {
    let id = account.aad_object_id.as_deref().filter(|id| !id.is_empty()).map(str::to_lowercase);
    let id = id.or_else(|| account.id.clone().filter(|id| !id.is_empty()))?;
    Some(PlatformUser { channel: ChannelName::Teams, realm: tenant.to_owned(), id })
}

fn read(kind: &str, activity: &Activity) -> (EventKind, Answer) {
    if kind.eq_ignore_ascii_case("invoke") {
        return invoke(activity);
    }
    if let Some(told) = Some(activity).filter(|_| kind == "event").and_then(meeting::told) {
        return (told, Answer::Taken);
    }
    let why = match kind {
        _ if is_the_bot(activity) => "written by a bot or an app; bots have no say here".to_owned(),
        "message" => match message(activity) {
            Ok(happened) => return (happened, Answer::Taken),
            Err(why) => why,
        },
        "messageReaction" if names_somebody(activity) => {
            return (EventKind::overheard(kind, "a reaction asks nothing of the bot"), Answer::Taken);
        }
        "messageUpdate" => "a message was edited; what it asked was done when it was written".to_owned(),
        "messageDelete" => "a message was taken away; what it asked was done when it was written".to_owned(),
        "messageReaction" => "a reaction asks nothing of the bot".to_owned(),
        "typing" => "somebody types".to_owned(),
        _ if is_hello(kind, activity) => {
            return (EventKind::Command { line: HELLO.to_owned() }, Answer::Taken);
        }
        "installationUpdate" => format!("the bot was installed or taken away: {}", said(activity.action.as_deref())),
        "conversationUpdate" => {
            let data = activity.channel_data.as_ref().and_then(|data| data.event_type.as_deref());
            format!("people or places have changed: {}", said(data))
        }
        "event" => format!("no part of the bot listens to this event: {}", said(activity.name.as_deref())),
        _ => "no part of the bot listens to this kind of activity".to_owned(),
    };
    (ignored(kind, why), Answer::Taken)
}

/// Whether the bot was just installed, by somebody.
fn is_hello(kind: &str, activity: &Activity) -> bool {
    let is_installed = match kind {
        "installationUpdate" => activity.action.as_deref() == Some("add"),
        "conversationUpdate" => names_the_bot(&activity.members_added, activity),
        _ => false,
    };
    is_installed && names_somebody(activity) && !is_the_bot(activity)
}

/// Whether the bot was just taken away, by whomever.
fn is_farewell(kind: &str, activity: &Activity) -> bool {
    match kind {
        "installationUpdate" => activity.action.as_deref() == Some("remove"),
        "conversationUpdate" => names_the_bot(&activity.members_removed, activity),
        _ => false,
    }
}

fn names_the_bot(members: &[Account], activity: &Activity) -> bool {
    let bot = activity.recipient.as_ref().and_then(|recipient| recipient.id.as_deref());
    members.iter().any(|who| who.id.is_some() && who.id.as_deref() == bot)
}

fn names_somebody(activity: &Activity) -> bool {
    activity.from.as_ref().is_some_and(|from| from.id.is_some() || from.aad_object_id.is_some())
}

/// A word of the platform's, for a reason.
fn said(word: Option<&str>) -> String {
    word.map_or_else(|| "it does not say how".to_owned(), |word| word.chars().take(80).collect())
}

fn is_the_bot(activity: &Activity) -> bool {
    let Some(from) = &activity.from else { return false };
    let bot = activity.recipient.as_ref().and_then(|recipient| recipient.id.as_deref());
    let id = from.id.as_deref();
    (id.is_some() && id == bot)
        || id.is_some_and(|id| id.starts_with("28:"))
        || matches!(from.role.as_deref(), Some("bot" | "skill"))
}

fn message(activity: &Activity) -> Result<EventKind, String> {
    let direct = activity
        .conversation
        .as_ref()
        .is_some_and(|conversation| conversation.conversation_type.as_deref() == Some("personal"));
    if !names_somebody(activity) {
        return Err("it names nobody who wrote it".to_owned());
    }
    // The press of an `Action.Submit` comes as a message that says nothing.
    if let Some(pressed) = activity.value.as_ref().and_then(card::pressed) {
        return Ok(press(pressed, activity));
    }
    let words = text::words(activity);
    match (words.to_the_bot || direct, words.line.is_empty()) {
        (false, _) => Ok(EventKind::overheard("message", "not addressed to the bot")),
        (true, true) if !words.to_the_bot => Err("there are no words in it".to_owned()),
        (true, _) => Ok(EventKind::Command { line: words.line }),
    }
}

fn invoke(activity: &Activity) -> (EventKind, Answer) {
    let name = activity.name.as_deref().unwrap_or("an invoke without a name");
    let shown: String = name.chars().take(80).collect();
    let value = activity.value.as_ref();
    if let Some(opened) = value.and_then(|value| dialog::opened(name, value, activity.id.as_deref())) {
        return (ignored(name, "it asks for a form, which asks for something when it is sent"), Answer::Form(opened));
    }
    if let Some((mark, filled)) = value.and_then(|value| dialog::submitted(name, value)) {
        if !names_somebody(activity) || is_the_bot(activity) {
            return (ignored(name, "a form is sent by a person"), Answer::NotImplemented);
        }
        let what = EventKind::FormSubmitted { form: mark.form, filled };
        return (what, Answer::Submitted { opened_by: mark.opened_by });
    }
    if let Some(sought) = value.and_then(|value| search::sought(name, value)) {
        if !names_somebody(activity) || is_the_bot(activity) {
            return (ignored(name, "a person looks for things"), Answer::NotImplemented);
        }
        return (ignored(name, "there is no such search"), Answer::Search(sought));
    }
    if let Some(link) = value.and_then(|value| search::pasted(name, value)) {
        if !names_somebody(activity) || is_the_bot(activity) {
            return (ignored(name, "a person pastes links"), Answer::NotImplemented);
        }
        return (ignored(name, "the link is none to a task of this bot"), Answer::Link(link));
    }
    if name != "adaptiveCard/action" {
        return (ignored("invoke", format!("no part of the bot answers {shown}")), Answer::NotImplemented);
    }
    let action = activity.value.as_ref().and_then(|value| value.get("action"));
    let data = action.and_then(|action| action.get("data"));
    // Whether a client asks by itself or somebody by its menu: who looks changes nothing.
    if let Some(asked) = data.and_then(card::asked) {
        if !names_somebody(activity) || is_the_bot(activity) {
            return (ignored(name, "a person looks at cards"), Answer::NotImplemented);
        }
        return (EventKind::CardSeen { token: asked.token }, Answer::Card { chosen: asked.chosen });
    }
    match data.and_then(card::pressed) {
        // A client that refreshes a card by itself must change nothing by it.
        Some(_) if activity.value.as_ref().is_some_and(|value| value["trigger"] == "automatic") => {
            (ignored("invoke", "a client refreshes a card by itself".to_owned()), Answer::NotImplemented)
        }
        Some(pressed) => (press(pressed, activity), Answer::Press),
        None => (ignored("invoke", "it is no button of a card of ours".to_owned()), Answer::NotImplemented),
    }
}

fn press(pressed: card::Pressed, activity: &Activity) -> EventKind {
    EventKind::CardAction { token: pressed.token, choice: pressed.choice, message: activity.reply_to_id.clone() }
}

/// Something that will be ignored, and why.
fn ignored(name: &str, why: impl Into<String>) -> EventKind {
    EventKind::platform(name.chars().take(80).collect::<String>(), Some(why.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::event::MeetingPhase;

    const HOME: &str = "72f988bf-0000-0000-0000-2d7cd011db47";

    fn activity(changes: Value) -> Value {
        let mut activity = json!({
            "type": "message", "id": "1700000000001", "channelId": "msteams",
            "serviceUrl": "https://smba.trafficmanager.net/emea/",
            "from": {"id": "29:ann", "name": "Ann", "aadObjectId": "AAAA-1"},
            "recipient": {"id": "28:bot", "name": "AI-CRM"},
            "conversation": {"id": "a:chat", "conversationType": "personal", "tenantId": HOME},
            "channelData": {"tenant": {"id": HOME}},
            "text": "task list",
        });
        let (Value::Object(all), Value::Object(changes)) = (&mut activity, changes) else { unreachable!() };
        all.extend(changes);
        activity
    }

    fn read(changes: Value) -> Result<Decoded, DecodeError> {
        let body = Bytes::from(activity(changes).to_string());
        let url = Url::parse("https://smba.trafficmanager.net/emea/").unwrap();
        decode(
            &Activity::read(&body).unwrap(),
            &body,
            &url,
            &Admitted::Tenants(vec![HOME.to_owned()]),
            &Proof::of_test(),
        )
    }

    fn reason(decoded: &Decoded) -> &str {
        match &decoded.incoming.kind {
            EventKind::Platform { ignore: Some(why), .. } => why,
            other => panic!("not ignored: {other:?}"),
        }
    }

    const PRESS: fn() -> Value = || json!({"ai-crm": {"token": "t.1"}});

    #[test]
    fn a_message_in_a_chat_is_a_command_of_its_writer() {
        let Decoded { incoming, answer } = read(json!({})).unwrap();
        assert_eq!(answer, Answer::Taken);
        assert_eq!(incoming.kind, EventKind::Command { line: "task list".to_owned() });
        assert_eq!(incoming.dedupe, [format!("teams:activity:{HOME}:a:chat|1700000000001")]);
        let from = incoming.from.unwrap();
        assert_eq!((from.realm.as_str(), from.id.as_str()), (HOME, "aaaa-1"));
        let reply = incoming.reply.unwrap();
        assert_eq!((reply.place.as_str(), reply.thread, reply.alone), ("a:chat", None, true));
        assert_eq!(reply.person.as_deref(), Some("29:ann"));
        assert_eq!(reply.connector.as_deref(), Some("https://smba.trafficmanager.net/emea/"));
    }

    #[test]
    fn a_thread_of_a_channel_is_its_own_conversation() {
        let conversation =
            json!({"id": "19:c@thread.tacv2;messageid=17", "conversationType": "channel", "tenantId": HOME});
        let mention =
            json!([{"type": "mention", "text": "<at>AI-CRM</at>", "mentioned": {"id": "28:bot", "name": "AI-CRM"}}]);
        let changes = json!({"conversation": conversation, "text": "<at>AI-CRM</at> help", "entities": mention});
        let incoming = read(changes).unwrap().incoming;
        let reply = incoming.reply.unwrap();
        assert_eq!((reply.place.as_str(), reply.thread.as_deref()), ("19:c@thread.tacv2", Some("17")));
        assert_eq!(conversation_id(&reply.place, reply.thread.as_deref()), "19:c@thread.tacv2;messageid=17");
        assert_eq!(incoming.place.unwrap().kind, PlaceKind::Public);
        assert_eq!(incoming.kind, EventKind::Command { line: "help".to_owned() });
        let silent = read(json!({"conversation": conversation, "text": "nothing for you"})).unwrap();
        assert!(reason(&silent).contains("not addressed"));
        assert_eq!(silent.incoming.reply, None);
    }

    #[test]
    fn presses_come_as_an_invoke_or_as_a_message_without_words() {
        let submit = read(json!({"text": null, "value": PRESS(), "replyToId": "99"})).unwrap();
        let execute = read(json!({"type": "invoke", "name": "adaptiveCard/action", "replyToId": "99", "text": null,
            "value": {"action": {"type": "Action.Execute", "verb": "ai-crm", "data": PRESS()}, "trigger": "manual"}}));
        let execute = execute.unwrap();
        let press = EventKind::CardAction { token: "t.1".to_owned(), choice: None, message: Some("99".to_owned()) };
        assert_eq!((submit.incoming.kind, submit.answer), (press.clone(), Answer::Taken));
        assert_eq!((execute.incoming.kind, execute.answer), (press, Answer::Press));
    }

    #[test]
    fn whatever_happens_in_a_place_says_how_it_is_reached() {
        let here = Some(Reach::By("https://smba.trafficmanager.net/emea/".to_owned()));
        let gone = json!({"type": "conversationUpdate", "membersRemoved": [{"id": "29:a"}, {"id": "28:bot"}]});
        let table = [
            (json!({}), here.clone()),
            (json!({"type": "messageReaction"}), here.clone()),
            (json!({"type": "typing", "from": {"id": "28:other"}}), here.clone()),
            (json!({"type": "installationUpdate", "action": "add"}), here.clone()),
            (json!({"type": "conversationUpdate", "membersRemoved": [{"id": "29:a"}, {}]}), here),
            (gone, Some(Reach::Lost)),
            (json!({"type": "installationUpdate", "action": "remove", "from": {}}), Some(Reach::Lost)),
        ];
        for (changes, reach) in table {
            assert_eq!(read(changes.clone()).unwrap().incoming.reach, reach, "{changes}");
        }
    }

    #[test]
    fn a_search_is_asked_beside_its_conversation_by_a_person() {
        let value = json!({"commandId": "task_search", "parameters": [{"name": "words", "value": "x"}]});
        let query = |from: Value| {
            read(json!({"type": "invoke", "name": "composeExtension/query", "value": value, "from": from})).unwrap()
        };
        let Decoded { incoming, answer } = query(json!({"id": "29:ann", "aadObjectId": "A-1"}));
        assert!(matches!(answer, Answer::Search(sought) if sought.words == "x" && sought.entry == "task_search"));
        assert_eq!(incoming.lane.0.as_ref(), format!("teams/{HOME}/search/a-1"));
        let pasted = json!({"type": "invoke", "name": "composeExtension/queryLink", "value": {"url": "https://x.example"},
            "from": {"id": "29:ann", "aadObjectId": "A-1"}});
        assert_eq!(read(pasted).unwrap().incoming.lane, incoming.lane, "nobody waits for a link that is pasted");
        assert!(incoming.reply.is_some(), "who asks is looked up in the place in which they are");
        for nobody in [json!({}), json!({"id": "28:bot"}), json!({"id": "29:x", "role": "bot"})] {
            let decoded = query(nobody.clone());
            assert_eq!((decoded.answer, decoded.incoming.reply), (Answer::NotImplemented, None), "{nobody}");
        }
    }

    #[test]
    fn a_card_is_looked_at_beside_its_conversation_by_a_person() {
        let looked = |trigger: &str, from: Value| {
            let data = json!({"ai-crm": {"refresh": "t.1"}, "menu-0": "rust-pro"});
            let value = json!({"action": {"type": "Action.Execute", "data": data}, "trigger": trigger});
            read(json!({"type": "invoke", "name": "adaptiveCard/action", "value": value, "from": from})).unwrap()
        };
        for trigger in ["automatic", "manual"] {
            let Decoded { incoming, answer } = looked(trigger, json!({"id": "29:ann", "aadObjectId": "A-1"}));
            assert_eq!(answer, Answer::Card { chosen: vec!["rust-pro".to_owned()] });
            assert_eq!(incoming.kind, EventKind::CardSeen { token: "t.1".to_owned() });
            assert_eq!(incoming.lane.0.as_ref(), format!("teams/{HOME}/look/a-1"));
            assert!(incoming.reply.is_some(), "who looks is looked up in the place in which they are");
        }
        for nobody in [json!({}), json!({"id": "28:bot"}), json!({"id": "29:x", "role": "bot"})] {
            let decoded = looked("automatic", nobody.clone());
            assert_eq!((decoded.answer, decoded.incoming.reply), (Answer::NotImplemented, None), "{nobody}");
        }
    }

    #[test]
    fn a_meeting_is_told_by_nobody_and_known_again_by_its_time() {
        let told = |name: &str, id: &str, value: Value| {
            let conversation = json!({"id": "19:meeting_x@thread.v2", "isGroup": true, "tenantId": HOME});
            let data = json!({"tenant": {"id": HOME}, "meeting": {"id": "bWVldGluZw=="}});
            let name = format!("application/vnd.microsoft.{name}");
            read(json!({"type": "event", "id": id, "name": name, "text": null, "value": value,
                "conversation": conversation, "channelData": data}))
        };
        let time = json!({"Id": "another", "Title": "Secret plans", "StartTime": "2026-11-26T09:00:00Z"});
        let Decoded { incoming, answer } = told("meetingStart", "1", time.clone()).unwrap();
        let began = EventKind::Meeting { phase: MeetingPhase::Began, meeting: "bWVldGluZw==".to_owned() };
        assert_eq!((&incoming.kind, answer), (&began, Answer::Taken));
        assert_eq!(incoming.from, None, "nobody has asked");
        let reply = incoming.reply.unwrap();
        assert_eq!((reply.place.as_str(), reply.person, reply.alone), ("19:meeting_x@thread.v2", None, false));
        let again = told("meetingStart", "2", time).unwrap().incoming;
        assert_eq!(again.dedupe[1..], incoming.dedupe[1..], "it began once");
        assert_ne!(again.dedupe[0], incoming.dedupe[0]);
        let ended = told("meetingEnd", "3", json!({"EndTime": ["x"]})).unwrap().incoming;
        assert!(matches!(ended.kind, EventKind::Meeting { phase: MeetingPhase::Ended, .. }));
        assert_eq!(ended.dedupe.len(), 1, "without a time it is known by its number");
        assert!(told("meetingEnd", "4", json!("x")).is_ok());
    }

    #[test]
    fn an_installation_is_one_hello_however_it_is_told() {
        let installed = read(json!({"type": "installationUpdate", "action": "add"})).unwrap().incoming;
        let came =
            json!({"type": "conversationUpdate", "id": "f:2", "membersAdded": [{"id": "29:a"}, {"id": "28:bot"}]});
        let came = read(came).unwrap().incoming;
        for incoming in [installed, came] {
            assert_eq!(incoming.kind, EventKind::Command { line: "help".to_owned() });
            assert_eq!(incoming.dedupe, [format!("teams:installed:{HOME}:a:chat")]);
            assert!(incoming.reply.is_some() && incoming.from.is_some());
        }
    }

    #[test]
    fn what_is_not_acted_on_says_why_and_unknown_invokes_are_not_implemented() {
        let bot = json!({"id": "28:other", "name": "Other"});
        let refresh = json!({"action": {"data": PRESS()}, "trigger": "automatic"});
        let table = [
            (json!({"type": "messageUpdate"}), "edited", Answer::Taken),
            (json!({"type": "messageDelete"}), "taken away", Answer::Taken),
            (json!({"type": "messageReaction"}), "reaction", Answer::Taken),
            (json!({"type": "typing"}), "types", Answer::Taken),
            (json!({"type": "installationUpdate", "action": "remove"}), "taken away: remove", Answer::Taken),
            (json!({"type": "installationUpdate", "action": "add-upgrade"}), "away: add-upgrade", Answer::Taken),
            (json!({"type": "installationUpdate", "action": "add", "from": {}}), "taken away: add", Answer::Taken),
            (json!({"type": "conversationUpdate", "membersAdded": [{"id": "29:bob"}]}), "people", Answer::Taken),
            (json!({"type": "conversationUpdate", "membersAdded": [{}], "recipient": {}}), "people", Answer::Taken),
            (
                json!({"type": "event", "name": "application/vnd.microsoft.meetingParticipantJoin"}),
                "meetingParticipantJoin",
                Answer::Taken,
            ),
            (json!({"type": "event"}), "no part of the bot listens to this event", Answer::Taken),
            (json!({"type": "brandNew"}), "no part of the bot listens", Answer::Taken),
            (json!({"text": "  "}), "no words", Answer::Taken),
            (json!({"from": bot}), "bots have no say", Answer::Taken),
            (json!({"from": {"id": "28:bot"}}), "bots have no say", Answer::Taken),
            (json!({"from": {"id": "29:x", "role": "bot"}}), "bots have no say", Answer::Taken),
            (json!({"from": {}}), "names nobody", Answer::Taken),
            (json!({"type": "invoke", "name": "task/fetch"}), "task/fetch", Answer::NotImplemented),
            (json!({"type": "invoke"}), "without a name", Answer::NotImplemented),
            (json!({"type": "invoke", "name": "adaptiveCard/action"}), "no button", Answer::NotImplemented),
            (
                json!({"type": "invoke", "name": "adaptiveCard/action", "value": refresh}),
                "refreshes",
                Answer::NotImplemented,
            ),
        ];
        for (changes, why, answer) in table {
            let decoded = read(changes.clone()).unwrap();
            assert!(reason(&decoded).contains(why), "{changes}: {}", reason(&decoded));
            assert_eq!(decoded.answer, answer, "{changes}");
            assert_eq!(decoded.incoming.reply, None);
        }
    }

    #[test]
    fn only_people_of_known_tenants_are_let_in() {
        for changes in [
            json!({"conversation": {"id": "a:chat", "conversationType": "personal", "tenantId": "other"}}),
            json!({"channelData": {"tenant": {"id": "other"}}}),
            json!({"conversation": {"id": "a:chat"}, "channelData": {}}),
        ] {
            assert_eq!(read(changes.clone()), Err(DecodeError::ForeignTenant), "{changes}");
        }
        for channel in [json!("webchat"), json!("directline"), json!("MSTeams"), json!(null)] {
            assert_eq!(read(json!({"channelId": channel})), Err(DecodeError::ForeignChannel), "{channel}");
        }
        assert!(matches!(read(json!({"type": null})), Err(DecodeError::Malformed(_))));
    }
}
