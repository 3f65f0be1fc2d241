//! cargo-fuzz drives the target `case_event` of `unstuck-parsers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (unstuck_parsers::target("case_event").run)(bytes);
});
