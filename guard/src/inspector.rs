//! The guard without its device: it takes frames and decides what becomes of them. It knows nothing
//! of the stack above it or of the driver below; the adapters do (`phy`, `embassy`).

mod changes;
mod due;
#[cfg(feature = "ipv6")]
mod groups;
mod other_frames;

use crate::address::FlowKey;
use crate::backlog::Backlog;
use crate::challenge::{self, Probe};
use crate::counters::{Counters, count};
use crate::cut::FirstPart;
use crate::duties::Duties;
use crate::flow::Flow;
use crate::flow_table::{Evicted, FlowTable, due_at};
use crate::link::{Link, Medium};
#[cfg(feature = "ipv6")]
use crate::listener::Listener;
use crate::neighbours::Neighbours;
use crate::notice::{Notice, Notices};
use crate::options::window_scale;
use crate::path_mtu::PathMtus;
use crate::presence::Presence;
#[cfg(feature = "recovery")]
use crate::recovery::follow::{self, Arrival};
use crate::rules::{self, Action};
use crate::segment::{ACK, Frame, RST, SYN, Segment, ipv4_checksum_is_right};
use crate::time::Time;

pub(crate) use due::DueFrame;

/// smoltcp resends an unanswered SYN within this time (`RTTE_MAX_RTO`).
const SYN_INTERVAL_MAX_MICROS: i64 = 60_000_000;

/// What smoltcp gets instead of a frame that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The frame as it is.
    Pass,
    /// An empty frame, which it ignores.
    Refuse,
    /// What the buffer has now, with this length.
    Replace(usize),
}

/// What the guard knows, and what it decides from it. `F` is `[Flow; N]` in the caller's storage
/// and `[Flow]` everywhere else, so that the table's size is no type parameter of the device.
#[derive(Debug)]
pub(crate) struct Inspector<F: ?Sized = [Flow]> {
    /// False when the guard is passive, or when the device's frames have a header that the guard
    /// cannot read. Then everything passes.
    is_active: bool,
    link: Link,
    /// The largest maximum transmission unit that smoltcp was ever told. It may not be the device's
    /// any more.
    pub(crate) mtu_told_max: usize,
    duties: Duties,
    neighbours: Neighbours,
    presence: Presence,
    #[cfg(feature = "ipv6")]
    listener: Listener,
    /// When smoltcp last called `receive` or `transmit`.
    now: Time,
    /// When the table last evicted a flow whose SYN may have been unanswered.
    syn_evicted_at: Option<Time>,
    /// No segment that nobody sent is due before this time.
    due_at: Time,
    pub(crate) counters: Counters,
    notices: Notices,
    /// The length of what is left, in the buffer, of a segment that leaves in parts.
    pub(crate) rest_len: usize,
    pub(crate) backlog: Backlog,
    pub(crate) paths: PathMtus,
    flows: FlowTable<F>,
}

impl<const FLOWS: usize> Inspector<[Flow; FLOWS]> {
    /// Knows nothing and is not active.
    pub(crate) const fn new() -> Self {
        Self {
            is_active: false,
            link: Link::NONE,
            mtu_told_max: 0,
            duties: Duties::HANGS,
            neighbours: Neighbours::new(),
            presence: Presence::new(),
            #[cfg(feature = "ipv6")]
            listener: Listener::new(),
            now: Time::ZERO,
            syn_evicted_at: None,
            due_at: Time::ZERO,
            counters: Counters::ZERO,
            notices: Notices::new(),
            rest_len: 0,
            backlog: Backlog::new(),
            paths: PathMtus::new(),
            flows: FlowTable::new(),
        }
    }
}

impl Inspector {
    /// Whether something goes out before the next of smoltcp's frames.
    pub(crate) const fn has_rest(&self) -> bool {
        self.rest_len > 0
    }

    pub(crate) fn take_notice(&mut self) -> Option<Notice> {
        self.notices.take()
    }

    /// Decides about a frame that came in. What replaces it is in `buffer` then.
    pub(crate) fn incoming(&mut self, frame: &[u8], buffer: &mut [u8]) -> Verdict {
        if !self.is_active {
            return Verdict::Pass;
        }
        let parsed = Frame::parse(frame, self.link.medium);
        if matches!(parsed, Frame::Other) {
            return self.incoming_other(frame, buffer);
        }
        match self.inspect(frame, &parsed) {
            Action::Pass => Verdict::Pass,
            Action::Refuse => Verdict::Refuse,
            Action::Rewrite(new) => {
                let Some(copy) = buffer.get_mut(..frame.len()) else {
                    count(&mut self.counters.frames_too_long);
                    return Verdict::Pass;
                };
                self.forget_rest();
                copy.copy_from_slice(frame);
                if let Frame::Tcp(segment) = parsed {
                    segment.rewrite(copy, new, true);
                }
                Verdict::Replace(frame.len())
            }
            Action::Challenge(probe) => {
                self.forget_rest();
                self.challenge(probe, parsed.key_received(frame), buffer)
            }
        }
    }

