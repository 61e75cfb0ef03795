//! Asks who has an IPv4 address, without telling anybody that we want it (RFC 5227, section 2.1.1).

use std::io;
use std::os::fd::AsFd;

use smoltcp::phy::{Device, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Ipv4Address,
};
use tickwire::Duration;

use super::tap::Tap;
use crate::system::clock::Clock;
use crate::system::signals::Signals;
use crate::system::wait::{Interest, wait};

/// How long an answer may take.
const PERIOD: Duration = Duration::from_millis(150);
const ARP_FRAME_BYTES: usize = 42;

/// The Ethernet address of a host that answers for `address`; `None` if there is none. It is asked
/// `probes` times, for the first may be lost while the link comes up.
///
/// # Errors
/// The system's.
pub fn who_has(
    tap: &mut Tap,
    ours: EthernetAddress,
    address: Ipv4Address,
    probes: u32,
) -> io::Result<Option<EthernetAddress>> {
    let (clock, signals) = (Clock::start(), Signals::install()?);
    for _ in 0..probes {
        ask(tap, ours, address);
        let due = clock.now() + PERIOD;
        while clock.now() < due && !signals.received() {
            let interest = Interest {
                tap: tap.as_fd(),
                link: None,
                input: None,
                output: None,
            };
            wait(&clock, &signals, interest, Some(due))?;
            while let Some((frame, _)) = tap.receive(Instant::ZERO) {
                if let Some(owner) = frame.consume(|frame| owner_in(frame, address)) {
                    return Ok(Some(owner));
                }
            }
            if tap.is_deleted() {
                return Ok(None);
            }
        }
    }
    Ok(None)
}

fn ask(tap: &mut Tap, ours: EthernetAddress, address: Ipv4Address) {
    let Some(token) = tap.transmit(Instant::ZERO) else {
        return;
    };
    token.consume(ARP_FRAME_BYTES, |bytes| {
        let mut frame = EthernetFrame::new_unchecked(bytes);
        let ethernet = EthernetRepr {
            src_addr: ours,
            dst_addr: EthernetAddress::BROADCAST,
            ethertype: EthernetProtocol::Arp,
        };
        ethernet.emit(&mut frame);
        let probe = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: ours,
            source_protocol_addr: Ipv4Address::UNSPECIFIED,
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: address,
        };
        probe.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    });
}

/// Who says in this frame that it has `address`.
fn owner_in(frame: &[u8], address: Ipv4Address) -> Option<EthernetAddress> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    if frame.ethertype() != EthernetProtocol::Arp {
        return None;
    }
    let packet = ArpPacket::new_checked(frame.payload()).ok()?;
    match ArpRepr::parse(&packet).ok()? {
        ArpRepr::EthernetIpv4 {
            source_hardware_addr,
            source_protocol_addr,
            ..
        } if source_protocol_addr == address => Some(source_hardware_addr),
        _ => None,
    }
}
