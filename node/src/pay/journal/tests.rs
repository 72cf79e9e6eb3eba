//! What a journal promises, whatever is torn, lost or changed.

use std::collections::BTreeSet;

use quorate_client::Bytes;
use quorate_crypto::{ClientSigningKey, SigningKey, sha256};
use quorate_ledger::{Address, Amount, WalletSecret, encode};

use super::*;
use crate::pay::file::identity;

fn rows(amount: u128) -> Vec<Row> {
    let row = |place: usize| Row {
        line: 1,
        to: Address([9; 20]),
        asset: "QRT".parse().unwrap(),
        amount: Amount(amount),
        memo: format!("salary {place}"),
    };
    (0..101).map(row).collect()
}

fn batch(rows: &[Row]) -> Batch {
    let sender = key().key().address();
    Batch {
        network: sha256(b"network"),
        sender,
        file: identity(&sender, rows),
        label: String::new(),
        secret: WalletSecret::from_bytes(&[3; 32]),
        max_expiry_lead_ms: 86_400_000,
    }
}

fn names(batch: &Batch) -> Names {
    Names {
        own: batch.clone(),
        others: Vec::new(),
    }
}

fn key() -> ClientSigningKey {
    ClientSigningKey::from_ed25519(SigningKey::from_seed(&[1; 32]))
}

/// A payment file of these rows in a folder of its own.
struct Case {
    folder: tempfile::TempDir,
    batch: Batch,
    rows: Vec<Row>,
}

impl Case {
    fn new() -> Self {
        let rows = rows(1);
        Self {
            folder: tempfile::tempdir().unwrap(),
            batch: batch(&rows),
            rows,
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("p.csv")
    }

    fn try_open_as(&self, batch: &Batch, rows: &[Row]) -> Result<Opened, Failure> {
        let names = names(batch);
        Journal::open(Subject {
            file: &self.file(),
            names: &names,
            rows,
        })
    }

    fn open(&self) -> Opened {
        self.try_open_as(&self.batch, &self.rows).unwrap()
    }

    /// The journal, its section begun and complete.
    fn begun(&self) -> Journal {
        let mut journal = self.open().journal;
        journal.begin(&self.batch, 101).unwrap();
        journal.ready().unwrap();
        journal
    }

    fn known(&self) -> Known {
        self.open().known
    }

    /// What pays these rows until then, signed or not.
    fn written_by(&self, batch: &Batch, unit: Unit, expires_at: u64, keys: &[ClientSigningKey]) -> Signed {
        let unsigned = batch.payment(unit.first, &self.rows[unit.range()], Timestamp(expires_at));
        let submission = unsigned.sign(keys);
        Signed {
            id: submission.transaction().id(),
            expires_at: Timestamp(expires_at),
            bytes: Bytes::from(encode(&submission)),
            in_doubt: true,
        }
    }

    fn signed(&self, unit: Unit, expires_at: u64) -> Signed {
        self.written_by(&self.batch, unit, expires_at, &[key()])
    }

    fn built(&self, unit: Unit, expires_at: u64) -> Signed {
        self.written_by(&self.batch, unit, expires_at, &[])
    }
}

fn place_of(signed: &Signed) -> Paid {
    Paid {
        id: signed.id,
        height: Height(7),
        index: 3,
    }
}

const FIRST: Unit = Unit { first: 0, count: 100 };
const SECOND: Unit = Unit { first: 100, count: 1 };

#[test]
fn what_was_signed_and_settled_is_known_after_a_restart() {
    let case = Case::new();
    let (first, second) = (case.signed(FIRST, 1), case.signed(SECOND, 2));
    {
        let Opened { mut journal, known } = case.open();
        assert_eq!(known, Known::default());
        journal.begin(&case.batch, 101).unwrap();
        journal.ready().unwrap();
        journal.signed(FIRST, &first).unwrap();
        journal.signed(SECOND, &second).unwrap();
        let place = place_of(&second);
        journal.settled(second.id, How::Committed, Some(place)).unwrap();
    }
    let known = case.known();
    assert_eq!(known.live, BTreeMap::from([(FIRST, first)]));
    assert_eq!(known.paid.keys().copied().collect::<Vec<_>>(), [100]);
}

/// Section 18: the journal alone has what must not be lost. What became of it is found on the ledger.
#[test]
fn what_was_signed_is_known_without_the_outcomes() {
    let case = Case::new();
    let (first, second) = (case.signed(FIRST, 1), case.built(SECOND, 2));
    {
        let mut journal = case.begun();
        journal.signed(FIRST, &first).unwrap();
        journal.built(SECOND, &second).unwrap();
        journal.flush().unwrap();
    }
    std::fs::remove_file(outcomes_of(&case.file())).unwrap();
    let known = case.known();
    assert_eq!(known.live, BTreeMap::from([(FIRST, first)]));
    assert_eq!(known.built, BTreeMap::from([(SECOND, second)]));
}

/// What is built for others expires at a midnight, and shortly before one that is the next ten-minute mark too.
#[test]
fn what_was_signed_is_sent_again_with_its_signature_though_it_was_built_too() {
    let case = Case::new();
    let signed = case.signed(FIRST, 9);
    let built = case.built(FIRST, 9);
    assert_eq!(signed.id, built.id);
    {
        let mut journal = case.begun();
        journal.signed(FIRST, &signed).unwrap();
        journal.built(FIRST, &built).unwrap();
        journal.flush().unwrap();
    }
    assert_eq!(case.known().live, BTreeMap::from([(FIRST, signed)]));
}

#[test]
fn what_became_of_it_is_known_without_the_journal() {
    let case = Case::new();
    let (first, second) = (case.signed(FIRST, 1), case.signed(SECOND, 2));
    {
        let mut journal = case.begun();
        journal.signed(FIRST, &first).unwrap();
        journal.signed(SECOND, &second).unwrap();
        let place = place_of(&second);
        journal.settled(second.id, How::Committed, Some(place)).unwrap();
    }
    std::fs::remove_file(path_of(&case.file())).unwrap();
    let known = case.known();
    assert!(
        known.live.is_empty(),
        "without its bytes nothing can be sent again"
    );
    assert_eq!(known.paid.keys().copied().collect::<Vec<_>>(), [100]);
}

#[test]
fn a_torn_tail_is_cut_off_and_the_journal_goes_on() {
    let case = Case::new();
    {
        let mut journal = case.begun();
        journal.signed(FIRST, &case.signed(FIRST, 1)).unwrap();
    }
    for (path, torn) in [
        (path_of(&case.file()), b"\x10\x00\x00\x00\x00\x05".as_slice()),
        (outcomes_of(&case.file()), b"{\"signed\":{\"fir".as_slice()),
    ] {
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [whole.as_slice(), torn].concat()).unwrap();
    }
    let mut journal = case.open().journal;
    journal.signed(SECOND, &case.signed(SECOND, 2)).unwrap();
    drop(journal);
    assert_eq!(case.known().live.len(), 2);
}

