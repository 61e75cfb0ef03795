//! The poll loop.

use smoltcp::iface::{PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::{AnySocket, tcp::Socket, tcp::State};
use smoltcp::time::Instant;
use smoltcp::wire::IpEndpoint;

#[cfg(feature = "dhcp")]
use super::Forgotten;
use super::guard::{Guard, Notice};
use super::snapshot::{SocketSnapshot, has_connection, has_datagrams, tcp};
use super::spin::{self, CountingDevice};
use super::tick::earlier;
use super::{
    AnyTask, Backlog, EGRESS_MAX, Error, Event, INGRESS_MAX, Io, Observer, Stack, Tick,
    TimeoutKind, task,
};

/// Times that egress may change sockets in one turn.
const EGRESS_ROUNDS_MAX: usize = 4;

/// The tasks of one turn.
type Tasks<'t> = [&'t mut dyn AnyTask];

/// What one turn works on.
struct Turn<'t, 's, D: ?Sized> {
    /// What the tasks get to see of it. It is unfinished when a cap was reached, or a task asked for
    /// more: there is more to do at once.
    io: Io<'t, 's>,
    /// The time on smoltcp's clock.
    instant: Instant,
    device: CountingDevice<'t, D>,
    guard: &'t Guard<D>,
    /// A task has ended. Its caller may never call again, so its RST must leave now.
    has_ended: bool,
}

impl<D: Device> Stack<'_, D> {
    /// Moves frames and tasks once, and returns when it must be called again if nothing happens
    /// before: the earliest deadline of the tasks, of smoltcp and of the guard; `None` when they wait
    /// for frames or for their caller alone.
    ///
    /// After it every task has finished, or waits for a frame, for the returned tick, or for its
    /// caller's own input. The work of one turn is bounded whatever the peers do. When a bound was
    /// reached it returns `now`, but after [`CAPPED_TURNS_MAX`](crate::CAPPED_TURNS_MAX) such turns at
    /// one tick the next tick, so that a virtual clock cannot stand still. A connection that fills the
    /// bound without moving payload for longer than that is aborted ([`Error::Spinning`]).
    ///
    /// No deadline is judged while the device holds frames, so what is already here beats a late
    /// clock. After a jump of the clock by a second or more nothing is sent before that, either. A
    /// flood holds both off for 5 s at most.
    ///
    /// A turn that comes a second or more after the tick that was returned has missed what the peers
    /// said. They get that time back, but 2 s at least and 20 s at most: deadlines of connections that
    /// passed meanwhile are judged so much later, and a peer that is silent is asked by a keep-alive.
    pub fn turn(
        &mut self,
        now: Tick,
        tasks: &mut [&mut dyn AnyTask],
        observer: &mut dyn Observer,
    ) -> Option<Tick> {
        if cfg!(debug_assertions) {
            assert_own_sockets(tasks);
        }
        self.pacing.begin(now);
        let mut turn = Turn {
            io: Io {
                now,
                task: "",
                is_drained: true,
                absence: self.pacing.absence,
                is_unfinished: false,
                #[cfg(feature = "dhcp")]
                forgotten: Forgotten::Nothing,
                #[cfg(feature = "dns")]
                names: &mut self.names,
                ports: &mut self.ports,
                losses: &mut self.losses,
                observer,
                iface: &mut self.iface,
                sockets: &mut self.sockets,
            },
            instant: now.to_smoltcp(),
            device: CountingDevice::new(&mut self.device),
            guard: &self.guard,
            has_ended: false,
        };
        turn.ingress();
        turn.io.is_drained = self.pacing.drained(now, turn.io.is_unfinished);
        // Before the tasks as well: a sender that refills its buffer at once shows its progress only
        // in between.
        turn.observe(tasks);
        turn.poll_tasks(tasks);
        if self.pacing.take_asking(turn.io.is_drained) {
            turn.ask_peers(tasks);
        }
        if !self.pacing.is_catching_up || turn.has_ended {
            turn.egress(tasks);
        } else {
            turn.note_lost_addresses(tasks);
        }
        let next = turn.next(tasks);
        self.pacing.wake(now, turn.io.is_unfinished, next)
    }
}

impl<D: Device + ?Sized> Turn<'_, '_, D> {
    /// smoltcp's egress resets the connections of a lost address in silence, and afterwards nobody
    /// can tell why. The guard would go on sending a FIN that is not acknowledged.
    fn note_lost_addresses(&mut self, tasks: &Tasks) {
        for task in tasks.iter().filter(|task| !task.is_finished()) {
            for &handle in task.sockets() {
                let local = tcp(self.io.sockets, handle).and_then(Socket::local_endpoint);
                if let Some(local) = local.filter(|local| !self.io.iface.has_ip_addr(local.addr)) {
                    self.io.losses.note(handle, Error::AddressLost);
                    self.guard.forget_address(self.device.inner(), local.addr);
                }
            }
        }
    }

