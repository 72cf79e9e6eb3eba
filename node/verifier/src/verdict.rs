//! What a verifier answers: a verdict with the facts that a proof establishes, or a refusal with a code of section 23.

use std::fmt;

use quorate_crypto::{Digest, Epoch, Height};
use quorate_ledger::{Header, Timestamp};
use serde::{Serialize, Serializer};

use crate::at::At;
use crate::facts::Facts;
use crate::plain::{Plain, ToPlain};
use crate::{ProofKind, words};

/// Why something is refused: the stable codes of section 23 that proofs and travelling files have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// Lines, base64, encoding, limits, or another form than the one allowed.
    NotCanonical,
    /// For another network.
    OtherNetwork,
    /// Nothing that the verifier knows leads to the committee.
    UnknownCommittee,
    /// The head's height is none of its epoch, or not above a pin.
    OutsideEpoch,
    /// A seal that is not good.
    BadCertificate,
    /// Not exactly a quorum of seals.
    NotMinimal,
    /// Certified, and given up by a recovery.
    GivenUp,
    /// An inclusion path, a state proof, a log or a history that leads elsewhere.
    BadPath,
    /// A leaf, an entry or an intent that is not the one that belongs there.
    OtherLeaf,
    /// A shown text.
    BadText,
    /// A shown signature.
    BadSignature,
    /// The order of items, numbers, ordinals, times, positions.
    Gap,
    /// A range that is not covered.
    NotComplete,
    /// Changes that do not follow from the balances before.
    BadReplay,
    /// Balances that are others.
    BadBalances,
    /// A committee that is not the next one.
    BadCommittee,
    /// A recovery that is not valid.
    BadRecovery,
    /// Two histories or recoveries that are one.
    SameHistory,
    /// An intent that is not well-formed, in a file that travels.
    MalformedTransaction,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 19] = [
        Self::NotCanonical,
        Self::OtherNetwork,
        Self::UnknownCommittee,
        Self::OutsideEpoch,
        Self::BadCertificate,
        Self::NotMinimal,
        Self::GivenUp,
        Self::BadPath,
        Self::OtherLeaf,
        Self::BadText,
        Self::BadSignature,
        Self::Gap,
        Self::NotComplete,
        Self::BadReplay,
        Self::BadBalances,
        Self::BadCommittee,
        Self::BadRecovery,
        Self::SameHistory,
        Self::MalformedTransaction,
    ];

    /// The code as the page writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotCanonical => "not_canonical",
            Self::OtherNetwork => "other_network",
            Self::UnknownCommittee => "unknown_committee",
            Self::OutsideEpoch => "outside_epoch",
            Self::BadCertificate => "bad_certificate",
            Self::NotMinimal => "not_minimal",
            Self::GivenUp => "given_up",
            Self::BadPath => "bad_path",
            Self::OtherLeaf => "other_leaf",
            Self::BadText => "bad_text",
            Self::BadSignature => "bad_signature",
            Self::Gap => "gap",
            Self::NotComplete => "not_complete",
            Self::BadReplay => "bad_replay",
            Self::BadBalances => "bad_balances",
            Self::BadCommittee => "bad_committee",
            Self::BadRecovery => "bad_recovery",
            Self::SameHistory => "same_history",
            Self::MalformedTransaction => "malformed_transaction",
        }
    }

    /// The code of this name; none if there is none.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<str> for Code {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Code {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

/// A refusal: a stable code, where it is, and why in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {at}: {reason}")]
pub struct Refusal {
    /// The code of section 23.
    pub code: Code,
    /// Where in the proof or file.
    pub at: String,
    /// Why, for people; no program should depend on its words.
    pub reason: String,
}

impl Refusal {
    /// The exit code of a program whose proof is refused.
    pub const EXIT_CODE: u8 = 7;

    pub(crate) fn new(code: Code, at: At<'_>, reason: impl Into<String>) -> Self {
        Self {
            code,
            at: at.to_string(),
            reason: reason.into(),
        }
    }

    /// The code as the page writes it.
    pub fn code(&self) -> &'static str {
        self.code.as_str()
    }
}

/// Refuses.
pub(crate) fn refuse<T>(code: Code, at: At<'_>, reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(code, at, reason))
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |text: &str| Plain::Text(text.to_owned());
        Plain::Struct(vec![
            ("verdict", text("refused")),
            ("code", text(self.code())),
            ("where", text(&self.at)),
            ("reason", text(&self.reason)),
        ])
        .serialize(serializer)
    }
}

/// How far a proof that is not refused goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// All that was asked for.
    Proven,
    /// A statement whose range ends after its head: complete up to the head's time, that included.
    CompleteUpTo(Timestamp),
}

impl Finding {
    /// The name in a verdict.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::CompleteUpTo(_) => "complete_up_to",
        }
    }
}

/// The block as of which something is proven. A verdict always names it, as whoever serves proofs may serve old ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadFacts {
    /// Its epoch.
    pub epoch: Epoch,
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: Digest,
    /// Its time.
    pub timestamp: Timestamp,
}

impl HeadFacts {
    /// What a verdict says of a header.
    pub(crate) fn of(header: &Header) -> Self {
        let fields = header.v1();
        Self {
            epoch: fields.epoch,
            height: fields.height,
            hash: header.hash(),
            timestamp: fields.timestamp,
        }
    }

    /// The fields for a verdict's JSON.
    pub(crate) fn fields(&self) -> Vec<(&'static str, Plain)> {
        vec![
            ("epoch", self.epoch.plain()),
            ("height", self.height.plain()),
            ("hash", self.hash.plain()),
            ("timestamp", self.timestamp.plain()),
        ]
    }
}

/// What one proof establishes.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Whether all of it is proven, or a statement only up to its head.
    pub finding: Finding,
    /// The kind of proof.
    pub kind: ProofKind,
    /// What was asked, as in the file's line `about`.
    pub about: String,
    /// The block as of which it is proven; none for committees and recoveries.
    pub head: Option<HeadFacts>,
    /// What is established. Two proofs of the same facts have equal ones.
    pub facts: Facts,
    /// The same in lines for people.
    pub words: Vec<String>,
}

impl Verdict {
    pub(crate) fn new(finding: Finding, about: String, head: Option<HeadFacts>, facts: Facts) -> Self {
        Self {
            words: words::of(finding, &about, head.as_ref(), &facts),
            finding,
            kind: facts.kind(),
            about,
            head,
            facts,
        }
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = |text: &str| Plain::Text(text.to_owned());
        let mut fields = vec![
            ("verdict", text(self.finding.name())),
            ("kind", text(self.kind.name())),
            ("about", text(&self.about)),
        ];
        if let Some(head) = &self.head {
            fields.push(("head", Plain::Struct(head.fields())));
        }
        fields.push(("facts", self.facts.plain()));
        Plain::Struct(fields).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_found_by_its_name() {
        for code in Code::ALL {
            assert_eq!(Code::named(code.as_str()), Some(code));
            assert_eq!(code, code.as_str());
        }
        assert_eq!(Code::named("complete_up_to"), None);
    }
}
