//! What an application receives, and what people see of its answers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};

use super::*;
use crate::sim::slack::payload::Request;
use crate::sim::slack::signature::sign;

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

#[derive(Clone)]
struct Received {
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Received {
    fn fields(&self) -> BTreeMap<String, String> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }

    fn json(&self) -> Value {
        match self.fields().get("payload") {
            Some(payload) => serde_json::from_str(payload).unwrap(),
            None => serde_json::from_str(&self.body).unwrap(),
        }
    }
}

/// An application that answers as it is told.
#[derive(Clone, Default)]
struct App {
    received: Arc<Mutex<Vec<Received>>>,
    answers: Arc<Mutex<Vec<Response>>>,
    slow: bool,
}

impl App {
    async fn serve(self, stage: &Stage) -> Sender {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let app = self.clone();
            async move {
                let body = String::from_utf8(body.to_vec()).unwrap();
                app.received.lock().unwrap().push(Received { path: uri.path().to_owned(), headers, body });
                if app.slow {
                    std::future::pending::<()>().await;
                }
                app.answers.lock().unwrap().pop().unwrap_or_else(|| StatusCode::OK.into_response())
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut config = SenderConfig::new(&base, SECRET);
        config.deadline = Duration::from_millis(500);
        config.retry_pauses = [Duration::ZERO; 3];
        Sender::new(stage.world().clone(), config).unwrap()
    }

    fn will_answer(&self, answer: impl IntoResponse) {
        self.answers.lock().unwrap().insert(0, answer.into_response());
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_slash_command_has_all_its_fields_and_a_right_signature() {
    let (stage, app) = (Stage::set().await, App::default());
    let sender = app.clone().serve(&stage).await;
    let result = sender.slash("U0ADA0001", "G0PRIVATE", "/ai-crm", "task create \"A & B\" <@U0GRACE01>").await.unwrap();
    assert_eq!((result.status, result.error, result.message), (Some(200), None, None));

    let received = &app.received()[0];
    let fields = received.fields();
    let expected = [
        ("team_id", "T0SIM0001"),
        ("team_domain", "sim"),
        ("channel_id", "G0PRIVATE"),
        ("channel_name", "privategroup"),
        ("user_id", "U0ADA0001"),
        ("user_name", "ada"),
        ("command", "/ai-crm"),
        ("text", "task create \"A &amp; B\" <@U0GRACE01>"),
        ("api_app_id", "A0SIM0001"),
        ("is_enterprise_install", "false"),
        ("trigger_id", &result.trigger_id),
    ];
    for (name, value) in expected {
        assert_eq!(fields[name], value, "{name}");
    }
    assert!(fields["response_url"].ends_with(&result.response_url_id));
    assert_eq!(received.path, "/slack/commands");
    let signed = sign(SECRET, 1_700_000_000, received.body.as_bytes());
    assert_eq!(received.headers["x-slack-signature"], signed);
    assert_eq!(received.headers["x-slack-request-timestamp"], "1700000000");
}

/// An answer, the error that the user sees, and the text that is shown with whether it is ephemeral.
type Case = (Response, Option<&'static str>, Option<(&'static str, bool)>);

#[tokio::test]
async fn the_answer_of_a_command_is_shown() {
    let (stage, app) = (Stage::set().await, App::default());
    let sender = app.clone().serve(&stage).await;
    let too_many = vec![json!({"type": "divider"}); 51];
    let cases: Vec<Case> = vec![
        ("plain words".into_response(), None, Some(("plain words", true))),
        (Json(json!({"text": "for you"})).into_response(), None, Some(("for you", true))),
        (
            Json(json!({"text": "for all", "response_type": "in_channel"})).into_response(),
            None,
            Some(("for all", false)),
        ),
        (Json(json!({"response_type": "in_channel"})).into_response(), None, None),
        (Json(json!({"blocks": too_many, "text": "a"})).into_response(), Some("invalid_blocks"), None),
        (StatusCode::INTERNAL_SERVER_ERROR.into_response(), Some("dispatch_failed"), None),
    ];
    for (answer, error, shown) in cases {
        app.will_answer(answer);
        let result = sender.slash("U0ADA0001", "C0GENERAL", "/ai-crm", "help").await.unwrap();
        let message = result.message.as_ref().map(|message| (message.text.as_str(), message.ephemeral_to.is_some()));
        assert_eq!((result.error.as_deref(), message), (error, shown));
    }
    let typed =
        stage.world().messages("C0GENERAL").into_iter().filter(|message| message.text == "/ai-crm help").count();
    assert_eq!(typed, 2, "in_channel shows the command too");
    assert_eq!(stage.world().violations().len(), 1);
}

#[tokio::test]
async fn who_answers_late_is_told_so_to_the_user() {
    let (stage, app) = (Stage::set().await, App { slow: true, ..App::default() });
    let sender = app.clone().serve(&stage).await;
    let result = sender.slash("U0ADA0001", "C0GENERAL", "/ai-crm", "help").await.unwrap();
    assert_eq!((result.status, result.error.as_deref()), (None, Some("operation_timeout")));
    assert_eq!(app.received().len(), 1);
}

#[tokio::test]
async fn a_mention_is_two_events_of_one_message() {
    let (stage, app) = (Stage::set().await, App::default());
    let sender = app.clone().serve(&stage).await;
    let (message, answers) =
        sender.say_and_deliver("U0ADA0001", "C0GENERAL", "<@U0BOT0001> status", None).await.unwrap();
    assert!(answers.iter().all(Answer::accepted));
    let mut events: Vec<Value> = app.received().iter().map(Received::json).collect();
    events.sort_by_key(|event| event["event"]["type"].to_string());
    assert_eq!((&events[0]["event"]["type"], &events[1]["event"]["type"]), (&json!("app_mention"), &json!("message")));
    assert_ne!(events[0]["event_id"], events[1]["event_id"]);
    for event in &events {
        assert_eq!((&event["event"]["ts"], &event["event"]["channel"]), (&json!(message.ts), &json!("C0GENERAL")));
        assert_eq!(event["authorizations"][0]["team_id"], "T0SIM0001");
    }
    assert_eq!(stage.history(&[]).await[0]["user"], "U0ADA0001");
}

#[tokio::test]
async fn what_is_said_where_makes_which_events() {
    let (stage, app) = (Stage::set().await, App::default());
    let sender = app.clone().serve(&stage).await;
    let cases = [
        ("U0ADA0001", "D0ADA0001", "<@U0BOT0001> hi", vec![("message", "im")]),
        ("U0ADA0001", "C0GENERAL", "hi all", vec![("message", "channel")]),
        ("U0ADA0001", "G0PRIVATE", "hi", vec![("message", "group")]),
        ("U0ADA0001", "C0OUTSIDE", "<@U0BOT0001> hi", vec![]),
        ("U0STRANGE", "C0SHARED1", "hi", vec![("message", "channel")]),
    ];
    for (user, channel, text, expected) in cases {
        let said = sender.say(user, channel, text, None).unwrap();
        let events: Vec<Value> = said.events.iter().map(|event| serde_json::from_str(&event.body).unwrap()).collect();
        let kinds: Vec<_> = events
            .iter()
            .map(|event| {
                (event["event"]["type"].as_str().unwrap(), event["event"]["channel_type"].as_str().unwrap_or(""))
            })
            .collect();
        assert_eq!(kinds, expected, "{user} in {channel}");
        if user == "U0STRANGE" {
            assert_eq!(
                (&events[0]["event"]["user_team"], &events[0]["team_id"]),
                (&json!("T0OTHER01"), &json!("T0SIM0001"))
            );
            assert_eq!(events[0]["is_ext_shared_channel"], true);
        }
    }
    let own = stage.post("question").await;
    let reply = sender.say("U0ADA0001", "C0GENERAL", "answer", Some(&own)).unwrap();
    let event: Value = serde_json::from_str(&reply.events[0].body).unwrap();
    assert_eq!(
        (&event["event"]["thread_ts"], &event["event"]["parent_user_id"]),
        (&json!(own), &json!(seed::BOT_USER))
    );
    assert_eq!(sender.say("U0NOBODY", "C0GENERAL", "hi", None), Err(sender::SendError::NoUser("U0NOBODY".into())));
}

#[tokio::test]
async fn deliveries_may_be_wrong_or_repeated() {
    let (stage, app) = (Stage::set().await, App::default());
    let sender = app.clone().serve(&stage).await;
    let event = sender.say("U0ADA0001", "D0ADA0001", "hi", None).unwrap().events.remove(0);
    let cases = [
        (Variant::Genuine, true, 1_700_000_000),
        (Variant::WrongSignature, false, 1_700_000_000),
        (Variant::Stale, true, 1_699_999_640),
        (Variant::FromTheFuture, true, 1_700_000_360),
        (Variant::Retry(2, "http_timeout"), true, 1_700_000_000),
    ];
    for (variant, right, at) in cases {
        let signed = sender.sign(&event, variant);
        let header =
            |name: &str| signed.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        assert_eq!(header("x-slack-request-timestamp"), Some(at.to_string()), "{variant:?}");
        let expected = sign(SECRET, at, event.body.as_bytes());
        assert_eq!(header("x-slack-signature") == Some(expected), right, "{variant:?}");
        assert_eq!(header("x-slack-retry-num").is_some(), matches!(variant, Variant::Retry(..)));
    }
    assert!(sender.sign(&event, Variant::Unsigned).headers.is_empty());
    let signed = sender.sign(&event, Variant::Genuine);
    sender.send(&signed).await;
    sender.send(&signed).await;
    let [first, second] = &app.received()[..] else { panic!("a replay is the same request twice") };
    assert_eq!(
        (&first.body, &first.headers["x-slack-signature"]),
        (&second.body, &second.headers["x-slack-signature"])
    );
}

#[tokio::test]
async fn an_event_is_repeated_until_it_is_taken() {
    let (stage, app) = (Stage::set().await, App::default());
    let sender = app.clone().serve(&stage).await;
    let event = sender.event(&json!({"type": "app_uninstalled"}));
    app.will_answer(StatusCode::SERVICE_UNAVAILABLE);
    app.will_answer(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(sender.deliver_event(&event).await.len(), 3);
    let retries: Vec<_> = app
        .received()
        .iter()
        .map(|r| r.headers.get("x-slack-retry-num").map(|number| number.to_str().unwrap().to_owned()))
        .collect();
    assert_eq!(retries, [None, Some("1".to_owned()), Some("2".to_owned())]);
    app.will_answer((StatusCode::BAD_REQUEST, [("x-slack-no-retry", "1")]));
    assert_eq!(sender.deliver_event(&event).await.len(), 1, "an application may ask for no repeats");
    app.will_answer("wanted");
    assert_eq!(sender.verify_url("wanted").await.body, "wanted");
}

#[tokio::test]
async fn a_click_carries_the_button_and_where_to_answer() {
    let (stage, app) = (Stage::set().await, App::default());
    let sender = app.clone().serve(&stage).await;
    let option = json!({"text": {"type": "plain_text", "text": "Done"}, "value": "done"});
    let blocks = json!([{"type": "actions", "block_id": "row", "elements": [
        {"type": "button", "action_id": "start", "value": "T-1", "text": {"type": "plain_text", "text": "Start"}},
        {"type": "static_select", "action_id": "move", "options": [option]}]}]);
    let post = stage.json("chat.postMessage", json!({"channel": "C0GENERAL", "text": "T-1", "blocks": blocks})).await;
    let ts = post["ts"].as_str().unwrap();
    let (click, _) = sender.click("U0GRACE01", "C0GENERAL", ts, "start", None).await.unwrap();
    sender.click("U0GRACE01", "C0GENERAL", ts, "move", Some("done")).await.unwrap();

    let payloads: Vec<Value> = app.received().iter().map(Received::json).collect();
    let action = &payloads[0]["actions"][0];
    assert_eq!(
        (&action["action_id"], &action["value"], &action["block_id"]),
        (&json!("start"), &json!("T-1"), &json!("row"))
    );
    assert_eq!(payloads[1]["actions"][0]["selected_option"]["value"], "done");
    assert_eq!(
        (&payloads[0]["container"]["message_ts"], &payloads[0]["user"]["id"]),
        (&json!(ts), &json!("U0GRACE01"))
    );
    assert_eq!(payloads[0]["message"]["text"], "T-1");
    let url = payloads[0]["response_url"].as_str().unwrap();
    assert!(url.ends_with(&click.response_url_id));
    assert_eq!(stage.respond(url, json!({"text": "started", "replace_original": true})).await.0, 200);
    assert_eq!(stage.world().message("C0GENERAL", ts).unwrap().text, "started");
    let gone = sender.prepare_click("U0GRACE01", "C0GENERAL", ts, "start", None);
    assert_eq!(gone, Err(sender::SendError::NoAction("start".into())));
}

#[tokio::test]
async fn an_ephemeral_message_is_clicked_only_by_its_reader() {
    let (stage, app) = (Stage::set().await, App::default());
    let sender = app.clone().serve(&stage).await;
    let button = json!({"type": "button", "action_id": "ok", "text": {"type": "plain_text", "text": "OK"}});
    app.will_answer(Json(json!({"text": "sure?", "blocks": [{"type": "actions", "elements": [button]}]})));
    let shown = sender.slash("U0ADA0001", "C0GENERAL", "/ai-crm", "x").await.unwrap().message.unwrap();
    let click = |user: &'static str| sender.prepare_click(user, "C0GENERAL", &shown.ts, "ok", None);
    assert_eq!(click("U0GRACE01"), Err(sender::SendError::NotVisible));
    let body = click("U0ADA0001").unwrap().request.body;
    let payload = Received { path: String::new(), headers: HeaderMap::new(), body }.json();
    assert_eq!((&payload["container"]["is_ephemeral"], &payload["message"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn a_modal_opens_once_and_in_time() {
    let (stage, app) = (Stage::set().await, App::default());
    let sender = app.clone().serve(&stage).await;
    let plain = |text: &str| json!({"type": "plain_text", "text": text});
    let element = json!({"type": "plain_text_input", "action_id": "t"});
    let input = json!({"type": "input", "block_id": "title", "label": plain("Title"), "element": element});
    let view = json!({"type": "modal", "title": plain("Task"), "submit": plain("Save"), "blocks": [input]});
    let open = |trigger: String| stage.json("views.open", json!({"trigger_id": trigger, "view": view}));
    let trigger = || sender.prepare_slash("U0ADA0001", "C0GENERAL", "/ai-crm", "new").unwrap().trigger_id;

    let first = trigger();
    let opened = open(first.clone()).await;
    assert_eq!(open(first).await["error"], "exchanged_trigger_id");
    let late = trigger();
    stage.advance(3001);
    assert_eq!(open(late).await["error"], "expired_trigger_id");
    assert_eq!(open("1.2.3".into()).await["error"], "invalid_trigger_id");

    let id = opened["view"]["id"].as_str().unwrap();
    let values = json!({"title": {"t": {"type": "plain_text_input", "value": "A"}}});
    app.will_answer(Json(json!({"response_action": "errors", "errors": {"title": "too short", "nowhere": "?"}})));
    let submitted = sender.submit_view(id, &values).await.unwrap();
    assert_eq!(submitted.response_action.as_deref(), Some("errors"));
    assert_eq!(stage.world().violations().pop().unwrap().error, "unknown_block_id");
    assert_eq!(app.received()[0].json()["view"]["state"]["values"], values);
    sender.submit_view(id, &values).await.unwrap();
    assert!(stage.world().views().is_empty(), "an empty answer closes the modal");
}

#[tokio::test]
async fn the_home_is_opened_and_pressed_in() {
    let (stage, app) = (Stage::set().await, App::default());
    let sender = app.clone().serve(&stage).await;
    let read = |request: Request| {
        let received = Received { path: String::new(), headers: HeaderMap::new(), body: request.body };
        received.json()
    };
    let event = |tab| read(sender.open_tab("U0ADA0001", tab).unwrap())["event"].clone();
    let opened = event("home");
    assert_eq!((&opened["type"], &opened["tab"]), (&json!("app_home_opened"), &json!("home")));
    assert_eq!((&opened["channel"], opened.get("view")), (&json!("D0ADA0001"), None), "nothing was published yet");
    let nothing = sender.prepare_click_at_home("U0ADA0001", "ok", None);
    assert_eq!(nothing, Err(sender::SendError::NoHome("U0ADA0001".to_owned())));

    let button = json!({"type": "button", "action_id": "ok", "text": {"type": "plain_text", "text": "OK"}});
    let view = json!({"type": "home", "blocks": [{"type": "actions", "elements": [button]}]});
    stage.json("views.publish", json!({"user_id": "U0ADA0001", "view": view})).await;
    assert_eq!(event("home")["view"], stage.world().home("U0ADA0001").unwrap().view);
    assert_eq!(event("messages").get("view"), None);
    let pressed = read(sender.prepare_click_at_home("U0ADA0001", "ok", None).unwrap());
    assert_eq!((&pressed["type"], &pressed["view"]["type"]), (&json!("block_actions"), &json!("home")));
    assert_eq!(pressed["container"], json!({"type": "view", "view_id": pressed["view"]["id"]}));
    for absent in ["channel", "message", "response_url"] {
        assert_eq!(pressed.get(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn the_bot_hears_itself_and_edits_are_hidden() {
    let (stage, app) = (Stage::set().await, App::default());
    let sender = app.clone().serve(&stage).await;
    let own = stage.post("I spoke").await;
    let echo: Value = serde_json::from_str(&sender.echo("C0GENERAL", &own).unwrap().body).unwrap();
    assert_eq!((&echo["event"]["bot_id"], &echo["event"]["app_id"]), (&json!(seed::BOT), &json!(seed::APP)));
    let said = sender.say("U0ADA0001", "C0GENERAL", "frist", None).unwrap().message;
    let edit: Value =
        serde_json::from_str(&sender.edit("U0ADA0001", "C0GENERAL", &said.ts, "first").unwrap().body).unwrap();
    assert_eq!((&edit["event"]["subtype"], &edit["event"]["hidden"]), (&json!("message_changed"), &json!(true)));
    assert_eq!(
        (&edit["event"]["message"]["text"], &edit["event"]["previous_message"]["text"]),
        (&json!("first"), &json!("frist"))
    );
}

#[tokio::test]
async fn people_act_through_the_control_routes() {
    let (stage, app) = (Stage::set().await, App::default());
    app.will_answer(Json(json!({"text": "*hello*"})));
    let sender = app.clone().serve(&stage).await;
    let base = sender.base_url().to_owned();
    let act = |what: Value| {
        let mut body = json!({"app_url": base, "signing_secret": SECRET, "user": "U0ADA0001", "channel": "C0GENERAL"});
        body.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        stage.control("send", body)
    };
    let done = act(json!({"do": "command", "command": "/ai-crm", "text": "help"})).await;
    assert_eq!(done["result"]["message"]["text"], "*hello*");
    let done = act(json!({"do": "say", "text": "<@U0BOT0001> hi"})).await;
    assert_eq!(done["answers"].as_array().unwrap().len(), 2);
    let done = act(json!({"do": "click", "ts": "1.000000", "action_id": "x"})).await;
    assert_eq!(done["error"], "there is no message 1.000000 in C0GENERAL");
}

#[tokio::test]
async fn an_install_for_the_organisation_names_no_workspace() {
    let (stage, app) = (Stage::set().await, App::default());
    let sender = app.clone().serve(&stage).await;
    let enterprise = Some(("E0SIM0001".to_owned(), "Sim Org".to_owned()));
    stage.world().set_workspace(seed::Workspace { enterprise, org_install: true, ..seed::workspace() });
    let button = json!({"type": "button", "action_id": "ok", "text": {"type": "plain_text", "text": "OK"}});
    let blocks = json!([{"type": "actions", "elements": [button]}]);
    let post = stage.json("chat.postMessage", json!({"channel": "C0GENERAL", "text": "a", "blocks": blocks})).await;
    sender.click("U0ADA0001", "C0GENERAL", post["ts"].as_str().unwrap(), "ok", None).await.unwrap();
    sender.say_and_deliver("U0ADA0001", "D0ADA0001", "hi", None).await.unwrap();
    sender.slash("U0ADA0001", "C0GENERAL", "/ai-crm", "help").await.unwrap();
    let received = app.received();
    let (click, said) = (received[0].json(), received[1].json());
    assert_eq!((&click["team"], &click["enterprise"]["id"]), (&Value::Null, &json!("E0SIM0001")));
    assert_eq!((&said["authorizations"][0]["team_id"], &said["team_id"]), (&Value::Null, &json!("T0SIM0001")));
    assert_eq!(received[2].fields()["enterprise_id"], "E0SIM0001");
}
