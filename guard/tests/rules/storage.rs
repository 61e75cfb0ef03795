//! The storage that a guard is lent: too small, or known to another guard before.

use smoltcp::phy::Device;
use smoltcp::time::Instant;
use smoltcp::wire::TcpControl;
use smoltcp_guard::{Duties, Guarded, Storage};

use crate::boundary::{CLOSED, incoming, outgoing, sending};
use crate::cable::{Cable, MEDIA};
use crate::flows::syn;
use crate::frames::{ACK, FAMILIES, Family, HOST_MAC, HOST_PORT, Segment, build};
use crate::host::{GuardedCable, Host};

#[test]
fn a_frame_longer_than_the_buffer_passes_untouched_and_is_counted() {
    let host = sending(Family::V4);
    let mut storage: Storage<3, 60> = Storage::new();
    let mut short = Guarded::new(Cable::default(), HOST_MAC, &mut storage);
    show_connection(&mut short, &host);
    let long = Segment {
        payload: b"seven b",
        ..CLOSED
    };
    let frame = build(Family::V4, &long, host.start);
    assert_eq!(incoming(&mut short, &frame), frame);
    assert_eq!(short.counters().frames_too_long, 1);
    let frame = build(Family::V4, &CLOSED, host.start);
    assert_ne!(incoming(&mut short, &frame), frame);
}

#[test]
fn a_reset_that_there_is_no_room_to_challenge_passes_untouched_and_is_counted() {
    let host = sending(Family::V4);
    let mut storage: Storage<3, 0> = Storage::new();
    let mut short = Guarded::new(Cable::default(), HOST_MAC, &mut storage);
    show_connection(&mut short, &host);
    let reset = Segment {
        seq: 1,
        control: TcpControl::Rst,
        ..ACK
    };
    let frame = build(Family::V4, &reset, host.start);
    assert_eq!(incoming(&mut short, &frame), frame);
    let counters = short.counters();
    let counts = (counters.segments_challenged, counters.frames_too_long);
    assert_eq!(counts, (0, 1));
}

#[test]
fn a_passive_guard_wants_nothing_whatever_its_storage_knows() {
    let mut storage: Storage<3> = Storage::new();
    let fresh = Guarded::passive(Cable::default(), &mut storage);
    assert_eq!(fresh.poll_at(), None);

    let host = sending(Family::V4);
    let mut active = Guarded::new(Cable::default(), HOST_MAC, &mut storage);
    show_connection(&mut active, &host);
    let counters = active.counters();
    let mut passive = Guarded::passive(Cable::default(), &mut storage);
    assert_eq!(passive.poll_at(), None);
    assert!(passive.receive(Instant::from_secs(10)).is_none());
    assert_eq!(passive.counters(), counters);
}

/// Shows another guard the connection of `host`: SYN, SYN-ACK and the data in flight.
fn show_connection(device: &mut Guarded<'_, Cable>, host: &Host<GuardedCable>) {
    let syn = syn(Family::V4.host(), HOST_PORT, host.start.wrapping_sub(1));
    outgoing(device, &syn);
    let syn_ack = Segment {
        seq: -1,
        control: TcpControl::Syn,
        ..ACK
    };
    incoming(device, &build(Family::V4, &syn_ack, host.start));
    let sent = host.cable.0.borrow().from_host.clone();
    for frame in sent {
        outgoing(device, &frame);
    }
}

#[test]
fn what_a_storage_learned_over_one_device_holds_over_the_next() {
    let family = Family::V4;
    let cable = Cable::default();
    let mut storage: Storage<3> = Storage::new();
    let mut device = Guarded::new(cable.clone(), HOST_MAC, &mut storage);
    outgoing(&mut device, &syn(family.host(), HOST_PORT, 0));

    let mut device = Guarded::new(cable, HOST_MAC, &mut storage);
    incoming(&mut device, &build(family, &ACK, 0));
    assert_eq!(storage.counters().unknown_segments, 0);
}

#[test]
fn a_storage_that_guarded_before_lets_everything_pass_in_a_passive_wrapper() {
    let cable = Cable::default();
    let mut storage: Storage<3> = Storage::new();
    let mut device = Guarded::new(cable.clone(), HOST_MAC, &mut storage);
    let mut wrong = build(Family::V4, &ACK, 0);
    wrong[Family::V4.tcp_at()] ^= 1;
    assert!(incoming(&mut device, &wrong).is_empty());

    let mut device = Guarded::passive(cable, &mut storage);
    assert_eq!(incoming(&mut device, &wrong), wrong);
    assert_eq!(storage.counters().bad_checksums, 1);
}

#[test]
fn losses_of_a_connection_from_before_the_duty_are_left_to_smoltcps_fast_retransmit() {
    for &family in FAMILIES {
        for &medium in MEDIA {
            let cable = Cable::over(medium);
            let mut host = Host::<GuardedCable>::connecting(family, 1000, cable).accepted(20_000);
            host.device = host.device.with_duties(Duties::ALL);
            host.write(&[0x5a; 4700]);
            let duplicate = Segment {
                window: 20_000,
                ..ACK
            };
            let resent: Vec<_> = (0..3).flat_map(|_| host.receive(duplicate)).collect();
            assert!(matches!(&resent[..], [only] if only.seq == 0));
            assert_eq!(host.device.counters().rules_applied(), 0);
        }
    }
}
