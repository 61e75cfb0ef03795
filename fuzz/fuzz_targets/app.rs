//! The fuzz target of `tickwire_fuzz::app`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire_fuzz::app::run(data));
