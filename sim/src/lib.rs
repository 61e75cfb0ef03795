//! Deterministic networks for tickwire: hosts on a virtual wire, under a virtual clock that jumps from deadline to
//! deadline.
//!
//! A [`World`] has the wire and the clock; a [`Host`] has what a device has: an interface, sockets, and the loop's
//! carry. [`World::run`] gives each host its turn whenever a frame is due or its deadline has come, exactly as
//! the loop of a device would, until all apps have ended or a given tick has come.
#![no_std]
#![forbid(unsafe_code)]

mod host;
mod script;
mod world;

pub use host::{Host, Node};
pub use script::{Act, Opening, Script, fill_byte};
pub use world::World;
