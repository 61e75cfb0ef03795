//! `hosttap doctor`: checks the TAP set-up, and prints the commands that fix it.
//!
//! It changes nothing, and needs no privileges.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::FileTypeExt;

use rustix::io::Errno;
use smoltcp::wire::{IpAddress, IpCidr};
use tun_tap::{Iface, Mode};

use crate::cli::LinkOptions;
use crate::cli::values::OwnAddress;
use crate::exit::{Exit, Failure, io_error_text};
use crate::link::netlink::{Link, Netlink, Route};

const TUN_DEVICE: &str = "/dev/net/tun";

/// The results of the checks.
#[derive(Debug, Default)]
struct Report {
    lines: Vec<String>,
    /// The commands that fix what is wrong.
    fixes: Vec<String>,
    wrong_count: usize,
}

impl Report {
    fn ok(&mut self, text: impl AsRef<str>) {
        self.lines.push(format!("ok     {}", text.as_ref()));
    }

    fn note(&mut self, text: impl AsRef<str>) {
        self.lines.push(format!("note   {}", text.as_ref()));
    }

    fn wrong(&mut self, text: impl AsRef<str>, fixes: &[String]) {
        self.lines.push(format!("WRONG  {}", text.as_ref()));
        self.fixes.extend_from_slice(fixes);
        self.wrong_count += 1;
    }
}

/// Runs all checks. Prints one line per check on stdout, then the commands that fix what is wrong.
///
/// # Errors
/// [`Exit::Write`] if stdout fails. If a check fails, the result is `Ok` with [`Exit::Tap`].
pub fn run(options: &LinkOptions) -> Result<Exit, Failure> {
    let report = check(options);
    print(&report).map_err(|error| Failure::from_io(Exit::Write, "stdout", &error))?;
    Ok(if report.wrong_count == 0 {
        Exit::Success
    } else {
        Exit::Tap
    })
}

fn print(report: &Report) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in &report.lines {
        writeln!(out, "{line}")?;
    }
    if report.fixes.is_empty() {
        writeln!(out, "All is well.")?;
    } else {
        writeln!(out, "\nTo fix it:")?;
        for fix in &report.fixes {
            writeln!(out, "  {fix}")?;
        }
    }
    out.flush()
}

fn check(options: &LinkOptions) -> Report {
    let mut report = Report::default();
    let name = &options.tap;
    let can_open_device = check_device(&mut report);
    let is_admin = has_net_admin();
    match is_admin {
        Some(true) => report.ok("CAP_NET_ADMIN: may create interfaces and set addresses"),
        Some(false) => report.note("no CAP_NET_ADMIN: the TAP must be created for you beforehand"),
        None => report.note("CAP_NET_ADMIN: unknown, because /proc/self/status cannot be read"),
    }
    let found = Netlink::open().and_then(|netlink| Ok((netlink.link(name)?, netlink)));
    let (link, netlink) = match found {
        Ok((Some(link), netlink)) => (link, netlink),
        Ok((None, _)) => {
            check_missing(&mut report, options, is_admin == Some(true));
            return report;
        }
        Err(error) => {
            let cause = io_error_text(&error);
            report.wrong(
                format!("the kernel's interfaces cannot be listed: {cause}"),
                &[],
            );
            return report;
        }
    };
    if !link.is_tap {
        let command = format!("hosttap --tap tap9 doctor    # {name} is used for something else");
        report.wrong(format!("{name} exists but is not a TAP"), &[command]);
        return report;
    }
    if can_open_device {
        check_opens(&mut report, name, &link);
    }
    check_link(&mut report, name, &link, options);
    match options.address {
        OwnAddress::Static(ours) => {
            check_addresses(&mut report, options, ours, &netlink, &link);
            check_route(&mut report, options, ours, &netlink, &link);
        }
        OwnAddress::Dhcp => {
            report.note(format!(
                "our address comes from a DHCP server behind {name}"
            ));
        }
    }
    report
}

