//! The guard without its device: frames go in, verdicts come out.

use smoltcp::phy::{DeviceCapabilities, Medium};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::EthernetAddress;

use super::counters::{Counters, count};
use super::flow::{Evicted, Table};
use super::neighbours::Neighbours;
use super::rules::{self, Verdict};
use super::segment::{ACK, Fields, Frame, RST, SYN, Segment, ip_header_is_right};

/// Within this time smoltcp sends a SYN again that has no answer (`RTTE_MAX_RTO`).
const SYN_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// What the device leaves to the stack.
#[derive(Debug, Clone, Copy)]
struct Duties {
    /// Its frames are Ethernet's; the guard reads no others.
    reads_ethernet: bool,
    verifies_ipv4: bool,
    verifies_tcp: bool,
    computes_tcp: bool,
}

impl Duties {
    const NONE: Self = Self {
        reads_ethernet: false,
        verifies_ipv4: false,
        verifies_tcp: false,
        computes_tcp: false,
    };
}

#[derive(Debug)]
pub(super) struct Watch<const FLOWS: usize> {
    mac: EthernetAddress,
    duties: Duties,
    flows: Table<FLOWS>,
    neighbours: Neighbours,
    /// When the device was last asked for a frame, or for leave to send one.
    now: Instant,
    /// When the table last forgot a flow of which the SYN may have been unanswered.
    syn_forgotten_at: Option<Instant>,
    pub(super) counters: Counters,
}

impl<const FLOWS: usize> Watch<FLOWS> {
    /// Reads nothing, so that everything passes.
    pub(super) const fn passive() -> Self {
        Self {
            mac: EthernetAddress([0; 6]),
            duties: Duties::NONE,
            flows: Table::new(),
            neighbours: Neighbours::new(),
            now: Instant::ZERO,
            syn_forgotten_at: None,
            counters: Counters::ZERO,
        }
    }

    /// Reads everything from now on, over such a device.
    pub(super) fn begin(&mut self, mac: EthernetAddress, device: &DeviceCapabilities) {
        self.mac = mac;
        self.duties = Duties {
            reads_ethernet: device.medium == Medium::Ethernet,
            verifies_ipv4: device.checksum.ipv4.rx(),
            verifies_tcp: device.checksum.tcp.rx(),
            computes_tcp: device.checksum.tcp.tx(),
        };
    }

    /// Whether it reads the frames at all.
    pub(super) const fn reads_ethernet(&self) -> bool {
        self.duties.reads_ethernet
    }

    pub(super) fn set_mac(&mut self, mac: EthernetAddress) {
        self.mac = mac;
    }

    pub(super) const fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    /// Judges a frame that came in. What smoltcp would read as TCP never passes with a wrong checksum, whoever sent
    /// it to whom: smoltcp was told not to verify it again.
    pub(super) fn incoming(&mut self, frame: &[u8]) -> Verdict {
        let segment = match self.parse(frame) {
            Frame::Other => {
                if self.duties.reads_ethernet && frame.starts_with(self.mac.as_bytes()) {
                    self.neighbours.note_received(frame, self.now);
                }
                return Verdict::Pass;
            }
            // smoltcp drops these by itself.
            _ if self.duties.verifies_ipv4 && !ip_header_is_right(frame) => return Verdict::Pass,
            Frame::Fragment if self.duties.verifies_tcp => {
                count(&mut self.counters.fragments_refused);
                return Verdict::Refuse;
            }
            Frame::Fragment => return Verdict::Pass,
            Frame::Tcp(segment) => segment,
        };
        if self.duties.verifies_tcp && !segment.checksum_is_right(frame) {
            count(&mut self.counters.bad_checksums);
            return Verdict::Refuse;
        }
        // smoltcp reads TCP behind a group address too.
        let is_group = frame.first().is_some_and(|first| first & 1 != 0);
        if !is_group && !frame.starts_with(self.mac.as_bytes()) {
            return Verdict::Pass;
        }
        self.judge(frame, &segment)
    }

