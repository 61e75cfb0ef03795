//! The words of scripted peers.

use crate::common::fixture::ms;
use tickwire::file::{Answer, Receipt, Status};
use tickwire_sim::Act;

/// A script's bytes.
pub(crate) fn bytes(bytes: impl Into<Vec<u8>>) -> &'static [u8] {
    bytes.into().leak()
}

pub(crate) fn answer(status: u8, offset: u64) -> &'static [u8] {
    let status = Status(status);
    bytes(Answer { status, offset }.encode())
}

pub(crate) fn receipt(status: u8, stored: u64) -> &'static [u8] {
    let status = Status(status);
    bytes(Receipt { status, stored }.encode())
}

/// How a peer stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Reset,
    Silence,
}

pub(crate) const ENDS: [End; 3] = [End::Fin, End::Reset, End::Silence];

impl End {
    pub(crate) fn act(self) -> Act<'static> {
        match self {
            Self::Fin => Act::Close,
            Self::Reset => Act::Reset,
            Self::Silence => Act::Wait(ms(1_000_000)),
        }
    }
}
