//! How the stack is attached to the network.

use std::path::PathBuf;

use clap::Args;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use tickwire::dns::SERVERS_MAX;

use super::values::{self, OwnAddress};
use crate::exit::{Exit, Failure};

/// Options of the link, before or after the command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Link options")]
pub struct LinkOptions {
    /// TAP interface; created if missing (needs CAP_NET_ADMIN), or made for a user beforehand
    #[arg(
        short = 'i',
        long,
        value_name = "IFACE",
        default_value = "tap0",
        global = true,
        value_parser = values::interface_name,
    )]
    pub tap: String,
    /// Our own address and the prefix length of its network; `dhcp`: ask a server for one
    #[arg(
        long,
        value_name = "CIDR|dhcp",
        default_value = "192.168.69.1/24",
        global = true,
        value_parser = values::own_address,
    )]
    pub address: OwnAddress,
    /// Router for peers outside our network
    #[arg(long, value_name = "IP", global = true, value_parser = values::host_address)]
    pub gateway: Option<IpAddress>,
    /// A name server, up to four times [default: those of the lease, or this computer's where the
    /// TAP leads to them]
    #[arg(long, value_name = "IP", global = true, value_parser = values::host_address)]
    pub dns: Vec<IpAddress>,
    /// Our Ethernet address [default: 02:00 followed by the IPv4 address; with `dhcp`, the
    /// neighbour of the kernel's]
    #[arg(long, value_name = "MAC", global = true, value_parser = values::mac)]
    pub mac: Option<EthernetAddress>,
    /// Give the kernel's side of the TAP this address and bring it up (needs CAP_NET_ADMIN)
    #[arg(long, value_name = "CIDR", global = true, value_parser = values::host_cidr)]
    pub host_address: Option<IpCidr>,
    /// Seed for port and sequence numbers [default: random]
    #[arg(long, value_name = "N", global = true)]
    pub seed: Option<u64>,
    /// Write every frame to this file (`-`: stdout), for tshark or Wireshark
    #[arg(long, value_name = "FILE", global = true)]
    pub pcap: Option<PathBuf>,
    /// Disable the guard that keeps smoltcp's connections from getting stuck
    #[arg(long, global = true)]
    pub no_guard: bool,
    /// Report every state transition, and print every frame as one line
    #[arg(short = 'v', long, global = true, overrides_with = "verbose")]
    pub verbose: bool,
    /// Report errors only
    #[arg(
        short = 'q',
        long,
        global = true,
        conflicts_with = "verbose",
        overrides_with = "quiet"
    )]
    pub quiet: bool,
}

impl LinkOptions {
    /// Our address, unless it comes by DHCP.
    pub const fn static_address(&self) -> Option<IpCidr> {
        match self.address {
            OwnAddress::Static(address) => Some(address),
            OwnAddress::Dhcp => None,
        }
    }

    /// Our Ethernet address: `--mac`, or 02:00 and the last four bytes of the IP address. Where that
    /// comes by DHCP, the kernel's own Ethernet address on the TAP with another last bit: no other
    /// host has it, and on a TAP that stays the server gives us the same IP address again.
    pub fn ethernet_address(&self, kernel: [u8; 6]) -> EthernetAddress {
        let [a, b, c, d] = match (self.mac, self.static_address()) {
            (Some(mac), _) => return mac,
            (None, None) => {
                let [first, b, c, d, e, last] = kernel;
                return EthernetAddress([first & !1 | 2, b, c, d, e, last ^ 1]);
            }
            (None, Some(IpCidr::Ipv4(cidr))) => cidr.address().octets(),
            (None, Some(IpCidr::Ipv6(cidr))) => {
                let [.., a, b, c, d] = cidr.address().octets();
                [a, b, c, d]
            }
        };
        EthernetAddress([0x02, 0x00, a, b, c, d])
    }

    /// The smallest MTU in bytes for our address family: what every host must accept without
    /// fragmentation (RFC 791, section 3.1; RFC 8200, section 5).
    pub const fn mtu_min_bytes(&self) -> usize {
        match self.address {
            OwnAddress::Static(IpCidr::Ipv6(_)) => 1280,
            OwnAddress::Static(IpCidr::Ipv4(_)) | OwnAddress::Dhcp => 576,
        }
    }

    /// An option that was given and that means nothing on a simulated network.
    pub(super) fn real_only(&self) -> Option<&'static str> {
        let options = [
            (self.gateway.is_some(), "--gateway"),
            (self.mac.is_some(), "--mac"),
            (self.host_address.is_some(), "--host-address"),
            (self.no_guard, "--no-guard"),
        ];
        let given = options.iter().find(|(is_given, _)| *is_given);
        given.map(|(_, name)| *name)
    }

    /// Checks the options against each other.
    ///
    /// # Errors
    /// [`Exit::Usage`]: the gateway is not a host in our network, one address is used twice, there
    /// are too many name servers, or `-v` is used with `-q`.
    pub fn check(&self) -> Result<(), Failure> {
        let usage = |message: String| Err(Failure::new(Exit::Usage, message));
        // clap checks conflicts before and after the command separately, so it misses this one.
        if self.verbose && self.quiet {
            return usage("--verbose cannot be used with --quiet".to_owned());
        }
        if self.dns.len() > SERVERS_MAX {
            return usage("--dns can be given up to four times".to_owned());
        }
        let checked = match self.address {
            OwnAddress::Static(ours) => self.check_networks(ours),
            OwnAddress::Dhcp if self.gateway.is_some() => {
                Err("--gateway cannot be used with --address dhcp: the lease has it".to_owned())
            }
            OwnAddress::Dhcp => Ok(()),
        };
        checked.or_else(usage)
    }

    /// Checks that all addresses are of one network, and that no two are equal.
    fn check_networks(&self, own: IpCidr) -> Result<(), String> {
        let ours = own.address();
        if let Some(gateway) = self.gateway {
            if gateway != ours && !is_on_link(own, gateway) {
                return Err(format!(
                    "--gateway {gateway} is not in the network of --address {own}"
                ));
            }
            check_neighbour("--gateway", own, gateway)?;
        }
        for &server in self.dns.iter().filter(|server| own.contains_addr(server)) {
            check_neighbour("--dns", own, server)?;
        }
        if let Some(host) = self.host_address {
            if host.address() == ours {
                return Err(format!(
                    "--host-address {ours} is our own --address; the kernel's side needs another"
                ));
            }
            if !host.contains_addr(&ours) || !own.contains_addr(&host.address()) {
                return Err(format!(
                    "--host-address {host} and --address {own} are not in one network"
                ));
            }
        }
        Ok(())
    }
}

/// Checks that `address`, given by `option`, is another host's in our network.
fn check_neighbour(option: &str, own: IpCidr, address: IpAddress) -> Result<(), String> {
    if address == own.address() {
        return Err(format!("{option} {address} is our own --address"));
    }
    let cidr = format!("{address}/{}", own.prefix_len());
    match values::host_cidr(&cidr) {
        Ok(_) => Ok(()),
        Err(why) => Err(format!("{option} {address}: {why}")),
    }
}

/// Whether `gateway` is on our own link. IPv6 routers use their link-local address (RFC 4861,
/// section 4.2), which is on every link.
fn is_on_link(own: IpCidr, gateway: IpAddress) -> bool {
    let is_link_local =
        matches!(gateway, IpAddress::Ipv6(address) if address.is_unicast_link_local());
    let is_local = is_link_local && matches!(own, IpCidr::Ipv6(_));
    is_local || own.contains_addr(&gateway)
}