/// Checks `/dev/net/tun`, and returns whether it can be opened.
fn check_device(report: &mut Report) -> bool {
    let create = [
        "sudo modprobe tun".to_owned(),
        format!(
            "sudo mkdir -p /dev/net && sudo mknod -m 666 {TUN_DEVICE} c 10 200    \
             # if it is still missing"
        ),
    ];
    match fs::metadata(TUN_DEVICE) {
        Ok(node) if node.file_type().is_char_device() => {}
        Ok(_) => {
            report.wrong(format!("{TUN_DEVICE} is not a character device"), &create);
            return false;
        }
        Err(error) => {
            report.wrong(format!("{TUN_DEVICE}: {}", io_error_text(&error)), &create);
            return false;
        }
    }
    match OpenOptions::new().read(true).write(true).open(TUN_DEVICE) {
        Ok(_) => {
            report.ok(format!("{TUN_DEVICE} can be opened"));
            true
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let command = format!("sudo chmod 666 {TUN_DEVICE}");
            report.wrong(
                format!("{TUN_DEVICE}: you have no permission to open it"),
                &[command],
            );
            false
        }
        Err(error) => {
            report.wrong(format!("{TUN_DEVICE}: {}", io_error_text(&error)), &create);
            false
        }
    }
}

/// Whether this process has CAP_NET_ADMIN in its user namespace; `None` if that is unknown.
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

/// Reports that the interface does not exist.
fn check_missing(report: &mut Report, options: &LinkOptions, is_admin: bool) {
    let name = &options.tap;
    if is_admin && options.host_address.is_some() {
        report.ok(format!(
            "{name} does not exist; it will be created and set up at the start"
        ));
        return;
    }
    let host = options
        .host_address
        .or_else(|| propose_host_address(options.static_address()?));
    let mut commands = vec![format!("sudo ip tuntap add dev {name} mode tap user $USER")];
    commands.extend(host.map(|cidr| format!("sudo ip addr add {cidr} dev {name}")));
    commands.push(format!("sudo ip link set {name} up"));
    if is_admin && let Some(cidr) = host {
        commands.push(format!(
            "# or, for one run: hosttap --tap {name} --host-address {cidr} ..."
        ));
    }
    report.wrong(format!("there is no interface {name}"), &commands);
}

/// Opens the TAP as the other commands do, because only the kernel knows whether that works.
fn check_opens(report: &mut Report, name: &str, link: &Link) {
    match Iface::without_packet_info(name, Mode::Tap) {
        Ok(_) => report.ok(format!("{name} can be opened by you")),
        Err(error) => {
            let recreate = [
                format!("sudo ip tuntap del dev {name} mode tap"),
                format!("sudo ip tuntap add dev {name} mode tap user $USER"),
            ];
            match Errno::from_io_error(&error) {
                Some(Errno::BUSY) => {
                    let command =
                        format!("hosttap --tap tap9 ...    # or end the program that holds {name}");
                    report.wrong(format!("{name} is held by another program"), &[command]);
                }
                Some(Errno::PERM) => {
                    let owner = match link.owner_uid {
                        Some(uid) => format!("user {uid}"),
                        None => "a group that you are not in".to_owned(),
                    };
                    report.wrong(format!("{name} belongs to {owner}"), &recreate);
                }
                Some(Errno::INVAL) => {
                    report.wrong(format!("{name} was created with multi_queue"), &recreate);
                }
                _ => report.wrong(format!("{name}: {}", io_error_text(&error)), &[]),
            }
        }
    }
}

fn check_link(report: &mut Report, name: &str, link: &Link, options: &LinkOptions) {
    if link.is_up {
        report.ok(format!("{name} is up"));
    } else {
        let command = format!("sudo ip link set {name} up");
        report.wrong(format!("{name} is down"), &[command]);
    }
    let mtu_min = options.mtu_min_bytes();
    if link.mtu >= mtu_min {
        report.ok(format!("MTU {}", link.mtu));
    } else {
        let command = format!("sudo ip link set {name} mtu 1500");
        report.wrong(
            format!("an MTU of {} is below {mtu_min}", link.mtu),
            &[command],
        );
    }
    let kernel = <[u8; 6]>::try_from(&link.mac[..]).unwrap_or_default();
    let ours = options.ethernet_address(kernel);
    if kernel == ours.0 {
        let text = format!("the kernel's side has our Ethernet address {ours}");
        report.wrong(text, &["hosttap --mac 02:00:00:00:00:02 ...".to_owned()]);
    }
}

