//! What could go wrong with a piece of work, read from its words.
//!
//! Owns the table of risks. A new risk is an entry in `RULES`; what depends on more than words
//! (vague texts) stands in [`of`].

use serde::{Deserialize, Serialize};

use crate::domain::agent::Risk;
use crate::pm::estimate::Size;
use crate::pm::shape::Shape;
use crate::pm::text::{Phrase, Text, phrases};

/// The most risks that are told; nobody reads the seventh.
pub const MOST_RISKS: usize = 6;
/// The most words that are quoted for one risk.
const MOST_QUOTED: usize = 4;
/// A text with fewer words that carry meaning says too little.
const FEWEST_WORDS: usize = 4;

/// Something that could go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskNote {
    /// What.
    pub what: String,
    /// The words that led to it.
    pub why: String,
    /// What to do about it.
    pub mitigation: String,
    /// How bad it would be.
    pub level: Risk,
}

struct Rule {
    what: &'static str,
    /// Phrases, separated by commas.
    words: &'static str,
    mitigation: &'static str,
    level: Risk,
}

/// The risks, the worst first within each level.
const RULES: &[Rule] = &[
    Rule {
        what: "a hole in authentication, permissions or secrets lets the wrong people in",
        words: "auth, authentication, authorization, login, password, oauth, jwt, sso, saml, oidc, session, \
            permission, rbac, secret, api key, encryption, encrypt, security, vulnerability, 2fa, mfa, token, xss, \
            csrf, sql injection, credential, access control, signature, certificate",
        mitigation: "write a threat model first, use proven libraries, have security-auditor review it before the release",
        level: Risk::High,
    },
    Rule {
        what: "money is charged twice, lost or booked wrongly",
        words: "payment, stripe, paypal, checkout, refund, invoice, billing, credit card, subscription, pci, \
            chargeback, sepa, payout, price, pricing, trading, tax",
        mitigation: "idempotency keys on every call, reconciliation each day, the provider's test mode first",
        level: Risk::High,
    },
    Rule {
        what: "data is lost or damaged on the way",
        words: "migrate, migration, backup, schema change, data loss, backfill, drop table, delete data, bulk update, restore, \
            replication, database upgrade, cutover, import, truncate, purge, deduplicate",
        mitigation: "a backup that was restored once, a rehearsal on a copy, row counts compared, a written way back",
        level: Risk::High,
    },
    Rule {
        what: "personal data is used or kept against the law",
        words: "gdpr, personal data, pii, privacy, customer data, user data, health data, hipaa, consent, cookie, \
            tracking, email address, location data, dsgvo, data retention, patient, anonymize",
        mitigation: "keep as little as possible, name purpose and retention, ask legal-advisor and a human counsel",
        level: Risk::High,
    },
    Rule {
        what: "people notice: an interruption of a live system",
        words: "downtime, production, live system, zero downtime, outage, failover, rollback, high availability, \
            crashloop, hotfix, data center, on call, dns",
        mitigation: "roll out in stages with a tested way back, outside of busy hours, with somebody watching",
        level: Risk::High,
    },
    Rule {
        what: "the model is not good enough, or nobody can tell whether it is",
        words: "ml, machine learning, ml model, churn prediction, retraining, mlflow, drift detection, model training, train a model, train model, recommendation engine, recommender, \
            prediction, predict, classifier, neural network, llm, rag, embedding, forecast, fine-tune, \
            deep learning, chatbot, anomaly detection, ai",
        mitigation: "agree measure and baseline before building, look at the data first, stop early if it does not beat the baseline",
        level: Risk::Medium,
    },
    Rule {
        what: "it does not hold under load",
        words: "performance, scale, scalability, latency, throughput, high traffic, million, billion, real-time, \
            realtime, slow, large file, load test, concurrent users, p99, peak, streaming, bulk",
        mitigation: "agree figures for load and latency, measure early with realistic data, test at twice the expected load",
        level: Risk::Medium,
    },
    Rule {
        what: "two things happen at once and the result depends on luck",
        words: "concurrency, concurrent, race condition, data race, deadlock, thread, lock, parallel, async, \
            distributed, queue, retry, idempotent, event driven, eventual consistency, synchronization, sync",
        mitigation: "name who owns each state, make repeats harmless, test with many at once and with failures in between",
        level: Risk::Medium,
    },
    Rule {
        what: "somebody else's system changes, limits or fails",
        words: "third party, third-party, external, integration, integrate, vendor, webhook, api limit, rate limit, \
            slack, teams, github, jira, salesforce, hubspot, zendesk, stripe, twilio, sap, google, openai, \
            microsoft, sendgrid, shopify, partner, supplier",
        mitigation: "try its sandbox first, respect its limits, time out and degrade, know whom to call",
        level: Risk::Medium,
    },
    Rule {
        what: "the day is fixed and the work is not",
        words: "deadline, asap, urgent, urgently, by tomorrow, by monday, by tuesday, by wednesday, by thursday, \
            by friday, end of week, end of month, end of day, this week, today, tomorrow, immediately, eod, \
            due date, launch date, before launch, before release, right away, in time for",
        mitigation: "agree now what may be left out, deliver the most useful part first, say early when it slips",
        level: Risk::Medium,
    },
    Rule {
        what: "old code behaves in ways that nobody wrote down",
        words: "legacy, monolith, rewrite, cobol, undocumented, deprecated, end-of-life, technical debt, tech debt, \
            old code, no tests, without tests, spaghetti, mainframe",
        mitigation: "fix today's behaviour with tests before the first change, replace in steps, keep the old way reachable",
        level: Risk::Medium,
    },
    Rule {
        what: "some people cannot use it, or do not understand it",
        words: "ui, ux, frontend, form, page, dashboard, screen, mobile app, accessibility, wcag, responsive, \
            onboarding, design, dark mode, translation, i18n, component, css",
        mitigation: "show a sketch to three users, check keyboard, contrast and screen reader, try it on a small screen",
        level: Risk::Low,
    },
    Rule {
        what: "changed interfaces break those who use them",
        words: "breaking change, upgrade, public api, api version, rename, remove endpoint, deprecate, protocol, contract, \
            schema, sdk, backward compatible, backwards compatibility",
        mitigation: "find the users first, keep old and new side by side for a while, announce the date",
        level: Risk::Low,
    },
];

