//! Reading a bundle, frame by frame. Lengths are looked at before anything is read, and what is read is checked before
//! it is decoded.

use std::io::{self, Read};

use quorate_crypto::sha256;
use quorate_genesis::Genesis;
use quorate_ledger::{Digest, Height, Leaf, LogEntry, decode};
use sha2::{Digest as _, Sha256};

use super::{
    After, BundleError, CHECK, End, Frame, FrameV1, ITEMS, MAGIC, Opening, StateOpening, StateParts,
    frames_of, limit_of,
};

/// A bundle, read from its beginning to its end.
pub struct BundleReader<R> {
    frames: Frames<R>,
    opening: Opening,
    genesis: Genesis,
    /// The frame after the opening or the state, where it was read to see what it is.
    ahead: Option<FrameV1>,
    /// Whether what stands after the opening was looked at.
    begun: bool,
    /// Blocks so far.
    blocks: u64,
    is_over: bool,
}

/// The frames of a bundle, with what is known of the bytes before them.
struct Frames<R> {
    input: R,
    hasher: Sha256,
    /// Bytes so far.
    at: u64,
    after: After,
}

impl<R: Read> BundleReader<R> {
    /// Begins to read: the opening, with its genesis document.
    ///
    /// # Errors
    /// If it is no bundle's.
    pub fn open(input: R) -> Result<Self, BundleError> {
        let mut frames = Frames::begin(input)?;
        let at = frames.at;
        let FrameV1::Opening(opening) = frames.next()?.0 else {
            return frames.refuse(at, "a bundle begins with its opening");
        };
        let genesis = match Genesis::decode(&opening.genesis) {
            Ok(genesis) if genesis.id() == opening.network => genesis,
            Ok(genesis) => {
                let reason = format!("its genesis document is of the network {}", genesis.id());
                return frames.refuse(at, reason);
            }
            Err(error) => return frames.refuse(at, format!("its genesis document: {error}")),
        };
        if opening.count().is_none() {
            let (from, to) = (opening.from, opening.to);
            return frames.refuse(at, format!("there are no blocks from {from} to {to}"));
        }
        frames.after = After::Opening;
        Ok(Self {
            frames,
            opening,
            genesis,
            ahead: None,
            begun: false,
            blocks: 0,
            is_over: false,
        })
    }

    /// What the bundle is of, by its own word.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// Its own genesis document; worth no more than the bundle.
    pub fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// The state before the first block, if the bundle has one. To be asked before the first block; later it is none.
    ///
    /// # Errors
    /// If the file is none that may be so.
    pub fn state(&mut self) -> Result<Option<StateParts>, BundleError> {
        if self.begun {
            return Ok(None);
        }
        let Some(opening) = self.begin()? else {
            return Ok(None);
        };
        let (mut entries, mut leaves): (Vec<LogEntry>, Vec<Leaf>) = (Vec::new(), Vec::new());
        for place in 0..frames_of(opening.entries) {
            entries.append(&mut self.frames.entries(opening.entries, place)?);
        }
        for place in 0..frames_of(opening.leaves) {
            leaves.append(&mut self.frames.leaves(opening.leaves, place)?);
        }
        Ok(Some(StateParts {
            opening,
            entries,
            leaves,
        }))
    }

    /// The next block's bytes; none after the last, and then the end record was there and is right.
    ///
    /// # Errors
    /// If the file is none that may be so.
    pub fn block(&mut self) -> Result<Option<Vec<u8>>, BundleError> {
        if !self.begun {
            self.skip_state()?;
        }
        if self.is_over {
            return Ok(None);
        }
        let at = self.frames.at;
        let (frame, before) = match self.ahead.take() {
            Some(frame) => (frame, None),
            None => {
                let (frame, before) = self.frames.next()?;
                (frame, Some(before))
            }
        };
        match (frame, before) {
            (FrameV1::Block(bytes), _) => {
                let announced = self.opening.count().unwrap_or(0);
                if self.blocks == announced {
                    let reason = format!("it is a block more than the {announced} that are announced");
                    return self.frames.refuse(at, reason);
                }
                self.frames.after = After::Block(Height(self.opening.from.0.saturating_add(self.blocks)));
                self.blocks += 1;
                Ok(Some(bytes))
            }
            (FrameV1::End(end), Some(before)) => self.end(end, before).map(|()| None),
            _ => self
                .frames
                .refuse(at, "a block or the end record should stand here"),
        }
    }

    /// Looks at what stands after the opening: a state's beginning, or what comes after.
    fn begin(&mut self) -> Result<Option<StateOpening>, BundleError> {
        self.begun = true;
        let (at, count) = (self.frames.at, self.opening.count());
        if self.opening.from == Height(1) {
            // Genesis is the state there, so the next frame is a block's.
            return match count {
                Some(0) => self.frames.refuse(at, "it has neither blocks nor a state"),
                _ => Ok(None),
            };
        }
        let (frame, _) = self.frames.next()?;
        match frame {
            FrameV1::State(opening) => {
                self.frames.after = After::State;
                Ok(Some(*opening))
            }
            FrameV1::Block(_) if count != Some(0) => {
                self.ahead = Some(frame);
                Ok(None)
            }
            _ => self.frames.refuse(at, "a state or a block should stand here"),
        }
    }

