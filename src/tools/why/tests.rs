//! The story of every end that an event and an effect can have, and who may hear it.

use serde_json::json;

use super::*;
use crate::domain::approval::testing::{decided, pending};
use crate::domain::approval::{Approval, State};
use crate::domain::card::{Audience, Card};
use crate::domain::effect::{Effect, EffectEnd, EffectKind, Receipt};
use crate::domain::event::{Address, ChannelName, EventKind};
use crate::domain::ids::LaneKey;
use crate::domain::outcome::Expect;
use crate::domain::time::Timestamp;
use crate::store::keyspace::event::{End, Ready};
use crate::store::keyspace::{dedupe, effect};
use crate::tools::testing::{Desk, NOW};

const LATER: Timestamp = Timestamp(NOW.0 + 60_000);

fn event_of(desk: &Desk) -> EventId {
    desk.event(EventKind::Command { line: "task create x".into() }).id
}

fn ended(end: End, summary: &str) -> Story {
    Story {
        end,
        summary: summary.into(),
        at: LATER,
        person: Some("p-1 (Ada, member)".into()),
        handler: Some("task create".into()),
        rules: vec!["members-everyday".into()],
        smallest_change: None,
        approval: None,
        told: Vec::new(),
        effects: Vec::new(),
        attempts: 1,
        result: None,
        shown: None,
    }
}

fn effect_of(id: EffectId) -> Effect {
    Effect {
        id,
        tenant: crate::domain::ids::TenantId::default_tenant(),
        created: NOW,
        not_before: None,
        expires: None,
        kind: EffectKind::Deliver {
            to: Address::at(ChannelName::Slack, "T1", "C1"),
            card: Card::new("x"),
            audience: Audience::Everyone,
            replaces: None,
            shows: None,
            living: None,
            answers: None,
        },
        attempts: 0,
        last_error: None,
        terms: None,
    }
}

fn told(desk: &Desk, id: EventId) -> StoryView {
    story(&desk.view, id).unwrap().unwrap()
}

#[test]
fn every_end_has_its_sentence() {
    let cases = [
        (ended(End::Done, "created T-1"), "done", "it was done: created T-1"),
        (
            Story {
                rules: vec!["no-guests".into()],
                smallest_change: Some("role member".into()),
                ..ended(End::Denied, "x")
            },
            "denied",
            "it was denied by no-guests; this would permit it: role member",
        ),
        (
            ended(End::Refused, "a task needs a title"),
            "refused",
            "it could not be done as it was asked: a task needs a title",
        ),
        (
            ended(End::Asked, "A-1 waits for an owner"),
            "asked",
            "it was not done at once, since policies ask for an approval first; A-1 waits for an owner",
        ),
        (ended(End::Ignored, "written by a bot"), "ignored", "it asks nothing of this bot: written by a bot"),
        (
            Story { attempts: 5, ..ended(End::Dead, "disk broke") },
            "dead",
            "it was given up after it failed 5 times: disk broke",
        ),
        (ended(End::Dropped, "dropped by p-1"), "dropped", "an operator took it off: dropped by p-1"),
    ];
    for (end, state, cause) in cases {
        let desk = Desk::new();
        let id = event_of(&desk);
        desk.write(vec![event::put_story(id, &end)]).unwrap();
        let story = told(&desk, id);
        assert_eq!((story.state, story.cause.as_str()), (state, cause));
        let lines = story.lines();
        assert_eq!(lines.last().map(String::as_str), Some(cause));
        for part in [
            "e-1 is a command that came by slack",
            "proof: slack v0 signature, secret 1",
            "person: p-1 (Ada, member)",
            "lane: slack/T1/C1/",
            "handled by task create, which ran",
            &format!("outcome: {}", end.summary),
        ] {
            assert!(lines.iter().any(|line| line.contains(part)), "{part} in {lines:?}");
        }
        let decision = match state {
            "denied" => "denied by no-guests",
            "asked" => "stopped until it is approved, by members-everyday",
            _ => "allowed by members-everyday",
        };
        assert!(lines.iter().any(|line| line == decision), "{lines:?}");
        assert!(serde_json::to_value(&story).is_ok());
    }
}

