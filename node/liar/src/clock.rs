//! What a liar does by itself: it begins its lie, says late what it keeps back, and speaks unasked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use crate::conduct::Shared;

/// How often it acts by itself.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Starts the thread; it ends with the process.
pub(crate) fn start(shared: Arc<Shared>, after: Option<Duration>) {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime of timers and signals can be made");
        runtime.block_on(run(&shared, after));
    };
    std::thread::Builder::new()
        .name("liar".to_owned())
        .spawn(run)
        .expect("a thread can be started");
}

async fn run(shared: &Arc<Shared>, after: Option<Duration>) {
    let mut begin = signal(SignalKind::user_defined1()).expect("signals can be awaited");
    let began = Instant::now();
    let mut tick_at = began;
    loop {
        let now = Instant::now();
        if after.is_some_and(|after| now.duration_since(began) >= after) {
            Shared::lie(shared);
        }
        if now >= tick_at {
            tick_at = now + TICK;
            shared.tick(now);
        }
        let next = shared.send_due(now).map_or(tick_at, |due| due.min(tick_at));
        tokio::select! {
            _ = begin.recv() => Shared::lie(shared),
            () = tokio::time::sleep_until(next.into()) => {}
        }
    }
}
