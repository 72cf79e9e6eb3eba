//! What keeps a validator from voting over restarts (pitfalls 27 and 28).
//!
//! A validator that may have forgotten what it signed, or whose state is not the certified one, observes. Why,
//! and the token that its rejoin has to carry, is in the journal, where the votes are, and again in the chain's
//! database; what follows from the two is the driver's to say ([`quorate_driver::Copies`]). The file in the
//! home shows it to people and to `quorate node rejoin`, and is written again where it is missing: to remove it
//! undoes nothing.
//!
//! A home that was restored from a backup begins with a quarantine ([`begin_in`]).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quorate_client::text::rfc3339_of;
use quorate_crypto::{Digest, PublicKey};
use quorate_driver::{Copies, Ended, JournalMark, Quarantined, Remembered};
use quorate_files::{sync_folder, write_durably};
use quorate_ledger::{Epoch, Height, Rejoin, decode, encode};
use quorate_storage::{Chain, Journal, Memo, StorageError, StorageOptions};
use serde::Serialize;

pub use quorate_driver::Quarantine;

use crate::config::Home;
use crate::error::NodeError;

/// Bytes of what a database remembers, and of the file.
const MAX_BYTES: usize = 64 << 10;

/// Bytes of a reason that are kept: it may quote a statement that carries certificates.
const MAX_REASON_BYTES: usize = 16 << 10;

/// Reads the file; none if there is none.
pub fn read_quarantine(path: &Path) -> io::Result<Option<Quarantine>> {
    match std::fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text)
            .map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Why a validator does not vote, as the file says while no node runs: one line of it.
pub fn quarantine_reason_at(path: &Path) -> Option<String> {
    match read_quarantine(path) {
        Ok(quarantine) => Some(quarantine?.reason),
        Err(error) => Some(format!("{} cannot be read: {error}", path.display())),
    }
}

/// Begins the quarantine of a home in the making, whose validator may have signed what nothing in the home remembers.
///
/// The file is enough for a home with a chain: that a chain's journal is gone keeps from voting, too. For a home
/// without one, `journal` says of which network and validator the journal is that is made here to remember it.
pub(crate) fn begin_in(
    home: &Home,
    reason: &str,
    journal: Option<(Digest, PublicKey)>,
) -> Result<(), NodeError> {
    let quarantine = Quarantine {
        reason: reason.to_owned(),
        token: random(),
    };
    write_file(&home.quarantine(), &quarantine, None)?;
    if let Some((network, validator)) = journal {
        let journal = Journal::open(home.journal(), network, &StorageOptions::journal())?;
        let remembered = Remembered::V1 {
            validator,
            current: Some(quarantine),
            ended: None,
        };
        journal.keep(Memo::Quarantine, &encode(&remembered))?;
        // Without a mark it would count as new, and what it remembers as of an earlier one.
        journal.keep(Memo::Journal, &encode(&random()))?;
    }
    Ok(())
}

/// Keeps a validator's quarantine in all its places, and says whether it may vote.
#[derive(Debug)]
pub(crate) struct QuarantineKeeper {
    path: PathBuf,
    validator: PublicKey,
    journal: Arc<Journal>,
    chain: Arc<Chain>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    current: Option<Quarantine>,
    ended: Option<Ended>,
    /// What the reason leaves out, for the file.
    details: Option<String>,
}

/// The file: what the databases remember, and what it says besides.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    quarantine: &'a Quarantine,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a str>,
}

