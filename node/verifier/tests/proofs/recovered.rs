//! A recovery of the page's network, and what it gives up.

use std::collections::BTreeMap;
use std::convert::Infallible;

use quorate_crypto::{
    ClientSigningKey, Committee, CommitteeV1, Digest, Epoch, Height, MemberNumber, Seal, SealContent,
    SigningKey, ValidatorIndex,
};
use quorate_ledger::{
    CertifiedHeader, Header, HeaderV1, Open, Prefix, Recovery, RecoveryV1, SignedRecovery, SignedRecoveryV1,
    StandDown, StandDownV1, StateKey, evidence_hash,
};
use quorate_verifier::{CommitteeStep, Facts, GivenUpFacts, Proof, ProofBody, RecoveryStep, Trust, Verifier};

use crate::page;
use crate::trust::{block, committees, pin, verifier};

/// The seed of K1 (RFC 8032, test 1), the first key of the page's member.
const K1_SEED: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44,
    0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];

/// The page's one validator.
fn validator() -> SigningKey {
    SigningKey::from_seed(&[0x11; 32])
}

/// A recovery of the page's network from genesis on: its validator says that it has certified nothing.
fn recovery_on_genesis() -> RecoveryStep {
    let genesis = page::genesis();
    let network = genesis.id();
    let validator = validator();
    let administrator = ClientSigningKey::from_ed25519(SigningKey::from_seed(&K1_SEED));
    let stand_down = StandDown::V1(StandDownV1 {
        network,
        epoch: Epoch(0),
        validator: ValidatorIndex(0),
        certified: None,
        open: Open::Pbft(Vec::new()),
    });
    let stand_downs = vec![stand_down.sign(&validator)];
    let committee = Committee::V1(CommitteeV1 {
        epoch: Epoch(1),
        ..genesis.committee().v1().clone()
    });
    let recovery = Recovery::V1(RecoveryV1 {
        network,
        number: 1,
        old_epoch: Epoch(0),
        new_epoch: Epoch(1),
        base: Height::GENESIS,
        block: network,
        committee,
        evidence: evidence_hash(&stand_downs, &[]),
    });
    let members = vec![recovery.sign_for(MemberNumber(0), [&administrator])];
    let validators = vec![recovery.sign(&validator)];
    let values: BTreeMap<StateKey, Vec<u8>> = genesis.leaves().into_iter().collect();
    let tree = genesis.state().tree();
    let prefixes = [
        Prefix::of_key(&StateKey::rules()),
        Prefix::of_key(&StateKey::agreement()),
        Prefix::of_key(&StateKey::counters()),
        Prefix::kind(0x06),
        Prefix::of_key(&StateKey::account(&administrator.key().address())),
    ];
    let prove = |prefix: Prefix| {
        let path = tree.prove(&prefix);
        path.with_values(|key| Ok::<_, Infallible>(values[key].clone()))
            .unwrap()
    };
    RecoveryStep {
        base: None,
        document: SignedRecovery::V1(SignedRecoveryV1 {
            recovery,
            stand_downs,
            losses: Vec::new(),
            members,
            validators,
        }),
        leaves: prefixes.map(prove).to_vec(),
    }
}

/// A proof of the committees that this recovery leads to.
fn recovered(trust: Trust) -> Proof {
    let steps = vec![CommitteeStep::Recovery(recovery_on_genesis())];
    Proof::new(page::genesis().id(), ProofBody::Committees { trust, steps })
}

/// A verifier that knows the recovery.
fn after_recovery() -> Verifier {
    let mut verifier = verifier(true, None);
    verifier.learn(&recovered(Trust::Genesis)).unwrap();
    verifier
}

#[test]
fn a_recovery_on_genesis_does_not_give_a_pinned_block_up() {
    let from_genesis = after_recovery();
    assert_eq!(from_genesis.epoch(Epoch(0)).unwrap().last, Some(Height::GENESIS));
    assert_eq!(from_genesis.verify(&block()).unwrap_err().code, "given_up");

    let ProofBody::Committees { trust, .. } = committees().v1().body.clone() else {
        panic!("it is of committees");
    };
    let mut pinned = verifier(true, Some(pin()));
    let refusal = pinned.learn(&recovered(trust)).unwrap_err();
    assert_eq!(refusal.code, "bad_recovery");
    assert_eq!(refusal.at, "committees.steps[0].base");
    pinned.learn(&committees()).unwrap();
    pinned.verify(&block()).unwrap();
}

/// A sealed header in the place of the page's block: the one validator seals in both epochs.
fn sealed(epoch: u64, proposal: u8) -> CertifiedHeader {
    let ProofBody::Block { head, .. } = block().v1().body.clone() else {
        panic!("it is a block's");
    };
    let header = Header::V1(HeaderV1 {
        epoch: Epoch(epoch),
        proposal: Digest([proposal; 32]),
        ..head.header.v1().clone()
    });
    let content = SealContent::new(page::genesis().id(), Epoch(epoch), Height(1), header.hash());
    let seal = Seal {
        validator: ValidatorIndex(0),
        signature: content.sign(&validator()),
    };
    CertifiedHeader {
        header,
        seals: vec![seal],
    }
}

/// Whether those who stood down are accused for each of two blocks of one height, none of a block that stands; and
/// whether the verdict says that nobody need have lied.
fn accusations(one: CertifiedHeader, other: CertifiedHeader) -> (Vec<(u64, Option<bool>)>, bool) {
    let mut heads = [one, other];
    heads.sort_by_key(CertifiedHeader::hash);
    let [first, second] = heads;
    let body = ProofBody::TwoHistories {
        first,
        second,
        there: None,
    };
    let verdict = after_recovery()
        .verify(&Proof::new(page::genesis().id(), body))
        .unwrap();
    let Facts::TwoHistories(facts) = verdict.facts else {
        panic!("it is of two histories");
    };
    let accused = |given_up: GivenUpFacts| given_up.accused_of_stand_down == [ValidatorIndex(0)];
    let found = facts
        .histories
        .map(|history| (history.head.epoch.0, history.given_up.map(accused)));
    let mut found = found.to_vec();
    found.sort_unstable();
    let excused = verdict.words.iter().any(|line| line == "nobody need have lied");
    (found, excused)
}

#[test]
fn only_what_was_decided_after_a_stand_down_accuses() {
    for (epoch, proposal, expected) in [
        // The new epoch decided something else, and the same again.
        (1, 2, (vec![(0, Some(true)), (1, None)], false)),
        (1, 1, (vec![(0, Some(false)), (1, None)], true)),
        // Both are of the epoch that ended, whose validator sealed twice.
        (0, 2, (vec![(0, Some(false)), (0, Some(false))], false)),
    ] {
        assert_eq!(accusations(sealed(0, 1), sealed(epoch, proposal)), expected);
    }
}