    /// Hands smoltcp what it answers with a challenge ACK or, without room for that, the frame.
    fn challenge(&mut self, probe: Probe, key: Option<FlowKey>, buffer: &mut [u8]) -> Verdict {
        let Some(len) = key.and_then(|key| probe.build(&key, &self.link, buffer)) else {
            count(&mut self.counters.frames_too_long);
            return Verdict::Pass;
        };
        count(&mut self.counters.segments_challenged);
        Verdict::Replace(len)
    }

    /// The first part of a segment has left. The rest of its frame is in the buffer.
    pub(crate) fn on_cut(&mut self, rest_len: usize) {
        count(&mut self.counters.segments_cut);
        self.rest_len = rest_len;
    }

    /// Whatever is written into the buffer now, the rest of a segment that the device had no room
    /// for is lost, as on any link.
    pub(crate) fn forget_rest(&mut self) {
        if core::mem::take(&mut self.rest_len) > 0 {
            count(&mut self.counters.own_frames_lost);
        }
    }

    /// No frame that smoltcp would read as TCP passes with a wrong checksum, whoever sent it and to
    /// whatever address: smoltcp was told not to verify it again.
    fn inspect(&mut self, frame: &[u8], parsed: &Frame) -> Action {
        let checksums = self.link.checksums;
        let segment = match parsed {
            Frame::Other => return Action::Pass,
            // smoltcp itself drops these.
            _ if checksums.verify_ipv4 && !ipv4_checksum_is_right(frame, self.link.medium) => {
                return Action::Pass;
            }
            Frame::Fragment if checksums.verify_tcp => {
                count(&mut self.counters.fragments_refused);
                return Action::Refuse;
            }
            Frame::Fragment => return Action::Pass,
            Frame::Tcp(segment) => segment,
        };
        if checksums.verify_tcp && !segment.checksum_is_right(frame) {
            count(&mut self.counters.bad_checksums);
            return Action::Refuse;
        }
        // smoltcp also reads TCP from frames to a group address.
        if !self.link.is_to_us(frame) && !self.link.is_to_group(frame) {
            return Action::Pass;
        }
        self.incoming_segment(frame, segment)
    }

    fn incoming_segment(&mut self, frame: &[u8], segment: &Segment) -> Action {
        let key = segment.key_received(frame);
        self.backlog.caller = key.filter(|_| rules::is_call(segment));
        let Some((key, flow)) = key.and_then(|key| Some((key, self.flows.find(&key)?))) else {
            if self.knows_every_pending_syn() && key.is_some() && rules::is_syn_ack(segment) {
                count(&mut self.counters.unexpected_syn_acks_refused);
                return Action::Refuse;
            }
            count(&mut self.counters.unknown_segments);
            return Action::Pass;
        };
        if let Some(probe) = challenge::probe(flow, segment) {
            return Action::Challenge(probe);
        }
        let counters = &mut self.counters;
        let options = segment.options(frame);
        let is_ack = segment.has(ACK) && !segment.has(RST);
        let is_first = is_ack && !flow.is_established();
        if is_first {
            flow.on_handshake(segment, window_scale(options));
            #[cfg(feature = "recovery")]
            if flow.is_established() && self.duties.recovery {
                follow::on_established(flow, segment, options, self.now);
            }
        }
        // A SYN where the last connection is over is smoltcp's affair.
        let is_open = is_ack && flow.is_established() && (is_first || !segment.has(SYN));
        if is_open && rules::refuses(flow, segment, counters) {
            return Action::Refuse;
        }
        if let Some(mac) = self.link.source_mac(frame) {
            self.neighbours.on_heard(key.remote, mac, self.now);
        }
        if segment.has(RST) {
            flow.on_reset_received(segment);
        }
        if !is_open || is_first {
            return Action::Pass;
        }
        let neighbour_is_known = knows_neighbour(&self.neighbours, &self.link, flow, self.now);
        #[cfg(feature = "recovery")]
        let arrival = Arrival {
            options,
            una: flow.highest_ack,
            now: self.now,
        };
        let new = rules::incoming(flow, segment, neighbour_is_known, counters);
        #[cfg(feature = "recovery")]
        let new = if self.duties.recovery {
            follow::on_received(flow, segment, &arrival, new, counters)
        } else {
            new
        };
        self.due_at = self.due_at.min(due_at(flow, self.now));
        if new == segment.fields {
            Action::Pass
        } else {
            Action::Rewrite(new)
        }
    }

