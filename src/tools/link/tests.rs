//! Who may become one with whom, what of a code is counted, and that an unlink gives back what was. How the answers
//! look is tested by the words of `tests/it/link.rs`.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::outcome::Outcome;
use crate::tools::testing::{Desk, NOW, platform_user};

fn teams(id: &str) -> PlatformUser {
    PlatformUser { channel: ChannelName::Teams, realm: "E1".into(), id: id.into() }
}

fn terminal(id: &str) -> PlatformUser {
    PlatformUser { channel: ChannelName::Terminal, realm: "host".into(), id: id.into() }
}

/// Ada of Slack (U1, p-1), Grace of Slack (U2, p-2); Ada (A, p-a) and Grace (G, p-g) of Teams; Ada of the terminal.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.meet(&teams("A"), "p-a", "Ada Lovelace");
    desk.meet(&teams("G"), "p-g", "Grace");
    desk.meet(&terminal("ada"), "p-t", "ada");
    desk
}

fn own_of(user: &PlatformUser) -> &'static str {
    match (user.channel, user.id.as_str()) {
        (ChannelName::Slack, "U1") => "p-1",
        (ChannelName::Slack, _) => "p-2",
        (ChannelName::Teams, "A") => "p-a",
        (ChannelName::Teams, _) => "p-g",
        _ => "p-t",
    }
}

fn code(desk: &Desk, user: &PlatformUser) -> String {
    desk.become_user(user, own_of(user));
    let fresh = desk.with(ask).unwrap();
    desk.write(fresh.writes).unwrap();
    fresh.code
}

fn given(desk: &Desk, user: &PlatformUser, code: &str) -> Given {
    desk.become_user(user, own_of(user));
    let (given, writes) = desk.with(|ctx| give(code, ctx)).unwrap();
    desk.write(writes).unwrap();
    given
}

fn unlink(desk: &Desk, user: &PlatformUser, from: Option<ChannelName>) -> Result<Vec<PlatformUser>, Failure> {
    desk.become_user(user, own_of(user));
    let separated = desk.with(|ctx| separate(from, ctx))?;
    desk.write(separated.writes).unwrap();
    Ok(separated.users)
}

fn person_of(desk: &Desk, user: &PlatformUser) -> String {
    desk.become_user(user, own_of(user));
    desk.by.borrow().id.to_string()
}

