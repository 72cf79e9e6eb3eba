//! When a block is valid, as far as it is not executed (section 8): the page's block 1, and every condition
//! broken alone.

use quorate_crypto::merkle::Frontier;
use quorate_crypto::{
    Certificate, CertificateError, Committee, Digest, Engine, Epoch, Height, Signature, ValidatorIndex,
};
use quorate_ledger::{
    Amount, BatchTexts, Block, BlockError, BlockRules, BlockV1, CertifiedBlock, CertifiedBlockV1,
    ContentsError, ErrorCode, Executed, FormedBatch, Header, HeaderV1, LogEntryV1, Outcome, Parameters,
    Parent, PlannedHeight, Proposal, SignedBatch, SignedRecovery, Timestamp, check_block, check_header,
    check_log, form_batches,
};

use crate::golden::certified;
use crate::recoveries::Case;
use crate::vectors;
use crate::world::{committee, committee_of, digest, network, signed_batch};

/// Genesis's time; block 1 was proposed for a second later.
const GENESIS_TIME: u64 = 0x019b_76da_a800;

/// What block 1 is checked against, each part for a test to change.
struct Chain {
    network: Digest,
    committee: Committee,
    parameters: Parameters,
    chain: Frontier,
    log: Frontier,
    height: Height,
    hash: Digest,
    timestamp: Timestamp,
    sealed_by: Digest,
    planned: Option<Proposal>,
    old: Committee,
    next_committee: Option<Digest>,
}

impl Chain {
    fn new() -> Self {
        Self {
            network: network(),
            committee: committee(),
            parameters: Parameters::default(),
            chain: Frontier::new(),
            log: Frontier::new(),
            height: Height(0),
            hash: network(),
            timestamp: Timestamp(GENESIS_TIME),
            sealed_by: digest(vectors::COMMITTEE),
            planned: None,
            old: committee_of(Epoch(0)),
            next_committee: Some(digest(vectors::COMMITTEE)),
        }
    }

    fn rules(&self) -> BlockRules<'_> {
        BlockRules {
            network: &self.network,
            parent: Parent {
                height: self.height,
                hash: self.hash,
                timestamp: self.timestamp,
                next_committee: self.sealed_by,
                chain: &self.chain,
                log: &self.log,
            },
            committee: &self.committee,
            parameters: self.parameters.v1(),
            planned: self.planned.as_ref().map(|proposal| PlannedHeight {
                proposal,
                old: &self.old,
            }),
            next_committee: self.next_committee,
        }
    }
}

/// The code that a changed block 1 on a changed chain is refused with.
#[track_caller]
fn refused(change: impl FnOnce(&mut CertifiedBlockV1, &mut Chain)) -> &'static str {
    let CertifiedBlock::V1(mut block) = certified();
    let mut chain = Chain::new();
    change(&mut block, &mut chain);
    check_block(&CertifiedBlock::V1(block), &chain.rules())
        .unwrap_err()
        .code()
}

/// The block of a certified block, to be changed.
fn block_of(certified: &mut CertifiedBlockV1) -> &mut BlockV1 {
    let Block::V1(block) = &mut certified.block;
    block
}

fn header_of(certified: &mut CertifiedBlockV1) -> &mut HeaderV1 {
    let Header::V1(header) = &mut block_of(certified).header;
    header
}

/// The code that block 1 with a changed header is refused with.
#[track_caller]
fn with_header(change: impl FnOnce(&mut HeaderV1)) -> &'static str {
    refused(|block, _| change(header_of(block)))
}

/// Gives a block another proposal, and its header that proposal's digest.
fn propose(certified: &mut CertifiedBlockV1, proposal: Proposal) {
    header_of(certified).proposal = proposal.digest();
    block_of(certified).proposal = proposal;
}

