//! A replica whose messages are often not what anybody would encode.

use quorate_consensus::Message;

use crate::Stage;

/// The message, bytes that are nearly it, or bytes that are nothing.
pub fn garbled(stage: &mut impl Stage, message: &Message) -> Vec<u8> {
    let random = stage.random();
    let mut bytes = quorate_ledger::encode(message);
    for _ in 0..random.between(0, 3) {
        let last = bytes.len().saturating_sub(1);
        let place = usize::try_from(random.between(0, last as u64)).unwrap_or(0);
        match random.between(0, 3) {
            0 => bytes
                .iter_mut()
                .skip(place)
                .take(1)
                .for_each(|byte| *byte ^= 1 << (place % 8)),
            1 => bytes.truncate(place),
            2 => bytes.extend_from_within(place..),
            _ => bytes = (0..place).map(|_| random.number() as u8).collect(),
        }
    }
    bytes
}
