//! Text that is safe on a terminal: a peer's text cannot carry terminal commands.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use smoltcp::wire::IpEndpoint;
use tickwire::hub::visible_char;

/// An endpoint whose display form is that of a URL: an IPv6 address has brackets (RFC 5952,
/// section 6).
pub(crate) fn to_socket_addr(endpoint: IpEndpoint) -> SocketAddr {
    SocketAddr::new(IpAddr::from(endpoint.addr), endpoint.port)
}

/// One line of a peer's text, made safe for a terminal. HTAB stays; every other command, line ends
/// included, becomes visible.
pub(crate) fn sanitize_line(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| visible_char(c) == c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(visible_char).collect())
}

/// Makes a byte stream safe for a terminal, in pieces of any length. LF, CRLF and HTAB stay; bytes
/// that are not UTF-8 become the replacement character.
#[derive(Debug, Default)]
pub(crate) struct Sanitizer {
    /// The first bytes of an incomplete character: at most three.
    partial: Vec<u8>,
    /// Whether the last character was a CR, which may begin a CRLF or stand alone.
    cr_pending: bool,
}

impl Sanitizer {
    /// Appends the sanitized form of `bytes` to `out`.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let joined = [std::mem::take(&mut self.partial).as_slice(), bytes].concat();
        let mut rest = joined.as_slice();
        loop {
            let error = match std::str::from_utf8(rest) {
                Ok(text) => return self.push_text(text, out),
                Err(error) => error,
            };
            let (valid, invalid) = rest.split_at(error.valid_up_to());
            self.push_text(std::str::from_utf8(valid).unwrap_or_default(), out);
            let Some(length) = error.error_len() else {
                self.partial = invalid.to_vec();
                return;
            };
            self.push_text("\u{fffd}", out);
            rest = invalid.get(length..).unwrap_or_default();
        }
    }

    /// Appends what is still pending at the end of the stream.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.partial).is_empty() {
            self.push_text("\u{fffd}", out);
        }
        self.flush_cr(out);
    }

    fn push_text(&mut self, text: &str, out: &mut Vec<u8>) {
        for c in text.chars() {
            match c {
                '\r' => {
                    self.flush_cr(out);
                    self.cr_pending = true;
                    continue;
                }
                '\n' => self.cr_pending = false,
                _ => self.flush_cr(out),
            }
            let shown = if c == '\n' { c } else { visible_char(c) };
            out.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// Appends a pending CR, which turned out to stand alone.
    fn flush_cr(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.cr_pending) {
            out.extend_from_slice("\u{240d}".as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sanitize(pieces: &[&[u8]]) -> String {
        let (mut sanitizer, mut out) = (Sanitizer::default(), Vec::new());
        for piece in pieces {
            sanitizer.push(piece, &mut out);
        }
        sanitizer.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_peers_text_cannot_command_the_terminal() {
        let all: String = (0..0xa0).filter_map(char::from_u32).collect();
        let line = sanitize_line(&all);
        assert!(
            line.chars().all(|c| c == '\t' || !c.is_control()),
            "{line:?}"
        );
        assert_eq!(
            sanitize_line("\u{1b}[2J\n\u{7f}\u{9b}x"),
            "\u{241b}[2J\u{240a}\u{2421}\u{fffd}x"
        );
        assert_eq!(
            sanitize_line("a\u{202e}b\u{2066}c\u{200f}"),
            "a\u{fffd}b\u{fffd}c\u{fffd}"
        );
        assert!(matches!(sanitize_line("grüße\t你好 👋"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_stream_is_sanitized_the_same_wherever_it_is_split() {
        let text = b"a\r\n\xc3\xbc\r\rb\t\xff\xf0\x9f\x91\x8b\xc2\x9b\x1b[31m\x00\xf0\x9f\x91";
        let whole = sanitize(&[text]);
        assert_eq!(
            whole,
            "a\nü\u{240d}\u{240d}b\t\u{fffd}👋\u{fffd}\u{241b}[31m\u{2400}\u{fffd}"
        );
        for split in 0..=text.len() {
            let (front, back) = text.split_at(split);
            assert_eq!(sanitize(&[front, back]), whole, "split at {split}");
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(sanitize(&bytes), whole);
        assert_eq!(sanitize(&[b"end\r"]), "end\u{240d}");
    }
}
