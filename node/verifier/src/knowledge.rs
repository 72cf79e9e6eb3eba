//! What a verifier rests on, and which heads it accepts (`docs/formats.md`, sections 7 and 17).
//!
//! It begins with the genesis document, or with a block that somebody vouches for, or with both. With a pinned block
//! genesis's committee is not trusted: else stolen keys of past epochs could lead past the pin. Committees of other
//! epochs are learnt from proofs.

use std::collections::BTreeMap;

use quorate_crypto::{
    Committee, Digest, Engine, Epoch, Height, Seal, SealContent, SeatNumber, ValidatorIndex,
};
use quorate_genesis::Genesis;
use quorate_ledger::CertifiedHeader;

use crate::at::At;
use crate::facts::RecoveryFacts;
use crate::file::ProofFile;
use crate::form;
use crate::proof::Proof;
use crate::verdict::{Code, HeadFacts, Refusal, Verdict, refuse};
use crate::verify;

/// A block that somebody vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: Digest,
}

/// What a verifier is given to begin with. With neither part it accepts nothing.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// The genesis document.
    pub genesis: Option<Genesis>,
    /// A pinned block; then proofs start from it alone, and older heads are refused.
    pub pin: Option<Pin>,
}

/// What is known of an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownEpoch {
    /// Its committee.
    pub committee: Committee,
    /// Its first height, if known.
    pub first: Option<Height>,
    /// Its last height, if known.
    pub last: Option<Height>,
    /// The recovery that ended it, if one did.
    pub ended_by: Option<EndedBy>,
    /// The hash of the header that led to this committee. A recovery of an epoch that certified nothing builds on it.
    pub(crate) led_by: Option<Digest>,
}

/// A recovery that ended an epoch, and who made it possible.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedBy {
    /// Its number, and what it may have lost.
    pub recovery: RecoveryFacts,
    /// The validators of the old committee that stood down, ascending.
    pub stood_down: Vec<ValidatorIndex>,
    /// The seats of the old committee that were declared lost, ascending.
    pub lost: Vec<SeatNumber>,
}

/// Epochs by their numbers.
pub(crate) type Epochs = BTreeMap<u64, KnownEpoch>;

/// Checks proofs against what it trusts. No disk, no network, no clock.
#[derive(Clone, Debug)]
pub struct Verifier {
    anchor: Anchor,
    network: Option<Digest>,
    epochs: Epochs,
}

/// What proofs are judged against, once the network is known.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) network: &'a Digest,
    pub(crate) anchor: &'a Anchor,
    pub(crate) epochs: &'a Epochs,
}

impl Verifier {
    /// A verifier that knows no more than this.
    pub fn new(anchor: Anchor) -> Self {
        let mut epochs = Epochs::new();
        if let (Some(genesis), None) = (&anchor.genesis, &anchor.pin) {
            let known = KnownEpoch::new(genesis.committee(), Some(Height(1)), None);
            epochs.insert(0, known);
        }
        Self {
            network: anchor.genesis.as_ref().map(Genesis::id),
            anchor,
            epochs,
        }
    }

    /// The network's id; none before a pinned block's header is learnt where there is no genesis document.
    pub fn network(&self) -> Option<Digest> {
        self.network
    }

    /// What it knows of an epoch.
    pub fn epoch(&self, epoch: Epoch) -> Option<&KnownEpoch> {
        self.epochs.get(&epoch.0)
    }

    /// The block with this header, if its seals are exactly a quorum of its epoch's committee, and each is good.
    ///
    /// # Errors
    /// A refusal with its code of section 23.
    pub fn check_head(&self, head: &CertifiedHeader) -> Result<HeadFacts, Refusal> {
        let at = At::Whole("head");
        form::certified(head, at)?;
        let network = self.network.ok_or_else(|| {
            let reason = "the pinned block's committees must be learnt first";
            Refusal::new(Code::UnknownCommittee, at, reason)
        })?;
        let ground = Ground {
            network: &network,
            anchor: &self.anchor,
            epochs: &self.epochs,
        };
        ground.accept(head, at)?;
        Ok(HeadFacts::of(&head.header))
    }

