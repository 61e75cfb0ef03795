//! Hosts on a virtual Ethernet under a virtual clock, each with one app, and plain sockets that a test plays by hand.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::file::{Receive, ReceiveOptions, Send, SendOptions, Sent};
use tickwire::store::Store;
use tickwire::{App, Error};
use tickwire_sim::ethernet::Link;
use tickwire_sim::{Act, Opening, Script};

use crate::book::Book;
use crate::common::hosts::{self, Role};
use crate::common::lab;
use crate::log::Words;
use crate::report::Report;
use crate::stores::AnyStore;

/// Bytes of each socket buffer, unless a test wants something else.
pub(crate) const BUFFER: usize = 2_048;
/// The Ethernet, unless a test wants another: with a delay, so that there is a middle of a transfer.
pub(crate) const LINK: Link = Link {
    delay_micros: 1_000,
    ..Link::PERFECT
};
/// Where receivers listen.
pub(crate) const PORT: u16 = 2001;

/// What a host does.
#[derive(Default)]
pub(crate) enum Part {
    #[default]
    Nothing,
    Receive(Box<Receive<AnyStore>>),
    Send(Box<Send<'static, Book>>),
    Script(Box<Script<'static>>),
}

impl Role for Part {
    type Notes = Words;
    const SOCKETS: usize = 1;
    const BUFFER: usize = BUFFER;
    const LINK: Link = LINK;

    fn app(&mut self) -> Option<&mut dyn App> {
        match self {
            Self::Nothing => None,
            Self::Receive(receive) => Some(&mut **receive),
            Self::Send(send) => Some(&mut **send),
            Self::Script(script) => Some(&mut **script),
        }
    }
}

pub(crate) type World = hosts::World<Part>;

pub(crate) fn endpoint(host: usize) -> IpEndpoint {
    lab::endpoint(host, PORT)
}

impl World {
    /// Gives a host a socket with buffers of other lengths.
    pub(crate) fn set_buffers(&mut self, host: usize, receive: usize, send: usize) {
        let host = &mut self.hosts[host];
        let handles = std::mem::take(&mut host.handles);
        for handle in handles {
            host.sockets.remove(handle);
        }
        host.add_socket(receive, send);
    }

    fn set_part(&mut self, host: usize, part: impl FnOnce(SocketHandle) -> Part) {
        let part = part(self.hosts[host].handles[0]);
        self.set_role(host, part);
    }

    /// Lets a host receive on [`PORT`].
    pub(crate) fn receive(
        &mut self,
        host: usize,
        store: impl Store + 'static,
        options: ReceiveOptions,
    ) {
        self.receive_on(host, PORT, store, options);
        self.run(1);
    }

    /// Lets a host receive on any port.
    pub(crate) fn receive_on(
        &mut self,
        host: usize,
        port: u16,
        store: impl Store + 'static,
        options: ReceiveOptions,
    ) {
        let store = AnyStore(Box::new(store));
        self.set_part(host, |socket| {
            Part::Receive(Box::new(Receive::new(socket, port, store, options)))
        });
    }

    /// Lets a host send: with a name the checked form, else the plain one.
    pub(crate) fn send(&mut self, host: usize, to: usize, name: Option<&'static str>, book: &Book) {
        self.send_with(host, endpoint(to), name, book, SendOptions::default());
    }

    pub(crate) fn send_with(
        &mut self,
        host: usize,
        to: IpEndpoint,
        name: Option<&'static str>,
        book: &Book,
        options: SendOptions,
    ) {
        let book = book.clone();
        self.set_part(host, |socket| {
            Part::Send(Box::new(match name {
                Some(name) => Send::checked(socket, to, name, book, options),
                None => Send::plain(socket, to, book, options),
            }))
        });
    }

    /// Lets a host follow a script: towards another host, or as a listener on [`PORT`].
    pub(crate) fn script(&mut self, host: usize, to: Option<usize>, acts: &[Act<'static>]) {
        let opening = match to {
            Some(to) => Opening::Dial(endpoint(to)),
            None => Opening::Listen(PORT),
        };
        let acts = acts.to_vec().leak();
        self.set_part(host, |socket| {
            Part::Script(Box::new(Script::new(socket, opening, acts)))
        });
    }

    /// The receiver's report of its transfers so far.
    pub(crate) fn report(&self, host: usize) -> &Report {
        &self.hosts[host].log.notes.report
    }

    /// The state of a host's machine.
    pub(crate) fn state(&self, host: usize) -> &'static str {
        self.hosts[host].log.notes.state
    }

    /// Bytes so far in the present conversation, as the events have them.
    pub(crate) fn progress(&self, host: usize) -> u64 {
        self.hosts[host]
            .log
            .notes
            .progress
            .map_or(0, |(bytes, _)| bytes)
    }

    pub(crate) fn hashed(&self, host: usize) -> Option<(u64, u64)> {
        self.hosts[host].log.notes.hashed
    }

    /// What a sender sent.
    pub(crate) fn sent(&self, host: usize) -> Option<Sent> {
        match &self.hosts[host].role {
            Part::Send(send) => send.sent(),
            _ => None,
        }
    }

    /// Bytes that came to a script.
    pub(crate) fn heard(&self, host: usize) -> u64 {
        match &self.hosts[host].role {
            Part::Script(script) => script.received(),
            _ => 0,
        }
    }

    /// Runs until the app of a host has ended, at most for so many seconds; how it ended.
    #[track_caller]
    pub(crate) fn finish(&mut self, host: usize, seconds: u64) -> Result<(), Error> {
        self.run_until(seconds * 1_000, |world| world.outcome(host).is_some());
        self.outcome(host).unwrap()
    }

    /// Runs until a receiver has told the end of a conversation and waits for the next caller.
    #[track_caller]
    pub(crate) fn finish_talk(&mut self, host: usize, seconds: u64) {
        let is_over = |line: &str| line == "disconnected" || line.starts_with("failed");
        self.run_until(seconds * 1_000, |world| {
            is_over(world.last_told(host)) && world.state(host) == "Listening"
        });
    }
}
