//! The stand-in over real HTTP: keys, tokens and the connector as an application meets them.

mod towards_the_app;

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::clock::SetClock;
use super::super::fault::{Fate, Faults};
use super::seed::{BotStanding, DEV, GENERAL, GROUP};
use super::*;

/// A served tenant, an HTTP client, and a token.
struct Stage {
    sim: TeamsSim,
    clock: Arc<SetClock>,
    http: reqwest::Client,
    token: String,
}

fn encoded(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string()
}

impl Stage {
    async fn set() -> Self {
        // Installed by whichever test comes first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = SetClock::new();
        let world = TeamsWorld::new(App::default(), clock.clone());
        let sim = TeamsSim::start("127.0.0.1:0", world).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut stage = Self { sim, clock, http, token: String::new() };
        let (status, body) = stage.login(seed::TENANT, &[]).await;
        assert_eq!((status, &body["expires_in"]), (200, &json!(3600)));
        stage.token = body["access_token"].as_str().unwrap().to_owned();
        stage
    }

    fn world(&self) -> &SharedWorld {
        self.sim.world()
    }

    fn advance(&self, ms: i64) {
        self.clock.advance(ms);
    }

    /// Asks for a token, with some fields of the form changed.
    async fn login(&self, tenant: &str, changed: &[(&str, &str)]) -> (u16, Value) {
        let mut form = std::collections::BTreeMap::from([
            ("grant_type", "client_credentials"),
            ("client_id", seed::APP_ID),
            ("client_secret", seed::APP_PASSWORD),
            ("scope", "https://api.botframework.com/.default"),
        ]);
        form.extend(changed.iter().copied());
        let url = format!("{}{tenant}/oauth2/v2.0/token", self.sim.login_url());
        let response = self.http.post(url).form(&form).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn call(&self, verb: &str, path: &str, body: Value) -> (u16, Value) {
        let response = self.request(verb, path, &body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    fn request(&self, verb: &str, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let url = format!("{}v3/{path}", self.world().service_url());
        let request = self.http.request(verb.parse().unwrap(), url).bearer_auth(&self.token);
        request.header("content-type", "application/json").body(body.to_string())
    }

    /// Posts to a conversation.
    async fn post(&self, conversation: &str, activity: Value) -> (u16, Value) {
        self.call("POST", &format!("conversations/{}/activities", encoded(conversation)), activity).await
    }

    /// Posts a text and gives its id.
    async fn say(&self, conversation: &str, text: &str) -> String {
        let (status, body) = self.post(conversation, json!({"type": "message", "text": text})).await;
        assert_eq!(status, 201, "{body}");
        body["id"].as_str().unwrap().to_owned()
    }

    async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/_sim/{path}", self.world().base_url());
        self.http.post(url).json(&body).send().await.unwrap().json().await.unwrap()
    }

    async fn look(&self, path: &str) -> Value {
        let url = format!("{}/{path}", self.world().base_url());
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }
}

fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap_or_default()
}

fn a_card(body: Value, actions: Value) -> Value {
    let card = json!({"type": "AdaptiveCard", "version": "1.5", "body": body, "actions": actions});
    json!({"type": "message", "attachments": [{"contentType": checks::CARD_TYPE, "content": card}]})
}

#[tokio::test]
async fn publishes_keys_and_rotates_them() {
    let stage = Stage::set().await;
    let metadata = stage.look("v1/.well-known/openidconfiguration").await;
    assert_eq!(metadata["issuer"], "https://api.botframework.com");
    assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(["RS256"]));
    assert_eq!(metadata["jwks_uri"], format!("{}/v1/.well-known/keys", stage.world().base_url()));
    let first = stage.look("v1/.well-known/keys").await["keys"][0].clone();
    assert_eq!((&first["kty"], &first["use"], &first["e"]), (&json!("RSA"), &json!("sig"), &json!("AQAB")));
    assert!(first["endorsements"].as_array().unwrap().contains(&json!("msteams")));
    stage.control("rotate-keys", json!({})).await;
    let second = stage.look("v1/.well-known/keys").await["keys"][0].clone();
    assert!(first["kid"] != second["kid"] && first["n"] != second["n"]);
}

