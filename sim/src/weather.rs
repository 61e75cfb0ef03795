//! What the network does to a world: faults of each link, and changes over time, all drawn from a seed.

use crate::Generator;
use crate::ethernet::{Action, Bandwidth, Bursts, Ethernet, Jitter, Link, Rule};
use heapless::Vec;
use tickwire::Tick;

/// How bad the weather is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// Loss and duplicates up to 2 %, jitter up to 20 ms: everything must succeed in the end.
    Mild,
    /// Everything that a network, a node or a storage may do: success or a typed error, never stuck.
    #[default]
    Bad,
    /// Peers that lie, over mild links.
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

/// The most ports that weather is drawn for.
pub const PORTS_MAX: usize = 4;
/// The most changes over time.
const CHANGES_MAX: usize = 16;

/// Something that happens to the Ethernet at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gust {
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
/// use tickwire_sim::ethernet::{Ethernet, Frame, PortState};
/// use tickwire::Tick;
/// use tickwire_sim::{Profile, Weather};
///
/// let mut memory = [[0; 1514]; 8];
/// let mut frames = memory.each_mut().map(|bytes| Frame::new(&mut bytes[..]));
/// let mut ports = [const { PortState::new() }; 2];
/// let ethernet = Ethernet::new(42, &mut ports[..], &mut frames[..]);
/// let mut weather = Weather::draw(42, Profile::Bad, 2, Tick::from_millis(60_000));
/// weather.begin(&ethernet);
/// weather.blow(&ethernet, Tick::from_millis(60_000));
/// weather.calm(&ethernet);
/// ```
#[derive(Debug, Clone)]
pub struct Weather {
    ports: usize,
    links: [Link; PORTS_MAX],
    mtu: [usize; PORTS_MAX],
    rules: [Option<Rule>; PORTS_MAX],
    /// In the order of their times.
    gusts: Vec<(Tick, Gust), CHANGES_MAX>,
    blown: usize,
}

/// Draws from ranges that span orders of magnitude, so that small values are as frequent as large ones.
pub(crate) fn draw_log(random: &mut Generator, first: u64, last: u64) -> u64 {
    let octaves = u64::from(last.max(1).ilog2().saturating_sub(first.max(1).ilog2())) + 1;
    let low = first.max(1) << random.below(octaves);
    let high = low.saturating_mul(2).saturating_sub(1);
    random.between(low, high).clamp(first, last)
}

impl Weather {
    /// Weather for the first `ports` ports of an Ethernet, at most four; its changes lie before `calm_at`.
    pub fn draw(seed: u64, profile: Profile, ports: usize, calm_at: Tick) -> Self {
        let root = Generator::new(seed);
        let mut weather = Self {
            ports: ports.min(PORTS_MAX),
            links: [Link::PERFECT; PORTS_MAX],
            mtu: [1_500; PORTS_MAX],
            rules: [None; PORTS_MAX],
            gusts: Vec::new(),
            blown: 0,
        };
        // Which faults this seed knows is the same for all its links; how bad they are is not.
        let mask = root.fork("weather mask", 0);
        for (port, index) in weather.links.iter_mut().zip(0..) {
            let mut random = root.fork("weather link", index);
            *port = match profile {
                Profile::Bad => bad_link(&mut mask.clone(), &mut random),
                Profile::Mild | Profile::Hostile => mild_link(&mut mask.clone(), &mut random),
            };
        }
        let mut random = root.fork("weather mtu", 0);
        if random.chance(500_000) {
            for mtu in &mut weather.mtu {
                // An MTU fits into a usize.
                *mtu = usize::try_from(random.between(576, 1_500)).unwrap_or(1_500);
            }
        }
        if profile == Profile::Bad {
            weather.draw_rules(&mut root.fork("weather rules", 0));
            weather.draw_gusts(&mut root.fork("weather gusts", 0), calm_at);
        }
        weather
    }

