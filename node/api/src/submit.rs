//! Submitting transactions, one or many in a call, and waiting for their outcomes.
//!
//! A body's size is looked at before it is read, its room reserved before it is held, and nothing is
//! decoded here but the container: the node judges transactions, all of a call together.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use quorate_client::schema::{
    MANY_TRANSACTIONS, OCTET_STREAM, Problem, SubmitMany, SubmitRequest, Submitted, SubmittedList,
    SubmittedStatus,
};
use quorate_ledger::{Digest, Height};
use serde::Deserialize;
use tokio::time::Instant;

use crate::app::{App, At};
use crate::config::ApiConfig;
use crate::facts::{Admission, Refusal, Settled, Skip};
use crate::input::Params;
use crate::problem::{Failure, whole_seconds};
use crate::shape;

/// What `wait` asks for, with the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Admitted,
    CommittedUntil(Instant),
}

/// The transactions of a call: one is answered for itself, many are answered as a list.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Submission {
    One(Bytes),
    Many(Vec<Bytes>),
}

/// The JSON body: exactly one of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonBody {
    transaction: Option<String>,
    transactions: Option<Vec<String>>,
}

/// Submits one signed transaction or many.
///
/// Bodies: JSON with `transaction` or `transactions` in hex; `application/octet-stream`, the canonical
/// bytes of one; `application/vnd.quorate.transactions`, the BCS of a sequence of byte strings, each the
/// canonical bytes of one. One transaction is answered with 202 and `pending`, or 200 and its outcome
/// when that is known or was waited for, or a problem document. Many are answered with a result for
/// each, refusals included.
#[utoipa::path(post, path = "/v1/transactions", tag = "transactions",
    params(
        ("wait" = Option<String>, Query, description = "`committed`: answer when the outcome is certified"),
        ("timeout_ms" = Option<u64>, Query, description = "How long to wait; 10,000 by default, at most 60,000"),
    ),
    request_body(content(
        (SubmitRequest = "application/json"),
        (Vec<u8> = "application/octet-stream"),
        (Vec<u8> = "application/vnd.quorate.transactions"))),
    responses(
        (status = 200, description = "The outcome; for many, once all are settled or the wait is over", body = Submitted),
        (status = 202, description = "Admitted, which promises nothing yet", body = Submitted),
        (status = 400, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
        (status = 422, description = "The ledger would refuse it; `code` says why", body = Problem),
        (status = 429, description = "No room; `Retry-After` says when to try again", body = Problem),
        (status = 503, body = Problem)))]
pub(crate) async fn submit(
    State(app): State<App>,
    params: Params,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let wait = wait_of(&params, &app.config)?;
    let (body, room) = receive(&app, &headers, body).await?;
    let submission = read(content_type(&headers), &body, &app.config)?;
    drop(body);
    match submission {
        Submission::One(transaction) => {
            let admission = app.node.submit(vec![transaction]).await.pop();
            drop(room);
            let admission = admission.ok_or_else(|| node_answered_wrong_count(1, 0))?;
            if let Admission::Refused { id, refusal } = admission {
                return Err(Failure::Refused { id, refusal });
            }
            let result = follow(&app, admission, wait).await?;
            let status = if result.status == SubmittedStatus::Pending {
                StatusCode::ACCEPTED
            } else {
                StatusCode::OK
            };
            Ok(at_now(&app, result).respond(|result| (status, Json(result))))
        }
        Submission::Many(transactions) => {
            let expected = transactions.len();
            let admissions = app.node.submit(transactions).await;
            drop(room);
            if admissions.len() != expected {
                return Err(node_answered_wrong_count(expected, admissions.len()));
            }
            // All are waited for from here on, so they may be looked at one after the other.
            let followed: Vec<_> = admissions
                .into_iter()
                .map(|admission| follow(&app, admission, wait))
                .collect();
            let mut results = Vec::with_capacity(expected);
            for result in followed {
                results.push(result.await?);
            }
            Ok(answer_many(&app, results, wait))
        }
    }
}

fn answer_many(app: &App, results: Vec<Submitted>, wait: Wait) -> Response {
    let retry = results.iter().filter_map(|result| result.retry_after_ms).max();
    let pending = results
        .iter()
        .any(|result| result.status == SubmittedStatus::Pending);
    let status = if pending && wait == Wait::Admitted {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    let mut response = at_now(app, SubmittedList { results }).respond(|list| (status, Json(list)));
    if let Some(millis) = retry {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(whole_seconds(millis)));
    }
    response
}

/// What an admitted transaction comes to, if that is to be waited for, which begins at once.
fn follow(
    app: &App,
    admission: Admission,
    wait: Wait,
) -> impl Future<Output = Result<Submitted, Failure>> + use<'_> {
    let waiting = match (&admission, wait) {
        (Admission::Pending { id }, Wait::CommittedUntil(deadline)) => {
            Some((*id, deadline, app.node.settled(*id)))
        }
        _ => None,
    };
    async move {
        let Some((id, deadline, settled)) = waiting else {
            return Ok(shape::admission(&admission));
        };
        match tokio::time::timeout_at(deadline, settled).await {
            Err(_) => Ok(shape::admission(&admission)),
            Ok(settled) => Ok(outcome(id, settled?)),
        }
    }
}

