//! Smoke.
use quorate_simulator::{Scenario, Simulation};

#[test]
fn stormy() {
    let start: u64 = std::env::var("SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(0);
    let count: u64 = std::env::var("COUNT")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(200);
    let liars = std::env::var("LIARS").is_ok();
    let mut failures = 0;
    let (mut settled, mut views, mut events) = (0, 0, 0);
    for seed in start..start + count {
        let validators = [1, 4, 4, 7, 10, 4, 5][(seed % 7) as usize];
        let mut s = Scenario::stormy(validators, seed);
        if liars {
            s = s.with_liars();
        }
        let report = Simulation::new(s).run();
        settled = settled.max(report.settled_ms);
        views = views.max(report.view);
        events += report.events;
        if let Some(f) = &report.failure {
            failures += 1;
            println!("seed {seed} n {validators}: {}", &f[..f.len().min(900)]);
            if count == 1 {
                report.expect_success();
            }
            if failures > 5 {
                break;
            }
        }
    }
    println!("{failures} failures, settled at most {settled} ms, views {views}, events {events}");
    assert_eq!(failures, 0);
}
