//! The guard without its device: it takes frames and decides what becomes of them.

use smoltcp::phy::{DeviceCapabilities, Medium};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::EthernetAddress;

use crate::counters::{Counters, count};
use crate::flow::{Evicted, Flow, FlowTable};
use crate::neighbours::Neighbours;
use crate::rules::{self, Action};
use crate::segment::{ACK, Fields, Frame, RST, SYN, Segment, ipv4_checksum_is_right};

/// smoltcp resends an unanswered SYN within this time (`RTTE_MAX_RTO`).
const SYN_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// The checksums that are computed and verified in software, because the device does not.
#[derive(Debug, Clone, Copy)]
struct SoftwareChecksums {
    verify_ipv4: bool,
    verify_tcp: bool,
    compute_tcp: bool,
}

/// What the guard knows, and what it decides from it. `F` is `[Flow; N]` in the caller's storage
/// and `[Flow]` everywhere else, so that the table's size is no type parameter of the device.
#[derive(Debug)]
pub(crate) struct Inspector<F: ?Sized = [Flow]> {
    /// False when the guard is passive, or when the device's frames are not Ethernet frames. Then
    /// everything passes.
    is_active: bool,
    mac: EthernetAddress,
    checksums: SoftwareChecksums,
    neighbours: Neighbours,
    /// When smoltcp last called `receive` or `transmit`.
    now: Instant,
    /// When the table last evicted a flow whose SYN may have been unanswered.
    syn_evicted_at: Option<Instant>,
    pub(crate) counters: Counters,
    flows: FlowTable<F>,
}

impl<const FLOWS: usize> Inspector<[Flow; FLOWS]> {
    /// Knows nothing and is not active.
    pub(crate) const fn new() -> Self {
        Self {
            is_active: false,
            mac: EthernetAddress([0; 6]),
            checksums: SoftwareChecksums {
                verify_ipv4: false,
                verify_tcp: false,
                compute_tcp: false,
            },
            neighbours: Neighbours::new(),
            now: Instant::ZERO,
            syn_evicted_at: None,
            counters: Counters::ZERO,
            flows: FlowTable::new(),
        }
    }
}

impl Inspector {
    /// Inspects frames from now on, over a device with these capabilities.
    pub(crate) fn activate(&mut self, mac: EthernetAddress, device: &DeviceCapabilities) {
        self.is_active = device.medium == Medium::Ethernet;
        self.mac = mac;
        self.checksums = SoftwareChecksums {
            verify_ipv4: device.checksum.ipv4.rx(),
            verify_tcp: device.checksum.tcp.rx(),
            compute_tcp: device.checksum.tcp.tx(),
        };
    }

    /// Lets everything pass from now on.
    pub(crate) const fn deactivate(&mut self) {
        self.is_active = false;
    }

    pub(crate) const fn is_active(&self) -> bool {
        self.is_active
    }

    pub(crate) const fn set_mac(&mut self, mac: EthernetAddress) {
        self.mac = mac;
    }

    pub(crate) const fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    /// Decides about a frame that came in. No frame that smoltcp would read as TCP passes with a
    /// wrong checksum, whoever sent it and to whatever address: smoltcp was told not to verify it
    /// again.
    pub(crate) fn incoming(&mut self, frame: &[u8]) -> Action {
        if !self.is_active {
            return Action::Pass;
        }
        let segment = match Frame::parse(frame) {
            Frame::Other => {
                if frame.starts_with(self.mac.as_bytes()) {
                    self.neighbours.on_received(frame, self.now);
                }
                return Action::Pass;
            }
            // smoltcp itself drops these.
            _ if self.checksums.verify_ipv4 && !ipv4_checksum_is_right(frame) => {
                return Action::Pass;
            }
            Frame::Fragment if self.checksums.verify_tcp => {
                count(&mut self.counters.fragments_refused);
                return Action::Refuse;
            }
            Frame::Fragment => return Action::Pass,
            Frame::Tcp(segment) => segment,
        };
        if self.checksums.verify_tcp && !segment.checksum_is_right(frame) {
            count(&mut self.counters.bad_checksums);
            return Action::Refuse;
        }
        // smoltcp also reads TCP from frames to a group address.
        let is_group = frame.first().is_some_and(|first| first & 1 != 0);
        if !is_group && !frame.starts_with(self.mac.as_bytes()) {
            return Action::Pass;
        }
        self.incoming_segment(frame, &segment)
    }

