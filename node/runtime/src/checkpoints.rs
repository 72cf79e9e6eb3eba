//! The validator's checkpoints (`docs/checkpoints.md`, section 3): the witness key signs each size that the certified log
//! comes to.
//!
//! It never signs a size below one that it has signed, nor a second root for a size. So what was signed is in the journal,
//! durably, before anybody is shown it. The journal and not the chain: a backup has no journal, and one that is gone or
//! old keeps the validator in quarantine, in which it signs nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quorate_checkpoint::{Checkpoint, Note, SignedRoot, origin, sign_checkpoint};
use quorate_crypto::{Digest, Height, PublicKey, SeatNumber, SigningKey};
use quorate_ledger::{decode, encode};
use quorate_storage::{Journal, Memo, Snapshot, StorageError};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::error::NodeError;
use crate::fatal_at_database;
use crate::node::RunningNode;

/// Notes that are kept to be shown: those of half a minute where thirty blocks a second have transactions.
const KEPT: usize = 1_024;

/// How many blocks may have come since the last look for each of them to be signed; of more, the newest alone is.
const MOST_BEHIND: u64 = 256;

/// How often it is looked whether the log has grown, and so how often the journal is flushed for it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Bytes of what the journal keeps.
const MAX_BYTES: usize = 128;

/// The last checkpoint that was signed, as the journal keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Remembered {
    V1 {
        witness: PublicKey,
        size: u64,
        root: Digest,
    },
}

/// The log's size and root after a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    size: u64,
    root: Digest,
}

/// The certified log as signing looks at it.
trait CertifiedLog {
    /// The certified height.
    fn height(&self) -> Height;

    /// The log after the block at a height.
    fn head(&self, height: Height) -> Result<Option<Head>, StorageError>;

    /// The root that the log had at a size; none if it is shorter.
    fn root_at(&self, size: u64) -> Result<Option<Digest>, StorageError>;
}

/// What the witness key has signed, and what of it can be shown.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    network: Digest,
    /// None: there is none that may be used, and nothing is signed.
    key: Option<SigningKey>,
    journal: Arc<Journal>,
    signed: Mutex<Signed>,
    /// By size, ascending. Locked for moments alone, as whoever asks must not wait for the disk.
    notes: Mutex<VecDeque<(u64, Arc<str>)>>,
}

/// How far the key has come.
#[derive(Debug, Default)]
struct Signed {
    last: Option<Head>,
    /// The height up to which blocks were looked at since the start.
    height: Option<Height>,
    /// The chain has the root that was signed last; afterwards it only grows.
    is_checked: bool,
    /// The chain has another: nothing is signed any more.
    is_contradicted: bool,
}

impl Checkpoints {
    /// Goes on from what the journal says that this key has signed.
    pub(crate) fn open(
        network: Digest,
        key: Option<SigningKey>,
        journal: Arc<Journal>,
    ) -> Result<Self, NodeError> {
        let remembered = match journal.memo(Memo::Checkpoint)? {
            Some(bytes) => Some(decode(&bytes, MAX_BYTES).map_err(|error| NodeError::Journal {
                reason: format!("the last checkpoint that was signed: {error}"),
            })?),
            None => None,
        };
        let own = key.as_ref().map(SigningKey::public);
        let last = match remembered {
            Some(Remembered::V1 { witness, size, root }) if Some(witness) == own => Some(Head { size, root }),
            // Another key has signed nothing yet.
            _ => None,
        };
        Ok(Self {
            network,
            key,
            journal,
            signed: Mutex::new(Signed {
                last,
                ..Signed::default()
            }),
            notes: Mutex::default(),
        })
    }

    /// The key that signs, if there is one.
    pub(crate) fn key(&self) -> Option<PublicKey> {
        self.key.as_ref().map(SigningKey::public)
    }

    /// The newest note, or that of a size.
    pub(crate) fn note(&self, size: Option<u64>) -> Option<Arc<str>> {
        let notes = self.notes();
        let (_, note) = match size {
            None => notes.back()?,
            Some(size) => notes.get(notes.binary_search_by_key(&size, |(size, _)| *size).ok()?)?,
        };
        Some(Arc::clone(note))
    }

    /// The root of the newest note, or of that of a size, signed for COSE. No root is signed that has no note.
    pub(crate) fn signed_root(&self, size: Option<u64>) -> Option<Vec<u8>> {
        let (key, note) = (self.key.as_ref()?, self.note(size)?);
        let note = Note::parse(note.as_bytes()).ok()?;
        let checkpoint = Checkpoint::parse(note.text()).ok()?;
        Some(SignedRoot::sign(&self.network, key, &checkpoint.root()).encode())
    }

