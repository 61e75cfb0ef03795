//! The poll loop.

use core::task::Poll;

use heapless::Vec;
use smoltcp::config::IFACE_MAX_ADDR_COUNT;
use smoltcp::iface::{Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::AnySocket;
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpCidr};

use crate::canary::{Canary, is_planted};
use crate::look::Look;
use crate::spin::{self, Tally};
use crate::{App, Awaited, Error, Io, Observer, Ports, Tick};

/// Frames taken in by one turn.
pub const INGRESS_MAX: usize = 32;
/// Passes of smoltcp's egress in one look; healthy loops were measured to need at most 12.
pub const EGRESS_MAX: usize = 16;
/// Looks at sockets that egress may have changed.
const LOOKS_MAX: usize = 4;
/// Turns in a row at one tick that may stop at a cap before the loop asks for the next tick.
pub const CAPPED_TURNS_MAX: u32 = 64;

/// What the loop carries from one turn to the next. One for each interface.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Carry {
    ports: Ports,
    capped_turns: u32,
    last: Tick,
}

impl Carry {
    /// A fresh loop; `seed` decides the order of the local ports and should differ at every start.
    pub const fn new(seed: u64) -> Self {
        Self {
            ports: Ports::new(seed),
            capped_turns: 0,
            last: Tick::ZERO,
        }
    }
}

/// The loop's notes on one app: its outcome, and what its sockets looked like. The caller keeps it beside the app.
#[derive(Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Slot {
    outcome: Option<Result<(), Error>>,
    /// Why its connection ended, where the loop knows better than the sockets.
    cause: Option<Error>,
    /// What they looked like before egress.
    look: Look,
    pub(crate) spin: spin::Notes,
}

impl Slot {
    /// For an app that has not been polled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How the app ended; `None` while it lives.
    pub const fn outcome(&self) -> Option<Result<(), Error>> {
        self.outcome
    }

    /// The app's place in one [`turn`]. The same slot must go with the same app.
    pub fn seat<'a>(&'a mut self, app: &'a mut dyn App) -> Seat<'a> {
        Seat { slot: self, app }
    }
}

/// An app and its slot, for the length of one [`turn`].
pub struct Seat<'a> {
    pub(crate) slot: &'a mut Slot,
    pub(crate) app: &'a mut dyn App,
}

#[cfg(feature = "defmt")]
impl defmt::Format for Seat<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Seat {{ app: {=str}, slot: {=?} }}",
            self.app.name(),
            self.slot
        );
    }
}

impl Seat<'_> {
    /// How the app ended; `None` while it lives.
    pub const fn outcome(&self) -> Option<Result<(), Error>> {
        self.slot.outcome
    }

    /// Whether the app has not ended yet.
    pub(crate) fn is_live(&self) -> bool {
        self.slot.outcome.is_none()
    }
}

/// What one turn works on.
struct Turn<'t, 's, 'o, D: ?Sized> {
    now: Tick,
    /// The same on smoltcp's clock.
    instant: Instant,
    iface: &'t mut Interface,
    device: Tally<'t, D>,
    sockets: &'t mut SocketSet<'s>,
    addresses: Vec<IpCidr, IFACE_MAX_ADDR_COUNT>,
    ports: &'t mut Ports,
    observer: &'o mut dyn Observer,
    /// A cap was reached, so there is more to do at once.
    capped: bool,
}

