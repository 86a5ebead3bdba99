//! What a route of the API takes, for its description.

use serde_json::{Value, json};

use crate::domain::api_key::Scope;

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
    /// Headers of its own.
    pub(crate) headers: &'static [Parameter],
    /// The JSON Schema of the body; none where it takes none.
    pub(crate) body: Option<fn() -> Value>,
    /// What an API key must permit for it; none where only the admin token will do.
    pub(crate) scope: Option<Scope>,
    /// Whether its answer may be kept under an `Idempotency-Key`, where it is a POST.
    pub(crate) is_kept: bool,
}

/// A parameter of the query, or a header.
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
    Route { method, path, about, query: &[], headers: &[], body: None, scope: None, is_kept: true }
}

impl Route {
    /// With parameters.
    pub(crate) const fn query(mut self, query: &'static [Parameter]) -> Self {
        self.query = query;
        self
    }

    /// With headers.
    pub(crate) const fn headers(mut self, headers: &'static [Parameter]) -> Self {
        self.headers = headers;
        self
    }

    /// For API keys that permit it.
    pub(crate) const fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// With an answer that is shown once.
    pub(crate) const fn shown_once(mut self) -> Self {
        self.is_kept = false;
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
    schema: || json!({ "type": "string", "enum": super::runs::statuses() }),
};
/// Whose runs.
pub(crate) const WORKFLOW: Parameter =
    Parameter { name: "workflow", about: "only those of this workflow", schema: || json!({ "type": "string" }) };
/// A flag for the rules that read it.
const FLAG: fn() -> Value = || json!({ "type": "boolean", "default": false });
/// What is asked for an event of GitHub.
pub(crate) const PM_ANALYSIS: Parameter = Parameter {
    name: "pm_analysis",
    about: "make a task of the issue or pull request, with an analysis in it; rules read it as `event.inputs.pm_analysis`",
    schema: FLAG,
};
/// And this.
pub(crate) const AUTO_ASSIGN: Parameter = Parameter {
    name: "auto_assign",
    about: "make that task, for the agent that suits it best; rules read it as `event.inputs.auto_assign`",
    schema: FLAG,
};
/// Which kind of event of GitHub it is.
pub(crate) const GITHUB_EVENT: Parameter = Parameter {
    name: "X-GitHub-Event",
    about: "the kind of event: `issues`; needed",
    schema: || json!({ "type": "string", "pattern": "^[a-z0-9_-]{1,64}$" }),
};
/// By which it is known again.
pub(crate) const GITHUB_DELIVERY: Parameter = Parameter {
    name: "X-GitHub-Delivery",
    about: "by which the event is known again among those of the same key; needed, or an Idempotency-Key of that form",
    schema: || json!({ "type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$" }),
};
