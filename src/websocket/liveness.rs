//! Whether the peer is still there: it is asked after a silence, and must answer in time.

use super::Options;
use crate::{Deadline, Duration, IdleTimer, Tick, TimeoutKind};

/// Watches one peer.
///
/// Any frame is a sign of life. In the middle of a long one the idle rule decides, so that a peer that
/// drips does not look alive.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Liveness {
    interval: Duration,
    timeout: Duration,
    stall_timeout: Duration,
    timer: IdleTimer,
    /// A Ping was sent, and nothing has come since.
    is_asked: bool,
}

impl Liveness {
    pub(super) const fn new(options: &Options) -> Self {
        Self {
            interval: options.ping_interval,
            timeout: options.pong_timeout,
            stall_timeout: options.stall_timeout,
            timer: IdleTimer::new(Tick::ZERO, options.ping_interval, TimeoutKind::Peer),
            is_asked: false,
        }
    }

    /// A fresh peer.
    pub(super) const fn begin(&mut self, now: Tick) {
        self.timer = IdleTimer::new(now, self.interval, TimeoutKind::Peer);
        self.is_asked = false;
    }

    pub(super) const fn deadline(&self) -> Option<Deadline> {
        self.timer.deadline()
    }

    /// Bytes have come.
    pub(super) const fn moved(&mut self, now: Tick, bytes: usize) {
        self.timer.moved(now, bytes as u64);
    }

    /// A whole frame, or a part of a message, has come.
    pub(super) const fn heard(&mut self, now: Tick) {
        if self.is_asked {
            self.begin(now);
        } else {
            self.timer.restart(now);
        }
    }

    /// Our endpoint presses back: an answer cannot be read.
    pub(super) fn stall(&mut self, now: Tick) {
        self.timer.stall(now, Some(self.stall_timeout));
    }

    /// Our endpoint takes messages again.
    pub(super) const fn resume(&mut self, now: Tick) {
        self.timer.resume(now);
    }

    /// The deadline has passed: whether the peer is to be asked. If not, it has not answered.
    pub(super) const fn ask(&mut self, now: Tick) -> bool {
        if self.is_asked {
            return false;
        }
        self.is_asked = true;
        self.timer = IdleTimer::new(now, self.timeout, TimeoutKind::Peer);
        true
    }
}
