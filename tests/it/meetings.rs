//! Meetings in Teams: what their chat is told when they end, and when it is told nothing.

use ai_crm::sim::teams::Manner;
use ai_crm::sim::teams::press::Press;
use ai_crm::sim::teams::seed::{BotStanding, DEV, GROUP, MEETING};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::adaptive_cards::check;
use crate::stage::run;
use crate::teams::{Team, shown};

/// What begins the card of a meeting.
const TOLD: &str = "In this meeting: ";

/// Teams tells that a meeting begins or ends, and the bot is done with it.
async fn meeting(team: &Team, event: &str, manner: Manner) -> anyhow::Result<()> {
    let told = team.sender.meeting("grace", MEETING, event)?;
    for answer in team.sender.deliver_as(&told, manner).await {
        ensure!(answer.accepted(), "{event}: {answer:?}");
    }
    team.rest().await
}

async fn say(team: &Team, who: &str, place: &str, text: &str) -> anyhow::Result<()> {
    team.say(who, place, &format!("@AI-CRM {text}")).await?;
    team.rest().await
}

/// The cards of meetings in a place.
fn told(team: &Team, place: &str) -> anyhow::Result<Vec<String>> {
    let said = team.sim.world().messages(&team.place(place)?);
    Ok(said.iter().filter(|message| message.is_by_bot()).map(shown).filter(|card| card.contains(TOLD)).collect())
}

