//! cargo-fuzz drives the target `sealed_and_opened` of `unstuck-parsers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (unstuck_parsers::target("sealed_and_opened").run)(bytes);
});
