//! Deterministic networks for tickwire: hosts on a virtual wire, under a virtual clock that jumps from deadline to
//! deadline.
//!
//! A [`World`] has the wire and the clock; a [`Host`] has what a device has: an interface, sockets, and the loop's
//! carry. [`World::run`] gives each host its turn whenever a frame is due or its deadline has come, exactly as
//! the loop of a device would, until all apps have ended or a given tick has come.
#![no_std]
#![forbid(unsafe_code)]

mod arena;
mod cast;
mod contest;
mod flash;
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

pub use contest::{CONTEST_BYTES, CONTEST_MEMORY, Contest, Ending, contest};
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
