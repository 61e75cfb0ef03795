//! The peer's encoding: its bytes and our UTF-8.

use encoding_rs::{Decoder, EncoderResult, Encoding, UTF_8};

use crate::exit::{Exit, Failure};

/// An encoding in which LF is a byte of its own, so that lines can be told apart before they are decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Charset(&'static Encoding);

impl Charset {
    /// The encoding that browsers, or Windows, know under `label`.
    ///
    /// # Errors
    /// [`Exit::Usage`] when there is none, or it is UTF-16.
    pub(super) fn of_label(label: &str) -> Result<Self, Failure> {
        let usage = |why: &str| Failure::new(Exit::Usage, format!("--encoding '{label}': {why}"));
        // Browsers call this one EUC-KR; whoever knows it from Windows has another name for it.
        let known = match label.to_ascii_lowercase().as_str() {
            "cp949" | "ms949" | "uhc" => "euc-kr",
            _ => label,
        };
        let encoding = Encoding::for_label(known.as_bytes())
            .ok_or_else(|| usage("no encoding has this label, such as euc-kr or windows-1252"))?;
        // What cannot be written (UTF-16 and the Standard's "replacement") is also what has no LF byte.
        if encoding.output_encoding() != encoding {
            return Err(usage("its line ends are not LF bytes, so it cannot chat"));
        }
        Ok(Self(encoding))
    }

    /// The encoding's usual name.
    pub(super) fn name(self) -> &'static str {
        self.0.name()
    }

    pub(super) fn is_utf8(self) -> bool {
        self.0 == UTF_8
    }

    /// A decoder for one conversation. A byte order mark is text like any other.
    pub(super) fn decoder(self) -> Decoder {
        self.0.new_decoder_without_bom_handling()
    }

    /// `text` for the peer, and how many of its characters the encoding does not have: the peer gets `?` for them.
    ///
    /// UTF-8 goes as it came, valid or not.
    pub(super) fn encode(self, text: &[u8]) -> (Vec<u8>, usize) {
        if self.is_utf8() {
            return (text.to_vec(), 0);
        }
        let text = String::from_utf8_lossy(text);
        let mut rest: &str = &text;
        // An encoder for each line: where it has states, a line ends in the first.
        let mut encoder = self.0.new_encoder();
        let (mut bytes, mut missing) = (Vec::new(), 0);
        loop {
            // A length that no memory holds is none that a line has.
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
            assert_eq!(Charset::of_label(label).unwrap().name(), name);
        }
        for label in ["utf-16", "utf-16le", "iso-2022-kr", "klingon", ""] {
            let failure = Charset::of_label(label).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{label}");
        }
    }

    #[test]
    fn characters_that_the_encoding_lacks_are_counted() {
        let korean = Charset::of_label("euc-kr").unwrap();
        let (bytes, missing) = korean.encode("한글👋!".as_bytes());
        assert_eq!((&bytes[..], missing), (&b"\xc7\xd1\xb1\xdb?!"[..], 1));
        let (bytes, missing) = korean.encode(b"\xff");
        assert_eq!((&bytes[..], missing), (&b"?"[..], 1));
        let utf8 = Charset::of_label("utf8").unwrap();
        assert_eq!(utf8.encode(b"a\xff"), (b"a\xff".to_vec(), 0));
        // A line of an encoding with states ends in the first, also behind a character that it lacks.
        let states = Charset::of_label("iso-2022-jp").unwrap();
        let (bytes, missing) = states.encode("日👋本".as_bytes());
        let expected = &b"\x1b$BF|\x1b(B?\x1b$BK\\\x1b(B"[..];
        assert_eq!((&bytes[..], missing), (expected, 1));
    }
}
