//! Events, looks and rings in all their orders: none is lost, none begins by an old file, none begins twice.

use serde_json::json;

use super::*;
use crate::domain::effect::{EffectEnd, Report};
use crate::domain::ids::{EffectId, EventId};
use crate::store::keyspace::run as runs;
use crate::tools::testing::{Desk, NOW};

const GOOD: &str = "auto_task_creation: {rules: [{trigger: issue_opened, task: {title_template: \"{issue.title}\"}}]}";
const ID: u64 = 7;

/// A desk at which events of GitHub arrive.
struct Shop {
    desk: Desk,
    workflows: Live,
}

impl Shop {
    fn new() -> Self {
        Self { desk: Desk::new(), workflows: Live::default() }
    }

    fn event(&self, name: &str, mut body: Value) -> Event {
        if !name.starts_with("installation") {
            body["repository"] = json!({"id": ID, "full_name": "acme/shop", "default_branch": "main"});
        }
        let mut event = self.desk.event(EventKind::platform(name.to_owned(), None));
        (event.what.channel, event.what.installation) = (ChannelName::GitHub, "31".to_owned());
        event.what.dedupe = vec![format!("github:delivery:{}", event.id)];
        event.what.raw = serde_json::to_vec(&body).unwrap().into();
        self.desk.write(events::forget(event.id).to_vec()).unwrap();
        self.desk.write(vec![events::put_event(&event)]).unwrap();
        event
    }

    fn decide(&self, event: &Event) -> Outcome {
        follows(event, &self.workflows, &self.desk.view, NOW).unwrap().unwrap_or_default()
    }

    /// Something happens; gives what follows, which is committed.
    fn happens(&self, name: &str, body: Value) -> Outcome {
        let outcome = self.decide(&self.event(name, body));
        self.desk.apply(&outcome).unwrap();
        outcome
    }

    fn opened(&self) -> Outcome {
        self.happens("issues.opened", json!({"issue": {"number": 1, "title": "x"}}))
    }

    fn pushed(&self) -> Outcome {
        let commit = json!({"added": [PATH], "modified": [], "removed": []});
        self.happens("push", json!({"ref": "refs/heads/main", "after": "c1", "commits": [commit]}))
    }

    /// A timer rings; what follows is committed.
    fn ring(&self, rest: &str, payload: &Value) -> Outcome {
        let outcome = self.desk.with(|ctx| rang(rest, payload, ctx, &self.workflows)).unwrap();
        self.desk.apply(&outcome).unwrap();
        outcome
    }

    fn answered(&self, look: u64, output: Value) -> Outcome {
        let end = EffectEnd::Called { platform_id: "acme/shop".to_owned(), via: "GET".to_owned(), output };
        let effect = EffectId { event: EventId(1), index: 0 };
        self.ring(&format!("{ID}/looked/{look}"), &json!(Report { effect, end }))
    }

    fn good(&self, look: u64) -> Outcome {
        self.answered(look, json!({"text": GOOD, "sha": "f00"}))
    }

    fn known(&self) -> Repository {
        rows::read(&self.desk.view, ID).unwrap().unwrap().value
    }

    fn begun(&self) -> usize {
        runs::newest::<Run>(&self.desk.view, None).count()
    }
}

/// The events for which timers were set, by their names.
fn rung(outcome: &Outcome) -> Vec<&str> {
    let names = outcome.timers.iter().map(|change| match change {
        TimerChange::Set { name, .. } | TimerChange::Clear { name } => name.as_str(),
    });
    names.filter_map(|name| name.strip_prefix("repository/7/")).collect()
}

