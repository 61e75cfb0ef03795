//! Writes the peer's messages to stdout, one per line: decoded and, for a terminal, sanitized.

use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use encoding_rs::Decoder;
use tickwire::SinkError;
use tickwire::chat::{Ending, MessageSink};

use super::charset::Charset;
use crate::system::errno::sink_error;
use crate::terminal::line_editor::LineEditor;
use crate::terminal::stdout::Output;
use crate::terminal::text::sanitize_line;

/// With this many bytes of messages pending, no more are accepted. One write takes many messages.
const PENDING_BYTES_MAX: usize = 64 * 1024;
/// The prefix of a message above the input row, so that no message looks like a status line.
const MESSAGE_PREFIX: &str = "< ";

/// Where messages are written.
#[derive(Debug)]
enum Target {
    /// stdout; bytes of whole messages are pending until it has room.
    Output { output: Output, pending: Vec<u8> },
    /// The terminal, above the input row.
    Editor(Rc<RefCell<LineEditor>>),
}

/// The message sink of a chat. Call [`flush`](Self::flush) between turns to write what is pending.
#[derive(Debug)]
pub(super) struct MessageWriter {
    charset: Charset,
    /// A new one for each conversation; `None` leaves the bytes unchanged.
    decoder: Option<Decoder>,
    /// Whether stdout is a terminal, so that messages must be sanitized.
    is_terminal: bool,
    /// The message that is being received.
    message: Vec<u8>,
    target: Target,
}

impl MessageWriter {
    /// A writer to stdout or, with an `editor`, to the terminal above its input row. UTF-8 in a pipe
    /// is not changed.
    ///
    /// # Errors
    /// The system's, if stdout is closed.
    pub(super) fn new(
        charset: Charset,
        editor: Option<Rc<RefCell<LineEditor>>>,
    ) -> io::Result<Self> {
        let is_terminal = io::stdout().is_terminal();
        let target = match editor {
            Some(editor) => Target::Editor(editor),
            None => Target::Output {
                output: Output::stdout()?,
                pending: Vec::new(),
            },
        };
        Ok(Self::with_target(charset, is_terminal, target))
    }

    fn with_target(charset: Charset, is_terminal: bool, target: Target) -> Self {
        let is_unchanged = charset.is_utf8() && !is_terminal;
        Self {
            charset,
            decoder: (!is_unchanged).then(|| charset.decoder()),
            is_terminal,
            message: Vec::new(),
            target,
        }
    }

    /// Writes pending bytes while there is room. Returns `true` once none are left.
    ///
    /// # Errors
    /// [`Error::Sink`] with the errno.
    pub(super) fn flush(&mut self) -> Result<bool, SinkError> {
        match &mut self.target {
            Target::Output { output, pending } => {
                if !pending.is_empty() {
                    let written = output.write(pending)?;
                    pending.drain(..written);
                }
                Ok(pending.is_empty() && output.finish()?)
            }
            Target::Editor(editor) => {
                let mut editor = editor.borrow_mut();
                editor.flush().map_err(|errno| sink_error(&errno.into()))?;
                Ok(editor.is_flushed())
            }
        }
    }

    /// Whether another message is accepted.
    fn has_room(&self) -> bool {
        match &self.target {
            Target::Output { pending, .. } => pending.len() < PENDING_BYTES_MAX,
            Target::Editor(editor) => editor.borrow().has_room(),
        }
    }

    /// The descriptor to wait for while stdout has no room. An editor has its own.
    pub(super) fn blocked(&self) -> Option<BorrowedFd<'_>> {
        match &self.target {
            Target::Output { output, .. } => output.blocked(),
            Target::Editor(_) => None,
        }
    }

    /// Decodes `bytes` into the message. With `is_last`, an incomplete character is decoded too.
    fn decode(&mut self, bytes: &[u8], is_last: bool) {
        let Some(decoder) = &mut self.decoder else {
            return self.message.extend_from_slice(bytes);
        };
        let mut text = String::new();
        // `None` means an overflow, which no message in memory can cause.
        let length = decoder.max_utf8_buffer_length(bytes.len());
        text.reserve(length.unwrap_or(0));
        let _ = decoder.decode_to_string(bytes, &mut text, is_last);
        self.message.extend_from_slice(text.as_bytes());
        if is_last {
            *decoder = self.charset.decoder();
        }
    }

    /// Passes the message on, even if there is no room.
    fn deliver(&mut self) {
        let message = std::mem::take(&mut self.message);
        match &mut self.target {
            Target::Editor(editor) => {
                let text = String::from_utf8_lossy(&message);
                let line = format!("{MESSAGE_PREFIX}{}", sanitize_line(&text));
                editor.borrow_mut().print(&line);
            }
            Target::Output { pending, .. } if self.is_terminal => {
                let text = String::from_utf8_lossy(&message);
                pending.extend_from_slice(sanitize_line(&text).as_bytes());
                pending.push(b'\n');
            }
            Target::Output { pending, .. } => {
                pending.extend_from_slice(&message);
                pending.push(b'\n');
            }
        }
    }
}

