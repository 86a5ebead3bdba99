//! Findings of the public address: whether what a platform sends there comes to this program.
//!
//! It knocks as a platform does, but without a proof: this program answers 401 in its own form. Only a running server can
//! be looked for, so where none runs nothing is asked.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use url::Url;

use super::{Finding, PATIENCE, State, good, not_good};

/// How this program words what it does not believe: the type of `web/problem.rs`.
const OURS: &str = "application/problem+json";

/// Where a platform sends what happens.
pub(super) struct Endpoint {
    /// The finding's name.
    pub(super) what: &'static str,
    /// The path behind the public address.
    pub(super) path: &'static str,
    /// Where the platform must be told of it.
    pub(super) told_in: &'static str,
}

/// That of Slack.
pub(super) const SLACK: Endpoint = Endpoint {
    what: "slack endpoint",
    path: "slack/events",
    told_in: "the app's settings: `ai-crm manifest slack` prints them",
};
/// That of Teams.
pub(super) const TEAMS: Endpoint = Endpoint {
    what: "teams endpoint",
    path: "api/messages",
    told_in: "the messaging endpoint of the Azure Bot: `ai-crm manifest teams` names it",
};

/// That of GitHub.
pub(super) const GITHUB: Endpoint =
    Endpoint { what: "github endpoint", path: "api/github/webhooks", told_in: "the webhook URL of the GitHub App" };

/// Knocks at the public address of a server that runs.
pub(super) async fn finding(endpoint: &Endpoint, public_url: Option<&Url>, is_serving: bool) -> Finding {
    let what = endpoint.what;
    let Some(public) = public_url else {
        let mend = format!(
            "set AI_CRM_PUBLIC_URL to the https address of your proxy, so that it is looked at; it stands in {}",
            endpoint.told_in
        );
        return not_good(what, State::Warning, "the address at which the platform reaches the bot is not known", mend);
    };
    let address = format!("{}/{}", public.as_str().trim_end_matches('/'), endpoint.path);
    if !is_serving {
        return good(what, format!("{address}, which is looked at while the bot runs"));
    }
    match knock(&address).await {
        Ok((StatusCode::UNAUTHORIZED, true)) => {
            good(what, format!("{address} leads to this program, and proof is asked for"))
        }
        Ok((status, _)) => {
            let mend = format!(
                "lead {address} of your https proxy to this program (server.listen), path and body unchanged; the same \
                 address stands in {}",
                endpoint.told_in
            );
            not_good(
                what,
                State::Bad,
                format!("{address} answers HTTP {} and is not this program", status.as_u16()),
                mend,
            )
        }
        Err(why) => {
            let mend = "start the https proxy, and check its name, its certificate and its port; where only the outside \
                        can reach it, look from there: HTTP 401 is right";
            // Many a network does not lead its own machines to its public addresses: from here nobody can tell.
            not_good(what, State::Warning, format!("{address} cannot be reached from here: {why}"), mend)
        }
    }
}

/// The status, and whether it is worded as this program does.
async fn knock(address: &str) -> Result<(StatusCode, bool), String> {
    // A platform follows no proxy of ours, and a redirect would hide what stands at the address.
    let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(PATIENCE).build();
    let sent =
        client.map_err(|error| error.to_string())?.post(address).header(CONTENT_TYPE, "application/json").body("{}");
    let answer = sent.send().await.map_err(|error| reason(&error))?;
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    Ok((answer.status(), kind.starts_with(OURS)))
}

/// The innermost reason, which names what broke; the outer ones repeat the address.
fn reason(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    match error.is_timeout() {
        true => format!("no answer in {} s", Duration::as_secs(&PATIENCE)),
        false => inner.to_string(),
    }
}
