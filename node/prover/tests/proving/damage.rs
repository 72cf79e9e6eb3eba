//! A chain whose parts do not fit together gives an error that names the part, and no proof, whatever is wrong.

use std::convert::Infallible;

use quorate_crypto::{Certificate, Digest, Epoch, Height};
use quorate_ledger::{
    Amount, BalanceItem, Header, HistoryOwner, LogEntry, LogEntryV1, Place, Prefix, PrefixPath, StateKey,
    TextItem, Timestamp, Transaction,
};
use quorate_prover::{
    EpochRow, HistoryRow, MemoryChain, Part, ProveError, Show, ShowTexts, Source, StatementRequest,
    TrustedStart, WaypointRow, prove_block, prove_committees, prove_state, prove_statement,
    prove_transaction,
};
use quorate_verifier::Proof;

use crate::plain::PlainTransaction;
use crate::scenario::LONG;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    NoCertificate,
    FewSeals,
    NoEpoch,
    OtherEpoch,
    NoHeight,
    OtherEntry,
    FewerEntries,
    NoLogNode,
    OtherLogNode,
    NoTransaction,
    OtherTransaction,
    OtherText,
    NoState,
    NoValue,
    OtherValue,
    OtherGenesis,
    NoNewest,
    OtherNewest,
    NoRow,
    EmptyRow,
    ShiftedRow,
    RowOfItself,
    RowOfNone,
    OtherChange,
    NoWaypoint,
    OtherWaypoint,
    NoBalances,
    OtherBalances,
    NoWaypointNode,
}

/// The long scenario's chain with a fault.
struct Faulty(Fault);

impl Faulty {
    fn chain(&self) -> &'static MemoryChain {
        &LONG.world.chain
    }

    fn is(&self, fault: Fault) -> bool {
        self.0 == fault
    }

    /// The answer, unless the fault is that there is none.
    fn unless<T>(&self, fault: Fault, answer: Option<T>) -> Result<Option<T>, Infallible> {
        Ok(answer.filter(|_| !self.is(fault)))
    }
}

type Answer<T> = Result<T, Infallible>;

fn get<T>(answer: Answer<T>) -> T {
    answer.unwrap()
}

impl Source for Faulty {
    type Error = Infallible;

    fn network(&self) -> Digest {
        self.chain().network()
    }

    fn height(&self) -> Height {
        self.chain().height()
    }

    fn has_state(&self, head: Height) -> bool {
        !self.is(Fault::NoState) && self.chain().has_state(head)
    }

    fn header(&self, height: Height) -> Answer<Option<Header>> {
        self.chain().header(height)
    }

    fn certificate(&self, height: Height) -> Answer<Option<Certificate>> {
        let found = get(self.chain().certificate(height)).map(|Certificate::V1(mut certificate)| {
            if self.is(Fault::FewSeals) {
                certificate.seals.truncate(2);
            }
            Certificate::V1(certificate)
        });
        self.unless(Fault::NoCertificate, found)
    }

    fn epoch(&self, epoch: Epoch) -> Answer<Option<EpochRow>> {
        let found = get(self.chain().epoch(epoch)).map(|mut row| {
            if self.is(Fault::OtherEpoch) {
                row.first.0 = row.first.0.saturating_sub(3);
            }
            row
        });
        self.unless(Fault::NoEpoch, found)
    }

    fn ordinal_of(&self, id: &Digest) -> Answer<Option<u64>> {
        self.chain().ordinal_of(id)
    }

    fn height_of(&self, ordinal: u64) -> Answer<Option<Height>> {
        self.unless(Fault::NoHeight, get(self.chain().height_of(ordinal)))
    }

    fn entries(&self, height: Height, ordinals: &[u64]) -> Answer<Vec<LogEntry>> {
        let mut found = get(self.chain().entries(height, ordinals));
        if self.is(Fault::FewerEntries) {
            found.pop();
        }
        if let (Fault::OtherEntry, Some(LogEntry::V1(LogEntryV1::Transaction(logged)))) =
            (self.0, found.first_mut())
        {
            logged.position += 1;
        }
        Ok(found)
    }

    fn log_node(&self, level: u8, index: u64) -> Answer<Option<Digest>> {
        let mut found = get(self.chain().log_node(level, index));
        if let (Fault::OtherLogNode, Some(node)) = (self.0, &mut found) {
            node.0[0] ^= 1;
        }
        self.unless(Fault::NoLogNode, found)
    }

