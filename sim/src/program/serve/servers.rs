//! What runs on the hub's node: an HTTP server and a server of lines, in one loop.

use std::slice::IterMut;

use smoltcp::iface::SocketHandle;
use tickwire::http::server::{HttpSession, Server as HttpServer};
use tickwire::hub::{Hub, HubHandler, Limits, LinesSession, MemberSlot, RoomSlot};
use tickwire::websocket::{self, WebSocket};
use tickwire::{AnyTask, Server, ServerOptions, Task};
use tickwire_sim::Node;

pub(super) const WEB_PORT: u16 = 80;
pub(super) const LINES_PORT: u16 = 4_000;
/// Callers at a time: all members who play by the rules find a place at either port.
pub(super) const WEB_CALLERS: usize = 10;
pub(super) const LINE_CALLERS: usize = 6;
pub(super) const CALLERS: usize = WEB_CALLERS + LINE_CALLERS;
pub(super) const LIMITS: Limits = Limits {
    message_bytes_max: 600,
    ..Limits::DEFAULT
};

const MEMBERS_MAX: usize = 16;
const ROOMS_MAX: usize = 4;
const LOG_BYTES: usize = 4_096;
const BUFFER_BYTES: usize = 1_460;
const MESSAGE_BYTES: usize = 1_024;
const HEAD_BYTES: usize = 2_048;

/// Memory of the hub.
pub(super) struct HubMemory {
    members: Vec<MemberSlot>,
    rooms: Vec<RoomSlot>,
    logs: Vec<u8>,
}

impl HubMemory {
    pub(super) fn new() -> Self {
        Self {
            members: vec![MemberSlot::EMPTY; MEMBERS_MAX],
            rooms: vec![RoomSlot::EMPTY; ROOMS_MAX],
            logs: vec![0; ROOMS_MAX * LOG_BYTES],
        }
    }

    pub(super) fn hub(&mut self) -> Hub<'_> {
        let Self {
            members,
            rooms,
            logs,
        } = self;
        Hub::new(&mut members[..], &mut rooms[..], &mut logs[..], LIMITS)
    }
}

/// Buffers of sockets.
pub(super) struct Buffers(Vec<[Vec<u8>; 2]>);

impl Buffers {
    /// For this number of sockets.
    pub(super) fn new(sockets: usize) -> Self {
        let buffer = || vec![0; BUFFER_BYTES];
        Self((0..sockets).map(|_| [buffer(), buffer()]).collect())
    }

    pub(super) fn lend(&mut self) -> Sockets<'_> {
        Sockets(self.0.iter_mut())
    }
}

/// Sockets that can still be made.
pub(super) struct Sockets<'a>(IterMut<'a, [Vec<u8>; 2]>);

impl<'a> Sockets<'a> {
    pub(super) fn add(&mut self, node: &mut Node<'a>) -> SocketHandle {
        let [receive, send] = self.0.next().expect("there are buffers for each socket");
        node.add_socket(receive, send)
    }
}

/// Memory of the sessions: for a head, and for a message.
pub(super) struct SessionMemory(Vec<[Vec<u8>; 2]>);

impl SessionMemory {
    pub(super) fn new() -> Self {
        let memory = || [vec![0; HEAD_BYTES], vec![0; MESSAGE_BYTES]];
        Self((0..CALLERS).map(|_| memory()).collect())
    }
}

/// The servers of a hub. The lines come first: nothing but the other's news wakes them.
pub(super) fn servers<'a>(
    hub: &'a Hub<'a>,
    node: &mut Node<'a>,
    sockets: &mut Sockets<'a>,
    memory: &'a mut SessionMemory,
) -> [Box<dyn AnyTask + 'a>; 2] {
    let mut memory = memory.0.iter_mut();
    let mut next = || memory.next().expect("there is memory for each session");
    let handler = HubHandler::new(hub, &["*"]);
    let web_sockets = [(); WEB_CALLERS].map(|()| sockets.add(node));
    let sessions = web_sockets.map(|_| {
        let [head, message] = next();
        let options = websocket::Options::default();
        let web = WebSocket::server(&mut message[..], options, handler.member());
        HttpSession::with_upgrade(handler, web, &mut head[..])
    });
    let web = HttpServer::http(web_sockets, WEB_PORT, sessions);
    let line_sockets = [(); LINE_CALLERS].map(|()| sockets.add(node));
    let sessions = line_sockets.map(|_| {
        let [_, line] = next();
        LinesSession::new(hub, &mut line[..])
    });
    let options = ServerOptions::default();
    let lines = Server::new(line_sockets, LINES_PORT, sessions, options);
    [Box::new(Task::new(lines)), Box::new(Task::new(web))]
}
