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
        Some(task) => page(StatusCode::OK, "A task in AI-CRM", &where_to_ask(task, &state.slack_command)),
        None => page(StatusCode::NOT_FOUND, "No task", "<p>This address is none of a task.</p>\n"),
    }
}

fn where_to_ask(task: TaskId, slack_command: &str) -> String {
    format!(
        "<p>AI-CRM is a bot that keeps a team's tasks, where the team talks.</p>\n\
         <p>Tasks are not shown here. If you may see this one, ask for it where you talk to the bot:</p>\n<ul>\n\
         <li>in Slack: <code>{command} task show {task}</code></li>\n\
         <li>in Microsoft Teams: <code>{MENTION} task show {task}</code></li>\n</ul>\n",
        command = escaped(slack_command),
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
        let said = |number| where_to_ask(TaskId(number), "/ai-crm");
        assert!(said(12).contains("/ai-crm task show T-12<") && said(12).contains("@AI-CRM task show T-12<"));
        assert_eq!(said(12).replace("T-12", "T-3"), said(3));
        assert!(where_to_ask(TaskId(1), "/<x>").contains("/&lt;x&gt; task"));
    }

    #[test]
    fn the_policy_lets_that_style_and_nothing_else() {
        let digest = BASE64.encode(&Sha256::digest(STYLE.as_bytes()));
        assert!(POLICY.contains(&format!("style-src 'sha256-{digest}'")) && POLICY.starts_with("default-src 'none'"));
        assert!(!POLICY.contains("unsafe") && !POLICY.contains("script-src"), "{}", *POLICY);
    }
}
