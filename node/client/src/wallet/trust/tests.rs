//! What is believed of a network of four members, and what is not.

mod world;

use quorate_crypto::{Engine, sha256};
use quorate_genesis::Draft;
use quorate_ledger::{
    Address, Amount, Block as LedgerBlock, CertifiedBlockV1, Keep, Operation, Prefix, StateKey, Timestamp,
    encode,
};
use quorate_prover::{TrustedStart, prove_committees};
use quorate_verifier::{Code, CommitteeStep, ProofBody, Trust};

use self::world::{TIME, World, address, certify, joined, person, validator};
use super::*;
use crate::schema::{Balance, TextState, TransactionStatus};
use crate::wallet::TransactionBuilder;

#[test]
fn a_good_block_says_what_it_executed_and_how() {
    let world = World::with_payments();
    let id = |salt, amount, memo, expires| world.payment(salt, amount, memo, expires).transaction().id();
    let (skipped, paid, failed) = (
        id(1, 1, "", 500),
        id(2, 2_500, "rent", 60_000),
        id(3, 200_000, "", 60_000),
    );
    let block = world.check_first(world.certified(1)).unwrap();
    assert_eq!(block.execution(&skipped), None);
    assert_eq!(block.executions().count(), 2);
    assert!(block.confirm(&paid, 0, None).is_ok());
    assert!(block.confirm(&failed, 1, Some("insufficient_balance")).is_ok());
    assert!(block.confirm(&failed, 1, None).is_err());
    assert!(block.confirm(&paid, 1, None).is_err());
    assert!(block.confirm(&skipped, 0, None).is_err());
}

#[test]
fn a_later_block_is_checked_with_the_log_before_it() {
    let world = World::with_payments();
    let (trusted, block) = (world.trusted(), CertifiedBlock::V1(world.certified(2)));
    let before = world.before_second();
    let verified = trusted.verify_block(Height(2), &block, &before).unwrap();
    let id = world.payment(4, 1, "", 60_000).transaction().id();
    assert!(verified.confirm(&id, 0, None).is_ok());
    // Neither another log nor another block before will do.
    let part = "list of executed transactions";
    let without = Before {
        header: before.header.clone(),
        ..Before::default()
    };
    for (wrong, part) in [
        (without, part),
        (Before::default(), "block before"),
        (
            Before {
                header: Some(world.header(2)),
                log: before.log.clone(),
            },
            "block before",
        ),
    ] {
        assert_eq!(
            trusted.verify_block(Height(2), &block, &wrong).unwrap_err(),
            TrustError::WrongContents { part }
        );
    }
    let (first, second) = (world.header(1), world.header(2));
    assert_eq!(trusted.index_in(&second, Some(&first), 2), Ok(0));
    assert_eq!(trusted.index_in(&first, None, 1), Ok(1));
    for ordinal in [1, 3] {
        assert!(
            trusted.index_in(&second, Some(&first), ordinal).is_err(),
            "{ordinal}"
        );
    }
}

#[test]
fn a_certificate_below_the_quorum_proves_nothing() {
    let world = World::with_payments();
    let mut block = world.certified(1);
    block.certificate = certify(&block.block.v1().header, 2);
    assert_eq!(
        world.check_first(block).unwrap_err(),
        TrustError::Certificate(CertificateError::NoQuorum { got: 2, quorum: 3 })
    );
}

#[test]
fn a_certificate_of_another_block_is_refused() {
    let world = World::with_payments();
    let mut block = world.certified(1);
    let LedgerBlock::V1(contents) = &mut block.block;
    let Header::V1(header) = &mut contents.header;
    header.state_root = sha256(b"another state");
    assert_eq!(world.check_first(block).unwrap_err(), TrustError::OtherBlock);
}

#[test]
fn another_network_and_another_height_are_refused() {
    let world = World::with_payments();
    let other = TrustedGenesis::new(sha256(b"other"), world.genesis.committee());
    let block = CertifiedBlock::V1(world.certified(1));
    assert!(matches!(
        other
            .verify_block(Height(1), &block, &Before::default())
            .unwrap_err(),
        TrustError::WrongNetwork { .. }
    ));
    assert!(matches!(
        world
            .trusted()
            .verify_block(Height(2), &block, &Before::default())
            .unwrap_err(),
        TrustError::WrongHeight { .. }
    ));
    assert!(matches!(
        world
            .trusted()
            .verify_document(Height(2), &world.document(1))
            .unwrap_err(),
        TrustError::WrongHeight { .. }
    ));
}

