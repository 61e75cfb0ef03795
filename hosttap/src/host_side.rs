//! `--host-address`: sets up the kernel's side of the TAP.

use std::io;
use std::net::IpAddr;

use smoltcp::wire::IpCidr;

use crate::exit::{Exit, Failure, system_text};
use crate::netlink::Netlink;

/// Gives the kernel's side of `name` the address `cidr` and brings the link up. Doing it again changes nothing.
///
/// The address stays as long as the interface: for one made by this program, until it ends.
///
/// # Errors
/// [`Exit::Tap`], with the commands that a privileged user would give instead.
pub fn set_up(name: &str, cidr: IpCidr) -> Result<(), Failure> {
    apply(name, cidr).map_err(|error| {
        let cause = system_text(&error);
        Failure::new(
            Exit::Tap,
            format!(
                "cannot give {name} the address {cidr}: {cause}\nA privileged user can:\n  \
                 sudo ip addr add {cidr} dev {name}\n  sudo ip link set {name} up"
            ),
        )
    })
}

fn apply(name: &str, cidr: IpCidr) -> io::Result<()> {
    let netlink = Netlink::open()?;
    let link = netlink.link(name)?.ok_or(io::ErrorKind::NotFound)?;
    netlink.add_address(link.index, IpAddr::from(cidr.address()), cidr.prefix_len())?;
    netlink.bring_up(link.index)
}
