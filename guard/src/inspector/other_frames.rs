//! Frames that are no TCP: ARP, neighbour discovery and ICMP.

use super::{Inspector, Verdict};
use crate::address::FlowKey;
use crate::bytes::read_u16;
use crate::counters::count;
use crate::icmp::{IcmpError, IcmpErrorKind};
use crate::link::{ALL_NODES, ETHERTYPE_TAG, Medium, remove_priority_tag};
use crate::notice::{Notice, Unreachable};
use crate::path_mtu;
use crate::rules::Action;
use crate::segment::Frame;
use crate::time::Time;

/// The longest frame without TCP that may become another one: neighbour discovery with a few
/// options.
const REPLACED_LEN_MAX: usize = 128;

impl Inspector {
    /// Decides about a frame that came in.
    pub(super) fn incoming_other(&mut self, frame: &[u8], buffer: &mut [u8]) -> Verdict {
        if let Some(error) = IcmpError::parse(frame, &self.link) {
            self.on_icmp(&error);
            return Verdict::Pass;
        }
        if self.link.medium != Medium::Ethernet {
            return Verdict::Pass;
        }
        if self.duties.neighbours && read_u16(frame, 12) == Some(ETHERTYPE_TAG) {
            return self.incoming_tagged(frame, buffer);
        }
        #[cfg(feature = "ipv6")]
        self.note_query(frame);
        let changed_len = if self.duties.neighbours {
            let (link, neighbours) = (&self.link, &self.neighbours);
            let counters = &mut self.counters;
            (self.presence).incoming(frame, link, neighbours, self.now, counters, buffer)
        } else {
            None
        };
        if changed_len.is_some() {
            self.forget_rest();
        }
        let changed = changed_len.and_then(|len| buffer.get(..len));
        let given = changed.unwrap_or(frame);
        // smoltcp believes an advertisement to all nodes, and no ARP packet about others.
        if self.link.is_to_us(given) || changed.is_some() || given.starts_with(&ALL_NODES) {
            self.neighbours.on_received(given, self.now);
        }
        changed_len.map_or(Verdict::Pass, Verdict::Replace)
    }

    /// Removes a priority tag, and decides about the frame without it.
    #[cold]
    #[inline(never)]
    fn incoming_tagged(&mut self, tagged: &[u8], buffer: &mut [u8]) -> Verdict {
        let Some(len) = remove_priority_tag(tagged, buffer) else {
            return Verdict::Pass;
        };
        self.forget_rest();
        count(&mut self.counters.priority_tags_removed);
        let Some(frame) = buffer.get_mut(..len) else {
            return Verdict::Pass;
        };
        if read_u16(frame, 12) == Some(ETHERTYPE_TAG) {
            // A second tag: nobody sends that, and smoltcp does not read it.
            return Verdict::Replace(len);
        }
        let parsed = Frame::parse(frame, self.link.medium);
        if matches!(parsed, Frame::Other) {
            // However much it quotes.
            if let Some(error) = IcmpError::parse(frame, &self.link) {
                self.on_icmp(&error);
                return Verdict::Replace(len);
            }
            return self.incoming_untagged(len, buffer);
        }
        let key = parsed.key_received(frame);
        match self.inspect_in_place(frame) {
            Action::Pass | Action::Rewrite(_) => Verdict::Replace(len),
            Action::Refuse => Verdict::Refuse,
            Action::Challenge(probe) => self.challenge(probe, key, buffer),
        }
    }

    /// Decides about a frame in the buffer that is no TCP. What is written in its place is made from
    /// it, so it is copied first; those that matter are short.
    fn incoming_untagged(&mut self, len: usize, buffer: &mut [u8]) -> Verdict {
        let mut copy = [0; REPLACED_LEN_MAX];
        let (Some(original), Some(frame)) = (copy.get_mut(..len), buffer.get(..len)) else {
            return Verdict::Replace(len);
        };
        original.copy_from_slice(frame);
        match self.incoming_other(original, buffer) {
            replaced @ Verdict::Replace(_) => replaced,
            Verdict::Pass | Verdict::Refuse => Verdict::Replace(len),
        }
    }

    /// Follows a frame that smoltcp has just filled, and corrects it before it goes out.
    pub(super) fn outgoing_other(&mut self, frame: &mut [u8]) {
        if self.link.medium != Medium::Ethernet {
            return;
        }
        self.neighbours.on_sent(frame, self.now);
        let notice = (self.presence).outgoing(frame, self.now, &mut self.counters);
        if let Some(notice) = notice {
            self.notify(notice);
        }
        #[cfg(feature = "ipv6")]
        self.learn_groups();
    }

    /// An ICMP error says something about a segment of ours. Nobody can forge one without knowing
    /// the sequence number of a segment that is on its way (RFC 5927, 4.1).
    fn on_icmp(&mut self, error: &IcmpError) {
        let Some(flow) = self.flows.find(&error.key) else {
            return;
        };
        match error.kind {
            _ if !flow.is_in_flight(error.seq) => {}
            IcmpErrorKind::Unreachable(reason) if flow.is_dialling() => {
                self.refuse(&error.key, reason);
            }
            // An open connection outlives what may be a passing fault (RFC 5927, 5.2).
            IcmpErrorKind::Unreachable(_) => count(&mut self.counters.unreachable_ignored),
            IcmpErrorKind::TooBig(reported) => {
                if let Some(mtu) = path_mtu::believed(error, reported, flow) {
                    count(&mut self.counters.path_mtus_learnt);
                    self.paths.learn(error.key.remote, mtu, self.now);
                }
            }
        }
    }

    /// Ends a connection that is being opened and cannot be made: its socket gets a RST, and the
    /// user a notice. Nothing happens to one that is open (RFC 5927, 6.1).
    pub(crate) fn refuse(&mut self, key: &FlowKey, reason: Unreachable) {
        let Some(flow) = self.flows.find(key).filter(|flow| flow.is_dialling()) else {
            return;
        };
        flow.refuse();
        count(&mut self.counters.dials_refused);
        self.due_at = Time::ZERO;
        let notice = Notice::Unreachable {
            local: key.local(),
            remote: key.remote(),
            reason,
        };
        self.notify(notice);
    }

    fn notify(&mut self, notice: Notice) {
        if !self.notices.push(notice) {
            count(&mut self.counters.notices_lost);
        }
    }
}
