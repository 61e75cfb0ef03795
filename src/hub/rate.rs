//! How often a member may speak.

use crate::{Duration, Tick};

const MICROS_PER_SECOND: u64 = 1_000_000;

/// Lets through a number of messages in each second, all of them at once where there were none before
/// (the generic cell rate algorithm).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Rate {
    /// When the allowance is whole again.
    whole_at_micros: u64,
}

impl Rate {
    /// Nothing was said yet.
    pub(super) const NEW: Self = Self { whole_at_micros: 0 };

    /// Counts one more at `now`, where `per_second` may come in a second.
    ///
    /// # Errors
    /// When it may come; it was not counted.
    pub(super) fn charge(&mut self, now: Tick, per_second: u16) -> Result<(), Tick> {
        let after = self.after_one(now, per_second);
        let excess = after.saturating_sub(micros(now) + MICROS_PER_SECOND);
        if excess > 0 {
            return Err(now + Duration::from_millis(excess.div_ceil(1_000)));
        }
        self.whole_at_micros = after;
        Ok(())
    }

    fn after_one(&self, now: Tick, per_second: u16) -> u64 {
        let interval = MICROS_PER_SECOND / u64::from(per_second.max(1));
        self.whole_at_micros
            .max(micros(now))
            .saturating_add(interval)
    }
}

const fn micros(now: Tick) -> u64 {
    // Half of what a u64 holds, so that a second more fits.
    let micros = now.as_millis().saturating_mul(1_000);
    if micros > u64::MAX / 2 {
        u64::MAX / 2
    } else {
        micros
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(rate: &mut Rate, millis: u64, per_second: u16) -> Result<(), u64> {
        let now = Tick::from_millis(millis);
        rate.charge(now, per_second).map_err(Tick::as_millis)
    }

    #[test]
    fn twenty_at_once_and_then_one_every_fifty_milliseconds() {
        let mut rate = Rate::NEW;
        for number in 0..20 {
            assert_eq!(take(&mut rate, 5_000, 20), Ok(()), "{number}");
        }
        assert_eq!(take(&mut rate, 5_000, 20), Err(5_050));
        assert_eq!(take(&mut rate, 5_049, 20), Err(5_050));
        for number in 1..100 {
            let now = 5_000 + number * 50;
            assert_eq!(take(&mut rate, now, 20), Ok(()));
            assert_eq!(take(&mut rate, now, 20), Err(now + 50));
        }
    }

    #[test]
    fn any_rate_lets_through_what_it_says_and_the_answer_is_never_too_early() {
        for per_second in [1, 3, 7, 999, 1_000, 1_001, u16::MAX] {
            let (mut rate, mut now, mut count) = (Rate::NEW, 0, 0);
            while now < 10_000 {
                match take(&mut rate, now, per_second) {
                    Ok(()) => count += 1,
                    Err(until) => {
                        assert!(until > now);
                        now = until;
                    }
                }
            }
            let wanted = u64::from(per_second) * 11;
            assert!(
                (wanted * 9 / 10..=wanted * 12 / 11 + 1).contains(&count),
                "{per_second}: {count}"
            );
        }
    }

    #[test]
    fn the_end_of_time_lets_through_and_does_not_wrap() {
        let mut rate = Rate::NEW;
        for _ in 0..100 {
            let _ = take(&mut rate, u64::MAX, 20);
        }
        assert!(take(&mut rate, u64::MAX, 20).is_err());
    }
}
