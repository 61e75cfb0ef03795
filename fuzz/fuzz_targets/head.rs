//! The fuzz target of `tickwire_fuzz::head`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire_fuzz::head::run(data));
