//! The chat: one conversation at a time, as client or as server.

use managed::ManagedSlice;
use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;

use super::receiver::Receiver;
use super::sender::Sender;
use super::state::{Command, PreviousSession, State};
use super::{ChatError, MessageSink, Options, PushError};
use crate::net::Keepalive;
use crate::{
    App, Backoff, Deadline, Dial, DialOrListen, Duration, Error, Event, Io, Lifecycle, Listen,
    Remote, Retry, Stage, StateCell, Step, Tick, TimeoutKind,
};

/// The first pause before a redial; each failure doubles it, and a conversation begins anew.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause before a redial.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A peer of a 1:1 chat over TCP, as client or server, with lines in both directions.
///
/// It does nothing before [`listen`](Chat::listen) or [`dial`](Chat::dial). These, the other
/// commands and [`push_line`](Chat::push_line) are called between turns at any time, and take
/// effect in the next turn.
///
/// # Bytes in
/// Each message goes to the [`MessageSink`], to a plain [`Sink`](crate::Sink) as its bytes and one
/// LF; that it is only a part of a line is told by [`chat::Event::Partial`](super::Event::Partial)
/// after it. A sink that presses back closes the peer's TCP window. One that takes nothing for
/// [`Options::stall_timeout`] costs the conversation its rest; its own errors end the app.
///
/// # Conversations
/// While one is open, nobody listens: a second caller is refused. When the peer closes, it gets
/// what is queued, then our FIN. What it sent before its end, FIN or RST, still reaches the sink;
/// for this the chat owns two sockets, so that a server hears the next caller meanwhile. A peer
/// that vanished is noticed within 60 s.
///
/// Lines pushed while nobody is connected wait for whoever comes. Lines that a conversation has
/// taken over are dropped when it fails ([`chat::Event::Unsent`](super::Event::Unsent)), for the
/// next peer may be another.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Chat<'a, S, T = IpEndpoint> {
    /// The first is for the present conversation, the second is free or holds what the previous one
    /// left to deliver.
    pub(super) sockets: [SocketHandle; 2],
    /// The connection of the present conversation, over the first socket. Its opening is what the
    /// caller has made of us: client, server, or nothing yet.
    pub(super) life: Lifecycle<DialOrListen<T>>,
    pub(super) options: Options,
    pub(super) command: Option<Command<T>>,
    pub(super) receiver: Receiver<'a, S>,
    pub(super) sender: Sender<'a>,
    pub(super) keepalive: Keepalive,
    pub(super) previous: Option<PreviousSession>,
    /// When bytes that wait for the sink must be saved from the end of TIME-WAIT.
    pub(super) save_at: Option<Tick>,
    pub(super) state: StateCell<State>,
    backoff: Backoff,
}

impl<'a, S: MessageSink> Chat<'a, S> {
    /// A chat over two sockets of its own, which writes messages to `sink` and dials addresses.
    ///
    /// The caller lends `line`, whose length is that of the longest line that comes out whole, and
    /// `queue`, which holds the lines that wait to be sent.
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
        Self::with_remotes(sockets, line, queue, sink, options)
    }
}

impl<'a, S: MessageSink, T: Remote> Chat<'a, S, T> {
    /// The same for remotes of any type: what [`dial`](Chat::dial) gets decides it.
    ///
    /// # Panics
    /// When `line` is empty.
    pub fn with_remotes(
        sockets: [SocketHandle; 2],
        line: impl Into<ManagedSlice<'a, u8>>,
        queue: impl Into<ManagedSlice<'a, u8>>,
        sink: S,
        options: Options,
    ) -> Self {
        let [current, _] = sockets;
        Self {
            sockets,
            life: Lifecycle::new(current),
            options,
            command: None,
            receiver: Receiver::new(sink, line, options.stall_timeout),
            sender: Sender::new(queue, options.line_end),
            keepalive: Keepalive::new(Tick::ZERO),
            previous: None,
            save_at: None,
            state: StateCell::new(State::Idle),
            backoff: Backoff::new(PAUSE_MIN, PAUSE_MAX).without_jitter(),
        }
    }

    /// Where the messages go.
    pub const fn sink_mut(&mut self) -> &mut S {
        self.receiver.sink_mut()
    }

