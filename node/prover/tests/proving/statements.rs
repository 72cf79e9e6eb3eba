//! Statements of every account and asset, compared with plain lists.

use proptest::prelude::*;
use quorate_crypto::{Address, Height};
use quorate_ledger::{BalanceItem, HistoryOwner, Place, Prefix, StateKey, Timestamp, WAYPOINT_INTERVAL};
use quorate_prover::{
    Beside, ProveError, Show, ShowTexts, Source, StatementRequest, balances_by_walking_back, prove_statement,
};
use quorate_verifier::{Facts, Finding, Proof, ProofFile, StatementFacts, Verifier};

use crate::plain::PlainStep;
use crate::random::Random;
use crate::scenario::{LONG, SHORT, Scenario};

const SHOWS: [Show; 7] = [
    Show::Nothing,
    Show::Intent(ShowTexts::Nothing),
    Show::Intent(ShowTexts::All),
    Show::Transaction(ShowTexts::All),
    Show::Transaction(ShowTexts::Withheld),
    Show::Intent(ShowTexts::Alone(Place::Memo)),
    Show::Transaction(ShowTexts::Alone(Place::Operation { index: 0, field: 0 })),
];

/// Everybody who has a history or a balance, and some who have none.
fn owners(scenario: &Scenario) -> Vec<HistoryOwner> {
    let people = scenario.people.addresses().map(HistoryOwner::Account);
    let mut found: Vec<HistoryOwner> = people
        .chain(scenario.world.plain.histories.keys().copied())
        .collect();
    let codes = ["EUR", "GOLD", "OIL", "USD", "BOND", "TINY9", "NOBODYS"];
    found.extend(codes.map(|code| HistoryOwner::Asset(code.parse().unwrap())));
    found.push(HistoryOwner::Account(Address([7; 20])));
    found.sort();
    found.dedup();
    found
}

fn request(owner: HistoryOwner, from: u64, to: u64, show: Show) -> StatementRequest {
    StatementRequest {
        show,
        ..StatementRequest::new(owner, Timestamp(from), Timestamp(to))
    }
}

/// Proves and verifies a statement, and compares it with the plain lists; says what it found, if it is one.
fn check(
    scenario: &Scenario,
    verifier: &Verifier,
    head: Height,
    asked: &StatementRequest,
) -> Option<StatementFacts> {
    let world = &scenario.world;
    let (plain, time) = (&world.plain, world.plain.block(head).time);
    let StatementRequest { owner, from, to, .. } = *asked;
    let what = format!("{owner:?} from {from} to {to} at {head}");
    let proof = match prove_statement(&world.chain, head, asked) {
        Ok(proof) => proof,
        Err(ProveError::EmptyRange { .. }) => {
            assert!(from >= to, "{what}");
            return None;
        }
        Err(ProveError::RangeAfterHead { .. }) => {
            assert!(from < to && time < from, "{what}");
            return None;
        }
        Err(error) => panic!("{what}: {error}"),
    };
    let verdict = verifier.verify(&proof);
    let verdict = verdict.unwrap_or_else(|refusal| panic!("{what}: {refusal}"));
    let Facts::Statement(facts) = verdict.facts else {
        panic!("{what}: other facts");
    };
    let up_to = (time < to).then_some(time);
    let finding = up_to.map_or(Finding::Proven, Finding::CompleteUpTo);
    assert_eq!(
        (verdict.finding, facts.complete_up_to),
        (finding, up_to),
        "{what}"
    );
    assert_eq!((facts.owner, facts.from, facts.to), (owner, from, to), "{what}");
    let opening = plain.balances_before(&owner, from, head);
    let closing = plain.balances_before(&owner, to, head);
    assert_eq!((&facts.opening, &facts.closing), (&opening, &closing), "{what}");
    check_steps(scenario, head, asked, &facts, &what);
    assert_eq!(
        Proof::decode(&proof.encode()).unwrap(),
        proof,
        "{what}: it has one form"
    );
    Some(facts)
}

