use quorate_simulator::{Scenario, Simulation};

#[test]
fn calm_networks_certify_everything() {
    for validators in [1, 2, 3, 4, 7, 10] {
        for seed in 0..5 {
            let report = Simulation::new(Scenario::calm(validators, seed))
                .run()
                .expect_success();
            println!(
                "{validators} {seed}: height {} settled {} ms, {} events, {} messages",
                report.height, report.settled_ms, report.events, report.messages
            );
        }
    }
}
