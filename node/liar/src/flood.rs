//! Junk at full speed: as fast as links take it, within a part of a processor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use quorate_consensus::{Body, Message, pbft};
use quorate_crypto::{Height, Signature, ValidatorIndex, sha256};
use quorate_lies::Random;
use quorate_runtime::Means;

/// Messages between two looks at the clock.
const ROUND: u32 = 64;
/// How long it rests when links are full or its time is used up.
const REST: Duration = Duration::from_millis(1);

/// Sends until it is told to stop.
pub(crate) fn flood(means: &Means, processor: f64, seed: u64, stop: &Arc<AtomicBool>) {
    let mut random = Random::new(seed);
    let peers = means.peers();
    let (began, used) = (Instant::now(), processor_seconds());
    while !stop.load(Ordering::Relaxed) {
        let spent = processor_seconds() - used;
        if spent > began.elapsed().as_secs_f64() * processor {
            std::thread::sleep(REST);
            continue;
        }
        let mut is_full = true;
        for _ in 0..ROUND {
            let junk = junk(means, &mut random);
            for peer in &peers {
                is_full &= !means.send(*peer, junk.clone());
            }
        }
        if is_full {
            std::thread::sleep(REST);
        }
    }
}

/// Bytes that are no message, a vote whose signature does not fit, a vote for nothing, or a complaint again.
fn junk(means: &Means, random: &mut Random) -> Bytes {
    let epoch = means.committee().epoch();
    let number = random.number();
    let vote = pbft::Body::Commit {
        view: pbft::View(number % 3),
        height: Height(number % 64),
        proposal: sha256(&number.to_le_bytes()),
    };
    let message = match number % 4 {
        0 => {
            let length = usize::try_from(number >> 54).unwrap_or(0);
            let bytes = sha256(&number.to_le_bytes()).0;
            return Bytes::from_iter(bytes.iter().copied().cycle().take(length));
        }
        1 => {
            let victim = ValidatorIndex(u16::try_from(number % means.committee().size() as u64).unwrap_or(0));
            Message::new(epoch, victim, Body::Pbft(vote), Signature([7; 64]))
        }
        2 => means.sign(means.network(), epoch, Body::Pbft(vote)),
        _ => {
            let complaint = pbft::Body::Complaint { view: pbft::View(0) };
            means.sign(means.network(), epoch, Body::Pbft(complaint))
        }
    };
    Bytes::from(quorate_ledger::encode(&message))
}

/// What this process has used.
fn processor_seconds() -> f64 {
    // User and system time are fields 14 and 15, in ticks of 10 ms on every Linux that this is run on.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_ascii_whitespace().skip(11).take(2);
    ticks.filter_map(|text| text.parse::<f64>().ok()).sum::<f64>() / 100.0
}