#[test]
fn a_changed_outcome_or_list_is_found() {
    let world = World::with_payments();
    let changed = |change: fn(&mut CertifiedBlockV1)| {
        let mut block = world.certified(1);
        change(&mut block);
        world.check_first(block).unwrap_err()
    };
    fn executed(block: &mut CertifiedBlockV1) -> &mut Vec<quorate_ledger::Executed> {
        let LedgerBlock::V1(contents) = &mut block.block;
        &mut contents.executed
    }
    let list = TrustError::WrongContents {
        part: "list of executed transactions",
    };
    let outcome = changed(|block| {
        executed(block)[1].outcome = Outcome::Success { results: Vec::new() };
    });
    assert_eq!(outcome, list);
    let first_left_out = changed(|block| drop(executed(block).remove(0)));
    assert_eq!(first_left_out, list);
    let nothing = changed(|block| executed(block).clear());
    assert_eq!(nothing, list);
    let skipped_one = changed(|block| executed(block)[0].position = 0);
    assert_eq!(skipped_one, list);
    let far = changed(|block| executed(block)[1].position = 3);
    assert_eq!(far, TrustError::Contents(ContentsError::Positions));
    let without_batches = changed(|block| block.batches.clear());
    assert_eq!(without_batches, TrustError::Contents(ContentsError::Batches));
}

#[test]
fn a_header_is_checked_in_json_whoever_is_said_to_have_sealed_it() {
    let world = World::with_payments();
    let header = world.trusted().verify_document(Height(2), &world.document(2));
    assert_eq!(header, Ok(world.header(2)));
    // Whose a seal is shows itself where names are not known.
    let nameless = TrustedGenesis::new(world.genesis.id(), world.genesis.committee());
    let header = nameless.verify_document(Height(2), &world.document(2));
    assert_eq!(header, Ok(world.header(2)));

    let mut other = world.document(2);
    other.log_size += 1;
    let refused = world.trusted().verify_document(Height(2), &other);
    assert_eq!(refused, Err(TrustError::WrongContents { part: "hash" }));
    let mut few = world.document(2);
    few.seals.pop();
    let refused = world.trusted().verify_document(Height(2), &few);
    let no_quorum = CertificateError::NoQuorum { got: 2, quorum: 3 };
    assert_eq!(refused, Err(TrustError::Certificate(no_quorum)));
    let mut wrong = world.document(2);
    wrong.seals[0].validator = "beta".to_owned();
    assert!(world.trusted().verify_document(Height(2), &wrong).is_err());
}

#[test]
fn a_proven_transaction_has_its_outcome_place_and_texts() {
    let world = World::with_payments();
    let (mut trusted, submission) = (world.trusted(), world.payment(2, 2_500, "rent", 60_000));
    let id = submission.transaction().id();
    let file = world.transaction_file(&id);
    let proven = trusted.check_transaction(&file, &id).unwrap();
    assert_eq!(proven.head.height, Height(2));
    assert_eq!((proven.value.ordinal, proven.value.code()), (0, None));
    assert_eq!(proven.value.entry.height, Height(1));
    assert_eq!(proven.value.transaction.as_ref(), Some(submission.transaction()));
    assert_eq!(proven.value.texts, [TextState::Shown(b"rent".to_vec())]);
    let view = proven.value.view(0).unwrap();
    assert_eq!((view.id, view.status), (id, TransactionStatus::Committed));
    assert_eq!((view.index, view.ordinal), (Some(0), Some(0)));

    let failed = world.payment(3, 200_000, "", 60_000).transaction().id();
    let refused = trusted.check_transaction(&file, &failed).unwrap_err();
    let about = id.to_string();
    assert_eq!(refused, TrustError::OtherAnswer { about });
    let file = world.transaction_file(&failed);
    let proven = trusted.check_transaction(&file, &failed).unwrap();
    assert_eq!(proven.value.code().as_deref(), Some("insufficient_balance"));
    // A proof of another kind, and no proof.
    let state = world.state_file(&[Prefix::account(&address(0))]);
    assert!(matches!(
        trusted.check_transaction(&state, &id).unwrap_err(),
        TrustError::OtherAnswer { .. }
    ));
    assert!(matches!(
        trusted.check_transaction("quorate proof 2 transaction\n", &id).unwrap_err(),
        TrustError::Proof(refusal) if refusal.code == Code::NotCanonical
    ));
}

