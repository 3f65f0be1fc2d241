//! cargo-fuzz drives the target `draft` of `unstuck-parsers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (unstuck_parsers::target("draft").run)(bytes);
});
