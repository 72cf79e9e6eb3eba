//! The next epoch (`docs/formats.md`, section 15): which committee, engine and protocol it would have by what was decided
//! so far, whether that can be carried by seats that are live, and what becomes of the state when the epoch ends.

use quorate_crypto::{Committee, CommitteeSeat, Engine, MemberNumber, SeatNumber};

use super::operations::Failure;
use super::working_state::{Undo, WorkingState};
use crate::agreement::NextEpoch;
use crate::limits::MAX_ATTESTED_BELOW;
use crate::{
    Attested, Attesting, Change, ErrorCode, GovernanceProposalV1, MemberStatus, NextKeys, Owner, Parameters,
    ParametersV1, ProposalState, SeatV1, StateError, StateKey, StateReader, Taken,
};

/// What the next epoch would begin with.
pub(super) struct Outlook {
    engine: Engine,
    protocol: u32,
    seats: Vec<OutlookSeat>,
    parameters: Option<Parameters>,
}

/// A seat of it.
#[derive(Clone)]
struct OutlookSeat {
    member: MemberNumber,
    keys: NextKeys,
    standing: Standing,
}

/// Where a seat comes from.
#[derive(Clone)]
enum Standing {
    /// It sits in the present committee.
    Sitting {
        number: SeatNumber,
        /// Whether a batch of it was named not long ago.
        live: bool,
    },
    /// It joins by a proposal.
    Joining {
        addresses: Vec<String>,
        /// Whether that is the proposal at hand.
        now: bool,
        /// The lowest and the highest protocol that it knows, by its attestation to that proposal.
        knows: Option<(u32, u32)>,
    },
}