    /// The verdict on a proof. Committees are judged, and not learnt.
    ///
    /// # Errors
    /// A refusal with its code of section 23.
    pub fn verify(&self, proof: &Proof) -> Result<Verdict, Refusal> {
        self.judge(proof).map(|(verdict, _)| verdict)
    }

    /// The verdict on a proof; from one of committees the verifier also learns these. Of what is refused it learns
    /// nothing.
    ///
    /// # Errors
    /// As for [`Self::verify`].
    pub fn learn(&mut self, proof: &Proof) -> Result<Verdict, Refusal> {
        let (verdict, learnt) = self.judge(proof)?;
        for (number, epoch) in learnt {
            self.epochs
                .entry(number)
                .and_modify(|known| known.complete(&epoch))
                .or_insert(epoch);
        }
        // A verdict is for this network, whether it was known before or is the pinned header's.
        self.network = Some(proof.v1().network);
        Ok(verdict)
    }

    /// The verdicts on a file's proofs, in their order. Committees are learnt first; where these are refused, so is the
    /// file.
    ///
    /// # Errors
    /// The first refusal, with its code of section 23.
    pub fn check_file(&mut self, file: &[u8]) -> Result<Vec<Verdict>, Refusal> {
        let file = ProofFile::read(file)?;
        let committees = file.committees.as_ref().map(|proof| self.learn(proof));
        let committees = committees.transpose()?;
        let verdict = self.learn(&file.proof)?;
        Ok(std::iter::once(verdict).chain(committees).collect())
    }

    fn judge(&self, proof: &Proof) -> Result<(Verdict, Epochs), Refusal> {
        let at = At::Whole(proof.kind().name());
        // A proof need not have been decoded: whoever made it in memory is no more to be trusted.
        form::check(proof.v1(), 0)?;
        let network = match self.network {
            Some(network) => network,
            None => verify::committees::pinned_network(proof.v1(), &self.anchor).ok_or_else(|| {
                let reason = "the pinned block's committees must be learnt first";
                Refusal::new(Code::UnknownCommittee, at, reason)
            })?,
        };
        let claimed = proof.v1().network;
        if claimed != network {
            return refuse(Code::OtherNetwork, at, format!("it is of the network {claimed}"));
        }
        let ground = Ground {
            network: &network,
            anchor: &self.anchor,
            epochs: &self.epochs,
        };
        verify::judge(ground, proof, at)
    }
}

impl KnownEpoch {
    pub(crate) fn new(committee: Committee, first: Option<Height>, led_by: Option<Digest>) -> Self {
        Self {
            committee,
            first,
            last: None,
            ended_by: None,
            led_by,
        }
    }

    /// True if nothing here contradicts what another proof says of the same epoch.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        let heights = |ours: Option<Height>, theirs: Option<Height>| {
            ours.zip(theirs).is_none_or(|(ours, theirs)| ours == theirs)
        };
        self.committee == other.committee
            && heights(self.first, other.first)
            && heights(self.last, other.last)
    }

    /// Takes over what was not known of the epoch.
    fn complete(&mut self, other: &Self) {
        self.first = self.first.or(other.first);
        self.last = self.last.or(other.last);
        self.led_by = self.led_by.or(other.led_by);
        if self.ended_by.is_none() {
            self.ended_by.clone_from(&other.ended_by);
        }
    }
}

impl<'a> Ground<'a> {
    /// Refuses a head that is not accepted.
    pub(crate) fn accept(&self, head: &CertifiedHeader, at: At<'_>) -> Result<(), Refusal> {
        self.accept_under(head, self.known(head), at)
    }

    /// As [`Self::accept`], where `known` is all that is known of epochs.
    pub(crate) fn accept_under(
        &self,
        head: &CertifiedHeader,
        known: Option<&KnownEpoch>,
        at: At<'_>,
    ) -> Result<(), Refusal> {
        let known = self.check_place(head, known, at)?;
        if let Some(ended) = given_up_by(head, known) {
            let reason = format!("certified, given up by recovery {}", ended.recovery.number);
            return refuse(Code::GivenUp, at.field("header"), reason);
        }
        self.check_quorum(head, known, at)
    }

