//! The fetch of a repository's file: when it is needed, what it has brought, and what is in use from then on.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::moved::reason;
use super::news::Named;
use super::{REPOSITORY, timer};
use crate::domain::effect::{EffectEnd, Report, Terms};
use crate::domain::event::{Address, ChannelName, Event};
use crate::domain::outcome::{Call, Outcome};
use crate::domain::time::Timestamp;
use crate::store::keyspace::repository::{self as rows, Good, Look, Place, Repository, Text, Wrong};
use crate::store::{StoreError, View};
use crate::workflow::mistake::Mistake;
use crate::workflow::repository_file::PATH;
use crate::workflow::set::{File, Live};

/// The operation that fetches a file.
const FILE: &str = "github.file";
/// After so long a file is tried again that could not be fetched: the App may have been given the permission.
const TRIES_AGAIN: Duration = Duration::from_secs(3600);

/// Bytes of such a file. Ours: 20 rules need a tenth of it, and each wording that runs stay on is kept.
const MOST_BYTES: usize = 64 * 1024;

/// A repository of which nothing is known.
pub(super) fn unknown(named: &Named) -> Repository {
    Repository {
        name: named.full_name.clone(),
        look: Look::Due,
        looks: 0,
        waiting: Vec::new(),
        good: None,
        wrong: None,
    }
}

/// Whether the file has to be looked at before an event may begin anything.
pub(super) fn is_due(it: &Repository, now: Timestamp) -> bool {
    match &it.look {
        Look::Due => true,
        Look::UnderWay { .. } => false,
        Look::Answered { at } => {
            it.wrong.as_ref().is_some_and(|wrong| wrong.unread.is_some()) && now.since(*at) >= TRIES_AGAIN
        }
    }
}

/// Begins a look at the default branch as it is, whichever event asks: events may come late, and out of their order. The
/// answers to earlier looks say nothing any more.
pub(super) fn begin(it: &mut Repository, named: &Named, event: &Event, commit: Option<String>) -> Call {
    it.looks += 1;
    it.name.clone_from(&named.full_name);
    it.look = Look::UnderWay { commit };
    let installation = event.what.installation.clone();
    let to = Address::at(ChannelName::GitHub, installation, named.full_name.clone());
    let to = Address { organisation: event.what.organisation.clone(), ..to };
    let args = json!({ "path": PATH, "most_bytes": MOST_BYTES });
    call(
        to,
        FILE,
        args,
        format!("{}@{}", timer(named.id, "look", it.looks), event.id),
        timer(named.id, "looked", it.looks),
    )
}

/// Fetches the file as it is in a commit of a pull request.
pub(super) fn at_commit(to: Address, sha: &str, reports: String) -> Call {
    let args = json!({ "path": PATH, "ref": sha, "most_bytes": MOST_BYTES });
    call(to, FILE, args, format!("{reports}@{sha}"), reports)
}

/// A call that only reads, whose end rings. It is tried as long as the outbox tries anything.
pub(super) fn call(to: Address, operation: &str, args: Value, key: String, reports: String) -> Call {
    let terms = Terms { key, again: false, once: false, within_ms: None, reports };
    Call { to, operation: operation.to_owned(), args, terms: Some(terms) }
}

/// What a fetch has brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The file.
    Text {
        /// Its text.
        text: String,
        /// The platform's name of its content.
        sha: String,
    },
    /// There is none.
    Missing,
    /// Why nobody knows, in words.
    Unread(String),
}

impl Answer {
    /// Reads the report of a fetch.
    pub(super) fn of(payload: &Value) -> Self {
        let report: Report = match serde_json::from_value(payload.clone()) {
            Ok(report) => report,
            Err(error) => return Self::Unread(error.to_string()),
        };
        let EffectEnd::Called { output, .. } = &report.end else { return Self::Unread(reason(&report.end)) };
        let text = |name: &str| output.get(name).and_then(Value::as_str).map(str::to_owned);
        match (text("text"), text("sha")) {
            (Some(text), Some(sha)) => Self::Text { text, sha },
            _ if output.get("missing").and_then(Value::as_bool) == Some(true) => Self::Missing,
            _ => Self::Unread("GitHub's answer has no file in it".to_owned()),
        }
    }
}

/// Takes what a look has brought: a good file is in use from here on, a file that is gone no longer, and one that is wrong
/// leaves the last good one where it is.
pub(super) fn take(
    id: u64,
    it: &mut Repository,
    answer: Answer,
    workflows: &Live,
    now: Timestamp,
    outcome: &mut Outcome,
) {
    let was = std::mem::replace(&mut it.look, Look::Answered { at: now });
    let commit = match was {
        Look::UnderWay { commit } => commit,
        Look::Due | Look::Answered { .. } => None,
    };
    let name = it.name.clone();
    outcome.summary = match answer {
        Answer::Missing => {
            (it.good, it.wrong) = (None, None);
            outcome.writes.push(rows::take_text(id));
            format!("{name} has no {PATH}")
        }
        Answer::Text { text, sha } => match workflows.read_for(&name, &text) {
            Ok(file) => {
                it.good = Some(Good { digest: file.digest.clone(), sha, commit });
                it.wrong = None;
                outcome.writes.push(rows::put_text(id, &Text { text }));
                format!("{PATH} of {name} is in use; rules: {}", file.workflows.len())
            }
            Err(mistakes) => {
                let first = mistakes.first().map(ToString::to_string).unwrap_or_default();
                let said = format!("{PATH} of {name} is not valid, so {}: {first}", stays(it));
                it.wrong = Some(Wrong { commit, unread: None, mistakes: mistakes.into_iter().map(place).collect() });
                said
            }
        },
        Answer::Unread(why) => {
            let said = format!("{PATH} of {name} could not be read, so {}: {why}", stays(it));
            it.wrong = Some(Wrong { commit, unread: Some(why), mistakes: Vec::new() });
            said
        }
    };
}