    fn transactions(&self, height: Height, positions: &[u32]) -> Answer<Vec<Transaction>> {
        let mut found = get(self.chain().transactions(height, positions));
        match self.0 {
            Fault::NoTransaction => found.clear(),
            Fault::OtherTransaction => found.fill(LONG.world.plain.executed[0].transaction.clone()),
            _ => {}
        }
        Ok(found)
    }

    fn text(&self, id: &Digest, place: &Place) -> Answer<Option<TextItem>> {
        let leaf = Digest([1; 32]);
        let other = self.is(Fault::OtherText).then_some(TextItem::Withheld { leaf });
        Ok(other.or(get(self.chain().text(id, place))))
    }

    fn state_path(&self, head: Height, prefix: &Prefix) -> Answer<Option<PrefixPath>> {
        self.chain().state_path(head, prefix)
    }

    fn leaves_of_kind(&self, kind: u8) -> Answer<usize> {
        self.chain().leaves_of_kind(kind)
    }

    fn state_value(&self, head: Height, key: &StateKey) -> Answer<Option<Vec<u8>>> {
        let mut found = get(self.chain().state_value(head, key));
        if let (Fault::OtherValue, Some(value)) = (self.0, &mut found) {
            value.push(0);
        }
        self.unless(Fault::NoValue, found)
    }

    fn genesis_balances(&self, owner: &HistoryOwner) -> Answer<Vec<BalanceItem>> {
        let mut found = get(self.chain().genesis_balances(owner));
        if self.is(Fault::OtherGenesis) {
            found.pop();
        }
        Ok(found)
    }

    fn newest_step(&self, head: Height, owner: &HistoryOwner) -> Answer<Option<Height>> {
        let found = get(self.chain().newest_step(head, owner));
        let other = self.is(Fault::OtherNewest).then_some(Height(1));
        self.unless(Fault::NoNewest, other.or(found))
    }

    fn history_row(&self, owner: &HistoryOwner, height: Height) -> Answer<Option<HistoryRow>> {
        let mut found = get(self.chain().history_row(owner, height));
        if let Some(row) = &mut found {
            match self.0 {
                Fault::EmptyRow => row.steps.clear(),
                Fault::ShiftedRow => row.first += 1,
                Fault::RowOfItself => row.before = height,
                Fault::RowOfNone => row.before = Height::GENESIS,
                Fault::OtherChange => {
                    for change in row.steps.iter_mut().flat_map(|step| &mut step.changes) {
                        change.free_before.0 += 1;
                    }
                }
                _ => {}
            }
        }
        self.unless(Fault::NoRow, found)
    }

    fn waypoint(&self, owner: &HistoryOwner, number: u64) -> Answer<Option<WaypointRow>> {
        let mut found = get(self.chain().waypoint(owner, number));
        if let (Fault::OtherWaypoint, Some(row)) = (self.0, &mut found) {
            row.hash.0[0] ^= 1;
        }
        self.unless(Fault::NoWaypoint, found)
    }

    fn waypoint_balances(&self, owner: &HistoryOwner, number: u64) -> Answer<Option<Vec<BalanceItem>>> {
        let mut found = get(self.chain().waypoint_balances(owner, number));
        if let (Fault::OtherBalances, Some(items)) = (self.0, &mut found) {
            items[0].free = Amount(items[0].free.0 + 1);
        }
        self.unless(Fault::NoBalances, found)
    }

    fn waypoint_node(&self, owner: &HistoryOwner, level: u8, index: u64) -> Answer<Option<Digest>> {
        self.unless(
            Fault::NoWaypointNode,
            get(self.chain().waypoint_node(owner, level, index)),
        )
    }
}

/// The part that is named; that there is a proof, or another error, fails the test.
fn damaged(fault: Fault, found: Result<Proof, ProveError<Infallible>>) -> Part {
    match found {
        Err(ProveError::Damaged { part, .. }) => part,
        other => panic!("{fault:?}: {other:?}"),
    }
}

/// A transaction with texts, in the middle of the chain.
fn in_the_middle() -> &'static PlainTransaction {
    let executed = &LONG.world.plain.executed;
    let mut later = executed[executed.len() / 2..].iter();
    later
        .find(|executed| executed.transaction.intent().texts.is_some())
        .unwrap()
}