impl QuarantineKeeper {
    /// What all places together remember of this validator, whose chain is in `epoch`, and whose journal may be
    /// of a later one. All places say the same when this returns, and the chain knows its journal.
    pub(crate) fn open(
        path: PathBuf,
        validator: PublicKey,
        journal: Arc<Journal>,
        chain: Arc<Chain>,
        epoch: Epoch,
        is_ahead: bool,
    ) -> Result<Self, NodeError> {
        let (lost, is_new) = identify(&journal, &chain, &validator)?;
        let remembered =
            |memo: Option<Vec<u8>>| memo.map(|bytes| decode_memo::<Remembered>(&bytes)).transpose();
        let in_journal = remembered(journal.memo(Memo::Quarantine)?)?;
        let in_chain = remembered(chain.memo(Memo::Quarantine)?)?;
        let ended_of = |remembered: &Option<Remembered>| match remembered {
            Some(Remembered::V1 {
                validator: of, ended, ..
            }) if *of == validator => *ended,
            _ => None,
        };
        let ended = [&in_journal, &in_chain].map(ended_of);
        let ended = ended.into_iter().flatten().max_by_key(|ended| ended.epoch);
        let file = match read_quarantine(&path) {
            Ok(file) => file.map(Ok),
            Err(error) => Some(Err(format!("{} cannot be read: {error}", path.display()))),
        };
        let told = told_by_a_restore(&file, [&in_journal, &in_chain]);
        let copies = Copies {
            journal: in_journal,
            chain: in_chain,
            file,
            journal_is_new: is_new,
            lost: lost.map(str::to_owned),
            is_ahead,
        };
        let keeper = Self {
            path,
            validator,
            journal,
            chain,
            kept: Mutex::new(Kept {
                ended,
                ..Kept::default()
            }),
        };
        match copies.at_start(&validator, epoch) {
            Quarantined::No => keeper.remove_file()?,
            Quarantined::Still(quarantine) => keeper.put(&mut keeper.kept(), Some(quarantine))?,
            Quarantined::Anew(reason) => {
                keeper.put_anew(&mut keeper.kept(), told.as_deref().unwrap_or(&reason))?;
            }
        }
        keeper.mark()?;
        Ok(keeper)
    }

    /// Keeps the validator from voting from now on, after a restart too; what keeps it from that already stays.
    /// The details are what an expert may want, in the file alone.
    pub(crate) fn begin(&self, reason: &str, details: Option<String>) -> Result<(), NodeError> {
        let mut kept = self.kept();
        if kept.current.is_some() {
            return Ok(());
        }
        kept.details = details;
        self.put_anew(&mut kept, reason)
    }

    /// Whose it is: the home's own validator key.
    pub(crate) fn validator(&self) -> PublicKey {
        self.validator
    }

    /// What a rejoin has to carry, if one is needed.
    pub(crate) fn token(&self) -> Option<Digest> {
        self.kept().current.as_ref().map(|quarantine| quarantine.token)
    }

    /// Why the validator does not vote, if it is kept from it.
    pub(crate) fn reason(&self) -> Option<String> {
        self.kept()
            .current
            .as_ref()
            .map(|quarantine| quarantine.reason.clone())
    }

    /// Writes the file again if somebody has removed it, or put another in its place: a rejoin with the token of
    /// another quarantine ends nothing, and there can be no second one for ten minutes or longer.
    pub(crate) fn show(&self) -> Result<(), NodeError> {
        let kept = self.kept();
        match &kept.current {
            Some(quarantine) if !self.shows(quarantine) => {
                tracing::warn!(
                    path = %self.path.display(),
                    "the file that shows why this validator does not vote was gone, or said something else; it is \
                     written again"
                );
                write_file(&self.path, quarantine, kept.details.as_deref())
            }
            _ => Ok(()),
        }
    }

    /// Whether the file says this.
    fn shows(&self, quarantine: &Quarantine) -> bool {
        read_quarantine(&self.path).is_ok_and(|shown| shown.as_ref() == Some(quarantine))
    }

    /// Whether the validator may vote in `epoch`, given its last rejoin; the quarantine ends if that is its own.
    /// The chain that says so is on disk before that: a crash that took back its last blocks would else find a
    /// validator in the former epoch that nothing keeps from voting there.
    pub(crate) fn allows(&self, rejoin: Option<&Rejoin>, epoch: Epoch) -> Result<bool, NodeError> {
        self.allows_after(rejoin, epoch, || self.chain.sync())
    }

