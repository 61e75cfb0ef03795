//! Sinks that take less than they are offered.

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
    assert_eq!((result, body.len()), (Err(Error::TooLarge), 0));
    let unannounced = [REQUEST_END, Act::Send(b"HTTP/1.0 200 OK\r\n\r\n123456789")];
    let (result, body, _) = fetch(options, &unannounced);
    assert_eq!(
        (result, body.as_slice()),
        (Err(Error::TooLarge), &b"12345678"[..])
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
    fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        let count = data.len().min(self.open_bytes);
        self.open_bytes -= count;
        self.taken.extend_from_slice(&data[..count]);
        Ok(count)
    }
}

#[test]
fn a_stalled_sink_closes_the_window_and_then_ends_the_get() {
    let mut lab = Lab::new(1);
    let handle = socket(&mut lab.client, BUFFER);
    let mut app = get(
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
    let (result, at) = lab.against(&mut app, &acts, 120).unwrap();
    assert_eq!(result, Err(Error::StalledSink));
    assert!((20_000..20_300).contains(&at.as_millis()), "{at}");
    assert_eq!(app.into_sink().taken.len(), 10);
}

#[test]
fn a_sink_of_one_byte_at_a_time_gets_the_same_bytes() {
    let page = Act::Send(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n",
    );
    let mut lab = Lab::new(1);
    let handle = socket(&mut lab.client, BUFFER);
    struct Drops(Vec<u8>, bool);
    impl Sink for Drops {
        fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
            self.1 = !self.1;
            if self.1 {
                return Ok(0);
            }
            self.0.extend(data.first());
            Ok(data.len().min(1))
        }
    }
    let mut app = get(handle, GetOptions::default(), Drops(Vec::new(), false));
    let (result, _) = lab.against(&mut app, &[REQUEST_END, page], 60).unwrap();
    assert_eq!(
        (result, app.complete().map(|complete| complete.proof)),
        (Ok(()), Some(Proof::LastChunk))
    );
    assert_eq!(app.into_sink().0, b"abcdefgh");
}
