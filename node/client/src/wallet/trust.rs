//! Checking what a node says against the genesis document: who has it believes no node.
//!
//! A header is as good as its certificate: a quorum of the committee sealed it, and everything else hangs from it by
//! hashes. Committees are followed from the first one on by proofs of committees; a block of an epoch that was not
//! followed to is refused as [`TrustError::OtherCommittee`].
//!
//! What a header says of transactions is the root of the log after its block. So one certificate alone shows which
//! transactions were *proposed*, and not what became of them. That takes the log before the block, which whoever walks
//! the chain has, and which the path of a [proven](super::ProvenTransaction) transaction leads along; or it takes a
//! proof of the transaction, which is shorter than its block (`docs/formats.md`, section 17).

use std::collections::BTreeMap;

use quorate_crypto::merkle::Frontier;
use quorate_crypto::{
    Certificate, CertificateError, Committee, PublicKey, Seal, SealContent, ValidatorIndex,
};
use quorate_genesis::Genesis;
use quorate_ledger::{
    CertifiedBlock, CertifiedHeader, ContentsError, Digest, Epoch, Header, HeaderV1, Height, Outcome,
    Transaction,
};
use quorate_verifier::{Anchor, Proof, ProofFile, Refusal, Verdict, Verifier};

use crate::schema::Block;

/// What a wallet with the genesis document knows for sure.
#[derive(Clone, Debug)]
pub struct TrustedGenesis {
    network: Digest,
    first: Committee,
    /// The genesis document's validators by name, as nodes name who sealed.
    keys: BTreeMap<String, PublicKey>,
    /// It knows the committees of later epochs as they are learnt.
    verifier: Verifier,
}

/// What stood before a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The checked header before; none before height 1.
    pub header: Option<Header>,
    /// The log before the first transaction that the block executed; if it executed none, it is not looked at.
    pub log: Frontier,
}

/// A block whose certificate and contents were checked.
#[derive(Clone, Debug)]
pub struct VerifiedBlock {
    hash: Digest,
    header: HeaderV1,
    executed: BTreeMap<Digest, Execution>,
}

/// Where and how a verified block executed a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The place in the block, from 0.
    pub index: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// The transaction.
    pub transaction: Transaction,
}

