//! What operators do with a bot that runs, by the binary alone: backups, keys, the ledger, the audit chain, policies,
//! and an orderly end. The first start stands in `setup.rs`.

use std::path::Path;
use std::time::Duration;

use ai_crm::sim::slack::{Faults, seed};
use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::stage::{ADA, DEV, Expected, GRACE, GUEST, PATIENCE, Stage, controls, run, words};
use crate::support::api::Api;
use crate::support::server::ServerPlan;
use crate::support::until;

/// The tasks of a server, by the API, without what only the store knows.
async fn tasks(api: &Api) -> anyhow::Result<Value> {
    let listed = api.post("/tools/task.list", &json!({"limit": 100, "all": true})).await?;
    Ok(listed["result"]["tasks"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_restores_what_was_there() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    for number in 0..10 {
        stage.answer(ADA, &format!("task create Before the backup {number}")).await?;
    }
    let file = stage.folder().join("bot.backup");
    let path = file.display().to_string();
    let load = (0..40).map(|number| {
        let user = [ADA, GRACE][number % 2];
        take(&stage, user, format!("task create During the backup {number}"))
    });
    let words = ["backup", path.as_str(), "--json"];
    let (printed, _) = tokio::try_join!(stage.run(&words), try_join_all(load))?;
    assert_eq!(printed.code(), Some(0), "{printed:?}");
    assert!(printed.json()?["frames"].as_u64().is_some_and(|frames| frames > 20), "{printed:?}");
    let again = stage.run(&["backup", &path]).await?;
    ensure!(again.code() == Some(0) || again.err.contains("bot.backup"), "{again:?}");
    stage.rest().await?;
    let last = stage.folder().join("quiet.backup");
    let last = last.display().to_string();
    assert_eq!(stage.run(&["backup", &last]).await?.code(), Some(0));
    let exported = stage.run(&["audit", "export"]).await?;
    assert!(exported.out.contains(r#""action":"backup""#), "{exported:?}");
    let expected = tasks(stage.api()).await?;
    assert_eq!(expected.as_array().map_or(0, Vec::len), 50);

    let restored = |name: &str| ServerPlan::new(&stage.folder().join(name));
    let plan = restored("restored");
    // A backup opens only with the key under which it was written.
    std::fs::create_dir(plan.data())?;
    std::fs::copy(stage.plan.data().join("master.key"), plan.data().join("master.key"))?;
    let printed = run(&plan, &["restore", &last], "").await?;
    assert_eq!(printed.code(), Some(0), "{printed:?}");
    let server = plan.start().await?;
    assert_eq!(tasks(server.api()).await?, expected, "the same tasks");
    let verified = run(&plan, &["audit", "verify"], "").await?;
    assert_eq!(verified.code(), Some(0), "{verified:?}");
    assert!(server.stop().await?.success());
    let refused = run(&plan, &["restore", &last], "").await?;
    assert_eq!(refused.code(), Some(1), "only into an empty folder: {refused:?}");

    let under_load = restored("under-load");
    std::fs::create_dir(under_load.data())?;
    std::fs::copy(stage.plan.data().join("master.key"), under_load.data().join("master.key"))?;
    assert_eq!(run(&under_load, &["restore", &path], "").await?.code(), Some(0));
    let verified = run(&under_load, &["audit", "verify"], "").await?;
    assert_eq!(verified.code(), Some(0), "what was taken under load is whole: {verified:?}");

    let mut damaged = std::fs::read(&last)?;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    std::fs::write(&last, &damaged)?;
    let third = run(&restored("third"), &["restore", &last], "").await?;
    assert_eq!(third.code(), Some(1));
    assert!(third.err.contains("not a whole backup"), "{third:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_of_what_is_no_backup_leaves_nothing_behind() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let plan = ServerPlan::new(&folder.path().join("data"));
    let odd = folder.path().join("odd.backup");
    std::fs::write(&odd, "no backup")?;
    for file in [&folder.path().join("nosuch"), &odd] {
        let refused = run(&plan, &["restore", &file.display().to_string()], "").await?;
        assert_eq!(refused.code(), Some(1), "{refused:?}");
        assert!(refused.err.contains(&file.display().to_string()), "{refused:?}");
        assert!(!plan.data().join("store").exists(), "no store is made for it");
    }
    let server = plan.start().await?;
    assert!(server.stop().await?.success());
    Ok(())
}

/// A command that is taken, whenever its answer comes.
async fn take(stage: &Stage, user: &str, text: String) -> anyhow::Result<()> {
    ensure!(stage.slash(user, &text).await?.error.is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_rotate_under_a_running_server_and_outlive_a_restart() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.answer(ADA, "task create Sealed with the first key").await?;
    for _ in 0..2 {
        let rotated = stage.run(&["keys", "rotate", "--json"]).await?;
        assert_eq!(rotated.code(), Some(0), "{rotated:?}");
        assert_eq!(rotated.json()?["resealing"], true);
        stage.answer(GRACE, "task create Sealed with a later key").await?;
    }
    let card = stage.said(DEV).remove(0);
    let stage = stage.restart().await?;
    assert_eq!(tasks(stage.api()).await?.as_array().map_or(0, Vec::len), 3);
    // A button that was made before still works: its key is kept in the store.
    let press = controls(&card)["Start"].clone();
    stage.sender.click(ADA, DEV, &card.ts, &press, None).await?;
    stage.rest().await?;
    assert_eq!(stage.newest().await?["state"], "done");
    let verified = stage.run(&["audit", "verify"]).await?;
    assert!(verified.code() == Some(0) && verified.out.starts_with("valid: "), "{verified:?}");
    let exported = stage.run(&["audit", "export"]).await?;
    for row in [r#""resource":"data key 2""#, r#""resource":"data key 3""#] {
        assert!(exported.out.contains(row), "the chain tells of every rotation: {exported:?}");
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_is_listed_shown_replayed_and_dropped() -> anyhow::Result<()> {
    let stage = Stage::set_with(&[("AI_CRM__LEDGER__BACKOFF_MOST_S", "1")]).await?;
    stage.answer(ADA, "task create For the ledger").await?;
    let listed = stage.run(&["events", "list"]).await?;
    assert!(listed.out.starts_with("EVENT") && listed.out.contains("created T-1"), "{listed:?}");
    let listed = stage.run(&["events", "list", "--json", "--state", "done", "--limit", "1"]).await?.json()?;
    let id = listed["events"][0]["id"].as_str().context("an id")?.to_owned();
    let shown = stage.run(&["events", "show", &id]).await?;
    let shown = shown.json()?;
    assert!(shown["raw"].as_str().is_some_and(|raw| raw.contains("For+the+ledger")), "{shown}");
    assert_eq!(shown["receipts"].as_array().map_or(0, Vec::len), 1, "{shown}");
    for (words, part) in [
        (vec!["events", "replay", &id], "none of its effects is dead"),
        (vec!["events", "drop", &id], "there is nothing to drop"),
        (vec!["events", "show", "e-4711"], "e-4711 is not known"),
        (vec!["events", "show", "odd"], "odd"),
    ] {
        let printed = stage.run(&words).await?;
        assert_eq!(printed.code(), Some(1), "{printed:?}");
        assert!(printed.err.contains(part) || printed.out.contains(part), "{part}: {printed:?}");
    }

    let nothing = stage.run(&["events", "replay", "--all", "--json"]).await?;
    assert_eq!((nothing.code(), nothing.json()?), (Some(0), json!({"replayed": []})), "one document, nothing in it");

    // Slack takes nothing in a channel that was closed for good: the answer is given up, and an operator sees to it.
    let mut closed = seed::channels().into_iter().find(|it| it.id == "C0GENERAL").context("general")?;
    stage.world().put_channel(seed::Channel { archived: true, ..closed.clone() });
    let (asked, _) = stage.sender.say_and_deliver(ADA, "C0GENERAL", "<@U0BOT0001> team status", None).await?;
    let dead = until(PATIENCE, "the answer is given up", || async {
        let effects = stage.api().get("/effects?state=dead").await?;
        Ok(effects["effects"][0]["id"].as_str().map(str::to_owned))
    })
    .await?;
    let event = dead.split('.').next().context("an event")?.to_owned();
    let why = stage.run(&["why", &event]).await?;
    assert!(why.out.contains("did not arrive: given up: ") && why.out.contains("is_archived"), "{why:?}");
    let doctor = stage.run(&["doctor"]).await?;
    assert!(doctor.out.contains("1 effects were given up") && doctor.out.contains("events replay"), "{doctor:?}");
    assert!(doctor.out.contains("events effects --state dead"), "{doctor:?}");
    closed.archived = false;
    stage.world().put_channel(closed);
    let replayed = stage.run(&["events", "replay", "--all"]).await?;
    assert!(replayed.code() == Some(0) && replayed.out.contains("taken up again"), "{replayed:?}");
    stage.rest().await?;
    let answers = stage.said("C0GENERAL");
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0].thread_ts.as_deref(), Some(asked.ts.as_str()));
    let why = stage.run(&["why", &event]).await?;
    assert!(why.out.lines().last().is_some_and(|cause| cause.starts_with("it was done: ")), "{why:?}");

    // What waits for Slack to say who asks can be taken off.
    let away = Faults { outage: true, ..Faults::default() };
    stage.world().set_faults(away);
    stage.sender.say_and_deliver(GRACE, DEV, "<@U0BOT0001> task create Never", None).await?;
    let waiting = stage.run(&["events", "list", "--state", "waiting", "--json"]).await?.json()?;
    let id = waiting["events"][0]["id"].as_str().context("an event that waits")?.to_owned();
    let dropped = stage.run(&["events", "drop", &id]).await?;
    assert_eq!(dropped.code(), Some(0), "{dropped:?}");
    stage.world().set_faults(Faults::default());
    stage.rest().await?;
    let why = stage.run(&["why", &id]).await?;
    assert!(why.out.contains("an operator took it off"), "{why:?}");
    assert_eq!(tasks(stage.api()).await?.as_array().map_or(0, Vec::len), 1, "it was not done");
    stage.end_but_for(Expected { refusals: &["is_archived"], ..Expected::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_lists_or_shows_speaks_json() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.answer(ADA, "task create For programs").await?;
    let backup = stage.folder().join("json.backup").display().to_string();
    for (words, key) in [
        (vec!["events", "list"], "events"),
        (vec!["events", "effects"], "effects"),
        (vec!["events", "show", "e-1"], "story"),
        (vec!["events", "replay", "e-1"], "replayed"),
        (vec!["why", "e-1"], "cause"),
        (vec!["why", "T-1"], "cause"),
        (vec!["policy", "check"], "files"),
        (vec!["policy", "explain", "task.create"], "decision"),
        (vec!["policy", "test"], "tests"),
        (vec!["audit", "verify"], "valid"),
        (vec!["doctor"], "findings"),
        (vec!["backup", &backup], "frames"),
        (vec!["keys", "rotate"], "key"),
        (vec!["sim", "slack", "/ai-crm task list"], "messages"),
        (vec!["chat", "task list"], "cards"),
    ] {
        let words: Vec<&str> = ["--json"].into_iter().chain(words).collect();
        let printed = stage.run(&words).await?;
        assert!(!printed.json()?[key].is_null(), "{words:?}: {printed:?}");
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_chain_is_verified_without_the_server_and_shows_what_was_tampered_with() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    for line in ["task create Audited", "task done T-1", "nonsense", "help"] {
        stage.answer(ADA, line).await?;
    }
    stage.answer(GUEST, "task create Denied").await?;
    let file = stage.folder().join("audit.jsonl");
    let path = file.display().to_string();
    assert_eq!(stage.run(&["audit", "export", &path]).await?.code(), Some(0));
    let rows = std::fs::read_to_string(&file)?;
    let printed = stage.run(&["audit", "export"]).await?;
    assert_eq!(printed.out, rows, "the same on the standard output");
    assert!(rows.contains("\"denied\"") && rows.contains("task.create"), "{rows}");
    assert!(!rows.contains("Audited") && !rows.contains("Denied\""), "it proves without telling: {rows}");
    let elsewhere = ServerPlan::new(&stage.folder().join("no-store-here"));
    let verified = run(&elsewhere, &["audit", "verify", &path, "--json"], "").await?;
    assert_eq!((verified.code(), verified.json()?["valid"].clone()), (Some(0), json!(true)), "{verified:?}");
    assert!(!elsewhere.data().exists(), "an export needs no store");
    let count = rows.lines().count() - 1;
    assert_eq!(verified.json()?["rows"], count);
    assert!(rows.lines().last().is_some_and(|end| end.starts_with("{\"end\":")), "{rows}");

    let lines: Vec<&str> = rows.lines().collect();
    let without: Vec<&str> = lines[..2].iter().chain(&lines[3..]).copied().collect();
    let swapped: Vec<&str> = [lines[0], lines[2], lines[1]].into_iter().chain(lines[3..].iter().copied()).collect();
    for (name, text) in [
        ("changed", rows.replacen("\"denied\"", "\"done\"", 1)),
        ("left out", without.join("\n")),
        ("swapped", swapped.join("\n")),
        ("a hash changed", rows.replacen("\"hash\":\"", "\"hash\":\"0", 1)),
        ("no row", format!("{}\nnonsense", lines[0])),
        ("the first cut off", lines[2..].join("\n")),
        ("the last cut off", lines[..3].join("\n")),
        ("the last cut out", [&lines[..3], &lines[count..]].concat().join("\n")),
        ("empty", String::new()),
    ] {
        ensure!(text != rows, "{name} changes nothing");
        std::fs::write(&file, text)?;
        let broken = run(&elsewhere, &["audit", "verify", &path], "").await?;
        assert_eq!(broken.code(), Some(1), "{name}: {broken:?}");
        let said = format!("{}{}", broken.out, broken.err);
        assert!(said.contains("broken at ") || said.contains("not a row"), "{name}: {said}");
        assert!(said.contains("line "), "{name}: the place is named: {said}");
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_are_checked_explained_tested_and_replaced_while_it_runs() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let own = folder.path().join("policies");
    std::fs::create_dir(&own)?;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/policies");
    for name in ["default.cedar", "default.test.toml"] {
        std::fs::copy(shipped.join(name), own.join(name))?;
    }
    let stage = Stage::set_with(&[("AI_CRM__POLICY__FOLDER", &own.display().to_string())]).await?;
    for words in [vec!["policy", "check"], vec!["policy", "test"], vec!["policy", "check", "--json"]] {
        let printed = stage.run(&words).await?;
        assert_eq!(printed.code(), Some(0), "{printed:?}");
    }
    let tested = stage.run(&["policy", "test"]).await?;
    assert!(tested.out.contains(" 0 failed"), "{tested:?}");
    let explained = stage.run(&["policy", "explain", "task.create", "--role", "guest"]).await?;
    assert!(explained.code() == Some(0) && explained.out.starts_with("deny: "), "{explained:?}");
    assert!(explained.out.contains("what would permit it: "), "{explained:?}");
    let allowed = stage.run(&["policy", "explain", "task.create", "--role", "member", "--json"]).await?.json()?;
    assert_eq!(allowed["decision"]["verdict"], "allow", "{allowed}");

    std::fs::write(
        own.join("frozen.cedar"),
        "@id(\"frozen\") @reason(\"the week of the release\")\n\
        forbid (principal, action == Action::\"task.create\", resource);\n",
    )?;
    until(PATIENCE, "the new policy is in use", || async {
        Ok(stage.plan.log().contains("the policies were replaced").then_some(()))
    })
    .await?;
    let refused = stage.answer(ADA, "task create Frozen").await?;
    assert!(words(&refused).contains("the week of the release"), "{}", words(&refused));
    std::fs::write(own.join("frozen.cedar"), "forbid (principal, action == Action::\"task.crate\", resource")?;
    until(PATIENCE, "the broken policy is refused", || async {
        Ok(stage.plan.log().contains("were not replaced").then_some(()))
    })
    .await?;
    let checked = stage.run(&["policy", "check"]).await?;
    assert!(checked.code() == Some(1) && checked.out.contains("frozen.cedar"), "{checked:?}");
    assert_eq!(stage.run(&["doctor"]).await?.code(), Some(1));
    let still = stage.answer(ADA, "task create Frozen").await?;
    assert!(words(&still).contains("the week of the release"), "the last good ones stay");
    stage.end_but_for(Expected { faults: &["were not replaced"], ..Expected::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_end_finishes_what_runs_and_a_start_takes_up_the_rest() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.slash(ADA, "help").await?;
    // Each answer takes Slack a while: the end comes upon deliveries under way.
    let slow = Faults { latency_ms: 300, methods: vec!["chat.postMessage".to_owned()], ..Faults::default() };
    stage.world().set_faults(slow);
    for number in 0..5 {
        let line = format!("<@U0BOT0001> task create Under way {number}");
        stage.sender.say_and_deliver(ADA, DEV, &line, None).await?;
    }
    let stage = stage.restart().await?;
    let under_way = || stage.said(DEV).iter().filter(|it| words(it).contains("Under way")).count();
    assert_eq!(under_way(), 5, "the end waited for what was owed");
    assert!(!stage.plan.log().contains("not all is done"), "{}", stage.plan.log());

    // What cannot be delivered in time is left for the next start, and comes once.
    stage.world().set_faults(Faults { outage: true, ..Default::default() });
    stage.sender.say_and_deliver(ADA, DEV, "<@U0BOT0001> task create Left behind", None).await?;
    until(PATIENCE, "the task is made", || async {
        Ok((tasks(stage.api()).await?.as_array().map_or(0, Vec::len) == 6).then_some(()))
    })
    .await?;
    let started = std::time::Instant::now();
    let stage = stage.restart().await?;
    assert!(started.elapsed() < Duration::from_secs(25), "the end is bounded: {:?}", started.elapsed());
    stage.world().set_faults(Faults::default());
    stage.rest().await?;
    let left: Vec<_> = stage.said(DEV).into_iter().filter(|it| words(it).contains("Left behind")).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_slack_may_send_wrongly_or_again_is_tried_from_the_command_line() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    for manner in ["wrong-signature", "stale"] {
        for line in ["/ai-crm task create Forged", "@ai-crm task create Forged"] {
            let sent = stage.run(&["sim", "slack", line, "--channel", DEV, "--as", manner]).await?;
            assert!(sent.code() == Some(0) && sent.out.contains("answered 401"), "{manner} {line}: {sent:?}");
        }
    }
    for (manner, line) in [("retry", "/ai-crm task create Again"), ("twice", "@ai-crm task create Once")] {
        let sent = stage.run(&["sim", "slack", line, "--channel", DEV, "--as", manner]).await?;
        assert_eq!(sent.code(), Some(0), "{manner}: {sent:?}");
    }
    stage.rest().await?;
    assert_eq!(tasks(stage.api()).await?.as_array().map_or(0, Vec::len), 2, "each once, and nothing forged");
    for (words, part) in [
        (["sim", "up", "--fault", "duplicates=1"], "lost-answer"),
        (["sim", "up", "--fault", "429=7"], "between 0 and 1"),
        (["sim", "slack", "help", "--as=odd"], "wrong-signature"),
        (["sim", "teams", "help", "--as=odd"], "wrong-signature"),
    ] {
        let wrong = stage.run(&words).await?;
        assert!(wrong.code() == Some(2) && wrong.err.contains(part), "{words:?}: {wrong:?}");
    }
    let help = stage.run(&["sim", "up", "--help"]).await?;
    assert!(help.out.contains("lost-answer=") && help.out.contains("5xx="), "{help:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_chats_of_one_user_at_one_time_get_their_own_answers() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let chats = (1..=6).map(|number| {
        let stage = &stage;
        async move {
            let line = format!("task create Side by side {number}");
            let said = stage.run(&["chat", &line, "--json"]).await?.json()?;
            let cards = said["cards"].to_string();
            ensure!(said["ended"] == true && cards.contains(&format!("Side by side {number}")), "{number}: {said}");
            ensure!(said["cards"].as_array().map_or(0, Vec::len) == 1, "{number}: {said}");
            Ok(())
        }
    });
    try_join_all(chats).await?;
    stage.end().await
}
