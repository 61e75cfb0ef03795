//! Ports as devices that nodes own: what may happen while a token is in use.

use core::cell::RefCell;

use smoltcp::phy::{Device, RxToken as _, TxToken as _};
use smoltcp::time::Instant;

use super::{
    super::{Action, Cause, FrameEvent, FrameObserver},
    *,
};

#[test]
fn a_reply_is_written_while_the_frame_is_still_read() {
    let ethernet = ethernet(1, 2, 3);
    let mut device = ethernet.port(1);
    send(&ethernet, 0, at(1), 7..8);
    let (received, reply) = device.receive(Instant::ZERO).unwrap();
    received.consume(|frame| {
        reply.consume(frame.len(), |buffer| buffer.copy_from_slice(frame));
        assert_eq!(number(frame), 7, "the reply has memory of its own");
    });
    assert_eq!(drain(&ethernet, 0, at(1)), [7]);
}

#[test]
fn a_frame_is_forwarded_through_another_port_while_it_is_still_read() {
    let ethernet = ethernet(1, 3, 8);
    ethernet.sever(0, 2);
    send(&ethernet, 0, at(1), 7..8);
    let frame = ethernet.port(1).receive_frame().unwrap();
    ethernet.port(1).send(&frame);
    drop(frame);
    assert_eq!(drain(&ethernet, 2, at(1)), [7]);
}

#[test]
#[should_panic(expected = "the frame received before is no longer borrowed")]
fn a_second_frame_does_not_overwrite_one_that_is_still_read() {
    let ethernet = ethernet(1, 3, 8);
    send(&ethernet, 0, at(1), 0..1);
    let (first, second) = (ethernet.port(1), ethernet.port(2));
    let _still_read = first.receive_frame().unwrap();
    second.receive_frame();
}

#[test]
fn a_port_outlasts_any_number_of_turns_and_takes_no_time_from_smoltcp() {
    let ethernet = ethernet(1, 2, 8);
    let mut device = ethernet.port(1);
    let copy = device;
    for tick in 1..100 {
        send(&ethernet, 0, at(tick), 0..1);
        assert_eq!(
            (device.next_due(), copy.next_due()),
            (Some(at(tick)), Some(at(tick)))
        );
        ethernet.set_now(at(tick - 1));
        assert!(device.receive(Instant::from_secs(1_000)).is_none());
        ethernet.set_now(at(tick));
        let (received, _) = device.receive(Instant::ZERO).unwrap();
        received.consume(|frame| assert_eq!(number(frame), 0));
    }
    assert_eq!((copy.index(), ethernet.counts(1).delivered), (1, 99));
}

/// Asks the Ethernet something at each event.
struct Curious<'e, 'a> {
    ethernet: &'e Ethernet<'a>,
    events: u64,
}

impl FrameObserver for Curious<'_, '_> {
    fn observe(&mut self, event: &FrameEvent, _frame: &[u8]) {
        self.events += 1;
        assert!(self.ethernet.counts(0).sent > event.number);
        let _ = (self.ethernet.next_due(), self.ethernet.now());
        self.ethernet.set_link(0, self.ethernet.link(0));
    }
}

#[test]
fn an_observer_may_ask_and_set_anything() {
    let ethernet = ethernet(1, 3, 3);
    let curious = RefCell::new(Curious {
        ethernet: &ethernet,
        events: 0,
    });
    ethernet.observe(Some(&curious));
    let every = |number, _: &[u8]| {
        Some(
            [
                Action::Drop,
                Action::Duplicate { after_micros: 0 },
                Action::Pass,
            ][number as usize % 3],
        )
    };
    ethernet.set_rule(0, Some(every));
    send(&ethernet, 0, at(1), 0..3);
    assert_eq!(drain(&ethernet, 1, at(1)), [1]);
    let counts = ethernet.counts(0);
    assert_eq!((counts.dropped(Cause::Planned), counts.duplicated), (2, 2));
    // 3 sent, 2 dropped by the rule and 5 for lack of memory, 2 duplicated, 1 delivered.
    assert_eq!(
        (counts.dropped(Cause::PoolFull), curious.borrow().events),
        (5, 13)
    );
}