/// Why what a node says is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// It belongs to another network.
    #[error("the block is of network {got}, the genesis document is {expected}")]
    WrongNetwork {
        /// The header's network.
        got: Digest,
        /// The genesis document's hash.
        expected: Digest,
    },
    /// It is not the block that was asked for.
    #[error("the block has height {got}, {expected} was asked for")]
    WrongHeight {
        /// The header's height.
        got: Height,
        /// The height asked for.
        expected: Height,
    },
    /// The certificate is about another block.
    #[error("the certificate is not about this block")]
    OtherBlock,
    /// It is of an epoch whose committee is not known for sure.
    #[error("the block is of epoch {epoch}, whose committee was not followed to from the genesis document")]
    OtherCommittee {
        /// The block's epoch.
        epoch: Epoch,
    },
    /// Its epoch had not begun, or had ended.
    #[error("the block at height {height} is none of epoch {epoch}, which it names")]
    OutsideEpoch {
        /// The height.
        height: Height,
        /// The epoch.
        epoch: Epoch,
    },
    /// The certificate is not good.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The block's parts do not belong together.
    #[error(transparent)]
    Contents(#[from] ContentsError),
    /// A part of the block is not what its header commits to.
    #[error("the block's {part} does not fit its header")]
    WrongContents {
        /// Which part.
        part: &'static str,
    },
    /// The block did not execute the transaction as the node said.
    #[error("the block at height {height} did not execute transaction {id} as the node says")]
    NotExecuted {
        /// The transaction.
        id: Digest,
        /// The block.
        height: Height,
    },
    /// A proof is refused.
    #[error("the proof is refused: {0}")]
    Proof(#[from] Refusal),
    /// A proof is good, and of something else than was asked for.
    #[error("the proof does not answer the question: it is about {about}")]
    OtherAnswer {
        /// What it is about.
        about: String,
    },
    /// A proof is good, and older than was asked for.
    #[error("the proof is of height {got}, one of height {expected} or later was asked for")]
    TooOld {
        /// The head's height.
        got: Height,
        /// The height asked for.
        expected: Height,
    },
}

impl TrustedGenesis {
    /// What `genesis` vouches for.
    pub fn of(genesis: &Genesis) -> Self {
        let validators = genesis.validators();
        Self {
            network: genesis.id(),
            first: genesis.committee(),
            keys: validators
                .map(|validator| (validator.name.to_owned(), validator.validator_key))
                .collect(),
            verifier: Verifier::new(Anchor {
                genesis: Some(genesis.clone()),
                pin: None,
            }),
        }
    }

    /// A network and its first committee: enough for blocks of that, and for no proof.
    pub fn new(network: Digest, committee: Committee) -> Self {
        Self {
            network,
            first: committee,
            keys: BTreeMap::new(),
            verifier: Verifier::new(Anchor {
                genesis: None,
                pin: None,
            }),
        }
    }

    /// The network id.
    pub fn network(&self) -> Digest {
        self.network
    }

    /// Learns the committees that a proof of them, as a file, leads to.
    ///
    /// # Errors
    /// [`TrustError::Proof`] if it is refused.
    pub fn learn_committees(&mut self, file: &str) -> Result<(), TrustError> {
        self.check_proof(file).map(|_| ())
    }

    /// The proof in a file and what it establishes. Committees that the file has beside it are learnt first.
    pub(super) fn check_proof(&mut self, file: &str) -> Result<(Proof, Verdict), TrustError> {
        let ProofFile { proof, committees } = ProofFile::read(file.as_bytes())?;
        if let Some(committees) = &committees {
            self.verifier.learn(committees)?;
        }
        let verdict = self.verifier.learn(&proof)?;
        Ok((proof, verdict))
    }

    /// The committee that seals a height of an epoch.
    fn committee(&self, epoch: Epoch, height: Height) -> Result<&Committee, TrustError> {
        match self.verifier.epoch(epoch) {
            Some(known) => {
                let is_early = known.first.is_some_and(|first| height < first);
                let is_late = known.last.is_some_and(|last| height > last);
                if is_early || is_late {
                    return Err(TrustError::OutsideEpoch { height, epoch });
                }
                Ok(&known.committee)
            }
            None if self.first.epoch() == epoch => Ok(&self.first),
            None => Err(TrustError::OtherCommittee { epoch }),
        }
    }

    /// The committee that is to seal this header.
    fn committee_of(&self, header: &HeaderV1) -> Result<&Committee, TrustError> {
        if header.network != self.network {
            return Err(TrustError::WrongNetwork {
                got: header.network,
                expected: self.network,
            });
        }
        self.committee(header.epoch, header.height)
    }

    /// Checks that a quorum sealed this header; gives the block's hash.
    ///
    /// # Errors
    /// If not, or if nobody can tell because its committee is not known.
    pub fn verify_header(&self, header: &Header, certificate: &Certificate) -> Result<Digest, TrustError> {
        let fields = header.v1();
        let committee = self.committee_of(fields)?;
        let hash = header.hash();
        if certificate.block() != hash || certificate.height() != fields.height {
            return Err(TrustError::OtherBlock);
        }
        certificate.verify(self.network, committee)?;
        Ok(hash)
    }

    /// The header of a block as JSON has it, once a quorum is seen to have sealed it. The ids and the count of its
    /// transactions are no part of the header, and stay the node's word.
    ///
    /// # Errors
    /// As for [`Self::verify_header`].
    pub fn verify_document(&self, height: Height, block: &Block) -> Result<Header, TrustError> {
        if block.height != height {
            return Err(TrustError::WrongHeight {
                got: block.height,
                expected: height,
            });
        }
        let header = Header::V1(HeaderV1 {
            network: block.network,
            protocol: block.protocol,
            epoch: block.epoch,
            height: block.height,
            previous: block.previous,
            chain_root: block.chain_root,
            proposal: block.proposal,
            timestamp: block.timestamp,
            log_size: block.log_size,
            log_root: block.log_root,
            state_root: block.state_root,
            next_committee: block.next_committee,
        });
        let committee = self.committee_of(header.v1())?;
        let hash = header.hash();
        if block.hash != hash {
            return Err(TrustError::WrongContents { part: "hash" });
        }
        let content = SealContent::new(self.network, block.epoch, height, hash);
        let mut seals: Vec<Seal> = Vec::with_capacity(block.seals.len());
        for view in block.seals.iter().take(committee.size()) {
            let named = self.keys.get(&view.validator);
            let named = named.and_then(|key| committee.index_of(key));
            // A seat may have another key by now, or another name: then whose seal it is shows itself.
            let is_whose = |index: &ValidatorIndex| {
                let key = committee.key(*index);
                key.is_some_and(|key| content.verify(key, &view.signature))
            };
            let validator = named.or_else(|| committee.indices().find(is_whose));
            seals.extend(validator.map(|validator| Seal {
                validator,
                signature: view.signature,
            }));
        }
        seals.sort_by_key(|seal| seal.validator);
        let certified = CertifiedHeader { header, seals };
        certified.check(self.network, committee)?;
        Ok(certified.header)
    }

    /// Checks a block with all that is in it: certificate, proposal, batches, and that what it executed leads from the
    /// log before to the log after it.
    ///
    /// # Errors
    /// For the first thing that does not fit.
    pub fn verify_block(
        &self,
        height: Height,
        block: &CertifiedBlock,
        before: &Before,
    ) -> Result<VerifiedBlock, TrustError> {
        let certified = block.v1();
        let contents = certified.block.v1();
        let hash = self.verify_header(&contents.header, &certified.certificate)?;
        let header = contents.header.v1();
        if header.height != height {
            return Err(TrustError::WrongHeight {
                got: header.height,
                expected: height,
            });
        }
        block.verify_contents()?;
        let expect = |holds: bool, part| {
            if holds {
                Ok(())
            } else {
                Err(TrustError::WrongContents { part })
            }
        };
        let (previous, size, expected) = match &before.header {
            Some(parent) => (parent.hash(), parent.v1().log_size, parent.v1().next_committee),
            None => (self.network, 0, self.first.digest()),
        };
        expect(header.previous == previous, "block before")?;
        // Where another committee seals than the block before names, a recovery has begun its epoch, and stands first in
        // the log.
        let begins = self.committee_of(header)?.digest() != expected;
        expect(contents.recovery.is_some() == begins, "recovery")?;

        let part = "list of executed transactions";
        let transactions = block.executed().ok_or(TrustError::WrongContents { part })?;
        let entries = block.log_entries().ok_or(TrustError::WrongContents { part })?;
        let start = size.saturating_add(u64::from(begins));
        if transactions.is_empty() {
            expect(header.log_size == start, part)?;
        } else {
            expect(before.log.length() == start, part)?;
            let mut log = before.log.clone();
            for entry in entries.iter().skip(usize::from(begins)) {
                log.push_hash(entry.leaf_hash());
            }
            expect(
                (log.length(), log.root()) == (header.log_size, header.log_root),
                part,
            )?;
        }
        let executed = (0..).zip(transactions).map(|(index, (transaction, item))| {
            let execution = Execution {
                index,
                outcome: item.outcome.clone(),
                transaction: transaction.clone(),
            };
            (transaction.id(), execution)
        });
        Ok(VerifiedBlock {
            hash,
            header: header.clone(),
            executed: executed.collect(),
        })
    }

    /// The place in its block, from 0, of the transaction that the log has at `ordinal`, by the checked headers of its
    /// block and of the one before.
    ///
    /// # Errors
    /// If it is not in that block.
    pub fn index_in(
        &self,
        header: &Header,
        before: Option<&Header>,
        ordinal: u64,
    ) -> Result<u32, TrustError> {
        let fields = header.v1();
        let (size, expected) = match before {
            Some(parent) => (parent.v1().log_size, parent.v1().next_committee),
            None => (0, self.first.digest()),
        };
        let begins = self.committee_of(fields)?.digest() != expected;
        let index = ordinal
            .checked_sub(size.saturating_add(u64::from(begins)))
            .filter(|_| ordinal < fields.log_size)
            .and_then(|index| u32::try_from(index).ok());
        index.ok_or(TrustError::WrongContents {
            part: "list of executed transactions",
        })
    }
}

impl VerifiedBlock {
    /// The block's hash.
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The header's fields.
    pub fn header(&self) -> &HeaderV1 {
        &self.header
    }

    /// How a transaction was executed in this block, if it was.
    pub fn execution(&self, id: &Digest) -> Option<&Execution> {
        self.executed.get(id)
    }

    /// What the block executed, by id.
    pub fn executions(&self) -> impl Iterator<Item = (&Digest, &Execution)> {
        self.executed.iter()
    }

    /// Checks a node's word that this block executed `id` at `index`, with success or with `code`.
    ///
    /// # Errors
    /// If it did not.
    pub fn confirm(&self, id: &Digest, index: u32, code: Option<&str>) -> Result<&Execution, TrustError> {
        let claimed = self
            .execution(id)
            .filter(|execution| execution.index == index && code_of(&execution.outcome).as_deref() == code);
        claimed.ok_or(TrustError::NotExecuted {
            id: *id,
            height: self.header.height,
        })
    }
}

/// The code of a failure, as JSON has it; none of a success.
pub(super) fn code_of(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Success { .. } => None,
        Outcome::Failed { code, .. } => {
            let number = || code.number().to_string();
            Some(code.name().map_or_else(number, str::to_owned))
        }
    }
}

impl From<TrustError> for crate::ClientError {
    fn from(error: TrustError) -> Self {
        Self::Unverified {
            reason: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
