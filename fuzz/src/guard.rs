//! Arbitrary frames through the guard, on flows that it knows and on flows that it does not, and to a real host behind it.

mod drawn;
mod host;
mod icmp;
mod parts;

use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{
    ArpOperation, EthernetFrame, EthernetProtocol, IpAddress, IpEndpoint, Ipv4Address,
};
use tickwire::Duration;
use tickwire::guard::{Counters, Duties, Guarded, Storage};

use crate::cable::Cable;
use crate::draw::Draw;
use crate::frame::{ACK, FIN, HOST_MAC, PEER_MAC, RST, Read, SYN, arp, read, read_sent};
use drawn::{Drawn, damage, segment};
use host::{HOST, Host, Memory, PORT};

/// Offsets in the TCP header that the guard may change in what comes in: sequence number, acknowledgement, flags, window,
/// checksum.
/// The duties of a neighbour change frames that are no TCP, and loss recovery makes segments at any
/// moment: the checks here know nothing of either.
const DUTIES: Duties = {
    let mut duties = Duties::ALL;
    duties.neighbours = false;
    duties.recovery = false;
    duties
};
const CHANGEABLE_IN: [usize; 13] = [4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17];
/// And in what goes out: sequence number and checksum.
const CHANGEABLE_OUT: [usize; 6] = [4, 5, 6, 7, 16, 17];
/// Two ends, ours first.
type Ends = (IpEndpoint, IpEndpoint);

/// Places in the guard's table: too few for what is drawn, so that it forgets flows and rule R9 rests; or as many as an
/// input needs, so that it remembers them all and R9 acts to the end.
pub const PLACES: [usize; 2] = [3, 64];

/// The peer of the flows over IPv4.
const PEER: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);
/// How long its callers wait.
const BACKLOG_WAIT: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(2);
/// The flow that ends in a real host; on the others nobody is behind the guard.
const REAL: usize = 3;

/// What happened in one input.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Which of [`PLACES`] it chose.
    pub choice: usize,
    /// Frames drawn; those of the real host are not among them.
    pub frames: u64,
    /// Turns of the real host.
    pub turns: u64,
    /// What the guard did about the frames.
    pub counters: Counters,
}

/// Chooses the table's size, and draws frames until the input is over.
pub fn run(data: &[u8]) -> Report {
    let mut draw = Draw(data);
    let choice = usize::from(draw.byte()) % PLACES.len();
    match choice {
        0 => play::<{ PLACES[0] }>(choice, draw),
        _ => play::<{ PLACES[1] }>(choice, draw),
    }
}

fn play<const FLOWS: usize>(choice: usize, mut draw: Draw<'_>) -> Report {
    let mut memory = Memory::new();
    let mut storage: Storage<FLOWS> = Storage::new();
    let mut yard = Yard::<FLOWS>::new(&mut memory, &mut storage);
    let mut frames = 0;
    while !draw.is_over() {
        frames += u64::from(yard.step(&mut draw));
    }
    yard.turn(Duration::ZERO);
    Report {
        choice,
        frames,
        turns: yard.host.turns,
        counters: yard.device.counters(),
    }
}

/// A guard, what is sure about its flows, and a host behind it.
struct Yard<'a, const FLOWS: usize> {
    device: Guarded<'a, Cable>,
    flows: [Flow; 4],
    /// The flows that the guard may know: those on which a SYN of ours went out.
    begun: Vec<Begun>,
    /// It has a queue between itself and the guard, as a driver may.
    host: Host<'a>,
    now: Instant,
}

/// A flow on which a SYN of ours went out.
struct Begun {
    ends: Ends,
    /// A FIN or a RST was seen on it, so that it may be over and another one may have taken its place.
    may_be_over: bool,
    /// An ACK came in on it, so that its handshake may be done.
    may_be_answered: bool,
}

/// What both ends of a flow would send next, so that what is drawn comes near it.
#[derive(Clone, Copy)]
struct Flow {
    ends: Ends,
    ours: u32,
    theirs: u32,
}

