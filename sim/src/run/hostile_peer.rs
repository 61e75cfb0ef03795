//! A peer that breaks every protocol, as a server and as a client, and sends frames of no
//! connection.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetProtocol, Ipv4Address, TcpControl, TcpRepr,
    TcpSeqNumber,
};
use tickwire::{Duration, Tick};

use super::context::RunContext;
use super::hostile_scripts::{ACTS_MAX, write_script};
use super::plan::{NODES, OUTSIDER};
use super::sim_app::{APPS, CHAT, FILE, GET, SimApp};
use super::{file, get, second_caller};
use crate::forged::{ETHERNET_HEADER_BYTES, write_ethernet, write_segment};
use crate::{Act, Generator, Node, Opening, Script};

/// How long a script may go on without any progress.
const TIMEOUT: Duration = Duration::from_millis(60_000);
/// The most bytes of a frame that it writes.
const FRAME_BYTES_MAX: usize = 96;
const NEVER: Tick = Tick::from_millis(u64::MAX);

/// The port of each kind of app.
const PORTS: [u16; APPS] = [get::PORT, second_caller::PORT, file::PORT];

/// Runs one hostile script after the other, as each kind of app of the third node.
pub(crate) struct HostilePeer<'a> {
    sockets: [Option<SocketHandle>; APPS],
    /// The nodes where the other listeners are.
    listeners: [usize; APPS],
    /// The memory for the acts of the scripts to come.
    acts: &'a mut [Act<'a>],
    random: Generator,
    /// When each app begins its next script.
    begins_at: [Tick; APPS],
    /// When the next frame of no connection is sent; `None` when there is none.
    floods_at: Option<Tick>,
}

impl<'a> HostilePeer<'a> {
    pub(crate) fn new(
        listeners: [usize; APPS],
        acts: &'a mut [Act<'a>],
        mut random: Generator,
    ) -> Self {
        let floods_at = random.chance(500_000).then_some(Tick::ZERO);
        Self {
            sockets: [None; APPS],
            listeners,
            acts,
            random,
            begins_at: [Tick::ZERO; APPS],
            floods_at,
        }
    }

    pub(crate) fn install(&mut self, context: &mut RunContext<'a, '_>) {
        for socket in &mut self.sockets {
            *socket = Some(context.add_socket(OUTSIDER, [1_024, 2_048]));
        }
    }

    pub(crate) fn drive(&mut self, context: &mut RunContext<'a, '_>) {
        let now = context.now();
        for app in [GET, CHAT, FILE] {
            let slot = context.slot(OUTSIDER, app);
            let is_free = slot.outcome().is_some() || matches!(slot.app(), SimApp::Idle(_));
            let is_due = self.begins_at.get(app).is_some_and(|at| *at <= now);
            if is_free && is_due {
                self.begin(context, app);
            }
        }
        if self.floods_at.is_some_and(|at| at <= now) {
            self.flood(context);
            // Bursts, and pauses between them.
            let pause_max = if self.random.chance(30_000) {
                5_000
            } else {
                40
            };
            self.floods_at = Some(now + Duration::from_millis(self.random.between(1, pause_max)));
        }
    }

    /// Begins a script.
    fn begin(&mut self, context: &mut RunContext<'a, '_>, app: usize) {
        let now = context.now();
        let count = self.random.between(2, ACTS_MAX as u64) as usize;
        let Some(acts) = self.acts.split_off_mut(..count) else {
            // There is no memory for more scripts.
            self.begins_at = [NEVER; APPS];
            return;
        };
        write_script(app, acts, &mut context.bump, &mut self.random);
        let (Some(Some(socket)), Some(port), Some(listener)) = (
            self.sockets.get(app).copied(),
            PORTS.get(app).copied(),
            self.listeners.get(app).copied(),
        ) else {
            return;
        };
        let opening = if app == GET || self.random.chance(400_000) {
            Opening::Listen(port)
        } else {
            Opening::Dial((Node::address_of(listener), port).into())
        };
        let script = Script::new(socket, opening, acts).with_timeout(TIMEOUT);
        context.start_app(OUTSIDER, app, SimApp::Script(script));
        if let Some(at) = self.begins_at.get_mut(app) {
            *at = now + Duration::from_millis(self.random.between(1, 2_000));
        }
    }

    /// Sends a frame of no connection: a SYN whose sender vanishes, a segment out of nowhere, or an
    /// ARP packet that nobody asked for, true or not.
    fn flood(&mut self, context: &RunContext<'a, '_>) {
        let mut frame = [0; FRAME_BYTES_MAX];
        let victim = self.random.below(2) as usize;
        let length = if self.random.chance(100_000) {
            self.write_arp(&mut frame, victim)
        } else {
            self.write_segment(&mut frame, victim)
        };
        let frame = frame.get(..length).unwrap_or_default();
        // The trace has it where it arrives; no node has sent it.
        let observer = context.ethernet.observe(None);
        context.ethernet.port(OUTSIDER).send(frame);
        context.ethernet.observe(observer);
    }

    /// The port from which a frame claims to come: the third node's, or one that nobody has.
    fn draw_source(&mut self) -> usize {
        if self.random.chance(500_000) {
            OUTSIDER
        } else {
            NODES + self.random.below(200) as usize
        }
    }

    fn write_arp(&mut self, frame: &mut [u8], victim: usize) -> usize {
        let source = self.draw_source();
        write_ethernet(frame, source, victim, EthernetProtocol::Arp);
        let operation = if self.random.chance(500_000) {
            ArpOperation::Request
        } else {
            ArpOperation::Reply
        };
        // Who it is, or wants to be: itself, somebody without an address, or the victim.
        let claimed = match self.random.below(4) {
            0 => Ipv4Address::UNSPECIFIED,
            1 => Node::address_of(victim),
            _ => Node::address_of(source),
        };
        let packet = ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr: Node::mac_of(source),
            source_protocol_addr: claimed,
            target_hardware_addr: Node::mac_of(victim),
            target_protocol_addr: Node::address_of(victim),
        };
        let body = frame.get_mut(ETHERNET_HEADER_BYTES..).unwrap_or_default();
        packet.emit(&mut ArpPacket::new_unchecked(body));
        ETHERNET_HEADER_BYTES + packet.buffer_len()
    }

    fn write_segment(&mut self, frame: &mut [u8], victim: usize) -> usize {
        const PAYLOAD: &[u8] = b"!junk\r\n\r\n";
        let random = &mut self.random;
        let ports = [get::PORT, second_caller::PORT, file::PORT, 50_000];
        let port = ports.get(random.below(4) as usize).copied().unwrap_or(80);
        let control = match random.below(8) {
            0..4 => TcpControl::Syn,
            4 => TcpControl::Fin,
            5 => TcpControl::Rst,
            6 => TcpControl::Psh,
            _ => TcpControl::None,
        };
        // Sequence numbers are 32 bits, with or without a sign.
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
        let source = self.draw_source();
        write_segment(frame, source, victim, &segment)
    }

    /// When it does something next, after `now`.
    pub(crate) fn next(&self, now: Tick) -> Option<Tick> {
        let all = self.begins_at.iter().copied().chain(self.floods_at);
        all.filter(|at| *at > now && *at < NEVER).min()
    }
}