fn check_addresses(
    report: &mut Report,
    options: &LinkOptions,
    ours: IpCidr,
    netlink: &Netlink,
    link: &Link,
) {
    let name = &options.tap;
    let addresses = match netlink.addresses(link.index) {
        Ok(addresses) => addresses,
        Err(error) => {
            report.wrong(
                format!("the addresses of {name}: {}", io_error_text(&error)),
                &[],
            );
            return;
        }
    };
    let mut on_our_network = addresses.iter().filter(|(address, prefix_bits)| {
        let kernel = IpCidr::new(IpAddress::from(*address), *prefix_bits);
        kernel.address() != ours.address()
            && ours.contains_addr(&kernel.address())
            && kernel.contains_addr(&ours.address())
    });
    let own = IpAddr::from(ours.address());
    if let Some((_, prefix_bits)) = addresses.iter().find(|(address, _)| *address == own) {
        let command = format!("sudo ip addr del {own}/{prefix_bits} dev {name}");
        report.wrong(format!("the kernel has our address {own}"), &[command]);
    }
    if let Some((address, prefix_bits)) = on_our_network.next() {
        let text = format!("the kernel's side is {address}/{prefix_bits}, our side is {ours}");
        report.ok(text);
    } else {
        let commands: Vec<_> = options
            .host_address
            .or_else(|| propose_host_address(ours))
            .map(|cidr| format!("sudo ip addr add {cidr} dev {name}"))
            .into_iter()
            .collect();
        let text = format!("the kernel's side of {name} has no address in the network of {ours}");
        report.wrong(text, &commands);
    }
}

fn check_route(
    report: &mut Report,
    options: &LinkOptions,
    ours: IpCidr,
    netlink: &Netlink,
    link: &Link,
) {
    let name = &options.tap;
    let ours = IpAddr::from(ours.address());
    match netlink.route(ours) {
        Ok(Route::Interface(index)) if index == link.index => {
            report.ok(format!("the kernel reaches {ours} through {name}"));
        }
        // The address check has printed the fix.
        Ok(Route::Local) => {
            report.wrong(format!("the kernel treats {ours} as its own address"), &[]);
        }
        Ok(Route::Interface(_)) => {
            let command = format!("sudo ip route replace {ours} dev {name}");
            let text = format!("the kernel sends packets for {ours} through another interface");
            report.wrong(text, &[command]);
        }
        // There is no route unless the link is up and has an address. Those checks have printed the
        // fix.
        Ok(Route::None) => report.wrong(format!("the kernel has no route to {ours}"), &[]),
        Err(error) => report.wrong(
            format!("the route to {ours}: {}", io_error_text(&error)),
            &[],
        ),
    }
}

/// An address for the kernel's side in our network: `.100` as in the documentation, or another one
/// that is valid.
fn propose_host_address(ours: IpCidr) -> Option<IpCidr> {
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
    fn the_proposed_host_address_is_another_host_in_the_network() {
        let proposed = |text| {
            propose_host_address(crate::cli::values::host_cidr(text).unwrap())
                .map(|cidr| cidr.to_string())
        };
        assert_eq!(proposed("192.168.69.1/24").unwrap(), "192.168.69.100/24");
        assert_eq!(proposed("192.168.69.100/24").unwrap(), "192.168.69.2/24");
        assert_eq!(proposed("10.0.0.2/30").unwrap(), "10.0.0.1/30");
        assert_eq!(proposed("10.0.0.2/32"), None);
        assert_eq!(proposed("fd00::1/64").unwrap(), "fd00::64/64");
    }
}
