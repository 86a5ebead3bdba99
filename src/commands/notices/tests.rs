//! Whom a change concerns, what waits, the summary of a day, and what owners are told.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::commands::{grammar, timers};
use crate::domain::card::Audience;
use crate::domain::effect::{Effect, EffectEnd, EffectKind, Receipt};
use crate::domain::event::{Address, ChannelName, EventKind, PlatformUser};
use crate::domain::ids::{EffectId, EventId};
use crate::domain::outcome::{Expect, Living, TimerChange};
use crate::domain::principal::Role;
use crate::domain::task::{Elsewhere, Person};
use crate::domain::time::Timestamp;
use crate::store::keyspace::notice::Trouble;
use crate::store::keyspace::{effect, face, setting};
use crate::tools::testing::{Desk, NOW, platform_user};

/// Everybody has written to the bot once.
fn desk() -> Desk {
    let desk = Desk::new();
    for (id, user) in [("p-1", "U1"), ("p-2", "U2"), ("p-3", "U3")] {
        desk.write(vec![person::put_reach(&PrincipalId(id.into()), &chat(user))]).unwrap();
    }
    desk
}

fn chat(user: &str) -> Address {
    let event = Desk::new().event(EventKind::HomeOpened);
    let reply = Address { person: Some(user.to_owned()), ..event.what.reply.unwrap() };
    reply.in_person().unwrap()
}

/// Types a line and tells of it, as the router does.
fn say(desk: &Desk, line: &str) -> Outcome {
    let parsed = grammar::parse(line).unwrap();
    let event = desk.event(EventKind::Command { line: line.to_owned() });
    let outcome = desk.on(&event, |ctx| tell((parsed.spec.run)(&parsed.matches, ctx).unwrap(), ctx)).unwrap();
    desk.apply(&outcome).unwrap();
    outcome
}

fn ring(desk: &Desk, name: &str, payload: serde_json::Value) -> Outcome {
    let event = desk.event(EventKind::TimerFired { name: name.to_owned(), payload: payload.clone() });
    let outcome = desk.on(&event, |ctx| timers::timer_fired(name, &payload, ctx)).unwrap();
    desk.apply(&outcome).unwrap();
    outcome
}

/// To whom something is said in person, with its title and its last words.
fn told(outcome: &Outcome) -> Vec<(String, String)> {
    let in_person = outcome.replies.iter().filter(|reply| reply.to.as_ref().is_some_and(Address::is_in_person));
    let words = |reply: &Reply| {
        format!("{} {:?} {}", reply.card.title, reply.card.blocks, reply.card.footer.as_deref().unwrap_or(""))
    };
    in_person.map(|reply| (reply.to.as_ref().unwrap().place.clone(), words(reply))).collect()
}

/// To whom, and a part of it.
type Said = &'static [(&'static str, &'static str)];

#[test]
fn each_is_told_once_of_what_concerns_them_and_nobody_of_what_they_did() {
    let desk = desk();
    // Who types, what, and to whom what is said.
    let cases: [(&str, &str, Said); 9] = [
        ("U1", "task create Alone", &[]),
        ("U1", "task assign T-1 @Grace Hopper", &[("U2", "Ada gave it to you")]),
        ("U2", "task update T-1 --status in-progress", &[("U1", "it is in-progress now")]),
        (
            "U3",
            "task comment T-1 @Ada and @Grace Hopper: done soon?",
            &[("U1", "Mary Hopper named you"), ("U2", "named you")],
        ),
        ("U3", "task comment T-1 mail ada@example.org", &[("U2", "mail ada@example.org"), ("U1", "mail")]),
        ("U3", "task assign T-1 me", &[("U2", "gave it to @Mary Hopper")]),
        ("U3", "task assign T-1 nobody", &[("U1", "agents that suit")]),
        ("U1", "task update T-1 --priority critical", &[]),
        ("U3", "task create For both --to @Ada --description \"as @Ada said\"", &[("U1", "gave it to you")]),
    ];
    for (user, line, expected) in cases {
        desk.become_person(&user.replace('U', "p-"), user);
        let got = told(&say(&desk, line));
        assert_eq!(got.len(), expected.len(), "{line}: {got:?}");
        for ((who, said), (to, part)) in got.iter().zip(expected) {
            assert_eq!(who, to, "{line}");
            assert!(said.contains(part) && said.contains("you are told since"), "{line}: {said}");
        }
    }
}

