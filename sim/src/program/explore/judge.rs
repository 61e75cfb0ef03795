//! Runs a script and looks for what must not happen.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use smoltcp::socket::tcp::{RecvError, State};
use smoltcp::time::Duration;
use tickwire::guard::{Guarded, Storage};

use super::cable::{Cable, HOST_MAC, MTU, Sent, TestDevice};
use super::host::{EGRESS_MAX, Host, Memory, byte_at};
use super::peer::Peer;
use super::script::{Act, Received, Script};

/// How often and for how long a host may sleep until it must have sent again what is in flight.
const SLEEPS_MAX: u32 = 400;
const MILLIS_MAX: u64 = 10 * 60 * 1_000;
/// As many segments of an honest peer, each after this time, bring everything to an end.
const ROUNDS_MAX: u32 = 100;
const ROUND: Duration = Duration::from_millis(500);

/// What a script broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Defect {
    /// Bytes are not acknowledged, and nothing will ever send them again.
    HoldsData,
    /// The same, of a FIN.
    HoldsFin,
    /// One poll sends frame after frame.
    Spins,
    Panics,
    /// The application read bytes that the peer did not send, or in its segments the host sent
    /// bytes that the application did not write.
    Corrupts,
    /// The stream ended before its last byte.
    Truncates,
    /// Bytes left the send buffer without having been sent.
    Loses,
    /// A pure ACK of new data, from within the window or at its end, or one older, was ignored.
    IgnoresAck,
    /// Data that is next and fits into the window was ignored.
    IgnoresData,
    /// An honest peer sends and acknowledges everything again and again, and it does not get there.
    NeverEnds,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HoldsData => "stuck with data",
            Self::HoldsFin => "stuck with a FIN",
            Self::Spins => "spins",
            Self::Panics => "panics",
            Self::Corrupts => "corrupts",
            Self::Truncates => "truncates",
            Self::Loses => "loses bytes",
            Self::IgnoresAck => "ignores an ACK",
            Self::IgnoresData => "ignores data",
            Self::NeverEnds => "never ends",
        })
    }
}

/// What comes after a script.
#[derive(Debug, Clone, Copy)]
enum Ending {
    /// Nothing.
    Silence,
    /// An honest peer, on a network that loses nothing.
    Honesty,
}

/// Runs a script on a host without a guard or with one, with either ending.
pub(super) fn judge(script: &Script, is_guarded: bool) -> Result<(), Defect> {
    let run = |ending| {
        if is_guarded {
            let mut storage: Storage<3, MTU> = Storage::new();
            let device = Guarded::new(Cable::new(), HOST_MAC, &mut storage);
            run(device, script, ending)
        } else {
            run(Cable::new(), script, ending)
        }
    };
    [Ending::Silence, Ending::Honesty]
        .into_iter()
        .try_for_each(|ending| {
            catch_unwind(AssertUnwindSafe(|| run(ending))).unwrap_or(Err(Defect::Panics))
        })
}

fn run<D: TestDevice>(device: D, script: &Script, ending: Ending) -> Result<(), Defect> {
    let mut memory = Memory::new();
    let Some(host) = Host::connected(device, &mut memory, &script.setup) else {
        unreachable!("the handshake of a script is an honest one");
    };
    let mut trial = Trial {
        host,
        last: None,
        sent_end: 0,
        acked: 0,
        edge: script.setup.window as i32,
        acked_from_beyond: 0,
        peer: Peer::new(),
        has_refused: false,
        has_keep_alive: script.setup.has_keep_alive,
    };
    for act in &script.acts {
        trial.apply(act)?;
    }
    trial.host.device.cable().refuses = false;
    match ending {
        Ending::Silence => trial.end_in_silence(),
        Ending::Honesty => trial.end_honestly(),
    }
}

/// A host on its way through a script. Positions count from the first byte of a stream.
struct Trial<'a, D> {
    host: Host<'a, D>,
    last: Option<Received>,
    /// After the last byte or FIN that the host has sent.
    sent_end: i32,
    /// The highest acknowledgement that the host must have accepted.
    acked: i32,
    /// The highest end of a window that the host has announced.
    edge: i32,
    /// The highest acknowledgement in a segment from beyond that.
    acked_from_beyond: i32,
    peer: Peer,
    /// The device had no room at some time, so that frames may have been dropped.
    has_refused: bool,
    has_keep_alive: bool,
}

