//! What a stack knows about names: servers, search list, and a cache that the caller lends.

use core::net::IpAddr;

use heapless::Vec;
use smoltcp::wire::IpAddress;

use super::answer::FamilyAddresses;
use super::{ADDRESSES_MAX, Name, RecordType, ResolveError};
use crate::runtime::to_smoltcp;
use crate::{Duration, Tick};

/// Name servers that a stack may know.
pub const SERVERS_MAX: usize = 4;
/// For how long an answer is kept at least and at most.
const LIFE_MIN: Duration = Duration::from_secs(1);
const LIFE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// With the addresses of one family at hand, those of the other are awaited for so long (RFC 8305, 3).
pub(super) const OTHER_FAMILY_WAIT: Duration = Duration::from_millis(50);

/// Names that end so are asked for on the link (RFC 6762, 3).
pub(super) const LOCAL: &str = "local";

/// The addresses of a name, of both families in turn, IPv6 first (RFC 8305, 4).
pub type Addresses = Vec<IpAddress, { 2 * ADDRESSES_MAX }>;

/// What a stack knows about names. Apps ask through [`Io::resolve`](crate::Io::resolve); a task with
/// a [`Resolver`](super::Resolver) finds out.
#[derive(Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Names<'n> {
    /// The caller's, for as long as the stack lives.
    cache: &'n mut [CachedName],
    /// The caller's as well: room for domains, of which the first `domains` are in use.
    search: &'n mut [Name],
    domains: usize,
    servers: Vec<IpAddress, SERVERS_MAX>,
}

/// Room for one name and its addresses.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CachedName {
    /// As it was asked for.
    name: Name,
    /// It was asked for with a dot at its end: no domain is tried after it.
    is_absolute: bool,
    used_at: Tick,
    v4: Family,
    v6: Family,
}

/// What is known of the addresses of one family.
///
/// `Unknown -> Wanted -> Asked -> Found | Failed -> Unknown`
#[derive(Debug, Clone, PartialEq, Eq)]
enum Family {
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

/// Which families somebody wants the addresses of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Families {
    /// IPv4.
    pub v4: bool,
    /// IPv6.
    pub v6: bool,
}

/// A question that the resolver has taken up. Its place stays its own until the answer is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Wanted {
    index: usize,
    pub(super) kind: RecordType,
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

    const fn family(&mut self, kind: RecordType) -> &mut Family {
        match kind {
            RecordType::A => &mut self.v4,
            RecordType::Aaaa => &mut self.v6,
        }
    }

    fn is_awaited(&self) -> bool {
        let is_awaited = |family: &Family| matches!(family, Family::Wanted | Family::Asked);
        is_awaited(&self.v4) || is_awaited(&self.v6)
    }
}

impl Family {
    /// Forgets what is no longer true.
    fn expire(&mut self, now: Tick) {
        if let Self::Found { until, .. } | Self::Failed { until, .. } = self
            && *until <= now
        {
            *self = Self::Unknown;
        }
    }

    fn forget_answer(&mut self) {
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

    /// Whether the addresses have been here for so long that nobody waits for the other family.
    fn is_settled(&self, now: Tick) -> bool {
        matches!(self, Self::Found { since, .. } if *since + OTHER_FAMILY_WAIT <= now)
    }
}

impl<'n> Names<'n> {
    /// Names in a cache that the caller lends: as many can be asked for at a time, and are kept, as it
    /// has places. Two are enough for one app.
    pub fn new(cache: &'n mut [CachedName]) -> Self {
        Self {
            cache,
            ..Self::default()
        }
    }

    /// Lends room for a search list: as many domains as `room` has places.
    #[must_use]
    pub fn with_search_room(mut self, room: &'n mut [Name]) -> Self {
        self.search = room;
        self.domains = 0;
        self
    }

    /// The servers that are asked, in this order; those above [`SERVERS_MAX`] are left out. What is
    /// cached stays.
    pub fn set_servers(&mut self, servers: impl IntoIterator<Item = IpAddress>) {
        self.servers = servers.into_iter().take(SERVERS_MAX).collect();
    }

    /// The servers that are asked.
    pub fn servers(&self) -> &[IpAddress] {
        &self.servers
    }

    /// The domains that are tried after a name; those for which there is no room are left out.
    pub fn set_search(&mut self, domains: impl IntoIterator<Item = Name>) {
        self.domains = 0;
        for (place, domain) in self.search.iter_mut().zip(domains) {
            *place = domain;
            self.domains += 1;
        }
    }

    /// The domains that are tried after a name.
    pub fn search(&self) -> &[Name] {
        self.search.get(..self.domains).unwrap_or_default()
    }

    /// Forgets all answers, such as when the network is another. What is asked now goes on.
    pub fn clear_cache(&mut self) {
        for place in &mut *self.cache {
            if place.is_awaited() {
                place.v4.forget_answer();
                place.v6.forget_answer();
            } else {
                *place = CachedName::EMPTY;
            }
        }
    }

