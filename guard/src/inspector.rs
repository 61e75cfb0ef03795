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
        let (neighbours, source) = (&mut self.neighbours, self.link.source_mac(frame));
        let heard = source.and_then(|mac| {
            let before = neighbours.on_heard(key.remote, mac, self.now)?;
            Some((mac, before))
        });
        if segment.has(RST) {
            flow.on_reset_received(segment);
            return Action::Pass;
        }
        if !segment.has(ACK) {
            return Action::Pass;
        }
        let action = if !flow.is_established() {
            flow.on_handshake(segment, window_scale(segment.options(frame)));
            #[cfg(feature = "recovery")]
            if flow.is_established() && self.duties.recovery {
                let options = segment.options(frame);
                follow::on_established(flow, segment, options, self.now);
            }
            rules::handshake(flow, segment, &mut self.counters)
        } else if segment.has(SYN) {
            Action::Pass
        } else {
            let neighbour_is_known = knows_neighbour(neighbours, &self.link, flow, self.now);
            #[cfg(feature = "recovery")]
            let arrival = Arrival {
                options: segment.options(frame),
                una: flow.highest_ack,
                can_send: neighbour_is_known,
                now: self.now,
            };
            let counters = &mut self.counters;
            let action = rules::incoming(flow, segment, neighbour_is_known, counters);
            #[cfg(feature = "recovery")]
            let action = if self.duties.recovery {
                follow::on_received(flow, segment, &arrival, action, counters)
            } else {
                action
            };
            self.due_at = self.due_at.min(due_at(flow, self.now));
            action
        };
        if action == Action::Refuse
            && let Some((mac, before)) = heard
        {
            // smoltcp has not heard what it does not get.
            self.neighbours.on_heard(key.remote, mac, before);
        }
        action
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
        let caller = self.backlog.caller.take();
        if !self.is_active {
            return true;
        }
        let Frame::Tcp(segment) = Frame::parse(frame, self.link.medium) else {
            self.outgoing_other(frame);
            return true;
        };
        let Some(key) = segment.key_sent(frame) else {
            return true;
        };
        if segment.has(RST) {
            if let Some(flow) = self.flows.find(&key) {
                flow.on_reset_sent();
            }
            let stays = caller == Some(key) && self.backlog.holds_back_refusal(&key, self.now);
            if stays {
                count(&mut self.counters.refusals_held_back);
            }
            return !stays;
        }
        let flow = if segment.has(SYN) {
            self.backlog.on_accepted(&key);
            let window_scale = window_scale(segment.options(frame)).unwrap_or(0);
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
            return true;
        };
        if let Some(next_hop) = self.link.destination_mac(frame) {
            flow.next_hop = next_hop;
        }
        #[cfg(feature = "recovery")]
        let snd_max = flow.snd_max;
        let rewritten = rules::outgoing(flow, &segment, &mut self.counters);
        #[cfg(feature = "recovery")]
        if self.duties.recovery {
            let (options, now) = (segment.options(frame), self.now);
            if follow::on_sent(flow, &segment, options, snd_max, now) {
                count(&mut self.counters.segments_withheld);
                return false;
            }
            // Where more than that was in flight already, this only postpones what is due.
            if follow::was_single(flow, snd_max) {
                self.due_at = self.due_at.min(follow::due_at(flow, now));
            }
        }
        if let Some(new) = rewritten {
            segment.rewrite(frame, new, self.link.checksums.compute_tcp);
        }
        true
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
