//! Runs that are ended, and set going again.

use super::*;

#[test]
fn a_round_that_fails_ends_the_loop_and_a_retry_repeats_no_other() {
    let text = "    actions:
      - {id: first, action: c}
      - {id: each, for_each: {in: \"{list}\", do: [{action: a}, {action: b}]}}
    on_failure: [{action: d}]
";
    let mut play = Play::with(text, &[("each[1].2", &[failed(FailureKind::Lasting)])]);
    assert_eq!(play.why(), "each: `each[1].2` failed: no luck");
    let first = ["first", "each[0].1", "each[0].2", "each[1].1", "each[1].2", "on_failure.1"];
    assert_eq!(play.acted(), first);
    play.retried(Some("eech"), 1);
    assert!(play.next.refused.as_ref().unwrap().contains("did you mean `each`?"), "{:?}", play.next.refused);
    play.retried(Some("each"), 1);
    assert_eq!((play.status(), &play.acted()[6..]), (Status::Done, &["each[1].2", "each[2].1", "each[2].2"][..]));
    play.retried(None, 1);
    assert!(play.next.refused.is_some() && play.acted().len() == 9);
}

#[test]
fn a_retry_leaves_what_is_before_and_tells_of_a_further_failure_anew() {
    let text =
        "    actions: [{id: x, action: a}, {id: y, action: b}, {id: z, action: c}]\n    on_failure: [{action: d}]\n";
    let no = || failed(FailureKind::Lasting);
    let mut play = Play::with(text, &[("x", &[no()]), ("z", &[no()])]);
    assert_eq!(play.acted(), ["x", "on_failure.1"]);
    play.retried(Some("y"), 1);
    assert_eq!((play.status(), &play.acted()[2..]), (Status::Failed, &["y", "z", "on_failure.1"][..]));
    assert_eq!(
        (play.hands.acted[1].2.as_str(), play.hands.acted[4].2.as_str()),
        ("R-7@10000/on_failure.1", "R-7@10000/on_failure.1#2")
    );
    play.retried(None, 2);
    assert_eq!((play.status(), &play.acted()[5..]), (Status::Done, &["z"][..]));
    assert_eq!(play.hands.acted[5].2, play.hands.acted[3].2);
}

#[test]
fn what_is_ended_takes_back_what_is_owed_and_is_asked_about_before_it_is_repeated() {
    let mut play = Play::with(
        "    actions: [{action: a}, {action: b}]\n    on_failure: [{action: c}]\n",
        &[("1", &[owed(false)])],
    );
    play.happens(Happened::Cancelled { by: Some(person("ada")) });
    play.happens(Happened::Cancelled { by: None });
    play.ended("1", 1, End::Failed(Failure::lasting("late")));
    assert_eq!((play.status(), play.acted(), play.next.wake), (Status::Cancelled, vec!["1"], None));
    assert_eq!(play.hands.withdrawn, [("1".to_owned(), 1)]);
    play.retried(None, 1);
    assert_eq!((play.status(), play.hands.asked.len(), play.acted().len()), (Status::Waiting, 1, 1));
    play.decided("1", 1, false, "ada");
    assert_eq!((play.status(), play.acted()), (Status::Done, vec!["1", "1", "2"]));
}

#[test]
fn what_was_done_after_all_is_not_done_again_by_a_retry() {
    let text = "    actions: [{action: a, retry: {max: 1}}, {action: b}]\n    on_failure: [{action: c}]\n";
    let mut play =
        Play::with(text, &[("1", &[owed(true), failed(FailureKind::Lasting)]), ("on_failure.1", &[owed(true)])]);
    play.sleep(2);
    assert_eq!((play.acted(), play.why()), (vec!["1", "1", "on_failure.1"], "1: no luck".to_owned()));
    play.ended("1", 1, End::Done { output: json!("late") });
    play.ended("on_failure.1", 1, End::Done { output: json!(1) });
    assert_eq!(play.status(), Status::Failed);
    play.retried(None, 1);
    assert_eq!((play.status(), &play.acted()[3..]), (Status::Done, &["2"][..]));
}
