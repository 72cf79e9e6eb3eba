//! Dormant members (`docs/formats.md`, section 15): one that signed nothing for long, that another one reported, and that
//! did not answer. It keeps what it has, and does not count in votes until it is reinstated.

use quorate_crypto::MemberNumber;

use super::operations::{Failure, Turn};
use super::working_state::WorkingState;
use crate::limits::MAX_ANSWER_MS;
use crate::{ErrorCode, MemberStatus, MemberV1, Report, StateError, StateReader};

impl<R: StateReader> WorkingState<'_, R> {
    /// Says that a member signed nothing for long.
    pub(super) fn report_dormant(
        &mut self,
        turn: &Turn<'_>,
        number: MemberNumber,
    ) -> Result<(), Failure<R::Error>> {
        let by = self.speaker(turn)?;
        let reporter = self.member(by)?.ok_or(ErrorCode::NOT_PERMITTED)?;
        if reporter.status != MemberStatus::Active {
            return Err(ErrorCode::NOT_PERMITTED.into());
        }
        let member = self.present_member(number)?.ok_or(ErrorCode::UNKNOWN_MEMBER)?;
        if member.status != MemberStatus::Active || member.reported.is_some() {
            return Err(ErrorCode::ALREADY_SO.into());
        }
        let timestamp = self.moment.timestamp;
        if timestamp.0.saturating_sub(member.signed.0) < self.rules()?.dormant_after_ms {
            return Err(ErrorCode::TOO_SOON.into());
        }
        Ok(self.put_member(MemberV1 {
            reported: Some(Report { by, timestamp }),
            ..member
        })?)
    }

    /// Answers such a report, as the member.
    pub(super) fn answer(&mut self, turn: &Turn<'_>, number: MemberNumber) -> Result<(), Failure<R::Error>> {
        if self.present_member(number)?.is_none() {
            return Err(ErrorCode::UNKNOWN_MEMBER.into());
        }
        if !self.speaks_for(turn.acting, number)? {
            return Err(ErrorCode::NOT_PERMITTED.into());
        }
        if self.answer_by_acting(number)? {
            Ok(())
        } else {
            Err(ErrorCode::ALREADY_SO.into())
        }
    }

    /// Ends a report on an active member, which is acting just now; gives whether there was one.
    pub(super) fn answer_by_acting(&mut self, number: MemberNumber) -> Result<bool, StateError<R::Error>> {
        let Some(member) = self.member(number)? else {
            return Ok(false);
        };
        if member.status != MemberStatus::Active || member.reported.is_none() {
            return Ok(false);
        }
        self.put_member(MemberV1 {
            reported: None,
            ..member
        })?;
        Ok(true)
    }

    /// Whether a member is dormant: from the first count after its time to answer was over. That is written down then.
    pub(super) fn take_for_dormant(&mut self, number: MemberNumber) -> Result<bool, StateError<R::Error>> {
        let Some(member) = self.present_member(number)? else {
            return Ok(false);
        };
        let Some(report) = member.reported.filter(|_| member.status == MemberStatus::Active) else {
            return Ok(member.status == MemberStatus::Dormant);
        };
        let answered = member.signed > report.timestamp;
        if answered || self.moment.timestamp.0.saturating_sub(report.timestamp.0) < MAX_ANSWER_MS {
            return Ok(false);
        }
        self.put_member(MemberV1 {
            status: MemberStatus::Dormant,
            ..member
        })?;
        Ok(true)
    }
}
