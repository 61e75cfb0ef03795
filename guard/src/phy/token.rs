//! The guard's tokens are smoltcp's.

use smoltcp::phy::PacketMeta;

use super::Phy;
use crate::adapter::{Destination, Room, RxToken, Source, TxToken};

impl<T: smoltcp::phy::TxToken> Room<Phy> for T {
    fn fill<R>(self, len: usize, f: impl FnOnce(&mut [u8]) -> R) -> R {
        self.consume(len, f)
    }
}

impl<T: smoltcp::phy::RxToken> smoltcp::phy::RxToken for RxToken<'_, T> {
    fn consume<R, F>(self, f: F) -> R
    where
        F: FnOnce(&[u8]) -> R,
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

    fn meta(&self) -> PacketMeta {
        match &self.source {
            Source::Device(token) => token.meta(),
            Source::Buffer(_) => PacketMeta::default(),
        }
    }
}

impl<T: smoltcp::phy::TxToken> smoltcp::phy::TxToken for TxToken<'_, T> {
    fn consume<R, F>(self, len: usize, f: F) -> R
    where
        F: FnOnce(&mut [u8]) -> R,
    {
        self.send::<Phy, R>(len, f)
    }

    fn set_meta(&mut self, meta: PacketMeta) {
        match &mut self.destination {
            Destination::Device(token) | Destination::Buffered(token, _) => token.set_meta(meta),
            Destination::Dropped(_) => {}
        }
    }
}
