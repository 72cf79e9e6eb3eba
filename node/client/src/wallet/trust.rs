//! Checking what a node says against the genesis document: who has it believes no node.
//!
//! A block is as good as its certificate: a quorum of the committee sealed its header, and everything
//! else hangs from the header by hashes. The last block of an epoch names the committee of the next, so
//! committees are followed from the first one on; a block of an epoch that was not followed to is refused
//! as [`TrustError::OtherCommittee`].

use std::collections::BTreeMap;

use quorate_crypto::{Certificate, CertificateError, Committee, merkle};
use quorate_genesis::Genesis;
use quorate_ledger::{
    CertifiedBlock, Digest, Epoch, Header, HeaderV1, Height, Outcome, Receipt, ReceiptV1, Transaction, encode,
};

/// What a wallet with the genesis document knows for sure.
#[derive(Clone, Debug)]
pub struct TrustedGenesis {
    network: Digest,
    committees: BTreeMap<Epoch, Committee>,
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

/// Why a block is not to be believed.
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
    /// The block does not name this committee as the next.
    #[error("the block at height {height} does not name the committee of epoch {epoch} that the node tells")]
    NotNamed {
        /// The block.
        height: Height,
        /// The committee's epoch.
        epoch: Epoch,
    },
    /// The certificate is not good.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
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
}

impl TrustedGenesis {
    /// What `genesis` vouches for.
    pub fn of(genesis: &Genesis) -> Self {
        Self::new(genesis.network_id(), genesis.committee())
    }

    /// A network and its first committee.
    pub fn new(network: Digest, committee: Committee) -> Self {
        Self {
            network,
            committees: BTreeMap::from([(committee.epoch(), committee)]),
        }
    }

    /// The last epoch whose committee is known.
    pub fn last_epoch(&self) -> Epoch {
        self.committees.keys().next_back().copied().unwrap_or_default()
    }

    /// Follows from the last epoch known to the next: `last` is a block that a quorum of the one sealed,
    /// and it names `next`.
    pub fn follow(&mut self, last: &CertifiedBlock, next: Committee) -> Result<(), TrustError> {
        let header = &last.v1().block.v1().header;
        self.verify_header(header, &last.v1().certificate)?;
        let header = header.v1();
        if header.next_committee != next.digest() || next.epoch() <= header.epoch {
            return Err(TrustError::NotNamed {
                height: header.height,
                epoch: next.epoch(),
            });
        }
        self.committees.insert(next.epoch(), next);
        Ok(())
    }

    /// The network id.
    pub fn network(&self) -> Digest {
        self.network
    }

    /// Checks that a quorum sealed this header; gives the block's hash.
    pub fn verify_header(&self, header: &Header, certificate: &Certificate) -> Result<Digest, TrustError> {
        let fields = header.v1();
        if fields.network != self.network {
            return Err(TrustError::WrongNetwork {
                got: fields.network,
                expected: self.network,
            });
        }
        let committee = self
            .committees
            .get(&fields.epoch)
            .ok_or(TrustError::OtherCommittee { epoch: fields.epoch })?;
        let hash = header.hash();
        if certificate.block() != hash || certificate.height() != fields.height {
            return Err(TrustError::OtherBlock);
        }
        certificate.verify(self.network, committee)?;
        Ok(hash)
    }

