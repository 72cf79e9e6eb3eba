//! New keys and addresses of a seat (`docs/formats.md`, section 15): addresses count at once, keys from the next epoch on.

use quorate_crypto::{PublicKey, SeatNumber, Signature};

use super::operations::{Failure, Turn};
use super::working_state::WorkingState;
use crate::{ErrorCode, NextKeys, Operation, Owner, Right, Scope, StateReader, Taken};

/// What `set seat` changes.
pub(super) struct SeatChange<'a> {
    seat: SeatNumber,
    validator: Option<PublicKey>,
    node: Option<PublicKey>,
    witness: Option<PublicKey>,
    addresses: Option<&'a [String]>,
    proofs: &'a [Signature],
}

impl<'a> SeatChange<'a> {
    /// What such an operation changes; none if it is another.
    pub(super) fn of(operation: &'a Operation) -> Option<Self> {
        let Operation::SetSeat {
            seat,
            validator,
            node,
            witness,
            addresses,
            proofs,
        } = operation
        else {
            return None;
        };
        Some(Self {
            seat: *seat,
            validator: *validator,
            node: *node,
            witness: *witness,
            addresses: addresses.as_deref(),
            proofs,
        })
    }

    /// The new keys, in the order of their proofs.
    fn keys(&self) -> impl Iterator<Item = PublicKey> {
        [self.validator, self.node, self.witness].into_iter().flatten()
    }
}

impl<R: StateReader> WorkingState<'_, R> {
    /// Gives a seat new keys or addresses, as its member or who operates its seats wants.
    pub(super) fn set_seat(
        &mut self,
        turn: &Turn<'_>,
        change: &SeatChange<'_>,
    ) -> Result<(), Failure<R::Error>> {
        let seat = self.seat(change.seat)?.filter(|seat| seat.sits);
        let seat = seat.ok_or(ErrorCode::UNKNOWN_SEAT)?;
        let scope = Scope::Member(seat.member);
        let may = self.speaks_for(turn.acting, seat.member)?
            || (self.present_member(seat.member)?.is_some()
                && self.has(turn.acting, Right::Operate, &scope)?);
        if !may {
            return Err(ErrorCode::NOT_PERMITTED.into());
        }
        // Each new key ends the epoch, and stays in use for good.
        if seat.next.is_some() && change.keys().next().is_some() {
            return Err(ErrorCode::TOO_SOON.into());
        }
        let before = seat.coming_keys();
        let keys = NextKeys {
            validator: change.validator.unwrap_or(before.validator),
            node: change.node.unwrap_or(before.node),
            witness: change.witness.unwrap_or(before.witness),
        };
        let signed = keys.of_seat(self.moment.network, seat.member);
        let mut proofs = change.keys().zip(change.proofs);
        if change.keys().count() != change.proofs.len()
            || !proofs.all(|(key, proof)| signed.is_good_proof(&key, proof))
        {
            return Err(ErrorCode::INVALID_KEY.into());
        }
        if keys.has_one_twice() {
            return Err(ErrorCode::KEY_TAKEN.into());
        }
        let number = seat.number;
        let mut changed = seat.clone();
        for key in change.keys() {
            if self.in_use(&Taken::Key(key.0))?.is_some() {
                return Err(ErrorCode::KEY_TAKEN.into());
            }
            self.take(Taken::Key(key.0), Owner::Seat(number))?;
            changed.next = Some(keys);
        }
        if let Some(addresses) = change.addresses {
            changed.addresses = addresses.to_vec();
        }
        if changed == seat {
            return Err(ErrorCode::ALREADY_SO.into());
        }
        let ends_epoch = changed.next != seat.next;
        self.put_seat(changed)?;
        if ends_epoch {
            self.end_epoch_after();
        }
        Ok(())
    }
}