    /// Reads over the state, if there is one.
    fn skip_state(&mut self) -> Result<(), BundleError> {
        let Some(opening) = self.begin()? else {
            return Ok(());
        };
        for place in 0..frames_of(opening.entries) {
            self.frames.entries(opening.entries, place)?;
        }
        for place in 0..frames_of(opening.leaves) {
            self.frames.leaves(opening.leaves, place)?;
        }
        Ok(())
    }

    /// Checks the end record, before which the bytes have this hash, and that nothing follows.
    fn end(&mut self, end: End, found: Digest) -> Result<(), BundleError> {
        let blocks = self.blocks;
        for said in [self.opening.count().unwrap_or(0), end.blocks] {
            if said != blocks {
                return Err(BundleError::Count { said, found: blocks });
            }
        }
        if end.sha256 != found {
            return Err(BundleError::Hash {
                said: end.sha256,
                found,
            });
        }
        self.frames.after = After::End;
        if self.frames.is_more()? {
            return self.frames.refuse(self.frames.at, "nothing should stand here");
        }
        self.is_over = true;
        Ok(())
    }
}

impl<R: Read> Frames<R> {
    fn begin(input: R) -> Result<Self, BundleError> {
        let mut frames = Self {
            input,
            hasher: Sha256::new(),
            at: 0,
            after: After::Magic,
        };
        let mut magic = [0; MAGIC.len()];
        match frames.fill(&mut magic, 0) {
            Ok(()) if magic == MAGIC => {}
            Ok(()) | Err(BundleError::Torn { .. }) => return Err(BundleError::NotABundle),
            Err(error) => return Err(error),
        }
        frames.hasher.update(magic);
        frames.at = MAGIC.len() as u64;
        Ok(frames)
    }

    /// The next frame, and the hash of all bytes before it.
    fn next(&mut self) -> Result<(FrameV1, Digest), BundleError> {
        let at = self.at;
        let before = self.hasher.clone();
        let mut length = [0; 4];
        self.fill(&mut length, at)?;
        self.hasher.update(length);
        let length = u32::from_le_bytes(length) as usize;
        // The version and the variant.
        let mut front = [0; 2];
        if length < front.len() {
            return self.refuse(at, format!("no frame has {length} bytes"));
        }
        self.fill(&mut front, at)?;
        let [version, variant] = front;
        let Some(limit) = limit_of(variant).filter(|_| version == 0) else {
            return self.refuse(at, format!("there is no frame of kind {version}.{variant}"));
        };
        if length > limit {
            return self.refuse(at, format!("it has {length} bytes, at most {limit} are allowed"));
        }
        let mut payload = front.to_vec();
        // What is announced need not come: memory is taken for what is there.
        let rest = (length - front.len()) as u64;
        let read = (&mut self.input).take(rest).read_to_end(&mut payload)? as u64;
        if read < rest {
            return self.torn(at);
        }
        let mut check = [0; CHECK];
        self.fill(&mut check, at)?;
        if sha256(&payload).0[..CHECK] != check {
            return Err(BundleError::Damaged {
                after: self.after,
                at,
            });
        }
        self.hasher.update(&payload);
        self.hasher.update(check);
        self.at = at.saturating_add((4 + length + CHECK) as u64);
        let before = Digest(before.finalize().into());
        match decode::<Frame>(&payload, limit) {
            Ok(Frame::V1(frame)) => Ok((frame, before)),
            Err(error) => self.refuse(at, error.to_string()),
        }
    }

    /// The frame in this place of those that a list of so many entries takes.
    fn entries(&mut self, all: u64, place: u64) -> Result<Vec<LogEntry>, BundleError> {
        let at = self.at;
        match self.next()?.0 {
            FrameV1::Entries(entries) if is_whole(entries.len(), all, place) => Ok(entries),
            _ => self.refuse(
                at,
                "the next entries of the log should stand here, 1,024 or the rest",
            ),
        }
    }

    /// The same of leaves of the state.
    fn leaves(&mut self, all: u64, place: u64) -> Result<Vec<Leaf>, BundleError> {
        let at = self.at;
        match self.next()?.0 {
            FrameV1::Leaves(leaves) if is_whole(leaves.len(), all, place) => Ok(leaves),
            _ => self.refuse(
                at,
                "the next leaves of the state should stand here, 1,024 or the rest",
            ),
        }
    }

    /// Reads bytes of the frame at `at`, all of which must be there.
    fn fill(&mut self, bytes: &mut [u8], at: u64) -> Result<(), BundleError> {
        match self.input.read_exact(bytes) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => self.torn(at),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether there is anything more.
    fn is_more(&mut self) -> Result<bool, BundleError> {
        let mut byte = Vec::new();
        let read = (&mut self.input).take(1).read_to_end(&mut byte)?;
        Ok(read > 0)
    }

    fn torn<T>(&self, at: u64) -> Result<T, BundleError> {
        Err(BundleError::Torn {
            after: self.after,
            at,
        })
    }

    fn refuse<T>(&self, at: u64, reason: impl Into<String>) -> Result<T, BundleError> {
        Err(BundleError::Malformed {
            after: self.after,
            at,
            reason: reason.into(),
        })
    }
}

/// Whether the frame in this place of a list of `all` items has as many as it must.
fn is_whole(items: usize, all: u64, place: u64) -> bool {
    let before = place.saturating_mul(ITEMS as u64);
    items as u64 == all.saturating_sub(before).min(ITEMS as u64)
}
