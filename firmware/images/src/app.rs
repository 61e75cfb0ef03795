//! An app, its sockets and tickwire's loop on a board.

use core::mem::MaybeUninit;

use board::{Clock, Ethernet, FRAME_BYTES_MAX, Nic};
use smoltcp::iface::{Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
#[cfg(feature = "guard")]
use smoltcp::wire::EthernetAddress;
#[cfg(feature = "guard")]
use tickwire::guard::{Guarded, Storage};
use tickwire::{App, Carry, Error, Event, Observer, Slot, Tick, turn};

use crate::exit::Failure;
use crate::{Network, report_cost};

/// What the interface sends and receives through.
#[cfg(feature = "guard")]
type Link = Guarded<'static, Nic<'static, Ethernet>>;
/// What the interface sends and receives through.
#[cfg(not(feature = "guard"))]
type Link = Nic<'static, Ethernet>;

/// Two more than an image has sockets at most.
#[cfg(feature = "guard")]
const FLOWS: usize = 4;

/// All memory that an image lends to its interface and to its sockets: a `static` of its own.
pub struct Memory<const SOCKETS: usize, const RECEIVE: usize, const SEND: usize> {
    receive_frame: [u8; FRAME_BYTES_MAX],
    send_frame: [u8; FRAME_BYTES_MAX],
    receive: [[u8; RECEIVE]; SOCKETS],
    send: [[u8; SEND]; SOCKETS],
    #[cfg(feature = "guard")]
    guard: Storage<FLOWS>,
    sockets: MaybeUninit<[SocketStorage<'static>; SOCKETS]>,
    stack: MaybeUninit<Stack>,
}

/// The board, its interface and its sockets.
pub struct Stack {
    clock: Clock,
    link: Link,
    interface: Interface,
    sockets: SocketSet<'static>,
    carry: Carry,
    slot: Slot,
}

impl<const SOCKETS: usize, const RECEIVE: usize, const SEND: usize> Memory<SOCKETS, RECEIVE, SEND> {
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
            stack: MaybeUninit::uninit(),
        }
    }

    /// Starts the board; the handles are those of all sockets.
    ///
    /// # Errors
    /// The part of the board that does not answer.
    pub fn start(
        &'static mut self,
        network: &Network,
    ) -> Result<(&'static mut Stack, [SocketHandle; SOCKETS]), Failure> {
        let (mut clock, ethernet) = board::start(network.mac())?;
        let nic = Nic::new(ethernet, &mut self.receive_frame, &mut self.send_frame);
        #[cfg(feature = "guard")]
        let mut link = Guarded::new(nic, EthernetAddress(network.mac()), &mut self.guard);
        #[cfg(not(feature = "guard"))]
        let mut link = nic;
        let interface = network.interface(&mut clock, &mut link);
        let sockets = self.sockets.write([SocketStorage::EMPTY; SOCKETS]);
        let stack = self.stack.write(Stack {
            clock,
            link,
            interface,
            sockets: SocketSet::new(&mut sockets[..]),
            carry: Carry::new(network.seed),
            slot: Slot::new(),
        });
        let mut buffers = self.receive.iter_mut().zip(&mut self.send);
        let handles = [(); SOCKETS].map(|()| {
            let (receive, send) = buffers.next().expect("there is a buffer for each socket");
            let receive = SocketBuffer::new(&mut receive[..]);
            stack
                .sockets
                .add(Socket::new(receive, SocketBuffer::new(&mut send[..])))
        });
        Ok((stack, handles))
    }
}

impl Stack {
    /// Turns until `app` has ended.
    ///
    /// # Errors
    /// The app's own.
    pub fn run(&mut self, app: &mut dyn App, observer: &mut dyn Observer) -> Result<(), Error> {
        loop {
            let next = self.turn(app, observer);
            if let Some(outcome) = self.slot.outcome() {
                return outcome;
            }
            self.sleep(next);
        }
    }

    /// One turn, and how `app` ended, if it did. Where it did not, [`sleep`](Self::sleep) until the tick, unless
    /// the caller has something for the app before.
    pub fn turn(&mut self, app: &mut dyn App, observer: &mut dyn Observer) -> Option<Tick> {
        turn(
            self.clock.now(),
            &mut self.interface,
            &mut self.link,
            &mut self.sockets,
            &mut [self.slot.seat(app)],
            &mut self.carry,
            observer,
        )
    }

    /// How the app ended.
    pub const fn outcome(&self) -> Option<Result<(), Error>> {
        self.slot.outcome()
    }

    /// Sleeps until `deadline` or a frame.
    pub fn sleep(&mut self, deadline: Option<Tick>) {
        #[cfg(feature = "guard")]
        let nic = self.link.get_mut();
        #[cfg(not(feature = "guard"))]
        let nic = &mut self.link;
        self.clock.sleep(deadline, nic);
    }

    /// Says on stderr what the run cost.
    pub fn report_cost(&mut self) {
        #[cfg(feature = "guard")]
        let nic = self.link.get_mut();
        #[cfg(not(feature = "guard"))]
        let nic = &mut self.link;
        report_cost(&mut self.clock, nic);
    }
}

/// Prints `listening` once a caller would be heard.
pub struct Announcer;

impl Observer for Announcer {
    fn event(&mut self, _: Tick, _: usize, event: &Event<'_>) {
        if let Event::Listening { .. } = event {
            board::host::write(b"listening\n");
        }
    }
}