impl<R: StateReader> WorkingState<'_, R> {
    /// What the next epoch would begin with by all that was decided so far: without the seats of members that have left,
    /// with new keys, and with those of the waiting proposals that still fit.
    pub(super) fn outlook(&mut self) -> Result<Outlook, StateError<R::Error>> {
        let committee = &self.agreement.v1().committee;
        let (engine, protocol) = (committee.engine(), committee.protocol_version());
        let mut seats = Vec::with_capacity(committee.size());
        for seat in self.sitting_seats()? {
            if self.present_member(seat.member)?.is_some() {
                seats.push(seat);
            }
        }
        let mut outlook = Outlook {
            engine,
            protocol,
            seats,
            parameters: None,
        };
        for number in self.agreement.v1().pending.clone() {
            let proposal = self.waiting(number)?;
            match self.with_change(&outlook, &proposal, false) {
                Ok(next) => outlook = next.settled(),
                Err(Failure::Code(_)) => {}
                Err(Failure::State(error)) => return Err(error),
            }
        }
        Ok(outlook)
    }

    /// The seats of the present committee, whether their members stay or not.
    fn sitting_seats(&mut self) -> Result<Vec<OutlookSeat>, StateError<R::Error>> {
        let committee = self.agreement.committee();
        let mut seats = Vec::with_capacity(committee.size());
        for sitting in committee.seats() {
            let key = StateKey::seat(sitting.seat);
            let seat = self.seat(sitting.seat)?.ok_or(StateError::Damaged { key })?;
            let live = seat.active.0.saturating_add(MAX_ATTESTED_BELOW) > self.moment.height.0;
            seats.push(OutlookSeat {
                member: seat.member,
                keys: seat.coming_keys(),
                standing: Standing::Sitting {
                    number: seat.number,
                    live,
                },
            });
        }
        Ok(seats)
    }

    /// A proposal that waits for the epoch's end.
    fn waiting(&mut self, number: u64) -> Result<GovernanceProposalV1, StateError<R::Error>> {
        let key = StateKey::proposal(number);
        self.proposal(number)?.ok_or(StateError::Damaged { key })
    }

    /// Checks that a change that waits would fit into the next epoch. `attested`: who is live; none where that is not
    /// asked yet.
    pub(super) fn fits_next_epoch(
        &mut self,
        proposal: &GovernanceProposalV1,
        attested: Option<&[Attested]>,
    ) -> Result<(), Failure<R::Error>> {
        let outlook = self.outlook()?;
        // What signatures prove stays so: they are looked at once, when it is proposed.
        let next = self.with_change(&outlook, proposal, attested.is_none())?;
        if proposal.change.needs_live_seats() {
            self.check_live(&next, attested)?;
        }
        Ok(())
    }

    /// The outlook with one more change, if that fits; a new seat's proofs are looked at if `proofs` says so.
    fn with_change(
        &mut self,
        outlook: &Outlook,
        proposal: &GovernanceProposalV1,
        proofs: bool,
    ) -> Result<Outlook, Failure<R::Error>> {
        let mut next = Outlook {
            engine: outlook.engine,
            protocol: outlook.protocol,
            seats: outlook.seats.clone(),
            parameters: outlook.parameters.clone(),
        };
        match &proposal.change {
            Change::AddSeat { member, .. } => {
                let found = self.present_member(*member)?;
                let active = found.is_some_and(|member| member.status == MemberStatus::Active);
                if !active {
                    return Err(ErrorCode::UNKNOWN_MEMBER.into());
                }
                let seat = self.joining(proposal, proofs)?;
                let in_use = |key| next.seats.iter().any(|seat| seat.keys.has(key));
                if seat.keys.all().iter().any(in_use) {
                    return Err(ErrorCode::KEY_TAKEN.into());
                }
                next.seats.push(seat);
                next.check_shares()?;
            }
            Change::RemoveSeat(removed) => {
                let before = next.seats.len();
                next.seats.retain(|seat| !seat.is_sitting(*removed));
                if next.seats.len() == before {
                    return Err(ErrorCode::UNKNOWN_SEAT.into());
                }
                next.check_shares()?;
            }
            Change::Engine(engine) if *engine == next.engine => return Err(ErrorCode::ALREADY_SO.into()),
            Change::Engine(engine) => next.engine = *engine,
            Change::Protocol(protocol) if *protocol <= next.protocol => {
                return Err(ErrorCode::ALREADY_SO.into());
            }
            Change::Protocol(protocol) => next.protocol = *protocol,
            Change::Parameters(parameters) => {
                let now = match &next.parameters {
                    Some(parameters) => parameters.clone(),
                    None => self.parameters()?,
                };
                if now == *parameters {
                    return Err(ErrorCode::ALREADY_SO.into());
                }
                next.parameters = Some(parameters.clone());
            }
            _ => unreachable!("only what concerns agreement waits for the epoch's end"),
        }
        Ok(next)
    }

    /// A seat that a change would add: its keys are good, proven to be its own, and nobody's.
    fn joining(
        &mut self,
        proposal: &GovernanceProposalV1,
        check_proofs: bool,
    ) -> Result<OutlookSeat, Failure<R::Error>> {
        let Change::AddSeat {
            member,
            validator,
            node,
            witness,
            addresses,
            proofs,
        } = &proposal.change
        else {
            unreachable!("only a new seat joins");
        };
        let keys = NextKeys {
            validator: *validator,
            node: *node,
            witness: *witness,
        };
        let signed = keys.of_seat(self.moment.network, *member);
        let all = keys.all();
        let proven = || {
            let mut proofs_of = all.iter().zip(proofs);
            proofs.len() == all.len() && proofs_of.all(|(key, proof)| signed.is_good_proof(key, proof))
        };
        if check_proofs && !proven() {
            return Err(ErrorCode::INVALID_KEY.into());
        }
        if keys.has_one_twice() {
            return Err(ErrorCode::KEY_TAKEN.into());
        }
        for key in all {
            if self.in_use(&Taken::Key(key.0))?.is_some() {
                return Err(ErrorCode::KEY_TAKEN.into());
            }
        }
        let own = Attesting::Joining(*validator);
        let said = proposal.attested.iter().find(|attested| attested.seat == own);
        let standing = Standing::Joining {
            addresses: addresses.clone(),
            now: true,
            knows: said.map(|said| (said.lowest, said.highest)),
        };
        Ok(OutlookSeat {
            member: *member,
            keys,
            standing,
        })
    }

    /// Checks an outlook by itself, and that enough of its seats are live.
    pub(super) fn check_outlook(
        &self,
        outlook: &Outlook,
        attested: Option<&[Attested]>,
    ) -> Result<(), Failure<R::Error>> {
        outlook.check_shares()?;
        self.check_live(outlook, attested)
    }

    /// Checks that as many seats are live as can carry the committee with f liars besides: a quorum and f, or all where
    /// that is more, the one that joins among them. Where the next epoch has another protocol, live are only those that
    /// said that they know it.
    fn check_live(&self, outlook: &Outlook, attested: Option<&[Attested]>) -> Result<(), Failure<R::Error>> {
        let Some(attested) = attested else {
            return Ok(());
        };
        let protocol = outlook.protocol;
        let is_another = protocol != self.moment.protocol;
        let said = |seat: Attesting| attested.iter().find(|attested| attested.seat == seat);
        let knows = |lowest: u32, highest: u32| (lowest..=highest).contains(&protocol);
        let mut live = 0_usize;
        for seat in &outlook.seats {
            live += usize::from(match &seat.standing {
                Standing::Sitting { number, live } => match said(Attesting::Sitting(*number)) {
                    Some(said) => knows(said.lowest, said.highest),
                    None => *live && !is_another,
                },
                Standing::Joining { now, knows: own, .. } => {
                    let joins = own.is_some_and(|(lowest, highest)| knows(lowest, highest));
                    if *now && !joins {
                        return Err(ErrorCode::UNATTESTED.into());
                    }
                    joins
                }
            });
        }
        if live < outlook.live_needed() {
            return Err(ErrorCode::UNATTESTED.into());
        }
        Ok(())
    }

    /// Has the epoch end, by its first such change.
    pub(super) fn end_epoch_after(&mut self) {
        let before = std::mem::replace(&mut self.ends_epoch, true);
        self.undo.push(Undo::EndsEpoch(before));
    }

    /// What the block at an epoch's last height makes of the state: waiting proposals are carried out in their order, or
    /// lapse; seats get their new keys, those that leave no longer sit. Gives what the next epoch begins with.
    ///
    /// Nothing of it is taken back.
    pub(super) fn end_epoch(&mut self) -> Result<NextEpoch, StateError<R::Error>> {
        let pending = self.agreement.v1().pending.clone();
        self.agreement.set_pending(Vec::new());
        let mut outlook = self.outlook()?;
        for number in pending {
            let mut proposal = self.waiting(number)?;
            proposal.state = match self.still_fits(&outlook, &proposal) {
                Ok(next) => {
                    outlook = next.settled();
                    let height = self.moment.height;
                    ProposalState::Executed { height }
                }
                Err(Failure::Code(_)) => ProposalState::Lapsed,
                Err(Failure::State(error)) => return Err(error),
            };
            self.put_proposal(proposal)?;
        }
        if outlook.seats.is_empty() {
            // All have left, for a seat that did not come: without a seat the network would stand still for ever.
            outlook.seats = self.sitting_seats()?;
        }
        self.unseat(&outlook)?;
        let mut seats = Vec::with_capacity(outlook.seats.len());
        for seat in std::mem::take(&mut outlook.seats) {
            seats.push(self.seat_down(seat)?);
        }
        if let Some(parameters) = &outlook.parameters {
            self.put_parameters(parameters.clone())?;
        }
        let Parameters::V1(ParametersV1 {
            max_expiry_lead_ms, ..
        }) = self.parameters()?;
        self.undo.clear();
        Ok(NextEpoch {
            engine: outlook.engine,
            protocol: outlook.protocol,
            seats,
            max_expiry_lead_ms,
        })
    }

    /// Judges a waiting proposal once more, at the epoch's end.
    fn still_fits(
        &mut self,
        outlook: &Outlook,
        proposal: &GovernanceProposalV1,
    ) -> Result<Outlook, Failure<R::Error>> {
        let next = self.with_change(outlook, proposal, false)?;
        if proposal.change.needs_live_seats() {
            self.check_live(&next, Some(&proposal.attested))?;
        }
        Ok(next)
    }

    /// Seats of the committee that the outlook does not have sit no more.
    fn unseat(&mut self, outlook: &Outlook) -> Result<(), StateError<R::Error>> {
        let Committee::V1(committee) = self.agreement.v1().committee.clone();
        for sitting in &committee.seats {
            if outlook.seats.iter().any(|seat| seat.is_sitting(sitting.seat)) {
                continue;
            }
            let key = StateKey::seat(sitting.seat);
            let seat = self.seat(sitting.seat)?.ok_or(StateError::Damaged { key })?;
            self.count_seats(seat.member, |seats| seats.saturating_sub(1))?;
            self.put_seat(SeatV1 {
                sits: false,
                next: None,
                ..seat
            })?;
        }
        Ok(())
    }

    /// Writes a seat of the next committee.
    fn seat_down(&mut self, seat: OutlookSeat) -> Result<CommitteeSeat, StateError<R::Error>> {
        let OutlookSeat {
            member,
            keys,
            standing,
        } = seat;
        let NextKeys {
            validator,
            node,
            witness,
        } = keys;
        let number = match standing {
            Standing::Sitting { number, .. } => {
                let key = StateKey::seat(number);
                let sitting = self.seat(number)?.ok_or(StateError::Damaged { key })?;
                if sitting.next.is_some() {
                    self.put_seat(SeatV1 {
                        validator,
                        node,
                        witness,
                        next: None,
                        ..sitting
                    })?;
                }
                number
            }
            Standing::Joining { addresses, .. } => {
                let number = self.count_seat()?;
                for key in keys.all() {
                    self.take(Taken::Key(key.0), Owner::Seat(number))?;
                }
                self.count_seats(member, |seats| seats.saturating_add(1))?;
                self.put_seat(SeatV1 {
                    number,
                    member,
                    validator,
                    node,
                    witness,
                    addresses,
                    sits: true,
                    rejoin: None,
                    active: self.moment.height.next(),
                    next: None,
                })?;
                number
            }
        };
        Ok(CommitteeSeat {
            member,
            seat: number,
            validator,
            node,
            witness,
        })
    }

    /// Changes how many seats a member runs.
    fn count_seats(
        &mut self,
        number: MemberNumber,
        count: impl FnOnce(u16) -> u16,
    ) -> Result<(), StateError<R::Error>> {
        let key = StateKey::member(number);
        let mut member = self.member(number)?.ok_or(StateError::Damaged { key })?;
        member.seats = count(member.seats);
        self.put_member(member)
    }
}

