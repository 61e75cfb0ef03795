//! One bare smoltcp socket, and the smallest loop that turns it and sleeps.

use board::{Clock, Ethernet, FRAME_BYTES_MAX, Nic};
use smoltcp::iface::{Context, PollIngressSingleResult, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use tickwire::Tick;

use crate::exit::Failure;
use crate::{Network, report_cost};

/// Frames taken in before the socket is looked at again.
const FRAMES_PER_TURN: usize = 8;

/// All memory of one socket and its interface, lent by the image.
pub struct Memory<const RECEIVE: usize, const SEND: usize> {
    receive_frame: [u8; FRAME_BYTES_MAX],
    send_frame: [u8; FRAME_BYTES_MAX],
    receive: [u8; RECEIVE],
    send: [u8; SEND],
}

impl<const RECEIVE: usize, const SEND: usize> Memory<RECEIVE, SEND> {
    /// Zeroed, so that a `static` of it costs no flash.
    pub const fn empty() -> Self {
        Self {
            receive_frame: [0; FRAME_BYTES_MAX],
            send_frame: [0; FRAME_BYTES_MAX],
            receive: [0; RECEIVE],
            send: [0; SEND],
        }
    }
}

/// What an image does with its socket.
pub trait Conversation {
    /// Connects or listens.
    ///
    /// # Errors
    /// The parameters make no sense to smoltcp.
    fn open(
        &mut self,
        now: Tick,
        socket: &mut Socket<'_>,
        context: &mut Context,
    ) -> Result<(), Failure>;

    /// Moves as far as it goes without waiting; true at the end.
    ///
    /// # Errors
    /// Why the image gives up.
    fn step(&mut self, now: Tick, socket: &mut Socket<'_>) -> Result<bool, Failure>;

    /// When to step even though no frame came.
    fn deadline(&self) -> Tick;
}

/// Starts the board, holds one conversation, and reports its cost.
///
/// # Errors
/// The board's or the conversation's.
pub fn hold<const RECEIVE: usize, const SEND: usize>(
    network: &Network,
    memory: &mut Memory<RECEIVE, SEND>,
    conversation: &mut impl Conversation,
) -> Result<(), Failure> {
    let (mut clock, ethernet) = board::start(network.mac())?;
    let mut nic = Nic::new(ethernet, &mut memory.receive_frame, &mut memory.send_frame);
    let mut storage = [SocketStorage::EMPTY];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let result = turn_until_done(
        network,
        &mut clock,
        &mut nic,
        &mut sockets,
        Socket::new(
            SocketBuffer::new(&mut memory.receive[..]),
            SocketBuffer::new(&mut memory.send[..]),
        ),
        conversation,
    );
    report_cost(&mut clock, &mut nic);
    result
}

fn turn_until_done<'a>(
    network: &Network,
    clock: &mut Clock,
    nic: &mut Nic<'_, Ethernet>,
    sockets: &mut SocketSet<'a>,
    socket: Socket<'a>,
    conversation: &mut impl Conversation,
) -> Result<(), Failure> {
    let mut interface = network.interface(clock, nic);
    let handle = sockets.add(socket);
    conversation.open(clock.now(), sockets.get_mut(handle), interface.context())?;
    loop {
        let now = clock.now();
        let instant = now.to_smoltcp();
        interface.poll_maintenance(instant);
        for _ in 0..FRAMES_PER_TURN {
            if interface.poll_ingress_single(instant, nic, sockets) == PollIngressSingleResult::None
            {
                break;
            }
        }
        let done = conversation.step(now, sockets.get_mut(handle))?;
        interface.poll_egress(instant, nic, sockets);
        if done {
            return Ok(());
        }
        let deadline = conversation.deadline();
        let deadline = interface
            .poll_at(instant, sockets)
            .map_or(deadline, |at| Tick::from_smoltcp(at).min(deadline));
        clock.sleep(Some(deadline), nic);
    }
}
