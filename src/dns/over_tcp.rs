//! A question over TCP (RFC 7766): one at a time, over a connection of its own.

use smoltcp::socket::tcp;

use super::resolver::{Lane, Resolver, Verdict, Via, judge};
use super::{Answer, Malformed, QUERY_BYTES_MAX};
use crate::{Deadline, Dial, Duration, Io, LINGER, Received, Stage, Tick};

/// For a question, the connection included.
const TCP_TIMEOUT: Duration = Duration::from_secs(4);

impl Resolver {
    /// Moves the one question over TCP; whether something moved.
    pub(super) fn converse(&mut self, io: &mut Io, is_late: bool) -> bool {
        let is_late = is_late && is_due(self.connection.deadline(), io.now);
        let Some(index) = self.lane_via(Via::Tcp) else {
            return self.await_connection(io, is_late);
        };
        let answer = match self.connection.poll(io, is_late) {
            Ok(Stage::Wait) => return false,
            Ok(Stage::Opened(_)) if self.write(io, index) => return true,
            Ok(Stage::Open(_)) => match self.read(io, index) {
                Some(answer) => answer,
                None => return false,
            },
            _ => Err(Malformed::Short),
        };
        if answer.is_ok() {
            self.connection.close(io, LINGER);
        } else {
            self.connection.abort(io);
        }
        self.take(io, index, answer);
        true
    }

    /// Ends the connection of the last question, and begins that of the next; whether something moved.
    fn await_connection(&mut self, io: &mut Io, is_late: bool) -> bool {
        if !self.connection.is_closed() {
            io.discard(self.connection.socket());
            let stage = self.connection.poll(io, is_late);
            if stage.is_err() {
                self.connection.abort(io);
            }
            return stage != Ok(Stage::Wait);
        }
        let queued = self.lane_via(Via::Queued);
        if let Some(index) = queued {
            self.dial(io, index);
        }
        queued.is_some()
    }

    fn lane_via(&self, via: Via) -> Option<usize> {
        let is_it = |lane: &Option<Lane>| lane.as_ref().is_some_and(|lane| lane.via == via);
        self.lanes.iter().position(is_it)
    }

    fn dial(&mut self, io: &mut Io, index: usize) {
        let Some(Some(lane)) = self.lanes.get_mut(index) else {
            return;
        };
        lane.via = Via::Tcp;
        lane.until = (io.now + TCP_TIMEOUT).min(lane.query.give_up_at);
        let dial = Dial {
            remote: lane.server,
            timeout: TCP_TIMEOUT,
        };
        self.connection.begin(io, dial);
    }

    /// Writes the question after its length (RFC 7766, 8), in one segment; whether it found room.
    fn write(&mut self, io: &mut Io, index: usize) -> bool {
        let Some(Some(lane)) = self.lanes.get_mut(index) else {
            return false;
        };
        let mut buffer = [0; 2 + QUERY_BYTES_MAX];
        let Some((length, question)) = buffer.split_first_chunk_mut() else {
            return false;
        };
        let bytes = lane.query.write(io, question);
        // At most 271.
        *length = (bytes as u16).to_be_bytes();
        let question = buffer.get(..2 + bytes).unwrap_or_default();
        io.write(self.connection.socket(), question) == Ok(question.len())
    }

    /// Reads the answer when it is whole.
    fn read(&self, io: &mut Io, index: usize) -> Option<Result<Answer, Malformed>> {
        let lane = self.lanes.get(index)?.as_ref()?;
        let handle = self.connection.socket();
        let (socket, _) = io.tcp(handle);
        let (room, is_cut) = (
            socket.recv_capacity(),
            socket.state() != tcp::State::Established,
        );
        let Ok(Received::Data(received)) = io.peek(handle) else {
            return is_cut.then_some(Err(Malformed::Short));
        };
        // The first bytes of a connection are contiguous: the buffer was empty.
        let whole = received.split_first_chunk().and_then(|(length, rest)| {
            let length = usize::from(u16::from_be_bytes(*length));
            let will_fit = length + 2 <= room;
            (!will_fit || length <= rest.len()).then(|| rest.get(..length))
        });
        match whole {
            Some(Some(message)) => Some(match judge(message, &lane.query, true) {
                Verdict::Answer(answer) => answer,
                _ => Err(Malformed::Short),
            }),
            Some(None) => Some(Err(Malformed::Short)),
            None => is_cut.then_some(Err(Malformed::Short)),
        }
    }
}

fn is_due(deadline: Option<Deadline>, now: Tick) -> bool {
    deadline.is_some_and(|deadline| deadline.at <= now)
}
