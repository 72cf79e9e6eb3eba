//! Where blocks come from.

use std::io::Read;

use quorate_ledger::Height;

use crate::{BundleError, BundleReader};

/// Certified blocks by height, as the bytes that `GET /v1/blocks/{height}` serves: of a node, a home or a bundle. Nothing
/// that it gives is believed.
pub trait BlockSource {
    /// Why a block could not be had.
    type Error;

    /// The block at a height; none if it is not there. A check asks for one height after the other, ascending.
    ///
    /// # Errors
    /// If it could not be found out.
    fn block(&mut self, height: Height) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Told once all blocks that are asked for were given.
    ///
    /// # Errors
    /// If what comes after the last of them shows that something is wrong with the source.
    fn end(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// A bundle's blocks. It can be asked for ascending heights alone; others are not there.
pub struct BundleBlocks<R> {
    bundle: BundleReader<R>,
    /// The height of the bundle's next block.
    next: Height,
}

impl<R: Read> BundleBlocks<R> {
    /// Those of a bundle of which no block was read yet.
    pub fn new(bundle: BundleReader<R>) -> Self {
        let next = bundle.opening().from;
        Self { bundle, next }
    }
}

impl<R: Read> BlockSource for BundleBlocks<R> {
    type Error = BundleError;

    fn block(&mut self, height: Height) -> Result<Option<Vec<u8>>, BundleError> {
        if height < self.next {
            return Ok(None);
        }
        // What lies before is not asked for.
        loop {
            let block = self.bundle.block()?;
            let at = self.next;
            if block.is_none() || at == height {
                self.next = Height(at.0.saturating_add(1));
                return Ok(block);
            }
            self.next = at.next();
        }
    }

    /// After the last block comes the end record.
    fn end(&mut self) -> Result<(), BundleError> {
        if self.next > self.bundle.opening().to {
            self.bundle.block()?;
        }
        Ok(())
    }
}
