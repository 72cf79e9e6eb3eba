//! The OpenAPI document describes what the router serves.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::story;
use crate::web::{Answer, get, router};

async fn document() -> Value {
    let answer: Answer = get(&router(&story::fake()), "/openapi.json").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

/// The calls of the router's table, read from its source: a route that is added there and not
/// described is found here.
fn served() -> BTreeSet<String> {
    let source = include_str!("../../src/routes.rs");
    let paths = source.lines().filter_map(|line| {
        let path = line.trim().trim_start_matches('(').strip_prefix("\"/")?;
        Some(format!("/{}", path.split('"').next()?))
    });
    paths.collect()
}

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let document = document().await;
    let described: BTreeSet<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(described, served());
    assert_eq!(described.len(), 20);
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_call_has_a_summary() {
    let document = document().await;
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            assert!(call["summary"].is_string(), "{method} {path}");
            assert!(
                !call["responses"].as_object().unwrap().is_empty(),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn amounts_and_hashes_are_strings_in_the_schemas() {
    let document = document().await;
    for (schema, field) in [
        ("Balance", "amount"),
        ("Asset", "supply"),
        ("Block", "hash"),
        ("Account", "address"),
    ] {
        let kind = &document["components"]["schemas"][schema]["properties"][field]["type"];
        assert_eq!(kind, "string", "{schema}.{field}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                references.push(reference.to_owned());
            }
            map.values().for_each(|value| collect(value, references));
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}
