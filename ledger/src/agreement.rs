//! Who agrees on blocks, as the state has it: the epoch under way with its committee, and each
//! validator's seat (`docs/formats.md`, section 15, epochs).
//!
//! The first change executed in an epoch, in block `h`, fixes the epoch's last height at `h` plus the
//! window in force: heights up to there may be under way already. The block at that height names the next
//! epoch's committee, which seals the heights after it.

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Committee, Digest, Epoch, Height, MemberNumber, PublicKey, SeatNumber};
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_ADDRESSES, MAX_PENDING};
use crate::{ParametersV1, Timestamp};

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

    /// What holds after the block at `height`, if that is something else: a change in the block, if there
    /// was one, fixes the epoch's end, and after its end the next epoch begins. `parameters` are those in
    /// force.
    ///
    /// The next committee has the same seats, and the next epoch the same parameters: in protocol 1 nothing
    /// changes them, and nothing waits for the epoch's end but the end itself.
    pub fn after(&self, height: Height, changed: bool, parameters: &ParametersV1) -> Option<Self> {
        if !changed && self.v1().last != Some(height) {
            return None;
        }
        let mut next = self.v1().clone();
        if next.last.is_none() {
            let window = u64::from(parameters.window.max(1));
            let last = height.0.saturating_add(window);
            next.last = Some(Height(last));
        }
        if next.last == Some(height) {
            let Committee::V1(committee) = &mut next.committee;
            committee.epoch = Epoch(committee.epoch.0.saturating_add(1));
            next.first = height.next();
            next.last = None;
            next.pending.clear();
            next.longest_lead_ms = next.longest_lead_ms.max(parameters.max_expiry_lead_ms);
        }
        (next != *self.v1()).then_some(Self::V1(next))
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

    fn with_window(window: u32) -> ParametersV1 {
        ParametersV1 {
            window,
            ..ParametersV1::default()
        }
    }

    #[test]
    fn the_first_change_fixes_the_end_and_later_ones_move_it_no_more() {
        let agreement = first_epoch();
        let parameters = with_window(32);
        assert_eq!(agreement.after(Height(5), false, &parameters), None);
        let ending = agreement.after(Height(5), true, &parameters).unwrap();
        assert_eq!((ending.epoch(), ending.v1().last), (Epoch(0), Some(Height(37))));
        assert_eq!(ending.after(Height(6), true, &parameters), None);
        assert_eq!(ending.after(Height(36), false, &parameters), None);
        let next = ending.after(Height(37), false, &parameters).unwrap();
        assert_eq!(next.epoch(), Epoch(1));
        assert_eq!((next.v1().first, next.v1().last), (Height(38), None));
        assert_ne!(next.committee().digest(), agreement.committee().digest());
        assert_eq!(next.v1().longest_lead_ms, 86_400_000);
    }

    #[test]
    fn a_change_in_an_epochs_last_block_is_within_that_epoch() {
        let parameters = with_window(1);
        let ending = first_epoch().after(Height(5), true, &parameters).unwrap();
        let next = ending.after(Height(6), true, &parameters).unwrap();
        assert_eq!((next.epoch(), next.v1().last), (Epoch(1), None));
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
