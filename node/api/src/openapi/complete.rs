//! What holds for many calls, put into the document once: parameters, headers, problems, bodies of bytes.
//!
//! A call's own description has what is its own: its answer, and under each status of a problem the codes that it
//! has besides those of every call.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quorate_client::schema::{
    MANY_TRANSACTIONS, OCTET_STREAM, OperationKind, PROBLEM_CONTENT_TYPE, ProposalStateView,
};
use quorate_ledger::ErrorCode;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use super::codes::{self, Code};
use super::flat;
use crate::config::{ApiConfig, DEFAULT_PAGE, MAX_PAGE};

/// The status of what the ledger would refuse.
const REFUSED: u16 = 422;

/// The path that takes transactions.
const SUBMISSIONS: &str = "/v1/transactions";

/// The codes of a call by status.
type Codes = BTreeMap<u16, BTreeSet<String>>;

/// The document with what it lacks.
pub(super) fn complete(document: &OpenApi) -> Value {
    let mut document = serde_json::to_value(document).expect("the document is plain JSON");
    document["servers"] = json!([
        { "url": "/", "description": "The node that this document came from" },
        { "url": "http://127.0.0.1:8100", "description": "A node on this machine, where it listens unless configured" },
    ]);
    for (path, item) in entries(document.get_mut("paths")) {
        for (_, call) in entries(Some(item)) {
            complete_call(path, call);
        }
    }
    let submit = &mut document["paths"][SUBMISSIONS]["post"];
    submit["requestBody"]["required"] = true.into();
    submit["requestBody"]["content"]["application/json"]["schema"] = either("SubmitRequest", "SubmitMany");
    for status in ["200", "202"] {
        let response = &mut submit["responses"][status];
        response["content"]["application/json"]["schema"] = either("Submitted", "SubmittedList");
        response["headers"]["Retry-After"] = json!({
            "description": "If some of many transactions were refused for lack of room: after how many seconds to try again",
            "schema": { "type": "integer", "minimum": 1 },
        });
    }
    let shared = &mut document["components"];
    complete_submissions(&mut shared["schemas"]);
    flat::flatten(&mut document);
    let shared = &mut document["components"];
    shared["headers"] = headers();
    shared["examples"] = codes::all().map(example).collect::<Map<_, _>>().into();
    shared["responses"] = everywhere();
    document
}

/// What the bodies of a submission in JSON take.
fn complete_submissions(schemas: &mut Value) {
    let one = &mut schemas["SubmitRequest"]["properties"]["transaction"];
    one["pattern"] = "^([0-9a-fA-F]{2})+$".into();
    let many = &mut schemas["SubmitMany"]["properties"]["transactions"];
    many["minItems"] = 1.into();
    many["maxItems"] = ApiConfig::default().max_transactions_per_call.into();
}

/// The entries of an object in their order; none of what is no object.
fn entries(value: Option<&mut Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    let object = value.and_then(Value::as_object_mut);
    object.into_iter().flat_map(Map::iter_mut)
}

fn either(one: &str, other: &str) -> Value {
    let schema = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    json!({ "oneOf": [schema(one), schema(other)] })
}

fn complete_call(path: &str, call: &mut Value) {
    let mut names = BTreeSet::new();
    let parameters = call.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        complete_parameter(path, &name, parameter);
        names.insert(name);
    }
    if let Some(body) = call.get_mut("requestBody") {
        complete_content(body);
    }
    let summary = call["summary"].clone();
    let mut codes = Codes::new();
    let mut responses = Map::new();
    for (status, response) in entries(call.get_mut("responses")) {
        if let Ok(failed @ 400..) = status.parse() {
            let text = response["description"].as_str().unwrap_or_default();
            let named = text.split('`').skip(1).step_by(2).map(str::to_owned);
            codes.entry(failed).or_default().extend(named);
            continue;
        }
        if response["description"].as_str().is_none_or(str::is_empty) {
            response["description"] = summary.clone();
        }
        complete_content(response);
        let is_read = path.starts_with("/v1/") && path != "/v1/events";
        if is_read {
            response["headers"]["Quorate-Height"] = header("Quorate-Height");
        }
        responses.insert(status.clone(), response.take());
    }
    add_common(path, &names, &mut codes);
    for (status, codes) in codes {
        responses.insert(status.to_string(), problem(status, &codes));
    }
    call["responses"] = responses.into();
}

