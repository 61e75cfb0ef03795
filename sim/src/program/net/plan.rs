//! What a seed decides beside the faults of links and servers: what happens to the client, and when.

use std::fmt;

use tickwire::dhcp::{DhcpOptions, Probing};
use tickwire::{Duration, Tick};
use tickwire_sim::{Generator, Profile};

/// Something that happens to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    /// Its cable is pulled, and it notices.
    LinkDown,
    LinkUp,
    /// It gets no turn for this time.
    Freeze(Duration),
    /// It starts again, and knows its last address or not.
    Crash {
        keeps_address: bool,
    },
}

/// The plan of a seed.
#[derive(Debug)]
pub(super) struct Plan {
    /// When all faults end.
    pub(super) heal_at: Tick,
    /// In the order of their times.
    pub(super) mishaps: Vec<(Tick, Mishap)>,
    /// Each turn of the client is late by up to this.
    pub(super) late_max: Duration,
    pub(super) options: DhcpOptions<'static>,
}

impl Plan {
    pub(super) fn new(mut random: Generator, profile: Profile) -> Self {
        let heal_millis = random.log_uniform(60_000, 300_000);
        let is_bad = profile == Profile::Bad;
        let mut mishaps = Vec::new();
        for _ in 0..random.below(4) {
            let down_millis = random.below(heal_millis);
            let up_millis = down_millis + random.log_uniform(1, 60_000);
            mishaps.push((Tick::from_millis(down_millis), Mishap::LinkDown));
            mishaps.push((Tick::from_millis(up_millis), Mishap::LinkUp));
        }
        let others = if is_bad { random.below(4) } else { 0 };
        for _ in 0..others {
            let at = Tick::from_millis(random.below(heal_millis));
            let mishap = if random.chance(500_000) {
                Mishap::Freeze(Duration::from_millis(random.log_uniform(10, 10_000)))
            } else {
                let keeps_address = random.chance(500_000);
                Mishap::Crash { keeps_address }
            };
            mishaps.push((at, mishap));
        }
        mishaps.sort_by_key(|(at, _)| *at);
        let is_late = is_bad && random.chance(300_000);
        let late_millis = random.log_uniform(1, 100);
        let probing = match random.below(3) {
            0 => Probing::OFF,
            1 => Probing::QUICK,
            _ => Probing::RFC5227,
        };
        Self {
            heal_at: Tick::from_millis(heal_millis),
            mishaps,
            late_max: Duration::from_millis(if is_late { late_millis } else { 0 }),
            options: DhcpOptions {
                host_name: "client",
                probing,
                ..DhcpOptions::default()
            },
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            heal_at,
            mishaps,
            late_max,
            options,
        } = self;
        writeln!(f, "faults end at {heal_at}, turns late by up to {late_max}")?;
        writeln!(f, "{:?}", options.probing)?;
        for (at, mishap) in mishaps {
            writeln!(f, "at {at}: {mishap:?}")?;
        }
        Ok(())
    }
}
