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

/// A witness that a device and the loop tell at the same time.
pub(crate) struct Shared<'w>(RefCell<&'w mut dyn Witness>);

impl<'w> Shared<'w> {
    pub(crate) const fn new(witness: &'w mut dyn Witness) -> Self {
        Self(RefCell::new(witness))
    }
}

/// What the loop of one host tells.
pub(crate) struct Events<'s, 'w> {
    pub(crate) shared: &'s Shared<'w>,
    pub(crate) host: usize,
    /// The world's time; the host's own clock may be another.
    pub(crate) now: Tick,
}

impl Observer for Events<'_, '_> {
    fn event(&mut self, _local: Tick, app: usize, event: &Event<'_>) {
        let mut witness = self.shared.0.borrow_mut();
        witness.event(self.now, self.host, app, event);
    }
}

/// What a port of the Ethernet tells.
pub(crate) struct Frames<'s, 'w>(pub(crate) &'s Shared<'w>);

impl FrameObserver for Frames<'_, '_> {
    fn observe(&mut self, event: &FrameEvent, frame: &[u8]) {
        self.0.0.borrow_mut().frame(event, frame);
    }
}
