//! embassy's clock, as the loop counts the time.

use core::pin::pin;
use core::task::{Context, Poll};

use embassy_time::{Instant, Timer};
use tickwire::Tick;

pub(crate) fn now() -> Tick {
    Tick::from_millis(Instant::now().as_millis())
}

/// Ready when the tick has come. Until then whoever `cx` belongs to is woken at that tick.
pub(crate) fn wait_until(tick: Tick, cx: &mut Context<'_>) -> Poll<()> {
    let timer = pin!(Timer::at(Instant::from_millis(tick.as_millis())));
    timer.poll(cx)
}