#[test]
fn a_remark_that_has_other_words_now_is_told_to_nobody_again() {
    let desk = desk();
    desk.become_person("p-1", "U1");
    say(&desk, "task create Mine");
    let mut before = crate::store::keyspace::task::read(&desk.view, task_id()).unwrap().unwrap().value;
    let by = Person { id: PrincipalId("github:github.com/5".into()), name: "bob (GitHub)".into() };
    before.comment("for @Grace Hopper", &by, NOW, EventId(9)).unwrap();
    before.comments[0].elsewhere = Some(Elsewhere { id: 5, at: Some(NOW) });
    desk.become_person("p-3", "U3");
    let event = desk.event(EventKind::HomeOpened);
    let tells = |before: Option<Task>, after: Task| {
        let outcome = Outcome { tasks: vec![TaskChange { before, after }], ..Outcome::default() };
        told(&desk.on(&event, |ctx| tell(outcome, ctx)).unwrap()).len()
    };
    let without = Task { comments: vec![], ..before.clone() };
    assert_eq!(tells(Some(without), before.clone()), 2, "who is named, and who made it");
    let mut after = before.clone();
    after.comments[0].text = "for @Grace Hopper, I mean".into();
    assert_eq!(tells(Some(before.clone()), after.clone()), 0);
    after.comments[0].elsewhere = Some(Elsewhere { id: 5, at: None });
    assert_eq!(tells(Some(before.clone()), after.clone()), 0);
    after.comment("for @Grace Hopper", &by, NOW, EventId(9)).unwrap();
    assert_eq!(tells(Some(before), after), 2, "the same words are said once more");
}

#[test]
fn who_wants_none_of_one_topic_is_told_by_another_and_the_story_says_who_is_not() {
    let desk = desk();
    desk.become_person("p-2", "U2");
    say(&desk, "notifications --off assignments");
    desk.become_person("p-1", "U1");
    let outcome = say(&desk, "task create Named --to @Grace Hopper --description \"for @Grace Hopper\"");
    assert!(told(&outcome)[0].1.contains("named you"), "{:?}", told(&outcome));
    let outcome = say(&desk, "task create Silent --to @Grace Hopper");
    assert!(told(&outcome).is_empty());
    assert_eq!(outcome.told, ["p-2 is not told, who wants none of these"]);
    desk.write(vec![
        person::put_person(
            &Principal {
                role: Role::Guest,
                ..person::read(&desk.view, &PrincipalId("p-3".into())).unwrap().unwrap().value
            },
            Expect::Any,
        )[0]
        .clone(),
    ])
    .unwrap();
    assert_eq!(
        say(&desk, "task create Guest --to @Mary Hopper").told,
        ["p-3 is not told, who is a member nowhere that I could write to"]
    );
}

#[test]
fn what_comes_up_in_quiet_hours_is_told_at_their_end_all_at_once() {
    let desk = desk();
    desk.become_person("p-2", "U2");
    say(&desk, "notifications --quiet 9-12");
    desk.become_person("p-1", "U1");
    for title in ["One", "Two"] {
        let outcome = say(&desk, &format!("task create {title} --to @Grace Hopper"));
        assert!(told(&outcome).is_empty());
        assert_eq!(outcome.told, ["p-2 is told at 2026-11-21 12:00 UTC: assignments"]);
    }
    let end = NOW.after(std::time::Duration::from_secs(7200));
    assert_eq!(desk.timers(), [format!("notices/p-2/{} 2026-11-21T12:00:00.000Z", end.0)]);
    let payload = json!({"person": "p-2"});
    assert!(told(&ring(&desk, "notices/p-2/0", payload.clone())).is_empty(), "it is too early");
    desk.now.set(end);
    let outcome = ring(&desk, "notices/p-2/0", payload.clone());
    let [(who, said)] = &told(&outcome)[..] else { panic!("{outcome:?}") };
    assert_eq!(who, "U2");
    assert!(said.contains("2 things") && said.contains("T-1 One") && said.contains("T-2 Two"), "{said}");
    assert!(told(&ring(&desk, "notices/p-2/0", payload)).is_empty(), "it is told once");
}

