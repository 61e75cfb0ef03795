//! From reset to a clock that runs and an Ethernet controller that listens.

use core::fmt;

use crate::{Clock, raw};

/// The Ethernet controller of this board.
#[cfg(feature = "mps2-an385")]
pub use crate::lan9118::Lan9118 as Ethernet;
/// The Ethernet controller of this board.
#[cfg(feature = "lm3s6965evb")]
pub use crate::stellaris::Stellaris as Ethernet;

/// The board that this was built for, by the name of its QEMU machine.
#[cfg(feature = "mps2-an385")]
pub const NAME: &str = "mps2-an385";
/// The board that this was built for, by the name of its QEMU machine.
#[cfg(feature = "lm3s6965evb")]
pub const NAME: &str = "lm3s6965evb";

/// AN385, clocks: SYSCLK is 25 MHz.
#[cfg(feature = "mps2-an385")]
const COUNTS_PER_TICK: u32 = 25_000;
#[cfg(feature = "lm3s6965evb")]
const COUNTS_PER_TICK: u32 = crate::stellaris::SYSTEM_CLOCK_HZ / 1_000;

/// A part of the board that did not answer as its manual says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// [`start`] was called before.
    Board,
    /// The Ethernet controller, or something else in its place.
    Ethernet,
    /// The PLL did not lock.
    Pll,
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Absent {
    /// The same as its `Display`, without the flash that formatting costs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Board => "the board was started before",
            Self::Ethernet => "the Ethernet controller does not answer",
            Self::Pll => "the PLL does not lock",
        }
    }
}

/// Starts the board's clock and its Ethernet controller, which takes the hardware address `mac`. From here on a
/// stack that overflows is a fault.
///
/// # Errors
/// The part that does not answer; a second call is refused.
pub fn start(mac: [u8; 6]) -> Result<(Clock, Ethernet), Absent> {
    let peripherals = cortex_m::Peripherals::take().ok_or(Absent::Board)?;
    raw::guard_stack(&peripherals.MPU);
    #[cfg(feature = "lm3s6965evb")]
    crate::stellaris::start_system_clock()?;
    let clock = Clock::new(peripherals.SYST, COUNTS_PER_TICK);
    let ethernet = Ethernet::new(mac)?;
    Ok((clock, ethernet))
}