#[test]
fn block_1_of_the_page_is_valid() {
    let chain = Chain::new();
    let block = certified();
    let appended = check_block(&block, &chain.rules()).unwrap();
    assert_eq!(appended.log.root(), digest(vectors::LOG_ROOT));
    assert_eq!(appended.entries.len(), 2);
    assert_eq!(block.verify_certificate(network(), &committee()), Ok(()));
    let batches = form_batches(&block, &chain.rules()).unwrap();
    for batch in batches {
        assert!(batch.check_signatures().is_ok());
    }
    assert_eq!(block.v1().block.check_execution(&block.v1().block), Ok(()));
    let texts = block.fitting_texts(chain.parameters.v1());
    assert_eq!(texts, [block.v1().texts[0].as_ref()]);
    assert!(texts[0].is_some());
}

#[test]
fn condition_1_encoding() {
    let fewer = refused(|block, _| block.texts.clear());
    assert_eq!(fewer, "encoding");
    let more = refused(|block, _| block.texts.push(None));
    assert_eq!(more, "encoding");
    // 8,193 times 256 results have more than 32 MiB.
    let long = refused(|block, _| {
        let executed = |position| Executed {
            position,
            outcome: Outcome::Success {
                results: vec![Amount(0); 256],
            },
        };
        block_of(block).executed = (0..8_193).map(executed).collect();
    });
    assert_eq!(long, "encoding");
}

#[test]
fn condition_2_place() {
    let place = "place";
    assert_eq!(with_header(|header| header.network = Digest([1; 32])), place);
    assert_eq!(with_header(|header| header.height = Height(2)), place);
    assert_eq!(refused(|_, chain| chain.height = Height(u64::MAX)), place);
    assert_eq!(with_header(|header| header.previous = Digest([1; 32])), place);
    assert_eq!(with_header(|header| header.epoch = Epoch(1)), place);
    assert_eq!(with_header(|header| header.protocol = 2), place);
    // The committee that the block before names is another.
    assert_eq!(refused(|_, chain| chain.sealed_by = Digest([1; 32])), place);
    let later = refused(|block, chain| {
        chain.committee = committee_of(Epoch(1));
        header_of(block).epoch = Epoch(1);
    });
    assert_eq!(later, place);
}

#[test]
fn condition_3_chain_root() {
    assert_eq!(
        with_header(|header| header.chain_root = Digest([1; 32])),
        "chain_root"
    );
    let longer = refused(|_, chain| chain.chain.push(&[1; 32]));
    assert_eq!(longer, "chain_root");
}

#[test]
fn condition_4_proposal() {
    let proposal = "proposal";
    assert_eq!(with_header(|header| header.proposal = Digest([1; 32])), proposal);
    let other_time = refused(|block, _| {
        let batches = block_of(block).proposal.batches().to_vec();
        block_of(block).proposal = Proposal::new(Timestamp(GENESIS_TIME), batches);
    });
    assert_eq!(other_time, proposal);
    let batch = digest(vectors::BATCH);
    let time = Timestamp(GENESIS_TIME + 1_000);
    let twice = refused(|block, _| propose(block, Proposal::new(time, vec![batch, batch])));
    assert_eq!(twice, proposal);
    let many = refused(|_, chain| {
        let Parameters::V1(parameters) = &mut chain.parameters;
        parameters.max_proposal_batches = 0;
    });
    assert_eq!(many, proposal);
    let planned = refused(|_, chain| chain.planned = Some(Proposal::null()));
    assert_eq!(planned, proposal);
    let mut chain = Chain::new();
    chain.planned = Some(Proposal::new(time, vec![batch]));
    assert!(check_block(&certified(), &chain.rules()).is_ok());
}

#[test]
fn condition_5_timestamp() {
    assert_eq!(with_header(|header| header.timestamp.0 += 1), "timestamp");
    assert_eq!(with_header(|header| header.timestamp.0 -= 1), "timestamp");
    // A proposal of an earlier time gives a block a millisecond after the one before.
    let mut chain = Chain::new();
    chain.timestamp = Timestamp(GENESIS_TIME + 5_000);
    let CertifiedBlock::V1(mut block) = certified();
    let error = check_header(&CertifiedBlock::V1(block.clone()), &chain.rules()).unwrap_err();
    let expected = Timestamp(GENESIS_TIME + 5_001);
    let got = Timestamp(GENESIS_TIME + 1_000);
    assert_eq!(error, BlockError::Timestamp { got, expected });
    header_of(&mut block).timestamp = expected;
    assert_eq!(check_header(&CertifiedBlock::V1(block), &chain.rules()), Ok(()));
    // Time saturates.
    let ended = refused(|_, chain| chain.timestamp = Timestamp(u64::MAX));
    assert_eq!(ended, "timestamp");
    let mut chain = Chain::new();
    chain.timestamp = Timestamp(u64::MAX);
    let CertifiedBlock::V1(mut block) = certified();
    header_of(&mut block).timestamp = Timestamp(u64::MAX);
    assert_eq!(check_header(&CertifiedBlock::V1(block), &chain.rules()), Ok(()));
}

