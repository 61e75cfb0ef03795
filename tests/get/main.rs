//! The GET client against scripted servers on a virtual Ethernet.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

#[path = "../common/mod.rs"]
mod common;
mod late;
mod sinks;
mod waits;

use common::fixture::{BUFFER, Fixture, endpoint, leak, ms, secs};
use smoltcp::iface::SocketHandle;
use smoltcp::wire::{IpAddress, IpEndpoint};
use tickwire::http::{Complete, Get, GetError, GetOptions, Malformed, Proof, Request, Url};
use tickwire::{BufferSink, Discard, Duration, Error, Event, Sink, Tick, TimeoutKind};
use tickwire_sim::ethernet::Link;
use tickwire_sim::{Act, Opening, fill_byte};

const REQUEST_END: Act<'static> = Act::Expect(b"\r\n\r\n");
const CLIENT: usize = 0;
const SERVER: usize = 1;

fn request() -> Request<'static> {
    Request::new(&Url::parse("http://10.0.0.2/page").unwrap(), &[]).unwrap()
}

fn get<S: Sink>(handle: SocketHandle, options: GetOptions, sink: S) -> Get<'static, S> {
    get_from(endpoint(SERVER, 80), handle, options, sink)
}

fn get_from<S: Sink>(
    remote: IpEndpoint,
    handle: SocketHandle,
    options: GetOptions,
    sink: S,
) -> Get<'static, S> {
    Get::new(handle, remote, request(), options, leak(0, 32), sink)
}

fn timed_out(kind: TimeoutKind) -> GetError {
    GetError::Connection(Error::TimedOut(kind))
}

/// A GET that has ended.
struct Ended<S> {
    result: Result<(), GetError>,
    at: Tick,
    app: Get<'static, S>,
}

/// Runs a GET against a server on port 80 that follows `acts`, for at most `time`.
fn against<S: Sink + 'static>(
    net: &mut Fixture,
    app: Get<'static, S>,
    acts: &[Act<'static>],
    time: Duration,
) -> Ended<S> {
    net.script(SERVER, Opening::Listen(80), acts);
    let id = net.start(CLIENT, app);
    let result = net.finish(id, time);
    let at = net.now();
    Ended {
        result,
        at,
        app: net.stop(id),
    }
}