#[tokio::test]
async fn gives_tokens_as_entra_does() {
    let stage = Stage::set().await;
    for (tenant, changed, status, error, part) in [
        (seed::TENANT, ("client_secret", "wrong"), 401, "invalid_client", "AADSTS7000215"),
        (seed::TENANT, ("client_secret", ""), 401, "invalid_client", "AADSTS7000218"),
        (seed::TENANT, ("client_id", "x"), 400, "unauthorized_client", "AADSTS700016"),
        (seed::OTHER_TENANT, ("scope", ""), 400, "unauthorized_client", "AADSTS700016"),
        ("botframework.com", ("scope", ""), 400, "unauthorized_client", "AADSTS700016"),
        (seed::TENANT, ("scope", "https://graph.microsoft.com/.default"), 400, "invalid_scope", "AADSTS70011"),
        (seed::TENANT, ("grant_type", "password"), 400, "unsupported_grant_type", "AADSTS70003"),
        (seed::TENANT, ("grant_type", ""), 400, "invalid_request", "AADSTS900144"),
    ] {
        let (found, body) = stage.login(tenant, &[changed]).await;
        assert_eq!((found, body["error"].as_str()), (status, Some(error)), "{tenant} {changed:?}");
        assert!(body["error_description"].as_str().unwrap().starts_with(part), "{body}");
    }
}

#[tokio::test]
async fn lets_in_only_with_a_token_that_holds() {
    let stage = Stage::set().await;
    let url = format!("{}v3/conversations/{}/pagedmembers", stage.world().service_url(), encoded(GROUP));
    for (token, status) in [(stage.token.as_str(), 200), ("other", 401), ("", 401)] {
        let answer = stage.http.get(&url).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{token}");
    }
    stage.advance(3_600_000);
    let answer = stage.http.get(&url).bearer_auth(&stage.token).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 401, "an hour later");
}

#[tokio::test]
async fn posts_replies_edits_and_takes_back() {
    let stage = Stage::set().await;
    let root = stage.say(GENERAL, "first").await;
    let chain = format!("{GENERAL};messageid={root}");
    let inner = stage.say(&chain, "second").await;
    let path = format!("conversations/{}/activities/{}", encoded(GENERAL), inner);
    let (status, third) = stage.call("POST", &path, json!({"type": "message", "text": "third"})).await;
    assert_eq!(status, 201);
    let third = stage.world().message("general", third["id"].as_str().unwrap()).unwrap();
    assert_eq!((third.root.as_deref(), third.reply_to.as_deref()), (Some(&*root), Some(&*inner)));
    let (status, body) = stage.call("PUT", &path, json!({"type": "message", "text": "2nd"})).await;
    assert_eq!((status, &body["id"]), (200, &json!(inner)));
    let edited = stage.world().message(GENERAL, &inner).unwrap();
    assert_eq!((edited.text(), edited.edits, edited.root.as_deref()), ("2nd", 1, Some(&*root)));
    assert_eq!(stage.call("DELETE", &path, json!({})).await.0, 200);
    assert!(stage.world().message(GENERAL, &inner).unwrap().deleted);
    let (status, body) = stage.call("PUT", &path, json!({"type": "message", "text": "again"})).await;
    assert_eq!((status, code(&body)), (404, "ActivityNotFoundInConversation"));
    assert_eq!(stage.world().posts().len(), 3);
    let (_, body) = stage.post(GENERAL, json!({"type": "typing"})).await;
    assert!(body["id"].is_string());
    assert_eq!(stage.world().typing()[GENERAL], 1);
}

#[tokio::test]
async fn text_and_card_of_one_activity_become_two_messages_and_the_id_is_neither() {
    let stage = Stage::set().await;
    let mut both = a_card(json!([{"type": "TextBlock", "text": "card"}]), json!([]));
    both["text"] = json!("text");
    let (status, body) = stage.post(GROUP, both.clone()).await;
    assert_eq!(status, 201);
    let messages = stage.world().messages(GROUP);
    assert_eq!((messages.len(), messages[0].text(), messages[1].text()), (2, "text", ""));
    assert_eq!((messages[0].cards().count(), messages[1].cards().count()), (0, 1));
    let path = format!("conversations/{}/activities/{}", encoded(GROUP), body["id"].as_str().unwrap());
    assert_eq!(stage.call("PUT", &path, both).await.0, 404);
}

