//! Parts 1 and 2 of the tour: the device fetches a page, and a file of 1 MiB.

use tickwire::http::{Complete, Get, GetOptions, Request, Url};
use tickwire::{Event, Task, Tick};
use tickwire_sim::{Act, Opening, Script, fill_byte};

use super::network::{DEVICE, LAPTOP, Network, endpoint};
use super::output::{Output, ProgressPrinter, VecSink, time_column};
use crate::exit::{Exit, Failure};

const PAGE: &[u8] =
    b"<!doctype html>\n<title>tickwire</title>\n<p>This page came through a lossy wire.</p>\n";
const FILE_BYTES: u64 = 1 << 20;

/// Fetches a page and prints it.
pub(super) fn fetch_page(output: &mut Output, network: &mut Network) -> Result<(), Failure> {
    let url = "http://10.0.0.2/";
    output.print_title(1, &format!("The device fetches a page: GET {url}"));
    let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", PAGE.len());
    let acts = [
        Act::Expect(b"\r\n\r\n"),
        Act::Send(head.as_bytes()),
        Act::Send(PAGE),
        Act::ExpectEnd,
    ];
    let page = fetch(output, network, url, &acts)?;
    for line in String::from_utf8_lossy(&page).lines() {
        output.print(format_args!("   | {line}"));
    }
    output.print_frame_counts(&network.take_frames());
    Ok(())
}

/// Fetches a larger file and compares it with the original.
pub(super) fn fetch_file(output: &mut Output, network: &mut Network) -> Result<(), Failure> {
    let url = "http://10.0.0.2/firmware.bin";
    output.print_title(2, &format!("The device fetches a file: GET {url}"));
    let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {FILE_BYTES}\r\n\r\n");
    let acts = [
        Act::Expect(b"\r\n\r\n"),
        Act::Send(head.as_bytes()),
        Act::Fill(FILE_BYTES),
        Act::ExpectEnd,
    ];
    let arrived = fetch(output, network, url, &acts)?;
    output.print_frame_counts(&network.take_frames());
    output.print(format_args!(
        "   Without loss it would take 0.5 s. A lost segment is sent again after a round trip or two \
         (smoltcp alone\n   waits a second), and each time the sender halves what it has under way, \
         as TCP must."
    ));
    let served: Vec<u8> = (0..FILE_BYTES).map(fill_byte).collect();
    output.compare_digests(&served, &arrived)
}

/// Fetches `url` from the laptop, whose server plays `acts`.
fn fetch(
    output: &mut Output,
    network: &mut Network,
    url: &str,
    acts: &[Act<'_>],
) -> Result<Vec<u8>, Failure> {
    let invalid = |why: &dyn std::fmt::Display| Failure::new(Exit::Url, format!("{url}: {why}"));
    let url = Url::parse(url).map_err(|why| invalid(&why))?;
    let request = Request::new(&url, &[]).map_err(|why| invalid(&why))?;
    let listener = network.add_socket(LAPTOP);
    let script = Script::new(listener, Opening::Listen(url.port()), acts);
    let mut server = Task::new(script);
    let mut get = Task::new(Get::new(
        network.add_socket(DEVICE),
        endpoint(LAPTOP, url.port()),
        request,
        GetOptions::default(),
        &mut [],
        VecSink::default(),
    ));
    let mut progress = ProgressPrinter::default();
    let outcome = loop {
        let on_event = |now: Tick, host: usize, event: &Event| match *event {
            _ if host == LAPTOP => {}
            Event::Connected { remote, .. } => {
                output.print(format_args!(
                    "   {}  connected to {remote}",
                    time_column(now)
                ));
            }
            Event::Progress {
                bytes,
                total: Some(total),
            } => progress.update(output, now, bytes, total),
            _ => {}
        };
        network.turn(&mut [&mut get], &mut [&mut server], on_event);
        if let Some(outcome) = get.outcome() {
            break *outcome;
        }
        network.advance()?;
    };
    outcome.map_err(|error| Failure::from_core("get", error))?;
    let get = get.into_app();
    if let Some(Complete { status, proof, .. }) = get.complete() {
        let now = time_column(network.now());
        output.print(format_args!("   {now}  status {status}: {proof}"));
    }
    Ok(get.into_sink().0)
}