/// Words that say that something is open.
const OPEN: &str = "somehow, something, maybe, perhaps, not sure, unclear, unknown, tbd, etc, and so on, whatever, stuff, \
    some kind of, probably, no idea, figure out, better, improve, nice, things, various";

/// What could go wrong, the worst first; at most [`MOST_RISKS`].
#[must_use]
pub fn of(text: &Text, labels: &[String], shape: Option<Shape>, size: Size) -> Vec<RiskNote> {
    let labels: Vec<Phrase> = labels.iter().map(|label| Phrase::new(label)).collect();
    let mut notes: Vec<RiskNote> = Vec::new();
    for rule in RULES {
        let mut words = text.mentioned(rule.words);
        let by_label = phrases(rule.words).filter(|word| labels.contains(&Phrase::new(word)));
        words.extend(by_label.filter(|word| !text.has(word)));
        if words.is_empty() {
            continue;
        }
        let level = match (shape, size) {
            // To write about a thing or to mend a letter does less harm than to change it.
            (Some(Shape::Writing), _) | (_, Size::Trivial) => lower(rule.level),
            _ => rule.level,
        };
        notes.push(note(rule.what, mentions(&words), rule.mitigation, level));
    }
    notes.extend(vague(text, size));
    notes.sort_by_key(|note| std::cmp::Reverse(note.level));
    notes.truncate(MOST_RISKS);
    notes
}

fn vague(text: &Text, size: Size) -> Option<RiskNote> {
    let mitigation = "ask for an example, for what done means, and for what is not part of it";
    let what = "different people understand different things by it";
    if text.content().is_empty() {
        return Some(note(what, "the text says nothing that could be read".to_owned(), mitigation, Risk::High));
    }
    let open = text.mentioned(OPEN);
    if !open.is_empty() {
        let level = if open.len() >= 3 { Risk::High } else { Risk::Medium };
        return Some(note(what, mentions(&open), mitigation, level));
    }
    let words = text.content().len();
    if words < FEWEST_WORDS && size > Size::Small {
        let count = if words == 1 { "one word that says".to_owned() } else { format!("{words} words that say") };
        return Some(note(what, format!("only {count} what is wanted"), mitigation, Risk::Medium));
    }
    (text.questions() >= 3)
        .then(|| note(what, format!("{} open questions in the text", text.questions()), mitigation, Risk::Medium))
}

fn lower(level: Risk) -> Risk {
    match level {
        Risk::High => Risk::Medium,
        Risk::Medium | Risk::Low => Risk::Low,
    }
}

fn note(what: &str, why: String, mitigation: &str, level: Risk) -> RiskNote {
    RiskNote { what: what.to_owned(), why, mitigation: mitigation.to_owned(), level }
}

fn mentions(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().take(MOST_QUOTED).map(|word| format!("`{word}`")).collect();
    format!("mentions {}", quoted.join(", "))
}