#[test]
fn a_run_that_was_dropped_is_told_as_one_that_was_not_done() {
    let desk = Desk::new();
    let (asked, run) = (event_of(&desk), event_of(&desk));
    let it = Approval { event: asked, state: State::Approved(decided(3)), ran: Some(run), ..pending(3) };
    desk.write(approvals::create(&it, Expect::Absent)).unwrap();
    let of_it = |end| Story { approval: Some(it.id), ..ended(end, "x") };
    desk.write(vec![event::put_story(asked, &of_it(End::Asked))]).unwrap();
    for (end, part) in [(End::Done, format!("it ran in {run}")), (End::Dropped, format!("its run {run} was dropped"))] {
        desk.write(vec![event::put_story(run, &of_it(end))]).unwrap();
        for id in [asked, run] {
            let approval = told(&desk, id).approval;
            assert!(approval.iter().any(|line| line.contains(&part)), "{end:?}: {approval:?}");
        }
    }
}

#[test]
fn what_waits_says_for_what() {
    let desk = Desk::new();
    let lane = LaneKey("slack/T1/C1/".into());
    let ready = Ready::in_line(lane.clone());
    let ids: Vec<EventId> = (0..3).map(|_| event_of(&desk)).collect();
    assert_eq!(told(&desk, ids[0]).state, "unknown");
    let elsewhere = Ready { lane: LaneKey("other".into()), ..ready.clone() };
    desk.write(vec![
        event::put_ready(ids[0], &elsewhere, Expect::Any),
        event::put_ready(ids[1], &ready, Expect::Any),
        event::put_ready(ids[2], &ready, Expect::Any),
    ])
    .unwrap();
    let causes: Vec<String> = ids.iter().map(|id| told(&desk, *id).cause).collect();
    let next = "it is next in its conversation";
    assert_eq!(causes, [next, next, "it waits in line behind 1 other of its conversation"]);
    let failing = Ready { attempts: 2, last_error: Some("no disk".into()), not_before: Some(LATER), ..ready };
    desk.write(vec![event::put_ready(ids[1], &failing, Expect::Any)]).unwrap();
    let story = told(&desk, ids[1]);
    assert_eq!((story.state, story.attempts), ("retrying", 2));
    assert_eq!(story.cause, format!("it failed 2 times and is tried again at {LATER}; the last error was: no disk"));
    // A replayed event has an end and waits again.
    desk.write(vec![event::put_story(ids[2], &ended(End::Dead, "x"))]).unwrap();
    assert_eq!(told(&desk, ids[2]).state, "waiting");
}

