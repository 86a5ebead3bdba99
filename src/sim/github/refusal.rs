//! What the API answers instead of doing what was asked.
//!
//! Status codes and words are those of docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api and of the
//! page of each call, or what GitHub is known to answer.

use serde_json::{Value, json};

/// A refusal.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    /// The HTTP status.
    pub(super) status: u16,
    /// A word for the records.
    pub(super) word: &'static str,
    /// The field `message`.
    pub(super) message: String,
    /// The field `errors`.
    pub(super) errors: Vec<Value>,
    /// Seconds until it may come again.
    pub(super) retry_after: Option<u64>,
    /// Whether who keeps the rules never meets it: such a one is recorded as a violation.
    pub(super) breach: bool,
}

impl Refusal {
    pub(super) fn new(status: u16, word: &'static str, message: impl Into<String>) -> Self {
        let breach = !matches!(status, 404 | 410);
        Self { status, word, message: message.into(), errors: Vec::new(), retry_after: None, breach }
    }

    /// There is no such thing, or the token may not see it.
    pub(super) fn not_found() -> Self {
        Self::new(404, "not_found", "Not Found")
    }

    /// Who asks has proved nothing.
    pub(super) fn unproved(message: &str) -> Self {
        Self::new(401, "unauthorized", message)
    }

    /// A token that is none, or that has ended.
    pub(super) fn bad_credentials(breach: bool) -> Self {
        Self { breach, ..Self::unproved("Bad credentials") }
    }

    pub(super) fn forbidden(message: &str) -> Self {
        Self::new(403, "forbidden", message)
    }

    /// The App lacks the permission.
    pub(super) fn not_accessible() -> Self {
        Self::forbidden("Resource not accessible by integration")
    }

    /// What was sent does not do; `message` says why.
    pub(super) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, "unprocessable", message)
    }

    /// A field does not do.
    pub(super) fn invalid(resource: &str, field: &str, code: &str) -> Self {
        let error = json!({ "resource": resource, "field": field, "code": code });
        Self { errors: vec![error], ..Self::new(422, "validation_failed", "Validation Failed") }
    }

    /// A field does not do, for this reason.
    pub(super) fn custom(resource: &str, field: &str, message: &str) -> Self {
        let error = json!({ "resource": resource, "field": field, "code": "custom", "message": message });
        Self { errors: vec![error], ..Self::new(422, "validation_failed", "Validation Failed") }
    }

    /// The pace was not kept.
    pub(super) fn too_fast(status: u16, word: &'static str, message: impl Into<String>, after: Option<u64>) -> Self {
        Self { retry_after: after, ..Self::new(status, word, message) }
    }

    /// The body; `documents` is the page of the call.
    pub(super) fn body(&self, documents: &str) -> Value {
        let page = match self.word {
            "rate_limit" => "rest/using-the-rest-api/rate-limits-for-the-rest-api",
            "secondary_rate_limit" => {
                "rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"
            }
            _ => documents,
        };
        let mut body = json!({
            "message": self.message, "documentation_url": format!("https://docs.github.com/{page}"),
            "status": self.status.to_string(),
        });
        if !self.errors.is_empty() {
            body["errors"] = json!(self.errors);
        }
        body
    }
}