#[test]
fn a_summary_says_how_the_day_stands_and_sets_the_next() {
    let desk = desk();
    say(&desk, "notifications --summary 10:00");
    say(&desk, "task create Late --to me --due 2026-11-20");
    say(&desk, "task create Soon --to me --due today");
    say(&desk, "task create Other --to @Grace Hopper");
    let payload = json!({"person": "p-1"});
    let outcome = ring(&desk, "summary/p-1", payload.clone());
    let said = &told(&outcome)[0].1;
    for part in ["2026-11-21: 2 open", "Overdue", "T-1", "Due today", "T-2"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("T-3"), "{said}");
    assert!(outcome.timers.iter().any(|timer| matches!(timer, TimerChange::Set { at, .. } if *at > NOW)));
    say(&desk, "notifications --mute 2d");
    assert!(told(&ring(&desk, "summary/p-1", payload.clone())).is_empty());
    say(&desk, "notifications --mute off --summary off");
    let outcome = ring(&desk, "summary/p-1", payload);
    assert!(told(&outcome).is_empty() && matches!(&outcome.timers[..], [TimerChange::Clear { .. }]), "{outcome:?}");
}

/// An effect of an event that was given up.
fn give_up(desk: &Desk, event: EventId, at: Timestamp) {
    let kind = EffectKind::Deliver {
        to: chat("U2"),
        card: Card::new("x"),
        audience: Audience::Everyone,
        replaces: None,
        shows: None,
        living: None,
        answers: None,
    };
    let id = EffectId { event, index: 0 };
    let tenant = desk.view.tenant().clone();
    let dead = Effect {
        id,
        tenant,
        created: at,
        not_before: None,
        expires: None,
        kind,
        attempts: 0,
        last_error: None,
        terms: None,
    };
    let end = EffectEnd::Dead { reason: "not_in_channel".into() };
    let receipt = Receipt { id, at, end, to: "slack C9".into(), attempts: 1 };
    desk.write(vec![
        effect::put_dead(&dead),
        effect::put_receipt(&receipt),
        notices_kept::put_trouble(at, Trouble::Effect(id)),
    ])
    .unwrap();
}

#[test]
fn owners_are_told_of_what_was_given_up_since_they_were_last_told() {
    let desk = desk();
    let owner = Principal { role: Role::Owner, ..desk.by.borrow().clone() };
    desk.write(person::put_person(&owner, Expect::Any)).unwrap();
    let asked = desk.event(EventKind::Command { line: "task list".into() });
    give_up(&desk, asked.id, NOW);
    let outcome = ring(&desk, "alert/1", json!(null));
    let [(who, said)] = &told(&outcome)[..] else { panic!("{outcome:?}") };
    assert_eq!(who, "U1");
    assert!(said.contains("slack C9 did not arrive: not_in_channel") && said.contains("you are an owner"), "{said}");

    assert!(told(&ring(&desk, "alert/later", json!(null))).is_empty(), "of two rings one tells");

    // Soon after it is put off; then only what is new is told.
    let later = NOW.after(std::time::Duration::from_secs(60));
    desk.now.set(later);
    let again = desk.event(EventKind::Command { line: "task list".into() });
    give_up(&desk, again.id, later);
    let outcome = ring(&desk, "alert/2", json!(null));
    let [TimerChange::Set { at, .. }] = &outcome.timers[..] else { panic!("{outcome:?}") };
    assert!(told(&outcome).is_empty());
    desk.now.set(*at);
    let said = &told(&ring(&desk, "alert/later", json!(null)))[0].1;
    assert!(said.contains("1 thing") && said.contains(&again.id.to_string()), "{said}");
}

/// As many people as a large installation has, of whom the last is the owner.
const CROWD: usize = 200_000;

