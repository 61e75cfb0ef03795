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
//! # use tickwire::{AnyTask, Duration, Echo, Task, Tick};
//! # use tickwire_sim::ethernet::{Ethernet, Frame, PortState};
//! # use tickwire_sim::{Act, FaultPlan, Node, NodeMemory, Opening, Profile, Script, World};
//! for seed in 0..20 {
//!     let (mut bytes, mut ports) = ([[0; 1514]; 64], [const { PortState::new() }; 2]);
//!     let mut frames = bytes.each_mut().map(|bytes| Frame::new(&mut bytes[..]));
//!     let (mut one, mut two) = (NodeMemory::<1>::new(), NodeMemory::<1>::new());
//!     let mut buffers = [[0; 1024]; 4];
//!     let [receive, send, peer_receive, peer_send] = buffers.each_mut();
//!     let world = World::new(Ethernet::new(seed, &mut ports[..], &mut frames[..]));
//!     let heal_at = Tick::from_millis(30_000);
//!     let mut faults = FaultPlan::from_seed(seed, Profile::Bad, 2, heal_at);
//!     faults.set_links(&world.ethernet);
//!
//!     let mut mine = Node::new(&world.ethernet, 0, seed, &mut one);
//!     let mut other = Node::new(&world.ethernet, 1, seed, &mut two);
//!     let mut app = Task::new(Echo::echo([mine.add_socket(receive, send)], 7, true));
//!     let acts = [Act::Fill(5_000), Act::Read(5_000), Act::Close, Act::ExpectEnd];
//!     let opening = Opening::Dial((Node::address_of(0), 7).into());
//!     let script = Script::new(other.add_socket(peer_receive, peer_send), opening, &acts);
//!     let mut peer = Task::new(script.with_timeout(Duration::from_secs(20)));
//!
//!     let (mut tasks, mut peer_tasks): ([&mut dyn AnyTask; 1], [&mut dyn AnyTask; 1]) =
//!         ([&mut app], [&mut peer]);
//!     let nodes = &mut [mine.with(&mut tasks), other.with(&mut peer_tasks)];
//!     let ended = world.run_with_faults(&mut faults, heal_at, nodes, &mut ());
//!     faults.heal(&world.ethernet);
//!     // An echo that nobody reached goes on listening; one that was reached must end.
//!     let is_over = ended || world.run(heal_at + Duration::from_secs(120), nodes, &mut ());
//!     assert!(is_over || peer.is_finished(), "seed {seed} is stuck");
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
mod forged;
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
mod trial;
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
pub use trial::{
    RECOVERY_BYTES, RECOVERY_MEMORY_BYTES, RecoveryKind, RecoveryRun, Retransmissions, TRIAL_BYTES,
    TRIAL_MEMORY_BYTES, TrialGuard, TrialKind, TrialOutcome, recovery_trial, transfer_trial,
};
pub use world::World;

/// Tests the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
