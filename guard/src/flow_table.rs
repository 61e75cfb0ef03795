//! The table of connections.

use crate::address::FlowKey;
use crate::flow::Flow;
#[cfg(feature = "recovery")]
use crate::recovery::{Recovery, follow};
use crate::segment::Segment;
use crate::time::Time;

/// What was evicted to make room for a new flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evicted {
    /// Nothing, or a flow that was over.
    Nothing,
    /// A live flow. If its handshake was not done, the answer to its SYN may still come.
    LiveFlow { was_established: bool },
    /// A live flow on the same addresses and ports.
    Predecessor,
}

/// When smoltcp has to get a segment of this flow that nobody sent.
pub(crate) fn due_at(flow: &Flow, now: Time) -> Time {
    if flow.has_due() {
        return Time::ZERO;
    }
    #[cfg(feature = "recovery")]
    if flow.is_open() {
        return follow::due_at(flow, now);
    }
    let _ = now;
    Time::NEVER
}

/// The flows, in the order in which they sent last: the least recently used is the last. Flows that
/// are over are evicted before it.
#[derive(Debug)]
pub(crate) struct FlowTable<F: ?Sized = [Flow]>(F);

impl<const FLOWS: usize> FlowTable<[Flow; FLOWS]> {
    pub(crate) const fn new() -> Self {
        Self([Flow::FREE; FLOWS])
    }
}

impl FlowTable {
    pub(crate) fn find(&mut self, key: &FlowKey) -> Option<&mut Flow> {
        self.0
            .iter_mut()
            .find(|flow| flow.key() == key && !flow.is_free())
    }

    /// Finds a flow that sends, and moves it to the front.
    pub(crate) fn find_sender(&mut self, key: &FlowKey) -> Option<&mut Flow> {
        let index = self
            .0
            .iter()
            .position(|flow| flow.key() == key && !flow.is_free())?;
        if index > 0 {
            self.move_to_front(index);
        }
        self.0.first_mut()
    }

    /// The first flow for which a segment is due at `now`.
    pub(crate) fn find_due(&mut self, now: Time) -> Option<&mut Flow> {
        self.0.iter_mut().find(|flow| due_at(flow, now) <= now)
    }

    /// When the next segment is due.
    pub(crate) fn due_at(&self, now: Time) -> Time {
        let times = self.0.iter().map(|flow| due_at(flow, now));
        times.min().unwrap_or(Time::NEVER)
    }

    /// The flows before it move back by one. (`rotate_right` takes more flash and stack.)
    fn move_to_front(&mut self, index: usize) {
        if let Some(&(mut moved)) = self.0.get(index) {
            for flow in self.0.iter_mut().take(index.saturating_add(1)) {
                core::mem::swap(flow, &mut moved);
            }
        }
    }

    /// Finds the flow of this SYN of ours, or inserts it. Also returns what was evicted for it.
    pub(crate) fn find_or_insert(
        &mut self,
        key: FlowKey,
        syn: &Segment,
        window_scale: u8,
    ) -> (Option<&mut Flow>, Evicted) {
        // The same SYN again is a retransmission; another SYN begins a new connection on the same
        // ports.
        let predecessor = self.find_sender(&key);
        let is_live = predecessor.as_ref().is_some_and(|flow| !flow.is_over());
        let known = predecessor.map(|flow| flow.snd_max == syn.fields.seq.after(1));
        let mut evicted = match known {
            Some(false) if is_live => Evicted::Predecessor,
            _ => Evicted::Nothing,
        };
        if known.is_none() {
            let over = self.0.iter().rposition(Flow::is_over);
            if over.is_none() {
                // A table of length 0 forgets the new flow itself.
                let was_established = self.0.last().is_some_and(Flow::is_established);
                evicted = Evicted::LiveFlow { was_established };
            }
            let index = over.unwrap_or(self.0.len().saturating_sub(1));
            self.move_to_front(index);
        }
        let front = self.0.first_mut();
        match front {
            Some(flow) if known != Some(true) => {
                *flow = Flow::new(key, syn, window_scale);
                (Some(flow), evicted)
            }
            // The flow is known, or the table has length 0.
            front => (front, evicted),
        }
    }

    /// The flows from this address are over: smoltcp ends them in silence.
    pub(crate) fn end_those_from(&mut self, local: core::net::IpAddr) {
        let mut flows = self.0.iter_mut();
        while let Some(flow) = flows.find(|flow| flow.key().local.to_ip_addr() == local) {
            flow.on_reset_sent();
        }
    }

    /// What was learned so far about losses is forgotten; nothing is recovered from.
    #[cfg(feature = "recovery")]
    pub(crate) fn forget_recovery(&mut self) {
        for flow in &mut self.0 {
            flow.recovery = Recovery::UNKNOWN;
        }
    }

    /// L5: whether a segment that smoltcp sends may have to be withheld.
    #[cfg(feature = "recovery")]
    pub(crate) fn may_withhold(&self) -> bool {
        self.0.iter().any(|flow| flow.recovery.may_withhold())
    }

    /// Whether smoltcp may be about to send a fast retransmit on any flow.
    pub(crate) fn fast_retransmit_may_be_due(&self) -> bool {
        self.0
            .iter()
            .any(|flow| flow.duplicate_ack_seen && !flow.is_free())
    }
}

#[cfg(test)]
mod tests {
    use super::{Evicted, FlowTable};
    use crate::address::{Address, FlowKey};
    use crate::build::{Ends, segment};
    use crate::link::{Link, Medium};
    use crate::segment::{Fields, Frame, SYN, Segment, Seq};

    const KEY: FlowKey = FlowKey {
        local: Address::UNSPECIFIED,
        remote: Address::UNSPECIFIED,
        local_port: 49_152,
        remote_port: 80,
    };

    fn syn(seq: u32) -> Segment {
        let link = Link {
            medium: Medium::Ip,
            ..Link::NONE
        };
        let fields = Fields {
            seq: Seq(seq),
            ack: Seq(0),
            flags: SYN,
            window: 1000,
        };
        let mut buffer = [0; 96];
        let ends = Ends::from_peer(&KEY, &link);
        let len = segment(&mut buffer, Medium::Ip, &ends, fields, &[]).expect("it fits");
        match Frame::parse(&buffer[..len], Medium::Ip) {
            Frame::Tcp(segment) => segment,
            _ => panic!("no TCP"),
        }
    }

    #[test]
    fn another_syn_on_the_same_ports_begins_a_new_flow() {
        let mut table: FlowTable<[_; 2]> = FlowTable::new();
        let table: &mut FlowTable = &mut table;
        let (flow, evicted) = table.find_or_insert(KEY, &syn(1000), 0);
        assert_eq!(flow.expect("it is there").snd_max, Seq(1001));
        assert_eq!(evicted, Evicted::Nothing);
        // The same SYN again is a retransmission.
        let (flow, evicted) = table.find_or_insert(KEY, &syn(1000), 0);
        assert_eq!(flow.expect("it is there").snd_max, Seq(1001));
        assert_eq!(evicted, Evicted::Nothing);
        let (flow, evicted) = table.find_or_insert(KEY, &syn(9000), 0);
        assert_eq!(flow.expect("it is there").snd_max, Seq(9001));
        assert_eq!(evicted, Evicted::Predecessor);
    }
}
