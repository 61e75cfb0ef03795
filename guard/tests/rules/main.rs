//! The guard and bare smoltcp, side by side: one script of frames for each defect.
//!
//! Each script is the shortest that makes bare smoltcp fail. When a new version of smoltcp passes
//! it without the guard, the test fails and says so, and the rule can go.

#![allow(clippy::indexing_slicing, reason = "a wrong index is a failed test")]

mod backlog;
mod boundary;
mod cable;
mod challenge;
mod defects;
mod delayed;
mod flows;
mod frames;
#[cfg(feature = "ipv6")]
mod groups;
mod host;
mod large_buffer;
mod last_ack;
mod late;
mod lossy_network;
mod neighbour;
mod out_of_reach;
mod path_mtu;
mod presence;
#[cfg(feature = "ipv6")]
mod presence_ipv6;
mod priority_tag;
mod probes;
mod properties;
#[cfg(feature = "recovery")]
mod recovery;
mod reset;
mod storage;
mod unreachable;
mod windows;
