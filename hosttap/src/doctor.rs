//! `doctor`: what is wrong with the TAP set-up, and the commands that mend it.
//!
//! It changes nothing, and needs no privilege to look.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::FileTypeExt;

use smoltcp::wire::{IpAddress, IpCidr};
use tun_tap::{Iface, Mode};

use crate::cli::LinkOptions;
use crate::exit::{Exit, Failure, system_text};
use crate::netlink::{Link, Netlink, Route};

const TUN_DEVICE: &str = "/dev/net/tun";

/// What the checks found.
#[derive(Debug, Default)]
struct Report {
    lines: Vec<String>,
    commands: Vec<String>,
    wrong: usize,
}

impl Report {
    fn fine(&mut self, text: impl AsRef<str>) {
        self.lines.push(format!("ok     {}", text.as_ref()));
    }

    fn note(&mut self, text: impl AsRef<str>) {
        self.lines.push(format!("note   {}", text.as_ref()));
    }

    fn wrong(&mut self, text: impl AsRef<str>, commands: &[String]) {
        self.lines.push(format!("WRONG  {}", text.as_ref()));
        self.commands.extend_from_slice(commands);
        self.wrong += 1;
    }
}

/// Looks at everything, prints one line a check on stdout, then the commands that mend what is wrong.
///
/// # Errors
/// [`Exit::Write`] when stdout fails. That something is wrong is [`Exit::Tap`] in the result.
pub fn run(options: &LinkOptions) -> Result<Exit, Failure> {
    let report = examine(options);
    print(&report).map_err(|error| Failure::system(Exit::Write, "stdout", &error))?;
    Ok(if report.wrong == 0 {
        Exit::Fine
    } else {
        Exit::Tap
    })
}

fn print(report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in &report.lines {
        writeln!(out, "{line}")?;
    }
    if report.commands.is_empty() {
        writeln!(out, "All is well.")?;
    } else {
        writeln!(out, "\nTo mend it:")?;
        for command in &report.commands {
            writeln!(out, "  {command}")?;
        }
    }
    out.flush()
}

fn examine(options: &LinkOptions) -> Report {
    let mut report = Report::default();
    let name = &options.tap;
    let device = check_device(&mut report);
    let admin = has_net_admin();
    match admin {
        Some(true) => report.fine("CAP_NET_ADMIN: may create interfaces and set addresses"),
        Some(false) => report.note("no CAP_NET_ADMIN: the TAP must be made for you beforehand"),
        None => report.note("CAP_NET_ADMIN: unknown, since /proc/self/status cannot be read"),
    }
    let looked = Netlink::open().and_then(|netlink| Ok((netlink.link(name)?, netlink)));
    let (link, netlink) = match looked {
        Ok((Some(link), netlink)) => (link, netlink),
        Ok((None, _)) => {
            check_missing(&mut report, options, admin == Some(true));
            return report;
        }
        Err(error) => {
            let cause = system_text(&error);
            report.wrong(
                format!("the kernel does not tell its interfaces: {cause}"),
                &[],
            );
            return report;
        }
    };
    if !link.tap {
        let command = format!("hosttap --tap tap9 doctor    # {name} is in use for something else");
        report.wrong(format!("{name} exists, and is no TAP"), &[command]);
        return report;
    }
    if device {
        check_opens(&mut report, name, &link);
    }
    check_link(&mut report, name, &link, options);
    check_addresses(&mut report, options, &netlink, &link);
    check_route(&mut report, options, &netlink, &link);
    report
}

/// Returns whether the device can be opened.
fn check_device(report: &mut Report) -> bool {
    let make = [
        "sudo modprobe tun".to_owned(),
        format!(
            "sudo mkdir -p /dev/net && sudo mknod -m 666 {TUN_DEVICE} c 10 200    # when it is still missing"
        ),
    ];
    match fs::metadata(TUN_DEVICE) {
        Ok(node) if node.file_type().is_char_device() => {}
        Ok(_) => {
            report.wrong(format!("{TUN_DEVICE} is no character device"), &make);
            return false;
        }
        Err(error) => {
            report.wrong(format!("{TUN_DEVICE}: {}", system_text(&error)), &make);
            return false;
        }
    }
    match OpenOptions::new().read(true).write(true).open(TUN_DEVICE) {
        Ok(_) => {
            report.fine(format!("{TUN_DEVICE} can be opened"));
            true
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let command = format!("sudo chmod 666 {TUN_DEVICE}");
            report.wrong(format!("{TUN_DEVICE}: you may not open it"), &[command]);
            false
        }
        Err(error) => {
            report.wrong(format!("{TUN_DEVICE}: {}", system_text(&error)), &make);
            false
        }
    }
}