    fn allows_after(
        &self,
        rejoin: Option<&Rejoin>,
        epoch: Epoch,
        make_durable: impl FnOnce() -> Result<Height, StorageError>,
    ) -> Result<bool, NodeError> {
        let mut kept = self.kept();
        let Some(quarantine) = &kept.current else {
            return Ok(true);
        };
        if !quarantine.is_over(rejoin, epoch) {
            let former = kept.ended.map(|ended| ended.token);
            if let Some(rejoin) = rejoin
                && rejoin.token != quarantine.token
                && Some(rejoin.token) != former
            {
                tracing::warn!(
                    carried = %rejoin.token, needed = %quarantine.token, in_epoch = rejoin.epoch.0,
                    again_after = rfc3339_of(rejoin.again_at()),
                    "a rejoin was executed for this validator with a token that is not its quarantine's, so it ended \
                     nothing; its member can send another after that time"
                );
            }
            tracing::warn!(
                path = %self.path.display(), reason = %quarantine.reason,
                "this validator only observes until its member lets it rejoin"
            );
            return Ok(false);
        }
        let token = quarantine.token;
        make_durable()?;
        kept.ended = Some(Ended { token, epoch });
        self.put(&mut kept, None)?;
        tracing::info!(epoch = epoch.0, "this validator has rejoined, and votes again");
        Ok(true)
    }

    fn put_anew(&self, kept: &mut Kept, reason: &str) -> Result<(), NodeError> {
        let quarantine = Quarantine {
            reason: cut(reason, MAX_REASON_BYTES).to_owned(),
            token: random(),
        };
        self.put(kept, Some(quarantine))
    }

    /// Says it in all places, each durable before the next: in the journal first, where the votes are.
    fn put(&self, kept: &mut Kept, current: Option<Quarantine>) -> Result<(), NodeError> {
        let content = encode(&Remembered::V1 {
            validator: self.validator,
            current: current.clone(),
            ended: kept.ended,
        });
        if self.journal.memo(Memo::Quarantine)?.as_ref() != Some(&content) {
            self.journal.keep(Memo::Quarantine, &content)?;
        }
        if self.chain.memo(Memo::Quarantine)?.as_ref() != Some(&content) {
            self.chain.keep(Memo::Quarantine, &content)?;
        }
        match &current {
            Some(quarantine) if self.shows(quarantine) => {}
            Some(quarantine) => write_file(&self.path, quarantine, kept.details.as_deref())?,
            None => self.remove_file()?,
        }
        kept.current = current;
        Ok(())
    }

    /// Tells the chain which journal goes with it, and how far that has come.
    fn mark(&self) -> Result<(), NodeError> {
        let mark = match self.journal.memo(Memo::Journal)? {
            Some(bytes) => decode_memo::<Digest>(&bytes)?,
            None => {
                let mark = random();
                self.journal.keep(Memo::Journal, &encode(&mark))?;
                mark
            }
        };
        // What the chain will count on is on disk.
        self.journal.sync()?;
        let known = JournalMark::V1 {
            validator: self.validator,
            mark,
            next: self.journal.next_sequence(),
        };
        Ok(self.chain.keep(Memo::Journal, &encode(&known))?)
    }

