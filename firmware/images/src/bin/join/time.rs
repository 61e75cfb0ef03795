//! The time of day, from a time server of the lease.

use smoltcp::iface::SocketHandle;
use smoltcp::phy::Device;
use smoltcp::socket::udp;
use smoltcp::wire::IpEndpoint;
use tickwire::dhcp;
use tickwire::sntp::{NTP_PORT, PACKET_LEN, Sntp, SntpOptions, WallClock};
use tickwire::{Stack, Task};

use board::host::{self, Line};
use images::exit::{self, Failure};

use crate::Node;

/// Sockets that the SNTP client owns.
pub(crate) const SOCKETS: usize = 1;

/// All memory that the image lends for the time of day.
pub(crate) struct Memory {
    received: [udp::PacketMetadata; 1],
    receive: [u8; PACKET_LEN],
    sent: [udp::PacketMetadata; 1],
    send: [u8; PACKET_LEN],
}

impl Memory {
    /// All zero, so that a `static` of it costs no flash.
    pub(crate) const EMPTY: Self = Self {
        received: [udp::PacketMetadata::EMPTY],
        receive: [0; PACKET_LEN],
        sent: [udp::PacketMetadata::EMPTY],
        send: [0; PACKET_LEN],
    };

    /// Adds the client's socket.
    pub(crate) fn start<'a, D: Device>(&'a mut self, stack: &mut Stack<'a, D>) -> SocketHandle {
        let receive = udp::PacketBuffer::new(&mut self.received[..], &mut self.receive[..]);
        let send = udp::PacketBuffer::new(&mut self.sent[..], &mut self.send[..]);
        stack.sockets.add(udp::Socket::new(receive, send))
    }
}

/// Asks the first time server of the lease, if it has one, and prints `time N`, in seconds of Unix.
pub(crate) fn ask(
    node: &mut Node<'_>,
    socket: SocketHandle,
    lease: &dhcp::Storage,
) -> Result<(), Failure> {
    let server = lease
        .lease()
        .and_then(|lease| lease.time_servers.first().copied());
    let Some(server) = server else {
        return Ok(());
    };
    let servers = [IpEndpoint::new(server.into(), NTP_PORT)];
    let clock = WallClock::new();
    let options = SntpOptions {
        once: true,
        ..SntpOptions::default()
    };
    let mut sntp = Task::new(Sntp::new(socket, &servers, &clock, options));
    while !sntp.is_finished() {
        node.turn(Some(&mut sntp));
    }
    let Some(time) = clock.time(node.clock.now()) else {
        return Err(Failure::new(
            exit::TIMED_OUT,
            "no time server told the time",
        ));
    };
    let mut line = Line::new();
    line.text("time ").number(time.as_micros() / 1_000_000);
    host::print(&mut line);
    Ok(())
}
