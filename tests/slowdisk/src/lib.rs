//! Slow and failing disks for tests: a library that is loaded before the C library (`LD_PRELOAD`) and stands in the
//! place of `fsync` and `fdatasync`.
//!
//! What a flush meets is said by a file named `disk-trouble` in the folder of the file that is flushed, or in any
//! folder above it; so each node of a network has its own disk, and it changes while the node runs. The file holds
//! a number, by how many milliseconds each flush is delayed, or `fail`: then each flush fails with `EIO`, as on a
//! disk that is broken. Without such a file a flush is what it always is.
//!
//! Nothing but tests loads it. It is the one package with unsafe code: a function that C calls cannot be
//! written without.

use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

/// The name of the file that says what flushes meet.
const CONTROL: &str = "disk-trouble";

/// What a flush meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Delay(Duration),
    Failure,
}

impl Trouble {
    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "fail" => Some(Self::Failure),
            ms => ms.parse().ok().map(|ms| Self::Delay(Duration::from_millis(ms))),
        }
    }

    /// What is said for an open file.
    fn of(descriptor: libc::c_int) -> Option<Self> {
        let path = fs::read_link(format!("/proc/self/fd/{descriptor}")).ok()?;
        Self::above(&path)
    }

    fn above(path: &Path) -> Option<Self> {
        let mut folders = path.ancestors().skip(1);
        folders.find_map(|folder| Self::parse(&fs::read_to_string(folder.join(CONTROL)).ok()?))
    }
}

/// Flushes by the system call with this number, after what the file's disk adds.
fn flush(call: libc::c_long, descriptor: libc::c_int) -> libc::c_int {
    match Trouble::of(descriptor) {
        Some(Trouble::Failure) => {
            // SAFETY: the C library gives a pointer to this thread's own errno, which lives as long as the thread.
            unsafe { *libc::__errno_location() = libc::EIO };
            return -1;
        }
        Some(Trouble::Delay(delay)) => thread::sleep(delay),
        None => {}
    }
    // SAFETY: both calls take one descriptor and touch no memory of this process; a bad one is refused by the kernel.
    let result = unsafe { libc::syscall(call, descriptor) };
    libc::c_int::try_from(result).unwrap_or(-1)
}

/// In the place of `fsync(2)`.
// SAFETY: it has the name and the signature of the C library's function, and does what that promises.
#[unsafe(no_mangle)]
pub extern "C" fn fsync(descriptor: libc::c_int) -> libc::c_int {
    flush(libc::SYS_fsync, descriptor)
}

/// In the place of `fdatasync(2)`.
// SAFETY: it has the name and the signature of the C library's function, and does what that promises.
#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(descriptor: libc::c_int) -> libc::c_int {
    flush(libc::SYS_fdatasync, descriptor)
}
