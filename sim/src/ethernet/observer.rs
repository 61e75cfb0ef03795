//! Who sees all frames, for traces, captures and pictures.

use core::cell::RefCell;

use super::{Cause, Change};

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A port sent it; the bytes are as it was sent.
    Sent,
    /// A port received it; the bytes are as they arrived.
    Delivered,
    /// It will not arrive.
    Dropped(Cause),
    /// It will arrive altered; the bytes are those that will arrive.
    Changed(Change),
    /// It will arrive twice.
    Duplicated,
}

/// Something that happened to a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameEvent {
    /// What happened.
    pub fate: Fate,
    /// The port that sent the frame.
    pub from: usize,
    /// The port that receives it; `None` when it is sent, or dropped before any receiver was
    /// chosen.
    pub to: Option<usize>,
    /// The number of frames that the port had sent before it.
    pub number: u64,
    /// When it was sent, in microseconds since tick 0.
    pub sent_micros: u64,
    /// When this happened, in microseconds since tick 0.
    pub at_micros: u64,
}

/// Sees every frame; see [`Ethernet::observe`](super::Ethernet::observe).
pub trait FrameObserver {
    /// Something happened to `frame`.
    fn observe(&mut self, event: &FrameEvent, frame: &[u8]);
}

/// An observer, which the Ethernet shares with its caller.
pub(super) type Observer<'o> = &'o RefCell<dyn FrameObserver + 'o>;
