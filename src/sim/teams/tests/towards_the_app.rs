//! The other direction: an application of a few lines that checks tokens by itself and keeps what it is sent.

use std::sync::Mutex;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use data_encoding::BASE64URL_NOPAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

use super::super::press::{Press, Refresh, Shown};
use super::*;

/// What the application knows and has been sent.
struct Bot {
    keys: Value,
    now: i64,
    sent: Mutex<Vec<Value>>,
    /// The body of the next answer.
    answer: Mutex<String>,
}

impl Bot {
    /// Whether a token proves that Teams sends it: all of the rules, written down a second time.
    fn is_authentic(&self, header: &str, activity: &Value) -> Option<()> {
        let token = header.strip_prefix("Bearer ")?;
        let (signed, signature) = token.rsplit_once('.')?;
        let (head, claims) = signed.split_once('.')?;
        let read = |part: &str| serde_json::from_slice::<Value>(&BASE64URL_NOPAD.decode(part.as_bytes()).ok()?).ok();
        let (head, claims) = (read(head)?, read(claims)?);
        let key = self.keys["keys"].as_array()?.iter().find(|key| key["kid"] == head["kid"])?;
        let part = |name: &str| BASE64URL_NOPAD.decode(key[name].as_str()?.as_bytes()).ok();
        let key = RsaPublicKeyComponents { n: part("n")?, e: part("e")? };
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
        key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature).ok()?;
        let well = head["alg"] == "RS256"
            && claims["iss"] == "https://api.botframework.com"
            && claims["aud"] == seed::APP_ID
            && claims["exp"].as_i64()? + 300 > self.now
            && claims["nbf"].as_i64()? - 300 < self.now
            && claims["serviceurl"] == activity["serviceUrl"];
        well.then_some(())
    }
}

async fn take(State(bot): State<Arc<Bot>>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let activity: Value = serde_json::from_str(&body).unwrap();
    let header = headers.get("authorization").map(|value| value.to_str().unwrap()).unwrap_or_default();
    if bot.is_authentic(header, &activity).is_none() {
        return (StatusCode::UNAUTHORIZED, String::new());
    }
    bot.sent.lock().unwrap().push(activity);
    (StatusCode::OK, bot.answer.lock().unwrap().clone())
}

