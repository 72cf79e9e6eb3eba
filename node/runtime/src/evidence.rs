//! Evidence that this node has: two signed messages of one validator that no honest one would both sign.
//! Kept in files, so that a restart forgets none; a few for each validator, kind and epoch, which is enough to
//! convict, and bounds what a liar can make this node keep. Engines may accuse of the same again and again.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use quorate_consensus::{Body, Evidence, pbft};
use quorate_crypto::ValidatorIndex;
use quorate_files::write_durably;
use quorate_ledger::{Epoch, decode, encode};

/// Bytes of a file of evidence: two messages.
const MAX_BYTES: usize = 2 * quorate_consensus::message::MAX_MESSAGE_BYTES + 64;
/// So many pairs of a validator, kind and epoch are kept.
pub(crate) const MAX_PAIRS: usize = 8;
/// How a file of evidence ends.
const EXTENSION: &str = "evidence";

/// The name of what a validator did, as the API and the files call it.
pub(crate) fn kind(evidence: &Evidence) -> &'static str {
    match &evidence.first.v1().body {
        Body::Seal { .. } => "double_seal",
        Body::Status(_) => "double_status",
        Body::Inquiry(_) => "double_inquiry",
        Body::Testimony(_) => "double_testimony",
        Body::Pbft(pbft::Body::PrePrepare { .. }) => "double_pre_prepare",
        Body::Pbft(pbft::Body::Prepare { .. }) => "double_prepare",
        Body::Pbft(pbft::Body::Commit { .. }) => match &evidence.second.v1().body {
            Body::Pbft(pbft::Body::ViewChange(_)) => "hidden_commit",
            _ => "double_commit",
        },
        Body::Pbft(pbft::Body::Complaint { .. }) => "double_complaint",
        Body::Pbft(pbft::Body::ViewChange(_)) => "double_view_change",
        Body::Pbft(pbft::Body::NewView(_)) => "double_new_view",
        // Engines of Raft and Paxos accuse nobody but of seals: a validator that lies is outside their promise.
        Body::Raft(_) => "double_raft",
        Body::Paxos(_) => "double_paxos",
    }
}

/// The view in which it was done, where there is one.
pub(crate) fn view(evidence: &Evidence) -> Option<u64> {
    let view = match &evidence.first.v1().body {
        Body::Seal { .. } | Body::Status(_) | Body::Inquiry(_) | Body::Testimony(_) => return None,
        Body::Pbft(
            pbft::Body::PrePrepare { view, .. }
            | pbft::Body::Prepare { view, .. }
            | pbft::Body::Commit { view, .. }
            | pbft::Body::Complaint { view },
        ) => *view,
        Body::Pbft(pbft::Body::ViewChange(change)) => change.claims.view,
        Body::Pbft(pbft::Body::NewView(new_view)) => new_view.view,
        Body::Raft(body) => return Some(body.term().0),
        Body::Paxos(body) => return Some(body.ballot().round),
    };
    Some(view.0)
}

/// All evidence, in memory and in the files of one folder.
#[derive(Debug)]
pub(crate) struct EvidenceStore {
    folder: PathBuf,
    /// The first ones, in the order in which they came, at most [`MAX_PAIRS`] each.
    known: BTreeMap<(ValidatorIndex, Epoch, &'static str), Vec<Arc<Evidence>>>,
}

fn key_of(evidence: &Evidence) -> (ValidatorIndex, Epoch, &'static str) {
    (evidence.validator, evidence.first.v1().epoch, kind(evidence))
}

/// Whether both prove one lie: the same height and view, whatever messages show it.
fn same_lie(one: &Evidence, other: &Evidence) -> bool {
    let height = |evidence: &Evidence| evidence.first.v1().body.height();
    height(one) == height(other) && view(one) == view(other)
}

impl EvidenceStore {
    /// What the folder holds; a file that is no evidence is told of and left alone.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        let mut known: BTreeMap<_, Vec<_>> = BTreeMap::new();
        if folder.is_dir() {
            let paths = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path()));
            let mut paths = paths.collect::<io::Result<Vec<_>>>()?;
            // As they came: their names end in numbers.
            paths.sort_unstable();
            for path in paths {
                if path.extension().is_none_or(|extension| extension != EXTENSION) {
                    continue;
                }
                match decode::<Evidence>(&fs::read(&path)?, MAX_BYTES) {
                    Ok(evidence) => {
                        let pairs = known.entry(key_of(&evidence)).or_default();
                        if pairs.len() < MAX_PAIRS {
                            pairs.push(Arc::new(evidence));
                        }
                    }
                    Err(error) => tracing::warn!(path = %path.display(), %error, "not evidence"),
                }
            }
        }
        Ok(Self { folder, known })
    }

    /// Keeps this, unless the lie is known or there is enough of the same validator, kind and epoch; false then.
    pub(crate) fn add(&mut self, evidence: &Arc<Evidence>) -> io::Result<bool> {
        let key = key_of(evidence);
        let pairs = self.known.entry(key).or_default();
        if pairs.len() >= MAX_PAIRS || pairs.iter().any(|known| same_lie(known, evidence)) {
            return Ok(false);
        }
        fs::create_dir_all(&self.folder)?;
        let (validator, epoch, kind) = key;
        let name = format!("{validator}-{epoch}-{kind}-{}.{EXTENSION}", pairs.len());
        write_durably(&self.folder.join(name), &encode(&**evidence))?;
        pairs.push(Arc::clone(evidence));
        Ok(true)
    }

    /// All of it, by validator.
    pub(crate) fn all(&self) -> Vec<Arc<Evidence>> {
        self.known.values().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use quorate_consensus::Message;
    use quorate_crypto::{Digest, Height, Signature};

    use super::*;

    fn seal(height: u64, block: u8) -> Message {
        let body = Body::Seal {
            height: Height(height),
            block: Digest([block; 32]),
        };
        Message::new(Epoch(0), ValidatorIndex(2), body, Signature([0; 64]))
    }

    fn double_seal(height: u64, first: u8, second: u8) -> Arc<Evidence> {
        Arc::new(Evidence {
            validator: ValidatorIndex(2),
            first: seal(height, first),
            second: seal(height, second),
        })
    }

    #[test]
    fn evidence_outlives_a_restart_and_each_lie_is_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence");
        let mut store = EvidenceStore::open(path.clone()).unwrap();
        assert!(store.add(&double_seal(3, 1, 2)).unwrap());
        assert!(!store.add(&double_seal(3, 4, 5)).unwrap());
        fs::write(path.join("torn.evidence"), b"?").unwrap();
        let reopened = EvidenceStore::open(path).unwrap();
        assert_eq!(reopened.all(), [double_seal(3, 1, 2)]);
        assert_eq!(kind(&reopened.all()[0]), "double_seal");
    }

    #[test]
    fn a_liar_makes_a_node_keep_a_few_pairs_of_a_kind_and_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence");
        let mut store = EvidenceStore::open(path.clone()).unwrap();
        for height in 1..=20 {
            let kept = store.add(&double_seal(height, 1, 2)).unwrap();
            assert_eq!(kept, height <= MAX_PAIRS as u64);
        }
        assert_eq!(store.all().len(), MAX_PAIRS);
        assert_eq!(fs::read_dir(&path).unwrap().count(), MAX_PAIRS);
        let mut reopened = EvidenceStore::open(path).unwrap();
        assert_eq!(reopened.all(), store.all());
        assert!(!reopened.add(&double_seal(21, 1, 2)).unwrap());
    }
}
