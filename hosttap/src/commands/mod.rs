//! The commands, one module each, and what they share.

pub mod chat;
pub mod console_observer;
pub mod demo;
pub mod doctor;
pub mod echo;
pub mod get;
mod join;
mod lease;
pub mod manual;
pub mod recv;
pub mod resolve;
pub mod send;
pub mod serve;
pub mod time;
mod transfer;
mod websocket;
