//! The target `websocket` of [tickwire_fuzz], for libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire_fuzz::websocket::run(data));
