//! Who agrees on blocks, as the state has it: the epoch under way with its committee, and each
//! validator's seat (`docs/formats.md`, section 15, epochs).
//!
//! The first change executed in an epoch, in block `h`, fixes the epoch's last height at `h` plus the
//! window in force: heights up to there may be under way already. The block at that height names the next
//! epoch's committee, which seals the heights after it.

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{
    Committee, CommitteeSeat, Digest, Engine, Epoch, Height, MemberNumber, PublicKey, SeatNumber,
};
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_ADDRESSES, MAX_PENDING};
use crate::{SeatKeys, Timestamp};

/// How much time of the chain must pass between a validator's first rejoin and its second, in
/// milliseconds: each ends an epoch, so an operator in a hurry must not keep the others busy with it. Each
/// further one within a day waits twice as long ([`Rejoin::again_at`]).
pub const MIN_REJOIN_INTERVAL_MS: u64 = 600_000;

/// A rejoin this much later than the one before counts as the first again, in milliseconds.
const REJOINS_COUNTED_MS: u64 = 86_400_000;

/// The most rejoins that are counted.
const MAX_RECENT: u8 = 8;

/// The epoch under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Agreement {
    /// Version 1.
    V1(AgreementV1),
}

/// Version 1 of [`Agreement`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgreementV1 {
    /// Who seals the next block, with epoch, engine and protocol.
    pub committee: Committee,
    /// The epoch's first height.
    pub first: Height,
    /// Its last height, once a change has fixed it.
    pub last: Option<Height>,
    /// The longest lead of an expiry over a block's time that was ever in force, in milliseconds.
    pub longest_lead_ms: u64,
    /// The numbers of the proposals that wait for the epoch's end, at most 1,024.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_PENDING>")]
    pub pending: Vec<u64>,
}

/// A validator, whether it is in the committee under way or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seat {
    /// Version 1.
    V1(SeatV1),
}

/// Version 1 of [`Seat`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatV1 {
    /// Its number, which no other seat ever has.
    pub number: SeatNumber,
    /// The member that runs it.
    pub member: MemberNumber,
    /// What signs its votes and seals.
    pub validator: PublicKey,
    /// What its node proves its identity with.
    pub node: PublicKey,
    /// What signs checkpoints of the transaction log.
    pub witness: PublicKey,
    /// Where its node is found: at most 8 multiaddresses of at most 280 bytes.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_ADDRESSES>")]
    pub addresses: Vec<String>,
    /// Whether it is in the committee under way.
    pub sits: bool,
    /// Its last rejoin.
    pub rejoin: Option<Rejoin>,
    /// A height at which a batch of it was named; raised by steps of 64 blocks.
    pub active: Height,
    /// The keys that it has from the next epoch on, if they are others.
    pub next: Option<NextKeys>,
}

/// A validator that had forgotten what it signed may vote again after the epoch in which this was
/// executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejoin {
    /// Drawn by the validator when it stopped voting, so that it knows its own rejoin from one before.
    pub token: Digest,
    /// The epoch in which it was executed.
    pub epoch: Epoch,
    /// The time of the block that executed it.
    pub timestamp: Timestamp,
    /// Rejoins in a row, each less than a day after the one before: 1 to 8.
    pub recent: u8,
}

/// The keys of a seat from the next epoch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextKeys {
    /// As in [`SeatV1`].
    pub validator: PublicKey,
    /// As in [`SeatV1`].
    pub node: PublicKey,
    /// As in [`SeatV1`].
    pub witness: PublicKey,
}

impl Agreement {
    /// The first epoch, of height 1 on, with the committee of epoch 0 and the lead of the genesis's
    /// parameters, in milliseconds.
    pub fn genesis(committee: Committee, max_expiry_lead_ms: u64) -> Self {
        Self::V1(AgreementV1 {
            committee,
            first: Height::GENESIS.next(),
            last: None,
            longest_lead_ms: max_expiry_lead_ms,
            pending: Vec::new(),
        })
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &AgreementV1 {
        let Self::V1(agreement) = self;
        agreement
    }

    /// The epoch of the next block.
    pub fn epoch(&self) -> Epoch {
        self.v1().committee.epoch()
    }

    /// The epoch's committee.
    pub fn committee(&self) -> Committee {
        self.v1().committee.clone()
    }

    /// Whether the epoch's last height is `height`.
    pub fn ends_at(&self, height: Height) -> bool {
        self.v1().last == Some(height)
    }

    /// Fixes the epoch's last height by the first change that needs it, executed in the block at `height`;
    /// `window` is the one in force. Later ones move it no more.
    pub fn fix_end(&mut self, height: Height, window: u32) {
        let Self::V1(agreement) = self;
        let last = height.0.saturating_add(u64::from(window.max(1)));
        agreement.last.get_or_insert(Height(last));
    }

    /// What holds after the block at `height`, the epoch's last one.
    pub fn begin_next(&mut self, height: Height, next: NextEpoch) {
        let Self::V1(agreement) = self;
        let Committee::V1(committee) = &mut agreement.committee;
        committee.epoch = Epoch(committee.epoch.0.saturating_add(1));
        committee.engine = next.engine;
        committee.protocol = next.protocol;
        committee.seats = next.seats;
        agreement.first = height.next();
        agreement.last = None;
        agreement.pending.clear();
        agreement.longest_lead_ms = agreement.longest_lead_ms.max(next.max_expiry_lead_ms);
    }

    /// Replaces the numbers of the proposals that wait for the epoch's end.
    pub(crate) fn set_pending(&mut self, pending: Vec<u64>) {
        let Self::V1(agreement) = self;
        agreement.pending = pending;
    }
}

/// What an epoch begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextEpoch {
    /// What its committee runs.
    pub engine: Engine,
    /// The version of the rules that its blocks are executed by.
    pub protocol: u32,
    /// Its seats, in order.
    pub seats: Vec<CommitteeSeat>,
    /// The lead of an expiry over a block's time that is in force, in milliseconds.
    pub max_expiry_lead_ms: u64,
}

