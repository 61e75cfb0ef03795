//! What the guard is asked to do.

/// The duties of a guard; all of them, unless [`Guarded::with_duties`](crate::Guarded::with_duties)
/// says otherwise. That connections do not hang is not among them: it is always done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Duties {
    /// To be a good neighbour: answer those who ask whether our address is taken, believe a neighbour
    /// that changed its hardware address, report the multicast groups that IPv6 needs.
    pub neighbours: bool,
    /// To recover from losses (rules L1 to L7), on connections that begin from now on. Without the
    /// feature `recovery` nothing does.
    pub recovery: bool,
}

impl Duties {
    /// Everything that the guard can do.
    pub const ALL: Self = Self {
        neighbours: true,
        recovery: true,
    };
    /// Nothing but what keeps connections from getting stuck.
    pub const HANGS: Self = Self {
        neighbours: false,
        recovery: false,
    };
}

impl Default for Duties {
    fn default() -> Self {
        Self::ALL
    }
}