impl<D: TestDevice> Trial<'_, D> {
    fn apply(&mut self, act: &Act) -> Result<(), Defect> {
        match *act {
            Act::Write(len) => self.host.write(len),
            Act::Close => self.host.close(),
            Act::Read => return self.read(),
            Act::Receive(received) => return self.receive(received),
            Act::Again(count) => {
                let Some(last) = self.last else { return Ok(()) };
                return (0..count).try_for_each(|_| self.receive(last));
            }
            Act::Acknowledge(window) => {
                return self.receive(self.peer.acknowledge(self.sent_end, window));
            }
            Act::Continue(len, has_fin) => {
                return self.receive(self.peer.go_on(self.sent_end, len, has_fin));
            }
            Act::Resend => return self.receive(self.peer.resend(self.sent_end, self.edge)),
            Act::Pass(millis) => self.host.advance(millis),
            Act::Sleep => {
                self.host.sleep();
            }
            Act::Refuse => {
                self.host.device.cable().refuses = true;
                self.has_refused = true;
            }
            Act::Accept => self.host.device.cable().refuses = false,
        }
        self.check()
    }

    fn read(&mut self) -> Result<(), Defect> {
        let read = self.host.read_all();
        let has_read = self.host.read as i32;
        match read {
            _ if self.peer.is_contradictory => self.check(),
            Ok(false) => Err(Defect::Corrupts),
            Err(RecvError::Finished) if self.peer.fin_at != Some(has_read) => {
                Err(Defect::Truncates)
            }
            _ => self.check(),
        }
    }

    fn receive(&mut self, received: Received) -> Result<(), Defect> {
        self.last = Some(received);
        self.peer.on_sent(&received);
        let is_pure = received.len == 0 && !received.has_fin;
        let is_new = self.acked < received.ack && received.ack <= self.sent_end;
        // What follows a FIN that the window has no room for has the number after it.
        let end_max = self.edge + i32::from(self.peer.fin_at == Some(self.edge));
        // Between a FIN that fills the window and its own ACK of it, smoltcp accepts nothing.
        let is_full = self.peer.fin_at.is_some_and(|at| at >= self.edge) && self.has_taken_fin();
        let is_honest = received.seq <= end_max && !self.peer.is_contradictory && !is_full;
        // The guard puts some ACKs off until there is room for an answer.
        let counts = is_pure && is_new && is_honest && !self.host.device.cable().refuses;
        let before = self.unacked();
        let next = self.next_if_fits(&received);
        if received.seq > self.edge {
            self.acked_from_beyond = self.acked_from_beyond.max(received.ack);
        }
        self.host.receive(&received);
        self.check()?;
        if next.is_some_and(|end| self.taken() < end) {
            return Err(Defect::IgnoresData);
        }
        if counts && before.is_some() {
            self.acked = received.ack;
            // The guard holds back one byte while the window is closed after the peer's FIN.
            let held_back = i32::from(received.window == 0 && self.peer.fin_at.is_some());
            if self
                .unacked()
                .is_some_and(|first| first < received.ack - held_back)
            {
                return Err(Defect::IgnoresAck);
            }
        }
        Ok(())
    }

    /// How many bytes of the peer's stream have come in order.
    fn taken(&mut self) -> i32 {
        (self.host.read + self.host.socket().recv_queue()) as i32
    }

    fn has_taken_fin(&mut self) -> bool {
        matches!(
            self.host.socket().state(),
            State::CloseWait | State::Closing | State::LastAck | State::TimeWait
        )
    }

    /// Up to where the host has to take a segment's data. None when it may ignore it.
    fn next_if_fits(&mut self, received: &Received) -> Option<i32> {
        let end = received.seq + received.len as i32;
        let taken = self.taken();
        // One that exceeds the window at both ends is not acceptable (RFC 9293, 3.10.7.4).
        let is_acceptable = received.seq == taken || end <= self.edge;
        let end = end.min(self.edge);
        let is_next = received.seq <= taken && taken < end && is_acceptable;
        // Nothing that was never sent is acknowledged, and a guard puts off what needs an answer.
        // An acknowledgement from beyond the window is one that smoltcp may know and the guard not.
        let acks = self.acked_from_beyond..=self.sent_end;
        let is_honest = acks.contains(&received.ack) && !self.peer.is_contradictory;
        let may_be_ignored = self.has_refused || !self.host.socket().may_recv();
        (is_next && is_honest && !may_be_ignored).then_some(end)
    }

    /// The position of the first byte, or of the FIN, that is not acknowledged. None when the
    /// connection is over.
    fn unacked(&mut self) -> Option<i32> {
        let written = self.host.written;
        let socket = self.host.socket();
        match socket.state() {
            State::Closed | State::FinWait2 | State::TimeWait => None,
            _ => Some((written - socket.send_queue()) as i32),
        }
    }

    /// Looks at what the last poll sent.
    fn check(&mut self) -> Result<(), Defect> {
        let count = self.host.sent().len();
        if count >= EGRESS_MAX {
            return Err(Defect::Spins);
        }
        for at in 0..count {
            let sent = self.host.sent()[at];
            self.check_sent(&sent)?;
        }
        match self.unacked() {
            Some(unacked) if unacked > self.sent_end && !self.has_refused => Err(Defect::Loses),
            _ => Ok(()),
        }
    }

    fn check_sent(&mut self, sent: &Sent) -> Result<(), Defect> {
        let start = self.host.position_sent(sent);
        let payload = &sent.payload[..sent.payload_len];
        let mut written = payload.iter().zip(start..);
        // The byte of a keep-alive is none of the application's.
        if !self.has_keep_alive && !written.all(|(byte, at)| *byte == byte_at(at)) {
            return Err(Defect::Corrupts);
        }
        let end = start + sent.payload_len as i32 + i32::from(sent.has_fin);
        self.sent_end = self.sent_end.max(end);
        (self.peer).on_acknowledged(self.host.position_acknowledged(sent));
        // smoltcp itself forgets the window that a probe or a keep-alive announces. A FIN of the
        // guard's may acknowledge one of the peer's before smoltcp does.
        let may_be_guards = sent.has_fin && sent.payload_len == 0 && sent.window == 0;
        if sent.payload_len != 1 && !may_be_guards {
            self.edge = self.edge.max(self.host.edge_announced(sent));
        }
        Ok(())
    }

    /// Whether bytes or a FIN of the host's wait to be acknowledged.
    fn owes(&mut self) -> bool {
        let socket = self.host.socket();
        match socket.state() {
            State::FinWait1 | State::Closing | State::LastAck => true,
            State::Closed => false,
            _ => socket.send_queue() > 0,
        }
    }

    /// Nothing comes any more. The host must send again what it owes, more than once, or nothing
    /// ever will.
    fn end_in_silence(&mut self) -> Result<(), Defect> {
        self.read()?;
        let (mut millis, mut resends) = (0, 0);
        for _ in 0..SLEEPS_MAX {
            if !self.owes() || resends > 1 {
                return Ok(());
            }
            match self.host.sleep() {
                Some(slept) => millis += slept,
                None => break,
            }
            if millis > MILLIS_MAX {
                break;
            }
            self.check()?;
            resends += u32::from(self.resends());
        }
        match (self.owes(), self.host.socket().send_queue()) {
            (false, _) => Ok(()),
            (true, 0) => Err(Defect::HoldsFin),
            (true, _) => Err(Defect::HoldsData),
        }
    }

    /// From now on the peer tells no lie and nothing is lost. Everything must come to an end.
    fn end_honestly(&mut self) -> Result<(), Defect> {
        for _ in 0..ROUNDS_MAX {
            self.read()?;
            let is_over = self.host.socket().state() == State::Closed;
            let is_whole = !self.owes() && self.peer.is_heard(self.host.read);
            if is_over || is_whole || self.peer.is_contradictory {
                return Ok(());
            }
            self.receive(self.peer.resend(self.sent_end, self.edge))?;
            self.pass(ROUND)?;
        }
        Err(Defect::NeverEnds)
    }

    /// Time passes, and the host is polled whenever it wants to.
    fn pass(&mut self, mut time: Duration) -> Result<(), Defect> {
        for _ in 0..SLEEPS_MAX {
            if time == Duration::ZERO {
                return Ok(());
            }
            time = self.host.sleep_at_most(time);
            self.check()?;
        }
        Err(Defect::Spins)
    }

    /// Whether the last poll sent the first byte, or the FIN, that is not acknowledged.
    fn resends(&mut self) -> bool {
        let Some(unacked) = self.unacked() else {
            return false;
        };
        (0..self.host.sent().len()).any(|at| {
            let sent = self.host.sent()[at];
            let occupies = sent.payload_len > 0 || sent.has_fin;
            occupies && self.host.position_sent(&sent) == unacked
        })
    }
}
