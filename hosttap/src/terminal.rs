//! What people see: clean text, lines on stderr by how much was asked for, and a progress bar.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, SocketAddr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use smoltcp::wire::IpEndpoint;
use tickwire::Error;

use crate::exit::{Exit, Failure};

/// Draws a second; more would only cost.
const DRAWS_PER_SECOND: u8 = 10;

/// Whether a terminal could take `c` for a command or be made to show text in another order than it has:
/// C0, DEL, C1, line and paragraph separators, and the marks of writing direction (Unicode UAX 9).
fn commands(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What stands for such a character: its control picture, or the replacement character.
fn picture(c: char) -> char {
    match u32::from(c) {
        code @ 0..=0x1f => char::from_u32(0x2400 + code).unwrap_or(char::REPLACEMENT_CHARACTER),
        0x7f => '\u{2421}',
        _ => char::REPLACEMENT_CHARACTER,
    }
}

/// An endpoint as people and URLs write it: an IPv6 address stands in brackets (RFC 5952, 6).
pub fn endpoint(endpoint: IpEndpoint) -> SocketAddr {
    SocketAddr::new(IpAddr::from(endpoint.addr), endpoint.port)
}

/// One line of a peer's text, safe on a terminal: HTAB stays, and nothing else that is a command, line ends included.
pub fn clean_line(text: &str) -> Cow<'_, str> {
    let unsafe_here = |c: char| c != '\t' && commands(c);
    if !text.contains(unsafe_here) {
        return Cow::Borrowed(text);
    }
    let clean = |c| if unsafe_here(c) { picture(c) } else { c };
    Cow::Owned(text.chars().map(clean).collect())
}

/// Cleans a stream of bytes for a terminal, wherever it is cut: LF, CRLF and HTAB stay, bytes that are no UTF-8 become
/// the replacement character.
#[derive(Debug, Default)]
pub struct TextCleaner {
    /// The beginning of a character whose end has not come: at most three bytes.
    begun: Vec<u8>,
    /// Whether the last character was a CR, which is a line end's beginning or alone.
    return_pending: bool,
}

impl TextCleaner {
    /// Appends the clean form of `bytes` to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let joined = [std::mem::take(&mut self.begun).as_slice(), bytes].concat();
        let mut rest = joined.as_slice();
        loop {
            let error = match std::str::from_utf8(rest) {
                Ok(text) => return self.push_text(text, out),
                Err(error) => error,
            };
            let (good, bad) = rest.split_at(error.valid_up_to());
            self.push_text(std::str::from_utf8(good).unwrap_or_default(), out);
            let Some(length) = error.error_len() else {
                self.begun = bad.to_vec();
                return;
            };
            self.push_text("\u{fffd}", out);
            rest = bad.get(length..).unwrap_or_default();
        }
    }

    /// Appends what was held back, at the end of the stream.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.begun).is_empty() {
            self.push_text("\u{fffd}", out);
        }
        self.settle_return(out);
    }

    fn push_text(&mut self, text: &str, out: &mut Vec<u8>) {
        for c in text.chars() {
            match c {
                '\r' => {
                    self.settle_return(out);
                    self.return_pending = true;
                    continue;
                }
                '\n' => self.return_pending = false,
                _ => self.settle_return(out),
            }
            let shown = if c != '\n' && c != '\t' && commands(c) {
                picture(c)
            } else {
                c
            };
            out.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    fn settle_return(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.return_pending) {
            out.extend_from_slice("\u{240d}".as_bytes());
        }
    }
}

/// How much to say on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `-q`: errors only.
    Quiet,
    /// What a user must know.
    Normal,
    /// `-v`: what happens, and every frame.
    Verbose,
}

/// stderr, and the progress bar on it.
#[derive(Debug)]
pub struct Terminal {
    level: Level,
    /// Only a terminal has a bar.
    is_terminal: bool,
    bar: Option<ProgressBar>,
    /// The last conversation's error that was said.
    failed: Option<Error>,
}

impl Terminal {
    /// stderr with the level that `-v` and `-q` ask for.
    pub fn new(verbose: bool, quiet: bool) -> Self {
        let level = match (quiet, verbose) {
            (true, _) => Level::Quiet,
            (false, false) => Level::Normal,
            (false, true) => Level::Verbose,
        };
        Self {
            level,
            is_terminal: io::stderr().is_terminal(),
            bar: None,
            failed: None,
        }
    }

    /// How much to say.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Says an error, always.
    pub fn error(&self, text: impl Display) {
        self.say(Level::Quiet, &text);
    }