#[tokio::test]
async fn refuses_as_the_connector_does() {
    let stage = Stage::set().await;
    let hers = {
        let sender = Sender::new(stage.world().clone(), SenderConfig::new("http://127.0.0.1:1")).unwrap();
        sender.say("ada", "group", "mine", None).unwrap().message.id
    };
    let text = json!({"type": "message", "text": "a"});
    let at = |conversation: &str, rest: &str| format!("conversations/{}/activities{rest}", encoded(conversation));
    let chain = format!("{GENERAL};messageid=1");
    for (verb, path, body, status, expected) in [
        ("POST", at("19:none@thread.v2", ""), text.clone(), 404, "ConversationNotFound"),
        ("POST", at(&chain, ""), text.clone(), 404, "ConversationNotFound"),
        ("POST", at(seed::OUTSIDE, ""), text.clone(), 403, "BotNotInConversationRoster"),
        ("POST", at(GROUP, "/17"), text.clone(), 404, "ActivityNotFoundInConversation"),
        ("PUT", at(GROUP, "/17"), text.clone(), 404, "ActivityNotFoundInConversation"),
        ("PUT", at(GROUP, &format!("/{hers}")), text.clone(), 403, "NotEnoughPermissions"),
        ("POST", at(GROUP, ""), json!({"type": "trace"}), 400, "BadArgument"),
        ("POST", at(GROUP, ""), json!({"type": "message"}), 400, "BadSyntax"),
        ("POST", at(GROUP, ""), json!({"type": "message", "text": "x".repeat(60_000)}), 413, "MessageSizeTooBig"),
        ("POST", "conversations".into(), json!({"isGroup": true, "activity": text}), 400, "BadArgument"),
        ("POST", "conversations".into(), json!({"members": [{"id": "29:nobody"}]}), 400, "BadArgument"),
        ("GET", format!("teams/{}", encoded(GROUP)), json!({}), 404, "NotFound"),
    ] {
        let (found, answer) = stage.call(verb, &path, body).await;
        assert_eq!((found, code(&answer)), (status, expected), "{verb} {path}: {answer}");
    }
    for (standing, expected) in
        [(BotStanding::DisabledByAdmin, "BotDisabledByAdmin"), (BotStanding::Blocked, "ConversationBlockedByUser")]
    {
        assert!(stage.world().set_standing("personal-ada", standing));
        let chat = stage.world().conversation("personal-ada").unwrap().id;
        let (status, answer) = stage.post(&chat, json!({"type": "message", "text": "a"})).await;
        assert_eq!((status, code(&answer)), (403, expected));
    }
    assert_eq!(stage.world().violations().len(), 14, "each is recorded");
}

#[tokio::test]
async fn a_conversation_that_is_moved_is_known_where_it_is_alone() {
    let stage = Stage::set().await;
    assert!(stage.world().move_to("group", "amer") && !stage.world().move_to("nowhere", "amer"));
    let (status, answer) = stage.post(GROUP, json!({"type": "message", "text": "a"})).await;
    assert_eq!((status, code(&answer)), (404, "ConversationNotFound"));
    let url = stage.world().service_url().replace("emea", "amer");
    let path = format!("{url}v3/conversations/{}/activities", encoded(GROUP));
    let body = json!({"type": "message", "text": "a"}).to_string();
    let request = stage.http.post(path).bearer_auth(&stage.token).header("content-type", "application/json");
    assert_eq!(request.body(body).send().await.unwrap().status(), 201);
    stage.say(DEV, "others are where they were").await;
}

