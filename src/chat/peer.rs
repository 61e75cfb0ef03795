//! The chat peer: one conversation at a time, as listener or as dialler.

use managed::ManagedSlice;
use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;

use super::inbox::Inbox;
use super::outbox::Outbox;
use super::state::{Left, Role, State, Wish};
use super::watch::Watch;
use super::{MessageSink, Options, PushError};
use crate::{
    App, Awaited, Deadline, Error, Event, Io, LINGER_TICKS, Listener, Part, Phase, Step, Tick,
};

/// The first pause before a redial; each failure doubles it, and a conversation begins anew.
const PAUSE_TICKS_MIN: u64 = 1_000;
/// The longest pause before a redial.
const PAUSE_TICKS_MAX: u64 = 30_000;

/// A peer of a 1:1 chat over TCP, as listener or dialler, with lines in both directions.
///
/// It does nothing before [`listen`](Peer::listen) or [`dial`](Peer::dial) gave it a part. These, the other commands
/// and [`push_line`](Peer::push_line) are called between turns at any time, and take effect in the next turn.
///
/// # Bytes in
/// Each message goes to the [`MessageSink`], to a plain [`Sink`](crate::Sink) as its bytes and one LF; that it is only a
/// part of a line is told by [`Event::Partial`] behind it. A sink that presses back closes the peer's TCP window. One
/// that takes nothing for [`Options::stall_ticks`] costs the conversation its rest; its own errors end the app.
///
/// # Conversations
/// While one is open, nobody listens: a second caller is refused. When the peer closes, it gets what is queued, then
/// our FIN. What it sent before its end, FIN or RST, still reaches the sink; for this the peer owns two sockets, so
/// that a listener hears the next caller meanwhile. A peer that vanished is noticed within 60 s.
///
/// Lines pushed while nobody is connected wait for whoever comes. Lines that a conversation has taken over go down
/// with it when it fails ([`Event::Unsent`]), for the next peer may be another.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Peer<'a, S> {
    /// The first is for the present conversation, the second rests or holds what the last one left behind.
    pub(super) sockets: [SocketHandle; 2],
    pub(super) options: Options,
    pub(super) role: Role,
    pub(super) wish: Option<Wish>,
    pub(super) inbox: Inbox<'a, S>,
    pub(super) outbox: Outbox<'a>,
    /// A conversation that has ended, and whose last bytes wait for the sink.
    pub(super) left: Option<Left>,
    /// When bytes that wait for the sink must be rescued from the end of TIME-WAIT.
    pub(super) rescue_at: Option<Tick>,
    pub(super) phase: Phase<State>,
    listener: Listener,
    pause_ticks: u64,
}

impl<'a, S: MessageSink> Peer<'a, S> {
    /// A peer over two sockets of its own, which writes messages to `sink`.
    ///
    /// The caller lends `line`, whose length is that of the longest line that comes out whole, and `queue`, which holds
    /// the lines that wait to be sent.
    ///
    /// # Panics
    /// When `line` is empty.
    pub fn new(
        sockets: [SocketHandle; 2],
        line: impl Into<ManagedSlice<'a, u8>>,
        queue: impl Into<ManagedSlice<'a, u8>>,
        sink: S,
        options: Options,
    ) -> Self {
        Self {
            sockets,
            options,
            role: Role::None,
            wish: None,
            listener: Listener::new(0),
            inbox: Inbox::new(sink, line, options.stall_ticks),
            outbox: Outbox::new(queue, options.line_end),
            left: None,
            rescue_at: None,
            pause_ticks: PAUSE_TICKS_MIN,
            phase: Phase::new(State::Idle),
        }
    }

    /// Where the messages go.
    pub const fn sink_mut(&mut self) -> &mut S {
        self.inbox.sink_mut()
    }

    /// The peer of the present conversation.
    pub const fn remote(&self) -> Option<IpEndpoint> {
        match *self.phase.state() {
            State::Talking(remote, _) | State::HalfClosed(remote, _) | State::Lingering(remote) => {
                Some(remote)
            }
            _ => None,
        }
    }

    /// Whether it has nothing to do but to wait for its caller's next command.
    pub fn is_idle(&self) -> bool {
        self.wish.is_none() && matches!(self.phase.state(), State::Idle)
    }

    /// Whether the last command has taken effect: somebody is listened for, connected, or was dialled in vain.
    pub fn is_settled(&self) -> bool {
        let state = self.phase.state();
        let settled = matches!(
            state,
            State::Idle
                | State::Waiting
                | State::Pausing(_)
                | State::Talking(..)
                | State::HalfClosed(..)
        );
        self.wish.is_none() && settled
    }

    /// Queues a line to send; `text` has no line end.
    ///
    /// # Errors
    /// [`PushError::Full`] when the caller must wait until more was sent, [`PushError::TooLong`] when it would wait for
    /// ever, [`PushError::Ended`] after [`end_input`](Peer::end_input).
    pub fn push_line(&mut self, text: &[u8]) -> Result<(), PushError> {
        self.outbox.push_line(text)
    }

