//! Behaviour of the Ethernet as a whole: one file for each subject.

extern crate std;

mod bytes;
mod chance;
mod handles;
mod queue;
mod reach;
mod same_seed;
mod tcp;

use std::{boxed::Box, vec, vec::Vec};

use smoltcp::{
    phy::ChecksumCapabilities,
    wire::{
        EthernetAddress, EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Address, Ipv4Packet,
        Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber, TcpTimestampRepr,
    },
};

use super::{Ethernet, Frame, PortState};
use tickwire::Tick;

const FRAME_BYTES: usize = 1_514;

/// An Ethernet over memory that lives as long as the test process.
fn ethernet<'a>(seed: u64, ports: usize, frames: usize) -> Ethernet<'a> {
    let ports: Vec<_> = (0..ports).map(|_| PortState::new()).collect();
    let frames: Vec<_> = (0..frames)
        .map(|_| Frame::new(Box::leak(vec![0; FRAME_BYTES].into_boxed_slice())))
        .collect();
    Ethernet::new(seed, Box::leak(ports.into()), Box::leak(frames.into()))
}

fn address(port: u8) -> EthernetAddress {
    EthernetAddress([2, 0, 0, 0, 0, port])
}

/// A frame of `len` bytes of no known protocol that carries a number.
fn frame(to: EthernetAddress, number: u32, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    frame.set_dst_addr(to);
    frame.set_src_addr(address(0));
    // The EtherType for local experiments (IEEE 802).
    frame.set_ethertype(EthernetProtocol::Unknown(0x88b5));
    frame.payload_mut()[..4].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn broadcast(number: u32) -> Vec<u8> {
    frame(EthernetAddress::BROADCAST, number, 64)
}

fn number(frame: &[u8]) -> u32 {
    u32::from_be_bytes(*frame[14..].first_chunk().unwrap())
}

/// A whole TCP segment with right checksums.
fn tcp_frame(payload: &[u8]) -> Vec<u8> {
    let (source, destination) = (Ipv4Address::new(10, 0, 0, 1), Ipv4Address::new(10, 0, 0, 2));
    let tcp = TcpRepr {
        src_port: 1_000,
        dst_port: 2_000,
        control: TcpControl::None,
        seq_number: TcpSeqNumber(7),
        ack_number: Some(TcpSeqNumber(9)),
        window_len: 512,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None::<TcpTimestampRepr>,
        payload,
    };
    let ip = Ipv4Repr {
        src_addr: source,
        dst_addr: destination,
        next_header: IpProtocol::Tcp,
        payload_len: tcp.buffer_len(),
        hop_limit: 64,
    };
    let mut bytes = vec![0; 14 + 20 + tcp.buffer_len()];
    let mut ethernet = EthernetFrame::new_unchecked(&mut bytes);
    ethernet.set_dst_addr(address(1));
    ethernet.set_src_addr(address(0));
    ethernet.set_ethertype(EthernetProtocol::Ipv4);
    let mut packet = Ipv4Packet::new_unchecked(ethernet.payload_mut());
    ip.emit(&mut packet, &ChecksumCapabilities::default());
    tcp.emit(
        &mut TcpPacket::new_unchecked(packet.payload_mut()),
        &source.into(),
        &destination.into(),
        &ChecksumCapabilities::default(),
    );
    bytes
}

fn at(millis: u64) -> Tick {
    Tick::from_millis(millis)
}

/// The numbers of all frames that are due at a port, in order.
fn drain(ethernet: &Ethernet<'_>, port: usize, now: Tick) -> Vec<u32> {
    ethernet.set_now(now);
    let port = ethernet.port(port);
    let mut numbers = Vec::new();
    while let Some(frame) = port.receive_frame() {
        numbers.push(number(&frame));
    }
    numbers
}

/// Sends frames with these numbers to all other ports.
fn send(ethernet: &Ethernet<'_>, port: usize, now: Tick, numbers: core::ops::Range<u32>) {
    for number in numbers {
        send_frame(ethernet, port, now, &broadcast(number));
    }
}

fn send_frame(ethernet: &Ethernet<'_>, port: usize, now: Tick, frame: &[u8]) {
    ethernet.set_now(now);
    ethernet.port(port).send(frame);
}
