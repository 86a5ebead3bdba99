//! Who and what is there when the world begins.
//!
//! One organisation with people of every role, two repositories in which the App is installed, and two in which it is not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::account::{Account, Kind, Role};
use super::app::{Installation, Level};
use super::repository::{Label, Repository, Workflow};
use crate::domain::time::Timestamp;

/// The App's id.
pub const APP_ID: u64 = 424_242;
/// The App's client id.
pub const CLIENT_ID: &str = "Iv23liSimAiCrm000001";
/// The App's name in addresses.
pub const SLUG: &str = "ai-crm";
/// The App's name.
pub const APP_NAME: &str = "AI-CRM";
/// The App's private key, in PEM. It is public and protects nothing.
pub const PRIVATE_KEY: &str = include_str!("app-key.pem");
/// The secret of the App's webhook. It is public and protects nothing.
pub const WEBHOOK_SECRET: &str = "sim-webhook-secret";
/// The id of the App's webhook.
pub const HOOK_ID: u64 = 530_001;
/// The account as which the App acts.
pub const BOT: u64 = 160_000_001;

/// The organisation `acme`.
pub const ORGANISATION: u64 = 9_000_001;
/// An account in which the App is not installed.
const ELSEWHERE: u64 = 9_000_002;
/// `ann`, who administers everything.
pub const ANN: u64 = 1001;
/// `eve`, who has no role anywhere.
pub const EVE: u64 = 1006;
/// Another App's account.
const OTHER_BOT: u64 = 49_699_333;

/// The installation in `acme`.
pub const INSTALLATION: u64 = 31_000_001;
/// `acme/shop`, public.
pub const SHOP: u64 = 700_000_001;
/// `acme/vault`, private.
pub const VAULT: u64 = 700_000_002;

/// What the App may do where it is installed.
const PERMISSIONS: [(&str, Level); 8] = [
    ("actions", Level::Write),
    ("checks", Level::Write),
    ("contents", Level::Read),
    ("issues", Level::Write),
    ("members", Level::Read),
    ("metadata", Level::Read),
    ("pull_requests", Level::Write),
    ("statuses", Level::Write),
];

/// Labels that GitHub gives a new repository, with their colours.
const LABELS: [(&str, &str); 9] = [
    ("bug", "d73a4a"),
    ("documentation", "0075ca"),
    ("duplicate", "cfd3d7"),
    ("enhancement", "a2eeef"),
    ("good first issue", "7057ff"),
    ("help wanted", "008672"),
    ("invalid", "e4e669"),
    ("question", "d876e3"),
    ("wontfix", "ffffff"),
];

/// The accounts.
pub(super) fn accounts(bot: String) -> BTreeMap<u64, Account> {
    let people = ["ann", "bob", "cleo", "dan", "mia"].into_iter().zip(ANN..).map(|(login, id)| (id, login.to_owned()));
    let people = people.chain([(EVE, "eve".to_owned())]).map(|(id, login)| (id, login, Kind::User));
    let others = [
        (ORGANISATION, "acme".to_owned(), Kind::Organization),
        (ELSEWHERE, "globex".to_owned(), Kind::Organization),
        (BOT, bot, Kind::Bot),
        (OTHER_BOT, "dependabot[bot]".to_owned(), Kind::Bot),
    ];
    people.chain(others).map(|(id, login, kind)| (id, Account { id, login, kind })).collect()
}

/// The members of the organisation: all people but `eve`.
pub(super) fn members() -> BTreeSet<u64> {
    (ANN..EVE - 1).collect()
}

/// The repositories.
pub(super) fn repositories(now: Timestamp) -> BTreeMap<u64, Repository> {
    let all = [
        (SHOP, ORGANISATION, "acme/shop", false),
        (VAULT, ORGANISATION, "acme/vault", true),
        (VAULT + 1, ORGANISATION, "acme/attic", true),
        (VAULT + 2, ELSEWHERE, "globex/site", false),
    ];
    let made = all.into_iter().map(|(id, owner, name, private)| (id, repository(id, owner, name, private, now)));
    made.collect()
}

/// A repository as GitHub makes it, with the roles of the world's people.
pub(super) fn repository(id: u64, owner: u64, full_name: &str, private: bool, now: Timestamp) -> Repository {
    let roles = [Role::Admin, Role::Write, Role::Triage, Role::Read, Role::Maintain];
    let labels = LABELS.into_iter().zip(id * 100..).map(|((name, color), id)| {
        let (name, color) = (name.to_owned(), color.to_owned());
        Label { id, name, color, description: None }
    });
    let inputs = BTreeMap::from([("environment".to_owned(), false)]);
    Repository {
        id,
        owner,
        full_name: full_name.to_owned(),
        private,
        archived: false,
        has_issues: true,
        default_branch: "main".to_owned(),
        roles: if owner == ORGANISATION { (ANN..).zip(roles).collect() } else { BTreeMap::new() },
        labels: labels.collect(),
        milestones: Vec::new(),
        issues: BTreeMap::new(),
        deleted: Vec::new(),
        comments: BTreeMap::new(),
        branches: BTreeMap::new(),
        commits: BTreeMap::new(),
        check_runs: BTreeMap::new(),
        statuses: VecDeque::new(),
        workflows: vec![Workflow { id: id + 1, file: "deploy.yml".to_owned(), inputs }],
        created_at: now,
    }
}

/// The installation in `acme`.
pub(super) fn installation(now: Timestamp) -> Installation {
    let events = super::hook::EVENTS.iter().map(|event| (*event).to_owned());
    Installation {
        id: INSTALLATION,
        account: ORGANISATION,
        repositories: Some(BTreeSet::from([SHOP, VAULT])),
        permissions: PERMISSIONS.into_iter().map(|(name, level)| (name.to_owned(), level)).collect(),
        events: events.collect(),
        suspended_at: None,
        created_at: now,
        updated_at: now,
    }
}