    fn incoming_segment(&mut self, frame: &[u8], segment: &Segment) -> Action {
        let key = segment.key_received(frame);
        let Some(flow) = key.and_then(|key| self.flows.find(&key)) else {
            if self.knows_every_pending_syn() && key.is_some() && rules::is_syn_ack(segment) {
                count(&mut self.counters.unexpected_syn_acks_refused);
                return Action::Refuse;
            }
            count(&mut self.counters.unknown_segments);
            return Action::Pass;
        };
        if let (Some(key), Some(mac)) = (key, frame.get(6..).and_then(|rest| rest.first_chunk())) {
            self.neighbours.on_heard(key.remote, *mac, self.now);
        }
        if segment.has(RST) {
            flow.on_reset_received(segment);
            return Action::Pass;
        }
        if !segment.has(ACK) {
            return Action::Pass;
        }
        if !flow.is_established() {
            flow.on_handshake(segment, segment.window_scale(frame).is_some());
            return Action::Pass;
        }
        if segment.has(SYN) {
            return Action::Pass;
        }
        let neighbour_is_known = self
            .neighbours
            .knows(flow.remote(), flow.next_hop, self.now);
        rules::incoming(flow, segment, neighbour_is_known, &mut self.counters)
    }

    /// Whether the table has a flow for each SYN of ours that may still be unanswered. If the table
    /// evicted the flow of such a SYN, smoltcp has either resent the SYN by now, or no longer waits
    /// for the answer.
    fn knows_every_pending_syn(&self) -> bool {
        self.syn_evicted_at
            .is_none_or(|evicted_at| self.now > evicted_at + SYN_INTERVAL_MAX)
    }

    /// Follows a frame that smoltcp has just filled, and corrects it before it goes out.
    pub(crate) fn outgoing(&mut self, frame: &mut [u8]) {
        if !self.is_active {
            return;
        }
        let Frame::Tcp(segment) = Frame::parse(frame) else {
            self.neighbours.on_sent(frame, self.now);
            return;
        };
        let (Some(key), Some(&next_hop)) = (segment.key_sent(frame), frame.first_chunk()) else {
            return;
        };
        if segment.has(RST) {
            if let Some(flow) = self.flows.find(&key) {
                flow.on_reset_sent();
            }
            return;
        }
        let flow = if segment.has(SYN) {
            let window_scale = segment.window_scale(frame).unwrap_or(0);
            let (flow, evicted) = self.flows.find_or_insert(key, &segment, window_scale);
            match evicted {
                Evicted::Nothing => {}
                Evicted::LiveFlow { was_established } => {
                    count(&mut self.counters.flows_evicted);
                    if !was_established {
                        self.syn_evicted_at = Some(self.now);
                    }
                }
                Evicted::Predecessor => count(&mut self.counters.flows_replaced),
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
            segment.rewrite(frame, new, self.checksums.compute_tcp);
        }
    }

    /// R8: whether a frame that the device has no room for must be dropped instead of held back.
    pub(crate) fn fast_retransmit_may_be_due(&self) -> bool {
        self.flows.fast_retransmit_may_be_due()
    }

    /// A copy of `frame` in `buffer`, with the new fields. None when the buffer is too short.
    pub(crate) fn rewritten<'b>(
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
        if let Frame::Tcp(segment) = Frame::parse(frame) {
            segment.rewrite(copy, new, true);
        }
        Some(copy)
    }
}
