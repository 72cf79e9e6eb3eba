//! Seeded mutants of good proofs: no mutant is accepted that says anything else of the same question.
//!
//! A mutant may be another proof: its holder may leave out what is shown or what stands beside, or have another question
//! answered by the same bytes (another key that is absent as well). What it says must then still be part of what the
//! good proof says, or be true of what it asks.

use quorate_crypto::Committee;
use quorate_ledger::{CertifiedHeader, Found, Intent, SignedRecovery, StateProof, Step, Transaction};
use quorate_verifier::{
    CommitteeStep, End, Facts, Item, PrefixFacts, Proof, ProofBody, ProofFile, ProofV1, RecoveryStep, Shown,
    ShownFacts, ShownTexts, Start, Statement, StatementEntry, TextFacts, Trust, Verdict, Verifier,
};

use crate::judge::{Judge, file, text};
use crate::page;
use crate::python::{Vectors, is_long};
use crate::random::Random;

/// A list of a proof, whatever its items are.
trait List {
    fn len(&self) -> usize;
    fn drop_item(&mut self, place: usize);
    fn double(&mut self, place: usize);
    fn exchange(&mut self, one: usize, other: usize);
}

impl<T: Clone> List for Vec<T> {
    fn len(&self) -> usize {
        self.len()
    }

    fn drop_item(&mut self, place: usize) {
        self.remove(place);
    }

    fn double(&mut self, place: usize) {
        self.insert(place, self[place].clone());
    }

    fn exchange(&mut self, one: usize, other: usize) {
        self.swap(one, other);
    }
}

type Lists<'a> = Vec<&'a mut dyn List>;

fn lists_of_head<'a>(head: &'a mut CertifiedHeader, lists: &mut Lists<'a>) {
    lists.push(&mut head.seals);
}

fn lists_of_state_proof<'a>(proof: &'a mut StateProof, lists: &mut Lists<'a>) {
    let StateProof::V1(proof) = proof;
    lists.push(&mut proof.path);
    if let Found::Leaves(leaves) = &mut proof.found {
        lists.push(leaves);
    }
}

fn lists_of_intent<'a>(intent: &'a mut Intent, lists: &mut Lists<'a>) {
    let Intent::V1(intent) = intent;
    lists.push(&mut intent.parties);
    lists.push(&mut intent.operations);
    if let Some(texts) = &mut intent.texts {
        lists.push(&mut texts.places);
    }
}

fn lists_of_shown<'a>(shown: &'a mut Shown, lists: &mut Lists<'a>) {
    let texts = match shown {
        Shown::Nothing => return,
        Shown::Intent { intent, texts } => {
            lists_of_intent(intent, lists);
            texts
        }
        Shown::Transaction { transaction, texts } => {
            let Transaction::V1(transaction) = transaction;
            lists_of_intent(&mut transaction.intent, lists);
            lists.push(&mut transaction.signatures);
            texts
        }
    };
    match texts {
        ShownTexts::Nothing => {}
        ShownTexts::All(items) => lists.push(items),
        ShownTexts::Alone { path, .. } => lists.push(path),
    }
}

fn lists_of_committee<'a>(committee: &'a mut Committee, lists: &mut Lists<'a>) {
    let Committee::V1(committee) = committee;
    lists.push(&mut committee.seats);
}

fn lists_of_statement<'a>(statement: &'a mut Statement, lists: &mut Lists<'a>) {
    lists_of_head(&mut statement.head, lists);
    lists_of_state_proof(&mut statement.leaf, lists);
    match &mut statement.start {
        Start::Beginning { balances } => lists.push(balances),
        Start::Waypoint {
            step, balances, path, ..
        } => {
            lists.push(&mut step.changes);
            lists.push(balances);
            lists.push(path);
        }
    }
    if let End::Waypoint { path } = &mut statement.end {
        lists.push(path);
    }
    // A list can be changed as a whole, or within its items: here each mutant does one of the two.
    for item in &mut statement.items {
        match item {
            Item::Passed(_) => {}
            Item::Opened(Step { changes, .. }) => lists.push(changes),
            Item::Entry { step, shown, .. } => {
                lists.push(&mut step.changes);
                lists_of_shown(shown, lists);
            }
        }
    }
}

fn lists_of_recovery<'a>(step: &'a mut RecoveryStep, lists: &mut Lists<'a>) {
    let SignedRecovery::V1(document) = &mut step.document;
    lists.push(&mut document.stand_downs);
    lists.push(&mut document.losses);
    lists.push(&mut document.validators);
    if let Some(base) = &mut step.base {
        lists_of_head(base, lists);
    }
    lists.push(&mut step.leaves);
}

