//! What an App asks of the API, read as GitHub reads it.
//!
//! The words for what cannot be read are those that GitHub answers. What is done with it stands in [`super::calls`].

use std::collections::HashMap;

use axum::body::Bytes;
use serde_json::Value;

use super::doors::Caller;
use super::happens::Scene;
use super::refusal::Refusal;
use super::seed;
use crate::domain::time::Timestamp;

/// Longest text of an issue or a comment, in characters.
const LONGEST_BODY: usize = 65_536;

/// A request whose sender is known.
pub(super) struct Asked {
    pub(super) path: HashMap<String, String>,
    pub(super) query: HashMap<String, String>,
    pub(super) body: Value,
    /// The header `Accept`.
    pub(super) accept: String,
    pub(super) caller: Caller,
    /// The repository of the path; 0 where it has none.
    pub(super) repository: u64,
}

/// The body as JSON; nothing is an empty object.
pub(super) fn json(body: &Bytes) -> Result<Value, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let problem = |message| Refusal::new(400, "bad_request", message);
    let value: Value = serde_json::from_slice(body).map_err(|_| problem("Problems parsing JSON"))?;
    match value {
        Value::Object(_) | Value::Array(_) => Ok(value),
        _ => Err(problem("Body should be a JSON object")),
    }
}

/// What is said of a field of another type.
fn mistyped(field: &str, value: &Value, wanted: &str) -> Refusal {
    let shown = if value.is_null() { "nil".to_owned() } else { value.to_string() };
    Refusal::unprocessable(format!("Invalid request.\n\nFor 'properties/{field}', {shown} is not {wanted}."))
}

impl Asked {
    /// A part of the path, by its name there.
    pub(super) fn named(&self, part: &str) -> &str {
        self.path.get(part).map(String::as_str).unwrap_or_default()
    }

    /// A number of the path; what is none is nothing that there is.
    pub(super) fn number(&self, part: &str) -> Result<u64, Refusal> {
        self.named(part).parse().map_err(|_| Refusal::not_found())
    }

    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The App, as it acts in the repository of the path.
    pub(super) fn scene(&self, now: Timestamp) -> Scene {
        Scene { repository: self.repository, actor: seed::BOT, now }
    }

    /// A text that may be missing; null is missing too.
    pub(super) fn text(&self, field: &str) -> Result<Option<String>, Refusal> {
        match &self.body[field] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            other => Err(mistyped(field, other, "a string")),
        }
    }

    /// A text that may not be missing.
    pub(super) fn needed(&self, field: &str) -> Result<String, Refusal> {
        let missing = || Refusal::unprocessable(format!("Invalid request.\n\n\"{field}\" wasn't supplied."));
        self.text(field)?.ok_or_else(missing)
    }

    /// A text of a body, as long as GitHub takes it.
    pub(super) fn markdown(&self, resource: &str) -> Result<Option<String>, Refusal> {
        let text = self.text("body")?;
        if text.as_ref().is_some_and(|text| text.chars().count() > LONGEST_BODY) {
            let message = format!("body is too long (maximum is {LONGEST_BODY} characters)");
            return Err(Refusal::custom(resource, "body", &message));
        }
        Ok(text)
    }

    /// Texts that may be missing. A label may be an object with a name.
    pub(super) fn texts(&self, field: &str) -> Result<Option<Vec<String>>, Refusal> {
        let value = if self.body.is_array() { &self.body } else { &self.body[field] };
        match value {
            Value::Null => Ok(None),
            Value::Array(values) => {
                let texts = values.iter().map(|value| {
                    let text = value.as_str().or_else(|| value["name"].as_str());
                    text.map(ToOwned::to_owned).ok_or_else(|| mistyped(field, value, "a string"))
                });
                texts.collect::<Result<_, _>>().map(Some)
            }
            other => Err(mistyped(field, other, "an array")),
        }
    }

    /// One of some words, where it is there.
    pub(super) fn word(&self, resource: &str, field: &str, words: &[&str]) -> Result<Option<String>, Refusal> {
        let word = self.text(field)?;
        match word {
            Some(word) if !words.contains(&word.as_str()) => Err(Refusal::invalid(resource, field, "invalid")),
            word => Ok(word),
        }
    }
}
