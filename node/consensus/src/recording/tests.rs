use quorate_crypto::{CommitteeSeat, Height, MemberNumber, SeatNumber, Signature, SigningKey};
use quorate_ledger::{Parameters, encode};

use super::*;
use crate::contract::{Config, Timer, TimerRange, Timing};
use crate::message::{Body, Message, Verified};

fn engine(protocol: quorate_crypto::Engine) -> Engine {
    let key = |seed: u8| SigningKey::from_seed(&[seed; 32]).public();
    let seat = |number: u8| CommitteeSeat {
        member: MemberNumber(number.into()),
        seat: SeatNumber(number.into()),
        validator: key(number),
        node: key(100 + number),
        witness: key(200 + number),
    };
    let range = TimerRange {
        from_ms: 20,
        to_ms: 40,
    };
    let config = Config {
        network: Digest([7; 32]),
        committee: Committee::new(Epoch(2), protocol, 1, (1..=4).map(seat).collect()),
        index: Some(ValidatorIndex(1)),
        parameters: Parameters::default(),
        epoch_start: Height(8),
        epoch_end: None,
        certified: Height(8),
        certificate: None,
        inquiry: None,
        timing: Timing {
            resend: range,
            progress: range,
            progress_cap_ms: 100,
            heartbeat: range,
            election: range,
        },
    };
    Engine::start(config).0
}

fn segment(engine: &Engine) -> Segment {
    Segment {
        software: "1.2.3".to_owned(),
        beginning: Beginning::Gap,
        network: Digest([7; 32]),
        began: Timestamp(500),
        names: vec!["alpha".to_owned(), "beta".to_owned()],
        own: ValidatorIndex(1),
        engines: vec![Recorded::of(engine)],
    }
}

/// One of every kind.
fn inputs() -> Vec<Input> {
    let body = Body::Seal {
        height: Height(9),
        block: Digest([1; 32]),
    };
    let message = Message::new(Epoch(2), ValidatorIndex(0), body, Signature([2; 64]));
    vec![
        Input::Message(Verified::trusted(message.clone())),
        Input::Own(message),
        Input::BatchesAvailable(vec![Digest([3; 32])]),
        Input::BatchesObsolete(vec![]),
        Input::ProposalAvailable {
            height: Height(9),
            proposal: Digest([4; 32]),
        },
        Input::EpochEnds(Height(40)),
        Input::Executed {
            height: Height(9),
            block: Digest([1; 32]),
        },
        Input::Connected(ValidatorIndex(3)),
        Input::Stopping,
        Input::Timeout(Timer::Progress { reign: 6 }),
        Input::OnDisk(Height(8)),
        Input::HeldBack(ValidatorIndex(1)),
    ]
}

