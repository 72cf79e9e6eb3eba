//! Verdicts made by hand, as a verifier would give them, with proofs that only look like some.

use quorate_crypto::{Address, Digest, Epoch, Height};
use quorate_ledger::{
    Act, Amount, Asset, AssetV1, BalanceChange, BalanceItem, CertifiedHeader, Condition, ConditionLeaf,
    ErrorCode, Found, Header, HeaderV1, HistoryOwner, HoldRef, Intent, IntentV1, Keep, Leaf,
    LoggedTransaction, Operation, Outcome, Place, Prefix, StateKey, StateProof, StateProofV1, StateValue,
    Text, TextItem, Texts, Timestamp,
};
use quorate_statement::{Names, Statement};
use quorate_verifier::{
    End, ErasedFacts, Facts, Finding, HeadFacts, LeafFacts, PrefixFacts, Proof, ProofBody, ProofKind,
    ShownFacts, Start, StatementEntry, StatementFacts, TextFacts, Verdict,
};

use crate::golden::asset;

/// The account of the statements.
pub(crate) const A: Address = Address([1; 20]);

/// Others.
pub(crate) const B: Address = Address([2; 20]);
pub(crate) const C: Address = Address([3; 20]);

/// 2026-03-01T00:00:00Z.
pub(crate) const MARCH: Timestamp = Timestamp(1_772_323_200_000);

/// 2026-04-01T00:00:00Z.
pub(crate) const APRIL: Timestamp = Timestamp(1_775_001_600_000);

const NETWORK: Digest = Digest([7; 32]);

/// A verdict and the file of its proof.
pub(crate) struct Made {
    pub(crate) verdict: Verdict,
    pub(crate) proof: String,
}

impl Made {
    pub(crate) fn new(facts: StatementFacts, leaf: Found) -> Self {
        let header = Header::V1(HeaderV1 {
            network: NETWORK,
            protocol: 1,
            epoch: Epoch(3),
            height: Height(500),
            previous: Digest::ZERO,
            chain_root: Digest::ZERO,
            proposal: Digest::ZERO,
            timestamp: facts.complete_up_to.unwrap_or(APRIL),
            log_size: 1_000,
            log_root: Digest::ZERO,
            state_root: Digest::ZERO,
            next_committee: Digest::ZERO,
        });
        let head = HeadFacts {
            epoch: Epoch(3),
            height: Height(500),
            hash: header.hash(),
            timestamp: header.v1().timestamp,
        };
        let seals = Vec::new();
        let statement = quorate_verifier::Statement {
            head: CertifiedHeader { header, seals },
            owner: facts.owner,
            from: facts.from,
            to: facts.to,
            leaf: StateProof::V1(StateProofV1 {
                prefix: Prefix::of_key(&StateKey::account(&A)),
                path: Vec::new(),
                found: leaf,
            }),
            start: Start::Beginning { balances: Vec::new() },
            items: Vec::new(),
            end: End::Last,
            beside: Vec::new(),
        };
        let proof = Proof::new(NETWORK, ProofBody::Statement(statement));
        let verdict = Verdict {
            finding: facts
                .complete_up_to
                .map_or(Finding::Proven, Finding::CompleteUpTo),
            kind: ProofKind::Statement,
            about: proof.question(),
            head: Some(head),
            facts: Facts::Statement(facts),
            words: Vec::new(),
        };
        Self {
            verdict,
            proof: proof.to_file(),
        }
    }

    /// Of an account.
    pub(crate) fn of(facts: StatementFacts) -> Self {
        Self::new(facts, Found::Empty)
    }

    pub(crate) fn statement<'a>(&'a self, names: &'a Names) -> Statement<'a> {
        Statement::new(&self.verdict, &self.proof, names).unwrap()
    }
}

/// A's statement over March, with nothing in it.
pub(crate) fn empty() -> StatementFacts {
    StatementFacts {
        owner: HistoryOwner::Account(A),
        from: MARCH,
        to: APRIL,
        complete_up_to: None,
        opening: Vec::new(),
        opening_is_of_genesis: false,
        closing: Vec::new(),
        entries: Vec::new(),
        before: Vec::new(),
        after: Vec::new(),
        beside: Vec::new(),
    }
}

pub(crate) fn balance(code: &str, free: u128, held: u128) -> BalanceItem {
    BalanceItem {
        asset: asset(code),
        free: Amount(free),
        held: Amount(held),
    }
}

