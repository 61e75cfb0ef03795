//! The multicast groups that a host listens to, told to bridges that snoop (RFC 3810, RFC 4541).

use core::net::IpAddr;

use smoltcp::phy::Medium;
use smoltcp::wire::{Icmpv6Packet, IpCidr, Ipv6Address};
use smoltcp_guard::Duties;

use crate::cable::Cable;
use crate::frames::{Family, HOST_MAC};
use crate::host::{GuardedCable, Host};

const QUERIER: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
const ALL_NODES: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
/// The router alert that such a message must have, in a hop-by-hop header (RFC 3810, 5).
const ROUTER_ALERT: [u8; 8] = [58, 0, 5, 2, 0, 0, 1, 0];
/// Where a frame has its parts.
const SOURCE_AT: usize = 22;
const ALERT_AT: usize = 54;
const ICMP_AT: usize = 62;

fn ours() -> Ipv6Address {
    let IpAddr::V6(address) = Family::V6.host().into() else {
        unreachable!("the family's addresses are IPv6");
    };
    address
}

/// The group that listens for solicitations of an address.
fn group_of(address: Ipv6Address) -> Ipv6Address {
    let [.., one, two, three] = address.octets();
    let low = u16::from_be_bytes([two, three]);
    Ipv6Address::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(one), low)
}

/// A router asks who listens to `group`, or to any, in the message format of its version. `code` is
/// how long an answer may take, in milliseconds if it is below 32,768.
fn query(version: u8, group: Ipv6Address, code: u16) -> Vec<u8> {
    let icmp_len = if version == 1 { 24 } else { 28 };
    let mut frame = vec![0; ICMP_AT + icmp_len];
    frame[..14].copy_from_slice(&[0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x86, 0xdd]);
    frame[14] = 0x60;
    frame[19] = (ROUTER_ALERT.len() + icmp_len) as u8;
    frame[21] = 1;
    frame[SOURCE_AT..38].copy_from_slice(&QUERIER.octets());
    frame[38..ALERT_AT].copy_from_slice(&ALL_NODES.octets());
    frame[ALERT_AT..ICMP_AT].copy_from_slice(&ROUTER_ALERT);
    frame[ICMP_AT] = 130;
    frame[ICMP_AT + 4..][..2].copy_from_slice(&code.to_be_bytes());
    frame[ICMP_AT + 8..][..16].copy_from_slice(&group.octets());
    fill_checksum(&mut frame);
    frame
}

fn fill_checksum(frame: &mut [u8]) {
    let source = Ipv6Address::from_octets(frame[SOURCE_AT..38].try_into().expect("16 bytes"));
    Icmpv6Packet::new_unchecked(&mut frame[ICMP_AT..]).fill_checksum(&source, &ALL_NODES);
}

/// A report, as far as it differs from others: ICMP type, source, record type (RFC 3810) and group.
#[derive(Debug, PartialEq)]
struct Report(u8, Ipv6Address, u8, Ipv6Address);

fn joined(group: Ipv6Address) -> Report {
    Report(143, Ipv6Address::UNSPECIFIED, 4, group)
}

fn answer(group: Ipv6Address) -> Report {
    Report(143, Ipv6Address::UNSPECIFIED, 2, group)
}

/// Reads a frame; None for what is no report. Everything that all reports have in common is checked.
fn read(frame: &[u8]) -> Option<Report> {
    let address = |at: usize| -> Option<Ipv6Address> {
        Some(Ipv6Address::from_octets(
            frame.get(at..at + 16)?.try_into().ok()?,
        ))
    };
    let kind = *frame.get(ICMP_AT).filter(|_| frame[20] == 0)?;
    assert_eq!(frame[6..14], [&HOST_MAC.0[..], &[0x86, 0xdd]].concat());
    assert_eq!((frame[14], frame[21]), (0x60, 1), "the hop limit");
    assert_eq!(usize::from(frame[19]), frame.len() - ALERT_AT);
    assert_eq!(frame[ALERT_AT..ICMP_AT], ROUTER_ALERT);
    let (source, destination) = (address(SOURCE_AT)?, address(38)?);
    let icmp = Icmpv6Packet::new_unchecked(&frame[ICMP_AT..]);
    assert!(icmp.verify_checksum(&source, &destination));
    let (record, group) = if kind == 143 {
        assert_eq!(
            (destination, &frame[ICMP_AT + 4..ICMP_AT + 8]),
            (ALL_ROUTERS, &[0, 0, 0, 1][..])
        );
        (frame[ICMP_AT + 8], address(ICMP_AT + 12)?)
    } else {
        (0, address(ICMP_AT + 8)?)
    };
    if kind == 131 {
        assert_eq!(destination, group);
    }
    let mac = [&[0x33, 0x33], &destination.octets()[12..]].concat();
    assert_eq!(frame[..6], mac);
    Some(Report(kind, source, record, group))
}