    fn draw_rules(&mut self, random: &mut Generator) {
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

    fn draw_gusts(&mut self, random: &mut Generator, calm_at: Tick) {
        let last = calm_at.as_millis();
        let mut count = if random.chance(400_000) {
            random.between(1, 4)
        } else {
            0
        };
        while count > 0 && self.ports > 1 {
            count -= 1;
            let begin = draw_log(random, 1, last.max(2));
            // Mostly survivable with default deadlines, at times not.
            let longest = if random.chance(700_000) {
                10_000
            } else {
                60_000
            };
            let end = begin
                .saturating_add(draw_log(random, 100, longest))
                .min(last);
            let ports = self.ports as u64;
            // Ports are few.
            let one = usize::try_from(random.below(ports)).unwrap_or(0);
            let other =
                (one + 1 + usize::try_from(random.below(ports - 1)).unwrap_or(0)) % self.ports;
            let (begin, end) = (Tick::from_millis(begin), Tick::from_millis(end));
            let pairs: &[(Gust, Gust)] = match random.below(3) {
                0 => &[(Gust::Down(one), Gust::Up(one))],
                1 => &[(Gust::Sever(one, other), Gust::Mend(one, other))],
                _ => &[
                    (Gust::Sever(one, other), Gust::Mend(one, other)),
                    (Gust::Sever(other, one), Gust::Mend(other, one)),
                ],
            };
            for (first, second) in pairs {
                // Eight pairs at most, each of two.
                let _ = self.gusts.push((begin, *first));
                let _ = self.gusts.push((end, *second));
            }
        }
        self.gusts
            .sort_unstable_by_key(|(at, gust)| (*at, order(*gust)));
    }

    /// The longest IP packet of a port, to be set before its interface is made.
    pub fn mtu(&self, port: usize) -> usize {
        self.mtu.get(port).copied().unwrap_or(1_500)
    }

    /// The faults of the way out of a port.
    pub fn link(&self, port: usize) -> Link {
        self.links.get(port).copied().unwrap_or(Link::PERFECT)
    }

    /// To set before [`begin`](Self::begin), for what a caller draws itself.
    pub fn link_mut(&mut self, port: usize) -> Option<&mut Link> {
        self.links.get_mut(port)
    }

    /// What changes when.
    pub fn gusts(&self) -> &[(Tick, Gust)] {
        &self.gusts
    }

    /// Sets the faults of all links.
    pub fn begin(&self, ethernet: &Ethernet<'_>) {
        for port in 0..self.ports {
            ethernet.set_mtu(port, self.mtu(port));
            ethernet.set_link(port, self.link(port));
            ethernet.set_rule(port, self.rules.get(port).copied().flatten());
        }
    }

    /// When something changes next.
    pub fn next(&self) -> Option<Tick> {
        self.gusts.get(self.blown).map(|(at, _)| *at)
    }

    /// Does all that is due.
    pub fn blow(&mut self, ethernet: &Ethernet<'_>, now: Tick) {
        while let Some((at, gust)) = self.gusts.get(self.blown).copied() {
            if at > now {
                return;
            }
            self.blown += 1;
            match gust {
                Gust::Sever(from, to) => ethernet.sever(from, to),
                Gust::Mend(from, to) => ethernet.mend(from, to),
                Gust::Down(port) => ethernet.set_up(port, false),
                Gust::Up(port) => ethernet.set_up(port, true),
            }
        }
    }

    /// Ends all faults: from now on every frame arrives, half a millisecond after it was sent. What is in flight, a late
    /// duplicate for one, still comes as it was drawn.
    pub fn calm(&mut self, ethernet: &Ethernet<'_>) {
        self.blown = self.gusts.len();
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

/// Mends before cuts at the same moment, so that the order does not depend on the sort.
const fn order(gust: Gust) -> (u8, usize, usize) {
    match gust {
        Gust::Mend(from, to) => (0, from, to),
        Gust::Up(port) => (1, port, 0),
        Gust::Sever(from, to) => (2, from, to),
        Gust::Down(port) => (3, port, 0),
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
    // Every draw happens whatever the mask says, so that a fault that is off leaves the others as they were.
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
    let bits_per_second = draw_log(random, 9_600, 100_000_000);
    let queue_frames = draw_log(random, 2, 64);
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

/// All that is drawn here fits into 32 bits.
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
