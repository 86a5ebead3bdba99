//! The life of an approval on a desk: asked for once, decided once, by somebody else, in time.

use super::*;
use crate::domain::event::{EventKind, PlatformUser};
use crate::domain::outcome::Expect;
use crate::domain::principal::{Principal, Role};
use crate::tools::testing::{Desk, platform_user, refused};

const WAITS: Duration = Duration::from_secs(3600);

/// A desk at which Grace (U2) is an owner and Mary (U3) one of the group ops.
fn desk() -> Desk {
    let desk = Desk::new();
    be(&desk, "p-2", Role::Owner, &[]);
    be(&desk, "p-3", Role::Member, &["ops"]);
    desk
}

fn be(desk: &Desk, id: &str, role: Role, groups: &[&str]) {
    let known = person::read(&desk.view, &PrincipalId(id.into())).unwrap().unwrap().value;
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    desk.write(person::put_person(&Principal { role, groups, ..known }, Expect::Any).to_vec()).unwrap();
}

fn ask_of(desk: &Desk, line: &str, approvers: &[Approver]) -> Result<Asked, Failure> {
    let rules = approvers.iter().map(|approver| format!("asks-{approver}")).collect::<Vec<_>>();
    let question = Question {
        line,
        shown: line,
        action: "task.update",
        rules: &rules,
        approvers,
        reason: "an owner looks first",
        policy: "0123456789abcdef",
        waits: WAITS,
    };
    desk.with(|ctx| ask(&question, ctx))
}

/// Asks an owner and stores it.
fn asked(desk: &Desk, line: &str) -> Asked {
    let asked = ask_of(desk, line, &[Approver::Owner]).unwrap();
    let outcome = Outcome { writes: asked.writes.clone(), timers: asked.timers.clone(), ..Outcome::default() };
    desk.apply(&outcome).unwrap();
    asked
}

fn say(desk: &Desk, answer: Answer) -> Result<Answered, Failure> {
    desk.with(|ctx| decide(ApprovalId(1), answer, None, ctx))
}

fn made(answered: Result<Answered, Failure>) -> Change {
    match answered {
        Ok(Answered::Made(change)) => *change,
        other => panic!("not made: {other:?}"),
    }
}

fn stored(desk: &Desk) -> Approval {
    kept::read(&desk.view, ApprovalId(1)).unwrap().unwrap().value
}

#[test]
fn the_same_question_is_one_approval_and_another_is_another() {
    let desk = desk();
    let first = asked(&desk, "task done T-1");
    assert!(first.is_first);
    assert_eq!(desk.timers(), ["approval/expire/A-1 2026-11-21T11:00:00.000Z"]);
    let again = asked(&desk, "task done T-1");
    assert!(!again.is_first && again.writes.is_empty());
    assert_eq!(again.approval, first.approval);
    assert_eq!(asked(&desk, "task done T-2").approval.id, ApprovalId(2));
    let of_others = ask_of(&desk, "task done T-1", &[Approver::Group("ops".into())]).unwrap();
    assert!(of_others.is_first, "another rule asks somebody else");
    desk.become_person("p-3", "U3");
    assert!(asked(&desk, "task done T-1").is_first, "another person asks");
}

#[test]
fn two_who_ask_at_one_time_do_not_make_two() {
    let desk = desk();
    let (one, other) = [(); 2].map(|()| ask_of(&desk, "task done T-1", &[Approver::Owner]).unwrap()).into();
    desk.write(one.writes).unwrap();
    assert!(desk.write(other.writes).is_err(), "the second is told, and finds the first");
    assert!(!ask_of(&desk, "task done T-1", &[Approver::Owner]).unwrap().is_first);
}

