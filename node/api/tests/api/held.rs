//! Every answer of every test is held to the document: its status, its content type, its headers, its code. Bodies
//! are held to their schemas by a validator that is not ours, on a running node (`tests/clusters/openapi.rs`).

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::Value;
use tokio::sync::OnceCell;
use tower::ServiceExt as _;

use crate::fake::Fake;
use crate::web::{Answer, router};

static DOCUMENT: OnceCell<Value> = OnceCell::const_new();

/// What `GET /openapi.json` answers.
pub(crate) async fn document() -> &'static Value {
    let read = || async {
        let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
        let response = router(&Fake::new()).oneshot(request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap();
        serde_json::from_slice(&body).unwrap()
    };
    DOCUMENT.get_or_init(read).await
}

/// The path of the document that an address has; the one with the fewest names in braces, as the router takes it.
fn template<'a>(document: &'a Value, address: &str) -> Option<&'a str> {
    let parts: Vec<&str> = address.split('/').collect();
    let fits = |template: &&String| {
        let wanted: Vec<&str> = template.split('/').collect();
        wanted.len() == parts.len()
            && wanted
                .iter()
                .zip(&parts)
                .all(|(wanted, part)| wanted.starts_with('{') && !part.is_empty() || wanted == part)
    };
    let paths = document["paths"].as_object().unwrap().keys();
    let fitting = paths.filter(fits);
    fitting
        .min_by_key(|template| template.matches('{').count())
        .map(String::as_str)
}

/// What a reference in the document leads to.
fn followed<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(&reference[1..]).unwrap(),
        None => value,
    }
}

/// Fails unless the document has this answer for this call.
pub(crate) async fn check(method: &Method, address: &str, answer: &Answer) {
    // Pages are not described, nor is what the operations listener does not have.
    if !address.starts_with("/v1/") {
        return;
    }
    let document = document().await;
    let Some(template) = template(document, address).filter(|_| *method != Method::HEAD) else {
        return;
    };
    let what = format!("{method} {address} ({template}): {}", answer.status);
    let call = &document["paths"][template][method.as_str().to_ascii_lowercase()];
    if call.is_null() {
        // OPTIONS, and methods that the path does not take: described once for all.
        let wanted = if *method == Method::OPTIONS { 204 } else { 405 };
        assert_eq!(answer.status, wanted, "{what}");
        assert!(answer.header("allow").is_some(), "{what}");
        return;
    }
    let response = &call["responses"][answer.status.as_str()];
    assert!(response.is_object(), "{what} is not documented");
    assert!(
        response["description"]
            .as_str()
            .is_some_and(|text| !text.is_empty()),
        "{what}"
    );
    let kind = answer.header("content-type").unwrap();
    let content = &response["content"][kind];
    assert!(content.is_object(), "{what}: {kind} is not documented");
    for name in ["quorate-height", "retry-after", "accept-encoding"] {
        let documented = response["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .find(|(documented, _)| documented.eq_ignore_ascii_case(name));
        match answer.header(name) {
            Some(_) => assert!(documented.is_some(), "{what}: {name} is not documented"),
            None => assert!(
                documented.is_none_or(|(_, header)| followed(document, header)["required"] != true),
                "{what}: {name} is missing"
            ),
        }
    }
    if kind == "application/problem+json" {
        let problem = answer.json();
        let code = problem["code"].as_str().unwrap();
        let example = followed(document, &content["examples"][code]);
        assert!(example.is_object(), "{what}: {code} is not documented");
        assert_eq!(example["value"]["title"], problem["title"], "{what}: {code}");
        assert_eq!(
            example["value"]["status"],
            answer.status.as_u16(),
            "{what}: {code}"
        );
    }
}
