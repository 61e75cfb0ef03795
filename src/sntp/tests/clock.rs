//! The wall clock.

use crate::sntp::{UnixTime, WallClock};
use crate::{Duration, Tick};

/// 2023-11-14 22:13:20.
const START: u64 = 1_700_000_000_000_000;

const fn at(secs: u64) -> Tick {
    Tick::from_millis(secs * 1_000)
}

const fn time(micros: u64) -> UnixTime {
    UnixTime::from_micros(START + micros)
}

#[test]
fn a_clock_that_was_not_set_knows_nothing() {
    assert_eq!(WallClock::new().time(at(5)), None);
}

#[test]
fn a_clock_follows_the_ticks() {
    let clock = WallClock::new();
    assert_eq!(clock.set(at(5), time(0)), None);
    assert_eq!(clock.time(at(5)), Some(time(0)));
    assert_eq!(clock.time(at(65)), Some(time(60_000_000)));
    // A question about the past has no better answer.
    assert_eq!(clock.time(at(4)), Some(time(0)));
}

#[test]
fn a_small_offset_is_worked_off_and_never_goes_back() {
    for offset in [-400_000_i64, 400_000] {
        let clock = WallClock::new();
        clock.set(at(0), time(0));
        let truth = |secs: u64| time((secs * 1_000_000).saturating_add_signed(offset));
        assert_eq!(clock.set(at(10), truth(10)), Some(offset));
        let mut before = clock.time(at(10)).unwrap();
        assert_eq!(before, time(10_000_000));
        for secs in 11..1_000 {
            let now = clock.time(at(secs)).unwrap();
            let moved = now.as_micros() - before.as_micros();
            assert!((999_500..=1_000_500).contains(&moved), "{moved}");
            before = now;
        }
        // 0.4 s at half a millisecond a second.
        assert_ne!(clock.time(at(800)), Some(truth(800)));
        assert_eq!(clock.time(at(810)), Some(truth(810)));
    }
}

#[test]
fn a_large_offset_is_a_step() {
    let clock = WallClock::new();
    clock.set(at(0), time(0));
    assert_eq!(clock.set(at(10), time(11_000_000)), Some(1_000_000));
    assert_eq!(clock.time(at(10)), Some(time(11_000_000)));
    assert_eq!(clock.set(at(20), time(3_000_000)), Some(-18_000_000));
    assert_eq!(clock.time(at(20)), Some(time(3_000_000)));
}

#[test]
fn the_error_of_the_counter_is_measured() {
    for ppm in [-300_i64, -20, 50, 400] {
        let clock = WallClock::new();
        let truth = |secs: u64| time((secs * 1_000_000).saturating_add_signed(secs as i64 * ppm));
        for secs in (0..86_400).step_by(1_024) {
            // Each answer is early or late by up to 5 ms.
            let jitter = i64::try_from(secs * 7_919 % 10_000).unwrap() - 5_000;
            let measured = truth(secs).as_micros().saturating_add_signed(jitter);
            clock.set(at(secs), UnixTime::from_micros(measured));
        }
        let error = clock.rate_ppb() - ppm * 1_000;
        assert!(error.abs() < 1_000, "{ppm}: off by {error} ppb");
        // For an hour without a server.
        let (told, truth) = (clock.time(at(90_000)).unwrap(), truth(90_000));
        let error = told.as_micros().abs_diff(truth.as_micros());
        assert!(error < 10_000, "{ppm}: {error} microseconds");
    }
}

#[test]
fn a_server_that_lies_cannot_make_the_clock_race_or_stop() {
    let clock = WallClock::new();
    clock.set(at(0), time(0));
    for hour in 1..100_u64 {
        // It runs by a second an hour too fast, and is followed by half a millisecond a second.
        let lie = time(hour * 3_601_000_000);
        let _ = clock.set(at(hour * 3_600), lie);
        assert!(clock.rate_ppb().abs() <= 500_000);
        let one = clock.time(at(hour * 3_600 + 1)).unwrap().as_micros();
        let two = clock.time(at(hour * 3_600 + 2)).unwrap().as_micros();
        assert!((998_000..=1_002_000).contains(&(two - one)));
    }
}

#[test]
fn the_end_of_time_neither_wraps_nor_panics() {
    let end = UnixTime::from_micros(u64::MAX);
    let last = Tick::from_millis(u64::MAX);
    let clock = WallClock::new();
    assert_eq!(clock.set(Tick::ZERO, end), None);
    assert_eq!(clock.time(last), Some(end));
    assert!(clock.set(last, UnixTime::from_micros(0)).unwrap() < 0);
    assert!(clock.set(last + Duration::MAX, end).unwrap() > 0);
    assert_eq!(clock.time(last), Some(end));
}