    /// Checks a block with all that is in it.
    pub fn verify_block(&self, height: Height, block: &CertifiedBlock) -> Result<VerifiedBlock, TrustError> {
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
        let expect = |holds: bool, part| {
            if holds {
                Ok(())
            } else {
                Err(TrustError::WrongContents { part })
            }
        };
        expect(contents.proposal.digest() == header.proposal, "proposal")?;
        let digests = certified.batches.iter().map(quorate_ledger::SignedBatch::digest);
        expect(
            digests.eq(contents.proposal.batches().iter().copied()),
            "list of batches",
        )?;

        let proposed: Vec<&Transaction> = certified
            .batches
            .iter()
            .flat_map(|batch| &batch.batch().transactions)
            .collect();
        expect(
            contents.executed.is_sorted_by(|a, b| a.position < b.position),
            "list of executed transactions",
        )?;
        let mut transactions = merkle::Frontier::new();
        let mut receipts = merkle::Frontier::new();
        let mut executed = BTreeMap::new();
        for (index, entry) in (0_u32..).zip(&contents.executed) {
            let place = usize::try_from(entry.position).unwrap_or(usize::MAX);
            let Some(&transaction) = proposed.get(place) else {
                return Err(TrustError::WrongContents {
                    part: "list of executed transactions",
                });
            };
            let id = transaction.id();
            transactions.push(&encode(transaction));
            receipts.push(&encode(&Receipt::V1(ReceiptV1 {
                transaction: id,
                outcome: entry.outcome,
            })));
            let execution = Execution {
                index,
                outcome: entry.outcome,
                transaction: transaction.clone(),
            };
            executed.insert(id, execution);
        }
        expect(transactions.root() == header.transactions_root, "transactions")?;
        expect(receipts.root() == header.receipts_root, "receipts")?;
        expect(
            usize::try_from(header.transaction_count) == Ok(contents.executed.len()),
            "count",
        )?;
        Ok(VerifiedBlock {
            hash,
            header: header.clone(),
            executed,
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
    pub fn confirm(&self, id: &Digest, index: u32, code: Option<&str>) -> Result<&Execution, TrustError> {
        let claimed = self.execution(id).filter(|execution| {
            let found = match execution.outcome {
                Outcome::Success => None,
                Outcome::Failed { code, .. } => Some(code.name()),
            };
            execution.index == index && found == code
        });
        claimed.ok_or(TrustError::NotExecuted {
            id: *id,
            height: self.header.height,
        })
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
mod tests {
    use quorate_crypto::{CertificateV1, Protocol, Seal, SealContent, SigningKey, sha256};
    use quorate_ledger::{
        Address, Amount, Batch, BatchV1, Block, BlockV1, CertifiedBlockV1, ErrorCode, Executed, Proposal,
        Timestamp, ValidatorIndex,
    };

    use super::*;
    use crate::wallet::TransactionBuilder;

    fn keys() -> Vec<SigningKey> {
        (1..=4).map(|seed| SigningKey::from_seed(&[seed; 32])).collect()
    }

    fn committee(epoch: u64) -> Committee {
        let validators = keys().iter().map(SigningKey::public).collect();
        Committee::new(Epoch(epoch), Protocol::Pbft, 1, validators)
    }

    fn trusted() -> TrustedGenesis {
        TrustedGenesis::new(sha256(b"network"), committee(0))
    }

    fn payment(salt: u8) -> Transaction {
        let key = SigningKey::from_seed(&[9; 32]);
        TransactionBuilder::new(
            sha256(b"network"),
            key.public().address(),
            Timestamp(99),
            [salt; 16],
        )
        .transfer(Address([3; 20]), "QRT".parse().unwrap(), Amount(1), "")
        .build()
        .sign([&key])
    }

    /// A block at height 1 that executed the second and third of three transactions.
    fn block() -> CertifiedBlockV1 {
        let batch = Batch::V1(BatchV1 {
            network: sha256(b"network"),
            epoch: Epoch(0),
            author: ValidatorIndex(0),
            number: 1,
            transactions: vec![payment(1), payment(2), payment(3)],
        })
        .sign(&keys()[0]);
        let failed = Outcome::Failed {
            code: ErrorCode::InsufficientBalance,
            operation: 0,
        };
        let executed = vec![
            Executed {
                position: 1,
                outcome: Outcome::Success,
            },
            Executed {
                position: 2,
                outcome: failed,
            },
        ];
        let receipt = |salt, outcome| {
            encode(&Receipt::V1(ReceiptV1 {
                transaction: payment(salt).id(),
                outcome,
            }))
        };
        let proposal = Proposal::new(Timestamp(5), vec![batch.digest()]);
        let header = Header::V1(HeaderV1 {
            network: sha256(b"network"),
            epoch: Epoch(0),
            height: Height(1),
            previous: sha256(b"network"),
            chain_root: merkle::empty_root(),
            proposal: proposal.digest(),
            timestamp: Timestamp(5),
            transaction_count: 2,
            transactions_root: merkle::root([encode(&payment(2)), encode(&payment(3))]),
            receipts_root: merkle::root([receipt(2, Outcome::Success), receipt(3, failed)]),
            state_root: Digest::ZERO,
            next_committee: committee(0).digest(),
        });
        let certificate = certify(&header, 3);
        CertifiedBlockV1 {
            block: Block::V1(BlockV1 {
                header,
                proposal,
                executed,
            }),
            certificate,
            batches: vec![batch],
        }
    }

    fn certify(header: &Header, seals: usize) -> Certificate {
        let content = SealContent::new(sha256(b"network"), Epoch(0), header.v1().height, header.hash());
        let seals = (0_u16..).zip(keys()).take(seals).map(|(index, key)| Seal {
            validator: ValidatorIndex(index),
            signature: content.sign(&key),
        });
        Certificate::V1(CertificateV1 {
            epoch: Epoch(0),
            height: header.v1().height,
            block: header.hash(),
            seals: seals.collect(),
        })
    }

    fn check(block: CertifiedBlockV1) -> Result<VerifiedBlock, TrustError> {
        trusted().verify_block(Height(1), &CertifiedBlock::V1(block))
    }

    #[test]
    fn a_good_block_says_what_it_executed_and_how() {
        let block = check(block()).unwrap();
        assert_eq!(block.execution(&payment(1).id()), None);
        assert!(block.confirm(&payment(2).id(), 0, None).is_ok());
        assert!(
            block
                .confirm(&payment(3).id(), 1, Some("insufficient_balance"))
                .is_ok()
        );
        assert!(block.confirm(&payment(3).id(), 1, None).is_err());
        assert!(block.confirm(&payment(2).id(), 1, None).is_err());
        assert!(block.confirm(&payment(1).id(), 0, None).is_err());
    }

    #[test]
    fn a_certificate_below_the_quorum_proves_nothing() {
        let mut block = block();
        block.certificate = certify(&block.block.v1().header, 2);
        assert_eq!(
            check(block).unwrap_err(),
            TrustError::Certificate(CertificateError::NoQuorum { got: 2, quorum: 3 })
        );
    }

    #[test]
    fn a_certificate_of_another_block_is_refused() {
        let mut block = block();
        let Block::V1(contents) = &mut block.block;
        let Header::V1(header) = &mut contents.header;
        header.state_root = sha256(b"another state");
        assert_eq!(check(block).unwrap_err(), TrustError::OtherBlock);
    }

    #[test]
    fn another_network_and_another_height_are_refused() {
        let other = TrustedGenesis::new(sha256(b"other"), committee(0));
        let block = CertifiedBlock::V1(block());
        assert!(matches!(
            other.verify_block(Height(1), &block).unwrap_err(),
            TrustError::WrongNetwork { .. }
        ));
        assert!(matches!(
            trusted().verify_block(Height(2), &block).unwrap_err(),
            TrustError::WrongHeight { .. }
        ));
    }

    #[test]
    fn a_changed_outcome_or_transaction_is_found() {
        let mut outcome = block();
        let Block::V1(contents) = &mut outcome.block;
        contents.executed[1].outcome = Outcome::Success;
        assert_eq!(
            check(outcome).unwrap_err(),
            TrustError::WrongContents { part: "receipts" }
        );

        let mut skipped = block();
        let Block::V1(contents) = &mut skipped.block;
        contents.executed.remove(0);
        assert_eq!(
            check(skipped).unwrap_err(),
            TrustError::WrongContents { part: "transactions" }
        );

        let mut batches = block();
        batches.batches.clear();
        assert_eq!(
            check(batches).unwrap_err(),
            TrustError::WrongContents {
                part: "list of batches"
            }
        );

        let mut far = block();
        let Block::V1(contents) = &mut far.block;
        contents.executed[1].position = 3;
        assert_eq!(
            check(far).unwrap_err(),
            TrustError::WrongContents {
                part: "list of executed transactions"
            }
        );
    }

    #[test]
    fn a_committee_is_believed_when_a_sealed_block_names_it() {
        let mut last = block();
        let Block::V1(contents) = &mut last.block;
        let Header::V1(header) = &mut contents.header;
        header.next_committee = committee(1).digest();
        last.certificate = certify(&contents.header, 3);
        let last = CertifiedBlock::V1(last);
        let mut trusted = trusted();
        let mut strangers = committee(1);
        let Committee::V1(fields) = &mut strangers;
        fields.validators.pop();
        assert!(matches!(
            trusted.follow(&last, strangers).unwrap_err(),
            TrustError::NotNamed { .. }
        ));
        assert_eq!(trusted.last_epoch(), Epoch(0));
        trusted.follow(&last, committee(1)).unwrap();
        assert_eq!(trusted.last_epoch(), Epoch(1));
        // A block that names its own committee leads nowhere.
        let own = CertifiedBlock::V1(block());
        assert!(trusted.follow(&own, committee(0)).is_err());
    }
}
