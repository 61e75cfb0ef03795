//! A smoltcp host that a script runs on, with or without a guard, in virtual time.

use smoltcp::iface::{
    Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet, SocketStorage,
};
use smoltcp::socket::tcp::{CongestionControl, RecvError, Socket, SocketBuffer, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{ArpOperation, IpCidr, TcpControl, TcpRepr, TcpSeqNumber};

use super::cable::{HOST, HOST_MAC, PEER, Sent, TestDevice};
use super::script::{Received, Setup};

/// More frames than any honest exchange needs in one poll.
pub(super) const EGRESS_MAX: usize = 40;
/// The size of the send buffer, and the largest of the receive buffer.
pub(super) const BUFFER_MAX: usize = 64;
/// The sequence number of the peer's first byte: every script crosses the wrap.
const PEER_START: u32 = u32::MAX - 2;
const PORTS: (u16, u16) = (49_152, 80);

/// What a host borrows.
pub(super) struct Memory<'a> {
    buffers: [[u8; BUFFER_MAX]; 2],
    sockets: [SocketStorage<'a>; 1],
}

impl Memory<'_> {
    pub(super) const fn new() -> Self {
        Self {
            buffers: [[0; BUFFER_MAX]; 2],
            sockets: [SocketStorage::EMPTY],
        }
    }
}

pub(super) struct Host<'a, D> {
    pub(super) device: D,
    iface: Interface,
    sockets: SocketSet<'a>,
    handle: SocketHandle,
    now: Instant,
    /// The sequence number of the host's first byte.
    start: u32,
    /// The bytes that the application has written and read.
    pub(super) written: usize,
    pub(super) read: usize,
}

/// The byte at a position of either stream.
pub(super) fn byte_at(position: i32) -> u8 {
    b'a' + position.rem_euclid(26) as u8
}

fn segment(seq: u32, ack: u32) -> TcpRepr<'static> {
    TcpRepr {
        src_port: PORTS.1,
        dst_port: PORTS.0,
        control: TcpControl::None,
        seq_number: TcpSeqNumber(seq.cast_signed()),
        ack_number: Some(TcpSeqNumber(ack.cast_signed())),
        window_len: 0,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    }
}

impl<'a, D: TestDevice> Host<'a, D> {
    /// A host that has just dialled the peer. None when it did not get so far.
    pub(super) fn connected(
        mut device: D,
        memory: &'a mut Memory<'a>,
        setup: &Setup,
    ) -> Option<Self> {
        let mut config = Config::new(HOST_MAC.into());
        config.random_seed = 7;
        let mut iface = Interface::new(config, &mut device, Instant::ZERO);
        iface.update_ip_addrs(|addresses| {
            let address = IpCidr::new(HOST.into(), 24);
            addresses.push(address).expect("one address fits");
        });
        let [receive, send] = &mut memory.buffers;
        let mut socket = Socket::new(
            SocketBuffer::new(&mut receive[..setup.window]),
            SocketBuffer::new(&mut send[..]),
        );
        socket.set_congestion_control(CongestionControl::None);
        socket.set_nagle_enabled(setup.has_nagle);
        socket.set_keep_alive(setup.has_keep_alive.then_some(Duration::from_millis(700)));
        if !setup.delays_acks {
            socket.set_ack_delay(None);
        }
        socket
            .connect(iface.context(), (PEER, PORTS.1), PORTS.0)
            .expect("the peer is a unicast address");
        let mut sockets = SocketSet::new(&mut memory.sockets[..]);
        let handle = sockets.add(socket);
        let mut host = Self {
            device,
            iface,
            sockets,
            handle,
            // Not the beginning of time, at which a guard has everything to do.
            now: Instant::from_millis(1),
            start: 0,
            written: 0,
            read: 0,
        };
        // The peer asks first, so that the host knows it.
        host.device.cable().put_arp(ArpOperation::Request);
        host.poll();
        let syn = *host.sent().iter().find(|sent| sent.has_syn)?;
        host.start = syn.seq.wrapping_add(1);
        host.device.cable().put_segment(&TcpRepr {
            control: TcpControl::Syn,
            window_len: setup.peer_window,
            max_seg_size: Some(1400),
            ..segment(PEER_START.wrapping_sub(1), host.start)
        });
        host.poll();
        (host.socket().state() == State::Established).then_some(host)
    }

