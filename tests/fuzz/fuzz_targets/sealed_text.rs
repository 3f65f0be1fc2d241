//! cargo-fuzz drives the target `sealed_text` of `unstuck-parsers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (unstuck_parsers::target("sealed_text").run)(bytes);
});