    /// Takes in what the device has, but no more than [`INGRESS_MAX`] frames.
    #[inline(never)] // In one function with the rest of the turn it runs out of registers.
    fn ingress(&mut self) {
        self.io.iface.poll_maintenance(self.instant);
        for _ in 0..INGRESS_MAX {
            let result =
                self.io
                    .iface
                    .poll_ingress_single(self.instant, &mut self.device, self.io.sockets);
            if result == PollIngressSingleResult::None {
                return;
            }
            self.abort_crossed();
            self.take_notices();
        }
        self.io.is_unfinished = true;
    }

    /// Tells what the guard noticed in the last frame.
    fn take_notices(&mut self) {
        while let Some(notice) = self.guard.take_notice(self.device.inner()) {
            match notice {
                Notice::AddressConflict { address, mac } => {
                    self.io.emit(&Event::AddressConflict { address, mac });
                }
                Notice::Unreachable {
                    local,
                    remote,
                    error,
                } => self.note_unreachable(local, remote, error),
            }
        }
    }

    /// The socket that dials gets a RST as its next frame, and afterwards nobody can tell why.
    fn note_unreachable(&mut self, local: IpEndpoint, remote: IpEndpoint, error: Error) {
        let dials = self.io.sockets.iter().find_map(|(handle, socket)| {
            let socket = Socket::downcast(socket)?;
            let is_dialling = socket.state() == State::SynSent
                && socket.local_endpoint() == Some(local)
                && socket.remote_endpoint() == Some(remote);
            is_dialling.then_some(handle)
        });
        if let Some(handle) = dials {
            self.io.losses.note(handle, error);
        }
    }

    /// Ends dialled connections whose peer dialled us on the same ports (RFC 9293, 3.5). No app needs
    /// them, and while our own SYN still waits for the neighbour smoltcp panics at the next look at
    /// such a socket (`docs/upstream.md`).
    fn abort_crossed(&mut self) {
        for (_, socket) in self.io.sockets.iter_mut() {
            let Some(socket) = Socket::downcast_mut(socket) else {
                continue;
            };
            if socket.state() == State::SynReceived && socket.listen_endpoint().port == 0 {
                socket.abort();
            }
        }
    }

    fn poll_tasks(&mut self, tasks: &mut Tasks) {
        for task in tasks.iter_mut().filter(|task| !task.is_finished()) {
            self.poll_task(&mut **task);
        }
    }

    /// Asks the peers that we could not hear while we were away.
    #[inline(never)] // Rarely.
    fn ask_peers(&mut self, tasks: &Tasks) {
        for task in tasks.iter().filter(|task| !task.is_finished()) {
            if self.io.is_excused(task.deadline(), task.sockets()) {
                self.io.ask_peers(task.sockets());
            }
        }
    }

    fn poll_task(&mut self, task: &mut dyn AnyTask) {
        self.io.task = task.name();
        task::poll(task, &mut self.io);
        #[cfg(feature = "dhcp")]
        match core::mem::replace(&mut self.io.forgotten, Forgotten::Nothing) {
            Forgotten::Nothing => {}
            Forgotten::Neighbours => self.guard.on_link_up(self.device.inner()),
            // Also for the FIN of a task that has ended.
            Forgotten::Address(lost) => self.guard.forget_address(self.device.inner(), lost),
        }
        if let Some(Backlog { port, wait_max }) = task.backlog() {
            // When it has ended nobody will listen again.
            let wait_max = (!task.is_finished()).then_some(wait_max);
            self.guard.set_backlog(self.device.inner(), port, wait_max);
        }
        if task.is_finished() {
            self.has_ended = true;
            for &handle in task.sockets() {
                if tcp(self.io.sockets, handle).is_some() {
                    self.io.drop_connection(handle);
                }
                // Nobody asks any more, and there is room for few.
                self.io.losses.forget(handle);
            }
        }
    }

    /// Sends what is due. Sockets also change state in egress (an abort, a TIME-WAIT that ends, an
    /// address that went): the tasks of those that did are polled and egress runs again, so that
    /// nothing sleeps through it.
    fn egress(&mut self, tasks: &mut Tasks) {
        for _ in 0..EGRESS_ROUNDS_MAX {
            self.note_lost_addresses(tasks);
            self.observe(tasks);
            let has_sent = self.egress_once(tasks);
            if !self.poll_changed(tasks, has_sent) {
                return;
            }
        }
        self.io.is_unfinished = true;
    }

    /// Polls the tasks whose sockets no longer look as they did, and reports whether there was one.
    /// Sockets that are not TCP's show no change; what was sent may have made room in one of them
    /// (with the feature `udp`: nobody else pays for the question).
    fn poll_changed(&mut self, tasks: &mut Tasks, has_sent: bool) -> bool {
        let mut any = false;
        for task in tasks.iter_mut().filter(|task| !task.is_finished()) {
            let has_room =
                cfg!(feature = "udp") && has_sent && has_datagrams(task.sockets(), self.io.sockets);
            let closed = match observe(&mut **task, self.io.sockets) {
                Some(closed) => closed,
                None if has_room => 0,
                None => continue,
            };
            self.note_timeouts(task.sockets(), closed);
            any = true;
            self.poll_task(&mut **task);
        }
        any
    }

