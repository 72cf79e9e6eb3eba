//! The OpenAPI document describes what the router serves.

use std::collections::{BTreeMap, BTreeSet};

use quorate_client::schema::OperationKind;
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
    assert_eq!(described.len(), 39);
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
        ("Hold", "amount"),
        ("Hold", "owner"),
    ] {
        let kind = &document["components"]["schemas"][schema]["properties"][field]["type"];
        assert_eq!(kind, "string", "{schema}.{field}");
    }
}

#[tokio::test]
async fn every_read_but_the_stream_can_wait_for_a_height() {
    let document = document().await;
    let paths = document["paths"].as_object().unwrap().iter();
    let waits = |call: &Value| {
        let parameters = call["parameters"].as_array();
        let mut parameters = parameters.into_iter().flatten();
        parameters.any(|parameter| parameter["name"] == "min_height")
    };
    let others = paths
        .filter(|(path, item)| path.starts_with("/v1/") && item.get("get").is_some_and(|call| !waits(call)));
    let others: Vec<&String> = others.map(|(path, _)| path).collect();
    assert_eq!(others, ["/v1/events"]);
}

/// What a response's examples are called: the codes of its problems.
fn codes(response: &Value) -> Vec<&str> {
    let examples = &response["content"]["application/problem+json"]["examples"];
    examples.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn every_call_names_the_codes_of_its_problems() {
    let document = document().await;
    let of = |path: &str, method: &str, status: &str| {
        let response = &document["paths"][path][method]["responses"][status];
        codes(response).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        of("/v1/status", "get", "400"),
        ["unknown_parameter", "malformed_query", "malformed_min_height"]
    );
    assert_eq!(
        of("/v1/status", "get", "503"),
        ["overloaded", "height_not_reached"]
    );
    assert_eq!(
        of("/v1/assets/{code}", "get", "404"),
        ["no_such_call", "unknown_asset"]
    );
    assert_eq!(of("/v1/transactions", "post", "429"), ["pool_full", "quota_full"]);
    let refused = of("/v1/transactions", "post", "422");
    for code in [
        "wrong_network",
        "expired",
        "insufficient_balance",
        "unknown_asset",
    ] {
        assert!(refused.iter().any(|known| known == code), "{refused:?}");
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            for (status, response) in call["responses"].as_object().unwrap() {
                let what = format!("{method} {path} {status}");
                assert!(response["description"].as_str().unwrap().len() > 3, "{what}");
                assert_eq!(
                    status.as_str() < "400",
                    response["content"]["application/problem+json"].is_null(),
                    "{what}"
                );
            }
        }
    }
}

#[tokio::test]
async fn no_two_calls_have_one_name() {
    let document = document().await;
    let mut names = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for call in item.as_object().unwrap().values() {
            let name = call["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name}");
        }
    }
}

#[tokio::test]
async fn bodies_are_described_in_each_form_that_is_taken() {
    let document = document().await;
    let content = &document["paths"]["/v1/transactions"]["post"]["requestBody"]["content"];
    let kinds: Vec<&String> = content.as_object().unwrap().keys().collect();
    assert_eq!(
        kinds,
        [
            "application/json",
            "application/octet-stream",
            "application/vnd.quorate.transactions"
        ]
    );
    let forms = content["application/json"]["schema"]["oneOf"].as_array().unwrap();
    let forms: Vec<&str> = forms.iter().map(|form| form["$ref"].as_str().unwrap()).collect();
    assert_eq!(
        forms,
        [
            "#/components/schemas/SubmitRequest",
            "#/components/schemas/SubmitMany"
        ]
    );
    for kind in ["application/octet-stream", "application/vnd.quorate.transactions"] {
        assert_eq!(content[kind]["schema"]["format"], "binary");
    }
}

#[tokio::test]
async fn what_a_parameter_takes_is_described() {
    let document = document().await;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, call) in item.as_object().unwrap() {
            for parameter in call["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap();
                let what = format!("{method} {path} {name}");
                let is_query = parameter["in"] == "query";
                assert_eq!(parameter["allowEmptyValue"] == true, is_query, "{what}");
                let schema = parameter["schema"].as_object().unwrap();
                let says = ["pattern", "enum", "minimum", "anyOf", "format"];
                // A cursor is nobody's business but the list's.
                assert_eq!(
                    says.iter().any(|keyword| schema.contains_key(*keyword)),
                    name != "cursor",
                    "{what}"
                );
            }
        }
    }
    let schemas = &document["components"]["schemas"];
    let many = &schemas["SubmitMany"]["properties"]["transactions"];
    assert_eq!(many["minItems"], 1);
    assert_eq!(many["maxItems"], 8_192);
}

