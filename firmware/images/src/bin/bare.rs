//! A bare smoltcp socket that sends one request line and counts the answer: the baseline that the apps are
//! measured against, in flash, RAM and instructions.
//!
//! Parameters besides the common ones: `peer` (IPv4 address), `port` (80), `path` (/). Prints `received N`.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;
use core::net::Ipv4Addr;

use board::host::{self, ARGUMENTS_BYTES_MAX, Arguments, Line};
use images::exit::{self, Failure};
use images::single::{Conversation, Memory, hold};
use images::{Network, address, number};
use smoltcp::iface::Context;
use smoltcp::socket::tcp::{Socket, State};
use tickwire::{Duration, Tick};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Memory<2_920, 512> = Memory::empty();
    exit::finish(run(MEMORY))
}

fn run(memory: &mut Memory<2_920, 512>) -> Result<(), Failure> {
    let mut buffer = [MaybeUninit::uninit(); ARGUMENTS_BYTES_MAX];
    let arguments = Arguments::read(&mut buffer).map_err(|_| Failure::usage("no command line"))?;
    let network = Network::from_arguments(&arguments)?;
    let mut fetch = Fetch {
        peer: address(&arguments, "peer")?.ok_or(Failure::usage("peer=A.B.C.D is needed"))?,
        port: number(&arguments, "port", 80)?,
        local_port: network.local_port(),
        path: arguments.get("path").unwrap_or("/"),
        asked: false,
        peer_closed: false,
        received_bytes: 0,
        deadline: Tick::ZERO,
    };
    hold(&network, memory, &mut fetch)?;
    host::print(Line::new().text("received ").number(fetch.received_bytes));
    Ok(())
}

struct Fetch<'a> {
    peer: Ipv4Addr,
    port: u16,
    local_port: u16,
    path: &'a str,
    asked: bool,
    peer_closed: bool,
    received_bytes: u64,
    deadline: Tick,
}

impl Fetch<'_> {
    fn ask(&self, socket: &mut Socket<'_>) -> Result<(), Failure> {
        for part in ["GET ", self.path, " HTTP/1.0\r\n\r\n"] {
            if socket.send_slice(part.as_bytes()) != Ok(part.len()) {
                return Err(Failure::usage("path= is too long"));
            }
        }
        Ok(())
    }
}

impl Conversation for Fetch<'_> {
    fn open(
        &mut self,
        now: Tick,
        socket: &mut Socket<'_>,
        context: &mut Context,
    ) -> Result<(), Failure> {
        self.deadline = now + CONNECT_TIMEOUT;
        socket
            .connect(context, (self.peer, self.port), self.local_port)
            .map_err(|_| Failure::usage("this peer cannot be reached"))
    }

    fn step(&mut self, now: Tick, socket: &mut Socket<'_>) -> Result<bool, Failure> {
        if !self.asked && socket.may_send() {
            self.ask(socket)?;
            self.asked = true;
            self.deadline = now + IDLE_TIMEOUT;
        }
        while socket.can_recv() {
            let count = socket.recv(|bytes| (bytes.len(), bytes.len())).unwrap_or(0);
            self.received_bytes += count as u64;
            self.deadline = now + IDLE_TIMEOUT;
        }
        match socket.state() {
            // The peer's FIN is answered with ours, and the loop goes on until the peer acknowledged it: to stop
            // before would leave the peer in LAST-ACK.
            State::CloseWait => {
                self.peer_closed = true;
                socket.close();
            }
            State::Closed if self.peer_closed => return Ok(true),
            State::Closed if !self.asked => {
                return Err(Failure::new(exit::CONNECT, "the connection was refused"));
            }
            State::Closed => return Err(Failure::new(exit::RESET, "the connection was reset")),
            _ => {}
        }
        if now < self.deadline {
            Ok(false)
        } else if self.asked {
            Err(Failure::new(exit::TIMED_OUT, "the peer fell silent"))
        } else {
            Err(Failure::new(exit::CONNECT, "nobody answered"))
        }
    }

    fn deadline(&self) -> Tick {
        self.deadline
    }
}
