//! Search among tasks in Teams' message extension: what is found, by whom, and what is told instead.

use std::time::Duration;

use ai_crm::sim::fault::Faults;
use ai_crm::sim::teams::press::Shown;
use ai_crm::sim::teams::search::Search;
use ai_crm::sim::teams::seed::{DEV, GROUP, MEETING, OTHER_TENANT, OUTSIDE};
use ai_crm::sim::teams::{Answer, Manner};
use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::adaptive_cards::check;
use crate::stage::run;
use crate::teams::Team;

/// What a person sees who types these words.
async fn look(team: &Team, who: &str, place: &str, words: &str) -> anyhow::Result<(Answer, Shown)> {
    Ok(team.sender.search(who, place, of(words)).await?)
}

fn of(words: &str) -> Search<'_> {
    Search { command: "task_search", parameter: "words", words, skip: 0 }
}

fn results(shown: Shown) -> anyhow::Result<Vec<Value>> {
    match shown {
        Shown::Results { results: Value::Array(results) } => Ok(results),
        other => bail!("no results: {other:?}"),
    }
}

fn titles(results: &[Value]) -> Vec<&str> {
    results.iter().filter_map(|result| result["preview"]["content"]["title"].as_str()).collect()
}

/// Whether a row of the audit chain is about a list of tasks.
fn of_list(row: &Value) -> bool {
    row["entry"]["action"] == "task.list"
}