/// The lists within a proof, but for those whose items the next function changes.
fn inner_lists(body: &mut ProofBody) -> Lists<'_> {
    let mut lists = Lists::new();
    match body {
        ProofBody::Transaction {
            head, path, shown, ..
        } => {
            lists_of_head(head, &mut lists);
            lists.push(path);
            lists_of_shown(shown, &mut lists);
        }
        ProofBody::State { head, leaves } => {
            lists_of_head(head, &mut lists);
            leaves
                .iter_mut()
                .for_each(|proof| lists_of_state_proof(proof, &mut lists));
        }
        ProofBody::Statement(statement) => lists_of_statement(statement, &mut lists),
        ProofBody::Committees { trust, steps } => {
            if let Trust::Pinned { committee, .. } = trust {
                lists_of_committee(committee, &mut lists);
            }
            for step in steps {
                match step {
                    CommitteeStep::Certificate { head, next } => {
                        lists_of_head(head, &mut lists);
                        lists_of_committee(next, &mut lists);
                    }
                    CommitteeStep::Recovery(step) => lists_of_recovery(step, &mut lists),
                }
            }
        }
        ProofBody::Block { head, shown, .. } => {
            lists_of_head(head, &mut lists);
            shown.iter_mut().for_each(|item| lists_of_shown(item, &mut lists));
        }
        ProofBody::NotExecuted {
            intent,
            agreement,
            statement,
        } => {
            lists_of_intent(intent, &mut lists);
            lists_of_state_proof(agreement, &mut lists);
            lists_of_statement(statement, &mut lists);
        }
        ProofBody::TwoHistories { first, second, there } => {
            lists_of_head(first, &mut lists);
            lists_of_head(second, &mut lists);
            if let Some(there) = there {
                lists.push(&mut there.path);
            }
        }
        ProofBody::TwoRecoveries { first, second } => {
            lists_of_recovery(first, &mut lists);
            lists_of_recovery(second, &mut lists);
        }
    }
    lists
}

/// The lists that a proof as a whole is of.
fn outer_lists(body: &mut ProofBody) -> Lists<'_> {
    let mut lists = Lists::new();
    match body {
        ProofBody::State { leaves, .. } => lists.push(leaves),
        ProofBody::Statement(statement) | ProofBody::NotExecuted { statement, .. } => {
            lists.push(&mut statement.items);
            lists.push(&mut statement.beside);
        }
        ProofBody::Committees { steps, .. } => lists.push(steps),
        ProofBody::Block { entries, shown, .. } => {
            lists.push(entries);
            lists.push(shown);
        }
        ProofBody::Transaction { .. } | ProofBody::TwoHistories { .. } | ProofBody::TwoRecoveries { .. } => {}
    }
    lists
}

/// A mutant of a proof by one change of one of its lists; none if there is nothing to change.
fn mutate_list(proof: &Proof, random: &mut Random) -> Option<Proof> {
    let mut mutant = proof.clone();
    let Proof::V1(ProofV1 { body, .. }) = &mut mutant;
    let outer = random.below(2) == 0;
    let lists = if outer {
        outer_lists(body)
    } else {
        inner_lists(body)
    };
    let mut lists: Lists<'_> = lists.into_iter().filter(|list| list.len() > 0).collect();
    if lists.is_empty() {
        return None;
    }
    let chosen = random.below(lists.len());
    let list = &mut lists[chosen];
    let (place, other) = (random.below(list.len()), random.below(list.len()));
    match random.below(3) {
        0 => list.drop_item(place),
        1 => list.double(place),
        _ => list.exchange(place, other),
    }
    (mutant != *proof).then_some(mutant)
}

/// A mutant of a proof's bytes.
fn mutate_bytes(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    let size = [1, 1, 2, 8, 32][random.below(5)].min(bytes.len());
    let place = random.below(bytes.len() - size + 1);
    let other = random.below(bytes.len() - size + 1);
    match random.below(6) {
        0 | 1 => mutant[place] ^= 1 << random.below(8),
        2 => drop(mutant.drain(place..place + size)),
        3 => drop(mutant.splice(place..place, (0..size).map(|_| random.next() as u8))),
        4 => drop(mutant.splice(place..place, bytes[other..other + size].iter().copied())),
        _ => {
            let (first, second) = (place.min(other), place.max(other));
            if first + size <= second {
                let (left, right) = mutant.split_at_mut(second);
                left[first..first + size].swap_with_slice(&mut right[..size]);
            }
        }
    }
    mutant
}

/// True if a mutant shows what the good proof shows, or less.
fn shows_no_more(good: &ShownFacts, found: &ShownFacts) -> bool {
    let texts = found.texts == TextFacts::Nothing || found.texts == good.texts;
    (found.intent.is_none() || found.intent == good.intent)
        && (found.signed_by.is_none() || found.signed_by == good.signed_by)
        && texts
}

fn same_entry(good: &StatementEntry, found: &StatementEntry) -> bool {
    (good.number, good.ordinal) == (found.number, found.ordinal)
        && good.entry == found.entry
        && good.changes == found.changes
        && shows_no_more(&good.shown, &found.shown)
}

