//! Arbitrary frames through the guard, on flows that it knows and on flows that it does not.

use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpEndpoint, Ipv4Packet, TcpPacket};
use tickwire::guard::{Counters, Guard};

use crate::cable::Cable;
use crate::draw::Draw;
use crate::frame::{ACK, HOST_MAC, PEER_MAC, RST, Read, SYN, Segment, read, read_sent};

/// Offsets in the TCP header that the guard may change in what comes in: sequence number, flags, window, checksum.
const CHANGEABLE_IN: [usize; 9] = [4, 5, 6, 7, 13, 14, 15, 16, 17];
/// And in what goes out: sequence number and checksum.
const CHANGEABLE_OUT: [usize; 6] = [4, 5, 6, 7, 16, 17];
/// Flags that occur in the world, and every other value.
const FLAGS: [u8; 8] = [ACK, ACK, ACK, ACK | 1, ACK | 8, SYN, SYN | ACK, RST | ACK];

/// Two ends, ours first.
type Ends = (IpEndpoint, IpEndpoint);

/// Draws frames until the input is over, and returns how many there were and what the guard did about them.
pub fn run(data: &[u8]) -> (u64, Counters) {
    let mut draw = Draw(data);
    let mut yard = Yard::new();
    let mut frames = 0;
    while !draw.is_over() {
        yard.step(&mut draw);
        frames += 1;
    }
    (frames, yard.device.counters())
}

/// A guard, and what is sure about its flows.
struct Yard {
    device: Guard<Cable, 3>,
    flows: [Flow; 3],
    /// The flows that the guard may know: those on which a SYN of ours went out.
    begun: Vec<Ends>,
}

/// What both ends of a flow would send next, so that what is drawn comes near it.
#[derive(Clone, Copy)]
struct Flow {
    ends: Ends,
    ours: u32,
    theirs: u32,
}

impl Yard {
    /// Two established flows, one of each family, and one that never begins.
    fn new() -> Self {
        let v4 = |number| IpAddress::v4(10, 0, 0, number);
        let v6 = |number| IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, number);
        let flow = |ours, theirs, port| Flow {
            ends: (IpEndpoint::new(ours, port), IpEndpoint::new(theirs, 80)),
            ours: u32::MAX - 100,
            theirs: 1000,
        };
        let mut yard = Self {
            device: Guard::new(Cable::default(), HOST_MAC),
            flows: [
                flow(v4(1), v4(2), 49_152),
                flow(v6(1), v6(2), 49_152),
                flow(v4(1), v4(2), 49_153),
            ],
            begun: Vec::new(),
        };
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