    /// Queues the front of a line that is too long to be queued at once; [`push_line`](Peer::push_line) with its rest
    /// ends it.
    ///
    /// # Errors
    /// As [`push_line`](Peer::push_line).
    pub fn push_part(&mut self, text: &[u8]) -> Result<(), PushError> {
        self.outbox.push_part(text)
    }

    /// Our input has ended: the present conversation, or else the next, gets our FIN behind what is queued, and we go
    /// on receiving until its peer closes.
    ///
    /// Many peers take a FIN for the end of everything, so conversations after that one keep our side open and only
    /// receive. A listener that serves more than one conversation has nothing to end when nobody is
    /// connected and nothing is queued, and only receives from the start.
    pub const fn end_input(&mut self) {
        self.outbox.end_input();
    }

    /// Becomes the listener on `port`, after a present conversation was ended in order.
    pub fn listen(&mut self, port: u16) {
        self.want(Wish::Play(Role::Listen(port)));
    }

    /// Becomes the dialler of `remote`, after a present conversation was ended in order.
    pub fn dial(&mut self, remote: IpEndpoint) {
        self.want(Wish::Play(Role::Dial(remote)));
    }

    /// Ends the present conversation or attempt in order. A listener then listens again; a dialler ends, or stays.
    pub fn disconnect(&mut self) {
        self.want(Wish::Disconnect);
    }

    /// Ends the app, after a present conversation was ended in order.
    pub fn quit(&mut self) {
        self.want(Wish::Quit);
    }

    /// The last wish counts, but nothing takes back [`quit`](Peer::quit).
    fn want(&mut self, wish: Wish) {
        if self.wish != Some(Wish::Quit) {
            self.wish = Some(wish);
        }
        if matches!(self.phase.state(), State::Talking(..)) {
            self.outbox.cut();
        }
    }

    pub(super) const fn current(&self) -> SocketHandle {
        let [current, _] = self.sockets;
        current
    }

    /// Does what the caller wants; nobody is connected.
    pub(super) fn change_part(&mut self, io: &mut Io<'_, '_>) -> Step {
        let wish = self.wish.take();
        // Also what is half dialled or half called.
        io.drop_connection(self.current());
        match (wish, self.role) {
            (Some(Wish::Quit), _) => self.phase.enter(io, State::Finishing(Ok(())), None),
            (Some(Wish::Disconnect), Role::Dial(_)) => self.lay_down_part(io, Ok(())),
            (Some(Wish::Play(role)), _) => {
                self.pause_ticks = PAUSE_TICKS_MIN;
                self.role = role;
                self.begin_part(io);
            }
            (Some(Wish::Disconnect) | None, _) => self.begin_part(io),
        }
        Step::Again
    }

    pub(super) fn begin_part(&mut self, io: &mut Io<'_, '_>) {
        match self.role {
            Role::None => self.phase.enter(io, State::Idle, None),
            Role::Listen(port) => {
                self.listener = Listener::new(port);
                self.phase.enter(io, State::Waiting, None);
            }
            Role::Dial(remote) => self.prepare(io, remote),
        }
    }

    /// A dialler has nothing more to do.
    pub(super) fn lay_down_part(&mut self, io: &mut Io<'_, '_>, result: Result<(), Error>) {
        let next = if self.options.stay && !self.options.once {
            self.role = Role::None;
            State::Idle
        } else {
            State::Finishing(result)
        };
        self.phase.enter(io, next, None);
    }

    fn await_caller(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        match self.listener.poll(io, self.current()) {
            Ok(Some(remote)) => {
                let serves_more = !self.options.once;
                self.begin_conversation(io, remote, serves_more);
                Ok(Step::Again)
            }
            Ok(None) => {
                self.phase.set_deadline(self.listener.deadline());
                Ok(Step::Wait)
            }
            Err(error) => {
                io.tell(&Event::Failed {
                    remote: None,
                    error,
                });
                self.lay_down_part(io, Err(error));
                Ok(Step::Again)
            }
        }
    }

    fn prepare(&mut self, io: &mut Io<'_, '_>, remote: IpEndpoint) {
        let deadline = Deadline::new(io.now.after(LINGER_TICKS), Awaited::Close);
        self.phase
            .enter(io, State::Preparing(remote), Some(deadline));
    }

    /// Dials as soon as the RST of the connection before has left; one that could not for a second never will.
    fn await_rest(&mut self, io: &mut Io<'_, '_>, remote: IpEndpoint) -> Step {
        let deadline = self.phase.deadline();
        let is_late = deadline.is_some_and(|deadline| deadline.at <= io.now);
        if !is_late && !io.is_idle(self.current()) {
            return Step::Wait;
        }
        if let Err(error) = io.connect(self.current(), remote) {
            return self.miss(io, remote, error);
        }
        let deadline = Deadline::new(io.now.after(self.options.connect_ticks), Awaited::Connect);
        self.phase
            .enter(io, State::Dialling(remote), Some(deadline));
        Step::Again
    }

