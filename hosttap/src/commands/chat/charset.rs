//! The peer's character encoding.

use encoding_rs::{Decoder, EncoderResult, Encoding, UTF_8};

use crate::exit::{Exit, Failure};

/// An encoding in which the byte 0x0A is always LF, so that lines can be split before decoding.
#[derive(Debug, Clone, Copy)]
pub(super) struct Charset(&'static Encoding);

impl Charset {
    /// The encoding with this WHATWG label or Windows code page name.
    ///
    /// # Errors
    /// [`Exit::Usage`] if there is none, or if it is UTF-16.
    pub(super) fn from_label(label: &str) -> Result<Self, Failure> {
        let usage = |why: &str| Failure::new(Exit::Usage, format!("--encoding '{label}': {why}"));
        // These are Windows names for the encoding that browsers call EUC-KR.
        let label = match label.to_ascii_lowercase().as_str() {
            "cp949" | "ms949" | "uhc" => "euc-kr",
            _ => label,
        };
        let encoding = Encoding::for_label(label.as_bytes()).ok_or_else(|| {
            usage("unknown encoding; valid labels are for example euc-kr and windows-1252")
        })?;
        // The encodings without a single-byte LF, UTF-16 and "replacement", are those that the
        // Encoding Standard cannot write.
        if encoding.output_encoding() != encoding {
            return Err(usage(
                "its line ends are not single LF bytes, so chat cannot use it",
            ));
        }
        Ok(Self(encoding))
    }

    /// The name of the encoding.
    pub(super) fn name(self) -> &'static str {
        self.0.name()
    }

    pub(super) fn is_utf8(self) -> bool {
        self.0 == UTF_8
    }

    /// A decoder for one conversation. It treats a byte order mark as text.
    pub(super) fn decoder(self) -> Decoder {
        self.0.new_decoder_without_bom_handling()
    }

    /// `text` in the peer's encoding. Also returns how many characters the encoding lacks; each of
    /// them becomes `?`.
    ///
    /// For UTF-8 the bytes are unchanged, valid or not.
    pub(super) fn encode(self, text: &[u8]) -> (Vec<u8>, usize) {
        if self.is_utf8() {
            return (text.to_vec(), 0);
        }
        let text = String::from_utf8_lossy(text);
        let mut rest: &str = &text;
        // Each line has its own encoder, so that a stateful encoding returns to its initial state at
        // the end of the line.
        let mut encoder = self.0.new_encoder();
        let (mut bytes, mut missing) = (Vec::new(), 0);
        loop {
            // `None` means an overflow, which no line in memory can cause.
            let length = encoder.max_buffer_length_from_utf8_without_replacement(rest.len());
            bytes.reserve(length.unwrap_or(0));
            let (result, read) =
                encoder.encode_from_utf8_to_vec_without_replacement(rest, &mut bytes, true);
            rest = rest.get(read..).unwrap_or_default();
            match result {
                EncoderResult::InputEmpty => return (bytes, missing),
                EncoderResult::OutputFull => bytes.reserve(16),
                EncoderResult::Unmappable(_) => {
                    bytes.push(b'?');
                    missing += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_browsers_and_utf_16_is_refused() {
        for (label, name) in [
            ("utf-8", "UTF-8"),
            ("EUC-KR", "EUC-KR"),
            ("cp949", "EUC-KR"),
            ("ks_c_5601-1987", "EUC-KR"),
            ("latin1", "windows-1252"),
            ("sjis", "Shift_JIS"),
        ] {
            assert_eq!(Charset::from_label(label).unwrap().name(), name);
        }
        for label in ["utf-16", "utf-16le", "iso-2022-kr", "klingon", ""] {
            let failure = Charset::from_label(label).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{label}");
        }
    }

    #[test]
    fn characters_that_the_encoding_lacks_are_counted() {
        let korean = Charset::from_label("euc-kr").unwrap();
        let (bytes, missing) = korean.encode("한글👋!".as_bytes());
        assert_eq!((&bytes[..], missing), (&b"\xc7\xd1\xb1\xdb?!"[..], 1));
        let (bytes, missing) = korean.encode(b"\xff");
        assert_eq!((&bytes[..], missing), (&b"?"[..], 1));
        let utf8 = Charset::from_label("utf8").unwrap();
        assert_eq!(utf8.encode(b"a\xff"), (b"a\xff".to_vec(), 0));
        // A stateful encoding returns to its initial state at the end of a line, even after a
        // character that it lacks.
        let stateful = Charset::from_label("iso-2022-jp").unwrap();
        let (bytes, missing) = stateful.encode("日👋本".as_bytes());
        let expected = &b"\x1b$BF|\x1b(B?\x1b$BK\\\x1b(B"[..];
        assert_eq!((&bytes[..], missing), (expected, 1));
    }
}