fn check_steps(
    scenario: &Scenario,
    head: Height,
    asked: &StatementRequest,
    facts: &StatementFacts,
    what: &str,
) {
    let plain = &scenario.world.plain;
    let StatementRequest { owner, from, to, .. } = *asked;
    let steps: Vec<(u64, &PlainStep)> = (1..).zip(plain.history(&owner, head)).collect();
    let before: Vec<u64> = numbers(&steps, |step| step.time < from);
    let start = u64::try_from(before.len()).unwrap() / WAYPOINT_INTERVAL * WAYPOINT_INTERVAL;
    let opened: Vec<u64> = before.iter().copied().filter(|number| *number > start).collect();
    assert_eq!(facts.before, opened, "{what}");
    assert_eq!(facts.opening_is_of_genesis, before.is_empty(), "{what}");
    let behind: Vec<u64> = numbers(&steps, |step| step.time >= to)
        .into_iter()
        .take(1)
        .collect();
    assert_eq!(facts.after, behind, "{what}");
    let within: Vec<_> = steps
        .iter()
        .filter(|(_, step)| from <= step.time && step.time < to)
        .collect();
    assert_eq!(facts.entries.len(), within.len(), "{what}");
    for (entry, (number, step)) in facts.entries.iter().zip(within) {
        let executed = &plain.executed[usize::try_from(step.ordinal).unwrap()];
        assert_eq!((entry.number, entry.ordinal), (*number, step.ordinal), "{what}");
        assert_eq!(entry.entry, executed.logged, "{what}");
        assert_eq!(entry.changes, step.changes, "{what}");
        assert_eq!(entry.shown, plain.shown(step.ordinal, asked.show), "{what}");
    }
}

fn numbers(steps: &[(u64, &PlainStep)], wanted: impl Fn(&PlainStep) -> bool) -> Vec<u64> {
    let found = steps.iter().filter(|(_, step)| wanted(step));
    found.map(|(number, _)| *number).collect()
}

/// A time that something may depend on.
fn a_time(random: &mut Random, scenario: &Scenario) -> u64 {
    let blocks = &scenario.world.plain.blocks;
    let time = blocks[random.place(blocks.len())].time.0;
    match random.below(12) {
        0 => 0,
        1 => u64::MAX,
        2 => scenario.world.tip.timestamp.0 + random.below(3),
        3 => scenario.world.genesis.time().0,
        4..=6 => time + 1,
        7 => time - 1,
        _ => time,
    }
}

#[test]
fn every_owner_over_random_ranges() {
    let verifier = LONG.world.verifier();
    let mut random = Random::new(11);
    let tip = LONG.world.chain.height();
    let mut found = 0;
    for owner in owners(&LONG) {
        for _ in 0..12 {
            let (from, to) = (a_time(&mut random, &LONG), a_time(&mut random, &LONG));
            let head = if random.one_in(3) {
                Height(1 + random.below(tip.0))
            } else {
                tip
            };
            let show = SHOWS[random.place(SHOWS.len())];
            let ordered = if random.one_in(10) {
                (from, to)
            } else {
                (from.min(to), from.max(to))
            };
            let asked = request(owner, ordered.0, ordered.1, show);
            found += usize::from(check(&LONG, &verifier, head, &asked).is_some());
        }
    }
    assert!(found > 300, "{found} statements");
}

#[test]
fn ranges_at_the_borders_of_waypoints() {
    let verifier = LONG.world.verifier();
    let (plain, tip) = (&LONG.world.plain, LONG.world.chain.height());
    let mut seen = 0;
    for owner in owners(&LONG) {
        let steps = plain.history(&owner, tip);
        for (number, step) in (1_u64..).zip(steps) {
            if number % WAYPOINT_INTERVAL > 1 {
                continue;
            }
            let (time, last) = (step.time.0, LONG.world.tip.timestamp.0);
            for (from, to) in [
                (time, time + 1),
                (time + 1, time + 2),
                (time - 1, time),
                (0, time + 1),
                (time, last),
            ] {
                check(&LONG, &verifier, tip, &request(owner, from, to, Show::Nothing));
                seen += 1;
            }
        }
    }
    assert!(seen > 300, "{seen} ranges");
}

