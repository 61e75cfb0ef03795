//! A host that lies: to callers and to those whom it calls, and with frames of no connection.

use crate::Generator;
use smoltcp::iface::SocketHandle;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr,
    TcpSeqNumber,
};
use tickwire::Tick;

use crate::cast::{CHAT, Cast, FILE, GET, Idle, SEATS};
use crate::lies::{ACTS_MAX, lie};
use crate::plan::STRANGER;
use crate::stage::Stage;
use crate::{Act, Host, Opening, Script, task_chat, task_file, task_get};

/// How long a lie may go on without any movement.
const PATIENCE_TICKS: u64 = 60_000;
/// Bytes of the frames that it makes.
const FRAME_BYTES_MAX: usize = 96;

/// One lie after the other, in each seat of the stranger.
pub(crate) struct Liar<'a> {
    sockets: [Option<SocketHandle>; SEATS],
    /// Where the honest listeners of the three apps are.
    listeners: [usize; SEATS],
    acts: &'a mut [Act<'a>],
    random: Generator,
    lies_at: [Tick; SEATS],
    /// When the next frame of no connection comes; `None` when there is none.
    floods_at: Option<Tick>,
}

impl<'a> Liar<'a> {
    pub(crate) fn new(
        listeners: [usize; SEATS],
        acts: &'a mut [Act<'a>],
        mut random: Generator,
    ) -> Self {
        let floods_at = random.chance(500_000).then_some(Tick::ZERO);
        Self {
            sockets: [None; SEATS],
            listeners,
            acts,
            random,
            lies_at: [Tick::ZERO; SEATS],
            floods_at,
        }
    }

    pub(crate) fn install(&mut self, stage: &mut Stage<'a, '_>) {
        for place in &mut self.sockets {
            let (receive, send) = (stage.arena.bytes(1_024), stage.arena.bytes(2_048));
            let host = stage.machine(STRANGER).host.as_mut();
            *place = host.map(|host| host.add_socket(receive, send));
        }
    }

    pub(crate) fn direct(&mut self, stage: &mut Stage<'a, '_>) {
        let now = stage.now();
        for seat in [GET, CHAT, FILE] {
            let player = stage.machine(STRANGER).player(seat);
            let is_free = player.outcome().is_some() || matches!(player.cast, Cast::Idle(Idle));
            let is_due = self.lies_at.get(seat).is_some_and(|at| *at <= now);
            if is_free && is_due {
                self.lie(stage, seat);
            }
        }
        if self.floods_at.is_some_and(|at| at <= now) {
            self.flood(stage);
            // Bursts, and pauses between them.
            let most = if self.random.chance(30_000) {
                5_000
            } else {
                40
            };
            self.floods_at = Some(now.after(self.random.between(1, most)));
        }
    }

    fn lie(&mut self, stage: &mut Stage<'a, '_>, seat: usize) {
        let now = stage.now();
        let count = self.random.between(2, ACTS_MAX as u64) as usize;
        let all = core::mem::take(&mut self.acts);
        let Some((acts, rest)) = all.split_at_mut_checked(count) else {
            // It has said enough.
            self.lies_at = [Tick::from_millis(u64::MAX); SEATS];
            return;
        };
        self.acts = rest;
        lie(seat, acts, &mut stage.arena, &mut self.random);
        let port = [task_get::PORT, task_chat::PORT, task_file::PORT];
        let (Some(Some(socket)), Some(port), Some(listener)) = (
            self.sockets.get(seat).copied(),
            port.get(seat).copied(),
            self.listeners.get(seat).copied(),
        ) else {
            return;
        };
        let opening = if seat == GET || self.random.chance(400_000) {
            Opening::Listen(port)
        } else {
            Opening::Dial((Host::address_of(listener), port).into())
        };
        let script = Script::new(socket, opening, acts).with_patience(PATIENCE_TICKS);
        stage
            .machine(STRANGER)
            .seat(now, seat, Cast::Script(script));
        if let Some(at) = self.lies_at.get_mut(seat) {
            *at = now.after(self.random.between(1, 2_000));
        }
    }

    /// A frame of no connection: a SYN whose sender vanishes, a segment out of nowhere, an ARP packet that nobody asked
    /// for.
    fn flood(&mut self, stage: &Stage<'a, '_>) {
        let mut frame = [0; FRAME_BYTES_MAX];
        let victim = self.random.below(2) as u8;
        let length = if self.random.chance(100_000) {
            self.write_arp(&mut frame, victim)
        } else {
            self.write_segment(&mut frame, victim)
        };
        let frame = frame.get(..length).unwrap_or_default();
        // It is seen where it arrives; no host has sent it.
        let observer = stage.ethernet.observe(None);
        stage.ethernet.port(STRANGER).send(frame);
        stage.ethernet.observe(observer);
    }

    /// Where frames seem to come from: the stranger, or nobody at all.
    fn source(&mut self) -> u8 {
        if self.random.chance(500_000) {
            3
        } else {
            4 + self.random.below(200) as u8
        }
    }

    fn write_ethernet(
        &self,
        frame: &mut [u8],
        source: u8,
        victim: u8,
        ethertype: EthernetProtocol,
    ) {
        let header = EthernetRepr {
            src_addr: mac(source),
            dst_addr: mac(victim + 1),
            ethertype,
        };
        header.emit(&mut EthernetFrame::new_unchecked(frame));
    }

    fn write_arp(&mut self, frame: &mut [u8], victim: u8) -> usize {
        let source = self.source();
        self.write_ethernet(frame, source, victim, EthernetProtocol::Arp);
        let operation = if self.random.chance(500_000) {
            ArpOperation::Request
        } else {
            ArpOperation::Reply
        };
        let packet = ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: mac(source),
            source_protocol_addr: Ipv4Address::new(10, 0, 0, source),
            target_hardware_addr: mac(victim + 1),
            target_protocol_addr: Ipv4Address::new(10, 0, 0, victim + 1),
        };
        let body = frame.get_mut(14..).unwrap_or_default();
        packet.emit(&mut ArpPacket::new_unchecked(body));
        14 + packet.buffer_len()
    }

    fn write_segment(&mut self, frame: &mut [u8], victim: u8) -> usize {
        const PAYLOAD: &[u8] = b"!junk\r\n\r\n";
        let random = &mut self.random;
        let ports = [task_get::PORT, task_chat::PORT, task_file::PORT, 50_000];
        let port = ports.get(random.below(4) as usize).copied().unwrap_or(80);
        let control = match random.below(8) {
            0..4 => TcpControl::Syn,
            4 => TcpControl::Fin,
            5 => TcpControl::Rst,
            6 => TcpControl::Psh,
            _ => TcpControl::None,
        };
        // Numbers are 32 bits, with or without sign.
        let mut number = || TcpSeqNumber(random.u32().cast_signed());
        let (seq_number, ack) = (number(), number());
        let is_pure = control == TcpControl::Syn || random.chance(500_000);
        let segment = TcpRepr {
            src_port: 1_024 + random.below(60_000) as u16,
            dst_port: port,
            control,
            seq_number,
            ack_number: (!is_pure).then_some(ack),
            window_len: random.below(65_536) as u16,
            window_scale: None,
            max_seg_size: (control == TcpControl::Syn).then_some(random.below(2_000) as u16),
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: if is_pure { &[] } else { PAYLOAD },
        };
        let source = self.source();
        let from = Ipv4Address::new(10, 0, 0, source);
        let to = Ipv4Address::new(10, 0, 0, victim + 1);
        let packet = Ipv4Repr {
            src_addr: from,
            dst_addr: to,
            next_header: IpProtocol::Tcp,
            payload_len: segment.buffer_len(),
            hop_limit: 64,
        };
        self.write_ethernet(frame, source, victim, EthernetProtocol::Ipv4);
        let sums = ChecksumCapabilities::default();
        let (head, body) = frame.split_at_mut(34);
        let header = head.get_mut(14..).unwrap_or_default();
        packet.emit(&mut Ipv4Packet::new_unchecked(header), &sums);
        let body = body.get_mut(..segment.buffer_len()).unwrap_or_default();
        let mut body = TcpPacket::new_unchecked(body);
        segment.emit(&mut body, &from.into(), &to.into(), &sums);
        34 + segment.buffer_len()
    }

    /// When it does something next, after `now`.
    pub(crate) fn next(&self, now: Tick) -> Option<Tick> {
        let forever = Tick::from_millis(u64::MAX);
        let all = self.lies_at.iter().copied().chain(self.floods_at);
        all.filter(|at| *at > now && *at < forever).min()
    }
}

const fn mac(number: u8) -> EthernetAddress {
    EthernetAddress([2, 0, 10, 0, 0, number])
}
