//! The guard's tokens are embassy's, too.

use embassy_net_driver as embassy;

use super::Embassy;
use crate::adapter::{Room, RxToken, Source, TxToken};

impl<T: embassy::TxToken> Room<Embassy> for T {
    fn fill<R>(self, len: usize, f: impl FnOnce(&mut [u8]) -> R) -> R {
        self.consume(len, f)
    }
}

impl<T: embassy::RxToken> embassy::RxToken for RxToken<'_, T> {
    fn consume<R, F>(self, f: F) -> R
    where
        F: FnOnce(&mut [u8]) -> R,
    {
        let Self { source, inspection } = self;
        match source {
            Source::Buffer(len) => f(inspection.made(len)),
            Source::Device(token) => token.consume(|frame| match inspection.replacement(frame) {
                None => f(frame),
                Some(replacement) => f(replacement),
            }),
        }
    }
}

impl<T: embassy::TxToken> embassy::TxToken for TxToken<'_, T> {
    fn consume<R, F>(self, len: usize, f: F) -> R
    where
        F: FnOnce(&mut [u8]) -> R,
    {
        self.send::<Embassy, R>(len, f)
    }
}
