//! Losses, on every medium, in every family, with and without timestamps and window scaling.

use smoltcp::phy::{Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{TcpControl, TcpPacket, TcpRepr, TcpSeqNumber, TcpTimestampRepr};
use smoltcp_guard::Counters;

use crate::cable::{Cable, MEDIA};
use crate::frames::{
    FAMILIES, Family, HOST_MAC, HOST_PORT, PEER_MAC, PEER_PORT, PEER_START, Sent, repr, tcp_frame,
};
use crate::host::{GuardedCable, Host, TestDevice, guarded};

/// The round trip that the handshake takes, in milliseconds.
const ROUND_TRIP: u64 = 20;
/// More than a SYN can announce, so that our windows are scaled.
const RECEIVE_BUFFER: usize = 128 * 1024;
/// The peer scales its windows by 128.
const PEER_SCALE: u8 = 7;
/// The time that our segments tell.
const TIMESTAMP: u32 = 7;
/// Three full segments and a shorter one.
const DATA: [u8; 4700] = [0x5a; 4700];

/// A guard that also recovers from losses, under a socket with or without timestamps.
struct Recovering<const TIMESTAMPS: bool>(GuardedCable);

impl<const TIMESTAMPS: bool> TestDevice for Recovering<TIMESTAMPS> {
    fn wrap(cable: Cable) -> Self {
        Self(guarded::<3>(cable))
    }

    fn configure(socket: &mut tcp::Socket<'_>) {
        if TIMESTAMPS {
            socket.set_tsval_generator(Some(|| TIMESTAMP));
        }
    }

    fn poll_at(&self) -> Option<Instant> {
        self.0.poll_at()
    }
}

impl<const TIMESTAMPS: bool> Device for Recovering<TIMESTAMPS> {
    type RxToken<'t> = <GuardedCable as Device>::RxToken<'t>;
    type TxToken<'t> = <GuardedCable as Device>::TxToken<'t>;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.0.receive(now)
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        self.0.transmit(now)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.0.capabilities()
    }
}

/// A connection whose peer permits SACK.
struct Connection<const TIMESTAMPS: bool> {
    host: Host<Recovering<TIMESTAMPS>>,
    scales: bool,
}

impl<const TIMESTAMPS: bool> Connection<TIMESTAMPS> {
    fn new(family: Family, medium: Medium, scales: bool) -> Self {
        Self::with_window(family, medium, scales, 8000)
    }

    /// A connection whose peer's SYN-ACK announces this window, which is never scaled.
    fn with_window(family: Family, medium: Medium, scales: bool, peer_window: u16) -> Self {
        let window = if scales { RECEIVE_BUFFER } else { 1000 };
        let mut host = Host::connecting(family, window, Cable::over(medium));
        host.advance(ROUND_TRIP);
        Self::answered(host, scales, peer_window)
    }

    /// The connection of a host whose SYN is answered with this window.
    fn answered(host: Host<Recovering<TIMESTAMPS>>, scales: bool, peer_window: u16) -> Self {
        let mut connection = Self { host, scales };
        connection.receive(TcpRepr {
            control: TcpControl::Syn,
            seq_number: TcpSeqNumber(PEER_START.wrapping_sub(1).cast_signed()),
            window_len: peer_window,
            window_scale: scales.then_some(PEER_SCALE),
            max_seg_size: Some(1400),
            sack_permitted: true,
            ..connection.ack(0)
        });
        assert_eq!(connection.host.socket().state(), tcp::State::Established);
        connection
    }

    /// The peer's ACK of everything before a position.
    fn ack(&self, position: u32) -> TcpRepr<'static> {
        let ack = self.host.start.wrapping_add(position);
        let ports = (PEER_PORT, HOST_PORT);
        TcpRepr {
            // Scaled or not, it takes all that is sent.
            window_len: if self.scales { 200 } else { 20_000 },
            timestamp: TIMESTAMPS.then(|| TcpTimestampRepr::new(9, TIMESTAMP)),
            ..repr(ports, TcpControl::None, PEER_START, Some(ack))
        }
    }

    /// The same, from a peer that has more, and that changes its window each time, as Linux does.
    fn sack(&self, position: u32, (start, end): (u32, u32), smaller: u16) -> TcpRepr<'static> {
        let at = |position| self.host.start.wrapping_add(position);
        let ack = self.ack(position);
        TcpRepr {
            sack_ranges: [Some((at(start), at(end))), None, None],
            window_len: ack.window_len - smaller,
            ..ack
        }
    }

    fn receive(&mut self, segment: TcpRepr<'_>) -> Vec<Sent> {
        let family = self.host.family;
        let (peer, host) = ((PEER_MAC, family.peer()), (HOST_MAC, family.host()));
        self.host.receive_frame(tcp_frame(peer, host, &segment))
    }

    /// Sends four segments. Returns where each begins.
    fn send_four(&mut self) -> [u32; 4] {
        let sent = self.host.write(&DATA);
        assert_eq!(sent.len(), 4);
        [0, 1, 2, 3].map(|index| sent[index].seq.cast_unsigned())
    }

    /// Sleeps until something goes out. Returns after how many milliseconds it did, and what.
    fn wait_for_segments(&mut self) -> (u64, Vec<Sent>) {
        let from = self.host.now();
        for _ in 0..100 {
            let sent = self.host.sleep().expect("a timer runs");
            if !sent.is_empty() {
                return ((self.host.now() - from).total_millis(), sent);
            }
        }
        panic!("nothing goes out");
    }

    fn counters(&self) -> Counters {
        self.host.device.0.counters()
    }
}

