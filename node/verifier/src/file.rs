//! Proofs as files (`docs/formats.md`, section 17): four lines that say what is asked and as of which block, then
//! base64. There is one file for a proof, so a changed question is another file that says so.

use std::fmt::Write;

use quorate_crypto::{Committee, Digest, Epoch, Height};
use quorate_ledger::limits::MAX_PROOF_FILE_BYTES;
use quorate_ledger::{Header, HistoryOwner, LogEntryV1};

use crate::armour;
use crate::at::At;
use crate::proof::{CommitteeStep, MAX_PROOF_BYTES, Proof, ProofBody, ProofKind, Statement, Trust};
use crate::verdict::{Code, Refusal, refuse};

/// Bytes of a file at most.
pub const MAX_FILE_BYTES: usize = MAX_PROOF_FILE_BYTES;

/// The beginning of each block's first line.
const FIRST: &[u8] = b"quorate proof ";

/// A file: one proof, and perhaps a proof of committees that its head needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofFile {
    /// The proof.
    pub proof: Proof,
    /// Committees that are learnt before it; none if the proof itself is of committees.
    pub committees: Option<Proof>,
}

impl ProofFile {
    /// The proofs in a file.
    ///
    /// # Errors
    /// `not_canonical`: anything but one block, or one and then one of committees, in the one form.
    pub fn read(file: &[u8]) -> Result<Self, Refusal> {
        let at = At::Whole("file");
        if file.len() > MAX_FILE_BYTES {
            return refuse(Code::NotCanonical, at, "more than 512 MiB");
        }
        let Some(text) = file.strip_suffix(b"\n") else {
            return refuse(Code::NotCanonical, at, "the last line does not end");
        };
        if !text.starts_with(FIRST) {
            return refuse(Code::NotCanonical, at, "it does not begin with a proof");
        }
        let (first, second) = split(text);
        if second.is_some_and(|second| split(second).1.is_some()) {
            return refuse(Code::NotCanonical, at, "more than two blocks");
        }
        let proof = read_block(first, At::Whole("block[0]"))?;
        let at = At::Whole("block[1]");
        let committees = second.map(|second| read_block(second, at)).transpose()?;
        let is_of = |proof: &Proof| proof.kind() == ProofKind::Committees;
        if committees
            .as_ref()
            .is_some_and(|second| is_of(&proof) || !is_of(second))
        {
            let reason = "what follows a proof of another kind is a proof of committees";
            return refuse(Code::NotCanonical, at, reason);
        }
        Ok(Self { proof, committees })
    }

    /// The file's text.
    pub fn write(&self) -> String {
        let mut text = self.proof.to_file();
        if let Some(committees) = &self.committees {
            text.push_str(&committees.to_file());
        }
        text
    }
}

impl Proof {
    /// The proof as one block of a file.
    pub fn to_file(&self) -> String {
        let mut text = self.lines();
        armour::write(&self.encode(), &mut text);
        text
    }

    /// What a file's line `about` says: the question that the proof answers.
    pub fn question(&self) -> String {
        match &self.v1().body {
            ProofBody::Transaction { entry, .. } => match entry.v1() {
                LogEntryV1::Transaction(transaction) => transaction.id.to_string(),
                LogEntryV1::Recovery(recovery) => recovery.document.to_string(),
            },
            ProofBody::State { leaves, .. } => {
                let prefixes: Vec<_> = leaves.iter().map(|leaf| leaf.v1().prefix.to_string()).collect();
                prefixes.join(" ")
            }
            ProofBody::Statement(statement) => range_text(statement),
            ProofBody::Committees { trust, steps } => epoch_led_to(trust, steps.last()).to_string(),
            ProofBody::Block { head, .. } => head.header.v1().height.to_string(),
            ProofBody::NotExecuted { intent, .. } => intent.id().to_string(),
            ProofBody::TwoHistories { first, .. } => first.header.v1().height.to_string(),
            ProofBody::TwoRecoveries { first, .. } => first.document.v1().recovery.v1().number.to_string(),
        }
    }

