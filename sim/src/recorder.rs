//! What a run notes of what its hosts tell, on its way to the trace and to the caller's witness.

use heapless::Vec;
use tickwire::wire::{Fate, FrameEvent};
use tickwire::{Event, Tick};

use crate::cast::{CHAT, FILE};
use crate::plan::HOSTS;
use crate::{Host, Trace, Witness};

/// What is known of the chat of one host.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ChatFacts {
    /// Conversations that ended, with or without an error.
    pub(crate) ends: u32,
    /// Since the last look: the app told that bytes may be lost.
    pub(crate) is_warned: bool,
    /// The partner of the present or last conversation was a stranger.
    pub(crate) is_strange: bool,
}

/// The witness of a run.
pub(crate) struct Recorder<'w> {
    pub(crate) trace: Trace,
    /// Since the start of the present turn.
    pub(crate) frames_sent: u64,
    pub(crate) chat: [ChatFacts; HOSTS],
    /// Lengths of the files stored since the last look.
    pub(crate) stored: Vec<u64, 8>,
    witness: &'w mut dyn Witness,
}

impl<'w> Recorder<'w> {
    pub(crate) fn new(witness: &'w mut dyn Witness) -> Self {
        Self {
            trace: Trace::EMPTY,
            frames_sent: 0,
            chat: [ChatFacts::default(); HOSTS],
            stored: Vec::new(),
            witness,
        }
    }
}

impl Witness for Recorder<'_> {
    fn event(&mut self, now: Tick, host: usize, app: usize, event: &Event<'_>) {
        self.trace.event(now, host, app, event);
        self.witness.event(now, host, app, event);
        if let (CHAT, Some(facts)) = (app, self.chat.get_mut(host)) {
            match event {
                Event::Connected { remote, .. } => {
                    let talkers = [Host::address_of(0).into(), Host::address_of(1).into()];
                    facts.is_strange = !talkers.contains(&remote.addr);
                }
                Event::Disconnected { .. } => facts.ends += 1,
                Event::Failed { .. } => {
                    facts.ends += 1;
                    facts.is_warned = true;
                }
                Event::Unsent { .. } => facts.is_warned = true,
                _ => {}
            }
        }
        if let (FILE, Event::Stored { length, .. }) = (app, event) {
            // Looked at after every turn, in which no more than one file can be stored for each frame.
            let _ = self.stored.push(*length);
        }
    }

    fn frame(&mut self, event: &FrameEvent, frame: &[u8]) {
        self.frames_sent += u64::from(event.fate == Fate::Sent);
        self.trace.frame(event, frame);
        self.witness.frame(event, frame);
    }

    fn note(&mut self, now: Tick, host: Option<usize>, text: &str) {
        self.witness.note(now, host, text);
    }
}
