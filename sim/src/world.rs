//! The Ethernet, the clock, and the run of hosts under them.

use core::cell::{Cell, RefCell};

use tickwire::{Observer, Tick};

use crate::ethernet::Ethernet;
use crate::witness::EventsOnly;
use crate::{Host, Node, Weather, Witness};

/// Turns at one tick after which a world is broken: neither frames nor deadlines may hold the
/// clock.
const TURNS_AT_TICK_MAX: u32 = 100_000;

/// A virtual network: one Ethernet and one clock.
///
/// Hosts borrow their ports from [`ethernet`](Self::ethernet), so that all methods take `&self`.
pub struct World<'a> {
    /// The Ethernet, to set its faults. It keeps the time.
    pub ethernet: Ethernet<'a>,
    turns: Cell<u64>,
    turns_at_tick: Cell<u32>,
}

impl<'a> World<'a> {
    /// A world at the time of its Ethernet, which begins at tick 0.
    pub const fn new(ethernet: Ethernet<'a>) -> Self {
        Self {
            ethernet,
            turns: Cell::new(0),
            turns_at_tick: Cell::new(0),
        }
    }

    /// The time.
    pub fn now(&self) -> Tick {
        self.ethernet.now()
    }

    /// How many turns all hosts together had.
    pub const fn turns(&self) -> u64 {
        self.turns.get()
    }

    /// Runs `nodes` until all their apps have ended, or until `until`. Returns whether all ended.
    ///
    /// Every host gets a turn at once, then whenever a frame is due for it or its own deadline has
    /// come. When no host waits for anything, the clock jumps to `until`.
    ///
    /// # Panics
    /// When the clock stands still over a hundred thousand turns.
    pub fn run(
        &self,
        until: Tick,
        nodes: &mut [Node<'_, '_, '_>],
        observer: &mut dyn Observer,
    ) -> bool {
        self.run_watched(until, nodes, &RefCell::new(EventsOnly(observer)))
    }

    /// As [`run`](Self::run), through all changes of the weather.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub fn run_through(
        &self,
        weather: &mut Weather,
        until: Tick,
        nodes: &mut [Node<'_, '_, '_>],
        observer: &mut dyn Observer,
    ) -> bool {
        loop {
            weather.blow(&self.ethernet, self.now());
            let next = weather.next().map_or(until, |next| next.min(until));
            let ended = self.run(next, nodes, observer);
            if ended || self.now() >= until {
                return ended;
            }
        }
    }

    /// As [`run`](Self::run), before a witness that learns which host told an event. Where it is
    /// the [observer](Ethernet::observe) of the Ethernet too, it sees frames and events in their
    /// order.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub fn run_watched(
        &self,
        until: Tick,
        nodes: &mut [Node<'_, '_, '_>],
        witness: &RefCell<dyn Witness + '_>,
    ) -> bool {
        for node in nodes.iter_mut() {
            node.host.wake_now(self.now());
        }
        loop {
            self.turn_due(nodes, witness);
            if nodes.iter().all(Node::is_finished) {
                return true;
            }
            if !self.rest(until, nodes.iter().map(|node| &*node.host)) {
                return false;
            }
        }
    }

    /// Gives each host one turn at once, for a caller that looks at its apps between turns; then it
    /// lets the hosts [`rest`](Self::rest).
    pub fn turn(&self, nodes: &mut [Node<'_, '_, '_>], witness: &RefCell<dyn Witness + '_>) {
        for node in nodes.iter_mut() {
            node.host.wake_now(self.now());
        }
        self.turn_due(nodes, witness);
    }

    /// Lets the clock jump to when one of `hosts` must have its next turn, at most to `until`.
    /// Returns whether that is before `until`.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub fn rest<'h, 'n: 'h>(
        &self,
        until: Tick,
        hosts: impl IntoIterator<Item = &'h Host<'n>>,
    ) -> bool {
        let now = self.now();
        let next = hosts.into_iter().filter_map(Host::next_turn).min();
        let next = next.map_or(until, |next| next.max(now));
        if next >= until {
            self.ethernet.set_now(now.max(until));
            return false;
        }
        let turns = if next == now {
            self.turns_at_tick.get() + 1
        } else {
            0
        };
        assert!(turns < TURNS_AT_TICK_MAX, "the clock stands still at {now}");
        self.turns_at_tick.set(turns);
        self.ethernet.set_now(next);
        true
    }

    /// Gives a turn to each host whose time has come.
    fn turn_due(&self, nodes: &mut [Node<'_, '_, '_>], witness: &RefCell<dyn Witness + '_>) {
        let now = self.now();
        for node in nodes {
            if node.host.next_turn().is_some_and(|wake| wake <= now) {
                self.turns.set(self.turns.get() + 1);
                node.turn(now, witness);
            }
        }
    }
}
