//! cargo-fuzz drives the target `free_text` of `unstuck-parsers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (unstuck_parsers::target("free_text").run)(bytes);
});
