//! What a workflow names of itself: that each id is used once, and that each `steps.x` and `vars.x` leads somewhere.
//!
//! Owns where paths stand in a workflow, and which steps a step can look back to. What a path means otherwise is
//! `template.rs` and `condition.rs`: what an event has in it only the event shows.

use std::collections::BTreeMap;

use crate::workflow::mistake::{Mistake, Position, instead, quoted};
use crate::workflow::scope::Path;
use crate::workflow::template::Template;
use crate::workflow::yaml::{Is, Key, Node};

/// How a value is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    /// Its texts have `{path}` in them.
    Texts,
    /// Its texts are paths, and so are its keys, below which are texts with `{path}`.
    Paths,
}

/// What is there to be named.
struct Names<'n> {
    vars: Vec<&'n str>,
    /// The ids of the steps before, with their places.
    steps: BTreeMap<&'n str, Position>,
}

/// Looks through a workflow, or a rule of a repository, as it stands in its file.
pub(super) fn check(workflow: &Node, mistakes: &mut Vec<Mistake>) {
    let vars = get(workflow, "vars").map_or(&[][..], entries).iter().map(|(key, _)| key.name.as_str()).collect();
    let mut names = Names { vars, steps: BTreeMap::new() };
    for (key, value) in entries(workflow) {
        if !matches!(key.name.as_str(), "actions" | "on_failure" | "vars") {
            names.look_by_key(value, mistakes);
        }
    }
    names.walk(get(workflow, "actions"), mistakes);
    names.walk(get(workflow, "on_failure"), mistakes);
}

fn entries(node: &Node) -> &[(Key, Node)] {
    if let Is::Map(entries) = &node.is { entries } else { &[] }
}

fn get<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    entries(node).iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
}

impl<'n> Names<'n> {
    /// Goes through steps in their order: each sees those before it.
    fn walk(&mut self, steps: Option<&'n Node>, mistakes: &mut Vec<Mistake>) {
        let Some(Node { is: Is::List(steps), .. }) = steps else { return };
        for step in steps {
            for (key, value) in entries(step) {
                match key.name.as_str() {
                    "when" => self.look(value, Read::Paths, mistakes),
                    "params" => self.look(value, Read::Texts, mistakes),
                    "for_each" => self.steps_within(value, "do", mistakes),
                    "on_error" => self.steps_within(value, "compensate", mistakes),
                    _ => self.look_by_key(value, mistakes),
                }
            }
            self.add(step, mistakes);
        }
    }

    /// A part of a step with steps in it, which nobody names once that step is over.
    fn steps_within(&mut self, part: &'n Node, list: &str, mistakes: &mut Vec<Mistake>) {
        for (_, value) in entries(part).iter().filter(|(key, _)| key.name != list) {
            self.look_by_key(value, mistakes);
        }
        let before = self.steps.clone();
        self.walk(get(part, list), mistakes);
        self.steps = before;
    }

    fn add(&mut self, step: &'n Node, mistakes: &mut Vec<Mistake>) {
        let Some(Node { at, is: Is::Text(id) }) = get(step, "id") else { return };
        if let Some(first) = self.steps.insert(id, *at) {
            let what = format!("the step on line {} has the id {} already; give each its own", first.line, quoted(id));
            mistakes.push(Mistake::new(*at, what));
        }
    }

    /// Looks through a value whose keys are those of the format.
    fn look_by_key(&self, node: &Node, mistakes: &mut Vec<Mistake>) {
        match &node.is {
            Is::Map(entries) => {
                for (key, value) in entries {
                    match key.name.as_str() {
                        "if" | "where" | "conditions" | "show" => self.look(value, Read::Paths, mistakes),
                        _ => self.look_by_key(value, mistakes),
                    }
                }
            }
            Is::List(nodes) => nodes.iter().for_each(|node| self.look_by_key(node, mistakes)),
            _ => self.look(node, Read::Texts, mistakes),
        }
    }

    /// Looks through a value whose keys are somebody else's.
    fn look(&self, node: &Node, read: Read, mistakes: &mut Vec<Mistake>) {
        match &node.is {
            Is::Map(entries) => {
                for (key, value) in entries {
                    let is_group = matches!(key.name.as_str(), "any" | "all" | "none");
                    if read == Read::Paths && !is_group {
                        self.name(&key.name, key.at, mistakes);
                    }
                    self.look(value, if is_group { read } else { Read::Texts }, mistakes);
                }
            }
            Is::List(nodes) => nodes.iter().for_each(|node| self.look(node, read, mistakes)),
            Is::Text(path) if read == Read::Paths => self.name(path, node.at, mistakes),
            Is::Text(text) => {
                // What is wrong with the text itself was told where it was read.
                let paths = Template::read(text, node.at, &mut Vec::new()).paths();
                paths.iter().for_each(|path| self.name(path, node.at, mistakes));
            }
            Is::Null | Is::Bool(_) | Is::Int(_) | Is::Float(_) => {}
        }
    }