/// Bodies of bytes are no lists of numbers.
fn complete_content(body: &mut Value) {
    for (kind, content) in entries(body.get_mut("content")) {
        if [OCTET_STREAM, MANY_TRANSACTIONS].contains(&kind.as_str()) {
            content["schema"] = json!({ "type": "string", "format": "binary" });
        }
    }
}

/// What parameters take that many calls have, and what no type says.
fn complete_parameter(path: &str, name: &str, parameter: &mut Value) {
    let config = ApiConfig::default();
    let pattern = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    let (schema, description) = match name {
        "limit" => (
            json!({ "type": "integer", "format": "int32", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_PAGE }),
            Some("The most items that a page has".to_owned()),
        ),
        "cursor" => (
            json!({ "type": "string" }),
            Some("`next` of the page before, with the same filters".to_owned()),
        ),
        "min_height" => {
            let seconds = config.max_height_wait.as_secs();
            let wait = format!(
                "Wait until this height is certified here; after {seconds} s the answer is 503 `height_not_reached`"
            );
            (
                json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX }),
                Some(wait),
            )
        }
        "timeout_ms" => {
            let (most, unless) = (millis(config.max_wait), millis(config.default_wait));
            (
                json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": most, "default": unless }),
                None,
            )
        }
        "wait" => (
            json!({ "type": "string", "enum": ["none", "committed"], "default": "none" }),
            None,
        ),
        "kind" => (
            json!({ "type": "string", "enum": OperationKind::ALL.map(OperationKind::name) }),
            None,
        ),
        "from" | "to" if path.starts_with("/v1/proofs/statement/") => {
            (json!({ "type": "string", "format": "date-time" }), None)
        }
        "to" if path == "/v1/proofs/committees" => (
            json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX }),
            None,
        ),
        "from" | "to" => (
            json!({ "anyOf": [pattern("^[0-9]{1,19}$"), { "type": "string", "format": "date-time" }] }),
            None,
        ),
        "size" => (
            json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX }),
            None,
        ),
        "level" => (json!({ "type": "integer", "minimum": 0, "maximum": 63 }), None),
        "width" => (json!({ "type": "integer", "minimum": 1, "maximum": 255 }), None),
        // Of a part of a tile its width follows; larger indices are deeper paths.
        "index" if path.ends_with("{width}") => (pattern("^[0-9]{3}\\.p$"), None),
        "index" => (pattern("^[0-9]{3}$"), None),
        "state" => (
            json!({ "type": "string", "enum": ProposalStateView::ALL.map(ProposalStateView::name) }),
            None,
        ),
        "number" => (pattern("^[0-9]{1,19}$"), None),
        // A name, or a number.
        "member" => (pattern("^[A-Za-z0-9_][A-Za-z0-9._-]{0,31}$"), None),
        "types" => (pattern("^(block|transaction)(,(block|transaction))*$"), None),
        "last_event_id" | "Last-Event-ID" => (pattern("^([0-9]{1,19}|[1-9][0-9]{0,18}\\.[0-9]{1,9})$"), None),
        "block" => (pattern("^([0-9]{1,19}|[0-9a-fA-F]{64}|latest)$"), None),
        "id" | "sha256" | "key" => (pattern("^[0-9a-fA-F]{64}$"), None),
        "code" | "asset" => (pattern("^[A-Z0-9]{1,12}$"), None),
        // The last six characters are a checksum, which no pattern says.
        "address" | "account" | "sender" | "by" => (pattern("^qr1[02-9ac-hj-np-z]{38}$"), None),
        _ => (json!({ "type": "string" }), None),
    };
    parameter["schema"] = schema;
    if let Some(description) = description {
        parameter["description"] = description.into();
    }
    if parameter["in"] == "query" {
        // What is empty counts as not given.
        parameter["allowEmptyValue"] = true.into();
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The codes that a call has as every other of its kind.
fn add_common(path: &str, parameters: &BTreeSet<String>, codes: &mut Codes) {
    let mut add = |status: u16, code: &str| codes.entry(status).or_default().insert(code.to_owned());
    add(400, "unknown_parameter");
    add(403, "not_from_there");
    add(500, "internal");
    add(503, "overloaded");
    if !parameters.is_empty() {
        add(400, "malformed_query");
    }
    if path.contains('{') {
        add(404, "no_such_call");
    }
    for (parameter, code) in [
        ("limit", "malformed_limit"),
        ("cursor", "malformed_cursor"),
        ("min_height", "malformed_min_height"),
    ] {
        if parameters.contains(parameter) {
            add(400, code);
        }
    }
    if parameters.contains("min_height") {
        add(503, "height_not_reached");
    }
    if let Some(refused) = codes.get_mut(&REFUSED).filter(|_| path == SUBMISSIONS) {
        let of_ledger = ErrorCode::ALL.iter().filter_map(|code| code.name());
        refused.extend(of_ledger.map(str::to_owned));
    }
}

/// A response that is a problem, with an example for each of its codes.
fn problem(status: u16, codes: &BTreeSet<String>) -> Value {
    let known = codes::all().filter(|known| known.status == status && codes.contains(known.name));
    let known: Vec<Code> = known.collect();
    assert_eq!(
        known.len(),
        codes.len(),
        "each code under {status} has a line in the table: {codes:?}"
    );
    let meanings: Vec<String> = known
        .iter()
        .map(|code| format!("- `{}`: {}", code.name, code.meaning))
        .collect();
    let examples: Map<String, Value> = known
        .iter()
        .map(|code| {
            let reference = format!("#/components/examples/{}", name_of_example(code));
            (code.name.to_owned(), json!({ "$ref": reference }))
        })
        .collect();
    let mut response = json!({
        "description": format!("A problem, by its `code`:\n\n{}", meanings.join("\n")),
        "content": {
            PROBLEM_CONTENT_TYPE: {
                "schema": { "$ref": "#/components/schemas/Problem" },
                "examples": examples,
            },
        },
    });
    let own_header = match status {
        415 => Some("Accept-Encoding"),
        429 | 503 => Some("Retry-After"),
        _ => None,
    };
    if let Some(name) = own_header {
        response["headers"] = json!({ name: header(name) });
    }
    response
}

/// A code may come with several statuses.
fn name_of_example(code: &Code) -> String {
    format!("{}.{}", code.status, code.name)
}

fn example(code: Code) -> (String, Value) {
    let mut problem = json!({
        "type": format!("about:blank#{}", code.name),
        "title": code.title,
        "status": code.status,
        "detail": code.meaning,
        "code": code.name,
    });
    if matches!(code.status, 429 | 503) {
        problem["retry_after_ms"] = 1_000.into();
    }
    let name = name_of_example(&code);
    (name, json!({ "summary": code.meaning, "value": problem }))
}

fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

fn headers() -> Value {
    json!({
        "Quorate-Height": {
            "description": "The certified height that the answer was read at",
            "required": true,
            "schema": { "type": "integer", "format": "int64", "minimum": 0 },
        },
        "Retry-After": {
            "description": "After how many seconds it may be worth trying again",
            "required": true,
            "schema": { "type": "integer", "minimum": 1 },
        },
        "Allow": {
            "description": "The methods that the path takes, with commas",
            "required": true,
            "schema": { "type": "string" },
        },
        "Accept-Encoding": {
            "description": "Present if the body was packed: bodies are taken as they are",
            "schema": { "type": "string", "const": "identity" },
        },
    })
}

/// Answers that no call has for itself.
fn everywhere() -> Value {
    let with_codes = |status, code: &str| problem(status, &BTreeSet::from([code.to_owned()]));
    let mut wrong_method = with_codes(405, "method_not_allowed");
    wrong_method["headers"] = json!({ "Allow": header("Allow") });
    json!({
        "MethodNotAllowed": wrong_method,
        "NoSuchCall": with_codes(404, "no_such_call"),
        "Options": {
            "description": "OPTIONS at any path",
            "headers": { "Allow": header("Allow") },
        },
    })
}
