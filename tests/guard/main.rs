//! The guard against bare smoltcp, one script of frames for each defect.
//!
//! Each script is the shortest that shows bare smoltcp failing; when a new version of smoltcp passes it without the guard,
//! the test says so by failing, and the rule can go.

#![cfg(feature = "guard")]
#![allow(
    clippy::indexing_slicing,
    reason = "an index that is wrong is a test that fails"
)]

mod boundary;
mod cable;
mod defects;
mod delayed;
mod flows;
mod frames;
mod host;
mod neighbour;
mod properties;
mod storm;
mod unmended;
mod windows;
