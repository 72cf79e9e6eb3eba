//! The file of what was signed (`docs/formats.md`, section 18): a line, then a frame for each transaction.

use std::path::Path;

use quorate_client::Bytes;
use quorate_crypto::sha256;
use quorate_ledger::limits::MAX_TRANSACTION_BYTES;
use quorate_ledger::{Submission, decode, encode};
use quorate_tools::failure::Failure;
use serde::{Deserialize, Serialize};

use super::damaged;
use crate::pay::plan::Unit;

/// How the file begins.
pub(super) const HEADER: &[u8] = b"quorate journal 2\n";

/// Bytes of a frame's check behind its payload.
const CHECK_BYTES: usize = 8;

/// Bytes of a payload at most: two numbers and a submission with their frames.
const MAX_PAYLOAD_BYTES: usize = MAX_TRANSACTION_BYTES as usize + 32;

/// A frame's payload.
#[derive(Serialize, Deserialize)]
enum Payload {
    V1 {
        /// The first row that it pays, from 0.
        row: u64,
        /// How many.
        rows: u64,
        submission: Vec<u8>,
    },
}

/// A transaction that was written down before it was sent, or before it left for others to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The rows that it pays.
    pub(super) unit: Unit,
    pub(super) submission: Submission,
    /// Its canonical bytes.
    pub(super) bytes: Bytes,
}

/// What is to be appended for a transaction of these bytes.
pub(super) fn frame_of(unit: Unit, bytes: &[u8]) -> Vec<u8> {
    let payload = encode(&Payload::V1 {
        row: unit.first as u64,
        rows: unit.count as u64,
        submission: bytes.to_vec(),
    });
    let length = u32::try_from(payload.len()).expect("no submission has 4 GiB");
    let check = sha256(&payload);
    let check = check.0.iter().take(CHECK_BYTES).copied();
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend(payload);
    frame.extend(check);
    frame
}

/// The frames of a journal, and how many bytes of it are whole: a crash cuts off what was never acted on.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<(Vec<Frame>, usize), Failure> {
    let Some(mut rest) = bytes.strip_prefix(HEADER) else {
        // The file was made, and its first line not finished.
        if HEADER.starts_with(bytes) || is_zero(bytes) {
            return Ok((Vec::new(), 0));
        }
        return Err(
            Failure::failed(format!("{} is not a journal of this version", path.display()))
                .hint("move it away: what was executed is found on the ledger, by whoever has the same key"),
        );
    };
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let Some((payload, after)) =
            split(rest).map_err(|why| damaged(path, format!("at byte {at}"), &why))?
        else {
            break;
        };
        let frame = frame(payload).map_err(|why| damaged(path, format!("at byte {at}"), &why))?;
        frames.push(frame);
        rest = after;
    }
    Ok((frames, bytes.len() - rest.len()))
}

/// A frame's payload, and what is behind the frame.
type Split<'a> = (&'a [u8], &'a [u8]);

/// The next payload and what is behind its frame; none if the rest was cut off by a crash.
fn split(rest: &[u8]) -> Result<Option<Split<'_>>, String> {
    let Some((length, behind)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    if is_zero(rest) {
        return Ok(None);
    }
    let length = u32::from_le_bytes(*length) as usize;
    if length > MAX_PAYLOAD_BYTES {
        return Err(format!("a frame of {length} bytes, which none has"));
    }
    let Some((payload, behind)) = behind.split_at_checked(length) else {
        return Ok(None);
    };
    let Some((check, after)) = behind.split_at_checked(CHECK_BYTES) else {
        return Ok(None);
    };
    let digest = sha256(payload);
    if digest.0.get(..CHECK_BYTES) == Some(check) {
        Ok(Some((payload, after)))
    } else if after.is_empty() {
        Ok(None)
    } else {
        Err("the check of a frame fails".to_owned())
    }
}

