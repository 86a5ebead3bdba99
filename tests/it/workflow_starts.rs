//! Workflows that begin by hand and by calls of other services, and those in the shadow, whose runs only say what they
//! would do.

use std::time::{Duration, Instant};

use ai_crm::sim::slack::message::Message;
use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::office::Office;
use crate::stage::{ADA, DEV, PATIENCE, words};
use crate::support::api::http_client;
use crate::support::until;

const STARTS: &str = r##"
workflows:
  by_hand:
    trigger: { manual: { inputs: { team: { required: true }, count: { type: number, default: 1 } } } }
    actions:
      - { action: create_ai_crm_task, params: { title: "{event.inputs.count} for {event.inputs.team}" } }
  deployed:
    trigger: { webhook: { id: deploys }, conditions: [{ state: [failed] }] }
    actions:
      - { action: slack_notification, params: { channel: "#dev-team", message: "{service} has failed: {event.payload.why}" } }
"##;

impl Office {
    /// A call of another service.
    async fn call(
        &self,
        service: &str,
        bearer: Option<&str>,
        delivery: Option<&str>,
        body: &str,
    ) -> anyhow::Result<StatusCode> {
        let request = http_client()?.post(format!("{}/api/webhooks/{service}", self.stage.address()));
        let request = request.header("content-type", "application/json").body(body.to_owned());
        let request = bearer.into_iter().fold(request, |request, bearer| request.bearer_auth(bearer));
        let request = delivery.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
        Ok(request.send().await?.status())
    }

