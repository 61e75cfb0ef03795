//! A wall clock beside the tick.

use core::cell::Cell;

use super::UnixTime;
use crate::{Duration, Tick};

/// An offset from here on is set at once; a smaller one is worked off.
const STEP_MICROS: u64 = 1_000_000;
/// How fast an offset is worked off, in millionths: half a millisecond a second.
const SLEW_PPM: i64 = 500;
/// No counter is off by more: its measured error is not believed beyond this.
const RATE_PPB_MAX: i64 = 500_000;
/// The counter's error is measured over at least this time: a round trip's jitter of 5 ms is then 5
/// millionths.
const MEASURE_MIN: Duration = Duration::from_secs(1_000);
/// And then anew, for it changes with the temperature.
const MEASURE_MAX: Duration = Duration::from_secs(86_400);

/// The time of day, made of ticks: for certificates and the dates of files.
///
/// It knows nothing before it is [set](WallClock::set). From then on it follows the ticks, corrected
/// by the error of their counter, which it measures. Small offsets are worked off without ever going
/// back; one of a second or more is a step.
///
/// The caller owns it and lends it to an [`Sntp`](super::Sntp) and to whoever wants to know the time.
#[derive(Debug, Default)]
pub struct WallClock {
    setting: Cell<Option<Setting>>,
}

#[derive(Debug, Clone, Copy)]
struct Setting {
    /// At this tick it was this time.
    at: Tick,
    time: UnixTime,
    /// What is still to be worked off since then, in microseconds.
    offset_micros: i64,
    /// By how much the counter is slow, in billionths.
    rate_ppb: i64,
    /// The measurement that the counter's error is measured from.
    anchor: (Tick, UnixTime),
}

impl WallClock {
    /// A clock that does not know the time.
    pub const fn new() -> Self {
        Self {
            setting: Cell::new(None),
        }
    }

    /// The time at `now`, which must not lie before the last [`set`](WallClock::set).
    pub fn time(&self, now: Tick) -> Option<UnixTime> {
        self.setting.get().map(|setting| setting.time(now))
    }

    /// By how much the counter behind the ticks is slow, in billionths; negative when it is fast, 0
    /// before it was measured.
    pub fn rate_ppb(&self) -> i64 {
        self.setting.get().map_or(0, |setting| setting.rate_ppb)
    }

    /// Sets the clock: at `now` it is `time`. Returns by how many microseconds it was slow; `None`
    /// the first time.
    pub fn set(&self, now: Tick, time: UnixTime) -> Option<i64> {
        let Some(before) = self.setting.get() else {
            self.setting.set(Some(Setting::new(now, time, 0)));
            return None;
        };
        let offset = difference(time, before.time(now));
        self.setting
            .set(Some(if offset.unsigned_abs() >= STEP_MICROS {
                Setting::new(now, time, before.rate_ppb)
            } else {
                before.slewed(now, time, offset)
            }));
        Some(offset)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for WallClock {
    fn format(&self, f: defmt::Formatter) {
        let setting = self.setting.get().map(|setting| (setting.at, setting.time));
        defmt::write!(f, "WallClock {{ setting: {=?} }}", setting);
    }
}

impl Setting {
    const fn new(at: Tick, time: UnixTime, rate_ppb: i64) -> Self {
        Self {
            at,
            time,
            offset_micros: 0,
            rate_ppb,
            anchor: (at, time),
        }
    }

    fn time(&self, now: Tick) -> UnixTime {
        let elapsed = micros(now.since(self.at));
        let limit = per_million(elapsed, SLEW_PPM);
        let worked_off = self.offset_micros.clamp(-limit, limit);
        let counted = elapsed.saturating_add(per_billion(elapsed, self.rate_ppb));
        let since = counted.saturating_add(worked_off).max(0);
        let time = self.time.as_micros().saturating_add(since.unsigned_abs());
        UnixTime::from_micros(time)
    }

    /// The setting from `now` on, of a clock that is slow by `offset` microseconds.
    fn slewed(&self, now: Tick, time: UnixTime, offset: i64) -> Self {
        let (anchor_at, anchor_time) = self.anchor;
        let span = now.since(anchor_at);
        let is_measured = span >= MEASURE_MIN;
        let error = difference(time, anchor_time).saturating_sub(micros(span));
        let ppb = i128::from(error) * 1_000_000_000 / i128::from(micros(span).max(1));
        // A server can tell anything.
        let ppb = ppb.clamp(-i128::from(RATE_PPB_MAX), i128::from(RATE_PPB_MAX)) as i64;
        Self {
            at: now,
            time: self.time(now),
            offset_micros: offset,
            rate_ppb: if is_measured { ppb } else { self.rate_ppb },
            anchor: if span >= MEASURE_MAX {
                (now, time)
            } else {
                self.anchor
            },
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis().saturating_mul(1_000)).unwrap_or(i64::MAX)
}

fn per_million(value: i64, part: i64) -> i64 {
    (i128::from(value) * i128::from(part) / 1_000_000) as i64
}

/// `part` is at most `RATE_PPB_MAX`, so the result is smaller than `value`.
fn per_billion(value: i64, part: i64) -> i64 {
    (i128::from(value) * i128::from(part) / 1_000_000_000) as i64
}

/// `one - other` in microseconds.
fn difference(one: UnixTime, other: UnixTime) -> i64 {
    let (one, other) = (i128::from(one.as_micros()), i128::from(other.as_micros()));
    let difference = one - other;
    difference.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}
