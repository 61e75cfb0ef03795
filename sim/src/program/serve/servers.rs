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
/// Callers at a time at each port: all connections find a place, or all members who play by the rules.
const ALL: usize = 10;
const OURS: usize = 6;
pub(super) const SOCKETS_MAX: usize = 2 * ALL;
pub(super) const LIMITS: Limits = Limits {
    message_bytes_max: 600,
    ..Limits::DEFAULT
};

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
    /// For this number of members.
    pub(super) fn new(members_max: usize) -> Self {
        Self {
            members: vec![MemberSlot::EMPTY; members_max],
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
        Self((0..SOCKETS_MAX).map(|_| memory()).collect())
    }
}

/// The servers of a hub, with a place for every caller or not. The lines come first: nothing but the
/// other's news wakes them.
pub(super) fn servers<'a>(
    hub: &'a Hub<'a>,
    node: &mut Node<'a>,
    sockets: &mut Sockets<'a>,
    memory: &'a mut SessionMemory,
    is_roomy: bool,
) -> [Box<dyn AnyTask + 'a>; 2] {
    let (first, second) = memory.0.split_at_mut(ALL);
    if is_roomy {
        let web = web_server::<ALL>(hub, node, sockets, first);
        [line_server::<ALL>(hub, node, sockets, second), web]
    } else {
        let web = web_server::<OURS>(hub, node, sockets, first);
        [line_server::<OURS>(hub, node, sockets, second), web]
    }
}

fn web_server<'a, const N: usize>(
    hub: &'a Hub<'a>,
    node: &mut Node<'a>,
    sockets: &mut Sockets<'a>,
    memory: &'a mut [[Vec<u8>; 2]],
) -> Box<dyn AnyTask + 'a> {
    let handler = HubHandler::new(hub, &["*"]);
    let session = |head, message| {
        let options = websocket::Options::default();
        let web = WebSocket::server(message, options, handler.member());
        HttpSession::with_upgrade(handler, web, head)
    };
    let (sockets, sessions) = places::<N, _>(node, sockets, memory, session);
    Box::new(Task::new(HttpServer::http(sockets, WEB_PORT, sessions)))
}

fn line_server<'a, const N: usize>(
    hub: &'a Hub<'a>,
    node: &mut Node<'a>,
    sockets: &mut Sockets<'a>,
    memory: &'a mut [[Vec<u8>; 2]],
) -> Box<dyn AnyTask + 'a> {
    let session = |_, line| LinesSession::new(hub, line);
    let (sockets, sessions) = places::<N, _>(node, sockets, memory, session);
    let options = ServerOptions::default();
    Box::new(Task::new(Server::new(
        sockets, LINES_PORT, sessions, options,
    )))
}

/// A socket for each caller, and a session with memory for a head and for a message.
fn places<'a, const N: usize, S>(
    node: &mut Node<'a>,
    sockets: &mut Sockets<'a>,
    memory: &'a mut [[Vec<u8>; 2]],
    session: impl Fn(&'a mut [u8], &'a mut [u8]) -> S,
) -> ([SocketHandle; N], [S; N]) {
    let mut memory = memory.iter_mut();
    let sockets = [(); N].map(|()| sockets.add(node));
    let sessions = sockets.map(|_| {
        let [head, message] = memory.next().expect("there is memory for each session");
        session(head, message)
    });
    (sockets, sessions)
}
