//! Bytes in, messages out: splits what a chat peer sends, in memory that the caller lends.

use managed::ManagedSlice;

const LF: u8 = b'\n';
const CR: u8 = b'\r';

/// What ended a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Ending {
    /// LF, CRLF, or a CR that silence follows; none is part of the message.
    Line,
    /// Silence, from a peer that has not sent a line end in this conversation.
    Silence,
    /// The end of the buffer: the line is longer, and goes on in the next message.
    Piece,
    /// The end of the conversation, in mid-line.
    Close,
}

impl Ending {
    /// Whether the message is only a part of what the peer meant to be a line.
    pub const fn is_partial(self) -> bool {
        matches!(self, Self::Piece | Self::Close)
    }
}

/// One message of a peer, in the splitter's buffer until [`LineSplitter::take`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Message<'m> {
    /// The bytes as they came, without the line end and without what [`LineSplitter::advance`] has
    /// passed. They may be no UTF-8, and a [`Piece`](Ending::Piece) may end inside a character.
    pub bytes: &'m [u8],
    /// What ended it.
    pub ending: Ending,
}

/// Splits the bytes of one conversation into messages, at LF, CRLF or a CR that silence follows.
///
/// A CR that another byte follows at once is text. A line longer than the buffer comes out in pieces; the buffer
/// counts text only, so a line that fills it exactly is whole, with LF as with CRLF.
///
/// A message that is ready waits in the buffer until it was taken, and nothing more is fed
/// meanwhile: that is the back-pressure which ends in the peer's TCP window.
///
/// ```
/// use tickwire::chat::{Ending, LineSplitter};
///
/// let mut memory = [0; 80];
/// let mut lines = LineSplitter::new(&mut memory[..]);
/// assert_eq!(lines.feed(b"one\r\ntwo"), 5, "the rest is fed again after take()");
/// let message = lines.message().expect("a line is ready");
/// assert_eq!((message.bytes, message.ending), (&b"one"[..], Ending::Line));
/// lines.take();
/// assert_eq!(lines.feed(b"two"), 3);
/// assert!(lines.message().is_none());
/// assert!(lines.close(), "what is pending is the last line");
/// ```
#[derive(Debug)]
pub struct LineSplitter<'a> {
    /// Lent by the caller for as long as the splitter lives: the text that grows, or the message
    /// that waits.
    buffer: ManagedSlice<'a, u8>,
    /// Bytes of text in the buffer.
    filled: usize,
    /// Bytes of the ready message that were taken already, at most `filled`.
    advanced: usize,
    /// Set while a message waits.
    ready: Option<Ending>,
    /// The last byte was a CR, which is text or half of a line end; it is not in the buffer.
    cr_held: bool,
    /// Silence ended the last message, and no text came since.
    after_silence: bool,
    /// Silence made a CR the end of a line. An LF that comes right after it is its other half.
    owes_lf: bool,
    /// The peer has sent a line end in this conversation.
    line_end_seen: bool,
}

#[cfg(feature = "defmt")]
impl defmt::Format for LineSplitter<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "LineSplitter {{ capacity: {=usize}, filled: {=usize}, advanced: {=usize}, \
             ready: {=?} }}",
            self.buffer.len(),
            self.filled,
            self.advanced,
            self.ready
        );
    }
}

impl<'a> LineSplitter<'a> {
    /// A splitter for a new conversation; the longest line that comes out whole has the length of
    /// `buffer`.
    ///
    /// # Panics
    /// When `buffer` is empty: no line could ever come out of it.
    pub fn new(buffer: impl Into<ManagedSlice<'a, u8>>) -> Self {
        let buffer = buffer.into();
        assert!(!buffer.is_empty(), "a line needs memory");
        Self {
            buffer,
            filled: 0,
            advanced: 0,
            ready: None,
            cr_held: false,
            after_silence: false,
            owes_lf: false,
            line_end_seen: false,
        }
    }

    /// Forgets everything: the next byte is the first of a new conversation.
    pub fn reset(&mut self) {
        self.filled = 0;
        self.advanced = 0;
        self.ready = None;
        self.cr_held = false;
        self.after_silence = false;
        self.owes_lf = false;
        self.line_end_seen = false;
    }

