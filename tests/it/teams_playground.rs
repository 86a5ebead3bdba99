//! The real binary with `--teams-playground`, and a stand-in for Microsoft's playground, which signs nothing and takes
//! answers at its own address on this machine; and what must be so that this way in is never open unasked.

use std::sync::{Arc, Mutex, PoisonError};

use ai_crm::sim::teams::seed::{APP_ID, APP_PASSWORD, TENANT};
use anyhow::Context;
use axum::Router;
use axum::extract::{Json, Path, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::stage::{PATIENCE, run};
use crate::support::api::http_client;
use crate::support::server::{Server, ServerPlan};
use crate::support::until;

const OPTION: &str = "--teams-playground";

/// What came to the playground: the conversation, the message, and whether it had a token.
type Came = Arc<Mutex<Vec<(String, Value, bool)>>>;

/// The playground's end: its connector on this machine, and what came to it.
struct Playground {
    service_url: String,
    came: Came,
}

impl Playground {
    async fn open() -> anyhow::Result<Self> {
        let came = Came::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let service_url = format!("http://localhost:{}/_connector", listener.local_addr()?.port());
        let routes = Router::new()
            .route("/_connector/v3/conversations/{conversation}/activities", post(take))
            .route("/_connector/v3/conversations/{conversation}/members/{member}", get(member))
            .with_state(came.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { service_url, came })
    }

    /// As the playground's default configuration fills an activity in.
    fn says(&self, id: &str, text: &str) -> Value {
        json!({
            "type": "message", "id": id, "channelId": "msteams", "serviceUrl": self.service_url, "text": text,
            "from": {
                "id": "user-id-0", "name": "Alex Wilber", "aadObjectId": "00000000-0000-0000-0000-0000000000020",
            },
            "recipient": {"id": "00000000-0000-0000-0000-00000000000011", "name": "Test Bot"},
            "conversation": {
                "id": "personal-chat-id", "conversationType": "personal",
                "tenantId": "00000000-0000-0000-0000-0000000000001",
            },
            "channelData": {"tenant": {"id": "00000000-0000-0000-0000-0000000000001"}},
        })
    }

    fn came(&self) -> Vec<(String, Value, bool)> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(
    State(came): State<Came>,
    Path(conversation): Path<String>,
    headers: HeaderMap,
    Json(message): Json<Value>,
) -> Json<Value> {
    let mut came = came.lock().unwrap_or_else(PoisonError::into_inner);
    came.push((conversation, message, headers.contains_key("authorization")));
    Json(json!({"id": format!("m-{}", came.len())}))
}

async fn member(Path((_, member)): Path<(String, String)>, headers: HeaderMap) -> Json<Value> {
    // A token here would be found by the name that is given for it.
    let name = if headers.contains_key("authorization") { "with a token" } else { "Alex Wilber" };
    let tenant = "00000000-0000-0000-0000-0000000000001";
    Json(json!({"id": member, "name": name, "tenantId": tenant, "userRole": "user"}))
}

/// Sends without a token; gives the status.
async fn send(server: &Server, activity: &Value, headers: &[(&str, &str)]) -> anyhow::Result<u16> {
    let mut request = http_client()?.post(format!("{}/api/messages", server.base_url())).json(activity);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(request.send().await?.status().as_u16())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_playground_says_is_answered_there_without_a_token() -> anyhow::Result<()> {
    let (folder, playground) = (tempfile::tempdir()?, Playground::open().await?);
    let plan = ServerPlan::new(&folder.path().join("data")).with_option(OPTION);
    let server = plan.start().await?;
    assert!(server.greeting().await?.contains("WARNING: --teams-playground"), "it is said aloud");
    assert!(plan.log().contains("EVERY PROGRAM ON THIS MACHINE IS BELIEVED"), "{}", plan.log());
    assert_eq!(send(&server, &playground.says("1", "task create \"Played with\""), &[]).await?, 200);
    let seen = until(PATIENCE, "the answer", || async {
        Ok(playground.came().into_iter().find(|(_, message, _)| message.to_string().contains("Played with")))
    });
    let (conversation, message, with_token) = seen.await.with_context(|| plan.log())?;
    assert_eq!((conversation.as_str(), with_token), ("personal-chat-id", false), "{message}");
    assert!(message.to_string().contains("T-1"), "{message}");
    let events = server.api().get("/events?tenant=default").await?;
    assert_eq!(events["events"].as_array().map(Vec::len), Some(1), "it is the tenant `default`: {events}");
    let told = events["events"].to_string() + &server.api().get("/doctor").await?.to_string();
    assert!(told.contains("it speaks with the playground"), "{told}");

    let foreign = |url: &str| {
        let mut activity = playground.says("2", "task list");
        activity["serviceUrl"] = json!(url);
        activity
    };
    for url in ["https://smba.trafficmanager.net/emea/", "http://10.0.0.7:56150/", "http://localhost.example.com/"] {
        assert_eq!(send(&server, &foreign(url), &[]).await?, 403, "{url}");
    }
    for header in [("host", "bot.example.com"), ("x-forwarded-for", "10.0.0.7"), ("origin", "http://localhost:56150")] {
        assert_eq!(send(&server, &playground.says("3", "task list"), &[header]).await?, 401, "{header:?}");
    }
    assert_eq!(server.api().get("/events").await?["events"].as_array().map(Vec::len), Some(1), "nothing else is kept");
    assert!(server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_option_it_is_not_let_in() -> anyhow::Result<()> {
    let (folder, playground) = (tempfile::tempdir()?, Playground::open().await?);
    let off = ServerPlan::new(&folder.path().join("off"));
    let on = ServerPlan::new(&folder.path().join("on"))
        .with("MICROSOFT_APP_ID", APP_ID)
        .with("MICROSOFT_APP_PASSWORD", APP_PASSWORD)
        .with("MICROSOFT_APP_TENANT_ID", TENANT);
    for (plan, status) in [(on, 401), (off, 503)] {
        let server = plan.start().await?;
        assert_eq!(send(&server, &playground.says("1", "task create Unasked"), &[]).await?, status);
        assert!(server.api().events(None).await?.is_empty());
        assert!(!server.greeting().await?.contains("playground"));
        assert!(server.stop().await?.success());
    }
    assert!(playground.came().is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_does_not_start_with_an_app_or_where_others_reach_it() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let app =
        [("MICROSOFT_APP_ID", APP_ID), ("MICROSOFT_APP_PASSWORD", APP_PASSWORD), ("MICROSOFT_APP_TENANT_ID", TENANT)];
    for (variables, mend) in [
        (app.as_slice(), "take away the settings of the app"),
        (&[("AI_CRM__SERVER__LISTEN", "0.0.0.0:0")], "--listen 127.0.0.1:3978"),
        (&[("AI_CRM__SERVER__LISTEN", "[::]:0")], "--listen 127.0.0.1:3978"),
        (&[("AI_CRM_PUBLIC_URL", "https://bot.example.com")], "AI_CRM_PUBLIC_URL"),
        (&[("AI_CRM__CHANNELS__TEAMS__ENABLED", "false")], "channels.teams.enabled"),
        // There is no setting for it.
        (&[("AI_CRM__CHANNELS__TEAMS__COUNTERPART", "playground")], "no such key"),
    ] {
        let plan = ServerPlan::new(&folder.path().join("data"));
        let plan = variables.iter().fold(plan, |plan, (name, value)| plan.with(name, value));
        let refused = run(&plan, &["serve", OPTION], "").await?;
        assert_eq!(refused.code(), Some(1), "{variables:?}: {refused:?}");
        assert!(refused.err.contains(mend), "{variables:?}: {refused:?}");
        assert!(!plan.data().exists(), "nothing is made before it is refused");
    }
    let sim = run(&ServerPlan::new(&folder.path().join("data")), &["serve", "--profile", "sim", OPTION], "").await?;
    assert!(sim.code() == Some(1) && sim.err.contains("take away the settings of the app"), "{sim:?}");
    Ok(())
}
