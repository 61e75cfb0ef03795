//! Who receives which frame: addresses, cuts, plans and rules; and what the observer sees.

use core::cell::RefCell;

use super::{
    super::{Action, Cause, Change, Fate, FrameEvent, FrameObserver, Link, Planned},
    std::vec::Vec,
    *,
};

#[test]
fn a_frame_goes_to_its_address_or_to_all_others() {
    let ethernet = ethernet(1, 3, 20);
    ethernet.set_address(0, address(0));
    ethernet.set_address(1, address(1));
    let multicast = EthernetAddress([0x33, 0x33, 0, 0, 0, 1]);
    for (to, expected) in [
        (address(1), [0, 1, 0]),
        (address(9), [0, 1, 1]),
        (EthernetAddress::BROADCAST, [0, 1, 1]),
        (multicast, [0, 1, 1]),
        (address(0), [0, 0, 0]),
    ] {
        send_frame(&ethernet, 0, at(0), &frame(to, 7, 1_514));
        let received = [0, 1, 2].map(|port| drain(&ethernet, port, at(0)).len());
        assert_eq!(received, expected, "{to}");
    }
    assert_eq!(ethernet.counts(0).dropped(Cause::NoRecipient), 1);
}

#[test]
fn each_of_many_receivers_gets_the_whole_frame() {
    let ethernet = ethernet(1, 32, 40);
    let sent = frame(EthernetAddress::BROADCAST, 5, 900);
    send_frame(&ethernet, 17, at(0), &sent);
    for port in 0..32 {
        let received = ethernet.port(port).receive_frame();
        assert_eq!(
            received.as_deref(),
            (port != 17).then_some(&sent[..]),
            "{port}"
        );
    }
}

#[test]
fn a_cut_is_one_way_and_for_two_ports_only() {
    let ethernet = ethernet(1, 3, 20);
    ethernet.sever(0, 1);
    send(&ethernet, 0, at(0), 0..1);
    send(&ethernet, 1, at(0), 1..2);
    assert_eq!(drain(&ethernet, 0, at(0)), [1]);
    assert!(drain(&ethernet, 1, at(0)).is_empty());
    assert_eq!(drain(&ethernet, 2, at(0)), [0, 1]);
    assert_eq!(ethernet.counts(0).dropped(Cause::Severed), 1);
    ethernet.mend(0, 1);
    send(&ethernet, 0, at(0), 2..3);
    assert_eq!(drain(&ethernet, 1, at(0)), [2]);
}

#[test]
fn a_port_that_is_down_neither_sends_nor_receives_and_loses_what_is_on_its_way() {
    let ethernet = ethernet(1, 2, 20);
    let delay_micros = 5_000;
    let link = Link {
        delay_micros,
        ..Link::PERFECT
    };
    ethernet.set_link(0, link);
    ethernet.set_link(1, link);
    send(&ethernet, 0, at(0), 0..3);
    send(&ethernet, 1, at(0), 3..4);
    ethernet.set_up(1, false);
    send(&ethernet, 0, at(0), 4..6);
    send(&ethernet, 1, at(0), 6..7);
    assert_eq!(ethernet.next_due_at(1), None);
    assert_eq!(drain(&ethernet, 0, at(5)), [3], "it left before");
    assert_eq!(ethernet.counts(0).dropped(Cause::Down), 5);
    assert_eq!(ethernet.counts(1).dropped(Cause::Down), 1);
    ethernet.set_up(1, true);
    send(&ethernet, 0, at(5), 7..8);
    assert_eq!(drain(&ethernet, 1, at(10)), [7]);
}

#[test]
fn frames_over_the_mtu_of_either_side_and_runts_are_dropped() {
    let ethernet = ethernet(1, 2, 20);
    ethernet.set_mtu(0, 576);
    let of = |len| frame(EthernetAddress::BROADCAST, 0, len);
    send_frame(&ethernet, 0, at(0), &of(590));
    send_frame(&ethernet, 0, at(0), &of(591));
    send_frame(&ethernet, 1, at(0), &of(590));
    send_frame(&ethernet, 1, at(0), &of(591));
    send_frame(&ethernet, 1, at(0), &[0xff; 13]);
    assert_eq!(drain(&ethernet, 1, at(0)).len(), 1);
    assert_eq!(drain(&ethernet, 0, at(0)).len(), 1);
    assert_eq!(ethernet.counts(0).dropped(Cause::Oversize), 1);
    assert_eq!(ethernet.counts(1).dropped(Cause::Oversize), 1);
    assert_eq!(ethernet.counts(1).dropped(Cause::Runt), 1);
}