/// A change of what is free, and of what is held.
pub(crate) fn change(code: &str, free: [u128; 2], held: [u128; 2]) -> BalanceChange {
    BalanceChange {
        asset: asset(code),
        free_before: Amount(free[0]),
        free_after: Amount(free[1]),
        held_before: Amount(held[0]),
        held_after: Amount(held[1]),
    }
}

/// An asset's own leaf.
pub(crate) fn asset_value(code: &str, decimals: u8) -> StateValue {
    StateValue::Asset(Asset::V1(AssetV1 {
        code: asset(code),
        number: 0,
        issuer: B,
        decimals,
        flags: 0,
        supply: Amount(1_000_000),
        entries: 0,
        last: Digest::ZERO,
        waypoints: Vec::new(),
    }))
}

/// The leaves of assets beside a statement.
pub(crate) fn assets(decimals: &[(&str, u8)]) -> Vec<PrefixFacts> {
    let leaves = decimals.iter().map(|(code, decimals)| {
        let value = asset_value(code, *decimals);
        let key = value.key();
        PrefixFacts {
            prefix: Prefix::of_key(&key),
            leaves: vec![LeafFacts { key, value }],
        }
    });
    leaves.collect()
}

/// An asset's own leaf, as a proof of its supply's statement has it.
pub(crate) fn own_leaf(code: &str, decimals: u8) -> Found {
    let value = asset_value(code, decimals);
    let (key, value) = (value.key(), value.encode());
    Found::Leaves(vec![Leaf { key, value }])
}

pub(crate) fn intent(parties: &[Address], operations: Vec<Act>, places: &[Place]) -> IntentV1 {
    let texts = Texts {
        places: places.to_vec(),
        root: Digest::ZERO,
    };
    IntentV1 {
        network: NETWORK,
        parties: parties.to_vec(),
        expires_at: APRIL,
        salt: [0; 16],
        operations,
        texts: (!places.is_empty()).then_some(texts),
    }
}

pub(crate) fn act(party: u8, operation: Operation) -> Act {
    Act { party, operation }
}

pub(crate) fn pay(to: Address, code: &str, amount: u128) -> Operation {
    Operation::Transfer {
        to,
        asset: asset(code),
        amount: Amount(amount),
    }
}

pub(crate) fn hold(beneficiary: Address, code: &str, amount: u128) -> Operation {
    Operation::Hold {
        beneficiary,
        asset: asset(code),
        amount: Amount(amount),
        until: APRIL,
        condition: Condition {
            need: 1,
            leaves: vec![ConditionLeaf::Signs(beneficiary)],
        },
    }
}

pub(crate) fn release(owner: Address, transaction: Digest, operation: u8) -> Operation {
    Operation::Release {
        hold: HoldRef {
            owner,
            transaction,
            operation,
        },
        amount: None,
        preimages: Vec::new(),
    }
}

pub(crate) fn refund(owner: Address, transaction: Digest, operation: u8) -> Operation {
    Operation::Refund {
        hold: HoldRef {
            owner,
            transaction,
            operation,
        },
    }
}

/// An entry that is shown, without texts. Its place in the log is ten times its number, its block has its number, and its
/// time is as many seconds into March.
pub(crate) fn entry(
    number: u64,
    intent: IntentV1,
    results: &[u128],
    changes: Vec<BalanceChange>,
) -> StatementEntry {
    let id = Intent::V1(intent.clone()).id();
    StatementEntry {
        number,
        ordinal: number * 10,
        entry: LoggedTransaction {
            height: Height(number),
            timestamp: Timestamp(MARCH.0 + number * 1_000),
            position: 0,
            id,
            expires_at: APRIL,
            signed: Digest::ZERO,
            outcome: Outcome::Success {
                results: results.iter().copied().map(Amount).collect(),
            },
        },
        changes,
        shown: ShownFacts {
            intent: Some(intent),
            ..ShownFacts::default()
        },
        erased: None,
    }
}

pub(crate) fn shown(text: impl AsRef<[u8]>) -> TextItem {
    TextItem::Shown(Text {
        salt: [0; 16],
        text: text.as_ref().to_vec(),
    })
}

pub(crate) const OWN_TEXT: Place = Place::Operation { index: 0, field: 0 };
pub(crate) const METADATA: Place = Place::Operation { index: 0, field: 1 };

fn erased(place: Place, before_execution: bool) -> Option<Vec<ErasedFacts>> {
    Some(vec![ErasedFacts {
        place,
        before_execution,
    }])
}

