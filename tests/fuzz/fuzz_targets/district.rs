//! cargo-fuzz drives the target `district` of `unstuck-parsers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (unstuck_parsers::target("district").run)(bytes);
});
