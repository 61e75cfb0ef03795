//! A bare smoltcp socket that sends one request line and counts the answer: the baseline that the apps are
//! measured against, in flash, RAM and instructions.
//!
//! Parameters besides the common ones: `peer` (IPv4 address), `port` (80), `path` (/). Prints `received N`.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;
use core::net::Ipv4Addr;

use board::host::{self, ARGUMENTS_BYTES_MAX, Arguments, Line};
use board::{FRAME_BYTES_MAX, Nic};
use images::{EXIT_CONNECT, EXIT_RESET, EXIT_TIMEOUT, Failure, Network, optional, report_cost};
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use tickwire::{TICKS_PER_SECOND, Tick};

const CONNECT_TICKS: u64 = 5 * TICKS_PER_SECOND;
const IDLE_TICKS: u64 = 20 * TICKS_PER_SECOND;
/// Frames taken in before the socket is looked at again.
const FRAMES_PER_TURN: usize = 8;
const RECEIVE_BYTES: usize = 2_920;
const SEND_BYTES: usize = 512;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut RECEIVE_FRAME: [u8; FRAME_BYTES_MAX] = [0; FRAME_BYTES_MAX];
    static mut SEND_FRAME: [u8; FRAME_BYTES_MAX] = [0; FRAME_BYTES_MAX];
    static mut RECEIVE: [u8; RECEIVE_BYTES] = [0; RECEIVE_BYTES];
    static mut SEND: [u8; SEND_BYTES] = [0; SEND_BYTES];
    images::finish(run(RECEIVE_FRAME, SEND_FRAME, RECEIVE, SEND))
}

fn run(
    receive_frame: &mut [u8],
    send_frame: &mut [u8],
    receive: &mut [u8],
    send: &mut [u8],
) -> Result<(), Failure> {
    let mut buffer = [MaybeUninit::uninit(); ARGUMENTS_BYTES_MAX];
    let arguments = Arguments::read(&mut buffer).map_err(|_| Failure::usage("no command line"))?;
    let network = Network::from_arguments(&arguments)?;
    let peer: Ipv4Addr = optional(&arguments, "peer", "peer= is no IPv4 address")?
        .ok_or(Failure::usage("peer=A.B.C.D is needed"))?;
    let port: u16 = optional(&arguments, "port", "port= is no number")?.unwrap_or(80);
    let path = arguments.get("path").unwrap_or("/");

    let (mut clock, ethernet) = board::start(network.mac())?;
    let mut nic = Nic::new(ethernet, receive_frame, send_frame);
    let mut interface = network.interface(&mut clock, &mut nic);
    let mut storage = [SocketStorage::EMPTY];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let handle = sockets.add(Socket::new(
        SocketBuffer::new(receive),
        SocketBuffer::new(send),
    ));
    // The dynamic ports of RFC 6335, 6: 49152 to 65535.
    let local_port = 0xC000 | (network.seed & 0x3FFF) as u16;
    sockets
        .get_mut::<Socket<'_>>(handle)
        .connect(interface.context(), (peer, port), local_port)
        .map_err(|_| Failure::usage("this peer cannot be reached"))?;

    let mut fetch = Fetch {
        asked: false,
        peer_closed: false,
        received_bytes: 0,
        deadline: clock.now().after(CONNECT_TICKS),
    };
    loop {
        let now = clock.now();
        let instant = now.to_smoltcp();
        interface.poll_maintenance(instant);
        for _ in 0..FRAMES_PER_TURN {
            if interface.poll_ingress_single(instant, &mut nic, &mut sockets)
                == smoltcp::iface::PollIngressSingleResult::None
            {
                break;
            }
        }
        let done = fetch.step(now, sockets.get_mut(handle), path)?;
        interface.poll_egress(instant, &mut nic, &mut sockets);
        if done {
            break;
        }
        let deadline = interface
            .poll_at(instant, &sockets)
            .map_or(fetch.deadline, |at| {
                Tick::from_smoltcp(at).min(fetch.deadline)
            });
        clock.sleep(Some(deadline), &mut nic);
    }
    host::print(Line::new().text("received ").number(fetch.received_bytes));
    report_cost(&mut clock, &nic);
    Ok(())
}

struct Fetch {
    asked: bool,
    peer_closed: bool,
    received_bytes: u64,
    deadline: Tick,
}

impl Fetch {
    /// Moves the fetch as far as it goes; true when the peer has closed and heard our close.
    fn step(&mut self, now: Tick, socket: &mut Socket<'_>, path: &str) -> Result<bool, Failure> {
        if !self.asked && socket.may_send() {
            for part in ["GET ", path, " HTTP/1.0\r\n\r\n"] {
                let sent = socket.send_slice(part.as_bytes());
                if sent != Ok(part.len()) {
                    return Err(Failure::usage("path= is too long"));
                }
            }
            self.asked = true;
            self.deadline = now.after(IDLE_TICKS);
        }
        while socket.can_recv() {
            let count = socket.recv(|bytes| (bytes.len(), bytes.len())).unwrap_or(0);
            self.received_bytes += count as u64;
            self.deadline = now.after(IDLE_TICKS);
        }
        match socket.state() {
            // Our FIN is answered: to stop before would leave the peer in LAST-ACK.
            State::CloseWait => {
                self.peer_closed = true;
                socket.close();
            }
            State::Closed if !self.asked => {
                return Err(Failure {
                    code: EXIT_CONNECT,
                    why: "the connection was refused",
                });
            }
            State::Closed if self.peer_closed => return Ok(true),
            State::Closed => {
                return Err(Failure {
                    code: EXIT_RESET,
                    why: "the connection was reset",
                });
            }
            _ => {}
        }
        if now >= self.deadline {
            return Err(Failure {
                code: if self.asked {
                    EXIT_TIMEOUT
                } else {
                    EXIT_CONNECT
                },
                why: "the peer fell silent",
            });
        }
        Ok(false)
    }
}
