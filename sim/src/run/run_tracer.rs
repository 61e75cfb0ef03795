//! The tracer of a run: it notes what workloads must know, updates the trace, and passes everything
//! on to the caller's tracer.

use heapless::Vec;
use tickwire::{Duration, Event, Tick, chat, file};

use super::plan::{NODES, OUTSIDER};
use crate::ethernet::{Fate, FrameEvent};
use crate::{Node, TraceHash, Tracer};

/// The time for which smoltcp believes a hardware address, and a chat believes in a peer that has
/// vanished.
pub(crate) const EXCUSE: Duration = Duration::from_secs(60);

/// What is known of the chat of one node.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ChatNotes {
    /// Conversations that ended, with or without an error.
    pub(crate) ends: u32,
    /// The app has reported since the last look that bytes may be lost.
    pub(crate) is_loss_reported: bool,
    /// The present or last conversation was with the third node.
    is_with_outsider: bool,
}

/// The tracer of a run.
pub(crate) struct RunTracer<'t> {
    pub(crate) hash: TraceHash,
    /// Frames sent since the start of the present turn.
    pub(crate) frames_sent: u64,
    pub(crate) chat: [ChatNotes; NODES],
    /// One for each file that was stored since the last look: whether the third node sent it.
    pub(crate) stored: Vec<bool, 8>,
    /// When the last excuse of a fresh request ends: a node may believe a wrong hardware address
    /// until then, or a chat may believe in a peer that has vanished.
    pub(crate) excused_until: Tick,
    tracer: &'t mut dyn Tracer,
}

impl<'t> RunTracer<'t> {
    pub(crate) fn new(tracer: &'t mut dyn Tracer) -> Self {
        Self {
            hash: TraceHash::EMPTY,
            frames_sent: 0,
            chat: [ChatNotes::default(); NODES],
            stored: Vec::new(),
            excused_until: Tick::ZERO,
            tracer,
        }
    }

    /// A fresh request has an excuse for a while from now on.
    pub(crate) fn excuse(&mut self, now: Tick) {
        self.excused_until = (now + EXCUSE).max(self.excused_until);
    }
}

impl Tracer for RunTracer<'_> {
    fn event(&mut self, now: Tick, node: usize, task: &'static str, event: &Event) {
        self.hash.event(now, node, task, event);
        self.tracer.event(now, node, task, event);
        if let ("chat", Some(notes)) = (task, self.chat.get_mut(node)) {
            match event {
                Event::Connected { remote, .. } => {
                    let partners = [Node::address_of(0).into(), Node::address_of(1).into()];
                    notes.is_with_outsider = !partners.contains(&remote.addr);
                }
                Event::Disconnected { .. } | Event::Failed { .. } => {
                    notes.ends += 1;
                    // What the third node heard, the partner did not.
                    let is_lost = core::mem::take(&mut notes.is_with_outsider);
                    notes.is_loss_reported |= is_lost || matches!(event, Event::Failed { .. });
                }
                _ => {
                    let unsent = event.app::<chat::Event>();
                    notes.is_loss_reported |= matches!(unsent, Some(chat::Event::Unsent { .. }));
                }
            }
        }
        if let Some(file::Event::Stored { remote, .. }) = event.app() {
            let is_from_outsider = remote.addr == Node::address_of(OUTSIDER).into();
            // There is a look after every turn, and few files can be stored in one.
            let _ = self.stored.push(is_from_outsider);
        }
    }

    fn frame(&mut self, event: &FrameEvent, frame: &[u8]) {
        self.frames_sent += u64::from(event.fate == Fate::Sent);
        if event.fate == Fate::Delivered && Node::displaced_by(frame).is_some() {
            self.excuse(Tick::from_millis(event.at_micros / 1_000));
        }
        self.hash.frame(event, frame);
        self.tracer.frame(event, frame);
    }

    fn note(&mut self, now: Tick, node: Option<usize>, text: &str) {
        self.tracer.note(now, node, text);
    }
}
