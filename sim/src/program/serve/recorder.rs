//! Sees all that happens, and passes it on.

use std::hash::Hasher as _;

use tickwire::{Event, Tick};
use tickwire_sim::ethernet::{Fate, FrameEvent};
use tickwire_sim::{Finding, TraceHash, Tracer};

use super::{Broken, NODES};

/// The tracer of a run.
pub(super) struct Recorder<'t> {
    hash: TraceHash,
    /// Frames that each node has sent since the last look.
    sent: [u64; NODES],
    pub(super) finding: Option<Finding>,
    tracer: &'t mut dyn Tracer,
}

impl<'t> Recorder<'t> {
    pub(super) fn new(tracer: &'t mut dyn Tracer) -> Self {
        Self {
            hash: TraceHash::EMPTY,
            sent: [0; NODES],
            finding: None,
            tracer,
        }
    }

    pub(super) fn trace(&self) -> u64 {
        self.hash.finish()
    }

    /// Notes that a rule was broken; the first one counts.
    pub(super) fn fail(&mut self, at: Tick, broken: Broken) {
        let Broken {
            invariant,
            node,
            what,
        } = broken;
        self.finding.get_or_insert(Finding {
            invariant,
            at,
            node,
            what,
        });
    }

    /// How many frames a node has sent since the last look.
    pub(super) fn take_sent(&mut self, node: usize) -> u64 {
        std::mem::take(&mut self.sent[node])
    }
}

impl Tracer for Recorder<'_> {
    fn event(&mut self, now: Tick, node: usize, task: &'static str, event: &Event) {
        self.hash.event(now, node, task, event);
        self.tracer.event(now, node, task, event);
    }

    fn frame(&mut self, event: &FrameEvent, frame: &[u8]) {
        self.sent[event.from] += u64::from(event.fate == Fate::Sent);
        self.hash.frame(event, frame);
        self.tracer.frame(event, frame);
    }

    fn note(&mut self, now: Tick, node: Option<usize>, text: &str) {
        self.tracer.note(now, node, text);
    }
}
