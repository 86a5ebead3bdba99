//! How hard a piece of work is, and how long it takes.
//!
//! Owns the weights of words. The sum of the weights is rounded up to a story point, and the hours
//! follow the sum along `HOURS_BY_WEIGHT`, so that more weight never means fewer hours.
//! To teach it a word, add the word to a table.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::pm::Brief;
use crate::pm::shape::Shape;
use crate::pm::text::Text;

/// The grain of all hours.
pub const HALF_HOUR: f64 = 0.5;

/// How hard something is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// Done before it is discussed.
    Trivial,
    /// A day.
    Small,
    /// A week.
    Medium,
    /// Several weeks.
    Large,
    /// To be split before it is begun.
    #[serde(rename = "very large")]
    VeryLarge,
}

impl Size {
    /// The word that people read.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trivial => "trivial",
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
            Self::VeryLarge => "very large",
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How hard something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complexity {
    /// In a word.
    pub size: Size,
    /// In story points: 1, 2, 3, 5, 8, 13, 21 or 34.
    pub points: u8,
}

impl fmt::Display for Complexity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} points)", self.size, self.points)
    }
}

/// How long something takes, in steps of half an hour; `low <= likely <= high`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hours {
    /// When all goes well.
    pub low: f64,
    /// As a rule.
    pub likely: f64,
    /// When it does not.
    pub high: f64,
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}–{} h, likely {}", self.low, self.high, self.likely)
    }
}

/// Words that change the weight, by how much. They are about scope: what the work is about stands
/// in `TOPICS`.
const SCOPE: &[(f64, &str)] = &[
    (-4.0, "typo, spelling, one line, one-liner, comment, whitespace, wording, broken link, dead link"),
    (-2.0, "bump, rename, tweak, trivial, tiny, label, logo, colour, color, text change, quick fix, config change"),
    (-1.0, "small, minor, simple, quick, quickly, easy, single, just, only"),
    (1.0, "several, multiple, many, edge case, configurable, reusable, optional, flexible, roles, versioned, all"),
    (2.0, "entire, whole, full, complete, automatic, across, everywhere, robust, production ready, secure"),
    (
        3.0,
        "platform, enterprise, from scratch, end to end, multi tenant, distributed, real-time, realtime, offline, scalable",
    ),
    (3.0, "without downtime, zero downtime, high availability, backward compatible, compliance, audit trail"),
    (5.0, "rewrite, re-architect, company wide, microservices, multi region, all services, overhaul"),
];

/// Subjects that are harder than they sound.
const TOPICS: &[(f64, &str)] = &[
    (1.0, "search, cache, export, import, upload, notification, report, filter, schedule, pagination, translation"),
    (2.0, "auth, authentication, authorization, login, oauth, sso, permission, payment, checkout, encryption, billing"),
    (2.0, "concurrency, race condition, deadlock, memory leak, crashloop, replication, failover, flaky, intermittent"),
    (2.0, "postgres, oracle, kubernetes, terraform, database upgrade, production, subscription, recommendation"),
    (3.0, "machine learning, ml, llm, recommendation engine, search engine, workflow engine, rule engine, compiler"),
    (3.0, "monolith, mainframe, cobol, legacy, event sourcing, data warehouse, marketplace, computer vision, parser"),
    (3.0, "gdpr, hipaa, pci, sox, scim, saml, threat model, disaster recovery, blockchain, video, game engine"),
];

/// Parts of a system. Each kind that is touched adds a little.
const COMPONENTS: &str = "api, endpoint, database, table, schema, queue, worker, cron, frontend, backend, page, form, \
    dashboard, chart, mobile, app, email, service, cli, admin, model, pipeline, cluster, server, client, library, \
    webhook, bot, button, table, index, cache, storage, bucket, log, metric, test, template, plugin, sdk, proxy, \
    websocket, settings, wizard, role, user, tenant, migration, script";
const EACH_COMPONENT: f64 = 0.6;
const MOST_FROM_COMPONENTS: f64 = 5.0;

/// Systems of others. Each is a contract to learn, a sandbox to get and a way to fail.
const INTEGRATIONS: &str = "slack, teams, github, gitlab, bitbucket, jira, confluence, notion, salesforce, hubspot, zendesk, \
    stripe, paypal, adyen, twilio, sendgrid, mailchimp, shopify, sap, servicenow, workday, google, outlook, \
    microsoft, okta, auth0, keycloak, entra, openai, anthropic, aws, azure, gcp, s3, kafka, rabbitmq, redis, \
    elasticsearch, snowflake, bigquery, datadog, sentry, pagerduty, discord, telegram, whatsapp, chatwoot, \
    firebase, docusign, plaid, quickbooks, xero, linear, asana, trello, airtable, zapier, ldap, active directory";
const EACH_INTEGRATION: f64 = 1.5;
const MOST_FROM_INTEGRATIONS: f64 = 12.0;

/// Things to do. Each after the first adds a little.
const VERBS: &str = "add, build, create, implement, design, migrate, integrate, deploy, refactor, rewrite, test, document, \
    monitor, secure, optimize, support, train, import, export, sync, convert, remove, replace, automate, encrypt, \
    validate, notify, track, store, render, schedule, analyze, upgrade, configure, publish";
const EACH_FURTHER_VERB: f64 = 0.5;
const MOST_FROM_VERBS: f64 = 4.0;

/// Words that say that something is open. They add weight and widen the range.
const UNKNOWNS: &str = "somehow, maybe, perhaps, not sure, unclear, unknown, tbd, etc, and so on, investigate, explore, \
    figure out, possibly, probably, research, experiment, proof of concept, prototype, first time, never done, \
    no documentation, undocumented, intermittent, sometimes, randomly, third party, external";