/// A host that has told the guard its addresses, and polls once a millisecond.
struct Listening(Host<GuardedCable>);

impl Listening {
    fn new(addresses: &[Ipv6Address]) -> Self {
        let mut host = Host::<GuardedCable>::resolving(Family::V6, 64, Cable::default());
        host.device.set_ip_addrs(&cidrs(addresses));
        Self(host)
    }

    /// One that has been listening for a while.
    fn settled(addresses: &[Ipv6Address]) -> Self {
        let mut host = Self::new(addresses);
        assert!(!host.reports(2_000).is_empty());
        host
    }

    /// The reports of the next milliseconds.
    fn reports(&mut self, millis: u64) -> Vec<Report> {
        for _ in 0..millis {
            self.0.advance(1);
            self.0.poll();
        }
        let sent = std::mem::take(&mut self.0.cable.0.borrow_mut().from_host);
        sent.iter().filter_map(|frame| read(frame)).collect()
    }

    fn receive(&mut self, frame: Vec<u8>) {
        self.0.receive_frame(frame);
    }
}

fn cidrs(addresses: &[Ipv6Address]) -> Vec<IpCidr> {
    let cidrs = addresses
        .iter()
        .map(|address| IpCidr::new((*address).into(), 64));
    cidrs.collect()
}

#[test]
fn an_address_is_reported_at_once_and_again_within_a_second() {
    let mut host = Listening::new(&[ours()]);
    let group = group_of(ours());
    assert_eq!(host.reports(1), [joined(group)]);
    let again = host.0.device.poll_at().expect("a report is due");
    assert!(again.total_millis() <= 1_003, "{again}");
    assert_eq!(host.reports(1_002), [joined(group)]);
    assert_eq!(host.reports(10_000), []);
    assert_eq!(host.0.device.poll_at(), None);
    assert_eq!(host.0.device.counters().groups_reported, 2);
}

#[test]
fn reports_come_from_the_link_local_address_where_there_is_one() {
    let link_local = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 7);
    let mut host = Listening::new(&[ours(), link_local]);
    let [our_group, other_group] = [ours(), link_local].map(group_of);
    let reports = host.reports(2);
    let expected = [our_group, other_group].map(|group| Report(143, link_local, 4, group));
    assert_eq!(reports, expected);
}

#[test]
fn who_asks_is_answered_in_the_time_that_it_gives() {
    let mut host = Listening::settled(&[ours()]);
    let group = group_of(ours());
    for asked in [Ipv6Address::UNSPECIFIED, group] {
        host.receive(query(2, asked, 1_000));
        assert_eq!(host.reports(1_001), [answer(group)]);
        assert_eq!(host.reports(5_000), []);
    }
    // 0x8000 is 32,768 ms (RFC 3810, 5.1.3).
    host.receive(query(2, Ipv6Address::UNSPECIFIED, 0x8000));
    assert_eq!(host.reports(32_769), [answer(group)]);
}

#[test]
fn a_router_of_the_old_version_gets_reports_of_that_version() {
    let mut host = Listening::settled(&[ours()]);
    let group = group_of(ours());
    let old = || Report(131, Ipv6Address::UNSPECIFIED, 0, group);
    host.receive(query(1, Ipv6Address::UNSPECIFIED, 1_000));
    assert_eq!(host.reports(1_001), [old()]);
    host.receive(query(1, group, 1_000));
    assert_eq!(host.reports(1_001), [old()]);
    host.receive(query(2, Ipv6Address::UNSPECIFIED, 1_000));
    assert_eq!(host.reports(1_001), [answer(group)]);
}

