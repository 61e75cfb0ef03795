//! The application layer that bare-metal TCP lacks: an HTTP/1.0 GET client, a chat peer, a file receiver and a file
//! sender over smoltcp, each a state machine that one single-threaded loop drives. No operating system, no
//! allocator, no clock, no threads; the same code runs on a board, over a Linux TAP, and on a virtual Ethernet.
//!
//! # One invariant, one loop
//!
//! > An app moves only inside [`poll`](App::poll), `poll` is called only from [`turn`], and after `turn` every app is
//! > finished, or waits for a frame, for the deadline that `turn` returned, or for its caller's own input (a key, a
//! > flash that has finished), after which the caller calls `turn`.
//!
//! So the main loop of a device is this:
//!
//! ```no_run
//! # use smoltcp::{iface::{Interface, SocketSet}, phy::Device};
//! # use tickwire::{App, Carry, Error, Observer, Slot, Tick, turn};
//! # fn now() -> Tick { Tick::ZERO }
//! # fn sleep_until_frame_or(_: Option<Tick>) {}
//! # fn run(app: &mut dyn App, iface: &mut Interface, device: &mut impl Device, sockets: &mut SocketSet<'_>,
//! #     carry: &mut Carry, observer: &mut dyn Observer) -> Result<(), Error> {
//! let mut slot = Slot::new();
//! loop {
//!     let wake = turn(now(), iface, device, sockets, &mut [slot.seat(app)], carry, observer);
//!     if let Some(outcome) = slot.outcome() {
//!         return outcome;
//!     }
//!     sleep_until_frame_or(wake);
//! }
//! # }
//! ```
//!
//! and this is what one `turn` does:
//!
//! ```text
//! turn.note_lost_addresses(seats);
//! turn.ingress();                        // at most 32 frames
//! turn.look_for_movement(seats);
//! turn.poll_apps(seats);                 // steps first, then deadlines
//! turn.look_for_movement(seats);
//! turn.egress(seats);                    // and once more for whom it changed something
//! let capped = turn.capped;
//! let next = turn.next(seats);           // the earliest deadline of the apps and of smoltcp
//! carry.pace(now, capped, next)
//! ```
//!
//! # Two hosts on a virtual Ethernet
//!
//! An address, a request, a sink: a GET. The peer is a script, the clock is virtual, and a tenth of all frames is lost.
//!
//! ```
//! use smoltcp::iface::SocketStorage;
//! use tickwire::http::{Complete, Get, GetOptions, Proof, Request, Url};
//! use tickwire::{BufferSink, Slot, Tick};
//! use tickwire_sim::ethernet::{Ethernet, Frame, Link, PortState};
//! use tickwire_sim::{Act, Node, Opening, Script, World};
//! # fn lend<'a, T>(count: usize, make: impl Fn() -> T) -> &'a mut [T] {
//! #     (0..count).map(|_| make()).collect::<Vec<_>>().leak()
//! # }
//!
//! let frames = lend(64, || Frame::new(lend(1_514, || 0)));
//! let world = World::new(Ethernet::new(42, lend(2, PortState::new), frames));
//! world.ethernet.set_link(0, Link { loss_ppm: 100_000, ..Link::PERFECT });
//! let node = |port| Node::new(&world.ethernet, port, 42, lend(1, || SocketStorage::EMPTY));
//! let (mut board, mut server) = (node(0), node(1));
//!
//! let url = Url::parse("http://10.0.0.2/hello")?;
//! let mut location = [0; 64];
//! let mut get = Get::new(
//!     board.add_socket(lend(1_024, || 0), lend(1_024, || 0)),
//!     (Node::address_of(1), 80).into(),
//!     Request::new(&url, &[])?,
//!     GetOptions::default(),
//!     &mut location,
//!     BufferSink::new(lend(64, || 0)),
//! );
//! let acts = [
//!     Act::Expect(b"GET /hello HTTP/1.0\r\n"),
//!     Act::Expect(b"\r\n\r\n"),
//!     Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
//! ];
//! let socket = server.add_socket(lend(1_024, || 0), lend(1_024, || 0));
//! let mut script = Script::new(socket, Opening::Listen(80), &acts);
//!
//! let (mut slot, mut script_slot) = (Slot::new(), Slot::new());
//! let (mut seats, mut peers) = ([slot.seat(&mut get)], [script_slot.seat(&mut script)]);
//! let nodes = &mut [board.with(&mut seats), server.with(&mut peers)];
//! assert!(world.run(Tick::from_millis(60_000), nodes, &mut ()));
//!
//! assert_eq!(slot.outcome(), Some(Ok(())));
//! assert_eq!(get.complete(), Some(Complete { status: 200, bytes: 5, proof: Proof::Length }));
//! assert_eq!(get.into_sink().bytes(), b"hello");
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! | | |
//! |---|---|
//! | the contract | [`App`], [`Step`], [`Deadline`], [`Phase`]; [`Io`], all that an app may touch; [`guide`], how to write one |
//! | the loop | [`turn`], [`Slot`], [`Carry`] |
//! | what apps tell | [`Error`], [`Event`], [`Observer`] |
//! | time | [`Tick`], and [`TickCounter`], which makes it from a 32-bit counter |
//! | payload | [`Sink`], [`Source`], and adaptors to `embedded-io` |
//! | parts of apps | [`Server`], [`Listener`], [`Flush`], [`Pace`], [`Ports`] |
//! | [`http`] | URL, request, head and body as pure bytes, and the GET client |
//! | [`chat`] | lines as pure bytes, and the chat peer |
//! | [`file`](mod@file) | the transfer's messages as pure bytes, and its receiver and sender |
//! | [`store`] | where a received file goes: memory, or NOR flash |
//! | `guard` | a device wrapper that keeps smoltcp's connections from getting stuck |
//! | [`Echo`] | the worked example of an app |
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `ipv6` | yes | IPv6 addresses in URLs and endpoints |
//! | `guard` | yes | the module of that name |
//! | `reno` | no | Reno congestion control on sockets whose buffers exceed 16 KiB |
//! | `log` | no | diagnostics of smoltcp through the `log` crate; not together with `defmt` |
//! | `defmt` | no | `defmt::Format` on the public types |
//!
//! Sizes are never features: the caller lends every buffer.
//!
//! # Limits
//!
//! - Ethernet, and TCP over IPv4 and IPv6. No TLS, and no names: a host is an address.
//! - Nothing is authenticated or encrypted. Whoever reaches the port of a file receiver can store a file.
//! - HTTP/1.0 GET without redirects, proxies, ranges or content codings; a redirect is reported with its Location.
//! - A server serves one caller at a time and refuses the second.
//! - IP fragments are dropped, so a link needs the MTU that everybody else expects: 576 for IPv4, 1280 for IPv6.
//! - One `turn` for each interface, from one thread. Time has a resolution of 1 ms.
#![no_std]
#![forbid(unsafe_code)]

