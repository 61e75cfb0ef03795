//! What is known of one name, in a place of the caller's.

use core::net::IpAddr;

use heapless::Vec;
use smoltcp::wire::IpAddress;

use super::answer::FamilyAddresses;
use super::{ADDRESSES_MAX, Name, RecordType, ResolveError};
use crate::runtime::to_smoltcp;
use crate::{Duration, Tick};

/// For how long an answer is kept at least and at most.
const LIFE_MIN: Duration = Duration::from_secs(1);
const LIFE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// With the addresses of one family at hand, those of the other are awaited for so long (RFC 8305, 3).
const OTHER_FAMILY_WAIT: Duration = Duration::from_millis(50);

/// The addresses of a name, of both families in turn, IPv6 first (RFC 8305, 4).
pub type Addresses = Vec<IpAddress, { 2 * ADDRESSES_MAX }>;

/// Room for one name and its addresses.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CachedName {
    /// As it was asked for.
    pub(super) name: Name,
    /// It was asked for with a dot at its end: no domain is tried after it.
    pub(super) is_absolute: bool,
    pub(super) used_at: Tick,
    pub(super) v4: Family,
    pub(super) v6: Family,
}

/// Which families somebody wants the addresses of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Families {
    /// IPv4.
    pub v4: bool,
    /// IPv6.
    pub v6: bool,
}

/// What is known of the addresses of one family.
///
/// `Unknown -> Wanted -> Asked -> Found | Failed -> Unknown`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Family {
    Unknown,
    /// An app wants to know.
    Wanted,
    /// The resolver has taken it up.
    Asked,
    Found {
        addresses: FamilyAddresses,
        since: Tick,
        until: Tick,
    },
    Failed {
        error: ResolveError,
        until: Tick,
    },
}

#[cfg(feature = "defmt")]
impl defmt::Format for Family {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(
            f,
            "{=str}",
            match self {
                Self::Unknown => "Unknown",
                Self::Wanted => "Wanted",
                Self::Asked => "Asked",
                Self::Found { .. } => "Found",
                Self::Failed { .. } => "Failed",
            }
        );
    }
}

impl CachedName {
    /// Room for a name that nobody has asked for yet.
    pub const EMPTY: Self = Self {
        name: Name::ROOT,
        is_absolute: false,
        used_at: Tick::ZERO,
        v4: Family::Unknown,
        v6: Family::Unknown,
    };

    pub(super) const fn family(&mut self, kind: RecordType) -> &mut Family {
        match kind {
            RecordType::A => &mut self.v4,
            RecordType::Aaaa => &mut self.v6,
        }
    }

    pub(super) fn is_awaited(&self) -> bool {
        let is_awaited = |family: &Family| matches!(family, Family::Wanted | Family::Asked);
        is_awaited(&self.v4) || is_awaited(&self.v6)
    }

    /// What somebody who wants these families gets to know.
    pub(super) fn outcome(
        &self,
        now: Tick,
        families: Families,
    ) -> Result<Option<Addresses>, ResolveError> {
        let wanted = [(&self.v6, families.v6), (&self.v4, families.v4)];
        let wanted = wanted.map(|(family, is_wanted)| is_wanted.then_some(family));
        let all = || wanted.iter().copied().flatten();
        let is_open = |family: &Family| matches!(family, Family::Wanted | Family::Asked);
        if all().any(is_open) && !all().filter_map(Family::settles_at).any(|at| at <= now) {
            return Ok(None);
        }
        let [v6, v4] = wanted.map(|family| family.map_or(&[][..], Family::addresses));
        let addresses = in_turn(v6, v4);
        if !addresses.is_empty() {
            return Ok(Some(addresses));
        }
        let error = all().filter_map(Family::error).reduce(ResolveError::joined);
        // No family at all: no address of ours could reach one.
        Err(error.unwrap_or(ResolveError::NoAddress))
    }
}

impl Family {
    /// An answer, which holds for this time from now on.
    pub(super) fn answered(
        now: Tick,
        result: Result<FamilyAddresses, ResolveError>,
        ttl_secs: u32,
    ) -> Self {
        let life = Duration::from_secs(ttl_secs.into());
        let until = now + life.max(LIFE_MIN).min(LIFE_MAX);
        match result {
            Ok(addresses) => Self::Found {
                addresses,
                since: now,
                until,
            },
            Err(error) => Self::Failed { error, until },
        }
    }

    /// Forgets what is no longer true.
    pub(super) fn expire(&mut self, now: Tick) {
        if let Self::Found { until, .. } | Self::Failed { until, .. } = self
            && *until <= now
        {
            *self = Self::Unknown;
        }
    }

    pub(super) fn forget_answer(&mut self) {
        if matches!(self, Self::Found { .. } | Self::Failed { .. }) {
            *self = Self::Unknown;
        }
    }

    fn addresses(&self) -> &[IpAddr] {
        match self {
            Self::Found { addresses, .. } => addresses,
            _ => &[],
        }
    }

    const fn error(&self) -> Option<ResolveError> {
        match self {
            Self::Failed { error, .. } => Some(*error),
            _ => None,
        }
    }

    /// Since when nobody waits for the other family any more.
    pub(super) fn settles_at(&self) -> Option<Tick> {
        match self {
            Self::Found { since, .. } => Some(*since + OTHER_FAMILY_WAIT),
            _ => None,
        }
    }
}

/// Addresses of two families in turn, those of the first family first.
fn in_turn(first: &[IpAddr], second: &[IpAddr]) -> Addresses {
    let at = |index| [first.get(index), second.get(index)];
    let both = (0..ADDRESSES_MAX).flat_map(at).flatten();
    both.copied().filter_map(to_smoltcp).collect()
}
