//! The state that all ports share: the ports themselves, and the frames between them.

use managed::ManagedSlice;
use smoltcp::wire::{EthernetAddress, EthernetFrame};

use super::pool::{Flight, Pool};
use super::{Cause, PortState};

/// The length of an Ethernet header.
const HEADER_BYTES: usize = EthernetFrame::<&[u8]>::header_len();

/// The ports and the frames between them.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    pub(super) ports: ManagedSlice<'a, PortState<'a>>,
    pub(super) pool: Pool<'a>,
    /// The longest frame that the lent memory can hold.
    pub(super) frame_bytes_max: usize,
}

impl<'a> Segment<'a> {
    pub(super) fn port_mut(&mut self, port: usize) -> &mut PortState<'a> {
        let port = self.ports.get_mut(port);
        port.expect("the Ethernet has this port")
    }

    pub(super) fn port(&self, port: usize) -> &PortState<'a> {
        let port = self.ports.get(port);
        port.expect("the Ethernet has this port")
    }

    /// The longest frame that a port sends and receives.
    pub(super) fn port_bytes_max(&self, port: usize) -> usize {
        let mtu = self.port(port).mtu;
        mtu.saturating_add(HEADER_BYTES).min(self.frame_bytes_max)
    }

    /// Counts a frame that a port sends, and gives it its number.
    pub(super) fn number(&mut self, from: usize, sent_micros: u64, len: usize) -> Flight {
        let counts = &mut self.port_mut(from).counts;
        let number = counts.sent;
        counts.sent += 1;
        counts.sent_bytes += bytes_count(len);
        Flight {
            sent_micros,
            number,
            from,
            len,
            ..Flight::default()
        }
    }

    /// When a frame leaves its port's line, and for which ports (one bit each).
    pub(super) fn depart(&mut self, flight: &Flight, frame: &[u8]) -> Result<(u64, u32), Cause> {
        if flight.len < HEADER_BYTES {
            return Err(Cause::Runt);
        }
        if flight.len > self.port_bytes_max(flight.from) {
            return Err(Cause::Oversize);
        }
        if !self.port(flight.from).is_up {
            return Err(Cause::Down);
        }
        let recipients = self.recipients(flight.from, frame);
        if recipients == 0 {
            return Err(Cause::NoRecipient);
        }
        let sender = self.port_mut(flight.from);
        let left_micros = sender.depart(flight.sent_micros, flight.len)?;
        Ok((left_micros, recipients))
    }

    /// The ports that a frame goes to, one bit each: the one that has its destination address, or
    /// all others when none has it or it is a group address.
    fn recipients(&self, from: usize, frame: &[u8]) -> u32 {
        let destination = frame.first_chunk().map(|address| EthernetAddress(*address));
        let owner = destination.and_then(|address| {
            self.ports
                .iter()
                .position(|port| port.address == Some(address))
        });
        let all = (0..self.ports.len()).fold(0, |all, port| all | bit(port));
        owner.map_or(all, bit) & !bit(from)
    }

    /// Why a frame that has left cannot come to a port at all.
    pub(super) fn obstacle(&self, flight: &Flight, to: usize) -> Option<Cause> {
        if self.port(flight.from).severed & bit(to) != 0 {
            Some(Cause::Severed)
        } else if !self.port(to).is_up {
            Some(Cause::Down)
        } else if flight.len > self.port_bytes_max(to) {
            Some(Cause::Oversize)
        } else {
            None
        }
    }

    /// Puts a frame taken from the pool into the queue of a port.
    pub(super) fn enqueue(
        &mut self,
        to: usize,
        index: u16,
        flight: Flight,
        bytes: ManagedSlice<'a, u8>,
    ) {
        if let Some(receiver) = self.ports.get_mut(to) {
            self.pool.push(&mut receiver.queue, index, flight, bytes);
        }
    }

    /// Takes the first frame that is due out of a port's queue, and exchanges its memory for
    /// `other`.
    pub(super) fn receive(
        &mut self,
        to: usize,
        now_micros: u64,
        other: &mut ManagedSlice<'a, u8>,
    ) -> Option<Flight> {
        let port = self.ports.get_mut(to)?;
        if self.pool.due_micros(port.queue)? > now_micros {
            return None;
        }
        let index = self.pool.pop(&mut port.queue)?;
        let frame = self.pool.frame(index);
        core::mem::swap(&mut frame.bytes, other);
        let flight = frame.flight;
        self.pool.release(index);
        port.counts.delivered += 1;
        port.counts.delivered_bytes += bytes_count(flight.len);
        Some(flight)
    }

    /// Drops all frames that are on their way to a port.
    pub(super) fn flush(&mut self, to: usize) {
        while let Some(port) = self.ports.get_mut(to)
            && let Some(index) = self.pool.pop(&mut port.queue)
        {
            let from = self.pool.frame(index).flight.from;
            self.pool.release(index);
            self.port_mut(from).counts.count_drop(Cause::Down);
        }
    }
}

/// The bit that stands for a port; an Ethernet has at most 32.
pub(super) fn bit(port: usize) -> u32 {
    u32::try_from(port)
        .ok()
        .and_then(|port| 1_u32.checked_shl(port))
        .unwrap_or(0)
}

fn bytes_count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
