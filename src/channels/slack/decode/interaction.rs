//! Presses and choices on cards, shortcuts, forms that were typed in, and forms that were sent:
//! docs.slack.dev/reference/interaction-payloads.
//!
//! A button of ours carries its token in `value`. A menu carries it in `block_id`, since an
//! entry's value is too short for it and says what was chosen.

use super::origin;
use super::{Asking, DecodeError, Decoded, Found, Request, Wanted, ignored, malformed};
use crate::channels::slack::inbound::{BlockAction, CarryingMessage, Interaction, View};
use crate::channels::slack::modal::{self, CameFrom};
use crate::channels::slack::text;
use crate::domain::event::{EventKind, Place, PlaceKind};
use crate::domain::form::{Asked, Said};

pub(super) fn decode(request: &Request<'_>, payload: &str) -> Result<Decoded, DecodeError> {
    let payload: Interaction =
        serde_json::from_str(payload).map_err(|error| malformed(format!("`payload` is not JSON of Slack: {error}")))?;
    let kind = payload.kind.as_deref().ok_or_else(|| malformed("a payload without `type`"))?;
    let user = payload.user.as_ref();
    let team = payload.team.as_ref().and_then(|team| team.id.as_ref());
    let enterprise = payload.enterprise.as_ref().and_then(|enterprise| enterprise.id.as_ref());
    let home = user.and_then(|user| user.team_id.as_ref());
    let view = payload.view.as_ref();
    // The order of Slack's own framework: in organisation-wide installations `team` is null.
    let installation = origin::installation([
        view.and_then(|view| view.app_installed_team_id.as_ref()),
        team,
        home,
        view.and_then(|view| view.team_id.as_ref()),
        enterprise,
    ]);
    let organisation = enterprise.map(String::as_str);
    let from = user.and_then(|user| user.id.as_deref()).map(|id| {
        let realm = origin::first([home, team]);
        origin::user(id, realm, &installation, organisation)
    });
    let shared = from.as_ref().is_some_and(|from| from.realm != installation);
    let place = place_id(&payload).map(|id| {
        origin::place_by_name(id, payload.channel.as_ref().and_then(|channel| channel.name.as_deref()), shared)
    });
    let press = payload.actions.first();
    let mut dedupe: Vec<String> = payload.trigger_id.iter().map(|id| format!("slack:action:{id}")).collect();
    if let (Some(press), Some(from)) = (press, &from) {
        dedupe.extend(press_key(press, &installation, &from.id));
    }
    let mut found = Found {
        dedupe,
        thread: thread(&payload).map(str::to_owned),
        begins_thread: false,
        request: None,
        alone: false,
        home: false,
        from,
        place,
        route: payload.response_url.clone(),
        kind: meaning(kind, &payload, press),
        installation,
        organisation: enterprise.filter(|id| !id.is_empty()).cloned(),
    };
    let asking = match (kind, view) {
        ("view_submission", Some(view)) => submitted(&mut found, view, shared, payload.is_enterprise_install),
        // Such a press names no channel and has no response_url: docs.slack.dev/surfaces/app-home.
        ("block_actions", Some(view)) if view.kind.as_deref() == Some("home") => {
            found.in_home();
            None
        }
        _ => asking(kind, &payload, &found),
    };
    Ok(request.event(found).asking(asking))
}

/// A form that was sent: what is in it, and the answer goes to where it was opened, or to the person where that was
/// nowhere. One that was opened in another workspace is no event, and is answered in the form.
fn submitted(found: &mut Found, view: &View, shared: bool, as_a_whole: bool) -> Option<Asking> {
    let (form, filled) = modal::filled(view)?;
    let came_from = CameFrom::read(view.private_metadata.as_deref());
    if !came_from.is_of(&found.installation, found.organisation.as_deref(), as_a_whole) {
        found.kind = ignored("view_submission", "a form that was not opened in the workspace from which it comes");
        let mut fields = view.blocks.as_array().into_iter().flatten().filter(|block| block["type"] == "input");
        let first = fields.find_map(|block| block["block_id"].as_str()).unwrap_or_default();
        return Some(Asking::Strayed { form, field: first.to_owned() });
    }
    found.kind = EventKind::FormSubmitted { form, filled };
    // Sent twice, it has another trigger and is the same modal, maybe another version of it. A modal is taken once:
    // where there are mistakes in it, it is no event.
    found.dedupe.extend(view.id.as_ref().map(|id| format!("slack:view:{id}")));
    match (&came_from.place, &found.from) {
        (Some(place), _) => found.place = Some(origin::place_by_name(place, came_from.name.as_deref(), shared)),
        (None, Some(person)) => {
            // A message to a person's id is one in the direct messages with the bot:
            // docs.slack.dev/reference/methods/chat.scheduleMessage, "Post to a DM", and so chat.postMessage.
            found.place = Some(Place { id: person.id.clone(), kind: PlaceKind::Direct, shared });
            found.alone = true;
        }
        (None, None) => {}
    }
    found.begins_thread = came_from.begins_thread;
    (found.thread, found.route) = (came_from.thread, came_from.route);
    None
}