    fn remove_file(&self) -> Result<(), NodeError> {
        match std::fs::remove_file(&self.path) {
            Ok(()) => sync_folder(&self.path).map_err(failed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // It changes last, after all places say the same.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the file gives as a reason, if neither database knows its quarantine. A node puts the file last, so a restore
/// wrote it, and that says more than what follows from it: that the journal is gone.
fn told_by_a_restore(
    file: &Option<Result<Quarantine, String>>,
    remembered: [&Option<Remembered>; 2],
) -> Option<String> {
    let Some(Ok(file)) = file else { return None };
    let is_known = remembered.into_iter().flatten().any(|remembered| {
        let Remembered::V1 { current, ended, .. } = remembered;
        let current = current.as_ref().map(|quarantine| quarantine.token);
        let ended = ended.map(|ended| ended.token);
        [current, ended].contains(&Some(file.token))
    });
    (!is_known).then(|| file.reason.clone())
}

fn write_file(path: &Path, quarantine: &Quarantine, details: Option<&str>) -> Result<(), NodeError> {
    let fields = toml::to_string(&Shown { quarantine, details }).expect("texts are TOML");
    let text = format!(
        "# This validator observes and does not vote. Its journal and its chain remember that too: to remove\n\
         # this file changes nothing. Its member lets it vote again with `quorate node rejoin`; see the README.\n\
         {fields}"
    );
    write_durably(path, text.as_bytes()).map_err(failed)
}

/// Why the journal here is not the one that the chain knows, if so, and whether it has just been made.
fn identify(
    journal: &Journal,
    chain: &Chain,
    validator: &PublicKey,
) -> Result<(Option<&'static str>, bool), NodeError> {
    let mark = journal.memo(Memo::Journal)?;
    let mark = mark.map(|bytes| decode_memo::<Digest>(&bytes)).transpose()?;
    let known = chain.memo(Memo::Journal)?;
    let known = known
        .map(|bytes| decode_memo::<JournalMark>(&bytes))
        .transpose()?;
    let is_new = mark.is_none();
    // A chain without a mark of this validator's is new, or another's.
    let is_copy = is_new && chain.tip().height > Height::GENESIS;
    let missing = JournalMark::missing(known.as_ref(), validator, mark, journal.next_sequence());
    let gone = is_copy.then_some("its journal is gone while its chain is not");
    Ok((missing.or(gone), is_new))
}

fn decode_memo<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, NodeError> {
    decode(bytes, MAX_BYTES).map_err(|error| NodeError::Journal {
        reason: format!("what it remembers of a quarantine cannot be read: {error}"),
    })
}

fn failed(source: io::Error) -> NodeError {
    NodeError::System {
        what: "cannot write the file that shows why this validator does not vote",
        source,
    }
}

fn random() -> Digest {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the operating system's random source works");
    Digest(bytes)
}

/// The beginning of a text, of so many bytes at the most.
fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use quorate_crypto::SigningKey;
    use quorate_ledger::{Timestamp, Tip};
    use tempfile::TempDir;

    use super::*;
    use crate::disks::testing::genesis_of_one;

    const NETWORK: Digest = Digest([1; 32]);

    /// A home without genesis and keys.
    struct Home(TempDir);

    impl Home {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("quarantined")
        }

        fn lose(&self, database: &str) {
            std::fs::remove_dir_all(self.0.path().join(database)).unwrap();
        }

        /// Starts a validator; what it votes in is epoch 0 unless told.
        fn open(&self) -> QuarantineKeeper {
            self.open_in(0)
        }

        fn open_in(&self, epoch: u64) -> QuarantineKeeper {
            let key = SigningKey::from_seed(&[1; 32]).public();
            let options = StorageOptions::default();
            let path = self.0.path().join("chain");
            let chain = if path.exists() {
                Chain::open(path, NETWORK, &options)
            } else {
                let genesis = genesis_of_one(NETWORK, key);
                let tip = Tip::genesis(NETWORK, Timestamp(1), genesis.root);
                Chain::create(path, &genesis, &tip, &options)
            };
            let journal = Journal::open(self.0.path().join("journal"), NETWORK, &StorageOptions::journal());
            let (journal, chain) = (Arc::new(journal.unwrap()), Arc::new(chain.unwrap()));
            QuarantineKeeper::open(self.path(), key, journal, chain, Epoch(epoch), false).unwrap()
        }

        fn token(&self) -> Digest {
            read_quarantine(&self.path()).unwrap().unwrap().token
        }

        /// Puts it into quarantine as a restore does.
        fn restore(&self, with_journal: bool) {
            let home = crate::config::Home::new(self.0.path());
            let key = SigningKey::from_seed(&[1; 32]).public();
            begin_in(&home, "it was restored", with_journal.then_some((NETWORK, key))).unwrap();
        }
    }

    fn rejoin(token: Digest, epoch: u64) -> Rejoin {
        Rejoin {
            token,
            epoch: Epoch(epoch),
            timestamp: Timestamp(0),
            recent: 1,
        }
    }

    #[test]
    fn only_a_rejoin_with_its_own_token_ends_it_and_only_in_a_later_epoch() {
        let home = Home::new();
        let keeper = home.open();
        assert!(keeper.allows(None, Epoch(0)).unwrap());
        keeper.begin("its journal is gone", None).unwrap();
        keeper.begin("another reason", None).unwrap();
        assert_eq!(keeper.reason().unwrap(), "its journal is gone");
        let earlier = rejoin(Digest([9; 32]), 0);
        assert!(!keeper.allows(Some(&earlier), Epoch(5)).unwrap());
        let own = rejoin(home.token(), 3);
        assert!(!keeper.allows(Some(&own), Epoch(3)).unwrap());
        let fails = || {
            Err(StorageError::Failed {
                path: PathBuf::new(),
                reason: "the disk fails".to_owned(),
            })
        };
        assert!(keeper.allows_after(Some(&own), Epoch(4), fails).is_err());
        assert!(home.path().exists(), "the chain is on disk before it ends");
        assert!(keeper.reason().is_some());
        assert!(keeper.allows(Some(&own), Epoch(4)).unwrap());
        assert!(!home.path().exists());
    }

    #[test]
    fn pitfall_28_a_rejoin_for_an_old_file_does_not_end_a_later_one() {
        let home = Home::new();
        home.open().begin("its journal is gone", None).unwrap();
        let old = home.token();
        home.lose("journal");
        let keeper = home.open();
        let executed = rejoin(old, 3);
        assert!(!keeper.allows(Some(&executed), Epoch(4)).unwrap());
        let own = rejoin(home.token(), 4);
        assert!(keeper.allows(Some(&own), Epoch(5)).unwrap());
    }

    #[test]
    fn a_file_that_says_nothing_keeps_from_voting() {
        let home = Home::new();
        std::fs::write(home.path(), "no TOML").unwrap();
        let keeper = home.open();
        let any = rejoin(Digest([0; 32]), 0);
        assert!(!keeper.allows(Some(&any), Epoch(9)).unwrap());
        assert!(keeper.reason().unwrap().contains("cannot be read"));
    }

    #[test]
    fn pitfall_28_to_remove_any_of_its_places_undoes_nothing() {
        // One bit for each of the places that are removed; not all three, which leave nothing.
        for removed in 0..7 {
            let home = Home::new();
            home.open().begin("a reason", None).unwrap();
            let token = home.token();
            let is_gone = |bit: u8| removed & bit != 0;
            if is_gone(1) {
                std::fs::remove_file(home.path()).unwrap();
            }
            if is_gone(2) {
                home.lose("journal");
            }
            if is_gone(4) {
                home.lose("chain");
            }
            let keeper = home.open();
            assert!(keeper.reason().is_some(), "{removed:03b}");
            assert!(!keeper.allows(None, Epoch(0)).unwrap(), "{removed:03b}");
            // What was said before the journal was lost may have been more than is known: another token.
            assert_eq!(home.token() != token, is_gone(2), "{removed:03b}");
            drop(keeper);
            assert!(home.open().reason().is_some(), "{removed:03b}, once more");
        }
    }

    #[test]
    fn pitfall_28_a_lost_journal_is_noticed_before_the_first_block_too() {
        let home = Home::new();
        assert_eq!(home.open().reason(), None);
        assert_eq!(home.open().reason(), None);
        home.lose("journal");
        assert!(home.open().reason().unwrap().contains("journal is gone"));
    }

    #[test]
    fn pitfall_27_a_journal_that_is_older_than_its_chain_is_noticed() {
        let home = Home::new();
        home.open();
        let (journal, backup) = (home.0.path().join("journal"), home.0.path().join("backup"));
        let copy = |from: &Path, to: &Path| {
            let copied = std::process::Command::new("cp")
                .arg("-a")
                .arg(from)
                .arg(to)
                .status();
            assert!(copied.unwrap().success());
        };
        copy(&journal, &backup);
        let keeper = home.open();
        keeper.journal.append(&["a vote"]).unwrap();
        keeper.journal.sync().unwrap();
        drop(keeper);
        assert_eq!(home.open().reason(), None);
        home.lose("journal");
        copy(&backup, &journal);
        assert!(home.open().reason().unwrap().contains("older than its chain"));
    }

    #[test]
    fn pitfall_27_a_restored_home_observes_until_a_rejoin_of_its_own() {
        // With a chain, which goes with a journal that is not there, and without one.
        for with_chain in [true, false] {
            let home = Home::new();
            if with_chain {
                let keeper = home.open();
                keeper.journal.append(&["a vote"]).unwrap();
                keeper.journal.sync().unwrap();
                drop(keeper);
                home.lose("journal");
            }
            home.restore(!with_chain);
            let keeper = home.open();
            assert_eq!(keeper.reason().unwrap(), "it was restored", "{with_chain}");
            assert!(!keeper.allows(None, Epoch(0)).unwrap(), "{with_chain}");
            drop(keeper);
            // To remove the file undoes nothing, and to start again neither.
            std::fs::remove_file(home.path()).unwrap();
            let keeper = home.open();
            assert_eq!(keeper.reason().unwrap(), "it was restored", "{with_chain}");
            let own = rejoin(home.token(), 3);
            assert!(keeper.allows(Some(&own), Epoch(4)).unwrap(), "{with_chain}");
            drop(keeper);
            assert_eq!(home.open_in(4).reason(), None, "{with_chain}");
        }
    }

    #[test]
    fn pitfall_27_to_remove_the_file_of_a_restored_home_before_its_first_start_undoes_nothing() {
        for with_chain in [true, false] {
            let home = Home::new();
            if with_chain {
                home.open();
                home.lose("journal");
            }
            home.restore(!with_chain);
            std::fs::remove_file(home.path()).unwrap();
            assert!(home.open().reason().is_some(), "{with_chain}");
        }
    }

    #[test]
    fn an_end_is_remembered_and_an_old_file_does_not_bring_it_back() {
        let home = Home::new();
        let keeper = home.open();
        keeper.begin("a reason", None).unwrap();
        let file = std::fs::read(home.path()).unwrap();
        let own = rejoin(home.token(), 0);
        assert!(keeper.allows(Some(&own), Epoch(1)).unwrap());
        drop(keeper);
        std::fs::write(home.path(), file).unwrap();
        assert_eq!(home.open_in(1).reason(), None);
        assert!(!home.path().exists());
        // A chain that is not in that epoch yet has lost blocks.
        let reason = home.open().reason().unwrap();
        assert!(reason.contains("which has lost blocks"), "{reason}");
    }

    #[test]
    fn a_file_that_somebody_removed_is_shown_again() {
        let home = Home::new();
        let keeper = home.open();
        keeper.show().unwrap();
        assert!(!home.path().exists());
        keeper.begin("a reason", None).unwrap();
        let token = home.token();
        std::fs::remove_file(home.path()).unwrap();
        keeper.show().unwrap();
        assert_eq!(home.token(), token);
    }

    #[test]
    fn a_file_of_an_older_quarantine_is_replaced_before_its_token_is_sent() {
        let home = Home::new();
        home.open().begin("a reason", None).unwrap();
        let older = std::fs::read(home.path()).unwrap();
        let stale = home.token();
        home.lose("journal");
        let keeper = home.open();
        let token = home.token();
        assert_ne!(stale, token);
        assert_eq!(keeper.token(), Some(token));
        std::fs::write(home.path(), older).unwrap();
        keeper.show().unwrap();
        assert_eq!(home.token(), token);
    }

    #[test]
    fn what_a_reason_leaves_out_is_in_the_file_over_restarts() {
        let home = Home::new();
        let keeper = home.open();
        let details = "the statement: 00ff".to_owned();
        keeper.begin("it has forgotten a vote", Some(details)).unwrap();
        assert_eq!(keeper.reason().unwrap(), "it has forgotten a vote");
        std::fs::remove_file(home.path()).unwrap();
        keeper.show().unwrap();
        drop(keeper);
        home.open();
        let text = std::fs::read_to_string(home.path()).unwrap();
        assert!(text.contains("00ff"), "{text}");
    }
}
