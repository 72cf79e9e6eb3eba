//! Of a statement.

use quorate_crypto::{Address, Digest};
use quorate_ledger::{Amount, BalanceItem, HistoryOwner, Prefix, StateKey, StateProof, Step, Timestamp};
use quorate_prover::{Beside, Source, StatementRequest, prove_state, prove_statement};
use quorate_verifier::{End, Item, ProofBody, Start, Statement};

use super::{Good, fields, flip, logged};
use crate::scenario::{LONG, SHORT};

fn statement(body: &mut ProofBody) -> &mut Statement {
    match body {
        ProofBody::Statement(statement) => statement,
        other => panic!("{other:?}"),
    }
}

/// Where in a statement's items something is.
fn position(statement: &Statement, wanted: impl Fn(&Item) -> bool) -> usize {
    statement.items.iter().position(wanted).unwrap()
}

fn is_entry(item: &Item) -> bool {
    matches!(item, Item::Entry { .. })
}

fn step(item: &mut Item) -> &mut Step {
    match item {
        Item::Opened(step) | Item::Entry { step, .. } => step,
        Item::Passed(_) => panic!("it is passed over"),
    }
}

fn is_full(statement: &Statement) -> bool {
    let items = &statement.items;
    let opened = items.iter().take_while(|item| !is_entry(item)).count();
    let entries = items.iter().filter(|item| is_entry(item)).count();
    let passed = items
        .iter()
        .filter(|item| matches!(item, Item::Passed(_)))
        .count();
    match (&statement.start, items.first(), &statement.end) {
        (Start::Waypoint { step, .. }, Some(Item::Opened(first)), End::Waypoint { .. }) => {
            step.timestamp < first.timestamp && opened > 1 && entries > 3 && passed > 1
        }
        _ => false,
    }
}

/// A statement that has all that a statement can have: a waypoint before, opened steps, entries with changes, a step
/// behind the range, passed ones, a waypoint after.
fn full_statement() -> Good {
    let (chain, tip) = (&LONG.world.chain, LONG.world.chain.height());
    let owner = HistoryOwner::Account(LONG.people.address(0));
    let steps = LONG.world.plain.history(&owner, tip);
    for from in 40..steps.len() - 40 {
        let (from, to) = (steps[from].time, steps[from + 12].time);
        if from >= to {
            continue;
        }
        let request = StatementRequest {
            beside: Beside {
                holds: true,
                ..Beside::default()
            },
            ..StatementRequest::new(owner, from, to)
        };
        let proof = prove_statement(chain, tip, &request).unwrap();
        let ProofBody::Statement(statement) = &proof.v1().body else {
            panic!("another body");
        };
        if is_full(statement) {
            return Good::new(proof, LONG.world.verifier());
        }
    }
    panic!("no range has all");
}

#[test]
fn of_a_statements_items() {
    let good = full_statement();
    good.lies_about_the_head(|body| &mut statement(body).head);
    good.lie("not_complete", "an empty range", |body| {
        statement(body).to = statement(body).from
    });
    good.lie("gap", "an entry less", |body| {
        let place = position(statement(body), is_entry);
        statement(body).items.remove(place + 1);
    });
    good.lie("gap", "an entry that is opened alone", |body| {
        let place = position(statement(body), is_entry);
        let item = &mut statement(body).items[place];
        *item = Item::Opened(step(item).clone());
    });
    good.lie("gap", "entries in another order", |body| {
        let place = position(statement(body), is_entry);
        statement(body).items.swap(place, place + 1);
    });
    good.lie("gap", "without the first opened step", |body| {
        statement(body).items.remove(0);
    });
    good.lie("gap", "a range that begins with an opened step", |body| {
        statement(body).from = step(&mut statement(body).items[0]).timestamp;
    });
    good.lie("gap", "a range that goes on past the step behind it", |body| {
        let place = position(statement(body), |item| matches!(item, Item::Passed(_)));
        let behind = step(&mut statement(body).items[place - 1]).timestamp;
        statement(body).to = Timestamp(behind.0 + 1);
    });
}

