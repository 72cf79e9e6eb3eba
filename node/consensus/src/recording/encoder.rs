//! Writing: frames one after the other into a buffer, an input before its step and the outcome after it, so that
//! the input is there even if the engine never comes back.

use quorate_crypto::Epoch;
use quorate_ledger::Timestamp;
use serde::Serialize;

use super::{Fingerprint, Frame, FrameV1, Segment, check_of};
use crate::contract::{Input, Step};

/// Bytes of a frame's length, before it.
const LENGTH: usize = 4;

/// Encoded frames that nobody has taken yet.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
    /// Where the frame of an input begins whose outcome is still to come.
    open: Option<usize>,
}

/// What an entry's encoding begins with: all but the outcome.
#[derive(Serialize)]
enum Head<'a> {
    V1(HeadV1<'a>),
}

#[derive(Serialize)]
enum HeadV1<'a> {
    #[expect(dead_code, reason = "it keeps the place of the frame's first variant")]
    Segment,
    Entry(EntryHead<'a>),
}

#[derive(Serialize)]
struct EntryHead<'a> {
    epoch: Epoch,
    now: Timestamp,
    offset_us: u64,
    input: &'a Input,
}

impl Encoder {
    /// A segment begins.
    pub fn begin(&mut self, segment: Segment) {
        let start = self.start_frame();
        self.put(&Frame::V1(FrameV1::Segment(Box::new(segment))));
        self.end_frame(start);
    }

    /// An engine is about to be given this.
    pub fn input(&mut self, epoch: Epoch, now: Timestamp, offset_us: u64, input: &Input) {
        let start = self.start_frame();
        self.put(&Head::V1(HeadV1::Entry(EntryHead {
            epoch,
            now,
            offset_us,
            input,
        })));
        self.open = Some(start);
    }

    /// It has come back with this.
    pub fn outcome(&mut self, step: &Step) {
        if self.open.is_some() {
            self.close(Some(Fingerprint::of(step)));
        }
    }

    /// Takes back the input whose outcome is still to come.
    pub fn take_back(&mut self) {
        if let Some(start) = self.open.take() {
            self.bytes.truncate(start);
        }
    }

    /// How many bytes nobody has taken yet, with room for an outcome that is still to come.
    pub fn len(&self) -> usize {
        let outcome = 1 + size_of::<Fingerprint>() + size_of::<[u8; 8]>();
        self.bytes.len() + if self.open.is_some() { outcome } else { 0 }
    }

    /// Whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The frames so far. An input whose outcome has not come has none.
    pub fn take(&mut self) -> Vec<u8> {
        self.close(None);
        std::mem::take(&mut self.bytes)
    }

    fn close(&mut self, outcome: Option<Fingerprint>) {
        if let Some(start) = self.open.take() {
            self.put(&outcome);
            self.end_frame(start);
        }
    }

    fn put(&mut self, value: &impl Serialize) {
        bcs::serialize_into(&mut self.bytes, value).expect("what engines take is within BCS's limits");
    }

    fn start_frame(&mut self) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; LENGTH]);
        start
    }

    fn end_frame(&mut self, start: usize) {
        let payload = &self.bytes[start + LENGTH..];
        let length = u32::try_from(payload.len()).expect("engines and inputs are far smaller");
        let check = check_of(payload);
        self.bytes[start..start + LENGTH].copy_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(&check);
    }
}
