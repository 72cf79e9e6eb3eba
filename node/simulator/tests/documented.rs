//! The tests that `docs/verification.md` names for pitfalls are there.

use std::fs;
use std::path::Path;

#[test]
fn tests_of_pitfalls_are_where_the_document_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let document = fs::read_to_string(root.join("docs/verification.md")).unwrap();
    let mut found = 0;
    for line in document.lines().filter(|line| line.contains("| `pitfall_")) {
        let mut cells = line.split('`').skip(1).step_by(2);
        let (name, file) = (cells.next().unwrap(), cells.next().unwrap());
        let source = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(
            source.contains(&format!("fn {name}(")),
            "{file} has no test {name}"
        );
        found += 1;
    }
    assert!(found > 50, "only {found} tests are listed");
}
