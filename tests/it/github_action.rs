//! The GitHub Action of this repository: its file held to the rules by which nothing untrusted becomes part of a script,
//! and its script run as a runner runs it, against the real binary.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::{Value, json};

use crate::api_keys::{Bot, opened};
use crate::support::judge::root;

/// What a run of the script came to.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
    output: String,
}

fn action() -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(root().join("action.yml"))?;
    let read = ai_crm::workflow::yaml::read(&text).map_err(|mistake| anyhow::anyhow!("{mistake:?}"))?;
    Ok(read.to_json())
}

fn step(action: &Value) -> anyhow::Result<&Value> {
    let steps = action["runs"]["steps"].as_array().context("steps")?;
    ensure!(steps.len() == 1, "one step");
    steps.first().context("a step")
}

/// Runs the script with these inputs, as the runner does: `bash -e -o pipefail`, what is written in `env` filled in.
async fn run(folder: &Path, inputs: &[(&str, &str)], runner: &[(&str, &str)]) -> anyhow::Result<Ran> {
    let action = action()?;
    let step = step(&action)?;
    let script = folder.join("script.sh");
    std::fs::write(&script, step["run"].as_str().context("run")?)?;
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    for (name, input) in action["inputs"].as_object().context("inputs")? {
        let default = input["default"].as_str().unwrap_or_default();
        let value = inputs.iter().find(|(it, _)| it == name).map_or(default, |(_, value)| *value);
        given.insert(name.clone(), value.to_owned());
    }
    let output = folder.join("output");
    std::fs::write(&output, "")?;
    let mut command = tokio::process::Command::new("bash");
    command.args(["--noprofile", "--norc", "-e", "-o", "pipefail"]).arg(&script).current_dir(folder);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("GITHUB_OUTPUT", &output);
    for (name, value) in step["env"].as_object().context("env")? {
        let value = value.as_str().context("a text")?;
        let input = value.strip_prefix("${{ inputs.").and_then(|rest| rest.strip_suffix(" }}")).context("an input")?;
        command.env(name, given.get(input).with_context(|| format!("no input is called {input}"))?);
    }
    let ran = command.envs(runner.iter().copied()).kill_on_drop(true).output().await?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let output = std::fs::read_to_string(&output)?;
    Ok(Ran { code: ran.status.code(), out: text(ran.stdout), err: text(ran.stderr), output })
}

