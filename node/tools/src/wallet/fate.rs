//! What became of a transaction, as commands print it and as their exit codes say it.

use quorate_ledger::{Digest, Height};
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
}

impl Fate {
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
