//! Writing a bundle, frame by frame.

use std::io::{self, Write};

use quorate_crypto::sha256;
use quorate_genesis::Genesis;
use quorate_ledger::{Digest, Height, Leaf, LogEntry, encode};
use sha2::{Digest as _, Sha256};

use super::{CHECK, End, Frame, FrameV1, ITEMS, MAGIC, Opening, StateOpening, limit_of};

/// A bundle in the making. It is torn until it is finished.
pub struct BundleWriter<W> {
    output: W,
    hasher: Sha256,
    blocks: u64,
    bytes: u64,
}

/// A bundle that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its blocks.
    pub blocks: u64,
    /// Its bytes.
    pub bytes: u64,
    /// The SHA-256 of all bytes before its end record.
    pub sha256: Digest,
}

impl<W: Write> BundleWriter<W> {
    /// Begins a bundle of the blocks of these heights; with a state there may be none, and `to` is then the height
    /// before `from`.
    ///
    /// # Errors
    /// If the output fails.
    pub fn begin(output: W, genesis: &Genesis, from: Height, to: Height) -> io::Result<Self> {
        let mut writer = Self {
            output,
            hasher: Sha256::new(),
            blocks: 0,
            bytes: 0,
        };
        writer.put(&MAGIC)?;
        writer.frame(FrameV1::Opening(Opening {
            network: genesis.id(),
            genesis: genesis.canonical_bytes(),
            from,
            to,
        }))?;
        Ok(writer)
    }

    /// Writes the state before the first block, right after the opening. There are as many entries and leaves as the
    /// state's opening says, these strictly ascending by key.
    ///
    /// # Errors
    /// If the output fails.
    pub fn state(
        &mut self,
        opening: StateOpening,
        entries: impl Iterator<Item = LogEntry>,
        leaves: impl Iterator<Item = Leaf>,
    ) -> io::Result<()> {
        self.frame(FrameV1::State(Box::new(opening)))?;
        self.list(entries, FrameV1::Entries)?;
        self.list(leaves, FrameV1::Leaves)
    }

    /// Writes the next block, by its canonical bytes.
    ///
    /// # Errors
    /// If the output fails, or it is longer than any block.
    pub fn block(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.frame(FrameV1::Block(bytes))?;
        self.blocks += 1;
        Ok(())
    }

    /// Writes the end record. Whether it is on the disk, the caller sees to.
    ///
    /// # Errors
    /// If the output fails.
    pub fn finish(mut self) -> io::Result<(W, Written)> {
        let end = End {
            blocks: self.blocks,
            sha256: Digest(self.hasher.clone().finalize().into()),
        };
        self.frame(FrameV1::End(end))?;
        self.output.flush()?;
        let written = Written {
            blocks: self.blocks,
            bytes: self.bytes,
            sha256: end.sha256,
        };
        Ok((self.output, written))
    }

    /// Writes a list in frames of 1,024 items, the last with the rest.
    fn list<T>(
        &mut self,
        mut items: impl Iterator<Item = T>,
        frame: impl Fn(Vec<T>) -> FrameV1,
    ) -> io::Result<()> {
        loop {
            let next: Vec<T> = items.by_ref().take(ITEMS).collect();
            if next.is_empty() {
                return Ok(());
            }
            self.frame(frame(next))?;
        }
    }

    fn frame(&mut self, frame: FrameV1) -> io::Result<()> {
        let payload = encode(&Frame::V1(frame));
        let limit = payload.get(1).copied().and_then(limit_of).unwrap_or(0);
        let length = u32::try_from(payload.len()).ok();
        let Some(length) = length.filter(|_| payload.len() <= limit) else {
            let reason = format!(
                "a frame of {} bytes does not fit into a bundle, at most {limit} are allowed",
                payload.len()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        };
        self.put(&length.to_le_bytes())?;
        self.put(&payload)?;
        self.put(&sha256(&payload).0[..CHECK])
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.write_all(bytes)?;
        self.hasher.update(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        Ok(())
    }
}
