//! A server over the kernel's sockets that does what a test tells it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hosttap::system::clock::Clock;

/// Longest wait for a peer, however slow the machine.
const PEER_MILLIS_MAX: u64 = 60_000;
/// Between two looks at a socket.
const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// Accepts for as long as the test runs, and serves each caller in a thread of its own.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
}

/// One caller and its request.
#[derive(Debug)]
pub(crate) struct Call {
    /// The request's head, with its empty line.
    pub(crate) request: String,
    stream: TcpStream,
    /// Whether the end of `stream` sends RST instead of FIN.
    resets: bool,
}

impl Server {
    /// A server on a free port of `address`.
    pub(crate) fn start(address: &str, serve: impl Fn(&mut Call) + Send + Sync + 'static) -> Self {
        let any_port = (address, 0).to_socket_addrs().unwrap().next().unwrap();
        let listener = TcpListener::bind(any_port).unwrap();
        let address = listener.local_addr().unwrap();
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let serve = Arc::clone(&serve);
                thread::spawn(move || {
                    let mut call = Call::take(stream.unwrap());
                    serve(&mut call);
                    call.hang_up();
                });
            }
        });
        Self { address }
    }

    /// A server that gives every caller the same bytes, and closes.
    pub(crate) fn answering(address: &str, response: impl Into<Vec<u8>>) -> Self {
        let response = response.into();
        Self::start(address, move |call| {
            call.send(&response);
        })
    }

    /// A server that gives every caller `body` with its length.
    pub(crate) fn holding(address: &str, body: &[u8]) -> Self {
        Self::answering(address, with_length(body))
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL of `path`, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// A response that is `body` with its length.
pub(crate) fn with_length(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

impl Call {
    fn take(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        let limit = Duration::from_millis(PEER_MILLIS_MAX);
        stream.set_read_timeout(Some(limit)).unwrap();
        stream.set_write_timeout(Some(limit)).unwrap();
        let mut call = Self {
            request: String::new(),
            stream,
            resets: false,
        };
        let mut byte = [0];
        while !call.request.ends_with("\r\n\r\n") && matches!(call.stream.read(&mut byte), Ok(1)) {
            call.request.push(char::from(byte[0]));
        }
        call
    }

    /// Sends `data`, and tells whether the kernel took all of it; it does not when the caller has gone.
    pub(crate) fn send(&mut self, data: &[u8]) -> bool {
        self.stream.write_all(data).is_ok()
    }

    /// Sends `data` byte by byte, with time between them to become segments of their own.
    pub(crate) fn send_bytewise(&mut self, data: &[u8]) {
        for byte in data.chunks(1) {
            if !self.send(byte) {
                return;
            }
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// Waits until the caller has acknowledged all that was sent, or has gone.
    pub(crate) fn wait_until_acknowledged(&self) {
        let clock = Clock::start();
        while self.unacknowledged() && clock.now().as_millis() < PEER_MILLIS_MAX {
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// proc(5), /proc/net/tcp: both ends in hexadecimal, the state, and the bytes that wait to be acknowledged.
    fn unacknowledged(&self) -> bool {
        let (Ok(SocketAddr::V4(local)), Ok(SocketAddr::V4(remote))) =
            (self.stream.local_addr(), self.stream.peer_addr())
        else {
            return false;
        };
        let end =
            |ip: &Ipv4Addr, port| format!("{:08X}:{port:04X}", u32::from_ne_bytes(ip.octets()));
        let ends = [
            end(local.ip(), local.port()),
            end(remote.ip(), remote.port()),
        ];
        let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
        let mut lines = table.lines().map(|line| line.split_whitespace().skip(1));
        lines.any(|mut columns| {
            columns.by_ref().take(2).eq(ends.iter())
                && columns
                    .nth(1)
                    .is_some_and(|queues| !queues.starts_with("00000000"))
        })
    }

    /// Ends with a reset, once all that was sent is acknowledged: a reset may overtake bytes.
    pub(crate) fn reset(&mut self) {
        self.wait_until_acknowledged();
        rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO)).unwrap();
        self.resets = true;
    }

    /// Keeps the connection open, silent, until the caller goes.
    pub(crate) fn wait_until_gone(&mut self) {
        let mut block = [0; 1024];
        while matches!(self.stream.read(&mut block), Ok(1..)) {}
    }

    /// Sends `data` once a second until the caller goes.
    pub(crate) fn drip(&mut self, data: &[u8]) {
        let second = Duration::from_secs(1);
        self.stream.set_read_timeout(Some(second)).unwrap();
        let mut block = [0; 1024];
        loop {
            match self.stream.read(&mut block) {
                Ok(1..) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    if !self.send(data) {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    /// Sends FIN and reads what comes until the caller's, so that no unread byte turns the close into a reset.
    fn hang_up(&mut self) {
        if !self.resets && self.stream.shutdown(Shutdown::Write).is_ok() {
            self.wait_until_gone();
        }
    }
}
