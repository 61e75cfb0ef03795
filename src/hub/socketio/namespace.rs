//! A room, as one client of Socket.IO is in it.

use super::outgoing::Path;
use crate::hub::MemberId;

/// A namespace that the client has joined.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) path: Path,
    pub(super) member: MemberId,
}

#[cfg(feature = "defmt")]
impl defmt::Format for Namespace {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(f, "{=str}", self.path.as_str());
    }
}
