//! Sinks that take less than they are offered.

use std::cell::Cell;
use std::rc::Rc;

use tickwire::SinkError;

use super::*;

#[test]
fn get_stops_at_its_limit_without_writing_past_it() {
    let options = GetOptions {
        bytes_max: 8,
        ..GetOptions::default()
    };
    let announced = [
        REQUEST_END,
        Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n123456789"),
    ];
    let (result, body, _) = fetch(options, &announced);
    assert_eq!((result, body.len()), (Err(GetError::TooLarge), 0));
    let unannounced = [REQUEST_END, Act::Send(b"HTTP/1.0 200 OK\r\n\r\n123456789")];
    let (result, body, _) = fetch(options, &unannounced);
    assert_eq!(
        (result, body.as_slice()),
        (Err(GetError::TooLarge), &b"12345678"[..])
    );
    let exact = [REQUEST_END, Act::Send(b"HTTP/1.0 200 OK\r\n\r\n12345678")];
    assert_eq!(
        fetch(options, &exact).0.map(|complete| complete.proof),
        Ok(Proof::CloseOnly)
    );
}

/// Takes what it is allowed to.
struct Valve {
    open_bytes: usize,
    taken: Vec<u8>,
}

impl Sink for Valve {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let count = data.len().min(self.open_bytes);
        self.open_bytes -= count;
        self.taken.extend_from_slice(&data[..count]);
        Ok(count)
    }
}

#[test]
fn a_stalled_sink_closes_the_window_and_then_ends_the_get() {
    let mut net = Fixture::guarded(1, 3);
    let handle = net.add_socket(CLIENT, BUFFER);
    let app = get(
        handle,
        GetOptions::default(),
        Valve {
            open_bytes: 10,
            taken: Vec::new(),
        },
    );
    let acts = [
        REQUEST_END,
        Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 50000\r\n\r\n"),
        Act::Fill(50_000),
        Act::ExpectEnd,
    ];
    let Ended { result, at, app } = against(&mut net, app, &acts, secs(120));
    assert_eq!(result, Err(timed_out(TimeoutKind::Sink)));
    assert!((20_000..20_300).contains(&at.as_millis()), "{at}");
    assert_eq!(app.into_sink().taken.len(), 10);
}

#[test]
fn a_sink_of_one_byte_at_a_time_gets_the_same_bytes() {
    let page = Act::Send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n",
    );
    let mut net = Fixture::guarded(1, 3);
    let handle = net.add_socket(CLIENT, BUFFER);
    struct Drops(Vec<u8>, bool);
    impl Sink for Drops {
        fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
            self.1 = !self.1;
            if self.1 {
                return Ok(0);
            }
            self.0.extend(data.first());
            Ok(data.len().min(1))
        }
    }
    net.script(SERVER, Opening::Listen(80), &[REQUEST_END, page]);
    let sink = Drops(Vec::new(), false);
    let id = net.start(CLIENT, get(handle, GetOptions::default(), sink));
    while net.outcome(id).is_none() && net.now() < Tick::from_millis(60_000) {
        // Only the sink's owner knows when it has room again: it looks every 100 ms.
        net.run(ms(100));
    }
    let (result, app) = (net.outcome(id).unwrap(), net.stop(id));
    assert_eq!(
        (result, app.complete().map(|complete| complete.proof)),
        (Ok(()), Some(Proof::LastChunk))
    );
    assert_eq!(app.into_sink().0, b"abcdefgh");
}

/// Takes nothing while the test says so.
struct Gate {
    is_shut: Rc<Cell<bool>>,
}

impl Sink for Gate {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        Ok(if self.is_shut.get() { 0 } else { data.len() })
    }
}

#[test]
fn a_drip_and_a_sink_that_presses_back_now_and_then_cannot_hold_a_get() {
    let mut net = Fixture::guarded(1, 3);
    let handle = net.add_socket(CLIENT, BUFFER);
    let is_shut = Rc::new(Cell::new(false));
    let sink = Gate {
        is_shut: Rc::clone(&is_shut),
    };
    let acts = [
        REQUEST_END,
        Act::Send(b"HTTP/1.0 200 OK\r\nContent-Length: 10000\r\n\r\n"),
        Act::Drip(&[b'x'; 10_000], secs(1)),
    ];
    net.script(SERVER, Opening::Listen(80), &acts);
    let get = net.start(CLIENT, get(handle, GetOptions::default(), sink));
    while net.outcome(get).is_none() && net.now() < Tick::from_millis(600_000) {
        net.run(secs(5));
        is_shut.set(!is_shut.get());
    }
    assert_eq!(net.outcome(get), Some(Err(timed_out(TimeoutKind::Receive))));
    // The idle period stops with the sink, from the next byte on, and then goes on where it stopped:
    // 20 s of it are over after 32 s.
    let at = net.when(CLIENT, "failed").as_millis();
    assert!((31_500..33_000).contains(&at), "{at}");
}
