//! What the network does to a world: faults of each link, and changes over time, all drawn from a
//! seed.

use core::fmt;

use heapless::Vec;
use tickwire::Tick;

use crate::ethernet::{Action, Bandwidth, Bursts, Ethernet, Jitter, Link, Rule};
use crate::{Generator, streams};

/// How severe the faults are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// Loss and duplicates up to 2 %, jitter up to 20 ms: everything must succeed in the end.
    Mild,
    /// Everything that a network, a node or a storage may do: success or a typed error, never
    /// stuck.
    #[default]
    Bad,
    /// Hostile peers, over mild links.
    Hostile,
}

impl Profile {
    /// The name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mild => "mild",
            Self::Bad => "bad",
            Self::Hostile => "hostile",
        }
    }
}

/// The most changes over time.
const CHANGES_MAX: usize = 16;

/// Something that happens to the Ethernet at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkChange {
    /// Frames from one port no longer reach another.
    Sever(usize, usize),
    /// They do again.
    Mend(usize, usize),
    /// A cable is pulled.
    Down(usize),
    /// A cable is plugged in.
    Up(usize),
}

/// The faults of all links, and what changes when.
///
/// ```
/// use tickwire::Tick;
/// use tickwire_sim::ethernet::{Ethernet, Frame, PortState};
/// use tickwire_sim::{FaultPlan, Profile};
///
/// let mut memory = [[0; 1514]; 8];
/// let mut frames = memory.each_mut().map(|bytes| Frame::new(&mut bytes[..]));
/// let mut ports = [const { PortState::new() }; 2];
/// let ethernet = Ethernet::new(42, &mut ports[..], &mut frames[..]);
/// let mut faults = FaultPlan::from_seed(42, Profile::Bad, 2, Tick::from_millis(60_000));
/// faults.set_links(&ethernet);
/// faults.apply(&ethernet, Tick::from_millis(60_000));
/// faults.heal(&ethernet);
/// ```
#[derive(Debug, Clone)]
pub struct FaultPlan {
    ports: usize,
    links: [Link; Self::PORTS_MAX],
    mtu: [usize; Self::PORTS_MAX],
    rules: [Option<Rule>; Self::PORTS_MAX],
    /// In the order of their times.
    changes: Vec<(Tick, LinkChange), CHANGES_MAX>,
    /// The number of changes that were applied.
    applied: usize,
}

impl FaultPlan {
    /// The most ports of one plan.
    pub const PORTS_MAX: usize = 4;

    /// The plan of this seed for the first `ports` ports of an Ethernet, at most
    /// [`PORTS_MAX`](Self::PORTS_MAX); all its changes come before `heal_at`.
    pub fn from_seed(seed: u64, profile: Profile, ports: usize, heal_at: Tick) -> Self {
        let root = Generator::new(seed);
        let mut plan = Self {
            ports: ports.min(Self::PORTS_MAX),
            links: [Link::PERFECT; Self::PORTS_MAX],
            mtu: [1_500; Self::PORTS_MAX],
            rules: [None; Self::PORTS_MAX],
            changes: Vec::new(),
            applied: 0,
        };
        // All links of a seed have the same kinds of faults, but not of the same severity.
        let mask = root.fork(streams::FAULT_MASK, 0);
        for (link, index) in plan.links.iter_mut().zip(0..) {
            let mut random = root.fork(streams::LINK_FAULTS, index);
            *link = match profile {
                Profile::Bad => bad_link(&mut mask.clone(), &mut random),
                Profile::Mild | Profile::Hostile => mild_link(&mut mask.clone(), &mut random),
            };
        }
        let mut random = root.fork(streams::MTU, 0);
        if random.chance(500_000) {
            for mtu in &mut plan.mtu {
                // An MTU fits into a usize.
                *mtu = usize::try_from(random.between(576, 1_500)).unwrap_or(1_500);
            }
        }
        if profile == Profile::Bad {
            plan.add_rules(&mut root.fork(streams::FRAME_RULES, 0));
            plan.add_changes(&mut root.fork(streams::LINK_CHANGES, 0), heal_at);
        }
        plan
    }

    fn add_rules(&mut self, random: &mut Generator) {
        if random.chance(250_000) {
            for rule in &mut self.rules {
                *rule = match random.below(4) {
                    0 => Some(lose_most_arp),
                    1 => Some(delay_arp),
                    2 => Some(lose_every_seventh),
                    _ => None,
                };
            }
        }
    }

