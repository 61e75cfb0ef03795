//! The rules on single segments: a connection that has sent, and what the peer answers.

extern crate std;

use std::vec::Vec;

use super::received::Received;
use super::*;

mod hostile;

const ISS: Seq = Seq(u32::MAX - 5_000);
const MSS: u32 = 1_000;
const MILLIS: Micros = 1_000;

/// A sender as the guard sees it, with a round trip of 10 ms.
struct Sender {
    recovery: Recovery,
    flight: Flight,
    now: Micros,
}

impl Sender {
    fn new(has_sack: bool) -> Self {
        let mut sender = Self {
            recovery: Recovery::UNKNOWN,
            flight: Flight {
                una: ISS,
                max: ISS.after(1),
                fin_sent: false,
            },
            now: 4_294_960_000,
        };
        sender
            .recovery
            .on_syn_sent(has_sack, sender.flight.max, sender.now);
        sender.wait(10 * MILLIS);
        sender.flight.una = sender.flight.max;
        sender.recovery.on_established(8_000, true, sender.now);
        sender
    }

    fn wait(&mut self, micros: Micros) {
        self.now = self.now.wrapping_add(micros);
    }

    /// Sends new segments.
    fn send(&mut self, segments: u32) {
        for _ in 0..segments {
            self.send_at(self.flight.max, MSS);
        }
    }

    fn send_at(&mut self, seq: Seq, len: u32) {
        let max_before = self.flight.max;
        if max_before.is_before(seq.after(len)) {
            self.flight.max = seq.after(len);
        }
        self.recovery
            .on_sent(seq, len, max_before, &self.flight, self.now);
    }

    /// smoltcp resends its first segment.
    fn resend_first(&mut self) {
        self.send_at(self.flight.una, MSS);
    }

    /// The peer acknowledges this number of further segments, and reports to have those from the
    /// first to before the last, counted from there.
    fn ack(&mut self, segments: u32, sacked: &[(u32, u32)]) -> Option<Rule> {
        let una_before = self.flight.una;
        let una = una_before.after(segments * MSS);
        self.flight.una = una;
        let mut options = Vec::new();
        if !sacked.is_empty() {
            options.extend([1, 1, 5, 2 + 8 * u8::try_from(sacked.len()).expect("a few")]);
        }
        for at in sacked.iter().flat_map(|&(start, end)| [start, end]) {
            options.extend(una.0.wrapping_add(at.wrapping_mul(MSS)).to_be_bytes());
        }
        self.receive(una_before, 8_000, &options)
    }

    fn receive(&mut self, una_before: Seq, window: u16, options: &[u8]) -> Option<Rule> {
        let received = Received {
            window,
            payload_len: 0,
            options,
        };
        (self.recovery).on_received(&received, una_before, &self.flight, self.now);
        self.act()
    }

    /// Lets the rule act that is due.
    fn act(&mut self) -> Option<Rule> {
        let due = self.recovery.due_at(&self.flight)?;
        let is_due = due.wrapping_sub(self.now).cast_signed() <= 0;
        if self.recovery.has_made_up() || !is_due {
            return None;
        }
        self.recovery.ask(true, &self.flight, self.now)
    }

    /// Waits until a rule acts, at most for so long, and returns after how long it did.
    fn wait_for_rule(&mut self, micros_max: Micros) -> Option<(Micros, Rule)> {
        let due = self.recovery.due_at(&self.flight)?;
        let after = due.wrapping_sub(self.now);
        if after > micros_max {
            return None;
        }
        self.wait(after);
        self.act().map(|rule| (after, rule))
    }

    /// Takes what was made up and lets smoltcp resend. Returns the windows.
    fn take_all(&mut self) -> Vec<u16> {
        let mut windows = Vec::new();
        while self.recovery.has_made_up() {
            windows.push(self.recovery.take_made_up());
        }
        if !windows.is_empty() {
            self.resend_first();
        }
        windows
    }
}

#[test]
fn nothing_is_due_while_nothing_is_in_flight() {
    let mut sender = Sender::new(true);
    assert_eq!(sender.recovery.due_at(&sender.flight), None);
    sender.send(3);
    assert!(sender.recovery.due_at(&sender.flight).is_some());
    sender.ack(3, &[]);
    assert_eq!(sender.recovery.due_at(&sender.flight), None);
}

#[test]
fn the_words_are_one_update_and_three_duplicates_of_it_never_wider_than_the_peers_window() {
    let mut sender = Sender::new(true);
    sender.send(4);
    sender.wait_for_rule(MILLIS * 100);
    assert_eq!(sender.take_all(), [7_999; 4]);
    // Again, without a word of the peer's in between.
    sender.wait_for_rule(MILLIS * 100);
    assert_eq!(sender.take_all(), [7_998; 4]);
}

