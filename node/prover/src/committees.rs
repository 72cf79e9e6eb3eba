//! Committees of epochs, each named by its predecessor's last block, or by a recovery (`docs/formats.md`, section 17,
//! Committees; rule 27).

use quorate_crypto::{Epoch, Height};
use quorate_verifier::{CommitteeStep, MAX_STEPS, Proof, ProofBody, Trust};

use crate::error::{Failure, check_count};
use crate::{Part, ProveError, Source, finish, head};

/// Where a proof of committees starts: with what its verifier trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustedStart {
    /// With the genesis document.
    Genesis,
    /// With the block at this height, which the verifier has pinned.
    Pinned(Height),
}

/// Proves the committees of all epochs up to `to`.
///
/// # Errors
/// If that epoch has not begun, or is over at the pinned block.
pub fn prove_committees<S: Source>(
    source: &S,
    start: TrustedStart,
    to: Epoch,
) -> Result<Proof, ProveError<S::Error>> {
    let (trust, first) = match start {
        TrustedStart::Genesis => (Trust::Genesis, Epoch(0)),
        TrustedStart::Pinned(height) => pinned(source, height)?,
    };
    let count =
        to.0.checked_sub(first.0)
            .ok_or(Failure::<S>::NoEpoch { epoch: to })?;
    if source.epoch(to).map_err(ProveError::Source)?.is_none() {
        return Err(ProveError::NoEpoch { epoch: to });
    }
    check_count::<S>("steps", usize::try_from(count).unwrap_or(usize::MAX), MAX_STEPS)?;
    let steps = (first.0..to.0).map(|before| step_to(source, Epoch(before + 1)));
    let body = ProofBody::Committees {
        trust,
        steps: steps.collect::<Result<_, _>>()?,
    };
    finish(source, body)
}

/// The block, and the epoch whose committee it names.
fn pinned<S: Source>(source: &S, height: Height) -> Result<(Trust, Epoch), Failure<S>> {
    let header = head::header(source, height)?;
    let named = header.v1().next_committee;
    let own = head::epoch(source, header.v1().epoch)?;
    let committee = if own.committee.digest() == named {
        own.committee
    } else {
        // The epoch's last block names the next one's.
        head::epoch(source, Epoch(header.v1().epoch.0.saturating_add(1)))?.committee
    };
    if committee.digest() != named {
        return Err(ProveError::damaged(Part::Header, height.0));
    }
    let epoch = committee.epoch();
    Ok((Trust::Pinned { header, committee }, epoch))
}

/// How the epoch before leads to this one.
fn step_to<S: Source>(source: &S, epoch: Epoch) -> Result<CommitteeStep, Failure<S>> {
    if let Some(recovery) = source.recovery(epoch).map_err(ProveError::Source)? {
        return Ok(CommitteeStep::Recovery(recovery));
    }
    let next = head::epoch(source, epoch)?;
    let damaged = ProveError::damaged(Part::Epoch, epoch.0);
    let Some(last) = next.first.0.checked_sub(1) else {
        return Err(damaged);
    };
    let head = head::certified(source, Height(last))?;
    if head.header.v1().next_committee != next.committee.digest() {
        return Err(damaged);
    }
    Ok(CommitteeStep::Certificate {
        head,
        next: next.committee,
    })
}
