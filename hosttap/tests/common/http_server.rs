//! An HTTP server over the kernel's sockets that behaves as a test wants.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hosttap::system::clock::Clock;

use super::{SECONDS_MAX, WAIT_MAX};

const POLL_PERIOD: Duration = Duration::from_micros(200);

/// Accepts connections as long as the test runs. Each connection has its own thread.
#[derive(Debug)]
pub(crate) struct HttpServer {
    address: SocketAddr,
}

/// A connection from a client, and its request.
#[derive(Debug)]
pub(crate) struct HttpConnection {
    /// The request head, with its empty line.
    pub(crate) request: String,
    stream: TcpStream,
    /// Whether closing `stream` sends RST instead of FIN.
    resets: bool,
}

impl HttpServer {
    /// A server on a free port of `address`.
    pub(crate) fn start(
        address: &str,
        serve: impl Fn(&mut HttpConnection) + Send + Sync + 'static,
    ) -> Self {
        Self::start_at((address, 0), serve)
    }

    /// A server on a port of an address; 0 is any that is free.
    pub(crate) fn start_at(
        address: (&str, u16),
        serve: impl Fn(&mut HttpConnection) + Send + Sync + 'static,
    ) -> Self {
        let address = address.to_socket_addrs().unwrap().next().unwrap();
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let serve = Arc::clone(&serve);
                thread::spawn(move || {
                    let mut connection = HttpConnection::accept(stream.unwrap());
                    serve(&mut connection);
                    connection.close();
                });
            }
        });
        Self { address }
    }

    /// A server that answers every request with the same bytes, and closes.
    pub(crate) fn with_response(address: &str, response: impl Into<Vec<u8>>) -> Self {
        let response = response.into();
        Self::start(address, move |connection| {
            connection.send(&response);
        })
    }

    /// A server that answers every request with `body` and its length.
    pub(crate) fn with_body(address: &str, body: &[u8]) -> Self {
        Self::with_response(address, ok_response(body))
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL of `path`, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// A response with `body` and its length.
pub(crate) fn ok_response(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

impl HttpConnection {
    fn accept(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
        stream.set_write_timeout(Some(WAIT_MAX)).unwrap();
        let mut connection = Self {
            request: String::new(),
            stream,
            resets: false,
        };
        let mut byte = [0];
        while !connection.request.ends_with("\r\n\r\n")
            && matches!(connection.stream.read(&mut byte), Ok(1))
        {
            connection.request.push(char::from(byte[0]));
        }
        connection
    }

    /// Sends `data`. Returns whether the kernel accepted all of it; it does not if the client is
    /// gone.
    pub(crate) fn send(&mut self, data: &[u8]) -> bool {
        self.stream.write_all(data).is_ok()
    }

    /// Sends `data` byte by byte, with pauses, so that each byte becomes its own segment.
    pub(crate) fn send_bytewise(&mut self, data: &[u8]) {
        for byte in data.chunks(1) {
            if !self.send(byte) {
                return;
            }
            thread::sleep(POLL_PERIOD);
        }
    }

    /// Waits until the client has acknowledged everything, or is gone.
    pub(crate) fn wait_until_acknowledged(&self) {
        let clock = Clock::start();
        while self.has_unacknowledged() && clock.now().as_millis() < SECONDS_MAX * 1_000 {
            thread::sleep(POLL_PERIOD);
        }
    }

    /// proc(5), /proc/net/tcp: both endpoints in hexadecimal, the state, and the number of bytes
    /// that are not acknowledged.
    fn has_unacknowledged(&self) -> bool {
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

    /// Closes with a reset. First waits until everything is acknowledged, because a reset may
    /// overtake data.
    pub(crate) fn reset(&mut self) {
        self.wait_until_acknowledged();
        rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO)).unwrap();
        self.resets = true;
    }

    /// Sends nothing until the client closes.
    pub(crate) fn wait_until_closed(&mut self) {
        let mut block = [0; 1024];
        while matches!(self.stream.read(&mut block), Ok(1..)) {}
    }

    /// Sends `data` once a second until the client closes.
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

    /// Sends FIN and reads until the client's FIN, because unread bytes would turn the close into a
    /// reset.
    fn close(&mut self) {
        if !self.resets && self.stream.shutdown(Shutdown::Write).is_ok() {
            self.wait_until_closed();
        }
    }
}
