//! Submitting transactions with their texts, one or many in a call, and waiting for their outcomes.
//!
//! A body's size is looked at before it is read, its room reserved before it is held, and nothing is
//! decoded here but the container: the node judges transactions, all of a call together.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use quorate_client::schema::{
    MANY_TRANSACTIONS, OCTET_STREAM, SubmitMany, SubmitRequest, Submitted, SubmittedList, SubmittedStatus,
};
use quorate_ledger::{Digest, Outcome};
use serde::Deserialize;
use tokio::time::Instant;

use crate::app::App;
use crate::config::{ADMISSION_PIECE, ApiConfig, BAD_SIGNATURE_COST, MAX_BAD_SIGNATURE_COST};
use crate::input::Params;
use crate::node::{Admission, Fault, OutcomeAt, Refusal, Settled, Skip};
use crate::problem::{Failure, code_of, operation_of, retry_after_ms, whole_seconds};
use crate::shares::{ClientAddress, Share};

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
    Many(Vec<Result<Bytes, Refusal>>),
}

/// The JSON body: exactly one of the two.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object with `transaction` or `transactions`"
)]
struct JsonBody {
    transaction: Option<String>,
    transactions: Option<Vec<String>>,
}

/// Submits one signed transaction or many, each with its texts.
///
/// Bodies: JSON with `transaction` or `transactions` in hex; `application/octet-stream`, the canonical
/// bytes of one submission (a signed transaction with its texts); `application/vnd.quorate.transactions`, the BCS of a
/// sequence of byte strings, each the canonical bytes of one. One transaction is answered with 202 and `pending`, or 200 and its outcome
/// when that is known or was waited for, or a problem document. Many are answered with a result for
/// each, refusals included. How a transaction is built and signed is in Quorate's `docs/signing.md`.
#[utoipa::path(post, path = "/v1/transactions", tag = "transactions",
    params(
        ("wait" = Option<String>, Query, description = "`committed`: answer when the outcome is certified. `none`: at once"),
        ("timeout_ms" = Option<u64>, Query, description = "How long `wait=committed` waits, in milliseconds. When that is over, one transaction is answered with 202 and `pending`, many with 200 and `pending` among the results"),
    ),
    request_body(content(
        (SubmitRequest = "application/json"),
        (Vec<u8> = "application/octet-stream"),
        (Vec<u8> = "application/vnd.quorate.transactions"))),
    responses(
        (status = 200, description = "One: its outcome. Many: all are settled, or the wait is over", body = Submitted),
        (status = 202, description = "Admitted, which promises nothing yet; of many, at least one is", body = Submitted),
        (status = 400, description = "`malformed_wait` `malformed_timeout` `malformed_body` `broken_body` `too_many_transactions` `malformed_transaction` `texts_missing` `texts_unfit` `text_refused` `bad_signature`"),
        (status = 408, description = "`body_too_slow`"),
        (status = 413, description = "`body_too_large` `transaction_too_large`"),
        (status = 415, description = "`unsupported_content`"),
        (status = 422, description = "`wrong_network` `expired` `expiry_too_far` `unauthorised` `needless_signature` `over_quota` `unknown_sender` `would_fail`"),
        (status = 429, description = "`pool_full` `quota_full`"),
        (status = 503, description = "`unavailable`")))]