/// A stage with an application on it.
async fn with_bot() -> (Stage, Arc<Bot>, Sender) {
    let stage = Stage::set().await;
    let bot = Arc::new(Bot {
        keys: stage.look("v1/.well-known/keys").await,
        now: stage.world().now().as_seconds(),
        sent: Mutex::default(),
        answer: Mutex::default(),
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/api/messages", post(take)).with_state(bot.clone());
    tokio::spawn(crate::sim::serving::accept(listener, router));
    let sender = Sender::new(stage.world().clone(), SenderConfig::new(&url)).unwrap();
    (stage, bot, sender)
}

#[tokio::test]
async fn what_is_said_comes_as_teams_sends_it() {
    let (stage, bot, sender) = with_bot().await;
    let (message, answer) =
        sender.say_and_deliver("ada", "general", "@AI-CRM task assign T-1 @grace <now> & here", None).await.unwrap();
    assert!(answer.unwrap().accepted());
    let sent = bot.sent.lock().unwrap()[0].clone();
    let text = "<at>AI-CRM</at>&nbsp;task assign T-1 <at>Grace Hopper</at>&nbsp;&lt;now&gt; &amp; here";
    assert_eq!((sent["type"].as_str(), sent["text"].as_str()), (Some("message"), Some(text)));
    assert_eq!(sent["textFormat"], "plain");
    assert_eq!(sent["entities"][0]["mentioned"]["id"], format!("28:{}", seed::APP_ID));
    assert_eq!(sent["entities"][1]["mentioned"]["id"], stage.world().user("grace").unwrap().id);
    assert_eq!(sent["conversation"]["id"], format!("{GENERAL};messageid={}", message.id));
    assert_eq!(
        (&sent["conversation"]["conversationType"], &sent["conversation"]["isGroup"]),
        (&json!("channel"), &json!(true))
    );
    assert_eq!(sent["channelData"]["team"]["id"], GENERAL);
    assert_eq!(sent["channelData"]["tenant"]["id"], seed::TENANT);
    assert_eq!(sent["recipient"]["name"], "AI-CRM");
    assert!(sent["replyToId"].is_null() && sent["from"]["aadObjectId"].is_string());
    assert_eq!(sent["serviceUrl"], stage.world().service_url());

    let (reply, _) = sender.say_and_deliver("grace", "general", "@ai-crm help", Some(&message.id)).await.unwrap();
    let sent = bot.sent.lock().unwrap()[1].clone();
    assert_eq!(sent["conversation"]["id"], format!("{GENERAL};messageid={}", message.id));
    assert_eq!((&sent["replyToId"], &sent["id"]), (&json!(message.id), &json!(reply.id)));

    for (place, text, told) in
        [("general", "not for the bot", false), ("outside", "@AI-CRM help", false), ("personal", "help", true)]
    {
        let said = sender.say("ada", place, text, None).unwrap();
        assert_eq!(said.activity.is_some(), told, "{place}: {text}");
    }
    let alone = sender.say("stranger", "personal", "help", None).unwrap().activity.unwrap();
    assert_eq!(alone["conversation"]["tenantId"], seed::OTHER_TENANT);
    assert!(alone["conversation"]["isGroup"].is_null());
    for (who, place) in [("stranger", "group"), ("ada", "personal-grace")] {
        assert!(
            sender.say(who, place, "help", None).unwrap_err().to_string().contains("is not in"),
            "{who} in {place}"
        );
    }
    assert!(sender.say("load7", "load-3", "@AI-CRM help", None).unwrap().activity.is_some());
    stage.world().set_hears_all(true);
    assert!(sender.say("ada", "group", "anything", None).unwrap().activity.is_some());
}

#[tokio::test]
async fn an_independent_check_takes_the_genuine_and_nothing_else() {
    let (stage, bot, sender) = with_bot().await;
    let activity = sender.say("ada", "personal", "help", None).unwrap().activity.unwrap();
    for variant in Variant::WRONG {
        let answer = sender.send(&sender.sign(&activity, variant)).await;
        assert_eq!(answer.status, Some(401), "{variant:?}");
    }
    let answers = sender.deliver_as(&activity, Manner::Twice).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [Some(200), Some(200)]);
    stage.world().rotate_keys();
    assert_eq!(sender.deliver(&activity).await.status, Some(401), "the receiver knows the old key alone");
    assert_eq!(bot.sent.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn every_kind_of_activity_has_its_shape() {
    let (stage, bot, sender) = with_bot().await;
    let said = sender.say("ada", "group", "@AI-CRM help", None).unwrap().message.id;
    let mut told = vec![
        sender.edit("ada", "group", &said, "@AI-CRM status").unwrap(),
        sender.react("grace", "group", &said, "like", true).unwrap(),
        sender.take_back("ada", "group", &said).unwrap(),
        sender.restore("ada", "group", &said).unwrap(),
        sender.membership("ada", "group", "stranger", true).unwrap(),
        sender.typing("ada", "personal").unwrap(),
        sender.meeting("ada", "meeting", "meetingStart").unwrap(),
        sender.invoke("ada", "personal", "composeExtension/query", &json!({"commandId": "x"})).unwrap(),
        sender.invoke("ada", "personal", "nobody/knows", &json!({})).unwrap(),
    ];
    told.extend(sender.uninstall("ada", "group").unwrap());
    assert_eq!(stage.world().conversation("group").unwrap().bot, BotStanding::Absent);
    told.extend(sender.install("ada", "group").unwrap());
    assert_eq!(stage.world().conversation("group").unwrap().bot, BotStanding::Installed);
    let kinds: Vec<String> = told
        .iter()
        .map(|activity| {
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let more = [&activity["channelData"]["eventType"], &activity["name"], &activity["action"]];
            let more: Vec<String> = more.into_iter().map(word).filter(|word| !word.is_empty()).collect();
            format!("{} {}", word(&activity["type"]), more.join(" ")).trim().to_owned()
        })
        .collect();
    let expected = [
        "messageUpdate editMessage",
        "messageReaction",
        "messageDelete softDeleteMessage",
        "messageUpdate undeleteMessage",
        "conversationUpdate",
        "typing",
        "event application/vnd.microsoft.meetingStart",
        "invoke composeExtension/query",
        "invoke nobody/knows",
        "installationUpdate remove",
        "conversationUpdate",
        "installationUpdate add",
        "conversationUpdate",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(told[0]["id"], said.as_str());
    assert_eq!(
        told[12]["membersAdded"][0]["id"], told[12]["recipient"]["id"],
        "the bot itself is among those who came"
    );
    for activity in &told {
        assert!(sender.deliver(activity).await.accepted());
    }
    assert_eq!(bot.sent.lock().unwrap().len(), 13);
}

#[tokio::test]
async fn a_press_fills_in_sends_and_shows_the_answer() {
    let (stage, bot, sender) = with_bot().await;
    let choices = json!([{"title": "Done", "value": "done"}, {"title": "Review", "value": "in-review"}]);
    let body = json!([
        {"type": "Input.ChoiceSet", "id": "to", "label": "Move to", "isRequired": true, "choices": choices},
        {"type": "Input.Text", "id": "why", "value": "so"},
    ]);
    let move_it = json!({
        "type": "Action.Execute", "title": "Move", "verb": "move", "data": {"task": "T-1"},
        "fallback": {"type": "Action.Submit", "title": "Move", "data": {"task": "T-1", "old": true}},
    });
    let open = json!({"type": "Action.OpenUrl", "title": "Open", "url": "https://x.example"});
    let (_, posted) = stage.post(GROUP, a_card(body, json!([move_it, open]))).await;
    let id = posted["id"].as_str().unwrap();
    let fill = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    for (label, filled, part) in [
        ("Move", &[][..], "Move to"),
        ("Move", &["Nowhere"], "Nowhere"),
        ("Absent", &[], "Absent"),
        ("Open", &["done"], "OpenUrl"),
    ] {
        let refused = sender.prepare_press("ada", "group", &Press { label, fill: &fill(filled), ..Press::default() });
        assert!(refused.unwrap_err().to_string().contains(part), "{label}");
    }
    let filled = fill(&["Review", "why=because"]);
    let press = Press { label: "move", fill: &filled, ..Press::default() };
    let after = json!({"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "moved"}]});
    let answers = [
        (json!({"statusCode": 200, "type": "application/vnd.microsoft.card.adaptive", "value": after}), "moved"),
        (json!({"statusCode": 200, "type": "application/vnd.microsoft.activity.message", "value": "ok"}), "ok"),
        (
            json!({"statusCode": 400, "type": "application/vnd.microsoft.error", "value": {"code": "X", "message": "no"}}),
            "no",
        ),
        (
            json!({"statusCode": 200, "type": "application/vnd.microsoft.adaptive.card", "value": after}),
            "do not go together",
        ),
    ];
    for (answer, part) in answers {
        stage.world().change(|state, _| state.message_mut(GROUP, id).unwrap().card_for.clear());
        *bot.answer.lock().unwrap() = answer.to_string();
        let (_, shown) = sender.press("ada", "group", &press).await.unwrap();
        assert!(json!(shown).to_string().contains(part), "{shown:?}");
        assert_eq!(stage.world().message(GROUP, id).unwrap().card_for.len(), usize::from(part == "moved"));
    }
    let sent = bot.sent.lock().unwrap()[0].clone();
    assert_eq!((&sent["type"], &sent["name"]), (&json!("invoke"), &json!("adaptiveCard/action")));
    let data = json!({"task": "T-1", "to": "in-review", "why": "because"});
    assert_eq!(
        sent["value"]["action"],
        json!({"type": "Action.Execute", "title": "Move", "verb": "move", "data": data})
    );
    assert_eq!((&sent["value"]["trigger"], &sent["replyToId"]), (&json!("manual"), &json!(id)));

    let old = Press { submit: true, ..press };
    let prepared = sender.prepare_press("ada", "group", &old).unwrap().activity;
    assert_eq!(prepared["type"], "message");
    assert!(prepared["text"].is_null());
    assert_eq!(prepared["value"], json!({"task": "T-1", "old": true, "to": "in-review", "why": "because"}));
    assert!(sender.prepare_refresh("ada", "group", id, Refresh::default()).is_err());
    *bot.answer.lock().unwrap() = String::new();
    let (_, shown) = sender.press("ada", "group", &old).await.unwrap();
    assert_eq!(shown, Shown::Nothing);
}

#[tokio::test]
async fn a_card_is_refreshed_by_itself_for_whom_it_says_and_by_the_menu_for_everybody() {
    let (stage, bot, sender) = with_bot().await;
    let grace = stage.world().user("grace").unwrap().id;
    let refreshed = |who: Value| {
        let input = json!({"type": "Input.ChoiceSet", "id": "to", "choices": [{"title": "Done", "value": "done"}]});
        let mut refresh = json!({"action": {"type": "Action.Execute", "verb": "again", "data": {"task": "T-1"}}});
        if !who.is_null() {
            refresh["userIds"] = who;
        }
        let mut card = a_card(json!([input]), json!([]));
        card["attachments"][0]["content"]["refresh"] = refresh;
        card
    };
    let by_itself = Refresh::default();
    for (who, for_ada) in [(json!(null), true), (json!([]), false), (json!([grace]), false)] {
        let (_, posted) = stage.post(GROUP, refreshed(who.clone())).await;
        let id = posted["id"].as_str().unwrap();
        assert_eq!(sender.prepare_refresh("ada", "group", id, by_itself).is_ok(), for_ada, "{who}");
        let by_menu = Refresh { by_menu: true, fill: &["done".to_owned()] };
        let asked = sender.prepare_refresh("ada", "group", id, by_menu).unwrap().activity;
        assert_eq!((&asked["value"]["trigger"], &asked["replyToId"]), (&json!("manual"), &json!(id)));
        assert_eq!(
            asked["value"]["action"]["data"],
            json!({"task": "T-1", "to": "done"}),
            "what is filled in goes along"
        );
    }
    let mut large = stage.world().conversation("group").unwrap();
    large.members.extend((0..60).map(|number| format!("29:more-{number}")));
    stage.world().put_conversation(large);
    let (_, posted) = stage.post(GROUP, refreshed(json!(null))).await;
    let id = posted["id"].as_str().unwrap();
    assert!(sender.prepare_refresh("ada", "group", id, by_itself).is_err(), "more than sixty are there");

    let card = json!({"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock", "text": "for grace"}]});
    *bot.answer.lock().unwrap() =
        json!({"statusCode": 200, "type": "application/vnd.microsoft.card.adaptive", "value": card}).to_string();
    let looked = sender.look("grace", "group").await.unwrap();
    assert!(looked.len() == 1 && json!(looked[0].1).to_string().contains("for grace"), "she is named once: {looked:?}");
    *bot.answer.lock().unwrap() = json!({"statusCode": 200}).to_string();
    let by_menu = Refresh { by_menu: true, fill: &[] };
    let (_, nothing) = sender.refresh("ada", "group", id, by_menu).await.unwrap();
    assert_eq!(nothing, Shown::Nothing, "the card stands as it was");
}

#[tokio::test]
async fn a_button_opens_a_dialog_only_by_an_answer_that_is_one() {
    let (stage, bot, sender) = with_bot().await;
    let open = json!({"type": "Action.Submit", "title": "Open", "data": {"msteams": {"type": "task/fetch"}}});
    stage.post(GROUP, a_card(json!([]), json!([open]))).await;
    let press = Press { label: "Open", ..Press::default() };
    let card = json!({"type": "AdaptiveCard", "version": "1.5", "body": []});
    let shows = json!({"contentType": checks::CARD_TYPE, "content": card});
    let full = json!({"title": "T", "height": "small", "width": 400, "card": shows});
    for (task, part) in [
        (json!({"type": "continue", "value": full}), "\"shown\":\"dialog\""),
        (json!({"type": "message", "value": "done"}), "done"),
        (json!({"type": "continue", "value": {"title": "T"}}), "an attachment with an Adaptive Card"),
        (json!({"type": "other"}), "continue or message"),
    ] {
        *bot.answer.lock().unwrap() = json!({ "task": task }).to_string();
        let (_, shown) = sender.press("ada", "group", &press).await.unwrap();
        assert!(json!(shown).to_string().contains(part), "{task}: {shown:?}");
    }
    assert_eq!(bot.sent.lock().unwrap()[0]["name"], "task/fetch");
    assert_eq!(stage.world().violations().len(), 2, "what is no dialog is recorded");
}

#[tokio::test]
async fn people_act_by_the_control_routes_too() {
    let (stage, bot, sender) = with_bot().await;
    let act = |more: Value| {
        let mut wanted = json!({"app_url": sender.config.base_url, "user": "ada", "conversation": "group"});
        activity::overlay(&mut wanted, more);
        wanted
    };
    let said = stage.control("send", act(json!({"do": "say", "text": "@AI-CRM help", "as": "twice"}))).await;
    assert_eq!(said["answers"].as_array().unwrap().len(), 2);
    let forged = stage.control("send", act(json!({"do": "say", "text": "@AI-CRM help", "as": "stale"}))).await;
    assert_eq!(forged["answers"][0]["status"], 401);
    let fields = json!({"type": "event", "name": "x"});
    stage.control("send", act(json!({"do": "activity", "fields": fields}))).await;
    assert_eq!(bot.sent.lock().unwrap().last().unwrap()["name"], "x");
    stage.control("send", act(json!({"do": "uninstall"}))).await;
    let nothing = stage.control("send", act(json!({"do": "say", "text": "@AI-CRM help"}))).await;
    assert_eq!((&nothing["told"], nothing["answers"].as_array().map(Vec::len)), (&json!(false), Some(0)));
    let nobody = stage.control("send", act(json!({"do": "say", "text": "x", "user": "nobody"}))).await;
    assert!(nobody["error"].as_str().unwrap().contains("nobody"));
    let shown = stage.look("_sim/messages?conversation=group&viewer=ada").await;
    assert_eq!(shown["messages"][0]["shown"], "Ada Lovelace\n  @AI-CRM help");
    let state = stage.look("_sim/state").await;
    assert!(state["app"]["passwords"].is_null() && state["calls"]["token"]["ok"] == 1);
    stage.control("reset", json!({})).await;
    assert!(stage.world().messages("group").is_empty());
}
