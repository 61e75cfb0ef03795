//! Byte classes of the HTTP grammar, shared by parsers and by the request.

/// Whether a field name may contain this byte (`tchar`, RFC 9110, 5.6.2).
pub(super) const fn is_tchar(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    ) || byte.is_ascii_alphanumeric()
}

/// Whether this is a token: one of them at least (RFC 9110, 5.6.2).
#[cfg(feature = "websocket")]
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// Whether no field value may contain this byte: every control byte except HTAB (RFC 9110, 5.5).
pub(super) const fn is_forbidden_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// Whether this byte is white space within a line (`OWS` and `BWS`, RFC 9110, 5.6.3).
pub(super) const fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// A number of digits only, that fits.
#[cfg(any(feature = "download", feature = "server"))]
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0, |value: u64, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// The months of dates, each of three letters (RFC 9110, 5.6.7).
#[cfg(any(feature = "download", feature = "server"))]
pub(super) const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