pub(crate) async fn submit(
    State(app): State<App>,
    client: ClientAddress,
    params: Params,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let wait = wait_of(&params, &app.config)?;
    check_encoding(&headers)?;
    let (body, room) = receive(&app, client, &headers, body).await?;
    let submission = read(&content_type(&headers), &body, &app.config)?;
    drop(body);
    match submission {
        Submission::One(transaction) => {
            let admission = checked(&app, vec![transaction]).await?.pop();
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
            Ok(app.now(result).respond(|result| (status, Json(result))))
        }
        Submission::Many(transactions) => {
            let expected = transactions.len();
            let admissions = admitted(&app, transactions).await?;
            drop(room);
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

/// What the node says of each, in their order; it is not asked of what is no transaction on its face.
async fn admitted(app: &App, transactions: Vec<Result<Bytes, Refusal>>) -> Result<Vec<Admission>, Failure> {
    let asked: Vec<Bytes> = transactions.iter().flatten().cloned().collect();
    let count = asked.len();
    let answers = checked(app, asked).await?;
    let mut answers = answers.into_iter();
    let each = transactions.into_iter().map(|transaction| match transaction {
        Ok(_) => answers.next(),
        Err(refusal) => Some(Admission::Refused { id: None, refusal }),
    });
    each.collect::<Option<_>>()
        .ok_or_else(|| node_answered_wrong_count(count, 0))
}

/// The node's word on each, asked for in turns with what other clients submit. Who sends signatures that do not fit has
/// fewer turns for a while.
async fn checked(app: &App, transactions: Vec<Bytes>) -> Result<Vec<Admission>, Failure> {
    let count = transactions.len();
    let mut answers = Vec::with_capacity(count);
    for piece in transactions.chunks(ADMISSION_PIECE) {
        let turn = app.admissions.take().await?;
        let began = Instant::now();
        let admissions = app.node.submit(piece.to_vec()).await;
        if admissions.iter().any(has_bad_signature) {
            let cost = began.elapsed().saturating_mul(BAD_SIGNATURE_COST);
            // Not a part of the call: whoever hangs up has had it checked all the same.
            tokio::spawn(turn.end_after(cost.min(MAX_BAD_SIGNATURE_COST)));
        }
        answers.extend(admissions);
    }
    match answers.len() == count {
        true => Ok(answers),
        false => Err(node_answered_wrong_count(count, answers.len())),
    }
}

fn has_bad_signature(admission: &Admission) -> bool {
    matches!(
        admission,
        Admission::Refused {
            refusal: Refusal::BadSignature { .. },
            ..
        }
    )
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
    let mut response = app
        .now(SubmittedList { results })
        .respond(|list| (status, Json(list)));
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
            return Ok(answer(&admission));
        };
        match tokio::time::timeout_at(deadline, settled).await {
            Err(_) => Ok(answer(&admission)),
            Ok(settled) => Ok(outcome(id, settled?)),
        }
    }
}

fn outcome(id: Digest, settled: Settled) -> Submitted {
    match settled {
        Settled::Executed(at) => executed(at),
        Settled::Expired => Submitted {
            code: Some("expired".to_owned()),
            error: Some(Refusal::Expired.to_string()),
            ..submitted(Some(id), SubmittedStatus::Expired)
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
                ..submitted(Some(id), SubmittedStatus::Refused)
            }
        }
    }
}

/// An answer that says only the status.
fn submitted(id: Option<Digest>, status: SubmittedStatus) -> Submitted {
    Submitted {
        id,
        status,
        height: None,
        index: None,
        code: None,
        error: None,
        failed_operation: None,
        retry_after_ms: None,
    }
}

fn executed(at: OutcomeAt) -> Submitted {
    let placed = Submitted {
        height: Some(at.height),
        index: Some(at.index),
        ..submitted(Some(at.id), SubmittedStatus::Committed)
    };
    match at.outcome {
        Outcome::Success { .. } => placed,
        Outcome::Failed { code, operation } => Submitted {
            status: SubmittedStatus::Failed,
            code: Some(
                code.name()
                    .map_or_else(|| code.number().to_string(), str::to_owned),
            ),
            error: Some(code.to_string()),
            failed_operation: Some(u16::from(operation)),
            ..placed
        },
    }
}

fn answer(admission: &Admission) -> Submitted {
    match admission {
        Admission::Pending { id } => submitted(Some(*id), SubmittedStatus::Pending),
        Admission::Executed(at) => executed(at.clone()),
        Admission::Refused { id, refusal } => Submitted {
            code: Some(code_of(refusal).to_owned()),
            error: Some(refusal.to_string()),
            failed_operation: operation_of(refusal),
            retry_after_ms: retry_after_ms(refusal),
            ..submitted(*id, SubmittedStatus::Refused)
        },
    }
}

fn node_answered_wrong_count(expected: usize, got: usize) -> Failure {
    Fault(format!("{got} admissions for {expected} transactions")).into()
}

