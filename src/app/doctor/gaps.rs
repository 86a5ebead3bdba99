//! Findings of `doctor` about what was missed on Slack: how much was fetched, and what could not be.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Finding, State, good, not_good};
use crate::actors::board::{Board, Shown};
use crate::app::gaps::BOARD_NAME;

const WHAT: &str = "slack gaps";

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
}
