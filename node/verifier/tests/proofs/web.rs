//! The page that checks proofs in a browser.

use quorate_verifier::page;

use crate::python::printed;

#[test]
fn the_page_is_the_one_that_the_script_makes_from_the_same_sources() {
    // Not compared by a macro, which would print both.
    assert!(page().as_bytes() == printed("scripts/verify-page"));
}
