//! cargo-fuzz drives the target `master_key` of `unstuck-parsers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (unstuck_parsers::target("master_key").run)(bytes);
});
