//! The peer's messages on their way to stdout: decoded, clean where a terminal shows them, one LF behind each.

use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use encoding_rs::Decoder;
use tickwire::Error;
use tickwire::chat::{Ending, MessageSink};

use super::charset::Charset;
use super::screen::Screen;
use crate::files::sink_error;
use crate::stdout::Output;
use crate::terminal::clean_line;

/// Bytes of whole messages that may wait for room; one write then takes many of them.
const PENDING_BYTES: usize = 64 * 1024;
/// What stands before a message above the input row, so that none can pass for a status line.
const MARK: &str = "< ";

/// Where messages become visible.
#[derive(Debug)]
enum Target {
    /// Bytes of whole messages wait here for room.
    Output { output: Output, pending: Vec<u8> },
    /// Above the row where the user types.
    Screen(Rc<RefCell<Screen>>),
}

/// The sink of a chat. [`flush`](Self::flush) between turns makes visible what it holds.
#[derive(Debug)]
pub(super) struct Messages {
    charset: Charset,
    /// One for each conversation; `None` lets bytes pass as they came.
    decoder: Option<Decoder>,
    /// A terminal shows them, and must not take them for commands.
    is_shown: bool,
    message: Vec<u8>,
    target: Target,
}

impl Messages {
    /// Messages to stdout, or above the row of `screen`. Into a pipe UTF-8 passes as it came.
    ///
    /// # Errors
    /// The system's, when stdout is closed.
    pub(super) fn new(charset: Charset, screen: Option<Rc<RefCell<Screen>>>) -> io::Result<Self> {
        let is_shown = io::stdout().is_terminal();
        let target = match screen {
            Some(screen) => Target::Screen(screen),
            None => Target::Output {
                output: Output::stdout()?,
                pending: Vec::new(),
            },
        };
        Ok(Self::with_target(charset, is_shown, target))
    }

    fn with_target(charset: Charset, is_shown: bool, target: Target) -> Self {
        let passes = charset.is_utf8() && !is_shown;
        Self {
            charset,
            decoder: (!passes).then(|| charset.decoder()),
            is_shown,
            message: Vec::new(),
            target,
        }
    }

    /// Writes what waits, as far as there is room; `true` when nothing is left.
    ///
    /// # Errors
    /// [`Error::Sink`] with the errno.
    pub(super) fn flush(&mut self) -> Result<bool, Error> {
        match &mut self.target {
            Target::Output { output, pending } => {
                if !pending.is_empty() {
                    let written = output.write(pending)?;
                    pending.drain(..written);
                }
                Ok(pending.is_empty() && output.finish()?)
            }
            Target::Screen(screen) => {
                let mut screen = screen.borrow_mut();
                screen.flush().map_err(|errno| sink_error(&errno.into()))?;
                Ok(screen.is_shown())
            }
        }
    }

    /// Whether one more message may be held.
    fn has_room(&self) -> bool {
        match &self.target {
            Target::Output { pending, .. } => pending.len() < PENDING_BYTES,
            Target::Screen(screen) => screen.borrow().has_room(),
        }
    }

    /// What to wait for until more can be written. A screen is asked itself.
    pub(super) fn blocked(&self) -> Option<BorrowedFd<'_>> {
        match &self.target {
            Target::Output { output, .. } => output.blocked(),
            Target::Screen(_) => None,
        }
    }

    /// Decodes `bytes`, and with `last` also what is left of a character that will not be finished.
    fn decode(&mut self, bytes: &[u8], last: bool) {
        let Some(decoder) = &mut self.decoder else {
            return self.message.extend_from_slice(bytes);
        };
        let mut text = String::new();
        // A length that no memory holds is none that a message has.
        let length = decoder.max_utf8_buffer_length(bytes.len());
        text.reserve(length.unwrap_or(0));
        let _ = decoder.decode_to_string(bytes, &mut text, last);
        self.message.extend_from_slice(text.as_bytes());
        if last {
            *decoder = self.charset.decoder();
        }
    }

    /// Hands the whole message over, whether there is room or not.
    fn deliver(&mut self) {
        let message = std::mem::take(&mut self.message);
        match &mut self.target {
            Target::Screen(screen) => {
                let text = String::from_utf8_lossy(&message);
                let line = format!("{MARK}{}", clean_line(&text));
                screen.borrow_mut().put(&line);
            }
            Target::Output { pending, .. } if self.is_shown => {
                let text = String::from_utf8_lossy(&message);
                pending.extend_from_slice(clean_line(&text).as_bytes());
                pending.push(b'\n');
            }
            Target::Output { pending, .. } => {
                pending.extend_from_slice(&message);
                pending.push(b'\n');
            }
        }
    }
}