    pub(super) fn socket(&mut self) -> &mut Socket<'a> {
        self.sockets.get_mut(self.handle)
    }

    /// What the last poll sent.
    pub(super) fn sent(&mut self) -> &[Sent] {
        &self.device.cable().sent
    }

    /// Where a segment of the host's begins, counted from the first byte of its data.
    pub(super) const fn position_sent(&self, sent: &Sent) -> i32 {
        sent.seq.wrapping_sub(self.start).cast_signed()
    }

    /// What a segment acknowledges, counted from the first byte of the peer's data.
    pub(super) const fn position_acknowledged(&self, sent: &Sent) -> i32 {
        sent.ack.wrapping_sub(PEER_START).cast_signed()
    }

    /// The end of the window that a segment announces, counted from the first byte of the peer's
    /// data.
    pub(super) const fn edge_announced(&self, sent: &Sent) -> i32 {
        self.position_acknowledged(sent) + sent.window as i32
    }

    pub(super) fn write(&mut self, len: usize) {
        let from = self.written as i32;
        let bytes: [u8; BUFFER_MAX] = std::array::from_fn(|at| byte_at(from + at as i32));
        let socket = self.socket();
        let room = socket.send_capacity() - socket.send_queue();
        if socket.may_send() && room >= len {
            self.written += self.socket().send_slice(&bytes[..len]).unwrap_or(0);
        }
        self.poll();
    }

    pub(super) fn close(&mut self) {
        self.socket().close();
        self.poll();
    }

    /// Reads all that can be read. Returns whether the bytes are those that the peer sends, or the
    /// end of the stream.
    pub(super) fn read_all(&mut self) -> Result<bool, RecvError> {
        let from = self.read as i32;
        let taken = self.socket().recv(|bytes| {
            let expected = (from..).map(byte_at);
            let is_right = bytes.iter().copied().eq(expected.take(bytes.len()));
            (bytes.len(), (bytes.len(), is_right))
        });
        let (len, is_right) = taken?;
        self.read += len;
        self.poll();
        Ok(is_right)
    }

    pub(super) fn receive(&mut self, received: &Received) {
        let payload: [u8; 16] = std::array::from_fn(|at| byte_at(received.seq + at as i32));
        let start = self.start;
        self.device.cable().put_segment(&TcpRepr {
            control: received.control(),
            window_len: received.window,
            payload: &payload[..received.len],
            ..segment(
                PEER_START.wrapping_add_signed(received.seq),
                start.wrapping_add_signed(received.ack),
            )
        });
        self.poll();
    }

    /// One round of a loop like smoltcp's own, but bounded. The peer answers a question for its
    /// hardware address at once.
    pub(super) fn poll(&mut self) {
        self.device.cable().sent.clear();
        let (now, device, sockets) = (self.now, &mut self.device, &mut self.sockets);
        loop {
            while self.iface.poll_ingress_single(now, device, sockets)
                != PollIngressSingleResult::None
            {}
            for _ in 0..EGRESS_MAX {
                if self.iface.poll_egress(now, device, sockets) == PollResult::None {
                    break;
                }
            }
            if !std::mem::take(&mut device.cable().was_asked) {
                break;
            }
            device.cable().put_arp(ArpOperation::Reply);
        }
    }

    pub(super) fn advance(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        self.poll();
    }

    /// Sleeps until the host wants to be polled, and polls it. Returns for how many milliseconds it
    /// slept, or None when no timer runs.
    pub(super) fn sleep(&mut self) -> Option<u64> {
        let wake = self.wake()?.max(self.now);
        Some(self.sleep_until(wake))
    }

    fn wake(&mut self) -> Option<Instant> {
        let wakes = [
            self.iface.poll_at(self.now, &self.sockets),
            self.device.poll_at(),
        ];
        wakes.into_iter().flatten().min()
    }

    /// Returns for how many milliseconds it slept.
    fn sleep_until(&mut self, wake: Instant) -> u64 {
        let slept = wake - self.now;
        self.now = wake;
        self.poll();
        slept.total_millis()
    }

    /// Sleeps like [`sleep`](Self::sleep), but for this time at most, and returns what is left of it.
    pub(super) fn sleep_at_most(&mut self, time: Duration) -> Duration {
        let end = self.now + time;
        let wake = self.wake().map_or(end, |wake| wake.clamp(self.now, end));
        self.sleep_until(wake);
        end - wake
    }
}
