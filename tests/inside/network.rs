//! The host that the program meets: it gives out addresses and names, listens for signs of life, has
//! the settings, and calls the program's echo server.

use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::udp;
use smoltcp::wire::{
    DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, IpCidr, IpEndpoint, Ipv4Address,
};
use tickwire::{
    AnyTask, Backoff, Client, ClientOptions, Config, Duration, Observer, Stack, Task, Tick,
};
use tickwire_sim::ethernet::Port;
use tickwire_sim::{Act, Opening, Script};

use crate::ask::Ask;
use crate::udp_echo::UdpEcho;

/// The address that the program gets.
const LEASED: Ipv4Address = Ipv4Address::new(10, 0, 0, 50);
/// The address of this host.
const SERVER: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);
const SETTINGS: [Act; 3] = [
    Act::Expect(b"\r\n\r\n"),
    Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 8\r\n\r\nblink=on"),
    Act::ExpectEnd,
];

pub(crate) struct Network<'a> {
    stack: Stack<'a, Port<'a>>,
    dhcp: SocketHandle,
    dns: SocketHandle,
    monitor: Task<UdpEcho>,
    settings: Task<Script<'static>>,
    pub(crate) caller: Task<Client<Ask<'static>, Backoff>>,
}

impl<'a> Network<'a> {
    pub(crate) fn new(port: Port<'a>) -> Self {
        let storage = (0..8).map(|_| SocketStorage::EMPTY).collect::<Vec<_>>();
        let config = Config {
            mac: EthernetAddress([2, 0, 0, 0, 0, 1]),
            addresses: &[IpCidr::new(SERVER.into(), 24)],
            gateway: None,
            seed: 1,
        };
        let sockets = SocketSet::new(storage.leak());
        let mut stack = Stack::new(port, &config, sockets, Tick::ZERO);
        let (dhcp, dns) = (udp_socket(&mut stack), udp_socket(&mut stack));
        stack.sockets.get_mut::<udp::Socket>(dhcp).bind(67).unwrap();
        stack.sockets.get_mut::<udp::Socket>(dns).bind(53).unwrap();
        let monitor = udp_socket(&mut stack);
        let question = Ask {
            question: b"are you there?\n",
            answer: Default::default(),
            is_sent: false,
        };
        let mut socket = || stack.add_tcp_socket(vec![0; 512].leak(), vec![0; 512].leak());
        let caller = Client::with_retry(
            socket(),
            (LEASED, 7).into(),
            question,
            ClientOptions::default(),
            Backoff::new(Duration::from_secs(1), Duration::from_secs(4)),
        );
        let settings = Script::new(socket(), Opening::Listen(80), &SETTINGS);
        Self {
            stack,
            dhcp,
            dns,
            monitor: Task::new(UdpEcho {
                socket: monitor,
                port: 7,
            }),
            settings: Task::new(settings),
            caller: Task::new(caller),
        }
    }

    /// One round of this host's loop, which uses sockets between turns as the program's does.
    pub(crate) fn round(&mut self, now: Tick, observer: &mut dyn Observer) -> Option<Tick> {
        let tasks: &mut [&mut dyn AnyTask] =
            &mut [&mut self.monitor, &mut self.settings, &mut self.caller];
        let wake = self.stack.turn(now, tasks, observer);
        let has_leased = lease(self.stack.sockets.get_mut(self.dhcp));
        let has_resolved = resolve(self.stack.sockets.get_mut(self.dns));
        if has_leased || has_resolved {
            return Some(now);
        }
        wake
    }
}

fn udp_socket(stack: &mut Stack<Port>) -> SocketHandle {
    let memory = || vec![udp::PacketMetadata::EMPTY; 4].leak();
    let buffer = || udp::PacketBuffer::new(memory(), vec![0; 2_048].leak());
    stack.sockets.add(udp::Socket::new(buffer(), buffer()))
}

/// Answers a DISCOVER or REQUEST, always with the same lease (RFC 2131, 4.3); whether there was one.
fn lease(socket: &mut udp::Socket) -> bool {
    let Ok((bytes, _)) = socket.recv() else {
        return false;
    };
    let query = DhcpPacket::new_checked(bytes).unwrap();
    let query = DhcpRepr::parse(&query).unwrap();
    let reply = DhcpRepr {
        message_type: match query.message_type {
            DhcpMessageType::Discover => DhcpMessageType::Offer,
            _ => DhcpMessageType::Ack,
        },
        your_ip: LEASED,
        server_ip: SERVER,
        subnet_mask: Some(Ipv4Address::new(255, 255, 255, 0)),
        server_identifier: Some(SERVER),
        requested_ip: None,
        client_identifier: None,
        parameter_request_list: None,
        dns_servers: Some([SERVER].into_iter().collect()),
        max_size: None,
        lease_duration: Some(3_600),
        ..query
    };
    let mut bytes = vec![0; reply.buffer_len()];
    let mut packet = DhcpPacket::new_unchecked(&mut bytes[..]);
    reply.emit(&mut packet).unwrap();
    let client = IpEndpoint::new(Ipv4Address::BROADCAST.into(), 68);
    socket.send_slice(&bytes, client).unwrap();
    true
}

/// Answers a query with our own address (RFC 1035, 4.1); whether there was one.
fn resolve(socket: &mut udp::Socket) -> bool {
    let mut query = [0; 512];
    let Ok((len, client)) = socket.recv_slice(&mut query) else {
        return false;
    };
    // The query comes back as a response with one record: the name (a pointer to the question),
    // type A, class IN, 60 s, and an address of four bytes.
    let mut reply = query[..len].to_vec();
    reply[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
    reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    reply.extend(SERVER.octets());
    socket.send_slice(&reply, client.endpoint).unwrap();
    true
}
