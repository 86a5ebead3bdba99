//! The steps of a piece of work, with their hours and who does them.
//!
//! Owns how the hours of each kind of work are shared among its steps. A list in the text itself
//! stands in place of the step that is the work. To change the steps of a kind, change its table.

use serde::{Deserialize, Serialize};

use crate::pm::Brief;
use crate::pm::estimate::{self, HALF_HOUR};
use crate::pm::fit::{Fit, Recommendation, SURE_ENOUGH};
use crate::pm::shape::{self, Shape};
use crate::pm::text::Text;

/// The most items of the text's own list that become steps; a longer list is joined to one step.
const MOST_OWN_STEPS: usize = 8;
/// The longest title of a step in characters.
const LONGEST_TITLE: usize = 120;
/// Shares are counted in hundredths of a percent, so that eight items of a list divide without loss.
const FINER: u32 = 100;

/// One step of a piece of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subtask {
    /// What is to be done.
    pub title: String,
    /// How long it likely takes, in steps of half an hour.
    pub hours: f64,
    /// The agent that suits it; none where the catalogue has no agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// Who does a step.
enum Doer {
    /// The first of the recommended agents.
    Lead,
    /// The first of these that is recommended, else the first that exists, else the lead.
    OneOf(&'static [&'static str]),
}

/// A step of a kind of work.
struct Part {
    title: &'static str,
    share: u32,
    doer: Doer,
    /// Whether the items of the text's own list stand in its place.
    is_the_work: bool,
}

const fn part(title: &'static str, share: u32, doer: Doer) -> Part {
    Part { title, share, doer, is_the_work: false }
}

const fn work(title: &'static str, share: u32) -> Part {
    Part { title, share, doer: Doer::Lead, is_the_work: true }
}

const TESTER: Doer = Doer::OneOf(&["test-automator"]);
const REVIEWER: Doer = Doer::OneOf(&["code-reviewer"]);
const DESIGNER: Doer = Doer::OneOf(&["backend-architect", "frontend-developer", "ui-ux-designer", "mobile-developer"]);
const RELEASER: Doer = Doer::OneOf(&["deployment-engineer"]);
const DATABASE_KEEPER: Doer = Doer::OneOf(&["database-admin", "database-optimizer"]);

const MACHINE_LEARNING: &[Part] = &[
    part("agree the measure of success and a simple baseline", 10, Doer::OneOf(&["data-scientist"])),
    part("collect, check and split the data", 25, Doer::OneOf(&["data-engineer", "data-scientist"])),
    work("build and evaluate the model", 30),
    part("serve it behind an interface", 15, Doer::OneOf(&["ml-engineer", "ai-engineer"])),
    part("watch quality and drift, with a way back", 10, Doer::OneOf(&["mlops-engineer"])),
    part("test, review and document", 10, TESTER),
];
const MIGRATION: &[Part] = &[
    part("take stock: what moves, what depends on it, what may break", 15, Doer::Lead),
    part("plan the steps and the way back", 15, Doer::OneOf(&["legacy-modernizer", "database-admin"])),
    part("rehearse on a copy, with measured times", 20, DATABASE_KEEPER),
    work("migrate", 25),
    part("compare old and new, watch for faults", 15, TESTER),
    part("clean up what is no longer used, update the documents", 10, Doer::Lead),
];
const BUG: &[Part] = &[
    part("reproduce it and write a test that fails", 30, Doer::OneOf(&["debugger", "error-detective"])),
    part("find the cause", 25, Doer::Lead),
    work("mend it", 25),
    part("review and watch it after the release", 20, REVIEWER),
];
const REVIEW: &[Part] = &[
    part("agree what is looked at and by which measure", 15, Doer::Lead),
    work("look it over", 55),
    part("write findings with severity and mend", 20, Doer::Lead),
    part("check again after the mends", 10, REVIEWER),
];
const TESTING: &[Part] = &[
    part("list the cases that matter, the risky ones first", 20, TESTER),
    part("prepare test data and stand-ins", 20, TESTER),
    work("write the tests", 45),
    part("run them with every change and keep them fast", 15, Doer::OneOf(&["deployment-engineer", "dx-optimizer"])),
];
const REFACTOR: &[Part] = &[
    part("fix the present behaviour with tests", 25, TESTER),
    part("draw the target form", 15, Doer::OneOf(&["architect-review", "backend-architect"])),
    work("change in small steps that can be released", 45),
    part("review and measure against before", 15, REVIEWER),
];
const INFRASTRUCTURE: &[Part] = &[
    part("write down the target, its limits and its cost", 15, Doer::OneOf(&["cloud-architect"])),
    work("build it as code", 40),
    part("try it where nobody is hurt, with failure", 20, Doer::OneOf(&["devops-troubleshooter"])),
    part("roll out in stages with a way back", 15, RELEASER),
    part("alarms, runbook and access", 10, Doer::OneOf(&["devops-troubleshooter", "incident-responder"])),
];
const WRITING: &[Part] = &[
    part("agree reader, aim and outline", 20, Doer::Lead),
    work("write the draft", 50),
    part("check facts and examples by doing them", 20, Doer::Lead),
    part("review and publish", 10, REVIEWER),
];
const RESEARCH: &[Part] = &[
    part("sharpen the question and what would answer it", 15, Doer::Lead),
    part("gather sources and figures", 35, Doer::OneOf(&["search-specialist", "data-scientist"])),
    work("compare and try out the best", 35),
    part("write the answer with its doubts and a next step", 15, Doer::Lead),
];
const FEATURE: &[Part] = &[
    part("write down what done means, with examples", 10, Doer::OneOf(&["business-analyst"])),
    part("design interfaces and data", 15, DESIGNER),
    work("build it", 45),
    part("write tests", 15, TESTER),
    part("review, document and roll out", 15, REVIEWER),
];