#[test]
fn every_effect_is_told_with_its_end() {
    let desk = Desk::new();
    let id = event_of(&desk);
    let effect_id = |index| EffectId { event: id, index };
    let receipt = |index, end| Receipt { id: effect_id(index), at: LATER, end, to: "slack C1".into(), attempts: 1 };
    let failing =
        Effect { attempts: 3, last_error: Some("503".into()), not_before: Some(LATER), ..effect_of(effect_id(1)) };
    let dead = Effect { last_error: Some("not_in_channel".into()), ..effect_of(effect_id(7)) };
    desk.write(vec![
        effect::put_owed(&effect_of(effect_id(0)), Expect::Any),
        effect::put_owed(&failing, Expect::Any),
        effect::put_receipt(&receipt(
            2,
            EffectEnd::Done { platform_id: "17.1".into(), via: "chat.postMessage".into() },
        )),
        effect::put_receipt(&receipt(3, EffectEnd::FoundDone { platform_id: "17.2".into() })),
        effect::put_receipt(&receipt(4, EffectEnd::Merged { into: effect_id(2) })),
        effect::put_receipt(&receipt(5, EffectEnd::Dead { reason: "not_in_channel".into() })),
        effect::put_receipt(&receipt(6, EffectEnd::Dropped { by: "p-1".into() })),
        effect::put_dead(&dead),
        event::put_story(id, &Story { effects: (0..9).map(effect_id).collect(), ..ended(End::Done, "created T-1") }),
    ])
    .unwrap();
    let story = told(&desk, id);
    let expected = [
        ("owed", "waits for its turn"),
        ("owed", "failed 3 times (503), tried again at"),
        ("done", "arrived as 17.1 by chat.postMessage"),
        ("done", "found arrived as 17.2"),
        ("merged", "arrives within e-1.2"),
        ("dead", "given up: not_in_channel"),
        ("dropped", "taken off by p-1"),
        ("dead", "given up: not_in_channel"),
        ("unknown", "nothing is kept of it"),
    ];
    for (effect, (state, detail)) in story.effects.iter().zip(expected) {
        assert_eq!(effect.state, state, "{effect:?}");
        assert!(effect.detail.contains(detail), "{effect:?}");
    }
    assert!(
        story.cause.starts_with("it was done (created T-1), but its answer e-1.5 did not arrive: given up"),
        "{}",
        story.cause
    );
    let one = desk.tool("why", json!({"id": "e-1.2"})).unwrap().result.unwrap();
    assert_eq!(one["effect"]["state"], "done");
}

#[test]
fn further_deliveries_are_told() {
    let desk = Desk::new();
    let id = event_of(&desk);
    let again = dedupe::Again { at: LATER, by: "slack/ts".into() };
    desk.write(vec![dedupe::again(id, EventId(2), &again)]).unwrap();
    let lines = told(&desk, id).lines();
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("it came again once, first at") && line.ends_with("recognised by slack/ts"))
    );
    assert_eq!(story(&desk.view, EventId(99)).unwrap(), None);
}

#[test]
fn the_stories_of_others_are_for_those_who_may_hear_them() {
    let desk = Desk::new();
    desk.tool("task.create", json!({"title": "x"})).unwrap();
    assert_eq!(desk.tool("why", json!({"id": "e-1"})).unwrap().summary, "told the story of e-1");
    desk.become_person("p-2", "U2");
    let there = desk.refused_tool("why", json!({"id": "e-1"}));
    let missing = desk.refused_tool("why", json!({"id": "e-99"}));
    assert_eq!(there.what.replace("e-1 ", ""), missing.what.replace("e-99 ", ""), "nobody learns which is there");
    assert!(desk.refused_tool("why", json!({"id": "e-1.0"})).what.contains("that you may see"));
    // A task's history is for all who may see tasks; the event that made it is not.
    let task = desk.tool("why", json!({"id": "T-1"})).unwrap().result.unwrap();
    assert!(task["made_by"].is_null() && task["task"]["history"].is_array());
    desk.permit("why.any");
    assert!(desk.tool("why", json!({"id": "e-1"})).is_ok());
    desk.forbid(&["task.show"]);
    assert!(desk.refused_tool("why", json!({"id": "T-1"})).what.contains("that you may see"));
    assert!(desk.refused_tool("why", json!({"id": "soup"})).what.contains("has no story"));
}

#[test]
fn without_an_id_it_is_the_last_that_this_person_asked() {
    let desk = Desk::new();
    let first = event_of(&desk);
    desk.become_person("p-2", "U2");
    event_of(&desk);
    desk.become_person("p-1", "U1");
    let about = |desk: &Desk| desk.tool("why", json!({})).unwrap().resource;
    assert_eq!(about(&desk), first.to_string(), "not what Grace asked");
    // The question for why is e-3; it has ended as one and is passed over.
    desk.write(vec![event::put_story(EventId(3), &Story { handler: Some("why".into()), ..ended(End::Done, "told") })])
        .unwrap();
    assert_eq!(about(&desk), first.to_string());
}