#[test]
fn the_owner_of_a_crowd_is_told_and_looked_for_once() {
    let desk = desk();
    let base = desk.by.borrow().clone();
    let member = |number: usize| Principal { id: PrincipalId(format!("p-{number:07}").into()), ..base.clone() };
    // As a store from before there were marks has them.
    let row = |person: &Principal| person::put_person(person, Expect::Any).swap_remove(0);
    for start in (0..CROWD).step_by(10_000) {
        desk.write((start..start + 10_000).map(|number| row(&member(number))).collect()).unwrap();
    }
    // Their principals come after all others, so that whoever looks through a part of them does not find them.
    let owner = |id: &str, user: &str| {
        desk.meet(&platform_user(user), id, user);
        desk.write(vec![person::put_reach(&PrincipalId(id.into()), &chat(user))]).unwrap();
        Principal { id: PrincipalId(id.into()), role: Role::Owner, ..base.clone() }
    };
    desk.write(vec![row(&owner("p-z1", "U8"))]).unwrap();
    let who_is_told = |ring_name: &str, at: Timestamp| {
        desk.now.set(at);
        let asked = desk.event(EventKind::Command { line: "task list".into() });
        give_up(&desk, asked.id, at);
        told(&ring(&desk, ring_name, json!(null))).into_iter().map(|(who, _)| who).collect::<Vec<_>>()
    };
    let hours = |count: u64| NOW.after(std::time::Duration::from_secs(3600 * count));
    assert_eq!(who_is_told("alert/1", NOW), ["U8"]);

    // From then on who is an owner is marked with their row, and nobody else is looked at.
    desk.write(vec![row(&owner("p-z2", "U9"))]).unwrap();
    assert_eq!(who_is_told("alert/2", hours(1)), ["U8"]);
    desk.write(person::put_person(&owner("p-z2", "U9"), Expect::Any)).unwrap();
    assert_eq!(who_is_told("alert/3", hours(2)), ["U8", "U9"]);
    let no_longer = Principal { role: Role::Member, ..owner("p-z1", "U8") };
    desk.write(person::put_person(&no_longer, Expect::Any)).unwrap();
    assert_eq!(who_is_told("alert/4", hours(3)), ["U9"]);
}

#[test]
fn what_was_given_up_for_one_reason_in_one_place_is_one_line_with_every_number() {
    let desk = desk();
    let owner = Principal { role: Role::Owner, ..desk.by.borrow().clone() };
    desk.write(person::put_person(&owner, Expect::Any).to_vec()).unwrap();
    let mut ids = Vec::new();
    for _ in 0..15 {
        let asked = desk.event(EventKind::Command { line: "task list".into() });
        give_up(&desk, asked.id, NOW);
        ids.push(format!("{}.0", asked.id));
    }
    let said = told(&ring(&desk, "alert/1", json!(null)))[0].1.clone();
    assert!(
        said.contains("15 things") && said.contains("15 messages to slack C9 did not arrive: not_in_channel"),
        "{said}"
    );
    assert!(ids.iter().all(|id| said.contains(id.as_str())), "{said}");
}

#[test]
fn who_is_one_person_on_two_platforms_is_told_where_the_bot_still_is() {
    let desk = desk();
    let owner = Principal { role: Role::Owner, ..desk.by.borrow().clone() };
    let in_teams = Address { channel: ChannelName::Teams, installation: "t-1".into(), ..chat("A1") };
    desk.write(person::put_person(&owner, Expect::Any).to_vec()).unwrap();
    let of = |channel, id: &str| PlatformUser { channel, realm: "r".into(), id: id.into() };
    let joined = link::Joined { user: of(ChannelName::Teams, "A1"), own: PrincipalId("p-2".into()), since: NOW };
    let links = link::Links { first: of(ChannelName::Slack, "U1"), joined: vec![joined] };
    desk.write(vec![link::put_links(&PrincipalId("p-1".into()), &links, Expect::Any)]).unwrap();
    desk.write(vec![person::put_reach(&PrincipalId("p-2".into()), &in_teams)]).unwrap();
    let tell = |name: &str| {
        let asked = desk.event(EventKind::Command { line: "task list".into() });
        give_up(&desk, asked.id, desk.now.get());
        let who = told(&ring(&desk, name, json!(null)))[0].0.clone();
        desk.now.set(desk.now.get().after(std::time::Duration::from_secs(1000)));
        who
    };
    assert_eq!(tell("alert/1"), "U1", "the first chat that there is");
    let gone = |why: Option<&str>| {
        let slack = setting::Installation {
            channel: ChannelName::Slack,
            id: "T1".into(),
            organisation: None,
            token: None,
            name: "Office".into(),
            bot_user: "U9".into(),
            since: NOW,
            grant: None,
            gone: why.map(str::to_owned),
        };
        desk.write(vec![setting::put_installation(&slack, Expect::Any)]).unwrap();
    };
    gone(Some("the app was removed"));
    assert_eq!(tell("alert/2"), "A1", "Slack would show it to nobody");
    gone(None);
    assert_eq!(tell("alert/3"), "U1", "it was connected again");
}