/// How the events about meetings ended, the newest first.
async fn ends(team: &Team) -> anyhow::Result<Vec<(String, String)>> {
    let events = team.api().events(None).await?;
    let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
    let meetings = events.iter().filter(|event| event["kind"] == "meeting");
    Ok(meetings.map(|event| (text(event, "state"), text(event, "summary"))).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_meeting_that_ends_tells_its_chat_what_it_has_brought() -> anyhow::Result<()> {
    let team = Team::set().await?;
    say(&team, "ada", MEETING, "task create \"Known before\"").await?;
    meeting(&team, "meetingStart", Manner::Twice).await?;
    say(&team, "ada", MEETING, "task create \"Ship the login\" --agent security-auditor").await?;
    say(&team, "grace", MEETING, "task create \"Paint the shed\"").await?;
    say(&team, "grace", DEV, "task create \"Of another place\"").await?;
    let card = team.sees("grace", MEETING, "Known before").await?;
    let press = Press { label: "Start", message: Some(&card.id), ..Press::default() };
    team.sender.press("grace", MEETING, &press).await?;
    team.rest().await?;
    meeting(&team, "meetingEnd", Manner::Twice).await?;
    let cards = told(&team, MEETING)?;
    assert_eq!(cards.len(), 1, "one card, however often the end is told: {cards:#?}");
    for part in [
        "2 tasks made, 1 task changed",
        "T-2 Ship the login (todo, security-auditor)",
        "T-3 Paint the shed",
        "T-1 Known before (in-progress",
        "todo → in-progress",
        "@AI-CRM my tasks",
        "My tasks",
    ] {
        assert!(cards[0].contains(part), "{part}: {}", cards[0]);
    }
    assert!(!cards[0].contains("Of another place"), "{}", cards[0]);
    let message = team.sees("ada", MEETING, TOLD).await?;
    assert_eq!(message.only_for, None, "everybody there sees it");
    check(&message.cards().cloned().collect::<Vec<_>>())?;
    let mine = Press { label: "My tasks", message: Some(&message.id), ..Press::default() };
    let (answers, _) = team.sender.press("grace", MEETING, &mine).await?;
    assert!(answers.iter().all(|answer| answer.accepted()), "{answers:?}");
    let ends = ends(&team).await?;
    assert_eq!(ends.len(), 2, "each end is one event: {ends:?}");
    assert!(ends[0].1.contains("2 tasks were made and 1 changed"), "{ends:?}");
    let rows = team.api().lines("/audit/export").await?;
    let audited: Vec<&Value> = rows.iter().filter(|row| row["entry"]["action"] == "meeting.summary").collect();
    assert!(audited.len() == 2 && audited.iter().all(|row| row["entry"]["actor"] == "system"), "{audited:#?}");
    let log = team.plan.log();
    for title in ["Stand-up", "Ship the login"] {
        assert!(!log.contains(title), "{title} stands in the log");
    }
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_happened_or_the_beginning_is_not_known_nothing_is_said() -> anyhow::Result<()> {
    let team = Team::set().await?;
    say(&team, "ada", MEETING, "task create \"Known before\"").await?;
    meeting(&team, "meetingEnd", Manner::Genuine).await?;
    meeting(&team, "meetingStart", Manner::Genuine).await?;
    say(&team, "ada", GROUP, "task create \"Elsewhere\"").await?;
    meeting(&team, "meetingEnd", Manner::Genuine).await?;
    meeting(&team, "meetingParticipantJoin", Manner::Genuine).await?;
    assert!(told(&team, MEETING)?.is_empty());
    let ends = ends(&team).await?;
    let wanted = ["no task was made or changed", "a meeting began", "beginning is not known"];
    for ((state, summary), wanted) in ends.iter().zip(wanted) {
        assert!(state == "done" && summary.contains(wanted), "{wanted}: {ends:?}");
    }
    assert_eq!(ends.len(), 3, "who joins and leaves is no event of a meeting: {ends:?}");
    let ignored = team.api().events(Some("ignored")).await?;
    assert!(json!(ignored).to_string().contains("meetingParticipantJoin"), "{ignored:#?}");
    assert!(team.sim.world().typing().is_empty(), "nobody waits for an answer");
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_beginning_outlives_a_crash_and_what_is_out_of_reach_is_given_up_with_its_reason() -> anyhow::Result<()> {
    let team = Team::set().await?;
    meeting(&team, "meetingStart", Manner::Genuine).await?;
    say(&team, "ada", MEETING, "task create \"Before the crash\"").await?;
    let team = team.killed().await?;
    meeting(&team, "meetingEnd", Manner::Genuine).await?;
    assert!(told(&team, MEETING)?.iter().any(|card| card.contains("Before the crash")));

    meeting(&team, "meetingStart", Manner::Genuine).await?;
    say(&team, "ada", MEETING, "task create \"Nobody hears of it\"").await?;
    assert!(team.sim.world().set_standing(MEETING, BotStanding::Blocked));
    meeting(&team, "meetingEnd", Manner::Genuine).await?;
    assert_eq!(told(&team, MEETING)?.len(), 1);
    let dead = team.api().get("/effects?state=dead").await?;
    ensure!(dead.to_string().contains("ConversationBlockedByUser"), "{dead}");
    team.end_but_for(1, &["ConversationBlockedByUser"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_that_the_operator_does_not_list_are_told_nothing() -> anyhow::Result<()> {
    let team = Team::set_with(&[("AI_CRM__POLICY__CHANNELS", GROUP)]).await?;
    meeting(&team, "meetingStart", Manner::Genuine).await?;
    meeting(&team, "meetingEnd", Manner::Genuine).await?;
    let said = team.sim.world().messages(&team.place(MEETING)?);
    assert!(said.iter().all(|message| !message.is_by_bot()), "nor is the refusal told: {said:#?}");
    let ends = ends(&team).await?;
    assert!(ends.len() == 2 && ends.iter().all(|(state, _)| state == "denied"), "{ends:?}");
    let id = team.api().events(None).await?[0]["id"].as_str().map(str::to_owned).context("an id")?;
    let why = team.api().get(&format!("/why/{id}")).await?.to_string();
    assert!(why.contains("allowlist.channels"), "{why}");
    team.end().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stand_in_begins_and_ends_a_meeting() -> anyhow::Result<()> {
    let team = Team::set().await?;
    let sim = async |more: &[&str]| {
        let words = [&["sim", "teams", "--in", "meeting"][..], more].concat();
        run(&team.plan, &words, "").await
    };
    let began = sim(&["--meeting", "start"]).await?;
    assert!(began.code() == Some(0) && began.out.contains("told of the meeting: start"), "{began:?}");
    let made = sim(&["task create \"Made in it\""]).await?;
    assert!(made.code() == Some(0), "{made:?}");
    let ended = sim(&["--meeting", "end"]).await?;
    assert!(ended.code() == Some(0) && ended.out.contains("In this meeting: 1 task made"), "{ended:?}");
    let absent = run(&team.plan, &["sim", "teams", "--in", "outside", "--meeting", "start"], "").await?;
    assert!(absent.code() == Some(1) && absent.err.contains("the bot is not in outside"), "{absent:?}");
    team.end().await
}