#[test]
fn of_a_transactions_proof() {
    let tip = LONG.world.chain.height();
    for (fault, part) in [
        (Fault::NoCertificate, Part::Certificate),
        (Fault::FewSeals, Part::Certificate),
        (Fault::NoEpoch, Part::Epoch),
        (Fault::NoHeight, Part::Entry),
        (Fault::OtherEntry, Part::Entry),
        (Fault::FewerEntries, Part::Entry),
        (Fault::NoLogNode, Part::LogNode),
        (Fault::OtherLogNode, Part::Entry),
        (Fault::NoTransaction, Part::Transaction),
        (Fault::OtherTransaction, Part::Transaction),
        (Fault::OtherText, Part::Texts),
    ] {
        let show = Show::Transaction(ShowTexts::All);
        let found = prove_transaction(&Faulty(fault), tip, &in_the_middle().logged.id, show);
        assert_eq!(damaged(fault, found), part, "{fault:?}");
    }
}

#[test]
fn of_a_statement() {
    let tip = LONG.world.chain.height();
    // Somebody whose last step is no waypoint, and who has several.
    let people = LONG.people.addresses().map(HistoryOwner::Account);
    let mut histories = people.map(|owner| (owner, LONG.world.plain.history(&owner, tip)));
    let long = histories.find(|(_, steps)| steps.len() > 160 && steps.len() % 32 > 0);
    let (owner, steps) = long.unwrap();
    // From a waypoint on, past several, to the end.
    let from = steps[70].time;
    let request = StatementRequest::new(owner, from, Timestamp(u64::MAX));
    let cases: &[(Fault, &[Part])] = &[
        (Fault::NoValue, &[Part::State, Part::Step]),
        (Fault::OtherValue, &[Part::State]),
        (Fault::NoNewest, &[Part::Step]),
        (Fault::OtherNewest, &[Part::HistoryRow]),
        (Fault::NoRow, &[Part::HistoryRow]),
        (Fault::EmptyRow, &[Part::HistoryRow]),
        (Fault::ShiftedRow, &[Part::HistoryRow, Part::Step]),
        (Fault::RowOfItself, &[Part::HistoryRow]),
        (Fault::RowOfNone, &[Part::HistoryRow]),
        (Fault::OtherChange, &[Part::Step]),
        (Fault::NoWaypoint, &[Part::Waypoint]),
        (Fault::OtherWaypoint, &[Part::Step]),
        (Fault::NoBalances, &[Part::Waypoint]),
        (Fault::OtherBalances, &[Part::Step]),
        (Fault::NoWaypointNode, &[Part::WaypointNode]),
        (Fault::FewerEntries, &[Part::Entry]),
        (Fault::OtherEntry, &[Part::Step]),
        (Fault::OtherLogNode, &[Part::Step]),
    ];
    for (fault, parts) in cases {
        let found = prove_statement(&Faulty(*fault), tip, &request);
        let part = damaged(*fault, found);
        assert!(parts.contains(&part), "{fault:?}: {part:?}");
    }
    let begun = StatementRequest::new(owner, Timestamp(0), Timestamp(u64::MAX));
    let found = prove_statement(&Faulty(Fault::OtherGenesis), tip, &begun);
    assert_eq!(damaged(Fault::OtherGenesis, found), Part::Step);
    assert_eq!(
        prove_statement(&Faulty(Fault::NoState), tip, &request),
        Err(ProveError::NoState { head: tip })
    );
}

#[test]
fn of_other_proofs() {
    let tip = LONG.world.chain.height();
    let prefix = Prefix::account(&LONG.people.address(0));
    for fault in [Fault::NoValue, Fault::OtherValue] {
        let found = prove_state(&Faulty(fault), tip, &[prefix]);
        assert_eq!(damaged(fault, found), Part::State);
    }
    let height = in_the_middle().height;
    for (fault, part) in [
        (Fault::FewerEntries, Part::Entry),
        (Fault::OtherEntry, Part::Entry),
        (Fault::NoLogNode, Part::LogNode),
        (Fault::OtherLogNode, Part::Entry),
    ] {
        let found = prove_block(&Faulty(fault), height, Show::Nothing);
        assert_eq!(damaged(fault, found), part, "{fault:?}");
    }
    let found = prove_committees(&Faulty(Fault::OtherEpoch), TrustedStart::Genesis, Epoch(2));
    assert_eq!(damaged(Fault::OtherEpoch, found), Part::Epoch);
}