/// Nothing can be left out of a statement, so it shows what was not executed too: but only of the account and the time
/// that was asked for.
#[test]
fn a_proven_statement_has_all_of_the_account_and_time_that_was_asked_for() {
    let world = World::with_payments();
    let mut trusted = world.trusted();
    let (from, to) = (Timestamp(TIME), Timestamp(TIME + 2_001));
    let file = world.statement_file(0, from.0, to.0);
    let proven = trusted.check_statement(&file, &address(0), (from, to)).unwrap();
    let ids: Vec<Digest> = proven.value.entries.iter().map(|entry| entry.entry.id).collect();
    let executed = [(2, 2_500, "rent"), (3, 200_000, ""), (4, 1, "")];
    let executed = executed.map(|(salt, amount, memo)| world.payment(salt, amount, memo, 60_000));
    assert_eq!(ids, executed.map(|submission| submission.transaction().id()));
    // The last block has this time, and another with it cannot follow.
    assert_eq!(proven.value.complete_up_to, Some(Timestamp(TIME + 2_000)));
    let earlier = world.statement_file(0, from.0, to.0 - 1);
    for (file, member, range) in [
        (&file, 1, (from, to)),
        (&file, 0, (from, Timestamp(to.0 + 1))),
        (&file, 0, (Timestamp(from.0 - 1), to)),
        (&earlier, 0, (from, to)),
    ] {
        let refused = trusted.check_statement(file, &address(member), range);
        assert!(matches!(refused.unwrap_err(), TrustError::OtherAnswer { .. }));
    }
    let range = (from, Timestamp(to.0 - 1));
    let proven = trusted.check_statement(&earlier, &address(0), range).unwrap();
    assert_eq!(
        (proven.value.complete_up_to, proven.value.entries.len()),
        (None, 2)
    );
}

#[test]
fn of_a_text_that_is_not_shown_it_is_proven_whether_it_was_erased() {
    let mut world = World::with_payments();
    let mut trusted = world.trusted();
    let paid = world.payment(2, 2_500, "rent", 60_000);
    let id = paid.transaction().id();
    let file = world.transaction_file(&id);
    let mut proven = trusted.check_transaction(&file, &id).unwrap().value;
    let erasure = |world: &World| world.state_file(&[Prefix::of_key(&StateKey::erasure(&id))]);
    let none = trusted.check_erasure(&erasure(&world), &id).unwrap();
    assert_eq!(none.head.height, Height(2));
    assert!(none.value.is_empty());

    let erase = Operation::Erase {
        intent: encode(&paid.transaction().v1().intent),
        places: paid.transaction().intent().places().to_vec(),
    };
    let expires_at = Timestamp(TIME + 60_000);
    let erase = TransactionBuilder::new(world.genesis.id(), address(0), expires_at, [5; 16])
        .operation(erase)
        .build_with(|_| [5; 16])
        .sign([&person(0)]);
    world.block(vec![erase]);
    let erased = trusted.check_erasure(&erasure(&world), &id).unwrap();
    assert_eq!((erased.head.height, erased.value.len()), (Height(3), 1));

    let leaf = Some(paid.texts()[0].leaf());
    proven.texts = vec![TextState::Missing { leaf }];
    assert!(proven.withholds());
    proven.mark_erased(&none.value);
    assert_eq!(proven.texts, [TextState::Missing { leaf }]);
    proven.mark_erased(&erased.value);
    let (by, at) = (address(0), Timestamp(TIME + 3_000));
    assert_eq!(proven.texts, [TextState::Erased { by, at, leaf }]);
    // What is shown is shown, whatever is said of it.
    proven.texts = vec![TextState::Shown(b"rent".to_vec())];
    assert!(!proven.withholds());
    proven.mark_erased(&erased.value);
    assert_eq!(proven.texts, [TextState::Shown(b"rent".to_vec())]);
    // A proof of another transaction's erasures.
    let other = world.payment(3, 200_000, "", 60_000).transaction().id();
    assert!(matches!(
        trusted.check_erasure(&erasure(&world), &other).unwrap_err(),
        TrustError::OtherAnswer { .. }
    ));
}

