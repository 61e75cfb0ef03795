//! Deterministic networks for tickwire: nodes on a virtual Ethernet, under a virtual clock that
//! jumps from deadline to deadline.
//!
//! A [`World`] has the [Ethernet](ethernet::Ethernet) and the clock. A [`Node`] has what a device
//! has: an interface, sockets, and a port of the Ethernet. [`World::run`] gives each node its turn
//! whenever a frame is due or its deadline has come, exactly as the loop of a device would, until
//! all apps have ended or a given tick has come.
//!
//! # Your own app
//!
//! [`FaultPlan`] draws from a seed what the network does to frames, and [`Script`] is a peer in a
//! few words. Put your [`App`](tickwire::App) in the place of `Echo`:
//!
//! ```
//! # use smoltcp::iface::SocketStorage;
//! # use tickwire::{Echo, Slot, Tick};
//! # use tickwire_sim::ethernet::{Ethernet, Frame, PortState};
//! # use tickwire_sim::{Act, FaultPlan, Node, Opening, Profile, Script, World};
//! for seed in 0..20 {
//!     let (mut bytes, mut ports) = ([[0; 1514]; 64], [const { PortState::new() }; 2]);
//!     let mut frames = bytes.each_mut().map(|bytes| Frame::new(&mut bytes[..]));
//!     let world = World::new(Ethernet::new(seed, &mut ports[..], &mut frames[..]));
//!     let heal_at = Tick::from_millis(30_000);
//!     let mut faults = FaultPlan::from_seed(seed, Profile::Bad, 2, heal_at);
//!     faults.set_links(&world.ethernet);
//!
//!     let (mut sockets, mut buffers) = ([SocketStorage::EMPTY; 2], [[0; 1024]; 4]);
//!     let (one, two) = sockets.split_at_mut(1);
//!     let [receive, send, peer_receive, peer_send] = buffers.each_mut();
//!     let mut mine = Node::new(&world.ethernet, 0, seed, one);
//!     let mut other = Node::new(&world.ethernet, 1, seed, two);
//!     let mut app = Echo::new(mine.add_socket(receive, send), 7, true);
//!     let acts = [Act::Fill(5_000), Act::Read(5_000), Act::Close, Act::ExpectEnd];
//!     let opening = Opening::Dial((Node::address_of(0), 7).into());
//!     let peer_socket = other.add_socket(peer_receive, peer_send);
//!     let mut peer = Script::new(peer_socket, opening, &acts).with_timeout(20_000);
//!
//!     let mut slots = [Slot::new(), Slot::new()];
//!     let [slot, peer_slot] = slots.each_mut();
//!     let (mut seats, mut peer_seats) = ([slot.seat(&mut app)], [peer_slot.seat(&mut peer)]);
//!     let nodes = &mut [mine.with(&mut seats), other.with(&mut peer_seats)];
//!     let ended = world.run_with_faults(&mut faults, heal_at, nodes, &mut ());
//!     faults.heal(&world.ethernet);
//!     // An echo that nobody reached goes on listening; one that was reached must end.
//!     let is_over = ended || world.run(heal_at.after(120_000), nodes, &mut ());
//!     assert!(is_over || peer_slot.outcome().is_some(), "seed {seed} is stuck");
//! }
//! ```
//!
//! # Whole scenarios
//!
//! [`run`] is what the program `sim` does with each seed: tickwire's own apps at work on three
//! nodes, with faults of nodes and storage too, and the invariants of `docs/simulation.md` in the
//! repository checked after each turn. The same seed has the same [`Report::trace`] everywhere.
#![no_std]
#![forbid(unsafe_code)]

mod act;
mod bump;
mod error;
pub mod ethernet;
mod fault_plan;
mod generator;
mod idle;
mod node;
mod pattern;
mod run;
mod scheduler;
mod script;
mod streams;
mod trace_hash;
mod tracer;
mod transfer_trial;
mod world;

pub use act::{Act, Opening, ScriptError, fill_byte};
pub use error::SimError;
pub use fault_plan::{FaultPlan, LinkChange, Profile};
pub use generator::Generator;
pub use idle::Idle;
pub use node::{Node, NodeDevice, NodeMemory, RunningNode};
pub use run::{AttemptCounts, Finding, MEMORY_BYTES, Options, Report, Scenario, describe, run};
pub use script::Script;
pub use trace_hash::TraceHash;
pub use tracer::Tracer;
pub use transfer_trial::{
    TRIAL_BYTES, TRIAL_MEMORY_BYTES, TrialKind, TrialOutcome, transfer_trial,
};
pub use world::World;

/// Tests the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
