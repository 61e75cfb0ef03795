//! Whoever sees all that happens in a world.

use core::cell::RefCell;

use crate::ethernet::{FrameEvent, FrameObserver};
use tickwire::{Event, Observer, Tick};

/// Sees every event of every app and every frame, in the world's time. `()` ignores all.
pub trait Witness {
    /// The app in this seat of a host told something.
    fn event(&mut self, now: Tick, host: usize, app: usize, event: &Event<'_>);

    /// Something happened to a frame.
    fn frame(&mut self, _event: &FrameEvent, _frame: &[u8]) {}

    /// Something happened that is neither: a crash, a change of the weather, a finding.
    fn note(&mut self, _now: Tick, _host: Option<usize>, _text: &str) {}
}

/// A witness can be the observer of an Ethernet, in the same cell that it is in for the loops.
impl<W: Witness> FrameObserver for W {
    fn observe(&mut self, event: &FrameEvent, frame: &[u8]) {
        self.frame(event, frame);
    }
}

impl Witness for () {
    fn event(&mut self, _now: Tick, _host: usize, _app: usize, _event: &Event<'_>) {}
}

/// An observer of events alone; it does not learn which host told them.
pub(crate) struct EventsOnly<'o>(pub(crate) &'o mut dyn Observer);

impl Witness for EventsOnly<'_> {
    fn event(&mut self, now: Tick, _host: usize, app: usize, event: &Event<'_>) {
        self.0.event(now, app, event);
    }
}

/// What the loop of one host tells.
pub(crate) struct Events<'s, 'w> {
    pub(crate) witness: &'s RefCell<dyn Witness + 'w>,
    pub(crate) host: usize,
    /// The world's time; the host's own clock may be another.
    pub(crate) now: Tick,
}

impl Observer for Events<'_, '_> {
    fn event(&mut self, _local: Tick, app: usize, event: &Event<'_>) {
        let mut witness = self.witness.borrow_mut();
        witness.event(self.now, self.host, app, event);
    }
}
