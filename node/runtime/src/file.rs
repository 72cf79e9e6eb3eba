//! Small files that have to outlive a crash.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a whole file, so that after a crash it is there whole or not at all.
pub(crate) fn write_durably(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (path, draft) = (folder.join(name), folder.join(format!("{name}.new")));
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, &path)?;
    File::open(folder)?.sync_all()
}