    /// The four lines before the base64.
    fn lines(&self) -> String {
        let (epoch, height, hash) = self.head_line();
        let (kind, network) = (self.kind().name(), self.v1().network);
        let mut text = format!("quorate proof 2 {kind}\nnetwork {network}\nhead {epoch} {height} {hash}\n");
        writeln!(text, "about {}", self.question()).expect("a String takes all that is written");
        text
    }

    /// Epoch, height and hash of the head; of genesis 0, 0 and the network id.
    fn head_line(&self) -> (Epoch, Height, Digest) {
        match self.head() {
            Some(header) => (header.v1().epoch, header.v1().height, header.hash()),
            None => (Epoch(0), Height::GENESIS, self.v1().network),
        }
    }

    /// The header that a file's line `head` names; none if that is genesis.
    pub fn head(&self) -> Option<&Header> {
        match &self.v1().body {
            ProofBody::Transaction { head, .. }
            | ProofBody::State { head, .. }
            | ProofBody::Block { head, .. } => Some(&head.header),
            ProofBody::Statement(statement) | ProofBody::NotExecuted { statement, .. } => {
                Some(&statement.head.header)
            }
            ProofBody::TwoHistories { first, .. } => Some(&first.header),
            ProofBody::TwoRecoveries { first, .. } => first.base.as_ref().map(|base| &base.header),
            ProofBody::Committees { trust, steps } => match (steps.last(), trust) {
                (Some(CommitteeStep::Certificate { head, .. }), _) => Some(&head.header),
                (Some(CommitteeStep::Recovery(step)), _) => step.base.as_ref().map(|base| &base.header),
                (None, Trust::Pinned { header, .. }) => Some(header),
                (None, Trust::Genesis) => None,
            },
        }
    }
}

fn range_text(statement: &Statement) -> String {
    let (from, to) = (statement.from, statement.to);
    match &statement.owner {
        HistoryOwner::Account(address) => format!("{address} {from} {to}"),
        HistoryOwner::Asset(code) => format!("{code} {from} {to}"),
    }
}

/// The epoch of the committee that a proof of committees leads to.
fn epoch_led_to(trust: &Trust, last: Option<&CommitteeStep>) -> Epoch {
    let committee: Option<&Committee> = match (last, trust) {
        (Some(CommitteeStep::Certificate { next, .. }), _) => Some(next),
        (Some(CommitteeStep::Recovery(step)), _) => Some(&step.document.v1().recovery.v1().committee),
        (None, Trust::Pinned { committee, .. }) => Some(committee),
        (None, Trust::Genesis) => None,
    };
    committee.map_or(Epoch(0), Committee::epoch)
}

/// The first block of a text, and what begins with the next one, if there is another. Lines are looked at one by one:
/// a list of them could be many times as long as the file.
fn split(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut end = 0;
    for line in text.split(|byte| *byte == b'\n') {
        if end > 0 && line.starts_with(FIRST) {
            // The LF between the two is part of neither.
            return (&text[..end - 1], Some(&text[end..]));
        }
        end += line.len() + 1;
    }
    (text, None)
}

fn read_block(text: &[u8], at: At<'_>) -> Result<Proof, Refusal> {
    let mut parts = text.splitn(5, |byte| *byte == b'\n');
    let header: Vec<&[u8]> = parts.by_ref().take(4).collect();
    let Some(base64) = parts.next() else {
        return refuse(Code::NotCanonical, at, "a block has four lines and base64");
    };
    let bytes = armour::read(base64, MAX_PROOF_BYTES)
        .map_err(|reason| Refusal::new(Code::NotCanonical, at, reason))?;
    let proof = Proof::decode(&bytes)?;
    let expected = proof.lines();
    for ((line, expected), name) in header
        .iter()
        .zip(expected.lines())
        .zip(["kind", "network", "head", "about"])
    {
        if *line != expected.as_bytes() {
            let reason = "the line is not the one that belongs to the bytes";
            return refuse(Code::NotCanonical, at.field(name), reason);
        }
    }
    Ok(proof)
}
