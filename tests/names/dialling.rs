//! A client that dials a name: at every point where a server is silent, lies, or an address is dead.

use std::net::Ipv4Addr;

use smoltcp::iface::Route;
use smoltcp::wire::{IpAddress, IpCidr};
use tickwire::dns::{HostPort, NameError, ResolveError};
use tickwire::http::{Get, GetError, GetOptions, Request, Url};
use tickwire::{Discard, Duration, Error, TimeoutKind};
use tickwire_sim::{Act, Opening};

use crate::common::fixture::{BUFFER, TaskId, endpoint, ms, secs};
use crate::reply::{NXDOMAIN, REFUSED, Reply};
use crate::rig::{Question, Rig, WRONG, answer_to};

pub(crate) type GetId = TaskId<Get<'static, Discard, HostPort<&'static str>>>;

/// The name server, and the host that has the name.
pub(crate) const DNS: usize = 1;
pub(crate) const WEB: usize = 2;
/// On the link, and nobody has it.
const NOBODY: [u8; 4] = [10, 0, 0, 77];
/// Beyond a router: WEB has the first, and nobody the others.
pub(crate) const FAR: [u8; 4] = [198, 51, 100, 7];
pub(crate) const FAR_NOBODY: [[u8; 4]; 2] = [[198, 51, 100, 66], [198, 51, 100, 67]];
pub(crate) const ANSWER: [Act<'static>; 2] = [
    Act::Expect(b"\r\n\r\n"),
    Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
];

pub(crate) fn near(host: usize) -> [u8; 4] {
    let IpAddress::Ipv4(address) = endpoint(host, 0).addr else {
        panic!("the hosts have addresses of IPv4");
    };
    address.octets()
}

/// A rig with a name server and a host that may be reached directly, or as if it were far away.
pub(crate) fn rig() -> Rig {
    let mut rig = Rig::with_hosts(2, 1);
    let network = Ipv4Addr::from(FAR).into();
    let route = Route {
        cidr: IpCidr::new(network, 24),
        via_router: endpoint(WEB, 0).addr,
        preferred_until: None,
        expires_at: None,
    };
    rig.net.hosts[0]
        .node
        .stack
        .iface
        .routes_mut()
        .update(|table| {
            table.push(route).unwrap();
        });
    rig.net.hosts[WEB]
        .node
        .stack
        .iface
        .update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(network, 32)).unwrap();
        });
    // Its neighbours are forgotten by that, and it looks for one a second.
    rig.net.run(secs(1));
    rig.send(WEB, endpoint(0, 9), b"");
    rig
}

pub(crate) fn get(rig: &mut Rig, url: &'static str) -> GetId {
    get_within(rig, url, GetOptions::default().connect_timeout)
}

pub(crate) fn get_within(rig: &mut Rig, url: &'static str, connect_timeout: Duration) -> GetId {
    let socket = rig.net.add_socket(0, BUFFER);
    let url = Url::parse(url).unwrap();
    let request = Request::new(&url, &[]).unwrap();
    let options = GetOptions {
        connect_timeout,
        ..GetOptions::default()
    };
    let remote = url.host_port();
    rig.net.start(
        0,
        Get::new(socket, remote, request, options, &mut [], Discard),
    )
}

pub(crate) fn answer(rig: &mut Rig, question: &Question, addresses: &[[u8; 4]]) {
    let reply = addresses
        .iter()
        .fold(Reply::to(&question.bytes), |reply, address| {
            reply.a("www.example.com", 60, *address)
        });
    rig.send(DNS, question.from, &reply.bytes);
}

/// How the connections are made when the name has these addresses.
fn dial(rig: &mut Rig, addresses: &[[u8; 4]]) -> Result<(), GetError> {
    let get = get(rig, "http://www.example.com/");
    let question = rig.question(DNS);
    answer(rig, &question, addresses);
    rig.net.finish(get, secs(60))
}

/// The addresses that were dialled, and how many milliseconds after the first.
pub(crate) fn dialled(rig: &Rig) -> Vec<([u8; 4], u64)> {
    let log = rig.net.log.borrow();
    let connecting = log.of(0).filter_map(|(at, line)| {
        let remote = line.strip_prefix("connecting ")?;
        let (address, _) = remote.split_once(':')?;
        let address: Ipv4Addr = address.parse().ok()?;
        Some((address.octets(), at.as_millis()))
    });
    let all: Vec<_> = connecting.collect();
    let first = all[0].1;
    all.into_iter()
        .map(|(address, at)| (address, at - first))
        .collect()
}

/// Since the name was asked for.
fn elapsed(rig: &Rig) -> Duration {
    rig.net.now().since(rig.net.when(0, "resolving"))
}

pub(crate) fn failed(error: Error) -> Result<(), GetError> {
    Err(GetError::Connection(error))
}