async fn create(team: &Team, title: &str) -> anyhow::Result<()> {
    team.api().post("/tools/task.create", &json!({ "title": title })).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_found_while_one_writes() -> anyhow::Result<()> {
    let team = Team::set().await?;
    create(&team, "Fix the login").await?;
    create(&team, "Paint <b>the</b> *shed*").await?;
    let (answer, shown) = look(&team, "ada", DEV, "").await?;
    let open = results(shown)?;
    assert_eq!(titles(&open), ["T-2 Paint <b>the</b> *shed*", "T-1 Fix the login"]);
    assert!(!answer.body.contains("token") && !answer.body.contains("Action."), "nothing to press: {}", answer.body);
    check(&open.iter().map(|result| result["content"].clone()).collect::<Vec<_>>())?;
    let found = results(look(&team, "ada", DEV, "LOGIN fix").await?.1)?;
    assert_eq!(titles(&found), ["T-1 Fix the login"]);
    assert!(found[0]["content"].to_string().contains("medium"), "the card of the task: {}", found[0]);
    assert!(results(look(&team, "ada", "personal-ada", "nothing like it").await?.1)?.is_empty());
    // The same query again is the same answer, and one event.
    let query = team.sender.prepare_search("ada", DEV, of("shed"))?;
    for answer in team.sender.deliver_as(&query, Manner::Twice).await {
        assert_eq!(titles(&results(team.sender.see_search(&answer))?).len(), 1, "{answer:?}");
    }
    team.rest().await?;
    let events = team.api().events(None).await?;
    let looks = events.iter().filter(|event| event["channel"] == "teams").collect::<Vec<_>>();
    assert_eq!(looks.len(), 4, "{events:#?}");
    let rows = team.api().lines("/audit/export").await?;
    let audited = rows.iter().filter(|row| of_list(row) && row["entry"]["channel"] == "teams");
    assert_eq!(audited.count(), 4, "each look is audited as a list is: {rows:#?}");
    let said = team.sim.world().messages(&team.place(DEV)?);
    assert!(said.iter().all(|message| !message.is_by_bot()), "nothing is said in the conversation: {said:#?}");
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_comes_with_the_next_page() -> anyhow::Result<()> {
    let team = Team::set().await?;
    for number in 1..=27 {
        create(&team, &format!("Chore {number}")).await?;
    }
    let first = results(look(&team, "ada", GROUP, "chore").await?.1)?;
    assert_eq!((first.len(), titles(&first)[0]), (25, "T-27 Chore 27"));
    let next = Search { skip: 25, ..of("chore") };
    let next = results(team.sender.search("ada", GROUP, next).await?.1)?;
    assert_eq!(titles(&next), ["T-2 Chore 2", "T-1 Chore 1"]);
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_list_tasks_finds_none_and_is_told_why() -> anyhow::Result<()> {
    let team = Team::set().await?;
    create(&team, "Not for guests").await?;
    for (who, place) in [("guest", GROUP), ("stranger", MEETING), ("anonymous", MEETING)] {
        let (answer, shown) = look(&team, who, place, "guests").await?;
        let Shown::Text { text } = shown else { bail!("{who}: {answer:?}") };
        ensure!(text.starts_with("You may not look for this here: ") && !answer.body.contains("T-1"), "{who}: {text}");
    }
    team.rest().await?;
    let rows = team.api().lines("/audit/export").await?;
    let denied = rows.iter().filter(|row| of_list(row) && row["entry"]["end"] == "denied");
    assert_eq!(denied.count(), 3, "{rows:#?}");
    for place in [GROUP, MEETING] {
        let said = team.sim.world().messages(&team.place(place)?);
        assert!(said.iter().all(|message| !message.is_by_bot()), "the answer was all: {said:#?}");
    }
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_bot_is_not_it_finds_things_for_whom_it_knows() -> anyhow::Result<()> {
    let team = Team::set().await?;
    create(&team, "Found anywhere").await?;
    let (_, seen) = look(&team, "ada", OUTSIDE, "").await?;
    assert!(matches!(&seen, Shown::Text { text } if text.contains("your own chat with it")), "{seen:?}");
    results(look(&team, "ada", "personal-ada", "").await?.1)?;
    assert_eq!(results(look(&team, "ada", OUTSIDE, "").await?.1)?.len(), 1);
    team.end_but_for(0, &["BotNotInConversationRoster"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_queries_are_answered_and_do_nothing() -> anyhow::Result<()> {
    let team = Team::set().await?;
    create(&team, "Only one").await?;
    let deep = (0..60).fold(json!("x"), |inner, _| json!([inner]));
    let long = "ü".repeat(50_000);
    for (parameters, options, count) in [
        (json!([{"name": "words", "value": {"$ne": null}}]), json!({"count": "all", "skip": -3}), 1),
        (json!("words"), json!([]), 1),
        (json!([{"name": "words", "value": deep}]), json!({"count": 1e300}), 1),
        (json!([{"name": "words", "value": long}]), json!({"count": 25, "skip": u64::MAX}), 0),
        (json!([{"name": "words", "value": "--all \"'; drop T-1"}]), json!(null), 0),
        (json!(null), json!({"skip": u64::MAX}), 0),
    ] {
        let value = json!({"commandId": "task_search", "parameters": parameters, "queryOptions": options});
        let query = team.sender.invoke("ada", DEV, "composeExtension/query", &value)?;
        let answer = team.sender.deliver(&query).await;
        assert_eq!(results(team.sender.see_search(&answer))?.len(), count, "{options} {answer:?}");
    }
    let (_, unknown) = team.sender.search("ada", DEV, Search { command: "task_create", ..of("x") }).await?;
    assert!(matches!(&unknown, Shown::Text { text } if text.contains("not known")), "{unknown:?}");
    for name in ["composeExtension/selectItem", "composeExtension/queryLink", "composeExtension/query"] {
        let invoke = team.sender.invoke("ada", DEV, name, &json!({"commandId": 7}))?;
        assert_eq!(team.sender.deliver(&invoke).await.status, Some(501), "{name}");
    }
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_finds_the_tasks_of_another_company() -> anyhow::Result<()> {
    let team = Team::set_with(&[("AI_CRM__CHANNELS__TEAMS__TENANTS", OTHER_TENANT)]).await?;
    create(&team, "Ours alone").await?;
    assert_eq!(results(look(&team, "ada", "personal-ada", "alone").await?.1)?.len(), 1);
    let mut theirs = team.sender.prepare_search("stranger", "personal-stranger", of("alone"))?;
    theirs["conversation"]["tenantId"] = json!(OTHER_TENANT);
    theirs["channelData"]["tenant"]["id"] = json!(OTHER_TENANT);
    let answer = team.sender.deliver(&theirs).await;
    assert!(results(team.sender.see_search(&answer))?.is_empty(), "{answer:?}");
    let of_theirs = team.api().get(&format!("/events?tenant=teams-{OTHER_TENANT}")).await?;
    assert_eq!(of_theirs["events"].as_array().map(Vec::len), Some(1), "{of_theirs}");
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_platform_keeps_nobody_waiting_for_a_search() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let methods = vec!["members".to_owned()];
    team.sim.world().set_faults(Faults { stall: 1.0, stall_ms: 20_000, methods, ..Faults::default() });
    let (answer, seen) = look(&team, "ada", DEV, "x").await?;
    assert!(matches!(&seen, Shown::Text { text } if text.contains("takes longer")), "{seen:?}");
    assert!(answer.elapsed < Duration::from_secs(4), "{answer:?}");
    team.sim.world().set_faults(Faults::default());
    team.killed_for_good();
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stand_in_shows_what_a_search_finds() -> anyhow::Result<()> {
    let team = Team::set().await?;
    create(&team, "Fix the login").await?;
    let shown = run(&team.plan, &["sim", "teams", "--search", "login", "--in", "dev"], "").await?;
    assert!(shown.code() == Some(0) && shown.out.contains("── T-1 Fix the login"), "{shown:?}");
    assert!(shown.out.contains("todo") || shown.out.contains("backlog"), "how it stands: {shown:?}");
    let none = run(&team.plan, &["sim", "teams", "--search", "zebra", "--in", "dev"], "").await?;
    assert!(none.code() == Some(0) && none.out.contains("nothing is found"), "{none:?}");
    let guest = run(&team.plan, &["sim", "teams", "--search", "", "--user", "guest", "--in", "dev"], "").await?;
    assert!(guest.code() == Some(0) && guest.out.contains("in the search: You may not"), "{guest:?}");
    let as_json = run(&team.plan, &["--json", "sim", "teams", "--search", "login", "--in", "dev"], "").await?.json()?;
    let first = as_json["sent"]["result"]["results"][0]["preview"]["content"]["title"].as_str();
    assert_eq!(first.context("a result")?, "T-1 Fix the login");
    team.end().await
}
