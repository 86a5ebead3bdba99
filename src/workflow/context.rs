//! What is known of an event, and the names by which conditions and templates find it: the scope.
//!
//! The one place of aliases. A payload's fields stand at the root by their own names, below them in the tables what
//! people call them; a further alias is a line in [`ALIASES`], a field that all of a kind have one in [`FIELDS`]. What
//! runs add (`steps`, `vars`, `run`, …) has the names in [`RESERVED`], which no payload takes. Nothing here is secret,
//! and nothing is fetched: people on other platforms, and the files of a change, are what the caller has put in.
//!
//! | at the root | is |
//! |---|---|
//! | `event` | `platform`, `name`, `delivery_id`, `at`, `inputs`, `payload` |
//! | `issue`, `pr`, `comment`, `review`, `release`, `repo` | the payload's object; `url` is the page that people open, `author` who wrote it |
//! | `labels`, `assignee` | those of the issue or the pull request |
//! | `sender`, `changes`, … | every other field of the payload |
//! | `pr.author.teams_id`, `sender.slack_id`, … | what is known of a person of that platform ([`Told::people`]) |
//! | `files_changed` | paths of files; `null` where the event is about none, absent until they were fetched |
//! | `task` | the task that a step made, or of which a task's event tells |
//! | `steps.<id>` | `output`, `status`, `approved`, `by`, `error` |
//! | `vars`, `run.{id,key,attempt}`, `workflow.{name,version}`, `error.{step,message}`, `now` | of the run |
//! | `began` | while an event is awaited: the scope of the event that began the run |

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::domain::event::{ChannelName, Event, EventKind};
use crate::domain::time::Timestamp;
use crate::workflow::condition::FILES_CHANGED;
use crate::workflow::scope::Path;
use crate::workflow::size::bounded;

/// As much of a payload is kept with a run, as JSON in bytes. GitHub's events have 10 to 30 KB.
const MOST_OF_A_PAYLOAD: usize = 262_144;
/// As much of what somebody filled in.
const MOST_OF_INPUTS: usize = 65_536;
/// People of an event of whom more may be known: its author, its sender, its assignee, whose review is asked for.
const MOST_PEOPLE: usize = 20;

/// Names at the root that no payload takes.
pub const RESERVED: &[&str] = &["event", "steps", "vars", "run", "workflow", "error", "now", "began", FILES_CHANGED];

/// Platform, alias, and where in the payload that may stand: the first that is there counts.
pub const ALIASES: &[(&str, &str, &[&str])] = &[
    ("github", "pr", &["pull_request"]),
    ("github", "repo", &["repository"]),
    ("github", "labels", &["issue.labels", "pull_request.labels"]),
    ("github", "assignee", &["assignee", "issue.assignee", "pull_request.assignee"]),
    ("github", "reviewer", &["requested_reviewer"]),
    ("slack", "message", &["event"]),
    ("slack", "text", &["event.text"]),
    ("slack", "user", &["event.user"]),
    ("slack", "channel", &["event.channel", "event.item.channel"]),
    ("slack", "reaction", &["event.reaction"]),
    ("teams", "user", &["from"]),
    ("teams", "channel", &["conversation"]),
    ("teams", "reaction", &["reactionsAdded[0].type"]),
];

/// Platform, object at the root, its field, and the field of the payload from which it comes. GitHub's `url` is an
/// address of its API, which no person opens.
pub const FIELDS: &[(&str, &[&str], &str, &str)] = &[
    ("github", &["issue", "pr", "comment", "review", "release", "repo", "discussion"], "url", "html_url"),
    ("github", &["issue", "pr", "comment", "review", "discussion"], "author", "user"),
];

/// Fields at the root of payloads by which a platform proves itself: no rule sees them.
const SECRETS: &[(ChannelName, &str)] = &[(ChannelName::Slack, "token"), (ChannelName::Slack, "authorizations")];

/// Where people stand at the root, of whom more may be known than the payload says.
const PEOPLE: &[&str] = &[
    "sender",
    "assignee",
    "reviewer",
    "issue.author",
    "pr.author",
    "comment.author",
    "review.author",
    "release.author",
];

/// Platform and fields at the root with which an event tells of files that it changes, and does not name them.
const HAS_FILES: &[(&str, &str)] = &[("github", "pull_request")];