#[test]
fn nobody_asks_for_more_than_others_can_look_at() {
    let desk = desk();
    for number in 0..MOST_OPEN_OF_ONE {
        asked(&desk, &format!("task done T-{number}"));
    }
    let refusal = match ask_of(&desk, "task done T-99", &[Approver::Owner]) {
        Err(Failure::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    assert!(refusal.what.contains("20 things"), "{}", refusal.what);
}

#[test]
fn only_somebody_else_who_is_asked_decides() {
    let desk = desk();
    asked(&desk, "task done T-1");
    let refusal = |answered: Result<Answered, Failure>| match answered {
        Err(Failure::Refused(refusal)) => refusal.what,
        other => panic!("not refused: {other:?}"),
    };
    // Who asks, even as an owner.
    assert!(refusal(say(&desk, Answer::Approve)).contains("somebody else decides"));
    be(&desk, "p-1", Role::Owner, &[]);
    desk.become_person("p-1", "U1");
    assert!(refusal(say(&desk, Answer::Approve)).contains("somebody else decides"));
    // A member who is in another group, who cannot take it back either.
    desk.become_person("p-3", "U3");
    assert!(refusal(say(&desk, Answer::Reject(None))).contains("it is for an owner"));
    assert!(refusal(say(&desk, Answer::Withdraw)).contains("not asked for by you"));
    assert!(refusal(desk.with(|ctx| decide(ApprovalId(9), Answer::Approve, None, ctx))).contains("there is no A-9"));
    assert_eq!(stored(&desk).state, State::Pending);
    desk.become_person("p-2", "U2");
    made(say(&desk, Answer::Approve));
}

#[test]
fn who_asks_decides_by_no_other_identity_either() {
    let desk = desk();
    let in_teams = PlatformUser { channel: ChannelName::Teams, realm: "E1".into(), id: "A1".into() };
    desk.meet(&in_teams, "p-9", "Ada in Teams");
    be(&desk, "p-9", Role::Owner, &[]);
    asked(&desk, "task done T-1");
    // Ada of Teams becomes one with Ada of Slack, in either direction.
    for (own, person) in [("p-9", "p-1"), ("p-1", "p-9")] {
        let (own, person) = (PrincipalId(own.into()), PrincipalId(person.into()));
        desk.write(vec![link::put_alias(&own, &person)]).unwrap();
        desk.become_user(&in_teams, "p-9");
        assert!(matches!(say(&desk, Answer::Approve), Err(Failure::Refused(_))), "{own} → {person}");
        assert!(desk.with(to_decide).unwrap().is_empty());
        desk.write(vec![link::take_alias(&own)]).unwrap();
    }
    desk.become_user(&in_teams, "p-9");
    made(say(&desk, Answer::Approve));
}

#[test]
fn who_was_one_with_the_asker_when_it_was_asked_never_decides() {
    let desk = desk();
    let in_teams = PlatformUser { channel: ChannelName::Teams, realm: "E1".into(), id: "A1".into() };
    desk.meet(&in_teams, "p-9", "Ada in Teams");
    be(&desk, "p-9", Role::Owner, &[]);
    let (own, person) = (PrincipalId("p-9".into()), PrincipalId("p-1".into()));
    let joined = vec![link::Joined { user: in_teams.clone(), own: own.clone(), since: desk.now.get() }];
    let links = |joined| link::Links { first: platform_user("U1"), joined };
    desk.write(vec![link::put_alias(&own, &person), link::put_links(&person, &links(joined), Expect::Absent)]).unwrap();
    asked(&desk, "task done T-1");
    // Separated in between.
    desk.write(vec![link::take_alias(&own), link::put_links(&person, &links(Vec::new()), Expect::Any)]).unwrap();
    desk.become_user(&in_teams, "p-9");
    assert!(matches!(say(&desk, Answer::Approve), Err(Failure::Refused(it)) if it.what.contains("yourself")));
    assert!(desk.with(to_decide).unwrap().is_empty());
    assert!(desk.with(|ctx| deciders(&stored(&desk), ctx)).unwrap().0.iter().all(|who| *who != own));
    // And by no other person with whom it becomes one.
    desk.write(vec![link::put_alias(&own, &PrincipalId("p-2".into()))]).unwrap();
    desk.become_user(&in_teams, "p-9");
    assert!(matches!(say(&desk, Answer::Approve), Err(Failure::Refused(_))));
}

#[test]
fn a_button_decides_only_about_what_its_card_showed() {
    let desk = desk();
    let shown = mark(&asked(&desk, "task done T-1").approval);
    // A store that was restored gives the number out again.
    let another = Approval { line: "task done T-2".to_owned(), ..stored(&desk) };
    let before = kept::read(&desk.view, ApprovalId(1)).unwrap().unwrap();
    desk.become_person("p-2", "U2");
    let press = |desk: &Desk, card: &str| desk.with(|ctx| decide(ApprovalId(1), Answer::Approve, Some(card), ctx));
    desk.write(kept::change(&before, &another)).unwrap();
    assert!(matches!(press(&desk, &shown), Err(Failure::Refused(refusal)) if refusal.what.contains("something else")));
    made(press(&desk, &mark(&another)));
}

#[test]
fn a_yes_is_stored_and_rings_once_and_a_second_answer_finds_it() {
    let desk = desk();
    asked(&desk, "task done T-1");
    desk.become_person("p-2", "U2");
    let other = made(say(&desk, Answer::Reject(None)));
    let change = made(say(&desk, Answer::Approve));
    let outcome = change.outcome();
    assert_eq!(outcome.summary, "A-1 is approved, which p-1 asked for in e-1");
    desk.apply(&outcome).unwrap();
    assert_eq!(desk.timers(), ["approval/run/A-1 2026-11-21T10:00:00.000Z"], "it does not expire");
    assert!(desk.write(other.writes).is_err(), "of two at one time one is told");
    match say(&desk, Answer::Reject(None)).unwrap() {
        Answered::Late(it) => assert_eq!(it.state.decided().unwrap().by.id, PrincipalId("p-2".into())),
        other => panic!("{other:?}"),
    }
    assert!(desk.with(to_decide).unwrap().is_empty());
    desk.become_person("p-1", "U1");
    assert!(desk.with(asked_by).unwrap().is_empty());
    assert!(matches!(say(&desk, Answer::Withdraw).unwrap(), Answered::Late(_)));
}

#[test]
fn what_is_not_decided_in_time_is_decided_no_more() {
    let desk = desk();
    asked(&desk, "task done T-1");
    desk.now.set(desk.now.get().after(WAITS));
    let again = asked(&desk, "task done T-1");
    assert!(again.is_first && again.approval.id == ApprovalId(2), "what nobody can decide any more is no answer");
    desk.become_person("p-2", "U2");
    assert!(matches!(say(&desk, Answer::Approve).unwrap(), Answered::Late(_)), "its timer has not rung yet");
    assert_eq!(desk.with(to_decide).unwrap(), [again.approval]);
    let expired = desk.with(|ctx| expire(ApprovalId(1), ctx)).unwrap().unwrap();
    desk.apply(&expired.outcome()).unwrap();
    assert!(matches!(stored(&desk).state, State::Expired { .. }));
    assert_eq!(desk.timers(), ["approval/expire/A-2 2026-11-21T12:00:00.000Z"]);
    assert!(desk.with(|ctx| expire(ApprovalId(1), ctx)).unwrap().is_none());
    desk.become_person("p-1", "U1");
    assert!(!asked(&desk, "task done T-1").is_first, "the end of the first leaves the second its question");
    desk.now.set(desk.now.get().after(WAITS));
    let expired = desk.with(|ctx| expire(ApprovalId(2), ctx)).unwrap().unwrap();
    desk.apply(&expired.outcome()).unwrap();
    assert!(asked(&desk, "task done T-1").is_first, "it can be asked for again");
}

#[test]
fn a_run_is_had_once_and_only_by_our_own_ring() {
    let desk = desk();
    asked(&desk, "task done T-1");
    let ring = |desk: &Desk, channel| {
        let payload = json!({ "run": 1 });
        let mut event = desk.event(EventKind::TimerFired { name: "approval/run/A-1".into(), payload });
        event.what.channel = channel;
        event
    };
    let in_hand = |desk: &Desk, channel| in_hand(&desk.view, &ring(desk, channel), desk.now.get()).unwrap();
    assert!(in_hand(&desk, ChannelName::Internal).is_none(), "nobody has approved it");
    desk.become_person("p-2", "U2");
    let change = made(say(&desk, Answer::Approve));
    desk.apply(&change.outcome()).unwrap();
    assert!(in_hand(&desk, ChannelName::Slack).is_none());
    let approved = in_hand(&desk, ChannelName::Internal).unwrap();
    let run = ring(&desk, ChannelName::Internal);
    let as_asked = approved.value.asked_in(&run);
    assert_eq!(as_asked.what.kind, EventKind::Command { line: "task done T-1".into() });
    assert_eq!((as_asked.id, as_asked.what.from), (run.id, Some(platform_user("U1"))));
    assert_eq!(as_asked.what.reply.unwrap().route, None);
    desk.write(is_given_up(&approved, &run)).unwrap();
    let approved = in_hand(&desk, ChannelName::Internal).expect("what was given up may be tried again");
    let asked = desk.now.replace(approved.value.until);
    assert!(in_hand(&desk, ChannelName::Internal).is_none(), "but not when its time is over");
    desk.now.set(asked);
    desk.write(has_run(&approved, &run)).unwrap();
    assert_eq!(stored(&desk).ran, Some(run.id));
    assert!(in_hand(&desk, ChannelName::Internal).is_none());
    assert!(desk.write(has_run(&approved, &run)).is_err(), "a second run cannot land");
}

#[test]
fn a_yes_covers_what_was_asked_or_less() {
    let desk = desk();
    let (owner, ops) = (Approver::Owner, Approver::Group("ops".into()));
    let it = ask_of(&desk, "x", &[owner.clone(), ops.clone()]).unwrap().approval;
    let rules = |all: &[&str]| all.iter().map(|rule| (*rule).to_owned()).collect::<Vec<_>>();
    for (named, approvers, expected) in [
        (rules(&["asks-owner", "asks-group:ops"]), vec![owner.clone(), ops.clone()], true),
        (rules(&["asks-owner"]), vec![owner.clone()], true),
        (rules(&["asks-owner", "other"]), vec![owner.clone()], false),
        (rules(&["asks-owner"]), vec![Approver::Group("dev".into())], false),
    ] {
        assert_eq!(it.covers(&named, &approvers), expected, "{named:?} {approvers:?}");
    }
}

#[test]
fn those_who_may_decide_are_found_and_the_asker_is_none_of_them() {
    let desk = desk();
    be(&desk, "p-1", Role::Owner, &["ops"]);
    let found = |approvers: &[Approver]| {
        let it = ask_of(&desk, "x", approvers).unwrap().approval;
        let (found, marks) = desk.with(|ctx| deciders(&it, ctx)).unwrap();
        desk.write(marks).unwrap();
        found.into_iter().map(|who| who.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found(&[Approver::Owner]), ["p-2"]);
    assert_eq!(found(&[Approver::Group("ops".into())]), ["p-3"]);
    assert!(found(&[Approver::Owner, Approver::Group("ops".into())]).is_empty());
    assert!(person::owners(&desk.view).unwrap().1.is_empty(), "the next look for owners is a short one");
}

#[test]
fn a_program_lists_what_waits_for_whom() {
    let desk = desk();
    asked(&desk, "task done T-1");
    let own = desk.decide("approval.list", json!({})).result.unwrap();
    assert_eq!((&own["asked_for"][0]["id"], &own["to_decide"]), (&json!("A-1"), &json!([])));
    desk.become_person("p-2", "U2");
    let waiting = desk.decide("approval.list", json!({})).result.unwrap();
    assert_eq!(waiting["to_decide"][0]["line"], "task done T-1");
    assert_eq!(waiting["to_decide"][0]["approvers"], json!(["owner"]));
    desk.forbid(&["approval.decide"]);
    let waiting = desk.decide("approval.list", json!({})).result.unwrap();
    assert_eq!(waiting["to_decide"], json!([]), "policies let this person decide about nothing");
    assert!(refused(desk.with(|ctx| (TOOL.run)(json!({"x": 1}), ctx))).what.contains('x'));
}
