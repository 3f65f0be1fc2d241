//! cargo-fuzz drives the target `envelope` of `unstuck-parsers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (unstuck_parsers::target("envelope").run)(bytes);
});