/// What is known of an event: what of it is kept with a run, and all that conditions and templates see of it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Which platform tells of it.
    pub platform: String,
    /// What it is called there: `issues.opened`.
    pub name: String,
    /// The platform's own id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<String>,
    /// When it happened.
    pub at: Timestamp,
    /// The platform's JSON, as much of it as is kept.
    pub payload: Value,
    /// Whether some of that was cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
    /// What somebody filled in who began it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
    /// What else is known of people of the event, by their ids on its platform: `teams_id`, `slack_id`, `name`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub people: BTreeMap<String, Map<String, Value>>,
    /// The files that it changes, or an object with an `error`, once they were fetched ([`FILES_CHANGED`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_changed: Option<Value>,
}

/// What stands for the platform of a start by hand; its event is called as the workflow.
pub const MANUAL: &str = "manual";
/// What stands for the platform of a call of another service; its event is called by the id of the webhook.
pub const WEBHOOK: &str = "webhook";

/// The platform and the name of an event by which workflows may begin. What comes by our own API is called
/// `manual.NAME` and `webhook.ID`.
#[must_use]
pub fn named(event: &Event) -> Option<(&str, &str)> {
    let EventKind::Platform { name, .. } = &event.what.kind else { return None };
    match event.what.channel {
        ChannelName::Api => name.split_once('.'),
        channel => Some((channel.as_str(), name)),
    }
}

impl Told {
    /// An event of a platform. Its payload is cut to what is kept.
    #[must_use]
    pub fn new(platform: &str, name: &str, payload: Value, at: Timestamp) -> Self {
        let (payload, is_cut) = bounded(payload, MOST_OF_A_PAYLOAD);
        Self {
            platform: platform.to_owned(),
            name: name.to_owned(),
            delivery_id: None,
            at,
            payload,
            is_cut,
            inputs: Map::new(),
            people: BTreeMap::new(),
            files_changed: None,
        }
    }

    /// What an event of a platform tells, which is called `name` there.
    #[must_use]
    pub fn of(event: &Event, platform: &str, name: &str) -> Self {
        // What is no JSON has been refused before; an event without a body tells of its name alone.
        let mut payload: Value = serde_json::from_slice(&event.what.raw).unwrap_or(Value::Null);
        if let Some(fields) = payload.as_object_mut() {
            SECRETS.iter().filter(|(platform, _)| *platform == event.what.channel).for_each(|(_, field)| {
                fields.remove(*field);
            });
        }
        let inputs = match &event.what.kind {
            EventKind::Platform { posted: Some(posted), .. } => posted.inputs.clone(),
            _ => Map::new(),
        };
        let told = Self::new(platform, name, payload, event.what.happened.unwrap_or(event.at)).with_inputs(inputs);
        match event.what.dedupe.first().and_then(|key| key.rsplit(':').next()) {
            Some(delivery) => told.delivered_as(delivery),
            None => told,
        }
    }

    /// Whether nothing of what its platform said can be read, as where a text in it is no Unicode: then no rule can judge it.
    #[must_use]
    pub fn is_unreadable(&self, event: &Event) -> bool {
        self.payload.is_null() && !event.what.raw.is_empty()
    }

    /// The same with the platform's own id of it.
    #[must_use]
    pub fn delivered_as(mut self, id: impl Into<String>) -> Self {
        self.delivery_id = Some(id.into());
        self
    }

    /// The same with what somebody filled in.
    #[must_use]
    pub fn with_inputs(mut self, inputs: Map<String, Value>) -> Self {
        if let (Value::Object(inputs), _) = bounded(Value::Object(inputs), MOST_OF_INPUTS) {
            self.inputs = inputs;
        }
        self
    }