/// The error of [`form_batches`] for a changed block 1 on a changed chain.
#[track_caller]
fn batches_refused(change: impl FnOnce(&mut CertifiedBlockV1, &mut Chain)) -> BlockError {
    let CertifiedBlock::V1(mut block) = certified();
    let mut chain = Chain::new();
    change(&mut block, &mut chain);
    form_batches(&CertifiedBlock::V1(block), &chain.rules()).unwrap_err()
}

#[test]
fn condition_6_batches() {
    let missing = refused(|block, _| {
        block.batches.clear();
        block.texts.clear();
    });
    assert_eq!(missing, "batches");
    let other = refused(|block, _| block.batches[0] = signed_batch(Vec::new()));
    assert_eq!(other, "batches");
    // The digest covers no signature, so the batch check finds a bad one.
    let forged = batches_refused(|block, _| {
        let SignedBatch::V1(signed) = &mut block.batches[0];
        signed.signature = Signature([0; 64]);
    });
    assert_eq!(
        (forged.code(), forged.reason()),
        ("batches", Some("author_signature"))
    );
    let long = batches_refused(|_, chain| {
        let Parameters::V1(parameters) = &mut chain.parameters;
        parameters.max_batch_bytes = 100;
    });
    assert_eq!((long.code(), long.reason()), ("batches", Some("too_long")));
    let later = batches_refused(|_, chain| chain.committee = committee_of(Epoch(1)));
    assert_eq!((later.code(), later.reason()), ("batches", Some("epoch")));
}

#[test]
fn condition_6_what_a_recoverys_plan_decides_may_be_of_the_old_epoch() {
    let mut chain = Chain::new();
    chain.committee = committee_of(Epoch(1));
    let proposal = certified().v1().block.v1().proposal.clone();
    chain.planned = Some(proposal);
    let batches: Vec<FormedBatch> = form_batches(&certified(), &chain.rules()).unwrap();
    assert_eq!(batches[0].digest(), digest(vectors::BATCH));
    // Of C's epoch it may be too.
    chain.committee = committee();
    chain.old = committee_of(Epoch(7));
    assert!(form_batches(&certified(), &chain.rules()).is_ok());
}

#[test]
fn condition_7_positions() {
    let swapped = refused(|block, _| block_of(block).executed.swap(0, 1));
    assert_eq!(swapped, "executed");
    let twice = refused(|block, _| block_of(block).executed[1].position = 0);
    assert_eq!(twice, "executed");
    let outside = refused(|block, _| block_of(block).executed[1].position = 2);
    assert_eq!(outside, "executed");
}

#[test]
fn condition_8_log() {
    let log = "log";
    let dropped = refused(|block, _| block_of(block).executed.truncate(1));
    assert_eq!(dropped, log);
    let failed = refused(|block, _| {
        block_of(block).executed[0].outcome = Outcome::Failed {
            code: ErrorCode::FROZEN,
            operation: 0,
        };
    });
    assert_eq!(failed, log);
    assert_eq!(with_header(|header| header.log_size = 3), log);
    assert_eq!(with_header(|header| header.log_root = Digest([1; 32])), log);
    let longer = refused(|_, chain| chain.log.push(b"an entry of an earlier block"));
    assert_eq!(longer, log);
}