#[test]
fn a_section_that_was_not_ready_counts_for_nothing() {
    let case = Case::new();
    {
        let mut journal = case.open().journal;
        let place = place_of(&case.signed(FIRST, 1));
        journal.begin(&case.batch, 101).unwrap();
        journal.found(FIRST, Timestamp(1), How::Committed, place).unwrap();
    }
    assert_eq!(case.known(), Known::default());
}

#[test]
fn sections_of_two_labels_do_not_mix() {
    let case = Case::new();
    let again = Batch {
        label: "again".to_owned(),
        ..case.batch.clone()
    };
    let mut ids = Vec::new();
    for (batch, first) in [(&case.batch, 1), (&again, 2), (&case.batch, 3)] {
        let mut journal = case.try_open_as(batch, &case.rows).unwrap().journal;
        journal.begin(batch, 101).unwrap();
        journal.ready().unwrap();
        let unit = Unit { first, count: 1 };
        let signed = case.written_by(batch, unit, 9, &[key()]);
        journal.signed(unit, &signed).unwrap();
        ids.push(signed.id);
    }
    let live = |known: &Known| known.live.values().map(|signed| signed.id).collect::<Vec<_>>();
    assert_eq!(live(&case.known()), [ids[0], ids[2]]);
    let other = case.try_open_as(&again, &case.rows).unwrap().known;
    assert_eq!(live(&other), [ids[1]]);
}

#[test]
fn damage_in_the_middle_is_not_passed_over() {
    let case = Case::new();
    std::fs::write(outcomes_of(&case.file()), "nonsense\n{}\n").unwrap();
    let error = case.try_open_as(&case.batch, &case.rows).err().unwrap();
    assert!(error.to_string().contains("line 1"), "{error}");
}

#[test]
fn a_file_that_was_changed_since_is_refused_and_another_network_is_not() {
    let case = Case::new();
    case.begun().signed(FIRST, &case.signed(FIRST, 1)).unwrap();
    let changed = rows(2);
    let other = batch(&changed);
    assert!(case.try_open_as(&other, &changed).is_err());
    // The journal alone shows it too.
    let outcomes = outcomes_of(&case.file());
    let lines = std::fs::read(&outcomes).unwrap();
    std::fs::remove_file(&outcomes).unwrap();
    assert!(case.try_open_as(&other, &changed).is_err());
    std::fs::write(&outcomes, lines).unwrap();
    let elsewhere = Batch {
        network: sha256(b"another network"),
        ..other.clone()
    };
    assert_eq!(
        case.try_open_as(&elsewhere, &changed).unwrap().known,
        Known::default()
    );
    let meant = Batch {
        label: "again".to_owned(),
        ..other
    };
    assert_eq!(
        case.try_open_as(&meant, &changed).unwrap().known,
        Known::default()
    );
}

