//! Installation by OAuth v2: the page on which somebody permits it, which permits at once, and `oauth.v2.access` with
//! rotation of tokens; and the further workspaces that one stand-in serves, each a world of its own.
//!
//! From docs.slack.dev/authentication/installing-with-oauth and …/using-token-rotation: a code works once, a refresh
//! token works once and ends then, an access token ends in time. Who picks which workspace is said by
//! [`SlackWorld::installs_next`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{RawQuery, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::methods::Arguments;
use super::seed;
use super::world::{SharedWorld, SlackWorld};

/// What whoever installs does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Permits it for this workspace.
    Workspace(String),
    /// Permits it for all workspaces of this organisation.
    Organisation(String),
    /// Does not permit it.
    Deny,
}

/// The app as Slack knows it, the workspaces beside the first, and what was given out.
#[derive(Default)]
pub(super) struct Directory {
    app: Option<(String, String)>,
    life: Option<Duration>,
    others: Vec<SharedWorld>,
    next: Option<Choice>,
    codes: HashMap<String, (Choice, String)>,
    refresh: HashMap<String, Choice>,
}

impl SlackWorld {
    /// Lets the app be installed by OAuth; with a life, its tokens are rotated.
    pub fn set_oauth(&self, id: &str, secret: &str, life: Option<Duration>) {
        let mut directory = self.directory();
        directory.app = Some((id.to_owned(), secret.to_owned()));
        directory.life = life;
    }

    /// A further workspace behind the same address, without a token.
    pub fn add_workspace(&self, other: &SharedWorld) {
        other.set_base_url(&self.base_url());
        let mut directory = self.directory();
        directory.others.push(Arc::clone(other));
        let first = u64::try_from(directory.others.len()).unwrap_or_default() << 16;
        other.change(|state, _| {
            state.tokens.clear();
            state.next_id = first;
        });
    }

    /// Approves the application for a further team of an organisation for which it is installed as a whole.
    pub fn approve(&self, other: &SharedWorld) {
        let tokens = self.state().tokens.clone();
        let expiries = self.state().expiries.clone();
        other.change(|state, _| (state.tokens, state.expiries) = (tokens, expiries));
    }

    /// `auth.teams.list`: the teams of an organisation for which its token is approved
    /// (docs.slack.dev/reference/methods/auth.teams.list).
    pub(super) fn teams_of(self: &Arc<Self>, token: Option<&str>) -> Value {
        let mut with_token = self.worlds();
        with_token.retain(|world| token.is_some_and(|token| world.state().tokens.contains_key(token)));
        let of = |world: &SharedWorld| {
            let team = world.state().team.clone();
            json!({ "id": team.id, "name": team.name })
        };
        json!({ "teams": with_token.iter().map(of).collect::<Vec<_>>() })
    }

    /// What whoever installs next does at Slack.
    pub fn installs_next(&self, choice: Choice) {
        self.directory().next = Some(choice);
    }

    /// The world that serves a call: one in which the token holds or held, and which has what the call names.
    pub(super) fn serving(self: &Arc<Self>, token: Option<&str>, arguments: &Arguments) -> SharedWorld {
        let Some(token) = token else { return self.clone() };
        let mut with_token = self.worlds();
        with_token.retain(|world| world.state().tokens.contains_key(token));
        // By the first of these that is said: `views.publish` names a person alone, and a form its trigger or its view.
        let names = ["team_id", "channel", "user", "user_id", "trigger_id", "view_id", "unfurl_id"];
        let named = names.into_iter().find_map(|name| arguments.text(name));
        let has = |world: &&SharedWorld| named.as_ref().is_some_and(|id| world.state().has(id));
        let found = with_token.iter().find(has).or(with_token.first());
        found.unwrap_or(self).clone()
    }

    /// The world that has given out a response URL.
    pub(super) fn answering(self: &Arc<Self>, response_url: &str) -> SharedWorld {
        let found = self.worlds().into_iter().find(|world| world.state().response_urls.contains_key(response_url));
        found.unwrap_or_else(|| self.clone())
    }

    fn worlds(self: &Arc<Self>) -> Vec<SharedWorld> {
        std::iter::once(self.clone()).chain(self.directory().others.iter().cloned()).collect()
    }

    fn chosen(self: &Arc<Self>, choice: &Choice) -> Vec<SharedWorld> {
        let mut all = self.worlds();
        all.retain(|world| {
            let team = &world.state().team;
            match choice {
                Choice::Workspace(id) => team.id == *id,
                Choice::Organisation(id) => team.enterprise.as_ref().is_some_and(|(own, _)| own == id),
                Choice::Deny => false,
            }
        });
        all
    }

