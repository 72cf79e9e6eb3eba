//! Frames on a stream: a 32-bit little-endian length, then that many bytes. A reader refuses a length
//! above its limit before it allocates; a writer gathers small frames into one write.

use std::io;

use bytes::Bytes;
use futures::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Bytes of the length before each frame.
pub(crate) const HEADER: usize = 4;
/// What a reader holds of a stream beyond the frame it assembles.
const READ_BUFFER: usize = 32 << 10;
/// Small frames are gathered up to this many bytes before they are written.
pub(crate) const WRITE_BUFFER: usize = 64 << 10;
/// Frames from this size on are written from where they are, without a copy.
const WRITE_THROUGH: usize = 16 << 10;

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// The sender announced more than the channel allows.
    #[error("a frame of {size} bytes, where {limit} are allowed")]
    TooLarge { size: u32, limit: u32 },
    /// The stream failed or ended in the middle of a frame.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads frames.
pub(crate) struct FrameReader<R> {
    io: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    limit: u32,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(io: R, limit: u32) -> Self {
        Self {
            io,
            buffer: vec![0; READ_BUFFER].into(),
            start: 0,
            end: 0,
            limit,
        }
    }

    /// The length of the next frame, within the limit; none where the stream ends between frames.
    pub(crate) async fn header(&mut self) -> Result<Option<u32>, FrameError> {
        while self.end - self.start < HEADER {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let read = self.io.read(&mut self.buffer[self.end..]).await?;
            if read == 0 {
                return if self.end == 0 {
                    Ok(None)
                } else {
                    Err(ended_early())
                };
            }
            self.end += read;
        }
        let (header, _) = self.buffer[self.start..self.end]
            .split_first_chunk::<HEADER>()
            .expect("the loop ends with a whole header");
        let size = u32::from_le_bytes(*header);
        self.start += HEADER;
        if size > self.limit {
            return Err(FrameError::TooLarge {
                size,
                limit: self.limit,
            });
        }
        Ok(Some(size))
    }

    /// The frame whose header was just read.
    pub(crate) async fn body(&mut self, size: u32) -> Result<Bytes, FrameError> {
        let size = size as usize;
        let buffered = (self.end - self.start).min(size);
        let held = &self.buffer[self.start..self.start + buffered];
        self.start += buffered;
        if buffered == size {
            return Ok(Bytes::copy_from_slice(held));
        }
        let mut frame = vec![0; size];
        frame[..buffered].copy_from_slice(held);
        self.io.read_exact(&mut frame[buffered..]).await?;
        Ok(frame.into())
    }

    /// The next frame; none where the stream ends between frames.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, FrameError> {
        match self.header().await? {
            Some(size) => self.body(size).await.map(Some),
            None => Ok(None),
        }
    }
}

/// Writes frames. What was written leaves with [`FrameWriter::flush`] at the latest.
pub(crate) struct FrameWriter<W> {
    io: W,
    buffer: Vec<u8>,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    pub(crate) fn new(io: W) -> Self {
        Self {
            io,
            buffer: Vec::new(),
        }
    }

    /// Writes a frame. The caller has checked its size.
    pub(crate) async fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        let size = u32::try_from(frame.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a frame of 4 GiB or more"))?;
        self.buffer.extend_from_slice(&size.to_le_bytes());
        if frame.len() >= WRITE_THROUGH {
            self.drain().await?;
            return self.io.write_all(frame).await;
        }
        self.buffer.extend_from_slice(frame);
        if self.buffer.len() >= WRITE_BUFFER {
            self.drain().await?;
        }
        Ok(())
    }

    /// Hands everything to the connection and lets it go out.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.drain().await?;
        self.io.flush().await
    }

    /// Flushes, then tells the reader that nothing follows.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        self.drain().await?;
        self.io.close().await
    }

    async fn drain(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.io.write_all(&self.buffer).await?;
            self.buffer.clear();
        }
        Ok(())
    }
}

fn ended_early() -> FrameError {
    FrameError::Io(io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the stream ended within a frame",
    ))
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::io::Cursor;

    use super::*;

    fn written(frames: &[Vec<u8>]) -> Vec<u8> {
        let mut writer = FrameWriter::new(Cursor::new(Vec::new()));
        block_on(async {
            for frame in frames {
                writer.write(frame).await.unwrap();
            }
            writer.flush().await.unwrap();
        });
        writer.io.into_inner()
    }

    #[test]
    fn frames_come_out_as_they_went_in() {
        let sizes = [0, 1, 3, 16_383, 16_384, 40_000, 5, 300_000, 0, 32_764, 32_768, 7];
        let frames: Vec<Vec<u8>> = sizes
            .iter()
            .enumerate()
            .map(|(i, size)| vec![i as u8; *size])
            .collect();
        let mut reader = FrameReader::new(Cursor::new(written(&frames)), 1 << 20);
        for frame in &frames {
            assert_eq!(&block_on(reader.next()).unwrap().unwrap()[..], &frame[..]);
        }
        assert!(block_on(reader.next()).unwrap().is_none());
    }

    #[test]
    fn the_encoding_is_length_then_bytes() {
        assert_eq!(written(&[b"abc".to_vec()]), b"\x03\x00\x00\x00abc");
    }

    #[test]
    fn a_frame_above_the_limit_is_refused_at_its_header() {
        let mut reader = FrameReader::new(Cursor::new(b"\xff\xff\xff\xff".to_vec()), 1 << 20);
        let error = block_on(reader.next()).unwrap_err();
        assert!(matches!(error, FrameError::TooLarge { size: u32::MAX, limit } if limit == 1 << 20));
    }

    #[test]
    fn a_torn_frame_is_an_error_and_not_an_end() {
        for torn in [&b"\x03\x00"[..], b"\x03\x00\x00\x00", b"\x03\x00\x00\x00ab"] {
            let mut reader = FrameReader::new(Cursor::new(torn.to_vec()), 16);
            assert!(
                matches!(block_on(reader.next()), Err(FrameError::Io(_))),
                "{torn:?}"
            );
        }
    }
}