#[test]
fn golden_encodings() {
    let mut lines = Vec::new();
    for input in inputs() {
        let mut encoder = Encoder::default();
        encoder.input(Epoch(2), Timestamp(501), 1_000, &input);
        encoder.outcome(&Step::default());
        lines.push(hex::encode(encoder.take()));
    }
    let recorded = Recorded {
        committee: engine(quorate_crypto::Engine::Raft).committee().clone(),
        image: b"an engine".to_vec(),
    };
    let mut encoder = Encoder::default();
    encoder.begin(Segment {
        engines: vec![recorded],
        ..segment(&engine(quorate_crypto::Engine::Raft))
    });
    lines.push(hex::encode(encoder.take()));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_is_encoded_is_read_back() {
    let mut running = engine(quorate_crypto::Engine::Pbft);
    let mut encoder = Encoder::default();
    encoder.begin(segment(&running));
    let mut expected = Vec::new();
    for (number, input) in (0..).zip(inputs()) {
        let now = Timestamp(number);
        encoder.input(Epoch(2), now, number, &input);
        // Made up inputs, of which some would have an engine panic.
        let step = match input {
            Input::Connected(_) | Input::BatchesAvailable(_) => running.step(now, input.clone()),
            _ => Step::default(),
        };
        encoder.outcome(&step);
        expected.push(Entry {
            epoch: Epoch(2),
            now,
            offset_us: number,
            input,
            outcome: Some(Fingerprint::of(&step)),
        });
    }
    // The last one never comes back.
    encoder.input(Epoch(2), Timestamp(99), 99, &Input::Stopping);
    let file = [&MAGIC[..], &encoder.take()].concat();
    let mut frames = Frames::of(&file).unwrap();
    let Some(FrameV1::Segment(first)) = frames.next() else {
        panic!("a segment comes first");
    };
    assert_eq!(*first, segment(&engine(quorate_crypto::Engine::Pbft)));
    let entries: Vec<Entry> = frames
        .by_ref()
        .map(|frame| match frame {
            FrameV1::Entry(entry) => *entry,
            FrameV1::Segment(_) => panic!("one segment was begun"),
        })
        .collect();
    let (last, others) = entries.split_last().unwrap();
    assert_eq!((others, last.outcome), (&expected[..], None));
    assert_eq!((frames.ending(), frames.at()), (Ending::Whole, file.len()));
}

#[test]
fn an_input_that_is_taken_back_leaves_nothing() {
    let mut encoder = Encoder::default();
    encoder.input(Epoch(0), Timestamp(1), 0, &Input::Stopping);
    encoder.outcome(&Step::default());
    let before = encoder.len();
    encoder.input(Epoch(0), Timestamp(2), 0, &Input::Stopping);
    assert_eq!(encoder.len(), 2 * before, "room for the outcome is counted");
    encoder.take_back();
    assert_eq!((encoder.len(), encoder.take().len()), (before, before));
}

#[test]
fn any_cut_is_torn_and_zeros_are_no_damage() {
    let mut encoder = Encoder::default();
    encoder.begin(segment(&engine(quorate_crypto::Engine::Paxos)));
    let whole = MAGIC.len() + encoder.len();
    encoder.input(Epoch(2), Timestamp(1), 0, &Input::Stopping);
    let file = [&MAGIC[..], &encoder.take()].concat();
    for cut in whole + 1..file.len() {
        let mut frames = Frames::of(&file[..cut]).unwrap();
        assert_eq!(frames.by_ref().count(), 1);
        assert_eq!((frames.ending(), frames.at()), (Ending::Torn, whole));
    }
    for cut in MAGIC.len()..whole {
        assert_eq!(Frames::of(&file[..cut]).unwrap_err(), NotARecording::NoSegment);
    }
    let mut zeros = file[..whole].to_vec();
    zeros.resize(whole + 4_096, 0);
    let mut frames = Frames::of(&zeros).unwrap();
    assert_eq!((frames.by_ref().count(), frames.ending()), (1, Ending::Torn));
    let mut damaged = file.clone();
    damaged[whole + 6] ^= 1;
    damaged.extend_from_slice(&file[whole..]);
    let mut frames = Frames::of(&damaged).unwrap();
    assert_eq!(
        (frames.by_ref().count(), frames.ending()),
        (1, Ending::Damaged { at: whole })
    );
}

#[test]
fn an_image_has_one_encoding() {
    use quorate_crypto::Engine::{Paxos, Pbft, Raft};
    for protocol in [Pbft, Raft, Paxos] {
        let mut running = engine(protocol);
        for number in 0..20_u8 {
            let batch = quorate_crypto::sha256(&[number]);
            running.step(Timestamp(1), Input::BatchesAvailable(vec![batch]));
        }
        let bytes = running.image();
        let restored = Engine::restore(&bytes).unwrap();
        restored.check_invariants();
        assert_eq!(restored.unordered_batches(), 20);
        assert_eq!(restored.image(), bytes);
        assert!(Engine::restore(&bytes[..bytes.len() - 1]).is_err());
        assert!(Engine::restore(&[&bytes[..], &[0]].concat()).is_err());
    }
}

#[test]
fn a_fingerprint_tells_steps_apart() {
    let rejected = Step {
        rejection: Some(crate::Rejection::Duplicate),
        ..Step::default()
    };
    let cancelled = Step {
        actions: vec![crate::Action::CancelTimer(Timer::Resend)],
        ..Step::default()
    };
    let fingerprints = [&Step::default(), &rejected, &cancelled].map(Fingerprint::of);
    assert_ne!(fingerprints[0], fingerprints[1]);
    assert_ne!(fingerprints[0], fingerprints[2]);
    assert_ne!(fingerprints[1], fingerprints[2]);
    assert_eq!(
        fingerprints[0].0,
        quorate_crypto::sha256(&encode(&Step::default())).0[..8]
    );
}
