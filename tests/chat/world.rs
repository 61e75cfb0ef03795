//! Hosts on a virtual Ethernet under a virtual clock: chat peers, and plain sockets that a test plays by hand.

use smoltcp::socket::tcp;
use smoltcp::wire::IpEndpoint;
use tickwire::chat::{Ending, MessageSink, Options, Peer};
use tickwire::{App, Error, Event, Tick};
use tickwire_sim::ethernet::Link;

use crate::common::hosts::{self, Notes, Role};
use crate::common::lab::leak;

pub(crate) use crate::common::lab::endpoint;

/// What a chat writes, as far as the test allows.
pub(crate) struct Capture {
    pub(crate) bytes: Vec<u8>,
    /// Bytes that it still takes; `None` takes all.
    pub(crate) room: Option<usize>,
    /// What ended each message; `None` stands for the end of a conversation.
    pub(crate) ends: Vec<Option<Ending>>,
}

impl MessageSink for Capture {
    fn take_text(&mut self, text: &[u8]) -> Result<usize, Error> {
        let count = text.len().min(self.room.unwrap_or(usize::MAX));
        if let Some(room) = &mut self.room {
            *room -= count;
        }
        self.bytes.extend_from_slice(&text[..count]);
        Ok(count)
    }

    fn end_message(&mut self, ending: Ending) -> Result<bool, Error> {
        let is_taken = self.take_text(b"\n")? > 0;
        if is_taken {
            self.ends.push(Some(ending));
        }
        Ok(is_taken)
    }

    fn end_conversation(&mut self) {
        self.ends.push(None);
    }
}

/// Every event as text; state changes are left out.
#[derive(Default)]
pub(crate) struct Words;

impl Notes for Words {
    fn line(&mut self, _now: Tick, event: &Event<'_>) -> Option<String> {
        Some(match *event {
            Event::Entered { .. } => return None,
            Event::Connected { part, .. } => format!("connected as {part:?}"),
            Event::Disconnected { .. } => "disconnected".into(),
            Event::Failed { remote, error } => match remote {
                Some(remote) => format!("failed with {}: {error:?}", remote.addr),
                None => format!("failed: {error:?}"),
            },
            Event::Listening { port } => format!("listening {port}"),
            Event::Connecting { remote } => format!("connecting {remote}"),
            Event::Redialling { delay_ticks } => format!("redialling in {delay_ticks}"),
            Event::Unsent { bytes } => format!("unsent {bytes}"),
            Event::Partial => "partial".into(),
            _ => format!("{event:?}"),
        })
    }
}

impl Role for Option<Peer<'static, Capture>> {
    type Notes = Words;
    const SOCKETS: usize = 2;
    const BUFFER: usize = 1_024;
    const LINK: Link = Link::PERFECT;

    fn app(&mut self) -> Option<&mut dyn App> {
        self.as_mut().map(|peer| peer as _)
    }
}

/// Hosts that have neither chat nor part at first.
pub(crate) type World = hosts::World<Option<Peer<'static, Capture>>>;

pub(crate) fn options() -> Options {
    Options::DEFAULT
}

impl World {
    /// Gives a host a chat peer with a line buffer of 80 bytes and a queue of 256.
    pub(crate) fn chat(&mut self, host: usize, options: Options) -> &mut Peer<'static, Capture> {
        let host = &mut self.hosts[host];
        let capture = Capture {
            bytes: Vec::new(),
            room: None,
            ends: Vec::new(),
        };
        let sockets = [host.handles[0], host.handles[1]];
        let peer = Peer::new(sockets, leak(0, 80), leak(0, 256), capture, options);
        host.role.insert(peer)
    }

    /// The chat of a host.
    pub(crate) fn peer(&mut self, host: usize) -> &mut Peer<'static, Capture> {
        self.hosts[host].role.as_mut().unwrap()
    }

    /// What the chat of a host has delivered.
    pub(crate) fn heard(&mut self, host: usize) -> String {
        String::from_utf8(self.peer(host).sink_mut().bytes.clone()).unwrap()
    }

    /// Dials by hand.
    pub(crate) fn raw_connect(&mut self, host: usize, remote: IpEndpoint, local_port: u16) {
        let host = &mut self.hosts[host];
        host.sockets
            .get_mut::<tcp::Socket<'_>>(host.handles[0])
            .connect(host.iface.context(), remote, local_port)
            .unwrap();
    }
}
