use std::fs;
use std::path::Path;

use quorate_consensus::recording::{Ending, Entry, FILES, FrameV1, Frames};
use quorate_consensus::{Config, TimerRange, Timing};
use quorate_crypto::{
    Committee, CommitteeSeat, Height, MemberNumber, PublicKey, SeatNumber, SigningKey, sha256,
};
use quorate_ledger::Parameters;

use super::*;

fn origin() -> Origin {
    Origin {
        network: Digest([9; 32]),
        names: vec!["alpha".to_owned()],
        own: Some(ValidatorIndex(0)),
    }
}

fn key(seed: u8) -> PublicKey {
    SigningKey::from_seed(&[seed; 32]).public()
}

fn engine() -> Engine {
    let seats = (1..=4).map(|seed| CommitteeSeat {
        member: MemberNumber(u32::from(seed)),
        seat: SeatNumber(u32::from(seed)),
        validator: key(seed),
        node: key(seed + 100),
        witness: key(seed + 200),
    });
    let range = TimerRange { from_ms: 5, to_ms: 9 };
    let config = Config {
        network: Digest([9; 32]),
        committee: Committee::new(Epoch(0), quorate_crypto::Engine::Pbft, 1, seats.collect()),
        index: Some(ValidatorIndex(0)),
        parameters: Parameters::default(),
        epoch_start: Height::GENESIS,
        epoch_end: None,
        certified: Height::GENESIS,
        certificate: None,
        inquiry: None,
        timing: Timing {
            resend: range,
            progress: range,
            progress_cap_ms: 50,
            heartbeat: range,
            election: range,
        },
    };
    Engine::start(config).0
}

/// Gives an engine its batch of this number, as the core does.
fn step(recorder: &mut Recorder, engine: &mut Engine, number: u64) {
    let batch = sha256(&number.to_le_bytes());
    give(recorder, engine, number, Input::BatchesAvailable(vec![batch]));
}

fn give(recorder: &mut Recorder, engine: &mut Engine, at: u64, input: Input) {
    let now = Timestamp(at);
    recorder.input([Some(engine), None], Epoch(0), now, &input);
    let step = engine.step(now, input);
    recorder.outcome(&step);
}

fn stop(recorder: Recorder, thread: Option<JoinHandle<()>>) {
    drop(recorder);
    thread.unwrap().join().unwrap();
}

/// What both files hold: why segments begin, and the inputs.
fn read(folder: &Path) -> (Vec<Beginning>, Vec<Entry>) {
    let (mut beginnings, mut entries) = (Vec::new(), Vec::new());
    for path in FILES.map(|name| folder.join(name)) {
        let Ok(bytes) = fs::read(path) else { continue };
        let mut frames = Frames::of(&bytes).unwrap();
        for frame in frames.by_ref() {
            match frame {
                FrameV1::Segment(segment) => beginnings.push(segment.beginning),
                FrameV1::Entry(entry) => entries.push(*entry),
            }
        }
        assert_eq!(frames.ending(), Ending::Whole);
    }
    (beginnings, entries)
}

#[test]
fn the_files_never_exceed_their_limit_and_hold_the_last_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flight");
    let limit = 20_000;
    let (mut recorder, thread) = start_in(path.clone(), limit, origin());
    let mut engine = engine();
    for number in 0..800 {
        give(
            &mut recorder,
            &mut engine,
            number,
            Input::Connected(ValidatorIndex(2)),
        );
        if number % 10 == 0 {
            recorder.hand_over();
        }
        for file in FILES.map(|name| path.join(name)) {
            let length = fs::metadata(file).map_or(0, |metadata| metadata.len());
            assert!(length <= limit as u64, "{length}");
        }
    }
    assert_eq!(recorder.statistics.gaps.load(Ordering::Relaxed), 0);
    stop(recorder, thread);
    let (beginnings, entries) = read(&path);
    assert!(path.join(FILES[0]).exists() && !beginnings.contains(&Beginning::Start));
    let times: Vec<u64> = entries.iter().map(|entry| entry.now.0).collect();
    let expected: Vec<u64> = (800 - times.len() as u64..800).collect();
    assert_eq!(times, expected);
}

