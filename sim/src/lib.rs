//! Deterministic networks for tickwire: hosts on a virtual Ethernet, under a virtual clock that jumps from deadline to
//! deadline.
//!
//! A [`World`] has the Ethernet and the clock; a [`Host`] has what a device has: an interface, sockets, and the loop's
//! carry. [`World::run`] gives each host its turn whenever a frame is due or its deadline has come, exactly as
//! the loop of a device would, until all apps have ended or a given tick has come.
//!
//! # Your own app
//!
//! [`Weather`] draws from a seed what a network does to frames, and [`Script`] is a peer in a few words. Put your [`App`](tickwire::App)
//! in the place of `Echo`:
//!
//! ```
//! # use smoltcp::iface::SocketStorage;
//! # use tickwire_sim::ethernet::{Ethernet, Frame, PortState};
//! # use tickwire::{Echo, Slot, Tick};
//! # use tickwire_sim::{Act, Host, Opening, Profile, Script, Weather, World};
//! for seed in 0..20 {
//!     let (mut bytes, mut ports) = ([[0; 1514]; 64], [const { PortState::new() }; 2]);
//!     let mut frames = bytes.each_mut().map(|bytes| Frame::new(&mut bytes[..]));
//!     let world = World::new(Ethernet::new(seed, &mut ports[..], &mut frames[..]));
//!     let calm_at = Tick::from_millis(30_000);
//!     let mut weather = Weather::draw(seed, Profile::Bad, 2, calm_at);
//!     weather.begin(&world.ethernet);
//!
//!     let (mut sockets, mut buffers) = ([SocketStorage::EMPTY; 2], [[0; 1024]; 4]);
//!     let (one, two) = sockets.split_at_mut(1);
//!     let [receive, send, peer_receive, peer_send] = buffers.each_mut();
//!     let mut mine = Host::new(&world.ethernet, 0, seed, one);
//!     let mut other = Host::new(&world.ethernet, 1, seed, two);
//!     let mut app = Echo::new(mine.add_socket(receive, send), 7, true);
//!     let acts = [Act::Fill(5_000), Act::Read(5_000), Act::Close, Act::ExpectEnd];
//!     let opening = Opening::Dial((Host::address_of(0), 7).into());
//!     let peer_socket = other.add_socket(peer_receive, peer_send);
//!     let mut peer = Script::new(peer_socket, opening, &acts).with_patience(20_000);
//!
//!     let mut slots = [Slot::new(), Slot::new()];
//!     let [slot, peer_slot] = slots.each_mut();
//!     let (mut seats, mut peer_seats) = ([slot.seat(&mut app)], [peer_slot.seat(&mut peer)]);
//!     let nodes = &mut [mine.with(&mut seats), other.with(&mut peer_seats)];
//!     let ended = world.run_through(&mut weather, calm_at, nodes, &mut ());
//!     weather.calm(&world.ethernet);
//!     // An echo that nobody reached goes on listening; one that was reached must come to its end.
//!     let is_over = ended || world.run(calm_at.after(120_000), nodes, &mut ());
//!     assert!(is_over || peer_slot.outcome().is_some(), "seed {seed} is stuck");
//! }
//! ```
//!
//! # Whole scenarios
//!
//! [`run`] is what the program `sim` does with each seed: tickwire's own apps at work on three hosts, mishaps and all, and the
//! invariants of `docs/simulation.md` checked after each turn. The same seed has the same [`Report::trace`] everywhere.
#![no_std]
#![forbid(unsafe_code)]

mod arena;
mod cast;
mod contest;
mod draw;
pub mod ethernet;
mod flash;
mod generator;
mod host;
mod ledger;
mod liar;
mod lies;
mod pattern;
mod plan;
mod recorder;
mod report;
mod run;
mod script;
mod side;
mod stage;
mod stranger;
mod task_chat;
mod task_file;
mod task_get;
mod tasks;
mod trace;
mod tries;
mod vault;
mod weather;
mod witness;
mod world;

pub use cast::Idle;
pub use contest::{CONTEST_BYTES, CONTEST_MEMORY, Contest, Ending, contest};
pub use generator::Generator;
pub use host::{Host, Node};
pub use plan::{Options, Scenario};
pub use report::{Report, describe};
pub use run::{MEMORY_BYTES, run};
pub use script::{Act, Opening, Script, fill_byte};
pub use stage::Finding;
pub use trace::Trace;
pub use tries::Tally;
pub use weather::{Gust, PORTS_MAX, Profile, Weather};
pub use witness::Witness;
pub use world::World;
