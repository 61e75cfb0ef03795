//! Turns after a jump of the clock, with more in the device than one turn takes in.

use tickwire::{Duration, INGRESS_MAX, Received, Step, Task};

use crate::bare::{Bare, server};
use crate::common::fixture::{ms, secs};
use crate::frames::{ACK, HOST_MAC, PEER_MAC, Segment};

const QUEUED: usize = 200;

/// A frame that smoltcp drops without an answer.
fn junk() -> Vec<u8> {
    let mut frame = [HOST_MAC.as_bytes(), PEER_MAC.as_bytes(), &[0x88, 0xb5]].concat();
    frame.resize(60, 0);
    frame
}

/// Number of segments that leave between the turn after a pause and the end of the queue, which is the
/// acknowledgement of five bytes that the host sent before the pause.
fn sent_before_the_acknowledgement(on_time: Duration, pause: Duration) -> usize {
    let mut bare = Bare::new();
    let socket = bare.socket(64);
    let mut is_said = false;
    let app = server(&[socket], |io, socket| {
        if !is_said {
            is_said = true;
            assert_eq!(io.write(socket, b"hello"), Ok(5));
        }
        let received = io.read_with(socket, |bytes| (bytes.len(), ()))?;
        assert_ne!(received, Received::End);
        Ok(Step::Wait)
    });
    let mut task = Task::new(app);
    bare.call(&mut [&mut task], 64);
    assert_eq!(bare.sent().len(), 1);
    bare.now = bare.now + on_time;
    bare.turn(&mut [&mut task]);
    assert!(bare.sent().is_empty());
    for _ in 0..QUEUED {
        bare.hear_frame(junk());
    }
    bare.hear(Segment { ack: 5, ..ACK });
    bare.now = bare.now + pause;
    for turn in 1..=QUEUED / INGRESS_MAX {
        assert_eq!(bare.turn(&mut [&mut task]), Some(bare.now), "turn {turn}");
    }
    let sent = bare.sent().len();
    assert_ne!(bare.turn(&mut [&mut task]), Some(bare.now));
    assert_eq!(bare.tcp(socket).send_queue(), 0);
    assert!(bare.sent().is_empty());
    sent
}

#[test]
fn after_a_jump_nothing_is_sent_again_that_the_device_has_the_acknowledgement_of() {
    assert_eq!(sent_before_the_acknowledgement(ms(0), secs(60)), 0);
    assert_eq!(sent_before_the_acknowledgement(ms(0), secs(1)), 0);
}

#[test]
fn a_flood_without_a_jump_does_not_hold_back_what_is_due() {
    assert_eq!(sent_before_the_acknowledgement(ms(900), ms(200)), 1);
}
