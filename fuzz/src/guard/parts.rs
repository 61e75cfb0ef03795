//! What becomes of a segment that its path does not take, or that is answered by a challenge.

use crate::frame::{ACK, FIN, Read, read, read_sent};

/// The shortest packets that a report can make the guard cut.
const MTU_MIN: [usize; 2] = [576, 1280];
const PSH: u8 = 0x08;
const ETHERNET_HEADER_LEN: usize = 14;

/// A5: the parts of a segment are its payload in order, each in a packet that some path takes, and
/// all but the last without PSH and FIN.
pub(super) fn check(whole: &[u8], was: &Read, parts: &[Vec<u8>]) {
    // Padding may follow the packet.
    let headers_len = was.tcp_at + usize::from(whole[was.tcp_at + 12] >> 4) * 4;
    let is_ipv4 = whole[12..14] == [0x08, 0x00];
    let mtu_min = MTU_MIN[usize::from(!is_ipv4)];
    let mut payload_len = 0;
    for (index, part) in parts.iter().enumerate() {
        let is = read_sent(part).expect("a part is a segment");
        let is_last = index + 1 == parts.len();
        assert_eq!((is.source, is.destination), (was.source, was.destination));
        assert_eq!((is.ack, is.window), (was.ack, was.window));
        assert_eq!(is.seq, was.seq.wrapping_add(payload_len as u32));
        assert_eq!(
            is.flags,
            if is_last {
                was.flags
            } else {
                was.flags & !(FIN | PSH)
            }
        );
        assert!(is.checksum_is_right, "a part has a right checksum");
        assert!(is.payload_len > 0 && part.len() == headers_len + is.payload_len);
        assert!(
            is_last || part.len() - ETHERNET_HEADER_LEN >= mtu_min,
            "a tiny part"
        );
        let at = headers_len + payload_len;
        assert_eq!(part[headers_len..], whole[at..at + is.payload_len]);
        payload_len += is.payload_len;
    }
    assert_eq!(payload_len, was.payload_len, "the parts are the whole");
}

/// A1 and A2: in place of a SYN or a RST comes an ACK of the same connection that carries nothing.
pub(super) fn check_challenge(given: &[u8], was: &Read) {
    let is = read(given).expect("a challenge is a segment");
    assert_eq!((is.source, is.destination), (was.source, was.destination));
    assert!(is.checksum_is_right && is.flags == ACK && is.payload_len == 0);
}
