//! What a peer's bytes meet first, open to the fuzz targets.

use futures::executor::block_on;
use futures::io::Cursor;

use crate::frame::FrameReader;
use crate::hello::{Control, HelloV1, MAX_CONTROL_FRAME};

/// Reads the bytes of a stream as frames, up to the first that is refused.
pub fn frames(bytes: &[u8]) {
    let mut reader = FrameReader::new(Cursor::new(bytes), MAX_CONTROL_FRAME);
    let mut total = 0;
    while let Ok(Some(frame)) = block_on(reader.next()) {
        assert!(frame.len() <= MAX_CONTROL_FRAME as usize);
        total += frame.len() + 4;
    }
    assert!(total <= bytes.len());
}

/// Reads the bytes as a frame of a control stream: the first, and a later one.
pub fn handshake(bytes: &[u8]) {
    let _ = HelloV1::decode(bytes);
    if let Ok(control) = Control::decode(bytes) {
        assert_eq!(Control::encode(control), bytes, "a second encoding of one value");
    }
}
