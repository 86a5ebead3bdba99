//! Conditions as they are written.
//!
//! Owns the keys (`labels.contains`, `not_labels`, `any`), what may stand behind each operator, and the bounds. What is
//! wrong becomes a mistake, and a condition that never holds in its place.

use serde_json::Value;

use super::operator::meant_by;
use super::pattern::{MOST_PATTERNS, Patterns};
use super::{FILES_CHANGED, Kind, Operator, Rule, Term, Test, Wanted};
use crate::workflow::duration::{self, NOTATION};
use crate::workflow::mistake::{Mistake, Position, quoted};
use crate::workflow::scope::Path;
use crate::workflow::template::Template;
use crate::workflow::yaml::{Is, Key, Node};

/// How deep `any`, `all` and `none` may stand in one another.
const MOST_DEPTH: usize = 8;
/// The most conditions of one list, those in groups included.
const MOST_CONDITIONS: usize = 100;
/// The most conditions with patterns of one list, since each can take a second at worst.
const MOST_WITH_PATTERNS: usize = 20;
/// The most values of one condition.
const MOST_VALUES: usize = 200;
/// The longest wanted text in bytes.
const LONGEST_VALUE: usize = 2_000;
/// None of the labels; written so in the files of repositories.
const NOT_LABELS: &str = "not_labels";
/// Conditions in another language.
const EXPRESSION: &str = "expr";

/// Reads what stands in the place of conditions.
pub(super) fn rules(node: &Node, mistakes: &mut Vec<Mistake>) -> Vec<Rule> {
    let mut reader = Reader { mistakes, count: 0, with_patterns: 0 };
    match &node.is {
        Is::Null => Vec::new(),
        Is::List(items) => reader.items(items, 0),
        _ => vec![reader.item(node, 0)],
    }
}

struct Reader<'m> {
    mistakes: &'m mut Vec<Mistake>,
    count: usize,
    with_patterns: usize,
}

impl Reader<'_> {
    fn wrong(&mut self, at: Position, what: impl Into<String>) -> Rule {
        self.mistakes.push(Mistake::new(at, what));
        Rule::Unread(at)
    }

    fn items(&mut self, items: &[Node], depth: usize) -> Vec<Rule> {
        let mut rules = Vec::new();
        for item in items {
            if self.count > MOST_CONDITIONS {
                break;
            }
            rules.push(self.item(item, depth));
        }
        rules
    }

    /// A mapping of conditions that hold together, or a path that must be `true`.
    fn item(&mut self, node: &Node, depth: usize) -> Rule {
        match &node.is {
            Is::Map(pairs) => match &pairs[..] {
                [] => self.no_condition(node.at, "an empty mapping is no condition: take it out".to_owned()),
                [(key, wanted)] => self.pair(key, wanted, depth),
                _ => {
                    let rules = pairs.iter().map(|(key, wanted)| self.pair(key, wanted, depth)).collect();
                    Rule::Group { at: node.at, kind: Kind::All, rules }
                }
            },
            Is::Text(text) => {
                let yes = Node { at: node.at, is: Is::Bool(true) };
                self.pair(&Key { at: node.at, name: text.clone() }, &yes, depth)
            }
            _ => {
                let what = format!("{} is no condition: write `path.operator: what is wanted`", node.kind());
                self.no_condition(node.at, what)
            }
        }
    }

    /// Counts, so that a list of thousands is not thousands of mistakes.
    fn no_condition(&mut self, at: Position, what: String) -> Rule {
        self.count += 1;
        self.wrong(at, what)
    }

    fn pair(&mut self, key: &Key, wanted: &Node, depth: usize) -> Rule {
        self.count += 1;
        if self.count > MOST_CONDITIONS {
            let what = format!("there are more than {MOST_CONDITIONS} conditions here: make two workflows of it");
            let is_first = self.count == MOST_CONDITIONS + 1;
            return if is_first { self.wrong(key.at, what) } else { Rule::Unread(key.at) };
        }
        if let Some(kind) = Kind::named(&key.name) {
            return self.group(key, kind, wanted, depth);
        }
        if key.name == EXPRESSION {
            let what = "`expr` (CEL) is not supported by this version: write conditions with operators, such as \
                        `issue.comments.gt: 3`, and join them by `any`, `all` and `none`";
            return self.wrong(key.at, what);
        }
        self.test(key, wanted)
    }

    fn group(&mut self, key: &Key, kind: Kind, wanted: &Node, depth: usize) -> Rule {
        let name = &key.name;
        if depth >= MOST_DEPTH {
            let what = format!("`{name}` stands in more than {MOST_DEPTH} others: write it flatter");
            return self.wrong(key.at, what);
        }
        match &wanted.is {
            Is::List(items) if !items.is_empty() => {
                let rules = self.items(items, depth + 1);
                Rule::Group { at: key.at, kind, rules }
            }
            _ => {
                let what = format!("behind `{name}` stands {}; a list of conditions is wanted", wanted.kind());
                self.wrong(wanted.at, what)
            }
        }
    }

    fn test(&mut self, key: &Key, node: &Node) -> Rule {
        let (path, operator) = match subject(&key.name, node) {
            Ok(subject) => subject,
            Err(what) => return self.wrong(key.at, what),
        };
        self.with_patterns += usize::from(matches!(operator, Operator::Includes | Operator::Matches));
        if self.with_patterns > MOST_WITH_PATTERNS {
            let what =
                format!("there are more than {MOST_WITH_PATTERNS} conditions with patterns here: put several in one");
            return self.wrong(key.at, what);
        }
        match wanted(operator, node) {
            Ok(wanted) => Rule::Test(Box::new(Test { at: key.at, path, operator, wanted })),
            Err(mut found) => {
                for mistake in &mut found {
                    mistake.what = format!("{}: {}", quoted(&key.name), mistake.what);
                }
                self.mistakes.append(&mut found);
                Rule::Unread(key.at)
            }
        }
    }
}

