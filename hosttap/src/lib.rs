//! The parts of `hosttap`: tickwire's apps over a Linux TAP interface.
//!
//! The program is a thin `main` over these modules; tests use them too. Nothing here is a stable interface.
#![deny(unsafe_code)]

pub mod chat;
pub mod cli;
pub mod clock;
pub mod demo;
pub mod doctor;
pub mod echo;
pub mod exit;
pub mod files;
pub mod folder;
pub mod get;
pub mod host_side;
mod job;
pub mod narrator;
pub mod netlink;
pub mod pcap;
pub mod recv;
pub mod replace;
pub mod send;
pub mod source;
pub mod stack;
pub mod stdout;
pub mod sys;
pub mod tap;
pub mod terminal;
mod transfer;
pub mod values;
pub mod wait;
