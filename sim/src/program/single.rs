//! One seed, told in full.

use std::io;

use tickwire::{Event, Tick};
use tickwire_sim::{Witness, describe};

use crate::cli::Cli;
use crate::guarded::{attempt, memory, verdict};
use crate::summary::faults;

/// Prints what happens.
struct Teller;

impl Witness for Teller {
    fn event(&mut self, now: Tick, host: usize, app: usize, event: &Event<'_>) {
        if !matches!(event, Event::Progress { .. }) {
            println!("{now:>12} host {host} seat {app} {event:?}");
        }
    }

    fn note(&mut self, now: Tick, host: Option<usize>, text: &str) {
        let host = host.map_or(String::new(), |host| format!(" host {host}"));
        println!("{now:>12}{host} {text}");
    }
}

/// Runs one seed. Returns whether all is well.
pub(crate) fn run(cli: &Cli, seed: u64) -> io::Result<bool> {
    let options = cli.options();
    let mut text = String::new();
    // A string takes everything.
    let _ = describe(seed, &options, &mut text);
    println!(
        "seed {seed}, profile {}, scenario {}",
        options.profile.name(),
        options.scenario.name()
    );
    print!("{text}");
    let result = attempt(seed, &options, &mut memory(), &mut Teller);
    if let Ok(report) = &result {
        for line in faults(&report.counts) {
            println!("{line}");
        }
        println!(
            "ended at {}, {} turns, {:?}",
            report.ended_at, report.turns, report.tallies
        );
    }
    let broken = verdict(&result);
    if let Some(broken) = &broken {
        println!("FAILED: {broken}");
    }
    if let Ok(report) = &result {
        println!("trace {:016x}", report.trace);
    }
    Ok(broken.is_none())
}
