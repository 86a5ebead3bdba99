//! What kind of work a text asks for.
//!
//! Owns the kinds and the words by which each is recognised. A new kind is a variant of [`Shape`], an
//! entry in `SHAPES`, and an arm wherever the compiler then asks for one (its steps in `step.rs`,
//! its first guess in `estimate.rs`, its agents in `fit.rs`).

use serde::{Deserialize, Serialize};

use crate::pm::text::{Phrase, Text, phrases};

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Something that was not there is to be there.
    Feature,
    /// Something does not do what it should.
    Bug,
    /// The same behaviour in a better form.
    Refactor,
    /// From one version, place or technology to another.
    Migration,
    /// A question is to be answered.
    Research,
    /// Texts for people.
    Writing,
    /// What software runs on.
    Infrastructure,
    /// Models that learn.
    MachineLearning,
    /// Tests are to be written.
    Testing,
    /// Something is to be looked over.
    Review,
}

struct Kind {
    shape: Shape,
    /// Phrases that speak for this kind, by their weight, separated by commas.
    words: &'static [(u32, &'static str)],
}

/// The kinds. On a tie the earlier one wins, so that the more special stand first.
const SHAPES: &[Kind] = &[
    Kind {
        shape: Shape::MachineLearning,
        words: &[
            (
                4,
                "ml, machine learning, train model, train a model, model training, neural network, \
                    deep learning, computer vision",
            ),
            (
                3,
                "recommendation engine, recommender, classifier, fine-tune, llm, rag, embedding, churn model, \
                    anomaly detection, nlp, retraining, mlflow",
            ),
            (2, "predict, prediction, forecast, inference, chatbot"),
            (1, "drift, model, dataset"),
        ],
    },
    Kind {
        shape: Shape::Migration,
        words: &[
            (5, "migrate, lift and shift"),
            (4, "migration, upgrade, port to, switch from, move off, cutover"),
            (3, "move to, switch to, replace with, convert"),
            (2, "sunset, end of life, from version, port"),
        ],
    },
    Kind {
        shape: Shape::Bug,
        words: &[
            (5, "hotfix"),
            (
                4,
                "bug, fix, crash, crashloop, broken, does not work, doesnt work, not working, regression, \
                    outage, typo, segfault, debug, troubleshoot, error, fail, failure",
            ),
            (3, "wrong, exception, stack trace, hang, leak, 502, 503, flaky, incorrect, stuck, sev1, sev2"),
            (2, "500, timeout, deadlock, freeze, slow, unexpected, unable to, cannot, cant"),
            (1, "down, duplicate, missing"),
        ],
    },
    Kind {
        shape: Shape::Review,
        words: &[
            (5, "pentest, penetration test"),
            (4, "review, audit, threat model, code review, look over, second opinion"),
            (3, "assess, assessment"),
            (2, "check for"),
        ],
    },
    Kind {
        shape: Shape::Testing,
        words: &[
            (5, "write test, add test, end-to-end test, test coverage, automate test"),
            (4, "unit test, integration test, e2e, test suite, load test, regression test, property test"),
            (2, "coverage"),
        ],
    },
    Kind {
        shape: Shape::Refactor,
        words: &[
            (5, "refactor, remove dead code"),
            (
                4,
                "clean up, cleanup, restructure, decouple, technical debt, tech debt, modularize, modernize, \
                    dead code",
            ),
            (3, "simplify, rename, bump, split up, rewrite, tidy, speed up"),
            (2, "extract, deduplicate, optimize, optimise, monolith"),
        ],
    },
    Kind {
        shape: Shape::Infrastructure,
        words: &[
            (4, "provision, terraform, ci/cd"),
            (3, "deploy, deployment, set up monitoring, roll out, scale out"),
            (
                2,
                "kubernetes, k8s, docker, cluster, backup, dns, vpn, load balancer, autoscaling, helm, firewall, \
                    infrastructure, github actions, failover, observability, staging environment, pipeline, \
                    monitoring, aws, azure, gcp, alerting, replication",
            ),
            (1, "server, certificate, monitor"),
        ],
    },
    Kind {
        shape: Shape::Writing,
        words: &[
            (
                4,
                "document, documentation, docs, readme, tutorial, changelog, blog, newsletter, write post, \
                    privacy policy, terms of service, release notes, cold email, handbook, wording",
            ),
            (3, "guide, draft, faq, diagram, proposal, typo, runbook"),
            (2, "landing page, manual, reply"),
            (1, "copy, policy"),
        ],
    },
    Kind {
        shape: Shape::Research,
        words: &[
            (5, "research, spike, feasibility"),
            (4, "investigate, evaluate, compare, explore, find out, proof of concept, poc, which is better"),
            (3, "analyse, analyze, analysis, survey, study, experiment"),
            (2, "understand"),
            (1, "why"),
        ],
    },
    Kind {
        shape: Shape::Feature,
        words: &[
            (4, "as a user"),
            (3, "implement, add, build, create, develop, introduce, integrate, feature, user can"),
            (2, "allow, enable, design, integration, extend"),
            (1, "support, new, make"),
        ],
    },
];

/// Labels that say the kind outright.
const LABELS: &[(Shape, &str)] = &[
    (Shape::Bug, "bug, defect, regression, incident"),
    (Shape::Feature, "feature, enhancement"),
    (Shape::Refactor, "refactor, tech-debt, chore"),
    (Shape::Migration, "migration"),
    (Shape::Research, "research, spike, question"),
    (Shape::Writing, "docs, documentation"),
    (Shape::Infrastructure, "infra, infrastructure, devops"),
    (Shape::MachineLearning, "ml"),
    (Shape::Testing, "test, testing"),
    (Shape::Review, "audit, review"),
];
/// From this weight on a phrase tells what to do; below, what it is about.
const WORD_OF_DOING: u32 = 3;
/// What a label weighs against words.
const LABEL_WEIGHT: u32 = 6;

/// The kind of work that a text asks for, and `None` where no word tells.
#[must_use]
pub fn of(text: &Text, labels: &[String]) -> Option<Shape> {
    let labels: Vec<Phrase> = labels.iter().map(|label| Phrase::new(label)).collect();
    let mut best: Option<(u32, Shape)> = None;
    for kind in SHAPES {
        let words = kind.words.iter().flat_map(|(each, table)| phrases(table).map(|phrase| (*each, phrase)));
        let mut weight: u32 = words.map(|(each, phrase)| weigh(text, each, phrase)).sum();
        let of_kind = LABELS.iter().filter(|(shape, _)| *shape == kind.shape);
        let says_it = |name: &str| labels.contains(&Phrase::new(name));
        if of_kind.flat_map(|(_, table)| phrases(table)).any(says_it) {
            weight += LABEL_WEIGHT;
        }
        if weight > best.map_or(0, |(most, _)| most) {
            best = Some((weight, kind.shape));
        }
    }
    best.map(|(_, shape)| shape)
}

/// A brief begins with what is wanted; what it is about comes after.
fn weigh(text: &Text, each: u32, phrase: &str) -> u32 {
    match text.find(&Phrase::new(phrase)) {
        None => 0,
        // Only words of doing: a subject that stands first is still a subject.
        Some(0) if each >= WORD_OF_DOING => each * 2,
        Some(at) if at < text.first_line_words() => each,
        Some(_) => each.div_ceil(2),
    }
}