#[test]
fn a_plan_acts_on_its_frames_and_exempts_them_from_chance() {
    let ethernet = ethernet(1, 2, 20);
    ethernet.set_link(
        0,
        Link {
            loss_ppm: 1_000_000,
            ..Link::PERFECT
        },
    );
    let planned = |number, action| Planned { number, action };
    ethernet.set_plan(
        0,
        Box::leak(Box::new([
            planned(0, Action::Pass),
            planned(2, Action::Drop),
            planned(
                3,
                Action::Duplicate {
                    after_micros: 4_000,
                },
            ),
            planned(4, Action::Delay { by_micros: 2_000 }),
            planned(5, Action::Change(Change::Padding)),
        ])),
    );
    send(&ethernet, 0, at(0), 0..7);
    assert_eq!(drain(&ethernet, 1, at(0)), [0, 3, 5]);
    assert_eq!(ethernet.next_due(), Some(at(2)));
    assert_eq!(drain(&ethernet, 1, at(2)), [4]);
    assert_eq!(ethernet.next_due(), Some(at(4)));
    assert_eq!(drain(&ethernet, 1, at(4)), [3]);
    let counts = ethernet.counts(0);
    assert_eq!(counts.dropped(Cause::Planned), 1);
    assert_eq!(counts.dropped(Cause::Loss), 2);
    assert_eq!((counts.duplicated, counts.held_back), (1, 1));
    assert_eq!(counts.changed(Change::Padding), 1);
}

#[test]
fn a_rule_decides_by_what_a_frame_holds_and_a_plan_comes_first() {
    let ethernet = ethernet(1, 2, 20);
    ethernet.set_rule(
        0,
        Some(|_, bytes| number(bytes).is_multiple_of(2).then_some(Action::Drop)),
    );
    ethernet.set_plan(
        0,
        &[Planned {
            number: 4,
            action: Action::Pass,
        }],
    );
    send(&ethernet, 0, at(0), 0..8);
    assert_eq!(drain(&ethernet, 1, at(0)), [1, 3, 4, 5, 7]);
    ethernet.set_rule(0, None);
    send(&ethernet, 0, at(0), 8..9);
    assert_eq!(drain(&ethernet, 1, at(0)), [8]);
}

/// Keeps everything that it sees.
#[derive(Default)]
struct Record(Vec<(FrameEvent, Vec<u8>)>);

impl FrameObserver for Record {
    fn observe(&mut self, event: &FrameEvent, frame: &[u8]) {
        self.0.push((*event, frame.to_vec()));
    }
}

#[test]
fn an_observer_sees_each_frame_sent_altered_doubled_dropped_and_delivered() {
    let record = RefCell::new(Record::default());
    let ethernet = ethernet(1, 2, 20);
    let planned = |number, action| Planned { number, action };
    ethernet.set_plan(
        0,
        Box::leak(Box::new([
            planned(1, Action::Drop),
            planned(2, Action::Change(Change::Truncation)),
            planned(3, Action::Duplicate { after_micros: 0 }),
        ])),
    );
    assert!(ethernet.observe(Some(&record)).is_none());
    send(&ethernet, 0, at(1), 0..4);
    ethernet.set_now(at(2));
    let mut received = Vec::new();
    while let Some(frame) = ethernet.port(1).receive_frame() {
        received.push(frame.to_vec());
    }
    assert!(ethernet.observe(None).is_some());
    send(&ethernet, 0, at(2), 4..5);
    let record = record.borrow();
    let seen: Vec<_> = record
        .0
        .iter()
        .map(|(event, _)| (event.number, event.to, event.fate))
        .collect();
    assert_eq!(
        seen,
        [
            (0, None, Fate::Sent),
            (1, None, Fate::Sent),
            (1, Some(1), Fate::Dropped(Cause::Planned)),
            (2, None, Fate::Sent),
            (2, Some(1), Fate::Changed(Change::Truncation)),
            (3, None, Fate::Sent),
            (3, Some(1), Fate::Duplicated),
            (0, Some(1), Fate::Delivered),
            (2, Some(1), Fate::Delivered),
            (3, Some(1), Fate::Delivered),
            (3, Some(1), Fate::Delivered),
        ]
    );
    let delivered = record
        .0
        .iter()
        .filter(|(event, _)| event.fate == Fate::Delivered);
    for ((event, bytes), frame) in delivered.zip(&received) {
        assert_eq!((event.sent_micros, event.at_micros), (1_000, 2_000));
        assert_eq!(bytes, frame);
    }
    let (_, altered) = &record.0[4];
    assert_eq!(*altered, received[1], "what arrives is what was announced");
}
