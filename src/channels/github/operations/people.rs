//! `github.assign` and `github.request_reviewers`: who is to work on an issue or a pull request, and who is to look at it.
//! Calls: docs.github.com/rest/issues/assignees, docs.github.com/rest/pulls/review-requests.

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Scene;
use crate::channels::github::client::Ask;
use crate::channels::github::repository::refused;
use crate::channels::{DeliverError, Lookup};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assigning {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

#[derive(Deserialize)]
struct Person {
    login: String,
}

/// Output: `{assignees: [login]}`, all whom it has now, since GitHub leaves out in silence whom it does not take.
pub(super) async fn assign(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    #[derive(Deserialize)]
    struct Issue {
        #[serde(default)]
        assignees: Vec<Person>,
    }
    let Assigning { add, remove } = scene.args()?;
    if add.is_empty() && remove.is_empty() {
        return Err(refused("add", "it names nobody, and `remove` neither"));
    }
    let path = scene.issue("/assignees")?;
    let mut asks = Vec::new();
    if !add.is_empty() {
        asks.push(Ask::post(&*path, json!({ "assignees": add })));
    }
    if !remove.is_empty() {
        asks.push(Ask::act(Method::DELETE, &*path, json!({ "assignees": remove })));
    }
    let mut assignees = Vec::new();
    for ask in asks {
        let issue: Option<Issue> = scene.done(ask).await?.read();
        assignees = issue.map(|issue| issue.assignees).unwrap_or_default();
    }
    let assignees: Vec<String> = assignees.into_iter().map(|person| person.login).collect();
    Ok(json!({ "assignees": assignees }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reviewing {
    #[serde(default)]
    people: Vec<String>,
    #[serde(default)]
    teams: Vec<String>,
}

fn reviewing(scene: &Scene<'_>) -> Result<(Reviewing, String), DeliverError> {
    let args: Reviewing = scene.args()?;
    if args.people.is_empty() && args.teams.is_empty() {
        return Err(refused("people", "it names nobody, and `teams` neither"));
    }
    Ok((args, scene.pull_request("/requested_reviewers")?))
}

pub(super) async fn request_reviewers(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    let (Reviewing { people, teams }, path) = reviewing(scene)?;
    let body = json!({ "reviewers": people, "team_reviewers": teams });
    scene.done(Ask::post(path, body).that_notifies()).await?;
    Ok(json!({}))
}

/// They are asked already. Who has looked in the meantime is asked again, which nobody can tell from a new request.
pub(super) async fn look_for_reviewers(scene: &Scene<'_>) -> Result<Lookup<Value>, DeliverError> {
    #[derive(Deserialize)]
    struct Team {
        slug: String,
    }
    #[derive(Deserialize)]
    struct Asked {
        #[serde(default)]
        users: Vec<Person>,
        #[serde(default)]
        teams: Vec<Team>,
    }
    let (wanted, path) = reviewing(scene)?;
    let asked: Asked = scene.read(path).await?;
    let has_person = |login: &String| asked.users.iter().any(|person| person.login.eq_ignore_ascii_case(login));
    let has_team = |slug: &String| asked.teams.iter().any(|team| team.slug.eq_ignore_ascii_case(slug));
    let all = wanted.people.iter().all(has_person) && wanted.teams.iter().all(has_team);
    Ok(if all { Lookup::Done(json!({})) } else { Lookup::NotDone })
}