    /// Whether the table has a flow for each SYN of ours that may still be unanswered. If the table
    /// evicted the flow of such a SYN, smoltcp has either resent the SYN by now, or no longer waits
    /// for the answer.
    fn knows_every_pending_syn(&self) -> bool {
        self.syn_evicted_at
            .is_none_or(|evicted_at| self.now > evicted_at.after(SYN_INTERVAL_MAX_MICROS))
    }

    /// Follows a frame that smoltcp has just filled, and corrects it before it goes out. Returns
    /// false for one that must not go out.
    pub(crate) fn outgoing(&mut self, frame: &mut [u8]) -> bool {
        let leaves = !self.is_active || self.inspect_outgoing(frame);
        self.backlog.caller = None;
        leaves
    }

    fn inspect_outgoing(&mut self, frame: &mut [u8]) -> bool {
        let parsed = Frame::parse(frame, self.link.medium);
        // By reference: moving it takes a third of all the time that an ACK takes here.
        let Frame::Tcp(segment) = &parsed else {
            self.outgoing_other(frame);
            return true;
        };
        let Some(key) = segment.key_sent(frame) else {
            return true;
        };
        if segment.has(RST) {
            return self.outgoing_reset(frame, segment, &key);
        }
        let flow = if segment.has(SYN) {
            self.backlog.on_accepted(&key);
            let window_scale = window_scale(segment.options(frame)).unwrap_or(0);
            let (flow, evicted) = self.flows.find_or_insert(key, segment, window_scale);
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
            return true;
        };
        if let Some(next_hop) = self.link.destination_mac(frame) {
            flow.next_hop = next_hop;
        }
        #[cfg(feature = "recovery")]
        let (snd_max, was_open) = (flow.snd_max, flow.is_open());
        let rewritten = rules::outgoing(flow, segment, &mut self.counters);
        #[cfg(feature = "recovery")]
        if self.duties.recovery {
            let now = self.now;
            if segment.has(SYN) {
                follow::on_syn_sent(flow, segment.options(frame), now);
            } else if follow::on_sent(flow, segment, snd_max, now) {
                count(&mut self.counters.segments_withheld);
                return false;
            }
            // Nothing is due while a RST that smoltcp did not obey makes the flow seem to be over.
            if !was_open || follow::may_be_due_earlier(flow, segment, snd_max) {
                self.due_at = self.due_at.min(follow::due_at(flow, now));
            }
        }
        if let Some(new) = rewritten {
            segment.rewrite(frame, new, self.link.checksums.compute_tcp);
        }
        true
    }

    fn outgoing_reset(&mut self, frame: &mut [u8], segment: &Segment, key: &FlowKey) -> bool {
        let counters = &mut self.counters;
        let flow = self.flows.find(key);
        if let Some(new) = flow.and_then(|flow| rules::outgoing_reset(flow, segment, counters)) {
            segment.rewrite(frame, new, self.link.checksums.compute_tcp);
        }
        // It may answer the SYN that has just come in.
        let is_refusal = self.backlog.caller == Some(*key);
        let stays = is_refusal && self.backlog.holds_back_refusal(key, self.now);
        if stays {
            count(&mut self.counters.refusals_held_back);
        }
        !stays
    }

    /// Whether a frame of this length may be too long for its path, or need not go out.
    pub(crate) fn may_change_length(&self, frame_len: usize) -> bool {
        let packet_len = frame_len.saturating_sub(self.link.medium.header_len());
        let may_be_cut = self.paths.may_limit(packet_len, self.now);
        #[cfg(feature = "recovery")]
        let may_be_withheld = self.flows.may_withhold();
        #[cfg(not(feature = "recovery"))]
        let may_be_withheld = false;
        self.is_active && (may_be_cut || may_be_withheld)
    }

    /// The part of a frame that fits into its path. None when the whole frame does.
    pub(crate) fn first_part(&self, frame: &[u8]) -> Option<FirstPart<'_>> {
        let mtu = |remote| self.paths.get(remote, self.now);
        FirstPart::new(frame, &self.link, mtu)
    }

    /// R8: whether a frame that the device has no room for must be dropped instead of held back.
    pub(crate) fn fast_retransmit_may_be_due(&self) -> bool {
        self.is_active && self.flows.fast_retransmit_may_be_due()
    }
}

/// Whether smoltcp certainly knows the hardware address that the segments of `flow` go to.
fn knows_neighbour(neighbours: &Neighbours, link: &Link, flow: &Flow, now: Time) -> bool {
    link.medium == Medium::Ip || neighbours.knows(flow.key().remote, flow.next_hop, now)
}
