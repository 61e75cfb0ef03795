//! A host with a resolver, and others whose UDP sockets a test plays by hand.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp;
use smoltcp::wire::{IpAddress, IpEndpoint};
use tickwire::dns::{CachedName, Families, Lookup, Name, Names, ResolveError, Resolver};
use tickwire::{Error, Tick};

use crate::common::fixture::{Fixture, TaskId, endpoint, leak, ms, secs};
use crate::reply::{A, Reply, asked};

pub(crate) const DNS_PORT: u16 = 53;
/// What honest servers say about every name.
pub(crate) const RIGHT: [u8; 4] = [192, 0, 2, 1];
/// What liars say.
pub(crate) const WRONG: [u8; 4] = [192, 0, 2, 66];
/// Only IPv4: one question for each name.
pub(crate) const V4: Families = Families {
    v4: true,
    v6: false,
};

pub(crate) type LookupId = TaskId<Lookup<&'static str>>;

/// A question as a server got it.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) bytes: Vec<u8>,
    pub(crate) from: IpEndpoint,
    pub(crate) at: Tick,
}

/// Host 0 resolves; the others are name servers.
pub(crate) struct Rig {
    pub(crate) net: Fixture,
    pub(crate) resolver: TaskId<Resolver>,
    /// The UDP sockets at port 53 of the other hosts.
    sockets: Vec<SocketHandle>,
}

/// A socket for datagrams of 512 bytes.
fn udp_socket() -> udp::Socket<'static> {
    let buffer = || {
        let metadata = vec![udp::PacketMetadata::EMPTY; 8].leak();
        udp::PacketBuffer::new(metadata, leak(0, 2_048))
    };
    udp::Socket::new(buffer(), buffer())
}

/// What a lookup of `RIGHT` ends with.
pub(crate) fn right() -> Vec<IpAddress> {
    vec![std::net::Ipv4Addr::from(RIGHT).into()]
}

impl Rig {
    /// With this number of name servers, all of which are asked.
    pub(crate) fn new(servers: usize) -> Self {
        Self::with_hosts(servers, servers)
    }

    /// With this number of hosts beside ours, of which the first `servers` are asked.
    pub(crate) fn with_hosts(hosts: usize, servers: usize) -> Self {
        let mut net = Fixture::guarded(1, hosts + 1);
        let stack = &mut net.hosts[0].node.stack;
        stack.names = Names::new(leak(CachedName::EMPTY, 4)).with_search_room(leak(Name::ROOT, 2));
        stack
            .names
            .set_servers((1..=servers).map(|host| endpoint(host, 0).addr));
        let udp = [(); 2].map(|()| stack.sockets.add(udp_socket()));
        let tcp = net.add_socket_with(0, 1_024, 512);
        let resolver = net.start(0, Resolver::new(udp, tcp));
        let mut rig = Self {
            net,
            resolver,
            sockets: Vec::new(),
        };
        for host in 1..=hosts {
            let socket = rig.bind(host, DNS_PORT);
            rig.sockets.push(socket);
            // Who asks for our address is known from then on: smoltcp asks for one of a second.
            rig.send(host, endpoint(0, 9), b"");
        }
        rig
    }

    /// One more UDP socket of a host.
    pub(crate) fn bind(&mut self, host: usize, port: u16) -> SocketHandle {
        let mut socket = udp_socket();
        socket.bind(port).unwrap();
        self.net.hosts[host].node.stack.sockets.add(socket)
    }

    pub(crate) fn set_search(&mut self, domains: &[&str]) {
        let domains = domains.iter().map(|text| Name::parse(text).unwrap());
        self.net.hosts[0].node.stack.names.set_search(domains);
    }

    pub(crate) fn look_up(&mut self, host: &'static str) -> LookupId {
        self.net.start(0, Lookup::new(host, Some(V4)))
    }

    /// The next datagram of a server's socket, within the next minute.
    pub(crate) fn question(&mut self, server: usize) -> Question {
        let socket = self.sockets[server - 1];
        let mut question = None;
        self.net.run_until(secs(60), |net| {
            let at = net.now();
            let received = net.socket::<udp::Socket<'_>>(server, socket).recv();
            question = received.ok().map(|(bytes, from)| Question {
                bytes: bytes.to_vec(),
                from: from.endpoint,
                at,
            });
            question.is_some()
        });
        question.unwrap()
    }

    /// Whether a server is asked within the next time, without an answer.
    pub(crate) fn is_asked_within(&mut self, server: usize, millis: u64) -> bool {
        self.net.run(ms(millis));
        let socket = self.sockets[server - 1];
        self.net
            .socket::<udp::Socket<'_>>(server, socket)
            .can_recv()
    }

    /// Sends a datagram from port 53 of a server.
    pub(crate) fn send(&mut self, server: usize, to: IpEndpoint, bytes: &[u8]) {
        self.send_with(server, self.sockets[server - 1], to, bytes);
    }

    pub(crate) fn send_with(
        &mut self,
        host: usize,
        socket: SocketHandle,
        to: IpEndpoint,
        bytes: &[u8],
    ) {
        let socket = self.net.socket::<udp::Socket<'_>>(host, socket);
        socket.send_slice(bytes, to).unwrap();
        self.net.run(ms(5));
    }

    /// The same, without time for it to arrive.
    pub(crate) fn queue(&mut self, server: usize, to: IpEndpoint, bytes: &[u8]) {
        let socket = self.sockets[server - 1];
        let socket = self.net.socket::<udp::Socket<'_>>(server, socket);
        socket.send_slice(bytes, to).unwrap();
    }

    /// Answers with `RIGHT`.
    pub(crate) fn answer(&mut self, server: usize, question: &Question) {
        let reply = answer_to(&question.bytes, RIGHT);
        self.send(server, question.from, &reply.bytes);
    }

    /// How a lookup ends within the next minute.
    pub(crate) fn finish(&mut self, lookup: LookupId) -> Result<Vec<IpAddress>, ResolveError> {
        match self.net.finish(lookup, secs(60)) {
            Ok(()) => Ok(self.net.app(lookup).addresses().to_vec()),
            Err(Error::Unresolved(error)) => Err(error),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn is_open(&self, lookup: LookupId) -> bool {
        self.net.outcome(lookup).is_none()
    }
}

/// A right answer to a question for an IPv4 address.
pub(crate) fn answer_to(query: &[u8], address: [u8; 4]) -> Reply {
    let (name, kind) = asked(query);
    assert_eq!(kind, A);
    Reply::to(query).a(&name, 60, address)
}