/// What can happen to A in a month. EUR has 2 decimals; how many QRT has, nothing says.
pub(crate) fn month() -> StatementFacts {
    StatementFacts {
        opening: vec![balance("EUR", 10_000, 0)],
        closing: vec![balance("EUR", 15_200, 0), balance("QRT", 12, 0)],
        entries: [first_half(), second_half()].concat(),
        beside: assets(&[("EUR", 2)]),
        ..empty()
    }
}

/// Received, held, failed, released in part, not shown, refunded.
fn first_half() -> Vec<StatementEntry> {
    let mut received = entry(
        33,
        intent(&[B], vec![act(0, pay(A, "EUR", 5_000))], &[Place::Memo, OWN_TEXT]),
        &[],
        vec![change("EUR", [10_000, 15_000], [0, 0])],
    );
    let leaf = Digest::ZERO;
    received.shown.texts = TextFacts::All(vec![TextItem::Withheld { leaf }, shown("=rent \u{200b}& <more>")]);
    let mut held = entry(
        34,
        intent(&[A], vec![act(0, hold(C, "EUR", 3_000))], &[OWN_TEXT]),
        &[],
        vec![change("EUR", [15_000, 12_000], [0, 3_000])],
    );
    held.erased = erased(OWN_TEXT, false);
    let id = held.entry.id;
    let mut failed = entry(
        35,
        intent(&[A], vec![act(0, pay(B, "EUR", 99_999))], &[]),
        &[],
        Vec::new(),
    );
    failed.entry.outcome = Outcome::Failed {
        code: ErrorCode::INSUFFICIENT_BALANCE,
        operation: 0,
    };
    let released = entry(
        36,
        intent(&[C], vec![act(0, release(A, id, 0))], &[]),
        &[1_000],
        vec![change("EUR", [12_000, 12_000], [3_000, 2_000])],
    );
    let mut hidden = entry(
        37,
        intent(&[B], Vec::new(), &[]),
        &[],
        vec![
            change("EUR", [12_000, 12_500], [2_000, 2_000]),
            change("QRT", [0, 7], [0, 0]),
        ],
    );
    hidden.shown = ShownFacts::default();
    hidden.erased = erased(Place::Memo, true);
    let refunded = entry(
        38,
        intent(&[C], vec![act(0, refund(A, id, 0))], &[]),
        &[2_000],
        vec![change("EUR", [12_500, 14_500], [2_000, 0])],
    );
    vec![received, held, failed, released, hidden, refunded]
}

/// An exchange, a release of a hold that nobody tells of, a record, a consent, a payment to itself, two such releases.
fn second_half() -> Vec<StatementEntry> {
    let exchange = entry(
        39,
        intent(
            &[A, B],
            vec![act(0, pay(B, "EUR", 100)), act(1, pay(A, "EUR", 300))],
            &[],
        ),
        &[],
        vec![change("EUR", [14_500, 14_700], [0, 0])],
    );
    let paid = entry(
        40,
        intent(&[C], vec![act(0, release(B, Digest([9; 32]), 1))], &[]),
        &[400],
        vec![change("EUR", [14_700, 15_100], [0, 0])],
    );
    let record = Operation::PutRecord {
        sha256: Digest([5; 32]),
        keep: Keep::Own,
    };
    let mut recorded = entry(
        41,
        intent(&[A], vec![act(0, record)], &[OWN_TEXT, METADATA]),
        &[],
        Vec::new(),
    );
    recorded.shown.texts = TextFacts::All(vec![shown("contract 17"), shown([0xff, 0x00])]);
    let agreed = entry(
        42,
        intent(&[B, A], vec![act(0, pay(C, "EUR", 1))], &[]),
        &[],
        Vec::new(),
    );
    let itself = entry(
        43,
        intent(&[A], vec![act(0, pay(A, "EUR", 200))], &[]),
        &[],
        Vec::new(),
    );
    let other = Digest([8; 32]);
    let two = entry(
        44,
        intent(
            &[A],
            vec![act(0, release(B, other, 0)), act(0, release(B, other, 1))],
            &[],
        ),
        &[100, 5],
        vec![
            change("EUR", [15_100, 15_200], [0, 0]),
            change("QRT", [7, 12], [0, 0]),
        ],
    );
    vec![exchange, paid, recorded, agreed, itself, two]
}

/// Names for all three.
pub(crate) fn names() -> Names {
    let names = [(A, "Alice"), (B, "B <ob>"), (C, "=Carol\u{202e}")];
    names
        .into_iter()
        .map(|(address, name)| (address, name.to_owned()))
        .collect()
}
