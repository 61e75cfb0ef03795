//! Frames with a tag that has a priority and no VLAN (IEEE 802.1Q).

use smoltcp::socket::tcp::State;
use smoltcp::wire::TcpControl;

use crate::cable::Cable;
use crate::frames::{ACK, FAMILIES, Family, Segment, build, icmp_error, introduction};
use crate::host::{GuardedCable, Host, TestDevice, sends_from};

/// The frame with a tag of priority 6 in this VLAN.
fn tagged(frame: &[u8], vlan: u8) -> Vec<u8> {
    let (addresses, content) = frame.split_at(12);
    [addresses, &[0x81, 0x00, 0xc0, vlan], content].concat()
}

/// A host that meets its peer, and connects to it, by tagged frames alone.
fn connects<D: TestDevice>(family: Family, vlan: u8) -> Option<Host<D>> {
    let mut host = Host::<D>::resolving(family, 64, Cable::default());
    host.receive_frame(tagged(&introduction(family), vlan));
    host.start = host.find_start()?;
    let syn_ack = Segment {
        seq: -1,
        window: 1000,
        control: TcpControl::Syn,
        ..ACK
    };
    host.receive_frame(tagged(&build(family, &syn_ack, host.start), vlan));
    (host.socket().state() == State::Established).then_some(host)
}

#[test]
fn tagged_frames_are_read_and_guarded_like_others() {
    for &family in FAMILIES {
        assert!(
            connects::<Cable>(family, 0).is_none(),
            "smoltcp reads tags now"
        );
        let mut host = connects::<GuardedCable>(family, 0).expect("tags are removed");
        assert!(sends_from(&host.write(b"data"), 0));
        let closed = Segment { window: 0, ..ACK };
        host.receive_frame(tagged(&build(family, &closed, host.start), 0));
        assert_eq!(host.device.counters().zero_windows_opened, 1);

        let mut wrong = build(family, &closed, host.start);
        wrong[family.tcp_at() + 15] ^= 1;
        host.receive_frame(tagged(&wrong, 0));
        assert_eq!(host.device.counters().bad_checksums, 1);
        assert_eq!(host.device.counters().priority_tags_removed, 4);
    }
}

#[test]
fn frames_of_a_vlan_are_not_ours() {
    for &family in FAMILIES {
        assert!(connects::<GuardedCable>(family, 1).is_none());
    }
}

#[test]
fn tags_behind_tags_and_frames_that_end_early_are_dropped() {
    let mut host = Host::<GuardedCable>::connected(Family::V4, 64, 1000);
    let mut frame = introduction(Family::V4);
    for _ in 0..100 {
        frame = tagged(&frame, 0);
        assert!(host.receive_frame(frame.clone()).is_empty());
    }
    for len in 0..60 {
        assert!(host.receive_frame(frame[..len].to_vec()).is_empty());
    }
    assert!(sends_from(&host.write(b"data"), 0));
}

#[test]
fn a_tagged_reset_is_challenged_however_much_data_it_carries() {
    for &family in FAMILIES {
        let mut host = connects::<GuardedCable>(family, 0).expect("tags are removed");
        let reset = Segment {
            seq: 5,
            control: TcpControl::Rst,
            payload: &[0; 300],
            ..ACK
        };
        let sent = host.receive_frame(tagged(&build(family, &reset, host.start), 0));
        assert_eq!(sent.len(), 1, "the challenge");
        assert_eq!(host.socket().state(), State::Established);
    }
}

#[test]
fn a_tagged_report_that_a_segment_was_too_big_is_believed_however_much_it_quotes() {
    // Over IPv6 every path takes 1280 bytes, and the longest segment here is shorter.
    let mut host = connects::<GuardedCable>(Family::V4, 0).expect("tags are removed");
    host.write(&[0; 1000]);
    let report = icmp_error(Family::V4, (3, 4), 600, &host.last_frame());
    assert!(report.len() > 500);
    host.receive_frame(tagged(&report, 0));
    assert_eq!(host.device.counters().path_mtus_learnt, 1);
}
