//! Memory for members and rooms, which the caller lends.

use super::log::{Kind, Log};
use super::rate::Rate;
use super::{Name, Wants};

/// Room for one member.
#[derive(Debug, Clone)]
pub struct MemberSlot {
    /// How many members were here: whoever is gone is not taken for the next.
    pub(super) generation: u32,
    pub(super) member: Option<Member>,
}

impl MemberSlot {
    /// Nobody.
    pub const EMPTY: Self = Self {
        generation: 0,
        member: None,
    };
}

/// Somebody in a room.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: Name,
    /// The place of its room.
    pub(super) room: usize,
    /// How far it has read the log of its room.
    pub(super) position: u64,
    pub(super) wants: Wants,
    pub(super) rate: Rate,
}

impl Member {
    /// Whether it gets entries of this kind.
    pub(super) fn wants(&self, kind: Kind) -> bool {
        kind != Kind::Event || self.wants == Wants::Events
    }
}

/// Room for one room.
#[derive(Debug, Clone)]
pub struct RoomSlot {
    pub(super) name: Name,
    pub(super) log: Log,
    /// A room without members is none.
    pub(super) members: u16,
}

impl RoomSlot {
    /// No room.
    pub const EMPTY: Self = Self {
        name: Name::EMPTY,
        log: Log::EMPTY,
        members: 0,
    };
}

#[cfg(feature = "defmt")]
impl defmt::Format for MemberSlot {
    fn format(&self, f: defmt::Formatter) {
        let name = self.member.as_ref().map(|member| member.name.as_str());
        defmt::write!(f, "MemberSlot {{ name: {=?} }}", name);
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for RoomSlot {
    fn format(&self, f: defmt::Formatter) {
        let name = self.name.as_str();
        defmt::write!(
            f,
            "RoomSlot {{ name: {=str}, members: {=u16} }}",
            name,
            self.members
        );
    }
}
