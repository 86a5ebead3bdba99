//! Who may call what: the proof of who calls, and whether the token may see and do it.
//!
//! From docs.github.com/rest/authentication/authenticating-to-the-rest-api and …/troubleshooting-the-rest-api: what a token
//! may not see is not there (404), what it may see and not do is refused (403).

use axum::http::{HeaderMap, header};

use super::app::{Level, Token};
use super::jwt;
use super::rates::Counted;
use super::refusal::Refusal;
use super::state::State;
use crate::domain::time::Timestamp;

/// By what a call is to be proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// The App's JWT.
    App,
    /// A token of an installation.
    Installation,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Caller {
    /// The App.
    App,
    /// The App as it is installed somewhere.
    Installation(Token),
}

impl Caller {
    /// By which the pace knows who it is.
    pub(super) fn id(&self) -> u64 {
        match self {
            Self::App => 0,
            Self::Installation(token) => token.installation,
        }
    }

    /// The token, where there is one.
    pub(super) fn token(&self) -> Option<&Token> {
        match self {
            Self::App => None,
            Self::Installation(token) => Some(token),
        }
    }
}

/// Checks the proof before anything else.
pub(super) fn let_in(state: &State, door: Door, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Refusal> {
    if !headers.contains_key(header::USER_AGENT) {
        let message =
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
        return Err(Refusal::forbidden(message));
    }
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = header.and_then(|header| header.split_once(' '));
    let given = given.filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer") || kind.eq_ignore_ascii_case("token"));
    let Some((_, given)) = given else { return Err(Refusal::unproved("Requires authentication")) };
    if door == Door::App {
        return jwt::check(&state.app, given, now).map(|()| Caller::App);
    }
    let token = state.tokens.get(given).ok_or_else(|| Refusal::bad_credentials(true))?;
    if token.until <= now {
        return Err(Refusal::bad_credentials(false));
    }
    let installation = state.installations.get(&token.installation);
    let installation = installation.ok_or_else(|| Refusal::bad_credentials(false))?;
    if installation.suspended_at.is_some() {
        return Err(suspended());
    }
    Ok(Caller::Installation(token.clone()))
}

/// The installation is suspended, which nobody can know before.
pub(super) fn suspended() -> Refusal {
    Refusal { breach: false, ..Refusal::forbidden("This installation has been suspended") }
}

/// The repository that is called by these names, where the caller may do in it what the call needs.
pub(super) fn repository(
    state: &State,
    caller: &Caller,
    full_name: &str,
    needs: &[(&str, Level)],
    counted: Counted,
) -> Result<u64, Refusal> {
    let repository = state.repository_called(full_name).ok_or_else(Refusal::not_found)?;
    let Some(token) = caller.token() else { return Ok(repository.id) };
    let is_reading = counted == Counted::Reading;
    let is_within = state.installation_of(repository.id).is_some_and(|of| of.id == token.installation)
        && token.repositories.as_ref().is_none_or(|chosen| chosen.contains(&repository.id));
    match (is_within, repository.private) {
        (false, true) => return Err(Refusal::not_found()),
        (false, false) if is_reading => return Ok(repository.id),
        (false, false) => return Err(Refusal::not_accessible()),
        (true, _) => {}
    }
    if !token.allows(needs) && (repository.private || !is_reading) {
        return Err(Refusal::not_accessible());
    }
    if repository.archived && !is_reading {
        return Err(Refusal { breach: false, ..Refusal::forbidden("Repository was archived so is read-only.") });
    }
    Ok(repository.id)
}
