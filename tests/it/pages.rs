//! Lists and counts that are turned and made anew in their place, by the buttons below them.

use ai_crm::sim::teams::press::{Press, Shown};
use ai_crm::sim::teams::seed::GROUP;
use anyhow::Context;

use crate::stage::{ADA, DEV, GRACE, PATIENCE, Stage, controls, words};
use crate::teams::{Team, shown};

/// Two pages of tasks, and who asks for the first.
const TASKS: usize = 22;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_in_slack_is_turned_in_its_place() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    for number in 1..=TASKS {
        stage.answer(ADA, &format!("task create Number {number}")).await?;
    }
    let list = stage.answer(GRACE, "task list").await?;
    assert!(words(&list).contains("20 of more") && !controls(&list).contains_key("Newest"), "{}", words(&list));
    let before = stage.said(DEV).len();
    let turn = async |label: &str, part: &str| {
        let page = stage.world().message(DEV, &list.ts).context("the list is there")?;
        let button = controls(&page).get(label).cloned().with_context(|| format!("no `{label}`: {page:?}"))?;
        stage.sender.click(GRACE, DEV, &list.ts, &button, None).await?;
        let seen = stage.sees(part, |world| world.message(DEV, &list.ts).filter(|it| words(it).contains(part)));
        anyhow::Ok(words(&seen.await?))
    };
    let older = turn("Older", "Open tasks (2)").await?;
    assert!(older.contains("T-2") && older.contains("T-1") && !older.contains("T-22"), "{older}");
    let newest = turn("Newest", "T-22").await?;
    assert!(newest.contains("20 of more"), "{newest}");
    assert_eq!(stage.said(DEV).len(), before, "no further message");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dashboard_is_made_anew_for_everybody() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let board = stage.answer(ADA, "status dashboard").await?;
    assert!(words(&board).contains("Dashboard: 0 tasks"), "{}", words(&board));
    stage.answer(ADA, "task create One").await?;
    let refresh = controls(&board).get("Refresh").cloned().context("it can be made anew")?;
    stage.sender.click(GRACE, DEV, &board.ts, &refresh, None).await?;
    let seen = stage
        .sees("the board", |world| world.message(DEV, &board.ts).filter(|it| words(it).contains("Dashboard: 1 task")));
    seen.await?;
    stage.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_in_teams_is_turned_for_whom_it_is() -> anyhow::Result<()> {
    let team = Team::set().await?;
    for number in 1..=TASKS {
        team.say("ada", "personal-ada", &format!("task create Number {number}")).await?;
    }
    team.rest().await?;
    // Among others it is seen by one person, and turned in the answer to the press; alone the message is changed too.
    for (place, line) in [(GROUP, "@AI-CRM task list"), ("personal-ada", "task list")] {
        team.say("ada", place, line).await?;
        let list = team.sees("ada", place, "20 of more").await?;
        let older = Press { label: "Older", message: Some(&list.id), ..Press::default() };
        let (answers, turned) = team.sender.press("ada", place, &older).await?;
        let Shown::Card { card } = &turned else { panic!("{place}: {answers:?} {turned:?}") };
        assert!(card.to_string().contains("Open tasks (2)") && card.to_string().contains("Newest"), "{card}");
        team.rest().await?;
        if place == GROUP {
            assert!(list.only_for.is_some(), "a list among others is for one person's eyes");
            continue;
        }
        let id = team.place(place)?;
        let kept = team
            .sim
            .world()
            .wait_for(PATIENCE, |world| world.message(&id, &list.id).filter(|it| shown(it).contains("Open tasks (2)")));
        kept.await.with_context(|| format!("{place}: the list did not change"))?;
    }
    team.end().await
}