mod app;
mod canary;
pub mod chat;
mod echo;
mod error;
mod event;
pub mod file;
mod flush;
#[cfg(feature = "guard")]
pub mod guard;
#[doc = include_str!("../docs/writing-an-app.md")]
pub mod guide {}
pub mod http;
mod io;
mod listener;
mod look;
mod pace;
mod ports;
mod server;
mod sink;
mod spin;
pub mod store;
mod tick;
mod turn;

pub use app::{App, Deadline, Named, Phase, STEPS_MAX, Step};
#[cfg(tickwire_canary)]
pub use canary::{Canary, plant};
pub use echo::Echo;
pub use error::{Awaited, Error, Malformed};
pub use event::{Event, Observer, Part};
pub use flush::Flush;
pub use io::{Called, HANDSHAKE_TICKS, Io, LINGER_TICKS, Received};
pub use listener::Listener;
pub use pace::{IDLE_BYTES_MIN, Pace};
pub use ports::Ports;
pub use server::Server;
pub use sink::{BufferSink, Discard, ReaderSource, Sink, Source, WriterSink};
pub use tick::{TICKS_PER_SECOND, Tick, TickCounter};
pub use turn::{CAPPED_TURNS_MAX, Carry, EGRESS_MAX, INGRESS_MAX, Seat, Slot, turn};
