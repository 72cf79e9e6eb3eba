//! A witness: what it has seen, and what it does about two histories.

mod chain;
mod gathered;
mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use quorate_checkpoint::{
    Checkpoint, KeyKind, KeyName, Note, Policy, Signer, VerifierKey, origin, signers_of,
};
use quorate_crypto::{Committee, Digest, Engine, Epoch, SeatNumber, SigningKey};
use quorate_ledger::CertifiedHeader;
use quorate_verifier::{Anchor, Proof, ProofKind, Verifier};

use crate::source::Unseen;
use crate::store::{Kept, Store, StoreError};

pub use chain::Chain;

/// What a witness is given to begin with.
pub struct Settings {
    /// What it rests on: the genesis document, or a block that somebody vouches for.
    pub anchor: Anchor,
    /// The network's id.
    pub network: Digest,
    /// Its key.
    pub key: SigningKey,
    /// What it signs as.
    pub name: KeyName,
    /// What a note must satisfy, its own cosignature included; none: a validator's signature is enough.
    pub policy: Option<Policy>,
}

/// A witness. Each round is a [look](Self::look) at the chain and a [cosignature](Self::cosign).
pub struct Witness {
    anchor: Anchor,
    network: Digest,
    verifier: Verifier,
    /// The proof that later committees were learnt from; evidence comes with it.
    committees: Option<Proof>,
    key: SigningKey,
    name: KeyName,
    policy: Option<Policy>,
    store: Store,
    /// The newest header that was seen.
    head: Option<CertifiedHeader>,
    /// For each source the first head that was not compared with another source's chain. There are no more than
    /// sources.
    unsettled: BTreeMap<String, CertifiedHeader>,
    last: Option<Cosigned>,
    /// Validators that signed what the certified log contradicts, since the witness started.
    liars: BTreeSet<SeatNumber>,
}

/// The newest note that was cosigned.
struct Cosigned {
    note: Note,
    checkpoint: Checkpoint,
    /// How many validators had signed it; after a start none that are known.
    validators: usize,
}

/// What a round came to, for whoever runs the witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something was not seen, or is not as it must be.
    Unseen(Unseen),
    /// Validators signed what the certified log contradicts. They are counted no more.
    Lied {
        /// Their seats.
        seats: Vec<SeatNumber>,
        /// Who showed it.
        shown_by: Vec<String>,
        /// The evidence, where it is new.
        evidence: Option<PathBuf>,
    },
    /// Nothing was cosigned, for this reason.
    Waits {
        /// Why.
        reason: String,
    },
    /// A checkpoint was cosigned.
    Cosigned {
        /// What it says.
        checkpoint: Checkpoint,
        /// How many validators have signed it.
        validators: usize,
    },
}

/// Why a witness ends.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// There are two histories.
    #[error("{}", .0.what)]
    Found(Box<Found>),
    /// Its folder is of no use.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Evidence of two histories.
#[derive(Debug)]
pub struct Found {
    /// What it is.
    pub what: String,
    /// The file that it is in, unless that could not be written.
    pub file: Result<PathBuf, StoreError>,
    /// What is in the file.
    pub text: String,
    /// What it says, in lines for people.
    pub words: Vec<String>,
}

/// Evidence, before it is kept.
struct Evidence {
    what: String,
    name: String,
    ending: &'static str,
    text: String,
    words: Vec<String>,
}

impl Witness {
    /// The witness that goes on from what is in its folder.
    ///
    /// # Errors
    /// If what is there was not written by this witness, of this network.
    pub fn open(settings: Settings, store: Store) -> Result<Self, StoreError> {
        let Kept { head, note } = store.read()?;
        let network = settings.network;
        let mut witness = Self {
            verifier: Verifier::new(settings.anchor.clone()),
            anchor: settings.anchor,
            network,
            committees: None,
            key: settings.key,
            name: settings.name,
            policy: settings.policy,
            store,
            head: None,
            unsettled: BTreeMap::new(),
            last: None,
            liars: BTreeSet::new(),
        };
        let last = note.map(|note| witness.own(note)).transpose()?;
        if let Some(head) = &head {
            let fields = head.v1();
            let size = last.as_ref().map_or(0, |last| last.checkpoint.size());
            if fields.network != network || fields.log_size < size {
                let reason = "it says more than the header beside it, or that is another network's";
                return Err(witness.store.foreign_note(reason));
            }
        }
        witness.head = head;
        witness.last = last;
        Ok(witness)
    }