#[test]
fn a_name_is_resolved_dialled_and_told() {
    let mut rig = rig();
    rig.net.script(WEB, Opening::Listen(80), &ANSWER);
    assert_eq!(dial(&mut rig, &[near(WEB)]), Ok(()));
    let told = rig.net.told(0);
    let expected = [
        "resolving www.example.com",
        "connecting 10.0.0.3:80",
        "connected as Client",
    ];
    assert_eq!(told[..3], expected);
}

#[test]
fn an_address_as_text_is_dialled_at_once_and_nobody_is_asked() {
    let mut rig = rig();
    rig.net.script(WEB, Opening::Listen(80), &ANSWER);
    // Until it listens.
    rig.net.run(ms(1));
    let start = rig.net.now();
    let get = get(&mut rig, "http://10.0.0.3/");
    assert_eq!(rig.net.finish(get, secs(60)), Ok(()));
    assert_eq!(rig.net.told(0)[0], "connecting 10.0.0.3:80");
    let took = rig.net.when(0, "connected").since(start);
    assert!(took < ms(30), "{took}");
    assert!(!rig.is_asked_within(DNS, 20_000));
}

#[test]
fn an_address_that_refuses_sends_us_to_the_next_at_once() {
    let mut rig = rig();
    rig.net.script(WEB, Opening::Listen(80), &ANSWER);
    assert_eq!(dial(&mut rig, &[near(DNS), near(WEB)]), Ok(()));
    let [_, (second, after)] = dialled(&rig)[..] else {
        panic!("{:?}", dialled(&rig));
    };
    assert_eq!(second, near(WEB));
    assert!(after < 30, "{after}");
}

#[test]
fn a_dead_address_sends_us_to_the_next_after_250_milliseconds() {
    let mut rig = rig();
    rig.net.script(WEB, Opening::Listen(80), &ANSWER);
    assert_eq!(dial(&mut rig, &[FAR_NOBODY[0], FAR]), Ok(()));
    assert_eq!(dialled(&rig), [(FAR_NOBODY[0], 0), (FAR, 250)]);
    assert!(rig.net.has_told(0, "connected as Client"));
}

#[test]
fn a_dead_neighbour_gets_a_second_more_for_only_then_smoltcp_looks_for_the_next() {
    let mut rig = rig();
    rig.net.script(WEB, Opening::Listen(80), &ANSWER);
    assert_eq!(dial(&mut rig, &[NOBODY, near(WEB)]), Ok(()));
    assert_eq!(dialled(&rig), [(NOBODY, 0), (near(WEB), 1_250)]);
}

#[test]
fn silent_addresses_have_turns_that_grow_until_the_time_is_over() {
    let mut rig = rig();
    let [one, other] = FAR_NOBODY;
    let result = dial(&mut rig, &[one, other]);
    assert_eq!(result, failed(Error::TimedOut(TimeoutKind::Connect)));
    let expected = [
        (one, 0),
        (other, 250),
        (one, 500),
        (other, 1_000),
        (one, 1_500),
        (other, 2_500),
    ];
    assert_eq!(dialled(&rig)[..6], expected);
    // From when the name was asked for.
    assert_eq!(elapsed(&rig), secs(5));
}

#[test]
fn an_address_that_was_slow_is_dialled_again() {
    let mut rig = rig();
    let [one, _] = FAR_NOBODY;
    rig.net.cut(0, WEB);
    let get = get(&mut rig, "http://www.example.com/");
    let question = rig.question(DNS);
    answer(&mut rig, &question, &[FAR, one]);
    rig.net.run(ms(300));
    rig.net.mend(0, WEB);
    rig.net.script(WEB, Opening::Listen(80), &ANSWER);
    assert_eq!(rig.net.finish(get, secs(60)), Ok(()));
    assert_eq!(dialled(&rig), [(FAR, 0), (one, 250), (FAR, 500)]);
}

#[test]
fn the_only_address_has_all_the_time() {
    let mut rig = rig();
    let result = dial(&mut rig, &[FAR_NOBODY[0]]);
    assert_eq!(result, failed(Error::TimedOut(TimeoutKind::Connect)));
    assert_eq!(dialled(&rig), [(FAR_NOBODY[0], 0)]);
}

#[test]
fn what_is_left_when_the_others_have_refused_has_all_the_time() {
    let mut rig = rig();
    let result = dial(&mut rig, &[near(DNS), FAR_NOBODY[0], near(WEB)]);
    assert_eq!(result, failed(Error::TimedOut(TimeoutKind::Connect)));
    let order: Vec<_> = dialled(&rig)
        .into_iter()
        .map(|(address, _)| address)
        .collect();
    assert_eq!(order, [near(DNS), FAR_NOBODY[0], near(WEB), FAR_NOBODY[0]]);
    assert_eq!(elapsed(&rig), secs(5));
}

