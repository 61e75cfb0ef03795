//! The resolver: its memory, and its task.

use core::mem::MaybeUninit;

use smoltcp::phy::Device;
use smoltcp::socket::udp;
use tickwire::dns::{CachedName, Names, QUERY_BYTES_MAX, Resolver};
use tickwire::{Stack, Task};

/// Sockets that the resolver owns.
pub(crate) const SOCKETS: usize = 3;
/// An answer over UDP; over TCP it comes after its length.
const ANSWER_BYTES: usize = 512;
/// Datagrams that may wait.
const PACKETS: usize = 2;

/// One UDP socket's buffers.
struct Udp {
    received: [udp::PacketMetadata; PACKETS],
    receive: [u8; PACKETS * ANSWER_BYTES],
    sent: [udp::PacketMetadata; 1],
    send: [u8; QUERY_BYTES_MAX],
}

impl Udp {
    const EMPTY: Self = Self {
        received: [udp::PacketMetadata::EMPTY; PACKETS],
        receive: [0; PACKETS * ANSWER_BYTES],
        sent: [udp::PacketMetadata::EMPTY],
        send: [0; QUERY_BYTES_MAX],
    };

    fn socket(&mut self) -> udp::Socket<'_> {
        let receive = udp::PacketBuffer::new(&mut self.received[..], &mut self.receive[..]);
        let send = udp::PacketBuffer::new(&mut self.sent[..], &mut self.send[..]);
        udp::Socket::new(receive, send)
    }
}

/// All memory that the image lends for names.
pub(crate) struct Memory {
    udp: MaybeUninit<[Udp; 2]>,
    receive: [u8; 2 + ANSWER_BYTES],
    send: [u8; 2 + QUERY_BYTES_MAX],
    cache: MaybeUninit<[CachedName; 1]>,
}

impl Memory {
    /// All zero or uninitialised, so that a `static` of it costs no flash.
    pub(crate) const EMPTY: Self = Self {
        udp: MaybeUninit::uninit(),
        receive: [0; 2 + ANSWER_BYTES],
        send: [0; 2 + QUERY_BYTES_MAX],
        cache: MaybeUninit::uninit(),
    };

    /// Adds the resolver's sockets, and lends the stack a cache.
    pub(crate) fn start<'a, D: Device>(&'a mut self, stack: &mut Stack<'a, D>) -> Task<Resolver> {
        let udp = self.udp.write([Udp::EMPTY; 2]);
        let udp = udp.each_mut().map(|udp| stack.sockets.add(udp.socket()));
        let tcp = stack.add_tcp_socket(&mut self.receive, &mut self.send);
        stack.names = Names::new(self.cache.write([CachedName::EMPTY]));
        Task::new(Resolver::new(udp, tcp))
    }
}
