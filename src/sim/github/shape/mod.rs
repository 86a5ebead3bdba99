//! What there is as GitHub's JSON, alike in the API and in webhooks.
//!
//! Fields are those of the schemas on docs.github.com/rest; what the world does not have is null, empty or a usual value.
//! Addresses are those of the stand-in: the API at its root, pages for people below the same. A further shape is a
//! function; those of issues and pull requests are in `issues.rs`, those of commits in `code.rs`.

mod code;
mod issues;

use data_encoding::BASE64;
use serde_json::{Map, Value, json};

pub(super) use code::{check_run, content, folder, status};
pub(super) use issues::{comment, issue, pull, reaction, review};

use super::account::{Account, Kind};
use super::app::Installation;
use super::repository::{Label, Milestone, Repository};
use super::seed;
use super::state::State;
use crate::domain::time::Timestamp;

/// Addresses of an account below its own, and the fields that hold them.
const OF_ACCOUNT: [(&str, &str); 10] = [
    ("followers_url", "/followers"),
    ("following_url", "/following{/other_user}"),
    ("gists_url", "/gists{/gist_id}"),
    ("starred_url", "/starred{/owner}{/repo}"),
    ("subscriptions_url", "/subscriptions"),
    ("organizations_url", "/orgs"),
    ("repos_url", "/repos"),
    ("events_url", "/events{/privacy}"),
    ("received_events_url", "/received_events"),
    ("url", ""),
];

/// Addresses of a repository below its own, and the fields that hold them.
const OF_REPOSITORY: [(&str, &str); 37] = [
    ("url", ""),
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];

