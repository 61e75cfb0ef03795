//! Basic authorization (RFC 7617).

use base64ct::{Base64, Encoding as _};

use super::UserInfo;

impl UserInfo<'_> {
    /// Passes the credentials of `Authorization: Basic` to `write`: both without percent-encoding, a
    /// colon between them, in Base64 (RFC 7617, 2).
    pub(super) fn write_basic(&self, write: &mut dyn FnMut(&[u8])) {
        let colon = if self.text.contains(':') { "" } else { ":" };
        let mut bytes = Decoded(self.text.bytes().chain(colon.bytes()));
        loop {
            let mut group = [0; 3];
            let mut len = 0;
            for (to, from) in group.iter_mut().zip(&mut bytes) {
                *to = from;
                len += 1;
            }
            let group = group.get(..len).unwrap_or_default();
            if group.is_empty() {
                return;
            }
            let mut encoded = [0; 4];
            if let Ok(encoded) = Base64::encode(group, &mut encoded) {
                write(encoded.as_bytes());
            }
        }
    }
}

/// Text without its percent-encoding. What is not well encoded stays as it is.
struct Decoded<I>(I);

impl<I: Iterator<Item = u8> + Clone> Iterator for Decoded<I> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let byte = self.0.next()?;
        let mut ahead = self.0.clone();
        if byte == b'%'
            && let (Some(high), Some(low)) = (hex(ahead.next()), hex(ahead.next()))
        {
            self.0 = ahead;
            return Some(high << 4 | low);
        }
        Some(byte)
    }
}

fn hex(digit: Option<u8>) -> Option<u8> {
    let digit = char::from(digit?).to_digit(16)?;
    u8::try_from(digit).ok()
}
