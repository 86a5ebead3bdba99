//! `policy explain`: the question, who is asked about, and the decision as it would really fall.
//!
//! Owns how what is known of a person is joined with what the question says of them; the question wins. What a
//! person may be stands in `actors/identify.rs`, the decision in `policy/`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::actors::identify::role_of;
use crate::commands;
use crate::config::people::{self, People};
use crate::domain::event::{ChannelName, Place, PlaceKind, PlatformUser};
use crate::domain::ids::TenantId;
use crate::domain::principal::{Role, Standing};
use crate::policy::{PolicySet, Request, Subject};
use crate::store::keyspace::person;
use crate::store::{StoreError, View};

/// The question. What it leaves out is looked up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    action: String,
    #[serde(default = "somebody")]
    person: String,
    #[serde(default)]
    role: Option<Role>,
    #[serde(default)]
    standing: Option<Standing>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    channel: Option<ChannelName>,
    #[serde(default)]
    place: Option<String>,
    #[serde(default)]
    shared: bool,
    #[serde(default)]
    tool: Option<String>,
}

fn somebody() -> String {
    "slack:T1/U1".to_owned()
}

/// Answers a question by a set, from what the store and the configuration know of the person.
///
/// # Errors
/// In words, where the question cannot be read or asks for what there is not.
pub(super) fn explain(question: &Value, set: &PolicySet, people: &People, view: &View) -> Result<Value, String> {
    let asked: Question = serde_json::from_value(question.clone()).map_err(|error| error.to_string())?;
    is_an_action(&asked.action)?;
    let user = people::user(&asked.person).ok_or_else(|| {
        format!("`{}` is no person; expected platform:workspace/user, such as slack:T024BE7LD/U024BE7LH", asked.person)
    })?;
    let (subject, by) = subject(&asked, &user, people, view).map_err(|error| error.to_string())?;
    let place = asked.place.as_ref().map(|id| Place { id: id.clone(), kind: PlaceKind::Unknown, shared: asked.shared });
    let tenant = TenantId::default_tenant();
    let request = Request {
        subject: &subject,
        action: &asked.action,
        tenant: &tenant,
        channel: asked.channel.unwrap_or(user.channel),
        place: place.as_ref(),
        tool: asked.tool.as_deref(),
    };
    let mut answer = json!(set.explain(&request));
    answer["subject"] = json!({
        "person": subject.id, "role": subject.role, "standing": subject.standing, "groups": subject.groups, "by": by,
    });
    Ok(answer)
}

/// Whether there is such an action.
fn is_an_action(name: &str) -> Result<(), String> {
    let actions = commands::actions();
    if actions.iter().any(|action| action.name == name) {
        return Ok(());
    }
    let alike = |known: &str| strsim::normalized_damerau_levenshtein(name, known);
    let nearest = actions.iter().map(|action| action.name).max_by(|a, b| alike(a).total_cmp(&alike(b)));
    Err(format!("there is no action `{name}`; the nearest is `{}`", nearest.unwrap_or_default()))
}

