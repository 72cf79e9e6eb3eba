#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_tests::run("tables_manifest", bytes));
