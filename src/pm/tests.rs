//! What the offline analyst says of real briefs, and what it may never say of any text.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::domain::agent::{Agent, Risk};
use crate::pm::estimate::Size;
use crate::pm::fit::{CONFIDENCE, MOST_RECOMMENDED};
use crate::pm::risk::MOST_RISKS;

/// Every tool that the agents of the project name.
const TOOLS: &[&str] = &[
    "task.show",
    "task.list",
    "task.create",
    "task.update",
    "task.assign",
    "task.comment",
    "pm.analyze",
    "status.read",
    "agents.recommend",
];

static CATALOG: LazyLock<Arc<Catalog>> = LazyLock::new(|| Arc::new(Catalog::embedded(TOOLS).unwrap()));
static ANALYST: LazyLock<OfflineAnalyst> = LazyLock::new(|| OfflineAnalyst::new(CATALOG.clone()));

fn analyse(text: &str) -> Analysis {
    ANALYST.analyse(&Brief::of(text))
}

/// Briefs, one a line: text | kind of work | least to largest size | agents of which one is to be first
/// (after `~`: among the first three; `?`: any) | words of the risks that are to be told.
const CASES: &str = "
    Build recommendation engine with ML | machine-learning | large to very large | ml-engineer data-scientist | model
    Fix typo in README | bug | trivial to small | docs-architect |
    Implement user auth | feature | medium to medium | ~security-auditor backend-architect | authentication
    Implement user authentication with OAuth and JWT | feature | medium to large | security-auditor | authentication
    Migrate Postgres 12 to 16 without downtime | migration | large to very large | database-admin database-optimizer | lost, interruption
    Pods crash-loop after deploy | bug | small to medium | devops-troubleshooter |
    Write a tutorial for new contributors | writing | trivial to small | tutorial-engineer |
    Integrate Stripe checkout and refunds | feature | medium to large | payment-integration | money, somebody else
    Speed up the slow query on the orders table | refactor | small to medium | database-optimizer | load
    Rewrite the COBOL monolith as microservices | refactor | large to very large | legacy-modernizer | old code
    Add dark mode to the settings page | feature | small to medium | frontend-developer ui-ux-designer | some people
    Review the pull request for the new parser | review | small to medium | code-reviewer |
    Draft a GDPR privacy policy | writing | small to medium | legal-advisor | personal data
    Write unit tests for the invoice module | testing | small to medium | test-automator |
    Terraform plan shows state drift in staging | infrastructure | small to medium | terraform-specialist |
    Goroutine leak in the Golang worker | bug | small to medium | golang-pro |
    Compare vector databases for semantic search | research | small to medium | ai-engineer search-specialist |
    Airflow pipeline to load orders into BigQuery every night | infrastructure | medium to large | data-engineer |
    Sev1: production down, customers cannot log in | bug | medium to medium | incident-responder devops-troubleshooter | interruption
    Design a GraphQL schema for the catalog, avoid N+1 resolvers | feature | medium to medium | graphql-architect |
    Answer support tickets about locked accounts and write an FAQ | writing | small to medium | customer-support |
    Set up CI/CD with GitHub Actions and a canary release | infrastructure | medium to large | deployment-engineer | somebody else
    Fix segfault in `src/parser.c` | bug | small to medium | c-pro |
    Refactor src/auth.py to use dataclasses | refactor | small to medium | python-pro | authentication
    Draw a sequence diagram of the login flow | writing | small to medium | mermaid-expert |
    Reduce cost: prompt evaluation for the chatbot's system prompt | machine-learning | medium to large | prompt-engineer |
    DNS and TLS certificate errors behind the nginx proxy | bug | small to medium | network-engineer |
    Backtest the momentum trading strategy on ten years of market data | none | small to medium | quant-analyst |
    Load test the API: p99 must stay under 200 ms at 1000 requests per second | testing | small to medium | performance-engineer | load
    SwiftUI app: offline sync for iPad | none | small to large | ios-developer mobile-developer |
    Monitor drift and automate retraining with MLflow | machine-learning | medium to large | mlops-engineer | model
    Minecraft Paper plugin lowers the server tick rate | infrastructure | small to medium | minecraft-bukkit-pro |
    Newsletter and landing page for the spring launch | writing | trivial to medium | content-marketer |
    KPI dashboard for churn and revenue by cohort | none | small to medium | business-analyst |
    Upgrade the Laravel shop to PHP 8.4 | migration | medium to large | php-pro | changed interfaces
    Database backup failed last night | bug | small to medium | database-admin | lost
    Write cold emails to 50 prospects | writing | trivial to small | sales-automator |
    Contract clause for data processing with a vendor | none | small to medium | legal-advisor |
    Encrypt customer data at rest and rotate keys | none | small to medium | security-auditor | authentication, personal data
    CI takes 45 minutes, make it faster | feature | small to medium | dx-optimizer performance-engineer |
    Memory leak in the C++ renderer | bug | small to medium | cpp-pro |
    Fix flaky e2e tests in CI | bug | small to medium | test-automator |
    Bump lodash version | refactor | trivial to small | ? |
    Make everything better somehow | feature | small to large | ? | different people
