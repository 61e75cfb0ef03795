//! A page, and rooms in which browsers, scripts and a terminal talk, in 64 KiB of RAM: four callers by HTTP, WebSocket
//! and Socket.IO (feature `socketio`), and one by plain TCP.
//!
//! | key | value | default |
//! |---|---|---|
//! | `port` | of the page, `/ws` and `/socket.io/` | 80 |
//! | `lines` | port of the terminal | 4000 |
//! | `until` | a message in the lobby that ends the image | it never ends |
//!
//! The board is a member of the lobby, and says there once a second how it is. Prints `listening` when callers would be
//! heard.
#![no_std]
#![no_main]

mod reporter;

use core::mem::MaybeUninit;

use board::host::{self, ARGUMENTS_BYTES_MAX, Arguments, Line};
use images::app::{Memory, Node};
use images::exit::{self, Failure};
use images::{Network, number};
use smoltcp::iface::SocketHandle;
use tickwire::http::Server;
use tickwire::http::server::{Asset, Assets, HEAD_MEMORY_MIN, HttpOptions, HttpSession};
use tickwire::hub::{Hub, HubHandler, Limits, LinesSession, MemberSlot, RoomSlot};
use tickwire::websocket::{self, WebSocket};
use tickwire::{Duration, ServerOptions, Task};

use reporter::Reporter;

/// By HTTP.
const CALLERS: usize = 4;
/// And the terminal.
const SOCKETS: usize = CALLERS + 1;
/// Two more than sockets.
const FLOWS: usize = SOCKETS + 2;
/// One for each caller, one for the board, and two more, for a caller by Socket.IO may be in several namespaces.
const MEMBERS: usize = SOCKETS + 3;
const ROOMS: usize = 2;
/// What a member may stay behind.
const LOG_BYTES: usize = 2_048;
/// The page knows it too.
const MESSAGE_BYTES: usize = 256;
/// A message in JSON, where each character may have six bytes, in a packet of Socket.IO.
const PACKET_BYTES: usize = 6 * MESSAGE_BYTES + 256;
/// A browser keeps its connection for another request, which this page does not make. Somebody else may need the
/// place.
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// All in one, for one request and one place.
static PAGE: [Asset<'static>; 1] = [Asset::new(
    "/",
    "text/html; charset=utf-8",
    include_bytes!("page.html"),
)];

/// Requests and messages are short.
type Buffers = Memory<SOCKETS, 1_024, 1_460, FLOWS>;
type Web<'h> = Server<'static, Assets<'static, HubHandler<'h, 'static>>, CALLERS>;
type Lines<'h> = tickwire::Server<LinesSession<'h, 'static>, 1>;

/// What the hub and its callers need.
struct HubMemory {
    members: [MemberSlot; MEMBERS],
    rooms: [RoomSlot; ROOMS],
    logs: [u8; ROOMS * LOG_BYTES],
}

/// What the sessions of the callers need.
struct Sessions {
    heads: [[u8; HEAD_MEMORY_MIN]; CALLERS],
    messages: [[u8; PACKET_BYTES]; CALLERS],
    line: [u8; MESSAGE_BYTES],
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Buffers = Memory::empty();
    static mut HUB: HubMemory = HubMemory {
        members: [MemberSlot::EMPTY; MEMBERS],
        rooms: [RoomSlot::EMPTY; ROOMS],
        logs: [0; ROOMS * LOG_BYTES],
    };
    static mut SESSIONS: Sessions = Sessions {
        heads: [[0; HEAD_MEMORY_MIN]; CALLERS],
        messages: [[0; PACKET_BYTES]; CALLERS],
        line: [0; MESSAGE_BYTES],
    };
    exit::finish(run(MEMORY, HUB, SESSIONS))
}

fn run(
    memory: &'static mut Buffers,
    hub: &'static mut HubMemory,
    sessions: &'static mut Sessions,
) -> Result<(), Failure> {
    let mut buffer = [MaybeUninit::uninit(); ARGUMENTS_BYTES_MAX];
    let arguments = Arguments::read(&mut buffer).map_err(|_| Failure::usage("no command line"))?;
    let network = Network::from_arguments(&arguments)?;
    let port = number(&arguments, "port", 80)?;
    let line_port = number(&arguments, "lines", 4_000)?;
    let limits = Limits {
        message_bytes_max: MESSAGE_BYTES,
        ..Limits::DEFAULT
    };
    let hub = Hub::new(
        &mut hub.members[..],
        &mut hub.rooms[..],
        &mut hub.logs[..],
        limits,
    );
    let (node, [a, b, c, d, terminal]) = memory.start(&network)?;
    let Sessions {
        heads,
        messages,
        line,
    } = sessions;
    let mut web = Task::new(web([a, b, c, d], port, &hub, heads, messages));
    let session = LinesSession::new(&hub, &mut line[..]);
    let options = ServerOptions::default();
    let mut lines = Task::new(Lines::new([terminal], line_port, [session], options));
    let result = serve(node, &hub, &mut web, &mut lines, arguments.get("until"));
    node.report_cost();
    result
}

/// The server of the page and the hub.
fn web<'h>(
    sockets: [SocketHandle; CALLERS],
    port: u16,
    hub: &'h Hub<'static>,
    heads: &'static mut [[u8; HEAD_MEMORY_MIN]; CALLERS],
    messages: &'static mut [[u8; PACKET_BYTES]; CALLERS],
) -> Web<'h> {
    let mut messages = messages.iter_mut();
    let sessions = heads.each_mut().map(|head| {
        let message = messages.next().expect("there is one for each caller");
        let handler = HubHandler::new(hub, &[]);
        let options = websocket::Options::default();
        let socket = WebSocket::server(&mut message[..], options, handler.member());
        let options = HttpOptions {
            keep_alive_timeout: KEEP_ALIVE,
            ..HttpOptions::default()
        };
        let handler = Assets::new(&PAGE, handler);
        HttpSession::with_upgrade(handler, socket, &mut head[..]).with_options(options)
    });
    Server::http(sockets, port, sessions)
}

/// Turns until somebody says `until`.
fn serve<'h>(
    node: &mut Node,
    hub: &'h Hub<'static>,
    web: &mut Task<Web<'h>>,
    lines: &mut Task<Lines<'h>>,
    until: Option<&str>,
) -> Result<(), Failure> {
    let mut reporter = Reporter::join(hub, node.now())?;
    let mut is_announced = false;
    loop {
        let next = node.turn_all(&mut [&mut *web, &mut *lines], &mut ());
        if !is_announced {
            // The first turn has made the sockets listen.
            host::print(Line::new().text("listening"));
            is_announced = true;
        }
        if reporter.hears(until)? {
            return Ok(());
        }
        if !reporter.report(node.now()) {
            let due = reporter.due();
            node.sleep(Some(next.map_or(due, |next| next.min(due))));
        }
    }
}
