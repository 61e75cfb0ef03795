//! Arbitrary frames through the guard, on flows that it knows and on flows that it does not, and to a real host behind it.

mod checks;
mod drawn;
mod groups;
mod host;
mod icmp;
mod known;
mod neighbours;
mod parts;

use std::collections::VecDeque;

use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{
    ArpOperation, EthernetFrame, EthernetProtocol, IpAddress, IpCidr, IpEndpoint, Ipv4Address,
};
use tickwire::Duration;
use tickwire::guard::{Counters, Guarded, Storage};

use crate::cable::Cable;
use crate::draw::Draw;
use crate::frame::{ACK, FIN, HOST_MAC, PEER_MAC, RST, SYN, Segment, arp, read_sent};
use checks::Table;
use drawn::{Drawn, PERMITTED, damage, segment};
use host::{HOST, Host, Memory, PORT};
use known::{Ends, Known};

/// Places in the guard's table: too few for what is drawn, so that it forgets flows and rule R9 rests; or as many as an
/// input needs, so that it remembers them all and R9 acts to the end.
pub const PLACES: [usize; 2] = [3, 64];

/// The peer of the flows over IPv4.
const PEER: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);
/// How long its callers wait.
const BACKLOG_WAIT: smoltcp::time::Duration = smoltcp::time::Duration::from_secs(2);
/// The flow that ends in a real host; on the others nobody is behind the guard.
const REAL: usize = 3;
/// One rule may act on each flow at a tick, and what it makes are at most five segments.
const MADE_UP_MAX: usize = 5;

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
    known: Known,
    /// It has a queue between itself and the guard, as a driver may.
    host: Host<'a>,
    now: Instant,
    /// When the guard last forgot a flow that may still have been alive.
    evicted_at: Option<Instant>,
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
            device: Guarded::new(Cable::default(), HOST_MAC, storage),
            flows: [
                flow(v4(1), v4(2), 49_152),
                flow(v6(1), v6(2), 49_152),
                flow(v4(1), v4(2), 49_153),
                flow(HOST.into(), PEER.into(), PORT),
            ],
            known: Known::default(),
            host: Host::new(memory),
            now: Instant::ZERO,
            evicted_at: None,
        };
        assert!(yard.device.set_backlog(PORT, Some(BACKLOG_WAIT)));
        (yard.device).set_ip_addrs(&[IpCidr::new(groups::OURS.into(), 64)]);
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
            let with_options = |segment: Segment<'static>| Segment {
                options: &PERMITTED,
                ..segment
            };
            let syn = with_options(segment(local, remote, ours, 0, SYN, 512));
            yard.send(&syn.build(HOST_MAC, PEER_MAC));
            let ack = ours.wrapping_add(1);
            let syn_ack = with_options(segment(remote, local, theirs, ack, SYN | ACK, 512));
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
        let mut frame = if comes_in && choice & 0x18 == 0x18 && draw.once_in(4) {
            self.draw_other(draw, index)
        } else {
            self.draw_segment(draw, index, comes_in, choice & 0xe0 == 0xe0)
        };
        if comes_in {
            if draw.once_in(16) {
                neighbours::tag(draw, &mut frame);
            }
            // Three duplicates mean a loss.
            let times = if draw.once_in(8) { 3 } else { 1 };
            for _ in 0..times {
                self.hear(&frame);
            }
        } else {
            self.send(&frame);
        }
        true
    }

    /// Draws a frame that is no TCP: about a segment of a flow, or about the neighbours.
    fn draw_other(&self, draw: &mut Draw<'_>, index: usize) -> Vec<u8> {
        let Flow {
            ends: (local, remote),
            ours,
            ..
        } = self.flows[index];
        let mut frame = if draw.once_in(2) {
            neighbours::word(draw)
        } else {
            icmp::error(draw, local, remote, ours)
        };
        if draw.once_in(8) {
            let at = usize::from(draw.word()) % frame.len();
            frame[at] ^= draw.byte();
        }
        frame
    }

    /// Draws a segment of a flow, or of a stranger on other ports.
    fn draw_segment(
        &mut self,
        draw: &mut Draw<'_>,
        index: usize,
        comes_in: bool,
        is_strange: bool,
    ) -> Vec<u8> {
        let flow = &mut self.flows[index];
        let mut ends = flow.ends;
        if is_strange {
            ends.0.port ^= u16::from(draw.byte());
        }
        let drawn = Drawn::new(draw);
        let ((source, destination), (seq, ack), (source_mac, destination_mac)) = if comes_in {
            let ends = (ends.1, ends.0);
            (ends, (flow.theirs, flow.ours), (PEER_MAC, HOST_MAC))
        } else {
            (ends, (flow.ours, flow.theirs), (HOST_MAC, PEER_MAC))
        };
        let ack = ack.wrapping_add_signed(drawn.distances.1);
        let sack = drawn.sack_option(ack);
        let options = if sack.is_empty() {
            drawn.segment.options
        } else {
            &sack
        };
        let segment = Segment {
            source,
            destination,
            seq: seq.wrapping_add_signed(drawn.distances.0),
            ack,
            options,
            ..drawn.segment
        };
        if drawn.distances.0 == 0 {
            let next = if comes_in {
                &mut flow.theirs
            } else {
                &mut flow.ours
            };
            *next = next.wrapping_add(segment.payload.len() as u32);
        }
        let mut frame = segment.build(source_mac, destination_mac);
        damage(draw, &mut frame, (source, destination));
        frame
    }

    /// The host turns.
    fn turn(&mut self, duration: Duration) {
        self.now += smoltcp::time::Duration::from_millis(duration.as_millis());
        self.settle();
        let frames = self.host.turns(duration);
        self.send_all(frames);
    }

    /// What the host sends goes out through the guard.
    fn send_all(&mut self, frames: VecDeque<Vec<u8>>) {
        for frame in frames {
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
        self.settle();
        self.device.get_mut().to_host.push_back(frame.to_vec());
        let (token, reply) = self.device.receive(self.now).expect("a frame is there");
        let given = token.consume(<[u8]>::to_vec);
        let table = Table {
            places: FLOWS,
            now: self.now,
            evicted_at: self.evicted_at,
        };
        checks::check_heard(frame, &given, &mut self.known, &table);
        let is_call = is_on_port(&given, SYN);
        self.host.hear(given);
        // Nothing but a reply is a refusal (A3), so a caller does not wait in the queue.
        let mut answers = VecDeque::new();
        if is_call {
            answers = self.host.turns(Duration::ZERO);
            let refusal = answers.iter().position(|answer| is_on_port(answer, RST));
            if let Some(refusal) = refusal.and_then(|at| answers.remove(at)) {
                reply.consume(refusal.len(), |room| room.copy_from_slice(&refusal));
                self.check_sent(&refusal);
            }
        }
        self.settle();
        self.send_all(answers);
    }

    /// Takes what nobody sent, until nothing more is due at this tick.
    fn settle(&mut self) {
        for _ in 0..=MADE_UP_MAX * self.known.len() + groups::REPORTS_MAX {
            let made_for_us = self.receive();
            for made in std::mem::take(&mut self.device.get_mut().from_host) {
                if !groups::check_report(&made) {
                    checks::check_made_for_peer(&made, &self.known);
                }
            }
            if let Some(made) = made_for_us {
                let (flow, flags) = checks::check_made_for_us(&made, &self.known);
                self.known.note_end(flow, flags);
                self.host.hear(made);
            } else if self.device.poll_at().is_none_or(|at| at > self.now) {
                return;
            }
        }
        panic!("the guard does not come to rest");
    }

    /// What smoltcp gets next.
    fn receive(&mut self) -> Option<Vec<u8>> {
        let (token, _) = self.device.receive(self.now)?;
        Some(token.consume(<[u8]>::to_vec))
    }

    /// smoltcp sends a frame.
    fn send(&mut self, frame: &[u8]) {
        self.settle();
        let evicted = self.device.counters().flows_evicted;
        let token = self.device.transmit(self.now).expect("there is room");
        token.consume(frame.len(), |room| room.copy_from_slice(frame));
        // Whatever was cut leaves in full with the next look at the device.
        self.device.transmit(self.now).expect("there is room");
        if self.device.counters().flows_evicted != evicted {
            self.evicted_at = Some(self.now);
        }
        self.check_sent(frame);
        self.settle();
    }

    /// Looks at what has left for this frame.
    fn check_sent(&mut self, frame: &[u8]) {
        let sent = Vec::from(std::mem::take(&mut self.device.get_mut().from_host));
        let before = read_sent(frame).filter(|before| !before.is_fragment);
        let flow = before
            .as_ref()
            .and_then(|before| self.known.find((before.source, before.destination)));
        if let Some(before) = &before {
            self.known.note_sent(before, flow, self.now);
        }
        checks::check_sent(frame, &sent, flow, &self.known);
    }
}

/// Whether a segment of the host's port, in either direction, has this flag of SYN and RST alone.
fn is_on_port(frame: &[u8], flag: u8) -> bool {
    read_sent(frame).is_some_and(|segment| {
        let ports = [segment.source.port, segment.destination.port];
        ports.contains(&PORT) && segment.flags & (SYN | RST) == flag
    })
}
