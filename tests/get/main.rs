//! The GET client against scripted servers on a virtual Ethernet.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

#[path = "../common/mod.rs"]
mod common;
mod sinks;
mod waits;

use common::lab::{BUFFER, Lab, endpoint, leak, socket};
use smoltcp::iface::SocketHandle;
use smoltcp::wire::{IpAddress, IpEndpoint};
use tickwire::http::{Complete, Get, GetOptions, Proof, Request, Url};
use tickwire::{Awaited, BufferSink, Discard, Error, Event, Malformed, Sink, Tick};
use tickwire_sim::ethernet::Link;
use tickwire_sim::{Act, fill_byte};

const REQUEST_END: Act<'static> = Act::Expect(b"\r\n\r\n");

fn request() -> Request<'static> {
    Request::new(&Url::parse("http://10.0.0.2/page").unwrap(), &[]).unwrap()
}

fn get<S: Sink>(handle: SocketHandle, options: GetOptions, sink: S) -> Get<'static, S> {
    Get::new(
        handle,
        endpoint(1, 80),
        request(),
        options,
        leak(0, 32),
        sink,
    )
}

/// Runs a GET of a small page and returns its outcome, what was delivered, and when it ended in milliseconds.
fn fetch(options: GetOptions, acts: &[Act<'_>]) -> (Result<Complete, Error>, Vec<u8>, u64) {
    let mut lab = Lab::new(1);
    let handle = socket(&mut lab.client, BUFFER);
    let mut app = get(handle, options, BufferSink::new(leak(0u8, 64 * 1024)));
    let (result, at) = lab
        .against(&mut app, acts, 600)
        .expect("a GET ends by itself");
    let result = result.map(|()| app.complete().expect("success has a proof"));
    (result, app.into_sink().bytes().to_vec(), at.as_millis())
}

/// Runs a GET from `remote`, and returns how it ended, and when.
fn dial(lab: &mut Lab, remote: IpEndpoint, acts: &[Act<'_>]) -> (Result<(), Error>, Tick) {
    let handle = socket(&mut lab.client, BUFFER);
    let options = GetOptions::default();
    let mut app = Get::new(handle, remote, request(), options, &mut [], Discard);
    lab.against(&mut app, acts, 60)
        .expect("a GET ends by itself")
}

fn failed(acts: &[Act<'_>]) -> (Error, u64) {
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
        let mut lab = Lab::new(seed);
        let link = Link {
            loss_ppm: 20_000,
            duplicate_ppm: 10_000,
            reorder_ppm: 20_000,
            delay_micros: 3_000,
            ..Link::PERFECT
        };
        lab.world.ethernet.set_link(0, link);
        lab.world.ethernet.set_link(1, link);
        let handle = socket(&mut lab.client, 16 * 1024);
        let mut app = get(
            handle,
            GetOptions::default(),
            BufferSink::new(leak(0u8, BYTES as usize)),
        );
        let acts = [
            REQUEST_END,
            Act::Send(b"HTTP/1.1 200 OK\nContent-Length: 300000\n\n"),
            Act::Fill(BYTES),
        ];
        let (result, at) = lab
            .against(&mut app, &acts, 3_600)
            .expect("a GET ends by itself");
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
    let mut lab = Lab::new(1);
    let handle = socket(&mut lab.client, BUFFER);
    let request = request();
    let mut app = Get::new(
        handle,
        endpoint(1, 81),
        request,
        GetOptions::default(),
        &mut [],
        Discard,
    );
    let (result, at) = lab.against(&mut app, &[], 60).unwrap();
    assert_eq!(result, Err(Error::Refused));
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
        let (result, _) = dial(&mut Lab::new(1), remote, &[]);
        assert_eq!(result, Err(Error::Unaddressable), "{remote}");
    }
    for remote in [
        IpAddress::v4(10, 1, 0, 1),
        IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 1),
    ] {
        let remote = IpEndpoint::new(remote, 80);
        let (result, _) = dial(&mut Lab::new(1), remote, &[]);
        assert_eq!(result, Err(Error::Unreachable), "{remote}");
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
            Error::Truncated
        );
        assert_eq!(
            failed(&[REQUEST_END, Act::Send(piece), Act::Wait(50), Act::Reset]).0,
            Error::Reset
        );
    }
}

#[test]
fn get_succeeds_when_the_reset_comes_after_the_last_byte() {
    let page = Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let (result, body, _) = fetch(
        GetOptions::default(),
        &[REQUEST_END, page, Act::Wait(50), Act::Reset],
    );
    assert_eq!(result.map(|complete| complete.proof), Ok(Proof::Length));
    assert_eq!(body, b"hello");
}

#[test]
fn get_reports_a_redirect_with_its_location_and_saves_nothing() {
    let mut lab = Lab::new(1);
    let handle = socket(&mut lab.client, BUFFER);
    let mut app = get(
        handle,
        GetOptions::default(),
        BufferSink::new(leak(0u8, 64)),
    );
    let page =
        Act::Send(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 4\r\n\r\nbody");
    let (result, _) = lab.against(&mut app, &[REQUEST_END, page], 60).unwrap();
    assert_eq!(result, Err(Error::Status(302)));
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
        Err(Error::Truncated)
    );
}

#[test]
fn get_names_what_is_malformed() {
    let bad = Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: +5\r\n\r\nhello");
    assert_eq!(
        failed(&[REQUEST_END, bad]).0,
        Error::Malformed(Malformed::Length)
    );
}

#[test]
fn a_lost_address_is_not_called_a_reset() {
    let mut lab = Lab::new(1);
    let handle = socket(&mut lab.client, BUFFER);
    let mut app = get(handle, GetOptions::default(), Discard);
    let acts = [REQUEST_END, Act::Wait(60_000)];
    assert_eq!(lab.against(&mut app, &acts, 1), None);
    lab.client
        .iface
        .update_ip_addrs(|addresses| addresses.clear());
    let mut slot = tickwire::Slot::new();
    let until = lab.world.now().after(1_000);
    let seats = &mut [slot.seat(&mut app)];
    lab.world.run(until, &mut [lab.client.with(seats)], &mut ());
    assert_eq!(slot.outcome(), Some(Err(Error::AddressLost)));
}

#[test]
fn get_shows_its_way_through_its_states() {
    let mut lab = Lab::new(1);
    let handle = socket(&mut lab.client, BUFFER);
    let mut app = get(handle, GetOptions::default(), Discard);
    let mut way = Vec::new();
    let page = Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let ended = lab.against_observed(
        &mut app,
        &[REQUEST_END, page],
        60,
        &mut |_, event| match event {
            Event::Entered { to, .. }
                if ["Connecting", "Sending", "Head", "Body", "Closing"].contains(to) =>
            {
                way.push(*to);
            }
            Event::Progress { bytes, total } => assert_eq!((*bytes, *total), (5, Some(5))),
            _ => {}
        },
    );
    assert!(ended.is_some_and(|(result, _)| result.is_ok()));
    assert_eq!(way, ["Connecting", "Sending", "Head", "Body", "Closing"]);
}
