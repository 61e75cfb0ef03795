//! What the guard tells its user.

use core::net::{IpAddr, SocketAddr};

/// Something that a program may want to know. [`Guarded::take_notice`](crate::Guarded::take_notice)
/// returns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Notice {
    /// Another host on the link uses our address (RFC 5227, 2.4). What is sent to it reaches one of
    /// the two until one of them gives it up. We have told everybody that it is ours. Noticed at
    /// most every 10 seconds.
    AddressConflict {
        /// The address that both use.
        address: IpAddr,
        /// The hardware address of the other host.
        mac: [u8; 6],
    },
    /// The network said that a connection that we were opening cannot be made. Its socket is reset.
    Unreachable {
        /// Our end of the connection.
        local: SocketAddr,
        /// The end that cannot be reached.
        remote: SocketAddr,
        /// Why.
        reason: Unreachable,
    },
}

/// Why a connection cannot be made: what a router or the peer's host said (ICMP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Unreachable {
    /// A router has no route to the peer's network.
    Network,
    /// The peer's host does not answer on its network.
    Host,
    /// The peer's host does not speak TCP.
    Protocol,
    /// The peer's port is closed, or a firewall says so.
    Port,
    /// A router or a firewall does not let us.
    Prohibited,
}

/// Notices that nobody has taken yet, the oldest first. A new one that finds no room is lost.
#[derive(Debug)]
pub(crate) struct Notices([Place; Self::LEN]);

/// An `Option` whose empty state is all zeros, so that a static takes no flash.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Place {
    Empty = 0,
    Full(Notice),
}

impl Notices {
    const LEN: usize = 2;

    pub(crate) const fn new() -> Self {
        Self([Place::Empty; Self::LEN])
    }

    /// Whether there was room.
    pub(crate) fn push(&mut self, notice: Notice) -> bool {
        let is_free = |place: &&mut Place| matches!(place, Place::Empty);
        let free = self.0.iter_mut().find(is_free);
        free.map(|place| *place = Place::Full(notice)).is_some()
    }

    pub(crate) fn take(&mut self) -> Option<Notice> {
        self.0.rotate_left(1);
        match core::mem::replace(self.0.last_mut()?, Place::Empty) {
            Place::Empty => None,
            Place::Full(notice) => Some(notice),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_taken_in_order_and_one_too_many_is_lost() {
        let notice = |port| Notice::Unreachable {
            local: SocketAddr::from(([10, 0, 0, 1], port)),
            remote: SocketAddr::from(([10, 0, 0, 2], 80)),
            reason: Unreachable::Host,
        };
        let mut notices = Notices::new();
        assert_eq!(notices.take(), None);
        assert!(notices.push(notice(1)) && notices.push(notice(2)));
        assert!(!notices.push(notice(3)), "there is room for two");
        assert_eq!(notices.take(), Some(notice(1)));
        assert!(notices.push(notice(4)));
        assert_eq!(notices.take(), Some(notice(2)));
        assert_eq!(notices.take(), Some(notice(4)));
        assert_eq!(notices.take(), None);
    }
}