/// Runs a GET of a small page and returns its outcome, what was delivered, and when it ended in
/// milliseconds.
fn fetch(options: GetOptions, acts: &[Act<'static>]) -> (Result<Complete, GetError>, Vec<u8>, u64) {
    let mut net = Fixture::guarded(1, 3);
    let handle = net.add_socket(CLIENT, BUFFER);
    let app = get(handle, options, BufferSink::new(leak(0u8, 64 * 1024)));
    let Ended { result, at, app } = against(&mut net, app, acts, secs(600));
    let result = result.map(|()| app.complete().expect("success has a proof"));
    (result, app.into_sink().bytes().to_vec(), at.as_millis())
}

/// Runs a GET from `remote`, and returns how it ended, and when.
fn dial(
    net: &mut Fixture,
    remote: IpEndpoint,
    acts: &[Act<'static>],
) -> (Result<(), GetError>, Tick) {
    let handle = net.add_socket(CLIENT, BUFFER);
    let app = get_from(remote, handle, GetOptions::default(), Discard);
    let Ended { result, at, .. } = against(net, app, acts, secs(60));
    (result, at)
}

fn failed(acts: &[Act<'static>]) -> (GetError, u64) {
    let (result, _, at) = fetch(GetOptions::default(), acts);
    (result.unwrap_err(), at)
}

#[test]
fn get_fetches_a_page_and_says_how_it_knows_the_end() {
    let head = b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n";
    let (result, body, _) = fetch(
        GetOptions::default(),
        &[REQUEST_END, Act::Send(head), Act::Send(b"hello")],
    );
    assert_eq!(
        result,
        Ok(Complete {
            status: 200,
            bytes: 5,
            proof: Proof::Length
        })
    );
    assert_eq!(body, b"hello");
}

#[test]
fn get_sends_the_request_of_the_design_byte_for_byte() {
    let expected = concat!(
        "GET /page HTTP/1.0\r\nHost: 10.0.0.2\r\nUser-Agent: tickwire/",
        env!("CARGO_PKG_VERSION"),
        "\r\nConnection: close\r\n\r\n"
    );
    let acts = [
        Act::Expect(expected.as_bytes()),
        Act::Send(b"HTTP/1.0 204 No\r\n\r\n"),
    ];
    let (result, body, _) = fetch(GetOptions::default(), &acts);
    assert_eq!(result.map(|complete| complete.proof), Ok(Proof::Empty));
    assert!(body.is_empty());
}

#[test]
fn get_fetches_a_large_body_under_loss_and_reordering() {
    const BYTES: u64 = 300_000;
    for seed in 0..8 {
        let mut net = Fixture::guarded(seed, 3);
        let link = Link {
            loss_ppm: 20_000,
            duplicate_ppm: 10_000,
            reorder_ppm: 20_000,
            delay_micros: 3_000,
            ..Link::PERFECT
        };
        net.set_links(link);
        let handle = net.add_socket(CLIENT, 16 * 1024);
        let app = get(
            handle,
            GetOptions::default(),
            BufferSink::new(leak(0u8, BYTES as usize)),
        );
        let acts = [
            REQUEST_END,
            Act::Send(b"HTTP/1.1 200 OK\nContent-Length: 300000\n\n"),
            Act::Fill(BYTES),
        ];
        let Ended { result, at, app } = against(&mut net, app, &acts, secs(3_600));
        assert_eq!(result, Ok(()), "seed {seed}, at {at}");
        let body = app.into_sink();
        assert!(
            body.bytes()
                .iter()
                .zip(0..)
                .all(|(&byte, offset)| byte == fill_byte(offset)),
            "seed {seed}"
        );
    }
}

#[test]
fn get_is_refused_at_once_where_nobody_listens() {
    let mut net = Fixture::guarded(1, 3);
    let handle = net.add_socket(CLIENT, BUFFER);
    let app = get_from(endpoint(SERVER, 81), handle, GetOptions::default(), Discard);
    let Ended { result, at, .. } = against(&mut net, app, &[], secs(60));
    assert_eq!(result, Err(GetError::Connection(Error::Refused)));
    assert!(at < Tick::from_millis(200), "{at}");
}

#[test]
fn get_refuses_addresses_that_cannot_be_a_peer() {
    let own = endpoint(0, 80);
    let bad = [
        IpEndpoint::new(IpAddress::v4(0, 0, 0, 0), 80),
        IpEndpoint::new(IpAddress::v4(255, 255, 255, 255), 80),
        IpEndpoint::new(IpAddress::v4(10, 0, 0, 255), 80),
        IpEndpoint::new(IpAddress::v4(224, 0, 0, 1), 80),
        IpEndpoint::new(IpAddress::v4(127, 0, 0, 1), 80),
        endpoint(1, 0),
        own,
    ];
    for remote in bad {
        let (result, _) = dial(&mut Fixture::guarded(1, 3), remote, &[]);
        assert_eq!(
            result,
            Err(GetError::Connection(Error::Unaddressable)),
            "{remote}"
        );
    }
    for remote in [
        IpAddress::v4(10, 1, 0, 1),
        IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 1),
    ] {
        let remote = IpEndpoint::new(remote, 80);
        let (result, _) = dial(&mut Fixture::guarded(1, 3), remote, &[]);
        assert_eq!(
            result,
            Err(GetError::Connection(Error::Unreachable)),
            "{remote}"
        );
    }
}

#[test]
fn get_tells_truncated_from_reset_at_every_stage() {
    let pieces: [&[u8]; 4] = [
        b"",
        b"HTTP/1.0 2",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhel",
    ];
    for piece in pieces {
        assert_eq!(
            failed(&[REQUEST_END, Act::Send(piece), Act::Close]).0,
            GetError::Truncated
        );
        assert_eq!(
            failed(&[REQUEST_END, Act::Send(piece), Act::Wait(ms(50)), Act::Reset]).0,
            GetError::Connection(Error::Reset)
        );
    }
}

#[test]
fn get_succeeds_when_the_reset_comes_after_the_last_byte() {
    let page = Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let (result, body, _) = fetch(
        GetOptions::default(),
        &[REQUEST_END, page, Act::Wait(ms(50)), Act::Reset],
    );
    assert_eq!(result.map(|complete| complete.proof), Ok(Proof::Length));
    assert_eq!(body, b"hello");
}

#[test]
fn get_reports_a_redirect_with_its_location_and_saves_nothing() {
    let mut net = Fixture::guarded(1, 3);
    let handle = net.add_socket(CLIENT, BUFFER);
    let app = get(
        handle,
        GetOptions::default(),
        BufferSink::new(leak(0u8, 64)),
    );
    let page =
        Act::Send(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 4\r\n\r\nbody");
    let Ended { result, app, .. } = against(&mut net, app, &[REQUEST_END, page], secs(60));
    assert_eq!(result, Err(GetError::Status(302)));
    assert_eq!(app.location().as_bytes(), b"/elsewhere");
    assert!(app.into_sink().bytes().is_empty());
}

#[test]
fn get_can_refuse_an_end_that_only_the_close_proves() {
    let options = GetOptions {
        require_length: true,
        ..GetOptions::default()
    };
    assert_eq!(
        fetch(
            options,
            &[REQUEST_END, Act::Send(b"HTTP/1.0 200 OK\r\n\r\nhello")]
        )
        .0,
        Err(GetError::Truncated)
    );
}

#[test]
fn get_names_what_is_malformed() {
    let bad = Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: +5\r\n\r\nhello");
    assert_eq!(
        failed(&[REQUEST_END, bad]).0,
        GetError::Malformed(Malformed::Length)
    );
}

#[test]
fn a_lost_address_is_not_called_a_reset() {
    let mut net = Fixture::guarded(1, 3);
    let handle = net.add_socket(CLIENT, BUFFER);
    let app = get(handle, GetOptions::default(), Discard);
    let acts = [REQUEST_END, Act::Wait(secs(60))];
    net.script(SERVER, Opening::Listen(80), &acts);
    let app = net.start(CLIENT, app);
    net.run(secs(1));
    assert_eq!(net.outcome(app), None);
    let iface = &mut net.hosts[CLIENT].node.stack.iface;
    iface.update_ip_addrs(|addresses| addresses.clear());
    let result = net.finish(app, secs(1));
    assert_eq!(result, Err(GetError::Connection(Error::AddressLost)));
}

#[test]
fn get_shows_its_way_through_its_states() {
    let mut net = Fixture::guarded(1, 3);
    let handle = net.add_socket(CLIENT, BUFFER);
    let app = get(handle, GetOptions::default(), Discard);
    net.log.borrow_mut().words = Box::new(|_, host, event| match event {
        _ if host != CLIENT => None,
        Event::State { new, .. } => Some((*new).to_owned()),
        Event::Progress { bytes, total } => {
            assert_eq!((*bytes, *total), (5, Some(5)));
            None
        }
        _ => None,
    });
    let page = Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let ended = against(&mut net, app, &[REQUEST_END, page], secs(60));
    assert_eq!(ended.result, Ok(()));
    // Of the connection, of the client, and of the session between them.
    let way = [
        "Clearing",
        "Connected",
        "Opening",
        "Open",
        "Head",
        "Body",
        "Finished",
        "Closing",
        "Closed",
    ];
    assert_eq!(net.told(CLIENT), way);
}