    fn parse(&self, frame: &[u8]) -> Frame {
        if self.duties.reads_ethernet {
            Frame::parse(frame)
        } else {
            Frame::Other
        }
    }

    fn judge(&mut self, frame: &[u8], segment: &Segment) -> Verdict {
        let key = segment.key_received(frame);
        let Some(flow) = key.and_then(|key| self.flows.find(&key)) else {
            if self.remembers_our_syns() && key.is_some() && rules::answers_no_syn_of_ours(segment)
            {
                count(&mut self.counters.early_syn_acks_refused);
                return Verdict::Refuse;
            }
            count(&mut self.counters.unknown_segments);
            return Verdict::Pass;
        };
        if let (Some(key), Some(mac)) = (key, frame.get(6..).and_then(|rest| rest.first_chunk())) {
            self.neighbours.note_heard(key.remote, *mac, self.now);
        }
        if segment.has(RST) {
            flow.note_reset();
            return Verdict::Pass;
        }
        if !segment.has(ACK) {
            return Verdict::Pass;
        }
        if !flow.is_established() {
            flow.await_established(segment, segment.window_scale(frame).is_some());
            return Verdict::Pass;
        }
        if segment.has(SYN) {
            return Verdict::Pass;
        }
        let can_reply = self
            .neighbours
            .knows(flow.remote(), flow.next_hop, self.now);
        rules::incoming(flow, segment, can_reply, &mut self.counters)
    }

    /// Whether the table has a flow for every SYN of ours that may be unanswered: where it forgot one, smoltcp has either
    /// sent the SYN again by now, or does not wait for its answer any more.
    fn remembers_our_syns(&self) -> bool {
        self.syn_forgotten_at
            .is_none_or(|forgotten_at| self.now > forgotten_at + SYN_INTERVAL_MAX)
    }

    /// Notes a frame that smoltcp just filled, and mends it before it goes out.
    pub(super) fn outgoing(&mut self, frame: &mut [u8]) {
        let Frame::Tcp(segment) = self.parse(frame) else {
            if self.duties.reads_ethernet {
                self.neighbours.note_sent(frame, self.now);
            }
            return;
        };
        let (Some(key), Some(&next_hop)) = (segment.key_sent(frame), frame.first_chunk()) else {
            return;
        };
        if segment.has(RST) {
            if let Some(flow) = self.flows.find(&key) {
                flow.note_reset();
            }
            return;
        }
        let flow = if segment.has(SYN) {
            let window_scale = segment.window_scale(frame).unwrap_or(0);
            let (flow, evicted) = self.flows.find_or_begin(key, &segment, window_scale);
            if let Evicted::Flow { was_established } = evicted {
                count(&mut self.counters.flows_evicted);
                if !was_established {
                    self.syn_forgotten_at = Some(self.now);
                }
            }
            flow
        } else {
            self.flows.find_sender(&key)
        };
        let Some(flow) = flow else {
            return;
        };
        flow.next_hop = next_hop;
        if let Some(new) = rules::outgoing(flow, &segment, &mut self.counters) {
            segment.rewrite(frame, new, self.duties.computes_tcp);
        }
    }

    /// R8: whether a frame had better be dropped than refused by the device (`rules`).
    pub(super) fn must_not_refuse(&self) -> bool {
        self.flows.fast_retransmit_may_be_due()
    }

    /// The copy of `frame` in `buffer` with the new fields, none when the buffer is too short.
    pub(super) fn rewritten<'b>(
        &mut self,
        frame: &[u8],
        new: Fields,
        buffer: &'b mut [u8],
    ) -> Option<&'b [u8]> {
        let Some(copy) = buffer.get_mut(..frame.len()) else {
            count(&mut self.counters.frames_too_long);
            return None;
        };
        copy.copy_from_slice(frame);
        if let Frame::Tcp(segment) = self.parse(frame) {
            segment.rewrite(copy, new, true);
        }
        Some(copy)
    }
}
