//! Latency under a burst from GitHub: 500 signed deliveries a second that wait for nobody, the 10,000 of an hour within
//! twenty seconds; a tenth of them begins a workflow, and all runs come to their end. Then a changed rule is judged by these
//! events.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::figures::{Report, rate};
use crate::support::github::{GitHub, ONE_OF, opened};
use crate::support::load::{Connection, open_loop};
use crate::support::server::{Server, folder};
use crate::support::stand_in::StandIn;

const EVERY: Duration = Duration::from_millis(2);
const COUNT: usize = 10_000;
/// Before the clock runs, so that keys are there, and pages are in memory.
const WARM_UP: usize = 500;
const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(300);
const MOST_TO_2XX: f64 = 50.0;
/// Seconds from the last delivery to the end of the last run: nobody who opens an issue waits for longer.
const MOST_TO_DRAINED: f64 = 5.0;
/// Seconds in which a changed rule is judged by the events of that burst.
const MOST_TO_JUDGED: f64 = 10.0;
const TOKEN: &str = "an-admin-token-of-the-benchmark-0123456789";

/// Runs of different issues have nothing to do with each other; without a key ten of a workflow go at a time.
const RULES: &str = r##"
workflows:
  bugs:
    concurrency: { key: "{repository.full_name}#{issue.number}" }
    trigger: { platform: github, event: issues.opened, conditions: [{ labels.contains: [bug] }] }
    actions:
      - { id: task, action: create_ai_crm_task, params: { title: "GitHub: {issue.title}", description: "{issue.body}" } }
      - { action: task.comment, params: { task: "{task.key}", text: "{issue.html_url}" } }
      - { action: slack_notification, params: { channel: C0BENCH000, message: "New task: {task.title}" } }
"##;

/// Measures it.
pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let (slack, github, data, rules) = (StandIn::start().await?, GitHub::start().await?, folder()?, folder()?);
    std::fs::write(rules.path().join("rules.yml"), RULES)?;
    let server = started(data.path(), &slack, &github, rules.path()).await?;
    let warm_up = Arc::new(opened(0, WARM_UP));
    open_loop(server.address, &warm_up, CONNECTIONS, EVERY).await?;
    drained(&server, of_these(WARM_UP)).await?;
    slack.forget();
    let (before, pool) = (server.processor_time()?, Arc::new(opened(WARM_UP as u64, COUNT)));
    let (mut burst, due) = open_loop(server.address, &pool, CONNECTIONS, EVERY).await?;
    anyhow::ensure!(burst.refused == 0, "{} of {COUNT} were refused", burst.refused);
    let begun = server.metric("ai_crm_events_waiting").await?;
    drained(&server, of_these(WARM_UP) + of_these(COUNT)).await?;
    let last = due.last().context("there was a last one")?;
    let after = last.elapsed().as_secs_f64();
    let messages = slack.messages();
    anyhow::ensure!(messages == of_these(COUNT), "{messages} messages of {} runs", of_these(COUNT));
    report.line("offered", &format!("{:.0}/s", rate(burst.taken, burst.took)));
    report.line("to the 2xx", &burst.latencies.words());
    report.line("events that waited when the last was taken", &format!("{begun:.0}"));
    let busy = (server.processor_time()? - before).as_secs_f64();
    report.line("processor time of the server", &format!("{busy:.1} s; {} calls of GitHub", github.calls()));
    let p99 = burst.latencies.at(0.99);
    report.demand("p99 to the 2xx at 500/s of GitHub", &format!("{p99:.1} ms"), "< 50 ms", p99 < MOST_TO_2XX);
    let runs = of_these(COUNT);
    let figure = format!("{after:.1} s");
    report.demand(&format!("all {runs} runs over behind the last"), &figure, "< 5 s", after < MOST_TO_DRAINED);
    let took = judged(&server).await?.as_secs_f64();
    let figure = format!("{took:.2} s");
    report.demand(&format!("what-if over these {COUNT} events"), &figure, "< 10 s", took < MOST_TO_JUDGED);
    server.stop().await
}

/// Has a changed rule judged by the events that are kept: it begins by all but those by which the one in use does.
async fn judged(server: &Server) -> anyhow::Result<Duration> {
    let text = RULES.replace("labels.contains: [bug]", "labels.contains: [question]");
    let body = json!({ "files": [{ "name": "rules.yml", "text": text }], "since_ms": 0 }).to_string();
    let (mut connection, begun) = (Connection::open(server.address).await?, Instant::now());
    let (status, answer) = connection.post_as("/api/v1/workflows/what-if", TOKEN, &body).await?;
    let took = begun.elapsed();
    let (all, same) = (COUNT + WARM_UP, of_these(WARM_UP) + of_these(COUNT));
    let wanted = format!("would begin {} more, {same} no longer", all - same);
    anyhow::ensure!(status == 200 && answer.contains(&wanted), "{status} {answer}");
    Ok(took)
}

/// How many of so many deliveries begin a run.
fn of_these(deliveries: usize) -> usize {
    deliveries.div_ceil(usize::try_from(ONE_OF).unwrap_or(1))
}

async fn started(data: &Path, slack: &StandIn, github: &GitHub, rules: &Path) -> anyhow::Result<Server> {
    let mut settings = github.settings(rules);
    settings.push(("AI_CRM_ADMIN_TOKEN", TOKEN.to_owned()));
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Server::connected(data, slack, &settings).await
}

/// Waits until no event waits and so many runs are over, all of them well.
async fn drained(server: &Server, runs: usize) -> anyhow::Result<()> {
    let mut connection = Connection::open(server.address).await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut over = 0;
        let mut page = "?limit=1000".to_owned();
        loop {
            let (status, body) = connection.get_as(&format!("/api/v1/runs{page}"), TOKEN).await?;
            anyhow::ensure!(status == 200, "{status} {body}");
            let body: Value = serde_json::from_str(&body)?;
            over += body["runs"].as_array().into_iter().flatten().filter(|run| run["status"] == "done").count();
            match body["next"].as_str() {
                Some(next) => page = format!("?limit=1000&before={next}"),
                None => break,
            }
        }
        if over >= runs && server.metric("ai_crm_events_waiting").await? == 0.0 {
            return Ok(());
        }
        anyhow::ensure!(Instant::now() < deadline, "{over} of {runs} runs are over within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