#[tokio::test]
async fn a_targeted_message_is_for_one_person_and_a_day() {
    let stage = Stage::set().await;
    let grace = stage.world().user("grace").unwrap().id;
    let path = format!("conversations/{}/activities?isTargetedActivity=true", encoded(GROUP));
    let (status, body) = stage.call("POST", &path, json!({"type": "message", "text": "psst"})).await;
    assert_eq!((status, code(&body)), (400, "BadArgument"), "it names nobody");
    let whisper = json!({"type": "message", "text": "psst", "recipient": {"id": grace}});
    let (status, body) = stage.call("POST", &path, whisper.clone()).await;
    assert_eq!(status, 201, "{body}");
    let id = body["id"].as_str().unwrap();
    let seen = async |viewer: &str| {
        let path = format!("_sim/messages?conversation=group&viewer={viewer}");
        stage.look(&path).await["messages"].as_array().unwrap().len()
    };
    assert_eq!((seen("grace").await, seen("ada").await), (1, 0));
    let edit = format!("conversations/{}/activities/{id}", encoded(GROUP));
    assert_eq!(stage.call("PUT", &edit, whisper.clone()).await.0, 404, "without isTargetedActivity");
    assert_eq!(stage.call("PUT", &format!("{edit}?isTargetedActivity=true"), whisper.clone()).await.0, 200);
    stage.advance(24 * 3_600_000);
    let (_, again) = stage.login(seed::TENANT, &[]).await;
    let stage = Stage { token: again["access_token"].as_str().unwrap().to_owned(), ..stage };
    assert!(stage.world().message(GROUP, id).unwrap().deleted);
    assert_eq!(stage.call("PUT", &format!("{edit}?isTargetedActivity=true"), whisper).await.0, 404);
}