    /// The key that its cosignatures are checked with.
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey::new(self.name.clone(), KeyKind::Cosignature, self.key.public())
    }

    /// The newest note that it cosigned. It is on disk.
    pub fn note(&self) -> Option<&Note> {
        self.last.as_ref().map(|last| &last.note)
    }

    /// A note that this witness kept.
    fn own(&self, note: Note) -> Result<Cosigned, StoreError> {
        let key = self.verifier_key();
        let is_its = |line| key.verify(note.text(), line).is_some();
        let checkpoint = Checkpoint::parse(note.text()).ok();
        let checkpoint = checkpoint.filter(|checkpoint| checkpoint.origin() == origin(&self.network));
        match checkpoint {
            Some(checkpoint) if note.signatures().iter().any(is_its) => Ok(Cosigned {
                note,
                checkpoint,
                validators: 0,
            }),
            _ => Err(self
                .store
                .foreign_note("it is of another key, name or network: a folder belongs to one witness")),
        }
    }

    /// Learns committees from the proof that somebody gives, if that of an epoch is not known. What does not lead to it is
    /// not kept: evidence comes with the proof that leads furthest.
    fn learn(&mut self, by: &str, epoch: Epoch, proof: Proof) -> Result<(), Unseen> {
        if self.verifier.epoch(epoch).is_some() {
            return Ok(());
        }
        let kind = proof.kind();
        if kind != ProofKind::Committees {
            let reason = format!(
                "as a proof of committees it gives one of the kind {}",
                kind.name()
            );
            return Err(Unseen::new(by, reason));
        }
        let verdict = self.verifier.learn(&proof);
        verdict.map_err(|refusal| {
            let reason = format!("what it gives as proof of committees is refused: {refusal}");
            Unseen::new(by, reason)
        })?;
        if self.verifier.epoch(epoch).is_none() {
            let reason =
                format!("its proof of committees does not lead to epoch {epoch}, of which its head is");
            return Err(Unseen::new(by, reason));
        }
        self.committees = Some(proof);
        Ok(())
    }

    /// Who may have signed checkpoints about when an epoch was in force: a size stays the log's for some time, and is
    /// signed by those who come next, too.
    fn signers(&self, epoch: Epoch) -> Vec<Signer> {
        let mut signers: Vec<Signer> = Vec::new();
        for number in epoch.0.saturating_sub(1)..=epoch.0.saturating_add(1) {
            let Some(known) = self.verifier.epoch(Epoch(number)) else {
                continue;
            };
            for signer in signers_of(&self.network, &known.committee) {
                if !signers.contains(&signer) {
                    signers.push(signer);
                }
            }
        }
        signers
    }

    /// Keeps evidence of two histories, and that the witness stops for it.
    fn stop(&self, evidence: Evidence) -> Stop {
        let Evidence {
            what,
            name,
            ending,
            text,
            words,
        } = evidence;
        let file = self.store.keep_evidence(&name, ending, &text);
        let place = match &file {
            Ok(file) => file.display().to_string(),
            Err(_) => "printed only".to_owned(),
        };
        // Without evidence, too, it must not start again by itself.
        let alarm = self.store.keep_alarm(&format!("{what}\nevidence: {place}\n"));
        let file = file.and_then(|file| alarm.map(|()| file));
        Stop::Found(Box::new(Found {
            what,
            file,
            text,
            words,
        }))
    }
}

/// How many validators of a committee must have lied before what they signed counts as another history, and not as
/// their own fault: one of them is honest, or so many lied that a quorum's word is worth nothing.
fn too_many(committee: &Committee) -> usize {
    match committee.engine() {
        Engine::Pbft => committee.weak_quorum(),
        // These bear no liar at all. One alone must not stop all witnesses even so.
        Engine::Raft | Engine::Paxos => committee.quorum(),
    }
}
