//! What the system says of this process (none where it does not tell, as only Linux does), and whom it shows its
//! memory and files.

/// Keeps this process's memory, in which keys stand, out of core files, and from debuggers and `/proc` for others than
/// root, unless it is only for trying things and is `observed`.
pub(crate) fn keep_memory_private(observed: bool) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // To lower a limit is always allowed; where the system knows no such thing it is as it was.
    let _ = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    if !observed {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Makes what this process writes from now on its user's alone, unless it says otherwise: keys, the journal, the ledger.
pub(crate) fn keep_files_private() {
    use rustix::fs::Mode;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Resident memory, in bytes.
pub(crate) fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(u64::try_from(rustix::param::page_size()).ok()?)
}

/// Processor time taken, in microseconds.
pub(crate) fn cpu_us() -> Option<u64> {
    // User and system time.
    let ticks = stat(11)?.checked_add(stat(12)?)?;
    us_of(ticks)
}

/// When it started, in microseconds since 1970.
pub(crate) fn started_us() -> Option<u64> {
    let after_boot = us_of(stat(19)?)?;
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let boot = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    let boot: u64 = boot.trim().parse().ok()?;
    boot.checked_mul(1_000_000)?.checked_add(after_boot)
}

/// How many threads it has.
pub(crate) fn threads() -> Option<u64> {
    stat(17)
}

/// How many files, sockets included, it has open.
pub(crate) fn open_files() -> Option<u64> {
    let open = std::fs::read_dir("/proc/self/fd").ok()?;
    u64::try_from(open.count()).ok()
}

/// How many it may have open.
pub(crate) fn max_files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// A field of `/proc/self/stat`, counted from the state on, which is 0.
fn stat(field: usize) -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The field before, the program's name, is in parentheses and may hold anything.
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(field)?
        .parse()
        .ok()
}

fn us_of(ticks: u64) -> Option<u64> {
    ticks
        .checked_mul(1_000_000)?
        .checked_div(rustix::param::clock_ticks_per_second())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_of_this_process() {
        assert!(resident_bytes().unwrap() > 1 << 20);
        assert!(cpu_us().is_some());
        let now = crate::clock::now().0 * 1_000;
        let age = now - started_us().unwrap();
        assert!(age < 24 * 3_600 * 1_000_000, "{age} us");
        assert!(threads().unwrap() >= 1);
        assert!(open_files().unwrap() >= 3);
        assert!(max_files().is_none_or(|most| most >= open_files().unwrap()));
    }
}