#[test]
fn when_all_addresses_refuse_that_is_said_at_once() {
    let mut rig = rig();
    let result = dial(&mut rig, &[near(DNS), near(WEB)]);
    assert_eq!(result, failed(Error::Refused));
    assert!(elapsed(&rig) < ms(100));
    assert_eq!(rig.net.last_told(0), "failed with 10.0.0.3: Refused");
}

#[test]
fn an_address_that_no_route_leads_to_is_left_out() {
    let mut rig = rig();
    rig.net.script(WEB, Opening::Listen(80), &ANSWER);
    assert_eq!(dial(&mut rig, &[[203, 0, 113, 1], near(WEB)]), Ok(()));
    assert_eq!(dialled(&rig), [(near(WEB), 0)]);
    // A refusal says more.
    let mut rig = self::rig();
    let addresses = [near(DNS), [203, 0, 113, 1]];
    assert_eq!(dial(&mut rig, &addresses), failed(Error::Refused));
    let mut rig = self::rig();
    let addresses = [[203, 0, 113, 1], [203, 0, 113, 2]];
    assert_eq!(dial(&mut rig, &addresses), failed(Error::Unreachable));
}

#[test]
fn a_silent_name_server_takes_no_more_than_the_time_to_connect() {
    for millis in [1_500, 5_000] {
        let mut rig = rig();
        let get = get_within(&mut rig, "http://www.example.com/", ms(millis));
        let result = rig.net.finish(get, secs(60));
        let expected = Error::Unresolved(ResolveError::NoAnswer);
        assert_eq!(result, failed(expected));
        assert_eq!(elapsed(&rig), ms(millis));
        assert!(
            rig.net
                .last_told(0)
                .starts_with("failed: Unresolved(NoAnswer)")
        );
    }
}

#[test]
fn a_late_answer_leaves_the_rest_of_the_time_to_connect() {
    let mut rig = rig();
    let get = get(&mut rig, "http://www.example.com/");
    rig.question(DNS);
    rig.question(DNS);
    let question = rig.question(DNS);
    answer(&mut rig, &question, &FAR_NOBODY);
    let result = rig.net.finish(get, secs(60));
    assert_eq!(result, failed(Error::TimedOut(TimeoutKind::Connect)));
    assert_eq!(elapsed(&rig), secs(5));
}

#[test]
fn what_the_name_server_says_is_the_error() {
    for (code, error) in [
        (NXDOMAIN, ResolveError::NoSuchName),
        (REFUSED, ResolveError::Refused),
    ] {
        let mut rig = rig();
        let get = get(&mut rig, "http://www.example.com/");
        let question = rig.question(DNS);
        let reply = Reply::to(&question.bytes).code(code);
        rig.send(DNS, question.from, &reply.bytes);
        let result = rig.net.finish(get, secs(60));
        assert_eq!(result, failed(Error::Unresolved(error)));
        assert!(elapsed(&rig) < ms(100));
    }
}

#[test]
fn nobody_dials_what_a_liar_says() {
    let mut rig = rig();
    rig.net.script(WEB, Opening::Listen(80), &ANSWER);
    let get = get(&mut rig, "http://www.example.com/");
    let question = rig.question(DNS);
    let lie = answer_to(&question.bytes, WRONG);
    // Another host, and the server with another id or question.
    rig.send(WEB, question.from, &lie.bytes);
    for at in [0, 14] {
        let mut lie = lie.bytes.clone();
        lie[at] ^= 1;
        rig.send(DNS, question.from, &lie);
    }
    answer(&mut rig, &question, &[near(WEB)]);
    assert_eq!(rig.net.finish(get, secs(60)), Ok(()));
    assert_eq!(dialled(&rig), [(near(WEB), 0)]);
}

#[test]
fn what_is_no_name_is_no_peer() {
    let mut rig = rig();
    let socket = rig.net.add_socket(0, BUFFER);
    let url = Url::parse("http://10.0.0.3/").unwrap();
    let request = Request::new(&url, &[]).unwrap();
    let remote = HostPort::new("a..b", 80);
    let get = Get::new(
        socket,
        remote,
        request,
        GetOptions::default(),
        &mut [],
        Discard,
    );
    let get = rig.net.start(0, get);
    let error = Error::Unresolved(ResolveError::NotAName(NameError::EmptyLabel));
    assert_eq!(rig.net.finish(get, secs(60)), failed(error));
}

#[test]
fn an_address_that_is_our_own_or_of_nobody_is_left_out() {
    let mut rig = rig();
    rig.net.script(WEB, Opening::Listen(80), &ANSWER);
    let own = near(0);
    assert_eq!(dial(&mut rig, &[own, [127, 0, 0, 1], near(WEB)]), Ok(()));
    assert_eq!(dialled(&rig), [(near(WEB), 0)]);
    let mut rig = self::rig();
    assert_eq!(dial(&mut rig, &[own]), failed(Error::Unaddressable));
}
