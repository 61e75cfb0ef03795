//! The state of one port, and what happens to each frame that it sends.

use smoltcp::wire::EthernetAddress;

use super::{
    Action, Bursts, Cause, Change, Counts, Jitter, Link, Planned, Rule,
    line::Line,
    mangle::{TcpKind, tcp_kind},
    pool::Index,
};
use crate::Generator;

/// The IP MTU of a port unless it is set.
const MTU_DEFAULT: usize = 1_500;

/// The state of one port, which the caller lends to the Ethernet.
#[derive(Debug)]
pub struct PortState<'a> {
    pub(super) address: Option<EthernetAddress>,
    pub(super) mtu: usize,
    pub(super) is_up: bool,
    /// The device does not refuse to transmit.
    pub(super) has_room: bool,
    /// One bit for each port that frames from this port do not reach.
    pub(super) severed: u32,
    pub(super) link: Link,
    pub(super) plan: &'a [Planned],
    pub(super) rule: Option<Rule>,
    pub(super) line: Line,
    pub(super) generator: Generator,
    pub(super) counts: Counts,
    /// The queue of frames on their way to this port.
    pub(super) queue: Index,
    in_bad_run: bool,
    last_due_micros: u64,
}

/// What happens to one frame on its way to one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Drop(Cause),
    Deliver {
        due_micros: u64,
        change: Option<Change>,
        /// When a second copy is due, which is never altered.
        copy_due_micros: Option<u64>,
    },
}

impl PortState<'_> {
    /// A port without an address, up, with an MTU of 1,500 and a perfect link.
    pub const fn new() -> Self {
        Self {
            address: None,
            mtu: MTU_DEFAULT,
            is_up: true,
            has_room: true,
            severed: 0,
            link: Link::PERFECT,
            plan: &[],
            rule: None,
            line: Line::new(),
            // The Ethernet gives each port its own stream.
            generator: Generator::new(0),
            counts: Counts::ZERO,
            queue: None,
            in_bad_run: false,
            last_due_micros: 0,
        }
    }

    /// When the frame leaves the line, in microseconds, or why it does not.
    pub(super) fn depart(&mut self, now_micros: u64, len: usize) -> Result<u64, Cause> {
        if self.generator.chance(self.link.clog_ppm) {
            let micros = self.generator.between(0, self.link.clog_micros_max);
            self.line.clog(now_micros, micros);
            self.counts.clogged += 1;
        }
        self.line
            .depart(now_micros, len, self.link.bandwidth)
            .ok_or(Cause::QueueFull)
    }

    /// What happens to a frame that left the line at `left_micros`, unless a plan or a rule has
    /// decided already.
    pub(super) fn judge(
        &mut self,
        left_micros: u64,
        planned: Option<Action>,
        frame: &[u8],
    ) -> Verdict {
        let arrival = left_micros.saturating_add(self.link.delay_micros);
        if let Some(action) = planned {
            return self.carry_out(action, arrival);
        }
        if let Some(cause) = self.loses(frame) {
            return Verdict::Drop(cause);
        }
        let change = self.draw_change();
        let due_micros = self.draw_due(arrival);
        let copy_due_micros = self.generator.chance(self.link.duplicate_ppm).then(|| {
            let late = self.generator.between(0, self.link.duplicate_micros_max);
            due_micros.saturating_add(late)
        });
        Verdict::Deliver {
            due_micros,
            change,
            copy_due_micros,
        }
    }

    /// What the plan says of the frame with this number.
    pub(super) fn planned(&self, number: u64) -> Option<Action> {
        let mut plan = self.plan.iter();
        plan.find(|planned| planned.number == number)
            .map(|planned| planned.action)
    }

    fn carry_out(&mut self, action: Action, arrival_micros: u64) -> Verdict {
        let (mut due_micros, mut change, mut copy_due_micros) = (arrival_micros, None, None);
        match action {
            Action::Pass => {}
            Action::Drop => return Verdict::Drop(Cause::Planned),
            Action::Duplicate { after_micros } => {
                copy_due_micros = Some(arrival_micros.saturating_add(after_micros));
            }
            Action::Delay { by_micros } => {
                due_micros = arrival_micros.saturating_add(by_micros);
                self.counts.held_back += 1;
            }
            Action::Change(planned) => change = Some(planned),
        }
        Verdict::Deliver {
            due_micros,
            change,
            copy_due_micros,
        }
    }

    fn loses(&mut self, frame: &[u8]) -> Option<Cause> {
        let link = self.link;
        if link.bursts.is_some_and(|bursts| self.is_in_bad_run(bursts)) {
            return Some(Cause::Burst);
        }
        if self.generator.chance(link.loss_ppm) {
            return Some(Cause::Loss);
        }
        if link.ack_loss_ppm == 0 && link.data_loss_ppm == 0 {
            return None;
        }
        let (cause, rate_ppm) = match tcp_kind(frame)? {
            TcpKind::Ack => (Cause::AckLoss, link.ack_loss_ppm),
            TcpKind::Data => (Cause::DataLoss, link.data_loss_ppm),
        };
        self.generator.chance(rate_ppm).then_some(cause)
    }

    /// Whether this frame is in a bad run. The run changes with a probability of one over its mean
    /// length.
    fn is_in_bad_run(&mut self, bursts: Bursts) -> bool {
        let frames_mean = if self.in_bad_run {
            bursts.bad_frames_mean
        } else {
            bursts.good_frames_mean
        };
        if self.generator.below(u64::from(frames_mean)) == 0 {
            self.in_bad_run = !self.in_bad_run;
        }
        self.in_bad_run
    }

    fn draw_change(&mut self) -> Option<Change> {
        let link = self.link;
        [
            (Change::BitFlip, link.bit_flip_ppm),
            (Change::Truncation, link.truncate_ppm),
            (Change::Padding, link.pad_ppm),
            (Change::Junk, link.junk_ppm),
            (Change::WordSwap, link.word_swap_ppm),
            (Change::Lie, link.lie_ppm),
        ]
        .into_iter()
        .find_map(|(change, rate_ppm)| self.generator.chance(rate_ppm).then_some(change))
    }

    fn draw_due(&mut self, arrival_micros: u64) -> u64 {
        let jitter = match self.link.jitter {
            Jitter::None => 0,
            Jitter::Uniform { micros_max } => self.generator.between(0, micros_max),
            Jitter::Exponential { micros_mean } => self.generator.exponential(micros_mean),
        };
        let mut due_micros = arrival_micros.saturating_add(jitter);
        if self.link.keeps_order {
            due_micros = due_micros.max(self.last_due_micros);
            self.last_due_micros = due_micros;
        }
        // After the order is fixed: only this frame is late, and later ones do not wait for it.
        if self.generator.chance(self.link.reorder_ppm) {
            let micros = self.generator.between(1, self.link.reorder_micros_max);
            due_micros = due_micros.saturating_add(micros);
            self.counts.held_back += 1;
        }
        due_micros
    }
}

impl Default for PortState<'_> {
    fn default() -> Self {
        Self::new()
    }
}
