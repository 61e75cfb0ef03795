//! `hosttap doctor`: checks the TAP set-up, and prints the commands that fix it.
//!
//! It changes nothing, and needs no privileges. What works is not called wrong: where the TAP can be
//! opened, two connections through it decide, and the kernel's tables only explain a failure.

mod device;
mod proposal;
mod report;
mod tables;
mod trial;

use std::net::IpAddr;

use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use tickwire::Error;

use crate::cli::LinkOptions;
use crate::exit::{Exit, Failure, io_error_text};
use crate::link::arp_probe::who_has;
use crate::link::netlink::Netlink;
use crate::link::side::Side;
use crate::link::tap::Tap;
use device::{check_device, check_missing, check_opens, has_net_admin};
use report::Report;
use tables::{check_addresses, check_arp, check_link, check_route, other_address};
use trial::Trial;

/// How often it is asked who has our address.
const PROBES: u32 = 3;
/// The same behind a bridge, in 3 s: the kernel lets frames through a port only when it has noticed
/// that the port is up, which may take a second, and more on a busy machine.
const BRIDGE_PROBES: u32 = 20;

/// Runs all checks. Prints one line per check on stdout, then the commands that fix what is wrong.
///
/// # Errors
/// [`Exit::Write`] if stdout fails; [`Exit::Interrupted`] after a signal. If a check fails, the
/// result is `Ok` with [`Exit::Tap`].
pub fn run(options: &LinkOptions) -> Result<Exit, Failure> {
    let report = check(options)?;
    report
        .print()
        .map_err(|error| Failure::from_io(Exit::Write, "stdout", &error))?;
    Ok(if report.is_fine() {
        Exit::Success
    } else {
        Exit::Tap
    })
}

fn check(options: &LinkOptions) -> Result<Report, Failure> {
    let mut report = Report::default();
    let name = &options.tap;
    let can_open_device = check_device(&mut report);
    let is_admin = has_net_admin();
    match is_admin {
        Some(true) => report.ok("CAP_NET_ADMIN: may create interfaces and set addresses"),
        Some(false) => report.note("no CAP_NET_ADMIN: the TAP must be created for you beforehand"),
        None => report.note("CAP_NET_ADMIN: unknown, because /proc/self/status cannot be read"),
    }
    let found = Netlink::open().and_then(|netlink| Ok((Side::find(&netlink, name)?, netlink)));
    match found {
        Ok((Some(side), netlink)) if side.tap.is_tap => {
            check_side(&mut report, options, &netlink, &side, can_open_device)?;
        }
        Ok((Some(_), _)) => {
            let command =
                format!("hosttap --tap tap9 doctor    # {name} is used for something else");
            report.wrong(format!("{name} exists but is not a TAP"), &[command]);
        }
        Ok((None, _)) => check_missing(&mut report, options, is_admin == Some(true)),
        Err(error) => {
            let cause = io_error_text(&error);
            let text = format!("the kernel's interfaces cannot be listed: {cause}");
            report.wrong(text, &[]);
        }
    }
    Ok(report)
}

fn check_side(
    report: &mut Report,
    options: &LinkOptions,
    netlink: &Netlink,
    side: &Side,
    can_open_device: bool,
) -> Result<(), Failure> {
    if let Some(master) = side.master_name() {
        let name = &side.tap.name;
        report.ok(format!(
            "{name} is a port of {master}, where its addresses are"
        ));
    }
    let can_open = can_open_device && check_opens(report, side);
    let wrong_count = report.wrong_count();
    check_link(report, side, options);
    // Without a link, or with frames that are too short, there is nothing to try.
    let has_link = report.wrong_count() == wrong_count;
    let Some(ours) = options.static_address() else {
        let name = &side.tap.name;
        report.note(format!(
            "our address comes from a DHCP server behind {name}"
        ));
        return Ok(());
    };
    if !can_open || !has_link {
        if check_addresses(report, side, options, ours) {
            check_route(report, netlink, side, ours);
        }
        return Ok(());
    }
    if let Some(owner) = other_owner(side, options, ours)? {
        let text = format!("{owner} has our address {} too", ours.address());
        report.wrong(text, &other_address(side, ours));
        return Ok(());
    }
    let beside = side.address_beside(ours);
    let own = IpAddr::from(ours.address());
    let trial = trial::connect(options, own, beside.map(|address| address.ip))?;
    judge(report, options, ours, netlink, side, &trial);
    Ok(())
}

/// Another host on the wire that has our address. The kernel is none: its tables tell more.
fn other_owner(
    side: &Side,
    options: &LinkOptions,
    ours: IpCidr,
) -> Result<Option<EthernetAddress>, Failure> {
    let IpAddress::Ipv4(address) = ours.address() else {
        return Ok(None);
    };
    let mut tap = Tap::open(&side.tap.name)?;
    let mac = options.ethernet_address(tap.kernel_mac());
    // Only behind a bridge there are others.
    let probes = side.master_name().map_or(PROBES, |_| BRIDGE_PROBES);
    let owner = who_has(&mut tap, mac, address, probes)
        .map_err(|error| Failure::from_io(Exit::Tap, "ARP", &error))?;
    Ok(owner.filter(|owner| !side.has_ethernet_address(*owner)))
}

fn judge(
    report: &mut Report,
    options: &LinkOptions,
    cidr: IpCidr,
    netlink: &Netlink,
    side: &Side,
    trial: &Trial,
) {
    let (ours, name) = (IpAddr::from(cidr.address()), &side.interface().name);
    if trial.from_kernel {
        let tap = &side.tap.name;
        report.ok(format!("tried: the kernel reaches {ours} through {tap}"));
    } else {
        let wrong_count = report.wrong_count();
        let has_address = check_addresses(report, side, options, cidr);
        if has_address {
            check_route(report, netlink, side, cidr);
            check_arp(report, side);
        }
        if has_address && report.wrong_count() == wrong_count {
            let text =
                format!("tried: a connection from the kernel to {ours} does not get through");
            report.wrong(
                text,
                &[
                    accept_rule("OUTPUT", "-o", name),
                    accept_rule("INPUT", "-i", name),
                ],
            );
        }
    }
    match (&trial.to_kernel, side.address_beside(cidr)) {
        (Some(Ok(())), Some(kernel)) => {
            report.ok(format!("tried: {ours} reaches the kernel's {}", kernel.ip));
        }
        (Some(Err(Error::Refused | Error::TimedOut(_))), Some(kernel)) if trial.from_kernel => {
            let text = format!(
                "tried: a connection from {ours} to the kernel's {} does not get through; a \
                 firewall?",
                kernel.ip
            );
            report.wrong(text, &[accept_rule("INPUT", "-i", name)]);
        }
        _ => {}
    }
}

/// The command that lets packets of an interface pass.
fn accept_rule(chain: &str, option: &str, interface: &str) -> String {
    format!(
        "sudo iptables -I {chain} {option} {interface} -j ACCEPT    # or in your firewall's own words"
    )
}
