//! Installation by OAuth v2, as a browser sees it: `/slack/install` sends it to Slack, and Slack sends it back to
//! `/slack/oauth/redirect` (docs.slack.dev/authentication/installing-with-oauth).
//!
//! Owns who may begin and that an answer belongs to a question: a link of an operator works once and for an hour, a
//! state once, for ten minutes and in the browser that was given it. All of that is kept in memory as digests: what a
//! restart forgets is asked for again. What becomes of the tokens is [`super::inside::Inside::connect_slack`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use url::Url;

use crate::channels::slack::manifest::{INSTALL_PATH, REDIRECT_PATH};
use crate::channels::slack::oauth::OAuth;
use crate::domain::time::Timestamp;
use crate::web::inside::NewWorkspace;
use crate::web::written::escaped;
use crate::web::{Shared, edge};

/// How long a link works that an operator has asked for.
pub const LINK_LIFE: Duration = Duration::from_secs(3600);
/// How long whoever installs may take at Slack; a code of Slack's lives as long
/// (docs.slack.dev/authentication/installing-with-oauth).
const STATE_LIFE: Duration = Duration::from_secs(600);
/// Links, and states, that are kept at one time; above it the oldest goes.
const MOST_KEPT: usize = 1024;
/// Holds what makes the state belong to a browser.
const COOKIE: &str = "ai_crm_slack_install";

type Hash = [u8; 32];

/// Where browsers come to connect a workspace.
pub struct Desk {
    oauth: Arc<OAuth>,
    /// How its people call the bot.
    prefix: String,
    install: Url,
    redirect: Url,
    open: bool,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Links by the digest of their code: until when.
    links: HashMap<Hash, Timestamp>,
    /// States by their digest.
    states: HashMap<Hash, Departed>,
}

/// A browser that was sent to Slack.
struct Departed {
    until: Timestamp,
    /// Digest of what it holds.
    mark: Hash,
    /// Digest of the code of the operator's link by which it came; none where everybody may come.
    link: Option<Hash>,
}

/// How a browser has come that is back from Slack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    ByLink,
    ByItself,
}

