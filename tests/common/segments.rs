//! Bytes that arrive in pieces.

/// The front of `bytes` in segments of these lengths, then the rest.
pub(crate) fn segments<'b>(bytes: &'b [u8], lengths: &[usize]) -> Vec<&'b [u8]> {
    let (mut segments, mut rest) = (Vec::new(), bytes);
    for length in lengths {
        let (front, back) = rest.split_at((*length).min(rest.len()));
        segments.push(front);
        rest = back;
    }
    segments.push(rest);
    segments
}