#[test]
fn the_messages_that_show_a_task_are_changed_with_it() {
    let desk = desk();
    say(&desk, "task create Shown");
    let elsewhere =
        Address { place: "C2".into(), route: None, ..desk.event(EventKind::HomeOpened).what.reply.unwrap() };
    let face = |to: Address, message: &str| face::Face { to, message: message.to_owned(), living: None };
    let faces = [face(elsewhere, "C2:1"), face(chat("U2"), "D2:1")];
    desk.write(faces.iter().map(|face| face::put_face(task_id().into(), face)).collect()).unwrap();
    let outcome = say(&desk, "task done T-1");
    let mut changed: Vec<&str> = outcome.replies.iter().filter_map(|reply| reply.replaces.as_deref()).collect();
    changed.sort_unstable();
    assert_eq!(changed, ["C2:1", "D2:1"]);
    assert!(outcome.replies.iter().all(|reply| reply.shows == Some(task_id().into())));
}

#[test]
fn words_before_a_card_stay_when_it_is_made_anew() {
    let desk = desk();
    say(&desk, "task create Shown");
    let issue = Address { thread: Some("7".into()), ..Address::at(ChannelName::GitHub, "12", "Acme/Shop") };
    let living = Living { topic: Some("triage/3".into()), lead: Some("✅ **task** created".into()) };
    let face = face::Face { to: issue, message: "issue_comment/1".into(), living: Some(living.clone()) };
    desk.write(vec![face::put_face(task_id().into(), &face)]).unwrap();
    let outcome = say(&desk, "task done T-1");
    let kept = outcome.replies.iter().find(|reply| reply.replaces.is_some()).unwrap();
    let [Block::Markup { text }, Block::Facts { facts }] = &kept.card.blocks[..] else { panic!("{kept:?}") };
    assert_eq!((text.as_str(), kept.living.as_ref()), ("✅ **task** created", Some(&living)));
    let facts: Vec<_> = facts.iter().map(|fact| (fact.label.as_str(), fact.value.as_str())).collect();
    assert_eq!(facts[..2], [("Task", "T-1"), ("Status", "done")]);
    assert!(kept.card.actions.is_empty() && kept.card.refresh.is_none(), "{kept:?}");
}

#[test]
fn two_messages_of_one_id_in_two_places_are_two_and_one_in_a_chat_of_two_names_is_one() {
    let desk = desk();
    say(&desk, "task create Shown");
    let at = |place: &str| Address { place: place.into(), ..Address::at(ChannelName::Slack, "T1", place) };
    // As a press tells of it.
    let by_its_id = Address { alone: false, place: "D2".into(), ..chat("U2") };
    let faces =
        [at("C2"), at("C3"), chat("U2"), by_its_id].map(|to| face::Face { to, message: "17".to_owned(), living: None });
    desk.write(faces.iter().map(|face| face::put_face(task_id().into(), face)).collect()).unwrap();
    let changed = |outcome: Outcome| {
        let changed = outcome.replies.into_iter().filter(|reply| reply.replaces.as_deref() == Some("17"));
        changed.map(|reply| reply.to.map_or("here".to_owned(), |to| to.place)).collect::<BTreeSet<_>>()
    };
    let places = changed(say(&desk, "task done T-1"));
    assert_eq!(places.len(), 3, "{places:?}");
    assert!(places.contains("C2") && places.contains("C3"), "{places:?}");

    let mut outcome = Outcome::default();
    let task = desk.task(1);
    desk.with(|ctx| {
        outcome.replies.push(Reply { replaces: Some("17".into()), ..Reply::everyone(Card::new("pressed")) });
        keep_true(&task, &mut outcome, ctx).unwrap();
    });
    let places = changed(outcome);
    assert_eq!(places.len(), 4, "a message of that id in the asker's place is none of the others: {places:?}");
}

#[test]
fn a_name_that_several_have_names_nobody() {
    let desk = desk();
    let named = |text: &str| {
        let ids = desk.with(|ctx| people::named_in(text, ctx)).unwrap();
        ids.into_iter().map(|id| id.0.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(named("@ada, @GRACE HOPPER's and @Ada"), ["p-1", "p-2"]);
    assert_eq!(named("x@ada @adam @Hopper @ @Grace"), Vec::<String>::new());
    let twin = Principal { id: PrincipalId("p-9".into()), ..desk.by.borrow().clone() };
    desk.write(person::put_person(&twin, Expect::Any)).unwrap();
    assert_eq!(named("@Ada and @Mary Hopper"), ["p-3"]);
}

fn task_id() -> crate::domain::ids::TaskId {
    crate::domain::ids::TaskId(1)
}
