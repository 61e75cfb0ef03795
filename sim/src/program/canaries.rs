//! `--canaries`: planted bugs, and the seeds that find them.

use std::io::{self, Write};

use crate::cli::Cli;

/// A build without planted bugs has nothing to find.
#[cfg(not(tickwire_canary))]
pub(crate) fn run(_cli: &Cli, _out: &mut dyn Write) -> io::Result<bool> {
    eprintln!("sim: this build has no planted bugs; make one that has:");
    eprintln!(
        "  RUSTFLAGS='--cfg tickwire_canary' cargo build --release -p tickwire-sim --target-dir target/canaries"
    );
    eprintln!("  target/canaries/release/sim --canaries");
    Ok(false)
}

/// Plants one bug after the other. Returns whether each one was found.
#[cfg(tickwire_canary)]
pub(crate) fn run(cli: &Cli, out: &mut dyn Write) -> io::Result<bool> {
    use tickwire::{Canary, plant};

    let mut found_all = true;
    for canary in Canary::ALL {
        plant(Some(canary));
        let found = first(cli, canary == Canary::DigestUnchecked);
        let name = format!("{canary:?}");
        match &found {
            Some((seed, broken)) => writeln!(out, "{name:24} found by seed {seed:>5}: {broken}")?,
            None => writeln!(out, "{name:24} NOT FOUND")?,
        }
        found_all &= found.is_some();
    }
    plant(None);
    let count = Canary::ALL.len();
    writeln!(
        out,
        "{count} planted bugs, {}",
        if found_all {
            "all found"
        } else {
            "not all found"
        }
    )?;
    Ok(found_all)
}

/// The first seed that finds what is planted. Only a link that swaps words shows that a digest is
/// not checked, and only runs of files alone have such links.
#[cfg(tickwire_canary)]
fn first(cli: &Cli, is_file: bool) -> Option<(u64, String)> {
    use std::sync::atomic::{AtomicU64, Ordering};

    use crate::all_cores::on_all;
    use crate::caught::{failure, run_caught, run_memory};

    let mut options = cli.options();
    if is_file {
        options.scenario = tickwire_sim::Scenario::File;
    }
    let least = AtomicU64::new(u64::MAX);
    let count = cli.seeds.end - cli.seeds.start;
    let states = on_all(
        count,
        || (None, run_memory()),
        |(found, memory), number| {
            let seed = cli.seeds.start + number;
            // A later seed cannot be the first one.
            if seed > least.load(Ordering::Relaxed) {
                return;
            }
            let result = run_caught(seed, &options, memory, &mut ());
            if let Some(broken) = failure(&result) {
                least.fetch_min(seed, Ordering::Relaxed);
                let earlier = found.as_ref().is_some_and(|(first, _)| *first < seed);
                if !earlier {
                    *found = Some((seed, broken));
                }
            }
        },
    );
    let found = states.into_iter().filter_map(|(found, _)| found);
    found.min_by_key(|(seed, _)| *seed)
}
