//! So many lines of a kind in a while, and not more: whoever can cause one can cause a million.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata};
use tracing_subscriber::layer::{Context, Filter};

/// That while.
const PERIOD: Duration = Duration::from_secs(10);
/// Lines of a kind in it: a place in the code is a kind.
const LINES: u32 = 32;

static SUPPRESSED: AtomicU64 = AtomicU64::new(0);

/// Lines left out since the start.
pub(super) fn suppressed() -> u64 {
    SUPPRESSED.load(Ordering::Relaxed)
}

/// Counts lines by kind. There are as many kinds as the program has places that log.
#[derive(Debug, Default)]
pub(super) struct Limit {
    kinds: Mutex<HashMap<Identifier, Counted>>,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    since: Instant,
    lines: u32,
}

impl Limit {
    fn allows(&self, kind: Identifier, now: Instant) -> bool {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Counted { since: now, lines: 0 };
        let counted = kinds.entry(kind).or_insert(fresh);
        if now.duration_since(counted.since) >= PERIOD {
            *counted = fresh;
        }
        counted.lines = counted.lines.saturating_add(1);
        counted.lines <= LINES
    }
}

impl<S> Filter<S> for Limit {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        let written = *metadata.level() > Level::INFO || self.allows(metadata.callsite(), Instant::now());
        if !written {
            SUPPRESSED.fetch_add(1, Ordering::Relaxed);
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_flood_of_one_kind_of_line_leaves_room_for_others() {
        let written = Written::default();
        let sink = written.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(move || sink.clone())
            .with_filter(Limit::default());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..1_000 {
                tracing::warn!("what a peer can cause");
            }
            tracing::info!("something else");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches("what a peer can cause").count(), LINES as usize);
        assert_eq!(text.matches("something else").count(), 1);
    }

    #[test]
    fn a_kind_that_was_left_out_is_written_again_after_a_while() {
        let limit = Limit::default();
        let start = Instant::now();
        tracing::subscriber::with_default(tracing_subscriber::registry(), || {
            let kind = tracing::info_span!("a kind").metadata().map(Metadata::callsite);
            let kind = kind.expect("the span is enabled");
            let allowed = (0..100).filter(|_| limit.allows(kind.clone(), start)).count();
            assert_eq!(allowed, LINES as usize);
            assert!(limit.allows(kind, start + PERIOD));
        });
    }
}