fn wait_of(params: &Params, config: &ApiConfig) -> Result<Wait, Failure> {
    let timeout = params.number("timeout_ms", "malformed_timeout")?;
    let timeout = timeout.map_or(config.default_wait, Duration::from_millis);
    if timeout > config.max_wait {
        let most = config.max_wait.as_millis();
        let detail = format!(
            "`timeout_ms` is {}; at most {most} are waited",
            timeout.as_millis()
        );
        return Err(Failure::malformed("malformed_timeout", detail));
    }
    match params.text("wait") {
        None | Some("none") => Ok(Wait::Admitted),
        Some("committed") => Ok(Wait::CommittedUntil(Instant::now() + timeout)),
        Some(other) => {
            let detail = format!(
                "`wait` is `{}`; it may be `committed`",
                crate::input::shown(other)
            );
            Err(Failure::malformed("malformed_wait", detail))
        }
    }
}

/// Reads a body within the bounds of size and time. The second part is the room it takes, which grows as it arrives:
/// what is only announced takes nothing from others.
async fn receive(
    app: &App,
    client: ClientAddress,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Bytes, Share), Failure> {
    let limit = app.config.max_body_bytes;
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if let Some(length) = declared.filter(|length| usize::try_from(*length).map_or(true, |it| it > limit)) {
        return Err(Failure::BodyTooLarge { length, limit });
    }
    let overloaded = || Failure::Overloaded { what: "uploads" };
    let mut room = app.bodies.take(client, 0).ok_or_else(overloaded)?;
    let too_slow = |time: Duration| Failure::BodyTooSlow {
        seconds: time.as_secs(),
    };
    let deadline = Instant::now() + app.config.body_timeout;
    let mut pieces = body.into_data_stream();
    let mut received = BytesMut::new();
    loop {
        let pause = Instant::now() + app.config.body_pause;
        let piece = tokio::time::timeout_at(pause.min(deadline), pieces.next()).await;
        let piece = match piece {
            Ok(Some(piece)) => piece.map_err(|_| Failure::malformed("broken_body", "the body broke off"))?,
            Ok(None) => return Ok((received.freeze(), room)),
            Err(_) if pause < deadline => return Err(too_slow(app.config.body_pause)),
            Err(_) => return Err(too_slow(app.config.body_timeout)),
        };
        if received.len() + piece.len() > limit {
            let length = received.len().saturating_add(piece.len());
            let length = u64::try_from(length).unwrap_or(u64::MAX);
            return Err(Failure::BodyTooLarge { length, limit });
        }
        if !room.grow(piece.len()) {
            return Err(overloaded());
        }
        received.extend_from_slice(&piece);
    }
}

/// The content type in small letters and without its parameters; JSON if none is given.
fn content_type(headers: &HeaderMap) -> String {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return "application/json".to_owned();
    };
    let text = value.to_str().unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim();
    kind.to_ascii_lowercase()
}

/// Refuses bodies that are packed: to unpack them takes room that nobody has counted.
fn check_encoding(headers: &HeaderMap) -> Result<(), Failure> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    let is_plain = |value: &HeaderValue| {
        let text = value.to_str().unwrap_or_default().trim();
        text.is_empty() || text.eq_ignore_ascii_case("identity")
    };
    match encodings.all(is_plain) {
        true => Ok(()),
        false => Err(Failure::PackedContent),
    }
}

fn read(content_type: &str, body: &Bytes, config: &ApiConfig) -> Result<Submission, Failure> {
    let submission = match content_type {
        OCTET_STREAM => Submission::One(body.clone()),
        MANY_TRANSACTIONS => {
            let list: Vec<&serde_bytes::Bytes> = bcs::from_bytes(body).map_err(|error| {
                let detail = format!("the body is not the BCS of a sequence of byte strings: {error}");
                Failure::malformed("malformed_body", detail)
            })?;
            Submission::Many(list.into_iter().map(|bytes| Ok(body.slice_ref(bytes))).collect())
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
        bytes.map_err(|error| format!("a transaction is not in hexadecimal digits: {error}"))
    };
    match body {
        JsonBody {
            transaction: Some(one),
            transactions: None,
        } => Ok(Submission::One(bytes(&one).map_err(malformed)?)),
        JsonBody {
            transaction: None,
            transactions: Some(many),
        } => {
            let refused = |reason| Refusal::Malformed { reason };
            let each = many.iter().map(|text| bytes(text).map_err(refused));
            Ok(Submission::Many(each.collect()))
        }
        _ => Err(malformed(
            "give either `transaction` or `transactions`, in hex".to_owned(),
        )),
    }
}

/// For the OpenAPI document, which otherwise would not know it.
pub(crate) type ManyInJson = SubmitMany;
