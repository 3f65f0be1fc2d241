//! cargo-fuzz drives the target `center_event` of `unstuck-parsers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (unstuck_parsers::target("center_event").run)(bytes);
});
