//! Who sees everything that happens in a world.

use core::cell::RefCell;

use tickwire::{Event, Observer, Tick};

use crate::ethernet::{FrameEvent, FrameObserver};

/// Sees every event of every app and every frame, in the world's time. `()` ignores all.
pub trait Tracer {
    /// The task of this name on a node reported something.
    fn event(&mut self, now: Tick, node: usize, task: &'static str, event: &Event);

    /// Something happened to a frame.
    fn frame(&mut self, _event: &FrameEvent, _frame: &[u8]) {}

    /// Something happened that is neither: a crash, or the end of all faults.
    fn note(&mut self, _now: Tick, _node: Option<usize>, _text: &str) {}
}

/// A tracer can also be the [observer](crate::ethernet::Ethernet::observe) of an Ethernet, in the
/// same cell.
impl<T: Tracer> FrameObserver for T {
    fn observe(&mut self, event: &FrameEvent, frame: &[u8]) {
        self.frame(event, frame);
    }
}

impl Tracer for () {
    fn event(&mut self, _now: Tick, _node: usize, _task: &'static str, _event: &Event) {}
}

/// An observer of events alone; it does not learn which node reported them.
pub(crate) struct EventsOnly<'o>(pub(crate) &'o mut dyn Observer);

impl Tracer for EventsOnly<'_> {
    fn event(&mut self, now: Tick, _node: usize, task: &'static str, event: &Event) {
        self.0.event(now, task, event);
    }
}

/// The observer that the loop of one node gets.
pub(crate) struct NodeEvents<'s, 't> {
    tracer: &'s RefCell<dyn Tracer + 't>,
    node: usize,
    /// The world's time; the node's own clock may show another.
    now: Tick,
}

impl<'s, 't> NodeEvents<'s, 't> {
    pub(crate) const fn new(tracer: &'s RefCell<dyn Tracer + 't>, node: usize, now: Tick) -> Self {
        Self { tracer, node, now }
    }
}

impl Observer for NodeEvents<'_, '_> {
    fn event(&mut self, _local: Tick, task: &'static str, event: &Event) {
        let mut tracer = self.tracer.borrow_mut();
        tracer.event(self.now, self.node, task, event);
    }
}
