//! The API described by itself, from the table of routes. Each tool is a path of its own, with the schema of its
//! arguments.

use axum::Json;
use serde_json::{Map, Value, json};

use super::route::Route;
use super::{ROUTES, once};
use crate::tools;

/// The path of the route by which every tool is called.
pub(super) const TOOL: &str = "/tools/{name}";

/// The description, OpenAPI 3.1.
pub(super) async fn describe() -> Json<Value> {
    Json(description())
}

fn description() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut add = |path: &str, method: &str, operation: Value| {
        paths.entry(path).or_insert_with(|| json!({}))[method] = operation;
    };
    for route in ROUTES {
        if route.path == TOOL {
            for tool in tools::TABLE {
                let path = TOOL.replace("{name}", tool.name);
                add(&path, route.method, operation(route, &path, tool.about, Some((tool.input)())));
            }
        } else {
            add(route.path, route.method, operation(route, route.path, route.about, route.body.map(|body| body())));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "AI-CRM", "version": env!("CARGO_PKG_VERSION"), "license": { "name": "Apache-2.0" } },
        "servers": [{ "url": "/api/v1" }],
        "security": [{ "admin": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "admin": { "type": "http", "scheme": "bearer", "description": "the admin token" },
                "api_key": { "type": "http", "scheme": "bearer", "description": "a key of `ai-crm keys create`" }
            },
            "schemas": { "Problem": {
                "type": "object",
                "properties": {
                    "type": { "type": "string" }, "title": { "type": "string" },
                    "status": { "type": "integer" }, "detail": { "type": "string" }
                }
            } }
        }
    })
}

fn operation(route: &Route, path: &str, about: &str, body: Option<Value>) -> Value {
    let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(route.query.iter().map(|parameter| {
        let schema = (parameter.schema)();
        json!({ "name": parameter.name, "in": "query", "description": parameter.about, "schema": schema })
    }));
    parameters.extend(route.headers.iter().map(|header| {
        let schema = (header.schema)();
        json!({ "name": header.name, "in": "header", "description": header.about, "schema": schema })
    }));
    if route.method == "post" && route.is_kept {
        let about = "the caller's name for this request: with the same one it is done once, and answered the same";
        let schema = json!({ "type": "string", "minLength": 1, "maxLength": once::LONGEST });
        parameters.push(json!({ "name": once::HEADER, "in": "header", "description": about, "schema": schema }));
    }
    let mut operation = json!({
        "summary": about,
        "parameters": parameters,
        "responses": {
            "200": { "description": "done" },
            "default": {
                "description": "a problem",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
            }
        }
    });
    if let Some(scope) = route.scope {
        operation["security"] = json!([{ "admin": [] }, { "api_key": [scope] }]);
    }
    if let Some(schema) = body {
        let required = schema["required"].as_array().is_some_and(|required| !required.is_empty());
        operation["requestBody"] =
            json!({ "required": required, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_and_every_tool_is_described_once() {
        let described = description();
        let paths = described["paths"].as_object().unwrap();
        let methods: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
        assert_eq!(methods, ROUTES.len() - 1 + tools::TABLE.len());
    }

    #[test]
    fn what_a_route_takes_is_described() {
        let described = description();
        let names = |path: &str, method: &str| {
            let parameters = described["paths"][path][method]["parameters"].as_array().unwrap().clone();
            parameters.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names("/events", "get"), ["state", "limit", "before", "tenant"]);
        assert_eq!(names("/effects", "get"), ["state", "limit", "before", "tenant"]);
        assert_eq!(names("/events/{id}/drop", "post"), ["id", "tenant", "Idempotency-Key"]);
        assert_eq!(names("/keys/rotate", "post"), ["Idempotency-Key"]);
        assert_eq!(names("/keys", "post"), [""; 0], "what is shown once is kept under no key");
        let posted = ["pm_analysis", "auto_assign", "X-GitHub-Event", "X-GitHub-Delivery", "Idempotency-Key"];
        assert_eq!(names("/events/github", "post"), posted);
        let security = &described["paths"]["/events/github"]["post"]["security"];
        assert_eq!(*security, json!([{ "admin": [] }, { "api_key": ["events:github"] }]));
        assert_eq!(names("/actors", "get"), [""; 0]);
        let body = |path: &str| described["paths"][path]["post"]["requestBody"].clone();
        let create = tools::TABLE.iter().find(|tool| tool.name == "task.create").unwrap();
        assert_eq!(body("/tools/task.create")["content"]["application/json"]["schema"], (create.input)());
        assert_eq!(body("/backup")["content"]["application/json"]["schema"]["required"], json!(["file"]));
        assert!(body("/keys/rotate").is_null());
    }
}
