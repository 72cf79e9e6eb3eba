//! A good chain is good on all cores. Altered in one place, it is not: with that height, that place and the code of the
//! condition that does not hold, whether or not a lying quorum sealed it.

use std::ops::ControlFlow;

use quorate_audit::{Auditor, BlockSource, CertifiedState, Depth, Ended, Finding, check_chain};
use quorate_crypto::merkle::Frontier;
use quorate_crypto::{Certificate, KeySignature, Signature};
use quorate_ledger::{
    Batch, BatchTexts, Block, CertifiedBlock, CertifiedBlockV1, Digest, Epoch, ErrorCode, Height, Outcome,
    Recovery, RecoveryV1, SignedBatch, SignedRecovery, SignedRecoveryV1, TextItem, Timestamp, Transaction,
    encode,
};

use crate::network::{Blocks, EPOCH_ENDS_AT, LAST, Network, PLAYED, checked, header_of};

/// A height with batches, well inside.
const AT: u64 = 10;

/// What is wrong with the chain after a change of one block; the check stands before that.
#[track_caller]
fn found(height: u64, change: impl FnOnce(&mut CertifiedBlockV1)) -> Finding {
    let mut auditor = PLAYED.auditor();
    let finding = checked(&mut auditor, PLAYED.altered(height, change), LAST).unwrap();
    assert_eq!(
        (finding.height, auditor.height()),
        (Height(height), Height(height - 1))
    );
    // It goes on with the right block.
    auditor
        .check(&PLAYED.bytes()[usize::try_from(height - 1).unwrap()])
        .unwrap();
    finding
}

/// The code and the place of what is wrong after a change, by which a lying quorum stands or not.
#[track_caller]
fn code_and_place(change: impl Fn(&Network, &mut CertifiedBlockV1)) -> (&'static str, String) {
    let alone = found(AT, |block| change(&PLAYED, block));
    let sealed = found(AT, |block| {
        change(&PLAYED, block);
        let CertifiedBlock::V1(again) = PLAYED.sealed_again(&CertifiedBlock::V1(block.clone()));
        *block = again;
    });
    assert_eq!((alone.code, &alone.place), (sealed.code, &sealed.place));
    assert_eq!(alone.reason, sealed.reason);
    assert_eq!(
        (alone.sealed, sealed.sealed),
        (Some(false), Some(true)),
        "{alone}"
    );
    (alone.code, alone.place)
}

fn flip(digest: &mut Digest) {
    digest.0[7] ^= 1;
}

fn signature_of(batch: &mut SignedBatch) -> &mut Signature {
    let SignedBatch::V1(signed) = batch;
    &mut signed.signature
}

fn transaction_of(batch: &mut SignedBatch, place: usize) -> &mut Transaction {
    let SignedBatch::V1(signed) = batch;
    let Batch::V1(batch) = &mut signed.batch;
    &mut batch.transactions[place]
}

#[test]
fn a_good_chain_is_good_and_all_of_it_was_looked_at() {
    for threads in [1, 3] {
        let mut auditor = PLAYED.auditor();
        let mut seen = 0;
        let watch = &mut |auditor: &Auditor| {
            seen += 1;
            assert_eq!(auditor.height(), Height(seen));
            ControlFlow::Continue(())
        };
        check_chain(
            &mut auditor,
            &mut Blocks(PLAYED.bytes()),
            Height(LAST),
            threads,
            watch,
        )
        .unwrap();
        let (part, blocks) = (auditor.part(), &PLAYED.blocks);
        let batches = || blocks.iter().flat_map(|block| &block.v1().batches);
        let transactions = || batches().flat_map(|batch| &batch.batch().transactions);
        assert_eq!(part.counts.blocks, LAST);
        assert_eq!(part.counts.batches, batches().count() as u64);
        assert_eq!(part.counts.transactions, transactions().count() as u64);
        let signatures: usize = transactions().map(|one| one.signatures().len()).sum();
        assert_eq!(part.counts.signatures, signatures as u64);
        let executed: usize = blocks
            .iter()
            .map(|block| block.v1().block.v1().executed.len())
            .sum();
        assert_eq!(part.counts.executed, executed as u64);
        assert!(
            part.counts.executed < part.counts.transactions,
            "some are skipped"
        );
        assert_eq!(part.counts.unfit_texts, 0);
        let last = blocks.last().unwrap();
        assert_eq!(part.after.block, last.v1().block.hash());
        assert_eq!(part.after.state_root, last.v1().block.header().state_root);
        assert_eq!(part.after.epoch.0, 1);
    }
}

