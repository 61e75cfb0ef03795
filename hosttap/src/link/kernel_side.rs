//! `--host-address`: configures the kernel's side of the TAP.

use std::io;
use std::net::IpAddr;

use smoltcp::wire::IpCidr;

use super::netlink::Netlink;
use crate::exit::{Exit, Failure, io_error_text};

/// Gives the kernel's side of the interface `name` the address `cidr` and brings the link up. A
/// second call changes nothing.
///
/// The address stays as long as the interface does. An interface that this program created
/// disappears when the program ends.
///
/// # Errors
/// [`Exit::Tap`], with the commands that a privileged user can run instead.
pub fn configure(name: &str, cidr: IpCidr) -> Result<(), Failure> {
    try_configure(name, cidr).map_err(|error| {
        let cause = io_error_text(&error);
        Failure::new(
            Exit::Tap,
            format!(
                "cannot give {name} the address {cidr}: {cause}\nA privileged user can run:\n  \
                 sudo ip addr add {cidr} dev {name}\n  sudo ip link set {name} up"
            ),
        )
    })
}

fn try_configure(name: &str, cidr: IpCidr) -> io::Result<()> {
    let netlink = Netlink::open()?;
    let link = netlink.link(name)?.ok_or(io::ErrorKind::NotFound)?;
    netlink.add_address(link.index, IpAddr::from(cidr.address()), cidr.prefix_len())?;
    netlink.bring_up(link.index)
}
