//! The receiving half of a chat: bytes from a socket, messages to the sink.

use managed::ManagedSlice;
use smoltcp::iface::SocketHandle;

use super::silence::Silence;
use super::{Ending, Event, LineSplitter, MessageSink};
use crate::{Deadline, Duration, Io, Received, SinkError, Tick, TimeoutKind};

/// What one look did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
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
pub(super) struct Receiver<'a, S> {
    sink: S,
    lines: LineSplitter<'a>,
    silence: Silence,
    /// How long the sink may take nothing while something is offered to it.
    stall_timeout: Duration,
    /// Until when the sink, which has taken nothing of what it is offered, must take something.
    stall: Option<Deadline>,
    /// The sink has taken the front of the message that waits.
    is_midway: bool,
    /// The sink has the front of a message that was given up: its end comes before anything else.
    owes_end: bool,
}

impl<'a, S: MessageSink> Receiver<'a, S> {
    pub(super) fn new(
        sink: S,
        buffer: impl Into<ManagedSlice<'a, u8>>,
        stall_timeout: Duration,
    ) -> Self {
        Self {
            sink,
            lines: LineSplitter::new(buffer),
            silence: Silence::new(),
            stall_timeout,
            stall: None,
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
    pub(super) fn deliver(
        &mut self,
        io: &mut Io,
        handle: SocketHandle,
    ) -> Result<Delivery, SinkError> {
        if self.lines.message().is_some() {
            return self.write(io);
        }
        let silence_at = self.silence.ends_at(&self.lines);
        let (now, lines, silence) = (io.now, &mut self.lines, &mut self.silence);
        let has_moved = match io.read_with(handle, |bytes| (silence.feed(now, lines, bytes), ())) {
            Ok(Received::Data(())) => true,
            Ok(Received::Nothing) => silence_at <= io.now && self.lines.flush_silence(),
            // How the connection ended is told elsewhere; what came before is delivered in any
            // case.
            Ok(Received::End) | Err(_) if self.lines.close() => true,
            Ok(Received::End) | Err(_) => return Ok(Delivery::Over),
        };
        Ok(if has_moved {
            Delivery::Moved
        } else {
            Delivery::Nothing
        })
    }

    fn write(&mut self, io: &mut Io) -> Result<Delivery, SinkError> {
        let Some(message) = self.lines.message() else {
            return Ok(Delivery::Nothing);
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
            let deadline = Deadline::new(io.now + self.stall_timeout, TimeoutKind::Sink);
            self.stall.get_or_insert(deadline);
            return Ok(Delivery::Nothing);
        }
        self.stall = None;
        if self.owes_end {
            self.owes_end = false;
        } else if is_text {
            self.is_midway = true;
            self.lines.advance(taken);
        } else {
            self.is_midway = false;
            self.lines.take();
            if ending.is_partial() {
                io.emit(&crate::Event::App(&Event::Partial));
            }
        }
        Ok(Delivery::Moved)
    }

    /// When silence ends a message, or the sink has stalled for too long.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        let silence = || Deadline::new(self.silence.ends_at(&self.lines), TimeoutKind::Peer);
        self.stall
            .or_else(|| self.lines.awaits_silence().then(silence))
    }

    /// Whether the sink has taken nothing for too long.
    pub(super) fn is_stalled(&self, now: Tick) -> bool {
        self.stall.is_some_and(|deadline| deadline.at <= now)
    }

    /// The next byte is the first of another conversation; what is pending is given up.
    pub(super) fn reset(&mut self) {
        self.lines.reset();
        self.stall = None;
        self.owes_end |= self.is_midway;
        self.is_midway = false;
        self.sink.end_conversation();
    }
}