fn frame(payload: &[u8]) -> Result<Frame, String> {
    let payload: Payload = decode(payload, MAX_PAYLOAD_BYTES).map_err(|error| error.to_string())?;
    let Payload::V1 {
        row,
        rows,
        submission: bytes,
    } = payload;
    let number = |number: u64| usize::try_from(number).map_err(|error| error.to_string());
    let unit = Unit {
        first: number(row)?,
        count: number(rows)?,
    };
    if unit.first.checked_add(unit.count).is_none() {
        return Err("rows that no file has".to_owned());
    }
    let submission = decode(&bytes, MAX_TRANSACTION_BYTES as usize).map_err(|error| error.to_string())?;
    Ok(Frame {
        unit,
        submission,
        bytes: Bytes::from(bytes),
    })
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use quorate_client::wallet::TransactionBuilder;
    use quorate_crypto::{ClientSigningKey, SigningKey};
    use quorate_ledger::{Address, Amount, Timestamp};

    use super::*;

    fn submission(salt: u8) -> Vec<u8> {
        let key = ClientSigningKey::from_ed25519(SigningKey::from_seed(&[9; 32]));
        let to = Address([3; 20]);
        let unsigned =
            TransactionBuilder::new(sha256(b"network"), key.key().address(), Timestamp(9), [salt; 16])
                .transfer(to, "QRT".parse().unwrap(), Amount(1), "rent")
                .build_with(|_| [salt; 16]);
        encode(&unsigned.sign([&key]))
    }

    const UNIT: Unit = Unit { first: 300, count: 2 };

    fn read_bytes(bytes: &[u8]) -> Result<(Vec<Frame>, usize), String> {
        read(Path::new("p.csv.journal"), bytes).map_err(|failure| failure.to_string())
    }

    fn two() -> Vec<u8> {
        let frames = [1, 2].map(|salt| frame_of(UNIT, &submission(salt)));
        [HEADER, frames[0].as_slice(), frames[1].as_slice()].concat()
    }

    /// By hand from sections 18 and 21: a length, then variant 0, two numbers of 8 bytes, the submission with its length,
    /// then 8 bytes of SHA-256.
    #[test]
    fn a_frame_is_as_the_page_says() {
        let bytes = submission(1);
        assert!((128..16_384).contains(&bytes.len()));
        let mut payload = vec![0];
        payload.extend([44, 1, 0, 0, 0, 0, 0, 0]);
        payload.extend([2, 0, 0, 0, 0, 0, 0, 0]);
        let length = bytes.len();
        payload.extend([(length & 0x7f) as u8 | 0x80, (length >> 7) as u8]);
        payload.extend(&bytes);
        let mut expected = (payload.len() as u32).to_le_bytes().to_vec();
        expected.extend(&payload);
        expected.extend(&sha256(&payload).0[..8]);
        assert_eq!(frame_of(UNIT, &bytes), expected);
        assert_eq!(HEADER, b"quorate journal 2\n");
    }

    #[test]
    fn what_was_cut_off_by_a_crash_ends_with_the_frame_before() {
        let whole = two();
        let first = HEADER.len() + frame_of(UNIT, &submission(1)).len();
        let (frames, length) = read_bytes(&whole).unwrap();
        assert_eq!((frames.len(), length), (2, whole.len()));
        assert_eq!(
            (frames[0].unit, frames[0].bytes.as_ref()),
            (UNIT, submission(1).as_slice())
        );
        for end in first..whole.len() {
            let (frames, length) = read_bytes(&whole[..end]).unwrap();
            assert_eq!((frames.len(), length), (1, first), "{end}");
        }
        let zeros = [whole.as_slice(), &[0; 100]].concat();
        let (frames, length) = read_bytes(&zeros).unwrap();
        assert_eq!((frames.len(), length), (2, whole.len()));
        for end in 0..HEADER.len() {
            assert_eq!(read_bytes(&whole[..end]).unwrap(), (Vec::new(), 0));
        }
    }

    #[test]
    fn damage_with_anything_after_it_is_not_passed_over() {
        let whole = two();
        let first = HEADER.len() + frame_of(UNIT, &submission(1)).len();
        for place in HEADER.len() + 4..first {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            let why = read_bytes(&damaged).unwrap_err();
            assert!(why.contains(&format!("at byte {}", HEADER.len())), "{why}");
        }
        // With nothing after it, it was not finished.
        let mut torn = whole.clone();
        *torn.last_mut().unwrap() ^= 1;
        assert_eq!(read_bytes(&torn).unwrap().1, first);
        let long = [HEADER, &[0xff; 4], &[0; 100]].concat();
        assert!(read_bytes(&long).is_err());
        assert!(
            read_bytes(b"{\"payment\":{\"version\":1}}\n")
                .unwrap_err()
                .contains("not a journal")
        );
    }
}
