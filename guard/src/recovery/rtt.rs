//! The round trip of a connection (RFC 6298), in microseconds.

/// A time in microseconds, modulo 2^32 (71 minutes). Only differences of times mean something, and
/// while data is in flight smoltcp sends at least every 60 s.
pub(super) type Micros = u32;

/// The clock may have no finer steps than this.
pub(super) const CLOCK_STEP: Micros = 1_000;
/// Before the first sample: RFC 6298, 2.1.
const TIMEOUT_INITIAL: Micros = 1_000_000;
/// The shortest time to the first probe: a poll loop is not more punctual than this.
const TIMEOUT_MIN: Micros = 5_000;
/// For how long a peer may delay the acknowledgement of a single segment. RFC 9293, 3.8.6.3 allows
/// 500 ms; Linux and smoltcp delay by up to 40 and 10 ms. A peer that delays by more is learned.
const ACK_DELAY_MAX: Micros = 45_000;
/// The longest time to any probe (RFC 6298, 2.5), and the longest sample.
const TIMEOUT_MAX: Micros = 60_000_000;

/// The smoothed round trip and its variation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RoundTrip {
    /// SRTT; 0 before the first sample.
    smoothed: Micros,
    /// RTTVAR.
    variation: Micros,
}

impl RoundTrip {
    pub(super) const UNKNOWN: Self = Self {
        smoothed: 0,
        variation: 0,
    };

    /// Takes a sample (RFC 6298, 2.2 and 2.3).
    pub(super) fn sample(&mut self, took: Micros) {
        let took = took.clamp(1, TIMEOUT_MAX);
        if self.smoothed == 0 {
            self.smoothed = took;
            self.variation = took / 2;
        } else {
            let deviation = self.smoothed.abs_diff(took);
            self.variation = self.variation - self.variation / 4 + deviation / 4;
            self.smoothed = self.smoothed - self.smoothed / 8 + took / 8;
        }
    }

    pub(super) const fn smoothed(&self) -> Micros {
        self.smoothed
    }

    /// How long an acknowledgement may be missing before the first segment is probed for: the PTO
    /// of RFC 8985, 7.2, with the variation of RFC 6298. `is_single`: no more than one segment is
    /// in flight. `probes`: the number of probes that nothing has come of; each doubles the time.
    #[inline(never)] // it takes flash
    pub(super) fn probe_timeout(&self, is_single: bool, probes: u8) -> Micros {
        let mut timeout = if self.smoothed == 0 {
            TIMEOUT_INITIAL
        } else {
            (2 * self.smoothed)
                .max(self.smoothed + 4 * self.variation)
                .max(TIMEOUT_MIN)
        };
        if is_single {
            timeout += ACK_DELAY_MAX;
        }
        let doublings = probes.min(16);
        if timeout > TIMEOUT_MAX >> doublings {
            TIMEOUT_MAX
        } else {
            timeout << doublings
        }
    }

    /// By how much an older segment may arrive after a newer one (RFC 8985, 6.2, step 4).
    pub(super) const fn reordering_window(&self) -> Micros {
        self.smoothed / 4 + CLOCK_STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sample_counts_whole_and_later_ones_an_eighth() {
        let mut round_trip = RoundTrip::UNKNOWN;
        assert_eq!(round_trip.probe_timeout(false, 0), 1_000_000);
        round_trip.sample(8_000);
        assert_eq!((round_trip.smoothed, round_trip.variation), (8_000, 4_000));
        assert_eq!(round_trip.probe_timeout(false, 0), 24_000);
        round_trip.sample(16_000);
        assert_eq!((round_trip.smoothed, round_trip.variation), (9_000, 5_000));
        for _ in 0..100 {
            round_trip.sample(9_000);
        }
        assert_eq!(round_trip.probe_timeout(false, 0), 2 * round_trip.smoothed);
    }

    #[test]
    fn each_probe_doubles_the_time_up_to_a_minute() {
        let mut round_trip = RoundTrip::UNKNOWN;
        round_trip.sample(1);
        assert_eq!(round_trip.probe_timeout(false, 0), 5_000);
        assert_eq!(round_trip.probe_timeout(true, 1), 100_000);
        assert_eq!(round_trip.probe_timeout(false, 3), 40_000);
        assert_eq!(round_trip.probe_timeout(false, u8::MAX), 60_000_000);
        round_trip.sample(Micros::MAX);
        assert!(round_trip.probe_timeout(true, u8::MAX) <= 60_000_000);
    }
}