    /// Signs the sizes that the log has come to since the last look, as the validator in this seat, at a time in seconds
    /// since 1970.
    fn sign(&self, log: &impl CertifiedLog, seat: SeatNumber, time: u64) -> Result<(), StorageError> {
        let Some(key) = &self.key else {
            return Ok(());
        };
        let mut signed = self.signed();
        if !signed.may_go_on(log)? {
            return Ok(());
        }
        let heads = signed.unsigned(log)?;
        let Some(last) = heads.last().copied() else {
            signed.height = Some(log.height());
            return Ok(());
        };
        let made = heads.iter().map(|head| {
            let checkpoint = Checkpoint::new(origin(&self.network), head.size, head.root);
            let note = sign_checkpoint(&self.network, seat, key, &checkpoint, time);
            (head.size, Arc::<str>::from(note.to_string()))
        });
        let made: Vec<(u64, Arc<str>)> = made.collect();
        let remembered = Remembered::V1 {
            witness: key.public(),
            size: last.size,
            root: last.root,
        };
        self.journal.keep(Memo::Checkpoint, &encode(&remembered))?;
        *signed = Signed {
            last: Some(last),
            height: Some(log.height()),
            is_checked: true,
            is_contradicted: false,
        };
        let mut notes = self.notes();
        notes.extend(made);
        let superfluous = notes.len().saturating_sub(KEPT);
        notes.drain(..superfluous);
        Ok(())
    }

    fn signed(&self) -> MutexGuard<'_, Signed> {
        // It changes only after the journal has.
        self.signed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notes(&self) -> MutexGuard<'_, VecDeque<(u64, Arc<str>)>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signed {
    /// Whether the chain is one that the key may go on signing: it has come at least as far as what was signed, and has
    /// the same root there.
    fn may_go_on(&mut self, log: &impl CertifiedLog) -> Result<bool, StorageError> {
        if self.is_checked || self.is_contradicted {
            return Ok(!self.is_contradicted);
        }
        let Some(last) = self.last else {
            self.is_checked = true;
            return Ok(true);
        };
        match log.root_at(last.size)? {
            None => {}
            Some(root) if root == last.root => self.is_checked = true,
            Some(root) => {
                self.is_contradicted = true;
                tracing::error!(
                    size = last.size, signed = %last.root, here = %root,
                    "the certified log has another root than the one that this validator signed at that size: it signs \
                     no more checkpoints; keep its home for inspection, and tell the other members"
                );
            }
        }
        Ok(self.is_checked)
    }

    /// The sizes that are to be signed next, ascending.
    fn unsigned(&self, log: &impl CertifiedLog) -> Result<Vec<Head>, StorageError> {
        let tip = log.height();
        let known = self
            .height
            .filter(|known| tip.0.saturating_sub(known.0) <= MOST_BEHIND);
        let from = known.map_or(tip, Height::next);
        // At a start the last one is signed again, as its note went with the process; it has the same root.
        let above = match (self.last, self.height) {
            (Some(last), None) => last.size.saturating_sub(1),
            (Some(last), Some(_)) => last.size,
            (None, _) => 0,
        };
        let mut heads = Vec::new();
        let mut largest = above;
        for height in from.0..=tip.0 {
            if let Some(head) = log.head(Height(height))?.filter(|head| head.size > largest) {
                largest = head.size;
                heads.push(head);
            }
        }
        Ok(heads)
    }
}

impl CertifiedLog for Snapshot {
    fn height(&self) -> Height {
        // The type's own.
        Self::height(self)
    }

    fn head(&self, height: Height) -> Result<Option<Head>, StorageError> {
        let header = self.header(height)?;
        Ok(header.map(|header| Head {
            size: header.v1().log_size,
            root: header.v1().log_root,
        }))
    }

    fn root_at(&self, size: u64) -> Result<Option<Digest>, StorageError> {
        self.log_root_at(size)
    }
}

impl RunningNode {
    /// The seat that this node may sign checkpoints for now: the one of its validator, while that votes and follows the
    /// chain, if the key is the seat's.
    fn signing_seat(&self) -> Option<SeatNumber> {
        let standing = self.standing.told()?;
        let votes = standing.votes && standing.unanswered.is_empty() && self.own_silence().is_none();
        if !votes || self.sync.is_running() {
            return None;
        }
        let info = self.epoch.get();
        let seat = info.now.own_seat()?;
        (Some(seat.witness) == self.checkpoints.key()).then_some(seat.seat)
    }

