//! Reading: frame by frame, up to the end or to where a process died.

use quorate_ledger::decode;

use super::{Frame, FrameV1, MAGIC, MAX_ENTRY_BYTES, MAX_SEGMENT_BYTES, check_of};

/// How a recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a whole frame.
    Whole,
    /// In the middle of a frame: its process died while it wrote, or the machine did.
    Torn,
    /// With something that is no frame, at this byte, and more after it: the file was damaged.
    Damaged {
        /// Where.
        at: usize,
    },
}

/// Why bytes are no recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotARecording {
    /// They begin otherwise.
    #[error("it does not begin as a recording does")]
    Foreign,
    /// No engine stands at the beginning.
    #[error("it does not begin with an engine's state")]
    NoSegment,
}

/// The frames of a recording, in order.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
    ending: Ending,
}

/// What is found at some place.
enum Found<'a> {
    Payload(&'a [u8]),
    /// Less than a frame, up to the end.
    Short,
    /// Bytes that are no frame.
    Bad,
}

impl<'a> Frames<'a> {
    /// Those of a file.
    pub fn of(bytes: &'a [u8]) -> Result<Self, NotARecording> {
        if !bytes.starts_with(&MAGIC) {
            return Err(NotARecording::Foreign);
        }
        let frames = Self {
            bytes,
            at: MAGIC.len(),
            ending: Ending::Whole,
        };
        match frames.clone().next() {
            Some(FrameV1::Segment(_)) => Ok(frames),
            _ => Err(NotARecording::NoSegment),
        }
    }

    /// Where the next frame begins, or where the last one ends.
    pub fn at(&self) -> usize {
        self.at
    }

    /// How it ends; known when there are no more frames.
    pub fn ending(&self) -> Ending {
        self.ending
    }

    fn found(&self) -> Found<'a> {
        let rest = &self.bytes[self.at..];
        let Some((length, rest)) = rest.split_first_chunk() else {
            return Found::Short;
        };
        let Ok(length) = usize::try_from(u32::from_le_bytes(*length)) else {
            return Found::Bad;
        };
        if length > MAX_SEGMENT_BYTES {
            return Found::Bad;
        }
        let Some((payload, rest)) = rest.split_at_checked(length) else {
            return Found::Short;
        };
        match rest.first_chunk::<8>() {
            None => Found::Short,
            Some(check) if check_of(payload) == *check => Found::Payload(payload),
            // The disk of a machine that died may have the file's length and not its last bytes.
            Some(check) if rest.len() == check.len() => Found::Short,
            Some(_) => Found::Bad,
        }
    }
}

impl Iterator for Frames<'_> {
    type Item = FrameV1;

    fn next(&mut self) -> Option<FrameV1> {
        if self.ending != Ending::Whole || self.at == self.bytes.len() {
            return None;
        }
        let decoded = match self.found() {
            Found::Payload(payload) => match decode(payload, MAX_SEGMENT_BYTES) {
                Ok(Frame::V1(FrameV1::Entry(_))) if payload.len() > MAX_ENTRY_BYTES => None,
                Ok(Frame::V1(frame)) => Some((frame, payload.len())),
                Err(_) => None,
            },
            Found::Short => {
                self.ending = Ending::Torn;
                return None;
            }
            Found::Bad if self.bytes[self.at..].iter().all(|byte| *byte == 0) => {
                self.ending = Ending::Torn;
                return None;
            }
            Found::Bad => None,
        };
        let Some((frame, length)) = decoded else {
            self.ending = Ending::Damaged { at: self.at };
            return None;
        };
        self.at += 4 + length + 8;
        Some(frame)
    }
}
