//! Failed calls as problem documents (RFC 9457).

use std::sync::Arc;

use axum::http::header::{ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use quorate_client::schema::{PROBLEM_CONTENT_TYPE, Problem};
use quorate_ledger::{Digest, Height};

use crate::node::{Fault, NoProof, Refusal};

/// Why a call failed. Codes are stable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{detail}")]
    Malformed { code: &'static str, detail: String },
    #[error("{detail}")]
    NotFound { code: &'static str, detail: String },
    #[error("{detail}")]
    NotYet { code: &'static str, detail: String },
    #[error("{detail}")]
    ProofTooLong { detail: String },
    #[error("there is no such page or call; GET /openapi.json lists the calls")]
    NoSuchCall,
    #[error("this address does not know this method; GET /openapi.json lists the calls")]
    MethodNotAllowed,
    #[error("there is no such call on the operations listener; it has {known}")]
    NoSuchOperation { known: Arc<str> },
    #[error("this address does not know this method; the operations listener has {known}")]
    OperationMethod { known: Arc<str> },
    #[error("the body has {length} bytes, at most {limit} are taken")]
    BodyTooLarge { length: u64, limit: usize },
    #[error("the body did not arrive within {seconds} seconds")]
    BodyTooSlow { seconds: u64 },
    #[error("the content type is not one of {allowed}")]
    UnsupportedContent { allowed: &'static str },
    #[error("this listener is called by its IP address or as localhost, not as {name}")]
    ForeignName { name: String },
    #[error(
        "this node is called by its IP address, as localhost, or by a name that its config.toml has in api.hosts, not \
         as {name}"
    )]
    UnknownHost { name: String },
    #[error("web pages may not change anything here")]
    FromPage,
    #[error("bodies are taken as they are, not packed: send it without Content-Encoding")]
    PackedContent,
    #[error("the node has certified height {height} and {wanted} was asked for; try again or another node")]
    HeightNotReached { height: Height, wanted: Height },
    #[error("the node has as many {what} under way as it takes; try again in a second")]
    Overloaded { what: &'static str },
    #[error("{refusal}")]
    Refused { id: Option<Digest>, refusal: Refusal },
    #[error("{reason}")]
    NotReady { reason: String },
    #[error("{reason}")]
    DoesNotVote { reason: String },
    #[error("{reason}")]
    NoQuorumLeft { reason: String },
    #[error("the node could not answer; its log says why")]
    Internal { fault: Fault },
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Internal { fault }
    }
}

impl From<NoProof> for Failure {
    fn from(reason: NoProof) -> Self {
        match reason {
            NoProof::NotSo(detail) => Self::not_found("nothing_to_prove", detail),
            NoProof::Malformed(detail) => Self::malformed("malformed_range", detail),
            NoProof::TooLong(detail) => Self::ProofTooLong { detail },
            NoProof::NotAtHand(detail) => Self::not_found("not_at_hand", detail),
        }
    }
}

impl Failure {
    pub(crate) fn malformed(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Malformed {
            code,
            detail: detail.into(),
        }
    }

    pub(crate) fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::NotFound {
            code,
            detail: detail.into(),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed { .. } => StatusCode::BAD_REQUEST,
            Self::NotFound { .. } | Self::NoSuchCall | Self::NoSuchOperation { .. } => StatusCode::NOT_FOUND,
            Self::NotYet { .. } => StatusCode::CONFLICT,
            Self::ProofTooLong { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::MethodNotAllowed | Self::OperationMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::UnsupportedContent { .. } | Self::PackedContent => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::ForeignName { .. } | Self::UnknownHost { .. } | Self::FromPage => StatusCode::FORBIDDEN,
            Self::HeightNotReached { .. }
            | Self::Overloaded { .. }
            | Self::NotReady { .. }
            | Self::DoesNotVote { .. }
            | Self::NoQuorumLeft { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused { refusal, .. } => status_of(refusal),
            Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Malformed { code, .. } | Self::NotFound { code, .. } | Self::NotYet { code, .. } => code,
            Self::ProofTooLong { .. } => "proof_too_long",
            Self::NoSuchCall | Self::NoSuchOperation { .. } => "no_such_call",
            Self::MethodNotAllowed | Self::OperationMethod { .. } => "method_not_allowed",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyTooSlow { .. } => "body_too_slow",
            Self::UnsupportedContent { .. } | Self::PackedContent => "unsupported_content",
            Self::ForeignName { .. } | Self::UnknownHost { .. } | Self::FromPage => "not_from_there",
            Self::HeightNotReached { .. } => "height_not_reached",
            Self::Overloaded { .. } => "overloaded",
            Self::Refused { refusal, .. } => code_of(refusal),
            Self::NotReady { .. } => "not_ready",
            Self::DoesNotVote { .. } => "does_not_vote",
            Self::NoQuorumLeft { .. } => "no_quorum_left",
            Self::Internal { .. } => "internal",
        }
    }

    pub(crate) fn title(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "The request is malformed",
            Self::NotFound { .. } => "Not found",
            Self::NotYet { .. } => "Not executed yet",
            Self::ProofTooLong { .. } => "The proof would be too long",
            Self::NoSuchCall | Self::NoSuchOperation { .. } => "No such call",
            Self::MethodNotAllowed | Self::OperationMethod { .. } => "Method not allowed",
            Self::BodyTooLarge { .. } => "The body is too large",
            Self::BodyTooSlow { .. } => "The body came too slowly",
            Self::UnsupportedContent { .. } | Self::PackedContent => "Unsupported content",
            Self::ForeignName { .. } | Self::UnknownHost { .. } | Self::FromPage => "Not from there",
            Self::HeightNotReached { .. } => "The height is not reached yet",
            Self::Overloaded { .. } => "The node is overloaded",
            Self::NotReady { .. } => "The node is not ready",
            Self::DoesNotVote { .. } => "The validator does not vote",
            Self::NoQuorumLeft { .. } => "Too few validators vote",
            Self::Internal { .. } => "The node failed",
            Self::Refused { refusal, .. } => match status_of(refusal) {
                StatusCode::UNPROCESSABLE_ENTITY => "The ledger would refuse the transaction",
                StatusCode::TOO_MANY_REQUESTS => "Too many pending transactions",
                StatusCode::SERVICE_UNAVAILABLE => "The node takes no transactions now",
                _ => "The transaction is malformed",
            },
        }
    }

    fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Refused { refusal, .. } => retry_after_ms(refusal),
            Self::HeightNotReached { .. } | Self::Overloaded { .. } => Some(1_000),
            _ => None,
        }
    }

    /// When it may be tried again, for the header `Retry-After`.
    pub(crate) fn retry_after(&self) -> Option<HeaderValue> {
        let millis = self.retry_after_ms()?;
        Some(HeaderValue::from(whole_seconds(millis)))
    }

    pub(crate) fn document(&self) -> Problem {
        let (id, operation) = match self {
            Self::Refused { id, refusal } => (*id, operation_of(refusal)),
            _ => (None, None),
        };
        Problem {
            kind: format!("about:blank#{}", self.code()),
            title: self.title().to_owned(),
            status: self.status().as_u16(),
            detail: self.to_string(),
            code: self.code().to_owned(),
            id,
            operation,
            retry_after_ms: self.retry_after_ms(),
        }
    }

    /// Says in the node's log what clients are not told.
    pub(crate) fn log(&self) {
        if let Self::Internal { fault } = self {
            tracing::error!(%fault, "a call could not be answered");
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.log();
        let body = serde_json::to_vec(&self.document()).expect("a problem document is plain JSON");
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_CONTENT_TYPE));
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, seconds);
        }
        if self == Self::PackedContent {
            // RFC 9110, section 15.5.16.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        // For whoever tells it in a page.
        response.extensions_mut().insert(self);
        response
    }
}

