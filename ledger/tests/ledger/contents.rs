//! What a certified block shows without being executed.

use quorate_crypto::{Certificate, CertificateV1};
use quorate_ledger::{
    Block, BlockV1, CertifiedBlock, CertifiedBlockV1, ContentsError, Digest, ErrorCode, Header, HeaderV1,
    Height, Outcome, Proposal, Timestamp, encode,
};

use crate::world::{World, transfer};

/// A certified block (without seals) in which three of five transactions were executed.
fn certified(world: &mut World) -> CertifiedBlockV1 {
    let repeated = world.signed(0, 0, vec![transfer(1, 1)]);
    let first = world.batch(vec![
        repeated.clone(),
        world.signed(0, 1, vec![transfer(1, u128::MAX)]),
        repeated.clone(),
    ]);
    let second = world.batch(vec![repeated, world.signed(0, 2, vec![transfer(1, 1)])]);
    let batches = vec![first.signed().clone(), second.signed().clone()];
    let execution = world.commit_batches(&[first, second]);
    with_certificate(CertifiedBlockV1 {
        block: execution.block,
        certificate: Certificate::V1(CertificateV1 {
            epoch: world.tip.epoch,
            height: Height(0),
            block: Digest::ZERO,
            seals: Vec::new(),
        }),
        batches,
    })
}

/// Points the certificate at the block as it is.
fn with_certificate(mut certified: CertifiedBlockV1) -> CertifiedBlockV1 {
    let header = certified.block.header();
    certified.certificate = Certificate::V1(CertificateV1 {
        epoch: header.epoch,
        height: header.height,
        block: certified.block.hash(),
        seals: Vec::new(),
    });
    certified
}

fn changed(change: impl FnOnce(&mut CertifiedBlockV1)) -> Result<(), ContentsError> {
    let mut certified = certified(&mut World::new());
    change(&mut certified);
    CertifiedBlock::V1(certified).verify_contents()
}

/// Changes the block and certifies it all the same.
fn recertified(change: impl FnOnce(&mut BlockV1, &mut HeaderV1)) -> Result<(), ContentsError> {
    changed(|certified| {
        let Block::V1(block) = &mut certified.block;
        let Header::V1(mut header) = block.header.clone();
        change(block, &mut header);
        block.header = Header::V1(header);
        *certified = with_certificate(certified.clone());
    })
}

#[test]
fn an_honest_block_is_accepted_and_lists_what_was_executed() {
    let mut world = World::new();
    let certified = CertifiedBlock::V1(certified(&mut world));
    assert_eq!(certified.verify_contents(), Ok(()));
    let executed = certified.executed().unwrap();
    let found: Vec<_> = executed
        .iter()
        .map(|(_, item)| (item.position, item.outcome))
        .collect();
    let failed = Outcome::Failed {
        code: ErrorCode::InsufficientBalance,
        operation: 0,
    };
    assert_eq!(found, [(0, Outcome::Success), (1, failed), (4, Outcome::Success)]);
    assert_eq!(executed[2].0.intent().salt, [2; 16]);

    let bytes = encode(&certified);
    let parameters = world.parameters.v1();
    assert!(bytes.len() <= CertifiedBlock::max_bytes(parameters));
    assert_eq!(CertifiedBlock::decode(&bytes, parameters).unwrap(), certified);
}

#[test]
fn a_certificate_for_another_block_is_refused() {
    let another = |result| assert!(matches!(result, Err(ContentsError::AnotherBlock { .. })));
    another(changed(|certified| {
        let Certificate::V1(certificate) = &mut certified.certificate;
        certificate.block = Digest([1; 32]);
    }));
    another(changed(|certified| {
        let Certificate::V1(certificate) = &mut certified.certificate;
        certificate.height = Height(2);
    }));
    another(changed(|certified| {
        let Certificate::V1(certificate) = &mut certified.certificate;
        certificate.epoch.0 += 1;
    }));
}

#[test]
fn a_proposal_or_batches_other_than_the_headers_are_refused() {
    let replace = |block: &mut BlockV1, time: u64| {
        let batches = block.proposal.batches().to_vec();
        block.proposal = Proposal::new(Timestamp(time), batches);
    };
    assert_eq!(
        recertified(|block, _| replace(block, 7)),
        Err(ContentsError::Proposal)
    );
    let swapped = changed(|certified| certified.batches.swap(0, 1));
    assert_eq!(swapped, Err(ContentsError::Batches));
    let missing = changed(|certified| certified.batches.truncate(1));
    assert_eq!(missing, Err(ContentsError::Batches));
    let foreign = recertified(|_, header| header.network = Digest([1; 32]));
    assert!(matches!(foreign, Err(ContentsError::ForeignBatch { .. })));
}

#[test]
fn executed_transactions_other_than_the_headers_are_refused() {
    let (got, expected) = (2, 3);
    let dropped = recertified(|block, _| block.executed.truncate(2));
    assert_eq!(dropped, Err(ContentsError::Count { got, expected }));
    let unordered = recertified(|block, _| block.executed.swap(0, 1));
    assert_eq!(unordered, Err(ContentsError::Positions));
    let twice = recertified(|block, _| block.executed[1].position = 0);
    assert_eq!(twice, Err(ContentsError::Positions));
    let outside = recertified(|block, _| block.executed[2].position = 5);
    assert_eq!(outside, Err(ContentsError::Positions));
    // Position 2 is a copy of position 0, so the ids are the same but not the block.
    let skipped_one = recertified(|block, _| block.executed[2].position = 3);
    assert_eq!(skipped_one, Err(ContentsError::Transactions));
    let outcome = recertified(|block, _| block.executed[1].outcome = Outcome::Success);
    assert_eq!(outcome, Err(ContentsError::Receipts));
}