fn mine(desk: &Desk, user: &PlatformUser) -> Vec<String> {
    desk.become_user(user, own_of(user));
    let page = desk.tool("task.list", json!({"mine": true})).unwrap().result.unwrap();
    page["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned()).collect()
}

fn task(desk: &Desk, user: &PlatformUser) -> Outcome {
    desk.become_user(user, own_of(user));
    desk.tool("task.create", json!({"title": "x", "assignee": "me"})).unwrap()
}

fn unfit(given: Given) -> Refusal {
    let Given::Unfit(refusal) = given else { panic!("{given:?}") };
    refusal
}

fn later(desk: &Desk, seconds: u64) {
    desk.now.set(desk.now.get().after(Duration::from_secs(seconds)));
}

#[test]
fn a_code_of_one_platform_given_on_another_makes_one_person() {
    let (desk, slack, ada) = (desk(), platform_user("U1"), teams("A"));
    task(&desk, &slack);
    task(&desk, &ada);
    let code = code(&desk, &slack);
    assert!(code.len() == 11 && code.as_bytes()[5] == b'-', "{code}");
    let typed = code.to_lowercase().replace('-', " ");
    let users = vec![slack.clone(), ada.clone()];
    assert_eq!(given(&desk, &ada, &typed), Given::Linked { person: PrincipalId("p-1".into()), users });
    assert_eq!((person_of(&desk, &slack), person_of(&desk, &ada)), ("p-1".to_owned(), "p-1".to_owned()));
    for user in [&slack, &ada] {
        assert_eq!(mine(&desk, user), ["T-2", "T-1"], "by whichever platform they were given");
    }
    desk.become_user(&ada, "p-a");
    let found = desk.with(|ctx| crate::tools::people::assignee("@Ada Lovelace", ctx)).unwrap();
    assert!(format!("{found:?}").contains("p-1"), "by either name it is one person: {found:?}");
    assert_eq!(given(&desk, &teams("G"), &code), Given::Wrong { left: 4 }, "a code serves once");
}

#[test]
fn who_is_no_member_asks_for_no_code_and_gives_none() {
    let (desk, slack) = (desk(), platform_user("U1"));
    let code = code(&desk, &slack);
    desk.become_user(&teams("A"), "p-a");
    desk.by.borrow_mut().role = Role::Guest;
    let refused = |result: Result<(), Failure>| matches!(result, Err(Failure::Refused(_)));
    assert!(refused(desk.with(|ctx| give(&code, ctx).map(drop))));
    assert!(refused(desk.with(|ctx| ask(ctx).map(drop))));
    // Who asked and is a guest since joins nobody.
    let profile = crate::domain::principal::Profile { name: "Ada".into(), standing: Standing::Guest };
    let record = crate::domain::principal::PersonRecord { principal: PrincipalId("p-1".into()), profile, seen: NOW };
    desk.write(vec![person::put_record(&slack, &record)]).unwrap();
    assert!(unfit(given(&desk, &teams("A"), &code)).what.contains("no full member"));
}

#[test]
fn wrong_old_and_replaced_codes_are_counted_and_the_fifth_is_the_last() {
    let (desk, slack, ada) = (desk(), platform_user("U1"), teams("A"));
    let replaced = code(&desk, &slack);
    let old = code(&desk, &slack);
    assert_ne!(replaced, old);
    assert_eq!(given(&desk, &ada, &replaced), Given::Wrong { left: 4 }, "a fresh code voids the former");
    later(&desk, 600);
    assert_eq!(given(&desk, &ada, &old), Given::Wrong { left: 4 }, "ten minutes; and the wrong one is forgotten");
    let right = code(&desk, &slack);
    for left in [3, 2, 1] {
        assert_eq!(given(&desk, &ada, "ABCDE-FGHJK"), Given::Wrong { left });
        later(&desk, 1);
    }
    let until = NOW.after(CODE_WORKS_FOR).after(FAILURES_COUNT_FOR);
    desk.now.set(until.before(Duration::from_secs(5)));
    assert_eq!(given(&desk, &ada, ""), Given::Waits { until });
    assert_eq!(given(&desk, &ada, &right), Given::Waits { until }, "not even the right one");
    assert!(matches!(given(&desk, &teams("G"), "x"), Given::Wrong { left: 4 }), "others are not held up");
    desk.now.set(until);
    let fresh = code(&desk, &slack);
    assert!(matches!(given(&desk, &ada, &fresh), Given::Linked { .. }));
}

#[test]
fn who_cannot_be_one_uses_the_code_up() {
    let (desk, slack, ada) = (desk(), platform_user("U1"), teams("A"));
    for (user, why) in [(&slack, "that person here already"), (&platform_user("U2"), "another user on this platform")] {
        let code = code(&desk, &slack);
        assert!(unfit(given(&desk, user, &code)).what.contains(why));
        assert!(matches!(given(&desk, &ada, &code), Given::Wrong { .. }), "it was typed where others may read");
    }
    let first = code(&desk, &slack);
    assert!(matches!(given(&desk, &ada, &first), Given::Linked { .. }));
    let second = code(&desk, &platform_user("U2"));
    assert!(unfit(given(&desk, &ada, &second)).what.contains("already"), "one person at a time");
    let third = code(&desk, &teams("G"));
    assert!(unfit(given(&desk, &slack, &third)).what.contains("already"), "whom others joined joins nobody");
    let fourth = code(&desk, &slack);
    assert!(unfit(given(&desk, &teams("G"), &fourth)).what.contains("another user on this platform"));
    // A joined one may ask: the person is the same.
    let fifth = code(&desk, &ada);
    assert!(matches!(given(&desk, &terminal("ada"), &fifth), Given::Linked { person, .. } if &*person.0 == "p-1"));
}

#[test]
fn two_links_at_once_make_no_chain() {
    let (desk, slack, ada) = (desk(), platform_user("U1"), teams("A"));
    let of_slack = code(&desk, &slack);
    let of_terminal = code(&desk, &terminal("ada"));
    let decided = |user: &PlatformUser, code: &str| {
        desk.become_user(user, own_of(user));
        desk.with(|ctx| give(code, ctx)).unwrap().1
    };
    let joins = decided(&ada, &of_slack);
    let leads = decided(&slack, &of_terminal);
    let twice = decided(&ada, &of_slack);
    desk.write(leads.clone()).unwrap();
    assert!(desk.write(joins).is_err() && desk.write(twice).is_err(), "decided again");
    assert!(desk.write(leads).is_err(), "used once");
}

#[test]
fn unlink_separates_at_once_by_either_side() {
    let (desk, slack, ada, host) = (desk(), platform_user("U1"), teams("A"), terminal("ada"));
    let link = |user: &PlatformUser| {
        let code = code(&desk, &slack);
        assert!(matches!(given(&desk, user, &code), Given::Linked { .. }));
    };
    link(&ada);
    link(&host);
    assert_eq!(unlink(&desk, &host, Some(ChannelName::Teams)).unwrap(), std::slice::from_ref(&ada));
    assert_eq!((person_of(&desk, &ada), person_of(&desk, &host)), ("p-a".to_owned(), "p-1".to_owned()));
    assert!(unlink(&desk, &ada, None).is_err(), "there is nothing to end");
    let Err(Failure::Refused(refusal)) = unlink(&desk, &slack, Some(ChannelName::Teams)) else { panic!() };
    assert!(refusal.mend.unwrap().contains("`unlink terminal`"));
    link(&ada);
    let waiting = code(&desk, &host);
    assert_eq!(unlink(&desk, &slack, None).unwrap().len(), 3, "with the first one all are separate");
    assert_eq!(
        ["p-1", "p-a", "p-t"],
        [&slack, &ada, &host].map(|user| person_of(&desk, user)).each_ref().map(|s| &**s)
    );
    assert!(matches!(given(&desk, &ada, &waiting), Given::Wrong { .. }), "a code of before is void");
    assert!(matches!(unlink(&desk, &slack, None), Err(Failure::Refused(_))));
}

proptest! {
    /// Whatever was done before, a link that is undone leaves everybody's lists and everybody's person as they were.
    #[test]
    fn link_then_unlink_is_nothing(
        tasks in prop::collection::vec(0..4_usize, 0..6),
        asks in 0..4_usize,
        gives in 0..4_usize,
        ends in any::<bool>(),
    ) {
        let desk = desk();
        let users = [platform_user("U1"), platform_user("U2"), teams("A"), teams("G")];
        tasks.iter().for_each(|user| drop(task(&desk, &users[*user])));
        let seen = || users.each_ref().map(|user| (person_of(&desk, user), mine(&desk, user)));
        let before = seen();
        let code = code(&desk, &users[asks]);
        let linked = matches!(given(&desk, &users[gives], &code), Given::Linked { .. });
        prop_assert_eq!(linked, users[asks].channel != users[gives].channel);
        if linked {
            let both = seen();
            prop_assert_eq!(&both[asks], &both[gives]);
            prop_assert_eq!(both[asks].1.len(), before[asks].1.len() + before[gives].1.len());
            unlink(&desk, &users[if ends { asks } else { gives }], None).unwrap();
        }
        prop_assert_eq!(seen(), before);
    }
}