    /// The peer of the present conversation.
    pub const fn remote(&self) -> Option<IpEndpoint> {
        match *self.state.state() {
            State::Talking(remote) | State::HalfClosed(remote) | State::Closing(remote) => {
                Some(remote)
            }
            _ => None,
        }
    }

    /// Whether it has nothing to do but to wait for its caller's next command.
    pub const fn is_idle(&self) -> bool {
        self.command.is_none() && matches!(self.state.state(), State::Idle)
    }

    /// Whether the last command has taken effect: somebody is listened for, connected, or was
    /// dialled in vain.
    pub const fn is_settled(&self) -> bool {
        let is_settled = match self.state.state() {
            State::Idle | State::Pausing | State::Talking(_) | State::HalfClosed(_) => true,
            State::Opening => self.is_server(),
            State::Closing(_) | State::Ended(..) | State::Finishing(_) => false,
        };
        self.command.is_none() && is_settled
    }

    /// Queues a line to send; `text` has no line end.
    ///
    /// # Errors
    /// [`PushError::Full`] when the caller must wait until more was sent, [`PushError::TooLong`]
    /// when it would wait for ever, [`PushError::Ended`] after [`end_input`](Chat::end_input).
    pub fn push_line(&mut self, text: &[u8]) -> Result<(), PushError> {
        self.sender.push_line(text)
    }

    /// Queues the front of a line that is too long to be queued at once;
    /// [`push_line`](Chat::push_line) with its rest ends it.
    ///
    /// # Errors
    /// As [`push_line`](Chat::push_line).
    pub fn push_part(&mut self, text: &[u8]) -> Result<(), PushError> {
        self.sender.push_part(text)
    }

    /// Our input has ended: the present conversation, or else the next, gets our FIN after what is
    /// queued, and we go on receiving until its peer closes.
    ///
    /// Many peers take a FIN for the end of everything, so conversations after that one keep our
    /// side open and only receive. A server of more than one conversation has nothing to end when
    /// nobody is connected and nothing is queued, and only receives from the start.
    pub const fn end_input(&mut self) {
        self.sender.end_input();
    }

    /// Becomes the server on `port`, after a present conversation was ended in order.
    pub fn listen(&mut self, port: u16) {
        self.set_command(Command::Open(DialOrListen::Listen(Listen { port })));
    }

    /// Becomes the client of `remote`, after a present conversation was ended in order.
    pub fn dial(&mut self, remote: T) {
        let timeout = self.options.connect_timeout;
        let dial = Dial { remote, timeout };
        self.set_command(Command::Open(DialOrListen::Dial(dial)));
    }

    /// Ends the present conversation or attempt in order. A server then listens again; a client
    /// ends, or stays.
    pub fn disconnect(&mut self) {
        self.set_command(Command::Disconnect);
    }

    /// Ends the app, after a present conversation was ended in order.
    pub fn quit(&mut self) {
        self.set_command(Command::Quit);
    }

    pub(super) const fn is_client(&self) -> bool {
        matches!(self.life.opening(), Some(DialOrListen::Dial(_)))
    }

    const fn is_server(&self) -> bool {
        matches!(self.life.opening(), Some(DialOrListen::Listen(_)))
    }

    /// The last command counts, but nothing takes back [`quit`](Chat::quit).
    fn set_command(&mut self, command: Command<T>) {
        if !matches!(self.command, Some(Command::Quit)) {
            self.command = Some(command);
        }
        if matches!(self.state.state(), State::Talking(_)) {
            self.sender.cut();
        }
    }

    /// Does what the caller wants; nobody is connected.
    pub(super) fn apply_command(&mut self, io: &mut Io) -> Step {
        let command = self.command.take();
        // Also what is half dialled or half accepted.
        self.life.abort(io);
        match command {
            Some(Command::Quit) => self.state.enter(io, State::Finishing(Ok(())), None),
            Some(Command::Disconnect) if self.is_client() => self.idle_or_finish(io, Ok(())),
            Some(Command::Open(opening)) => {
                self.backoff.reset();
                self.life.set_opening(Some(opening));
                self.open(io);
            }
            Some(Command::Disconnect) | None => self.open(io),
        }
        Step::Again
    }

    /// Listens or dials.
    pub(super) fn open(&mut self, io: &mut Io) {
        let mut next = State::Idle;
        if self.life.opening().is_some() {
            self.life.begin_again(io);
            next = State::Opening;
        }
        self.state.enter(io, next, None);
    }

