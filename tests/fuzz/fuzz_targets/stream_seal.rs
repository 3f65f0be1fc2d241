//! cargo-fuzz drives the target `stream_seal` of `unstuck-parsers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (unstuck_parsers::target("stream_seal").run)(bytes);
});