#[test]
fn what_comes_before_the_file_is_known_waits_for_the_last_look_and_begins_once() {
    let shop = Shop::new();
    let first = shop.opened();
    assert_eq!(first.calls.len(), 1, "{first:?}");
    assert_eq!((first.calls[0].operation.as_str(), first.calls[0].to.place.as_str()), ("github.file", "acme/shop"));
    assert!(shop.opened().calls.is_empty(), "one fetch is for all");
    assert_eq!(shop.pushed().calls.len(), 1, "what is fetched may be old by now");
    shop.opened();
    let waiting = shop.known().waiting;
    assert_eq!(waiting.len(), 3);
    let old = shop.answered(1, json!({"missing": true}));
    assert!(old.summary.ends_with("is looked at once more") && rung(&old).is_empty(), "{old:?}");
    let answered = shop.good(2);
    let expected: Vec<String> = waiting.iter().map(|event| format!("event/{event}")).collect();
    assert_eq!(rung(&answered), expected);
    assert!(shop.known().waiting.is_empty() && shop.begun() == 0);
    for event in &waiting {
        let rang = shop.ring(&format!("{ID}/event/{event}"), &Value::Null);
        assert!(rang.summary.contains("`auto_task_creation_1` begins as R-"), "{rang:?}");
    }
    let again = shop.ring(&format!("{ID}/event/{}", waiting[0]), &Value::Null);
    assert!(again.summary.contains("has begun for it before, as R-1"), "{again:?}");
    assert!(shop.good(2).timers.is_empty(), "an answer that comes twice says nothing");
    let known = shop.opened();
    assert!(known.calls.is_empty() && known.summary.contains("begins as R-4"), "{known:?}");
    assert_eq!(shop.begun(), 4);
}

#[test]
fn an_event_that_is_decided_while_the_answer_lands_is_decided_anew() {
    let shop = Shop::new();
    shop.opened();
    let event = shop.event("issues.opened", json!({"issue": {"number": 2, "title": "y"}}));
    let late = shop.decide(&event);
    shop.good(1);
    assert!(matches!(shop.desk.apply(&late), Err(StoreError::Conflict)), "it would wait for ever");
    assert!(shop.decide(&event).summary.contains("begins as R-1"));
}

#[test]
fn what_is_wrong_begins_the_last_good_rules_and_what_is_gone_none() {
    let shop = Shop::new();
    shop.pushed();
    shop.good(1);
    shop.pushed();
    shop.answered(2, json!({"text": "actions: []", "sha": "bad"}));
    assert!(shop.opened().summary.contains("begins as R-1"));
    shop.pushed();
    shop.opened();
    let gone = shop.answered(3, json!({"missing": true}));
    assert!(rung(&gone).is_empty() && gone.told == ["events that have waited for it and begin nothing: 1"], "{gone:?}");
    assert_eq!(shop.opened(), Outcome::default());
    shop.happens("repository.deleted", json!({}));
    assert!(rows::read(&shop.desk.view, ID).unwrap().is_none());
    assert_eq!(shop.happens("repository.renamed", json!({})), Outcome::default(), "nothing is known of it");
}

#[test]
fn an_app_that_is_installed_anew_has_the_file_looked_at_when_an_event_needs_it() {
    let shop = Shop::new();
    shop.pushed();
    shop.good(1);
    let installed = shop.happens("installation.created", json!({"repositories": [{"id": ID}, {"id": 8}]}));
    assert!(installed.calls.is_empty() && shop.known().look == Look::Due, "{installed:?}");
    let opened = shop.opened();
    assert!(opened.calls.len() == 1 && shop.known().waiting.len() == 1 && shop.begun() == 0, "{opened:?}");
    shop.good(2);
    assert_eq!(shop.happens("repository.renamed", json!({})).calls.len(), 1);
}

#[test]
fn many_who_wait_are_rung_for_in_several_commits() {
    let shop = Shop::new();
    for _ in 0..MOST_RUNG + 3 {
        shop.opened();
    }
    let first = shop.good(1);
    assert_eq!((rung(&first).len(), rung(&first).last()), (MOST_RUNG + 1, Some(&"waiting")));
    let rest = shop.ring(&format!("{ID}/waiting"), &Value::Null);
    assert_eq!(rung(&rest).len(), 3, "{rest:?}");
    assert!(shop.known().waiting.is_empty());
}

#[test]
fn what_the_bot_did_itself_and_what_a_program_posts_begins_nothing() {
    let shop = Shop::new();
    let mut event = shop.event("issues.opened", json!({"issue": {"number": 1}}));
    let EventKind::Platform { own, .. } = &mut event.what.kind else { panic!("{event:?}") };
    *own = true;
    assert_eq!(shop.decide(&event), Outcome::default());
    event.tenant = TenantId::unclaimed();
    assert_eq!(shop.decide(&event), Outcome::default());
    let pull = shop.happens("pull_request.closed", json!({"pull_request": {"number": 2}}));
    assert_eq!(pull.calls.len(), 1, "the look; a pull request that is closed has no check");
}