/// What a key is about, and what it asks.
fn subject(key: &str, wanted: &Node) -> Result<(Path, Operator), String> {
    if key == NOT_LABELS {
        return Ok((Path::read("labels")?, Operator::Not));
    }
    let path = Path::read(key).map_err(|wrong| format!("the condition {}: {wrong}", quoted(key)))?;
    let Some(last) = path.last_bare() else {
        if Operator::named(key).is_some() || meant_by(key).is_some() {
            let what = "has no path before it: write `path.operator: what is wanted`";
            return Err(format!("{} {what}, or [\"{key}\"] for a field of that name", quoted(key)));
        }
        let is_group = |word: &&str| key.eq_ignore_ascii_case(word);
        if let Some(group) = Kind::ALL.iter().map(|(name, _)| *name).find(is_group) {
            return Err(format!("{} is written `{group}`", quoted(key)));
        }
        let globs = path.is_root(FILES_CHANGED) && matches!(wanted.is, Is::Text(_) | Is::List(_));
        return Ok((path, if globs { Operator::Includes } else { Operator::Is }));
    };
    if let Some(operator) = Operator::named(last) {
        return Ok((path.parent(), operator));
    }
    if let Some(meant) = meant_by(last) {
        let (last, parent) = (last.to_owned(), path.parent());
        return Err(format!(
            "{}: `{last}` is no operator; write `{parent}.{meant}`, or `{parent}[\"{last}\"]` for a field of that name",
            quoted(key)
        ));
    }
    Ok((path, Operator::Is))
}

