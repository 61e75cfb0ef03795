//! Work on all cores, with a progress bar on a terminal.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use indicatif::{ProgressBar, ProgressStyle};

/// Numbers that a thread takes at a time.
const BATCH: u64 = 16;

/// Does `work` for each number below `count`, in any order, on all cores. Each core has a state of
/// its own; returns the states.
pub(crate) fn on_all<S: Send>(
    count: u64,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, u64) + Sync,
) -> Vec<S> {
    let (bar, next) = (bar(count), AtomicU64::new(0));
    let worker = || {
        let mut state = state();
        loop {
            let first = next.fetch_add(BATCH, Ordering::Relaxed);
            if first >= count {
                return state;
            }
            for number in first..count.min(first + BATCH) {
                work(&mut state, number);
            }
            bar.inc(BATCH.min(count - first));
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let states = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let states = workers.into_iter().map(|worker| worker.join());
        states
            .map(|state| state.expect("a worker catches the panics of its seeds"))
            .collect()
    });
    bar.finish_and_clear();
    states
}

fn bar(count: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = "{bar:40} {pos}/{len} seeds, {per_sec}, {eta} left";
    let style = ProgressStyle::with_template(style).expect("the template is well-formed");
    ProgressBar::new(count).with_style(style)
}