fn outcome(id: Digest, settled: Settled) -> Submitted {
    match settled {
        Settled::Executed(facts) => shape::executed(&facts),
        Settled::Expired => Submitted {
            code: Some("expired".to_owned()),
            error: Some(Refusal::Expired.to_string()),
            ..shape::submitted(Some(id), SubmittedStatus::Expired)
        },
        Settled::Dropped(skip) => {
            let (code, error) = match skip {
                Skip::Unauthorised => (
                    "unauthorised",
                    "its signatures no longer authorise it, so no block executed it",
                ),
                Skip::ExpiryTooFar => (
                    "expiry_too_far",
                    "its expiry lies too far past the chain's time, so no block executed it",
                ),
            };
            Submitted {
                code: Some(code.to_owned()),
                error: Some(error.to_owned()),
                ..shape::submitted(Some(id), SubmittedStatus::Refused)
            }
        }
    }
}

fn at_now<T>(app: &App, value: T) -> At<T> {
    let height: Height = *app.node.heights().borrow();
    At { height, value }
}

fn node_answered_wrong_count(expected: usize, got: usize) -> Failure {
    crate::node::Fault(format!("{got} admissions for {expected} transactions")).into()
}

fn wait_of(params: &Params, config: &ApiConfig) -> Result<Wait, Failure> {
    let timeout = params.number("timeout_ms", "malformed_timeout")?;
    match params.text("wait") {
        None | Some("none") => Ok(Wait::Admitted),
        Some("committed") => {
            let timeout = timeout.map_or(config.default_wait, std::time::Duration::from_millis);
            Ok(Wait::CommittedUntil(
                Instant::now() + timeout.min(config.max_wait),
            ))
        }
        Some(other) => {
            let detail = format!(
                "`wait` is `{}`; it may be `committed`",
                crate::input::shown(other)
            );
            Err(Failure::malformed("malformed_wait", detail))
        }
    }
}

/// Reads a body within the bounds of size and time. The second part is the room it takes.
async fn receive(
    app: &App,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Bytes, tokio::sync::OwnedSemaphorePermit), Failure> {
    let limit = app.config.max_body_bytes;
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = declared.filter(|length| usize::try_from(*length).map_or(true, |it| it > limit)) {
        return Err(Failure::BodyTooLarge { length, limit });
    }
    let room = app.room_for_body(
        declared
            .and_then(|length| length.try_into().ok())
            .unwrap_or(limit),
    )?;
    let reading = axum::body::to_bytes(body, limit);
    let seconds = app.config.body_timeout.as_secs();
    let body = tokio::time::timeout(app.config.body_timeout, reading)
        .await
        .map_err(|_| Failure::BodyTooSlow { seconds })?
        .map_err(|error| body_failure(&error, limit))?;
    Ok((body, room))
}

fn body_failure(error: &axum::Error, limit: usize) -> Failure {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        // The body's type for this is private to http-body-util.
        if error.to_string().contains("length limit exceeded") {
            let length = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
            return Failure::BodyTooLarge { length, limit };
        }
        cause = error.source();
    }
    Failure::malformed("broken_body", "the body broke off")
}

/// The content type without its parameters; JSON if none is given.
fn content_type(headers: &HeaderMap) -> &str {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return "application/json";
    };
    let text = value.to_str().unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim()
}

fn read(content_type: &str, body: &Bytes, config: &ApiConfig) -> Result<Submission, Failure> {
    let submission = match content_type {
        OCTET_STREAM => Submission::One(body.clone()),
        MANY_TRANSACTIONS => {
            let list: Vec<&serde_bytes::Bytes> = bcs::from_bytes(body).map_err(|error| {
                let detail = format!("the body is not the BCS of a sequence of byte strings: {error}");
                Failure::malformed("malformed_body", detail)
            })?;
            Submission::Many(list.into_iter().map(|bytes| body.slice_ref(bytes)).collect())
        }
        "application/json" => read_json(body)?,
        _ => {
            const ALLOWED: &str =
                "application/json, application/octet-stream, application/vnd.quorate.transactions";
            return Err(Failure::UnsupportedContent { allowed: ALLOWED });
        }
    };
    match &submission {
        Submission::Many(list) if list.is_empty() => Err(Failure::malformed(
            "malformed_body",
            "the list of transactions is empty",
        )),
        Submission::Many(list) if list.len() > config.max_transactions_per_call => {
            let (got, limit) = (list.len(), config.max_transactions_per_call);
            let detail = format!("{got} transactions in one call, at most {limit} are taken");
            Err(Failure::malformed("too_many_transactions", detail))
        }
        _ => Ok(submission),
    }
}

fn read_json(body: &Bytes) -> Result<Submission, Failure> {
    let malformed = |detail: String| Failure::malformed("malformed_body", detail);
    let body: JsonBody = serde_json::from_slice(body)
        .map_err(|error| malformed(format!("the body is not the JSON that is expected: {error}")))?;
    let bytes = |text: &String| {
        let bytes = hex::decode(text).map(Bytes::from);
        bytes.map_err(|error| malformed(format!("a transaction is not in hexadecimal digits: {error}")))
    };
    match body {
        JsonBody {
            transaction: Some(one),
            transactions: None,
        } => Ok(Submission::One(bytes(&one)?)),
        JsonBody {
            transaction: None,
            transactions: Some(many),
        } => Ok(Submission::Many(
            many.iter().map(bytes).collect::<Result<_, _>>()?,
        )),
        _ => Err(malformed(
            "expected is either `transaction` or `transactions`, in hex".to_owned(),
        )),
    }
}

/// For the OpenAPI document, which otherwise would not know it.
pub(crate) type ManyInJson = SubmitMany;
