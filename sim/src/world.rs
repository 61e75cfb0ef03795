//! The Ethernet, the clock, and the run of nodes under them.

use core::cell::{Cell, RefCell};

use tickwire::{Observer, Tick};

use crate::ethernet::Ethernet;
use crate::tracer::EventsOnly;
use crate::{FaultPlan, Node, RunningNode, Tracer};

/// Turns at one tick after which a world is broken: neither frames nor deadlines may hold the
/// clock.
const TURNS_AT_TICK_MAX: u32 = 100_000;

/// A virtual network: one Ethernet and one clock.
///
/// Nodes borrow their ports from [`ethernet`](Self::ethernet), so all methods take `&self`.
pub struct World<'a> {
    /// The Ethernet, to set its faults. It keeps the time.
    pub ethernet: Ethernet<'a>,
    turns_at_tick: Cell<u32>,
}

impl<'a> World<'a> {
    /// A world at the time of its Ethernet, which begins at tick 0.
    pub const fn new(ethernet: Ethernet<'a>) -> Self {
        Self {
            ethernet,
            turns_at_tick: Cell::new(0),
        }
    }

    /// The time.
    pub fn now(&self) -> Tick {
        self.ethernet.now()
    }

    /// Runs `nodes` until all their apps have ended, or until `until`. Returns whether all ended.
    ///
    /// Every node gets a turn at once, then whenever a frame is due for it or its own deadline has
    /// come. When no node waits for anything, the clock jumps to `until`.
    ///
    /// # Panics
    /// When the clock stands still over a hundred thousand turns.
    pub fn run(
        &self,
        until: Tick,
        nodes: &mut [RunningNode<'_, '_, '_>],
        observer: &mut dyn Observer,
    ) -> bool {
        self.run_traced(until, nodes, &RefCell::new(EventsOnly(observer)))
    }

    /// As [`run`](Self::run), and applies the changes of the fault plan when they are due.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub fn run_with_faults(
        &self,
        faults: &mut FaultPlan,
        until: Tick,
        nodes: &mut [RunningNode<'_, '_, '_>],
        observer: &mut dyn Observer,
    ) -> bool {
        loop {
            faults.apply(&self.ethernet, self.now());
            let next = faults.next_change().map_or(until, |next| next.min(until));
            let ended = self.run(next, nodes, observer);
            if ended || self.now() >= until {
                return ended;
            }
        }
    }

    /// As [`run`](Self::run), with a tracer that learns which node reported an event. Make the same
    /// cell the [observer](Ethernet::observe) of the Ethernet, and it sees frames and events in
    /// their order.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub fn run_traced(
        &self,
        until: Tick,
        nodes: &mut [RunningNode<'_, '_, '_>],
        tracer: &RefCell<dyn Tracer + '_>,
    ) -> bool {
        for running in nodes.iter_mut() {
            running.node.wake_now(self.now());
        }
        loop {
            self.turn_due(nodes, tracer);
            if nodes.iter().all(RunningNode::is_finished) {
                return true;
            }
            if !self.sleep(until, nodes.iter().map(|running| &*running.node)) {
                return false;
            }
        }
    }

    /// Gives each node one turn at once, for a caller that looks at its apps between turns; it then
    /// lets the nodes [`sleep`](Self::sleep).
    pub fn turn(&self, nodes: &mut [RunningNode<'_, '_, '_>], tracer: &RefCell<dyn Tracer + '_>) {
        for running in nodes.iter_mut() {
            running.node.wake_now(self.now());
        }
        self.turn_due(nodes, tracer);
    }

    /// Lets the clock jump to the next turn that one of `nodes` must have, at most to `until`.
    /// Returns whether that turn is before `until`.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub fn sleep<'n, 's: 'n>(
        &self,
        until: Tick,
        nodes: impl IntoIterator<Item = &'n Node<'s>>,
    ) -> bool {
        let now = self.now();
        let next = nodes.into_iter().filter_map(Node::next_turn).min();
        let next = next.map_or(until, |next| next.max(now));
        if next >= until {
            if until > now {
                self.turns_at_tick.set(0);
            }
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

    /// Gives a turn to each node whose time has come. With [`sleep`](Self::sleep) it is what
    /// [`run`](Self::run) does, for a caller that looks at its apps between turns and must not give a
    /// node a turn that its loop did not ask for.
    pub fn turn_due(
        &self,
        nodes: &mut [RunningNode<'_, '_, '_>],
        tracer: &RefCell<dyn Tracer + '_>,
    ) {
        let now = self.now();
        for running in nodes {
            if running.node.next_turn().is_some_and(|wake| wake <= now) {
                running.turn(now, tracer);
            }
        }
    }
}
