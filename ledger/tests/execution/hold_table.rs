//! Holds through each of their ends, against the table of section 11 as a state machine, row by row.
//!
//! Account 2 owns all holds and account 3 is their beneficiary; account 4 may sign, account 5 may put a
//! record. What happens, when and by whom is drawn.

use proptest::collection::vec;
use proptest::prelude::*;
use quorate_crypto::{Digest, sha256};
use quorate_ledger::{Condition, ConditionLeaf, HoldRef, Keep, Operation, Outcome, Timestamp};

use crate::world::{
    GENESIS_TIME, World, address, any_of, failed, hold_if, paid, put_record, refund, release, some_of,
    success, transfer,
};

const OWNER: u8 = 2;
const BENEFICIARY: u8 = 3;
const SIGNER: u8 = 4;
const RECORDER: u8 = 5;

/// What the owner has at first.
const FUNDS: u128 = 100;

const FIRST: [u8; 32] = [11; 32];
const SECOND: [u8; 32] = [12; 32];
/// One that no condition asks for.
const THIRD: [u8; 32] = [13; 32];

/// When the leaf of time is met.
const FROM: Timestamp = Timestamp(GENESIS_TIME.0 + 15_000);

#[derive(Clone, Debug)]
enum Deed {
    Hold {
        amount: u128,
        lasts: u64,
        condition: usize,
    },
    Release {
        which: prop::sample::Index,
        part: Option<u128>,
        preimages: Vec<[u8; 32]>,
    },
    Refund {
        which: prop::sample::Index,
    },
    Record,
}

/// A deed, how long after the block before it, and who are parties.
#[derive(Clone, Debug)]
struct Turn {
    after: u64,
    parties: Vec<u8>,
    deed: Deed,
}

fn deed() -> impl Strategy<Value = Deed> {
    let longest = 366 * 86_400_000_u64;
    let lasts = prop_oneof![
        8 => 1..12_000_u64,
        1 => Just(0),
        1 => Just(longest),
        1 => Just(longest + 1),
    ];
    let part = prop_oneof![3 => Just(None), 2 => (1..60_u128).prop_map(Some)];
    let preimages = prop::sample::subsequence(vec![FIRST, SECOND, THIRD], 0..=2);
    prop_oneof![
        4 => (1..60_u128, lasts, 0..4_usize)
            .prop_map(|(amount, lasts, condition)| Deed::Hold { amount, lasts, condition }),
        7 => (any::<prop::sample::Index>(), part, preimages)
            .prop_map(|(which, part, preimages)| Deed::Release { which, part, preimages }),
        4 => any::<prop::sample::Index>().prop_map(|which| Deed::Refund { which }),
        1 => Just(Deed::Record),
    ]
}

fn turn() -> impl Strategy<Value = Turn> {
    let parties = prop::sample::subsequence(vec![OWNER, BENEFICIARY, SIGNER], 1..=3);
    (1..5_000_u64, parties.prop_shuffle(), deed()).prop_map(|(after, parties, deed)| Turn {
        after,
        parties,
        deed,
    })
}

fn condition(which: usize) -> Condition {
    let asks = |preimage: &[u8; 32]| ConditionLeaf::Preimage(sha256(preimage));
    match which {
        0 => any_of(vec![ConditionLeaf::Signs(address(BENEFICIARY))]),
        1 => some_of(
            2,
            vec![ConditionLeaf::Signs(address(SIGNER)), ConditionLeaf::From(FROM)],
        ),
        2 => any_of(vec![asks(&FIRST), asks(&SECOND)]),
        _ => some_of(
            2,
            vec![
                asks(&FIRST),
                ConditionLeaf::Signs(address(SIGNER)),
                ConditionLeaf::Record {
                    sha256: Digest([7; 32]),
                    by: address(RECORDER),
                },
            ],
        ),
    }
}

/// One hold, as the table has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// What is left of it.
    Open(u128),
    Closed,
}

#[derive(Debug)]
struct Row {
    reference: HoldRef,
    state: State,
    until: Timestamp,
    condition: usize,
}

/// What the state has to be.
#[derive(Debug)]
struct Table {
    free: u128,
    received: u128,
    recorded: bool,
    rows: Vec<Row>,
}

/// The first condition that does not hold gives the code.
fn first_broken(conditions: &[(u16, bool)]) -> Option<u16> {
    conditions.iter().find(|(_, holds)| !holds).map(|(code, _)| *code)
}

/// The leaves of a condition that a release meets, and the preimages that it asks for.
fn met(which: usize, parties: &[u8], now: Timestamp, given: &[[u8; 32]], recorded: bool) -> bool {
    let signs = |who: u8| usize::from(parties.contains(&who));
    let shown = |preimage: [u8; 32]| usize::from(given.contains(&preimage));
    match which {
        0 => signs(BENEFICIARY) >= 1,
        1 => signs(SIGNER) + usize::from(now >= FROM) >= 2,
        2 => shown(FIRST) + shown(SECOND) >= 1,
        _ => shown(FIRST) + signs(SIGNER) + usize::from(recorded) >= 2,
    }
}

fn asked(which: usize) -> &'static [[u8; 32]] {
    match which {
        0 | 1 => &[],
        2 => &[FIRST, SECOND],
        _ => &[FIRST],
    }
}

impl Table {
    fn held(&self) -> u128 {
        let held = self.rows.iter().map(|row| match row.state {
            State::Open(rest) => rest,
            State::Closed => 0,
        });
        held.sum()
    }

    fn open(&self) -> usize {
        let open = self.rows.iter().filter(|row| row.state != State::Closed);
        open.count()
    }

