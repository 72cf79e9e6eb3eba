//! Problem documents (RFC 9457).

use quorate_ledger::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The content type of a problem document.
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A URI reference for the kind of problem: `about:blank#` and the code.
    #[serde(rename = "type")]
    #[schema(example = "about:blank#insufficient_balance")]
    pub kind: String,
    /// What kind of problem this is; the same for every problem of one code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here and what to do about it.
    pub detail: String,
    /// Stable; for programs.
    #[schema(example = "insufficient_balance")]
    pub code: String,
    /// The transaction that it is about, if it could be read.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub id: Option<Digest>,
    /// The failing operation's index, from 0.
    #[serde(default)]
    pub operation: Option<u16>,
    /// When to try again, in milliseconds; `Retry-After` says the same in whole seconds.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}
