//! Networks whose links are long: what an order costs in message delays.

use quorate_simulator::{Command, Links, Scenario};

use crate::run;

const DELAY_MS: u64 = 20;

/// How long one batch waits, submitted at this validator of so many.
fn wait_ms(validators: usize, author: u16) -> u64 {
    let scenario = Scenario::calm(validators, 0)
        .without_batches()
        .at(500, Command::Submit(author, 1));
    let scenario = Scenario {
        links: Links {
            least_delay_us: DELAY_MS * 1_000,
            delay_us: DELAY_MS * 1_000,
            ..Links::default()
        },
        ..scenario
    };
    let waits = run(&scenario).into_iter().map(|report| report.longest_wait_ms);
    waits.max().expect("it was run")
}

#[test]
fn a_batch_is_certified_five_message_delays_after_it_was_packed() {
    for validators in [4, 7, 10, 16] {
        // The batch itself, pre-prepare, prepare, commit, seal; the primary's own saves the first.
        // Flushes come on top.
        for (author, delays) in [(1, 5), (0, 4)] {
            let (wait, least) = (wait_ms(validators, author), delays * DELAY_MS);
            assert!(
                (least..least + DELAY_MS).contains(&wait),
                "{validators} validators, author {author}: {wait} ms"
            );
        }
    }
}