/// What a shortcut, or somebody who types in a form, may ask for.
fn asking(kind: &str, payload: &Interaction, found: &Found) -> Option<Asking> {
    let on_message = match kind {
        "block_actions" => {
            let is_typed = payload.actions.first()?.kind.as_deref() == Some("plain_text_input");
            return is_typed.then(|| modal::typed(payload.view.as_ref()?)).flatten().map(Asking::Analysis);
        }
        "shortcut" => None,
        "message_action" => Some(payload.message.as_ref()?),
        _ => return None,
    };
    let asked = Asked::Entry { name: payload.callback_id.clone()?, said: on_message.map(said) };
    let channel = payload.channel.as_ref();
    let came_from = CameFrom {
        workspace: Some(found.installation.clone()),
        organisation: found.organisation.clone(),
        place: place_id(payload).map(str::to_owned),
        name: channel.and_then(|channel| channel.name.clone()),
        thread: on_message.and_then(|message| message.thread_ts.clone().or_else(|| message.ts.clone())),
        begins_thread: on_message.is_some_and(|message| message.thread_ts.is_none()),
        route: payload.response_url.clone(),
    };
    Some(Asking::Form(Wanted { asked, trigger_id: payload.trigger_id.clone()?, came_from }))
}

fn said(message: &CarryingMessage) -> Said {
    let by_id = message.user.as_ref().and_then(|user| user.id.as_ref()).map(|id| format!("<@{id}>"));
    let text = text::read(message.text.as_deref().unwrap_or_default());
    Said { text, by: by_id.or_else(|| message.username.clone()) }
}

/// The same press has the same key, also where it comes with another `trigger_id`.
fn press_key(press: &BlockAction, installation: &str, user: &str) -> Option<String> {
    let (at, id) = (press.action_ts.as_ref()?, press.action_id.as_ref()?);
    Some(format!("slack:press:{installation}:{user}:{at}:{id}"))
}

fn place_id(payload: &Interaction) -> Option<&str> {
    let container = payload.container.as_ref().and_then(|container| container.channel_id.as_ref());
    origin::first([container, payload.channel.as_ref().and_then(|channel| channel.id.as_ref())])
}

fn message_ts(payload: &Interaction) -> Option<&str> {
    let container = payload.container.as_ref().and_then(|container| container.message_ts.as_ref());
    origin::first([container, payload.message.as_ref().and_then(|message| message.ts.as_ref())])
}

fn thread(payload: &Interaction) -> Option<&str> {
    let container = payload.container.as_ref().and_then(|container| container.thread_ts.as_ref());
    origin::first([container, payload.message.as_ref().and_then(|message| message.thread_ts.as_ref())])
}

fn meaning(kind: &str, payload: &Interaction, press: Option<&BlockAction>) -> EventKind {
    match kind {
        "block_actions" => match press.map(control) {
            Some(Ok((token, choice))) => {
                let message = place_id(payload).zip(message_ts(payload)).map(|(place, ts)| format!("{place}:{ts}"));
                EventKind::CardAction { token, choice, message }
            }
            Some(Err(why)) => ignored(kind, why),
            None => ignored(kind, "a press that names no control"),
        },
        "view_submission" => ignored(kind, "no form of ours"),
        "view_closed" => ignored(kind, "a form was closed without being sent, which asks nothing of the bot"),
        "shortcut" | "message_action" => ignored(kind, "no shortcut of ours has this name"),
        "block_suggestion" => ignored(kind, "no menu of ours loads its entries from outside"),
        "interactive_message" | "dialog_submission" | "dialog_cancellation" | "dialog_suggestion" => ignored(
            kind,
            "attachments with buttons and dialogs were replaced by blocks, which is all that this bot sends",
        ),
        _ => ignored(kind, "no part of the bot listens to this kind of interaction"),
    }
}

