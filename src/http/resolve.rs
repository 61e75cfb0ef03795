//! A redirect's Location, resolved against the URL that was asked (RFC 3986, 5.2).

/// The resolved URL does not fit into its buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// Replaces the URL in the first `len` bytes of `buffer` by what `reference` means there, and returns
/// its length. The URL must be absolute and have an authority.
///
/// A fragment is dropped. Bytes that no URL may have but that servers send are percent-encoded:
/// spaces, HTABs and everything outside ASCII.
///
/// # Errors
/// The result does not fit. What the buffer holds then is no URL.
pub(super) fn resolve(buffer: &mut [u8], len: usize, reference: &[u8]) -> Result<usize, TooLong> {
    let reference = before(reference, b'#');
    let base = buffer.get(..len).unwrap_or_default();
    let (kept, is_bare) = kept_of_base(base, reference);
    let mut writer = Writer { buffer, len: kept };
    if is_bare {
        writer.push(b'/')?;
    }
    for &byte in reference {
        writer.push_encoded(byte)?;
    }
    let Writer { buffer, len } = writer;
    let text = buffer.get_mut(..len).unwrap_or_default();
    Ok(normalize_path(text))
}

/// How many bytes of the base stay in front of the reference, and whether a slash is missing between
/// them (RFC 3986, 5.2.2 and 5.2.3).
fn kept_of_base(base: &[u8], reference: &[u8]) -> (usize, bool) {
    if has_scheme(reference) {
        return (0, false);
    }
    if reference.starts_with(b"//") {
        return (before(base, b':').len() + 1, false);
    }
    let authority = authority_end(base);
    let tail = base.get(authority..).unwrap_or_default();
    let path = before(before(tail, b'#'), b'?');
    match reference.first() {
        None => (authority + before(tail, b'#').len(), false),
        Some(b'/') => (authority, false),
        Some(b'?') => (authority + path.len(), false),
        Some(_) => match path.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (authority + slash + 1, false),
            None => (authority, true),
        },
    }
}

/// Whether a reference begins with a scheme (RFC 3986, 3.1).
fn has_scheme(reference: &[u8]) -> bool {
    let name = before(reference, b':');
    name.len() < reference.len()
        && name.first().is_some_and(u8::is_ascii_alphabetic)
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Where the path of an absolute URL begins, or would.
fn authority_end(url: &[u8]) -> usize {
    let start = (before(url, b':').len() + b"://".len()).min(url.len());
    let rest = url.get(start..).unwrap_or_default();
    let ends = |byte: &u8| matches!(byte, b'/' | b'?' | b'#');
    start + rest.iter().position(ends).unwrap_or(rest.len())
}

/// The part before the first `byte`, or everything.
fn before(text: &[u8], byte: u8) -> &[u8] {
    let end = text.iter().position(|&other| other == byte);
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

/// Removes the dot segments of the URL's path, in place (RFC 3986, 5.2.4). Returns the new length.
fn normalize_path(url: &mut [u8]) -> usize {
    let start = authority_end(url);
    let end = start + before(url.get(start..).unwrap_or_default(), b'?').len();
    let shorter = remove_dot_segments(url.get_mut(start..end).unwrap_or_default());
    let len = url.len();
    url.copy_within(end.., start + shorter);
    len - (end - start - shorter)
}

/// Each segment is kept, dropped, or takes the one before it along. Returns the new length of the
/// path.
fn remove_dot_segments(path: &mut [u8]) -> usize {
    let mut kept = 0;
    let mut at = 0;
    while at < path.len() {
        let rest = path.get(at + 1..).unwrap_or_default();
        let end = at + 1 + before(rest, b'/').len();
        let is_last = end == path.len();
        match path.get(at..end) {
            Some(b"/.") => {}
            Some(b"/..") => {
                let before = path.get(..kept).unwrap_or_default();
                kept = before.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
            }
            _ => {
                path.copy_within(at..end, kept);
                kept += end - at;
                at = end;
                continue;
            }
        }
        // A dot segment at the end leaves its slash.
        if is_last && let Some(slash) = path.get_mut(kept) {
            *slash = b'/';
            kept += 1;
        }
        at = end;
    }
    kept
}

struct Writer<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn push(&mut self, byte: u8) -> Result<(), TooLong> {
        *self.buffer.get_mut(self.len).ok_or(TooLong)? = byte;
        self.len += 1;
        Ok(())
    }

    fn push_encoded(&mut self, byte: u8) -> Result<(), TooLong> {
        if byte.is_ascii_graphic() {
            return self.push(byte);
        }
        self.push(b'%')?;
        self.push(super::url::digit(u16::from(byte >> 4)))?;
        self.push(super::url::digit(u16::from(byte & 0xF)))
    }
}
