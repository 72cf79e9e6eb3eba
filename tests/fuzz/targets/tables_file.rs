#![no_main]

use std::sync::Once;

static QUIET: Once = Once::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // libFuzzer ends at each panic, also at one that is caught: of a decoder that is not ours, over a file that is then
    // refused. One that nobody catches ends it nevertheless.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| ())));
    quorate_tests::run("tables_file", bytes);
});