    fn await_established(&mut self, io: &mut Io<'_, '_>, remote: IpEndpoint) -> Step {
        // A peer that answers, speaks and resets at once was connected, too.
        let has_spoken = io.tcp(self.current()).0.can_recv();
        match io.connected(self.current()) {
            Err(error) if !has_spoken => return self.miss(io, remote, error),
            Ok(false) => return Step::Wait,
            Ok(true) | Err(_) => {}
        }
        io.tell_connected(remote, Part::Dialler);
        self.begin_conversation(io, remote, false);
        Step::Again
    }

    fn begin_conversation(&mut self, io: &mut Io<'_, '_>, remote: IpEndpoint, only_heard: bool) {
        let (socket, _) = io.tcp(self.current());
        // A line is typed and then waits for an answer: it must not wait for the one before.
        socket.set_nagle_enabled(false);
        self.pause_ticks = PAUSE_TICKS_MIN;
        self.outbox.begin(only_heard);
        let mut watch = Watch::new(io.now);
        let deadline = watch.look(io, self.current(), 0, false);
        self.phase
            .enter(io, State::Talking(remote, watch), Some(deadline));
    }

    /// An attempt to dial has failed.
    fn miss(&mut self, io: &mut Io<'_, '_>, remote: IpEndpoint, error: Error) -> Step {
        io.tell(&Event::Failed {
            remote: Some(remote),
            error,
        });
        io.drop_connection(self.current());
        // No pause makes a peer of such an address.
        if self.options.redial && error != Error::Unaddressable {
            self.pause(io, remote);
        } else {
            self.lay_down_part(io, Err(error));
        }
        Step::Again
    }

    pub(super) fn pause(&mut self, io: &mut Io<'_, '_>, remote: IpEndpoint) {
        let delay_ticks = self.pause_ticks;
        self.pause_ticks = (delay_ticks * 2).min(PAUSE_TICKS_MAX);
        io.tell(&Event::Redialling { delay_ticks });
        let deadline = Deadline::new(io.now.after(delay_ticks), Awaited::Connect);
        self.phase.enter(io, State::Pausing(remote), Some(deadline));
    }
}

impl<S: MessageSink> App for Peer<'_, S> {
    fn name(&self) -> &'static str {
        "chat"
    }

    fn step(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        // Both halves in each step: a flood in one direction must not stop the other.
        let delivered = self.deliver(io)?;
        self.rescue(io);
        let step = match *self.phase.state() {
            State::Talking(remote, watch) => self.talk(io, remote, watch, delivered),
            State::HalfClosed(remote, watch) => self.await_close(io, remote, watch, delivered),
            State::Lingering(remote) => self.linger(io, remote),
            State::Ending(remote, result) => self.await_delivery(io, remote, result),
            State::Finishing(result) => self.finish(io, result)?,
            _ if self.wish.is_some() => self.change_part(io),
            State::Waiting => self.await_caller(io)?,
            State::Preparing(remote) => self.await_rest(io, remote),
            State::Dialling(remote) => self.await_established(io, remote),
            State::Idle | State::Pausing(_) => Step::Wait,
        };
        Ok(match step {
            Step::Wait if delivered => Step::Again,
            step => step,
        })
    }

    fn deadline(&self) -> Option<Deadline> {
        let rescue = self.rescue_at.map(|at| Deadline::new(at, Awaited::Close));
        let ours = [self.phase.deadline(), self.inbox.deadline(), rescue];
        ours.into_iter()
            .flatten()
            .min_by_key(|deadline| deadline.at)
    }

    fn expired(&mut self, io: &mut Io<'_, '_>) -> Result<Step, Error> {
        if self.inbox.is_stalled(io.now) {
            let step = self.give_up_delivery(io);
            // The state's own deadline may have come in the same tick.
            let is_due = |deadline: Deadline| deadline.at <= io.now;
            if !self.phase.deadline().is_some_and(is_due) {
                return Ok(step);
            }
        }
        let awaited = self
            .phase
            .deadline()
            .map_or(Awaited::Peer, |deadline| deadline.awaits);
        let late = Err(Error::TimedOut(awaited));
        Ok(match *self.phase.state() {
            State::Talking(remote, _) | State::HalfClosed(remote, _) => self.end(io, remote, late),
            State::Lingering(remote) => self.end(io, remote, Ok(())),
            State::Dialling(remote) => self.miss(io, remote, Error::TimedOut(Awaited::Connect)),
            State::Pausing(remote) => {
                self.prepare(io, remote);
                Step::Again
            }
            State::Waiting => self.await_caller(io)?,
            // They have no deadline, or look at it in every step.
            State::Preparing(_) | State::Idle | State::Ending(..) | State::Finishing(_) => {
                Step::Again
            }
        })
    }

    fn sockets(&self) -> &[SocketHandle] {
        &self.sockets
    }
}
