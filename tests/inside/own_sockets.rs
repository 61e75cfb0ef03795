//! The sockets that the program uses itself, between two turns.

use smoltcp::iface::SocketHandle;
use smoltcp::phy::Device;
use smoltcp::socket::{dhcpv4, dns, udp};
use smoltcp::wire::{DnsQueryType, IpAddress, IpCidr, IpEndpoint};
use tickwire::{Duration, Stack, Tick};

/// Who is told that we are alive, and answers.
const MONITOR: IpEndpoint = IpEndpoint::new(IpAddress::v4(10, 0, 0, 1), 7);
const BEAT: Duration = Duration::from_secs(10);

pub(crate) struct OwnSockets {
    dhcp: SocketHandle,
    dns: SocketHandle,
    udp: SocketHandle,
    query: Option<dns::QueryHandle>,
    /// The address of the server, when it has just been found.
    pub(crate) resolved: Option<IpAddress>,
    /// When the monitor wants to hear from us next.
    pub(crate) next_beat: Tick,
    /// How often the monitor has answered.
    pub(crate) answers: u32,
}

impl OwnSockets {
    pub(crate) const fn new(dhcp: SocketHandle, dns: SocketHandle, udp: SocketHandle) -> Self {
        Self {
            dhcp,
            dns,
            udp,
            query: None,
            resolved: None,
            next_beat: Tick::ZERO,
            answers: 0,
        }
    }

    /// Looks at all of them after a turn. Whether anything was changed or queued, so that the next
    /// turn must come before the program sleeps.
    pub(crate) fn poll<D: Device>(&mut self, now: Tick, stack: &mut Stack<D>) -> bool {
        let has_lease = self.poll_dhcp(stack);
        self.poll_dns(stack);
        let has_sent = self.poll_udp(now, stack);
        has_lease || has_sent
    }

    fn poll_dhcp<D: Device>(&mut self, stack: &mut Stack<D>) -> bool {
        let (address, servers) = match stack.sockets.get_mut::<dhcpv4::Socket>(self.dhcp).poll() {
            None => return false,
            Some(dhcpv4::Event::Deconfigured) => (None, Default::default()),
            Some(dhcpv4::Event::Configured(lease)) => (Some(lease.address), lease.dns_servers),
        };
        // Connections over the old address end with `Error::AddressLost`.
        stack.iface.update_ip_addrs(|addresses| {
            addresses.clear();
            addresses.extend(address.map(IpCidr::Ipv4));
        });
        let dns = stack.sockets.get_mut::<dns::Socket>(self.dns);
        let servers: heapless::Vec<_, 3> = servers.into_iter().map(IpAddress::Ipv4).collect();
        dns.update_servers(&servers);
        if self.query.is_none() && !servers.is_empty() {
            let (context, name) = (stack.iface.context(), "settings.example");
            self.query = dns.start_query(context, name, DnsQueryType::A).ok();
        }
        true
    }

    fn poll_dns<D: Device>(&mut self, stack: &mut Stack<D>) {
        let Some(query) = self.query else { return };
        let dns = stack.sockets.get_mut::<dns::Socket>(self.dns);
        match dns.get_query_result(query) {
            Ok(addresses) => self.resolved = addresses.first().copied(),
            Err(dns::GetQueryResultError::Pending) => return,
            Err(dns::GetQueryResultError::Failed) => {}
        }
        self.query = None;
    }

    fn poll_udp<D: Device>(&mut self, now: Tick, stack: &mut Stack<D>) -> bool {
        let udp = stack.sockets.get_mut::<udp::Socket>(self.udp);
        if !udp.is_open() {
            udp.bind(49_000).expect("the port is not 0");
        }
        while udp.recv().is_ok() {
            self.answers += 1;
        }
        if now < self.next_beat {
            return false;
        }
        self.next_beat = now + BEAT;
        udp.send_slice(b"alive", MONITOR).is_ok()
    }
}