#[test]
fn a_proven_account_has_all_that_the_state_has() {
    let world = World::with_payments();
    let mut trusted = world.trusted();
    let file =
        |member| world.state_file(&[Prefix::account(&address(member)), Prefix::holds(&address(member))]);
    let payer = trusted.check_account(&file(0), &address(0)).unwrap();
    assert_eq!(
        (payer.head.height, payer.head.timestamp),
        (Height(2), Timestamp(TIME + 2_000))
    );
    let account = payer.value.account;
    let balance = |amount| Balance {
        asset: "EUR".parse().unwrap(),
        amount: Amount(amount),
        held: Amount(0),
    };
    assert_eq!(account.balances, [balance(100_000 - 2_501)]);
    assert_eq!((account.member, account.transactions), (Some(0), 3));
    assert_eq!(payer.value.holds, []);
    let paid = trusted.check_account(&file(1), &address(1)).unwrap();
    assert_eq!(paid.value.account.balances, [balance(2_501)]);
    // An address without a leaf is proven to have nothing.
    let nobody = Address([9; 20]);
    let file_of_nobody = world.state_file(&[Prefix::account(&nobody), Prefix::holds(&nobody)]);
    let nothing = trusted.check_account(&file_of_nobody, &nobody).unwrap();
    assert_eq!(nothing.value.account, crate::schema::Account::unused(nobody));

    for wrong in [file(1), world.state_file(&[Prefix::account(&address(0))])] {
        assert!(matches!(
            trusted.check_account(&wrong, &address(0)).unwrap_err(),
            TrustError::OtherAnswer { .. }
        ));
    }
    let other = TrustedGenesis::of(&{
        let mut draft = world.genesis.draft().v1().clone();
        draft.network = "other".to_owned();
        joined(&Draft::V1(draft))
    })
    .check_account(&file(0), &address(0));
    assert!(matches!(other, Err(TrustError::Proof(refusal)) if refusal.code == Code::OtherNetwork));
}

#[test]
fn a_proven_asset_has_its_decimals_and_that_there_is_none_is_proven_too() {
    let world = World::with_payments();
    let mut trusted = world.trusted();
    let code = |text: &str| text.parse().unwrap();
    let file = |text| world.state_file(&[Prefix::of_key(&StateKey::asset(&code(text)))]);
    let euro = trusted.check_asset(&file("EUR"), &code("EUR")).unwrap();
    let asset = euro.value.unwrap();
    assert_eq!(
        (asset.decimals, asset.supply, asset.issuer),
        (2, Amount(100_000), address(0))
    );
    let none = trusted.check_asset(&file("USD"), &code("USD")).unwrap();
    assert_eq!(none.value, None);
    assert!(matches!(
        trusted.check_asset(&file("USD"), &code("EUR")).unwrap_err(),
        TrustError::OtherAnswer { .. }
    ));
}

