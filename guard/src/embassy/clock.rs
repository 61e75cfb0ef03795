//! embassy's clock, in microseconds.

use core::task::Waker;

use embassy_time_driver::{TICK_HZ, now, schedule_wake};

use crate::time::Time;

const MICROS_HZ: u64 = 1_000_000;

/// The time at which embassy-net polls smoltcp.
pub(crate) fn time() -> Time {
    Time::from_micros(convert(now(), TICK_HZ, MICROS_HZ, 0).cast_signed())
}

/// Wakes the waker at that time, or at once if it has passed.
pub(crate) fn wake_at(time: Time, waker: &Waker) {
    // Never earlier, or nothing would be due yet.
    let micros = time.as_micros().max(0).cast_unsigned();
    let ticks = convert(micros, MICROS_HZ, TICK_HZ, MICROS_HZ - 1);
    schedule_wake(ticks, waker);
}

/// A count of ticks in another unit. `round` is what is added before the division: 0 rounds down,
/// `from_hz - 1` up.
const fn convert(ticks: u64, from_hz: u64, to_hz: u64, round: u64) -> u64 {
    if from_hz == to_hz {
        return ticks;
    }
    // Whole seconds apart, so that nothing overflows before the year 500,000.
    let (seconds, rest) = (ticks / from_hz, ticks % from_hz);
    seconds * to_hz + (rest * to_hz + round) / from_hz
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_microseconds_and_back_without_waking_early() {
        for hz in [1, 1_000, 32_768, 1_000_000, 168_000_000] {
            for micros in [0, 1, 999_999, 1_000_001, 86_400_000_000_123] {
                let ticks = convert(micros, MICROS_HZ, hz, MICROS_HZ - 1);
                let back = convert(ticks, hz, MICROS_HZ, 0);
                let resolution = MICROS_HZ.div_ceil(hz);
                let expected = micros..=micros + resolution;
                assert!(expected.contains(&back), "{hz} {micros}");
            }
        }
        let age_of_the_universe = 436_000_000_000_000_000;
        assert_eq!(
            convert(age_of_the_universe * 32, 32, 1, 0),
            age_of_the_universe
        );
    }
}
