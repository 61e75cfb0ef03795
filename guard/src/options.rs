//! The options of a TCP header (RFC 9293, 3.1).

const KIND_WINDOW_SCALE: u8 = 3;

/// Each option with its kind and its value. It ends at the end of the list, or at the first option
/// that is malformed: smoltcp drops such a segment.
pub(crate) struct Options<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Options<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match *self.0 {
                [] | [0, ..] | [_] => return None,
                [1, ref rest @ ..] => self.0 = rest,
                [kind, len, ..] => {
                    let (option, rest) = self.0.split_at_checked(usize::from(len))?;
                    self.0 = rest;
                    return Some((kind, option.get(2..)?));
                }
            }
        }
    }
}

/// The shift count of the window scale option (RFC 7323, 2.2), at most 14.
pub(crate) fn window_scale(options: &[u8]) -> Option<u8> {
    Options(options).find_map(|option| match option {
        (KIND_WINDOW_SCALE, &[shift]) => Some(shift.min(14)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_up_to_the_end_or_the_first_malformed_one() {
        let all = [1, 3, 3, 7, 1, 1, 4, 2, 0, 3, 3, 9];
        let expected: [(u8, &[u8]); 2] = [(3, &[7]), (4, &[])];
        assert!(Options(&all).eq(expected));
        for malformed in [&[5, 0, 3, 3][..], &[5, 1], &[5], &[1, 1, 5, 9, 0], &[1]] {
            assert_eq!(Options(malformed).count(), 0, "{malformed:?}");
        }
    }
}
