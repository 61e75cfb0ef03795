//! What a seed decides, and what became of it.

use core::fmt;

use tickwire::Tick;

use super::attempts::AttemptCounts;
use super::context::Finding;
use super::plan::{NODES, Options, RunPlan};
use crate::FaultPlan;
use crate::ethernet::Counts;

/// What became of one seed.
#[derive(Debug, Clone)]
pub struct Report {
    /// The running hash of everything that happened.
    pub trace: u64,
    /// What was broken; `None` when all is well.
    pub finding: Option<Finding>,
    /// The virtual time at the end.
    pub ended_at: Tick,
    /// Turns of all nodes.
    pub turns: u64,
    /// What happened at the ports of the Ethernet.
    pub counts: [Counts; FaultPlan::PORTS_MAX],
    /// Losses of power.
    pub crashes: u32,
    /// Loops that stood still.
    pub freezes: u32,
    /// Attempts to fetch, to chat and to send a file.
    pub attempts: [AttemptCounts; 3],
}

/// Prints what a seed decides: its options, and its faults of nodes and links.
pub fn describe(seed: u64, options: &Options, out: &mut dyn fmt::Write) -> fmt::Result {
    let plan = RunPlan::from_seed(seed, options);
    let faults = FaultPlan::from_seed(seed, options.profile, NODES, plan.heal_at);
    write!(out, "{plan}{faults}")
}