/// Two signers of an account have keys of their own, and so other salts. What the one signed the other does not pay
/// again beside the same file.
#[test]
fn what_another_key_signed_for_the_same_rows_is_not_passed_over() {
    let case = Case::new();
    let signed = case.signed(FIRST, 1);
    case.begun().signed(FIRST, &signed).unwrap();
    let other = Batch {
        secret: WalletSecret::from_bytes(&[4; 32]),
        ..case.batch.clone()
    };
    let known = case.try_open_as(&other, &case.rows).unwrap().known;
    assert_eq!(known.live, BTreeMap::from([(FIRST, signed)]));
    std::fs::remove_file(outcomes_of(&case.file())).unwrap();
    assert!(case.try_open_as(&other, &case.rows).is_err());
}

#[test]
fn a_second_run_at_the_same_time_is_refused() {
    let case = Case::new();
    let held = case.open();
    assert!(case.try_open_as(&case.batch, &case.rows).is_err());
    drop(held);
    case.open();
}

#[test]
fn a_failed_chunk_is_paid_row_by_row_and_its_expiry_is_remembered() {
    let case = Case::new();
    let signed = case.signed(FIRST, 1);
    let mut known = Known::default();
    known.live.insert(FIRST, signed.clone());
    known.settle(FIRST, signed.id, How::Failed, None).unwrap();
    assert!(known.live.is_empty());
    assert_eq!(known.row_by_row, BTreeSet::from([0]));
    assert_eq!(known.failed[&FIRST], BTreeSet::from([Timestamp(1)]));
}

#[test]
fn what_others_signed_does_not_take_the_place_of_what_was_signed_here() {
    let case = Case::new();
    let signed = case.signed(FIRST, 5);
    {
        let mut journal = case.begun();
        journal.signed(FIRST, &signed).unwrap();
        let place = place_of(&case.signed(FIRST, 3));
        journal.found(FIRST, Timestamp(3), How::Failed, place).unwrap();
    }
    let known = case.known();
    assert_eq!(known.live, BTreeMap::from([(FIRST, signed)]));
    assert_eq!(known.failed[&FIRST], BTreeSet::from([Timestamp(3)]));
}

#[test]
fn how_far_it_was_looked_is_known_after_a_restart() {
    let case = Case::new();
    let salts = names(&case.batch).salts();
    {
        let mut journal = case.open().journal;
        journal.begin(&case.batch, 101).unwrap();
        for height in [3, 9, 5] {
            journal.searched(Height(height), salts).unwrap();
        }
        journal.ready().unwrap();
    }
    assert_eq!(case.known().searched, Height(9));
}

/// What was paid with the one key has other salts than what is looked for with the other.
#[test]
fn where_it_was_looked_with_another_key_it_is_looked_again() {
    let case = Case::new();
    let other = Batch {
        secret: WalletSecret::from_bytes(&[4; 32]),
        ..case.batch.clone()
    };
    {
        let mut journal = case.begun();
        journal.searched(Height(9), names(&case.batch).salts()).unwrap();
        journal.searched(Height(5), names(&other).salts()).unwrap();
    }
    assert_eq!(case.known().searched, Height(9));
    let known = case.try_open_as(&other, &case.rows).unwrap().known;
    assert_eq!(known.searched, Height(5));
    // With both more is looked for than with either.
    let both = Names {
        others: vec![other.clone()],
        ..names(&case.batch)
    };
    let turned = Names {
        others: vec![case.batch.clone()],
        ..names(&other)
    };
    assert_eq!(both.salts(), turned.salts());
    assert!(
        ![&case.batch, &other]
            .map(|batch| names(batch).salts())
            .contains(&both.salts())
    );
}

#[test]
fn what_was_built_is_open_until_it_expires_or_its_rows_are_paid() {
    let case = Case::new();
    let second = case.built(SECOND, 9);
    {
        let mut journal = case.begun();
        journal.built(FIRST, &case.built(FIRST, 8)).unwrap();
        journal.built(SECOND, &second).unwrap();
        journal.flush().unwrap();
    }
    let mut known = case.known();
    let open = |known: &Known, at| -> Vec<Unit> {
        let open = known.open_built(Timestamp(at));
        open.map(|(unit, _)| unit).collect()
    };
    assert_eq!(open(&known, 7), [FIRST, SECOND]);
    assert_eq!(open(&known, 8), [SECOND]);
    assert_eq!(known.sent_until(Timestamp(7)), None, "built is not sent");
    known.failed.entry(FIRST).or_default().insert(Timestamp(8));
    assert_eq!(open(&known, 7), [SECOND], "what failed cannot be executed again");
    known.paid.insert(100, place_of(&second));
    assert!(open(&known, 7).is_empty());
}
