//! What a stack knows about names: servers, search list, and a cache that the caller lends.

use heapless::Vec;
use smoltcp::wire::IpAddress;

use super::answer::FamilyAddresses;
use super::cached_name::Family;
use super::{Addresses, CachedName, Families, Name, RecordType, ResolveError};
use crate::Tick;

/// Name servers that a stack may know.
pub const SERVERS_MAX: usize = 4;
/// Names that end so are asked for on the link (RFC 6762, 3).
pub(super) const LOCAL: &str = "local";

/// What a stack knows about names. Apps ask through [`Io::resolve`](crate::Io::resolve); a task with
/// a [`Resolver`](super::Resolver) finds out.
#[derive(Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Names<'n> {
    /// The caller's, for as long as the stack lives.
    cache: &'n mut [CachedName],
    /// The caller's as well: room for domains. Those of the program come first, then that of a lease.
    search: &'n mut [Name],
    own_domains: usize,
    has_leased_domain: bool,
    /// Those of the program first, then those of a lease.
    servers: Vec<IpAddress, SERVERS_MAX>,
    own_servers: usize,
    /// How often all answers were forgotten.
    generation: u32,
}

/// A question that the resolver has taken up. Its place stays its own until the answer is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Wanted {
    index: usize,
    pub(super) kind: RecordType,
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
        (self.own_domains, self.has_leased_domain) = (0, false);
        self
    }

    /// The servers that are asked, in this order, and before those of a lease; those above
    /// [`SERVERS_MAX`] are left out: those of a lease come back with its next renewal. What is cached
    /// stays.
    pub fn set_servers(&mut self, servers: impl IntoIterator<Item = IpAddress>) {
        let leased: Vec<IpAddress, SERVERS_MAX> = self
            .servers
            .iter()
            .skip(self.own_servers)
            .copied()
            .collect();
        self.servers = servers.into_iter().take(SERVERS_MAX).collect();
        self.own_servers = self.servers.len();
        self.append_servers(leased);
    }

    fn append_servers(&mut self, servers: impl IntoIterator<Item = IpAddress>) {
        let room = SERVERS_MAX - self.servers.len();
        self.servers.extend(servers.into_iter().take(room));
    }

    /// The servers that are asked.
    pub fn servers(&self) -> &[IpAddress] {
        &self.servers
    }

    /// The domains that are tried after a name, before that of a lease; those for which there is no
    /// room are left out: that of a lease comes back with its next renewal.
    pub fn set_search(&mut self, domains: impl IntoIterator<Item = Name>) {
        let leased = self.search().get(self.own_domains).copied();
        self.own_domains = 0;
        for (place, domain) in self.search.iter_mut().zip(domains) {
            *place = domain;
            self.own_domains += 1;
        }
        self.set_leased_domain(leased);
    }

    fn set_leased_domain(&mut self, domain: Option<Name>) {
        let place = self.search.get_mut(self.own_domains).zip(domain);
        self.has_leased_domain = place.is_some();
        if let Some((place, domain)) = place {
            *place = domain;
        }
    }

    /// The domains that are tried after a name.
    pub fn search(&self) -> &[Name] {
        let count = self.own_domains + usize::from(self.has_leased_domain);
        self.search.get(..count).unwrap_or_default()
    }

    /// Puts the servers and the domain of a lease in the place of those of the lease before it.
    /// Whether any is another one: then the network may be another, too.
    #[cfg(feature = "dhcp")]
    pub(crate) fn set_leased(
        &mut self,
        servers: impl Iterator<Item = IpAddress> + Clone,
        domain: Option<Name>,
    ) -> bool {
        let own_servers = self.own_servers;
        let room = SERVERS_MAX - own_servers;
        let known = self.servers.iter().skip(own_servers).copied();
        let known_domain = self.search().get(self.own_domains).copied();
        let has_servers = known.eq(servers.clone().take(room));
        self.servers.truncate(own_servers);
        self.append_servers(servers);
        self.set_leased_domain(domain);
        let is_same = has_servers && known_domain == self.search().get(self.own_domains).copied();
        !is_same
    }

    /// Forgets all answers, such as when the network is another. What is asked now is asked again,
    /// and has no more time for that.
    pub fn clear_cache(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        for place in &mut *self.cache {
            if place.is_awaited() {
                place.v4.forget_answer();
                place.v6.forget_answer();
            } else {
                *place = CachedName::EMPTY;
            }
        }
    }

    /// Another one than before says that all answers were forgotten.
    pub(super) const fn generation(&self) -> u32 {
        self.generation
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
        *family = Family::answered(now, result, ttl_secs);
    }

    /// When somebody stops waiting for the second family.
    pub(super) fn settles_at(&self, now: Tick) -> Option<Tick> {
        let places = self.cache.iter().filter(|place| place.is_awaited());
        let families = places.flat_map(|place| [&place.v4, &place.v6]);
        families
            .filter_map(Family::settles_at)
            .filter(|at| *at > now)
            .min()
    }
}
