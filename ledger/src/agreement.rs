//! Who agrees on blocks, as the state has it: the epoch under way with its committee, and each
//! validator's seat (`docs/formats.md`, section 7, epochs).
//!
//! The first change executed in an epoch, in block `h`, fixes the epoch's last height at `h` plus the
//! window in force: heights up to there may be under way already. The block at that height names the next
//! epoch's committee, which seals the heights after it.

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Address, Committee, Digest, Epoch, Height, Protocol, PublicKey};
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// How much time of the chain must pass between two rejoins of one validator, in milliseconds: each ends
/// an epoch, so an operator in a hurry must not keep the others busy with it.
pub const MIN_REJOIN_INTERVAL_MS: u64 = 600_000;

/// The epoch under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Agreement {
    /// Version 1.
    V1(AgreementV1),
}

/// Version 1 of [`Agreement`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgreementV1 {
    /// The epoch of the next block.
    pub epoch: Epoch,
    /// Its protocol.
    pub engine: Protocol,
    /// The version of the protocol's messages and rules.
    pub protocol_version: u32,
    /// Its first height.
    pub first: Height,
    /// Its last height, once a change has fixed it.
    pub last: Option<Height>,
    /// The validators' keys in the committee's order.
    #[serde(deserialize_with = "bounded_vec::<_, _, { Committee::MAX_VALIDATORS }>")]
    pub validators: Vec<PublicKey>,
}

/// A validator, whether it is in the committee under way or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seat {
    /// Version 1.
    V1(SeatV1),
}

/// Version 1 of [`Seat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatV1 {
    /// The account of the member that runs it.
    pub member: Address,
    /// Its last rejoin.
    pub rejoin: Option<Rejoin>,
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
}

impl Agreement {
    /// The first epoch, of height 1 on.
    pub fn genesis(engine: Protocol, protocol_version: u32, validators: Vec<PublicKey>) -> Self {
        Self::V1(AgreementV1 {
            epoch: Epoch(0),
            engine,
            protocol_version,
            first: Height::GENESIS.next(),
            last: None,
            validators,
        })
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &AgreementV1 {
        let Self::V1(agreement) = self;
        agreement
    }

    /// The epoch's committee.
    pub fn committee(&self) -> Committee {
        let agreement = self.v1();
        Committee::new(
            agreement.epoch,
            agreement.engine,
            agreement.protocol_version,
            agreement.validators.clone(),
        )
    }

    /// What holds after the block at `height`, if that is something else: a change in the block, if there
    /// was one, fixes the epoch's end, and after its end the next epoch begins.
    pub fn after(&self, height: Height, changed: bool, window: u32) -> Option<Self> {
        let mut next = self.v1().clone();
        if changed && next.last.is_none() {
            let last = height.0.saturating_add(u64::from(window.max(1)));
            next.last = Some(Height(last));
        }
        if next.last == Some(height) {
            next.epoch = Epoch(next.epoch.0.saturating_add(1));
            next.first = height.next();
            next.last = None;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn first_epoch() -> Agreement {
        Agreement::genesis(Protocol::Pbft, 1, vec![PublicKey([7; 32])])
    }

    #[test]
    fn the_first_change_fixes_the_end_and_later_ones_move_it_no_more() {
        let agreement = first_epoch();
        assert_eq!(agreement.after(Height(5), false, 32), None);
        let ending = agreement.after(Height(5), true, 32).unwrap();
        assert_eq!(
            (ending.v1().epoch, ending.v1().last),
            (Epoch(0), Some(Height(37)))
        );
        assert_eq!(ending.after(Height(6), true, 32), None);
        assert_eq!(ending.after(Height(36), false, 32), None);
        let next = ending.after(Height(37), false, 32).unwrap();
        assert_eq!(next.v1().epoch, Epoch(1));
        assert_eq!((next.v1().first, next.v1().last), (Height(38), None));
        assert_ne!(next.committee().digest(), agreement.committee().digest());
    }

    #[test]
    fn a_change_in_an_epochs_last_block_is_within_that_epoch() {
        let ending = first_epoch().after(Height(5), true, 1).unwrap();
        let next = ending.after(Height(6), true, 1).unwrap();
        assert_eq!((next.v1().epoch, next.v1().last), (Epoch(1), None));
    }
}
