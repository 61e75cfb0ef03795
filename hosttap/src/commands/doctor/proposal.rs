//! Addresses that would do.

use std::net::IpAddr;

use smoltcp::wire::{IpAddress, IpCidr};

/// Last parts of addresses of the kernel's side: `.100` as in the documentation, or another one.
const HOST_PARTS: [u8; 3] = [100, 2, 1];
/// Last parts of our own address.
const OWN_PARTS: [u8; 5] = [1, 2, 3, 200, 201];

/// An address for the kernel's side in our network.
pub(super) fn propose_host_address(ours: IpCidr) -> Option<IpCidr> {
    candidates(ours, &HOST_PARTS).find(|other| other.address() != ours.address())
}

/// Another address for us in our network, which is none of `taken`.
pub(super) fn propose_own_address(ours: IpCidr, taken: &[IpAddr]) -> Option<IpCidr> {
    candidates(ours, &OWN_PARTS).find(|other| {
        other.address() != ours.address() && !taken.contains(&IpAddr::from(other.address()))
    })
}

/// The addresses in the network of `ours` with these last parts that a host can have.
fn candidates(ours: IpCidr, parts: &[u8]) -> impl Iterator<Item = IpCidr> {
    let prefix_bits = ours.prefix_len();
    let with_part = move |part: u8| -> IpAddress {
        match ours.address() {
            IpAddress::Ipv4(address) => {
                let host_mask = u32::MAX.checked_shr(u32::from(prefix_bits)).unwrap_or(0);
                let network = address.to_bits() & !host_mask;
                IpAddr::from((network | u32::from(part)).to_be_bytes()).into()
            }
            IpAddress::Ipv6(address) => {
                let host_mask = u128::MAX.checked_shr(u32::from(prefix_bits)).unwrap_or(0);
                let network = address.to_bits() & !host_mask;
                IpAddr::from((network | u128::from(part)).to_be_bytes()).into()
            }
        }
    };
    parts
        .iter()
        .map(move |part| with_part(*part))
        .filter(move |address| ours.contains_addr(address))
        .map(move |address| IpCidr::new(address, prefix_bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values::host_cidr;

    #[test]
    fn the_proposed_host_address_is_another_host_in_the_network() {
        let proposed =
            |text| propose_host_address(host_cidr(text).unwrap()).map(|cidr| cidr.to_string());
        assert_eq!(proposed("192.168.69.1/24").unwrap(), "192.168.69.100/24");
        assert_eq!(proposed("192.168.69.100/24").unwrap(), "192.168.69.2/24");
        assert_eq!(proposed("10.0.0.2/30").unwrap(), "10.0.0.1/30");
        assert_eq!(proposed("10.0.0.2/32"), None);
        assert_eq!(proposed("fd00::1/64").unwrap(), "fd00::64/64");
    }

    #[test]
    fn the_proposed_own_address_is_nobodys() {
        let taken = ["192.168.69.2", "192.168.69.3"].map(|text| text.parse().unwrap());
        let proposed = |text, taken: &[IpAddr]| {
            propose_own_address(host_cidr(text).unwrap(), taken).map(|cidr| cidr.to_string())
        };
        assert_eq!(
            proposed("192.168.69.1/24", &taken).unwrap(),
            "192.168.69.200/24"
        );
        assert_eq!(proposed("192.168.69.2/24", &[]).unwrap(), "192.168.69.1/24");
        assert_eq!(proposed("10.0.0.2/32", &[]), None);
    }
}