/// What a browser is given that is sent to Slack.
struct Departure {
    to: Url,
    cookie: String,
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

fn secret() -> String {
    BASE64URL_NOPAD.encode(&rand::random::<[u8; 32]>())
}

/// Keeps one more; what is over goes, and where there are too many, the oldest.
fn keep<T>(all: &mut HashMap<Hash, T>, key: Hash, value: T, now: Timestamp, until: impl Fn(&T) -> Timestamp) {
    all.retain(|_, kept| until(kept) > now);
    if all.len() >= MOST_KEPT
        && let Some(oldest) = all.iter().min_by_key(|(_, kept)| until(kept)).map(|(key, _)| *key)
    {
        all.remove(&oldest);
    }
    all.insert(key, value);
}

impl Desk {
    /// A desk at the address under which browsers reach the server, of a bot that is called by `prefix`.
    ///
    /// # Errors
    /// Where that address cannot have a path behind it.
    pub fn new(oauth: Arc<OAuth>, prefix: &str, public_url: &Url, open: bool) -> Result<Self, url::ParseError> {
        let at = |path: &str| Url::parse(&format!("{}{path}", public_url.as_str().trim_end_matches('/')));
        Ok(Self {
            oauth,
            prefix: prefix.to_owned(),
            install: at(INSTALL_PATH)?,
            redirect: at(REDIRECT_PATH)?,
            open,
            kept: Mutex::default(),
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A link that connects one workspace.
    #[must_use]
    pub fn link(&self, now: Timestamp) -> Url {
        let code = secret();
        keep(&mut self.kept().links, hash(&code), now.after(LINK_LIFE), now, |until| *until);
        let mut link = self.install.clone();
        link.query_pairs_mut().append_pair("code", &code);
        link
    }

    /// Whether somebody with this code may begin, and by which link. The link is used up when somebody comes back by it:
    /// who shows a preview of it, or looks where it leads, takes it from nobody.
    fn admits(&self, code: Option<&str>, now: Timestamp) -> Option<Option<Hash>> {
        let link = code.map(hash).filter(|link| self.kept().links.get(link).is_some_and(|until| now < *until));
        (self.open || link.is_some()).then_some(link)
    }

    fn depart(&self, link: Option<Hash>, now: Timestamp) -> Departure {
        let (state, mark) = (secret(), secret());
        let departed = Departed { until: now.after(STATE_LIFE), mark: hash(&mark), link };
        keep(&mut self.kept().states, hash(&state), departed, now, |departed| departed.until);
        Departure { to: self.oauth.authorize(&self.redirect, &state), cookie: self.cookie(&mark, STATE_LIFE.as_secs()) }
    }

    /// Whether an answer belongs to a question that this browser was sent off with, and how it had come; state and link
    /// are used up by that.
    fn returns(&self, state: &str, mark: Option<&str>, now: Timestamp) -> Option<Came> {
        let mut kept = self.kept();
        let departed = kept.states.remove(&hash(state))?;
        if now >= departed.until || mark.is_none_or(|mark| hash(mark) != departed.mark) {
            return None;
        }
        match departed.link {
            Some(link) => kept.links.remove(&link).map(|_| Came::ByLink),
            None => Some(Came::ByItself),
        }
    }

    /// `Lax` lets it come along when Slack sends the browser back. A machine's own address may be without TLS.
    fn cookie(&self, mark: &str, seconds: u64) -> String {
        let host = self.redirect.host_str().unwrap_or_default();
        let near = host == "localhost" || host.starts_with("127.") || host == "[::1]";
        let secure = if near { "" } else { "; Secure" };
        let path = self.redirect.path();
        format!("{COOKIE}={mark}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }
}

/// Sends a browser to Slack.
pub async fn begin(State(state): State<Shared>, method: Method, RawQuery(query): RawQuery) -> Response {
    let Some(desk) = state.slack.as_ref().and_then(|slack| slack.desk.as_ref()) else { return off() };
    // Who only looks whether the link leads somewhere does not use it up.
    if method == Method::HEAD {
        return StatusCode::NO_CONTENT.into_response();
    }
    let now = state.inbox.clock().now();
    let Some(link) = desk.admits(field(query.as_deref(), "code").as_deref(), now) else {
        state.metrics.installation("no_link");
        let text = "This link was used already, is older than an hour, or was never made. Whoever runs the bot makes \
                    another one with: ai-crm slack install-link";
        return page(StatusCode::FORBIDDEN, "No workspace is connected by this link", &[text]);
    };
    let Departure { to, cookie } = desk.depart(link, now);
    let headers = [(header::LOCATION, to.to_string()), (header::SET_COOKIE, cookie)];
    (StatusCode::FOUND, headers, [(header::CACHE_CONTROL, "no-store")]).into_response()
}

/// Takes a browser that comes back from Slack.
pub async fn finish(State(state): State<Shared>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let Some(desk) = state.slack.as_ref().and_then(|slack| slack.desk.as_ref()) else { return off() };
    let query = query.as_deref();
    let now = state.inbox.clock().now();
    let Some(came) = desk.returns(&field(query, "state").unwrap_or_default(), mark(&headers), now) else {
        state.metrics.installation("wrong_state");
        let text = "This answer belongs to no question of ours, to one of another browser, or to one that is older than \
                    ten minutes. Begin again with a fresh link: ai-crm slack install-link";
        return page(StatusCode::BAD_REQUEST, "Nothing was connected", &[text]);
    };
    let gone = [(header::SET_COOKIE, desk.cookie("", 0))];
    let (Some(code), None) = (field(query, "code"), field(query, "error")) else {
        state.metrics.installation("denied");
        let text = "Slack says that it was not permitted, and nothing was connected. A fresh link begins again: ai-crm \
                    slack install-link";
        return (gone, page(StatusCode::OK, "Nothing was connected", &[text])).into_response();
    };
    // A browser that goes away must not leave a code that Slack has taken and tokens that nobody has kept.
    let inside = state.clone();
    let connecting = tokio::spawn(async move {
        let desk = inside.slack.as_ref().and_then(|slack| slack.desk.as_ref()).ok_or("slack is off".to_owned())?;
        let granted = desk.oauth.exchange(&code, &desk.redirect).await.map_err(|error| error.to_string())?;
        inside.inside.connect_slack(granted, came == Came::ByLink).await
    });
    let answer = match connecting.await.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(workspace) => {
            state.metrics.installation("connected");
            connected(&workspace, &desk.prefix)
        }
        Err(error) => {
            tracing::warn!(channel = "slack", error, "a workspace cannot be connected");
            state.metrics.installation("failed");
            let text = "Slack did not confirm it, or it could not be stored; the log says more. A fresh link begins \
                        again: ai-crm slack install-link";
            page(StatusCode::BAD_GATEWAY, "Nothing was connected", &[text])
        }
    };
    (gone, answer).into_response()
}

fn connected(workspace: &NewWorkspace, prefix: &str) -> Response {
    let what =
        format!("{} ({}) is connected. Its tasks and people are those of `{}`.", workspace.name, workspace.id, {
            &workspace.tenant
        });
    let next = match &workspace.code {
        Some(code) => format!(
            "Nobody owns it yet: whoever says {prefix} pair {code} in Slack first is its owner (once, five tries)."
        ),
        None => format!(
            "Next, say {prefix} help in Slack. Its owner is whom people.owners names (slack:TEAM/USER), or who says \
             {prefix} pair and the code that the server has printed at its start."
        ),
    };
    page(StatusCode::OK, "The workspace is connected", &[&what, &next])
}

fn off() -> Response {
    let text = "Installation by OAuth is off: set SLACK_CLIENT_ID, SLACK_CLIENT_SECRET and AI_CRM_PUBLIC_URL.";
    page(StatusCode::NOT_FOUND, "Nothing is installed here", &[text])
}

/// The value of a field that stands in the query once; one that stands there twice is none.
fn field(query: Option<&str>, name: &str) -> Option<String> {
    let mut all = url::form_urlencoded::parse(query?.as_bytes()).filter(|(key, _)| key == name);
    let (_, value) = all.next()?;
    all.next().is_none().then(|| value.into_owned()).filter(|value| !value.is_empty())
}

/// What the browser holds.
fn mark(headers: &HeaderMap) -> Option<&str> {
    let cookies = edge::text(headers, header::COOKIE.as_str())?;
    let named = cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    named.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value).next()
}

/// A page without anything that is loaded or run. Texts are of Slack, so they are escaped.
fn page(status: StatusCode, title: &str, texts: &[&str]) -> Response {
    let body: String = texts.iter().map(|text| format!("<p>{}</p>\n", escaped(text))).collect();
    let title = escaped(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n<h1>{title}</h1>\n{body}"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, html).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    fn desk(public_url: &str, open: bool) -> Desk {
        let oauth = OAuth::new("https://slack.com/api/", "1.2", &Secret::new("s")).unwrap();
        Desk::new(Arc::new(oauth), "/ai-crm", &Url::parse(public_url).unwrap(), open).unwrap()
    }

    fn code(link: &Url) -> String {
        field(link.query(), "code").unwrap()
    }

    #[test]
    fn a_link_works_once_and_for_an_hour() {
        let now = Timestamp(1_000_000);
        let closed = desk("https://bot.example/crm/", false);
        let link = closed.link(now);
        assert!(link.as_str().starts_with("https://bot.example/crm/slack/install?code="), "{link}");
        assert!(closed.admits(None, now).is_none() && closed.admits(Some("guessed"), now).is_none());
        let begin = |code: &str, now| {
            let Departure { to, cookie } = closed.depart(closed.admits(Some(code), now)?, now);
            Some((field(to.query(), "state").unwrap(), cookie.split(['=', ';']).nth(1).unwrap().to_owned()))
        };
        let (_preview, mine) = (begin(&code(&link), now).unwrap(), begin(&code(&link), now).unwrap());
        let other = begin(&code(&link), now).unwrap();
        assert_eq!(closed.returns(&mine.0, Some(&mine.1), now), Some(Came::ByLink));
        assert_eq!(closed.returns(&other.0, Some(&other.1), now), None, "used up");
        assert!(begin(&code(&link), now).is_none(), "used up");
        let late = closed.link(now);
        assert!(closed.admits(Some(&code(&late)), now.after(LINK_LIFE)).is_none());
        let open = desk("https://bot.example/", true);
        assert_eq!(open.admits(None, now), Some(None), "open to all where that is configured");
        let without_slash = desk("https://bot.example/crm", false).link(now);
        assert!(without_slash.as_str().starts_with("https://bot.example/crm/slack/install?code="), "{without_slash}");
    }

    #[test]
    fn a_state_works_once_in_time_and_in_its_browser() {
        let now = Timestamp(1_000_000);
        let desk = desk("https://bot.example/", false);
        let depart = || {
            let Departure { to, cookie } = desk.depart(None, now);
            assert!(cookie.contains("HttpOnly; SameSite=Lax; Secure"), "{cookie}");
            let held = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
            (field(to.query(), "state").unwrap(), held)
        };
        let (state, held) = depart();
        assert_eq!(desk.returns(&state, Some(&held), now), Some(Came::ByItself));
        assert_eq!(desk.returns(&state, Some(&held), now), None, "used up");
        let (state, held) = depart();
        assert_eq!(desk.returns(&state, Some(&held), now.after(STATE_LIFE)), None, "too late");
        let ((state, _), (_, of_another)) = (depart(), depart());
        assert_eq!(desk.returns(&state, Some(&of_another), now), None, "another browser");
        assert_eq!((desk.returns(&depart().0, None, now), desk.returns("", Some("x"), now)), (None, None));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let desk = desk("http://127.0.0.1:1/", true);
        for at in 0..2000 {
            assert!(!desk.depart(None, Timestamp(at)).cookie.contains("Secure"));
        }
        assert_eq!(desk.kept().states.len(), MOST_KEPT);
    }

    #[test]
    fn a_name_cannot_bring_its_own_html() {
        assert_eq!(escaped("<b a='1'>\"&"), "&lt;b a=&#39;1&#39;&gt;&quot;&amp;");
    }
}
