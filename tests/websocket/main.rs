//! WebSockets over the virtual Ethernet, against peers that follow scripts.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod client;
#[path = "../common/mod.rs"]
mod common;
mod handshake;
mod life;
mod messages;
mod queues;

use common::fixture::{BUFFER, Fixture, TaskId, endpoint, leak, ms, secs};
use tickwire::websocket::{
    Channel, CloseCode, Endpoint, FrameHeader, Mask, Opcode, Options, Part, WebSocket,
    WebSocketError,
};
use tickwire::{Server, ServerOptions};
use tickwire_sim::{Act, Opening, Script};

const SERVER: usize = 0;
const CALLER: usize = 1;
const OTHER: usize = 2;
const PORT: u16 = 80;

/// The mask of each frame of a caller.
const MASK: Mask = Mask([1, 2, 3, 4]);

/// A frame as a client sends it.
fn masked(is_last: bool, opcode: Opcode, payload: &[u8]) -> &'static [u8] {
    let header = FrameHeader {
        is_last,
        opcode,
        mask: Some(MASK),
        length: payload.len() as u64,
    };
    let mut payload = payload.to_vec();
    MASK.apply(0, &mut payload);
    [&header.encode()[..], &payload].concat().leak()
}

/// A frame as a server sends it.
fn plain(opcode: Opcode, payload: &[u8]) -> &'static [u8] {
    let header = FrameHeader {
        is_last: true,
        opcode,
        mask: None,
        length: payload.len() as u64,
    };
    [&header.encode()[..], payload].concat().leak()
}

fn text(text: &str) -> Act<'static> {
    Act::Send(masked(true, Opcode::Text, text.as_bytes()))
}

fn expect_text(text: &str) -> Act<'static> {
    Act::Expect(plain(Opcode::Text, text.as_bytes()))
}

/// A Close with this code, to the server.
fn close(code: u16) -> Act<'static> {
    Act::Send(masked(true, Opcode::Close, &code.to_be_bytes()))
}

/// A Close with this code, from the server.
fn expect_close(code: u16) -> Act<'static> {
    Act::Expect(plain(Opcode::Close, &code.to_be_bytes()))
}

/// Sends back every message, and notes what it is told.
#[derive(Default)]
struct Echo {
    /// Takes nothing while it is set.
    is_busy: bool,
    /// Closes with this code when it is told to "stop".
    code: Option<CloseCode>,
    messages: usize,
    closed: Option<(Option<CloseCode>, String)>,
    ended: Option<Result<(), WebSocketError>>,
}

impl Endpoint for Echo {
    fn on_open(&mut self, _: &mut Channel) {
        *self = Self {
            code: self.code,
            ..Self::default()
        };
    }

    fn on_part(&mut self, channel: &mut Channel, part: Part) -> bool {
        if self.is_busy {
            return false;
        }
        if let (Some(code), Some("stop")) = (self.code, part.as_text()) {
            channel.close(code, "told to");
            return true;
        }
        let is_sent = channel.send(part);
        self.messages += usize::from(is_sent);
        is_sent
    }

    fn on_close(&mut self, _: &mut Channel, code: Option<CloseCode>, reason: &str) {
        self.closed = Some((code, reason.to_owned()));
    }

    fn on_end(&mut self, result: &Result<(), WebSocketError>) {
        assert_eq!(self.ended.replace(*result), None);
    }
}

type EchoServer = Server<WebSocket<'static, Echo>, 2>;

/// A server of two callers that echoes messages of up to 1,000 bytes.
fn serve(options: Options, code: Option<CloseCode>) -> (Fixture, TaskId<EchoServer>) {
    let mut net = Fixture::guarded(1, 3);
    let sockets = [(); 2].map(|()| net.add_socket(SERVER, BUFFER));
    let sessions = [(); 2].map(|()| {
        let echo = Echo {
            code,
            ..Echo::default()
        };
        WebSocket::server(leak(0, 1_000), options, echo)
    });
    let server = Server::new(sockets, PORT, sessions, ServerOptions::default());
    let server = net.start(SERVER, server);
    (net, server)
}

fn call(net: &mut Fixture, acts: &[Act<'static>]) -> TaskId<Script<'static>> {
    net.script(CALLER, Opening::Dial(endpoint(SERVER, PORT)), acts)
}

/// What the first endpoint of a server knows.
fn first(net: &Fixture, server: TaskId<EchoServer>) -> &Echo {
    net.app(server).sessions().next().unwrap().endpoint()
}

/// How the last conversation of the server ended, as it told.
fn end(net: &Fixture) -> String {
    let mut told = net.told(SERVER);
    told.retain(|line| line.starts_with("failed") || line == "disconnected");
    told.pop().expect("a conversation has ended")
}

/// Runs a caller to its end, and gives how the conversation ended at the server.
#[track_caller]
fn told_after(acts: &[Act<'static>]) -> String {
    let (mut net, _) = serve(Options::default(), None);
    let caller = call(&mut net, acts);
    assert_eq!(net.finish(caller, secs(60)), Ok(()), "{}", net.log.borrow());
    net.run(secs(3));
    end(&net)
}
