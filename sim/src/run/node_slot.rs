//! A place for a node: the node while it has power, its apps, and what must hold after each turn.

use core::cell::RefCell;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};
use tickwire::{App, CAPPED_TURNS_MAX, Duration, EGRESS_MAX, INGRESS_MAX, Tick};

use super::run_tracer::RunTracer;
use super::sim_app::{APPS, AppSlot, SimApp};
use crate::Node;

/// Sockets of a node: two for a chat, one for each other app.
pub(crate) const SOCKETS: usize = 4;

/// Frames that one turn may send: an answer to each frame that arrived, for each socket all passes
/// of egress at each of four looks, and one more pass to find a connection that spins.
const FRAMES_MAX: u64 = (INGRESS_MAX + (4 * EGRESS_MAX + EGRESS_MAX) * SOCKETS) as u64;

/// Turns of one node at one tick: those that reached a cap, and some that frames or the caller
/// asked for.
const TURNS_MAX: u32 = CAPPED_TURNS_MAX + 64;

/// A turn that comes so late, or a little less for the drift of clocks, may excuse peers for a while
/// (`Stack::turn`).
const LATE_MIN: Duration = Duration::from_millis(990);
const EXCUSED_MAX: Duration = Duration::from_secs(20);

/// How an invariant was broken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Violation {
    /// The number of the invariant, as in `docs/simulation.md` of the repository.
    pub(crate) invariant: u8,
    pub(crate) what: &'static str,
}

impl Violation {
    pub(crate) const fn new(invariant: u8, what: &'static str) -> Self {
        Self { invariant, what }
    }
}

/// A place for a node, which may lose its power and start again.
pub(crate) struct NodeSlot<'a> {
    pub(crate) port: usize,
    /// `None` while it has no power.
    pub(crate) node: Option<Node<'a>>,
    apps: [AppSlot<'a>; APPS],
    /// When it starts again.
    pub(crate) up_at: Option<Tick>,
    pub(crate) boots: usize,
    turned_at: Tick,
    turns_at_tick: u32,
    /// When its next turn was to come.
    asked: Option<Tick>,
    /// In its own time: until then a deadline may have passed, because it was away.
    excused_until: Tick,
}

impl<'a> NodeSlot<'a> {
    pub(crate) fn new(port: usize) -> Self {
        Self {
            port,
            node: None,
            apps: core::array::from_fn(|_| AppSlot::idle()),
            up_at: Some(Tick::ZERO),
            boots: 0,
            turned_at: Tick::ZERO,
            turns_at_tick: 0,
            asked: None,
            excused_until: Tick::ZERO,
        }
    }

    pub(crate) fn slot(&mut self, app: usize) -> &mut AppSlot<'a> {
        self.apps.get_mut(app).expect("a node has three apps")
    }

    pub(crate) fn wake(&mut self, now: Tick) {
        if let Some(node) = &mut self.node {
            node.wake_now(now);
        }
    }

    pub(crate) fn is_due(&self, now: Tick) -> bool {
        self.next().is_some_and(|next| next <= now)
    }

    /// When it must have its next turn, or starts.
    pub(crate) fn next(&self) -> Option<Tick> {
        match &self.node {
            Some(node) => node.next_turn(),
            None => self.up_at,
        }
    }

    /// Gives it a turn, and checks what must hold after each one.
    pub(crate) fn turn(
        &mut self,
        now: Tick,
        tracer: &RefCell<RunTracer<'_>>,
    ) -> Result<(), Violation> {
        let Some(node) = &mut self.node else {
            return Ok(());
        };
        tracer.borrow_mut().frames_sent = 0;
        let [get, chat, file] = self.apps.each_mut().map(|slot| &mut slot.task);
        let next = node.with(&mut [get, chat, file]).turn(now, tracer);
        if tracer.borrow().frames_sent > FRAMES_MAX {
            return Err(Violation::new(
                7,
                "one turn sent more frames than its bound",
            ));
        }
        self.turns_at_tick = if self.turned_at == now {
            self.turns_at_tick + 1
        } else {
            0
        };
        self.turned_at = now;
        if self.asked.is_some_and(|asked| now.since(asked) >= LATE_MIN) {
            self.excused_until = node.local(now) + EXCUSED_MAX;
        }
        self.asked = next;
        if self.turns_at_tick > TURNS_MAX {
            return Err(Violation::new(7, "turns at one tick exceed their bound"));
        }
        self.check_deadlines(now, next)
    }

    /// No operation may be without a deadline in what the loop asked for.
    fn check_deadlines(&mut self, now: Tick, next: Option<Tick>) -> Result<(), Violation> {
        let Some(node) = &mut self.node else {
            return Ok(());
        };
        let local = node.local(now);
        let asked = next.map(|next| local + next.since(now));
        let is_capped = asked.is_some_and(|asked| asked <= local + Duration::from_millis(1));
        let (excused_until, is_excused) = (self.excused_until, local < self.excused_until);
        let judged_at = |deadline: Tick| {
            let has_passed = deadline <= local;
            deadline.max(if has_passed && is_excused {
                excused_until
            } else {
                local
            })
        };
        for slot in self.apps.iter_mut().filter(|slot| slot.outcome().is_none()) {
            if slot.has_postponed() {
                let what = "a deadline that counts from one moment was postponed";
                return Err(Violation::new(2, what));
            }
            let app = slot.app();
            let is_open = app.sockets().iter().any(|&handle| is_open(node, handle));
            let violation = match app.deadline() {
                None if is_open => Violation::new(3, "an open connection has no deadline"),
                Some(deadline) if deadline.at <= local && !is_capped && !is_excused => {
                    Violation::new(2, "an operation outlived its deadline")
                }
                // A deadline that passed while frames wait in the device is judged after them.
                Some(deadline) if asked.is_none_or(|asked| asked > judged_at(deadline.at)) => {
                    Violation::new(3, "a deadline is not in what the turn returned")
                }
                _ => continue,
            };
            return Err(violation);
        }
        Ok(())
    }

    /// Whether no socket carries a connection.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.node.as_ref().is_none_or(|node| {
            node.stack
                .sockets
                .iter()
                .all(|(handle, _)| !is_open(node, handle))
        })
    }

    /// Whether an app listens on this port.
    pub(crate) fn listens(&self, port: u16) -> bool {
        self.node.as_ref().is_some_and(|node| {
            node.stack.sockets.iter().any(|(handle, _)| {
                let socket = node.stack.sockets.get::<Socket>(handle);
                socket.state() == State::Listen && socket.listen_endpoint().port == port
            })
        })
    }

    /// The node loses its power. Returns its apps, for whoever keeps a part of them.
    pub(crate) fn crash(&mut self, up_at: Tick) -> [SimApp<'a>; APPS] {
        self.node = None;
        self.asked = None;
        self.excused_until = Tick::ZERO;
        self.up_at = Some(up_at);
        self.apps
            .each_mut()
            .map(|slot| core::mem::replace(slot, AppSlot::idle()).task.into_app())
    }
}

fn is_open(node: &Node<'_>, handle: SocketHandle) -> bool {
    !matches!(
        node.stack.sockets.get::<Socket>(handle).state(),
        State::Closed | State::Listen | State::TimeWait
    )
}
