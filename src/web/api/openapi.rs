//! The API described by itself, from the table of routes.

use axum::Json;
use serde_json::{Map, Value, json};

use super::ROUTES;

/// The description, OpenAPI 3.1.
pub(super) async fn describe() -> Json<Value> {
    Json(description())
}

fn description() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method] = operation(route.path, route.method, route.about);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "AI-CRM", "version": env!("CARGO_PKG_VERSION"), "license": { "name": "Apache-2.0" } },
        "servers": [{ "url": "/api/v1" }],
        "security": [{ "admin": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "admin": { "type": "http", "scheme": "bearer" } },
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

fn operation(path: &str, method: &str, about: &str) -> Value {
    let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.push(json!({ "name": "tenant", "in": "query", "schema": { "type": "string", "default": "default" } }));
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
    if method == "post" {
        operation["requestBody"] = json!({ "content": { "application/json": { "schema": { "type": "object" } } } });
    }
    operation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_once() {
        let described = description();
        let paths = described["paths"].as_object().unwrap();
        let methods: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
        assert_eq!(methods, ROUTES.len());
    }
}
