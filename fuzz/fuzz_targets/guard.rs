//! The fuzz target of `tickwire_fuzz::guard`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    tickwire_fuzz::guard::run(data);
});
