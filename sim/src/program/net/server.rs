//! A server: a node that lends addresses, knows names and the time, and echoes.

use std::cell::RefCell;
use std::rc::Rc;

use smoltcp::socket::udp;
use smoltcp::wire::EthernetAddress;
use tickwire::{AnyTask, Echo, Server, ServerOptions, Task};
use tickwire_sim::{Generator, Node, NodeMemory, Profile, World};

use super::SERVERS;
use super::judge::Judge;
use super::lease_server::LeaseServer;
use super::mood::Mood;
use super::name_server::NameServer;
use super::services::{Answerer, NamesOverTcp, Services, Shared};
use super::time_server::TimeServer;
use super::user::ECHO_PORT;

/// Three for datagrams, two to echo, one for names.
const SOCKETS: usize = 6;
const SERVER_BYTES: usize = 2_048;

/// The memory of a server.
pub(super) struct ServerMemory<'a> {
    node: NodeMemory<'a, SOCKETS>,
    metadata: [[udp::PacketMetadata; 8]; 6],
    bytes: [Vec<u8>; 12],
}

impl Default for ServerMemory<'_> {
    fn default() -> Self {
        Self {
            node: NodeMemory::new(),
            metadata: [[udp::PacketMetadata::EMPTY; 8]; 6],
            bytes: [(); 12].map(|()| vec![0; SERVER_BYTES]),
        }
    }
}

/// A server, with all that it runs.
pub(super) struct ServerNode<'a> {
    pub(super) node: Node<'a>,
    pub(super) answerer: Shared,
    services: Task<Services<'a>>,
    echo: Task<Echo<2>>,
    names: Task<Server<NamesOverTcp, 1>>,
}

impl<'a> ServerNode<'a> {
    pub(super) fn new(
        world: &'a World<'_>,
        port: usize,
        root: &Generator,
        profile: Profile,
        memory: &'a mut ServerMemory<'a>,
    ) -> Self {
        let stream = |label: &str| root.fork(label, port as u64);
        let seed = stream("net server").u64();
        let mut node = Node::new(&world.ethernet, port, seed, &mut memory.node);
        let own = Node::address_of(port);
        let [first, second] = SERVERS;
        let other = if own == first { second } else { first };
        // The hardware address of a node of a world.
        let mac = EthernetAddress([2, 0, 10, 0, 0, own.octets()[3]]);
        let pool = if own == first { 100 } else { 160 };
        let answerer = Rc::new(RefCell::new(Answerer {
            leases: LeaseServer::new(stream("net leases"), own, mac, other, pool),
            names: NameServer::new(stream("net names"), own, mac, other),
            time: TimeServer {
                random: stream("net time"),
                mac,
                other,
            },
            mood: Mood::new(stream("net mood"), profile),
        }));
        let mut metadata = memory.metadata.iter_mut();
        let mut bytes = memory.bytes.iter_mut();
        let mut pair = || bytes.next().zip(bytes.next()).expect("there is enough");
        let udp = [(); 3].map(|()| {
            let (receive, send) = pair();
            let mut half = |bytes| {
                let metadata = metadata.next().expect("there is enough");
                udp::PacketBuffer::new(&mut metadata[..], bytes)
            };
            let socket = udp::Socket::new(half(&mut receive[..]), half(&mut send[..]));
            node.stack.sockets.add(socket)
        });
        let [a, b, c] = [(); 3].map(|()| {
            let (receive, send) = pair();
            node.add_socket(receive, send)
        });
        let over_tcp = NamesOverTcp::new(Rc::clone(&answerer));
        Self {
            services: Task::new(Services::new(
                udp,
                Rc::clone(&answerer),
                world.ethernet.port(port),
                mac,
            )),
            echo: Task::new(Echo::echo([a, b], ECHO_PORT, false)),
            names: Task::new(Server::new([c], 53, [over_tcp], ServerOptions::default())),
            node,
            answerer,
        }
    }

    pub(super) fn turn_due(&mut self, world: &World<'_>, judge: &RefCell<Judge<'_>>) {
        let tasks: &mut [&mut dyn AnyTask] =
            &mut [&mut self.services, &mut self.echo, &mut self.names];
        world.turn_due(&mut [self.node.with(tasks)], judge);
    }
}
