//! The fuzz target of `tickwire_fuzz::url`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tickwire_fuzz::url::run(data));