    async fn key(&self, scope: &str) -> anyhow::Result<String> {
        let made = self.stage.run(&["keys", "create", "--scope", scope, "--json"]).await?.json()?;
        made["key"].as_str().map(str::to_owned).with_context(|| format!("{made}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_started_by_hand_with_what_it_asks_for() -> anyhow::Result<()> {
    let office = Office::with(STARTS).await?;
    let start = |words: &'static [&'static str]| office.stage.run(words);
    for (words, said) in [
        (&["workflow", "start", "by_hand"][..], "`team` is needed"),
        (&["workflow", "start", "by_hand", "--input", "team=a", "--input", "count=many"], "`count` takes a number"),
        (&["workflow", "start", "by_hand", "--input", "teem=a"], "`teem`"),
        (&["workflow", "start", "deployed"], "has no trigger `manual`"),
        (&["workflow", "start", "nowhere"], "no workflow is called `nowhere`"),
    ] {
        let refused = start(words).await?;
        ensure!(refused.code() == Some(1) && refused.err.contains(said), "{words:?}: {refused:?}");
    }
    let started = start(&["workflow", "start", "by_hand", "--input", "team=the cellar", "--input", "count=3"]).await?;
    ensure!(started.code() == Some(0) && started.out.contains("is started by e-"), "{started:?}");
    ensure!(office.ended(1).await? == ["done"]);
    let tasks = office.tasks().await?;
    ensure!(tasks.len() == 1 && tasks[0]["title"] == "3 for the cellar", "{tasks:?}");
    office.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_another_service_begins_the_workflow_that_names_it_once() -> anyhow::Result<()> {
    let office = Office::with(STARTS).await?;
    let key = office.key("webhooks").await?;
    let other = office.key("events:github").await?;
    let body = json!({"state": "failed", "service": "<!channel> shop", "why": "no space"}).to_string();
    for (service, bearer, body, wanted) in [
        ("unknown", Some(&*key), &*body, StatusCode::NOT_FOUND),
        ("deploys", None, &*body, StatusCode::UNAUTHORIZED),
        ("deploys", Some("aicrm_wrong"), &*body, StatusCode::UNAUTHORIZED),
        ("deploys", Some(&*other), &*body, StatusCode::FORBIDDEN),
        ("deploys", Some(&*key), "{\"state\": ", StatusCode::BAD_REQUEST),
        ("deploys", Some(&*key), "{\"state\": \"fine\"}", StatusCode::ACCEPTED),
    ] {
        let status = office.call(service, bearer, None, body).await?;
        ensure!(status == wanted, "{service} {body}: {status}");
    }
    for _ in 0..3 {
        ensure!(office.call("deploys", Some(&key), Some("d-1"), &body).await? == StatusCode::ACCEPTED);
    }
    ensure!(office.ended(1).await? == ["done"]);
    let said = office.stage.said(DEV);
    ensure!(said.len() == 1 && words(&said[0]).contains("shop has failed: no space"), "{said:?}");
    ensure!(said[0].calls_out_to().is_empty(), "{said:?}");
    office.end().await
}

const SHADOW: &str = r##"
workflows:
  careful:
    shadow: true
    trigger: { platform: github, event: issues.opened }
    actions:
      - { id: task, action: create_ai_crm_task, params: { title: "{issue.title}" } }
      - { id: gate, approval: { approvers: { group: ops, min: 2 }, ask: "Tell of {task.title}?" } }
      - { id: tell, when: { steps.gate.approved: true }, action: slack_notification, params: { channel: "#dev-team", message: "{task.title}" } }
      - { id: comment, action: github_comment, params: { message: "{task.url}" } }
      - { id: close, action: github.close, params: { reason: completed } }
"##;

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_in_the_shadow_does_nothing_and_says_what_it_would_do() -> anyhow::Result<()> {
    let office = Office::with(SHADOW).await?;
    let number = office.opened("the cellar", &[])?;
    office.opened("the roof", &[])?;
    ensure!(office.ended(2).await? == ["done", "done"], "{:?}", office.runs().await?);
    ensure!(office.tasks().await?.is_empty() && office.stage.said(DEV).is_empty());
    let issue = office.world().issue("acme/shop", number).context("the issue")?;
    ensure!(issue.open && office.of_bot(number).is_empty(), "{issue:?}");
    let shown = office.stage.run(&["workflow", "show", "R-1"]).await?;
    for part in [
        "in the shadow: nothing of it was done",
        "held back: `tell` would be done by `slack.post` with",
        "#dev-team",
        "held back: `gate` would ask",
        "held back: `close` would be done by `github.close`",
    ] {
        ensure!(shown.out.contains(part), "{part}: {shown:?}");
    }
    let report = office.stage.run(&["workflow", "shadow"]).await?;
    ensure!(report.out.contains("careful: 2 runs in the shadow (done 2)"), "{report:?}");
    ensure!(report.out.contains("close 2, comment 2, task 2, tell 2"), "{report:?}");
    // Out of the shadow it acts.
    let rules = office.folder().join("rules.yml");
    std::fs::write(&rules, SHADOW.replace("    shadow: true\n", "").replace("group: ops, min: 2", "group: ops"))?;
    let is_live = || async { Ok((office.stage.plan.log().matches("workflows are in use").count() > 1).then_some(())) };
    until(PATIENCE, "the file is read anew", is_live).await?;
    office.opened("the door", &[])?;
    let made = || async { Ok(Some(office.tasks().await?).filter(|tasks: &Vec<Value>| !tasks.is_empty())) };
    let tasks = until(PATIENCE, "a task", made).await?;
    ensure!(tasks.len() == 1 && tasks[0]["title"] == "the door", "{tasks:?}");
    let cancelled = office.stage.run(&["workflow", "cancel", "R-3"]).await?;
    ensure!(cancelled.code() == Some(0), "{cancelled:?}");
    office.ended(3).await?;
    office.end().await
}

const OVERHEARD: &str = r##"
workflows:
  outage:
    trigger: { platform: slack, event: message, conditions: [{ text.contains: outage }] }
    actions:
      - { action: create_ai_crm_task, params: { title: "{text}", description: "said by {user} in {channel}; {token}{authorizations}" } }
      - { action: slack_notification, params: { channel: "#dev-team", message: "An outage is named: {text}" } }
"##;

#[tokio::test(flavor = "multi_thread")]
async fn what_people_say_among_themselves_in_slack_begins_the_workflow_that_listens_and_the_bot_itself_does_not()
-> anyhow::Result<()> {
    let office = Office::with(OVERHEARD).await?;
    for line in ["an outage of the shop <!here>", "nothing happens", "<@U0BOT0001> task list"] {
        let (_, answers) = office.stage.sender.say_and_deliver(ADA, DEV, line, None).await?;
        ensure!(answers.iter().all(|answer| answer.status == Some(200)), "{answers:?}");
    }
    let told = |message: &Message| words(message).contains("An outage is named");
    let said = || async { Ok(office.stage.said(DEV).into_iter().find(told)) };
    let message = until(PATIENCE, "the channel hears of it", said).await?;
    ensure!(message.calls_out_to().is_empty(), "{message:?}");
    ensure!(office.ended(1).await? == ["done"], "its own message begins nothing: {:?}", office.runs().await?);
    ensure!(office.stage.said(DEV).iter().filter(|message| told(message)).count() == 1);
    let tasks = office.tasks().await?;
    ensure!(tasks.len() == 1 && tasks[0]["title"].as_str().is_some_and(|it| it.starts_with("an outage")), "{tasks:?}");
    let shown = office.task("T-1").await?["description"].as_str().unwrap_or_default().to_owned();
    ensure!(shown == "said by U0ADA0001 in C0DEVTEAM;", "{shown}");
    office.end().await
}

const SPIRAL: &str = r#"
workflows:
  spiral:
    allow_self: true
    trigger: { platform: github, event: issue_comment.created }
    actions: [{ action: github_comment, params: { message: "again", topic: none } }]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn where_a_workflow_listens_to_the_bot_itself_it_follows_from_itself_three_times() -> anyhow::Result<()> {
    let office = Office::with(SPIRAL).await?;
    let number = office.opened("the stairs", &[])?;
    for round in 1..=2 {
        office.act("ann", json!({"do": "comment", "number": number, "text": "once"}))?;
        office.answered(number, 4 * round).await?;
        office.ended(4 * round).await?;
        ensure!(office.of_bot(number).len() == 4 * round, "{:?}", office.of_bot(number).len());
    }
    office.end().await
}

/// What a channel refuses before it is tried again is refused as it would be then.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_nowhere_fails_again_when_it_is_tried_again() -> anyhow::Result<()> {
    let rules = "workflows:\n  breaks:\n    trigger: { platform: github, event: issues.opened }\n    actions:\n      \
                 - { action: slack_notification, params: { channel: \"#nowhere\", message: hello } }\n";
    let office = Office::with(rules).await?;
    office.opened("Login breaks", &[])?;
    ensure!(office.ended(1).await? == ["failed"]);
    let asked = office.stage.api().send(Method::POST, "/api/v1/runs/R-1/retry", Some(&json!({}))).await?;
    ensure!(asked.status.is_success(), "{} {}", asked.status, asked.body);
    let look = || async {
        let run = office.stage.api().get("/runs/R-1").await?;
        Ok((run["attempt"] == 2 && run["status"] == "failed").then_some(run))
    };
    let run = until(PATIENCE, "it fails again", look).await?;
    ensure!(run.to_string().contains("#nowhere"), "{run}");
    office.end().await
}

/// Messages elsewhere that are changed with a task are no answers to who changes it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_at_the_terminal_is_answered_at_once_while_messages_elsewhere_change() -> anyhow::Result<()> {
    let office = Office::with("workflows: {}\n").await?;
    office.stage.answer(ADA, "task create \"Mend the login\"").await?;
    let begun = Instant::now();
    let said = json!({ "user": "ada", "delivery": "d-1", "line": "task update T-1 --priority low" });
    let answer = office.stage.api().send(Method::POST, "/api/v1/chat", Some(&said)).await?;
    ensure!(answer.status.as_u16() == 200 && answer.body["ended"] == true, "{} {}", answer.status, answer.body);
    ensure!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    office.end().await
}
