//! The fuzz target of `tickwire_fuzz::chunks`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire_fuzz::chunks::run(data));
