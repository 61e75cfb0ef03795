//! `--scenario serve`: rooms with members who play by the rules, and hostile browsers.

#![expect(
    clippy::indexing_slicing,
    reason = "a place that is not there is a failure of the trial, which a panic tells"
)]

mod acts;
mod allowance;
mod chronicle;
mod counts;
mod crowd;
mod ear;
mod frames;
mod hostile;
mod member;
mod packets;
mod place;
mod plan;
mod recorder;
mod servers;
mod trial;

pub(crate) use plan::describe;
pub(crate) use trial::run;

/// Nodes: the hub's, two with three members each, and a hostile browser with as many connections.
const NODES: usize = 4;
const HUB: usize = 0;
const HOSTILE: usize = 3;
/// Connections of each node but the hub's.
const CONNECTIONS: usize = 3;
/// The rooms of which all is known. There is a place for one more.
const ROOMS: [&str; 3] = ["lobby", "attic", "cellar"];

/// A rule that was broken.
#[derive(Debug, Clone, Copy)]
struct Broken {
    /// The number of the invariant, as in `docs/simulation.md`.
    invariant: u8,
    node: Option<usize>,
    what: &'static str,
}

impl Broken {
    const fn at_hub(invariant: u8, what: &'static str) -> Self {
        Self {
            invariant,
            node: Some(HUB),
            what,
        }
    }

    /// One that concerns no node.
    const fn rule(invariant: u8, what: &'static str) -> Self {
        Self {
            invariant,
            node: None,
            what,
        }
    }
}

#[cfg(test)]
mod tests;