/// Where the segments begin.
fn starts(sent: &[Sent]) -> Vec<u32> {
    sent.iter()
        .map(|segment| segment.seq.cast_unsigned())
        .collect()
}

/// Runs a script on each medium, in each family, with and without window scaling: once without
/// timestamps, once with.
fn everywhere(without: impl Fn(Connection<false>), with: impl Fn(Connection<true>)) {
    for &family in FAMILIES {
        for &medium in MEDIA {
            for scales in [false, true] {
                without(Connection::new(family, medium, scales));
                with(Connection::new(family, medium, scales));
            }
        }
    }
}

#[test]
fn the_third_report_by_sack_resends_the_first_segment_and_a_partial_ack_the_next_at_once() {
    fn script<const TIMESTAMPS: bool>(mut connection: Connection<TIMESTAMPS>) {
        let [_, second, third, fourth] = connection.send_four();
        connection.host.advance(ROUND_TRIP);
        let end = DATA.len() as u32;
        // The first and the third are lost; the last arrives in pieces.
        let reports = [(second, third), (fourth, fourth + 10), (fourth, end)];
        let resent = reports.map(|range| {
            let smaller = (range.1 % 100) as u16;
            starts(&connection.receive(connection.sack(0, range, smaller)))
        });
        assert_eq!(resent, [vec![], vec![], vec![0]]);
        connection.host.advance(ROUND_TRIP);
        let partial = connection.sack(third, (fourth, end), 3);
        assert_eq!(starts(&connection.receive(partial)), [third]);
        assert_eq!(connection.receive(connection.ack(end)), []);
        assert_eq!(connection.host.socket().send_queue(), 0);
        let counters = connection.counters();
        assert_eq!((counters.third_duplicates, counters.partial_acks), (1, 1));
    }
    everywhere(script, script);
}

#[test]
fn an_acknowledgement_that_is_late_is_probed_for_long_before_smoltcps_second() {
    fn script<const TIMESTAMPS: bool>(mut connection: Connection<TIMESTAMPS>) {
        connection.send_four();
        // SRTT + 4 RTTVAR after the handshake alone; doubled after the first probe.
        for expected in [60, 120, 240] {
            let (after, sent) = connection.wait_for_segments();
            assert_eq!((after, starts(&sent)), (expected, vec![0]));
        }
        assert_eq!(connection.counters().tail_loss_probes, 3);
        assert_eq!(connection.receive(connection.ack(DATA.len() as u32)), []);
        assert!(connection.host.has_no_timer());
    }
    everywhere(script, script);
}

#[test]
fn what_is_lost_after_an_ack_from_a_rounded_edge_is_probed_for_too() {
    /// The first byte takes the edge of our window, in units of four bytes, back by three.
    fn script<const TIMESTAMPS: bool>(mut connection: Connection<TIMESTAMPS>) {
        if !connection.scales {
            return;
        }
        connection.receive(TcpRepr {
            payload: b"p",
            ..connection.ack(0)
        });
        connection.host.advance(ROUND_TRIP);
        connection.host.poll();
        let [_, second, ..] = connection.send_four();
        let edge = PEER_START.wrapping_add(RECEIVE_BUFFER as u32);
        connection.receive(TcpRepr {
            seq_number: TcpSeqNumber(edge.cast_signed()),
            ..connection.ack(second)
        });
        let (after, sent) = connection.wait_for_segments();
        assert!(after < 500, "{after}");
        assert_eq!(starts(&sent), [second]);
        assert_eq!(connection.counters().tail_loss_probes, 1);
    }
    everywhere(script, script);
}

#[test]
fn a_fin_that_is_lost_goes_out_again_before_smoltcps_second() {
    fn script<const TIMESTAMPS: bool>(mut connection: Connection<TIMESTAMPS>) {
        let fin = connection.host.close();
        let (after, again) = connection.wait_for_segments();
        assert!(after < 500, "{after}");
        let fields = |sent: &[Sent]| match sent {
            [only] => (only.seq, only.ack, only.window, only.control),
            _ => panic!("{sent:?}"),
        };
        assert_eq!(fields(&again), fields(&fin));
        connection.receive(connection.ack(1));
        assert_eq!(connection.host.socket().state(), tcp::State::FinWait2);
    }
    everywhere(script, script);
}

#[test]
fn nothing_is_made_up_while_a_segment_is_only_overtaken() {
    fn script<const TIMESTAMPS: bool>(mut connection: Connection<TIMESTAMPS>) {
        let [_, second, third, _] = connection.send_four();
        connection.host.advance(ROUND_TRIP);
        assert_eq!(
            connection.receive(connection.sack(0, (second, third), 1)),
            []
        );
        assert_eq!(connection.receive(connection.ack(third)), []);
        assert_eq!(connection.receive(connection.ack(DATA.len() as u32)), []);
        assert_eq!(connection.counters().rules_applied(), 0);
    }
    everywhere(script, script);
}