#[test]
fn a_committee_is_believed_when_a_sealed_block_names_it() {
    let mut world = World::new();
    let rejoin = Operation::Rejoin {
        validator: validator(0).public(),
        token: sha256(b"drawn"),
    };
    let expires_at = Timestamp(TIME + 60_000);
    let rejoin = TransactionBuilder::new(world.genesis.id(), address(0), expires_at, [8; 16])
        .operation(rejoin)
        .build_with(|_| [8; 16])
        .sign([&person(0)]);
    world.block(vec![rejoin]);
    while world.blocks.last().unwrap().v1().block.header().epoch == Epoch(0) {
        assert!(world.tip.height < Height(20), "the epoch does not end");
        world.block(Vec::new());
    }
    let height = world.tip.height;
    let (mut trusted, document) = (world.trusted(), world.document(height.0));
    let unknown = TrustError::OtherCommittee { epoch: Epoch(1) };
    assert_eq!(trusted.verify_document(height, &document), Err(unknown));
    let proof = prove_committees(&world.chain, TrustedStart::Genesis, Epoch(1)).unwrap();
    let ProofBody::Committees { steps, .. } = &proof.v1().body else {
        panic!("a proof of committees is one");
    };
    let [CommitteeStep::Certificate { head, next }] = steps.as_slice() else {
        panic!("one epoch has ended");
    };
    let mut seats = next.seats().to_vec();
    seats.pop();
    let strangers = Committee::new(Epoch(1), Engine::Pbft, next.protocol_version(), seats);
    let body = ProofBody::Committees {
        trust: Trust::Genesis,
        steps: vec![CommitteeStep::Certificate {
            head: head.clone(),
            next: strangers,
        }],
    };
    let lie = Proof::new(world.genesis.id(), body).to_file();
    assert!(matches!(
        trusted.learn_committees(&lie).unwrap_err(),
        TrustError::Proof(refusal) if refusal.code == Code::BadCommittee
    ));
    assert!(trusted.verify_document(height, &document).is_err());
    trusted.learn_committees(&proof.to_file()).unwrap();
    assert_eq!(
        trusted.verify_document(height, &document),
        Ok(world.header(height.0))
    );
    // The epoch before has ended: its keys seal nothing any more.
    let Header::V1(mut late) = world.header(height.0);
    late.epoch = Epoch(0);
    let late = Header::V1(late);
    assert!(matches!(
        trusted.verify_header(&late, &certify(&late, 4)).unwrap_err(),
        TrustError::OutsideEpoch { .. }
    ));
}

#[test]
fn a_documents_records_are_proven_and_that_nobody_claims_it() {
    let mut world = World::new();
    let (claimed, free) = (sha256(b"claimed"), sha256(b"free"));
    let put = |salt: u8, member: usize, sha256, keep| {
        let expires_at = Timestamp(TIME + 60_000);
        TransactionBuilder::new(world.genesis.id(), address(member), expires_at, [salt; 16])
            .record(sha256, keep, "", Vec::new())
            .build_with(|_| [salt; 16])
            .sign([&person(member)])
    };
    let put = vec![
        put(1, 0, claimed, Keep::Unique),
        put(2, 1, claimed, Keep::Own),
        put(3, 1, free, Keep::Log),
    ];
    let ids: Vec<Digest> = put.iter().map(|one| one.transaction().id()).collect();
    world.block(put);
    let file = |sha256: &Digest, by: Option<usize>| {
        let own = by.map(|member| StateKey::own_record(&address(member), sha256));
        let keys = own.into_iter().chain([StateKey::unique_record(sha256)]);
        let prefixes: Vec<Prefix> = keys.map(|key| Prefix::of_key(&key)).collect();
        world.state_file(&prefixes)
    };
    let mut trusted = world.trusted();
    let mut proven = |sha256: &Digest, by: Option<usize>| {
        let address = by.map(address);
        let checked = trusted.check_records(&file(sha256, by), sha256, address.as_ref());
        let value = checked.unwrap().value;
        (value.unique.map(|one| one.id), value.own.map(|one| one.id))
    };
    assert_eq!(proven(&claimed, None), (Some(ids[0]), None));
    assert_eq!(proven(&claimed, Some(1)), (Some(ids[0]), Some(ids[1])));
    assert_eq!(proven(&claimed, Some(2)), (Some(ids[0]), None));
    // What is kept in the log alone has no leaf.
    assert_eq!(proven(&free, Some(1)), (None, None));
    for wrong in [
        file(&free, Some(1)),
        file(&claimed, None),
        file(&claimed, Some(2)),
    ] {
        assert!(matches!(
            trusted
                .check_records(&wrong, &claimed, Some(&address(1)))
                .unwrap_err(),
            TrustError::OtherAnswer { .. }
        ));
    }
}