/// Whether this process has CAP_NET_ADMIN in its user namespace; `None` when the kernel does not tell.
fn has_net_admin() -> Option<bool> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    effective_net_admin(&status)
}

fn effective_net_admin(status: &str) -> Option<bool> {
    // linux/capability.h
    const CAP_NET_ADMIN: u32 = 12;
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    Some(mask >> CAP_NET_ADMIN & 1 == 1)
}

fn check_missing(report: &mut Report, options: &LinkOptions, admin: bool) {
    let name = &options.tap;
    if admin && options.host_address.is_some() {
        report.fine(format!(
            "{name} is not there; it will be created and set up at the start"
        ));
        return;
    }
    let host = options.host_address.or_else(|| neighbour(options.address));
    let mut commands = vec![format!("sudo ip tuntap add dev {name} mode tap user $USER")];
    commands.extend(host.map(|cidr| format!("sudo ip addr add {cidr} dev {name}")));
    commands.push(format!("sudo ip link set {name} up"));
    if admin && let Some(cidr) = host {
        commands.push(format!(
            "# or, for one run: hosttap --tap {name} --host-address {cidr} ..."
        ));
    }
    report.wrong(format!("there is no interface {name}"), &commands);
}

/// Opens the TAP as the other commands would: only the kernel knows whether that works.
fn check_opens(report: &mut Report, name: &str, link: &Link) {
    match Iface::without_packet_info(name, Mode::Tap) {
        Ok(_) => report.fine(format!("{name} can be opened by you")),
        Err(error) => {
            let again = [
                format!("sudo ip tuntap del dev {name} mode tap"),
                format!("sudo ip tuntap add dev {name} mode tap user $USER"),
            ];
            match error
                .raw_os_error()
                .map(rustix::io::Errno::from_raw_os_error)
            {
                Some(rustix::io::Errno::BUSY) => {
                    let command =
                        format!("hosttap --tap tap9 ...    # or end the program that holds {name}");
                    report.wrong(format!("{name} is held by another program"), &[command]);
                }
                Some(rustix::io::Errno::PERM) => {
                    let owner = match link.owner {
                        Some(uid) => format!("user {uid}"),
                        None => "a group that you are not in".to_owned(),
                    };
                    report.wrong(format!("{name} belongs to {owner}"), &again);
                }
                Some(rustix::io::Errno::INVAL) => {
                    report.wrong(format!("{name} was made with multi_queue"), &again);
                }
                _ => report.wrong(format!("{name}: {}", system_text(&error)), &[]),
            }
        }
    }
}

fn check_link(report: &mut Report, name: &str, link: &Link, options: &LinkOptions) {
    if link.up {
        report.fine(format!("{name} is up"));
    } else {
        let command = format!("sudo ip link set {name} up");
        report.wrong(format!("{name} is down"), &[command]);
    }
    let mtu_min = options.mtu_min();
    if link.mtu >= mtu_min {
        report.fine(format!("MTU {}", link.mtu));
    } else {
        let command = format!("sudo ip link set {name} mtu 1500");
        report.wrong(
            format!("an MTU of {} is below {mtu_min}", link.mtu),
            &[command],
        );
    }
    let ours = options.ethernet_address();
    if link.mac == ours.as_bytes() {
        let text = format!("the kernel's side has our Ethernet address {ours}");
        report.wrong(text, &["hosttap --mac 02:00:00:00:00:02 ...".to_owned()]);
    }
}