/// The steps of a kind of work; their shares are percents.
fn parts_of(shape: Shape) -> &'static [Part] {
    match shape {
        Shape::MachineLearning => MACHINE_LEARNING,
        Shape::Migration => MIGRATION,
        Shape::Bug => BUG,
        Shape::Review => REVIEW,
        Shape::Testing => TESTING,
        Shape::Refactor => REFACTOR,
        Shape::Infrastructure => INFRASTRUCTURE,
        Shape::Writing => WRITING,
        Shape::Research => RESEARCH,
        Shape::Feature => FEATURE,
    }
}

/// The steps of a piece of work, with hours that add up to `likely`.
#[must_use]
pub fn of(text: &Text, shape: Option<Shape>, likely: f64, recommended: &[Recommendation], fit: &Fit) -> Vec<Subtask> {
    let own = if (2..=MOST_OWN_STEPS).contains(&text.items().len()) { text.items() } else { &[] };
    let mut steps: Vec<Draft> = Vec::new();
    for part in parts_of(shape.unwrap_or(Shape::Feature)) {
        if part.is_the_work && !own.is_empty() {
            let share = (part.share * FINER) / u32::try_from(own.len()).unwrap_or(u32::MAX);
            let of_item =
                |item: &String| Draft { title: shorten(item), share, agent: doer_of_item(item, recommended, fit) };
            steps.extend(own.iter().map(of_item));
        } else {
            let agent = doer(&part.doer, recommended, fit);
            steps.push(Draft { title: part.title.to_owned(), share: part.share * FINER, agent });
        }
    }
    let halves = estimate::halves(likely);
    // A step under an hour is not worth a line of its own, so small work has few.
    while steps.len() > (halves / 2).max(1) as usize {
        let Some(least) = (0..steps.len()).min_by_key(|at| steps[*at].share) else {
            break;
        };
        steps.remove(least);
    }
    let shares: Vec<u32> = steps.iter().map(|step| step.share).collect();
    let hours = share_out(halves, &shares).into_iter().map(|n| f64::from(n) * HALF_HOUR);
    steps.into_iter().zip(hours).map(|(step, hours)| Subtask { title: step.title, hours, agent: step.agent }).collect()
}

/// A step before its hours are known.
struct Draft {
    title: String,
    share: u32,
    agent: Option<String>,
}

/// Shares `whole` out by weight, at least one each: what is left after rounding down goes to the
/// largest remainders.
fn share_out(whole: u32, shares: &[u32]) -> Vec<u32> {
    let sum: u64 = shares.iter().copied().map(u64::from).sum::<u64>().max(1);
    let free = u64::from(whole).saturating_sub(shares.len() as u64);
    let exact = |share: u32| (free * u64::from(share) / sum, free * u64::from(share) % sum);
    let mut parts: Vec<u32> =
        shares.iter().map(|share| 1 + u32::try_from(exact(*share).0).unwrap_or(u32::MAX - 1)).collect();
    let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
    by_remainder.sort_by_key(|at| std::cmp::Reverse(exact(shares[*at]).1));
    let left = whole.saturating_sub(parts.iter().sum()) as usize;
    // Rounding down loses less than one a step, so that one round hands all of it out.
    by_remainder.into_iter().take(left).for_each(|at| parts[at] += 1);
    parts
}

fn doer(doer: &Doer, recommended: &[Recommendation], fit: &Fit) -> Option<String> {
    let lead = || recommended.first().map(|lead| lead.agent.clone());
    let Doer::OneOf(names) = doer else { return lead() };
    let among = recommended.iter().map(|it| it.agent.as_str()).find(|agent| names.contains(agent));
    among.or_else(|| names.iter().copied().find(|name| fit.knows(name))).map(str::to_owned).or_else(lead)
}

/// An item of the text's own list may be another agent's work than the whole.
fn doer_of_item(item: &str, recommended: &[Recommendation], fit: &Fit) -> Option<String> {
    let text = Text::read(item);
    let best = fit.recommend(&text, &Brief::of(item), shape::of(&text, &[])).into_iter().next();
    let sure = best.filter(|best| best.confidence >= SURE_ENOUGH);
    sure.map(|best| best.agent).or_else(|| recommended.first().map(|lead| lead.agent.clone()))
}

fn shorten(title: &str) -> String {
    if title.chars().count() <= LONGEST_TITLE {
        return title.to_owned();
    }
    let kept: String = title.chars().take(LONGEST_TITLE - 1).collect();
    format!("{}…", kept.trim_end())
}