    /// A client has nothing more to do, or a server cannot listen.
    pub(super) fn idle_or_finish(&mut self, io: &mut Io, result: Result<(), Error>) {
        let next = if self.options.stay && !self.options.once {
            self.life.set_opening(None);
            State::Idle
        } else {
            State::Finishing(result)
        };
        self.state.enter(io, next, None);
    }

    fn await_opened(&mut self, io: &mut Io, is_late: bool) -> Step {
        match self.life.poll(io, is_late) {
            Ok(Stage::Opened(remote)) => self.begin_conversation(io, remote),
            Ok(_) => return Step::Wait,
            Err(error) => self.open_failed(io, error),
        }
        Step::Again
    }

    fn begin_conversation(&mut self, io: &mut Io, remote: IpEndpoint) {
        let handle = self.life.socket();
        // A line is typed and then waits for an answer: it must not wait for the one before.
        io.tcp(handle).0.set_nagle_enabled(false);
        self.backoff.reset();
        self.sender.begin(self.is_server() && !self.options.once);
        self.keepalive = Keepalive::new(io.now);
        let deadline = self.keepalive.observe(io, handle, 0, false);
        self.state.enter(io, State::Talking(remote), deadline);
    }

    fn open_failed(&mut self, io: &mut Io, error: Error) {
        io.emit_end(self.life.remote(), Some(&ChatError::from(error)));
        self.life.abort(io);
        // No pause makes a peer of an address that can never be one.
        if self.is_client() && self.options.redial && !error.is_hopeless() {
            self.pause(io);
        } else {
            self.idle_or_finish(io, Err(error));
        }
    }

    pub(super) fn pause(&mut self, io: &mut Io) {
        let delay = self.backoff.next_delay(io).unwrap_or(PAUSE_MAX);
        io.emit(&Event::Retrying { delay });
        let deadline = Deadline::new(io.now + delay, TimeoutKind::Connect);
        self.state.enter(io, State::Pausing, Some(deadline));
    }

    /// The deadline of the present conversation, or of the attempt to make one.
    fn own_deadline(&self) -> Option<Deadline> {
        Deadline::earlier(self.state.deadline(), self.life.deadline())
    }
}

impl<S: MessageSink, T: Remote> App for Chat<'_, S, T> {
    type Error = ChatError;

    fn name(&self) -> &'static str {
        "chat"
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, ChatError> {
        // Both halves in each step: a flood in one direction must not stop the other.
        let has_read = self.deliver(io)?;
        self.save_unread(io);
        let step = match *self.state.state() {
            State::Talking(remote) => self.talk(io, remote, has_read),
            State::HalfClosed(remote) => self.await_fin(io, remote, has_read),
            State::Closing(remote) => self.await_closed(io, remote, false),
            State::Ended(remote, result) => self.await_delivery(io, remote, result),
            State::Finishing(result) => self.finish(io, result)?,
            _ if self.command.is_some() => self.apply_command(io),
            State::Opening => self.await_opened(io, false),
            State::Idle | State::Pausing => Step::Wait,
        };
        Ok(match step {
            Step::Wait if has_read => Step::Again,
            step => step,
        })
    }

    fn deadline(&self) -> Option<Deadline> {
        let save = self.save_at.map(|at| Deadline::new(at, TimeoutKind::Close));
        let others = Deadline::earlier(self.receiver.deadline(), save);
        Deadline::earlier(self.own_deadline(), others)
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, ChatError> {
        let mut step = Step::Again;
        if self.receiver.is_stalled(io.now) {
            step = self.give_up_delivery(io);
        }
        // Both may have passed in the same tick.
        let Some(missed) = self.own_deadline().filter(|missed| missed.at <= io.now) else {
            return Ok(step);
        };
        Ok(match *self.state.state() {
            State::Talking(remote) | State::HalfClosed(remote) => {
                self.end(io, remote, Err(Error::TimedOut(missed.awaits)))
            }
            State::Closing(remote) => self.await_closed(io, remote, true),
            State::Opening => self.await_opened(io, true),
            State::Pausing => {
                self.open(io);
                Step::Again
            }
            State::Idle | State::Ended(..) | State::Finishing(_) => Step::Again,
        })
    }

    fn sockets(&self) -> &[SocketHandle] {
        &self.sockets
    }
}
