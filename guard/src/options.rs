//! The options of a TCP header (RFC 9293, 3.1).

const KIND_END: u8 = 0;
const KIND_NO_OPERATION: u8 = 1;
const KIND_WINDOW_SCALE: u8 = 3;

/// The value of the first option of this kind. The list ends where it says so, or at the first
/// option that is malformed: smoltcp drops such a segment.
#[inline(never)] // it takes flash
pub(crate) fn find(mut options: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        match *options {
            [] | [KIND_END, ..] | [_] => return None,
            [KIND_NO_OPERATION, ref rest @ ..] => options = rest,
            [kind, len, ..] => {
                let (option, rest) = options.split_at_checked(usize::from(len))?;
                let value = option.get(2..)?;
                if kind == wanted {
                    return Some(value);
                }
                options = rest;
            }
        }
    }
}

/// The shift count of the window scale option (RFC 7323, 2.2), at most 14.
pub(crate) fn window_scale(options: &[u8]) -> Option<u8> {
    match find(options, KIND_WINDOW_SCALE) {
        Some(&[shift]) => Some(shift.min(14)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_up_to_the_end_or_the_first_malformed_one() {
        let all = [1, 3, 3, 7, 1, 1, 4, 2, 0, 5, 3, 9];
        assert_eq!(find(&all, 3), Some(&[7][..]));
        assert_eq!(find(&all, 4), Some(&[][..]));
        assert_eq!(find(&all, 5), None);
        for malformed in [&[5, 0, 3, 3, 1][..], &[5, 1], &[5], &[1, 1, 5, 9, 0], &[1]] {
            for kind in [3, 5] {
                assert_eq!(find(malformed, kind), None, "{malformed:?}");
            }
        }
    }
}
