//! cargo-fuzz drives the target `learning_event` of `unstuck-parsers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (unstuck_parsers::target("learning_event").run)(bytes);
});
