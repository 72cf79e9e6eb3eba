use std::os::unix::fs::FileExt as _;
use std::path::Path;

use quorate_ledger::{GenesisState, StateKey, StateReader as _, StateTree};
use tempfile::TempDir;

use super::*;
use crate::testing;

/// A chain of the genesis alone, and what looks at it.
struct World {
    folder: TempDir,
    chain: Arc<Chain>,
    genesis: GenesisState,
}

impl World {
    fn new() -> Self {
        let genesis = testing::genesis(4, &Parameters::default());
        let (folder, chain) = testing::chain(&genesis);
        Self {
            folder,
            chain,
            genesis,
        }
    }

    fn setup(&self, rate: u64) -> SelfCheckSetup<StateTree> {
        SelfCheckSetup {
            chain: Arc::clone(&self.chain),
            tree: Arc::new(self.genesis.tree()),
            start: Timestamp(1_000),
            rate,
        }
    }

    fn checking(&self) -> Checking<StateTree> {
        Checking::new(self.setup(1))
    }
}

fn damage(place: &str) -> Damage {
    Damage {
        place: place.to_owned(),
        height: None,
        reason: "a byte is another".to_owned(),
    }
}

/// Steps until a pass has ended.
fn finish(checking: &mut Checking<StateTree>) {
    let before = checking.checked.passes();
    for _ in 0..1_000 {
        checking.step();
        if checking.checked.passes() > before {
            return;
        }
    }
    panic!("the pass does not end, it is at {:?}", checking.record.position);
}

#[test]
fn damage_is_known_over_restarts_until_a_whole_pass_has_not_found_it() {
    let world = World::new();
    let mut checking = world.checking();
    finish(&mut checking);
    assert_eq!(checking.checked.damages(), []);
    assert!(checking.checked.ended_ms() > 0 && checking.checked.bytes() > 0);
    checking.step();
    checking.note(damage("block 7"));
    checking.note(damage("block 7"));
    checking.note(damage("block 9"));
    drop(checking);

    let mut checking = world.checking();
    assert_eq!(checking.checked.damages(), [damage("block 7"), damage("block 9")]);
    assert!(checking.checked.ended_ms() > 0);
    // The pass under way may have been behind them when it found them.
    finish(&mut checking);
    assert_eq!(checking.checked.damages().len(), 2);
    checking.step();
    checking.note(damage("block 9"));
    finish(&mut checking);
    assert_eq!(checking.checked.damages(), [damage("block 9")]);
    finish(&mut checking);
    assert_eq!(checking.checked.damages(), []);
}

#[test]
fn a_pass_goes_on_where_it_was_written_down_to_be() {
    let world = World::new();
    let mut checking = world.checking();
    while !matches!(checking.record.position, Position::Rows { index: 3, .. }) {
        checking.step();
    }
    checking.save(Chain::note);
    let position = checking.record.position.clone();
    drop(checking);
    let mut checking = world.checking();
    assert_eq!(*checking.check.position(), position);
    finish(&mut checking);
    // What nobody can read begins anew.
    world.chain.keep(Memo::SelfCheck, b"of another release").unwrap();
    assert_eq!(world.checking().record, RecordV1::default());
}

#[test]
fn no_more_places_are_remembered_than_have_room_and_no_reason_is_long() {
    let world = World::new();
    let mut checking = world.checking();
    for number in 0..2 * MAX_DAMAGES {
        let mut damage = damage(&format!("block {number}"));
        damage.reason = "\u{fc}".repeat(MAX_REASON);
        checking.note(damage);
    }
    let damages = checking.checked.damages();
    assert_eq!(damages.len(), MAX_DAMAGES);
    assert!(damages.iter().all(|damage| damage.reason.len() <= MAX_REASON));
    assert_eq!(world.checking().checked.damages(), damages);
}

/// Turns a byte around in the table file that has these bytes.
fn flip(folder: &Path, bytes: &[u8]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let content = std::fs::read(&path).unwrap();
        let found = content.windows(bytes.len()).position(|window| window == bytes);
        if let (Some(at), true) = (found, path.extension().is_some_and(|end| end == "sst")) {
            let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.write_all_at(&[content[at] ^ 1], at as u64).unwrap();
            return;
        }
    }
    panic!("no table file has these bytes");
}

#[test]
fn a_byte_turned_around_on_disk_is_found_and_the_next_step_is_later_the_more_was_read() {
    let world = World::new();
    world.chain.settle().unwrap();
    let key = StateKey::account(&testing::address(1));
    let value = world.chain.snapshot().unwrap().value(&key).unwrap().unwrap();
    let mut checking = world.checking();
    assert_eq!(checking.rate, RATES.0, "the nearest that there is");
    let mut pauses = Vec::new();
    while checking.checked.passes() == 0 {
        let before = checking.checked.bytes();
        let pause = checking.step();
        pauses.push((checking.checked.bytes() - before, pause));
    }
    assert_eq!(checking.checked.damages(), []);
    assert_eq!(pauses.pop().unwrap().1, REST);
    assert!(pauses.iter().any(|(bytes, _)| *bytes > 0));
    for (bytes, pause) in pauses {
        assert!(pause >= Duration::from_micros(bytes * 1_000_000 / RATES.0));
    }

    flip(&world.folder.path().join("chain"), &value);
    finish(&mut checking);
    let damages = checking.checked.damages();
    assert_eq!(damages.len(), 1, "{damages:?}");
    assert_eq!(damages[0].place, "the state");
    assert!(damages[0].reason.contains(".sst"), "{}", damages[0].reason);
}

#[test]
fn its_thread_ends_when_it_is_told_to_and_a_rate_of_0_starts_none() {
    let world = World::new();
    let (checked, stopper, thread) = start(world.setup(1 << 30));
    drop(stopper);
    thread.unwrap().join().unwrap();
    assert!(checked.bytes() < 1 << 20);
    world.checking().note(damage("block 7"));
    let (checked, _stopper, thread) = start(world.setup(0));
    assert!(thread.is_none());
    assert_eq!(checked.damages(), [damage("block 7")]);
}