#[test]
fn without_signatures_all_but_these_is_checked() {
    let state = CertifiedState::genesis(&PLAYED.genesis).unwrap();
    let mut auditor = Auditor::new(state, Depth::WithoutSignatures);
    assert_eq!(checked(&mut auditor, PLAYED.bytes(), LAST), None);
    assert_eq!(auditor.counts().signatures, 0);
    let mut auditor = Auditor::new(
        CertifiedState::genesis(&PLAYED.genesis).unwrap(),
        Depth::WithoutSignatures,
    );
    let blocks = PLAYED.altered(AT, |block| flip(&mut header_of(block).state_root));
    assert_eq!(checked(&mut auditor, blocks, LAST).unwrap().code, "state");
}

#[test]
fn every_field_of_a_header_is_checked() {
    type Change = fn(&mut CertifiedBlockV1);
    let changes: [(Change, &str, &str); 10] = [
        (
            |block| flip(&mut header_of(block).network),
            "place",
            "the header's network",
        ),
        (
            |block| header_of(block).protocol = 2,
            "place",
            "the header's protocol",
        ),
        (
            |block| header_of(block).height.0 += 1,
            "place",
            "the header's height",
        ),
        (
            |block| flip(&mut header_of(block).previous),
            "place",
            "the header's previous",
        ),
        (
            |block| flip(&mut header_of(block).chain_root),
            "chain_root",
            "the header's chain_root",
        ),
        (
            |block| header_of(block).timestamp.0 += 1,
            "timestamp",
            "the header's timestamp",
        ),
        (
            |block| header_of(block).log_size += 1,
            "log",
            "the header's log_size or log_root",
        ),
        (
            |block| flip(&mut header_of(block).log_root),
            "log",
            "the header's log_size or log_root",
        ),
        (
            |block| flip(&mut header_of(block).state_root),
            "state",
            "the header's state_root",
        ),
        (
            |block| flip(&mut header_of(block).next_committee),
            "next_committee",
            "the header's next_committee",
        ),
    ];
    for (change, code, place) in changes {
        let found = code_and_place(|_, block| change(block));
        assert_eq!(found, (code, place.to_owned()));
    }
    // Whoever sealed it: the proposal that came with it is not the one that was sealed.
    let finding = found(AT, |block| flip(&mut header_of(block).proposal));
    assert_eq!(
        (finding.code, finding.place.as_str()),
        ("proposal", "the proposal")
    );
    assert_eq!(finding.sealed, Some(false));
    // No committee of another epoch seals it, so it is certified by none.
    let finding = found(AT, |block| header_of(block).epoch.0 += 1);
    assert_eq!(
        (finding.code, finding.place.as_str()),
        ("place", "the header's epoch")
    );
}

#[test]
fn a_seal_that_is_not_good_and_a_quorum_that_is_none_are_found() {
    let finding = found(AT, |block| {
        let Certificate::V1(certificate) = &mut block.certificate;
        certificate.seals[1].signature.0[40] ^= 1;
    });
    assert_eq!(finding.code, "certificate");
    assert_eq!(finding.place, "the certificate, the seal of validator 1");
    assert_eq!(finding.sealed, Some(false));
    let finding = found(AT, |block| {
        let Certificate::V1(certificate) = &mut block.certificate;
        certificate.seals.truncate(2);
    });
    assert_eq!(
        (finding.code, finding.place.as_str()),
        ("certificate", "the certificate")
    );
    // Another block's certificate, though good.
    let other = PLAYED.blocks[4].v1().certificate.clone();
    let finding = found(AT, |block| block.certificate = other);
    assert_eq!(finding.code, "certificate");
}

