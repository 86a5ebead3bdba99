//! The stand-in over real HTTP: its Web API and response URLs as an application meets them.

mod faults;
mod modals;
mod streams;
mod towards_the_app;
mod unfurls;

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::clock::SetClock;
use super::*;

const TOKEN: &str = "xoxb-sim";

/// A served workspace and an HTTP client.
struct Stage {
    sim: SlackSim,
    clock: Arc<SetClock>,
    http: reqwest::Client,
}

impl Stage {
    async fn set() -> Self {
        // Installed by whichever test comes first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = SetClock::new();
        let world = SlackWorld::new(TOKEN, clock.clone());
        let sim = SlackSim::start("127.0.0.1:0", world).await.unwrap();
        Self { sim, clock, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    fn world(&self) -> &SharedWorld {
        self.sim.world()
    }

    fn advance(&self, ms: i64) {
        self.clock.advance(ms);
    }

    fn request(&self, method: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{method}", self.sim.api_url())).bearer_auth(TOKEN)
    }

    /// A call with JSON arguments.
    async fn json(&self, method: &str, arguments: Value) -> Value {
        let request = self.request(method).header("content-type", "application/json; charset=utf-8");
        request.body(arguments.to_string()).send().await.unwrap().json().await.unwrap()
    }

    /// A call with form arguments.
    async fn form(&self, method: &str, arguments: &[(&str, &str)]) -> Value {
        self.request(method).form(arguments).send().await.unwrap().json().await.unwrap()
    }

    async fn post(&self, text: &str) -> String {
        let answer = self.json("chat.postMessage", json!({"channel": "C0GENERAL", "text": text})).await;
        answer["ts"].as_str().unwrap().to_owned()
    }

    async fn history(&self, arguments: &[(&str, &str)]) -> Vec<Value> {
        let arguments = [&[("channel", "C0GENERAL")], arguments].concat();
        self.form("conversations.history", &arguments).await["messages"].as_array().unwrap().clone()
    }

    async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/_sim/{path}", self.world().base_url());
        self.http.post(url).json(&body).send().await.unwrap().json().await.unwrap()
    }

    async fn look(&self, path: &str) -> Value {
        let url = format!("{}/_sim/{path}", self.world().base_url());
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }

    /// A post to a response URL: status and body.
    async fn respond(&self, url: &str, body: Value) -> (u16, Value) {
        let response = self.http.post(url).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

/// A Home of so many blocks.
fn home(blocks: usize) -> Value {
    json!({"type": "home", "blocks": vec![json!({"type": "divider"}); blocks]})
}

#[tokio::test]
async fn a_home_is_published_in_the_place_of_the_one_before() {
    let stage = Stage::set().await;
    let ada = "U0ADA0001";
    let publish = |arguments: Value| stage.json("views.publish", arguments);
    let first = publish(json!({"user_id": ada, "view": home(100)})).await;
    assert_eq!((&first["ok"], &first["view"]["team_id"]), (&json!(true), &json!("T0SIM0001")));
    let (id, hash) = (&first["view"]["id"], &first["view"]["hash"]);
    let second = publish(json!({"user_id": ada, "view": home(1), "hash": hash})).await;
    assert_eq!((&second["ok"], &second["view"]["id"]), (&json!(true), id));
    assert_ne!(&second["view"]["hash"], hash);
    assert_eq!(publish(json!({"user_id": ada, "view": home(1), "hash": hash})).await["error"], "hash_conflict");
    assert_eq!(stage.world().home(ada).unwrap().view, second["view"]);
    assert!(stage.world().home("U0GRACE01").is_none());

    let text = |count: usize| json!({"type": "plain_text", "text": "x".repeat(count)});
    let section = json!({"type": "section", "text": text(2500)});
    let large = json!({"type": "home", "blocks": vec![section; 100]});
    assert_eq!(publish(json!({"user_id": ada, "view": large})).await["error"], "view_too_large");
    let mut modal = home(1);
    (modal["type"], modal["title"]) = (json!("modal"), text(1));
    let odd = [("title", text(1)), ("blocks", json!([{"type": "table", "rows": []}])), ("blocks", json!("x"))];
    for view in odd
        .map(|(name, value)| {
            let mut view = home(1);
            view[name] = value;
            view
        })
        .into_iter()
        .chain([modal])
    {
        let refused = publish(json!({"user_id": ada, "view": view})).await;
        assert_eq!(refused["error"], "invalid_arguments", "{view}");
    }
    stage.world().set_home_tab(false);
    assert_eq!(publish(json!({"user_id": ada, "view": home(1)})).await["error"], "not_enabled");
    assert_eq!(stage.world().homes().len(), 2);
}

#[tokio::test]
async fn refuses_as_slack_does() {
    let stage = Stage::set().await;
    let own = stage.post("mine").await;
    let typed = Sender::new(stage.world().clone(), SenderConfig::new("http://127.0.0.1:1", "s")).unwrap();
    let foreign = typed.say("U0ADA0001", "C0GENERAL", "hers", None).unwrap().message.ts;
    let cases = [
        ("chat.postMessage", json!({"text": "a"}), "channel_not_found"),
        ("chat.postMessage", json!({"channel": "C0NOWHERE", "text": "a"}), "channel_not_found"),
        ("chat.postMessage", json!({"channel": "G0CLOSED1", "text": "a"}), "channel_not_found"),
        ("chat.postMessage", json!({"channel": "C0OUTSIDE", "text": "a"}), "not_in_channel"),
        ("chat.postMessage", json!({"channel": "C0ARCHIVE", "text": "a"}), "is_archived"),
        ("chat.postMessage", json!({"channel": "C0GENERAL"}), "no_text"),
        ("chat.postMessage", json!({"channel": "C0GENERAL", "text": "a", "blocks": {}}), "invalid_blocks_format"),
        (
            "chat.postMessage",
            json!({"channel": "C0GENERAL", "text": "a", "blocks": [{"type": "header"}]}),
            "invalid_blocks",
        ),
        (
            "chat.postMessage",
            json!({"channel": "C0GENERAL", "text": "a", "thread_ts": "1.000000"}),
            "invalid_thread_ts",
        ),
        ("chat.postMessage", json!({"channel": "C0GENERAL", "text": "a", "thread_ts": 1.5}), "invalid_thread_ts"),
        (
            "chat.postMessage",
            json!({"channel": "C0GENERAL", "text": "a", "metadata": {"event_type": "x"}}),
            "invalid_metadata_format",
        ),
        ("chat.update", json!({"channel": "C0GENERAL", "ts": "1.000000", "text": "a"}), "message_not_found"),
        ("chat.update", json!({"channel": "C0GENERAL", "ts": foreign, "text": "a"}), "cant_update_message"),
        ("chat.update", json!({"channel": "C0GENERAL", "ts": own, "text": "é".repeat(2001)}), "msg_too_long"),
        ("chat.update", json!({"channel": "C0GENERAL", "ts": own}), "no_text"),
        ("chat.delete", json!({"channel": "C0GENERAL", "ts": foreign}), "cant_delete_message"),
        ("chat.postEphemeral", json!({"channel": "C0GENERAL", "user": "U0NOBODY", "text": "a"}), "user_not_in_channel"),
        ("conversations.open", json!({}), "users_list_not_supplied"),
        ("conversations.open", json!({"users": "U0NOBODY"}), "user_not_found"),
        ("reactions.add", json!({"channel": "C0GENERAL", "timestamp": own, "name": ":x:"}), "invalid_name"),
        ("views.open", json!({"trigger_id": "1.2.3", "view": {"type": "sheet"}}), "invalid_arguments"),
        ("views.publish", json!({"view": home(1)}), "invalid_arguments"),
        ("views.publish", json!({"user_id": "U0NOBODY", "view": home(1)}), "invalid_arguments"),
        ("views.publish", json!({"user_id": "U0ADA0001"}), "invalid_arguments"),
        ("views.publish", json!({"user_id": "U0ADA0001", "view": home(0)}), "invalid_arguments"),
        ("views.publish", json!({"user_id": "U0ADA0001", "view": home(101)}), "invalid_arguments"),
        ("views.publish", json!({"user_id": "U0ADA0001", "view": home(1), "hash": "1.hash"}), "hash_conflict"),
        ("chat.unknown", json!({}), "unknown_method"),
    ];
    for (method, arguments, expected) in cases {
        let answer = stage.json(method, arguments.clone()).await;
        assert_eq!((&answer["ok"], &answer["error"]), (&json!(false), &json!(expected)), "{method} {arguments}");
    }
    let broken = json!({"channel": "C0GENERAL", "text": "a", "blocks": [{"type": "header"}]});
    let answer = stage.json("chat.postMessage", broken).await;
    let expected = json!(["[ERROR] missing required field: text [json-pointer:/blocks/0]"]);
    assert_eq!(answer["response_metadata"]["messages"], expected);
}

#[tokio::test]
async fn lets_in_who_has_a_token() {
    let stage = Stage::set().await;
    stage.world().put_token("xoxb-old");
    stage.world().revoke_token("xoxb-old");
    let url = format!("{}auth.test", stage.sim.api_url());
    for (header, expected) in [
        (None, json!("not_authed")),
        (Some("Bearer xoxb-wrong"), json!("invalid_auth")),
        (Some("Bearer xoxb-old"), json!("token_revoked")),
        (Some("Bearer xoxb-sim"), Value::Null),
    ] {
        let mut request = stage.http.post(&url);
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["error"], expected, "{header:?}");
    }
    // In a form the token may be an argument, in JSON it may not.
    let form: Value = stage.http.post(&url).form(&[("token", TOKEN)]).send().await.unwrap().json().await.unwrap();
    assert_eq!(form["user_id"], seed::BOT_USER);
    let body: Value = stage.http.post(&url).json(&json!({"token": TOKEN})).send().await.unwrap().json().await.unwrap();
    assert_eq!((&body["error"], &body["warning"]), (&json!("not_authed"), &json!("missing_charset")));
}

#[tokio::test]
async fn read_methods_do_not_read_json() {
    let stage = Stage::set().await;
    assert_eq!(stage.json("users.info", json!({"user": "U0ADA0001"})).await["error"], "invalid_arguments");
    assert_eq!(stage.form("users.info", &[("user", "U0ADA0001")]).await["user"]["is_admin"], true);
    let url = format!("{}users.info?user=U0STRANGE", stage.sim.api_url());
    let got: Value = stage.http.get(url).bearer_auth(TOKEN).send().await.unwrap().json().await.unwrap();
    assert_eq!((&got["user"]["team_id"], &got["user"]["is_stranger"]), (&json!("T0OTHER01"), &json!(true)));
    assert_eq!(stage.form("users.info", &[("user", "U0LOAD77")]).await["user"]["is_restricted"], false);
    assert_eq!(stage.form("users.info", &[("user", "U0NOBODY")]).await["error"], "user_not_found");
    assert_eq!(stage.world().violations().len(), 1, "only the JSON read is a mistake of the caller");
}

#[tokio::test]
async fn messages_live_change_and_go() {
    let stage = Stage::set().await;
    let blocks = json!([{"type": "divider"}]);
    let answer = stage
        .form("chat.postMessage", &[("channel", "C0GENERAL"), ("text", "a"), ("blocks", &blocks.to_string())])
        .await;
    let ts = answer["ts"].as_str().unwrap();
    assert_eq!(ts, "1700000000.000000");
    assert!(answer["message"]["blocks"][0]["block_id"].is_string(), "slack names what has no name");

    let reply = stage.json("chat.postMessage", json!({"channel": "C0GENERAL", "text": "b", "thread_ts": ts})).await;
    let reply = reply["ts"].as_str().unwrap();
    assert!(reply > ts, "times grow though the clock stands still");
    assert_eq!(stage.history(&[]).await.len(), 1, "a reply is not in the channel");
    let nested = stage.json("chat.postMessage", json!({"channel": "C0GENERAL", "text": "c", "thread_ts": reply})).await;
    assert_eq!(nested["error"], "invalid_thread_ts", "a thread has the ts of its parent");

    // A text without blocks takes the blocks away, and says so.
    let updated = stage.json("chat.update", json!({"channel": "C0GENERAL", "ts": ts, "text": "a2"})).await;
    assert_eq!(
        (&updated["message"]["blocks"], &updated["message"]["edited"]["user"]),
        (&Value::Null, &json!(seed::BOT_USER))
    );
    let thread = stage.form("conversations.replies", &[("channel", "C0GENERAL"), ("ts", reply)]).await;
    let texts: Vec<&Value> = thread["messages"].as_array().unwrap().iter().map(|message| &message["text"]).collect();
    assert_eq!(texts, [&json!("a2"), &json!("b")]);

    assert_eq!(stage.json("chat.delete", json!({"channel": "C0GENERAL", "ts": reply})).await["ok"], true);
    assert_eq!(stage.world().messages("C0GENERAL").len(), 1);
    assert_eq!(stage.world().posts().len(), 2, "what was posted stays counted");
    assert_eq!(
        stage.form("conversations.replies", &[("channel", "C0GENERAL"), ("ts", "1.000000")]).await["error"],
        "thread_not_found"
    );
}

#[tokio::test]
async fn ephemeral_messages_are_for_one_and_in_no_history() {
    let stage = Stage::set().await;
    let answer =
        stage.json("chat.postEphemeral", json!({"channel": "C0GENERAL", "user": "U0ADA0001", "text": "psst"})).await;
    let ts = answer["message_ts"].as_str().unwrap();
    assert!(stage.history(&[]).await.is_empty());
    assert_eq!(stage.world().message("C0GENERAL", ts).unwrap().ephemeral_to.as_deref(), Some("U0ADA0001"));
    let update = stage.json("chat.update", json!({"channel": "C0GENERAL", "ts": ts, "text": "a"})).await;
    assert_eq!(update["error"], "message_not_found");
}

#[tokio::test]
async fn long_texts_are_cut_and_noted() {
    let stage = Stage::set().await;
    stage.post(&"x".repeat(40_000)).await;
    assert!(stage.world().violations().is_empty());
    let answer = stage.json("chat.postMessage", json!({"channel": "C0GENERAL", "text": "x".repeat(40_001)})).await;
    assert_eq!((&answer["ok"], &answer["warning"]), (&json!(true), &json!("message_truncated")));
    assert_eq!(stage.world().messages("C0GENERAL")[1].text.len(), 40_000);
    let blocks_only = json!({"channel": "C0GENERAL", "blocks": [{"type": "divider"}]});
    assert_eq!(stage.json("chat.postMessage", blocks_only).await["ok"], true);
    let errors: Vec<String> = stage.world().violations().into_iter().map(|violation| violation.error).collect();
    assert_eq!(errors, ["message_truncated", "blocks_without_text"]);
}

#[tokio::test]
async fn history_is_paged_and_bounded() {
    let stage = Stage::set().await;
    let mut times = Vec::new();
    for number in 0..5 {
        stage.advance(1000);
        times.push(stage.post(&format!("m{number}")).await);
    }
    let texts =
        |messages: Vec<Value>| messages.iter().map(|m| m["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(texts(stage.history(&[("oldest", &times[1]), ("latest", &times[3])]).await), ["m2"]);
    let whole = [("oldest", times[1].as_str()), ("latest", &times[3]), ("inclusive", "true")];
    assert_eq!(texts(stage.history(&whole).await), ["m3", "m2", "m1"]);
    let first = stage.form("conversations.history", &[("channel", "C0GENERAL"), ("limit", "2")]).await;
    assert_eq!(first["has_more"], true);
    let cursor = first["response_metadata"]["next_cursor"].as_str().unwrap();
    assert_eq!(texts(stage.history(&[("limit", "3"), ("cursor", cursor)]).await), ["m2", "m1", "m0"]);
}

#[tokio::test]
async fn opens_conversations_and_tells_of_channels() {
    let stage = Stage::set().await;
    let open = |user: &'static str| stage.json("conversations.open", json!({"users": user}));
    assert_eq!(open("U0GRACE01").await["channel"]["id"], "D0GRACE01");
    assert_eq!(open("U0LOAD5").await["channel"]["id"], "D0LOAD5");
    assert_eq!(stage.json("chat.postMessage", json!({"channel": "U0LOAD5", "text": "hi"})).await["channel"], "D0LOAD5");
    let info = stage.form("conversations.info", &[("channel", "D0LOAD5")]).await;
    assert_eq!((&info["channel"]["is_im"], &info["channel"]["user"]), (&json!(true), &json!("U0LOAD5")));
    let info = stage.form("conversations.info", &[("channel", "G0PRIVATE")]).await;
    assert_eq!((&info["channel"]["is_private"], &info["channel"]["name"]), (&json!(true), &json!("leads")));
    assert_eq!(stage.json("api.test", json!({"foo": "bar"})).await["args"]["foo"], "bar");
}

#[tokio::test]
async fn reactions_stay_once() {
    let stage = Stage::set().await;
    let ts = stage.post("nice").await;
    let react = || stage.json("reactions.add", json!({"channel": "C0GENERAL", "timestamp": ts, "name": "eyes"}));
    assert_eq!(react().await["ok"], true);
    assert_eq!(react().await["error"], "already_reacted");
}

#[tokio::test]
async fn a_response_url_lives_for_five_uses() {
    let stage = Stage::set().await;
    let (id, url) = stage.world().new_response_url("G0CLOSED1", "U0ADA0001");
    assert!(url.starts_with(&stage.world().base_url()));
    let cases = [
        (json!({"text": "one"}), (200, Value::Null)),
        (json!({"text": "two", "response_type": "in_channel"}), (200, Value::Null)),
        (json!({"text": "one, better", "replace_original": true}), (200, Value::Null)),
        (json!({"blocks": [{"type": "header"}]}), (400, json!("invalid_blocks"))),
        (json!({"delete_original": true}), (200, Value::Null)),
        (json!({"text": "six"}), (404, json!("used_url"))),
    ];
    for (body, (status, error)) in cases {
        let (got, answer) = stage.respond(&url, body.clone()).await;
        assert_eq!((got, &answer["error"]), (status, &error), "{body}");
        if body["replace_original"] == true {
            let shown = &stage.world().messages("G0CLOSED1")[0];
            assert_eq!((shown.text.as_str(), shown.ephemeral_to.as_deref()), ("one, better", Some("U0ADA0001")));
        }
    }
    let left = stage.world().messages("G0CLOSED1");
    assert_eq!((left.len(), left[0].text.as_str(), &left[0].ephemeral_to), (1, "two", &None));
    assert_eq!(stage.look(&format!("response/{id}")).await["posts"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_response_url_lives_for_thirty_minutes() {
    let stage = Stage::set().await;
    let (_, url) = stage.world().new_response_url("C0GENERAL", "U0ADA0001");
    stage.advance(30 * 60_000);
    assert_eq!(stage.respond(&url, json!({"text": "in time"})).await.0, 200);
    stage.advance(1);
    assert_eq!(stage.respond(&url, json!({"text": "late"})).await, (404, json!({"ok": false, "error": "expired_url"})));
    let nowhere = format!("{}/response/R0", stage.world().base_url());
    assert_eq!(stage.respond(&nowhere, json!({"text": "a"})).await.0, 404);
}

#[tokio::test]
async fn people_can_look_in_and_start_over() {
    let stage = Stage::set().await;
    let ts = stage.post("*hi* &amp; welcome").await;
    stage.post("second").await;
    let seen = stage.look(&format!("messages?channel=C0GENERAL&after={ts}")).await;
    assert_eq!(seen["messages"].as_array().unwrap().len(), 1);
    let seen = stage.look("messages?channel=C0GENERAL").await;
    assert_eq!(seen["messages"][0]["shown"], "AI-CRM  APP\n  hi & welcome");
    let state = stage.look("state").await;
    assert_eq!((&state["posts"], &state["calls"]["chat.postMessage"]["ok"]), (&json!(2), &json!(2)));
    let given = stage.control("response_url", json!({"channel": "C0GENERAL", "user": "U0ADA0001"})).await;
    assert_eq!(stage.respond(given["response_url"].as_str().unwrap(), json!({"text": "a"})).await.0, 200);
    stage.control("reset", json!({})).await;
    assert!(stage.world().messages("C0GENERAL").is_empty());
    assert!(stage.post("after").await > ts, "times do not start over");
}