    /// A path into `steps` or `vars` has to lead to one of them.
    fn name(&self, path: &str, at: Position, mistakes: &mut Vec<Mistake>) {
        let Ok(path) = Path::read(path) else { return };
        let Some((root, name)) = path.head() else { return };
        let what = match root {
            "steps" if !self.steps.contains_key(name) => {
                let names: Vec<&str> = self.steps.keys().copied().collect();
                format!("no step before this one has the id {}; {}", quoted(name), instead(name, &names))
            }
            "vars" if !self.vars.contains(&name) => {
                format!("`vars` has no {}; {}", quoted(name), instead(name, &self.vars))
            }
            _ => return,
        };
        mistakes.push(Mistake::new(at, what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::yaml::read;

    fn said(text: &str) -> Vec<String> {
        let mut mistakes = Vec::new();
        check(&read(text).unwrap(), &mut mistakes);
        mistakes.iter().map(|Mistake { at, what }| format!("{}:{} {what}", at.line, at.column)).collect()
    }

    #[test]
    fn a_step_names_those_before_it() {
        let well = "
vars: {team: x}
concurrency: {key: \"{vars.team}\"}
actions:
  - {id: one, action: a, params: {text: \"{{steps.none}} {vars.team|upper} {issue.title}\", steps.none: 1}}
  - {id: gate, approval: {if: {steps.one.output.n.gt: 1}, ask: \"{ steps.one.output }?\", show: [steps.one.output]}}
  - when: steps.gate.approved
    for_each: {in: \"{steps.one.output|json}\", do: [{id: in, action: b}, {action: c, params: [\"{steps.in.output}\"]}]}
  - {id: in, action: a, on_error: {compensate: [{action: b, params: {t: \"{steps.gate.approved}\"}}]}}
on_failure: [{action: a, when: {steps.in.output: null}}]
";
        assert_eq!(said(well), Vec::<String>::new());
    }

    #[test]
    fn what_leads_nowhere_is_named_with_the_nearest() {
        let mut missed = Vec::new();
        for (text, expected) in [
            ("{actions: [{id: a, when: steps.a.ok}]}", "1:26 no step before this one has the id `a`"),
            (
                "{actions: [{id: gate}, {when: steps.gat.ok}]}",
                "1:31 no step before this one has the id `gat`; did you mean `gate`?",
            ),
            ("{actions: [{when: {steps.b: 1}}, {id: b}]}", "1:20 no step before this one has the id `b`"),
            ("{actions: [{when: [steps.b.ok]}]}", "1:20 no step"),
            ("{actions: [{when: {any: [{'steps[\"b\"].ok': 1}]}}]}", "1:27 no step"),
            ("{actions: [{when: {issue.title: \"{steps.b}\"}}]}", "1:33 no step"),
            ("{actions: [{params: [{x: \"a {steps.b}\"}]}]}", "1:26 no step"),
            ("{actions: [{id: a}, {for_each: {do: [{id: b}]}}, {when: steps.b}]}", "1:57 no step"),
            ("{actions: [{id: a}, {for_each: {do: [{id: a}]}}]}", "1:43 the step on line 1 has the id `a` already"),
            ("{actions: [{id: a}], on_failure: [{id: a}]}", "1:40 the step on line 1 has the id `a`"),
            ("{trigger: {conditions: [{steps.a: 1}]}, actions: [{id: a}]}", "1:26 no step"),
            ("{actions: [{wait_for: {where: {pr.body: [\"{steps.x}\"]}}}]}", "1:42 no step"),
            (
                "{vars: {team: 1}, actions: [{params: {a: \"{vars.tem}\"}}]}",
                "`vars` has no `tem`; did you mean `team`?",
            ),
            ("{actions: [{params: {a: \"{vars.team}\"}}]}", "`vars` has no `team`; there is nothing"),
        ] {
            let said = said(text);
            if said.len() != 1 || !said[0].contains(expected) {
                missed.push(format!("{text}: {said:?}; expected {expected}"));
            }
        }
        assert!(missed.is_empty(), "{}", missed.join("\n"));
    }
}