#[test]
fn batches_are_checked_with_their_authors_and_clients_signatures() {
    let finding = found(AT, |block| signature_of(&mut block.batches[1]).0[3] ^= 1);
    assert_eq!(
        (finding.code, finding.reason),
        ("batches", Some("author_signature"))
    );
    // No hash covers it: it may be this copy's alone.
    assert_eq!((finding.place.as_str(), finding.sealed), ("batch 1", Some(false)));
    // A client's signature: in a copy alone it is another batch, with liars it is a signature that is not good.
    let flip_client = |block: &mut CertifiedBlockV1| {
        let Transaction::V1(transaction) = transaction_of(&mut block.batches[0], 2);
        let KeySignature::Ed25519 { signature, .. } = &mut transaction.signatures[0] else {
            panic!("account 2 has an Ed25519 key");
        };
        signature[9] ^= 1;
        transaction.intent.id()
    };
    let finding = found(AT, |block| {
        flip_client(block);
    });
    assert_eq!(
        (finding.code, finding.reason, finding.place.as_str()),
        ("batches", None, "batch 0")
    );
    let mut id = None;
    let finding = found(AT, |block| {
        id = Some(flip_client(block));
        PLAYED.batch_again(block, 0);
        let CertifiedBlock::V1(again) = PLAYED.sealed_again(&CertifiedBlock::V1(block.clone()));
        *block = again;
    });
    assert_eq!(
        (finding.code, finding.reason),
        ("batches", Some("client_signature"))
    );
    assert_eq!(finding.place, format!("batch 0, transaction 2 ({})", id.unwrap()));
    assert_eq!(finding.sealed, Some(true));
    // A batch left out, and two in each other's place.
    let finding = found(AT, |block| {
        block.batches.pop();
        block.texts.pop();
    });
    assert_eq!((finding.code, finding.place.as_str()), ("batches", "batch 1"));
    let finding = found(AT, |block| block.batches.swap(0, 1));
    assert_eq!((finding.code, finding.place.as_str()), ("batches", "batch 0"));
}

#[test]
fn every_outcome_is_found_again() {
    let executed = |block: &mut CertifiedBlockV1| {
        let Block::V1(block) = &mut block.block;
        std::mem::take(&mut block.executed)
    };
    let put = |block: &mut CertifiedBlockV1, executed| {
        let Block::V1(block) = &mut block.block;
        block.executed = executed;
    };
    // A success in the place of a failure.
    let failed = PLAYED.blocks[usize::try_from(AT - 1).unwrap()].v1().block.v1();
    let place = failed
        .executed
        .iter()
        .position(|one| matches!(one.outcome, Outcome::Failed { .. }));
    let place = place.unwrap();
    let position = failed.executed[place].position;
    let lie = |block: &mut CertifiedBlockV1| {
        let mut all = executed(block);
        all[place].outcome = Outcome::Success { results: Vec::new() };
        put(block, all);
    };
    let finding = found(AT, lie);
    assert_eq!((finding.code, finding.sealed), ("executed", Some(false)));
    let at = format!("the outcomes, position {position}, batch 0, transaction");
    assert!(finding.place.starts_with(&at), "{finding}");
    // With a log that fits it, a quorum has lied.
    let finding = found(AT, |block| {
        lie(block);
        let altered = CertifiedBlock::V1(block.clone());
        let before = &PLAYED.blocks[..usize::try_from(AT - 1).unwrap()];
        let mut log = Frontier::new();
        for entry in before
            .iter()
            .chain([&altered])
            .flat_map(|block| block.log_entries().unwrap())
        {
            log.push_hash(entry.leaf_hash());
        }
        header_of(block).log_root = log.root();
        let CertifiedBlock::V1(again) = PLAYED.sealed_again(&CertifiedBlock::V1(block.clone()));
        *block = again;
    });
    assert_eq!((finding.code, finding.sealed), ("executed", Some(true)));
    let finding = found(AT, |block| {
        let mut all = executed(block);
        all[place].outcome = Outcome::Failed {
            code: ErrorCode::UNKNOWN_ASSET,
            operation: 0,
        };
        put(block, all);
    });
    assert!(
        finding.words.contains("fails with code 1") && finding.words.contains("fails with code 3"),
        "{finding}"
    );
    // One left out, and one that was skipped called executed.
    let finding = found(AT, |block| {
        let mut all = executed(block);
        all.remove(0);
        put(block, all);
    });
    assert!(
        finding.words.contains("the block lists that it is skipped"),
        "{finding}"
    );
    let skipped = (0..).find(|position| failed.executed.iter().all(|one| one.position != *position));
    let finding = found(AT, |block| {
        let mut all = executed(block);
        let mut more = all[0].clone();
        more.position = skipped.unwrap();
        all.push(more);
        all.sort_by_key(|one| one.position);
        put(block, all);
    });
    assert_eq!(finding.code, "executed");
    assert!(finding.words.contains("executing it, it is skipped"), "{finding}");
    // What a release paid.
    let finding = found(5, |block| {
        let mut all = executed(block);
        for one in &mut all {
            if let Outcome::Success { results } = &mut one.outcome {
                for result in results {
                    result.0 += 1;
                }
            }
        }
        put(block, all);
    });
    assert!(
        finding.words.contains("pays 71") && finding.words.contains("pays 70"),
        "{finding}"
    );
}

