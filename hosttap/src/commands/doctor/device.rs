//! The device node, the privileges, and a TAP that cannot be opened.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileTypeExt;

use rustix::io::Errno;
use tun_tap::{Iface, Mode};

use super::proposal::propose_host_address;
use super::report::Report;
use crate::cli::LinkOptions;
use crate::exit::io_error_text;
use crate::link::side::Side;

const TUN_DEVICE: &str = "/dev/net/tun";
/// What TAPs have unless somebody sets another one.
const DEFAULT_MTU: usize = 1500;

/// Checks `/dev/net/tun`, and returns whether it can be opened.
pub(super) fn check_device(report: &mut Report) -> bool {
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
pub(super) fn has_net_admin() -> Option<bool> {
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
pub(super) fn check_missing(report: &mut Report, options: &LinkOptions, is_admin: bool) {
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
    let mut commands = vec![format!(
        "sudo ip tuntap add dev {name} mode tap user $(id -un)"
    )];
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
/// Returns whether it does.
pub(super) fn check_opens(report: &mut Report, side: &Side) -> bool {
    let link = &side.tap;
    let name = &link.name;
    let Err(error) = Iface::without_packet_info(name, Mode::Tap) else {
        report.ok(format!("{name} can be opened by you"));
        return true;
    };
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
            report.wrong(format!("{name} belongs to {owner}"), &recreation(side));
        }
        Some(Errno::INVAL) => {
            let text = format!("{name} was created with multi_queue");
            report.wrong(text, &recreation(side));
        }
        _ => report.wrong(format!("{name}: {}", io_error_text(&error)), &[]),
    }
    false
}

/// The commands that make the TAP again for the user who runs them, with all that it has.
fn recreation(side: &Side) -> Vec<String> {
    let link = &side.tap;
    let name = &link.name;
    let mut commands = vec![
        // `ip tuntap del` wants to know how it was created.
        format!("sudo ip link del {name}"),
        format!("sudo ip tuntap add dev {name} mode tap user $(id -un)"),
    ];
    if link.mtu != DEFAULT_MTU {
        commands.push(format!("sudo ip link set {name} mtu {}", link.mtu));
    }
    if let Some(master) = side.master_name() {
        commands.push(format!("sudo ip link set {name} master {master}"));
    }
    let own = side.addresses.iter().filter(|address| {
        let is_automatic =
            matches!(address.ip, std::net::IpAddr::V6(ip) if ip.is_unicast_link_local());
        address.index == link.index && !is_automatic
    });
    commands.extend(own.map(|address| {
        let (ip, prefix_bits) = (address.ip, address.prefix_bits);
        format!("sudo ip addr add {ip}/{prefix_bits} dev {name}")
    }));
    if link.is_up {
        commands.push(format!("sudo ip link set {name} up"));
    }
    commands
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
}