impl NextKeys {
    /// The three keys, in the order of their proofs.
    pub(crate) fn all(&self) -> [PublicKey; 3] {
        [self.validator, self.node, self.witness]
    }

    /// Whether one of them is this key.
    pub(crate) fn has(&self, key: &PublicKey) -> bool {
        self.all().contains(key)
    }

    /// Whether two of them are one.
    pub(crate) fn has_one_twice(&self) -> bool {
        let [validator, node, witness] = self.all();
        validator == node || validator == witness || node == witness
    }

    /// What each of them signs as its proof.
    pub(crate) fn of_seat(&self, network: Digest, member: MemberNumber) -> SeatKeys {
        SeatKeys {
            network,
            member,
            validator: self.validator,
            node: self.node,
            witness: self.witness,
        }
    }
}

impl SeatV1 {
    /// The keys that it has from the next epoch on.
    pub(crate) fn coming_keys(&self) -> NextKeys {
        self.next.unwrap_or(NextKeys {
            validator: self.validator,
            node: self.node,
            witness: self.witness,
        })
    }
}

impl Seat {
    /// Version 1's fields.
    pub fn v1(&self) -> &SeatV1 {
        let Self::V1(seat) = self;
        seat
    }
}

impl Rejoin {
    /// The rejoin with this token, executed in this epoch and at this block time after the one `before`, if
    /// there was one.
    pub fn following(before: Option<&Self>, token: Digest, epoch: Epoch, timestamp: Timestamp) -> Self {
        let soon =
            before.filter(|before| timestamp.0.saturating_sub(before.timestamp.0) < REJOINS_COUNTED_MS);
        let recent = soon.map_or(1, |before| before.recent.saturating_add(1).min(MAX_RECENT));
        Self {
            token,
            epoch,
            timestamp,
            recent,
        }
    }

    /// The first block time at which the validator may rejoin again.
    pub fn again_at(&self) -> Timestamp {
        let doublings = u32::from(self.recent.saturating_sub(1).min(MAX_RECENT));
        let wait = MIN_REJOIN_INTERVAL_MS << doublings;
        Timestamp(self.timestamp.0.saturating_add(wait))
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::{CommitteeSeat, CommitteeV1, Engine};

    use super::*;

    fn first_epoch() -> Agreement {
        let [validator, node, witness] = [7, 8, 9].map(|byte| PublicKey([byte; 32]));
        let seat = CommitteeSeat {
            member: MemberNumber(0),
            seat: SeatNumber(0),
            validator,
            node,
            witness,
        };
        let committee = Committee::V1(CommitteeV1 {
            epoch: Epoch(0),
            engine: Engine::Pbft,
            protocol: 1,
            seats: vec![seat],
        });
        Agreement::genesis(committee, 86_400_000)
    }

    #[test]
    fn the_first_change_fixes_the_end_and_later_ones_move_it_no_more() {
        let mut agreement = first_epoch();
        agreement.fix_end(Height(5), 32);
        assert_eq!(
            (agreement.epoch(), agreement.v1().last),
            (Epoch(0), Some(Height(37)))
        );
        agreement.fix_end(Height(6), 64);
        assert_eq!(agreement.v1().last, Some(Height(37)));
        assert!(!agreement.ends_at(Height(36)) && agreement.ends_at(Height(37)));
    }

    #[test]
    fn the_next_epoch_has_what_was_decided_and_keeps_the_longest_lead() {
        let mut agreement = first_epoch();
        let before = agreement.committee();
        agreement.fix_end(Height(5), 32);
        agreement.set_pending(vec![3]);
        let next = NextEpoch {
            engine: Engine::Raft,
            protocol: 2,
            seats: before.seats().to_vec(),
            max_expiry_lead_ms: 1_000,
        };
        agreement.begin_next(Height(37), next);
        assert_eq!(agreement.epoch(), Epoch(1));
        assert_eq!((agreement.v1().first, agreement.v1().last), (Height(38), None));
        assert!(agreement.v1().pending.is_empty());
        let after = agreement.committee();
        assert_eq!((after.engine(), after.protocol_version()), (Engine::Raft, 2));
        assert_eq!(agreement.v1().longest_lead_ms, 86_400_000);
    }

    #[test]
    fn each_further_rejoin_within_a_day_waits_twice_as_long() {
        let token = Digest([3; 32]);
        let mut rejoin = Rejoin::following(None, token, Epoch(0), Timestamp(1_000));
        let mut waits = Vec::new();
        for epoch in 1..=9 {
            let again = rejoin.again_at();
            waits.push((
                rejoin.recent,
                (again.0 - rejoin.timestamp.0) / MIN_REJOIN_INTERVAL_MS,
            ));
            rejoin = Rejoin::following(Some(&rejoin), token, Epoch(epoch), again);
        }
        let doubled = [
            (1, 1),
            (2, 2),
            (3, 4),
            (4, 8),
            (5, 16),
            (6, 32),
            (7, 64),
            (8, 128),
            (8, 128),
        ];
        assert_eq!(waits, doubled);

        let day_later = Timestamp(rejoin.timestamp.0 + 86_400_000);
        assert_eq!(
            Rejoin::following(Some(&rejoin), token, Epoch(10), day_later).recent,
            1
        );
        let sooner = Timestamp(day_later.0 - 1);
        assert_eq!(
            Rejoin::following(Some(&rejoin), token, Epoch(10), sooner).recent,
            8
        );
    }
}
