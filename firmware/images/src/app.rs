//! An app, its sockets and tickwire's loop on a board.

use core::mem::MaybeUninit;

use board::{Clock, Ethernet, FRAME_BYTES_MAX, Nic};
use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
#[cfg(feature = "guard")]
use smoltcp::wire::EthernetAddress;
#[cfg(feature = "guard")]
use tickwire::guard::{Guarded, Storage};
use tickwire::{AnyTask, App, Event, Observer, Stack, Task, Tick};

use crate::exit::Failure;
use crate::{Network, report_cost};

/// What the interface sends and receives through.
#[cfg(feature = "guard")]
type Link = Guarded<'static, Nic<'static, Ethernet>>;
/// What the interface sends and receives through.
#[cfg(not(feature = "guard"))]
type Link = Nic<'static, Ethernet>;

/// All memory that an image lends to its interface and to its sockets: a `static` of its own. `FLOWS` is two more than
/// there are sockets, or more than that; without the guard it takes no memory.
pub struct Memory<
    const SOCKETS: usize,
    const RECEIVE: usize,
    const SEND: usize,
    const FLOWS: usize = 4,
> {
    receive_frame: [u8; FRAME_BYTES_MAX],
    send_frame: [u8; FRAME_BYTES_MAX],
    receive: [[u8; RECEIVE]; SOCKETS],
    send: [[u8; SEND]; SOCKETS],
    #[cfg(feature = "guard")]
    guard: Storage<FLOWS>,
    sockets: MaybeUninit<[SocketStorage<'static>; SOCKETS]>,
    node: MaybeUninit<Node>,
}

/// The board's clock and its network stack.
pub struct Node {
    clock: Clock,
    stack: Stack<'static, Link>,
}

impl<const SOCKETS: usize, const RECEIVE: usize, const SEND: usize, const FLOWS: usize>
    Memory<SOCKETS, RECEIVE, SEND, FLOWS>
{
    /// All zero or uninitialised, so that a `static` of it costs no flash.
    pub const fn empty() -> Self {
        Self {
            receive_frame: [0; FRAME_BYTES_MAX],
            send_frame: [0; FRAME_BYTES_MAX],
            receive: [[0; RECEIVE]; SOCKETS],
            send: [[0; SEND]; SOCKETS],
            #[cfg(feature = "guard")]
            guard: Storage::new(),
            sockets: MaybeUninit::uninit(),
            node: MaybeUninit::uninit(),
        }
    }

    /// Starts the board; the handles are those of all sockets.
    ///
    /// # Errors
    /// The part of the board that does not answer.
    pub fn start(
        &'static mut self,
        network: &Network,
    ) -> Result<(&'static mut Node, [SocketHandle; SOCKETS]), Failure> {
        let (mut clock, ethernet) = board::start(network.mac())?;
        let nic = Nic::new(ethernet, &mut self.receive_frame, &mut self.send_frame);
        #[cfg(feature = "guard")]
        let mut link = Guarded::new(nic, EthernetAddress(network.mac()), &mut self.guard);
        #[cfg(not(feature = "guard"))]
        let mut link = nic;
        let interface = network.interface(&mut clock, &mut link);
        let storage = self.sockets.write([SocketStorage::EMPTY; SOCKETS]);
        let sockets = SocketSet::new(&mut storage[..]);
        let stack = Stack::from_parts(interface, link, sockets, network.seed);
        #[cfg(feature = "guard")]
        let stack = stack.with_guard();
        let node = self.node.write(Node { clock, stack });
        let mut buffers = self.receive.iter_mut().zip(&mut self.send);
        let handles = [(); SOCKETS].map(|()| {
            let (receive, send) = buffers.next().expect("there is a buffer for each socket");
            node.stack.add_tcp_socket(receive, send)
        });
        Ok((node, handles))
    }
}

impl Node {
    /// Turns until the app of `task` has ended.
    ///
    /// # Errors
    /// The app's own.
    pub fn run<A: App>(
        &mut self,
        task: &mut Task<A>,
        observer: &mut dyn Observer,
    ) -> Result<(), Failure>
    where
        A::Error: Copy + Into<Failure>,
    {
        self.run_any(task, observer);
        match task.outcome() {
            Some(Err(error)) => Err((*error).into()),
            Some(Ok(())) | None => Ok(()),
        }
    }

    fn run_any(&mut self, task: &mut dyn AnyTask, observer: &mut dyn Observer) {
        loop {
            let next = self.turn(task, observer);
            if task.is_finished() {
                return;
            }
            self.sleep(next);
        }
    }

    /// One turn. Where the app has not ended, [`sleep`](Self::sleep) until the tick, unless the caller
    /// has something for the app before.
    pub fn turn(&mut self, task: &mut dyn AnyTask, observer: &mut dyn Observer) -> Option<Tick> {
        self.turn_all(&mut [task], observer)
    }

    /// The same with several tasks.
    pub fn turn_all(
        &mut self,
        tasks: &mut [&mut dyn AnyTask],
        observer: &mut dyn Observer,
    ) -> Option<Tick> {
        self.stack.turn(self.clock.now(), tasks, observer)
    }

    /// The time.
    pub fn now(&mut self) -> Tick {
        self.clock.now()
    }

    /// Sleeps until `deadline` or a frame.
    pub fn sleep(&mut self, deadline: Option<Tick>) {
        #[cfg(feature = "guard")]
        let nic = self.stack.device.get_mut();
        #[cfg(not(feature = "guard"))]
        let nic = &mut self.stack.device;
        self.clock.sleep(deadline, nic);
    }

    /// Says on stderr what the run cost.
    pub fn report_cost(&mut self) {
        #[cfg(feature = "guard")]
        let nic = self.stack.device.get_mut();
        #[cfg(not(feature = "guard"))]
        let nic = &mut self.stack.device;
        report_cost(&mut self.clock, nic);
    }
}

/// Prints `listening` once a caller would be heard.
pub struct Announcer;

impl Observer for Announcer {
    fn event(&mut self, _: Tick, _: &'static str, event: &Event) {
        if let Event::Listening { .. } = event {
            board::host::write(b"listening\n");
        }
    }
}
