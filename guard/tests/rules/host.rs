//! A smoltcp host that a test scripts, with or without a guard, in virtual time.

use smoltcp::iface::{Config, Interface, PollIngressSingleResult, PollResult, SocketHandle};
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::phy::{Device, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, Ipv4Address, TcpControl};
use smoltcp_guard::{Duties, Guarded, Storage};

use crate::cable::{Cable, MEDIA};
use crate::frames::{
    ACK, FAMILIES, Family, HOST_MAC, HOST_PORT, PEER_PORT, Segment, Sent, arp_request, build,
    introduction, read, read_raw,
};

/// More frames than any honest exchange of the scripts needs in one poll.
pub(crate) const EGRESS_MAX: usize = 100;

/// More than any script writes.
const SEND_BUFFER_LEN: usize = 256 * 1024;

/// The other address in a network of two.
const ROUTER: Ipv4Address = Ipv4Address::new(10, 0, 0, 0);

/// A guarded end of a cable.
pub(crate) type GuardedCable = Guarded<'static, Cable>;

/// Guards a cable, with room for this number of connections.
pub(crate) fn guarded<const FLOWS: usize>(cable: Cable) -> GuardedCable {
    let storage: &mut Storage<FLOWS> = Box::leak(Box::default());
    match cable.medium() {
        Medium::Ip => Guarded::over_ip(cable, storage),
        _ => Guarded::new(cable, HOST_MAC, storage),
    }
}

/// A device that a script can run on: the bare cable or the guarded one.
pub(crate) trait TestDevice: Device {
    fn wrap(cable: Cable) -> Self;

    /// What a test wants of the socket that dials.
    fn configure(_: &mut tcp::Socket<'_>) {}

    /// When the device wants the interface to be polled.
    fn poll_at(&self) -> Option<Instant> {
        None
    }
}

impl TestDevice for Cable {
    fn wrap(cable: Cable) -> Self {
        cable
    }
}

impl TestDevice for GuardedCable {
    /// Losses are left to smoltcp: the scripts are about what it does then.
    fn wrap(cable: Cable) -> Self {
        let mut duties = Duties::ALL;
        duties.recovery = false;
        guarded::<3>(cable).with_duties(duties)
    }
}

pub(crate) struct Host<D> {
    pub(crate) family: Family,
    pub(crate) cable: Cable,
    pub(crate) device: D,
    iface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    now: Instant,
    /// The sequence number of the host's first byte.
    pub(crate) start: u32,
}

impl<D: TestDevice> Host<D> {
    /// A host that is connected to the peer. The host's window is `window`; the peer's SYN-ACK
    /// announced `peer_window`.
    pub(crate) fn connected(family: Family, window: usize, peer_window: u16) -> Self {
        Self::connecting(family, window, Cable::default()).accepted(peer_window)
    }

    /// This host, whose SYN is out, after the peer's SYN-ACK has announced `peer_window`.
    pub(crate) fn accepted(mut self, peer_window: u16) -> Self {
        self.receive(Segment {
            seq: -1,
            window: peer_window,
            control: TcpControl::Syn,
            ..ACK
        });
        assert_eq!(self.socket().state(), tcp::State::Established);
        self
    }

    /// As [`connected`](Self::connected), over IPv4 and through a router whose hardware address the
    /// host has just learnt.
    pub(crate) fn connected_through_router(window: usize, peer_window: u16) -> Self {
        let mut host = Self::resolving(Family::V4, window, Cable::default());
        host.iface.update_ip_addrs(|addresses| {
            addresses[0] = IpCidr::new(host.family.host(), 31);
        });
        let routes = host.iface.routes_mut();
        routes
            .add_default_ipv4_route(ROUTER)
            .expect("one route fits");
        host.introduced(arp_request(ROUTER)).accepted(peer_window)
    }

    /// The host gets another address in the place of its own.
    pub(crate) fn set_address(&mut self, address: IpAddress) {
        (self.iface).update_ip_addrs(|addresses| addresses[0] = IpCidr::new(address, 24));
    }

    /// A host whose SYN is out.
    pub(crate) fn connecting(family: Family, window: usize, cable: Cable) -> Self {
        Self::resolving(family, window, cable).introduced(introduction(family))
    }

    /// This host, whose SYN waits for the neighbour's hardware address, after `frame` has told it
    /// that address.
    pub(crate) fn introduced(mut self, frame: Vec<u8>) -> Self {
        self.receive_frame(frame);
        self.start = self.find_start().expect("the SYN is out");
        self.cable.0.borrow_mut().from_host.clear();
        self
    }

    /// A host whose SYN waits for the neighbour's hardware address.
    pub(crate) fn resolving(family: Family, window: usize, cable: Cable) -> Self {
        let mut device = D::wrap(cable.clone());
        let mut config = Config::new(match cable.medium() {
            Medium::Ip => HardwareAddress::Ip,
            _ => HOST_MAC.into(),
        });
        config.random_seed = 7;
        let mut iface = Interface::new(config, &mut device, Instant::ZERO);
        iface.update_ip_addrs(|addresses| {
            addresses
                .push(IpCidr::new(family.host(), 24))
                .expect("one address fits");
        });
        let mut socket = tcp::Socket::new(
            tcp::SocketBuffer::new(vec![0; window].leak()),
            tcp::SocketBuffer::new(vec![0; SEND_BUFFER_LEN].leak()),
        );
        socket.set_nagle_enabled(false);
        // Another crate of the build may have switched Reno on, which new sockets then have.
        socket.set_congestion_control(tcp::CongestionControl::None);
        D::configure(&mut socket);
        socket
            .connect(iface.context(), (family.peer(), PEER_PORT), HOST_PORT)
            .expect("the peer is a unicast address");
        let mut sockets = SocketSet::new(vec![SocketStorage::EMPTY].leak());
        let handle = sockets.add(socket);
        Self {
            family,
            cable,
            device,
            iface,
            sockets,
            handle,
            now: Instant::from_millis(1),
            start: 0,
        }
    }