impl Outlook {
    /// The committee, with numbers that do not matter for its arithmetic.
    fn committee(&self) -> Committee {
        let seats = self.seats.iter().map(|seat| CommitteeSeat {
            member: seat.member,
            seat: SeatNumber(0),
            validator: seat.keys.validator,
            node: seat.keys.node,
            witness: seat.keys.witness,
        });
        Committee::new(
            quorate_crypto::Epoch(0),
            self.engine,
            self.protocol,
            seats.collect(),
        )
    }

    /// Checks that there are seats, not too many, and that where there are more than three no member holds more than
    /// may lie, whatever the engine.
    fn check_shares(&self) -> Result<(), ErrorCode> {
        let count = self.seats.len();
        if count == 0 {
            return Err(ErrorCode::WOULD_STRAND);
        }
        if count > Committee::MAX_VALIDATORS {
            return Err(ErrorCode::OVER_SHARE);
        }
        if count <= 3 {
            return Ok(());
        }
        let most = (count - 1) / 3;
        let has_too_many = |seat: &OutlookSeat| {
            let own = self.seats.iter().filter(|other| other.member == seat.member);
            own.count() > most
        };
        if self.seats.iter().any(has_too_many) {
            return Err(ErrorCode::OVER_SHARE);
        }
        Ok(())
    }

    /// How many seats must be live: a quorum and as many as may lie, or all where that is more. Of no seat that is one too
    /// many.
    fn live_needed(&self) -> usize {
        let committee = self.committee();
        let liars = match self.engine {
            Engine::Pbft => committee.faults(),
            Engine::Raft | Engine::Paxos => 0,
        };
        (committee.quorum() + liars).min(committee.size()).max(1)
    }

    /// The same, its changes decided on.
    fn settled(mut self) -> Self {
        for seat in &mut self.seats {
            if let Standing::Joining { now, .. } = &mut seat.standing {
                *now = false;
            }
        }
        self
    }
}

impl OutlookSeat {
    fn is_sitting(&self, seat: SeatNumber) -> bool {
        matches!(self.standing, Standing::Sitting { number, .. } if number == seat)
    }
}