#[test]
fn conditions_7_to_10_against_ones_own_execution() {
    let own = certified().v1().block.clone();
    let code = |change: fn(&mut BlockV1, &mut HeaderV1)| {
        let CertifiedBlock::V1(mut other) = certified();
        let mut header = header_of(&mut other).clone();
        change(block_of(&mut other), &mut header);
        block_of(&mut other).header = Header::V1(header);
        other.block.check_execution(&own).unwrap_err().code()
    };
    assert_eq!(code(|block, _| block.executed.truncate(1)), "executed");
    assert_eq!(code(|_, header| header.log_size = 3), "log");
    assert_eq!(code(|_, header| header.log_root = Digest([1; 32])), "log");
    assert_eq!(code(|_, header| header.state_root = Digest([1; 32])), "state");
    let next = code(|_, header| header.next_committee = Digest([1; 32]));
    assert_eq!(next, "next_committee");
}

#[test]
fn condition_10_next_committee() {
    let other = with_header(|header| header.next_committee = Digest([1; 32]));
    assert_eq!(other, "next_committee");
    // Where it is not known, nothing is said of it.
    let mut chain = Chain::new();
    chain.next_committee = None;
    let CertifiedBlock::V1(mut block) = certified();
    header_of(&mut block).next_committee = Digest([1; 32]);
    assert!(check_block(&CertifiedBlock::V1(block), &chain.rules()).is_ok());
}

/// A block with nothing but a recovery on top of that recovery's base, and its chain.
fn with_recovery() -> (CertifiedBlockV1, Chain) {
    let case = Case::new(Engine::Pbft);
    let mut chain = Chain::new();
    chain.height = case.document.base;
    chain.hash = case.document.block;
    chain.committee = case.document.committee.clone();
    chain.sealed_by = case.old.digest();
    chain.next_committee = None;
    let signed = SignedRecovery::V1(case.sign());
    let CertifiedBlock::V1(mut block) = certified();
    block.batches.clear();
    block.texts.clear();
    propose(&mut block, Proposal::null());
    block_of(&mut block).executed.clear();
    let header = header_of(&mut block);
    header.epoch = Epoch(4);
    header.height = Height(10);
    header.previous = chain.hash;
    header.timestamp = Timestamp(GENESIS_TIME + 1);
    block_of(&mut block).recovery = Some(signed);
    let certified = CertifiedBlock::V1(block.clone());
    let mut log = Frontier::new();
    for entry in certified.log_entries().unwrap() {
        log.push_hash(entry.leaf_hash());
    }
    let header = header_of(&mut block);
    (header.log_size, header.log_root) = (log.length(), log.root());
    (block, chain)
}

#[test]
fn the_first_block_of_a_recoverys_epoch_has_it_in_its_log_first() {
    let (block, chain) = with_recovery();
    let recovery = block.block.v1().recovery.clone().unwrap();
    let appended = check_block(&CertifiedBlock::V1(block), &chain.rules()).unwrap();
    let LogEntryV1::Recovery(logged) = appended.entries[0].v1() else {
        panic!("the recovery is the first entry");
    };
    assert_eq!(logged.document, recovery.document_hash());
    assert_eq!((appended.entries.len(), logged.height), (1, Height(10)));
}

#[test]
fn condition_11_recovery() {
    // The committee is the recovery's, not the one that the block before names.
    let (block, mut chain) = with_recovery();
    chain.committee = Case::new(Engine::Pbft).old;
    let error = check_block(&CertifiedBlock::V1(block), &chain.rules()).unwrap_err();
    assert_eq!(error.code(), "place");
    let (mut block, chain) = with_recovery();
    block_of(&mut block).recovery = None;
    let error = check_block(&CertifiedBlock::V1(block), &chain.rules()).unwrap_err();
    assert_eq!(error.code(), "place");
    // It builds on another block than the one before.
    let (mut block, mut chain) = with_recovery();
    chain.hash = Digest([1; 32]);
    header_of(&mut block).previous = chain.hash;
    let error = check_log(&CertifiedBlock::V1(block), &chain.rules()).unwrap_err();
    assert_eq!(error.code(), "recovery");
}