    /// None → hold.
    fn hold(&mut self, amount: u128, now: Timestamp, row: Row) -> Outcome {
        let longest = 366 * 86_400_000;
        let conditions = [
            (18, now < row.until && row.until.0 <= now.0 + longest),
            (3, self.free >= amount),
            (31, self.open() < 256),
        ];
        if let Some(code) = first_broken(&conditions) {
            return failed(code, 0);
        }
        self.free -= amount;
        self.rows.push(row);
        success()
    }

    /// Open or closed → release, in whole or in part.
    fn release(
        &mut self,
        which: usize,
        part: Option<u128>,
        given: &[[u8; 32]],
        now: Timestamp,
        parties: &[u8],
    ) -> Outcome {
        let recorded = self.recorded;
        let row = &mut self.rows[which];
        let State::Open(rest) = row.state else {
            return failed(22, 0);
        };
        let paying = part.unwrap_or(rest);
        let needless = given
            .iter()
            .any(|preimage| !asked(row.condition).contains(preimage));
        let conditions = [
            (23, now < row.until),
            (26, !needless),
            (25, met(row.condition, parties, now, given, recorded)),
            (27, paying <= rest),
            (30, part.is_none() || parties.contains(&BENEFICIARY)),
        ];
        if let Some(code) = first_broken(&conditions) {
            return failed(code, 0);
        }
        row.state = if paying == rest {
            State::Closed
        } else {
            State::Open(rest - paying)
        };
        self.received += paying;
        paid(&[paying])
    }

    /// Open or closed → refund.
    fn refund(&mut self, which: usize, now: Timestamp, parties: &[u8]) -> Outcome {
        let row = &mut self.rows[which];
        let State::Open(rest) = row.state else {
            return failed(22, 0);
        };
        let conditions = [(24, now >= row.until || parties.contains(&BENEFICIARY))];
        if let Some(code) = first_broken(&conditions) {
            return failed(code, 0);
        }
        row.state = State::Closed;
        self.free += rest;
        paid(&[rest])
    }

    /// What becomes of a deed; its operation, and what the table says.
    fn take(&mut self, world: &World, turn: &Turn, asset: &str) -> Option<(Operation, Outcome)> {
        let now = world.after(turn.after);
        let parties = turn.parties.as_slice();
        let found = |which: &prop::sample::Index| {
            let count = self.rows.len();
            (count > 0).then(|| which.index(count))
        };
        match &turn.deed {
            Deed::Release {
                which,
                part,
                preimages,
            } => {
                let which = found(which)?;
                let operation = release(&self.rows[which].reference, *part, preimages);
                Some((operation, self.release(which, *part, preimages, now, parties)))
            }
            Deed::Refund { which } => {
                let which = found(which)?;
                let operation = refund(&self.rows[which].reference);
                Some((operation, self.refund(which, now, parties)))
            }
            Deed::Hold {
                amount,
                lasts,
                condition: kind,
            } => {
                let until = Timestamp(now.0 + lasts);
                let operation = hold_if(BENEFICIARY, asset, *amount, until, condition(*kind));
                let row = Row {
                    // Known with the transaction's id.
                    reference: HoldRef {
                        owner: address(OWNER),
                        transaction: Digest::ZERO,
                        operation: 0,
                    },
                    state: State::Open(*amount),
                    until,
                    condition: *kind,
                };
                Some((operation, self.hold(*amount, now, row)))
            }
            Deed::Record => {
                let outcome = if self.recorded { failed(15, 0) } else { success() };
                self.recorded = true;
                Some((put_record(7, Keep::Own), outcome))
            }
        }
    }

    fn check(&self, world: &World, asset: &str) {
        assert_eq!(world.funds(OWNER, asset), (self.free, self.held(), 0));
        let incoming = u32::try_from(self.open()).unwrap();
        assert_eq!(world.funds(BENEFICIARY, asset), (self.received, 0, incoming));
        let holds = world.account(OWNER).map(|account| usize::from(account.holds));
        assert_eq!(holds, Some(self.open()));
        for row in &self.rows {
            let there = world.hold_of(&row.reference).map(|hold| hold.amount.0);
            let expected = match row.state {
                State::Open(rest) => Some(rest),
                State::Closed => None,
            };
            assert_eq!(there, expected);
        }
        assert_eq!(self.free + self.held() + self.received, FUNDS);
    }
}

fn run(asset: &str, turns: &[Turn]) {
    let mut world = World::new();
    assert_eq!(world.run(0, vec![transfer(OWNER, asset, FUNDS)]), success());
    let mut table = Table {
        free: FUNDS,
        received: 0,
        recorded: false,
        rows: Vec::new(),
    };
    for turn in turns {
        let rows = table.rows.len();
        let now = world.after(turn.after);
        let Some((operation, expected)) = table.take(&world, turn, asset) else {
            continue;
        };
        // Holds are the owner's, records the recorder's; what ends a hold anybody can do.
        let transaction = match turn.deed {
            Deed::Hold { .. } => world.signed(OWNER, vec![operation]),
            Deed::Record => world.signed(RECORDER, vec![operation]),
            _ => world.joint(&turn.parties, vec![(turn.parties[0], operation)]),
        };
        if table.rows.len() > rows {
            table.rows[rows].reference.transaction = transaction.id();
        }
        let batch = world.batch(vec![transaction]);
        let execution = world.commit_at(now, &[batch]);
        assert_eq!(
            execution.transactions[0].outcome, expected,
            "{turn:?} on {table:?}"
        );
        table.check(&world, asset);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn holds_of_an_asset_in_the_accounts_leaf_follow_the_table(turns in vec(turn(), 1..30)) {
        run("EUR", &turns);
    }

    #[test]
    fn holds_of_an_asset_under_keys_of_its_own_follow_the_table(turns in vec(turn(), 1..30)) {
        run("BOND", &turns);
    }
}
