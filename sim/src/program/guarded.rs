//! Runs of seeds that may panic, which is a finding like any other.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tickwire_sim::{MEMORY_BYTES, Options, Report, Witness, run};

thread_local! {
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the message of a panic instead of printing it.
pub(crate) fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        MESSAGE.with(|message| *message.borrow_mut() = panic.to_string().replace('\n', " "));
    }));
}

/// Memory for one run after the other.
pub(crate) fn memory() -> Vec<u8> {
    vec![0; MEMORY_BYTES]
}

/// What became of a seed: its report, or the message of a panic.
pub(crate) fn attempt(
    seed: u64,
    options: &Options,
    memory: &mut [u8],
    witness: &mut dyn Witness,
) -> Result<Report, String> {
    catch_unwind(AssertUnwindSafe(|| run(seed, options, memory, witness)))
        .map_err(|_| MESSAGE.with(|message| message.borrow().clone()))
}

/// What a seed broke, in one line.
pub(crate) fn verdict(result: &Result<Report, String>) -> Option<String> {
    match result {
        Ok(report) => report.finding.map(|finding| {
            let host = finding
                .host
                .map_or(String::new(), |host| format!(" host {host}:"));
            format!(
                "invariant {} at {}:{host} {}",
                finding.invariant, finding.at, finding.what
            )
        }),
        Err(message) => Some(format!("invariant 10: {message}")),
    }
}
