//! The line that leads out of a port: one frame after the other, at a rate.

use heapless::Deque;

use super::{Bandwidth, link::QUEUE_FRAMES_MAX};

/// When the line is free, and which frames still wait for it.
#[derive(Debug, Default)]
pub(super) struct Line {
    free_at_micros: u64,
    /// The part of a microsecond, in units of one over the bit rate, that the last frame needed
    /// beyond `free_at_micros`. The next frame takes it over, so that the rate is exact over many
    /// frames.
    remainder: u64,
    /// When each frame in the queue leaves the line.
    departures: Deque<u64, QUEUE_FRAMES_MAX>,
}

impl Line {
    pub(super) const fn new() -> Self {
        Self {
            free_at_micros: 0,
            remainder: 0,
            departures: Deque::new(),
        }
    }

    /// The line has another rate, so the remainder has another unit.
    pub(super) const fn change_rate(&mut self) {
        self.remainder = 0;
    }

    /// Another line takes the place of this one. It is free; what was in the queue is already on
    /// its way.
    pub(super) fn replace(&mut self) {
        *self = Self::new();
    }

    /// The line stands still for this time, from when it is free.
    pub(super) fn clog(&mut self, now_micros: u64, micros: u64) {
        self.free_at_micros = self.free_at_micros.max(now_micros).saturating_add(micros);
    }

    /// When a frame that is given to the line now leaves it; `None` when the queue is full.
    pub(super) fn depart(
        &mut self,
        now_micros: u64,
        len: usize,
        bandwidth: Option<Bandwidth>,
    ) -> Option<u64> {
        let Some(bandwidth) = bandwidth else {
            return Some(self.free_at_micros.max(now_micros));
        };
        while self
            .departures
            .front()
            .is_some_and(|&left| left <= now_micros)
        {
            self.departures.pop_front();
        }
        if self.departures.len() >= bandwidth.queue_frames {
            return None;
        }
        if self.free_at_micros <= now_micros {
            self.free_at_micros = now_micros;
            self.remainder = 0;
        }
        let rate = u64::from(bandwidth.bits_per_second);
        let bits = u64::try_from(len).unwrap_or(u64::MAX).saturating_mul(8);
        let needed = bits
            .saturating_mul(1_000_000)
            .saturating_add(self.remainder);
        self.free_at_micros = self.free_at_micros.saturating_add(needed / rate);
        self.remainder = needed % rate;
        self.departures.push_back(self.free_at_micros).ok()?;
        Some(self.free_at_micros)
    }
}