const EACH_UNKNOWN: f64 = 0.7;
const MOST_FROM_UNKNOWNS: f64 = 3.0;

/// Longer texts ask for more: from so many words on, so much weight.
const BY_LENGTH: &[(usize, f64)] = &[(40, 0.5), (80, 1.0), (160, 2.0), (400, 3.0), (1000, 4.5)];
const EACH_LIST_ITEM: f64 = 0.6;
const MOST_FROM_LIST: f64 = 6.0;
/// Files after the second add this much each.
const EACH_FURTHER_FILE: f64 = 0.3;
const MOST_FROM_FILES: f64 = 4.0;

/// From so much weight on, so many hours; between two lines in proportion.
const HOURS_BY_WEIGHT: &[(f64, f64)] = &[
    (0.0, 0.5),
    (1.0, 1.0),
    (2.0, 3.0),
    (3.0, 6.0),
    (5.0, 14.0),
    (8.0, 28.0),
    (13.0, 60.0),
    (21.0, 120.0),
    (34.0, 240.0),
    (50.0, 400.0),
];
const POINTS: [u8; 8] = [1, 2, 3, 5, 8, 13, 21, 34];
/// A weight just above a point is still that point.
const ROUNDING: f64 = 0.5;

/// What the kind of work alone weighs, before any word about it.
fn first_guess(shape: Option<Shape>) -> f64 {
    match shape {
        None => 3.0,
        Some(Shape::Writing) => 2.0,
        Some(Shape::Bug | Shape::Review | Shape::Testing) => 3.0,
        Some(Shape::Research | Shape::Feature | Shape::Refactor) => 4.0,
        Some(Shape::Infrastructure) => 4.5,
        Some(Shape::Migration) => 6.0,
        Some(Shape::MachineLearning) => 7.0,
    }
}

/// How hard a brief is and how long it takes.
#[must_use]
pub fn of(text: &Text, brief: &Brief, shape: Option<Shape>) -> (Complexity, Hours) {
    let unknowns = text.mentioned(UNKNOWNS).len() + text.questions();
    let weight = weigh(text, brief, shape, unknowns);
    let points = POINTS.into_iter().find(|points| weight <= f64::from(*points) + ROUNDING).unwrap_or(POINTS[7]);
    let size = match points {
        0..=1 => Size::Trivial,
        2..=3 => Size::Small,
        4..=8 => Size::Medium,
        9..=21 => Size::Large,
        _ => Size::VeryLarge,
    };
    (Complexity { size, points }, hours(weight, unknowns))
}

fn weigh(text: &Text, brief: &Brief, shape: Option<Shape>, unknowns: usize) -> f64 {
    let capped = |count: usize, each: f64, most: f64| (count as f64 * each).min(most);
    let spoken = |table: &[(f64, &'static str)]| -> f64 {
        table.iter().map(|(each, phrases)| each * text.mentioned(phrases).len() as f64).sum()
    };
    let files = text.files().len() + brief.files.len();
    let length = BY_LENGTH.iter().rev().find(|(words, _)| text.length() >= *words).map_or(0.0, |(_, weight)| *weight);
    let substance = first_guess(shape)
        + spoken(TOPICS).min(14.0)
        + capped(text.mentioned(COMPONENTS).len(), EACH_COMPONENT, MOST_FROM_COMPONENTS)
        + capped(text.mentioned(INTEGRATIONS).len(), EACH_INTEGRATION, MOST_FROM_INTEGRATIONS)
        + capped(text.mentioned(VERBS).len().saturating_sub(1), EACH_FURTHER_VERB, MOST_FROM_VERBS)
        + capped(unknowns, EACH_UNKNOWN, MOST_FROM_UNKNOWNS)
        + capped(text.items().len(), EACH_LIST_ITEM, MOST_FROM_LIST)
        + capped(files.saturating_sub(2), EACH_FURTHER_FILE, MOST_FROM_FILES)
        + length;
    // In a long text `only` and `all` are said about anything; in a short one they are the scope.
    let scope = spoken(SCOPE).clamp(-6.0, 10.0);
    let scope = if text.length() > 120 { scope.max(-2.0) } else { scope };
    (substance + scope).max(0.0)
}

fn hours(weight: f64, unknowns: usize) -> Hours {
    let likely = round_to_halves(along(weight));
    let wider = 0.15 * unknowns.min(6) as f64;
    let low = round_to_halves(likely * (0.65 - wider / 4.0)).min(likely);
    let high = round_to_halves(likely * (1.7 + wider)).max(likely + HALF_HOUR);
    Hours { low, likely, high }
}

/// The hours at a weight, on the line through the points of the table.
fn along(weight: f64) -> f64 {
    for pair in HOURS_BY_WEIGHT.windows(2) {
        let [(from, low), (to, high)] = [pair[0], pair[1]];
        if weight <= to {
            return low + (high - low) * ((weight - from) / (to - from)).max(0.0);
        }
    }
    HOURS_BY_WEIGHT[HOURS_BY_WEIGHT.len() - 1].1
}

fn round_to_halves(hours: f64) -> f64 {
    f64::from(halves(hours)) * HALF_HOUR
}

/// Hours in halves, at least one.
#[must_use]
pub fn halves(hours: f64) -> u32 {
    // The table ends at a few hundred hours, far inside of what the type holds.
    (hours / HALF_HOUR).round().max(1.0) as u32
}