/// The person as the question and the bot's knowledge make them, and where that comes from.
fn subject(
    asked: &Question,
    user: &PlatformUser,
    people: &People,
    view: &View,
) -> Result<(Subject, &'static str), StoreError> {
    let record = person::record(view, user)?.map(|stored| stored.value);
    let stored = record.as_ref().map(|record| person::read(view, &record.principal)).transpose()?.flatten();
    // Whoever reaches the terminal or the API has proved it otherwise; no platform says how they stand.
    let at_home = matches!(user.channel, ChannelName::Terminal | ChannelName::Api);
    let by = match (asked.role.or(asked.standing.map(|_| Role::Member)), &record) {
        (Some(_), _) => "as the question says",
        (None, Some(_)) => "as the bot knows them",
        (None, None) if at_home => "as everybody there",
        (None, None) => "the bot has not met them: judged as a full member of the workspace",
    };
    let standing = asked.standing.unwrap_or(match (asked.role, &record) {
        (Some(Role::Guest), _) => Standing::Guest,
        (Some(_), _) | (None, None) => Standing::Member,
        (None, Some(record)) => record.profile.standing,
    });
    let role = asked.role.unwrap_or_else(|| role_of(people, user, standing, stored.map(|stored| stored.value.role)));
    let groups = if asked.groups.is_empty() {
        people.groups_of(user).into_iter().map(ToOwned::to_owned).collect()
    } else {
        asked.groups.clone()
    };
    Ok((Subject { id: user.to_string(), known: true, role, groups, standing }, by))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::PrincipalId;
    use crate::domain::outcome::Expect;
    use crate::domain::principal::{PersonRecord, Principal, Profile};
    use crate::domain::time::Timestamp;
    use crate::store::testing::in_memory;
    use crate::store::{Batch, Store};

    async fn store() -> Store {
        let store = in_memory();
        let mut batch = Batch::new();
        for (id, role, standing) in [
            ("UPAIRED", Role::Owner, Standing::Member),
            ("UGUEST", Role::Guest, Standing::Guest),
            ("UGONE", Role::Member, Standing::Deactivated),
        ] {
            let user = people::user(&format!("slack:T1/{id}")).unwrap();
            let principal = PrincipalId(format!("p-{id}").into());
            let profile = Profile { name: id.to_owned(), standing };
            let record = PersonRecord { principal: principal.clone(), profile, seen: Timestamp(1) };
            let person = Principal { id: principal, name: id.to_owned(), role, groups: Vec::new() };
            let tenant = TenantId::default_tenant();
            batch.write(&tenant, person::put_record(&user, &record));
            batch.writes(&tenant, person::put_person(&person, Expect::Any));
        }
        store.commit(batch).await.unwrap();
        store
    }

    #[tokio::test]
    async fn what_is_known_of_a_person_decides_and_the_question_wins() {
        let store = store().await;
        let view = store.view(&TenantId::default_tenant());
        let people: People =
            toml::from_str("owners = ['slack:T1/UNAMED']\nalert_pause_s = 900\n[groups]\nops = ['slack:T1/UPAIRED']")
                .unwrap();
        let set = PolicySet::embedded(&commands::actions()).unwrap();
        let ask = |question: Value| explain(&question, &set, &people, &view);
        let table = [
            (json!({"person": "slack:T1/UPAIRED"}), "owner", "member", "allow"),
            (json!({"person": "slack:T1/UPAIRED", "role": "guest"}), "guest", "guest", "deny"),
            (json!({"person": "slack:T1/UPAIRED", "standing": "guest"}), "guest", "guest", "deny"),
            (json!({"person": "slack:T1/UNAMED"}), "owner", "member", "allow"),
            (json!({"person": "slack:T1/UGUEST"}), "guest", "guest", "deny"),
            (json!({"person": "slack:T1/UGUEST", "role": "member"}), "member", "member", "allow"),
            (json!({"person": "slack:T1/UGONE"}), "guest", "deactivated", "deny"),
            (json!({"person": "slack:T1/UNKNOWN"}), "member", "member", "allow"),
            (json!({"person": "terminal:local/ada"}), "owner", "member", "allow"),
            (json!({}), "member", "member", "allow"),
        ];
        for (mut question, role, standing, verdict) in table {
            question["action"] = json!("task.create");
            let answer = ask(question.clone()).unwrap();
            let subject = &answer["subject"];
            assert_eq!((&subject["role"], &subject["standing"]), (&json!(role), &json!(standing)), "{question}");
            assert_eq!(answer["decision"]["verdict"], verdict, "{question}: {answer}");
        }
        let answer = ask(json!({"action": "help", "person": "slack:T1/UPAIRED"})).unwrap();
        assert_eq!(answer["subject"]["groups"], json!(["ops"]));
        let answer = ask(json!({"action": "help", "person": "slack:T1/UPAIRED", "groups": ["dev"]})).unwrap();
        assert_eq!(answer["subject"]["groups"], json!(["dev"]));
    }

    #[tokio::test]
    async fn what_there_is_not_is_refused_with_what_may_be_meant() {
        let store = store().await;
        let view = store.view(&TenantId::default_tenant());
        let set = PolicySet::embedded(&commands::actions()).unwrap();
        for (question, part) in [
            (json!({"action": "task.crate"}), "the nearest is `task.create`"),
            (json!({"action": "help", "person": "ada"}), "platform:workspace/user"),
            (json!({"action": "help", "rol": "owner"}), "rol"),
        ] {
            let refused = explain(&question, &set, &People::default(), &view).unwrap_err();
            assert!(refused.contains(part), "{refused}");
        }
    }
}
