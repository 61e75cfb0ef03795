//! Peers that lie, and paths that change.

use super::*;

#[test]
fn a_round_trip_that_jumps_from_one_ms_to_three_seconds_costs_a_handful_of_probes_once() {
    let mut sender = Sender::new(true);
    for _ in 0..100 {
        sender.send(2);
        sender.wait(MILLIS);
        sender.ack(2, &[]);
    }
    let mut probes_of = |flights: u32| {
        let mut probes = 0;
        for _ in 0..flights {
            sender.send(8);
            let sent_at = sender.now;
            let left = |now: Micros| 3_000 * MILLIS - now.wrapping_sub(sent_at);
            while sender.wait_for_rule(left(sender.now)).is_some() {
                probes += 1;
                sender.take_all();
            }
            sender.wait(left(sender.now));
            // Eight late acknowledgements, then the duplicates of what was resent.
            for _ in 0..8 {
                assert_eq!(sender.ack(1, &[]), None);
                assert!(!sender.recovery.has_made_up());
                sender.wait(MILLIS);
            }
        }
        probes
    };
    let first = probes_of(1);
    assert!((1..=10).contains(&first), "{first}");
    // Until the new round trip has been measured once.
    let later = probes_of(10);
    assert!(later <= 1, "{later}");
}

#[test]
fn after_a_probe_what_moves_on_by_itself_was_not_lost_and_what_stays_was() {
    let mut sender = Sender::new(true);
    sender.send(4);
    sender.wait_for_rule(30 * MILLIS);
    sender.take_all();
    assert_eq!(sender.ack(1, &[]), None);
    assert_eq!(sender.recovery.phase, Phase::Moving);
    // The whole flight was lost: one after the other.
    let found = sender.wait_for_rule(100 * MILLIS);
    assert_eq!(found, Some((15 * MILLIS, Rule::PartialAck)));
    sender.take_all();
    assert_eq!(sender.ack(1, &[]), None);
    assert_eq!(sender.ack(1, &[]), None);
    assert_eq!(sender.recovery.phase, Phase::Open);
}

/// A sender that knows of a long gap on a long path.
fn with_long_gap() -> Sender {
    let mut sender = Sender::new(true);
    for _ in 0..100 {
        sender.send(1);
        sender.wait(200 * MILLIS);
        sender.ack(1, &[]);
    }
    sender.send(40);
    sender.wait(200 * MILLIS);
    let lost = (0..3).map(|n| sender.ack(0, &[(30, 31 + n)])).last();
    assert_eq!(lost, Some(Some(Rule::ThirdDuplicate)));
    sender.take_all();
    sender.wait(200 * MILLIS);
    assert_eq!(sender.ack(1, &[(29, 34)]), None);
    sender
}

#[test]
fn a_long_gap_on_a_long_path_is_left_to_smoltcps_timeout() {
    let mut sender = with_long_gap();
    assert_eq!(sender.recovery.due_at(&sender.flight), None);
    // Its timeout resends the first two; from there on the rules have the word again.
    let una = sender.flight.una;
    sender.send_at(una, MSS);
    sender.send_at(una.after(MSS), MSS);
    assert!(sender.recovery.due_at(&sender.flight).is_some());
}

#[test]
fn a_gap_that_a_later_report_shows_to_be_short_is_closed_at_once() {
    let mut sender = with_long_gap();
    assert_eq!(sender.ack(0, &[(2, 3)]), Some(Rule::PartialAck));
    assert_eq!(sender.take_all().len(), usize::from(MADE_UP));
    assert_eq!(sender.ack(0, &[(2, 3)]), None);
}

#[test]
fn smoltcps_timeout_sends_only_what_the_peer_lacks_and_its_second_one_everything() {
    let mut sender = Sender::new(true);
    sender.send(8);
    let una = sender.flight.una;
    sender.ack(0, &[(2, 5)]);
    let withheld = |sender: &Sender| -> Vec<u32> {
        let has = |n: &u32| {
            let seq = una.after(n * MSS);
            (sender.recovery).has_been_received(seq, MSS)
        };
        (0..8).filter(has).collect()
    };
    let timeout = |sender: &mut Sender| {
        for n in 0..8 {
            sender.send_at(una.after(n * MSS), MSS);
        }
    };
    assert_eq!(withheld(&sender), [2, 3, 4]);
    timeout(&mut sender);
    assert_eq!(withheld(&sender), [2, 3, 4]);
    timeout(&mut sender);
    assert!(withheld(&sender).is_empty());
}

#[test]
fn a_segment_that_only_touches_what_the_peer_has_goes_out() {
    let mut sender = Sender::new(true);
    sender.send(8);
    let una = sender.flight.una;
    sender.ack(0, &[(2, 5)]);
    let has = |start: u32, len: u32| {
        let seq = una.after(start);
        (sender.recovery).has_been_received(seq, len)
    };
    assert!(has(2 * MSS, 3 * MSS));
    assert!(!has(2 * MSS - 1, MSS) && !has(5 * MSS - 1, 2));
}

#[test]
fn before_the_peer_reports_anything_it_has_nothing() {
    for end in [0, 1 << 31] {
        let crossing = Seq(end).before(1);
        assert!(!Recovery::UNKNOWN.has_been_received(crossing, 2), "{end}");
    }
}

#[test]
fn lies_about_what_has_arrived_are_not_believed() {
    let mut sender = Sender::new(true);
    sender.send(4);
    sender.ack(1, &[]);
    // Never sent, inverted, empty, from the first byte on.
    for lie in [(3, 4), (2, 9), (2, 1), (1, 1), (0, 2), (u32::MAX, 2)] {
        for _ in 0..5 {
            assert_eq!(sender.ack(0, &[lie]), None, "{lie:?}");
        }
        assert!(sender.recovery.sacked.is_empty(), "{lie:?}");
        assert_eq!(sender.recovery.duplicates, 0, "{lie:?}");
    }
    // Ranges that overlap are one.
    sender.ack(0, &[(1, 2), (1, 3)]);
    assert_eq!(sender.recovery.sacked.end, sender.flight.max);
}

#[test]
fn a_peer_that_answers_with_nothing_but_duplicates_is_sent_a_segment_each_round_trip_at_most() {
    let mut sender = Sender::new(true);
    sender.send(8);
    let mut resent = 0;
    for _ in 0..1_000 {
        sender.wait(MILLIS);
        sender.ack(0, &[(1, 8)]);
        sender.act();
        resent += u32::from(!sender.take_all().is_empty());
    }
    // One second, round trips of 10 ms and a quarter.
    assert!((50..=100).contains(&resent), "{resent}");
}