    fn sign_checkpoints(&self, seat: SeatNumber) -> Result<(), StorageError> {
        let snapshot = self.chain.snapshot()?;
        self.checkpoints.sign(&snapshot, seat, clock::now().0 / 1_000)
    }
}

/// Signs what the log comes to until the node ends.
pub(crate) async fn sign(node: Arc<RunningNode>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(seat) = node.signing_seat() else {
            continue;
        };
        // It waits for the disk.
        let signing = Arc::clone(&node);
        let signed = tokio::task::spawn_blocking(move || signing.sign_checkpoints(seat)).await;
        if let Ok(Err(error)) = signed {
            fatal_at_database("what the witness key signed cannot be written", &error);
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_checkpoint::signed_by;
    use quorate_crypto::merkle::{Frontier, leaf_hash};
    use quorate_storage::StorageOptions;
    use tempfile::TempDir;

    use super::*;

    const NETWORK: Digest = Digest([1; 32]);
    const SEAT: SeatNumber = SeatNumber(4);

    /// A log that grows by blocks; two of different names differ from their first entries on.
    struct Log {
        name: u8,
        heads: Vec<Head>,
        frontier: Frontier,
        roots: Vec<Digest>,
    }

    impl Log {
        fn new(name: u8) -> Self {
            Self {
                name,
                heads: Vec::new(),
                frontier: Frontier::new(),
                roots: vec![Frontier::new().root()],
            }
        }

        /// Adds blocks with so many transactions each.
        fn grow(mut self, blocks: &[u64]) -> Self {
            for entries in blocks {
                for _ in 0..*entries {
                    let number = self.frontier.length().to_be_bytes();
                    self.frontier
                        .push_hash(leaf_hash(&[&[self.name][..], &number].concat()));
                    self.roots.push(self.frontier.root());
                }
                self.heads.push(Head {
                    size: self.frontier.length(),
                    root: self.frontier.root(),
                });
            }
            self
        }
    }

    impl CertifiedLog for Log {
        fn height(&self) -> Height {
            Height(self.heads.len() as u64)
        }

        fn head(&self, height: Height) -> Result<Option<Head>, StorageError> {
            let place = usize::try_from(height.0).unwrap().checked_sub(1);
            Ok(place.and_then(|place| self.heads.get(place).copied()))
        }

        fn root_at(&self, size: u64) -> Result<Option<Digest>, StorageError> {
            Ok(self.roots.get(usize::try_from(size).unwrap()).copied())
        }
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    struct Home(TempDir);

    impl Home {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn open(&self) -> Checkpoints {
            self.open_with(Some(key(1)))
        }

        fn open_with(&self, key: Option<SigningKey>) -> Checkpoints {
            let journal = Journal::open(self.0.path().join("journal"), NETWORK, &StorageOptions::journal());
            Checkpoints::open(NETWORK, key, Arc::new(journal.unwrap())).unwrap()
        }
    }

    /// The size and root that a note says, which the validator has signed.
    fn read(note: &str) -> (u64, Digest) {
        let note = Note::parse(note.as_bytes()).unwrap();
        let signer = quorate_checkpoint::Signer {
            seat: SEAT,
            log: quorate_checkpoint::log_key(&NETWORK, key(1).public()),
            cosigner: quorate_checkpoint::cosigner(&NETWORK, SEAT, key(1).public()),
        };
        let signed = signed_by(&note, &[signer]).unwrap();
        assert!(signed[0].log.is_some() && signed[0].cosignature.is_some());
        let checkpoint = Checkpoint::parse(note.text()).unwrap();
        (checkpoint.size(), checkpoint.root())
    }

    fn sizes(checkpoints: &Checkpoints) -> Vec<u64> {
        checkpoints.notes().iter().map(|(size, _)| *size).collect()
    }

    #[test]
    fn each_size_gets_one_note_and_blocks_without_transactions_none() {
        let home = Home::new();
        let checkpoints = home.open();
        let log = Log::new(0).grow(&[0]);
        checkpoints.sign(&log, SEAT, 17).unwrap();
        assert_eq!(checkpoints.note(None), None, "nothing was executed");
        let log = log.grow(&[3, 0, 2, 1]);
        checkpoints.sign(&log, SEAT, 17).unwrap();
        checkpoints.sign(&log, SEAT, 18).unwrap();
        assert_eq!(sizes(&checkpoints), [3, 5, 6]);
        for size in [3, 5, 6] {
            let root = log.root_at(size).unwrap().unwrap();
            assert_eq!(read(&checkpoints.note(Some(size)).unwrap()), (size, root));
            let signed = checkpoints.signed_root(Some(size)).unwrap();
            SignedRoot::read(&NETWORK, &[key(1).public()], &root, &signed).unwrap();
        }
        assert_eq!(checkpoints.signed_root(Some(4)), None);
        assert_eq!(checkpoints.note(None), checkpoints.note(Some(6)));
        assert_eq!(checkpoints.note(Some(4)), None);
    }

    #[test]
    fn after_a_restart_the_last_size_is_signed_again_and_never_a_smaller_one() {
        let home = Home::new();
        let log = Log::new(0).grow(&[3, 2]);
        home.open().sign(&log, SEAT, 17).unwrap();
        let checkpoints = home.open();
        assert_eq!(checkpoints.note(None), None);
        // The chain has lost its last block.
        checkpoints.sign(&Log::new(0).grow(&[3]), SEAT, 18).unwrap();
        assert_eq!(checkpoints.note(None), None);
        checkpoints.sign(&log, SEAT, 19).unwrap();
        assert_eq!(sizes(&checkpoints), [5]);
        let log = log.grow(&[1]);
        checkpoints.sign(&log, SEAT, 20).unwrap();
        assert_eq!(sizes(&checkpoints), [5, 6]);
    }

    #[test]
    fn a_second_root_for_a_size_is_never_signed_nor_anything_after_it() {
        let home = Home::new();
        home.open().sign(&Log::new(0).grow(&[3]), SEAT, 17).unwrap();
        let checkpoints = home.open();
        let other = Log::new(1).grow(&[3, 4]);
        checkpoints.sign(&other, SEAT, 18).unwrap();
        checkpoints.sign(&other.grow(&[1]), SEAT, 19).unwrap();
        assert_eq!(checkpoints.note(None), None);
        // Nor is it forgotten what was signed.
        drop(checkpoints);
        let checkpoints = home.open();
        checkpoints.sign(&Log::new(0).grow(&[3]), SEAT, 20).unwrap();
        assert_eq!(sizes(&checkpoints), [3]);
    }

    #[test]
    fn the_journal_knows_of_a_note_before_anybody_sees_it() {
        let home = Home::new();
        let log = Log::new(0).grow(&[3]);
        let checkpoints = home.open();
        checkpoints.sign(&log, SEAT, 17).unwrap();
        let kept = checkpoints.journal.memo(Memo::Checkpoint).unwrap().unwrap();
        let remembered = Remembered::V1 {
            witness: key(1).public(),
            size: 3,
            root: log.root_at(3).unwrap().unwrap(),
        };
        assert_eq!(decode::<Remembered>(&kept, MAX_BYTES), Ok(remembered));
        // Version, key, size, root.
        assert_eq!(kept.len(), 1 + 32 + 8 + 32);
    }

    #[test]
    fn whoever_is_far_behind_signs_the_newest_alone_and_few_notes_are_kept() {
        let home = Home::new();
        let checkpoints = home.open();
        let mut log = Log::new(0).grow(&[1]);
        checkpoints.sign(&log, SEAT, 17).unwrap();
        let behind = usize::try_from(MOST_BEHIND).unwrap();
        log = log.grow(&vec![1; behind]);
        checkpoints.sign(&log, SEAT, 18).unwrap();
        assert_eq!(sizes(&checkpoints).len(), behind + 1);
        log = log.grow(&vec![1; behind + 1]);
        checkpoints.sign(&log, SEAT, 19).unwrap();
        assert_eq!(sizes(&checkpoints).len(), behind + 2);
        for _ in 0..KEPT / behind {
            log = log.grow(&vec![1; behind]);
            checkpoints.sign(&log, SEAT, 20).unwrap();
        }
        assert_eq!(sizes(&checkpoints).len(), KEPT);
        assert_eq!(sizes(&checkpoints).last(), Some(&log.frontier.length()));
    }

    #[test]
    fn without_a_key_nothing_is_signed_and_another_key_begins_anew() {
        let home = Home::new();
        let log = Log::new(0).grow(&[3]);
        let without = home.open_with(None);
        without.sign(&log, SEAT, 17).unwrap();
        assert_eq!((without.note(None), without.key()), (None, None));
        drop(without);
        home.open().sign(&log, SEAT, 17).unwrap();
        let other = home.open_with(Some(key(2)));
        other.sign(&Log::new(1).grow(&[2]), SEAT, 18).unwrap();
        assert_eq!(sizes(&other), [2]);
    }
}
