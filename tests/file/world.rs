//! Hosts of which each runs one app, or has a plain socket that a test drives by hand.

use std::ops::{Deref, DerefMut};

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::Duration;
use tickwire::file::{FileReceiver, FileSender, ReceiverOptions, SenderOptions, Sent};
use tickwire::store::Store;
use tickwire_sim::ethernet::Link;
use tickwire_sim::{Act, Opening, Script, SimError};

use crate::common::fixture::{self, Fixture, TaskId, ms};
use crate::common::mem_source::MemSource;
use crate::log::{AllNotes, Notes, words};
use crate::report::Report;
use crate::stores::AnyStore;

/// Bytes of each socket buffer, unless a test wants something else.
pub(crate) const BUFFER: usize = 2_048;
/// The Ethernet, unless a test wants another: with a delay, so that there is a middle of a
/// transfer.
pub(crate) const LINK: Link = Link {
    delay_micros: 1_000,
    ..Link::PERFECT
};
/// Where receivers listen.
pub(crate) const PORT: u16 = 2001;

/// What a host runs.
#[derive(Clone, Copy)]
enum App {
    Nothing,
    Receiver(TaskId<FileReceiver<AnyStore>>),
    Sender(TaskId<FileSender<'static, MemSource>>),
    Script(TaskId<Script<'static>>),
}

/// The hosts, with what each runs and told.
pub(crate) struct World {
    net: Fixture,
    apps: Vec<App>,
    notes: AllNotes,
}

impl Deref for World {
    type Target = Fixture;

    fn deref(&self) -> &Fixture {
        &self.net
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Fixture {
        &mut self.net
    }
}

pub(crate) fn endpoint(host: usize) -> IpEndpoint {
    fixture::endpoint(host, PORT)
}

impl World {
    /// Hosts that run nothing yet, each with one socket.
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let mut net = Fixture::new(seed, count);
        net.set_links(LINK);
        let notes = AllNotes::default();
        net.log.get_mut().words = words(&notes);
        for host in 0..count {
            notes.borrow_mut().push(Notes::default());
            net.add_socket(host, BUFFER);
        }
        Self {
            net,
            apps: vec![App::Nothing; count],
            notes,
        }
    }

    /// Gives a host a socket with buffers of other lengths, and nothing to run.
    pub(crate) fn set_buffers(&mut self, host: usize, receive: usize, send: usize) {
        self.apps[host] = App::Nothing;
        self.net.clear(host);
        self.net.add_socket_with(host, receive, send);
    }

    /// The host loses its power and starts again at once, with a new socket and nothing to run.
    pub(crate) fn crash(&mut self, host: usize) {
        self.apps[host] = App::Nothing;
        self.net.crash(host);
        self.net.add_socket(host, BUFFER);
        self.forget(host);
    }

    fn forget(&self, host: usize) {
        self.net.forget_told(host);
        self.notes.borrow_mut()[host] = Notes::default();
    }

    /// Stops what a host runs and told before. Its socket, which is returned, stays as it is.
    fn vacate(&mut self, host: usize) -> SocketHandle {
        match std::mem::replace(&mut self.apps[host], App::Nothing) {
            App::Nothing => {}
            App::Receiver(id) => drop(self.net.stop(id)),
            App::Sender(id) => drop(self.net.stop(id)),
            App::Script(id) => drop(self.net.stop(id)),
        }
        self.forget(host);
        self.net.hosts[host].handles[0]
    }

    /// Lets a host receive on [`PORT`].
    pub(crate) fn receive(
        &mut self,
        host: usize,
        store: impl Store + 'static,
        options: ReceiverOptions,
    ) {
        self.receive_on(host, PORT, store, options);
        self.run(ms(1));
    }

    /// Lets a host receive on any port.
    pub(crate) fn receive_on(
        &mut self,
        host: usize,
        port: u16,
        store: impl Store + 'static,
        options: ReceiverOptions,
    ) {
        let socket = self.vacate(host);
        let receiver = FileReceiver::new(socket, port, AnyStore(Box::new(store)), options);
        self.apps[host] = App::Receiver(self.net.start(host, receiver));
    }

    /// Lets a host send: with a name the checked form, else the plain one.
    pub(crate) fn send(
        &mut self,
        host: usize,
        to: usize,
        name: Option<&'static str>,
        source: &MemSource,
    ) {
        self.send_with(host, endpoint(to), name, source, SenderOptions::default());
    }

    pub(crate) fn send_with(
        &mut self,
        host: usize,
        to: IpEndpoint,
        name: Option<&'static str>,
        source: &MemSource,
        options: SenderOptions,
    ) {
        let (socket, source) = (self.vacate(host), source.clone());
        let sender = match name {
            Some(name) => FileSender::checked(socket, to, name, source, options),
            None => FileSender::plain(socket, to, source, options),
        };
        self.apps[host] = App::Sender(self.net.start(host, sender));
    }

    /// Lets a host follow a script: towards another host, or as a server on [`PORT`].
    pub(crate) fn script(&mut self, host: usize, to: Option<usize>, acts: &[Act<'static>]) {
        let opening = match to {
            Some(to) => Opening::Dial(endpoint(to)),
            None => Opening::Listen(PORT),
        };
        let socket = self.vacate(host);
        let script = Script::new(socket, opening, acts.to_vec().leak());
        self.apps[host] = App::Script(self.net.start(host, script));
    }

    /// The report of a receiver's transfers so far.
    pub(crate) fn report<R>(&self, host: usize, look: impl FnOnce(&Report) -> R) -> R {
        look(&self.notes.borrow()[host].report)
    }

    /// The newest state of a host's app or of its connection.
    pub(crate) fn state(&self, host: usize) -> &'static str {
        self.notes.borrow()[host].state
    }

    /// Bytes so far in the present conversation, as the events have them.
    pub(crate) fn progress(&self, host: usize) -> u64 {
        let progress = self.notes.borrow()[host].progress;
        progress.map_or(0, |(bytes, _)| bytes)
    }

    pub(crate) fn hashed(&self, host: usize) -> Option<(u64, u64)> {
        self.notes.borrow()[host].hashed
    }

    /// What a sender sent.
    pub(crate) fn sent(&self, host: usize) -> Option<Sent> {
        match self.apps[host] {
            App::Sender(id) => self.app(id).sent(),
            _ => None,
        }
    }

    /// Bytes that came to a script.
    pub(crate) fn heard(&self, host: usize) -> u64 {
        match self.apps[host] {
            App::Script(id) => self.app(id).received(),
            _ => 0,
        }
    }

    /// How the app of a host ended, if it has.
    pub(crate) fn outcome(&self, host: usize) -> Option<Result<(), SimError>> {
        fn any<E: Into<SimError>>(result: Result<(), E>) -> Result<(), SimError> {
            result.map_err(Into::into)
        }
        match self.apps[host] {
            App::Nothing => None,
            App::Receiver(id) => self.net.outcome(id).map(any),
            App::Sender(id) => self.net.outcome(id).map(any),
            App::Script(id) => self.net.outcome(id).map(any),
        }
    }

    /// Runs until `is_done`, at most for `time`.
    #[track_caller]
    pub(crate) fn run_until(&mut self, time: Duration, is_done: impl FnMut(&mut Self) -> bool) {
        fixture::run_until(self, time, is_done);
    }

    /// Runs until the app of a host has ended, at most for `time`; how it ended.
    #[track_caller]
    pub(crate) fn finish(&mut self, host: usize, time: Duration) -> Result<(), SimError> {
        self.run_until(time, |world| world.outcome(host).is_some());
        self.outcome(host).unwrap()
    }

    /// Runs until a receiver has told the end of a conversation and waits for the next caller.
    #[track_caller]
    pub(crate) fn finish_talk(&mut self, host: usize, time: Duration) {
        let is_over = |line: &str| line == "disconnected" || line.starts_with("failed");
        self.run_until(time, |world| {
            is_over(&world.last_told(host)) && world.state(host) == "Opening"
        });
    }
}
