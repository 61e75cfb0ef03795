//! Random faults happen at their rate and are counted.

use super::{
    super::{Bursts, Cause, Change, Jitter, Link},
    std::vec::Vec,
    *,
};

const FRAMES: u64 = 20_000;

/// Asserts that `count` is 10 % of [`FRAMES`], within four standard deviations.
fn assert_tenth(count: u64, what: impl core::fmt::Debug) {
    assert!((1_830..=2_170).contains(&count), "{what:?}: {count}");
}

/// Sends [`FRAMES`] copies of a frame over a link; returns the Ethernet, and each arrival's delay
/// and bytes.
fn run(link: Link, frame: &[u8]) -> (Ethernet<'static>, Vec<(u64, Vec<u8>)>) {
    let ethernet = ethernet(11, 2, 8);
    ethernet.set_link(0, link);
    let mut now = Tick::ZERO;
    let mut arrivals = Vec::new();
    for _ in 0..FRAMES {
        send_frame(&ethernet, 0, now, frame);
        let sent = now;
        // A frame arrives at most twice.
        for _ in 0..2 {
            let Some(due) = ethernet.next_due() else {
                break;
            };
            now = now.max(due);
            ethernet.set_now(now);
            while let Some(bytes) = ethernet.port(1).receive_frame() {
                arrivals.push((now.since(sent).as_millis(), bytes.to_vec()));
            }
        }
        assert_eq!(ethernet.next_due(), None, "all has arrived");
    }
    (ethernet, arrivals)
}

#[test]
fn every_loss_happens_at_its_rate_and_is_counted() {
    let (ack, data) = (tcp_frame(b""), tcp_frame(b"payload"));
    let tenth = 100_000;
    for (link, frame, cause) in [
        (
            Link {
                loss_ppm: tenth,
                ..Link::PERFECT
            },
            &broadcast(0),
            Cause::Loss,
        ),
        (
            Link {
                ack_loss_ppm: tenth,
                ..Link::PERFECT
            },
            &ack,
            Cause::AckLoss,
        ),
        (
            Link {
                data_loss_ppm: tenth,
                ..Link::PERFECT
            },
            &data,
            Cause::DataLoss,
        ),
    ] {
        let (ethernet, arrivals) = run(link, frame);
        let counts = ethernet.counts(0);
        assert_tenth(counts.dropped(cause), cause);
        assert_eq!(counts.dropped_total(), counts.dropped(cause));
        assert_eq!(arrivals.len() as u64 + counts.dropped(cause), counts.sent);
        assert_eq!(ethernet.counts(1).delivered, arrivals.len() as u64);
    }
}

#[test]
fn loss_of_acks_or_of_data_leaves_all_other_frames_alone() {
    let (ack, data) = (tcp_frame(b""), tcp_frame(b"payload"));
    let mut syn = tcp_frame(b"");
    TcpPacket::new_unchecked(&mut syn[34..]).set_syn(true);
    let no_acks = Link {
        ack_loss_ppm: 1_000_000,
        ..Link::PERFECT
    };
    let no_data = Link {
        data_loss_ppm: 1_000_000,
        ..Link::PERFECT
    };
    for (link, frame) in [
        (no_acks, &data),
        (no_acks, &syn),
        (no_acks, &broadcast(0)),
        (no_data, &ack),
        (no_data, &syn),
        (no_data, &broadcast(0)),
    ] {
        assert_eq!(run(link, frame).1.len() as u64, FRAMES);
    }
}

#[test]
fn bursts_lose_whole_runs_of_their_mean_length() {
    let ethernet = ethernet(12, 2, 8);
    ethernet.set_link(
        0,
        Link {
            bursts: Some(Bursts {
                good_frames_mean: 40,
                bad_frames_mean: 10,
            }),
            ..Link::PERFECT
        },
    );
    let (mut lost, mut runs, mut was_lost) = (0_u32, 0_u32, false);
    for number in 0..100_000 {
        send_frame(&ethernet, 0, Tick::ZERO, &broadcast(number));
        let is_lost = drain(&ethernet, 1, Tick::ZERO).is_empty();
        lost += u32::from(is_lost);
        runs += u32::from(is_lost && !was_lost);
        was_lost = is_lost;
    }
    assert!((18_000..22_000).contains(&lost), "a fifth is lost: {lost}");
    let run_mean_tenths = lost * 10 / runs;
    assert!((92..108).contains(&run_mean_tenths), "{run_mean_tenths}");
    assert_eq!(ethernet.counts(0).dropped(Cause::Burst), u64::from(lost));
}

#[test]
fn every_change_happens_at_its_rate_is_counted_and_reaches_the_receiver() {
    let frame = tcp_frame(b"AABBCCDDEEFFGGHH");
    let tenth = 100_000;
    let perfect = Link::PERFECT;
    for (change, link) in [
        (
            Change::BitFlip,
            Link {
                bit_flip_ppm: tenth,
                ..perfect
            },
        ),
        (
            Change::Truncation,
            Link {
                truncate_ppm: tenth,
                ..perfect
            },
        ),
        (
            Change::Padding,
            Link {
                pad_ppm: tenth,
                ..perfect
            },
        ),
        (
            Change::Junk,
            Link {
                junk_ppm: tenth,
                ..perfect
            },
        ),
        (
            Change::WordSwap,
            Link {
                word_swap_ppm: tenth,
                ..perfect
            },
        ),
        (
            Change::Lie,
            Link {
                lie_ppm: tenth,
                ..perfect
            },
        ),
    ] {
        let (ethernet, arrivals) = run(link, &frame);
        let altered = arrivals.iter().filter(|(_, bytes)| *bytes != frame);
        assert_eq!(arrivals.len() as u64, FRAMES, "{change:?} delivers");
        assert_tenth(ethernet.counts(0).changed(change), change);
        assert_eq!(altered.count() as u64, ethernet.counts(0).changed(change));
    }
}

