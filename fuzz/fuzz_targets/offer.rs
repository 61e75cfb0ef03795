//! The fuzz target of `tickwire_fuzz::offer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire_fuzz::offer::run(data));
