//! What became of a transaction, as commands print it and as their exit codes say it.

use std::collections::BTreeMap;

use quorate_client::schema::{Submitted, SubmittedStatus, Transaction as TransactionView, TransactionStatus};
use quorate_client::wallet::ProvenTransaction;
use quorate_ledger::{AssetCode, Digest, Height, Outcome};
use serde::Serialize;

use crate::failure::{Exit, Failure};
use crate::output::{Output, Tone};

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fate {
    /// The transaction.
    pub id: Digest,
    /// `pending`, `committed`, `failed`, `expired` or `refused`.
    pub status: String,
    /// The block, once executed.
    pub height: Option<Height>,
    /// The place in the block.
    pub index: Option<u32>,
    /// Why it failed.
    pub code: Option<String>,
    /// Why it failed, in words.
    pub error: Option<String>,
    /// The failing operation's index.
    pub operation: Option<u16>,
    /// Decimals by which its amounts were read before it was signed, where they are a node's word alone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unproven_decimals: BTreeMap<AssetCode, u8>,
}

impl Fate {
    /// What an answer to a submission says.
    pub fn of_submitted(id: Digest, submitted: &Submitted) -> Self {
        let status = match submitted.status {
            SubmittedStatus::Pending => "pending",
            SubmittedStatus::Committed => "committed",
            SubmittedStatus::Failed => "failed",
            SubmittedStatus::Expired => "expired",
            SubmittedStatus::Refused => "refused",
        };
        Self {
            id,
            status: status.to_owned(),
            height: submitted.height,
            index: submitted.index,
            code: submitted.code.clone(),
            error: submitted.error.clone(),
            operation: submitted.failed_operation,
            unproven_decimals: BTreeMap::new(),
        }
    }

    /// What a look at a transaction says.
    pub fn of_view(view: &TransactionView) -> Self {
        let status = match view.status {
            TransactionStatus::Pending => "pending",
            TransactionStatus::Committed => "committed",
            TransactionStatus::Failed => "failed",
            TransactionStatus::Expired => "expired",
        };
        Self {
            id: view.id,
            status: status.to_owned(),
            height: view.height,
            index: view.index,
            code: view.code.clone(),
            error: view.error.clone(),
            operation: view.failed_operation,
            unproven_decimals: BTreeMap::new(),
        }
    }

    /// Whether it says of an executed transaction what is proven: where it was executed, and whether with success. A
    /// status is told apart from its code: a node could call a payment failed without one, or a failure committed.
    pub(super) fn is_as_proven(&self, proven: &ProvenTransaction, index: u32) -> bool {
        let (status, operation) = match &proven.entry.outcome {
            Outcome::Success { .. } => ("committed", None),
            Outcome::Failed { operation, .. } => ("failed", Some(u16::from(*operation))),
        };
        self.id == proven.entry.id
            && self.status == status
            && self.height == Some(proven.entry.height)
            && self.index == Some(index)
            && self.code == proven.code()
            && self.operation == operation
    }

    /// Prints it, with more fields before it, and fails as its status says. `waited` tells a
    /// transaction that is expected to be pending from one that ran out of time.
    pub fn report(&self, output: &Output, waited: bool) -> Result<(), Failure> {
        output.print(self, |output| output.fields(&self.fields(output)))?;
        self.verdict(waited)
    }

    /// The lines that describe it.
    pub fn fields(&self, output: &Output) -> Vec<(&'static str, String)> {
        let tone = match self.status.as_str() {
            "committed" => Tone::Good,
            "pending" => Tone::Warning,
            _ => Tone::Bad,
        };
        let mut fields = vec![
            ("id", self.id.to_string()),
            ("status", output.paint(tone, &self.status)),
        ];
        if let (Some(height), Some(index)) = (self.height, self.index) {
            fields.push(("height", height.to_string()));
            fields.push(("index", index.to_string()));
        }
        if let Some(code) = &self.code {
            fields.push(("code", code.clone()));
        }
        fields
    }

    /// Success, or the failure that its exit code promises.
    pub fn verdict(&self, waited: bool) -> Result<(), Failure> {
        let code = self.code.as_deref().unwrap_or("no reason given");
        let why = self.error.as_deref().unwrap_or(code);
        match self.status.as_str() {
            "committed" => Ok(()),
            "pending" if !waited => Ok(()),
            "pending" => Err(
                Failure::new(Exit::Unknown, format!("{} is still pending", self.id))
                    .hint(format!("quorate wallet wait {}", self.id)),
            ),
            "failed" => {
                let place = self
                    .operation
                    .map_or_else(String::new, |index| format!("operation {index}: "));
                Err(Failure::new(
                    Exit::Refused,
                    format!("refused by the ledger ({code}): {place}{why}"),
                ))
            }
            "expired" => Err(Failure::new(
                Exit::Refused,
                format!(
                    "{} has expired and will never be executed: build and sign a new one",
                    self.id
                ),
            )),
            _ => Err(Failure::new(
                Exit::Refused,
                format!("refused by the ledger ({code}): {why}"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::merkle::Frontier;
    use quorate_ledger::{ErrorCode, LoggedTransaction, Timestamp};

    use super::*;

    fn proven(outcome: Outcome) -> ProvenTransaction {
        ProvenTransaction {
            ordinal: 7,
            entry: LoggedTransaction {
                height: Height(3),
                timestamp: Timestamp(9),
                position: 0,
                id: Digest([1; 32]),
                expires_at: Timestamp(10),
                signed: Digest([2; 32]),
                outcome,
            },
            transaction: None,
            texts: Vec::new(),
            log: Frontier::new(),
        }
    }

    fn told(status: &str, code: Option<&str>, operation: Option<u16>) -> Fate {
        Fate {
            id: Digest([1; 32]),
            status: status.to_owned(),
            height: Some(Height(3)),
            index: Some(5),
            code: code.map(str::to_owned),
            error: None,
            operation,
            unproven_decimals: BTreeMap::new(),
        }
    }

    /// Whoever takes a payment for failed pays it again.
    #[test]
    fn a_payment_is_not_called_failed_nor_a_failure_a_payment() {
        let paid = proven(Outcome::Success { results: Vec::new() });
        let code = ErrorCode(u16::MAX);
        let failed = proven(Outcome::Failed { code, operation: 2 });
        let name = failed.code();
        let name = name.as_deref();
        assert!(told("committed", None, None).is_as_proven(&paid, 5));
        assert!(told("failed", name, Some(2)).is_as_proven(&failed, 5));
        for status in ["failed", "pending", "refused", "expired"] {
            assert!(!told(status, None, None).is_as_proven(&paid, 5), "{status}");
        }
        for status in ["committed", "pending", "refused", "expired"] {
            assert!(!told(status, name, Some(2)).is_as_proven(&failed, 5), "{status}");
        }
        assert!(!told("failed", name, Some(1)).is_as_proven(&failed, 5));
        assert!(!told("failed", Some("unauthorised"), Some(2)).is_as_proven(&failed, 5));
        assert!(!told("committed", None, None).is_as_proven(&paid, 4));
        let elsewhere = Fate {
            height: Some(Height(4)),
            ..told("committed", None, None)
        };
        assert!(!elsewhere.is_as_proven(&paid, 5));
    }
}
