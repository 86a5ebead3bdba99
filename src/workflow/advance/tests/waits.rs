//! Runs that wait: for a time, for an event, for people.

use super::*;

#[test]
fn a_run_sleeps_for_a_while_or_until_a_time() {
    let text = "    actions: [{delay: {for: 15m}}, {delay: {until: \"{issue.due}\"}}, {action: a}]\n";
    let due = |due: Value| Play::about(text, json!({"issue": {"due": due}}), &[]);
    let mut play = due(json!("1970-01-01T01:00:00Z"));
    assert_eq!((play.status(), play.until_wake()), (Status::Waiting, Duration::from_secs(900)));
    play.happens(Happened::Woken);
    assert_eq!(play.until_wake(), Duration::from_secs(900), "woken too early, it sleeps on");
    play.sleep(1);
    assert_eq!(play.next.wake, Some(Timestamp(3_600_000)));
    play.sleep(1);
    assert_eq!((play.status(), play.next.run.worked), (Status::Done, 0));
    for (until, said) in [(json!("soon"), "2: `until` has no time"), (json!("2031-01-01"), "further away than 90d")] {
        let mut play = due(until);
        play.sleep(1);
        assert!(play.why().contains(said), "{}", play.why());
    }
    let mut past = due(json!("1969-01-01"));
    past.sleep(1);
    assert_eq!(past.status(), Status::Done);
}

#[test]
fn an_event_is_awaited_once_by_its_conditions() {
    let text = "    actions:
      - {id: task, action: create_ai_crm_task}
      - id: pull
        wait_for: {event: pull_request.opened, where: {pr.body.contains: [\"{task.key}\"], began.issue.number: 7}, timeout: 3d}
      - {wait_for: {event: pull_request.opened, timeout: 1d, on_timeout: continue}}
      - {action: a, params: {n: \"{steps.pull.output.pr.number} {issue.number}\"}}
";
    let mut play = Play::with(text, &[("task", &[done(json!({"key": "T-5"}))])]);
    let wanted = EventName { platform: "github".to_owned(), event: "pull_request.opened".to_owned() };
    assert_eq!((play.next.awaits.clone(), play.until_wake()), (vec![wanted], Duration::from_secs(259_200)));
    let pull = |body: &str| json!({"pull_request": {"number": 9, "body": body}});
    play.event(50, "pull_request.opened", pull("another"));
    play.event(51, "pull_request.closed", pull("for T-5"));
    play.event(40, "pull_request.opened", pull("for T-5"));
    assert!(!play.next.run.steps["pull"].state.is_over());
    play.event(52, "pull_request.opened", pull("for T-5"));
    assert!(play.next.run.steps["pull"].state.is_over());
    play.event(52, "pull_request.opened", pull("for T-5"));
    assert_eq!(play.status(), Status::Waiting, "one event is one event");
    play.sleep(1);
    assert_eq!((play.status(), play.args("4")), (Status::Done, &json!({"n": "9 7"})));
    let failing = "    actions: [{wait_for: {event: push, timeout: 1h}}]\n";
    let mut play = Play::of(failing);
    play.sleep(1);
    assert_eq!((play.status(), play.why()), (Status::Failed, "1: `push` did not come within 1h".to_owned()));
}

const GATE: &str = "    actions:
      - id: gate
        approval: {if: {issue.number.gt: 5}, approvers: {group: /teams/eng, min: 2}, ask: \"{issue.title}?\", show: [issue.number], expires: 1h, on_expire: {escalate: {group: ops}}}
      - {when: steps.gate.approved, action: a, params: {by: \"{steps.gate.by}\"}}
";

#[test]
fn people_decide_as_many_as_are_needed_and_not_who_caused_it() {
    let mut play = Play::of(GATE);
    let Asked { step, attempt, asks, group, text, shown } = &play.hands.asked[0];
    assert_eq!((step.as_str(), *attempt, *asks, group.as_deref()), ("gate", 1, Asks::MayGoOn, Some("/teams/eng")));
    assert_eq!((text.as_str(), shown), ("<b>?", &vec![("issue.number".to_owned(), "7".to_owned())]));
    play.decided("gate", 1, true, "mia");
    assert!(play.next.refused.as_ref().unwrap().contains("caused"), "{:?}", play.next.refused);
    play.decided("gate", 1, true, "ada");
    play.decided("gate", 1, true, "ada");
    assert_eq!(play.status(), Status::Waiting, "one person is one yes");
    play.decided("gate", 1, true, "bob");
    assert_eq!((play.status(), play.args("2")), (Status::Done, &json!({"by": ["ADA", "BOB"]})));
    let mut no = Play::of(GATE);
    no.decided("gate", 1, true, "ada");
    no.decided("gate", 1, false, "bob");
    no.decided("gate", 1, true, "cyd");
    assert_eq!((no.status(), no.acted().len()), (Status::Done, 0));
    assert_eq!(no.next.run.steps["gate"].approved, Some(false));
}

#[test]
fn where_nobody_decides_others_are_asked_and_then_it_is_a_no() {
    let mut play = Play::of(GATE);
    play.sleep(1);
    assert_eq!(play.hands.asked[1].group.as_deref(), Some("ops"));
    play.decided("gate", 1, true, "ada");
    assert!(play.next.refused.is_some(), "the first question is over");
    assert_eq!(play.until_wake(), Duration::from_secs(3_600));
    play.sleep(1);
    assert_eq!((play.status(), play.acted().len()), (Status::Done, 0));
    let unasked = Play::about(GATE, json!({"issue": {"number": 5}}), &[]);
    assert_eq!((unasked.hands.asked.len(), unasked.acted()), (0, vec!["2"]));
}