    /// Takes bytes from the front of `bytes` until a message is ready, and returns how many it
    /// took.
    ///
    /// The bytes that it did not take are fed again after [`take`](Self::take). All were taken when
    /// no message is ready.
    pub fn feed(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while self.ready.is_none() {
            let Some((&next, tail)) = rest.split_first() else {
                break;
            };
            let is_owed_lf = core::mem::take(&mut self.owes_lf) && next == LF;
            match next {
                LF if is_owed_lf => rest = tail,
                LF => {
                    self.end_line();
                    rest = tail;
                }
                // No LF follows the CR, so it was text; then the byte is looked at again.
                _ if self.cr_held => self.release_cr(),
                CR => {
                    self.cr_held = true;
                    rest = tail;
                }
                _ => {
                    // Looks no further than there is room, so that a flood costs the same for each
                    // byte.
                    let room = self.buffer.len().saturating_sub(self.filled);
                    let text = rest.get(..room).unwrap_or(rest);
                    let end = text.iter().position(|byte| matches!(*byte, LF | CR));
                    let text = end.and_then(|end| text.get(..end)).unwrap_or(text);
                    let taken = self.push_text(text);
                    rest = rest.get(taken..).unwrap_or_default();
                }
            }
        }
        bytes.len() - rest.len()
    }

    /// Whether silence would end a message now: the caller then calls
    /// [`flush_silence`](Self::flush_silence) when nothing has come for a while (200 ms in
    /// tickwire's chat).
    ///
    /// After the peer's first line end only where a CR came last.
    pub fn awaits_silence(&self) -> bool {
        self.ready.is_none() && (self.cr_held || !self.line_end_seen && self.filled > 0)
    }

    /// Whether a CR came last, which is text or half of a line end.
    pub const fn ends_in_cr(&self) -> bool {
        self.cr_held
    }

    /// The peer was silent: makes what is pending a message where
    /// [`awaits_silence`](Self::awaits_silence) says so, and returns whether a message is ready. If a
    /// CR came last, it is the end of a line.
    ///
    /// A line end that comes right after such a message is its own, only late, and no empty line.
    pub fn flush_silence(&mut self) -> bool {
        if self.awaits_silence() {
            if self.cr_held {
                self.owes_lf = true;
                self.end_line();
            } else {
                self.ready = Some(Ending::Silence);
            }
        }
        self.ready.is_some()
    }

    /// The conversation is over: makes what is pending the last message, and returns whether a
    /// message is ready.
    ///
    /// Call it again after each [`take`](Self::take) until it returns false: a CR that was held
    /// back may have no room after a full buffer.
    pub fn close(&mut self) -> bool {
        if self.cr_held && self.ready.is_none() {
            self.release_cr();
        }
        if self.filled > 0 && self.ready.is_none() {
            self.ready = Some(Ending::Close);
        }
        self.ready.is_some()
    }

    /// The message that is ready; an empty line is one too.
    pub fn message(&self) -> Option<Message<'_>> {
        let ending = self.ready?;
        let bytes = self.buffer.get(self.advanced..self.filled)?;
        Some(Message { bytes, ending })
    }

    /// The reader has taken `count` bytes of the ready message and wants the rest later.
    ///
    /// Taking all of them does not end the message; [`take`](Self::take) does.
    pub fn advance(&mut self, count: usize) {
        if self.ready.is_some() {
            self.advanced = self.advanced.saturating_add(count).min(self.filled);
        }
    }

    /// Removes the ready message, so that the next can grow.
    pub fn take(&mut self) {
        if let Some(ending) = self.ready.take() {
            self.after_silence = ending == Ending::Silence;
            self.filled = 0;
            self.advanced = 0;
        }
    }

    fn end_line(&mut self) {
        self.cr_held = false;
        self.line_end_seen = true;
        if self.after_silence {
            self.after_silence = false;
        } else {
            self.ready = Some(Ending::Line);
        }
    }

    fn release_cr(&mut self) {
        self.cr_held = self.push_text(&[CR]) == 0;
    }

    /// Appends what has room and returns its length. Text that finds no room at all makes the
    /// buffer a piece: only now is it sure that no line end follows it.
    fn push_text(&mut self, text: &[u8]) -> usize {
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let count = room.len().min(text.len());
        for (to, from) in room.iter_mut().zip(text) {
            *to = *from;
        }
        self.filled += count;
        if count == 0 {
            self.ready = Some(Ending::Piece);
        } else {
            self.after_silence = false;
        }
        count
    }
}