/// Milliseconds as the whole seconds of a `Retry-After`, rounded up.
pub(crate) fn whole_seconds(millis: u64) -> u64 {
    millis.div_ceil(1_000).max(1)
}

/// The HTTP status of a refused transaction.
pub(crate) fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Malformed { .. } | Refusal::Texts { .. } | Refusal::BadSignature { .. } => {
            StatusCode::BAD_REQUEST
        }
        Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::WrongNetwork { .. }
        | Refusal::Expired
        | Refusal::ExpiryTooFar { .. }
        | Refusal::Unauthorised { .. }
        | Refusal::NeedlessSignature { .. }
        | Refusal::UnknownSender { .. }
        | Refusal::OverQuota
        | Refusal::WouldFail { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::PoolFull { .. } | Refusal::QuotaFull { .. } => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The stable code of a refused transaction.
pub(crate) fn code_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Malformed { .. } => "malformed_transaction",
        Refusal::Texts { code, .. } => code,
        Refusal::TooLarge { .. } => "transaction_too_large",
        Refusal::BadSignature { .. } => "bad_signature",
        Refusal::WrongNetwork { .. } => "wrong_network",
        Refusal::Expired => "expired",
        Refusal::ExpiryTooFar { .. } => "expiry_too_far",
        Refusal::Unauthorised { .. } => "unauthorised",
        Refusal::NeedlessSignature { .. } => "needless_signature",
        Refusal::UnknownSender { .. } => "unknown_sender",
        Refusal::OverQuota => "over_quota",
        // Every code with which this program lets an operation fail has a name.
        Refusal::WouldFail { code, .. } => code.name().unwrap_or("would_fail"),
        Refusal::PoolFull { .. } => "pool_full",
        Refusal::QuotaFull { .. } => "quota_full",
        Refusal::Unavailable { .. } => "unavailable",
    }
}

/// The operation that would fail, if one would.
pub(crate) fn operation_of(refusal: &Refusal) -> Option<u16> {
    match refusal {
        Refusal::WouldFail { operation, .. } => Some(u16::from(*operation)),
        _ => None,
    }
}

/// When a refused transaction may be sent again, if waiting helps.
pub(crate) fn retry_after_ms(refusal: &Refusal) -> Option<u64> {
    match refusal {
        Refusal::PoolFull { retry_after_ms } | Refusal::QuotaFull { retry_after_ms } => Some(*retry_after_ms),
        Refusal::Unavailable { .. } => Some(1_000),
        _ => None,
    }
}
