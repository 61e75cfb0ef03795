//! What a run notes of what its hosts tell, on its way to the trace and to the caller's witness.

use crate::ethernet::{Fate, FrameEvent};
use heapless::Vec;
use tickwire::{Event, Tick};

use crate::cast::{CHAT, FILE};
use crate::plan::{HOSTS, STRANGER};
use crate::{Host, Trace, Witness};

/// For so long smoltcp believes a hardware address, and a chat in a peer that vanished.
pub(crate) const EXCUSE_TICKS: u64 = 60_000;

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
    /// One for each file that was stored since the last look: whether it came from a stranger.
    pub(crate) stored: Vec<bool, 8>,
    /// From when on a fresh request has no excuse: behind the time for which a host believes a wrong hardware address,
    /// and behind the time that a chat needs to notice a peer that vanished.
    pub(crate) excused_until: Tick,
    witness: &'w mut dyn Witness,
}

/// Whether this is an ARP packet, damaged on its way, that gives a host's address to another: nothing protects ARP but
/// Ethernet's check sequence, which the Ethernet does not have.
fn misleads(frame: &[u8]) -> bool {
    let (Some([8, 6]), Some(mac), Some([10, 0, 0, number])) =
        (frame.get(12..14), frame.get(22..28), frame.get(28..32))
    else {
        return false;
    };
    *mac != [2, 0, 10, 0, 0, *number]
}

impl<'w> Recorder<'w> {
    pub(crate) fn new(witness: &'w mut dyn Witness) -> Self {
        Self {
            trace: Trace::EMPTY,
            frames_sent: 0,
            chat: [ChatFacts::default(); HOSTS],
            stored: Vec::new(),
            excused_until: Tick::ZERO,
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
                Event::Disconnected { .. } | Event::Failed { .. } => {
                    facts.ends += 1;
                    // What a stranger heard, the partner did not.
                    let is_strange = core::mem::take(&mut facts.is_strange);
                    facts.is_warned |= is_strange || matches!(event, Event::Failed { .. });
                }
                Event::Unsent { .. } => facts.is_warned = true,
                _ => {}
            }
        }
        if let (FILE, Event::Stored { remote, .. }) = (app, event) {
            let is_strange = remote.addr == Host::address_of(STRANGER).into();
            // Looked at after every turn, in which few files can be stored.
            let _ = self.stored.push(is_strange);
        }
    }

    fn frame(&mut self, event: &FrameEvent, frame: &[u8]) {
        self.frames_sent += u64::from(event.fate == Fate::Sent);
        if event.fate == Fate::Delivered && misleads(frame) {
            self.excused_until = Tick::from_millis(event.at_micros / 1_000).after(EXCUSE_TICKS);
        }
        self.trace.frame(event, frame);
        self.witness.frame(event, frame);
    }

    fn note(&mut self, now: Tick, host: Option<usize>, text: &str) {
        self.witness.note(now, host, text);
    }
}
