//! That an answer is being made, as people in Teams see it who wait for one: when it is shown, and when it is not.

use std::collections::VecDeque;
use std::time::Duration;

use ai_crm::sim::fault::{Fate, Faults};
use ai_crm::sim::teams::press::Press;
use ai_crm::sim::teams::rates::RateLimits;
use ai_crm::sim::teams::seed::{DEV, GROUP};
use anyhow::{Context, ensure};

use crate::stage::PATIENCE;
use crate::teams::Team;

/// Times that it was shown in a place.
fn times(team: &Team, place: &str) -> anyhow::Result<u64> {
    Ok(team.sim.world().typing().get(&team.place(place)?).copied().unwrap_or_default())
}

fn answers(team: &Team, place: &str) -> anyhow::Result<usize> {
    Ok(team.sim.world().messages(&team.place(place)?).iter().filter(|message| message.is_by_bot()).count())
}

/// Teams does not say who somebody is for so long.
fn silent(team: &Team, for_ms: u64) {
    let methods = vec!["members".to_owned()];
    team.sim.world().set_faults(Faults { stall: 1.0, stall_ms: for_ms, methods, ..Faults::default() });
}

/// Waits until it is shown in a place, where nobody is answered yet.
async fn is_shown(team: &Team, place: &str) -> anyhow::Result<()> {
    let id = team.place(place)?;
    let shown = team.sim.world().wait_for(PATIENCE, |world| {
        let by_bot = world.messages(&id).iter().filter(|message| message.is_by_bot()).count();
        world.typing().get(&id).map(|_| by_bot)
    });
    ensure!(shown.await.context("it is not shown")? == 0, "the answer was there before it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_sees_that_an_answer_is_being_made_until_it_is_there() -> anyhow::Result<()> {
    let team = Team::set().await?;
    silent(&team, 5500);
    team.say("ada", GROUP, "@AI-CRM task create \"Slow\"").await?;
    is_shown(&team, GROUP).await?;
    team.sees("ada", GROUP, "Slow").await?;
    let shown = times(&team, GROUP)?;
    assert!((1..=2).contains(&shown), "after a second, and again three seconds later: {shown}");
    // Known by now, so the next is answered at once, without a sign before or behind.
    let press = Press { label: "Done", ..Press::default() };
    team.sender.press("ada", GROUP, &press).await?;
    team.say("ada", GROUP, "@AI-CRM task list").await?;
    team.rest().await?;
    team.sees("ada", GROUP, "done").await?;
    silent(&team, 2500);
    team.say("grace", DEV, "@AI-CRM task list").await?;
    is_shown(&team, DEV).await?;
    team.rest().await?;
    assert_eq!(times(&team, GROUP)?, shown, "nothing was shown behind an answer, nor where one came at once");
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_wait_in_one_place_see_it_once_in_three_seconds() -> anyhow::Result<()> {
    let team = Team::set_with(&[("AI_CRM__CHANNELS__TEAMS__MESSAGE_PACE_MS", "500")]).await?;
    team.sim.world().set_rate_limits(RateLimits::enforced());
    silent(&team, 3500);
    for number in 0..8 {
        team.say("ada", GROUP, &format!("@AI-CRM task create \"Waits {number}\"")).await?;
    }
    is_shown(&team, GROUP).await?;
    team.sees("ada", GROUP, "Waits 7").await?;
    let shown = times(&team, GROUP)?;
    assert!((1..=4).contains(&shown), "{shown}");
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_cannot_be_shown_nobody_waits_for_it_and_it_is_not_tried_again() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let script: VecDeque<Fate> = [Fate::Stall, Fate::ServerError].into();
    let methods = vec!["members".to_owned(), "send".to_owned()];
    // The look-up stalls, and what is sent while it does is refused.
    team.sim.world().set_faults(Faults { stall_ms: 2500, methods, script, ..Faults::default() });
    team.say("ada", GROUP, "@AI-CRM task create \"Told all the same\"").await?;
    team.sees("ada", GROUP, "Told all the same").await?;
    team.rest().await?;
    assert_eq!((times(&team, GROUP)?, answers(&team, GROUP)?), (0, 1));
    let calls = team.sim.world().calls();
    let sent: u64 = calls.get("send").map(|ends| ends.values().sum()).unwrap_or_default();
    assert!(sent <= 2, "one that was refused and the answer: {calls:?}");
    let log = team.plan.log();
    ensure!(!log.contains("\"WARN\"") || !log.contains("being made"), "{log}");
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_waits_for_no_sign_that_stalls() -> anyhow::Result<()> {
    let team = Team::set().await?;
    // The look-up takes 1.5 s, the sign that begins meanwhile would take as long: it is cut off by the answer.
    let methods = vec!["members".to_owned(), "send".to_owned()];
    let script: VecDeque<Fate> = [Fate::Stall, Fate::Stall].into();
    team.sim.world().set_faults(Faults { stall_ms: 1500, methods, script, ..Faults::default() });
    let asked = std::time::Instant::now();
    team.say("ada", GROUP, "@AI-CRM task create \"Not held up\"").await?;
    team.sees("ada", GROUP, "Not held up").await?;
    let took = asked.elapsed();
    assert!(took < Duration::from_millis(2400), "{took:?}");
    team.rest().await?;
    assert_eq!(times(&team, GROUP)?, 1, "it was shown before the answer, and not again");
    team.end().await
}
