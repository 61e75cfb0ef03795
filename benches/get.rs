//! The GET client against a bare smoltcp socket that discards, on the same virtual Ethernet from the same server.
//!
//! `cargo bench --bench get` prints the ratio of their throughputs, interleaved in one run, as the median of nine.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a benchmark reads the clock, and one that fails is to stop"
)]

mod common;

use common::{BODY_BYTES, Side, race, remote};
use smoltcp::socket::tcp::Socket;
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{Discard, Stack, Task, Tick};
use tickwire_sim::ethernet::Ethernet;
use tickwire_sim::{Act, Opening, Script};

const HEAD: &[u8] = b"HTTP/1.0 200 OK\r\nContent-Length: 67108864\r\n\r\n";
const ACTS: [Act<'static>; 3] = [
    Act::Expect(b"\r\n\r\n"),
    Act::Send(HEAD),
    Act::Fill(BODY_BYTES),
];

/// A server that sends the body.
fn sending(mut server: Side) -> impl FnMut(Tick) {
    let mut script = Task::new(Script::new(server.socket, Opening::Listen(80), &ACTS));
    move |now| {
        server.stack.turn(now, &mut [&mut script], &mut ());
    }
}

/// Fetches the body with the GET client.
fn get(ethernet: &Ethernet, mut client: Side, server: Side) -> std::time::Duration {
    let url = Url::parse("http://10.0.0.2/").unwrap();
    let request = Request::new(&url, &[]).unwrap();
    let options = GetOptions::default();
    let get = Get::new(client.socket, remote(), request, options, &mut [], Discard);
    let mut task = Task::new(get);
    let elapsed = race(ethernet, sending(server), |now| {
        client.stack.turn(now, &mut [&mut task], &mut ());
        task.app().complete().is_some()
    });
    assert_eq!(task.app().complete().unwrap().bytes, BODY_BYTES);
    elapsed
}

/// Fetches the same bytes with a bare socket that throws them away, as smoltcp's examples do.
fn bare(ethernet: &Ethernet, mut client: Side, server: Side) -> std::time::Duration {
    let (mut received, mut sent) = (0, false);
    let Side { stack, socket } = &mut client;
    let opened = stack.sockets.get_mut::<Socket>(*socket);
    let context = stack.iface.context();
    opened.connect(context, remote(), 50_000).unwrap();
    race(ethernet, sending(server), |now| {
        let Stack {
            iface,
            device,
            sockets,
            ..
        } = stack;
        iface.poll(now.to_smoltcp(), device, sockets);
        let socket = sockets.get_mut::<Socket>(*socket);
        if socket.can_send() && !sent {
            socket.send_slice(b"GET / HTTP/1.0\r\n\r\n").unwrap();
            sent = true;
        }
        while socket.can_recv() {
            received += socket
                .recv(|bytes| (bytes.len(), bytes.len() as u64))
                .unwrap();
        }
        iface.poll(now.to_smoltcp(), device, sockets);
        received == BODY_BYTES + HEAD.len() as u64
    })
}

fn main() {
    common::duel("get", get, bare);
}
