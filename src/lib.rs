//! The application layer that bare-metal TCP lacks: an HTTP client and server, WebSockets, rooms in
//! which many talk, a chat peer, a file receiver and sender, names and leases over smoltcp, and the
//! way to write the next one. Each is a state machine that one single-threaded loop drives. No
//! operating system, no allocator, no clock, no threads: the same code runs on a board, over a Linux
//! TAP, and on a virtual Ethernet.
//!
//! # A GET
//!
//! An address, a request, a sink. The caller lends all memory; the loop sleeps as the board does.
//!
//! ```no_run
//! # use smoltcp::{iface::{SocketSet, SocketStorage}, phy::Device, wire::{EthernetAddress, IpCidr}};
//! # use tickwire::http::{Get, GetError, GetOptions, Request, Url};
//! # use tickwire::{BufferSink, Config, Stack, Task, Tick};
//! # fn now() -> Tick { Tick::ZERO }
//! # fn sleep_until_frame_or(_: Option<Tick>) {}
//! # fn fetch(device: impl Device, mac: EthernetAddress, address: IpCidr, body: &mut [u8])
//! #     -> Result<(), Box<dyn std::error::Error>> {
//! let (mut receive, mut send, mut storage) = ([0; 2920], [0; 512], [SocketStorage::EMPTY]);
//! let config = Config { mac, addresses: &[address], gateway: None, seed: 0x5eed };
//! let mut stack = Stack::new(device, &config, SocketSet::new(&mut storage[..]), now());
//! let socket = stack.add_tcp_socket(&mut receive, &mut send);
//!
//! let url = Url::parse("http://192.168.69.100:8000/settings")?;
//! let (server, request) = (url.endpoint().expect("an address"), Request::new(&url, &[])?);
//! let get = Get::new(socket, server, request, GetOptions::default(), &mut [], BufferSink::new(body));
//! let mut task = Task::new(get);
//! while !task.is_finished() {
//!     let wake = stack.turn(now(), &mut [&mut task], &mut ());
//!     sleep_until_frame_or(wake);
//! }
//! # Ok(()) }
//! ```
//!
//! # One invariant, one loop
//!
//! > An app moves only inside [`Stack::turn`]. After a turn every app is finished, or waits for a frame,
//! > for the deadline that `turn` returned, or for its caller's own input (a key, a flash that has
//! > finished), after which the caller calls `turn`.
//!
//! One turn takes in at most 32 frames, lets each task take its steps and then judges its deadline, lets
//! smoltcp send what is due, looks again at every socket that changed in it, and returns the earliest
//! deadline of all. Its work is bounded whatever a peer does.
//!
//! # A protocol of one's own
//!
//! What is said over one connection is a [`Session`]: `begin`, `step`, and an error type of its own.
//! [`Client`] dials for it, retries where asked, flushes, sends FIN and lingers; [`Server`] serves many
//! callers with it. [`EchoSession`] is the worked example, and `docs/writing-an-app.md` writes a command
//! server and its client in under 60 lines each. What is no connection is an [`App`].
//!
//! # What is where
//!
//! | | |
//! |---|---|
//! | the loop | [`Stack`], [`Task`], [`Config`] |
//! | the contract | [`App`], [`Step`], [`Deadline`], [`StateCell`]; [`Io`], all that an app may touch |
//! | connections | [`Session`], [`Connection`], [`Client`], [`Server`], [`Lifecycle`], [`IdleTimer`], [`Backoff`] |
//! | what apps tell | [`Error`], [`Event`], [`Observer`] |
//! | time | [`Tick`], [`Duration`], and [`TickCounter`], which makes ticks from a 32-bit counter |
//! | payload | [`Sink`], [`Source`], and adaptors to `embedded-io` |
//! | `http` | URL, request, head and body as pure bytes, the GET client, downloads that recover, a server |
//! | `chat` | lines as pure bytes, and the chat peer |
//! | `hub` | rooms in which many clients talk, over plain TCP, WebSocket and Socket.IO |
//! | `dns` | DNS messages as pure bytes, the resolver, and hosts by name wherever one is dialled |
//! | `file` | the transfer's messages as pure bytes, and its receiver and sender |
//! | `store` | where a received file goes: memory, or NOR flash |
//! | `dhcp` | DHCP messages as pure bytes, and the client that gives the interface its address |
//! | `sntp` | the time of day: SNTP packets as pure bytes, the client, and a wall clock beside the tick |
//! | `websocket` | frames as pure bytes, and the sessions of a WebSocket's server and client |
//! | `guard` | the crate `smoltcp-guard`: keeps smoltcp's connections from getting stuck |
//!
//! The crate `tickwire-embassy-driver` makes the drivers of embassy-net devices for [`Stack`].
//! The crate `tickwire-sim` has the virtual Ethernet, the virtual clock and the faults.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `http` | yes | the module of that name |
//! | `download` | yes | `http::Download`: redirects, retries, and going on where it stopped |
//! | `server` | yes | `http::Server`: an HTTP/1.1 server; brings `http` |
//! | `chat` | yes | the module of that name |
//! | `hub` | yes | the module of that name; brings `chat` |
//! | `socketio` | yes | clients of Socket.IO in a hub; brings `hub`, `server` and `websocket` |
//! | `file` | yes | the modules `file` and `store`; brings `sha2` |
//! | `dhcp` | yes | the module of that name |
//! | `sntp` | yes | the module of that name; brings `udp` |
//! | `websocket` | yes | the module of that name; brings `http` and `sha1` |
//! | `flash` | no | the store in NOR flash, also for downloads; brings `embedded-storage` and `crc` |
//! | `ipv6` | yes | IPv6 addresses in URLs and endpoints |
//! | `guard` | yes | the re-export of that name |
//! | `dns` | yes | the module of that name, and hosts by name where one is dialled; brings `udp` |
//! | `udp` | yes | `Io::bind`, `send_to` and `receive_from`; apps wait for room in sockets of every kind |
//! | `reno` | no | Reno congestion control on sockets whose buffers exceed 16 KiB |
//! | `log` | no | diagnostics of smoltcp through the `log` crate; not together with `defmt` |
//! | `defmt` | no | `defmt::Format` on the public types |
//!
//! Sizes are never features: the caller lends every buffer.
//!
//! # Limits
//!
//! - Ethernet, and TCP over IPv4 and IPv6. No TLS.
//! - Nothing is authenticated or encrypted. Whoever reaches the port of a file receiver can store a
//!   file.
//! - The HTTP client speaks HTTP/1.0, without proxies or content codings. `Get` is one request;
//!   `Download` follows redirects, retries and resumes. The server speaks HTTP/1.1.
//! - IP fragments are dropped, so a link needs the MTU that everybody else expects: 576 for IPv4, 1280
//!   for IPv6.
//! - One [`Stack`] for each interface, driven from one thread. Time has a resolution of 1 ms.
//!
//! Rust 1.91 or later, as smoltcp 0.14 needs. Until 1.0 a minor version may change the interface; the
//! changelog says how.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "chat")]
pub mod chat;
#[cfg(feature = "dhcp")]
pub mod dhcp;
#[cfg(feature = "dns")]
pub mod dns;
mod echo;
#[cfg(feature = "file")]
pub mod file;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "hub")]
pub mod hub;
mod net;
mod payload;
mod runtime;
#[cfg(feature = "sntp")]
pub mod sntp;
#[cfg(feature = "file")]
pub mod store;
#[cfg(feature = "websocket")]
pub mod websocket;

pub use echo::{Echo, EchoSession};
pub use net::{
    Backoff, Client, ClientOptions, Closing, Connection, Dial, DialOrListen, HANDSHAKE_TIMEOUT,
    IDLE_BYTES_MIN, IdleTimer, LINGER, Lifecycle, Listen, NoRetry, Opened, Opening, Remote, Retry,
    Server, ServerOptions, Session, Stage,
};
pub use payload::{
    BufferSink, Discard, ReaderSource, Sink, SinkError, Source, SourceError, WriterSink,
};
#[cfg(feature = "udp")]
pub use runtime::UdpError;
pub use runtime::{
    AcceptState, AnyTask, App, Backlog, CAPPED_TURNS_MAX, Config, Deadline, Duration, EGRESS_MAX,
    Error, Event, INGRESS_MAX, Io, Observer, Ports, Received, Role, STEPS_MAX, Stack, StateCell,
    StateName, Step, Task, Tick, TickCounter, TimeoutKind,
};
#[cfg(feature = "guard")]
#[doc(inline)]
pub use smoltcp_guard as guard;
