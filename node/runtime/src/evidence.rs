//! Evidence that this node has: two signed messages of one validator that no honest one would both sign.
//! Kept in files, so that a restart forgets none; one for each validator and kind, which is enough to
//! convict, and bounds what a liar can make this node keep.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use quorate_consensus::{Body, Evidence, pbft};
use quorate_crypto::ValidatorIndex;
use quorate_ledger::{decode, encode};

use crate::file::write_durably;

/// Bytes of a file of evidence: two messages.
const MAX_BYTES: usize = 2 * quorate_consensus::message::MAX_MESSAGE_BYTES + 64;
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
    known: BTreeMap<(ValidatorIndex, &'static str), Arc<Evidence>>,
}

impl EvidenceStore {
    /// What the folder holds; a file that is no evidence is told of and left alone.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        let mut known = BTreeMap::new();
        if folder.is_dir() {
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.extension().is_none_or(|extension| extension != EXTENSION) {
                    continue;
                }
                match decode::<Evidence>(&fs::read(&path)?, MAX_BYTES) {
                    Ok(evidence) => {
                        known.insert((evidence.validator, kind(&evidence)), Arc::new(evidence));
                    }
                    Err(error) => tracing::warn!(path = %path.display(), %error, "not evidence"),
                }
            }
        }
        Ok(Self { folder, known })
    }

    /// Keeps this, unless there is some of the same validator and kind; false then.
    pub(crate) fn add(&mut self, evidence: Evidence) -> io::Result<bool> {
        let key = (evidence.validator, kind(&evidence));
        if self.known.contains_key(&key) {
            return Ok(false);
        }
        fs::create_dir_all(&self.folder)?;
        let name = format!("{}-{}.{EXTENSION}", key.0, key.1);
        write_durably(&self.folder, &name, &encode(&evidence))?;
        self.known.insert(key, Arc::new(evidence));
        Ok(true)
    }

    /// All of it, by validator.
    pub(crate) fn all(&self) -> Vec<Arc<Evidence>> {
        self.known.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use quorate_consensus::Message;
    use quorate_crypto::{Digest, Epoch, Height, Signature};

    use super::*;

    fn seal(block: u8) -> Message {
        let body = Body::Seal {
            height: Height(3),
            block: Digest([block; 32]),
        };
        Message::new(Epoch(0), ValidatorIndex(2), body, Signature([0; 64]))
    }

    fn double_seal(first: u8, second: u8) -> Evidence {
        Evidence {
            validator: ValidatorIndex(2),
            first: seal(first),
            second: seal(second),
        }
    }

    #[test]
    fn evidence_outlives_a_restart_and_one_of_a_kind_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence");
        let mut store = EvidenceStore::open(path.clone()).unwrap();
        assert!(store.add(double_seal(1, 2)).unwrap());
        assert!(!store.add(double_seal(3, 4)).unwrap());
        fs::write(path.join("torn.evidence"), b"?").unwrap();
        let reopened = EvidenceStore::open(path).unwrap();
        assert_eq!(reopened.all(), [Arc::new(double_seal(1, 2))]);
        assert_eq!(kind(&reopened.all()[0]), "double_seal");
    }
}
