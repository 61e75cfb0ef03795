//! Rooms: the data structure against a model, and its members on a virtual Ethernet.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

#[path = "../common/mod.rs"]
mod common;

mod world;

mod closing;
mod lines;
mod model;
mod rules;
mod slow;
mod socketio;
mod texts;
mod web;
mod web_world;
