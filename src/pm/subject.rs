//! What subjects and kinds of work mean for the choice of an agent, beyond what agents' files say.
//!
//! Tables only; `fit.rs` weighs them. An agent's own words belong into its file in `config/agents`;
//! here stands what no single file can know, such as who is usual for a bug. Names that are not in
//! the catalogue do no harm.

use crate::pm::shape::Shape;

/// Words in names of agents that tell nothing about their work.
pub(super) const NAME_FILLERS: &str = "pro, developer, engineer, specialist, expert, manager, admin, builder, review, responder, analyst, support, \
    integration, architect, designer, context, customer, reference, content, business, data";

/// Words that point to a category as a whole.
pub(super) const CATEGORY_WORDS: &[(&str, &str)] = &[
    (
        "infrastructure",
        "deploy, server, cluster, pod, production, cloud, pipeline, monitoring, postgres, network, container",
    ),
    ("quality", "test, bug, review, security, performance, regression, audit, crash"),
    ("data-ai", "model, dataset, ml, ai, llm, training, data, prediction, machine learning"),
    ("documentation", "document, docs, readme, guide, diagram, manual, tutorial"),
    ("business", "customer, market, sales, revenue, contract, campaign, kpi, legal"),
    ("development", "feature, api, screen, user, service, frontend, backend"),
];

/// Words that mean an agent's work, and what they weigh. A line counts once, however many of its
/// words are found.
pub(super) const SUBJECTS: &[(&str, f64, &str)] = &[
    (
        "security-auditor",
        2.5,
        "authentication, authorization, sso, saml, password, permission, secret, 2fa, mfa, credential, auth",
    ),
    (
        "backend-architect",
        2.0,
        "auth, authentication, login, microservice, websocket, webhook, rate limiting, queue, sso",
    ),
    ("database-admin", 3.0, "postgres, postgresql, mysql, mariadb, oracle, mongodb, sql server"),
    ("database-optimizer", 2.0, "postgres, postgresql, mysql, mariadb, query, index"),
    (
        "devops-troubleshooter",
        3.0,
        "pod, crashloop, oomkilled, cpu spike, unhealthy, container restart, node not ready",
    ),
    ("ml-engineer", 2.0, "recommendation engine, recommender, predict, train model, ml model"),
    ("data-scientist", 2.0, "recommendation engine, churn, prediction, predict, data set, ml"),
    ("ai-engineer", 2.5, "vector database, vector store, semantic search, rag, llm"),
    ("search-specialist", 2.0, "compare, alternatives, which is better, pros and cons, survey"),
    ("security-auditor", 2.0, "encrypt, encryption, rotate keys, key rotation, pentest, penetration test"),
    ("docs-architect", 1.5, "readme, docs, document, release notes, changelog"),
    ("api-documenter", 2.0, "release notes, changelog"),
    ("dx-optimizer", 2.0, "ci, build, slow build, developer setup"),
    ("deployment-engineer", 1.5, "ci, go live, staging"),
    ("performance-engineer", 2.0, "page load, load time, faster, speed up, caching, memcached, redis"),
    (
        "backend-architect",
        1.5,
        "caching, redis, memcached, workflow engine, notification, cron, integrate, integration",
    ),
    ("frontend-developer", 1.5, "page load, translate, translation, localization, i18n, ui"),
    ("business-analyst", 2.0, "roadmap, prioritize, backlog, user story, acceptance criteria"),
    ("frontend-developer", 1.5, "button, dark mode, web page, form, modal, dashboard, browser"),
];

/// Who is a fair choice for a kind of work when nothing else tells, the best first, and what being
/// of that kind adds to the score.
pub(super) fn usual(shape: Shape) -> (&'static [&'static str], f64, &'static str) {
    match shape {
        Shape::Feature => (&["backend-architect", "frontend-developer", "code-reviewer"], 0.5, "it adds something"),
        Shape::Bug => (&["debugger", "error-detective", "code-reviewer"], 1.5, "something is broken"),
        Shape::Refactor => {
            (&["legacy-modernizer", "architect-review", "code-reviewer"], 1.0, "it changes the form of code")
        }
        Shape::Migration => {
            (&["legacy-modernizer", "database-admin", "deployment-engineer"], 0.8, "it moves something")
        }
        Shape::Research => (&["search-specialist", "business-analyst", "data-scientist"], 1.5, "it asks a question"),
        Shape::Writing => {
            (&["docs-architect", "tutorial-engineer", "content-marketer"], 1.0, "it is a text for people")
        }
        Shape::Infrastructure => {
            (&["deployment-engineer", "cloud-architect", "devops-troubleshooter"], 0.8, "it is about what runs")
        }
        Shape::MachineLearning => {
            (&["ml-engineer", "data-scientist", "ai-engineer"], 1.5, "it is about models that learn")
        }
        Shape::Testing => (&["test-automator", "code-reviewer", "debugger"], 2.0, "it asks for tests"),
        Shape::Review => (&["code-reviewer", "security-auditor", "architect-review"], 1.0, "it asks for a review"),
    }
}

/// Who makes something of a text that tells nothing.
pub(super) const WHEN_NOTHING_TELLS: &[&str] = &["context-manager", "business-analyst", "search-specialist"];
