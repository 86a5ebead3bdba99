//! What a changed set of rules would have done: both sets over the events that are kept, and where they differ.
//!
//! Owns the comparison. It begins nothing, and fetches nothing: where a condition looks at the files of a change that are
//! not known, it is told as that. Whose events those are, and where they come from, the caller knows.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;
use crate::workflow::begin::{Happening, When, consider};
use crate::workflow::definition::Workflow;
use crate::workflow::set::Set;

/// Events of one kind that are named; more are counted.
const MOST_NAMED: usize = 100;

/// What two sets of rules make of the same events.
#[derive(Debug, Default, Serialize)]
pub struct Difference {
    /// How many events were looked at.
    pub events: usize,
    /// By the name of a workflow, those in either set that are about any of the events.
    pub workflows: BTreeMap<String, Changed>,
}

/// What becomes of one workflow.
#[derive(Debug, Default, Serialize)]
pub struct Changed {
    /// Events by which it would begin as before.
    pub same: usize,
    /// Events by which it would begin, and does not.
    pub more: Named,
    /// Events by which it begins, and would no longer.
    pub fewer: Named,
    /// Events of which that cannot be told, since files would have to be fetched, or a condition could not be judged.
    pub unknown: Named,
}

/// Events, of which not all are named.
#[derive(Debug, Default, Serialize)]
pub struct Named {
    /// How many.
    pub count: usize,
    /// The first of them.
    pub first: Vec<EventId>,
}

impl Named {
    fn add(&mut self, id: EventId) {
        self.count += 1;
        if self.first.len() < MOST_NAMED {
            self.first.push(id);
        }
    }
}

/// Whether a workflow begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begins {
    Yes,
    No,
    Unknown,
}

fn begins(workflow: Option<&Workflow>, happening: &Happening, now: Timestamp) -> Begins {
    let considered = workflow.filter(|it| it.enabled).and_then(|it| consider(it, happening, now));
    match considered.map(|begun| begun.when) {
        Some(When::Now) => Begins::Yes,
        Some(When::Needs | When::Failed(_)) => Begins::Unknown,
        Some(When::Not | When::TooDeep) | None => Begins::No,
    }
}

impl Difference {
    /// Takes in one event.
    pub fn take(&mut self, before: &Set, after: &Set, happening: &Happening, now: Timestamp) {
        self.events += 1;
        let mut names: Vec<&str> =
            before.workflows().chain(after.workflows()).map(|(_, it)| it.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let of = |set: &'_ Set| begins(set.find(name).map(|(_, it)| &**it), happening, now);
            let (was, is) = (of(before), of(after));
            if was == Begins::No && is == Begins::No {
                continue;
            }
            let changed = self.workflows.entry(name.to_owned()).or_default();
            match (was, is) {
                (Begins::Yes, Begins::Yes) => changed.same += 1,
                (Begins::No, Begins::Yes) => changed.more.add(happening.id),
                (Begins::Yes, Begins::No) => changed.fewer.add(happening.id),
                _ => changed.unknown.add(happening.id),
            }
        }
    }

    /// As people read it, a line for each workflow.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = vec![format!("{} events were looked at", self.events)];
        for (name, it) in &self.workflows {
            let mut line = format!(
                "{name}: would begin {} more, {} no longer, {} as before",
                it.more.count, it.fewer.count, it.same
            );
            if it.unknown.count > 0 {
                line.push_str(&format!("; of {} it cannot be told without asking the platform", it.unknown.count));
            }
            lines.push(line);
            for (word, named) in [("+", &it.more), ("-", &it.fewer)] {
                let ids: Vec<String> = named.first.iter().map(ToString::to_string).collect();
                if !ids.is_empty() {
                    let rest = named.count - ids.len();
                    let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
                    lines.push(format!("  {word} {}{rest}", ids.join(" ")));
                }
            }
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::workflow::begin::By;
    use crate::workflow::context::Told;
    use crate::workflow::known::Known;

    fn set(labels: &str) -> Set {
        let text = format!(
            "workflows: {{bugs: {{trigger: {{platform: github, event: issues.opened, conditions: [{{labels: {labels}}}]}}, \
             actions: [{{action: a}}]}}}}"
        );
        let known = Known { actions: &["a"], platforms: &["github"] };
        Set::read(vec![("a.yml".to_owned(), text)], &known).unwrap()
    }

    #[test]
    fn the_events_that_begin_it_in_one_set_alone_are_named() {
        let (before, after) = (set("[bug]"), set("[feature, both]"));
        let mut difference = Difference::default();
        for (id, labels) in
            [(1, vec!["bug"]), (2, vec!["feature"]), (3, vec!["bug", "both"]), (4, vec![]), (5, vec!["feature"])]
        {
            let labels: Vec<_> = labels.iter().map(|name| json!({ "name": name })).collect();
            let payload = json!({"issue": {"number": id, "labels": labels}});
            let told = Told::new("github", "issues.opened", payload, Timestamp(id));
            let id = EventId(u64::try_from(id).unwrap());
            let happening = Happening { id, by: By::Event, told, key: id.to_string(), requester: None, cause: None };
            difference.take(&before, &after, &happening, Timestamp(9));
        }
        let bugs = &difference.workflows["bugs"];
        assert_eq!(
            (bugs.same, &bugs.more.first[..], &bugs.fewer.first[..]),
            (1, &[EventId(2), EventId(5)][..], &[EventId(1)][..])
        );
        let text = difference.text();
        assert!(
            text.contains("bugs: would begin 2 more, 1 no longer, 1 as before") && text.contains("  + e-2 e-5"),
            "{text}"
        );
        let mut off = Difference::default();
        off.take(
            &before,
            &Set::default(),
            &Happening {
                id: EventId(1),
                by: By::Event,
                told: Told::new("github", "push", json!({}), Timestamp(1)),
                key: String::new(),
                requester: None,
                cause: None,
            },
            Timestamp(1),
        );
        assert!(off.workflows.is_empty());
    }
}