#[test]
fn nothing_untrusted_is_part_of_its_script_and_nothing_of_others_is_used() -> anyhow::Result<()> {
    let action = action()?;
    ensure!(action["runs"]["using"] == "composite");
    let steps = action["runs"]["steps"].as_array().context("steps")?;
    for step in steps {
        let keys: Vec<&String> = step.as_object().context("a step")?.keys().collect();
        ensure!(step["uses"].is_null() && step["shell"] == "bash", "{keys:?}");
        let run = step["run"].as_str().context("run")?;
        ensure!(!run.contains("${{"), "an expression would become part of the script: take it by `env`");
        ensure!(!run.contains("eval") && !run.contains("--insecure") && !run.contains("--location"), "{run}");
    }
    let mut inputs: Vec<&String> = action["inputs"].as_object().context("inputs")?.keys().collect();
    inputs.sort();
    ensure!(inputs == ["api_key", "auto_assign", "event", "pm_analysis", "url"], "{inputs:?}");
    for (name, input) in action["inputs"].as_object().context("inputs")? {
        ensure!(input["description"].is_string(), "{name}");
        ensure!(input["required"] == true || input["default"].is_string(), "{name}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_posts_its_event_once_and_the_issue_becomes_a_task() -> anyhow::Result<()> {
    let bot = Bot::set(&[]).await?;
    let (key, id) = bot.key(&[]).await?;
    let folder = tempfile::tempdir()?;
    let payload = folder.path().join("event.json");
    std::fs::write(&payload, opened("acme", 1).to_string())?;
    let payload = payload.to_str().context("UTF-8")?;
    let runner = |attempt| {
        [
            ("GITHUB_EVENT_NAME", "issues"),
            ("GITHUB_EVENT_PATH", payload),
            ("GITHUB_RUN_ID", "1658821493"),
            ("GITHUB_RUN_ATTEMPT", attempt),
        ]
    };
    let url = format!("{}/", bot.server.base_url());
    let inputs = [("api_key", key.as_str()), ("url", url.as_str()), ("pm_analysis", "true")];
    let ran = run(folder.path(), &inputs, &runner("1")).await?;
    ensure!(ran.code == Some(0), "{ran:?}");
    let event = ran.output.trim().strip_prefix("event=").context("an output")?.to_owned();
    ensure!(ran.out.lines().all(|line| !line.contains(&key) || line.starts_with("::add-mask::")), "{ran:?}");
    ensure!(!ran.err.contains(&key), "{ran:?}");

    let again = run(folder.path(), &inputs, &runner("1")).await?;
    ensure!(again.code == Some(0) && again.output == ran.output, "the same attempt is the same event: {again:?}");
    let anew = run(folder.path(), &inputs, &runner("2")).await?;
    ensure!(anew.code == Some(0) && anew.output != ran.output, "who runs it anew wants it anew: {anew:?}");
    let shown = bot.ended(&event).await?;
    ensure!(
        shown["event"]["name"] == "issues.opened" && shown["event"]["posted"]["by"] == format!("api key {id}"),
        "{shown}"
    );
    ensure!(shown["story"]["end"] == "done", "{shown}");
    let tasks = crate::support::until(crate::stage::PATIENCE, "the task is made", || async {
        let tasks = bot.tasks().await?;
        Ok((!tasks.is_empty()).then_some(tasks))
    })
    .await?;
    ensure!(tasks.len() == 1 && tasks[0]["title"].as_str().is_some_and(|it| it.starts_with("GitHub: ")), "{tasks:?}");

    let renamed = [&inputs[..], &[("event", "pull_request_review")]].concat();
    let ran = run(folder.path(), &renamed, &runner("1")).await?;
    ensure!(ran.code == Some(0), "{ran:?}");
    let event = ran.output.trim().trim_start_matches("event=").to_owned();
    ensure!(bot.ended(&event).await?["event"]["name"] == "pull_request_review.opened");
    bot.stop().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_cannot_do_it_says_in_one_line_and_shows_no_key() -> anyhow::Result<()> {
    let bot = Bot::set(&[("AI_CRM__CHANNELS__GITHUB__ACCOUNTS", "acme")]).await?;
    let (key, id) = bot.key(&[]).await?;
    let (revoked, gone) = bot.key(&[]).await?;
    bot.server.api().post(&format!("/keys/{gone}/revoke"), &json!({})).await?;
    let folder = tempfile::tempdir()?;
    let file = |name: &str, text: &str| -> anyhow::Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path.to_str().context("UTF-8")?.to_owned())
    };
    let good = file("good.json", &opened("acme", 1).to_string())?;
    let others = file("others.json", &opened("stranger", 1).to_string())?;
    let broken = file("broken.json", "{")?;
    let url = bot.server.base_url().to_owned();
    // A server that answers in words of its own.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let strange = format!("http://{}", listener.local_addr()?);
    let detail = r#"{"detail":"100% \"odd\"::warning::x"}"#;
    let routes = Router::new().fallback(post(move || async move { (StatusCode::CONFLICT, detail) }));
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let (with_revoked, with_strange) = ([("api_key", revoked.as_str())], [("url", strange.as_str())]);
    type Step<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
    let table: Vec<Step<'_>> = vec![
        (&[("api_key", "")], &good, "api_key is empty"),
        (&[("api_key", "x\n::set-output name=a::b")], &good, "api_key is empty"),
        (&with_revoked, &good, "was revoked"),
        (&[("url", "http://bot.example.com")], &good, "no https address"),
        (&[("url", "http://127.0.0.1:8080@bot.example.com")], &good, "no https address"),
        (&[("url", "https://bot.example.com/\"; id")], &good, "no https address"),
        (&[("url", "http://127.0.0.1:8080\n::warning::x")], &good, "no https address"),
        (&with_strange, &good, "(409): 100%25"),
        (&[("pm_analysis", "yes")], &good, "true or false"),
        (&[("event", "Issues; id")], &good, "name of an event"),
        (&[], "/nowhere.json", "no payload"),
        (&[], &others, "channels.github.accounts"),
        (&[], &broken, "(400)"),
    ];
    for (number, (changed, payload, expected)) in table.into_iter().enumerate() {
        let mut inputs: BTreeMap<&str, &str> = BTreeMap::from([("api_key", key.as_str()), ("url", url.as_str())]);
        inputs.extend(changed.iter().copied());
        let inputs: Vec<(&str, &str)> = inputs.into_iter().collect();
        let runner = [
            ("GITHUB_EVENT_NAME", "issues"),
            ("GITHUB_EVENT_PATH", payload),
            ("GITHUB_RUN_ID", "7"),
            ("GITHUB_RUN_ATTEMPT", "1"),
        ];
        let ran = run(folder.path(), &inputs, &runner).await?;
        ensure!(ran.code == Some(1) && ran.output.is_empty(), "row {number}: {ran:?}");
        let said: Vec<&str> = ran.out.lines().filter(|line| !line.starts_with("::add-mask::aicrm_")).collect();
        ensure!(said.len() == 1 && said[0].starts_with("::error title=AI-CRM::"), "row {number}: {ran:?}");
        ensure!(said[0].contains(expected) && !said[0].contains(&key), "row {number}: {ran:?}");
    }
    ensure!(bot.server.api().events(None).await?.is_empty());
    ensure!(!id.is_empty() && !bot.plan.log().contains(&key[6..]) && !bot.plan.log().contains(&revoked[6..]));
    bot.stop().await
}