#[test]
fn a_block_that_is_missing_swapped_or_no_block_is_found() {
    let mut auditor = PLAYED.auditor();
    let mut blocks = PLAYED.bytes();
    blocks.truncate(20);
    let finding = checked(&mut auditor, blocks, LAST).unwrap();
    assert_eq!((finding.code, finding.height), ("missing", Height(21)));
    assert_eq!(auditor.height(), Height(20));

    let mut blocks = PLAYED.bytes();
    blocks.remove(8);
    let finding = checked(&mut PLAYED.auditor(), blocks, LAST - 1).unwrap();
    assert_eq!((finding.code, finding.height), ("place", Height(9)));
    assert_eq!(finding.place, "the header's height");

    let mut blocks = PLAYED.bytes();
    blocks.swap(8, 9);
    let finding = checked(&mut PLAYED.auditor(), blocks, LAST).unwrap();
    assert_eq!((finding.code, finding.height), ("place", Height(9)));

    let mut blocks = PLAYED.bytes();
    blocks[8].push(0);
    let finding = checked(&mut PLAYED.auditor(), blocks, LAST).unwrap();
    assert_eq!((finding.code, finding.height), ("encoding", Height(9)));
    assert_eq!(finding.sealed, None);
}

#[test]
fn a_block_of_the_next_epoch_is_checked_by_its_committee() {
    // What lies about its epoch, on both sides of its end.
    for height in [EPOCH_ENDS_AT, EPOCH_ENDS_AT + 1] {
        let finding = found(height, |block| {
            let epoch = &mut header_of(block).epoch;
            epoch.0 = 1 - epoch.0;
        });
        assert_eq!(
            (finding.code, finding.place.as_str()),
            ("place", "the header's epoch")
        );
    }
    // The last block of the epoch names the next committee, and no other.
    let finding = found(EPOCH_ENDS_AT, |block| {
        let before = PLAYED.blocks[1].v1().block.header().next_committee;
        header_of(block).next_committee = before;
    });
    assert_eq!(finding.code, "next_committee");
}

#[test]
fn a_recovery_is_refused_in_protocol_1() {
    let document = SignedRecovery::V1(SignedRecoveryV1 {
        recovery: Recovery::V1(RecoveryV1 {
            network: PLAYED.id(),
            number: 1,
            old_epoch: Epoch(0),
            new_epoch: Epoch(1),
            base: Height(AT - 1),
            block: Digest::ZERO,
            committee: PLAYED.genesis.committee(),
            evidence: Digest::ZERO,
        }),
        stand_downs: Vec::new(),
        losses: Vec::new(),
        members: Vec::new(),
        validators: Vec::new(),
    });
    let finding = found(AT, |block| {
        let Block::V1(block) = &mut block.block;
        block.recovery = Some(document);
    });
    assert_eq!(
        (finding.code, finding.place.as_str()),
        ("recovery", "the recovery")
    );
}

