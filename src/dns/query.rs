//! One question on its way: which name and server come next, and when.

use core::net::IpAddr;

use smoltcp::wire::{IpAddress, IpEndpoint};

use super::answer::FamilyAddresses;
use super::names::{LOCAL, Wanted};
use super::{Name, Names, RecordType, ResolveError, write_query};
use crate::runtime::to_smoltcp;
use crate::{Duration, Io, Tick};

/// How long one question may take, aliases, domains and servers included.
pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);
/// For the first answer of each server; doubled in each round.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const PORT: u16 = 53;
/// Multicast DNS: its groups and port (RFC 6762, 3), and the hop limit of all its packets (11).
const MULTICAST_PORT: u16 = 5353;
const MULTICAST_GROUPS: [IpAddr; 2] = [
    IpAddr::V4(core::net::Ipv4Addr::new(224, 0, 0, 251)),
    IpAddr::V6(core::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb)),
];
pub(super) const MULTICAST_HOP_LIMIT: u8 = 255;

/// One question on its way.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Query {
    pub(super) wanted: Wanted,
    /// What is asked for now: the name that is wanted, with a domain after it, or an alias of it.
    pub(super) name: Name,
    pub(super) id: u16,
    /// Which of the names to try this is.
    candidate: usize,
    /// Aliases that led to this name, and the shortest life of one.
    pub(super) aliases: u8,
    ttl_secs: u32,
    pub(super) give_up_at: Tick,
    /// Which server is asked.
    server: usize,
    /// Servers asked for this name.
    attempts: usize,
    wait: Duration,
    /// Servers in a row that answered without an answer, and what the last of them said.
    failures: usize,
    failure: ResolveError,
}

/// What is left of a question.
#[derive(Debug)]
pub(super) enum Next {
    /// Ask, the same or another server.
    Ask,
    /// The answer, and for how many seconds it holds.
    End(Result<FamilyAddresses, ResolveError>, u32),
}

impl Query {
    /// A question that was taken up now. `None` when its name has gone.
    pub(super) fn new(now: Tick, names: &Names, wanted: Wanted) -> Option<Self> {
        Some(Self {
            wanted,
            name: names.candidate(wanted, 0)?,
            id: 0,
            candidate: 0,
            aliases: 0,
            ttl_secs: u32::MAX,
            give_up_at: now + RESOLVE_TIMEOUT,
            server: 0,
            attempts: 0,
            wait: FIRST_WAIT,
            failures: 0,
            failure: ResolveError::NoServer,
        })
    }

    /// The same question from its beginning, in the time that it still has.
    pub(super) fn anew(&self, now: Tick, names: &Names) -> Option<Self> {
        Some(Self {
            give_up_at: self.give_up_at,
            ..Self::new(now, names, self.wanted)?
        })
    }

    /// We were away, and those who are asked have until then.
    pub(super) fn put_off(&mut self, until: Tick) {
        self.give_up_at = self.give_up_at.max(until);
    }

    pub(super) const fn kind(&self) -> RecordType {
        self.wanted.kind
    }

    /// Whether the link is asked, and not a server.
    pub(super) fn is_multicast(&self) -> bool {
        self.name.ends_with(LOCAL)
    }

    /// Whom to ask; `None` when there is nobody.
    pub(super) fn server(&self, names: &Names) -> Option<IpEndpoint> {
        if self.is_multicast() {
            let group = to_smoltcp(*MULTICAST_GROUPS.get(self.server)?)?;
            return Some(IpEndpoint::new(group, MULTICAST_PORT));
        }
        let server = *names.servers().get(self.server)?;
        Some(IpEndpoint::new(server, PORT))
    }

    fn servers_count(&self, names: &Names) -> usize {
        if self.is_multicast() {
            MULTICAST_GROUPS.len()
        } else {
            names.servers().len()
        }
    }

