//! The Ethernet, the clock, and the run of hosts under them.

use crate::ethernet::Ethernet;
use tickwire::{Observer, Tick};

use crate::witness::{EventsOnly, Shared};
use crate::{Host, Node, Weather, Witness};

/// Turns at one tick after which a world is broken: neither frames nor deadlines may hold the clock.
const TURNS_AT_TICK_MAX: u32 = 100_000;

/// A virtual network: one Ethernet and one clock.
pub struct World<'w> {
    /// The Ethernet, to set its faults.
    pub ethernet: Ethernet<'w>,
    now: Tick,
    turns: u64,
    turns_at_tick: u32,
}

impl<'w> World<'w> {
    /// A world at tick 0.
    pub const fn new(ethernet: Ethernet<'w>) -> Self {
        Self {
            ethernet,
            now: Tick::ZERO,
            turns: 0,
            turns_at_tick: 0,
        }
    }

    /// The time.
    pub const fn now(&self) -> Tick {
        self.now
    }

    /// How many turns all hosts together had.
    pub const fn turns(&self) -> u64 {
        self.turns
    }

    /// Runs `nodes` until all their apps have ended, or until `until`. Returns whether all ended.
    ///
    /// Every host gets a turn at once, then whenever a frame is due for it or its own deadline has come.
    /// When no host waits for anything, the clock jumps to `until`.
    ///
    /// # Panics
    /// When the clock stands still over a hundred thousand turns.
    pub fn run(
        &mut self,
        until: Tick,
        nodes: &mut [Node<'_, '_, '_>],
        observer: &mut dyn Observer,
    ) -> bool {
        self.run_watched(until, nodes, &mut EventsOnly(observer))
    }

    /// As [`run`](Self::run), through all changes of the weather.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub fn run_through(
        &mut self,
        weather: &mut Weather,
        until: Tick,
        nodes: &mut [Node<'_, '_, '_>],
        observer: &mut dyn Observer,
    ) -> bool {
        loop {
            weather.blow(&mut self.ethernet, self.now);
            let next = weather.next().map_or(until, |next| next.min(until));
            let ended = self.run(next, nodes, observer);
            if ended || self.now >= until {
                return ended;
            }
        }
    }

    /// As [`run`](Self::run), before a witness that sees frames and hosts, too.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub fn run_watched(
        &mut self,
        until: Tick,
        nodes: &mut [Node<'_, '_, '_>],
        witness: &mut dyn Witness,
    ) -> bool {
        for node in nodes.iter_mut() {
            node.host.wake_now(self.now);
        }
        let shared = Shared::new(witness);
        loop {
            self.turn_due(nodes, &shared);
            if nodes.iter().all(Node::is_finished) {
                return true;
            }
            if !self.rest(until, nodes.iter().map(|node| &*node.host)) {
                return false;
            }
        }
    }

    /// Gives each host one turn at once, for a caller that looks at its apps between turns; then it lets the hosts
    /// [`rest`](Self::rest).
    pub fn turn(&mut self, nodes: &mut [Node<'_, '_, '_>], witness: &mut dyn Witness) {
        for node in nodes.iter_mut() {
            node.host.wake_now(self.now);
        }
        self.turn_due(nodes, &Shared::new(witness));
    }

    /// Lets the clock jump to when one of `hosts` must have its next turn, at most to `until`. Returns whether that is
    /// before `until`.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub fn rest<'h, 'a: 'h>(
        &mut self,
        until: Tick,
        hosts: impl IntoIterator<Item = &'h Host<'a>>,
    ) -> bool {
        let hosts = hosts.into_iter();
        let next = hosts
            .filter_map(|host| host.next_turn(&self.ethernet))
            .min();
        let next = next.map_or(until, |next| next.max(self.now));
        if next >= until {
            self.now = self.now.max(until);
            return false;
        }
        self.turns_at_tick = if next == self.now {
            self.turns_at_tick + 1
        } else {
            0
        };
        assert!(
            self.turns_at_tick < TURNS_AT_TICK_MAX,
            "the clock stands still at {}",
            self.now
        );
        self.now = next;
        true
    }

    /// Gives a turn to each host whose time has come.
    fn turn_due(&mut self, nodes: &mut [Node<'_, '_, '_>], shared: &Shared<'_>) {
        for node in nodes {
            let wake = node.host.next_turn(&self.ethernet);
            if wake.is_some_and(|wake| wake <= self.now) {
                self.turns += 1;
                node.turn(self.now, &mut self.ethernet, shared);
            }
        }
    }
}
