//! cargo-fuzz drives the target `receipt_code` of `unstuck-parsers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (unstuck_parsers::target("receipt_code").run)(bytes);
});