fn wanted(operator: Operator, node: &Node) -> Result<Wanted, Vec<Mistake>> {
    let wrong = |what: String| vec![Mistake::new(node.at, what)];
    match operator {
        Operator::Exists => match node.is {
            Is::Bool(yes) => Ok(Wanted::Exists(yes)),
            _ => Err(wrong(format!("stands before {}; `true` or `false` is wanted", node.kind()))),
        },
        Operator::Within => {
            let text = text_of(node).unwrap_or_default();
            let length =
                duration::read(&text).ok_or_else(|| wrong(format!("{} is none: {NOTATION}", quoted(&text))))?;
            Ok(Wanted::Within { length, text })
        }
        Operator::Includes | Operator::Matches => {
            let texts: Vec<String> = members(node)?.iter().map(text).collect::<Result<_, _>>()?;
            if texts.len() > MOST_PATTERNS {
                return Err(wrong(format!("there are more than {MOST_PATTERNS} patterns")));
            }
            let is_glob = operator == Operator::Includes;
            let compiled = if is_glob { Patterns::globs(&texts) } else { Patterns::expressions(&texts) };
            compiled.map(|patterns| Wanted::Patterns { patterns, texts }).map_err(wrong)
        }
        Operator::In if !matches!(node.is, Is::List(_) | Is::Text(_)) => {
            Err(wrong(format!("stands before {}; a list is wanted", node.kind())))
        }
        _ => values(operator, node),
    }
}

fn values(operator: Operator, node: &Node) -> Result<Wanted, Vec<Mistake>> {
    let is_list = matches!(node.is, Is::List(_));
    let one = matches!(operator, Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte);
    if one && is_list {
        return Err(vec![Mistake::new(node.at, "one number or one time is wanted, and no list")]);
    }
    let mut values = Vec::new();
    for member in members(node)? {
        values.push(term(operator, member)?);
    }
    Ok(Wanted::Values { values, is_list })
}

/// The values of a list, or the one value.
fn members(node: &Node) -> Result<&[Node], Vec<Mistake>> {
    let Is::List(members) = &node.is else { return Ok(std::slice::from_ref(node)) };
    match members.len() {
        0 => Err(vec![Mistake::new(node.at, "an empty list wants nothing: take the condition out")]),
        1..=MOST_VALUES => Ok(members),
        _ => Err(vec![Mistake::new(node.at, format!("there are more than {MOST_VALUES} values"))]),
    }
}

fn term(operator: Operator, node: &Node) -> Result<Term, Vec<Mistake>> {
    let wrong = |what: String| Err(vec![Mistake::new(node.at, what)]);
    let is_of_text =
        matches!(operator, Operator::Contains | Operator::ContainsAll | Operator::StartsWith | Operator::EndsWith);
    match &node.is {
        Is::Map(pairs) => {
            let operator = pairs.first().and_then(|(key, _)| Operator::named(&key.name));
            let mend = operator.map_or("the whole path stands in the key, with dots".to_owned(), |operator| {
                format!("the operator stands in the key, behind a dot: `.{}`", operator.as_str())
            });
            wrong(format!("a mapping cannot be compared; {mend}"))
        }
        Is::List(_) => wrong("a list within a list cannot be compared".to_owned()),
        Is::Text(text) if text.is_empty() && is_of_text => {
            wrong("an empty text is in every text: take the condition out".to_owned())
        }
        Is::Text(text) if text.len() > LONGEST_VALUE => {
            wrong(format!("a text that is compared has at most {LONGEST_VALUE} bytes"))
        }
        Is::Text(text) => filled(text, node.at),
        Is::Null if is_of_text => wrong("nothing is in no text".to_owned()),
        _ => Ok(Term::Fixed(node.to_json())),
    }
}

/// A text in which `{path}` stands for what is in the scope, as in every other text.
fn filled(text: &str, at: Position) -> Result<Term, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let template = Template::read(text, at, &mut mistakes);
    match template.as_literal() {
        _ if !mistakes.is_empty() => Err(mistakes),
        Some(literal) => Ok(Term::Fixed(Value::from(literal))),
        None => Ok(Term::Filled(template)),
    }
}

fn text(node: &Node) -> Result<String, Vec<Mistake>> {
    match &node.is {
        Is::Text(text) => Ok(text.clone()),
        _ => Err(vec![Mistake::new(node.at, format!("{} is no pattern; write it in quotes", node.kind()))]),
    }
}

fn text_of(node: &Node) -> Option<String> {
    match &node.is {
        Is::Text(text) => Some(text.clone()),
        Is::Int(number) => Some(number.to_string()),
        _ => None,
    }
}