    /// What is known of `name`; `None` while the resolver finds out. The flag says whether somebody
    /// has to tell the resolver.
    pub(super) fn look_up(
        &mut self,
        now: Tick,
        name: &Name,
        is_absolute: bool,
        families: Families,
    ) -> (Result<Option<Addresses>, ResolveError>, bool) {
        if self.cache.is_empty() {
            return (Err(ResolveError::NoServer), false);
        }
        let Some(place) = self.place_for(now, name, is_absolute) else {
            // All places are awaited: one will be free, and all apps are polled then.
            return (Ok(None), false);
        };
        place.used_at = now;
        let mut is_new = false;
        for (family, is_wanted) in [(&mut place.v4, families.v4), (&mut place.v6, families.v6)] {
            family.expire(now);
            if is_wanted && *family == Family::Unknown {
                *family = Family::Wanted;
                is_new = true;
            }
        }
        (place.outcome(now, families), is_new)
    }

    /// The place of `name`, or the one that has served longest as an empty one for it.
    fn place_for(&mut self, now: Tick, name: &Name, is_absolute: bool) -> Option<&mut CachedName> {
        let is_it = |place: &CachedName| place.is_absolute == is_absolute && place.name == *name;
        let index = self.cache.iter().position(is_it).or_else(|| {
            let places = self.cache.iter().enumerate();
            let free = places.filter(|(_, place)| !place.is_awaited());
            free.min_by_key(|(_, place)| place.used_at)
                .map(|(index, _)| index)
        })?;
        let place = self.cache.get_mut(index)?;
        if !is_it(place) {
            *place = CachedName {
                name: *name,
                is_absolute,
                used_at: now,
                ..CachedName::EMPTY
            };
        }
        Some(place)
    }

    /// Takes up the next question that somebody wants to be asked.
    pub(super) fn take_wanted(&mut self) -> Option<Wanted> {
        for (index, place) in self.cache.iter_mut().enumerate() {
            // IPv6 first: its addresses are dialled first.
            for kind in [RecordType::Aaaa, RecordType::A] {
                let family = place.family(kind);
                if *family == Family::Wanted {
                    *family = Family::Asked;
                    return Some(Wanted { index, kind });
                }
            }
        }
        None
    }

    /// The names to try for a question, one after the other: with a dot in it first as it is, without
    /// one first with each domain (RFC 1535).
    pub(super) fn candidate(&self, wanted: Wanted, number: usize) -> Option<Name> {
        let place = self.cache.get(wanted.index)?;
        let name = place.name;
        let is_alone = place.is_absolute || name.ends_with(LOCAL);
        let has_dot = name.labels().count() > 1;
        let search = if is_alone { &[] } else { self.search() };
        let first = Some(name).filter(|_| is_alone || has_dot);
        let last = Some(name).filter(|_| first.is_none());
        let searched = search.iter().filter_map(|domain| name.with_suffix(domain));
        first.into_iter().chain(searched).chain(last).nth(number)
    }

    /// Notes the answer to a question that was taken up.
    pub(super) fn note(
        &mut self,
        now: Tick,
        wanted: Wanted,
        result: Result<FamilyAddresses, ResolveError>,
        ttl_secs: u32,
    ) {
        let family = self.cache.get_mut(wanted.index);
        let Some(family) = family.map(|place| place.family(wanted.kind)) else {
            return;
        };
        let life = Duration::from_secs(ttl_secs.into());
        let until = now + life.max(LIFE_MIN).min(LIFE_MAX);
        *family = match result {
            Ok(addresses) => Family::Found {
                addresses,
                since: now,
                until,
            },
            Err(error) => Family::Failed { error, until },
        };
    }

    /// When somebody stops waiting for the second family.
    pub(super) fn settles_at(&self, now: Tick) -> Option<Tick> {
        let places = self.cache.iter().filter(|place| place.is_awaited());
        let families = places.flat_map(|place| [&place.v4, &place.v6]);
        families
            .filter_map(|family| match family {
                Family::Found { since, .. } => Some(*since + OTHER_FAMILY_WAIT),
                _ => None,
            })
            .filter(|at| *at > now)
            .min()
    }
}

impl CachedName {
    fn outcome(&self, now: Tick, families: Families) -> Result<Option<Addresses>, ResolveError> {
        let wanted = [(&self.v6, families.v6), (&self.v4, families.v4)];
        let wanted = wanted.map(|(family, is_wanted)| is_wanted.then_some(family));
        let all = || wanted.iter().copied().flatten();
        let is_open = |family: &Family| matches!(family, Family::Wanted | Family::Asked);
        if all().any(is_open) && !all().any(|family| family.is_settled(now)) {
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

/// Addresses of two families in turn, those of the first family first.
fn in_turn(first: &[IpAddr], second: &[IpAddr]) -> Addresses {
    let at = |index| [first.get(index), second.get(index)];
    let both = (0..ADDRESSES_MAX).flat_map(at).flatten();
    both.copied().filter_map(to_smoltcp).collect()
}