#[test]
fn of_a_statements_steps() {
    let good = full_statement();
    good.lie("bad_replay", "other balances before a change", |body| {
        let items = &mut statement(body).items;
        let place = items.iter().position(|item| match item {
            Item::Opened(step) | Item::Entry { step, .. } => !step.changes.is_empty(),
            Item::Passed(_) => false,
        });
        step(&mut items[place.unwrap()]).changes[0].free_before.0 += 1;
    });
    good.lie("bad_replay", "a change that changes nothing", |body| {
        let items = &mut statement(body).items;
        let changed = items.iter_mut().find_map(|item| match item {
            Item::Opened(step) | Item::Entry { step, .. } => step.changes.first_mut(),
            Item::Passed(_) => None,
        });
        let change = changed.unwrap();
        (change.free_after, change.held_after) = (change.free_before, change.held_before);
    });
    good.lie("other_leaf", "another's entry", |body| {
        let place = position(statement(body), is_entry);
        let items = &mut statement(body).items;
        let Item::Entry { entry: other, .. } = items[place + 1].clone() else {
            panic!("an entry");
        };
        let Item::Entry { entry, .. } = &mut items[place] else {
            panic!("an entry");
        };
        *entry = other;
    });
    good.lie("other_leaf", "an entry with another position", |body| {
        let place = position(statement(body), is_entry);
        let Item::Entry { entry, .. } = &mut statement(body).items[place] else {
            panic!("an entry");
        };
        logged(entry).position += 1;
    });
    good.lie("bad_path", "another step passed over", |body| {
        let place = position(statement(body), |item| matches!(item, Item::Passed(_)));
        let Item::Passed(inner) = &mut statement(body).items[place] else {
            panic!("passed over");
        };
        flip(inner);
    });
    good.lie("not_complete", "a passed step less", |body| {
        statement(body).items.pop();
    });
    good.lie("bad_balances", "a root over balances where none is", |body| {
        step(&mut statement(body).items[0]).balances = Some(Digest([2; 32]));
    });
}

#[test]
fn of_a_statements_start() {
    let good = full_statement();
    let start = |body: &mut ProofBody,
                 alter: fn(&mut Digest, &mut Step, &mut Vec<BalanceItem>, &mut Vec<Digest>)| {
        match &mut statement(body).start {
            Start::Waypoint {
                before,
                step,
                balances,
                path,
            } => alter(before, step, balances, path),
            Start::Beginning { .. } => panic!("a waypoint"),
        }
    };
    good.lie("bad_path", "another hash before the start", |body| {
        start(body, |before, _, _, _| flip(before))
    });
    good.lie("bad_path", "another step at the start", |body| {
        start(body, |_, step, _, _| step.ordinal -= 1)
    });
    good.lie("bad_path", "another path of the start", |body| {
        start(body, |_, _, _, path| flip(&mut path[0]))
    });
    good.lie("not_complete", "a start that is no waypoint", |body| {
        start(body, |_, step, _, _| step.number += 1)
    });
    good.lie("bad_balances", "other balances at the start", |body| {
        start(body, |_, _, balances, _| balances[0].free.0 += 1);
    });
    good.lie("bad_balances", "balances in another order", |body| {
        start(body, |_, _, balances, _| balances.swap(0, 1));
    });
    good.lie("bad_balances", "an empty balance", |body| {
        start(body, |_, _, balances, _| {
            (balances[0].free, balances[0].held) = (Amount(0), Amount(0));
        });
    });
    good.lie("not_complete", "a start within the range", |body| {
        let Start::Waypoint { step, .. } = &statement(body).start else {
            panic!("a waypoint");
        };
        let time = step.timestamp;
        statement(body).from = time;
    });
}

