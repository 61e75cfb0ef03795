//! The app that waits for callers.

use smoltcp::iface::SocketHandle;

use super::conversation::{Conversation, Progress, Timing};
use super::{LINGER, Listen, Session};
use crate::{App, Backlog, Deadline, Duration, Error, Io, Step};

/// What a caller may set about a server.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ServerOptions {
    /// Whether the app ends as its first conversation ends, and with its result. Other callers of
    /// that moment are reset.
    pub once: bool,
    /// In which at least 256 bytes must be read or acknowledged; `None` where the session has
    /// deadlines of its own.
    pub idle_timeout: Option<Duration>,
    /// In which at least 256 bytes, or the rest, must be acknowledged when the session is done. A
    /// session may set [another time](crate::Connection::set_flush_timeout) and
    /// [another number](crate::Connection::set_idle_bytes_min).
    pub flush_timeout: Duration,
    /// How long the peer's FIN is waited for after ours.
    pub linger: Duration,
    /// How long a caller may wait while `N` others are served; `None` refuses it. With `once` it is
    /// refused in any case. Only a guarded stack lets callers wait.
    pub backlog: Option<Duration>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            once: false,
            idle_timeout: Some(Duration::from_secs(20)),
            flush_timeout: Duration::from_secs(20),
            linger: LINGER,
            backlog: Some(Duration::from_secs(10)),
        }
    }
}

/// An app that serves up to `N` callers at a time on one port, each with a [`Session`] of its own.
///
/// Every socket that serves nobody listens, so a caller waits, or is refused, only while `N` others
/// are served. Without a [`backlog`](ServerOptions::backlog), a caller that comes right after another
/// has gone finds a listener if there is one socket more than callers at a time. A conversation that
/// fails is an [`Event::Failed`](crate::Event::Failed), and the server goes on.
///
/// ```text
/// each socket: listening -> talking -> closing -> listening
/// ```
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Server<S, const N: usize> {
    port: u16,
    options: ServerOptions,
    /// Those that have a caller come first, for smoltcp asks sockets in the order of the set, and a
    /// late duplicate of a SYN must meet its connection before it meets a listener.
    conversations: [Conversation<S, Listen>; N],
    sockets: [SocketHandle; N],
}

impl<S: Session, const N: usize> Server<S, N> {
    /// A server on `port` over sockets of its own, in the order of the socket set, with a session for
    /// each.
    pub fn new(
        sockets: [SocketHandle; N],
        port: u16,
        sessions: [S; N],
        options: ServerOptions,
    ) -> Self {
        const { assert!(N > 0, "a server without sockets hears nobody") };
        let mut handles = sockets.into_iter();
        let conversations = sessions.map(|session| {
            let socket = handles.next().expect("there is a socket for each session");
            Conversation::new(socket, session)
        });
        Self {
            port,
            options,
            conversations,
            sockets,
        }
    }

    /// The sessions, those with a caller first.
    pub fn sessions(&self) -> impl Iterator<Item = &S> {
        self.conversations.iter().map(|talk| &talk.session)
    }

    /// The sessions, to command them between turns.
    pub fn sessions_mut(&mut self) -> impl Iterator<Item = &mut S> {
        self.conversations.iter_mut().map(|talk| &mut talk.session)
    }

    /// The sessions, with all that they hold.
    pub fn into_sessions(self) -> [S; N] {
        self.conversations.map(|talk| talk.session)
    }

    fn step_all(&mut self, io: &mut Io, is_late: bool) -> Result<Step, S::Error> {
        let timing = Timing {
            idle: self.options.idle_timeout,
            flush: self.options.flush_timeout,
            linger: self.options.linger,
        };
        let mut all = Step::Wait;
        for conversation in &mut self.conversations {
            if conversation.life.is_closed() {
                conversation.life.begin(io, Listen { port: self.port });
            }
            let is_due = |deadline: Deadline| deadline.at <= io.now;
            let is_late = is_late && conversation.deadline().is_some_and(is_due);
            match conversation.step(io, &timing, is_late) {
                Progress::Step(Step::Wait) => {}
                Progress::Step(_) => all = Step::Again,
                Progress::Ended(result) if self.options.once => {
                    self.end_others(io);
                    return result.map(|()| Step::Done);
                }
                Progress::Ended(_) => all = Step::Again,
                Progress::Unusable(error) => {
                    let result = conversation.end(io, Err(error));
                    self.end_others(io);
                    return result.map(|()| Step::Done);
                }
            }
        }
        // Last, so that no frame comes in before the order is right.
        for index in 0..N {
            self.put_busy_first(io, index);
        }
        Ok(all)
    }

    /// The app ends, so those that are still talking lose their connections. Where our FIN is out the
    /// result is decided.
    fn end_others(&mut self, io: &mut Io) {
        for conversation in &mut self.conversations {
            let is_decided = conversation.life.is_closing();
            let lost = || Err(Error::Reset.into());
            if conversation.is_begun() {
                let _ = conversation.end(io, if is_decided { Ok(()) } else { lost() });
            }
        }
    }

    /// Exchanges a conversation that has no caller for the last one that has, sockets included.
    fn put_busy_first(&mut self, io: &mut Io, index: usize) {
        let is_busy = |conversation: &Conversation<S, Listen>| !conversation.life.is_vacant();
        let last = self.conversations.iter().rposition(is_busy);
        let Some(last) = last.filter(|&last| last > index) else {
            return;
        };
        if self.conversations.get(index).is_some_and(is_busy) {
            return;
        }
        if let (Some(&one), Some(&other)) = (self.sockets.get(index), self.sockets.get(last)) {
            io.swap_sockets(one, other);
            self.conversations.swap(index, last);
            for (conversation, &socket) in self.conversations.iter_mut().zip(&self.sockets) {
                conversation.life.set_socket(socket);
            }
        }
    }
}

impl<S: Session, const N: usize> App for Server<S, N> {
    type Error = S::Error;

    fn name(&self) -> &'static str {
        self.conversations
            .first()
            .map_or("server", |conversation| conversation.session.name())
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, S::Error> {
        self.step_all(io, false)
    }

    fn deadline(&self) -> Option<Deadline> {
        let deadlines = self.conversations.iter().map(Conversation::deadline);
        deadlines.fold(None, Deadline::earlier)
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, S::Error> {
        self.step_all(io, true)
    }

    fn sockets(&self) -> &[SocketHandle] {
        &self.sockets
    }

    fn backlog(&self) -> Option<Backlog> {
        let wait_max = self.options.backlog.filter(|_| !self.options.once)?;
        Some(Backlog {
            port: self.port,
            wait_max,
        })
    }
}
