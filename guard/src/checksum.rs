//! The Internet checksum (RFC 1071).

/// The one's complement sum of the 16-bit words of `bytes`. An odd last byte counts as the first of
/// a word.
pub(crate) fn sum(bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<4>();
    // The sum is the same in either byte order (RFC 1071, 2 B), so the words are read as they lie.
    let mut total = 0;
    for word in words {
        total += u64::from(u32::from_ne_bytes(*word));
    }
    if !rest.is_empty() {
        let mut last = [0; 4];
        if let Some(last) = last.get_mut(..rest.len()) {
            last.copy_from_slice(rest);
        }
        total += u64::from(u32::from_ne_bytes(last));
    }
    fold(total).to_be()
}

/// The sum of several sums.
pub(crate) fn combine(sums: &[u16]) -> u16 {
    fold(sums.iter().copied().map(u64::from).sum())
}

const fn fold(total: u64) -> u16 {
    let total = (total >> 32) + (total & 0xffff_ffff);
    let total = (total >> 32) + (total & 0xffff_ffff);
    let total = (total >> 16) + (total & 0xffff);
    let total = (total >> 16) + (total & 0xffff);
    total as u16
}

/// The checksum after one 16-bit word changed from `old` to `new` (RFC 1624, 3, equation 3).
pub(crate) fn updated(checksum: u16, old: u16, new: u16) -> u16 {
    !combine(&[!checksum, !old, new])
}

/// The sum of `payload` and its pseudo-header (RFC 9293, 3.1 and RFC 8200, 8.1), where `addresses`
/// are the source and the destination. It is `u16::MAX` if the checksum in the payload is right.
pub(crate) fn sum_with_pseudo_header(addresses: &[u8], next_header: u8, payload: &[u8]) -> u16 {
    let len = payload.len() as u64;
    let parts = [
        sum(addresses),
        u16::from(next_header),
        fold(len),
        sum(payload),
    ];
    combine(&parts)
}

/// Whether the checksum in `payload` is right.
pub(crate) fn is_right(addresses: &[u8], next_header: u8, payload: &[u8]) -> bool {
    sum_with_pseudo_header(addresses, next_header, payload) == u16::MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::read_u16;

    /// Word by word, as RFC 1071 defines it.
    fn plain_sum(bytes: &[u8]) -> u16 {
        let mut total = 0_u32;
        for at in (0..bytes.len()).step_by(2) {
            let odd = [bytes.get(at).copied().unwrap_or(0), 0];
            total += u32::from(read_u16(bytes, at).unwrap_or(u16::from_be_bytes(odd)));
            total = (total & 0xffff) + (total >> 16);
        }
        total as u16
    }

    #[test]
    fn a_sum_is_that_of_the_words_whatever_the_length() {
        let mut bytes = [0; 67];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = (at * 151 + 240) as u8;
        }
        for len in 0..=bytes.len() {
            let bytes = bytes.get(..len).unwrap_or(&[]);
            assert_eq!(sum(bytes), plain_sum(bytes), "{len} bytes");
        }
    }

    #[test]
    fn a_sum_of_the_largest_frame_does_not_overflow() {
        assert_eq!(sum(&[0xff; 65_535]), plain_sum(&[0xff; 65_535]));
    }

    #[test]
    fn an_updated_checksum_equals_a_new_computation_even_where_it_is_zero() {
        // RFC 1624, 4: the older method (equation 2) gives 0xffff here instead of 0.
        assert_eq!(updated(0xdd2f, 0x5555, 0x3285), 0x0000);

        let mut words = [0xcd7a_u16, 0x5555, 0x0001, 0xffff];
        let checksum_of = |words: &[u16]| !combine(words);
        for new in 0..=u16::MAX {
            let before = checksum_of(&words);
            let old = core::mem::replace(&mut words[1], new);
            assert_eq!(updated(before, old, new), checksum_of(&words));
        }
    }
}
