//! What a seed draws, and what became of it.

use core::fmt;

use crate::ethernet::Counts;
use tickwire::Tick;

use crate::plan::{HOSTS, Plan};
use crate::{Finding, Options, Tally, Weather};

/// What became of one seed.
#[derive(Debug, Clone)]
pub struct Report {
    /// The running hash of everything that happened.
    pub trace: u64,
    /// What was broken; `None` when all is well.
    pub finding: Option<Finding>,
    /// The virtual time at the end.
    pub ended_at: Tick,
    /// Turns of all hosts.
    pub turns: u64,
    /// What happened at the ports of the Ethernet.
    pub counts: [Counts; HOSTS],
    /// Crashes and cuts of the power.
    pub crashes: u32,
    /// Loops that stood still.
    pub freezes: u32,
    /// Attempts to fetch, to chat and to send a file.
    pub tallies: [Tally; 3],
}

/// Prints what a seed draws: its options, its mishaps, and the weather.
pub fn describe(seed: u64, options: &Options, out: &mut dyn fmt::Write) -> fmt::Result {
    let plan = Plan::draw(seed, options);
    let weather = Weather::draw(seed, options.profile, HOSTS, plan.calm_at);
    write!(out, "{plan}")?;
    for port in 0..HOSTS {
        writeln!(
            out,
            "link {port}: mtu {}, {:?}",
            weather.mtu(port),
            weather.link(port)
        )?;
    }
    for (at, gust) in weather.gusts() {
        writeln!(out, "at {at}: {gust:?}")?;
    }
    Ok(())
}
