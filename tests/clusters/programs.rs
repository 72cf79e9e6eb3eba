//! Programs that are not Quorate's: those that variables of the environment name, those that `scripts/setup --tests`
//! puts into the user's cache, or the system's. Where one is missing, the test that needs it fails and says so,
//! but for axe-core.

use std::path::PathBuf;
use std::process::Command;

/// Debian's.
const PYTHON: &str = "/usr/bin/python3";

/// What a variable names.
fn named(variable: &str) -> Option<PathBuf> {
    let value = std::env::var_os(variable)?;
    (!value.is_empty()).then(|| value.into())
}

/// A place among what the setup has fetched.
fn fetched(path: &str) -> Option<PathBuf> {
    let user = || named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
    let cache = named("QUORATE_CACHE").or_else(|| Some(user()?.join("quorate")))?;
    Some(cache.join("tools").join(path))
}

/// The first of these interpreters that has all of these modules.
fn python_with(modules: &[&str], among: impl IntoIterator<Item = Option<PathBuf>>) -> Option<PathBuf> {
    // They are looked for and not imported, which takes seconds.
    const LOOK: &str = "import sys\nfrom importlib.util import find_spec\n\
                        sys.exit(not all(map(find_spec, sys.argv[1:])))";
    let has_all = |python: &PathBuf| {
        let looked = Command::new(python).args(["-c", LOOK]).args(modules).output();
        looked.is_ok_and(|output| output.status.success())
    };
    among.into_iter().flatten().find(has_all)
}

/// A Python that signs: that of `QUORATE_PYTHON`, or Debian's.
#[track_caller]
pub(crate) fn python() -> PathBuf {
    let named = named("QUORATE_PYTHON").or_else(|| Some(PYTHON.into()));
    python_with(&["cryptography"], [named]).expect(
        "a Python with the package cryptography is not there: scripts/setup --tests installs it, or name one in \
         QUORATE_PYTHON",
    )
}

/// A Python with what `tests/openapi/requirements.in` lists: that of `QUORATE_OPENAPI_PYTHON`, or the setup's.
#[track_caller]
pub(crate) fn openapi_python() -> PathBuf {
    let modules = [
        "cryptography",
        "openapi_python_client",
        "openapi_spec_validator",
        "schemathesis",
    ];
    let among = [
        named("QUORATE_OPENAPI_PYTHON"),
        fetched("openapi/bin/python3"),
        named("QUORATE_PYTHON"),
        Some(PYTHON.into()),
    ];
    python_with(&modules, among).expect(
        "a Python with the packages of tests/openapi/requirements.txt is not there: scripts/setup --tests installs \
         them, or name one in QUORATE_OPENAPI_PYTHON",
    )
}

/// `prometheus` or `promtool`, in the folder that `QUORATE_PROMETHEUS` names, among what the setup has fetched, or
/// the system's.
#[track_caller]
pub(crate) fn of_prometheus(name: &str) -> PathBuf {
    let folders = [
        named("QUORATE_PROMETHEUS"),
        fetched("bin"),
        Some("/usr/bin".into()),
    ];
    let mut paths = folders.into_iter().flatten().map(|folder| folder.join(name));
    paths.find(|path| path.exists()).unwrap_or_else(|| {
        panic!(
            "{name} is not there: scripts/setup --tests installs it, or name its folder in QUORATE_PROMETHEUS"
        )
    })
}

/// The script of axe-core, which `QUORATE_AXE` names or the setup has fetched. None: npm or its registry was out of
/// reach.
pub(crate) fn axe() -> Option<PathBuf> {
    let script = named("QUORATE_AXE").or_else(|| fetched("axe-core/axe.min.js"))?;
    script.exists().then_some(script)
}
