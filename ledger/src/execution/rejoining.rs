//! Rejoins, and signs of life of members and their seats (`docs/formats.md`, section 15).
//!
//! A validator that has forgotten what it signed votes again after the epoch in which its member's rejoin
//! was executed. Each rejoin ends an epoch, so that an operator in a hurry must not keep the others busy
//! with it: within a day, each further one has to wait twice as long as the one before.

use quorate_crypto::{Digest, MemberNumber, PublicKey, SeatNumber};

use super::operations::{Failure, Turn};
use super::working_state::WorkingState;
use crate::parameters::DAY_MS;
use crate::{
    ErrorCode, InUse, InUseV1, Member, MemberStatus, MemberV1, Owner, Rejoin, Seat, SeatV1, StateError,
    StateKey, StateReader, Taken, read_value,
};

/// How far a block is above the height that a seat was last noted at, before it is noted again.
const ACTIVE_STEP: u64 = 64;

impl<R: StateReader> WorkingState<'_, R> {
    /// Lets a validator vote again from the next epoch on.
    pub(super) fn rejoin(
        &mut self,
        turn: &Turn<'_>,
        validator: &PublicKey,
        token: &Digest,
    ) -> Result<(), Failure<R::Error>> {
        let number = self.seat_of(validator)?.ok_or(ErrorCode::UNKNOWN_VALIDATOR)?;
        let key = StateKey::seat(number);
        let found = self.seats.get(self.reader, &key)?;
        let seat = found.map(|Seat::V1(seat)| seat.clone());
        // A key that the seat had before, or another one of its keys, is in use as well.
        let seat = seat.filter(|seat| seat.validator == *validator);
        let seat = seat.ok_or(ErrorCode::UNKNOWN_VALIDATOR)?;
        let member_key = StateKey::member(seat.member);
        let damaged = StateError::<R::Error>::Damaged { key: member_key };
        let member = self.members.get(self.reader, &member_key)?;
        let Member::V1(member) = member.ok_or(damaged)?;
        let account = member.account;
        if account != self.address(turn.acting) {
            return Err(ErrorCode::NOT_ITS_MEMBER.into());
        }
        let now = self.moment.timestamp;
        let last = seat.rejoin.as_ref();
        if last.is_some_and(|last| now < last.again_at()) {
            return Err(ErrorCode::REJOIN_TOO_SOON.into());
        }
        let rejoin = Some(Rejoin::following(last, *token, self.moment.epoch, now));
        self.put_seat(SeatV1 { rejoin, ..seat })?;
        self.end_epoch_after();
        Ok(())
    }

    /// The seat that a key is, or once was, one of.
    fn seat_of(&self, key: &PublicKey) -> Result<Option<SeatNumber>, StateError<R::Error>> {
        let in_use: Option<InUse> = read_value(self.reader, &StateKey::in_use(&Taken::Key(key.0)))?;
        Ok(match in_use {
            Some(InUse::V1(InUseV1 {
                by: Owner::Seat(seat),
                ..
            })) => Some(seat),
            _ => None,
        })
    }

    /// Notes that a transaction of its parties was executed: a sign of life of the members whose accounts
    /// are among them, and from protocol 2 on of those that an account of theirs administers.
    pub(super) fn note_parties(&mut self) -> Result<(), StateError<R::Error>> {
        for at in 0..self.parties.len() {
            let place = self.parties[at];
            let cell = &self.accounts[place.0];
            let address = cell.address;
            let Some(number) = cell.account.member else {
                continue;
            };
            let Some(member) = self.member_long_unsigned(number)? else {
                continue;
            };
            // Other accounts that the member was assigned say nothing of it.
            let speaks =
                member.account == address || self.moment.protocol >= 2 && self.speaks_for(place, number)?;
            if speaks {
                self.note_signed(member);
            }
        }
        Ok(())
    }

    /// Notes that a proposal named a batch of a seat.
    pub(super) fn note_author(&mut self, number: SeatNumber) -> Result<(), StateError<R::Error>> {
        let key = StateKey::seat(number);
        let Some(Seat::V1(seat)) = self.seats.get(self.reader, &key)? else {
            return Ok(());
        };
        let member = seat.member;
        let height = self.moment.height;
        if height.0.saturating_sub(seat.active.0) >= ACTIVE_STEP {
            let raised = SeatV1 {
                active: height,
                ..seat.clone()
            };
            self.seats.put(&key, Some(Seat::V1(raised)));
        }
        if let Some(member) = self.member_long_unsigned(member)? {
            self.note_signed(member);
        }
        Ok(())
    }

    /// A member that has not left, if the time at which it last signed something is so long ago that a later one is worth
    /// a change.
    fn member_long_unsigned(
        &mut self,
        number: MemberNumber,
    ) -> Result<Option<MemberV1>, StateError<R::Error>> {
        let now = self.moment.timestamp;
        let found = self.members.get(self.reader, &StateKey::member(number))?;
        let long = found.filter(|Member::V1(member)| {
            !member.status.has_left() && now.0.saturating_sub(member.signed.0) > DAY_MS
        });
        Ok(long.map(|Member::V1(member)| member.clone()))
    }

    /// Notes that a seat of a member signed something that an operation of the transaction under way brought.
    pub(super) fn note_attested(&mut self, number: MemberNumber) -> Result<(), StateError<R::Error>> {
        match self.member_long_unsigned(number)? {
            Some(member) => self.put_member(self.signed_now(member)),
            None => Ok(()),
        }
    }

    /// Raises the time at which a member, which is at hand, last signed something.
    fn note_signed(&mut self, member: MemberV1) {
        let key = StateKey::member(member.number);
        let raised = self.signed_now(member);
        self.members.put(&key, Some(Member::V1(raised)));
    }

    /// A member that has signed something now. That ends a report on an active one.
    fn signed_now(&self, member: MemberV1) -> MemberV1 {
        let dormant = member.status == MemberStatus::Dormant;
        MemberV1 {
            signed: self.moment.timestamp,
            reported: member.reported.filter(|_| dormant),
            ..member
        }
    }
}