/// True if all that a mutant establishes is what the good proof establishes, or part of it.
fn says_no_other(good: &Facts, found: &Facts) -> bool {
    match (good, found) {
        (Facts::Transaction(good), Facts::Transaction(found)) => {
            good.ordinal == found.ordinal
                && good.entry == found.entry
                && shows_no_more(&good.shown, &found.shown)
        }
        (Facts::State(good), Facts::State(found)) => {
            let leaves: Vec<_> = good.iter().flat_map(|proof| &proof.leaves).collect();
            found
                .iter()
                .flat_map(|proof| &proof.leaves)
                .all(|leaf| leaves.contains(&leaf))
        }
        (Facts::Statement(good), Facts::Statement(found)) => {
            let mut pairs = good.entries.iter().zip(&found.entries);
            let beside = |proof: &PrefixFacts| good.beside.contains(proof);
            good.owner == found.owner
                && good.opening == found.opening
                && good.closing == found.closing
                && good.entries.len() == found.entries.len()
                && pairs.all(|(good, found)| same_entry(good, found))
                && found.beside.iter().all(beside)
        }
        (Facts::Committees(good), Facts::Committees(found)) => {
            let mut pairs = good.iter().zip(found);
            found.len() <= good.len() && pairs.all(|(good, found)| good.committee == found.committee)
        }
        (Facts::Block(good), Facts::Block(found)) => {
            let mut pairs = good.entries.iter().zip(&found.entries);
            good.first_ordinal == found.first_ordinal
                && good.entries.len() == found.entries.len()
                && pairs.all(|(good, found)| good.entry == found.entry)
        }
        (Facts::NotExecuted(good), Facts::NotExecuted(found)) => {
            (good.from, good.to, good.entries) == (found.from, found.to, found.entries)
        }
        (Facts::TwoHistories(_), Facts::TwoHistories(_))
        | (Facts::TwoRecoveries(_), Facts::TwoRecoveries(_)) => good == found,
        _ => false,
    }
}

/// A good proof, with what checks it and what it establishes.
struct Good {
    proof: Proof,
    bytes: Vec<u8>,
    verifier: usize,
    verdict: Verdict,
}

/// The good proofs of the page and of the vectors, and their verifiers.
fn good_proofs() -> (Vec<Verifier>, Vec<Good>) {
    let made = Vectors::make("mutants", 2, 0);
    let judge = Judge::new(&made.header);
    let verifiers = vec![page::verifier(), judge.learnt().clone(), judge.fresh(None)];
    let mut proofs: Vec<(Proof, usize)> = page::proof_files()
        .iter()
        .map(|text| (ProofFile::read(text.as_bytes()).unwrap().proof, 0))
        .collect();
    for vector in &made.vectors {
        let verdict = text(&vector["expect"], "verdict");
        let is_good = matches!(verdict, "proven" | "complete_up_to") && vector["trusted"].is_null();
        if text(vector, "kind") == "proof-file" && is_good {
            let read = ProofFile::read(&file(vector)).unwrap();
            let verifier = if vector["learn"].is_null() { 2 } else { 1 };
            proofs.extend(read.committees.is_none().then_some((read.proof, verifier)));
        }
    }
    let good = proofs.into_iter().filter_map(|(proof, verifier)| {
        let verdict = verifiers[verifier].verify(&proof).ok()?;
        Some(Good {
            bytes: proof.encode(),
            proof,
            verifier,
            verdict,
        })
    });
    let good: Vec<Good> = good.collect();
    assert!(good.len() > 100, "only {} good proofs were made", good.len());
    (verifiers, good)
}

#[test]
fn no_mutant_is_accepted_with_other_facts() {
    let (verifiers, good) = good_proofs();
    let seed = 0x51;
    let mut random = Random::new(seed);
    let (mut refused, mut accepted) = (0_u64, 0_u64);
    let wanted = if is_long() { 1_000_000 } else { 10_000 };
    while refused + accepted < wanted {
        let number = refused + accepted;
        let of = &good[random.below(good.len())];
        let mutant = if random.below(2) == 0 {
            let Some(mutant) = mutate_list(&of.proof, &mut random) else {
                continue;
            };
            // As bytes it has to be decoded again, and as a value it has to be checked without that.
            let verifier = &verifiers[of.verifier];
            let of_value = verifier.verify(&mutant).is_ok();
            let of_bytes = Proof::decode(&mutant.encode()).and_then(|mutant| verifier.verify(&mutant));
            assert_eq!(
                of_value,
                of_bytes.is_ok(),
                "mutant {number} of seed {seed}: {:?}",
                of.verdict.about
            );
            Ok(mutant)
        } else {
            let bytes = mutate_bytes(&of.bytes, &mut random);
            if bytes == of.bytes {
                continue;
            }
            Proof::decode(&bytes)
        };
        match mutant.and_then(|mutant| verifiers[of.verifier].verify(&mutant)) {
            Err(_) => refused += 1,
            Ok(found) => {
                accepted += 1;
                let same = says_no_other(&of.verdict.facts, &found.facts);
                assert!(
                    same,
                    "mutant {number} of seed {seed}: {:#?} instead of {:#?}",
                    found, of.verdict
                );
            }
        }
    }
    // The holder's choices are few: most of what is changed is refused.
    assert!(
        accepted * 10 < wanted,
        "{accepted} of {wanted} mutants are accepted"
    );
}