#[tokio::test]
async fn begins_conversations_and_knows_who_is_there() {
    let stage = Stage::set().await;
    let ada = stage.world().user("ada").unwrap();
    let wanted = json!({"members": [{"id": ada.id}], "tenantId": seed::TENANT, "isGroup": false});
    let (status, body) = stage.call("POST", "conversations", wanted).await;
    let chat = stage.world().conversation("personal-ada").unwrap().id;
    assert_eq!((status, body["id"].as_str()), (201, Some(&*chat)));
    let post = json!({
        "isGroup": true, "channelData": {"channel": {"id": DEV}}, "activity": {"type": "message", "text": "new"},
    });
    let (_, body) = stage.call("POST", "conversations", post).await;
    let id = body["activityId"].as_str().unwrap();
    assert_eq!(body["id"], format!("{DEV};messageid={id}"));
    assert_eq!(stage.world().message("dev", id).unwrap().text(), "new");

    for (who, status) in [(ada.id.as_str(), 200), (ada.aad_object_id.as_deref().unwrap(), 200), ("29:nobody", 404)] {
        let path = format!("conversations/{}/members/{}", encoded(GROUP), encoded(who));
        let (found, body) = stage.call("GET", &path, json!({})).await;
        assert_eq!(found, status);
        assert!(status == 404 || (body["userRole"] == "user" && body["email"] == "ada@sim.example"), "{body}");
    }
    let path = format!("conversations/{}/pagedmembers?pageSize=2", encoded(seed::MEETING));
    let (_, body) = stage.call("GET", &path, json!({})).await;
    let roles: Vec<&Value> = body["members"].as_array().unwrap().iter().map(|member| &member["userRole"]).collect();
    assert_eq!(roles, ["user", "user", "user", "anonymous"], "pages have fifty at least");
    let (_, team) = stage.call("GET", &format!("teams/{}", encoded(GENERAL)), json!({})).await;
    assert_eq!((&team["name"], &team["channelCount"]), (&json!("Sim"), &json!(2)));
    let (_, list) = stage.call("GET", &format!("teams/{}/conversations", encoded(GENERAL)), json!({})).await;
    assert_eq!(list["conversations"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn keeps_the_pace_and_lets_things_go_wrong() {
    let stage = Stage::set().await;
    stage.control("limits", json!({"enforced": true})).await;
    for number in 0..7 {
        stage.say(GROUP, &number.to_string()).await;
    }
    let path = format!("conversations/{}/activities", encoded(GROUP));
    let text = json!({"type": "message", "text": "a"});
    let slowed = stage.request("POST", &path, &text).send().await.unwrap();
    assert_eq!((slowed.status().as_u16(), slowed.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    assert_eq!(code(&slowed.json().await.unwrap()), "Throttled");
    stage.control("limits", json!({"enforced": false})).await;

    let script = [Fate::RateLimited, Fate::ServerError, Fate::LostAnswer, Fate::Refused].into();
    stage.world().set_faults(Faults { script, methods: vec!["send".into()], ..Faults::default() });
    for (status, posts) in [(Some(429), 7), (Some(503), 7), (None, 8), (None, 8), (Some(201), 9)] {
        let answer = stage.request("POST", &path, &text).send().await;
        assert_eq!(answer.ok().map(|answer| answer.status().as_u16()), status);
        assert_eq!(stage.world().posts().len(), posts);
    }
    assert!(!stage.world().posts()[7].answered && stage.world().posts()[8].answered);
    assert_eq!(stage.world().duplicates().len(), 1, "the one that nobody was told of was sent again");
    assert_eq!(stage.world().calls()["send"]["answer_lost"], 1);
    stage.world().set_faults(Faults { outage: true, ..Faults::default() });
    assert!(stage.http.get(stage.sim.metadata_url()).send().await.is_err());
}

#[tokio::test]
async fn streams_grow_in_order_and_end() {
    let stage = Stage::set().await;
    let chat = stage.world().conversation("personal-ada").unwrap().id;
    let part = |kind: &str, sequence: Option<u64>, id: Option<&str>, text: &str| {
        let mut info = json!({"type": "streaminfo", "streamType": kind});
        if let Some(sequence) = sequence {
            info["streamSequence"] = json!(sequence);
        }
        if let Some(id) = id {
            info["streamId"] = json!(id);
        }
        let activity = if kind == "final" { "message" } else { "typing" };
        json!({"type": activity, "text": text, "entities": [info]})
    };
    let (status, body) = stage.post(GROUP, part("informative", Some(1), None, "thinking")).await;
    assert_eq!((status, code(&body)), (403, "ContentStreamNotAllowed"), "not in a group");
    assert_eq!(stage.post(&chat, part("streaming", Some(2), None, "a")).await.0, 400, "it begins with 1");
    let (status, body) = stage.post(&chat, part("informative", Some(1), None, "thinking")).await;
    assert_eq!(status, 201);
    let id = body["id"].as_str().unwrap();
    assert_eq!(stage.post(&chat, part("streaming", Some(2), Some(id), "Hel")).await.0, 429, "at once");
    stage.advance(1000);
    assert_eq!(stage.post(&chat, part("streaming", Some(2), Some(id), "Hel")).await.0, 202);
    stage.advance(1000);
    assert_eq!(stage.post(&chat, part("streaming", Some(3), Some(id), "lo")).await.0, 403, "not the whole text");
    assert!(stage.world().message(&chat, id).unwrap().streaming);
    assert_eq!(stage.post(&chat, part("final", Some(4), Some(id), "Hello")).await.0, 400, "the last has no number");
    assert_eq!(stage.post(&chat, part("final", None, Some(id), "Hello")).await.0, 202);
    let message = stage.world().message(&chat, id).unwrap();
    assert_eq!((message.text(), message.streaming), ("Hello", false));
    assert_eq!(stage.post(&chat, part("final", None, Some(id), "Hello")).await.0, 403, "it is over");

    let (_, body) = stage.post(&chat, part("streaming", Some(1), None, "long")).await;
    let id = body["id"].as_str().unwrap();
    assert!(stage.world().stop_stream(id) && !stage.world().stop_stream(id));
    stage.advance(1000);
    let (status, body) = stage.post(&chat, part("streaming", Some(2), Some(id), "longer")).await;
    assert_eq!((status, code(&body)), (403, "ContentStreamNotAllowed"));
    assert!(body["error"]["message"].as_str().unwrap().contains("canceled by user"));

    let (_, body) = stage.post(&chat, part("streaming", Some(1), None, "one")).await;
    let id = body["id"].as_str().unwrap();
    assert_eq!(stage.post(&chat, part("streaming", Some(1), None, "two")).await.0, 403, "one at a time");
    assert_eq!(stage.post(&chat, part("final", None, Some(id), "")).await.0, 400, "without a text");
    assert_eq!(stage.post(&chat, part("final", None, Some(id), "two")).await.0, 403, "not what was shown");
    stage.advance(121_000);
    assert_eq!(stage.post(&chat, part("final", None, Some(id), "one")).await.0, 403, "too late");
    assert_eq!(stage.post(&chat, part("streaming", Some(1), None, "two")).await.0, 201);
    stage.world().set_streaming(false);
    assert_eq!(stage.post(&chat, part("streaming", Some(1), None, "three")).await.0, 403);
}
