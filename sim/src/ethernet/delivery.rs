//! The way of a frame through the Ethernet, from the port that sends it to those that receive it.
//!
//! Each step borrows the segment for itself. The caller's code (an observer, a rule) runs between
//! the steps.

use core::cell::{Ref, RefMut};
use core::mem;

use managed::ManagedSlice;
use tickwire::Tick;

use super::mangle::alter;
use super::pool::Flight;
use super::port::PortAccess;
use super::port_state::Verdict;
use super::{Action, Cause, Change, Ethernet, Fate, FrameEvent};

impl PortAccess for Ethernet<'_> {
    fn receive(&self, to: usize) -> Option<Ref<'_, [u8]>> {
        let now_micros = self.now_micros();
        let flight = {
            let incoming = self.incoming.try_borrow_mut();
            let mut incoming = incoming.expect("the frame received before is no longer borrowed");
            let mut segment = self.segment.borrow_mut();
            segment.receive(to, now_micros, &mut incoming)?
        };
        let frame = Ref::map(self.incoming.borrow(), |bytes| start(bytes, flight.len));
        self.report(Fate::Delivered, Some(to), &flight, now_micros, &frame);
        Some(frame)
    }

    fn outgoing(&self, len: usize) -> RefMut<'_, [u8]> {
        let outgoing = self.outgoing.try_borrow_mut();
        let outgoing = outgoing.expect("one frame is written at a time");
        RefMut::map(outgoing, |bytes| {
            bytes
                .get_mut(..len)
                .expect("no frame is longer than the memory of one")
        })
    }

    fn send(&self, from: usize, len: usize) {
        let mut outgoing = self.outgoing.borrow_mut();
        let flight = self
            .segment
            .borrow_mut()
            .number(from, self.now_micros(), len);
        self.report_outgoing(Fate::Sent, None, &flight, &outgoing);
        let departure = self.segment.borrow_mut().depart(&flight, &outgoing);
        match departure {
            Err(cause) => self.drop_frame(cause, None, &flight, &outgoing),
            Ok((left_micros, mut recipients)) => {
                while recipients != 0 {
                    let to = recipients.trailing_zeros() as usize;
                    recipients &= recipients - 1;
                    self.carry(&flight, left_micros, to, recipients == 0, &mut outgoing);
                }
            }
        }
    }

    fn has_room(&self, port: usize) -> bool {
        self.segment.borrow().port(port).has_room
    }

    fn frame_bytes_max(&self, port: usize) -> usize {
        self.segment.borrow().port_bytes_max(port)
    }

    fn next_due(&self, port: usize) -> Option<Tick> {
        self.next_due_at(port)
    }
}

impl<'a> Ethernet<'a> {
    /// Carries the outgoing frame to one port. The `last` one may get the memory of the frame.
    fn carry(
        &self,
        flight: &Flight,
        left_micros: u64,
        to: usize,
        last: bool,
        outgoing: &mut ManagedSlice<'a, u8>,
    ) {
        match self.judge(flight, left_micros, to, start(outgoing, flight.len)) {
            Verdict::Drop(cause) => self.drop_frame(cause, Some(to), flight, outgoing),
            Verdict::Deliver {
                due_micros,
                change,
                copy_due_micros,
            } => {
                let moved = last && copy_due_micros.is_none();
                self.enqueue(flight, due_micros, to, change, moved, outgoing);
                if let Some(due_micros) = copy_due_micros {
                    let mut segment = self.segment.borrow_mut();
                    segment.port_mut(flight.from).counts.duplicated += 1;
                    drop(segment);
                    self.report_outgoing(Fate::Duplicated, Some(to), flight, outgoing);
                    self.enqueue(flight, due_micros, to, None, last, outgoing);
                }
            }
        }
    }

    /// What happens to a frame on its way to one port.
    fn judge(&self, flight: &Flight, left_micros: u64, to: usize, frame: &[u8]) -> Verdict {
        if let Some(cause) = self.segment.borrow().obstacle(flight, to) {
            return Verdict::Drop(cause);
        }
        let planned = self.planned(flight, frame);
        let mut segment = self.segment.borrow_mut();
        let sender = segment.port_mut(flight.from);
        sender.judge(left_micros, planned, frame)
    }

    /// What the plan of the sender, or else its rule, says of a frame.
    fn planned(&self, flight: &Flight, frame: &[u8]) -> Option<Action> {
        let (planned, rule) = {
            let segment = self.segment.borrow();
            let sender = segment.port(flight.from);
            (sender.planned(flight.number), sender.rule)
        };
        planned.or_else(|| rule.and_then(|rule| rule(flight.number, frame)))
    }

    /// Puts a frame with the outgoing bytes, copied or `moved`, on its way.
    fn enqueue(
        &self,
        flight: &Flight,
        due_micros: u64,
        to: usize,
        change: Option<Change>,
        moved: bool,
        outgoing: &mut ManagedSlice<'a, u8>,
    ) {
        let taken = self.segment.borrow_mut().pool.take();
        let Some((index, mut bytes)) = taken else {
            self.drop_frame(Cause::PoolFull, Some(to), flight, outgoing);
            return;
        };
        if moved {
            mem::swap(&mut bytes, outgoing);
        } else if let (Some(target), Some(source)) =
            (bytes.get_mut(..flight.len), outgoing.get(..flight.len))
        {
            target.copy_from_slice(source);
        }
        let mut flight = Flight {
            due_micros,
            ..*flight
        };
        if let Some(change) = change {
            self.change(change, &mut bytes, &mut flight, to);
        }
        let mut segment = self.segment.borrow_mut();
        segment.enqueue(to, index, flight, bytes);
    }

    /// Alters the bytes of a frame, if they can be altered in this way.
    fn change(&self, change: Change, bytes: &mut [u8], flight: &mut Flight, to: usize) {
        let altered = {
            let mut segment = self.segment.borrow_mut();
            let bytes_max = segment.port_bytes_max(to);
            let sender = segment.port_mut(flight.from);
            let buffer = bytes.get_mut(..bytes_max).unwrap_or_default();
            let altered = alter(change, buffer, flight.len, &mut sender.generator);
            if altered.is_some() {
                sender.counts.count_change(change);
            }
            altered
        };
        if let Some(len) = altered {
            flight.len = len;
            self.report_outgoing(Fate::Changed(change), Some(to), flight, bytes);
        }
    }

    /// Counts and reports that an outgoing frame is dropped.
    fn drop_frame(&self, cause: Cause, to: Option<usize>, flight: &Flight, outgoing: &[u8]) {
        let mut segment = self.segment.borrow_mut();
        segment.port_mut(flight.from).counts.count_drop(cause);
        drop(segment);
        self.report_outgoing(Fate::Dropped(cause), to, flight, outgoing);
    }

    /// Reports to the observer what happens to a frame when it is sent.
    fn report_outgoing(&self, fate: Fate, to: Option<usize>, flight: &Flight, bytes: &[u8]) {
        let frame = start(bytes, flight.len);
        self.report(fate, to, flight, flight.sent_micros, frame);
    }

    fn report(&self, fate: Fate, to: Option<usize>, flight: &Flight, at_micros: u64, frame: &[u8]) {
        let Some(observer) = self.observer.get() else {
            return;
        };
        let event = FrameEvent {
            fate,
            from: flight.from,
            to,
            number: flight.number,
            sent_micros: flight.sent_micros,
            at_micros,
        };
        observer.borrow_mut().observe(&event, frame);
    }
}

/// The first `len` bytes.
fn start(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(..len).unwrap_or_default()
}