fn check_addresses(report: &mut Report, options: &LinkOptions, netlink: &Netlink, link: &Link) {
    let name = &options.tap;
    let ours = options.address;
    let addresses = match netlink.addresses(link.index) {
        Ok(addresses) => addresses,
        Err(error) => {
            report.wrong(
                format!("the addresses of {name}: {}", system_text(&error)),
                &[],
            );
            return;
        }
    };
    let neighbours = addresses.iter().filter(|(address, prefix_bits)| {
        let kernel = IpCidr::new(IpAddress::from(*address), *prefix_bits);
        kernel.address() != ours.address()
            && ours.contains_addr(&kernel.address())
            && kernel.contains_addr(&ours.address())
    });
    let own = IpAddr::from(ours.address());
    if let Some((_, prefix_bits)) = addresses.iter().find(|(address, _)| *address == own) {
        let command = format!("sudo ip addr del {own}/{prefix_bits} dev {name}");
        report.wrong(
            format!("the kernel has our address {own} itself"),
            &[command],
        );
    }
    if let Some((address, prefix_bits)) = neighbours.clone().next() {
        let text = format!("the kernel's side is {address}/{prefix_bits}, we are {ours}");
        report.fine(text);
    } else {
        let commands: Vec<_> = options
            .host_address
            .or_else(|| neighbour(ours))
            .map(|cidr| format!("sudo ip addr add {cidr} dev {name}"))
            .into_iter()
            .collect();
        let text = format!("the kernel's side of {name} has no address in the network of {ours}");
        report.wrong(text, &commands);
    }
}

fn check_route(report: &mut Report, options: &LinkOptions, netlink: &Netlink, link: &Link) {
    let name = &options.tap;
    let ours = IpAddr::from(options.address.address());
    match netlink.route(ours) {
        Ok(Route::Through(index)) if index == link.index => {
            report.fine(format!("the kernel reaches {ours} through {name}"));
        }
        // The address check has said what to do.
        Ok(Route::Local) => report.wrong(format!("the kernel takes {ours} for itself"), &[]),
        Ok(Route::Through(_)) => {
            let command = format!("sudo ip route replace {ours} dev {name}");
            let text = format!("the kernel sends packets for {ours} through another interface");
            report.wrong(text, &[command]);
        }
        // Without the link up and an address there is no route; those checks have said what to do.
        Ok(Route::None) => report.wrong(format!("the kernel has no route to {ours}"), &[]),
        Err(error) => report.wrong(format!("the route to {ours}: {}", system_text(&error)), &[]),
    }
}

/// Another address of the same network, for the kernel's side: `.100` as in the manual, or the next one that fits.
fn neighbour(ours: IpCidr) -> Option<IpCidr> {
    let prefix_bits = ours.prefix_len();
    let candidates: [IpAddress; 3] = match ours.address() {
        IpAddress::Ipv4(address) => {
            let host_mask = u32::MAX.checked_shr(u32::from(prefix_bits)).unwrap_or(0);
            let network = address.to_bits() & !host_mask;
            [100, 2, 1].map(|host| IpAddress::from(IpAddr::from((network | host).to_be_bytes())))
        }
        IpAddress::Ipv6(address) => {
            let host_mask = u128::MAX.checked_shr(u32::from(prefix_bits)).unwrap_or(0);
            let network = address.to_bits() & !host_mask;
            [100, 2, 1].map(|host| IpAddress::from(IpAddr::from((network | host).to_be_bytes())))
        }
    };
    candidates
        .into_iter()
        .find(|other| *other != ours.address() && ours.contains_addr(other))
        .map(|other| IpCidr::new(other, prefix_bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_capability_is_read_from_the_effective_set() {
        assert_eq!(
            effective_net_admin("Name:\tx\nCapEff:\t0000000000001000\n"),
            Some(true)
        );
        assert_eq!(
            effective_net_admin("CapPrm:\t0000000000001000\nCapEff:\t0000000000000fff\n"),
            Some(false)
        );
        assert_eq!(effective_net_admin("CapEff:\tzz\n"), None);
        assert_eq!(effective_net_admin(""), None);
    }

    #[test]
    fn the_proposed_neighbour_is_another_host_of_the_network() {
        let proposed =
            |text| neighbour(crate::values::host_cidr(text).unwrap()).map(|cidr| cidr.to_string());
        assert_eq!(proposed("192.168.69.1/24").unwrap(), "192.168.69.100/24");
        assert_eq!(proposed("192.168.69.100/24").unwrap(), "192.168.69.2/24");
        assert_eq!(proposed("10.0.0.2/30").unwrap(), "10.0.0.1/30");
        assert_eq!(proposed("10.0.0.2/32"), None);
        assert_eq!(proposed("fd00::1/64").unwrap(), "fd00::64/64");
    }
}