    /// The sequence number of the host's first byte, if its SYN is out.
    pub(crate) fn find_start(&self) -> Option<u32> {
        let ends = self.cable.0.borrow();
        let mut sent = ends.from_host.iter();
        let syn = sent.find_map(|frame| read_raw(self.family, frame))?;
        assert_eq!(syn.control, TcpControl::Syn);
        Some((syn.seq_number.0 as u32).wrapping_add(1))
    }

    /// The router asks for the host's hardware address. From the question the host learns the
    /// router's.
    pub(crate) fn receive_from_router(&mut self) {
        self.receive_frame(arp_request(ROUTER));
    }

    pub(crate) fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    /// The application drops the socket and begins another, which has not dialled.
    pub(crate) fn forget_socket(&mut self) {
        let buffer = || tcp::SocketBuffer::new(vec![0; 64].leak());
        *self.socket() = tcp::Socket::new(buffer(), buffer());
    }

    pub(crate) fn write(&mut self, data: &[u8]) -> Vec<Sent> {
        assert_eq!(self.socket().send_slice(data), Ok(data.len()));
        self.poll()
    }

    pub(crate) fn close(&mut self) -> Vec<Sent> {
        self.socket().close();
        self.poll()
    }

    /// All bytes that can be read now.
    pub(crate) fn read_all(&mut self) -> Vec<u8> {
        let mut data = vec![0; 64];
        let len = self.socket().recv_slice(&mut data).unwrap_or(0);
        data.truncate(len);
        data
    }

    /// The peer's segment comes in. Returns what the host sends then.
    pub(crate) fn receive(&mut self, segment: Segment<'_>) -> Vec<Sent> {
        self.receive_frame(build(self.family, &segment, self.start))
    }

    pub(crate) fn receive_frame(&mut self, frame: Vec<u8>) -> Vec<Sent> {
        self.cable.0.borrow_mut().to_host.push_back(frame);
        self.poll()
    }

    /// One round of a loop like smoltcp's own, but bounded. Returns the segments that went out.
    pub(crate) fn poll(&mut self) -> Vec<Sent> {
        let already = self.cable.0.borrow().from_host.len();
        let (now, device, sockets) = (self.now, &mut self.device, &mut self.sockets);
        while self.iface.poll_ingress_single(now, device, sockets) != PollIngressSingleResult::None
        {
        }
        for _ in 0..EGRESS_MAX {
            if self.iface.poll_egress(now, device, sockets) == PollResult::None {
                break;
            }
        }
        let ends = self.cable.0.borrow();
        let new = ends.from_host.iter().skip(already);
        new.filter_map(|frame| read(self.family, frame, self.start))
            .collect()
    }

    /// The frame that the host sent last.
    pub(crate) fn last_frame(&self) -> Vec<u8> {
        let ends = self.cable.0.borrow();
        ends.from_host.last().expect("a frame is out").clone()
    }

    /// Sleeps until the host wants to be polled, and polls it. None when no timer runs.
    pub(crate) fn sleep(&mut self) -> Option<Vec<Sent>> {
        let wakes = [
            self.iface.poll_at(self.now, &self.sockets),
            self.device.poll_at(),
        ];
        self.now = wakes.into_iter().flatten().min()?.max(self.now);
        Some(self.poll())
    }

    #[cfg(feature = "recovery")]
    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    /// Lets time pass, in milliseconds, without a poll.
    pub(crate) fn advance(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    /// Returns what the host sends until no timer runs, or for at most a minute.
    pub(crate) fn sleep_a_minute(&mut self) -> Vec<Sent> {
        let end = self.now + Duration::from_secs(60);
        let mut sent = Vec::new();
        while self.now < end && sent.len() < EGRESS_MAX {
            let Some(more) = self.sleep() else { break };
            sent.extend(more);
        }
        sent
    }

    /// Whether the host has no timer, so that only the peer can wake it.
    pub(crate) fn has_no_timer(&mut self) -> bool {
        self.iface.poll_at(self.now, &self.sockets).is_none()
    }
}

/// Runs a script for each address family on each medium: `fails` on bare smoltcp, `passes` with a
/// guard.
pub(crate) fn compare(
    window: usize,
    peer_window: u16,
    fails: impl Fn(Host<Cable>),
    passes: impl Fn(Host<GuardedCable>),
) {
    on_each_link(window, peer_window, fails);
    on_each_link(window, peer_window, passes);
}

/// Runs a script for each address family on each medium.
fn on_each_link<D: TestDevice>(window: usize, peer_window: u16, script: impl Fn(Host<D>)) {
    for &family in FAMILIES {
        for &medium in MEDIA {
            let host = Host::connecting(family, window, Cable::over(medium));
            script(host.accepted(peer_window));
        }
    }
}

/// As [`compare`], for a script that says nothing of bare smoltcp.
pub(crate) fn with_guard(window: usize, peer_window: u16, script: impl Fn(Host<GuardedCable>)) {
    on_each_link(window, peer_window, script);
}

/// Whether any of the segments begins at `seq` and carries data or a FIN.
pub(crate) fn sends_from(sent: &[Sent], seq: i32) -> bool {
    sent.iter().any(|segment| {
        segment.seq == seq && (!segment.payload.is_empty() || segment.control == TcpControl::Fin)
    })
}
