//! What a browser shows that follows the link to a task: what the bot is, and where the task can be asked for.
//!
//! It gives nothing away. Nobody is known here, so it is the same page for every task, whether there is one of that number
//! or not, and in whichever tenant; it reads nothing, and nothing in it is loaded or run.

use std::sync::LazyLock;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use crate::channels::teams::manifest::MENTION;
use crate::domain::ids::TaskId;
use crate::domain::task::link::well_formed;
use crate::web::Shared;
use crate::web::written::escaped;

/// The route, as links have it, and with the slash that some add.
pub const PATHS: [&str; 2] = ["/tasks/{id}", "/tasks/{id}/"];

/// How the page looks. Colours and their contrast are the browser's own, in light and in dark.
const STYLE: &str = ":root{color-scheme:light dark}\
    body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}\
    code{font-size:1rem;overflow-wrap:anywhere}";

/// Nothing but that very style: no script, no image, no form, no frame around it.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = BASE64.encode(&Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// The page of a task's link; 404 for what is no id of a task.
pub async fn show(State(state): State<Shared>, Path(id): Path<String>) -> Response {
    match well_formed(&id) {
        Some(task) => {
            let slack = state.slack.as_ref().map(|_| state.slack_command.as_str());
            page(StatusCode::OK, "A task in AI-CRM", &where_to_ask(task, slack, state.teams.is_some()))
        }
        None => page(StatusCode::NOT_FOUND, "No task", "<p>This address is none of a task.</p>\n"),
    }
}

/// Where a task can be asked for, on the platforms that are on: in Slack by its command, in Teams.
fn where_to_ask(task: TaskId, slack: Option<&str>, teams: bool) -> String {
    let slack = slack.map(|command| ("in Slack: ", escaped(command)));
    let teams = teams.then(|| ("in Microsoft Teams: ", MENTION.to_owned()));
    let mut places: Vec<(&str, String)> = slack.into_iter().chain(teams).collect();
    places.iter_mut().for_each(|(_, called)| called.push(' '));
    if places.is_empty() {
        places.push(("", String::new()));
    }
    let list: String = places
        .iter()
        .map(|(place, called)| format!("<li>{place}<code>{called}task show {task}</code></li>\n"))
        .collect();
    format!(
        "<p>AI-CRM is a bot that keeps a team's tasks, where the team talks.</p>\n\
         <p>Tasks are not shown here. If you may see this one, ask for it where you talk to the bot:</p>\n\
         <ul>\n{list}</ul>\n"
    )
}

fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</html>\n"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, [("x-robots-tag", "noindex")], html).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_where_to_ask_and_nothing_else_of_a_task() {
        let said = |number| where_to_ask(TaskId(number), Some("/ai-crm"), true);
        assert!(said(12).contains("/ai-crm task show T-12<") && said(12).contains("@AI-CRM task show T-12<"));
        assert_eq!(said(12).replace("T-12", "T-3"), said(3));
        assert!(where_to_ask(TaskId(1), Some("/<x>"), false).contains("/&lt;x&gt; task"));
    }

    #[test]
    fn only_platforms_that_are_on_are_named() {
        for (slack, teams) in [(None, true), (Some("/ai-crm"), false), (None, false)] {
            let said = where_to_ask(TaskId(12), slack, teams);
            assert_eq!((said.contains("Slack"), said.contains("Teams")), (slack.is_some(), teams), "{said}");
            assert!(said.contains("task show T-12</code>"), "{said}");
        }
    }

    #[test]
    fn the_policy_lets_that_style_and_nothing_else() {
        let digest = BASE64.encode(&Sha256::digest(STYLE.as_bytes()));
        assert!(POLICY.contains(&format!("style-src 'sha256-{digest}'")) && POLICY.starts_with("default-src 'none'"));
        assert!(!POLICY.contains("unsafe") && !POLICY.contains("script-src"), "{}", *POLICY);
    }
}
