//! The same over IPv6: duplicate address detection (RFC 4862, 5.4), and another host with our
//! address.

use core::net::IpAddr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, Icmpv6Packet, Icmpv6Repr, IpAddress, Ipv6Address, Ipv6Packet,
    NdiscNeighborFlags, NdiscRepr,
};
use smoltcp_guard::Notice;

use crate::cable::Cable;
use crate::frames::{Family, HOST_MAC, ndisc_frame};
use crate::host::{GuardedCable, Host, TestDevice};

const OTHER_MAC: EthernetAddress = EthernetAddress([0x02, 0, 0, 0, 0, 3]);
const ALL_NODES: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: EthernetAddress = EthernetAddress([0x33, 0x33, 0, 0, 0, 1]);

fn ours() -> Ipv6Address {
    let IpAddress::Ipv6(address) = Family::V6.host() else {
        unreachable!("the family's addresses are IPv6");
    };
    address
}

/// The group that listens for solicitations of our address, as IP and as hardware address.
fn our_group() -> (Ipv6Address, EthernetAddress) {
    let [.., one, two, three] = ours().octets();
    let low = u16::from_be_bytes([two, three]);
    let group = Ipv6Address::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(one), low);
    (group, EthernetAddress([0x33, 0x33, 0xff, one, two, three]))
}

/// Another host wants to know whether this address is taken.
fn detection(target_addr: Ipv6Address) -> Vec<u8> {
    let repr = NdiscRepr::NeighborSolicit {
        target_addr,
        lladdr: None,
    };
    let (group, mac) = our_group();
    ndisc_frame((OTHER_MAC, Ipv6Address::UNSPECIFIED), (mac, group), repr)
}

/// Another host says that our address is its own.
fn claim() -> Vec<u8> {
    let repr = NdiscRepr::NeighborAdvert {
        flags: NdiscNeighborFlags::OVERRIDE,
        target_addr: ours(),
        lladdr: Some(OTHER_MAC.into()),
    };
    ndisc_frame((OTHER_MAC, ours()), (ALL_NODES_MAC, ALL_NODES), repr)
}

/// The advertisements that the host sends to all nodes when `frame` comes in: their flags.
fn advertised<D: TestDevice>(host: &mut Host<D>, frame: Vec<u8>) -> Vec<NdiscNeighborFlags> {
    host.cable.0.borrow_mut().from_host.clear();
    host.receive_frame(frame);
    let sent = std::mem::take(&mut host.cable.0.borrow_mut().from_host);
    let read = |bytes: &Vec<u8>| {
        let frame = EthernetFrame::new_checked(&bytes[..]).ok()?;
        let packet = Ipv6Packet::new_checked(frame.payload()).ok()?;
        let message = Icmpv6Packet::new_checked(packet.payload()).ok()?;
        let (source, destination) = (packet.src_addr(), packet.dst_addr());
        let checksums = ChecksumCapabilities::default();
        let Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert {
            flags,
            target_addr,
            lladdr,
        }) = Icmpv6Repr::parse(&source, &destination, &message, &checksums).ok()?
        else {
            return None;
        };
        assert_eq!((frame.dst_addr(), destination), (ALL_NODES_MAC, ALL_NODES));
        assert_eq!((source, target_addr), (ours(), ours()));
        assert_eq!(lladdr, Some(HOST_MAC.into()));
        Some(flags)
    };
    sent.iter().filter_map(read).collect()
}

#[test]
fn a_host_that_wants_our_address_learns_that_it_is_taken() {
    let other = Ipv6Address::new(0xfd00, 0, 0, 0, 0, 0, 0, 3);
    let mut bare = Host::<Cable>::resolving(Family::V6, 64, Cable::default());
    assert!(
        advertised(&mut bare, detection(ours())).is_empty(),
        "smoltcp answers it now"
    );

    // Before the host has sent anything with its address.
    let mut guarded = Host::<GuardedCable>::resolving(Family::V6, 64, Cable::default());
    let answers = advertised(&mut guarded, detection(ours()));
    assert_eq!(answers, [NdiscNeighborFlags::OVERRIDE]);
    assert_eq!(guarded.device.counters().probes_answered, 1);
    assert!(advertised(&mut guarded, detection(other)).is_empty());
    assert_eq!(guarded.device.take_notice(), None);
}

#[test]
fn a_host_that_claims_our_address_is_told_off_and_noticed_but_not_more_than_every_ten_seconds() {
    let mut host = Host::<GuardedCable>::connected(Family::V6, 64, 1000);
    for _ in 0..2 {
        assert_eq!(
            advertised(&mut host, claim()),
            [NdiscNeighborFlags::OVERRIDE]
        );
        let conflict = Notice::AddressConflict {
            address: IpAddr::V6(ours()),
            mac: OTHER_MAC.0,
        };
        assert_eq!(host.device.take_notice(), Some(conflict));
        for _ in 0..100 {
            assert!(
                advertised(&mut host, claim()).is_empty(),
                "two would fight for ever"
            );
        }
        assert_eq!(host.device.take_notice(), None);
        host.advance(10_000);
    }
}

#[test]
fn a_damaged_detection_is_not_answered() {
    let mut host = Host::<GuardedCable>::connected(Family::V6, 64, 1000);
    let right = detection(ours());
    for at in 54..right.len() {
        let mut wrong = right.clone();
        wrong[at] ^= 1;
        assert!(advertised(&mut host, wrong).is_empty(), "byte {at}");
    }
}
