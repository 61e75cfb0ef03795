//! Sees all that happens, and passes it on.

use std::hash::Hasher as _;

use tickwire::{Duration, Event, Tick};
use tickwire_sim::ethernet::{Cause, Fate, FrameEvent};
use tickwire_sim::{Finding, Node, TraceHash, Tracer};

use super::{Broken, HUB, NODES};

/// For which smoltcp believes a hardware address.
const BELIEF: Duration = Duration::from_secs(60);

/// The tracer of a run.
pub(super) struct Recorder<'t> {
    hash: TraceHash,
    /// Frames that each node has sent since the last look.
    sent: [u64; NODES],
    /// Until when each node and the hub may miss each other: one of the two has got a damaged ARP
    /// packet with the other's address.
    misled_until: [Tick; NODES],
    /// All faults have ended.
    is_healed: bool,
    pub(super) finding: Option<Finding>,
    tracer: &'t mut dyn Tracer,
}

impl<'t> Recorder<'t> {
    pub(super) fn new(tracer: &'t mut dyn Tracer) -> Self {
        Self {
            hash: TraceHash::EMPTY,
            sent: [0; NODES],
            misled_until: [Tick::ZERO; NODES],
            is_healed: false,
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

    /// All faults end. What the links hold back still arrives.
    pub(super) fn heal(&mut self, now: Tick) {
        self.is_healed = true;
        self.note(now, None, "all faults end");
    }

    /// Until when a node and the hub may miss each other.
    pub(super) fn misled_until(&self, node: usize) -> Tick {
        self.misled_until[node]
    }

    /// Notes who may miss the hub, or is missed by it, once this frame has arrived.
    fn note_misled(&mut self, event: &FrameEvent, frame: &[u8]) {
        if event.fate != Fate::Delivered {
            return;
        }
        let until = Tick::from_millis(event.at_micros / 1_000) + BELIEF;
        let node = match (event.to, Node::displaced_by(frame)) {
            (Some(HUB), Some(node)) | (Some(node), Some(HUB)) if node < NODES => node,
            _ => return,
        };
        self.misled_until[node] = self.misled_until[node].max(until);
    }
}

impl Tracer for Recorder<'_> {
    fn event(&mut self, now: Tick, node: usize, task: &'static str, event: &Event) {
        self.hash.event(now, node, task, event);
        self.tracer.event(now, node, task, event);
    }

    fn frame(&mut self, event: &FrameEvent, frame: &[u8]) {
        let is_crowded_out = event.fate == Fate::Dropped(Cause::PoolFull);
        assert!(
            !(is_crowded_out && self.is_healed),
            "after the faults there is memory for every frame"
        );
        self.sent[event.from] += u64::from(event.fate == Fate::Sent);
        self.note_misled(event, frame);
        self.hash.frame(event, frame);
        self.tracer.frame(event, frame);
    }

    fn note(&mut self, now: Tick, node: Option<usize>, text: &str) {
        self.tracer.note(now, node, text);
    }
}
