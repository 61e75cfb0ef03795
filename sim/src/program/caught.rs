//! Runs of seeds in which a panic is a finding like any other.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tickwire_sim::{MEMORY_BYTES, Tracer, run};

use crate::cli::Workload;
use crate::net;
use crate::ran::Ran;
use crate::serve;

thread_local! {
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the message of a panic instead of printing it.
pub(crate) fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        MESSAGE.with(|message| *message.borrow_mut() = panic.to_string().replace('\n', " "));
    }));
}

/// Memory for runs, one after the other.
pub(crate) fn run_memory() -> Vec<u8> {
    vec![0; MEMORY_BYTES]
}

/// What became of a seed, or the message of a panic.
pub(crate) fn run_caught(
    seed: u64,
    workload: &Workload,
    memory: &mut [u8],
    tracer: &mut dyn Tracer,
) -> Result<Ran, String> {
    let run = || match *workload {
        Workload::Apps(options) => Ran {
            report: run(seed, &options, memory, tracer),
            counts: BTreeMap::new(),
        },
        Workload::Net {
            profile,
            is_guarded,
        } => net::run(seed, profile, is_guarded, tracer),
        Workload::Serve {
            profile,
            is_guarded,
        } => serve::run(seed, profile, is_guarded, tracer),
    };
    catch_unwind(AssertUnwindSafe(run))
        .map_err(|_| MESSAGE.with(|message| message.borrow().clone()))
}

/// What a seed broke, in one line.
pub(crate) fn failure(result: &Result<Ran, String>) -> Option<String> {
    match result {
        Ok(Ran { report, .. }) => report.finding.map(|finding| {
            let node = finding
                .node
                .map_or(String::new(), |node| format!(" node {node}:"));
            format!(
                "invariant {} at {}:{node} {}",
                finding.invariant, finding.at, finding.what
            )
        }),
        Err(message) => Some(format!("invariant 10: {message}")),
    }
}
