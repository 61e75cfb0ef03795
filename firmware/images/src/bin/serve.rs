//! A bare smoltcp socket that waits for one request line and answers it with a pattern: the peer of the other
//! images where there is no host, and the test of a driver's way out.
//!
//! Parameters besides the common ones: `port` (80), `bytes` (0). Byte `i` of the answer is `i` modulo 251.
//! Prints `listening` when a caller would be heard, and `sent N` at the end.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use board::host::{self, ARGUMENTS_BYTES_MAX, Arguments, Line};
use images::exit::{self, Failure};
use images::single::{Conversation, Memory, hold};
use images::{Network, number};
use smoltcp::iface::Context;
use smoltcp::socket::tcp::{Socket, State};
use tickwire::{Duration, Tick};

const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// The peer may need our last ACK again.
const LINGER: Duration = Duration::from_millis(250);
/// A prime, so that a frame that is lost, repeated or shifted cannot fit the pattern.
const PATTERN_BYTES: u64 = 251;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Memory<512, 4_380> = Memory::empty();
    exit::finish(run(MEMORY))
}

fn run(memory: &mut Memory<512, 4_380>) -> Result<(), Failure> {
    let mut buffer = [MaybeUninit::uninit(); ARGUMENTS_BYTES_MAX];
    let arguments = Arguments::read(&mut buffer).map_err(|_| Failure::usage("no command line"))?;
    let network = Network::from_arguments(&arguments)?;
    let mut answer = Answer {
        port: number(&arguments, "port", 80)?,
        left_bytes: number(&arguments, "bytes", 0)?,
        sent_bytes: 0,
        asked: false,
        lingering: false,
        deadline: Tick::ZERO,
    };
    hold(&network, memory, &mut answer)?;
    host::print(Line::new().text("sent ").number(answer.sent_bytes));
    Ok(())
}

struct Answer {
    port: u16,
    left_bytes: u64,
    sent_bytes: u64,
    asked: bool,
    lingering: bool,
    deadline: Tick,
}

impl Answer {
    /// Fills the socket's buffer with the next of the pattern.
    fn pour(&mut self, socket: &mut Socket<'_>) -> usize {
        let (mut phase, left) = (self.sent_bytes % PATTERN_BYTES, self.left_bytes);
        let count = socket
            .send(|room| {
                let count = room.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                for byte in room.iter_mut().take(count) {
                    // Less than 251.
                    *byte = phase as u8;
                    phase = if phase + 1 == PATTERN_BYTES {
                        0
                    } else {
                        phase + 1
                    };
                }
                (count, count)
            })
            .unwrap_or(0);
        self.sent_bytes += count as u64;
        self.left_bytes -= count as u64;
        count
    }
}

impl Conversation for Answer {
    fn open(&mut self, now: Tick, socket: &mut Socket<'_>, _: &mut Context) -> Result<(), Failure> {
        self.deadline = now + IDLE_TIMEOUT;
        socket
            .listen(self.port)
            .map_err(|_| Failure::usage("port= cannot be 0"))?;
        host::print(Line::new().text("listening"));
        Ok(())
    }

    fn step(&mut self, now: Tick, socket: &mut Socket<'_>) -> Result<bool, Failure> {
        while socket.can_recv() {
            let line_ended = socket.recv(|bytes| (bytes.len(), bytes.contains(&b'\n')));
            self.asked |= line_ended.unwrap_or(false);
        }
        while self.asked && self.left_bytes > 0 && socket.can_send() {
            if self.pour(socket) == 0 {
                break;
            }
            self.deadline = now + IDLE_TIMEOUT;
        }
        if self.asked && self.left_bytes == 0 {
            socket.close();
        }
        match socket.state() {
            // The peer closed too; it may not have our last ACK yet.
            State::TimeWait | State::Closed if self.asked && self.left_bytes == 0 => {
                if !self.lingering {
                    self.lingering = true;
                    self.deadline = now + LINGER;
                }
                return Ok(now >= self.deadline);
            }
            State::Closed => return Err(Failure::new(exit::RESET, "the connection was reset")),
            _ => {}
        }
        if now >= self.deadline {
            return Err(Failure::new(exit::TIMED_OUT, "the peer fell silent"));
        }
        Ok(false)
    }

    fn deadline(&self) -> Tick {
        self.deadline
    }
}