    /// A peer's RST closes a socket in ingress; in egress only smoltcp's own timeout does, and
    /// afterwards nobody can tell them apart.
    fn note_timeouts(&mut self, handles: &[SocketHandle], closed: u32) {
        let mut closed = closed;
        for &handle in handles {
            if closed & 1 != 0 && self.io.losses.find(handle).is_none() {
                self.io
                    .losses
                    .note(handle, Error::TimedOut(TimeoutKind::Peer));
            }
            closed >>= 1;
        }
    }

    /// Runs egress until nothing leaves any more, but no more than [`EGRESS_MAX`] passes. Whether
    /// something has left.
    fn egress_once(&mut self, tasks: &mut Tasks) -> bool {
        for pass in 0..EGRESS_MAX {
            let result = self
                .io
                .iface
                .poll_egress(self.instant, &mut self.device, self.io.sockets);
            if result == PollResult::None {
                tasks.iter_mut().for_each(|task| task.notes().spin.clear());
                return pass > 0;
            }
        }
        self.io.is_unfinished = true;
        self.end_spinning(tasks);
        true
    }

    /// Looks at the sockets of all tasks, and notes whether something moved.
    fn observe(&self, tasks: &mut Tasks) {
        for task in tasks.iter_mut().filter(|task| !task.is_finished()) {
            observe(&mut **task, self.io.sockets);
        }
    }

    /// Aborts the connections that keep egress busy for nothing; their apps learn it at the next
    /// poll.
    fn end_spinning(&mut self, tasks: &mut Tasks) {
        for task in tasks.iter_mut().filter(|task| !task.is_finished()) {
            let patience = spin::patience(task.sockets(), self.io.sockets);
            if !task.notes().spin.is_suspect(patience) {
                continue;
            }
            for &handle in task.sockets() {
                if self.spins(handle) {
                    self.io.losses.note(handle, Error::Spinning);
                    self.io.sockets.get_mut::<Socket>(handle).abort();
                }
            }
        }
    }

    fn spins(&mut self, handle: SocketHandle) -> bool {
        let ends = tcp(self.io.sockets, handle)
            .and_then(|socket| socket.local_endpoint().zip(socket.remote_endpoint()));
        ends.is_some_and(|ends| {
            spin::spins(
                self.instant,
                self.io.iface,
                &mut self.device,
                self.io.sockets,
                ends,
            )
        })
    }

    /// The earliest deadline of all.
    fn next(&mut self, tasks: &Tasks) -> Option<Tick> {
        let smoltcp = self.io.iface.poll_at(self.instant, self.io.sockets);
        let mut next = smoltcp.map(Tick::from_smoltcp);
        let device = self.device.inner();
        #[cfg(feature = "ipv6")]
        self.guard.set_ip_addrs(device, self.io.iface.ip_addrs());
        let guard = self.guard.poll_at(device);
        next = earlier(next, guard.map(Tick::from_smoltcp));
        for task in tasks.iter().filter(|task| !task.is_finished()) {
            if cfg!(debug_assertions) {
                self.assert_deadline(&**task);
            }
            next = earlier(next, self.io.judged_at(task.deadline(), task.sockets()));
        }
        next
    }

    /// The deadline rules: a task with a connection has one, and it lies ahead unless there is more
    /// to do at once.
    fn assert_deadline(&self, task: &dyn AnyTask) {
        let (name, deadline) = (task.name(), task.deadline());
        assert!(
            deadline.is_some() || !has_connection(task.sockets(), self.io.sockets),
            "{name} has a connection without a deadline"
        );
        assert!(
            self.io.is_unfinished
                || self.io.is_excused(deadline, task.sockets())
                || deadline.is_none_or(|deadline| deadline.at > self.io.now),
            "{name} left its deadline in the past"
        );
    }
}

/// A socket has one app: two would take each other's bytes, and the end of one is the end of both.
fn assert_own_sockets(tasks: &Tasks) {
    let mut running = tasks.iter().filter(|task| !task.is_finished());
    while let Some(task) = running.next() {
        let is_own = |handle| !task.sockets().contains(handle);
        if let Some(other) = running
            .clone()
            .find(|other| !other.sockets().iter().all(is_own))
        {
            let (name, other) = (task.name(), other.name());
            panic!("{name} and {other} have a socket in common");
        }
    }
}

/// Looks at the sockets of `task`. If something moved, returns which of them carry a connection no
/// more, one bit each.
fn observe(task: &mut dyn AnyTask, sockets: &SocketSet) -> Option<u32> {
    let now = SocketSnapshot::take(task.sockets(), sockets);
    let notes = task.notes();
    if notes.sockets == now {
        return None;
    }
    let closed = notes.sockets.open & !now.open;
    notes.sockets = now;
    notes.spin.clear();
    Some(closed)
}