/// A time as GitHub writes it: RFC 3339 in UTC, with seconds.
pub(super) fn time(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// An id for GraphQL.
fn node(kind: &str, id: u64) -> String {
    BASE64.encode(format!("{}:{kind}{id}", kind.len()).as_bytes())
}

/// The name of an account; GitHub calls one that is gone `ghost`.
pub(super) fn login(state: &State, id: u64) -> String {
    state.accounts.get(&id).map_or_else(|| "ghost".to_owned(), |account| account.login.clone())
}

/// An account, as it stands in other things.
pub(super) fn account(state: &State, id: u64) -> Value {
    let Some(Account { login, kind, .. }) = state.accounts.get(&id) else { return Value::Null };
    let base = &state.base_url;
    let page = match login.strip_suffix("[bot]") {
        Some(slug) => format!("{base}/apps/{slug}"),
        None => format!("{base}/{login}"),
    };
    let mut shown = json!({
        "login": login, "id": id, "node_id": node("User", id), "avatar_url": format!("{base}/u/{id}?v=4"),
        "gravatar_id": "", "html_url": page, "type": kind, "user_view_type": "public", "site_admin": false,
    });
    for (field, path) in OF_ACCOUNT {
        shown[field] = json!(format!("{base}/users/{login}{path}"));
    }
    shown
}

/// The organisation to which something belongs; nothing where it belongs to a person.
pub(super) fn organisation(state: &State, id: u64) -> Value {
    let Some(Account { login, kind: Kind::Organization, .. }) = state.accounts.get(&id) else { return Value::Null };
    let url = format!("{}/orgs/{login}", state.base_url);
    let below = |path: &str| format!("{url}{path}");
    json!({
        "login": login, "id": id, "node_id": node("Organization", id), "url": url, "repos_url": below("/repos"),
        "events_url": below("/events"), "hooks_url": below("/hooks"), "issues_url": below("/issues"),
        "members_url": below("/members{/member}"), "public_members_url": below("/public_members{/member}"),
        "avatar_url": format!("{}/u/{id}?v=4", state.base_url), "description": "",
    })
}

/// A team of the organisation, which the world knows by its slug alone.
pub(super) fn team(state: &State, slug: &str) -> Value {
    let url = format!("{}/organizations/{}/team/{slug}", state.base_url, seed::ORGANISATION);
    let id: u64 = slug.bytes().fold(5000, |id, byte| (id * 31 + u64::from(byte)) % 10_000_000);
    json!({
        "id": id, "node_id": node("Team", id), "name": slug, "slug": slug, "description": "", "privacy": "closed",
        "notification_setting": "notifications_enabled", "permission": "pull", "parent": null, "url": url,
        "html_url": format!("{}/orgs/acme/teams/{slug}", state.base_url), "members_url": format!("{url}/members{{/member}}"),
        "repositories_url": format!("{url}/repos"),
    })
}

/// A repository.
pub(super) fn repository(state: &State, of: &Repository) -> Value {
    let (base, name) = (&state.base_url, &of.full_name);
    let page = format!("{base}/{name}");
    let mut shown = json!({
        "id": of.id, "node_id": node("Repository", of.id), "name": of.name(), "full_name": name, "private": of.private,
        "owner": account(state, of.owner), "html_url": page, "description": null, "fork": false,
        "created_at": time(of.created_at), "updated_at": time(of.created_at), "pushed_at": time(of.created_at),
        "git_url": format!("git://{}/{name}.git", base.trim_start_matches("http://")), "ssh_url": format!("git@{name}.git"),
        "clone_url": format!("{page}.git"), "svn_url": page, "homepage": null, "size": 1, "stargazers_count": 0,
        "watchers_count": 0, "language": null, "has_issues": of.has_issues, "has_projects": true, "has_downloads": true,
        "has_wiki": true, "has_pages": false, "has_discussions": false, "forks_count": 0, "mirror_url": null,
        "archived": of.archived, "disabled": false, "license": null, "allow_forking": true, "is_template": false,
        "web_commit_signoff_required": false, "topics": [], "visibility": if of.private { "private" } else { "public" },
        "forks": 0, "watchers": 0, "default_branch": of.default_branch,
    });
    let open = of.issues.values().filter(|issue| issue.open).count();
    (shown["open_issues"], shown["open_issues_count"]) = (json!(open), json!(open));
    for (field, path) in OF_REPOSITORY {
        shown[field] = json!(format!("{base}/repos/{name}{path}"));
    }
    shown
}

/// A repository, as the events of an installation name it.
pub(super) fn repository_brief(of: &Repository) -> Value {
    json!({
        "id": of.id, "node_id": node("Repository", of.id), "name": of.name(), "full_name": of.full_name,
        "private": of.private,
    })
}

/// An installation, as the events of a repository name it.
pub(super) fn installation_brief(id: u64) -> Value {
    json!({ "id": id, "node_id": node("IntegrationInstallation", id) })
}

/// An installation.
pub(super) fn installation(state: &State, of: &Installation) -> Value {
    let (base, login) = (&state.base_url, login(state, of.account));
    let is_organisation = state.accounts.get(&of.account).is_some_and(|account| account.kind == Kind::Organization);
    let page = match is_organisation {
        true => format!("{base}/organizations/{login}/settings/installations/{}", of.id),
        false => format!("{base}/settings/installations/{}", of.id),
    };
    json!({
        "id": of.id, "client_id": state.app.client_id, "account": account(state, of.account),
        "repository_selection": if of.repositories.is_some() { "selected" } else { "all" },
        "access_tokens_url": format!("{base}/app/installations/{}/access_tokens", of.id),
        "repositories_url": format!("{base}/installation/repositories"), "html_url": page, "app_id": state.app.id,
        "app_slug": state.app.slug, "target_id": of.account,
        "target_type": if is_organisation { "Organization" } else { "User" }, "permissions": of.permissions,
        "events": of.events, "created_at": time(of.created_at), "updated_at": time(of.updated_at),
        "single_file_name": null, "has_multiple_single_files": false, "single_file_paths": [], "suspended_by": null,
        "suspended_at": of.suspended_at.map(time),
    })
}

/// The App.
pub(super) fn app(state: &State) -> Value {
    let (app, base) = (&state.app, &state.base_url);
    let began = time(Timestamp(0));
    json!({
        "id": app.id, "client_id": app.client_id, "slug": app.slug, "node_id": node("App", app.id),
        "owner": account(state, app.owner), "name": app.name, "description": "", "external_url": format!("{base}/"),
        "html_url": format!("{base}/apps/{}", app.slug), "created_at": began, "updated_at": began,
        "permissions": state.installations.values().next().map(|of| &of.permissions),
        "events": super::hook::EVENTS,
    })
}

/// The App where it did something; null where a person did.
fn via(state: &State, via_app: bool) -> Value {
    if via_app { app(state) } else { Value::Null }
}

/// A label.
pub(super) fn label(state: &State, of: &Repository, label: &Label) -> Value {
    let name = percent_encoding::utf8_percent_encode(&label.name, percent_encoding::NON_ALPHANUMERIC);
    json!({
        "id": label.id, "node_id": node("Label", label.id), "name": label.name, "color": label.color,
        "url": format!("{}/repos/{}/labels/{name}", state.base_url, of.full_name),
        "default": label.color != "ededed", "description": label.description,
    })
}

/// A milestone.
pub(super) fn milestone(state: &State, of: &Repository, milestone: &Milestone) -> Value {
    let number = milestone.number;
    let url = format!("{}/repos/{}/milestones/{number}", state.base_url, of.full_name);
    let within = of.issues.values().filter(|issue| issue.milestone == Some(number));
    let (open, closed): (Vec<_>, Vec<_>) = within.partition(|issue| issue.open);
    json!({
        "url": url, "html_url": format!("{}/{}/milestone/{number}", state.base_url, of.full_name),
        "labels_url": format!("{url}/labels"), "id": milestone.id, "node_id": node("Milestone", milestone.id),
        "number": number, "title": milestone.title, "description": null, "creator": account(state, of.owner),
        "open_issues": open.len(), "closed_issues": closed.len(),
        "state": if milestone.open { "open" } else { "closed" }, "created_at": time(milestone.created_at),
        "updated_at": time(milestone.created_at), "due_on": null, "closed_at": null,
    })
}

/// How somebody stands to a repository. Who may write in it is a collaborator, who is in its organisation a member.
fn association(state: &State, of: &Repository, who: u64) -> &'static str {
    if of.owner == who {
        return "OWNER";
    }
    if of.owner == seed::ORGANISATION && state.members.contains(&who) {
        return "MEMBER";
    }
    if of.has_collaborator(who) { "COLLABORATOR" } else { "NONE" }
}

/// How many reactions of each kind there are.
fn reactions(url: &str, all: &[super::issue::Reaction]) -> Value {
    let mut counts = Map::from_iter([("url".to_owned(), json!(format!("{url}/reactions")))]);
    counts.insert("total_count".to_owned(), json!(all.len()));
    for content in super::issue::REACTIONS {
        let count = all.iter().filter(|reaction| reaction.content == content).count();
        counts.insert(content.to_owned(), json!(count));
    }
    Value::Object(counts)
}