/// Moves frames and apps once, and returns when it must be called again if nothing happens before: the earliest
/// deadline of the apps and of smoltcp; `None` when they wait for frames or for their caller alone.
///
/// After it every app has finished, or waits for a frame, for the returned tick, or for its caller's own input.
/// The work of one turn is bounded whatever the peers do. When a bound was reached it returns `now`, but after
/// [`CAPPED_TURNS_MAX`] such turns at one tick the next tick, so that a virtual clock cannot stand still; and a
/// connection that fills the bound without moving payload for longer than that is aborted ([`Error::Spinning`]).
///
/// Listeners belong behind all other sockets in the set: smoltcp asks sockets in order, and a late duplicate of a SYN
/// must meet the connection that it made before it meets a listener.
pub fn turn<D: Device + ?Sized>(
    now: Tick,
    iface: &mut Interface,
    device: &mut D,
    sockets: &mut SocketSet<'_>,
    seats: &mut [Seat<'_>],
    carry: &mut Carry,
    observer: &mut dyn Observer,
) -> Option<Tick> {
    let addresses = iface.ip_addrs().iter().copied().collect();
    let ports = &mut carry.ports;
    let mut turn = Turn {
        now,
        instant: now.to_smoltcp(),
        iface,
        device: Tally::new(device),
        sockets,
        addresses,
        ports,
        observer,
        capped: false,
    };
    turn.note_lost_addresses(seats);
    turn.ingress();
    turn.look_for_movement(seats);
    turn.poll_apps(seats);
    turn.look_for_movement(seats);
    turn.egress(seats);
    let capped = turn.capped;
    let next = turn.next(seats);
    carry.pace(now, capped, next)
}

impl<D: Device + ?Sized> Turn<'_, '_, '_, D> {
    /// smoltcp resets the connections of a lost address in silence, and afterwards nobody can tell why.
    fn note_lost_addresses(&self, seats: &mut [Seat<'_>]) {
        for seat in seats.iter_mut().filter(|seat| seat.is_live()) {
            for &handle in seat.app.sockets() {
                let local = self.sockets.get::<Socket<'_>>(handle).local_endpoint();
                let lost = |address: IpAddress| {
                    self.addresses.iter().all(|cidr| cidr.address() != address)
                };
                if local.is_some_and(|local| lost(local.addr)) {
                    seat.slot.cause = Some(Error::AddressLost);
                }
            }
        }
    }

    /// Takes in what the device has, but no more than [`INGRESS_MAX`] frames.
    fn ingress(&mut self) {
        self.iface.poll_maintenance(self.instant);
        for _ in 0..INGRESS_MAX {
            if self
                .iface
                .poll_ingress_single(self.instant, &mut self.device, self.sockets)
                == PollIngressSingleResult::None
            {
                return;
            }
            self.abort_crossed();
        }
        self.capped = true;
    }

    /// Ends dialled connections whose peer dialled us on the same ports (RFC 9293, 3.5). No app needs them, and while
    /// our own SYN still waits for the neighbour smoltcp panics at the next look at such a socket (`docs/upstream.md`).
    fn abort_crossed(&mut self) {
        for (_, socket) in self.sockets.iter_mut() {
            let Some(socket) = Socket::downcast_mut(socket) else {
                continue;
            };
            if socket.state() == State::SynReceived && socket.listen_endpoint().port == 0 {
                socket.abort();
            }
        }
    }

    fn poll_apps(&mut self, seats: &mut [Seat<'_>]) {
        for (index, seat) in seats.iter_mut().enumerate() {
            if seat.is_live() {
                self.poll_app(index, seat);
            }
        }
    }

    fn poll_app(&mut self, index: usize, seat: &mut Seat<'_>) {
        let mut io = Io {
            now: self.now,
            ports: self.ports,
            addresses: &self.addresses,
            observer: self.observer,
            seat: index,
            unfinished: false,
            cause: seat.slot.cause,
            iface: self.iface,
            sockets: self.sockets,
        };
        let outcome = seat.app.poll(&mut io);
        self.capped |= io.unfinished;
        seat.slot.cause = io.cause;
        if let Poll::Ready(outcome) = outcome {
            seat.slot.outcome = Some(outcome);
        }
    }

    /// Sends what is due. Sockets also change state in egress (an abort, a TIME-WAIT that ends, an address that went):
    /// the apps of those that did are polled and egress runs again, so that nothing sleeps through it.
    fn egress(&mut self, seats: &mut [Seat<'_>]) {
        for _ in 0..LOOKS_MAX {
            for seat in seats.iter_mut().filter(|seat| seat.is_live()) {
                seat.slot.look = Look::at(seat.app, self.sockets);
            }
            self.egress_once(seats);
            if !self.poll_changed(seats) {
                return;
            }
        }
        self.capped = true;
    }

    /// Polls the apps whose sockets no longer look as they did, and reports whether there was one.
    fn poll_changed(&mut self, seats: &mut [Seat<'_>]) -> bool {
        let mut any = false;
        for (index, seat) in seats.iter_mut().enumerate() {
            let look = Look::at(seat.app, self.sockets);
            if !seat.is_live() || look == seat.slot.look {
                continue;
            }
            if seat.slot.look.open & !look.open != 0 {
                // A peer's RST closes a socket in ingress; in egress only smoltcp's own timeout does, and afterwards
                // nobody can tell them apart.
                let timeout = Error::TimedOut(Awaited::Peer);
                seat.slot.cause.get_or_insert(timeout);
            }
            any = true;
            self.poll_app(index, seat);
        }
        any
    }

    /// Runs egress until nothing leaves any more, but no more than [`EGRESS_MAX`] passes.
    fn egress_once(&mut self, seats: &mut [Seat<'_>]) {
        for _ in 0..EGRESS_MAX {
            if self
                .iface
                .poll_egress(self.instant, &mut self.device, self.sockets)
                == PollResult::None
            {
                seats.iter_mut().for_each(|seat| seat.slot.spin.clear());
                return;
            }
        }
        self.capped = true;
        self.end_spinning(seats);
    }

    fn look_for_movement(&self, seats: &mut [Seat<'_>]) {
        for seat in seats.iter_mut().filter(|seat| seat.is_live()) {
            seat.slot.spin.look(seat.app, self.sockets);
        }
    }

    /// Aborts the connections that keep egress busy for nothing; their apps learn it at the next look.
    fn end_spinning(&mut self, seats: &mut [Seat<'_>]) {
        for seat in seats.iter_mut().filter(|seat| seat.is_live()) {
            if !seat.slot.spin.is_suspect(seat.app, self.sockets) {
                continue;
            }
            seat.slot.spin.clear();
            for &handle in seat.app.sockets() {
                if self.spins(handle) {
                    seat.slot.cause = Some(Error::Spinning);
                    self.sockets.get_mut::<Socket<'_>>(handle).abort();
                }
            }
        }
    }

    fn spins(&mut self, handle: SocketHandle) -> bool {
        let socket = self.sockets.get::<Socket<'_>>(handle);
        let ends = socket.local_endpoint().zip(socket.remote_endpoint());
        ends.is_some_and(|ends| {
            spin::spins(
                self.instant,
                self.iface,
                &mut self.device,
                self.sockets,
                ends,
            )
        })
    }

    /// The earliest deadline of all.
    fn next(&mut self, seats: &[Seat<'_>]) -> Option<Tick> {
        let smoltcp = self.iface.poll_at(self.instant, self.sockets);
        let mut next = smoltcp.map(Tick::from_smoltcp);
        for seat in seats.iter().filter(|seat| seat.is_live()) {
            if cfg!(debug_assertions) {
                self.assert_deadline(seat);
            }
            next = earlier(next, seat.app.deadline().map(|deadline| deadline.at));
        }
        next
    }

    /// The deadline rules: an app with a connection has one, and it lies ahead unless there is more to do at once.
    fn assert_deadline(&self, seat: &Seat<'_>) {
        let idle = |&handle: &SocketHandle| {
            matches!(
                self.sockets.get::<Socket<'_>>(handle).state(),
                State::Closed | State::Listen | State::TimeWait
            )
        };
        let (name, deadline) = (seat.app.name(), seat.app.deadline());
        assert!(
            deadline.is_some() || seat.app.sockets().iter().all(idle),
            "{name} has a connection without a deadline"
        );
        assert!(
            self.capped || deadline.is_none_or(|deadline| deadline.at > self.now),
            "{name} left its deadline in the past"
        );
    }
}

impl Carry {
    /// When the next turn comes: at once after a cap, but not for ever at the same tick.
    fn pace(&mut self, now: Tick, capped: bool, next: Option<Tick>) -> Option<Tick> {
        if now != self.last || !capped {
            self.capped_turns = 0;
        }
        self.last = now;
        if capped {
            self.capped_turns = self.capped_turns.saturating_add(1);
            return Some(if self.capped_turns > CAPPED_TURNS_MAX {
                now.after(1)
            } else {
                now
            });
        }
        // Egress sent all that it could, so what smoltcp calls due now waits for something else (a neighbour).
        next.map(|next| next.max(now.after(1)))
    }
}

/// The earlier of two deadlines, either of which may be missing.
fn earlier(one: Option<Tick>, other: Option<Tick>) -> Option<Tick> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        // The bug is that of `Option::min`, which ranks `None` first.
        _ if is_planted(Canary::DeadlineLostInMinimum) => None,
        _ => one.or(other),
    }
}