#[test]
fn of_a_statements_end_and_leaves() {
    let good = full_statement();
    good.lie(
        "bad_path",
        "another path of the end",
        |body| match &mut statement(body).end {
            End::Waypoint { path } => flip(&mut path[0]),
            End::Last => panic!("a waypoint"),
        },
    );
    good.lie("not_complete", "another kind of end", |body| {
        statement(body).end = End::Last
    });
    good.lie("other_leaf", "another owner", |body| {
        statement(body).owner = HistoryOwner::Account(LONG.people.address(1));
    });
    good.lie("other_leaf", "another owner's leaf", |body| {
        let other = Prefix::of_key(&StateKey::account(&LONG.people.address(1)));
        statement(body).leaf = state_proof(&other);
    });
    good.lie("other_leaf", "a leaf with all balances", |body| {
        statement(body).leaf = state_proof(&Prefix::account(&LONG.people.address(0)));
    });
    good.lie("bad_path", "a leaf with another sibling", |body| {
        flip(&mut fields(&mut statement(body).leaf).path[0].sibling);
    });
    good.lie("not_canonical", "the owner's leaf beside", |body| {
        let own = statement(body).leaf.clone();
        statement(body).beside.insert(0, own);
    });
    good.lie("not_canonical", "what covers another beside", |body| {
        statement(body).beside = vec![state_proof(&Prefix::kind(2)), statement(body).beside[0].clone()];
    });
    good.lie("bad_path", "what is of another state beside", |body| {
        flip(&mut fields(&mut statement(body).beside[0]).path[0].sibling);
    });
}

/// A proof of what the long scenario's last state has under a prefix.
fn state_proof(prefix: &Prefix) -> StateProof {
    let proof = prove_state(&LONG.world.chain, LONG.world.chain.height(), &[*prefix]).unwrap();
    match &proof.v1().body {
        ProofBody::State { leaves, .. } => leaves[0].clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_a_statement_from_the_beginning() {
    let (chain, tip) = (&SHORT.world.chain, SHORT.world.chain.height());
    let owner = HistoryOwner::Account(SHORT.people.address(0));
    let made = |owner, to| {
        let request = StatementRequest::new(owner, Timestamp(0), to);
        Good::new(
            prove_statement(chain, tip, &request).unwrap(),
            SHORT.world.verifier(),
        )
    };
    // One that ends before the first waypoint, whose step would show other balances before the history's end does.
    let early = SHORT.world.plain.history(&owner, tip)[5].time;
    let good = made(owner, early);
    let balances = |body: &mut ProofBody, alter: fn(&mut Vec<BalanceItem>)| match &mut statement(body).start {
        Start::Beginning { balances } => alter(balances),
        Start::Waypoint { .. } => panic!("the beginning"),
    };
    let item = BalanceItem {
        asset: "ZZZ".parse().unwrap(),
        free: Amount(1),
        held: Amount(0),
    };
    good.lie("bad_path", "a balance more", |body| {
        match &mut statement(body).start {
            Start::Beginning { balances } => balances.push(item),
            Start::Waypoint { .. } => panic!("the beginning"),
        }
    });
    good.lie("bad_balances", "balances in another order", |body| {
        balances(body, |balances| balances.swap(0, 1));
    });

    let good = made(owner, Timestamp(u64::MAX));
    good.lie("other_leaf", "its own leaf alone", |body| {
        let own = Prefix::of_key(&StateKey::account(&SHORT.people.address(0)));
        let proof = prove_state(chain, tip, &[own]).unwrap();
        let ProofBody::State { leaves, .. } = &proof.v1().body else {
            panic!("another body");
        };
        statement(body).leaf = leaves[0].clone();
    });
    good.lie("not_complete", "the last entry less", |body| {
        statement(body).items.pop();
    });

    let nobody = HistoryOwner::Account(Address([7; 20]));
    let good = made(nobody, Timestamp(u64::MAX));
    good.lie("other_leaf", "balances of nobody", |body| {
        match &mut statement(body).start {
            Start::Beginning { balances } => balances.push(item),
            Start::Waypoint { .. } => panic!("the beginning"),
        }
    });
    good.lie("not_complete", "a range after the head", |body| {
        let time = SHORT.world.tip.timestamp.0;
        (statement(body).from, statement(body).to) = (Timestamp(time + 1), Timestamp(time + 2));
    });
}
