//! What a route of the API takes, for its description.

use serde_json::{Value, json};

/// One route.
pub(crate) struct Route {
    /// In lower case.
    pub(crate) method: &'static str,
    /// With its parameters in braces.
    pub(crate) path: &'static str,
    /// In one line.
    pub(crate) about: &'static str,
    /// What may stand behind the `?`.
    pub(crate) query: &'static [Parameter],
    /// The JSON Schema of the body; none where it takes none.
    pub(crate) body: Option<fn() -> Value>,
}

/// A parameter of the query.
#[derive(Clone, Copy)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// In one line.
    pub(crate) about: &'static str,
    /// Its JSON Schema.
    pub(crate) schema: fn() -> Value,
}

/// A route that takes nothing but what its path names.
pub(crate) const fn route(method: &'static str, path: &'static str, about: &'static str) -> Route {
    Route { method, path, about, query: &[], body: None }
}

impl Route {
    /// With parameters.
    pub(crate) const fn query(mut self, query: &'static [Parameter]) -> Self {
        self.query = query;
        self
    }

    /// With a body.
    pub(crate) const fn body(mut self, body: fn() -> Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// The tenant, where the route reads it.
pub(crate) const TENANT: Parameter = Parameter {
    name: "tenant",
    about: "whose; the only one where it is left out",
    schema: || json!({ "type": "string", "default": "default" }),
};
/// Rows of a page.
pub(crate) const LIMIT: Parameter = Parameter {
    name: "limit",
    about: "at most so many",
    schema: || {
        let (least, most, usual) = (1, super::events::LARGEST_PAGE, super::events::PAGE);
        json!({ "type": "integer", "minimum": least, "maximum": most, "default": usual })
    },
};
/// Where a page begins.
pub(crate) const BEFORE: Parameter = Parameter {
    name: "before",
    about: "only those before this one: `next` of the page before",
    schema: || json!({ "type": "string" }),
};
/// How an event stands.
pub(crate) const EVENT_STATE: Parameter = Parameter {
    name: "state",
    about: "only those in this state; what runs is accepted too, and `waiting` is another word for that",
    schema: || json!({ "type": "string", "enum": super::events::STATES }),
};
/// How an effect stands.
pub(crate) const EFFECT_STATE: Parameter = Parameter {
    name: "state",
    about: "only those in this state",
    schema: || json!({ "type": "string", "enum": super::effects::STATES }),
};
/// How a run stands.
pub(crate) const RUN_STATUS: Parameter = Parameter {
    name: "status",
    about: "only those of this status",
    schema: || json!({ "type": "string", "enum": super::runs::STATUSES }),
};
/// Whose runs.
pub(crate) const WORKFLOW: Parameter =
    Parameter { name: "workflow", about: "only those of this workflow", schema: || json!({ "type": "string" }) };
