//! The receiving half of a chat: bytes from a socket, messages to the sink.

use managed::ManagedSlice;
use smoltcp::iface::SocketHandle;

use super::{Ending, LineSplitter, MessageSink};
use crate::{Awaited, Deadline, Error, Event, Io, Received, Tick};

/// Silence that ends a message of a peer which has not sent a line end yet.
pub(super) const SILENCE_TICKS: u64 = 200;

/// What one look did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pumped {
    /// Bytes moved, or a message became ready.
    Moved,
    /// Nothing can move now: nothing is here, or the sink presses back.
    Nothing,
    /// Everything was delivered, and nothing can come any more.
    Over,
}

/// Splits what one socket receives and gives each message to the sink.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Inbox<'a, S> {
    sink: S,
    lines: LineSplitter<'a>,
    /// When bytes came last.
    fed_at: Tick,
    /// How long the sink may take nothing while something is offered to it.
    stall_ticks: u64,
    /// Since when the sink has taken nothing of what it is offered.
    stalled_since: Option<Tick>,
    /// The sink has taken the front of the message that waits.
    is_midway: bool,
    /// The sink has the front of a message that was given up: its end comes before anything else.
    owes_end: bool,
}

impl<'a, S: MessageSink> Inbox<'a, S> {
    pub(super) fn new(sink: S, buffer: impl Into<ManagedSlice<'a, u8>>, stall_ticks: u64) -> Self {
        Self {
            sink,
            lines: LineSplitter::new(buffer),
            fed_at: Tick::ZERO,
            stall_ticks,
            stalled_since: None,
            is_midway: false,
            owes_end: false,
        }
    }

    pub(super) const fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Moves one piece: from the socket to the splitter, or from the splitter to the sink.
    ///
    /// # Errors
    /// The sink's own.
    pub(super) fn pump(
        &mut self,
        io: &mut Io<'_, '_>,
        handle: SocketHandle,
    ) -> Result<Pumped, Error> {
        if self.lines.message().is_some() {
            return self.write(io);
        }
        let lines = &mut self.lines;
        let moved = match io.receive(handle, |bytes| (lines.feed(bytes), ())) {
            Ok(Received::Data(())) => {
                self.fed_at = io.now;
                true
            }
            Ok(Received::Nothing) => self.is_silent(io.now) && self.lines.flush_silence(),
            // How the connection ended is the machine's to tell; what came before is delivered in any case.
            Ok(Received::End) | Err(_) if self.lines.close() => true,
            Ok(Received::End) | Err(_) => return Ok(Pumped::Over),
        };
        Ok(if moved {
            Pumped::Moved
        } else {
            Pumped::Nothing
        })
    }

    fn write(&mut self, io: &mut Io<'_, '_>) -> Result<Pumped, Error> {
        let Some(message) = self.lines.message() else {
            return Ok(Pumped::Nothing);
        };
        let (ending, is_text) = (message.ending, !message.bytes.is_empty());
        let taken = if self.owes_end {
            usize::from(self.sink.end_message(Ending::Close)?)
        } else if is_text {
            let taken = self.sink.take_text(message.bytes)?;
            taken.min(message.bytes.len())
        } else {
            usize::from(self.sink.end_message(ending)?)
        };
        if taken == 0 {
            self.stalled_since.get_or_insert(io.now);
            return Ok(Pumped::Nothing);
        }
        self.stalled_since = None;
        if self.owes_end {
            self.owes_end = false;
        } else if is_text {
            self.is_midway = true;
            self.lines.advance(taken);
        } else {
            self.is_midway = false;
            self.lines.take();
            if ending.is_partial() {
                io.tell(&Event::Partial);
            }
        }
        Ok(Pumped::Moved)
    }

    fn is_silent(&self, now: Tick) -> bool {
        self.fed_at.after(SILENCE_TICKS) <= now
    }

    /// When silence ends a message, or the sink's patience.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        if let Some(since) = self.stalled_since {
            return Some(Deadline::new(since.after(self.stall_ticks), Awaited::Total));
        }
        self.lines
            .awaits_silence()
            .then(|| Deadline::new(self.fed_at.after(SILENCE_TICKS), Awaited::Peer))
    }

    /// Whether the sink has taken nothing for too long.
    pub(super) fn is_stalled(&self, now: Tick) -> bool {
        self.stalled_since
            .is_some_and(|since| since.after(self.stall_ticks) <= now)
    }

    /// The next byte is the first of another conversation; what is pending is given up.
    pub(super) fn reset(&mut self) {
        self.lines.reset();
        self.stalled_since = None;
        self.owes_end |= self.is_midway;
        self.is_midway = false;
        self.sink.end_conversation();
    }
}