/// What is so while a file is wrong.
fn stays(it: &Repository) -> &'static str {
    if it.good.is_some() { "the last good one stays in use" } else { "nothing begins by it" }
}

fn place(Mistake { at, what }: Mistake) -> Place {
    Place { line: at.line, column: at.column, what }
}

/// The file of a repository that is in use; nothing where it has none.
///
/// # Errors
/// Where the store cannot be read, or another file took its place meanwhile.
pub(super) fn in_use(id: u64, it: &Repository, workflows: &Live, view: &View) -> Result<Option<Arc<File>>, StoreError> {
    let Some(good) = &it.good else { return Ok(None) };
    if let Some(file) = workflows.kept_read(&it.name, &good.digest) {
        return Ok(Some(file));
    }
    let Some(Text { text }) = rows::text(view, id)? else { return Err(StoreError::Conflict) };
    match workflows.read_for(&it.name, &text) {
        Ok(file) if file.digest == good.digest => Ok(Some(file)),
        Ok(_) => Err(StoreError::Conflict),
        Err(mistakes) => {
            let first = mistakes.first().map(ToString::to_string).unwrap_or_default();
            tracing::warn!(
                repository = it.name,
                mistake = first,
                "a file that was good is not valid with this program"
            );
            Ok(None)
        }
    }
}

/// The timer that goes on with those who wait, where they are too many for one commit.
pub(super) fn waiting(id: u64) -> String {
    format!("{REPOSITORY}/{id}/waiting")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::effect::FailedBy;
    use crate::domain::ids::{EffectId, EventId};

    const GOOD: &str = "auto_task_creation: {rules: [{trigger: issue_opened, task: {title_template: x}}]}";

    fn shop() -> Repository {
        unknown(&serde_json::from_value(json!({"id": 7, "full_name": "acme/shop"})).unwrap())
    }

    fn text(text: &str) -> Answer {
        Answer::Text { text: text.to_owned(), sha: "f00".to_owned() }
    }

    #[test]
    fn a_file_that_is_wrong_leaves_the_last_good_one_and_one_that_is_gone_does_not() {
        let (live, mut it, mut outcome) = (Live::default(), shop(), Outcome::default());
        let mut takes = |it: &mut Repository, answer: Answer| {
            it.look = Look::UnderWay { commit: Some("c0".to_owned()) };
            take(7, it, answer, &live, Timestamp(5), &mut outcome);
            outcome.summary.clone()
        };
        assert!(takes(&mut it, text("actions: []")).contains("nothing begins by it: line 1, column 1"));
        assert!(it.good.is_none() && it.wrong.as_ref().is_some_and(|wrong| wrong.mistakes[0].line == 1));
        assert!(takes(&mut it, text(GOOD)).contains("is in use; rules: 1"));
        let good = it.good.clone().unwrap();
        assert_eq!((good.sha.as_str(), good.commit.as_deref(), it.wrong.as_ref()), ("f00", Some("c0"), None));
        for answer in [text("auto_task_creation: 7"), Answer::Unread("path: it is no file".to_owned())] {
            assert!(takes(&mut it, answer).contains("the last good one stays in use"));
            assert!(it.good.as_ref() == Some(&good) && it.wrong.is_some());
        }
        assert!(!is_due(&it, Timestamp(6)) && is_due(&it, Timestamp(5).after(TRIES_AGAIN)));
        takes(&mut it, Answer::Missing);
        assert!(it.good.is_none() && it.wrong.is_none() && !is_due(&it, Timestamp(5).after(TRIES_AGAIN)));
    }

    #[test]
    fn what_came_of_a_fetch_is_read_from_its_report() {
        let effect = EffectId { event: EventId(1), index: 0 };
        let report = |end| json!(Report { effect, end });
        let called =
            |output| report(EffectEnd::Called { platform_id: "acme/shop".to_owned(), via: "GET".to_owned(), output });
        assert_eq!(Answer::of(&called(json!({"text": "a", "sha": "f00"}))), text("a"));
        assert_eq!(Answer::of(&called(json!({"missing": true}))), Answer::Missing);
        assert!(matches!(Answer::of(&called(json!({}))), Answer::Unread(_)));
        let failed = report(EffectEnd::Failed { by: FailedBy::Rejected, reason: "403".to_owned() });
        assert_eq!(Answer::of(&failed), Answer::Unread("403".to_owned()));
        assert!(matches!(Answer::of(&Value::Null), Answer::Unread(_)));
    }
}
