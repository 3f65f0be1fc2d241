//! cargo-fuzz drives the target `forwarded_for` of `unstuck-parsers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (unstuck_parsers::target("forwarded_for").run)(bytes);
});
