//! The tokens that smoltcp consumes to receive or to send one frame.

use embassy_net_driver as embassy;
use smoltcp::phy;

/// A frame that came in.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RxToken<T>(pub(crate) T);

impl<T: embassy::RxToken> phy::RxToken for RxToken<T> {
    fn consume<R, F>(self, f: F) -> R
    where
        F: FnOnce(&[u8]) -> R,
    {
        self.0.consume(|frame| f(frame))
    }
}

/// Room for a frame that goes out.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TxToken<T>(pub(crate) T);

impl<T: embassy::TxToken> phy::TxToken for TxToken<T> {
    fn consume<R, F>(self, len: usize, f: F) -> R
    where
        F: FnOnce(&mut [u8]) -> R,
    {
        self.0.consume(len, f)
    }
}
