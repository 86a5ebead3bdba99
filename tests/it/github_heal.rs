//! GitHub sends nothing twice by itself: what it sent while the bot was down, or while something in between swallowed it, is
//! in the ledger once and in order after the bot has asked for it, also when the bot is killed over that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ai_crm::actors::clock;
use ai_crm::domain::time::{Clock, Timestamp};
use ai_crm::sim::fault::Faults;
use ai_crm::sim::github::hook::{Delivery, Way};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::github_sim::{Hub, told};
use crate::stage::run;
use crate::support::api::http_client;
use crate::support::server::Server;
use crate::support::until;

/// A look follows the other after some seconds, and what does not arrive is waited for no longer.
const OFTEN: (&str, &str) = ("AI_CRM__CHANNELS__GITHUB__LOOK_EVERY_S", "5");
/// How long it may take until all is there: what may be under way is left alone for 15 s, and two are sent a second.
const PATIENCE: Duration = Duration::from_secs(120);

/// What people do in one round: a word in each issue, and one is closed, or opened again in the next round: four events.
fn round(hub: &Hub, number: u64) -> anyhow::Result<()> {
    for issue in 1..=3 {
        hub.act("eve", json!({ "do": "comment", "number": issue, "text": format!("round {number}") }))?;
    }
    let word = if number.is_multiple_of(2) { "close" } else { "reopen" };
    hub.act("ann", json!({ "do": word, "number": 1 + number / 2 % 3 }))?;
    Ok(())
}

/// Three issues, and a bot that has heard of them.
async fn begun() -> anyhow::Result<(Hub, Server)> {
    begun_at(clock::system()).await
}

/// The same with GitHub's own clock.
async fn begun_at(clock: Arc<dyn Clock>) -> anyhow::Result<(Hub, Server)> {
    let hub = Hub::set_at(clock, OFTEN).await?;
    let server = hub.bot().await?;
    for number in 1..=3 {
        hub.act("ann", json!({ "do": "open_issue", "title": format!("issue {number}") }))?;
    }
    let heard = hub.tried(3).await?;
    ensure!(heard.iter().all(|status| *status == 200), "{heard:?}");
    looked(&server, |state| state["looked"].is_string() && state["looking"] == false).await?;
    Ok((hub, server))
}

/// Waits until the board shows something of the looks.
async fn looked(server: &Server, is_so: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    let shown = || async {
        let actors = server.api().get("/actors").await?;
        let state = &actors.get("actors").unwrap_or(&actors)["github gap"]["state"];
        Ok(is_so(state).then(|| state.clone()))
    };
    until(PATIENCE, "the board shows it", shown).await
}

/// The GUIDs of the ledger's events, the oldest first.
async fn kept(server: &Server) -> anyhow::Result<Vec<String>> {
    let mut guids = Vec::new();
    for event in told(server).await?.iter().rev() {
        let id = event["id"].as_str().context("an id")?;
        let story = server.api().get(&format!("/events/{id}")).await?.to_string();
        let guid = story.split("github:delivery:").nth(1).and_then(|rest| rest.split('"').next());
        guids.push(guid.context("a GUID")?.to_owned());
    }
    Ok(guids)
}

/// The GUIDs of what GitHub has sent, in the order in which it was sent first.
fn sent(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().filter(|one| !one.redelivery).map(|one| one.guid.clone()).collect()
}

/// How often each was asked for.
fn asked_for(hub: &Hub) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for one in hub.world().deliveries().into_iter().filter(|one| one.redelivery) {
        *asked.entry(one.guid).or_default() += 1;
    }
    asked
}