impl MessageSink for Messages {
    /// Takes all: no message is longer than the peer's line buffer.
    fn take_text(&mut self, text: &[u8]) -> Result<usize, Error> {
        self.decode(text, false);
        Ok(text.len())
    }

    fn end_message(&mut self, ending: Ending) -> Result<bool, Error> {
        if !self.has_room() {
            self.flush()?;
            if !self.has_room() {
                return Ok(false);
            }
        }
        match ending {
            // The decoder sees the line end, too: a character that it cuts is none, and comes before it.
            Ending::Line if self.decoder.is_some() => {
                self.decode(b"\n", false);
                self.message.pop_if(|last| *last == b'\n');
            }
            Ending::Close => self.decode(b"", true),
            // A character may go on in the next message.
            Ending::Line | Ending::Silence | Ending::Piece => {}
        }
        self.deliver();
        if self.is_shown {
            // What is said about it comes behind it.
            self.flush()?;
        }
        Ok(true)
    }

    /// A character that silence has cut never came whole.
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

    fn messages(label: &str, is_shown: bool) -> (Messages, PipeReader) {
        let (reader, writer) = io::pipe().unwrap();
        let target = Target::Output {
            output: Output::new(writer.into()).unwrap(),
            pending: Vec::new(),
        };
        let charset = Charset::of_label(label).unwrap();
        (Messages::with_target(charset, is_shown, target), reader)
    }

    fn shown(label: &str, is_shown: bool, said: &[(&[u8], Ending)]) -> Vec<u8> {
        let (mut messages, mut reader) = messages(label, is_shown);
        for (text, ending) in said {
            assert_eq!(messages.take_text(text), Ok(text.len()));
            assert_eq!(messages.end_message(*ending), Ok(true));
        }
        messages.end_conversation();
        assert_eq!(messages.flush(), Ok(true));
        drop(messages);
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn no_cut_breaks_a_character_and_no_line_end_hides_one() {
        let said: [(&[u8], Ending); 6] = [
            (b"\xc7\xd1\xb1", Ending::Piece),
            (b"\xdb", Ending::Line),
            (b"cut \xc7", Ending::Line),
            (b"A\xc7", Ending::Silence),
            (b"\xd1!", Ending::Line),
            (b"end\xb1", Ending::Close),
        ];
        let expected = "한\n글\ncut \u{fffd}\nA\n한!\nend\u{fffd}\n";
        assert_eq!(shown("euc-kr", false, &said), expected.as_bytes());
        assert_eq!(shown("euc-kr", true, &said), expected.as_bytes());
        let silent: [(&[u8], Ending); 1] = [(b"a\xc7", Ending::Silence)];
        assert_eq!(shown("euc-kr", false, &silent), "a\n\u{fffd}\n".as_bytes());
    }

    #[test]
    fn bytes_pass_into_a_pipe_and_are_made_visible_on_a_terminal() {
        let said: [(&[u8], Ending); 2] = [
            (b"\xff\x1b[2J\x00\r\xc3", Ending::Piece),
            (b"\xbc\xc2\x9b", Ending::Line),
        ];
        let raw = b"\xff\x1b[2J\x00\r\xc3\n\xbc\xc2\x9b\n";
        assert_eq!(shown("utf-8", false, &said), raw);
        let clean = "\u{fffd}\u{241b}[2J\u{2400}\u{240d}\nü\u{fffd}\n";
        assert_eq!(shown("utf-8", true, &said), clean.as_bytes());
    }

    #[test]
    fn a_full_pipe_presses_back() {
        let (mut messages, _reader) = messages("utf-8", false);
        let mut taken = 0;
        loop {
            assert_eq!(messages.take_text(&[b'x'; 10_000]), Ok(10_000));
            if messages.end_message(Ending::Line) == Ok(false) {
                break;
            }
            taken += 1;
            assert!(taken < 1_000, "nothing presses back");
            messages.flush().unwrap();
        }
        assert!(messages.blocked().is_some());
        assert_eq!(messages.flush(), Ok(false));
    }
}