#[test]
fn a_window_below_two_cannot_be_made_smaller_so_nothing_is_asked() {
    let mut sender = Sender::new(true);
    sender.send(2);
    let una = sender.flight.una;
    sender.receive(una, 1, &[]);
    // What tells of a loss then changes nothing.
    sender.recovery.duplicates = 3;
    let started = sender.now;
    for _ in 0..12 {
        assert_eq!(sender.wait_for_rule(60_000 * MILLIS), None);
        assert!(!sender.recovery.has_made_up());
    }
    // It did not ask again and again.
    assert!(sender.now.wrapping_sub(started) > 60_000 * MILLIS);
}

#[test]
fn the_last_segments_of_a_flight_are_probed_for_and_each_probe_doubles_the_time() {
    let mut sender = Sender::new(true);
    sender.send(2);
    // SRTT + 4 RTTVAR after the handshake alone.
    let mut expected = 30 * MILLIS;
    for _ in 0..6 {
        let found = sender.wait_for_rule(10_000 * MILLIS);
        assert_eq!(found, Some((expected, Rule::TailLossProbe)));
        assert_eq!(sender.take_all().len(), 4);
        expected *= 2;
    }
    // One that is acknowledged to its end, and a clean round trip: back to what it was, or less.
    sender.ack(2, &[]);
    sender.send(2);
    sender.wait(10 * MILLIS);
    sender.ack(2, &[]);
    sender.send(2);
    let (after, _) = sender.wait_for_rule(30 * MILLIS).expect("it is due");
    assert!(after >= 20 * MILLIS, "{after}");
}

#[test]
fn a_single_segment_leaves_the_peer_the_time_to_delay_its_ack() {
    let mut sender = Sender::new(true);
    sender.send(1);
    assert_eq!(sender.wait_for_rule(74 * MILLIS), None);
    assert!(sender.wait_for_rule(75 * MILLIS).is_some());
}

#[test]
fn a_fin_alone_is_sent_again_at_once_if_it_was_lost_for_certain_and_a_few_times_at_most() {
    let mut sender = Sender::new(true);
    sender.send(4);
    sender.flight.fin_sent = true;
    sender.send_at(sender.flight.max, MSS + 1);
    sender.wait(10 * MILLIS);
    for last in 2..5 {
        sender.ack(0, &[(1, last)]);
    }
    sender.take_all();
    // The peer drops a FIN that is ahead of a gap, as smoltcp does.
    sender.wait(10 * MILLIS);
    assert_eq!(sender.ack(5, &[]), Some(Rule::PartialAck));
    assert!(sender.flight.is_fin_alone() && sender.recovery.has_made_up());
    let mut sent = 0;
    while sender.recovery.has_made_up() && sent < 100 {
        sent += 1;
        sender.recovery.on_fin_resent();
        sender.wait_for_rule(60_000 * MILLIS);
    }
    assert_eq!(sent, 1 + u32::from(FIN_PROBES_MAX));
}

#[test]
fn the_third_duplicate_finds_a_loss_and_partial_acks_find_the_next_at_once() {
    let mut sender = Sender::new(true);
    sender.send(8);
    sender.wait(10 * MILLIS);
    assert_eq!(sender.ack(0, &[(1, 2)]), None);
    assert_eq!(sender.ack(0, &[(1, 3)]), None);
    assert_eq!(sender.ack(0, &[(1, 4)]), Some(Rule::ThirdDuplicate));
    assert_eq!(sender.take_all().len(), 4);
    // More duplicates of the same flight ask for nothing.
    assert_eq!(sender.ack(0, &[(1, 4), (5, 6)]), None);
    sender.wait(10 * MILLIS);
    assert_eq!(sender.ack(4, &[(1, 2)]), Some(Rule::PartialAck));
    assert_eq!(sender.take_all().len(), 4);
    sender.wait(10 * MILLIS);
    assert_eq!(sender.ack(4, &[]), None);
    assert_eq!(sender.recovery.phase, Phase::Open);
}

#[test]
fn a_partial_ack_that_smoltcp_cannot_be_asked_for_waits_for_the_next_probe() {
    let mut sender = Sender::new(true);
    sender.send(8);
    sender.wait(10 * MILLIS);
    for last in 2..5 {
        sender.ack(0, &[(1, last)]);
    }
    sender.take_all();
    sender.wait(10 * MILLIS);
    let una = sender.flight.una;
    sender.flight.una = una.after(4 * MSS);
    assert_eq!(sender.receive(una, 1, &[]), None);
    let due = sender.recovery.due_at(&sender.flight).expect("more is out");
    assert!(due.wrapping_sub(sender.now) >= 20 * MILLIS);
}

#[test]
fn a_changed_window_is_a_duplicate_with_sack_and_none_without() {
    for (has_sack, expected) in [(true, Some(Rule::ThirdDuplicate)), (false, None)] {
        let mut sender = Sender::new(has_sack);
        sender.send(8);
        sender.ack(1, &[]);
        let una = sender.flight.una;
        let block = [
            una.after(MSS).0.to_be_bytes(),
            una.after(2 * MSS).0.to_be_bytes(),
        ]
        .concat();
        let options = [&[1, 1, 5, 10][..], &block].concat();
        let found: Vec<_> = (0..3)
            .map(|n| sender.receive(una, 8_000 - 100 * n, &options))
            .collect();
        assert_eq!(found, [None, None, expected]);
    }
}