";

fn sizes(range: &str) -> (Size, Size) {
    let size = |word: &str| serde_json::from_value(serde_json::Value::from(word)).unwrap();
    range.split_once(" to ").map(|(least, most)| (size(least), size(most))).unwrap()
}

#[test]
fn briefs_are_understood() {
    let cases: Vec<&str> = CASES.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert!(cases.len() >= 40);
    let mut wrong = Vec::new();
    for case in cases {
        let columns: Vec<&str> = case.split('|').map(str::trim).collect();
        let [text, kind, range, agents, risks] = columns[..] else { panic!("`{case}` has not five columns") };
        let it = analyse(text);
        let mut say = |what: String| wrong.push(format!("{text}: {what}"));
        let found = shape::of(&Text::read(text), &[]).map(|shape| serde_json::to_value(shape).unwrap());
        if found.as_ref().map_or("none", |found| found.as_str().unwrap()) != kind {
            say(format!("is {found:?}, wanted {kind}"));
        }
        let (least, most) = sizes(range);
        if !(least..=most).contains(&it.complexity.size) {
            say(format!("is {:?} with {}, wanted {range}", it.complexity, it.hours));
        }
        let names: Vec<&str> = it.recommended.iter().map(|it| it.agent.as_str()).collect();
        let fits = match agents.strip_prefix('~') {
            Some(among) => among.split(' ').any(|wanted| names.contains(&wanted)),
            None => agents == "?" || agents.split(' ').any(|wanted| names.first() == Some(&wanted)),
        };
        if !fits {
            say(format!("goes to {:#?}, wanted {agents}", it.recommended));
        }
        for wanted in risks.split(", ").filter(|wanted| !wanted.is_empty()) {
            if !it.risks.iter().any(|risk| risk.what.contains(wanted)) {
                say(format!("tells no risk of `{wanted}` but {:?}", it.risks));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn harder_work_is_never_less() {
    for (easier, harder) in [
        ("Fix typo in README", "Fix the race condition in the payment worker"),
        ("Add a button", "Add a button, a dashboard and an export to Salesforce, SAP and Jira"),
        ("Implement login", "Implement login with SAML, SCIM and audit trail for the entire multi-tenant platform"),
        ("Migrate a table", "Migrate the entire Oracle data warehouse to Snowflake without downtime"),
    ] {
        let (easier, harder) = (analyse(easier), analyse(harder));
        assert!(easier.complexity.points < harder.complexity.points, "{easier:?}\n{harder:?}");
        assert!(easier.hours.likely < harder.hours.likely);
    }
}

#[test]
fn reasons_say_what_matched() {
    let it = ANALYST.recommend(&Brief::of("Implement login with OAuth and JWT"));
    assert_eq!(it[0].agent, "security-auditor");
    assert!(it[0].reasons.iter().any(|reason| reason.contains("mentions `login`, `oauth`, `jwt`")), "{it:?}");
}

#[test]
fn files_labels_and_names_lead_to_agents() {
    let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    for (text, labels, files, wanted) in [
        ("look at this", &[][..], &["infra/main.tf", "infra/vars.tf"][..], "terraform-specialist"),
        ("look at this", &[], &["crates/core/src/lib.rs"], "rust-pro"),
        ("look at `db/migrations/0042_users.sql` please", &[], &[], "database-optimizer sql-pro"),
        ("something for you", &["graphql"], &[], "graphql-architect"),
        ("ask the risk-manager about this", &[], &[], "risk-manager"),
        ("please have a look", &["bug"], &[], "debugger"),
    ] {
        let brief = Brief { text: text.to_owned(), labels: strings(labels), files: strings(files) };
        let it = ANALYST.recommend(&brief);
        assert!(wanted.split(' ').any(|name| name == it[0].agent), "{brief:?}: {it:#?}");
    }
}

#[test]
fn where_nothing_matches_it_says_so() {
    for text in ["", " \n ", "zzz", "お支払いのバグを直す", "Пожалуйста, помогите", "👍👍"]
    {
        let it = analyse(text);
        assert_eq!(it.recommended.len(), 1, "{text:?} {it:?}");
        assert_eq!(it.recommended[0].confidence, CONFIDENCE.0);
        assert!(it.recommended[0].reasons[0].contains("no word of the text matches an agent"));
        assert!(it.basis.contains("no model was asked"));
    }
    let empty = analyse("");
    assert!(empty.risks.iter().any(|risk| risk.level == Risk::High && risk.why.contains("nothing")));
}

#[test]
fn the_items_of_a_list_become_steps() {
    let text = "Customer portal\n- GraphQL resolvers for orders\n- Terraform module for the bucket\n- something else";
    let steps = analyse(text).subtasks;
    let agent_of = |title: &str| steps.iter().find(|step| step.title == title).and_then(|step| step.agent.clone());
    assert_eq!(agent_of("GraphQL resolvers for orders").as_deref(), Some("graphql-architect"), "{steps:#?}");
    assert_eq!(agent_of("Terraform module for the bucket").as_deref(), Some("terraform-specialist"));
    assert!(agent_of("something else").is_some());
}

#[test]
fn small_work_has_few_steps() {
    assert_eq!(analyse("Fix typo in README").subtasks.len(), 1);
}

#[test]
fn a_page_of_any_length_is_read_fast() {
    let log = "ERROR worker-7 pods/checkout-5d9f OOMKilled src/auth.py:12 machine learning payment? \n".repeat(1_300);
    let run_on = "x".repeat(100_000);
    let japanese = "支払い".repeat(12_000);
    let list = "- migrate the Stripe webhook\n".repeat(4_000);
    for text in [log, run_on, japanese, list] {
        assert!(text.len() >= 100_000);
        let start = Instant::now();
        check(&Brief::of(text));
        // Unoptimised on a busy machine; a quadratic step would take minutes.
        assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
    }
}

#[test]
fn an_empty_catalogue_recommends_nobody() {
    let it = OfflineAnalyst::new(Arc::default()).analyse(&Brief::of("Implement login"));
    assert!(it.recommended.is_empty());
    assert!(it.subtasks.iter().all(|step| step.agent.is_none()));
}

#[test]
fn an_analysis_survives_storage() {
    let it = analyse("Implement user auth");
    let json = serde_json::to_string(&it).unwrap();
    assert_eq!(serde_json::from_str::<Analysis>(&json).unwrap(), it);
    assert_eq!(serde_json::to_value(Size::VeryLarge).unwrap(), "very large");
}

/// What holds for every text.
fn check(brief: &Brief) -> Analysis {
    let it = ANALYST.analyse(brief);
    let hours = it.hours;
    assert!(0.5 <= hours.low && hours.low <= hours.likely && hours.likely <= hours.high, "{hours:?}");
    assert_eq!(it.subtasks.iter().map(|step| step.hours).sum::<f64>(), hours.likely, "{:?}", it.subtasks);
    assert!(it.subtasks.iter().all(|step| step.hours >= 0.5 && !step.title.is_empty()));
    let known = |name: &String| CATALOG.get(name).is_some();
    assert!(it.subtasks.iter().all(|step| step.agent.as_ref().is_some_and(known)));
    assert!((1..=MOST_RECOMMENDED).contains(&it.recommended.len()));
    assert!(it.recommended.iter().all(|it| known(&it.agent) && !it.reasons.is_empty()));
    assert!(it.recommended.iter().all(|it| (CONFIDENCE.0..=CONFIDENCE.1).contains(&it.confidence)));
    assert!(it.recommended.is_sorted_by(|a, b| a.confidence >= b.confidence), "{:?}", it.recommended);
    assert!(it.risks.len() <= MOST_RISKS && it.risks.is_sorted_by(|a, b| a.level >= b.level));
    it
}

/// Words that the tables know, between words that they do not.
fn brief_like() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "migrate",
            "postgres",
            "auth",
            "the",
            "payment",
            "somehow",
            "fix",
            "typo",
            "ml",
            "src/auth.py",
            "\n- ",
            "\n",
            "slack",
            "entire",
            "small",
            "kubernetes",
            "docs",
            "review",
            "C++",
            "?",
            "without downtime",
            "GDPR",
        ])
        .prop_map(str::to_owned),
        "[a-zä]{1,9}",
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_is_analysed(text in any::<String>(), labels in prop::collection::vec(any::<String>(), 0..4)) {
        check(&Brief { text, labels, files: Vec::new() });
    }

    #[test]
    fn any_brief_is_analysed_alike_each_time(text in brief_like(), file in "[a-z/.*]{0,20}") {
        let brief = Brief { text, labels: Vec::new(), files: vec![file] };
        prop_assert_eq!(check(&brief), check(&brief));
    }

    #[test]
    fn the_case_of_a_text_does_not_matter_to_its_size(text in brief_like()) {
        prop_assert_eq!(analyse(&text).complexity, analyse(&text.to_uppercase()).complexity);
    }
}

#[test]
fn an_operators_own_agent_is_found_by_its_file_alone() {
    let own = Agent {
        name: "sap-whisperer".into(),
        category: "specialist".into(),
        purpose: "speak with SAP".into(),
        when_to_use: vec!["An IDoc does not arrive".into()],
        keywords: vec!["sap".into(), "idoc".into()],
        file_globs: vec!["**/*.abap".into()],
        tools: vec![],
        risk: Risk::Medium,
        prompt: String::new(),
    };
    let catalog = Catalog::of(CATALOG.all().iter().cloned().chain([own]).collect());
    let analyst = OfflineAnalyst::new(Arc::new(catalog));
    for text in ["IDocs from SAP are missing", "look at z_orders.abap"] {
        assert_eq!(analyst.recommend(&Brief::of(text))[0].agent, "sap-whisperer", "{text}");
    }
}