impl MessageSink for MessageWriter {
    /// Takes everything, because no message is longer than the line buffer of the chat.
    fn take_text(&mut self, text: &[u8]) -> Result<usize, SinkError> {
        self.decode(text, false);
        Ok(text.len())
    }

    fn end_message(&mut self, ending: Ending) -> Result<bool, SinkError> {
        if !self.has_room() {
            self.flush()?;
            if !self.has_room() {
                return Ok(false);
            }
        }
        match ending {
            // The decoder sees the line end too, so that a character that the line end cuts off is
            // replaced before it.
            Ending::Line if self.decoder.is_some() => {
                self.decode(b"\n", false);
                self.message.pop_if(|last| *last == b'\n');
            }
            Ending::Close => self.decode(b"", true),
            // A character may continue in the next message.
            Ending::Line | Ending::Silence | Ending::Piece => {}
        }
        self.deliver();
        if self.is_terminal {
            // Status messages about it must appear after it.
            self.flush()?;
        }
        Ok(true)
    }

    /// Decodes a character that was cut off by silence and never completed.
    fn end_conversation(&mut self) {
        self.decode(b"", true);
        if !self.message.is_empty() {
            self.deliver();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{PipeReader, Read};

    fn writer(label: &str, is_terminal: bool) -> (MessageWriter, PipeReader) {
        let (reader, writer) = io::pipe().unwrap();
        let target = Target::Output {
            output: Output::new(writer.into()).unwrap(),
            pending: Vec::new(),
        };
        let charset = Charset::from_label(label).unwrap();
        (
            MessageWriter::with_target(charset, is_terminal, target),
            reader,
        )
    }

    fn written(label: &str, is_terminal: bool, received: &[(&[u8], Ending)]) -> Vec<u8> {
        let (mut writer, mut reader) = writer(label, is_terminal);
        for (text, ending) in received {
            assert_eq!(writer.take_text(text), Ok(text.len()));
            assert_eq!(writer.end_message(*ending), Ok(true));
        }
        writer.end_conversation();
        assert_eq!(writer.flush(), Ok(true));
        drop(writer);
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_split_character_is_joined_and_a_line_end_ends_it() {
        let received: [(&[u8], Ending); 6] = [
            (b"\xc7\xd1\xb1", Ending::Piece),
            (b"\xdb", Ending::Line),
            (b"cut \xc7", Ending::Line),
            (b"A\xc7", Ending::Silence),
            (b"\xd1!", Ending::Line),
            (b"end\xb1", Ending::Close),
        ];
        let expected = "한\n글\ncut \u{fffd}\nA\n한!\nend\u{fffd}\n";
        assert_eq!(written("euc-kr", false, &received), expected.as_bytes());
        assert_eq!(written("euc-kr", true, &received), expected.as_bytes());
        let silent: [(&[u8], Ending); 1] = [(b"a\xc7", Ending::Silence)];
        assert_eq!(
            written("euc-kr", false, &silent),
            "a\n\u{fffd}\n".as_bytes()
        );
    }

    #[test]
    fn bytes_are_unchanged_in_a_pipe_and_sanitized_on_a_terminal() {
        let received: [(&[u8], Ending); 2] = [
            (b"\xff\x1b[2J\x00\r\xc3", Ending::Piece),
            (b"\xbc\xc2\x9b", Ending::Line),
        ];
        let raw = b"\xff\x1b[2J\x00\r\xc3\n\xbc\xc2\x9b\n";
        assert_eq!(written("utf-8", false, &received), raw);
        let clean = "\u{fffd}\u{241b}[2J\u{2400}\u{240d}\nü\u{fffd}\n";
        assert_eq!(written("utf-8", true, &received), clean.as_bytes());
    }

    #[test]
    fn a_full_pipe_applies_back_pressure() {
        let (mut writer, _reader) = writer("utf-8", false);
        let mut taken = 0;
        loop {
            assert_eq!(writer.take_text(&[b'x'; 10_000]), Ok(10_000));
            if writer.end_message(Ending::Line) == Ok(false) {
                break;
            }
            taken += 1;
            assert!(taken < 1_000, "no back pressure");
            writer.flush().unwrap();
        }
        assert!(writer.blocked().is_some());
        assert_eq!(writer.flush(), Ok(false));
    }
}
