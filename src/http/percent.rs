//! Percent-encoding (RFC 3986, 2.1), and the parameters of a query.

use super::url::digit as digit_of;

/// Decodes `text` into `out` and returns it as text. A form's `+` stays a plus sign.
///
/// `None` where a `%` has no two hexadecimal digits after it, where the bytes are no UTF-8, or where
/// they do not fit. A NUL or a slash that was encoded comes out as such: whoever opens files by the
/// result checks for them.
///
/// ```
/// use tickwire::http::percent;
///
/// let mut out = [0; 16];
/// assert_eq!(percent::decode("caf%C3%A9", &mut out), Some("café"));
/// assert_eq!(percent::decode("100%", &mut out), None);
/// ```
pub fn decode<'o>(text: &str, out: &'o mut [u8]) -> Option<&'o str> {
    str::from_utf8(decode_bytes(text, out)?).ok()
}

/// The same where the result need not be text, such as the name of a file.
pub fn decode_bytes<'o>(text: &str, out: &'o mut [u8]) -> Option<&'o [u8]> {
    let mut len = 0;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        *out.get_mut(len)? = match byte {
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            byte => byte,
        };
        len += 1;
    }
    out.get(..len)
}

/// Passes `bytes` to `write` with everything percent-encoded that is not unreserved (RFC 3986, 2.3):
/// a name as one part of a path.
///
/// ```
/// use tickwire::http::percent;
///
/// let mut link = String::from("/files/");
/// percent::encode("a b".as_bytes(), &mut |piece| link += piece);
/// assert_eq!(link, "/files/a%20b");
/// ```
pub fn encode(bytes: &[u8], write: &mut dyn FnMut(&str)) {
    for &byte in bytes {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let (high, low) = (u16::from(byte >> 4), u16::from(byte & 0xF));
        let encoded = [b'%', digit_of(high), digit_of(low)];
        let piece = if is_plain { &[byte][..] } else { &encoded };
        // All of it is ASCII.
        write(str::from_utf8(piece).unwrap_or_default());
    }
}

/// The value of the first parameter of this name in `query`, as it stands there: `R` for `room` in
/// `room=R&name=N`. One without `=` is empty.
pub fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|parameter| {
        let value = parameter.strip_prefix(name)?;
        match value.as_bytes() {
            [] => Some(value),
            [b'=', ..] => value.get(1..),
            _ => None,
        }
    })
}

fn digit(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_comes_out_and_what_is_not_stays() {
        let mut out = [0; 8];
        assert_eq!(decode("a%2Fb+c", &mut out), Some("a/b+c"));
        assert_eq!(decode("%e2%82%AC", &mut out), Some("€"));
        assert_eq!(decode("%00", &mut out), Some("\0"));
        assert_eq!(decode("", &mut out), Some(""));
        assert_eq!(decode_bytes("%ff", &mut out), Some(&[0xff][..]));
    }

    #[test]
    fn what_is_cut_or_no_text_or_too_long_is_refused() {
        let mut out = [0; 3];
        for text in ["%", "%2", "%zz", "%2g", "%ff", "%E2%82", "%+1", "abcd"] {
            assert_eq!(decode(text, &mut out), None, "{text}");
        }
        assert_eq!(decode("abc", &mut out), Some("abc"));
    }

    #[test]
    fn parameters_are_found_by_their_whole_name() {
        let query = "rooms=x&room=R&room=S&flag&empty=";
        assert_eq!(parameter(query, "room"), Some("R"));
        assert_eq!(parameter(query, "flag"), Some(""));
        assert_eq!(parameter(query, "empty"), Some(""));
        assert_eq!(parameter(query, "oom"), None);
        assert_eq!(parameter("", "a"), None);
    }
}
