//! Time as the guard counts it.

/// A point in time, in microseconds since a start that the caller chose. Nothing here reads a
/// clock: each call of the loop brings the time along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(i64);

impl Time {
    pub(crate) const ZERO: Self = Self(0);
    /// Later than any other.
    pub(crate) const NEVER: Self = Self(i64::MAX);

    pub(crate) const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub(crate) const fn as_micros(self) -> i64 {
        self.0
    }

    /// This time, and so many microseconds more.
    pub(crate) const fn after(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}
