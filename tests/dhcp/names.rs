//! What a lease does to the stack's names.

use smoltcp::wire::IpAddress;
use tickwire::dhcp::DhcpOptions;
use tickwire::dns::{CachedName, Name, Names};
use tickwire::{Duration, Tick};

use crate::common::fixture::leak;
use crate::messages::{ACK, Answer, OFFER};
use crate::network::{Network, unprobed};

/// Options of a lease.
type Options<'a> = &'a [(u8, &'a [u8])];

const SERVERS: [u8; 8] = [10, 0, 0, 1, 10, 0, 0, 2];
const OWN: IpAddress = IpAddress::v4(192, 0, 2, 53);

/// A client whose lease has these options.
fn bound(own: &[IpAddress], options: DhcpOptions<'static>, lease: Options<'_>) -> Network {
    let mut net = Network::new(options);
    net.stack.names = Names::new(leak(CachedName::EMPTY, 1)).with_search_room(leak(Name::ROOT, 2));
    net.stack.names.set_servers(own.iter().copied());
    for kind in [OFFER, ACK] {
        answer(&mut net, kind, lease);
    }
    net.assert_bound();
    net
}

fn answer(net: &mut Network, kind: u8, lease: Options<'_>) {
    let asked = net.next(1_000);
    let with = |answer: Answer, (code, value): &(u8, &[u8])| answer.with(*code, value);
    let answer = lease.iter().fold(Answer::to(&asked, kind), with);
    net.hear(&answer);
}

fn expire(net: &mut Network) {
    net.now = Tick::from_millis(10_000_000);
    net.run(Duration::ZERO);
    net.assert_unbound();
}

/// The stack's name servers and its search list.
fn names(net: &Network) -> String {
    let names = &net.stack.names;
    let servers = names.servers().iter().map(ToString::to_string);
    let domains = names.search().iter().map(ToString::to_string);
    servers.chain(domains).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_stack_asks_the_name_servers_of_its_lease_while_it_has_it() {
    let lease: Options<'_> = &[(6, &SERVERS), (15, b"lan.test")];
    let mut net = bound(&[], unprobed(), lease);
    assert_eq!(names(&net), "10.0.0.1 10.0.0.2 lan.test");
    expire(&mut net);
    assert_eq!(names(&net), "");
}

#[test]
fn name_servers_that_change_at_a_renewal_are_followed() {
    let mut net = bound(&[], unprobed(), &[(6, &SERVERS), (15, b"lan.test")]);
    // At T2, for nobody answers ARP at T1.
    answer(&mut net, ACK, &[(6, &SERVERS[4..]), (15, b"other.test")]);
    net.assert_bound();
    assert_eq!(names(&net), "10.0.0.2 other.test");
    answer(&mut net, ACK, &[]);
    assert_eq!(names(&net), "");
}

#[test]
fn name_servers_of_the_program_are_asked_before_those_of_the_lease_and_outlive_it() {
    let lease: Options<'_> = &[(6, &SERVERS), (15, b"lan.test")];
    let mut net = bound(&[OWN], unprobed(), lease);
    assert_eq!(names(&net), "192.0.2.53 10.0.0.1 10.0.0.2 lan.test");
    expire(&mut net);
    assert_eq!(names(&net), "192.0.2.53");
}

#[test]
fn the_program_changes_its_own_servers_and_domains_and_not_those_of_the_lease() {
    let lease: Options<'_> = &[(6, &SERVERS), (15, b"lan.test")];
    let mut net = bound(&[], unprobed(), lease);
    let own = |net: &mut Network, servers: &[IpAddress], domains: &[&str]| {
        net.stack.names.set_servers(servers.iter().copied());
        let domains = domains.iter().map(|domain| Name::parse(domain).unwrap());
        net.stack.names.set_search(domains);
    };
    own(&mut net, &[OWN], &["own.test"]);
    assert_eq!(
        names(&net),
        "192.0.2.53 10.0.0.1 10.0.0.2 own.test lan.test"
    );
    own(&mut net, &[OWN; 5], &["own.test", "a.test", "b.test"]);
    let four = "192.0.2.53 192.0.2.53 192.0.2.53 192.0.2.53";
    assert_eq!(names(&net), format!("{four} own.test a.test"));
    own(&mut net, &[], &[]);
    assert_eq!(names(&net), "");
    // They have room again from the next renewal on.
    answer(&mut net, ACK, lease);
    assert_eq!(names(&net), "10.0.0.1 10.0.0.2 lan.test");
}

#[test]
fn a_domain_of_a_lease_that_is_no_name_is_not_tried() {
    let net = bound(&[OWN], unprobed(), &[(15, b"a..b")]);
    assert_eq!(names(&net), "192.0.2.53");
}

#[test]
fn name_servers_of_a_lease_are_not_asked_where_the_program_says_so() {
    let options = DhcpOptions {
        keeps_name_servers: true,
        ..unprobed()
    };
    let mut net = bound(&[OWN], options, &[(6, &SERVERS), (15, b"lan.test")]);
    assert_eq!(names(&net), "192.0.2.53 lan.test");
    expire(&mut net);
    assert_eq!(names(&net), "192.0.2.53");
}