    /// Says how a conversation failed.
    pub fn failed(&mut self, remote: Option<IpEndpoint>, error: Error) {
        let whose = remote.map_or_else(
            || "a conversation".to_owned(),
            |remote| endpoint(remote).to_string(),
        );
        self.error(Failure::of(&whose, error));
        self.failed = Some(error);
    }

    /// The failure of a program that was `doing` something; without words, when they were said for its conversation.
    pub fn failure(&self, doing: &str, error: Error) -> Failure {
        if self.failed == Some(error) {
            return Failure::new(Exit::of(error), "");
        }
        Failure::of(doing, error)
    }

    /// Says what a user must know.
    pub fn status(&self, text: impl Display) {
        self.say(Level::Normal, &text);
    }

    /// Says what happens.
    pub fn detail(&self, text: impl Display) {
        self.say(Level::Verbose, &text);
    }

    /// Peer's text inside `text` goes through [`clean_line`] first: here line ends are the caller's own.
    fn say(&self, level: Level, text: &dyn Display) {
        if level > self.level {
            return;
        }
        let text = format!("hosttap: {text}\n");
        let mut clean = Vec::with_capacity(text.len());
        if self.is_terminal {
            TextCleaner::default().push(text.as_bytes(), &mut clean);
        } else {
            clean.extend_from_slice(text.as_bytes());
        }
        // When nobody reads stderr there is nobody to tell.
        let write = || drop(io::stderr().lock().write_all(&clean));
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Shows that `done` bytes of `total` have moved: rate and time left on a terminal, nothing elsewhere.
    pub fn progress(&mut self, done: u64, total: Option<u64>) {
        // A terminal stopped by Ctrl-S, or a slow one, must not stop the loop: this drawing is left out then.
        if !self.is_terminal || self.level == Level::Quiet || !stderr_has_room() {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| new_bar(total));
        if let Some(total) = total
            && bar.length() != Some(total)
        {
            bar.set_length(total);
            bar.set_style(style(true));
        }
        bar.set_position(done);
    }

    /// Takes the bar away.
    pub fn end_progress(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn new_bar(total: Option<u64>) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
    ProgressBar::with_draw_target(total, target).with_style(style(total.is_some()))
}

fn style(known: bool) -> ProgressStyle {
    let template = if known {
        "{wide_bar} {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {eta} left"
    } else {
        "{spinner} {binary_bytes}  {binary_bytes_per_sec}  {elapsed}"
    };
    // Both templates are constant, and a test reads them.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn stderr_has_room() -> bool {
    let stderr = rustix::stdio::stderr();
    let mut polled = [PollFd::from_borrowed_fd(stderr, PollFlags::OUT)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut polled, Some(&now)).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(pieces: &[&[u8]]) -> String {
        let (mut cleaner, mut out) = (TextCleaner::default(), Vec::new());
        for piece in pieces {
            cleaner.push(piece, &mut out);
        }
        cleaner.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_command_of_a_peer_reaches_a_terminal() {
        let all: String = (0..0xa0).filter_map(char::from_u32).collect();
        let line = clean_line(&all);
        assert!(
            line.chars().all(|c| c == '\t' || !c.is_control()),
            "{line:?}"
        );
        assert_eq!(
            clean_line("\u{1b}[2J\n\u{7f}\u{9b}x"),
            "\u{241b}[2J\u{240a}\u{2421}\u{fffd}x"
        );
        assert_eq!(
            clean_line("a\u{202e}b\u{2066}c\u{200f}"),
            "a\u{fffd}b\u{fffd}c\u{fffd}"
        );
        assert!(matches!(clean_line("grüße\t你好 👋"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_stream_is_cleaned_the_same_wherever_it_is_cut() {
        let text = b"a\r\n\xc3\xbc\r\rb\t\xff\xf0\x9f\x91\x8b\xc2\x9b\x1b[31m\x00\xf0\x9f\x91";
        let whole = clean(&[text]);
        assert_eq!(
            whole,
            "a\nü\u{240d}\u{240d}b\t\u{fffd}👋\u{fffd}\u{241b}[31m\u{2400}\u{fffd}"
        );
        for cut in 0..=text.len() {
            let (front, back) = text.split_at(cut);
            assert_eq!(clean(&[front, back]), whole, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(clean(&bytes), whole);
        assert_eq!(clean(&[b"end\r"]), "end\u{240d}");
    }

    #[test]
    fn both_templates_of_the_bar_can_be_read() {
        for template in [style(true), style(false)] {
            let bar = ProgressBar::with_draw_target(Some(9), ProgressDrawTarget::hidden());
            bar.set_style(template);
        }
        assert!(ProgressStyle::with_template("{wide_bar} {eta} left").is_ok());
    }
}
