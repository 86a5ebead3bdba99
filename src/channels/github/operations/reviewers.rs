//! `github.request_reviewers`: who is to look at a pull request. They are named, or chosen among several by how much each has
//! to look at already.
//! Calls: docs.github.com/rest/pulls/review-requests, docs.github.com/rest/pulls/pulls ("list pull requests").

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Scene;
use super::people::Person;
use crate::channels::github::client::Ask;
use crate::channels::github::repository::refused;
use crate::channels::{DeliverError, Lookup};

/// Open pull requests of a page, of which GitHub gives no more, and pages that are read, the newest first. Reviews of older
/// ones are not counted.
const PAGE: usize = 100;
const MOST_PAGES: usize = 5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reviewing {
    #[serde(default)]
    people: Vec<String>,
    #[serde(default)]
    teams: Vec<String>,
    /// Of these some are chosen.
    #[serde(default)]
    among: Vec<String>,
    /// So many.
    #[serde(default = "one")]
    count: usize,
    /// Nobody is chosen who has so many reviews to do in the repository.
    #[serde(default)]
    most_open: Option<usize>,
}

fn one() -> usize {
    1
}

/// A pull request, as far as it says who is to look at it.
#[derive(Deserialize)]
struct Pull {
    #[serde(default)]
    number: u64,
    #[serde(default)]
    user: Option<Person>,
    #[serde(default)]
    requested_reviewers: Vec<Person>,
}

/// Who is chosen, and why.
struct Choice {
    logins: Vec<String>,
    why: String,
}

fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

fn reviewing(scene: &Scene<'_>) -> Result<(Reviewing, String), DeliverError> {
    let args: Reviewing = scene.args()?;
    if args.people.is_empty() && args.teams.is_empty() && args.among.is_empty() {
        return Err(refused("people", "it names nobody, and `teams` and `among` neither"));
    }
    Ok((args, scene.pull_request("/requested_reviewers")?))
}

/// Output: `{asked: [login], why}`, all people who are asked by it.
pub(super) async fn perform(scene: &Scene<'_>) -> Result<Value, DeliverError> {
    let (args, path) = reviewing(scene)?;
    let choice = match args.among.is_empty() {
        true => Choice { logins: Vec::new(), why: "named by the rule".to_owned() },
        false => choose(scene, &args).await?,
    };
    let asked = [args.people, choice.logins].concat();
    if !asked.is_empty() || !args.teams.is_empty() {
        let body = json!({ "reviewers": asked, "team_reviewers": args.teams });
        scene.done(Ask::post(path, body).that_notifies()).await?;
    }
    Ok(json!({ "asked": asked, "why": choice.why }))
}

/// They are asked already. Who has looked in the meantime is asked again, which nobody can tell from a new request.
pub(super) async fn look_up(scene: &Scene<'_>) -> Result<Lookup<Value>, DeliverError> {
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
    let has_person = |login: &&String| asked.users.iter().any(|person| is_same(&person.login, login));
    let has_team = |slug: &String| asked.teams.iter().any(|team| is_same(&team.slug, slug));
    let chosen: Vec<&String> = wanted.among.iter().filter(has_person).collect();
    let all = wanted.people.iter().all(|login| has_person(&login)) && wanted.teams.iter().all(has_team);
    if !all || (!wanted.among.is_empty() && chosen.len() < wanted.count) {
        return Ok(Lookup::NotDone);
    }
    let asked: Vec<&String> = wanted.people.iter().chain(chosen).collect();
    Ok(Lookup::Done(json!({ "asked": asked, "why": "they are asked already" })))
}

/// Those with the fewest open reviews, in the order in which they are named where several have as many. Who has opened it is
/// not asked, since GitHub refuses that.
async fn choose(scene: &Scene<'_>, args: &Reviewing) -> Result<Choice, DeliverError> {
    let this: Pull = scene.read(scene.pull_request("")?).await?;
    let open = open_reviews(scene, this.number).await?;
    let count = |login: &str| open.get(&login.to_lowercase()).copied().unwrap_or_default();
    let author = this.user.as_ref().map(|user| user.login.as_str()).unwrap_or_default();
    let is_asked = |login: &str| this.requested_reviewers.iter().any(|person| is_same(&person.login, login));
    let most = args.most_open.unwrap_or(usize::MAX);
    let among = each_once(&args.among);
    let asked = among.iter().filter(|login| is_asked(login)).count();
    let mut free: Vec<&String> =
        among.iter().copied().filter(|login| !is_asked(login) && !is_same(login, author)).collect();
    free.retain(|login| count(login) < most);
    free.sort_by_key(|login| count(login));
    let logins: Vec<String> = free.into_iter().take(args.count.saturating_sub(asked)).cloned().collect();
    let said: Vec<String> = among.iter().map(|login| format!("{login} {}", count(login))).collect();
    let bound = args.most_open.map(|most| format!("; nobody who has {most} or more is asked")).unwrap_or_default();
    let why = format!("open reviews: {}{bound}", said.join(", "));
    if logins.is_empty() && asked == 0 {
        let opened = if among.iter().any(|login| is_same(login, author)) {
            format!("; {author} has opened it")
        } else {
            String::new()
        };
        let mend = "name others too, or raise `most_open`";
        return Err(refused("among", &format!("nobody of them can be asked; {why}{opened}: {mend}")));
    }
    let why = match logins.is_empty() {
        true => format!("enough of them are asked already; {why}"),
        false => format!("{}: the fewest; {why}", logins.join(" and ")),
    };
    Ok(Choice { why, logins })
}

/// Logins in their order, each once, in whatever case it is written.
fn each_once(logins: &[String]) -> Vec<&String> {
    let mut once: Vec<&String> = Vec::new();
    for login in logins {
        if !once.iter().any(|known| is_same(known, login)) {
            once.push(login);
        }
    }
    once
}

/// How many open pull requests of the repository, besides one, each person is asked to look at, by login in small letters.
async fn open_reviews(scene: &Scene<'_>, besides: u64) -> Result<BTreeMap<String, usize>, DeliverError> {
    let mut open = BTreeMap::new();
    for page in 1..=MOST_PAGES {
        let path = scene.repository.path(format_args!("pulls?state=open&per_page={PAGE}&page={page}"));
        let pulls: Vec<Pull> = scene.read(path).await?;
        let is_last = pulls.len() < PAGE;
        let people = pulls.into_iter().filter(|pull| pull.number != besides).flat_map(|pull| pull.requested_reviewers);
        people.for_each(|person| *open.entry(person.login.to_lowercase()).or_default() += 1);
        if is_last {
            break;
        }
    }
    Ok(open)
}
