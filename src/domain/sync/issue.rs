//! What an event of GitHub tells of an issue, in the few fields that are kept the same.
//!
//! The names of fields are GitHub's (docs.github.com/webhooks/webhook-events-and-payloads#issues). Each is read leniently:
//! what is missing or of another shape is as if it were not told. A pull request is no issue here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use super::{COMPLETED, Field, NOT_PLANNED, OPEN, PRESENT, Stamp, Value};
use crate::domain::task::{LONGEST_TEXT, LONGEST_TITLE, check_label, check_title};
use crate::domain::time::Timestamp;

/// Which issue: by ids that stay when a repository is renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IssueId {
    /// GitHub's id of the repository.
    pub repository: u64,
    /// The number in it.
    pub number: u64,
}

/// Somebody at GitHub.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    /// Their id.
    pub id: u64,
    /// Their name in addresses.
    pub login: String,
    /// `User`, `Bot`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// An issue as it stood when something happened to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Issue {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    #[serde(deserialize_with = "lenient")]
    pub body: Option<String>,
    /// `open` or `closed`.
    pub state: String,
    /// Why it is closed.
    #[serde(deserialize_with = "lenient")]
    pub state_reason: Option<String>,
    /// Its labels.
    pub labels: Vec<Named>,
    /// Who has it.
    pub assignees: Vec<Account>,
    /// When it changed last, in ISO 8601.
    pub updated_at: String,
    /// Its page.
    pub html_url: String,
    /// Of a pull request, what it is as such.
    #[serde(skip_serializing_if = "Json::is_null")]
    pub pull_request: Json,
}

/// A label.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Named {
    /// Its name.
    pub name: String,
}

/// What became of a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It was written.
    Said,
    /// It has other words.
    Edited,
    /// It is gone.
    Deleted,
}

/// What somebody has said below it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Remark {
    /// GitHub's id of the comment.
    pub id: u64,
    /// The words.
    #[serde(deserialize_with = "lenient")]
    pub body: Option<String>,
    /// Its page.
    pub html_url: String,
    /// Who has written it.
    pub user: Account,
    /// When it was written, in ISO 8601.
    created_at: String,
    /// When it was written last.
    updated_at: String,
}

impl Remark {
    /// When it was written.
    #[must_use]
    pub fn made(&self) -> Timestamp {
        moment(&self.created_at).unwrap_or_default()
    }

    /// When it was written last.
    #[must_use]
    pub fn written(&self) -> Timestamp {
        moment(&self.updated_at).unwrap_or_default().max(self.made())
    }

    /// Whether it has words.
    #[must_use]
    pub fn has_words(&self) -> bool {
        self.body.as_deref().is_some_and(|body| !body.trim().is_empty())
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    Some(Timestamp(text.parse::<jiff::Timestamp>().ok()?.as_millisecond()))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Identified {
    id: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(deserialize_with = "lenient")]
    action: Option<String>,
    #[serde(deserialize_with = "lenient")]
    repository: Option<Identified>,
    #[serde(deserialize_with = "lenient")]
    issue: Option<Issue>,
    #[serde(deserialize_with = "lenient")]
    comment: Option<Remark>,
    #[serde(deserialize_with = "lenient")]
    label: Option<Named>,
    #[serde(deserialize_with = "lenient")]
    changes: Option<BTreeMap<String, Json>>,
    #[serde(deserialize_with = "lenient")]
    sender: Option<Account>,
}

/// A field that is of another shape is none.
fn lenient<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Option<T>, D::Error> {
    let json = Json::deserialize(field)?;
    Ok(T::deserialize(json).ok())
}

/// What an event tells of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which issue.
    pub id: IssueId,
    /// How it stood.
    pub issue: Issue,
    /// The fields that the event is about; the others stand as they stood then.
    pub about: BTreeSet<Field>,
    /// A comment, and what became of it.
    pub remark: Option<(Became, Remark)>,
    /// Who did it.
    pub sender: Account,
    /// When it changed last, as GitHub says.
    pub at: Timestamp,
}

/// Which issue, or pull request, the body of an event is about; nothing where it is about none. Nothing else of it is kept.
#[must_use]
pub fn id_of(body: &[u8]) -> Option<IssueId> {
    #[derive(Deserialize)]
    struct Numbered {
        number: u64,
    }
    #[derive(Deserialize)]
    struct Which {
        repository: Identified,
        issue: Numbered,
    }
    let which: Which = serde_json::from_slice(body).ok()?;
    Some(IssueId { repository: which.repository.id, number: which.issue.number })
}

/// Reads the body of an event; nothing where it tells of no issue.
#[must_use]
pub fn read(body: &[u8]) -> Option<Told> {
    told(serde_json::from_slice(body).ok()?)
}

/// The same, from JSON that is read.
#[must_use]
pub fn of_json(body: &Json) -> Option<Told> {
    told(Body::deserialize(body).ok()?)
}

