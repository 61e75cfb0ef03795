//! The tour's first two stops: a page, and a file of a megabyte.

use tickwire::http::{Complete, Get, GetOptions, Request, Url};
use tickwire::{Event, Slot, Tick};
use tickwire_sim::{Act, Opening, Script, fill_byte};

use super::network::{DEVICE, LAPTOP, Network, endpoint};
use super::{Meter, Saved, Tour, clock};
use crate::exit::{Exit, Failure};

const PAGE: &[u8] =
    b"<!doctype html>\n<title>tickwire</title>\n<p>This page came through a lossy wire.</p>\n";
const FILE_BYTES: u64 = 1 << 20;

/// Fetches a page and shows it.
pub(super) fn page(tour: &mut Tour, network: &mut Network) -> Result<(), Failure> {
    let url = "http://10.0.0.2/";
    tour.title(1, &format!("The device fetches a page: GET {url}"));
    let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", PAGE.len());
    let acts = [
        Act::Expect(b"\r\n\r\n"),
        Act::Send(head.as_bytes()),
        Act::Send(PAGE),
        Act::ExpectEnd,
    ];
    let page = fetch(tour, network, url, &acts)?;
    for line in String::from_utf8_lossy(&page).lines() {
        tour.say(format_args!("   | {line}"));
    }
    tour.account(&network.ledger.take());
    Ok(())
}

/// Fetches a larger file and compares it.
pub(super) fn file(tour: &mut Tour, network: &mut Network) -> Result<(), Failure> {
    let url = "http://10.0.0.2/firmware.bin";
    tour.title(2, &format!("The device fetches a file: GET {url}"));
    let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {FILE_BYTES}\r\n\r\n");
    let acts = [
        Act::Expect(b"\r\n\r\n"),
        Act::Send(head.as_bytes()),
        Act::Fill(FILE_BYTES),
        Act::ExpectEnd,
    ];
    let arrived = fetch(tour, network, url, &acts)?;
    tour.account(&network.ledger.take());
    let served: Vec<u8> = (0..FILE_BYTES).map(fill_byte).collect();
    tour.compare(&served, &arrived)
}

/// Fetches `url` from a laptop that serves it by these acts.
fn fetch(
    tour: &mut Tour,
    network: &mut Network,
    url: &str,
    acts: &[Act<'_>],
) -> Result<Vec<u8>, Failure> {
    let unusable = |why: &dyn std::fmt::Display| Failure::new(Exit::Url, format!("{url}: {why}"));
    let url = Url::parse(url).map_err(|why| unusable(&why))?;
    let request = Request::new(&url, &[]).map_err(|why| unusable(&why))?;
    let listener = network.add_socket(LAPTOP);
    let mut server = Script::new(listener, Opening::Listen(url.port()), acts);
    let mut get = Get::new(
        network.add_socket(DEVICE),
        endpoint(LAPTOP, url.port()),
        request,
        GetOptions::default(),
        &mut [],
        Saved(Vec::new()),
    );
    let (mut slot, mut server_slot) = (Slot::new(), Slot::new());
    let mut meter = Meter::new();
    let outcome = loop {
        let show = |now: Tick, host: usize, event: &Event<'_>| match *event {
            _ if host == LAPTOP => {}
            Event::Connected { remote, .. } => {
                tour.say(format_args!("   {}  connected to {remote}", clock(now)));
            }
            Event::Progress {
                bytes,
                total: Some(total),
            } => meter.show(tour, now, bytes, total),
            _ => {}
        };
        let serving = &mut [server_slot.seat(&mut server)];
        network.turn(&mut [slot.seat(&mut get)], serving, show);
        if let Some(outcome) = slot.outcome() {
            break outcome;
        }
        network.rest()?;
    };
    outcome.map_err(|error| Failure::of("get", error))?;
    if let Some(Complete { status, proof, .. }) = get.complete() {
        let now = clock(network.now());
        tour.say(format_args!("   {now}  status {status}: {proof}"));
    }
    Ok(get.into_sink().0)
}