#[test]
fn texts_that_do_not_fit_are_counted_and_change_no_verdict() {
    let blocks = PLAYED.altered(AT, |block| {
        let texts = block.texts[1].as_mut().unwrap();
        let BatchTexts::V1(texts) = texts;
        let TextItem::Shown(text) = &mut texts.items[0] else {
            panic!("it is shown");
        };
        text.text[0] ^= 1;
    });
    let mut auditor = PLAYED.auditor();
    assert_eq!(checked(&mut auditor, blocks, LAST), None);
    assert_eq!(auditor.counts().unfit_texts, 1);
}

/// Whatever one bit is flipped: it is found, or it is in a text, and counted.
#[test]
fn no_flipped_bit_goes_unnoticed() {
    let mut auditor = PLAYED.auditor();
    assert_eq!(checked(&mut auditor, PLAYED.bytes(), AT - 1), None);
    let block = &PLAYED.bytes()[usize::try_from(AT - 1).unwrap()];
    let mut in_texts = 0;
    for (place, bit) in (0..block.len()).step_by(3).zip((0..8).cycle()) {
        let mut flipped = block.clone();
        flipped[place] ^= 1 << bit;
        if auditor.judge(&flipped).is_ok() {
            in_texts += 1;
            let part = {
                let mut other = PLAYED.auditor();
                let mut blocks = PLAYED.bytes();
                blocks[usize::try_from(AT - 1).unwrap()] = flipped;
                assert_eq!(checked(&mut other, blocks, AT), None);
                other.part()
            };
            assert_eq!(part.counts.unfit_texts, 1, "byte {place}");
        }
        assert_eq!(auditor.height(), Height(AT - 1));
    }
    let texts = &PLAYED.blocks[usize::try_from(AT - 1).unwrap()].v1().texts;
    assert!(
        in_texts <= encode(texts).len(),
        "{in_texts} of {} bytes",
        block.len()
    );
    // It is where it was.
    auditor.check(block).unwrap();
    assert_eq!(auditor.part().counts.blocks, AT);
}

#[test]
fn who_watches_may_stop_it_and_a_source_may_fail() {
    struct Failing(Blocks);
    impl BlockSource for Failing {
        type Error = String;

        fn block(&mut self, height: Height) -> Result<Option<Vec<u8>>, String> {
            match height {
                Height(7) => Err("out of reach".to_owned()),
                other => Ok(self.0.block(other).unwrap()),
            }
        }
    }
    let mut auditor = PLAYED.auditor();
    let mut source = Failing(Blocks(PLAYED.bytes()));
    let go_on = &mut |_: &Auditor| ControlFlow::Continue(());
    let ended = check_chain(&mut auditor, &mut source, Height(LAST), 2, go_on).unwrap_err();
    assert!(matches!(ended, Ended::Source(reason) if reason == "out of reach"));
    assert_eq!(auditor.height(), Height(6), "all before is checked first");

    let mut auditor = PLAYED.auditor();
    let stop = &mut |auditor: &Auditor| {
        if auditor.height() == Height(3) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let ended = check_chain(&mut auditor, &mut Blocks(PLAYED.bytes()), Height(LAST), 2, stop).unwrap_err();
    assert!(matches!(ended, Ended::Stopped));
    assert_eq!(auditor.height(), Height(3));
    // It goes on from there.
    assert_eq!(checked(&mut auditor, PLAYED.bytes(), LAST), None);
    assert_eq!(auditor.part().to, Height(LAST));
}

#[test]
fn time_that_does_not_follow_is_found_in_both_directions() {
    let parent = PLAYED.blocks[usize::try_from(AT - 2).unwrap()]
        .v1()
        .block
        .header()
        .timestamp;
    for time in [parent, Timestamp(parent.0 + 1), Timestamp(u64::MAX)] {
        let finding = found(AT, |block| header_of(block).timestamp = time);
        assert_eq!(finding.code, "timestamp");
    }
}