#[test]
fn a_restart_goes_on_after_what_a_dead_process_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flight");
    for life in 0..3 {
        let (mut recorder, thread) = start_in(path.clone(), 1 << 20, origin());
        step(&mut recorder, &mut engine(), life);
        stop(recorder, thread);
        // It died in the middle of a frame.
        let current = path.join(FILES[1]);
        let mut bytes = fs::read(&current).unwrap();
        bytes.extend_from_slice(&[200, 0, 0, 0, 1, 2, 3]);
        fs::write(&current, bytes).unwrap();
    }
    let (recorder, thread) = start_in(path.clone(), 1 << 20, origin());
    stop(recorder, thread);
    let (beginnings, entries) = read(&path);
    assert_eq!((beginnings, entries.len()), (vec![Beginning::Start; 3], 3));
    assert!(!path.join(FILES[0]).exists());
}

#[test]
fn a_file_that_is_no_recording_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flight");
    fs::create_dir(&path).unwrap();
    fs::write(path.join(FILES[1]), b"something else entirely").unwrap();
    let (mut recorder, thread) = start_in(path.clone(), 1 << 20, origin());
    step(&mut recorder, &mut engine(), 7);
    stop(recorder, thread);
    let current = fs::read(path.join(FILES[1])).unwrap();
    assert_eq!(Frames::of(&current).unwrap().count(), 2);
    assert_eq!(fs::read(path.join(FILES[0])).unwrap(), b"something else entirely");
}

#[test]
fn a_slow_disk_leaves_something_out_and_delays_nothing() {
    let (sender, receiver) = channel();
    let statistics = Arc::<RecorderStatistics>::default();
    let mut recorder = Recorder::new(Some(sender), 0, 1 << 30, Arc::clone(&statistics), origin());
    let mut engine = engine();
    step(&mut recorder, &mut engine, 0);
    // Nobody writes.
    recorder.queued.store(MAX_QUEUED, Ordering::Relaxed);
    recorder.hand_over();
    assert_eq!(statistics.gaps.load(Ordering::Relaxed), 1);
    step(&mut recorder, &mut engine, 1);
    assert!(recorder.encoder.is_empty());
    recorder.queued.store(0, Ordering::Relaxed);
    step(&mut recorder, &mut engine, 2);
    recorder.hand_over();
    let piece = receiver.try_recv().unwrap();
    assert!(piece.anew);
    let file = [&MAGIC[..], &piece.frames].concat();
    let Some(FrameV1::Segment(segment)) = Frames::of(&file).unwrap().next() else {
        panic!("it begins with the engine");
    };
    assert_eq!(segment.beginning, Beginning::Gap);
    assert_eq!(
        Engine::restore(&segment.engines[0].image)
            .unwrap()
            .unordered_batches(),
        2
    );
}

#[test]
fn an_input_that_no_engine_came_back_from_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flight");
    let (mut recorder, thread) = start_in(path.clone(), 1 << 20, origin());
    let core = std::thread::spawn(move || {
        let mut engine = engine();
        step(&mut recorder, &mut engine, 1);
        recorder.input([Some(&engine), None], Epoch(0), Timestamp(2), &Input::Stopping);
        panic!("an engine that panics");
    });
    assert!(core.join().is_err());
    thread.unwrap().join().unwrap();
    let (_, entries) = read(&path);
    let outcomes: Vec<bool> = entries.iter().map(|entry| entry.outcome.is_some()).collect();
    assert_eq!(outcomes, [true, false]);
}

#[test]
fn a_recording_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flight");
    let (mut recorder, thread) = start_in(path.clone(), 1 << 20, origin());
    step(&mut recorder, &mut engine(), 1);
    stop(recorder, thread);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&path.join(FILES[1]))), (0o700, 0o600));
}
