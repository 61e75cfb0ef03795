//! Properties over arbitrary frames.

use proptest::prelude::*;
use smoltcp::wire::{TcpControl, TcpPacket};

use crate::boundary::{incoming, outgoing, sending};
use crate::cable::Cable;
use crate::frames::{FAMILIES, Family, Segment, build};
use crate::host::guarded;

/// Offsets in the TCP header that a rule may change: both numbers, flags, window and checksum.
const CHANGEABLE: [usize; 13] = [4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17];

#[derive(Debug, Clone)]
struct Drawn {
    seq: i32,
    ack: i32,
    window: u16,
    control: TcpControl,
    payload: Vec<u8>,
}

impl Drawn {
    fn segment(&self) -> Segment<'_> {
        Segment {
            seq: self.seq,
            ack: self.ack,
            window: self.window,
            control: self.control,
            payload: &self.payload,
        }
    }
}

fn family() -> impl Strategy<Value = Family> {
    prop::sample::select(FAMILIES)
}

/// Segments close to what the flow expects: the rules apply there.
fn drawn() -> impl Strategy<Value = Drawn> {
    let control = prop::sample::select(vec![
        TcpControl::None,
        TcpControl::None,
        TcpControl::Psh,
        TcpControl::Fin,
        TcpControl::Syn,
        TcpControl::Rst,
    ]);
    let window = prop_oneof![Just(0), 0..100_u16, any::<u16>()];
    let near = || prop_oneof![-8..80_i32, any::<i32>()];
    let payload = prop::collection::vec(any::<u8>(), 0..100);
    (near(), near(), window, control, payload).prop_map(|(seq, ack, window, control, payload)| {
        Drawn {
            seq,
            ack,
            window,
            control,
            payload,
        }
    })
}

/// A frame of random bytes. Some have the lower layers' headers of a TCP segment.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop::sample::select(vec![
        [0x08, 0x00, 0x45],
        [0x86, 0xdd, 0x60],
        [0x08, 0x00, 0x4f],
    ]);
    (
        prop::collection::vec(any::<u8>(), 0..200),
        kind,
        any::<bool>(),
    )
        .prop_map(|(mut frame, kind, has_headers)| {
            if has_headers && frame.len() > 23 {
                frame[12..15].copy_from_slice(&kind);
                frame[16..18].copy_from_slice(&[0, 60]);
                frame[20..22].copy_from_slice(&[6, 0]);
                frame[23] = 6;
            }
            frame
        })
}

/// Whether a SYN or a RST was replaced by an ACK, which the host answers.
fn is_challenge(family: Family, frame: &[u8], given: &[u8]) -> bool {
    let at = family.tcp_at();
    let flags = |frame: &[u8]| frame.get(at + 13).copied().unwrap_or(0);
    flags(frame) & 0x06 != 0 && flags(given) == 0x10 && given.len() == at + 20
}

proptest! {
    #[test]
    fn noise_on_no_flow_is_never_changed(frame in noise()) {
        let mut device = guarded::<3>(Cable::default());
        let given = incoming(&mut device, &frame);
        prop_assert!(given == frame || given.is_empty());
        prop_assert_eq!(outgoing(&mut device, &frame), frame);
    }

    #[test]
    fn a_segment_of_no_flow_is_never_changed(family in family(), drawn in drawn(), start: u32) {
        let mut device = guarded::<3>(Cable::default());
        let frame = build(family, &drawn.segment(), start);
        let given = incoming(&mut device, &frame);
        // Every drawn segment has an ACK, so that a SYN is a SYN-ACK, which R9 refuses.
        if drawn.segment().control == TcpControl::Syn {
            prop_assert!(given.is_empty());
        } else {
            prop_assert_eq!(given, frame.clone());
            prop_assert_eq!(device.counters().unknown_segments, 1);
        }
        prop_assert_eq!(outgoing(&mut device, &frame), frame);
    }

    #[test]
    fn a_changed_segment_keeps_its_payload_and_the_checksum_of_a_full_computation(
        family in family(),
        several in prop::collection::vec(drawn(), 1..20),
    ) {
        let mut host = sending(family);
        for drawn in several {
            let frame = build(family, &drawn.segment(), host.start);
            let given = incoming(&mut host.device, &frame);
            if given.is_empty() || is_challenge(family, &frame, &given) {
                continue;
            }
            prop_assert_eq!(given.len(), frame.len());
            for at in (0..frame.len()).filter(|&at| given[at] != frame[at]) {
                prop_assert!(CHANGEABLE.contains(&at.wrapping_sub(family.tcp_at())), "byte {}", at);
            }
            let mut anew = given.clone();
            TcpPacket::new_unchecked(&mut anew[family.tcp_at()..]).fill_checksum(&family.peer(), &family.host());
            prop_assert_eq!(given, anew);
        }
    }

    #[test]
    fn a_damaged_frame_of_a_known_flow_neither_panics_nor_changes_its_length(
        family in family(),
        drawn in drawn(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        cuts: bool,
    ) {
        let mut host = sending(family);
        let mut frame = build(family, &drawn.segment(), host.start);
        for (at, byte) in damage {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        if cuts {
            frame.truncate(cut.index(frame.len()));
        }
        let given = incoming(&mut host.device, &frame);
        let is_known = given.is_empty() || is_challenge(family, &frame, &given);
        prop_assert!(is_known || given.len() == frame.len());
        outgoing(&mut host.device, &frame);
    }

    #[test]
    fn a_host_under_arbitrary_segments_neither_panics_nor_sends_without_end(
        family in family(),
        several in prop::collection::vec(drawn(), 1..30),
        closes: bool,
    ) {
        let mut host = sending(family);
        if closes {
            host.close();
        }
        for drawn in several {
            let replies = host.receive(drawn.segment());
            prop_assert!(replies.len() < 20, "{replies:?}");
            host.read_all();
            host.advance(700);
        }
    }
}