    /// Draws what nobody must guess, and writes the question.
    pub(super) fn write(&mut self, io: &mut Io, buffer: &mut [u8]) -> usize {
        // The upper bits are as good as the lower ones.
        self.id = (io.random() >> 48) as u16;
        if !self.is_multicast() {
            self.name.mix_case(|| io.random());
        }
        write_query(buffer, self.id, &self.name, self.kind())
    }

    /// Until when the server has time, from now on.
    pub(super) fn wait_until(&self, now: Tick) -> Tick {
        (now + self.wait).min(self.give_up_at)
    }

    /// The server did not answer in time.
    pub(super) fn on_silence(&mut self, now: Tick, names: &Names) -> Next {
        if now >= self.give_up_at {
            return Next::End(Err(ResolveError::NoAnswer), 0);
        }
        self.failures = 0;
        self.go_on(names)
    }

    /// The server, or the way to it, failed: the next one is asked at once. When all have failed, one
    /// after the other, nobody can say more.
    pub(super) fn on_failure(&mut self, names: &Names, error: ResolveError) -> Next {
        // That there is no way says less than what a server said.
        if error != ResolveError::NoServer || self.failures == 0 {
            self.failure = error;
        }
        self.failures += 1;
        if self.failures >= self.servers_count(names) {
            return Next::End(Err(self.failure), 0);
        }
        self.go_on(names)
    }

    fn go_on(&mut self, names: &Names) -> Next {
        let count = self.servers_count(names).max(1);
        self.server = (self.server + 1) % count;
        self.attempts += 1;
        if self.attempts.is_multiple_of(count) {
            self.wait = self.wait.doubled(RESOLVE_TIMEOUT);
        }
        Next::Ask
    }

    /// There are addresses.
    pub(super) fn on_addresses(&self, addresses: FamilyAddresses, ttl_secs: u32) -> Next {
        Next::End(Ok(addresses), self.ttl_secs.min(ttl_secs))
    }

    /// The name is another's, which has to be asked for.
    pub(super) fn on_alias(&mut self, name: Name, count: u8, ttl_secs: u32) -> Next {
        self.aliases = count;
        self.ttl_secs = self.ttl_secs.min(ttl_secs);
        self.ask_for(name)
    }

    /// There is no such name: perhaps there is one in a domain.
    pub(super) fn on_no_such_name(&mut self, names: &Names, ttl_secs: Option<u32>) -> Next {
        self.candidate += 1;
        self.ttl_secs = self.ttl_secs.min(ttl_secs.unwrap_or(0));
        match names.candidate(self.wanted, self.candidate) {
            Some(name) if self.aliases == 0 => self.ask_for(name),
            _ => Next::End(Err(ResolveError::NoSuchName), self.ttl_secs),
        }
    }

    pub(super) fn on_no_address(&self, ttl_secs: Option<u32>) -> Next {
        let ttl_secs = self.ttl_secs.min(ttl_secs.unwrap_or(0));
        Next::End(Err(ResolveError::NoAddress), ttl_secs)
    }

    fn ask_for(&mut self, name: Name) -> Next {
        self.name = name;
        (self.attempts, self.failures) = (0, 0);
        self.wait = FIRST_WAIT;
        Next::Ask
    }
}

/// Whether `remote` may answer a question to `server`. A question to a group is answered by whoever
/// has the name, from the port of multicast DNS (RFC 6762, 6.7), and on this link.
pub(super) fn may_answer(server: IpEndpoint, remote: IpEndpoint, is_near: bool) -> bool {
    if server.port == MULTICAST_PORT {
        remote.port == MULTICAST_PORT && is_near && remote.addr.is_unicast()
    } else {
        remote == server
    }
}

/// Whether `address` is on our link.
pub(super) fn is_near(io: &Io, address: &IpAddress) -> bool {
    let mut addresses = io.addresses().iter();
    addresses.any(|cidr| cidr.contains_addr(address))
}
