//! cargo-fuzz drives the target `trusted_proxies` of `unstuck-parsers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (unstuck_parsers::target("trusted_proxies").run)(bytes);
});
