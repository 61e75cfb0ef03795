//! What a lease takes over from an ACK.

use std::net::Ipv4Addr;
use std::vec::Vec;

use super::{ack, option, reply, std};
use crate::Duration;
use crate::dhcp::{ADDRESSES_MAX, Lease, LeaseTime, Message, NAME_LEN_MAX};

fn lease(bytes: &[u8]) -> Option<Lease> {
    Lease::read(&Message::parse(bytes).unwrap())
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn an_ack_becomes_a_lease() {
    let lease = lease(&ack(&[
        option(1, &[255, 255, 0, 0]),
        option(3, &[10, 0, 0, 1, 10, 0, 0, 2]),
        option(6, &[10, 0, 0, 3]),
        option(42, &[10, 0, 0, 4]),
        option(15, b"home.lan"),
        option(26, &1_400_u16.to_be_bytes()),
        option(81, b"\x01\xff\xfflamp.home.lan"),
    ]))
    .unwrap();
    let address = |last| Ipv4Addr::new(10, 0, 0, last);
    assert_eq!(
        (lease.address.address(), lease.address.prefix_len()),
        (address(9), 16)
    );
    assert_eq!(lease.server, Ipv4Addr::new(192, 168, 0, 1));
    assert_eq!(&lease.routers[..], [address(1), address(2)]);
    assert_eq!(&lease.name_servers[..], [address(3)]);
    assert_eq!(&lease.time_servers[..], [address(4)]);
    assert_eq!(
        (&lease.domain[..], &lease.fqdn[..]),
        ("home.lan", "lamp.home.lan")
    );
    assert_eq!(lease.mtu, Some(1_400));
    assert_eq!(lease.time.unwrap().expiry, secs(3_600));
    assert!(lease.routes.is_empty());
}

#[test]
fn what_cannot_be_a_host_is_left_out() {
    let bad = [[0; 4], [255; 4], [127, 0, 0, 1], [224, 0, 0, 1]].concat();
    let good: Vec<u8> = (1..=9).flat_map(|last| [10, 0, 0, last]).collect();
    let lease = lease(&ack(&[option(3, &bad), option(6, &[bad, good].concat())])).unwrap();
    assert!(lease.routers.is_empty());
    assert_eq!(lease.name_servers.len(), ADDRESSES_MAX);
    assert_eq!(lease.name_servers[0], Ipv4Addr::new(10, 0, 0, 1));
}

#[test]
fn no_lease_is_made_of_an_address_that_no_host_has() {
    for (address, mask) in [
        ([0, 0, 0, 0], [255, 255, 255, 0]),
        ([255, 255, 255, 255], [255, 255, 255, 0]),
        ([127, 0, 0, 1], [255, 0, 0, 0]),
        ([224, 0, 0, 1], [255, 255, 255, 0]),
        ([10, 0, 0, 0], [255, 255, 255, 0]),
        ([10, 0, 0, 255], [255, 255, 255, 0]),
    ] {
        let mut bytes = ack(&[option(1, &mask)]);
        bytes[16..20].copy_from_slice(&address);
        assert_eq!(lease(&bytes), None, "{address:?}");
    }
    // The two hosts of RFC 3021, and a host alone.
    for (last, mask) in [(0, 254), (1, 254), (0, 255)] {
        let mut bytes = ack(&[option(1, &[255, 255, 255, mask])]);
        bytes[16..20].copy_from_slice(&[10, 0, 0, last]);
        assert!(lease(&bytes).is_some(), "{last} {mask}");
    }
}

#[test]
fn no_lease_is_made_without_a_server_or_a_time() {
    let all = [
        option(53, &[5]),
        option(54, &[192, 168, 0, 1]),
        option(51, &[0, 0, 0, 1]),
    ];
    assert!(lease(&reply(&all)).is_some());
    assert_eq!(lease(&reply(&[all[0].clone(), all[1].clone()])), None);
    assert_eq!(lease(&reply(&[all[0].clone(), all[2].clone()])), None);
    let mut nothing = all.clone();
    nothing[2] = option(51, &[0; 4]);
    assert_eq!(lease(&reply(&nothing)), None);
    let mut special = all;
    special[1] = option(54, &[255; 4]);
    assert_eq!(lease(&reply(&special)), None);
}

#[test]
fn a_network_without_a_usable_mask_is_as_large_as_its_class() {
    for (first, prefix_len) in [(10, 8), (172, 16), (192, 24)] {
        for mask in [&[][..], &[0; 4], &[255, 0, 255, 0]] {
            let mut bytes = ack(&[option(1, mask)]);
            bytes[16] = first;
            assert_eq!(lease(&bytes).unwrap().address.prefix_len(), prefix_len);
        }
    }
}

#[test]
fn a_name_that_is_too_long_or_not_printable_is_left_out() {
    let long = std::vec![b'x'; NAME_LEN_MAX + 1];
    for (name, kept) in [
        (&b"home.lan"[..], "home.lan"),
        (b"a b", ""),
        (b"\x1b[2J", ""),
        (b"caf\xc3\xa9", ""),
        (&long, ""),
    ] {
        assert_eq!(lease(&ack(&[option(15, name)])).unwrap().domain, kept);
    }
    let longest = &long[1..];
    let kept = lease(&ack(&[option(15, longest)])).unwrap().domain;
    assert_eq!(kept.as_bytes(), longest);
}

#[test]
fn times_that_make_no_sense_are_replaced() {
    let times = |lease, t1, t2| {
        let time = LeaseTime::new(lease, t1, t2).unwrap();
        [time.renewal, time.rebinding, time.expiry].map(|time| time.as_millis() / 1_000)
    };
    assert_eq!(times(800, None, None), [400, 700, 800]);
    assert_eq!(times(800, Some(100), Some(200)), [100, 200, 800]);
    assert_eq!(times(800, Some(300), Some(200)), [200, 200, 800]);
    assert_eq!(times(800, Some(100), None), [100, 700, 800]);
    assert_eq!(times(800, None, Some(100)), [100, 100, 800]);
    assert_eq!(times(800, Some(800), Some(900)), [400, 700, 800]);
    assert_eq!(times(800, Some(0), Some(0)), [400, 700, 800]);
    let longest = u32::MAX - 1;
    assert_eq!(times(longest, None, None)[2], u64::from(longest));
    assert_eq!(LeaseTime::new(u32::MAX, Some(1), Some(2)), None);
    let least = LeaseTime::new(1, None, None).unwrap();
    assert!(least.renewal > Duration::ZERO && least.renewal <= least.rebinding);
}