#[test]
fn duplicates_come_at_their_rate_and_late() {
    let link = Link {
        duplicate_ppm: 100_000,
        duplicate_micros_max: 9_000_000,
        ..Link::PERFECT
    };
    let (ethernet, arrivals) = run(link, &broadcast(3));
    let duplicated = ethernet.counts(0).duplicated;
    assert_tenth(duplicated, "duplicates");
    assert_eq!(arrivals.len() as u64, FRAMES + duplicated);
    let latest = arrivals.iter().map(|(delay, _)| *delay).max().unwrap();
    assert!((8_500..=9_000).contains(&latest), "{latest}");
    assert!(arrivals.iter().all(|(_, bytes)| *bytes == broadcast(3)));
}

#[test]
fn delay_and_jitter_have_their_range_and_mean() {
    let delays = |jitter| {
        let link = Link {
            delay_micros: 30_000,
            jitter,
            ..Link::PERFECT
        };
        let (_, arrivals) = run(link, &broadcast(0));
        let delays = arrivals.iter().map(|(delay, _)| *delay);
        let sum: u64 = delays.clone().sum();
        let range = (delays.clone().min().unwrap(), delays.max().unwrap());
        (range, sum / FRAMES)
    };
    assert_eq!(delays(Jitter::None), ((30, 30), 30));
    let (range, mean) = delays(Jitter::Uniform {
        micros_max: 100_000,
    });
    // Parts of a tick are rounded up.
    assert_eq!(range, (31, 130));
    assert!((79..=81).contains(&mean), "{mean}");
    let (range, mean) = delays(Jitter::Exponential {
        micros_mean: 100_000,
    });
    assert!(range.0 <= 31 && range.1 > 700, "{range:?}");
    assert!((127..=133).contains(&mean), "{mean}");
}

/// The order in which 200 frames arrive that were sent a millisecond apart.
fn order_of_arrival(link: Link) -> (Ethernet<'static>, Vec<u32>) {
    let ethernet = ethernet(13, 2, 300);
    ethernet.set_link(0, link);
    let mut numbers = Vec::new();
    for tick in 0..200 {
        numbers.extend(drain(&ethernet, 1, at(tick)));
        send(&ethernet, 0, at(tick), tick as u32..tick as u32 + 1);
    }
    numbers.extend(drain(&ethernet, 1, at(1_000_000)));
    (ethernet, numbers)
}

#[test]
fn jitter_reorders_unless_the_link_keeps_order() {
    let link = Link {
        jitter: Jitter::Exponential {
            micros_mean: 20_000,
        },
        ..Link::PERFECT
    };
    assert!(!order_of_arrival(link).1.is_sorted());
    let ordered = Link {
        keeps_order: true,
        ..link
    };
    assert!(order_of_arrival(ordered).1.iter().copied().eq(0..200));
}

#[test]
fn a_frame_held_back_is_overtaken_and_counted() {
    let (ethernet, numbers) = order_of_arrival(Link {
        keeps_order: true,
        reorder_ppm: 100_000,
        reorder_micros_max: 10_000,
        ..Link::PERFECT
    });
    let late = numbers
        .iter()
        .enumerate()
        .filter(|(at, number)| numbers[..*at].iter().any(|earlier| earlier > number))
        .count() as u64;
    let held_back = ethernet.counts(0).held_back;
    assert!((10..=32).contains(&held_back), "{held_back}");
    assert!(late > 5 && late <= held_back, "{late} of {held_back}");
}

#[test]
fn a_clog_holds_all_later_frames_in_order() {
    let (ethernet, numbers) = order_of_arrival(Link {
        clog_ppm: 50_000,
        clog_micros_max: 50_000,
        ..Link::PERFECT
    });
    assert!(numbers.iter().copied().eq(0..200));
    assert!(ethernet.counts(0).clogged > 2);
    let ethernet = super::ethernet(14, 2, 8);
    ethernet.set_link(
        0,
        Link {
            clog_ppm: 1_000_000,
            clog_micros_max: 5_000_000,
            ..Link::PERFECT
        },
    );
    send(&ethernet, 0, Tick::ZERO, 0..1);
    ethernet.set_link(0, Link::PERFECT);
    send(&ethernet, 0, Tick::ZERO, 1..2);
    let due = ethernet.next_due().unwrap();
    assert!(due > at(100), "this seed's clog lasts: {due}");
    ethernet.replace_link(0, Link::PERFECT);
    send(&ethernet, 0, Tick::ZERO, 2..3);
    assert_eq!(drain(&ethernet, 1, Tick::ZERO), [2], "another link is free");
    assert_eq!(drain(&ethernet, 1, due), [0, 1]);
}
