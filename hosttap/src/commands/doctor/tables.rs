//! What the kernel's tables say: the link, its addresses and the route to us.

use std::net::IpAddr;

use smoltcp::wire::IpCidr;

use super::proposal::{propose_host_address, propose_own_address};
use super::report::Report;
use crate::cli::LinkOptions;
use crate::exit::io_error_text;
use crate::link::netlink::{Netlink, Route};
use crate::link::side::Side;

/// Checks that the link is up, and how long its frames are.
pub(super) fn check_link(report: &mut Report, side: &Side, options: &LinkOptions) {
    let link = &side.tap;
    let name = &link.name;
    for link in [Some(link), side.master.as_ref()].into_iter().flatten() {
        let name = &link.name;
        if link.is_up {
            report.ok(format!("{name} is up"));
        } else {
            let command = format!("sudo ip link set {name} up");
            report.wrong(format!("{name} is down"), &[command]);
        }
    }
    let mtu_min = options.mtu_min_bytes();
    if link.mtu >= mtu_min {
        report.ok(format!("MTU {}", link.mtu));
    } else {
        let command = format!("sudo ip link set {name} mtu 1500");
        let text = format!("an MTU of {} is below {mtu_min}", link.mtu);
        report.wrong(text, &[command]);
    }
    let ours = options.ethernet_address(link.ethernet_address());
    if side.has_ethernet_address(ours) {
        let text = format!("the kernel's side has our Ethernet address {ours}");
        report.wrong(text, &["hosttap --mac 02:00:00:00:00:02 ...".to_owned()]);
    }
}

/// The command that gives us another address, because somebody else has ours.
pub(super) fn other_address(side: &Side, ours: IpCidr) -> Vec<String> {
    let taken: Vec<IpAddr> = side.addresses.iter().map(|address| address.ip).collect();
    propose_own_address(ours, &taken)
        .map(|cidr| format!("hosttap --address {cidr} ..."))
        .into_iter()
        .collect()
}

/// Checks the kernel's addresses. Returns whether one of them can talk to ours.
pub(super) fn check_addresses(
    report: &mut Report,
    side: &Side,
    options: &LinkOptions,
    ours: IpCidr,
) -> bool {
    let name = &side.interface().name;
    let own = IpAddr::from(ours.address());
    if side.find_address(own).is_some() {
        let text = format!("the kernel has our address {own}");
        report.wrong(text, &other_address(side, ours));
        return false;
    }
    if let Some(address) = side.address_beside(ours) {
        let (ip, prefix_bits) = (address.ip, address.prefix_bits);
        report.ok(format!(
            "the kernel's side is {ip}/{prefix_bits}, our side is {ours}"
        ));
        return true;
    }
    if side.master.is_some() {
        report.note(format!(
            "{name} has no address in the network of {ours}: other hosts of the bridge can be \
             reached, the kernel cannot"
        ));
        return false;
    }
    let commands: Vec<_> = options
        .host_address
        .or_else(|| propose_host_address(ours))
        .map(|cidr| format!("sudo ip addr add {cidr} dev {name}"))
        .into_iter()
        .collect();
    let text = format!("the kernel's side of {name} has no address in the network of {ours}");
    report.wrong(text, &commands);
    false
}

/// Checks that the kernel asks for our Ethernet address.
pub(super) fn check_arp(report: &mut Report, side: &Side) {
    let link = side.interface();
    let name = &link.name;
    if !link.uses_arp {
        let command = format!("sudo ip link set {name} arp on");
        report.wrong(format!("{name} was told not to use ARP"), &[command]);
    }
}

/// Checks the kernel's route to us.
pub(super) fn check_route(report: &mut Report, netlink: &Netlink, side: &Side, ours: IpCidr) {
    let name = &side.interface().name;
    let own = IpAddr::from(ours.address());
    let prefix_bits_max = match ours {
        IpCidr::Ipv4(_) => 32,
        IpCidr::Ipv6(_) => 128,
    };
    let add = [format!("sudo ip route add {own} dev {name}")];
    match netlink.route(own) {
        Ok(Route::Interface { index, .. }) if index == side.interface().index => {
            report.ok(format!("the kernel's route to {own} is {name}"));
        }
        // Somebody has given this very address to another host.
        Ok(Route::Interface { prefix_bits, .. }) if prefix_bits == prefix_bits_max => {
            let text = format!("the kernel has a route to {own} through another interface");
            report.wrong(text, &other_address(side, ours));
        }
        Ok(Route::Interface { .. }) => {
            let text = format!("the kernel sends packets for {own} through another interface");
            report.wrong(text, &add);
        }
        Ok(Route::None) if side.interface().is_up => {
            report.wrong(format!("the kernel has no route to {own}"), &add);
        }
        // Loopback has an address whose network is ours.
        Ok(Route::Local) => {
            let text = format!("the kernel treats {own} as its own address");
            report.wrong(
                text,
                &["ip addr show dev lo    # has an address in our network".to_owned()],
            );
        }
        Ok(Route::Dropped) => {
            let text = format!("the kernel drops packets for {own}, as a route says");
            report.wrong(text, &[format!("sudo ip route replace {own} dev {name}")]);
        }
        // The link is down, and that check has found it.
        Ok(Route::None) => {}
        Err(error) => {
            let cause = io_error_text(&error);
            report.wrong(format!("the route to {own}: {cause}"), &[]);
        }
    }
}