/// Token and choice of a control, or why it has none.
fn control(press: &BlockAction) -> Result<(String, Option<String>), &'static str> {
    match press.kind.as_deref() {
        Some("button") => match &press.value {
            Some(token) => Ok((token.clone(), None)),
            None => Err("a link was opened, which asks nothing of the bot"),
        },
        Some("static_select" | "overflow" | "radio_buttons") => {
            let choice = press.selected_option.as_ref().and_then(|option| option.value.clone());
            match (&press.block_id, choice) {
                (Some(token), Some(choice)) => Ok((token.clone(), Some(choice))),
                _ => Err("a menu in which nothing is chosen"),
            }
        }
        _ => Err("a control that no card of ours has"),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::super::tests::{PROOF, of_payload, reason};
    use super::*;
    use crate::domain::event::PlaceKind;

    /// A press on a button of a message, after Slack's reference.
    fn press() -> Value {
        json!({
            "type": "block_actions",
            "team": {"id": "T9TK3CUKW", "domain": "example"},
            "enterprise": null,
            "user": {"id": "UA8RXUSPL", "username": "jtorrance", "team_id": "T9TK3CUKW"},
            "api_app_id": "AABA1ABCD",
            "token": "9s8d9as89d8as9d8as989",
            "container": {"type": "message", "message_ts": "1548261231.000200", "channel_id": "CBR2V3XEX",
                "is_ephemeral": false},
            "trigger_id": "12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3",
            "is_enterprise_install": false,
            "channel": {"id": "CBR2V3XEX", "name": "review-updates"},
            "message": {"bot_id": "BAH5CA16Z", "type": "message", "text": "Task", "user": "UAJ2RU415",
                "ts": "1548261231.000200", "blocks": [{"type": "actions"}]},
            "response_url": "https://hooks.slack.com/actions/AABA1ABCD/1232321423432/D09sSasdasdAS9091209",
            "actions": [{"action_id": "a0", "block_id": "b0", "text": {"type": "plain_text", "text": "Done"},
                "value": "signed.token", "type": "button", "action_ts": "1548426417.840180"}]
        })
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut payload = press();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        payload.pointer_mut(parent).unwrap()[name] = value;
        payload
    }

    #[test]
    fn a_press_carries_its_token_its_message_and_its_route() {
        let incoming = of_payload(&press());
        assert_eq!(
            incoming.kind,
            EventKind::CardAction {
                token: "signed.token".to_owned(),
                choice: None,
                message: Some("CBR2V3XEX:1548261231.000200".to_owned()),
            }
        );
        assert_eq!(
            incoming.dedupe,
            [
                "slack:action:12321423423.333649436676.d8c1bb837935619ccad0f624c448ffb3",
                "slack:press:T9TK3CUKW:UA8RXUSPL:1548426417.840180:a0"
            ]
        );
        assert_eq!(incoming.installation, "T9TK3CUKW");
        assert_eq!(incoming.lane.to_string(), "slack/T9TK3CUKW/CBR2V3XEX/");
        let place = incoming.place.unwrap();
        assert_eq!((place.kind, place.shared), (PlaceKind::Public, false));
        let reply = incoming.reply.unwrap();
        assert!(reply.route.unwrap().starts_with("https://hooks.slack.com/actions/"));
        assert_eq!(reply.person.as_deref(), Some("UA8RXUSPL"));
    }

    #[test]
    fn a_press_in_the_home_is_answered_there() {
        let mut payload = press();
        for name in ["channel", "message", "response_url"] {
            payload.as_object_mut().unwrap().remove(name);
        }
        payload["container"] = json!({"type": "view", "view_id": "V1"});
        payload["view"] = json!({"id": "V1", "type": "home", "team_id": "T9TK3CUKW", "hash": "1.a", "blocks": [],
            "app_installed_team_id": "T9TK3CUKW"});
        let incoming = of_payload(&payload);
        let kind = EventKind::CardAction { token: "signed.token".to_owned(), choice: None, message: None };
        assert_eq!(incoming.kind, kind);
        assert_eq!(incoming.lane.to_string(), "slack/T9TK3CUKW/UA8RXUSPL/home");
        assert_eq!(incoming.dedupe.len(), 2);
        assert_eq!(incoming.place.unwrap().kind, PlaceKind::Direct);
        let reply = incoming.reply.unwrap();
        assert!(reply.home && reply.alone && reply.route.is_none());
        assert_eq!((reply.place.as_str(), reply.person.as_deref()), ("UA8RXUSPL", Some("UA8RXUSPL")));

        payload["view"]["type"] = json!("modal");
        assert_eq!(of_payload(&payload).reply, None, "a modal is no place");
        payload["view"]["type"] = json!("home");
        payload["user"] = Value::Null;
        let of_nobody = of_payload(&payload);
        assert_eq!((of_nobody.from, of_nobody.reply), (None, None));
    }

    #[test]
    fn a_press_in_a_thread_stays_in_its_lane() {
        for payload in
            [with("/container/thread_ts", json!("1548260000.1")), with("/message/thread_ts", json!("1548260000.1"))]
        {
            let incoming = of_payload(&payload);
            assert_eq!(incoming.lane.to_string(), "slack/T9TK3CUKW/CBR2V3XEX/1548260000.1");
            assert_eq!(incoming.reply.unwrap().thread.as_deref(), Some("1548260000.1"));
        }
    }

    #[test]
    fn a_menu_carries_its_token_in_the_block_and_the_choice_in_the_entry() {
        let action = json!([{"type": "static_select", "action_id": "a1", "block_id": "signed.token",
            "selected_option": {"text": {"type": "plain_text", "text": "In review"}, "value": "in-review"},
            "action_ts": "1.2"}]);
        let EventKind::CardAction { token, choice, .. } = of_payload(&with("/actions", action)).kind else { panic!() };
        assert_eq!((token.as_str(), choice.as_deref()), ("signed.token", Some("in-review")));
    }

    #[test]
    fn tenants_are_found_in_the_order_of_slacks_own_framework() {
        let organisation = json!({"id": "E1", "name": "Org"});
        let mut org_wide = with("/team", Value::Null);
        org_wide["enterprise"] = organisation;
        org_wide["is_enterprise_install"] = json!(true);
        let mut without_home = org_wide.clone();
        without_home["user"] = json!({"id": "W1"});
        let mut in_view = org_wide.clone();
        in_view["view"] = json!({"app_installed_team_id": "E1", "team_id": "T5"});
        let table = [
            (press(), "T9TK3CUKW"),
            (with("/team", json!("T7")), "T7"),
            (with("/team", Value::Null), "T9TK3CUKW"),
            (org_wide, "T9TK3CUKW"),
            (without_home, "E1"),
            (in_view, "E1"),
        ];
        for (payload, expected) in table {
            assert_eq!(of_payload(&payload).installation, expected, "{payload}");
        }
    }

    #[test]
    fn somebody_from_elsewhere_keeps_the_own_workspace_and_marks_the_place_as_shared() {
        let incoming = of_payload(&with("/user/team_id", json!("TOTHER")));
        assert_eq!(incoming.from.unwrap().realm, "TOTHER");
        assert!(incoming.place.unwrap().shared);
    }

    #[test]
    fn what_is_not_acted_on_says_why() {
        let control = |control: Value| with("/actions", json!([control]));
        let table = [
            (with("/type", json!("view_submission")), "no form of ours"),
            (with("/type", json!("view_closed")), "without being sent"),
            (with("/type", json!("shortcut")), "no shortcut of ours"),
            (with("/type", json!("message_action")), "no shortcut of ours"),
            (with("/type", json!("block_suggestion")), "loads its entries"),
            (with("/type", json!("interactive_message")), "replaced by blocks"),
            (with("/type", json!("brand_new")), "no part of the bot listens"),
            (with("/actions", json!([])), "names no control"),
            (with("/actions", json!("x")), "names no control"),
            (control(json!({"type": "button", "url": "https://x.io"})), "a link was opened"),
            (control(json!({"type": "static_select", "block_id": "t", "selected_option": null})), "nothing is chosen"),
            (control(json!({"type": "users_select", "block_id": "t", "selected_user": "U1"})), "no card of ours"),
        ];
        for (payload, expected) in table {
            let incoming = of_payload(&payload);
            assert!(reason(&incoming).contains(expected), "{payload}: {}", reason(&incoming));
            assert_eq!(incoming.reply, None);
            assert!(!incoming.dedupe.is_empty());
        }
    }

    /// A form that was sent, in an installation of a whole organisation.
    fn sent() -> Value {
        json!({
            "type": "view_submission", "team": null, "enterprise": {"id": "E1"}, "is_enterprise_install": true,
            "user": {"id": "U1", "team_id": "T1"}, "trigger_id": "7.8.9",
            "view": {"id": "V1", "hash": "1.abc", "team_id": "T5", "app_installed_team_id": "E1",
                "callback_id": "form:task.create",
                "blocks": [{"type": "context", "block_id": "said"}, {"type": "input", "block_id": "title"}],
                "private_metadata": "{\"workspace\":\"T5\",\"organisation\":\"E1\",\"place\":\"C1\",\
                    \"name\":\"dev\",\"thread\":\"1.2\",\"begins_thread\":true}",
                "state": {"values": {
                    "title": {"value": {"type": "plain_text_input", "value": "Fix it"}},
                    "agent": {"value": {"type": "static_select", "selected_option": null}},
                }}},
        })
    }

    fn asking_in(payload: &Value) -> Option<Asking> {
        match decode(&Request { body: &Bytes::new(), proof: &PROOF }, &payload.to_string()) {
            Ok(Decoded::Asking(_, asking)) => Some(*asking),
            _ => None,
        }
    }

    fn asking_of(payload: &Value) -> Option<Wanted> {
        match asking_in(payload) {
            Some(Asking::Form(wanted)) => Some(wanted),
            _ => None,
        }
    }

    #[test]
    fn enter_in_a_form_asks_for_an_analysis_and_is_nothing_else() {
        let mut payload = sent();
        payload["type"] = json!("block_actions");
        payload["container"] = json!({"type": "view", "view_id": "V1"});
        payload["actions"] = json!([{"type": "plain_text_input", "action_id": "value", "block_id": "title",
            "value": "Fix it", "action_ts": "9.1"}]);
        let view = &mut payload["view"];
        view["type"] = json!("modal");
        view["blocks"] = json!([{"type": "input", "block_id": "title"}, {"type": "context", "block_id": "analysis"}]);
        let Some(Asking::Analysis(typed)) = asking_in(&payload) else { panic!("{payload}") };
        assert_eq!((typed.form.as_str(), typed.filled["title"].as_str()), ("task.create", "Fix it"));
        assert_eq!((typed.version.id.as_str(), typed.version.hash.as_str()), ("V1", "1.abc"));
        assert_eq!(typed.view["blocks"], payload["view"]["blocks"]);
        let incoming = of_payload(&payload);
        assert!(matches!(incoming.kind, EventKind::Platform { .. }), "{:?}", incoming.kind);
        assert_eq!(incoming.reply, None);
        for (pointer, odd) in [
            ("/view/type", json!("home")),
            ("/view/callback_id", json!("another")),
            ("/view/hash", Value::Null),
            ("/view/id", Value::Null),
            ("/view/blocks", json!("x")),
            ("/view/blocks/1/block_id", json!("other")),
            ("/actions/0/type", json!("button")),
            ("/actions", json!([])),
            ("/view", Value::Null),
        ] {
            let mut payload = payload.clone();
            *payload.pointer_mut(pointer).unwrap() = odd;
            assert_eq!(asking_in(&payload), None, "{pointer}");
        }
    }

    #[test]
    fn a_shortcut_asks_for_a_form_and_remembers_where() {
        let on_message = json!({"type": "message_action", "callback_id": "c", "trigger_id": "1.2",
            "channel": {"id": "C1", "name": "dev"}, "response_url": "https://hooks.slack.com/app/1",
            "message": {"ts": "5.6", "user": "U2", "text": "a &lt; b"}});
        let asked = asking_of(&on_message).unwrap();
        let said = Some(Said { text: "a < b".to_owned(), by: Some("<@U2>".to_owned()) });
        assert_eq!(asked.asked, Asked::Entry { name: "c".to_owned(), said });
        assert_eq!((asked.came_from.thread.as_deref(), asked.came_from.begins_thread), (Some("5.6"), true));
        let mut in_thread = on_message.clone();
        in_thread["message"] = json!({"ts": "5.6", "thread_ts": "3.4", "username": "Deploys"});
        let asked = asking_of(&in_thread).unwrap();
        assert_eq!((asked.came_from.thread.as_deref(), asked.came_from.begins_thread), (Some("3.4"), false));
        let said = Some(Said { text: String::new(), by: Some("Deploys".to_owned()) });
        assert_eq!(asked.asked, Asked::Entry { name: "c".to_owned(), said });
        let global = json!({"type": "shortcut", "callback_id": "c", "trigger_id": "1.2", "user": {"id": "U1"}});
        let nowhere = CameFrom { workspace: Some("unknown".to_owned()), ..CameFrom::default() };
        assert_eq!(asking_of(&global).unwrap().came_from, nowhere);
        for missing in ["callback_id", "trigger_id", "message"] {
            let mut odd = on_message.clone();
            odd[missing] = Value::Null;
            assert_eq!(asking_of(&odd), None, "{missing}");
        }
    }

    #[test]
    fn a_form_that_was_sent_is_answered_where_it_was_opened() {
        let incoming = of_payload(&sent());
        let filled = [("title".to_owned(), "Fix it".to_owned())].into();
        assert_eq!(incoming.kind, EventKind::FormSubmitted { form: "task.create".to_owned(), filled });
        assert_eq!(incoming.dedupe, ["slack:action:7.8.9", "slack:view:V1"]);
        assert_eq!(incoming.installation, "E1");
        assert_eq!(incoming.lane.to_string(), "slack/E1/C1/1.2");
        let reply = incoming.reply.unwrap();
        assert_eq!((reply.place.as_str(), reply.thread.as_deref(), reply.begins_thread), ("C1", Some("1.2"), true));
        assert!(!reply.alone);
    }

    #[test]
    fn a_form_that_was_opened_nowhere_is_answered_to_the_person() {
        let mut payload = sent();
        payload["view"]["private_metadata"] = json!("{\"workspace\":\"E1\"}");
        let reply = of_payload(&payload).reply.unwrap();
        assert_eq!((reply.place.as_str(), reply.thread, reply.alone), ("U1", None, true));
        let mut of_another = sent();
        of_another["view"]["callback_id"] = json!("another");
        assert!(reason(&of_payload(&of_another)).contains("no form of ours"));
    }

    #[test]
    fn a_form_that_was_opened_in_another_workspace_is_no_event_and_says_so_at_its_first_field() {
        let opened_in = |metadata: Value, as_a_whole: bool| {
            let mut payload = sent();
            payload["view"]["private_metadata"] = metadata;
            payload["is_enterprise_install"] = json!(as_a_whole);
            payload
        };
        for (metadata, as_a_whole) in [
            (json!("{\"workspace\":\"T5\",\"organisation\":\"E2\"}"), true),
            (json!("{\"workspace\":\"T5\",\"organisation\":\"E1\"}"), false),
            (json!("{\"place\":\"C1\"}"), true),
            (Value::Null, true),
            (json!(""), true),
            (json!("no json"), true),
        ] {
            let payload = opened_in(metadata, as_a_whole);
            let strayed = Asking::Strayed { form: "task.create".to_owned(), field: "title".to_owned() };
            assert_eq!(asking_in(&payload), Some(strayed), "{payload}");
            let incoming = of_payload(&payload);
            assert!(reason(&incoming).contains("was not opened in the workspace"), "{incoming:?}");
            assert_eq!((incoming.reply, incoming.dedupe.as_slice()), (None, &["slack:action:7.8.9".to_owned()][..]));
        }
    }

    #[test]
    fn a_global_shortcut_of_an_organisation_has_neither_place_nor_team() {
        let incoming = of_payload(&json!({"type": "shortcut", "team": null, "enterprise": {"id": "E1"},
            "user": {"id": "W1", "team_id": "T1"}, "callback_id": "c", "trigger_id": "9.8"}));
        assert_eq!((incoming.installation.as_str(), incoming.place), ("T1", None));
        assert_eq!(incoming.organisation.as_deref(), Some("E1"));
        assert_eq!(incoming.lane.to_string(), "slack/T1//");
    }
}
