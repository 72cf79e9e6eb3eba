//! Guardians (`docs/formats.md`, section 15): accounts that together can give another one new signers, after a delay in
//! which that account can refuse.

use quorate_crypto::Address;

use super::operations::{Failure, Turn};
use super::working_state::WorkingState;
use crate::{ErrorCode, GuardiansV1, Request, Signers, StateReader, Timestamp};

impl<R: StateReader> WorkingState<'_, R> {
    /// Names the acting party's guardians, or that it has none. A request under way ends by that.
    pub(super) fn set_guardians(
        &mut self,
        turn: &Turn<'_>,
        guardians: &[Address],
        threshold: u8,
        delay_ms: u64,
    ) -> Result<(), Failure<R::Error>> {
        let account = self.address(turn.acting);
        let before = self.guardians_of(&account)?;
        if guardians.is_empty() {
            if before.is_none() {
                return Err(ErrorCode::ALREADY_SO.into());
            }
            return Ok(self.put_guardians(&account, None)?);
        }
        if delay_ms < self.rules()?.guardian_delay_ms {
            return Err(ErrorCode::TOO_WEAK.into());
        }
        if guardians.contains(&account) {
            return Err(ErrorCode::NOT_PERMITTED.into());
        }
        let now = GuardiansV1 {
            account,
            guardians: guardians.to_vec(),
            threshold,
            delay_ms,
            request: None,
        };
        if before.as_ref() == Some(&now) {
            return Err(ErrorCode::ALREADY_SO.into());
        }
        Ok(self.put_guardians(&account, Some(now))?)
    }

    /// Asks for new signers of an account, as one of its guardians, who thereby accepts. A request for the same signers
    /// is accepted by that, and by no chance another one; one for others, that not enough guardians have accepted, makes
    /// place.
    pub(super) fn request_signers(
        &mut self,
        turn: &Turn<'_>,
        account: &Address,
        signers: &Signers,
    ) -> Result<(), Failure<R::Error>> {
        let (guardian, mut guarded) = self.guarded(turn, account)?;
        if !signers.is_reachable() {
            return Err(ErrorCode::THRESHOLD_UNREACHABLE.into());
        }
        if !signers.signers.iter().all(|signer| signer.key.is_good()) {
            return Err(ErrorCode::INVALID_KEY.into());
        }
        let needed = usize::from(guarded.threshold);
        let since = self.moment.timestamp;
        let request = match guarded.request.take() {
            Some(request) if request.accepted.len() >= needed => return Err(ErrorCode::ALREADY_SO.into()),
            Some(request) if request.signers == *signers => request,
            _ => Request {
                signers: signers.clone(),
                accepted: Vec::new(),
                since,
            },
        };
        let accepted = request.accepted_by(guardian, needed, since);
        guarded.request = Some(accepted.ok_or(ErrorCode::ALREADY_SO)?);
        Ok(self.put_guardians(account, Some(guarded))?)
    }

    /// The acting party, as a guardian of an account.
    fn guarded(
        &mut self,
        turn: &Turn<'_>,
        account: &Address,
    ) -> Result<(Address, GuardiansV1), Failure<R::Error>> {
        let guardian = self.address(turn.acting);
        let guarded = self.guardians_of(account)?.ok_or(ErrorCode::NOT_PERMITTED)?;
        if guarded.guardians.contains(&guardian) {
            Ok((guardian, guarded))
        } else {
            Err(ErrorCode::NOT_PERMITTED.into())
        }
    }

    /// Refuses a request, as the account itself; or accepts it, takes that back, or carries it out, as a guardian.
    pub(super) fn decide_request(
        &mut self,
        turn: &Turn<'_>,
        account: &Address,
        accept: bool,
    ) -> Result<(), Failure<R::Error>> {
        if self.address(turn.acting) == *account {
            return self.refuse_request(account, accept);
        }
        let (guardian, mut guarded) = self.guarded(turn, account)?;
        let needed = usize::from(guarded.threshold);
        let now = self.moment.timestamp;
        let mut request = guarded.request.take().ok_or(ErrorCode::ALREADY_SO)?;
        let place = request.accepted.binary_search(&guardian);
        match (accept, place) {
            (true, Err(_)) => guarded.request = request.accepted_by(guardian, needed, now),
            (true, Ok(_)) => {
                if request.accepted.len() < needed {
                    return Err(ErrorCode::ALREADY_SO.into());
                }
                if now.0.saturating_sub(request.since.0) < guarded.delay_ms {
                    return Err(ErrorCode::TOO_SOON.into());
                }
                self.put_guardians(account, Some(guarded))?;
                let place = self.account(account)?;
                self.set_signers(place, request.signers);
                return Ok(());
            }
            (false, Ok(place)) => {
                request.accepted.remove(place);
                guarded.request = Some(request).filter(|request| !request.accepted.is_empty());
            }
            (false, Err(_)) => return Err(ErrorCode::ALREADY_SO.into()),
        }
        Ok(self.put_guardians(account, Some(guarded))?)
    }

    fn refuse_request(&mut self, account: &Address, accept: bool) -> Result<(), Failure<R::Error>> {
        if accept {
            return Err(ErrorCode::NOT_PERMITTED.into());
        }
        let mut guarded = self.guardians_of(account)?.ok_or(ErrorCode::ALREADY_SO)?;
        if guarded.request.take().is_none() {
            return Err(ErrorCode::ALREADY_SO.into());
        }
        Ok(self.put_guardians(account, Some(guarded))?)
    }
}

impl Request {
    /// The request with one more acceptance, if it is one.
    fn accepted_by(mut self, guardian: Address, needed: usize, now: Timestamp) -> Option<Self> {
        let place = self.accepted.binary_search(&guardian).err()?;
        let was_settled = self.accepted.len() >= needed;
        self.accepted.insert(place, guardian);
        if !was_settled && self.accepted.len() >= needed {
            // From here on the account's time to refuse runs.
            self.since = now;
        }
        Some(self)
    }
}
