//! Reading the arguments of a tool, and saying which of them does not fit.
//!
//! Owns the reading and the schemas of what several tools take; each tool owns the rest of its own.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::domain::ids::TaskId;
use crate::domain::outcome::Refusal;
use crate::domain::task::{LONGEST_TEXT, LONGEST_TITLE, Priority, Status};
use crate::tools::task_show;

/// Arguments as what a tool asks for.
///
/// # Errors
/// Names the field that does not fit.
pub fn read<T: DeserializeOwned>(args: Value) -> Result<T, Refusal> {
    // A call without arguments is a call with none.
    let args = if args.is_null() { json!({}) } else { args };
    serde_path_to_error::deserialize(args).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        let what = if path == "." { inner.to_string() } else { format!("`{path}`: {inner}") };
        Refusal::new(what, "the tool's schema names its fields and what each may hold")
    })
}

/// The task that arguments are about, and the rest of them.
///
/// # Errors
/// Where `task` is missing or is no task.
pub fn task_and(mut args: Value) -> Result<(TaskId, Value), Refusal> {
    let task = args.as_object_mut().and_then(|args| args.remove("task"));
    let Some(Value::String(task)) = task else {
        // Another field that does not fit is the likelier mistake where `task` is misspelt.
        let given: Vec<&str> =
            args.as_object().map(|args| args.keys().map(String::as_str).collect()).unwrap_or_default();
        let what = format!(
            "`task` is missing; given: {}",
            if given.is_empty() { "nothing".to_owned() } else { given.join(", ") }
        );
        return Err(Refusal::new(what, "give the id of a task, such as T-12"));
    };
    Ok((task_show::id(&task)?, args))
}

/// The schema of arguments: these properties, those of them that must be there, and no others.
#[must_use]
pub fn schema(properties: &Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// A task's id.
#[must_use]
pub fn task() -> Value {
    json!({"type": "string", "description": "id of the task, such as T-12", "pattern": "^[Tt]-[1-9][0-9]*$"})
}

/// A text, with what it is.
#[must_use]
pub fn text(description: &str, most: usize) -> Value {
    json!({"type": "string", "description": description, "maxLength": most})
}

/// A task's title.
#[must_use]
pub fn title() -> Value {
    text("one line that says what is to be done", LONGEST_TITLE)
}

/// A task's description.
#[must_use]
pub fn description() -> Value {
    text("the whole story", LONGEST_TEXT)
}

/// A status.
#[must_use]
pub fn status() -> Value {
    json!({"type": "string", "description": "how far it is", "enum": Status::ALL})
}

/// A priority.
#[must_use]
pub fn priority() -> Value {
    json!({"type": "string", "description": "how urgent it is", "enum": Priority::ALL})
}

/// A due day.
#[must_use]
pub fn due() -> Value {
    let about = "the day by which it shall be done: 2026-12-01, today, tomorrow, friday, +3d, or none";
    json!({"type": "string", "description": about})
}

/// Labels.
#[must_use]
pub fn labels(description: &str) -> Value {
    json!({"type": "array", "description": description, "items": {"type": "string", "maxLength": 50}, "maxItems": 20})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        #[expect(dead_code, reason = "only its reading is looked at")]
        status: Option<Status>,
    }

    #[test]
    fn a_wrong_field_is_named() {
        assert!(read::<Asked>(Value::Null).is_ok());
        assert!(read::<Asked>(json!({"status": "in-progress"})).is_ok());
        let wrong = read::<Asked>(json!({"status": "finished"})).unwrap_err().what;
        assert!(wrong.starts_with("`status`:") && wrong.contains("finished"), "{wrong}");
        assert!(read::<Asked>(json!({"state": 1})).unwrap_err().what.contains("state"));
        assert!(read::<Asked>(json!([1])).is_err());
    }
}
