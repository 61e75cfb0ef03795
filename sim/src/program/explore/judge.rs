//! Runs a script and looks for what must not happen.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use smoltcp::socket::tcp::{RecvError, State};
use tickwire::guard::{Guarded, Storage};

use super::cable::{Cable, HOST_MAC, MTU, Sent, TestDevice};
use super::host::{EGRESS_MAX, Host, Memory, byte_at};
use super::script::{Act, Received, Script};

/// How often and for how long a host may sleep until it must have sent again what is in flight.
const SLEEPS_MAX: u32 = 400;
const MILLIS_MAX: u64 = 10 * 60 * 1_000;

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
        })
    }
}

/// Runs a script on a host without a guard or with one.
pub(super) fn judge(script: &Script, is_guarded: bool) -> Result<(), Defect> {
    let run = || {
        if is_guarded {
            let mut storage: Storage<3, MTU> = Storage::new();
            let device = Guarded::new(Cable::new(), HOST_MAC, &mut storage);
            run(device, script)
        } else {
            run(Cable::new(), script)
        }
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(Defect::Panics))
}

fn run<D: TestDevice>(device: D, script: &Script) -> Result<(), Defect> {
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
        end_received: 0,
        fin_at: None,
        is_contradictory: false,
        has_refused: false,
        has_keep_alive: script.setup.has_keep_alive,
    };
    for act in &script.acts {
        trial.apply(act)?;
    }
    trial.host.device.cable().refuses = false;
    trial.end()
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
    /// After the last byte in any segment of the peer's, and where its FIN was.
    end_received: i32,
    fin_at: Option<i32>,
    /// The peer has sent two ends, or went on after the end of its stream.
    is_contradictory: bool,
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
            _ if self.is_contradictory => self.check(),
            Ok(false) => Err(Defect::Corrupts),
            Err(RecvError::Finished) if self.fin_at != Some(has_read) => Err(Defect::Truncates),
            _ => self.check(),
        }
    }

    fn receive(&mut self, received: Received) -> Result<(), Defect> {
        self.last = Some(received);
        self.note_end(&received);
        let is_pure = received.len == 0 && !received.has_fin;
        let is_new = self.acked < received.ack && received.ack <= self.sent_end;
        // Between a FIN that fills the window and its own ACK of it, smoltcp accepts nothing.
        let is_full = self.fin_at.is_some_and(|at| at >= self.edge);
        let is_honest = received.seq <= self.edge && !self.is_contradictory && !is_full;
        // The guard puts some ACKs off until there is room for an answer.
        let counts = is_pure && is_new && is_honest && !self.host.device.cable().refuses;
        let before = self.unacked();
        self.host.receive(&received);
        self.check()?;
        if counts && before.is_some() {
            self.acked = received.ack;
            // The guard holds back one byte while the window is closed after the peer's FIN.
            let held_back = i32::from(received.window == 0 && self.fin_at.is_some());
            if self
                .unacked()
                .is_some_and(|first| first < received.ack - held_back)
            {
                return Err(Defect::IgnoresAck);
            }
        }
        Ok(())
    }

    /// Notes where the peer's stream ends.
    fn note_end(&mut self, received: &Received) {
        let end = received.seq + received.len as i32;
        self.end_received = self.end_received.max(end);
        if received.has_fin {
            self.is_contradictory |= self.fin_at.is_some_and(|at| at != end);
            self.fin_at = Some(end);
        }
        // An ACK after the FIN has the number after it.
        let end_max = self.end_received - i32::from(received.len == 0 && !received.has_fin);
        self.is_contradictory |= self.fin_at.is_some_and(|at| end_max > at);
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
        // smoltcp itself forgets the window that a probe or a keep-alive announces.
        if sent.payload_len != 1 {
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
    fn end(&mut self) -> Result<(), Defect> {
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
