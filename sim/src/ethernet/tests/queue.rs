//! Order, rate and capacity.

use proptest::prelude::*;

use super::{
    super::{
        Bandwidth, Cause, Link,
        pool::{Flight, Pool},
    },
    std::vec::Vec,
    *,
};

#[test]
fn a_perfect_link_delivers_all_in_order_in_the_same_tick() {
    let ethernet = ethernet(1, 2, 102);
    send(&ethernet, 0, at(5), 0..100);
    assert_eq!(ethernet.next_due(), Some(at(5)));
    assert!(drain(&ethernet, 1, at(4)).is_empty());
    assert!(drain(&ethernet, 1, at(5)).iter().copied().eq(0..100));
    assert_eq!(ethernet.next_due(), None);
    assert_eq!(ethernet.counts(0).dropped_total(), 0);
    assert_eq!(
        ethernet.counts(1).delivered_bytes,
        ethernet.counts(0).sent_bytes
    );
}

#[test]
fn frames_due_at_the_same_time_arrive_in_the_order_of_sending() {
    let ethernet = ethernet(1, 3, 20);
    let delay = |millis: u64| Link {
        delay_micros: millis * 1_000,
        ..Link::PERFECT
    };
    ethernet.set_link(0, delay(10));
    ethernet.set_link(1, delay(5));
    send(&ethernet, 0, at(0), 0..2);
    send(&ethernet, 1, at(5), 2..4);
    ethernet.set_link(1, delay(4));
    send(&ethernet, 1, at(5), 4..5);
    assert_eq!(ethernet.next_due_at(2), Some(at(9)));
    assert_eq!(drain(&ethernet, 2, at(9)), [4]);
    assert_eq!(ethernet.next_due_at(2), Some(at(10)));
    assert_eq!(drain(&ethernet, 2, at(10)), [0, 1, 2, 3]);
}

#[test]
fn a_part_of_a_tick_rounds_up_so_that_no_frame_is_early() {
    let ethernet = ethernet(1, 2, 4);
    ethernet.set_link(
        0,
        Link {
            delay_micros: 1_001,
            ..Link::PERFECT
        },
    );
    send(&ethernet, 0, at(0), 0..1);
    assert!(drain(&ethernet, 1, at(1)).is_empty());
    assert_eq!(ethernet.next_due(), Some(at(2)));
    assert_eq!(drain(&ethernet, 1, at(2)), [0]);
}

fn at_rate(bits_per_second: u32, queue_frames: usize) -> Link {
    Link {
        bandwidth: Some(Bandwidth::new(bits_per_second, queue_frames)),
        ..Link::PERFECT
    }
}

#[test]
fn bandwidth_spaces_frames_by_their_length() {
    let ethernet = ethernet(1, 2, 12);
    // At 8 Mbit/s a byte takes a microsecond.
    ethernet.set_link(0, at_rate(8_000_000, 8));
    for (number, len) in [(0, 1_000), (1, 500), (2, 1_500)] {
        let frame = frame(EthernetAddress::BROADCAST, number, len);
        send_frame(&ethernet, 0, at(10), &frame);
    }
    for (number, tick) in [(0, 11), (1, 12), (2, 13)] {
        assert_eq!(ethernet.next_due(), Some(at(tick)));
        assert_eq!(drain(&ethernet, 1, at(tick)), [number]);
    }
    // After a pause the line is free again; the pause does not make it faster.
    send_frame(&ethernet, 0, at(50), &broadcast(3));
    assert_eq!(ethernet.next_due(), Some(at(51)));
}

#[test]
fn a_rate_is_exact_over_many_frames() {
    let ethernet = ethernet(1, 2, 70);
    // One bit takes 1/3 of a millisecond, a frame of 64 bytes 170.67 ms.
    ethernet.set_link(0, at_rate(3_000, 64));
    let mut now = Tick::ZERO;
    let mut received = 0;
    send(&ethernet, 0, now, 0..1);
    for number in 1..=3_000 {
        send(&ethernet, 0, now, number..number + 1);
        now = ethernet.next_due().unwrap();
        received += drain(&ethernet, 1, now).len();
    }
    assert_eq!(received, 3_000);
    assert_eq!(now, at(512_000));
}