#[test]
fn heads_at_which_a_history_ends_with_a_waypoint() {
    let verifier = LONG.world.verifier();
    let plain = &LONG.world.plain;
    let mut seen = 0;
    for owner in owners(&LONG) {
        for height in 1..=LONG.world.chain.height().0 {
            let count = plain.history(&owner, Height(height)).len();
            let before = height.checked_sub(1).filter(|before| *before > 0);
            let grew = before.is_none_or(|before| plain.history(&owner, Height(before)).len() < count);
            if grew && count > 0 && count.is_multiple_of(32) {
                let time = plain.block(Height(height)).time.0;
                for (from, to) in [(0, u64::MAX), (time, time + 1), (time - 1, time), (0, time)] {
                    check(
                        &LONG,
                        &verifier,
                        Height(height),
                        &request(owner, from, to, Show::Nothing),
                    );
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 3, "{seen} heads");
}

#[test]
fn a_range_before_the_first_entry_has_what_genesis_gave() {
    let verifier = LONG.world.verifier();
    let tip = LONG.world.chain.height();
    let owner = HistoryOwner::Account(LONG.people.address(0));
    let genesis = LONG.world.genesis.time().0;
    let facts = check(
        &LONG,
        &verifier,
        tip,
        &request(owner, 0, genesis + 1, Show::Nothing),
    )
    .unwrap();
    assert!(facts.opening_is_of_genesis && facts.entries.is_empty());
    assert_eq!(facts.opening, facts.closing);
    assert_eq!(facts.opening.len(), 5, "{:?}", facts.opening);
    assert_eq!(facts.after, [1]);
}

#[test]
fn an_owner_that_is_not_there_has_nothing() {
    let verifier = SHORT.world.verifier();
    let tip = SHORT.world.chain.height();
    for owner in [
        HistoryOwner::Account(Address([7; 20])),
        HistoryOwner::Asset("NOBODYS".parse().unwrap()),
    ] {
        let facts = check(
            &SHORT,
            &verifier,
            tip,
            &request(owner, 0, u64::MAX, Show::Nothing),
        )
        .unwrap();
        assert_eq!(facts.opening, []);
        assert_eq!(facts.complete_up_to, Some(SHORT.world.tip.timestamp));
    }
}

#[test]
fn a_range_that_ends_after_the_head_is_complete_up_to_it() {
    let verifier = SHORT.world.verifier();
    let tip = SHORT.world.chain.height();
    let time = SHORT.world.tip.timestamp;
    let owner = HistoryOwner::Account(SHORT.people.address(0));
    for (to, up_to) in [(time.0, None), (time.0 + 1, Some(time))] {
        let facts = check(&SHORT, &verifier, tip, &request(owner, 0, to, Show::Nothing)).unwrap();
        assert_eq!(facts.complete_up_to, up_to);
    }
    assert_eq!(
        prove_statement(
            &SHORT.world.chain,
            tip,
            &request(owner, time.0 + 1, time.0 + 2, Show::Nothing)
        ),
        Err(ProveError::RangeAfterHead {
            head: tip,
            time,
            from: Timestamp(time.0 + 1),
        })
    );
}

#[test]
fn an_assets_statement_is_of_its_supply() {
    let verifier = LONG.world.verifier();
    let tip = LONG.world.chain.height();
    for code in ["EUR", "OIL", "NEW1"] {
        let owner = HistoryOwner::Asset(code.parse().unwrap());
        let facts = check(&LONG, &verifier, tip, &request(owner, 0, u64::MAX, Show::Nothing)).unwrap();
        let changes = facts.entries.iter().flat_map(|entry| &entry.changes);
        assert!(changes.clone().all(|change| change.asset.as_str() == code));
        let held = changes.map(|change| change.held_after.0 + change.held_before.0);
        assert_eq!(held.sum::<u128>(), 0);
        assert!(!facts.entries.is_empty(), "{code}");
    }
}

#[test]
fn each_transaction_can_be_shown_in_its_own_way() {
    let verifier = SHORT.world.verifier();
    let (tip, plain) = (SHORT.world.chain.height(), &SHORT.world.plain);
    let owner = HistoryOwner::Account(SHORT.people.address(0));
    let mut asked = request(owner, 0, u64::MAX, Show::Intent(ShowTexts::All));
    let ordinals: Vec<u64> = plain
        .history(&owner, tip)
        .iter()
        .map(|step| step.ordinal)
        .collect();
    let (hidden, signed) = (ordinals[1], ordinals[2]);
    let id = |ordinal: u64| plain.executed[usize::try_from(ordinal).unwrap()].logged.id;
    asked.exceptions.insert(id(hidden), Show::Nothing);
    let in_full = Show::Transaction(ShowTexts::Withheld);
    asked.exceptions.insert(id(signed), in_full);
    let proof = prove_statement(&SHORT.world.chain, tip, &asked).unwrap();
    let Facts::Statement(facts) = verifier.verify(&proof).unwrap().facts else {
        panic!("other facts");
    };
    for entry in &facts.entries {
        let show = match entry.ordinal {
            ordinal if ordinal == hidden => Show::Nothing,
            ordinal if ordinal == signed => in_full,
            _ => asked.show,
        };
        assert_eq!(entry.shown, plain.shown(entry.ordinal, show));
    }
}

#[test]
fn what_stands_beside_is_shown_once() {
    let verifier = LONG.world.verifier();
    let (chain, tip) = (&LONG.world.chain, LONG.world.chain.height());
    let address = LONG.people.address(0);
    let owner = HistoryOwner::Account(address);
    let euro = Prefix::of_key(&StateKey::asset(&"EUR".parse().unwrap()));
    let beside = Beside {
        assets: true,
        erasures: true,
        holds: true,
        // Some of these are shown already, one of them by the leaf.
        prefixes: vec![
            Prefix::of_key(&StateKey::account(&address)),
            euro,
            Prefix::of_key(&StateKey::rules()),
            Prefix::of_key(&StateKey::account(&Address([9; 20]))),
            euro,
        ],
    };
    let asked = StatementRequest {
        beside,
        ..request(owner, 0, u64::MAX, Show::Intent(ShowTexts::All))
    };
    let proof = prove_statement(chain, tip, &asked).unwrap();
    let file = proof.to_file();
    assert_eq!(ProofFile::read(file.as_bytes()).unwrap().proof, proof);
    let Facts::Statement(facts) = verifier.verify(&proof).unwrap().facts else {
        panic!("other facts");
    };
    let shown: Vec<Prefix> = facts.beside.iter().map(|proof| proof.prefix).collect();
    assert!(shown.is_sorted_by(|a, b| a < b));
    assert_eq!(shown.iter().filter(|prefix| **prefix == euro).count(), 1);
    assert!(shown.contains(&Prefix::holds(&address)));
    assert!(shown.contains(&Prefix::of_key(&StateKey::rules())));
    assert!(!shown.contains(&Prefix::of_key(&StateKey::account(&address))));
    // Every erased text of the range is said to be that, and no other.
    let erased = &LONG.world.plain.erased;
    for entry in &facts.entries {
        let id = entry.entry.id;
        let expected: Vec<Place> = erased
            .iter()
            .filter(|(of, _)| *of == id)
            .map(|(_, place)| *place)
            .collect();
        let found = entry.erased.iter().flatten().map(|text| text.place);
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
    // All of a kind shows each of its leaves too, and nothing covers the owner's own.
    let kinds = |kinds: &[u8]| StatementRequest {
        beside: Beside {
            assets: true,
            prefixes: kinds.iter().map(|kind| Prefix::kind(*kind)).collect(),
            ..Beside::default()
        },
        ..request(owner, 0, u64::MAX, Show::Nothing)
    };
    let proof = prove_statement(chain, tip, &kinds(&[3])).unwrap();
    let Facts::Statement(facts) = verifier.verify(&proof).unwrap().facts else {
        panic!("other facts");
    };
    assert_eq!(facts.beside.len(), 1);
    let refused = prove_statement(chain, tip, &kinds(&[3, 1]));
    assert_eq!(
        refused,
        Err(ProveError::CoversOwner {
            prefix: Prefix::kind(1),
            owner,
        })
    );
}

#[test]
fn kept_balances_are_those_of_a_walk_back() {
    let (chain, tip) = (&LONG.world.chain, LONG.world.chain.height());
    for owner in owners(&LONG) {
        let count = u64::try_from(LONG.world.plain.history(&owner, tip).len()).unwrap();
        for number in (32..=count).step_by(32) {
            let kept = chain.waypoint_balances(&owner, number).unwrap().unwrap();
            let walked = balances_by_walking_back(chain, tip, owner, number).unwrap();
            assert_eq!(kept, walked, "{owner:?} at step {number}");
        }
        let begun: Vec<BalanceItem> = balances_by_walking_back(chain, tip, owner, 0).unwrap();
        assert_eq!(begun, chain.genesis_balances(&owner).unwrap());
        assert!(balances_by_walking_back(chain, tip, owner, count + 1).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is asked, there is a proof that a verifier takes, or an error that is true.
    #[test]
    fn any_range_under_any_head(
        owner in 0_usize..64,
        head in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        shift in 0_u64..3,
        show in 0_usize..7,
    ) {
        let owners = owners(&LONG);
        let blocks = &LONG.world.plain.blocks;
        let head = Height(1 + u64::try_from(head.index(blocks.len())).unwrap());
        let (from, to) = (blocks[from.index(blocks.len())].time.0, blocks[to.index(blocks.len())].time.0);
        let asked = request(owners[owner % owners.len()], from, to + shift, SHOWS[show]);
        check(&LONG, &LONG.world.verifier(), head, &asked);
    }
}