    fn step(&mut self, draw: &mut Draw<'_>) {
        let choice = draw.byte();
        let comes_in = choice & 1 == 0;
        let index = usize::from(choice >> 1) % self.flows.len();
        let flow = &mut self.flows[index];
        let mut ends = flow.ends;
        if choice & 0xe0 == 0xe0 {
            ends.0.port ^= u16::from(draw.byte());
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
    }

    /// A frame comes in.
    fn hear(&mut self, frame: &[u8]) {
        self.device.get_mut().to_host.push_back(frame.to_vec());
        let (token, _) = self
            .device
            .receive(Instant::ZERO)
            .expect("a frame is there");
        let given = token.consume(<[u8]>::to_vec);
        let before = read(frame);
        let was_refused = given.is_empty() && !frame.is_empty();
        let Some(before) = before else {
            return assert_eq!(given, frame, "what smoltcp does not read as TCP passes");
        };
        let knows = self.begun.contains(&(before.destination, before.source));
        let is_ours = frame.starts_with(HOST_MAC.as_bytes()) || frame[0] & 1 != 0;
        if before.is_fragment || !before.checksum_is_right {
            return assert!(
                was_refused,
                "nobody verifies this behind the guard: {before:?} {frame:?}"
            );
        }
        if was_refused {
            let is_syn_ack = before.flags & (SYN | ACK) == SYN | ACK;
            let may = is_ours && before.flags & RST == 0 && (knows || is_syn_ack);
            return assert!(may, "refused although right: {before:?}, known {knows}");
        }
        let after = check_change(frame, &given, &before, &CHANGEABLE_IN);
        if given != frame {
            assert!(knows && is_ours, "a frame of an unknown flow was changed");
            assert_eq!(
                before.flags & (RST | SYN),
                0,
                "RST and SYN stay as they are"
            );
            // Only a FIN may go, and no window may close.
            assert!(after.flags == before.flags || after.flags == before.flags & !1);
            assert!(after.window == before.window || after.window > 0);
        }
    }

    /// smoltcp sends a frame.
    fn send(&mut self, frame: &[u8]) {
        let token = self.device.transmit(Instant::ZERO).expect("there is room");
        token.consume(frame.len(), |room| room.copy_from_slice(frame));
        let sent = self
            .device
            .get_mut()
            .from_host
            .pop_front()
            .expect("the frame is out");
        let Some(before) = read_sent(frame).filter(|before| !before.is_fragment) else {
            return assert_eq!(sent, frame, "only TCP is changed");
        };
        let ends = (before.source, before.destination);
        let knows = self.begun.contains(&ends);
        if before.flags & SYN != 0 && before.flags & RST == 0 && !knows {
            self.begun.push(ends);
        }
        let after = check_change(frame, &sent, &before, &CHANGEABLE_OUT);
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

fn segment(
    source: IpEndpoint,
    destination: IpEndpoint,
    seq: u32,
    ack: u32,
    flags: u8,
    window: u16,
) -> Segment<'static> {
    Segment {
        source,
        destination,
        seq,
        ack,
        flags,
        window,
        options: &[],
        payload: &[],
    }
}

struct Drawn<'d> {
    segment: Segment<'d>,
    /// Of sequence number and acknowledgement from what is expected.
    distances: (i32, i32),
}

impl<'d> Drawn<'d> {
    fn new(draw: &mut Draw<'d>) -> Self {
        let nobody = IpEndpoint::new(IpAddress::v4(0, 0, 0, 0), 0);
        let choice = draw.byte();
        let flags = match choice & 15 {
            15 => draw.byte(),
            common => FLAGS[usize::from(common) % FLAGS.len()],
        };
        let window = match choice >> 4 & 3 {
            0 => 0,
            1 => u16::from(draw.byte()),
            _ => draw.word(),
        };
        let options: &[u8] = match choice >> 6 {
            0 | 1 => &[],
            2 => &[1, 3, 3, 7],
            _ => {
                let options = draw.bytes(12);
                &options[..options.len() / 4 * 4]
            }
        };
        let payload_len = match draw.byte() {
            small @ 0..128 => usize::from(small % 4),
            large => usize::from(large),
        };
        Self {
            distances: (draw.distance(), draw.distance()),
            segment: Segment {
                options,
                payload: &[0x5a; 255][..payload_len],
                ..segment(nobody, nobody, 0, 0, flags, window)
            },
        }
    }
}

/// Bytes that change on their way, a frame that is cut, one for somebody else.
fn damage(draw: &mut Draw<'_>, frame: &mut Vec<u8>, ends: Ends) {
    if draw.once_in(4) {
        for _ in 0..=draw.byte() % 4 {
            // Mostly in the headers.
            let within = if draw.once_in(4) { frame.len() } else { 80 };
            let at = usize::from(draw.word()) % within;
            if let Some(byte) = frame.get_mut(at) {
                *byte ^= draw.byte();
            }
        }
        // Or they were meant.
        if draw.once_in(2) {
            seal(frame, ends);
        }
    }
    if draw.once_in(16) {
        frame.truncate(usize::from(draw.word()) % frame.len());
    }
    if draw.once_in(16) && frame.len() >= 6 {
        let others = [EthernetAddress::BROADCAST, PEER_MAC];
        let other = others[usize::from(draw.byte()) % 2];
        frame[..6].copy_from_slice(other.as_bytes());
    }
}

/// Computes the checksums anew, as far as the frame is still what it was.
fn seal(frame: &mut [u8], (source, destination): Ends) {
    let tcp_at = match source.addr {
        IpAddress::Ipv4(_) => 34,
        IpAddress::Ipv6(_) => 54,
    };
    if frame.get(12..15) == Some(&[0x08, 0x00, 0x45]) {
        Ipv4Packet::new_unchecked(&mut frame[14..]).fill_checksum();
    }
    TcpPacket::new_unchecked(&mut frame[tcp_at..]).fill_checksum(&source.addr, &destination.addr);
}
