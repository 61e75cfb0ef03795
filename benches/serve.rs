//! The HTTP server against a bare smoltcp socket that sends the same bytes, on the same virtual Ethernet to the same
//! client.
//!
//! `cargo bench --bench serve` prints the ratio of their throughputs, interleaved in one run, as the median of nine.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a benchmark reads the clock, and one that fails is to stop"
)]

mod common;

use std::sync::LazyLock;

use common::{BODY_BYTES, Side, race, remote};
use smoltcp::socket::tcp::Socket;
use tickwire::http::Server;
use tickwire::http::server::{Asset, Assets, HttpSession, NotFound};
use tickwire::{Stack, Task, Tick};
use tickwire_sim::ethernet::Ethernet;
use tickwire_sim::{Act, Opening, Script};

static BODY: LazyLock<Vec<u8>> = LazyLock::new(|| vec![b'x'; BODY_BYTES as usize]);
const ACTS: [Act<'static>; 2] = [
    Act::Send(b"GET /body HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n"),
    Act::Read(BODY_BYTES),
];

/// A client that has everything when it has as many bytes as the body.
fn reading(mut client: Side) -> impl FnMut(Tick) -> bool {
    let dial = Opening::Dial(remote());
    let mut script = Task::new(Script::new(client.socket, dial, &ACTS));
    move |now| {
        client.stack.turn(now, &mut [&mut script], &mut ());
        script.app().received() >= BODY_BYTES
    }
}

/// Serves the body as an asset.
fn serve(ethernet: &Ethernet, client: Side, mut server: Side) -> std::time::Duration {
    static ASSETS: LazyLock<[Asset<'static>; 1]> =
        LazyLock::new(|| [Asset::new("/body", "text/plain", &BODY)]);
    let handler = Assets::new(&*ASSETS, NotFound);
    let mut memory = [0; 2_048];
    let session = HttpSession::new(handler, &mut memory[..]);
    let mut task = Task::new(Server::http([server.socket], 80, [session]));
    race(
        ethernet,
        |now| {
            server.stack.turn(now, &mut [&mut task], &mut ());
        },
        reading(client),
    )
}

/// Sends the body with a bare socket once something was heard, as smoltcp's examples do.
fn bare(ethernet: &Ethernet, client: Side, mut server: Side) -> std::time::Duration {
    let Side { stack, socket } = &mut server;
    stack.sockets.get_mut::<Socket>(*socket).listen(80).unwrap();
    let (mut body, mut is_asked) = (BODY.as_slice(), false);
    race(
        ethernet,
        |now| {
            let Stack {
                iface,
                device,
                sockets,
                ..
            } = stack;
            iface.poll(now.to_smoltcp(), device, sockets);
            let socket = sockets.get_mut::<Socket>(*socket);
            while socket.can_recv() {
                socket.recv(|bytes| (bytes.len(), ())).unwrap();
                is_asked = true;
            }
            if is_asked && socket.can_send() {
                let sent = socket.send_slice(body).unwrap();
                body = &body[sent..];
            }
            iface.poll(now.to_smoltcp(), device, sockets);
        },
        reading(client),
    )
}

fn main() {
    LazyLock::force(&BODY);
    common::duel("serve", serve, bare);
}
