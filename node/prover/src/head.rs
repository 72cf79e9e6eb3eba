//! Headers with seals: exactly a quorum, those of the lowest validators (`docs/formats.md`, section 17; rule 26).

use quorate_crypto::{Epoch, Height};
use quorate_ledger::{CertifiedHeader, Header};

use crate::error::Failure;
use crate::{EpochRow, Part, ProveError, Source};

/// The header of a block that is there.
pub(crate) fn header<S: Source>(source: &S, height: Height) -> Result<Header, Failure<S>> {
    let found = source.header(height).map_err(ProveError::Source)?;
    found.ok_or(Failure::<S>::NoBlock { height })
}

/// The same with its seals. They are not checked: whoever wrote the block has.
pub(crate) fn certified<S: Source>(source: &S, height: Height) -> Result<CertifiedHeader, Failure<S>> {
    let header = header(source, height)?;
    let quorum = epoch(source, header.v1().epoch)?.committee.quorum();
    let certificate = source.certificate(height).map_err(ProveError::Source)?;
    let mut seals = certificate.map_or(Vec::new(), |certificate| certificate.seals().to_vec());
    if seals.len() < quorum {
        return Err(ProveError::damaged(Part::Certificate, height.0));
    }
    seals.truncate(quorum);
    Ok(CertifiedHeader { header, seals })
}

/// An epoch that must be there, as a block is of it.
pub(crate) fn epoch<S: Source>(source: &S, epoch: Epoch) -> Result<EpochRow, Failure<S>> {
    let found = source.epoch(epoch).map_err(ProveError::Source)?;
    found.ok_or(Failure::<S>::damaged(Part::Epoch, epoch.0))
}