#[test]
fn the_first_condition_that_does_not_hold_gives_the_code() {
    let code = refused(|block, chain| {
        chain.next_committee = Some(Digest([1; 32]));
        header_of(block).log_size = 3;
        header_of(block).timestamp.0 += 1;
        header_of(block).chain_root = Digest([1; 32]);
    });
    assert_eq!(code, "chain_root");
    let code = refused(|block, _| {
        header_of(block).log_size = 3;
        block_of(block).executed.swap(0, 1);
    });
    assert_eq!(code, "executed");
}

#[test]
fn the_certificate_is_the_blocks_and_good() {
    let check = |change: fn(&mut CertifiedBlockV1)| {
        let CertifiedBlock::V1(mut block) = certified();
        change(&mut block);
        let error = CertifiedBlock::V1(block)
            .verify_certificate(network(), &committee())
            .unwrap_err();
        assert_eq!(error.code(), "certificate");
        error
    };
    let height = check(|block| {
        let Certificate::V1(certificate) = &mut block.certificate;
        certificate.height = Height(2);
    });
    assert_eq!(height, BlockError::OtherCertificate);
    let header = check(|block| header_of(block).state_root = Digest([1; 32]));
    assert_eq!(header, BlockError::OtherCertificate);
    let none = check(|block| {
        let Certificate::V1(certificate) = &mut block.certificate;
        certificate.seals.clear();
    });
    let (got, quorum) = (0, 1);
    assert_eq!(
        none,
        BlockError::Certificate(CertificateError::NoQuorum { got, quorum })
    );
    let flipped = check(|block| {
        let Certificate::V1(certificate) = &mut block.certificate;
        certificate.seals[0].signature.0[9] ^= 1;
    });
    let validator = ValidatorIndex(0);
    assert_eq!(
        flipped,
        BlockError::Certificate(CertificateError::BadSeal { validator })
    );
}

#[test]
fn contents_are_compared_without_what_came_before() {
    let check = |change: fn(&mut CertifiedBlockV1)| {
        let CertifiedBlock::V1(mut block) = certified();
        change(&mut block);
        // The certificate follows the block, so that only one thing is wrong.
        let hash = block.block.hash();
        let Certificate::V1(certificate) = &mut block.certificate;
        certificate.block = hash;
        CertifiedBlock::V1(block).verify_contents()
    };
    assert_eq!(check(|_| {}), Ok(()));
    let proposal = check(|block| header_of(block).proposal = Digest([1; 32]));
    assert_eq!(proposal, Err(ContentsError::Proposal));
    let batches = check(|block| block.batches.clear());
    assert_eq!(batches, Err(ContentsError::Batches));
    let texts = check(|block| block.texts.clear());
    assert_eq!(texts, Err(ContentsError::Texts { got: 0, batches: 1 }));
    let batch = digest(vectors::BATCH);
    let foreign = check(|block| header_of(block).network = Digest([1; 32]));
    assert_eq!(foreign, Err(ContentsError::ForeignBatch { batch }));
    let positions = check(|block| block_of(block).executed[1].position = 2);
    assert_eq!(positions, Err(ContentsError::Positions));
    let CertifiedBlock::V1(mut other) = certified();
    header_of(&mut other).log_size = 3;
    assert!(matches!(
        CertifiedBlock::V1(other).verify_contents(),
        Err(ContentsError::AnotherBlock { .. })
    ));
}

#[test]
fn texts_that_do_not_fit_are_dropped_and_the_block_is_not() {
    let CertifiedBlock::V1(mut block) = certified();
    block.texts[0] = Some(BatchTexts::new(Vec::new()));
    let block = CertifiedBlock::V1(block);
    let chain = Chain::new();
    assert!(check_block(&block, &chain.rules()).is_ok());
    assert!(block.fitting_texts(chain.parameters.v1())[0].is_none());
    // Nor is it for texts that are not there.
    let CertifiedBlock::V1(mut block) = certified();
    block.texts[0] = None;
    let block = CertifiedBlock::V1(block);
    assert!(check_block(&block, &chain.rules()).is_ok());
    assert!(block.fitting_texts(chain.parameters.v1())[0].is_none());
}