    fn add_changes(&mut self, random: &mut Generator, heal_at: Tick) {
        let last = heal_at.as_millis();
        let mut count = if random.chance(400_000) {
            random.between(1, 4)
        } else {
            0
        };
        while count > 0 && self.ports > 1 {
            count -= 1;
            let begin = random.log_uniform(1, last.max(2));
            // Default deadlines mostly survive this, but not always.
            let longest = if random.chance(700_000) {
                10_000
            } else {
                60_000
            };
            let end = begin
                .saturating_add(random.log_uniform(100, longest))
                .min(last);
            let ports = self.ports as u64;
            // There are few ports.
            let one = usize::try_from(random.below(ports)).unwrap_or(0);
            let other =
                (one + 1 + usize::try_from(random.below(ports - 1)).unwrap_or(0)) % self.ports;
            let (begin, end) = (Tick::from_millis(begin), Tick::from_millis(end));
            let pairs: &[(LinkChange, LinkChange)] = match random.below(3) {
                0 => &[(LinkChange::Down(one), LinkChange::Up(one))],
                1 => &[(LinkChange::Sever(one, other), LinkChange::Mend(one, other))],
                _ => &[
                    (LinkChange::Sever(one, other), LinkChange::Mend(one, other)),
                    (LinkChange::Sever(other, one), LinkChange::Mend(other, one)),
                ],
            };
            for (first, second) in pairs {
                // At most eight pairs.
                let _ = self.changes.push((begin, *first));
                let _ = self.changes.push((end, *second));
            }
        }
        self.changes
            .sort_unstable_by_key(|(at, change)| (*at, order(*change)));
    }

    /// The longest IP packet of a port, to be set before its interface is made.
    pub fn mtu(&self, port: usize) -> usize {
        self.mtu.get(port).copied().unwrap_or(1_500)
    }

    /// The faults of the way out of a port.
    pub fn link(&self, port: usize) -> Link {
        self.links.get(port).copied().unwrap_or(Link::PERFECT)
    }

    /// The same, to be changed before [`set_links`](Self::set_links).
    pub fn link_mut(&mut self, port: usize) -> Option<&mut Link> {
        self.links.get_mut(port)
    }

    /// What changes when.
    pub fn changes(&self) -> &[(Tick, LinkChange)] {
        &self.changes
    }

    /// Sets the MTU, the faults and the rule of each port.
    pub fn set_links(&self, ethernet: &Ethernet<'_>) {
        for port in 0..self.ports {
            ethernet.set_mtu(port, self.mtu(port));
            ethernet.set_link(port, self.link(port));
            ethernet.set_rule(port, self.rules.get(port).copied().flatten());
        }
    }

    /// When something changes next.
    pub fn next_change(&self) -> Option<Tick> {
        self.changes.get(self.applied).map(|(at, _)| *at)
    }

    /// Applies all changes that are due.
    pub fn apply(&mut self, ethernet: &Ethernet<'_>, now: Tick) {
        while let Some((at, change)) = self.changes.get(self.applied).copied() {
            if at > now {
                return;
            }
            self.applied += 1;
            match change {
                LinkChange::Sever(from, to) => ethernet.sever(from, to),
                LinkChange::Mend(from, to) => ethernet.mend(from, to),
                LinkChange::Down(port) => ethernet.set_up(port, false),
                LinkChange::Up(port) => ethernet.set_up(port, true),
            }
        }
    }

    /// Ends all faults: from now on every frame arrives half a millisecond after it was sent. What
    /// is in flight, such as a late duplicate, still arrives as planned.
    pub fn heal(&mut self, ethernet: &Ethernet<'_>) {
        self.applied = self.changes.len();
        for port in 0..self.ports {
            ethernet.set_up(port, true);
            ethernet.set_rule(port, None);
            ethernet.replace_link(
                port,
                Link {
                    delay_micros: 500,
                    ..Link::PERFECT
                },
            );
            for other in 0..self.ports {
                ethernet.mend(port, other);
            }
        }
    }
}

/// The links, and what changes when, a line each.
impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for port in 0..self.ports {
            let (mtu, link) = (self.mtu(port), self.link(port));
            writeln!(f, "link {port}: mtu {mtu}, {link:?}")?;
        }
        for (at, change) in &self.changes {
            writeln!(f, "at {at}: {change:?}")?;
        }
        Ok(())
    }
}

