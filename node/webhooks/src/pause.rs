//! How long to wait between two attempts.

use std::time::Duration;

use crate::config::HookConfig;

/// The pause after so many attempts have failed: twice as long with each, up to the longest; and a fifth less to a fifth
/// more, as `random` says, so that what failed together is not tried together. Never shorter than a receiver asked for,
/// as far as that is no longer than the longest.
pub(crate) fn pause_after(
    failed: u32,
    config: &HookConfig,
    random: u16,
    retry_after: Option<Duration>,
) -> Duration {
    let doublings = failed.saturating_sub(1).min(31);
    let longest = config.retry_longest();
    let pause = config.retry_first().saturating_mul(1 << doublings).min(longest);
    let thousandths = 800 + u32::from(random) % 401;
    let pause = pause.saturating_mul(thousandths) / 1_000;
    pause.max(retry_after.unwrap_or_default().min(longest))
}

/// What a pause is drawn from.
pub(crate) fn random() -> u16 {
    let mut random = [0; 2];
    getrandom::fill(&mut random).expect("the operating system's random source works");
    u16::from_le_bytes(random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::config;

    /// What draws neither less nor more.
    const MIDDLE: u16 = 200;

    fn ms(failed: u32, random: u16, retry_after: Option<u64>) -> u128 {
        let config = HookConfig {
            retry_first_ms: 1_000,
            retry_longest_ms: 60_000,
            ..config()
        };
        pause_after(failed, &config, random, retry_after.map(Duration::from_secs)).as_millis()
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<u128> = (1..=8).map(|failed| ms(failed, MIDDLE, None)).collect();
        assert_eq!(
            pauses,
            [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
        );
        assert_eq!(ms(u32::MAX, MIDDLE, None), 60_000);
    }

    #[test]
    fn pauses_differ_by_a_fifth_at_most() {
        assert_eq!((ms(1, 0, None), ms(1, 400, None)), (800, 1_200));
        let all: Vec<u128> = (0..=u16::MAX).map(|random| ms(3, random, None)).collect();
        assert!(all.iter().all(|pause| (3_200..=4_800).contains(pause)));
    }

    #[test]
    fn a_receiver_may_ask_for_more_but_for_no_more_than_the_longest() {
        assert_eq!(ms(1, MIDDLE, Some(7)), 7_000);
        assert_eq!(ms(4, MIDDLE, Some(7)), 8_000);
        assert_eq!(ms(1, MIDDLE, Some(86_400)), 60_000);
    }
}
