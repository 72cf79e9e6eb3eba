//! Broken rules that need no network to be seen: each shows in the step that it is about. With `--nocapture` each
//! test prints its line of the table.

use quorate_consensus_broken::broken::{self, Rule};
use quorate_consensus_broken::pbft::{self, Replica, View};
use quorate_consensus_broken::{Action, Body, Config, Input, Message, TimerRange, Timing, Verified};
use quorate_crypto::{
    Committee, CommitteeSeat, Engine, Epoch, Height, MemberNumber, PublicKey, SeatNumber, Signature,
    ValidatorIndex, sha256,
};
use quorate_ledger::{Parameters, Proposal, Timestamp};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// In milliseconds; parameters allow ten minutes at most.
const DAY: u64 = 86_400_000;

/// What a backup of four is told.
fn config() -> Config {
    let seat = |number: u8| CommitteeSeat {
        member: MemberNumber(number.into()),
        seat: SeatNumber(number.into()),
        validator: PublicKey([number; 32]),
        node: PublicKey([100 + number; 32]),
        witness: PublicKey([200 + number; 32]),
    };
    let range = TimerRange {
        from_ms: 100,
        to_ms: 200,
    };
    Config {
        network: sha256(b"broken"),
        committee: Committee::new(Epoch(0), Engine::Pbft, 1, (1..=4).map(seat).collect()),
        index: Some(ValidatorIndex(1)),
        parameters: Parameters::default(),
        epoch_start: Height::GENESIS,
        epoch_end: None,
        certified: Height::GENESIS,
        certificate: None,
        inquiry: None,
        timing: Timing {
            resend: range,
            progress: range,
            progress_cap_ms: 1_000,
            heartbeat: range,
            election: range,
        },
    }
}

/// Whether a backup prepares what the primary proposes for the first height, at this time of the proposal's.
fn is_prepared(timestamp: Timestamp) -> bool {
    let (mut backup, _) = Replica::recover(config(), Vec::new());
    let proposal = Proposal::new(timestamp, vec![sha256(b"a batch")]);
    let (height, digest) = (Height(1), proposal.digest());
    let body = Body::Pbft(pbft::Body::PrePrepare {
        view: View(0),
        height,
        proposal,
    });
    let message = Message::new(Epoch(0), ValidatorIndex(0), body, Signature([7; 64]));
    backup.step(NOW, Input::Message(Verified::trusted(message)));
    let available = Input::ProposalAvailable {
        height,
        proposal: digest,
    };
    let step = backup.step(NOW, available);
    let prepares = |action: &Action| matches!(action, Action::Sign(Body::Pbft(pbft::Body::Prepare { .. })));
    step.actions.iter().any(prepares)
}

#[test]
fn time_that_is_held_back() {
    assert!(is_prepared(NOW), "whatever the rule");
    let yesterday = Timestamp(NOW.0 - DAY);
    broken::set(Some(Rule::LagNotJudged));
    let broken = is_prepared(yesterday);
    broken::set(None);
    let sound = is_prepared(yesterday);
    println!("| Engine(LagNotJudged) | script | a vote on a time that lies a day behind |");
    assert!(broken && !sound);
}
