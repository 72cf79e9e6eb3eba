//! Proposals and ballots (`docs/formats.md`, section 15): members put changes to the vote, vote, and take proposals back;
//! seats attest that they are live. The ballot that decides carries the change out, or has it wait for the epoch's end.
//!
//! Nothing happens by time alone: an expired proposal stays open in its leaf until its member makes another one.

use quorate_crypto::{MemberNumber, PublicKey, Signature};

use super::operations::{Failure, Turn};
use super::working_state::{Undo, WorkingState};
use crate::limits::{MAX_ATTESTED_BELOW, MAX_OPEN_PROPOSALS, MAX_PENDING, MAX_PROPOSAL_LEAD_MS};
use crate::{
    Attestation, Attested, Attesting, Ballot, Cast, Change, ErrorCode, GovernanceProposalV1, InUseV1,
    MemberStatus, Owner, ProposalState, StateError, StateKey, StateReader, Taken, Timestamp, encode,
};

/// What the ballots so far mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Count {
    Passes,
    /// Enough can still vote for it.
    Open,
    /// It cannot pass any more.
    Fails,
}

impl<R: StateReader> WorkingState<'_, R> {
    /// Puts a change to the vote.
    pub(super) fn propose(
        &mut self,
        turn: &Turn<'_>,
        change: &Change,
        expires_at: Timestamp,
    ) -> Result<(), Failure<R::Error>> {
        let number = self.speaker(turn)?;
        self.answer_by_acting(number)?;
        let mut member = self.member(number)?.ok_or(ErrorCode::NOT_PERMITTED)?;
        if member.status != MemberStatus::Active {
            return Err(ErrorCode::NOT_PERMITTED.into());
        }
        let now = self.moment.timestamp;
        if expires_at <= now || expires_at.0 - now.0 > MAX_PROPOSAL_LEAD_MS {
            return Err(ErrorCode::BAD_UNTIL.into());
        }
        let mut open = Vec::new();
        for proposal in std::mem::take(&mut member.open) {
            if !self.expire(proposal)? {
                open.push(proposal);
            }
        }
        if open.len() >= MAX_OPEN_PROPOSALS {
            return Err(ErrorCode::TOO_MANY_PROPOSALS.into());
        }
        let members = self.members_present()?;
        let mut electorate = Vec::with_capacity(members.len());
        for voter in members {
            if voter.status == MemberStatus::Active && !self.take_for_dormant(voter.number)? {
                electorate.push(voter.number);
            }
        }
        let proposal = GovernanceProposalV1 {
            number: self.count_proposal()?,
            member: number,
            height: self.moment.height,
            expires_at,
            electorate,
            change: change.clone(),
            ballots: Vec::new(),
            attested: Vec::new(),
            state: ProposalState::Open,
        };
        self.judge(turn, &proposal)?;
        open.push(proposal.number);
        member.open = open;
        self.put_member(member)?;
        Ok(self.put_proposal(proposal)?)
    }

    /// Notes of a proposal that its time is over, if it is; gives whether it is not open any more.
    fn expire(&mut self, number: u64) -> Result<bool, StateError<R::Error>> {
        let key = StateKey::proposal(number);
        let mut proposal = self.proposal(number)?.ok_or(StateError::Damaged { key })?;
        if proposal.state != ProposalState::Open {
            return Ok(true);
        }
        if self.moment.timestamp < proposal.expires_at {
            return Ok(false);
        }
        proposal.state = ProposalState::Expired;
        self.put_proposal(proposal)?;
        Ok(true)
    }

    /// Checks that a change would fit if it were decided on now, attestations aside.
    fn judge(&mut self, turn: &Turn<'_>, proposal: &GovernanceProposalV1) -> Result<(), Failure<R::Error>> {
        let mark = self.undo.len();
        let judged = if proposal.change.waits() {
            self.fits_next_epoch(proposal, None)
        } else {
            self.enact(turn, proposal, None)
        };
        self.take_back_to(mark);
        judged
    }

    /// An open proposal whose time is not over.
    fn open_proposal(&mut self, number: u64) -> Result<GovernanceProposalV1, Failure<R::Error>> {
        let proposal = self.proposal(number)?.ok_or(ErrorCode::UNKNOWN_PROPOSAL)?;
        if proposal.state != ProposalState::Open || self.moment.timestamp >= proposal.expires_at {
            return Err(ErrorCode::PROPOSAL_CLOSED.into());
        }
        Ok(proposal)
    }

    /// Casts, changes or withdraws a member's ballot. The one that decides carries the change out.
    pub(super) fn vote(
        &mut self,
        turn: &Turn<'_>,
        number: u64,
        ballot: Ballot,
    ) -> Result<(), Failure<R::Error>> {
        let voter = self.speaker(turn)?;
        self.answer_by_acting(voter)?;
        let mut proposal = self.open_proposal(number)?;
        let status = self.member(voter)?.map(|member| member.status);
        if !proposal.electorate.contains(&voter) || status != Some(MemberStatus::Active) {
            return Err(ErrorCode::NOT_IN_ELECTORATE.into());
        }
        if !cast(&mut proposal.ballots, voter, ballot) {
            return Err(ErrorCode::ALREADY_SO.into());
        }
        match self.count_ballots(&proposal)? {
            Count::Open => Ok(self.put_proposal(proposal)?),
            Count::Fails => self.close(proposal, ProposalState::Rejected),
            Count::Passes => self.decide(turn, proposal),
        }
    }

    /// What the ballots mean: those of the electorate's members that are still active count, and never do fewer than a
    /// third of all that have not left pass anything.
    fn count_ballots(&mut self, proposal: &GovernanceProposalV1) -> Result<Count, StateError<R::Error>> {
        let (mut voters, mut yes, mut no) = (0_u32, 0_u32, 0_u32);
        for number in &proposal.electorate {
            let member = self.member(*number)?;
            let active = member.is_some_and(|member| member.status == MemberStatus::Active);
            if !active || self.take_for_dormant(*number)? {
                continue;
            }
            voters += 1;
            let found = proposal.ballots.binary_search_by_key(number, |cast| cast.member);
            match found.ok().and_then(|at| proposal.ballots.get(at)) {
                Some(Cast { yes: true, .. }) => yes += 1,
                Some(Cast { yes: false, .. }) => no += 1,
                None => {}
            }
        }
        let present = u32::try_from(self.members_present()?.len()).unwrap_or(u32::MAX);
        let engine = self.agreement.v1().committee.engine();
        let (_, majority) = self.rules()?.deciding(&proposal.change, engine);
        let needed = majority.of(voters).max(present.div_ceil(3));
        Ok(if yes >= needed {
            Count::Passes
        } else if voters - no < needed {
            Count::Fails
        } else {
            Count::Open
        })
    }

    /// Carries out a change that was decided on, or has it wait; what no longer fits lapses, wholly without effect. Too
    /// few attestations are no reason to lapse: the ballot is refused, and can be cast again.
    fn decide(&mut self, turn: &Turn<'_>, proposal: GovernanceProposalV1) -> Result<(), Failure<R::Error>> {
        let mark = self.undo.len();
        let waits = proposal.change.waits();
        let done = if waits {
            self.fits_next_epoch(&proposal, Some(&proposal.attested))
        } else {
            self.enact(turn, &proposal, Some(&proposal.attested))
        };
        match done {
            Ok(()) if waits => {
                self.add_pending(proposal.number)?;
                self.close(proposal, ProposalState::Passed)
            }
            Ok(()) => {
                let height = self.moment.height;
                self.close(proposal, ProposalState::Executed { height })
            }
            Err(Failure::Code(code)) if code != ErrorCode::UNATTESTED => {
                self.take_back_to(mark);
                self.close(proposal, ProposalState::Lapsed)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Has a proposal wait for the epoch's end, which is fixed by that.
    fn add_pending(&mut self, number: u64) -> Result<(), Failure<R::Error>> {
        let before = self.agreement.v1().pending.clone();
        if before.len() >= MAX_PENDING {
            return Err(ErrorCode::TOO_MANY_PROPOSALS.into());
        }
        let mut pending = before.clone();
        pending.push(number);
        self.agreement.set_pending(pending);
        self.undo.push(Undo::Pending(before));
        self.end_epoch_after();
        Ok(())
    }

    /// Writes what became of a proposal, which is then open no more.
    fn close(
        &mut self,
        mut proposal: GovernanceProposalV1,
        state: ProposalState,
    ) -> Result<(), Failure<R::Error>> {
        let number = proposal.number;
        if let Some(mut member) = self.member(proposal.member)? {
            member.open.retain(|open| *open != number);
            self.put_member(member)?;
        }
        proposal.state = state;
        Ok(self.put_proposal(proposal)?)
    }

    /// Takes a proposal back.
    pub(super) fn withdraw(&mut self, turn: &Turn<'_>, number: u64) -> Result<(), Failure<R::Error>> {
        let member = self.speaker(turn)?;
        self.answer_by_acting(member)?;
        let proposal = self.open_proposal(number)?;
        if proposal.member != member {
            return Err(ErrorCode::NOT_PERMITTED.into());
        }
        self.close(proposal, ProposalState::Withdrawn)
    }

    /// Takes a seat's word that it is live, and which protocols its program knows.
    pub(super) fn attest(
        &mut self,
        attestation: &Attestation,
        signature: &Signature,
    ) -> Result<(), Failure<R::Error>> {
        let said = attestation.v1();
        let mut proposal = self.open_proposal(said.proposal)?;
        let present = self.moment.height;
        let is_recent = proposal.height <= said.height
            && said.height < present
            && present.0 - said.height.0 <= MAX_ATTESTED_BELOW;
        let is_good = proposal.change.needs_live_seats()
            && said.network == self.moment.network
            && said.lowest <= said.highest
            && is_recent;
        if !is_good
            || self.reader.block_hash(said.height).map_err(StateError::Read)? != Some(said.block)
            || !attestation.is_signed_by_its_validator(signature)
        {
            return Err(ErrorCode::BAD_ATTESTATION.into());
        }
        let seat = self.attesting(&proposal.change, &said.validator)?;
        let encoded = encode(&seat);
        let place = proposal
            .attested
            .binary_search_by(|attested| encode(&attested.seat).cmp(&encoded));
        if let Attesting::Sitting(number) = seat
            && let Some(seat) = self.seat(number)?
        {
            self.note_attested(seat.member)?;
        }
        let (lowest, highest) = (said.lowest, said.highest);
        let now = Attested {
            seat,
            lowest,
            highest,
        };
        match place {
            // It says so already; of another version of the program it says something else.
            Ok(place) if proposal.attested[place] == now => return Err(ErrorCode::ALREADY_SO.into()),
            Ok(place) => proposal.attested[place] = now,
            Err(place) => proposal.attested.insert(place, now),
        }
        Ok(self.put_proposal(proposal)?)
    }

    /// The seat that a validator's key is of: one that sits, or the one that the change would add.
    fn attesting(&mut self, change: &Change, key: &PublicKey) -> Result<Attesting, Failure<R::Error>> {
        if let Some(InUseV1 {
            by: Owner::Seat(number),
            ..
        }) = self.in_use(&Taken::Key(key.0))?
            && let Some(seat) = self.seat(number)?
            && seat.sits
            && seat.validator == *key
        {
            return Ok(Attesting::Sitting(number));
        }
        match change {
            Change::AddSeat { validator, .. } if validator == key => Ok(Attesting::Joining(*key)),
            _ => Err(ErrorCode::UNKNOWN_SEAT.into()),
        }
    }
}

/// Enters a ballot; gives whether that changes anything.
fn cast(ballots: &mut Vec<Cast>, member: MemberNumber, ballot: Ballot) -> bool {
    let found = ballots.binary_search_by_key(&member, |cast| cast.member);
    let yes = match ballot {
        Ballot::Yes => true,
        Ballot::No => false,
        Ballot::Withdrawn => {
            return found.is_ok_and(|at| {
                ballots.remove(at);
                true
            });
        }
    };
    match found {
        Ok(at) if ballots[at].yes == yes => false,
        Ok(at) => {
            ballots[at].yes = yes;
            true
        }
        Err(at) => {
            ballots.insert(at, Cast { member, yes });
            true
        }
    }
}