impl<'a, const FLOWS: usize> Yard<'a, FLOWS> {
    /// Two established flows, one of each family, one that never begins, and one to the real host, which awaits its SYN.
    fn new(memory: &'a mut Memory<'a>, storage: &'a mut Storage<FLOWS>) -> Self {
        let v4 = |number| IpAddress::v4(10, 0, 0, number);
        let v6 = |number| IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, number);
        let flow = |ours, theirs, port| Flow {
            ends: (IpEndpoint::new(ours, port), IpEndpoint::new(theirs, 80)),
            ours: u32::MAX - 100,
            theirs: 1000,
        };
        let mut yard = Self {
            device: Guarded::new(Cable::default(), HOST_MAC, storage).with_duties(DUTIES),
            flows: [
                flow(v4(1), v4(2), 49_152),
                flow(v6(1), v6(2), 49_152),
                flow(v4(1), v4(2), 49_153),
                flow(HOST.into(), PEER.into(), PORT),
            ],
            begun: Vec::new(),
            host: Host::new(memory),
            now: Instant::ZERO,
        };
        assert!(yard.device.set_backlog(PORT, Some(BACKLOG_WAIT)));
        yard.turn(Duration::ZERO);
        yard.hear(&arp(ArpOperation::Request, PEER, HOST));
        for index in 0..2 {
            let Flow {
                ends: (local, remote),
                ours,
                theirs,
            } = yard.flows[index];
            let ours = ours.wrapping_sub(1);
            let theirs = theirs.wrapping_sub(1);
            let syn = segment(local, remote, ours, 0, SYN, 512);
            yard.send(&syn.build(HOST_MAC, PEER_MAC));
            let syn_ack = segment(remote, local, theirs, ours.wrapping_add(1), SYN | ACK, 512);
            yard.hear(&syn_ack.build(PEER_MAC, HOST_MAC));
        }
        yard
    }

    /// Draws a frame, or a turn of the host, which sends its own; whether it was a frame.
    fn step(&mut self, draw: &mut Draw<'_>) -> bool {
        let choice = draw.byte();
        let comes_in = choice & 1 == 0;
        let index = usize::from(choice >> 1) % self.flows.len();
        if index == REAL && !comes_in {
            self.turn(Duration::from_millis(u64::from(draw.byte()) * 8));
            return false;
        }
        let flow = &mut self.flows[index];
        let mut ends = flow.ends;
        if choice & 0xe0 == 0xe0 {
            ends.0.port ^= u16::from(draw.byte());
        }
        if comes_in && choice & 0x18 == 0x18 && draw.once_in(4) {
            let seq = flow.ours;
            let mut frame = icmp::error(draw, ends.0, ends.1, seq);
            if draw.once_in(8) {
                let at = usize::from(draw.word()) % frame.len();
                frame[at] ^= draw.byte();
            }
            self.hear(&frame);
            return true;
        }
        let mut drawn = Drawn::new(draw);
        let (source, destination, seq, ack) = if comes_in {
            (ends.1, ends.0, flow.theirs, flow.ours)
        } else {
            (ends.0, ends.1, flow.ours, flow.theirs)
        };
        drawn.segment.source = source;
        drawn.segment.destination = destination;
        drawn.segment.seq = seq.wrapping_add_signed(drawn.distances.0);
        drawn.segment.ack = ack.wrapping_add_signed(drawn.distances.1);
        if drawn.distances.0 == 0 {
            let next = if comes_in {
                &mut flow.theirs
            } else {
                &mut flow.ours
            };
            *next = next.wrapping_add(drawn.segment.payload.len() as u32);
        }
        let macs = if comes_in {
            (PEER_MAC, HOST_MAC)
        } else {
            (HOST_MAC, PEER_MAC)
        };
        let mut frame = drawn.segment.build(macs.0, macs.1);
        damage(draw, &mut frame, (source, destination));
        if comes_in {
            self.hear(&frame);
        } else {
            self.send(&frame);
        }
        true
    }

    /// The host turns, and what it sends goes out through the guard.
    fn turn(&mut self, duration: Duration) {
        self.now += smoltcp::time::Duration::from_millis(duration.as_millis());
        for frame in self.host.turns(duration) {
            self.send(&frame);
            if EthernetFrame::new_unchecked(&frame).ethertype() == EthernetProtocol::Arp {
                self.hear(&arp(ArpOperation::Reply, PEER, HOST));
                continue;
            }
            let Some(sent) = read_sent(&frame) else {
                continue;
            };
            let flow = &mut self.flows[REAL];
            if (sent.source, sent.destination) == flow.ends && sent.flags & RST == 0 {
                let controls = (sent.flags & (SYN | FIN)).count_ones();
                flow.ours = sent.seq.wrapping_add(sent.payload_len as u32 + controls);
                flow.theirs = sent.ack;
            }
        }
    }

    /// A frame comes in.
    fn hear(&mut self, frame: &[u8]) {
        // What is due by now comes before it.
        self.hear_made_up();
        self.device.get_mut().to_host.push_back(frame.to_vec());
        let given = self.receive().expect("a frame is there");
        self.check_heard(frame, given);
        self.hear_made_up();
    }

    /// Segments that nobody sent are for connections that the guard knows.
    fn hear_made_up(&mut self) {
        while let Some(made) = self.receive() {
            let made_by_guard = read(&made).expect("what nobody sent is a segment");
            assert!(made_by_guard.checksum_is_right);
            let flow = self.begun((made_by_guard.destination, made_by_guard.source));
            assert!(flow.is_some(), "a stranger got {made_by_guard:?}");
            self.note_end(flow, made_by_guard.flags);
            self.host.hear(made);
        }
    }

    /// What smoltcp gets next.
    fn receive(&mut self) -> Option<Vec<u8>> {
        let (token, _) = self.device.receive(self.now)?;
        Some(token.consume(<[u8]>::to_vec))
    }

    /// Whether smoltcp was right to get this in place of a frame that came in.
    fn check_heard(&mut self, frame: &[u8], given: Vec<u8>) {
        let before = read(frame);
        let was_refused = given.is_empty() && !frame.is_empty();
        let Some(before) = before else {
            assert_eq!(given, frame, "what smoltcp does not read as TCP passes");
            return self.host.hear(given);
        };
        let flow = self.begun((before.destination, before.source));
        let knows = flow.is_some();
        let is_ours = frame.starts_with(HOST_MAC.as_bytes()) || frame[0] & 1 != 0;
        if before.is_fragment || !before.checksum_is_right {
            return assert!(
                was_refused,
                "nobody verifies this behind the guard: {before:?} {frame:?}"
            );
        }
        self.note_end(flow, before.flags);
        let is_syn_ack = before.flags & (SYN | ACK | RST) == SYN | ACK;
        // Rule R12 refuses one whose data our SYN's window has no room for.
        if is_syn_ack && is_ours && before.payload_len == 0 {
            self.check_syn_ack(was_refused, flow);
        }
        self.note_answer(flow.filter(|_| is_ours), before.flags);
        if was_refused {
            let may = is_ours && before.flags & RST == 0 && (knows || is_syn_ack);
            return assert!(may, "refused although right: {before:?}, known {knows}");
        }
        if given != frame && before.flags & (SYN | RST) != 0 {
            assert!(knows && is_ours, "a stranger was challenged");
            parts::check_challenge(&given, &before);
            return self.host.hear(given);
        }
        let after = check_change(frame, &given, &before, &CHANGEABLE_IN);
        if given != frame {
            assert!(knows && is_ours, "a frame of an unknown flow was changed");
            // Only a FIN may go, and no window may close, but with an acknowledgement that belongs to it.
            assert!(after.flags == before.flags || after.flags == before.flags & !1);
            let may_close = after.ack != before.ack;
            assert!(after.window == before.window || after.window > 0 || may_close);
        }
        self.host.hear(given);
    }

    /// R9: a SYN-ACK that answers no SYN of ours never reaches smoltcp, as long as the guard remembers all our SYNs; and the
    /// answer to a SYN that nothing has answered yet always does.
    fn check_syn_ack(&self, was_refused: bool, flow: Option<usize>) {
        let Some(flow) = flow.and_then(|index| self.begun.get(index)) else {
            let remembers_all = self.device.counters().flows_evicted == 0;
            return assert!(
                was_refused || !remembers_all,
                "an early SYN-ACK reaches smoltcp"
            );
        };
        let is_awaited = !flow.may_be_over && !flow.may_be_answered;
        let is_remembered = is_awaited || self.begun.len() <= FLOWS;
        assert!(
            !was_refused || !is_remembered,
            "an answer to our SYN is lost"
        );
    }

    /// The place of a flow among those that the guard may know.
    fn begun(&self, ends: Ends) -> Option<usize> {
        self.begun.iter().position(|flow| flow.ends == ends)
    }

    fn note_end(&mut self, flow: Option<usize>, flags: u8) {
        if let Some(flow) = flow.and_then(|index| self.begun.get_mut(index)) {
            flow.may_be_over |= flags & (FIN | RST) != 0;
        }
    }

    fn note_answer(&mut self, flow: Option<usize>, flags: u8) {
        if let Some(flow) = flow.and_then(|index| self.begun.get_mut(index)) {
            flow.may_be_answered |= flags & ACK != 0;
        }
    }

    /// smoltcp sends a frame.
    fn send(&mut self, frame: &[u8]) {
        let token = self.device.transmit(self.now).expect("there is room");
        token.consume(frame.len(), |room| room.copy_from_slice(frame));
        // Whatever was cut leaves in full with the next look at the device.
        self.hear_made_up();
        let sent = Vec::from(std::mem::take(&mut self.device.get_mut().from_host));
        let Some(before) = read_sent(frame).filter(|before| !before.is_fragment) else {
            return assert_eq!(sent, [frame], "only TCP is changed");
        };
        let ends = (before.source, before.destination);
        let flow = self.begun(ends);
        self.note_end(flow, before.flags);
        let knows = flow.is_some();
        // Ports 0 on both sides mark a free place in the guard's table; no socket has them.
        let has_port = ends.0.port != 0 || ends.1.port != 0;
        if before.flags & SYN != 0 && before.flags & RST == 0 && !knows && has_port {
            let may_be_over = before.flags & FIN != 0;
            self.begun.push(Begun {
                ends,
                may_be_over,
                may_be_answered: false,
            });
        }
        let sent = match &sent[..] {
            [] => {
                let is_refusal = before.flags & RST != 0 && before.source.port == PORT;
                return assert!(is_refusal, "only a refusal may stay: {before:?}");
            }
            [sent] => sent,
            parts => return parts::check(frame, &before, parts),
        };
        let after = check_change(frame, sent, &before, &CHANGEABLE_OUT);
        if sent != frame {
            assert!(knows, "a frame of an unknown flow was changed");
            assert_eq!(before.flags & RST, 0, "RST stays as it is");
            assert_eq!(before.payload_len, 0, "data stays where it is");
            assert_eq!(after.checksum_is_right, before.checksum_is_right);
        }
    }
}

/// What changed is allowed to, and the checksum is as right as it was by a computation of its own.
fn check_change(before: &[u8], after: &[u8], was: &Read, changeable: &[usize]) -> Read {
    assert_eq!(before.len(), after.len());
    for at in (0..before.len()).filter(|&at| before[at] != after[at]) {
        assert!(
            changeable.contains(&at.wrapping_sub(was.tcp_at)),
            "byte {at} changed"
        );
    }
    let is = read_sent(after).expect("a changed segment is one");
    assert_eq!(is.checksum_is_right, was.checksum_is_right);
    is
}