    /// As [`Self::accept`], but takes what a recovery gave up as well: that recovery is returned.
    pub(crate) fn accept_given_up(
        &self,
        head: &CertifiedHeader,
        at: At<'_>,
    ) -> Result<Option<&'a EndedBy>, Refusal> {
        let known = self.check_place(head, self.known(head), at)?;
        self.check_quorum(head, known, at)?;
        Ok(given_up_by(head, known))
    }

    fn known(&self, head: &CertifiedHeader) -> Option<&'a KnownEpoch> {
        self.epochs.get(&head.header.v1().epoch.0)
    }

    /// Checks all but the seals, and whether it was given up.
    fn check_place<'k>(
        &self,
        head: &CertifiedHeader,
        known: Option<&'k KnownEpoch>,
        at: At<'_>,
    ) -> Result<&'k KnownEpoch, Refusal> {
        let header = head.header.v1();
        let at = at.field("header");
        if header.network != *self.network {
            let reason = format!("it is of the network {}", header.network);
            return refuse(Code::OtherNetwork, at, reason);
        }
        let known = known.ok_or_else(|| {
            let reason = format!("the committee of epoch {} is not known", header.epoch);
            Refusal::new(Code::UnknownCommittee, at, reason)
        })?;
        if header.protocol != known.committee.protocol_version() {
            return refuse(Code::UnknownCommittee, at, "its protocol is not the committee's");
        }
        if let Some(pin) = self.anchor.pin.filter(|pin| header.height <= pin.height)
            && (header.height != pin.height || head.header.hash() != pin.hash)
        {
            let reason = format!("it is not above the pinned block {}", pin.height);
            return refuse(Code::OutsideEpoch, at, reason);
        }
        if let Some(first) = known.first.filter(|first| header.height < *first) {
            let reason = format!("epoch {} began at {first}", header.epoch);
            return refuse(Code::OutsideEpoch, at, reason);
        }
        match known.last.filter(|last| header.height > *last) {
            Some(last) if known.ended_by.is_none() => {
                let reason = format!("epoch {} ended at {last}", header.epoch);
                refuse(Code::OutsideEpoch, at, reason)
            }
            _ => Ok(known),
        }
    }

    /// Checks that the seals are exactly a quorum, each good.
    fn check_quorum(&self, head: &CertifiedHeader, known: &KnownEpoch, at: At<'_>) -> Result<(), Refusal> {
        let at = at.field("seals");
        let (seals, needed) = (head.seals.len(), known.committee.quorum());
        if seals != needed {
            let reason = format!("{seals} seals, a quorum has {needed}");
            return refuse(Code::NotMinimal, at, reason);
        }
        check_seals(&known.committee, self.network, head, at)
    }
}

/// The recovery that gave a head up: the head is above the last height of an epoch that a recovery ended.
fn given_up_by<'k>(head: &CertifiedHeader, known: &'k KnownEpoch) -> Option<&'k EndedBy> {
    let above = known.last.is_some_and(|last| head.header.v1().height > last);
    known.ended_by.as_ref().filter(|_| above)
}

/// How many validators may lie without a quorum's word being worth nothing: f of PBFT; Raft and Paxos bear none.
pub(crate) fn faulty(committee: &Committee) -> usize {
    match committee.engine() {
        Engine::Pbft => committee.faults(),
        Engine::Raft | Engine::Paxos => 0,
    }
}

/// Refuses seals that are less than a quorum of the committee, or of which one is not good for the header.
pub(crate) fn check_seals(
    committee: &Committee,
    network: &Digest,
    head: &CertifiedHeader,
    at: At<'_>,
) -> Result<(), Refusal> {
    let (got, quorum) = (head.seals.len(), committee.quorum());
    if got < quorum {
        let reason = format!("{got} seals, a quorum has {quorum}");
        return refuse(Code::BadCertificate, at, reason);
    }
    let height = head.header.v1().height;
    let content = SealContent::new(*network, committee.epoch(), height, head.header.hash());
    for (place, Seal { validator, signature }) in head.seals.iter().enumerate() {
        let at = at.item(place);
        let Some(key) = committee.key(*validator) else {
            let reason = format!("there is no validator {validator}");
            return refuse(Code::BadCertificate, at, reason);
        };
        if !content.verify(key, signature) {
            let reason = format!("the seal of validator {validator} is not good");
            return refuse(Code::BadCertificate, at, reason);
        }
    }
    Ok(())
}