#[test]
fn one_duplicate_is_enough_after_a_round_trip_and_a_quarter() {
    let mut sender = Sender::new(true);
    sender.send(2);
    sender.wait(10 * MILLIS);
    assert_eq!(sender.ack(0, &[(1, 2)]), None);
    // 12.5 ms and a step of the clock after it was sent.
    let found = sender.wait_for_rule(10 * MILLIS);
    assert_eq!(found, Some((3_500, Rule::ReorderingWindow)));
    assert_eq!(sender.take_all().len(), 4);
    // It is lost again; something sent later arrives.
    sender.send(1);
    sender.wait(10 * MILLIS);
    assert_eq!(sender.ack(0, &[(1, 3)]), None);
    let found = sender.wait_for_rule(10 * MILLIS);
    assert_eq!(found, Some((3_500, Rule::ReorderingWindow)));
}

#[test]
fn where_segments_overtake_each_other_the_third_duplicate_waits_a_quarter_of_a_round_trip() {
    let mut sender = Sender::new(true);
    sender.send(8);
    sender.wait(10 * MILLIS);
    assert_eq!(sender.ack(0, &[(1, 2)]), None);
    // The first one was only late.
    assert_eq!(sender.ack(2, &[]), None);
    for last in 2..6 {
        assert_eq!(sender.ack(0, &[(1, last)]), None);
    }
    let found = sender.wait_for_rule(10 * MILLIS);
    assert_eq!(found, Some((3_500, Rule::ReorderingWindow)));
}

#[test]
fn a_resent_segment_is_no_sample_and_neither_is_what_waited_for_it() {
    let mut sender = Sender::new(true);
    let before = sender.recovery.round_trip;
    sender.send(4);
    sender.wait_for_rule(30 * MILLIS);
    sender.take_all();
    sender.wait(500 * MILLIS);
    sender.ack(4, &[]);
    assert_eq!(sender.recovery.round_trip, before);
    // A SYN that was resent.
    let mut fresh = Recovery::UNKNOWN;
    fresh.on_syn_sent(true, sender.flight.max, 0);
    fresh.on_syn_sent(true, sender.flight.max, 1_000 * MILLIS);
    fresh.on_established(8_000, true, 1_001 * MILLIS);
    assert_eq!(fresh.round_trip, RoundTrip::UNKNOWN);
}

#[test]
fn what_smoltcps_own_timeout_has_resent_is_no_sample() {
    let mut sender = Sender::new(true);
    let before = sender.recovery.round_trip;
    sender.send(1);
    let una = sender.flight.una;
    // With such a window nothing can be asked of smoltcp.
    sender.receive(una, 1, &[]);
    assert_eq!(sender.wait_for_rule(1_000 * MILLIS), None);
    sender.wait(1_000 * MILLIS);
    sender.resend_first();
    sender.wait(10 * MILLIS);
    sender.ack(1, &[]);
    assert_eq!(sender.recovery.round_trip, before);
}

#[test]
fn a_segment_that_the_peer_reports_by_sack_is_a_sample() {
    let mut sender = Sender::new(true);
    sender.send(2);
    // Not long enough for L4.
    sender.wait(13 * MILLIS);
    // The timed one is the first; the second is not timed.
    sender.ack(0, &[(1, 2)]);
    assert_eq!(sender.recovery.round_trip.smoothed(), 10 * MILLIS);
    sender.ack(1, &[]);
    let smoothed = sender.recovery.round_trip.smoothed();
    assert!((10_300..10_400).contains(&smoothed), "{smoothed}");
}

#[test]
fn a_keep_alive_is_no_timeout() {
    let mut sender = Sender::new(true);
    sender.send(1);
    sender.ack(1, &[]);
    let una = sender.flight.una;
    sender.send_at(Seq(una.0.wrapping_sub(1)), 1);
    assert_eq!(sender.recovery.phase, Phase::Open);
}

#[test]
fn the_window_of_a_duplicate_is_never_the_last_one_and_never_wider() {
    let mut sender = Sender::new(true);
    sender.send(4);
    for window in [8_000, 8_000, 8_000, 2, 2, 65_535, 65_535] {
        let distinct = sender.recovery.distinct_window(window);
        assert_ne!(distinct, sender.recovery.window);
        assert!(distinct <= window && distinct > 0);
        let una = sender.flight.una;
        sender.receive(una, distinct, &[]);
    }
    for window in [0, 1] {
        assert_eq!(sender.recovery.distinct_window(window), window);
    }
}

#[test]
fn a_segment_between_the_words_makes_them_begin_again_or_end_where_its_window_is_closed() {
    let mut sender = Sender::new(true);
    sender.send(4);
    sender.wait_for_rule(MILLIS * 100);
    assert_eq!(sender.recovery.take_made_up(), 7_999);
    sender.ack(0, &[]);
    assert_eq!(sender.take_all(), [7_999; 4]);
    sender.wait_for_rule(MILLIS * 100);
    let una = sender.flight.una;
    sender.receive(una, 1, &[]);
    assert!(!sender.recovery.has_made_up());
}
