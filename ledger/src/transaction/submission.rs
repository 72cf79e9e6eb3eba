//! What a client submits (`docs/formats.md`, section 4): a transaction with all its texts.

use quorate_crypto::Digest;
use quorate_crypto::bounded::bounded_vec;
use serde::{Deserialize, Serialize};

use super::{FormError, Text, TextError, TextItem, Transaction};
use crate::codec::{DecodeError, decode};
use crate::limits::MAX_PLACES;
use crate::parameters::ParametersV1;

/// A transaction with all its texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Submission {
    /// Version 1.
    V1(SubmissionV1),
}

/// Version 1 of [`Submission`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionV1 {
    /// The transaction.
    pub transaction: Transaction,
    /// One text for each place of its intent, in order.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_PLACES>")]
    pub texts: Vec<Text>,
}

/// Why a submission is malformed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmissionError {
    /// Not the canonical bytes of a submission, or too many.
    #[error("the transaction cannot be read: {0}")]
    Decode(#[from] DecodeError),
    /// A malformed transaction.
    #[error("{0}")]
    Form(#[from] FormError),
    /// Texts that are not the transaction's.
    #[error("{0}")]
    Texts(#[from] TextError),
}

impl Submission {
    /// A transaction with its texts, in the order of its places.
    pub fn new(transaction: Transaction, texts: Vec<Text>) -> Self {
        Self::V1(SubmissionV1 { transaction, texts })
    }

    /// The submission whose canonical bytes these are. Its form, texts and signatures are not yet checked.
    pub fn decode(bytes: &[u8], parameters: &ParametersV1) -> Result<Self, DecodeError> {
        decode(bytes, parameters.max_transaction_bytes as usize)
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &SubmissionV1 {
        let Self::V1(submission) = self;
        submission
    }

    /// The transaction.
    pub fn transaction(&self) -> &Transaction {
        &self.v1().transaction
    }

    /// The texts, one for each place of the intent.
    pub fn texts(&self) -> &[Text] {
        &self.v1().texts
    }

    /// The transaction, and its texts as they travel in batches.
    pub fn into_parts(self) -> (Transaction, Vec<TextItem>) {
        let Self::V1(SubmissionV1 { transaction, texts }) = self;
        (transaction, texts.into_iter().map(TextItem::Shown).collect())
    }

    /// Checks all that can be judged from the bytes and the epoch's parameters, except the signatures: its length, the
    /// transaction's form, and that the texts are the transaction's.
    pub fn check_form(&self, network: &Digest, parameters: &ParametersV1) -> Result<(), SubmissionError> {
        let (length, limit) = (self.encoded_length(), parameters.max_transaction_bytes as usize);
        if length > limit {
            return Err(DecodeError::TooLong { length, limit }.into());
        }
        self.transaction().check_form(network, parameters)?;
        self.transaction().intent().fit_shown(self.texts())?;
        Ok(())
    }
}

impl SubmissionError {
    /// The stable code of section 23.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Decode(_) => "malformed_transaction",
            Self::Form(error) => error.code(),
            Self::Texts(error) => error.code(),
        }
    }

    /// The stable reason beside the code `malformed_transaction`; none beside others.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Decode(error) => Some(error.reason()),
            Self::Form(FormError::WrongNetwork { .. }) | Self::Texts(_) => None,
            Self::Form(error) => Some(error.reason()),
        }
    }
}