#[test]
fn what_is_no_query_for_us_is_not_answered() {
    let mut host = Listening::settled(&[ours()]);
    let other = Ipv6Address::new(0xff02, 0, 0, 0, 0, 1, 0xff99, 0x9999);
    let mut not_ours = vec![query(2, other, 10)];
    let right = query(2, Ipv6Address::UNSPECIFIED, 10);
    let changes: [(usize, u8); 5] = [
        (0, 2),            // to another host
        (21, 64),          // from beyond a router
        (SOURCE_AT, 0x20), // not from a link-local address
        (ALERT_AT + 2, 1), // no router alert
        (ICMP_AT, 131),    // no query
    ];
    for (at, value) in changes {
        let mut wrong = right.clone();
        wrong[at] = value;
        fill_checksum(&mut wrong);
        not_ours.push(wrong);
    }
    for at in ICMP_AT..right.len() {
        let mut damaged = right.clone();
        damaged[at] ^= 1;
        not_ours.push(damaged);
        not_ours.push(right[..at].to_vec());
    }
    for frame in not_ours {
        host.receive(frame.clone());
        assert_eq!(host.reports(20), [], "{frame:02x?}");
    }
    host.receive(right);
    assert_eq!(host.reports(20).len(), 1);
}

#[test]
fn however_often_somebody_asks_a_group_is_reported_every_tenth_of_a_second_at_most() {
    let mut host = Listening::settled(&[ours()]);
    let mut reports = 0;
    for _ in 0..1_000 {
        host.receive(query(2, Ipv6Address::UNSPECIFIED, 0));
        reports += host.reports(1).len();
    }
    // The first and the last millisecond may both have one.
    assert!((5..=11).contains(&reports), "{reports} reports");
}

#[test]
fn an_address_that_is_gone_is_not_reported_any_more_and_a_new_one_is() {
    let mut host = Listening::settled(&[ours()]);
    let new = Ipv6Address::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x77);
    host.0.device.set_ip_addrs(&cidrs(&[new]));
    assert_eq!(
        host.reports(2_000),
        [joined(group_of(new)), joined(group_of(new))]
    );
    host.receive(query(2, Ipv6Address::UNSPECIFIED, 100));
    assert_eq!(host.reports(200), [answer(group_of(new))]);
}

#[test]
fn what_is_listened_to_is_reported_anew_when_the_link_is_up_again() {
    let mut host = Listening::settled(&[ours()]);
    let group = group_of(ours());
    host.0.device.on_link_up();
    assert_eq!(host.reports(1), [joined(group)]);
    // Again, in the middle of that, and for a version that a bridge of before understood.
    host.receive(query(1, Ipv6Address::UNSPECIFIED, 1_000));
    host.0.device.on_link_up();
    assert_eq!(host.reports(2_000), [joined(group), joined(group)]);
    assert_eq!(host.reports(10_000), []);
}

#[test]
fn without_being_told_the_guard_learns_an_address_from_what_smoltcp_sends() {
    let mut host = Host::<GuardedCable>::resolving(Family::V6, 64, Cable::default());
    // smoltcp asks for the peer's hardware address; the report follows in the next poll.
    host.poll();
    host.poll();
    let sent = host.cable.0.borrow().from_host.clone();
    let reports: Vec<_> = sent.iter().filter_map(|frame| read(frame)).collect();
    assert_eq!(reports, [joined(group_of(ours()))]);
}

#[test]
fn a_guard_without_the_duty_or_without_ethernet_reports_nothing() {
    let mut host = Listening(Host::resolving(Family::V6, 64, Cable::default()));
    host.0.device = host.0.device.with_duties(Duties::HANGS);
    let over_ip = Listening(Host::resolving(Family::V6, 64, Cable::over(Medium::Ip)));
    for mut host in [host, over_ip] {
        host.0.device.set_ip_addrs(&cidrs(&[ours()]));
        assert_eq!(host.reports(2_000), []);
        assert_eq!(host.0.device.poll_at(), None);
    }
}

#[test]
fn smoltcp_itself_reports_nothing() {
    let mut bare = Host::<Cable>::resolving(Family::V6, 64, Cable::default());
    for _ in 0..2_000 {
        bare.advance(1);
        bare.poll();
    }
    let ends = bare.cable.0.borrow();
    assert!(!ends.from_host.is_empty(), "it asks for its peer");
    assert!(ends.from_host.iter().all(|frame| read(frame).is_none()));
}