/// At the same moment what mends comes before what cuts, so the order does not depend on the sort.
const fn order(change: LinkChange) -> (u8, usize, usize) {
    match change {
        LinkChange::Mend(from, to) => (0, from, to),
        LinkChange::Up(port) => (1, port, 0),
        LinkChange::Sever(from, to) => (2, from, to),
        LinkChange::Down(port) => (3, port, 0),
    }
}

fn mild_link(mask: &mut Generator, random: &mut Generator) -> Link {
    let mut part = |last| {
        let drawn = random.between(0, last);
        if mask.chance(500_000) { drawn } else { 0 }
    };
    Link {
        loss_ppm: ppm(part(20_000)),
        duplicate_ppm: ppm(part(20_000)),
        duplicate_micros_max: 100_000,
        delay_micros: 200 + part(5_000),
        jitter: Jitter::Uniform {
            micros_max: part(20_000),
        },
        ..Link::PERFECT
    }
}

fn bad_link(mask: &mut Generator, random: &mut Generator) -> Link {
    // Every value is drawn whatever the mask says: a fault that is off does not change the others.
    let mut part = |chance_ppm, last| {
        let drawn = random.between(0, last);
        if mask.chance(chance_ppm) { drawn } else { 0 }
    };
    let loss_ppm = ppm(part(500_000, 300_000));
    let bursts = (part(250_000, 480), 2 + part(1_000_000, 48));
    let (ack_loss_ppm, data_loss_ppm) = (ppm(part(150_000, 300_000)), ppm(part(150_000, 300_000)));
    let delay_micros = 50 + part(500_000, 30_000) + 500_000 * part(60_000, 1);
    let micros_mean = part(500_000, 100_000);
    let (reorder_ppm, reorder_micros_max) =
        (ppm(part(250_000, 100_000)), 1 + part(1_000_000, 200_000));
    let (duplicate_ppm, shift) = (ppm(part(500_000, 200_000)), part(1_000_000, 10));
    let (clog_ppm, clog_micros_max) = (
        ppm(part(200_000, 5_000)),
        100_000 + part(1_000_000, 4_900_000),
    );
    let [bit_flip_ppm, truncate_ppm, pad_ppm, junk_ppm] =
        core::array::from_fn(|_| ppm(part(250_000, 50_000)));
    let is_slow = part(350_000, 1_000) > 0;
    let keeps_order = part(500_000, 1) > 0;
    let bits_per_second = random.log_uniform(9_600, 100_000_000);
    let queue_frames = random.log_uniform(2, 64);
    Link {
        loss_ppm,
        bursts: (bursts.0 > 0).then_some(Bursts {
            good_frames_mean: ppm(20 + bursts.0),
            bad_frames_mean: ppm(bursts.1),
        }),
        ack_loss_ppm,
        data_loss_ppm,
        delay_micros,
        jitter: Jitter::Exponential { micros_mean },
        keeps_order,
        reorder_ppm,
        reorder_micros_max,
        duplicate_ppm,
        // From 9 ms to 9 s.
        duplicate_micros_max: 9_000_000 >> shift,
        bit_flip_ppm,
        truncate_ppm,
        pad_ppm,
        junk_ppm,
        clog_ppm,
        clog_micros_max,
        bandwidth: is_slow.then(|| {
            Bandwidth::new(
                ppm(bits_per_second),
                usize::try_from(queue_frames).unwrap_or(2),
            )
        }),
        ..Link::PERFECT
    }
}

/// Everything that is drawn here fits into 32 bits.
fn ppm(drawn: u64) -> u32 {
    u32::try_from(drawn).unwrap_or(u32::MAX)
}

fn is_arp(frame: &[u8]) -> bool {
    frame.get(12..14) == Some(&[0x08, 0x06])
}

fn lose_most_arp(number: u64, frame: &[u8]) -> Option<Action> {
    (is_arp(frame) && !number.is_multiple_of(4)).then_some(Action::Drop)
}

fn delay_arp(number: u64, frame: &[u8]) -> Option<Action> {
    is_arp(frame).then_some(Action::Delay {
        by_micros: 1 + number % 7 * 400_000,
    })
}

fn lose_every_seventh(number: u64, _frame: &[u8]) -> Option<Action> {
    number.is_multiple_of(7).then_some(Action::Drop)
}