    /// A code or a token that no other world has given out either.
    fn next_secret(&self, prefix: &str) -> String {
        self.change(|state, _| state.new_id(prefix))
    }

    fn permit(self: &Arc<Self>, query: &HashMap<String, String>) -> Result<String, &'static str> {
        let of = |name: &str| query.get(name).filter(|value| !value.is_empty()).cloned();
        let app = self.directory().app.clone().ok_or("invalid_client_id")?;
        if of("client_id") != Some(app.0) {
            return Err("invalid_client_id");
        }
        of("scope").ok_or("invalid_scope")?;
        let (redirect, state) = (of("redirect_uri").ok_or("bad_redirect_uri")?, of("state").unwrap_or_default());
        let mut to = url::Url::parse(&redirect).map_err(|_| "bad_redirect_uri")?;
        let choice = self.directory().next.clone();
        let choice = choice.unwrap_or_else(|| Choice::Workspace(self.state().team.id.clone()));
        if choice == Choice::Deny {
            to.query_pairs_mut().append_pair("error", "access_denied").append_pair("state", &state);
            return Ok(to.into());
        }
        let code = self.next_secret("code-");
        self.directory().codes.insert(code.clone(), (choice, redirect));
        to.query_pairs_mut().append_pair("code", &code).append_pair("state", &state);
        Ok(to.into())
    }

    fn give(self: &Arc<Self>, form: &HashMap<String, String>, basic: Option<&str>) -> Result<Value, &'static str> {
        let (id, secret) = self.directory().app.clone().ok_or("invalid_client_id")?;
        let expected = format!("Basic {}", BASE64.encode(format!("{id}:{secret}").as_bytes()));
        if basic != Some(expected.as_str()) {
            return Err("bad_client_secret");
        }
        let of = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let choice = if of("grant_type") == "refresh_token" {
            let choice = self.directory().refresh.remove(of("refresh_token")).ok_or("invalid_refresh_token")?;
            self.change(|state, _| state.records.count("oauth.v2.access", "refreshed"));
            choice
        } else {
            let (choice, redirect) = self.directory().codes.remove(of("code")).ok_or("invalid_code")?;
            if redirect != of("redirect_uri") {
                return Err("bad_redirect_uri");
            }
            choice
        };
        self.tokens_for(choice)
    }

    fn tokens_for(self: &Arc<Self>, choice: Choice) -> Result<Value, &'static str> {
        let worlds = self.chosen(&choice);
        let team = worlds.first().ok_or("team_not_found")?.state().team.clone();
        let life = self.directory().life;
        let token = self.next_secret(if life.is_some() { "xoxe.xoxb-" } else { "xoxb-" });
        for world in &worlds {
            world.change(|state, now| {
                state.tokens.insert(token.clone(), true);
                if let Some(life) = life {
                    state.expiries.insert(token.clone(), now.after(life));
                }
            });
        }
        let is_org = matches!(choice, Choice::Organisation(_));
        let enterprise = team.enterprise.as_ref().map(|(id, name)| json!({ "id": id, "name": name }));
        let mut given = json!({
            "ok": true, "app_id": seed::APP, "authed_user": { "id": "U0ADA0001" }, "token_type": "bot",
            "scope": "commands,chat:write", "bot_user_id": seed::BOT_USER, "access_token": token,
            "team": (!is_org).then(|| json!({ "id": team.id, "name": team.name })), "enterprise": enterprise,
            "is_enterprise_install": is_org,
        });
        if let Some(life) = life {
            let refresh = self.next_secret("xoxe-");
            given["refresh_token"] = json!(refresh);
            given["expires_in"] = json!(life.as_secs());
            self.directory().refresh.insert(refresh, choice);
        }
        Ok(given)
    }
}

fn fields(text: &[u8]) -> HashMap<String, String> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

/// The page on which somebody permits the installation.
pub(super) async fn authorize(Shared(world): Shared<SharedWorld>, RawQuery(query): RawQuery) -> Response {
    match world.permit(&fields(query.unwrap_or_default().as_bytes())) {
        Ok(to) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, error).into_response(),
    }
}

/// `oauth.v2.access`.
pub(super) async fn access(Shared(world): Shared<SharedWorld>, headers: HeaderMap, body: Bytes) -> Response {
    let basic = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = world.give(&fields(&body), basic);
    world.change(|state, _| state.records.count("oauth.v2.access", given.as_ref().err().copied().unwrap_or("ok")));
    Json(given.unwrap_or_else(|error| json!({ "ok": false, "error": error }))).into_response()
}
