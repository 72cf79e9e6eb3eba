//! Frames that wait to be sent to one peer on one channel, bounded in bytes.

use std::collections::VecDeque;

use bytes::Bytes;

/// What a waiting frame costs beyond its bytes, so that empty frames are bounded too.
pub(crate) const FRAME_COST: usize = 256;

/// First in, first out. `bytes` counts each frame with [`FRAME_COST`].
#[derive(Debug)]
pub(crate) struct Queue {
    frames: VecDeque<Bytes>,
    bytes: usize,
    limit: usize,
}

impl Queue {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            frames: VecDeque::new(),
            bytes: 0,
            limit,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The bytes of the frames themselves.
    pub(crate) fn payload(&self) -> usize {
        self.bytes - self.frames.len() * FRAME_COST
    }

    /// A frame of any size fits into an empty queue: channels bound frames.
    pub(crate) fn has_room_for(&self, size: usize) -> bool {
        self.frames.is_empty() || self.bytes + size + FRAME_COST <= self.limit
    }

    /// Makes room; says how many frames that took.
    pub(crate) fn drop_oldest_for(&mut self, size: usize) -> u64 {
        let mut dropped = 0;
        while !self.has_room_for(size) && self.pop().is_some() {
            dropped += 1;
        }
        dropped
    }

    pub(crate) fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len() + FRAME_COST;
        self.frames.push_back(frame);
    }

    pub(crate) fn pop(&mut self) -> Option<Bytes> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len() + FRAME_COST;
        Some(frame)
    }

    pub(crate) fn clear(&mut self) {
        self.frames = VecDeque::new();
        self.bytes = 0;
    }
}