/// What stands in the object of something else (serde's `flatten`) is described there, and nothing forbids it.
#[tokio::test]
async fn fields_that_stand_in_another_object_are_described_there() {
    let document = document().await;
    let schemas = &document["components"]["schemas"];
    let acts = schemas["ActView"]["oneOf"].as_array().unwrap();
    let titles: Vec<&str> = acts.iter().map(|act| act["title"].as_str().unwrap()).collect();
    assert_eq!(titles.len(), OperationKind::ALL.len());
    assert_eq!(titles[..3], ["CreateAsset", "Mint", "Burn"]);
    let has = |schema: &Value, field: &str| {
        let required = schema["required"].as_array().unwrap();
        schema["properties"][field].is_object() && required.iter().any(|required| required == field)
    };
    for (act, kind) in acts.iter().zip(OperationKind::ALL) {
        assert!(has(act, "by") && has(act, "type"), "{act}");
        assert_eq!(
            act["properties"]["type"]["enum"],
            serde_json::json!([kind.name()])
        );
    }
    for (schema, fields) in [
        (
            "Hold",
            ["owner", "transaction", "operation", "beneficiary", "condition"],
        ),
        ("CommitteeMember", ["name", "key", "member", "witness", "node"]),
        (
            "TransactionEvent",
            ["id", "parties", "operations", "signatures", "log_from"],
        ),
        ("BlockEvent", ["height", "hash", "log_size", "seals", "log_from"]),
    ] {
        let schema = &schemas[schema];
        assert!(fields.iter().all(|field| has(schema, field)), "{schema}");
        assert_eq!(schema["type"], "object");
    }
    let text = document.to_string();
    assert!(!text.contains("allOf") && !text.contains("unevaluatedProperties"));
    // Those alone that are read may be closed.
    for (name, schema) in schemas.as_object().unwrap() {
        let is_closed = schema["additionalProperties"] == false;
        assert_eq!(
            is_closed,
            name.starts_with("Submit") && !name.starts_with("Submitted"),
            "{name}"
        );
    }
    // No two types of a generated client have one name.
    let mut names: BTreeSet<&str> = schemas.as_object().unwrap().keys().map(String::as_str).collect();
    let kinds = schemas.as_object().unwrap().values();
    let kinds = kinds.flat_map(|schema| schema["oneOf"].as_array().into_iter().flatten());
    for title in kinds.filter_map(|kind| kind["title"].as_str()) {
        assert!(names.insert(title), "{title}");
    }
}

/// Every code with its statuses, from the rows of a table that begin with a code.
fn documented(page: &str) -> BTreeMap<(u16, String), String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    let rows = rows.filter_map(|row| {
        let cells: Vec<&str> = row.trim_end_matches('|').split(" | ").map(str::trim).collect();
        let status = cells[0].parse().ok()?;
        let name = cells[1].trim_matches('`').to_owned();
        Some(((status, name), cells[2].to_owned()))
    });
    rows.collect()
}

#[tokio::test]
async fn the_page_about_the_api_has_every_code_with_its_meaning_and_no_other() {
    let document = document().await;
    let examples = document["components"]["examples"].as_object().unwrap();
    let served = examples.values().map(|example| {
        let problem = &example["value"];
        let status = u16::try_from(problem["status"].as_u64().unwrap()).unwrap();
        let name = problem["code"].as_str().unwrap().to_owned();
        ((status, name), example["summary"].as_str().unwrap().to_owned())
    });
    let page = include_str!("../../../../docs/api.md");
    assert_eq!(documented(page), served.collect());
}

#[test]
fn every_code_that_the_sources_name_is_in_the_table() {
    let table = include_str!("../../src/openapi/codes.rs");
    let sources = [
        include_str!("../../src/problem.rs"),
        include_str!("../../src/input.rs"),
        include_str!("../../src/submit.rs"),
        include_str!("../../src/events.rs"),
        include_str!("../../src/routes/blocks.rs"),
        include_str!("../../src/routes/assets.rs"),
        include_str!("../../src/routes/log.rs"),
        include_str!("../../src/routes/proofs.rs"),
        include_str!("../../src/routes/state.rs"),
        include_str!("../../src/routes/transactions.rs"),
    ];
    // Those of the operations listener, which docs/operations.md has.
    let elsewhere = ["not_ready", "does_not_vote", "no_quorum_left", "not_from_there"];
    let mut seen = 0;
    for text in sources
        .iter()
        .flat_map(|source| source.split('"').skip(1).step_by(2))
    {
        let is_code =
            text.contains('_') && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let is_malformed = text.starts_with("malformed_") || text.starts_with("unknown_");
        if is_code && is_malformed && !elsewhere.contains(&text) {
            seen += 1;
            assert!(table.contains(&format!("    {text}: ")), "{text}");
        }
    }
    assert!(seen > 15, "{seen}");
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