/// Waits until everything that GitHub has sent is in the ledger, and says what is wrong with it then.
async fn all_in_order(hub: &Hub, server: &Server) -> anyhow::Result<()> {
    let wanted = sent(&hub.world().deliveries());
    let all = || async { Ok((told(server).await?.len() >= wanted.len()).then_some(())) };
    until(PATIENCE, &format!("all is there\n{}", hub.plan.log()), all).await?;
    looked(server, |state| state["waiting"] == 0 && state["looking"] == false).await?;
    let kept = kept(server).await?;
    ensure!(kept == wanted, "each once and in order:\n{kept:#?}\n{wanted:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_dropped_while_the_bot_was_down_is_there_once_and_in_order() -> anyhow::Result<()> {
    let (hub, server) = begun().await?;
    server.kill();
    hub.world().set_hook(|hook| hook.way = Way::Dropped);
    for number in 0..8 {
        round(&hub, number)?;
    }
    let ended = hub.tried(3 + 32).await?;
    ensure!(ended[3..].iter().all(|status| *status == 502), "{ended:?}");
    let lost = sent(&hub.world().deliveries())[3..].to_vec();
    hub.world().set_hook(|hook| hook.way = Way::Open);
    let server = hub.bot().await?;
    all_in_order(&hub, &server).await?;
    hub.tried(35 + 32).await?;
    let once: BTreeMap<String, usize> = lost.into_iter().map(|guid| (guid, 1)).collect();
    ensure!(asked_for(&hub) == once, "each is asked for once, and nothing that was known: {:?}", asked_for(&hub));

    let state = looked(&server, |state| state["healed"] == once.len()).await?;
    ensure!(state["found"] == once.len() && state["given_up"] == 0 && state["cut_off"].is_null(), "{state}");
    let doctor = run(&hub.plan, &["doctor"], "").await?;
    ensure!(doctor.out.contains("32 deliveries had not arrived, 32 of them came"), "{doctor:?}");
    let page = http_client()?.get(format!("{}/metrics", server.base_url())).send().await?.text().await?;
    ensure!(page.contains("ai_crm_gap_deliveries_total{kind=\"healed\"} 32"), "{page}");
    ensure!(!hub.plan.log().contains("round "), "nothing that people wrote is logged");

    // A further start finds nothing, and asks for nothing.
    ensure!(server.stop().await?.success());
    let server = hub.bot().await?;
    looked(&server, |state| state["looked"].is_string() && state["looking"] == false).await?;
    ensure!(asked_for(&hub) == once, "{:?}", asked_for(&hub));
    ensure!(server.stop().await?.success());
    Ok(())
}

/// GitHub's clock, which a test moves on: two hours pass in moments.
#[derive(Default)]
struct Ahead(AtomicI64);

impl Ahead {
    fn pass(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        Timestamp(clock::system().now().0 + self.0.load(Ordering::SeqCst))
    }
}

/// Minutes for which GitHub is away, and those from one round of what people do to the next.
const AWAY: (u64, u64) = (120, 6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_two_hours_in_which_github_was_away_and_dropped_what_it_sent_all_is_there_once_and_in_order()
-> anyhow::Result<()> {
    let clock = Arc::new(Ahead::default());
    let (hub, server) = begun_at(clock.clone()).await?;
    hub.world().set_faults(Faults { outage: true, ..Faults::default() });
    hub.world().set_hook(|hook| hook.way = Way::Dropped);
    let began = hub.world().now();
    let rounds = AWAY.0 / AWAY.1;
    for number in 0..rounds {
        clock.pass(Duration::from_secs(60 * AWAY.1));
        round(&hub, number)?;
        // What is sent is dated by its sending.
        hub.tried(3 + 4 * (usize::try_from(number)? + 1)).await?;
    }
    ensure!(hub.world().now().since(began) >= Duration::from_secs(60 * AWAY.0));
    ensure!(told(&server).await?.len() == 3, "nothing comes while it is away");
    looked(&server, |state| state["cut_off"].is_string()).await?;
    hub.world().set_faults(Faults::default());
    hub.world().set_hook(|hook| hook.way = Way::Open);
    all_in_order(&hub, &server).await?;
    let lost = usize::try_from(4 * rounds)?;
    hub.tried(3 + 2 * lost).await?;
    ensure!(
        asked_for(&hub).len() == lost && asked_for(&hub).values().all(|times| *times == 1),
        "{:?}",
        asked_for(&hub)
    );
    ensure!(server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_something_in_between_has_swallowed_is_found_while_the_bot_runs() -> anyhow::Result<()> {
    let (hub, server) = begun().await?;
    hub.world().set_hook(|hook| hook.way = Way::Swallowed);
    round(&hub, 0)?;
    round(&hub, 1)?;
    ensure!(hub.tried(3 + 8).await?[3..].iter().all(|status| *status == 200), "GitHub thinks that they have arrived");
    hub.world().set_hook(|hook| hook.way = Way::Open);
    all_in_order(&hub, &server).await?;
    hub.tried(11 + 8).await?;
    ensure!(asked_for(&hub).values().eq([1; 8].iter()), "{:?}", asked_for(&hub));
    ensure!(server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_is_killed_while_it_asks_goes_on_where_it_was() -> anyhow::Result<()> {
    let (hub, server) = begun().await?;
    hub.world().set_hook(|hook| hook.way = Way::Dropped);
    for number in 0..6 {
        round(&hub, number)?;
    }
    hub.tried(3 + 24).await?;
    hub.world().set_hook(|hook| hook.way = Way::Open);
    let mut server = server;
    for part in [5, 12] {
        let some = || async { Ok((told(&server).await?.len() >= 3 + part).then_some(())) };
        until(PATIENCE, "a part is there", some).await?;
        // The next one is asked for, and nobody is there to take it.
        hub.world().set_hook(|hook| hook.way = Way::Dropped);
        let failed = |all: &[Delivery]| all.iter().any(|one| one.redelivery && !one.is_taken());
        let before = hub.world().deliveries().len();
        let fails = || async { Ok(failed(&hub.world().deliveries()[before..]).then_some(())) };
        until(PATIENCE, "one is asked for in vain", fails).await?;
        server.kill();
        hub.world().set_hook(|hook| hook.way = Way::Open);
        server = hub.bot().await?;
    }
    all_in_order(&hub, &server).await?;
    hub.tried(27 + 24).await?;
    let again = asked_for(&hub);
    ensure!(again.len() == 24 && again.values().filter(|times| **times > 1).count() <= 2, "{again:?}");
    ensure!(again.values().sum::<usize>() <= 24 + 2, "{again:?}");
    ensure!(server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_is_started_for_the_first_time_does_not_replay_the_past() -> anyhow::Result<()> {
    let hub = Hub::set_with(OFTEN).await?;
    // The App is older than the bot.
    hub.world().set_hook(|hook| (hook.url, hook.way) = (Some("http://127.0.0.1:9/".to_owned()), Way::Dropped));
    for number in 1..=3 {
        hub.act("ann", json!({ "do": "open_issue", "title": format!("issue {number}") }))?;
    }
    hub.tried(3).await?;
    // GitHub's times are in whole seconds.
    let past = hub.world().now();
    let later = || async { Ok((hub.world().now().as_seconds() > past.as_seconds() + 1).then_some(())) };
    until(PATIENCE, "it is past", later).await?;
    let server = hub.bot().await?;
    looked(&server, |state| state["looked"].is_string()).await?;
    round(&hub, 0)?;
    hub.tried(3 + 4).await?;
    hub.world().set_hook(|hook| hook.way = Way::Open);
    looked(&server, |state| state["healed"] == 4 && state["waiting"] == 0).await?;
    ensure!(kept(&server).await? == sent(&hub.world().deliveries())[3..]);
    hub.tried(7 + 4).await?;
    ensure!(asked_for(&hub).len() == 4, "{:?}", asked_for(&hub));
    ensure!(server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_github_does_not_reach_the_webhook_nothing_is_given_up_and_doctor_says_it() -> anyhow::Result<()> {
    let (hub, server) = begun().await?;
    hub.world().set_hook(|hook| hook.way = Way::Dropped);
    round(&hub, 0)?;
    round(&hub, 1)?;
    hub.tried(3 + 8).await?;
    looked(&server, |state| state["cut_off"].as_str().is_some_and(|why| why.contains("does not reach"))).await?;
    let doctor = run(&hub.plan, &["doctor"], "").await?;
    ensure!(doctor.out.contains("it does not reach the webhook"), "{doctor:?}");
    ensure!(asked_for(&hub).len() == 3, "the others are not asked for: {:?}", asked_for(&hub));
    hub.world().set_hook(|hook| hook.way = Way::Open);
    all_in_order(&hub, &server).await?;
    let state = looked(&server, |state| state["healed"] == 8).await?;
    ensure!(state["given_up"] == 0 && state["cut_off"].is_null(), "{state}");
    ensure!(server.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_has_looked_before_it_begins_with_the_newest_event() -> anyhow::Result<()> {
    let mut hub = Hub::set_with(("AI_CRM__CHANNELS__GITHUB__LOOK_BACK_HOURS", "0")).await?;
    let server = hub.bot().await?;
    for number in 1..=3 {
        hub.act("ann", json!({ "do": "open_issue", "title": format!("issue {number}") }))?;
    }
    hub.tried(3).await?;
    let actors = server.api().get("/actors").await?;
    ensure!(!actors.to_string().contains("github gap"), "it can be turned off: {actors}");
    server.kill();
    round(&hub, 0)?;
    let ended = hub.tried(3 + 4).await?;
    ensure!(ended[3..].iter().all(|status| *status == 502), "{ended:?}");
    hub.plan = hub.plan.clone().with("AI_CRM__CHANNELS__GITHUB__LOOK_BACK_HOURS", "72").with(OFTEN.0, OFTEN.1);
    let server = hub.bot().await?;
    all_in_order(&hub, &server).await?;
    hub.tried(7 + 4).await?;
    ensure!(asked_for(&hub).len() == 4, "{:?}", asked_for(&hub));
    ensure!(server.stop().await?.success());
    Ok(())
}
