//! A report of a simulation as people read it in a terminal.
//!
//! Owns the layout. Whatever comes from an event stands as JSON, in which no sign that a terminal would obey is left.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Condition, Report, Simulated};

/// As much of a value is shown, in characters.
const LONGEST: usize = 400;

pub(super) fn of(report: &Report) -> String {
    let mut out = String::new();
    let version: String = report.version.chars().take(12).collect();
    line(&mut out, 0, &format!("workflow {} (version {version}) by {}", report.workflow, report.event));
    if !report.conditions.is_empty() {
        line(&mut out, 0, "conditions:");
        report.conditions.iter().for_each(|found| condition(&mut out, 1, found));
    }
    match &report.why {
        Some(why) => line(&mut out, 0, &format!("does not begin: {}", plain(why))),
        None => line(&mut out, 0, &format!("begins, with the key {}", quoted(&report.key))),
    }
    if let Some(group) = &report.group {
        line(&mut out, 1, &format!("among the runs of {}", quoted(group)));
    }
    remarks(&mut out, &report.remarks);
    report.steps.iter().for_each(|shown| step(&mut out, shown));
    if let Some(failure) = &report.failure {
        line(&mut out, 0, &format!("fails at {}", plain(failure)));
    }
    if let Some(ends) = &report.ends {
        line(&mut out, 0, &format!("ends: {ends}; nothing was done"));
    } else if report.begins {
        line(&mut out, 0, "does not end within what is simulated; nothing was done");
    }
    out
}

fn step(out: &mut String, step: &Simulated) {
    let why = step.why.as_ref().map_or_else(String::new, |why| format!(": {}", plain(why)));
    line(out, 0, &format!("step {} (line {}) {}, {}{why}", step.step, step.line, step.does, step.state));
    step.conditions.iter().for_each(|found| condition(out, 1, found));
    for param in &step.params {
        line(out, 1, &format!("{} ({}) = {}", plain(&param.name), param.sink, json(&param.value)));
    }
    if let Some(policy) = &step.policy {
        line(out, 1, &format!("policy: {}", plain(policy)));
    }
    if let Some(key) = &step.key {
        line(out, 1, &format!("done once under {}", quoted(key)));
    }
    remarks(out, &step.remarks);
    if step.simulated {
        line(out, 1, &format!("output (simulated): {}", json(&step.output)));
    }
}

fn condition(out: &mut String, depth: usize, found: &Condition) {
    let mark = match found.result {
        "holds" => "+",
        "fails" => "-",
        _ => "?",
    };
    let operator = found.operator.as_ref().map_or_else(String::new, |operator| format!(" {operator}"));
    let mut said = format!("{mark} line {} {}{operator}", found.line, plain(&found.path));
    if found.operator.is_some() {
        let there = found.found.as_ref().map_or_else(|| "nothing".to_owned(), json);
        let _ = write!(said, " {}: found {there}", json(&found.wanted));
    }
    let _ = write!(said, ", {}", found.result);
    if let Some(why) = &found.why {
        let _ = write!(said, ": {}", plain(why));
    }
    line(out, depth + found.depth, &said);
}

fn remarks(out: &mut String, remarks: &[String]) {
    remarks.iter().for_each(|remark| line(out, 1, &format!("warning: {}", plain(remark))));
}

fn line(out: &mut String, depth: usize, text: &str) {
    let _ = writeln!(out, "{}{text}", "  ".repeat(depth));
}

fn json(value: &Value) -> String {
    let text: String = value.to_string().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn quoted(text: &str) -> String {
    json(&text.into())
}

/// A text without signs that a terminal would obey.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(LONGEST).collect()
}
