//! The segment that all ports share: it carries frames from port to port.

use managed::ManagedSlice;
use smoltcp::wire::{EthernetAddress, EthernetFrame};

use super::{
    Cause, Change, Fate, FrameEvent, PortState,
    mangle::alter,
    observer::Watcher,
    pool::{Flight, Pool},
    port_state::Verdict,
};

/// The length of an Ethernet header.
pub(super) const HEADER_BYTES: usize = EthernetFrame::<&[u8]>::header_len();

/// The ports and the frames between them.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    pub(super) ports: ManagedSlice<'a, PortState<'a>>,
    pub(super) pool: Pool<'a>,
    /// Where the next frame is written. It changes places with the memory of a free frame, so that a frame is
    /// written once and not copied.
    pub(super) scratch: ManagedSlice<'a, u8>,
    /// The longest frame that the lent memory can hold.
    pub(super) frame_bytes_max: usize,
}

impl<'a> Segment<'a> {
    pub(super) fn port_mut(&mut self, port: usize) -> &mut PortState<'a> {
        self.ports
            .get_mut(port)
            .expect("the ethernet has this port")
    }

    pub(super) fn port(&self, port: usize) -> &PortState<'a> {
        self.ports.get(port).expect("the ethernet has this port")
    }

    /// The longest frame that a port sends and receives.
    pub(super) fn port_bytes_max(&self, port: usize) -> usize {
        let mtu = self.port(port).mtu;
        mtu.saturating_add(HEADER_BYTES).min(self.frame_bytes_max)
    }

    /// Sends the first `len` bytes of `scratch`.
    pub(super) fn send(
        &mut self,
        from: usize,
        now_micros: u64,
        len: usize,
        watcher: &mut Watcher<'_>,
    ) {
        let port = self.port_mut(from);
        let flight = Flight {
            sent_micros: now_micros,
            number: port.counts.sent,
            from,
            len,
            ..Flight::default()
        };
        port.counts.sent += 1;
        port.counts.sent_bytes += bytes_count(len);
        self.report(Fate::Sent, None, &flight, watcher);
        match self.depart(&flight) {
            Err(cause) => self.drop_frame(cause, None, &flight, watcher),
            Ok((left_micros, mut recipients)) => {
                while recipients != 0 {
                    let to = recipients.trailing_zeros() as usize;
                    recipients &= recipients - 1;
                    self.carry(&flight, left_micros, to, recipients == 0, watcher);
                }
            }
        }
    }

    /// When the frame in `scratch` leaves its port's line, and for which ports (one bit each).
    fn depart(&mut self, flight: &Flight) -> Result<(u64, u32), Cause> {
        if flight.len < HEADER_BYTES {
            return Err(Cause::Runt);
        }
        if flight.len > self.port_bytes_max(flight.from) {
            return Err(Cause::Oversize);
        }
        if !self.port(flight.from).is_up {
            return Err(Cause::Down);
        }
        let recipients = self.recipients(flight.from);
        if recipients == 0 {
            return Err(Cause::NoRecipient);
        }
        let left_micros = self
            .port_mut(flight.from)
            .depart(flight.sent_micros, flight.len)?;
        Ok((left_micros, recipients))
    }

    /// The ports that the frame in `scratch` goes to, one bit each: the one that has its destination address, or
    /// all others when none has it or it is a group address.
    fn recipients(&self, from: usize) -> u32 {
        let destination = self
            .scratch
            .first_chunk()
            .map(|address| EthernetAddress(*address));
        let owner = destination.and_then(|address| {
            self.ports
                .iter()
                .position(|port| port.address == Some(address))
        });
        let all = (0..self.ports.len()).fold(0, |all, port| all | bit(port));
        owner.map_or(all, bit) & !bit(from)
    }

    /// Carries the frame in `scratch` to one port; to the `last` one, it may take the memory with it.
    fn carry(
        &mut self,
        flight: &Flight,
        left_micros: u64,
        to: usize,
        last: bool,
        watcher: &mut Watcher<'_>,
    ) {
        let receiver_is_up = self.port(to).is_up;
        let receiver_bytes_max = self.port_bytes_max(to);
        let Some(sender) = self.ports.get_mut(flight.from) else {
            return;
        };
        let verdict = if sender.severed & bit(to) != 0 {
            Verdict::Drop(Cause::Severed)
        } else if !receiver_is_up {
            Verdict::Drop(Cause::Down)
        } else if flight.len > receiver_bytes_max {
            Verdict::Drop(Cause::Oversize)
        } else {
            let frame = self.scratch.get(..flight.len).unwrap_or_default();
            sender.judge(left_micros, flight.number, frame)
        };
        match verdict {
            Verdict::Drop(cause) => self.drop_frame(cause, Some(to), flight, watcher),
            Verdict::Deliver {
                due_micros,
                change,
                copy_due_micros,
            } => {
                let moved = last && copy_due_micros.is_none();
                self.enqueue(flight, due_micros, to, change, moved, watcher);
                if let Some(due_micros) = copy_due_micros {
                    self.port_mut(flight.from).counts.duplicated += 1;
                    self.report(Fate::Duplicated, Some(to), flight, watcher);
                    self.enqueue(flight, due_micros, to, None, last, watcher);
                }
            }
        }
    }

    /// Puts a frame with the bytes in `scratch`, copied or `moved`, on its way.
    fn enqueue(
        &mut self,
        flight: &Flight,
        due_micros: u64,
        to: usize,
        change: Option<Change>,
        moved: bool,
        watcher: &mut Watcher<'_>,
    ) {
        let Some(index) = self.pool.take() else {
            self.drop_frame(Cause::PoolFull, Some(to), flight, watcher);
            return;
        };
        let frame = self.pool.frame(index);
        if moved {
            core::mem::swap(&mut frame.bytes, &mut self.scratch);
        } else if let (Some(target), Some(source)) = (
            frame.bytes.get_mut(..flight.len),
            self.scratch.get(..flight.len),
        ) {
            target.copy_from_slice(source);
        }
        let mut flight = Flight {
            due_micros,
            ..*flight
        };
        if let Some(change) = change {
            self.change(change, index, &mut flight, to, watcher);
        }
        if let Some(receiver) = self.ports.get_mut(to) {
            self.pool.push(&mut receiver.queue, index, flight);
        }
    }

    /// Alters a taken frame of the pool, where it can be altered so.
    fn change(
        &mut self,
        change: Change,
        index: u16,
        flight: &mut Flight,
        to: usize,
        watcher: &mut Watcher<'_>,
    ) {
        let bytes_max = self.port_bytes_max(to);
        let frame = self.pool.frame(index);
        let Some(sender) = self.ports.get_mut(flight.from) else {
            return;
        };
        let Some(buffer) = frame.bytes.get_mut(..bytes_max) else {
            return;
        };
        let Some(len) = alter(change, buffer, flight.len, &mut sender.generator) else {
            return;
        };
        flight.len = len;
        sender.counts.count_change(change);
        if let Some(observer) = watcher {
            let event = event(Fate::Changed(change), Some(to), flight, flight.sent_micros);
            observer.observe(&event, buffer.get(..len).unwrap_or_default());
        }
    }

    /// Exchanges the memory of the first frame that is due at a port for `held`'s.
    pub(super) fn receive(
        &mut self,
        to: usize,
        now_micros: u64,
        held: &mut ManagedSlice<'a, u8>,
        watcher: &mut Watcher<'_>,
    ) -> Option<usize> {
        let port = self.ports.get_mut(to)?;
        if self.pool.due_micros(port.queue)? > now_micros {
            return None;
        }
        let index = self.pool.pop(&mut port.queue)?;
        let frame = self.pool.frame(index);
        core::mem::swap(&mut frame.bytes, held);
        let flight = frame.flight;
        self.pool.release(index);
        port.counts.delivered += 1;
        port.counts.delivered_bytes += bytes_count(flight.len);
        if let Some(observer) = watcher {
            let event = event(Fate::Delivered, Some(to), &flight, now_micros);
            observer.observe(&event, held.get(..flight.len).unwrap_or_default());
        }
        Some(flight.len)
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

    /// Counts and reports that the frame in `scratch` is dropped.
    fn drop_frame(
        &mut self,
        cause: Cause,
        to: Option<usize>,
        flight: &Flight,
        watcher: &mut Watcher<'_>,
    ) {
        self.port_mut(flight.from).counts.count_drop(cause);
        self.report(Fate::Dropped(cause), to, flight, watcher);
    }

    /// Tells the observer about the frame in `scratch`.
    fn report(&self, fate: Fate, to: Option<usize>, flight: &Flight, watcher: &mut Watcher<'_>) {
        if let Some(observer) = watcher {
            let frame = self.scratch.get(..flight.len).unwrap_or_default();
            observer.observe(&event(fate, to, flight, flight.sent_micros), frame);
        }
    }
}

const fn event(fate: Fate, to: Option<usize>, flight: &Flight, at_micros: u64) -> FrameEvent {
    FrameEvent {
        fate,
        from: flight.from,
        to,
        number: flight.number,
        sent_micros: flight.sent_micros,
        at_micros,
    }
}

/// The bit that stands for a port; the Ethernet has at most 32.
pub(super) fn bit(port: usize) -> u32 {
    u32::try_from(port)
        .ok()
        .and_then(|port| 1_u32.checked_shl(port))
        .unwrap_or(0)
}

fn bytes_count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