#[test]
fn a_full_queue_drops_at_its_tail_and_empties_with_time() {
    let ethernet = ethernet(1, 2, 20);
    // A frame of 64 bytes takes 1 ms.
    ethernet.set_link(0, at_rate(512_000, 4));
    send(&ethernet, 0, at(0), 0..10);
    assert_eq!(ethernet.counts(0).dropped(Cause::QueueFull), 6);
    send(&ethernet, 0, at(2), 10..15);
    assert_eq!(ethernet.counts(0).dropped(Cause::QueueFull), 9);
    assert_eq!(drain(&ethernet, 1, at(5)), [0, 1, 2, 3, 10]);
    assert_eq!(drain(&ethernet, 1, at(6)), [11]);
}

#[test]
fn a_full_pool_drops_and_counts_but_never_refuses() {
    let ethernet = ethernet(1, 2, 6);
    send(&ethernet, 0, at(0), 0..7);
    assert_eq!(ethernet.counts(0).dropped(Cause::PoolFull), 3);
    assert_eq!(drain(&ethernet, 1, at(0)), [0, 1, 2, 3]);
    send(&ethernet, 0, at(0), 7..9);
    assert_eq!(drain(&ethernet, 1, at(0)), [7, 8]);
    assert_eq!(ethernet.counts(0).dropped_total(), 3);
}

#[test]
fn the_end_of_time_neither_wraps_nor_panics() {
    let ethernet = ethernet(1, 2, 6);
    ethernet.set_link(
        0,
        Link {
            delay_micros: u64::MAX,
            duplicate_ppm: 1_000_000,
            duplicate_micros_max: u64::MAX,
            clog_ppm: 1_000_000,
            clog_micros_max: u64::MAX,
            reorder_ppm: 1_000_000,
            reorder_micros_max: u64::MAX,
            ..at_rate(1, 64)
        },
    );
    let end = at(u64::MAX);
    send(&ethernet, 0, end, 0..2);
    assert_eq!(drain(&ethernet, 1, end).len(), 4);
}

proptest! {
    /// Two queues over one pool against sorted lists.
    #[test]
    fn queues_give_frames_by_due_time_and_sequence(
        calls in prop::collection::vec((0..2_usize, prop::option::of(0..20_u64)), 1..300),
    ) {
        const COUNT: usize = 50;
        let mut frames: Vec<_> = (0..COUNT).map(|_| Frame::new(&mut [][..])).collect();
        let mut pool = Pool::new((&mut frames[..]).into());
        let mut roots = [None; 2];
        let mut models = [Vec::new(), Vec::new()];
        for (number, (queue, push)) in calls.into_iter().enumerate() {
            let number = number as u64;
            if let Some(due_micros) = push {
                let taken = pool.take();
                prop_assert_eq!(taken.is_none(), models[0].len() + models[1].len() == COUNT);
                if let Some((index, bytes)) = taken {
                    let flight = Flight { due_micros, number, ..Flight::default() };
                    pool.push(&mut roots[queue], index, flight, bytes);
                    models[queue].push((due_micros, number));
                    models[queue].sort();
                }
            } else {
                let expected = (!models[queue].is_empty()).then(|| models[queue].remove(0));
                prop_assert_eq!(pool.due_micros(roots[queue]), expected.map(|(due, _)| due));
                let popped = pool.pop(&mut roots[queue]).map(|index| {
                    let flight = pool.frame(index).flight;
                    pool.release(index);
                    (flight.due_micros, flight.number)
                });
                prop_assert_eq!(popped, expected);
            }
        }
    }
}