#[test]
fn a_sack_option_of_a_peer_that_does_not_permit_it_means_nothing() {
    for &family in FAMILIES {
        let mut host = Host::<Recovering<false>>::connecting(family, 1000, Cable::default());
        host.advance(ROUND_TRIP);
        let mut connection = Connection {
            host: host.accepted(20_000),
            scales: false,
        };
        let [_, second, third, fourth] = connection.send_four();
        for smaller in 1..10 {
            let lie = connection.sack(
                0,
                (second, [third, fourth][smaller % 2]),
                10 * smaller as u16,
            );
            assert_eq!(connection.receive(lie), []);
        }
    }
}

#[test]
fn the_window_of_a_syn_ack_is_not_scaled_and_so_not_exceeded() {
    for &family in FAMILIES {
        for scales in [false, true] {
            let medium = Medium::Ethernet;
            let mut connection = Connection::<false>::with_window(family, medium, scales, 1400);
            assert_eq!(starts(&connection.host.write(&DATA)), [0]);
            for _ in 0..3 {
                assert_eq!(starts(&connection.wait_for_segments().1), [0]);
            }
        }
    }
}

#[test]
fn a_stranger_who_does_not_know_the_sequence_numbers_cannot_make_us_resend() {
    fn script<const TIMESTAMPS: bool>(mut connection: Connection<TIMESTAMPS>) {
        let [_, second, _, fourth] = connection.send_four();
        for smaller in 1..10 {
            let forged = TcpRepr {
                seq_number: TcpSeqNumber(PEER_START.wrapping_add(1 << 20).cast_signed()),
                ..connection.sack(0, (second, fourth), smaller)
            };
            let answers = connection.receive(forged);
            assert!(answers.iter().all(|sent| sent.payload.is_empty()));
        }
        assert_eq!(connection.counters().third_duplicates, 0);
    }
    everywhere(script, script);
}

#[test]
fn nothing_is_asked_while_the_neighbour_may_have_expired() {
    for &family in FAMILIES {
        let mut connection = Connection::<false>::new(family, Medium::Ethernet, false);
        connection.host.advance(58_990);
        connection.send_four();
        // Its timeout sends everything again.
        let (after, sent) = connection.wait_for_segments();
        assert!(after > 900 && sent.len() != 1, "{after}");
        assert_eq!(connection.counters().tail_loss_probes, 0);
    }
}

#[test]
fn after_a_reset_that_smoltcp_does_not_obey_the_next_segment_brings_the_probe_back() {
    for &family in FAMILIES {
        let mut connection = Connection::<false>::new(family, Medium::Ethernet, false);
        connection.send_four();
        connection.host.advance(ROUND_TRIP);
        let (peer, host) = ((PEER_MAC, family.peer()), (HOST_MAC, family.host()));
        let reset = TcpRepr {
            control: TcpControl::Rst,
            ..connection.ack(0)
        };
        let mut frame = tcp_frame(peer, host, &reset);
        let mut tcp = TcpPacket::new_unchecked(&mut frame[family.tcp_at()..]);
        // smoltcp does not read a segment that also ends the stream.
        tcp.set_fin(true);
        tcp.fill_checksum(&family.peer(), &family.host());
        assert_eq!(connection.host.receive_frame(frame), []);
        // The time for a probe passes: nobody knows whether there is still a socket.
        let slept = connection.host.sleep().expect("the probe's timer runs");
        assert_eq!(slept, []);
        connection.host.write(b"more");
        let (after, sent) = connection.wait_for_segments();
        assert_eq!((after, starts(&sent)), (0, vec![0]));
        assert_eq!(connection.counters().tail_loss_probes, 1);
    }
}

#[test]
fn where_smoltcps_timeout_has_resent_everything_in_vain_the_first_segment_is_probed_for() {
    /// So long that the gap is left to smoltcp's timeout.
    const LONG_ROUND_TRIP: u64 = 200;
    for &family in FAMILIES {
        let mut host = Host::connecting(family, 1000, Cable::default());
        host.advance(LONG_ROUND_TRIP);
        let mut connection = Connection::<false>::answered(host, false, 20_000);
        let sent = connection.host.write(&[0x5a; 19_000]);
        let last = starts(&sent).pop().expect("data is out");
        connection.host.advance(LONG_ROUND_TRIP);
        for end in [last + 10, last + 20, 19_000] {
            let smaller = (end % 100) as u16;
            connection.receive(connection.sack(0, (last, end), smaller));
        }
        assert_eq!(connection.counters().third_duplicates, 1);
        let (_, again) = connection.wait_for_segments();
        assert_eq!(again.len(), sent.len() - 1);
        let (after, probe) = connection.wait_for_segments();
        assert_eq!(starts(&probe), [0]);
        assert!(after < 900, "{after}");
        assert_eq!(connection.counters().tail_loss_probes, 1);
    }
}