fn told(body: Body) -> Option<Told> {
    let Body { action, repository, issue, comment, label, changes, sender } = body;
    let issue = issue.filter(|issue| issue.number > 0 && issue.pull_request.is_null())?;
    let id = IssueId { repository: repository?.id, number: issue.number };
    let at = moment(&issue.updated_at)?;
    let mut about = BTreeSet::new();
    match action.as_deref() {
        Some("edited") if comment.is_none() => {
            let changed = changes.unwrap_or_default();
            about.extend(changed.contains_key("title").then_some(Field::Title));
            about.extend(changed.contains_key("body").then_some(Field::Description));
        }
        Some("closed" | "reopened") => drop(about.insert(Field::Status)),
        Some("assigned" | "unassigned") => drop(about.insert(Field::Assignee)),
        Some("labeled" | "unlabeled") => {
            about.extend(label.and_then(|label| check_label(&label.name).ok()).map(Field::Label));
        }
        _ => {}
    }
    let became = match action.as_deref() {
        Some("created") => Some(Became::Said),
        Some("edited") => Some(Became::Edited),
        Some("deleted") => Some(Became::Deleted),
        _ => None,
    };
    let (remark, sender) = (became.zip(comment), sender.unwrap_or_default());
    Some(Told { id, issue, about, remark, sender, at })
}

impl Issue {
    /// Its fields as a task writes them, but for who has it. A label that no task can carry and a text that none can hold are
    /// left out.
    #[must_use]
    pub fn fields(&self) -> BTreeMap<Field, Value> {
        let state = match (self.state.as_str(), self.state_reason.as_deref()) {
            ("closed", Some("not_planned" | "duplicate")) => NOT_PLANNED,
            ("closed", _) => COMPLETED,
            _ => OPEN,
        };
        let title: String = self.title.chars().take(LONGEST_TITLE).collect();
        let mut fields = BTreeMap::from([(Field::Status, Some(state.to_owned()))]);
        fields.extend(check_title(&title).ok().map(|title| (Field::Title, Some(title))));
        let body = self.body.as_deref().unwrap_or_default().trim();
        if body.chars().count() <= LONGEST_TEXT {
            fields.insert(Field::Description, Some(body.to_owned()).filter(|body| !body.is_empty()));
        }
        let labels = self.labels.iter().filter_map(|label| check_label(&label.name).ok());
        fields.extend(labels.map(|label| (Field::Label(label), Some(PRESENT.to_owned()))));
        fields
    }
}

impl Told {
    /// What of it is kept beside a command that was given below the issue, in GitHub's form.
    #[must_use]
    pub fn excerpt(&self) -> Vec<u8> {
        let Self { id, issue, sender, .. } = self;
        let body = issue.body.clone().filter(|body| body.chars().count() <= LONGEST_TEXT);
        let issue = Issue { body, ..issue.clone() };
        serde_json::json!({"repository": {"id": id.repository}, "issue": issue, "sender": sender}).to_string().into()
    }

    /// Since when its fields stand so, at the latest.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp::of_issue(self.at)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_issue_is_read_with_what_the_event_is_about() {
        let body = json!({
            "action": "labeled", "label": {"name": "Bug"}, "repository": {"id": 7}, "sender": {"login": "ann", "id": 1001},
            "issue": {"number": 3, "title": " It  breaks ", "body": null, "state": "closed", "state_reason": "duplicate",
                "labels": [{"name": "Bug"}, {"name": "good first issue"}], "assignees": [{"id": 5, "login": "bob"}],
                "updated_at": "2026-11-27T10:00:01Z", "html_url": "https://github.com/a/b/issues/3"},
        });
        let told = read(body.to_string().as_bytes()).unwrap();
        assert_eq!(told.id, IssueId { repository: 7, number: 3 });
        assert_eq!(id_of(body.to_string().as_bytes()), Some(told.id));
        assert_eq!(told.remark, None);
        assert_eq!(told.about, BTreeSet::from([Field::Label("bug".into())]));
        assert_eq!(told.at, Timestamp(1_795_773_601_000));
        let fields = told.issue.fields();
        assert_eq!(fields[&Field::Status].as_deref(), Some(NOT_PLANNED));
        assert_eq!(fields[&Field::Title].as_deref(), Some("It breaks"));
        assert_eq!(fields[&Field::Label("bug".into())].as_deref(), Some(PRESENT));
        assert_eq!(fields.len(), 4, "no task carries a label with blanks: {fields:?}");
        assert_eq!(of_json(&body).as_ref(), Some(&told));
        let kept = read(&told.excerpt()).unwrap();
        assert_eq!((kept.id, kept.at, kept.issue.fields(), kept.sender), (told.id, told.at, fields, told.sender));
    }

    #[test]
    fn what_is_no_issue_tells_of_none_and_what_is_malformed_is_left_out() {
        let issue = json!({"number": 3, "state": "open", "updated_at": "2026-11-27T10:00:01Z"});
        for body in [
            json!({}),
            json!({"repository": {"id": 7}}),
            json!({"repository": {"id": 7}, "issue": {"number": "x"}}),
            json!({"repository": 7, "issue": issue}),
            json!({"repository": {"id": 7}, "issue": {"number": 3, "updated_at": "then"}}),
            json!({"repository": {"id": 7}, "issue": {"number": 3, "pull_request": {}, "updated_at": "2026-11-27T10:00:01Z"}}),
        ] {
            assert_eq!(of_json(&body), None, "{body}");
        }
        for body in [json!({}), json!({"issue": issue}), json!({"repository": {"id": 7}, "issue": {"number": "x"}})] {
            assert_eq!(id_of(body.to_string().as_bytes()), None, "{body}");
        }
        assert_eq!(id_of(b"no JSON"), None);
        let odd =
            json!({"action": 1, "repository": {"id": 7}, "issue": issue, "sender": "x", "comment": [], "changes": 1});
        assert!(of_json(&odd).is_some());
    }
}
