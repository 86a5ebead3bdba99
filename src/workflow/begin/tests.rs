//! What begins what, by example.

use serde_json::json;

use super::*;
use crate::workflow::advance::{Happened, advance};
use crate::workflow::file;
use crate::workflow::hands::{Act, Acted, Hands, Question};
use crate::workflow::known::Known;

const TEXT: &str = r#"
workflows:
  bugs: {trigger: {platform: github, event: issues.opened, conditions: [{labels.contains: [bug]}, {assignee: null}]}, actions: [{action: a}]}
  code:
    concurrency: {key: "{repo.full_name}#{pr.number}"}
    idempotency_key: "{event.platform}:{event.delivery_id}"
    trigger: {platform: github, event: pull_request.opened, conditions: [{files_changed.includes: ["*.py"]}]}
    actions: [{action: a}]
    on_failure: [{action: b}]
  off: {enabled: false, trigger: {platform: github, event: issues.opened}, actions: [{action: a}]}
  own: {allow_self: true, trigger: {platform: github, event: issues.closed}, actions: [{action: a}]}
  many:
    vars: {who: mia}
    triggers:
      - {platform: github, event: issues.closed, conditions: [{sender.login: "{vars.who}"}]}
      - {schedule: {cron: 0 8 * * *}}
      - {schedule: {cron: 0 9 * * *}}
      - {manual: {inputs: {n: {type: number, required: true}, s: {default: x}}}}
      - {webhook: {id: hook}}
    actions: [{action: a}]
  keyed: {idempotency_key: "{issue.nothing!}", trigger: {platform: github, event: issues.closed}, actions: [{action: a}]}
"#;

fn workflows() -> Vec<Workflow> {
    file::read(TEXT, &Known { actions: &["a", "b"], platforms: &["github"] }).unwrap()
}

fn happening(name: &str, payload: Value) -> Happening {
    let told = Told::new("github", name, payload, Timestamp(0)).delivered_as("d-1");
    Happening { id: EventId(1), by: By::Event, told, key: "k".to_owned(), requester: None, cause: None }
}

fn names(happening: &Happening) -> Vec<(String, When)> {
    let workflows = workflows();
    let begun = begun(&workflows, happening, Timestamp(0));
    begun.into_iter().map(|begun| (begun.workflow.name.clone(), begun.when)).collect()
}

fn now(name: &str) -> (String, When) {
    (name.to_owned(), When::Now)
}

#[test]
fn an_event_begins_what_its_conditions_admit() {
    let issue = |labels: Value, assignee: Value| {
        happening("issues.opened", json!({"issue": {"labels": labels, "assignee": assignee}}))
    };
    assert_eq!(names(&issue(json!([{"name": "ui"}, {"name": "bug"}]), json!(null))), [now("bugs")]);
    for (labels, assignee) in [
        (json!([{"name": "bug"}]), json!({"login": "a"})),
        (json!([]), json!(null)),
        (json!([{"name": "bugs"}]), json!(null)),
    ] {
        assert_eq!(names(&issue(labels, assignee)), []);
    }
    assert_eq!(names(&happening("issues.opened", json!({}))), []);
    let by = |login: &str| happening("issues.closed", json!({"sender": {"login": login}}));
    let failed = (
        "keyed".to_owned(),
        When::Failed("idempotency_key: nothing is at `issue.nothing`, and `{issue.nothing!}` must be there".to_owned()),
    );
    assert_eq!(names(&by("mia")), [now("own"), now("many"), failed.clone()]);
    assert_eq!(names(&by("ada")), [now("own"), failed]);
}

#[test]
fn what_runs_have_caused_begins_nothing_unless_it_is_asked_for_and_ends_at_the_third() {
    for (depth, begun) in [(0, vec![now("own")]), (2, vec![now("own")]), (3, vec![("own".to_owned(), When::TooDeep)])] {
        let cause = Some(Cause { depth });
        assert_eq!(names(&Happening { cause, ..happening("issues.closed", json!({})) }), begun, "{depth}");
    }
}

#[test]
fn times_people_and_calls_begin_what_they_are_for() {
    let by = |by: By| Happening { by, ..happening("manual", json!({})) };
    let schedule = |trigger| by(By::Schedule { workflow: "many".to_owned(), trigger });
    assert_eq!((names(&schedule(2)), names(&schedule(0))), (vec![now("many")], vec![]));
    assert_eq!(names(&by(By::Manual { workflow: "many".to_owned() })), [now("many")]);
    assert_eq!(names(&by(By::Manual { workflow: "bugs".to_owned() })), []);
    assert_eq!(names(&by(By::Webhook { id: "hook".to_owned() })), [now("many")]);
    assert_eq!(names(&by(By::Webhook { id: "other".to_owned() })), []);
    let workflows = workflows();
    let Begins::Manual(asked) = &workflows.iter().find(|w| w.name == "many").unwrap().triggers[3].begins else {
        panic!()
    };
    let given = |given: Value| inputs(asked, given.as_object().unwrap());
    for n in [json!(3), json!("3")] {
        assert_eq!(given(json!({"n": n})).map(Value::Object), Ok(json!({"n": 3, "s": "x"})));
    }
    for (wrong, said) in [
        (json!({}), "`n` is needed"),
        (json!({"n": "many"}), "takes a number"),
        (json!({"n": 1, "t": 1}), "`t` is not asked for"),
    ] {
        assert!(given(wrong).unwrap_err().contains(said), "{said}");
    }
}

struct Counting(u32);

impl Hands for Counting {
    fn act(&mut self, _: &Act<'_>) -> Acted {
        self.0 += 1;
        Acted::Done { output: Value::Null, has_written: false, is_simulated: false }
    }
    fn ask(&mut self, _: &Question<'_>) {}
    fn withdraw(&mut self, _: &str, _: u32) {}
}

#[test]
fn what_conditions_need_is_fetched_before_the_run_has_its_turn() {
    let workflows = workflows();
    let happening =
        happening("pull_request.opened", json!({"pull_request": {"number": 5}, "repository": {"full_name": "a/b"}}));
    let begun = begun(&workflows, &happening, Timestamp(0));
    let [code] = &begun[..] else { panic!("{begun:?}") };
    assert_eq!((&code.when, code.key.as_str(), code.group.as_deref()), (&When::Needs, "github:d-1", Some("a/b#5")));
    let failed = Err("away".to_owned());
    for (files, status, acted) in [
        (Ok(vec!["a.py".to_owned()]), Status::Queued, 0),
        (Ok(vec!["a.js".to_owned()]), Status::PassedOver, 0),
        (failed, Status::Failed, 1),
    ] {
        let run = code.run(RunId(2), "w.yml", &happening, Timestamp(0));
        let mut hands = Counting(0);
        let next = advance(code.workflow, run, Happened::Begun, &mut hands, Timestamp(1), &|_| 0.0);
        assert!(next.needs_files && next.run.status == Status::Needs, "it has no turn yet");
        let next = advance(code.workflow, next.run, Happened::Needed(files), &mut hands, Timestamp(2), &|_| 0.0);
        assert_eq!((next.run.status, hands.0, next.needs_files), (status, acted, false));
        if status == Status::Queued {
            let next = advance(code.workflow, next.run, Happened::Begun, &mut hands, Timestamp(3), &|_| 0.0);
            assert_eq!((next.run.status, hands.0), (Status::Done, 1));
        }
    }
}
