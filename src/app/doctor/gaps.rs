//! Findings of `doctor` about what was missed on Slack and on GitHub: how much was fetched, and what could not be.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Finding, State, good, not_good};
use crate::actors::board::{Board, Shown};
use crate::app::gaps::{BOARD_NAME, github};

const WHAT: &str = "slack gaps";
const OF_GITHUB: &str = "github gaps";
/// Deliveries that were given up and are named; the others are counted.
const MOST_NAMED: usize = 3;

/// One for each workspace that was looked through since the start.
pub(super) fn findings(board: &Board) -> Vec<Finding> {
    let shown = board.read().into_iter();
    shown.filter_map(|(name, shown)| Some(finding(name.strip_prefix(BOARD_NAME)?, &shown))).collect()
}

fn finding(workspace: &str, shown: &Shown) -> Finding {
    let count = |name: &str| shown.state.get(name).and_then(Value::as_u64).unwrap_or_default();
    let is_looking = shown.state.get("looking").is_some_and(|looking| *looking == true);
    let begun = if is_looking { ", and it is still looked for" } else { "" };
    let mut detail = if shown.state.contains_key("teams") {
        format!("{workspace}: an organisation, of which {} teams are looked through, each by itself", count("teams"))
    } else {
        let places = count("read") + count("cut");
        format!("{workspace}: {} messages that were missed were taken in, of {places} places{begun}", count("taken_in"))
    };
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    for (_, why) in shown.state.get("not_read").and_then(Value::as_object).into_iter().flatten() {
        *reasons.entry(why.as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    let mut partly: Vec<String> =
        reasons.iter().map(|(why, count)| format!("{count} could not be read: {why}")).collect();
    let (left_out, cut) = (count("left_out"), count("cut"));
    partly.extend((left_out > 0).then(|| format!("{left_out} were left out, since the calls were used up")));
    partly.extend((cut > 0).then(|| format!("{cut} were not read to their end")));
    partly.extend(shown.state.get("cut_off").and_then(Value::as_str).map(|why| format!("it was cut off: {why}")));
    if partly.is_empty() {
        return good(WHAT, detail);
    }
    detail.push_str("; ");
    detail.push_str(&partly.join("; "));
    let mend = "who is missing an answer asks again; a scope that is named is added by printing the manifest again \
                (`ai-crm manifest slack`) and installing the app once more; channels.slack.look_back_calls allows more \
                calls; /api/v1/actors names the places";
    not_good(WHAT, State::Warning, detail, mend)
}

/// What has become of deliveries of GitHub that had not arrived. Nothing where none are looked for.
pub(super) fn github(board: &Board) -> Option<Finding> {
    let shown = board.read().remove(github::BOARD_NAME)?;
    let count = |name: &str| shown.state.get(name).and_then(Value::as_u64).unwrap_or_default();
    let text = |name: &str| shown.state.get(name).and_then(Value::as_str);
    let looked = text("looked").map_or_else(|| "it was not looked yet".to_owned(), |at| format!("looked last at {at}"));
    let mut detail = format!(
        "{} deliveries had not arrived, {} of them came when GitHub sent them again, {} are waited for; {looked}",
        count("found"),
        count("healed"),
        count("waiting"),
    );
    let mut wrong: Vec<String> = Vec::new();
    if count("given_up") > 0 {
        let named = shown.state.get("named").and_then(Value::as_array).into_iter().flatten().take(MOST_NAMED);
        let of = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let named: Vec<String> =
            named.map(|one| format!("{} {}: {}", of(one, "event"), of(one, "delivery"), of(one, "why"))).collect();
        wrong.push(format!("{} were given up ({})", count("given_up"), named.join("; ")));
    }
    let too_many = |at| format!("those before {at} were too many to be read");
    wrong.extend(text("not_read_before").map(too_many));
    wrong.extend(text("cut_off").map(|why| format!("the last look was cut off: {why}")));
    if wrong.is_empty() {
        return Some(good(OF_GITHUB, detail));
    }
    detail.push_str("; ");
    detail.push_str(&wrong.join("; "));
    let mend = "see that GitHub reaches the webhook address; in the App's settings at GitHub, under Advanced, each delivery \
                of the last three days says how it ended, and can be sent again; /api/v1/actors names what was given up";
    Some(not_good(OF_GITHUB, State::Warning, detail, mend))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn what_could_not_be_read_is_said_with_its_reason_and_mend() {
        let board = Board::default();
        let missing = "missing_scope (the token needs im:read)";
        let figures = [("taken_in", json!(2)), ("read", json!(5)), ("not_read", json!({"all of im": missing}))];
        board.figures(&format!("{BOARD_NAME}T1"), Timestamp(1), figures);
        board.figures(&format!("{BOARD_NAME}T2"), Timestamp(1), [("taken_in", json!(0)), ("read", json!(1))]);
        let refused = json!({"its teams": "not_allowed_token_type"});
        board.figures(&format!("{BOARD_NAME}E1"), Timestamp(1), [("teams", json!(0)), ("not_read", refused)]);
        board.figures("router", Timestamp(1), [("waiting", json!(0))]);
        let mut found = findings(&board);
        let organisation = found.remove(0).detail;
        assert!(organisation.starts_with("E1: an organisation, of which 0 teams"), "{organisation}");
        assert!(organisation.contains("1 could not be read: not_allowed_token_type"), "{organisation}");
        assert_eq!(found.iter().map(|found| found.state).collect::<Vec<_>>(), [State::Warning, State::Good]);
        assert!(found[0].detail.contains("1 could not be read: missing_scope"), "{}", found[0].detail);
        assert!(found[0].detail.starts_with("T1: 2 messages"), "{}", found[0].detail);
        assert!(found[0].mend.as_deref().is_some_and(|mend| mend.contains("manifest slack")));
    }

    #[test]
    fn deliveries_of_github_that_were_given_up_are_named_and_a_look_that_was_cut_off_is_told() {
        let board = Board::default();
        assert!(github(&board).is_none());
        let show = |given_up: Value, cut_off: Value| {
            let figures = [
                ("found", json!(40)),
                ("healed", json!(38)),
                ("looked", json!("2018-07-12T18:36:58.000Z")),
                ("given_up", json!(given_up.as_array().map(Vec::len))),
                ("named", given_up),
                ("cut_off", cut_off),
            ];
            board.figures(github::BOARD_NAME, Timestamp(1), figures);
            github(&board).unwrap()
        };
        let fine = show(json!([]), Value::Null);
        assert_eq!(fine.state, State::Good);
        assert!(fine.detail.starts_with("40 deliveries had not arrived, 38 of them came"), "{}", fine.detail);
        assert!(fine.detail.contains("2018-07-12"), "{}", fine.detail);
        let gone = show(json!([{ "delivery": "0b98", "event": "issues", "why": "it has not arrived" }]), Value::Null);
        assert_eq!(gone.state, State::Warning);
        assert!(gone.detail.ends_with("1 were given up (issues 0b98: it has not arrived)"), "{}", gone.detail);
        assert!(gone.mend.is_some_and(|mend| mend.contains("Advanced")));
        let cut = show(json!([]), json!("unavailable: HTTP 502"));
        assert!(cut.detail.ends_with("the last look was cut off: unavailable: HTTP 502"), "{}", cut.detail);
    }
}