    /// The ids of the people in it, on its platform: whoever knows more of them puts it into [`Self::people`].
    #[must_use]
    pub fn person_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = PEOPLE.iter().filter_map(|path| person_id(self.person(path)?)).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(MOST_PEOPLE);
        ids
    }

    /// A person of [`PEOPLE`], as the payload has them: what the scope has there, without a copy of all of it.
    fn person(&self, path: &str) -> Option<&Value> {
        let (root, field) = path.split_once('.').map_or((path, None), |(root, field)| (root, Some(field)));
        let aliases = ALIASES.iter().filter(|(platform, alias, _)| *platform == self.platform && *alias == root);
        let mut paths = aliases.flat_map(|(_, _, paths)| *paths);
        let meant = paths.find_map(|path| Path::read(path).ok()?.of(&self.payload));
        let object = meant.or_else(|| self.payload.get(root))?;
        let Some(field) = field else { return Some(object) };
        let mut fields = FIELDS.iter().filter(|(platform, _, name, _)| *platform == self.platform && *name == field);
        let meant = fields.find(|(_, objects, ..)| objects.contains(&root));
        meant.and_then(|(_, _, _, from)| object.get(*from)).or_else(|| object.get(field))
    }

    /// What stands at the root of the scope of this event alone.
    #[must_use]
    pub fn scope(&self) -> Map<String, Value> {
        let mut root = match &self.payload {
            Value::Object(fields) => fields.clone(),
            _ => Map::new(),
        };
        RESERVED.iter().for_each(|name| drop(root.remove(*name)));
        let of_platform = ALIASES.iter().filter(|(platform, ..)| *platform == self.platform);
        for (_, alias, paths) in of_platform {
            let found = paths.iter().find_map(|path| Path::read(path).ok()?.of(&self.payload).cloned());
            root.extend(found.map(|found| ((*alias).to_owned(), found)));
        }
        for (_, objects, field, from) in FIELDS.iter().filter(|(platform, ..)| *platform == self.platform) {
            for object in *objects {
                let Some(Value::Object(object)) = root.get_mut(*object) else { continue };
                let found = object.get(*from).cloned();
                object.extend(found.map(|found| ((*field).to_owned(), found)));
            }
        }
        let mut root = Value::Object(root);
        PEOPLE.iter().for_each(|path| self.add_what_is_known(&mut root, path));
        let Value::Object(mut root) = root else { return Map::new() };
        root.insert("event".to_owned(), self.event());
        root.extend(self.files().map(|files| (FILES_CHANGED.to_owned(), files)));
        root
    }

    fn event(&self) -> Value {
        json!({
            "platform": self.platform, "name": self.name, "delivery_id": self.delivery_id,
            "at": self.at.to_string(), "inputs": self.inputs, "payload": self.payload,
        })
    }

    /// The files that it changes; nothing where they would have to be fetched.
    fn files(&self) -> Option<Value> {
        if self.files_changed.is_some() {
            return self.files_changed.clone();
        }
        // A push names the files of each commit.
        if let Some(commits) = self.payload.get("commits").and_then(Value::as_array) {
            let lists = ["added", "modified", "removed"];
            let named = commits.iter().flat_map(|commit| lists.iter().filter_map(|list| commit.get(*list)?.as_array()));
            let mut files: Vec<&str> = named.flatten().filter_map(Value::as_str).collect();
            files.sort_unstable();
            files.dedup();
            return Some(json!(files));
        }
        let has_files = |(platform, field): &(&str, &str)| {
            *platform == self.platform && self.payload.get(*field).is_some_and(Value::is_object)
        };
        if HAS_FILES.iter().any(has_files) { None } else { Some(Value::Null) }
    }

    fn add_what_is_known(&self, root: &mut Value, path: &str) {
        let person = path.split('.').try_fold(root, |value, name| value.get_mut(name));
        let Some(person) = person else { return };
        let Some(known) = person_id(person).and_then(|id| self.people.get(&id)) else { return };
        let Value::Object(person) = person else { return };
        for (name, value) in known {
            person.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

impl fmt::Debug for Told {
    /// Without what it says, which is somebody's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.platform, self.name)
    }
}

fn person_id(person: &Value) -> Option<String> {
    match person.get("id")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(payload: Value) -> Told {
        Told::new("github", "issues.opened", payload, Timestamp(0)).delivered_as("d-1")
    }

    fn at(told: &Told, path: &str) -> Option<Value> {
        Path::read(path).unwrap().of(&Value::Object(told.scope())).cloned()
    }

    #[test]
    fn an_issue_is_found_by_all_its_names() {
        let payload = json!({
            "action": "opened", "sender": {"id": 7, "login": "mia"}, "vars": {"token": "x"}, "steps": 1,
            "issue": {"number": 3, "url": "api", "html_url": "page", "user": {"id": 7, "login": "mia"},
                      "labels": [{"name": "bug"}], "assignee": null},
            "repository": {"full_name": "acme/shop", "html_url": "page of it"},
        });
        let mut told = told(payload);
        told.people.insert(
            "7".to_owned(),
            Map::from_iter([("teams_id".to_owned(), "29:x".into()), ("id".to_owned(), 9.into())]),
        );
        for (path, wanted) in [
            ("issue.url", Some(json!("page"))),
            ("issue.author.login", Some(json!("mia"))),
            ("issue.author.teams_id", Some(json!("29:x"))),
            ("issue.author.id", Some(json!(7))),
            ("sender.teams_id", Some(json!("29:x"))),
            ("issue.user.teams_id", None),
            ("labels[0].name", Some(json!("bug"))),
            ("assignee", Some(json!(null))),
            ("repo.full_name", Some(json!("acme/shop"))),
            ("repo.url", Some(json!("page of it"))),
            ("event.platform", Some(json!("github"))),
            ("event.delivery_id", Some(json!("d-1"))),
            ("event.payload.issue.url", Some(json!("api"))),
            ("files_changed", Some(json!(null))),
            ("action", Some(json!("opened"))),
            ("pr", None),
            ("vars", None),
            ("steps", None),
        ] {
            assert_eq!(at(&told, path), wanted, "{path}");
        }
        assert_eq!(told.person_ids(), ["7"]);
    }

    #[test]
    fn what_cannot_be_read_is_known() {
        let event = |raw: &str| Event {
            id: crate::domain::ids::EventId(1),
            tenant: crate::domain::ids::TenantId::default_tenant(),
            at: Timestamp(0),
            what: crate::domain::event::Incoming {
                raw: raw.to_owned().into(),
                ..crate::tools::testing::Desk::new().event(EventKind::platform("issues.opened", None)).what
            },
        };
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for (raw, is_unreadable) in
            [("{}", false), ("", false), (r#"{"a":"\ud800"}"#, true), (r#"{"a":1e400}"#, true), (&deep, true)]
        {
            let event = event(raw);
            assert_eq!(Told::of(&event, "github", "issues.opened").is_unreadable(&event), is_unreadable, "{raw}");
        }
    }

    #[test]
    fn a_person_is_found_where_the_scope_has_them() {
        let of = |payload: Value| [told(payload.clone()), Told::new("slack", "message", payload, Timestamp(0))];
        let (ann, bob) = (json!({"id": 1, "login": "ann"}), json!({"id": "U2"}));
        let payloads = [
            json!({"sender": ann, "issue": {"user": bob, "author": ann}, "pr": {"author": ann}}),
            json!({"issue": {"user": null, "author": ann}, "pull_request": {"user": ann, "assignee": bob}}),
            json!({"assignee": null, "issue": {"assignee": ann}, "pull_request": {"assignee": bob}, "reviewer": bob}),
            json!({"issue": [ann], "comment": {"author": bob}, "requested_reviewer": ann, "review": "x", "user": 3}),
            json!({"release": {"author": ann}, "sender": {"id": null}, "event": {"user": "U1"}}),
            json!([ann]),
            json!(null),
        ];
        for told in payloads.into_iter().flat_map(of) {
            let scope = Value::Object(told.scope());
            for path in PEOPLE {
                let wanted = Path::read(path).unwrap().of(&scope).and_then(person_id);
                assert_eq!(told.person(path).and_then(person_id), wanted, "{path} of {}", told.payload);
            }
        }
    }

    #[test]
    fn files_are_fetched_for_pull_requests_alone() {
        let pull = told(json!({"pull_request": {"number": 1, "assignee": {"login": "a"}, "labels": []}}));
        assert_eq!(at(&pull, "files_changed"), None);
        assert_eq!(at(&pull, "assignee.login"), Some(json!("a")));
        let with = Told { files_changed: Some(json!(["a.py"])), ..pull };
        assert_eq!(at(&with, "files_changed"), Some(json!(["a.py"])));
        let push = told(json!({"commits": [{"added": ["b"], "modified": ["a"]}, {"removed": ["a"]}]}));
        assert_eq!(at(&push, "files_changed"), Some(json!(["a", "b"])));
    }

    #[test]
    fn a_payload_is_cut_and_never_shown_to_a_log() {
        let large = told(json!({"issue": {"body": "x".repeat(1_000_000), "title": "secret"}}));
        assert!(large.is_cut && crate::workflow::size::size_of(&large.payload) <= MOST_OF_A_PAYLOAD);
        assert_eq!(format!("{large:?}"), "github/issues.opened");
        assert!(told(json!("no object")).scope().contains_key("event"));
    }
}
