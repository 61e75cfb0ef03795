//! Two hosts and the Ethernet between them, in this process and under a virtual clock.

use smoltcp::iface::{SocketHandle, SocketStorage};
use smoltcp::wire::IpEndpoint;
use tickwire::wire::{Frame, FrameEvent, FrameObserver, Link, Port, Wire};
use tickwire::{Event, Seat, Tick};
use tickwire_sim::{Host, Witness, World};

use super::frame_counter::FrameCounter;
use crate::exit::{Exit, Failure};

/// The host that runs what an embedded device would run.
pub(super) const DEVICE: usize = 0;
/// The host on a desk.
pub(super) const LAPTOP: usize = 1;

/// The rate of lost frames, in parts per million.
pub(super) const LOSS_PPM: u32 = 30_000;
const LINK: Link = Link {
    loss_ppm: LOSS_PPM,
    delay_micros: 5_000,
    ..Link::PERFECT
};
/// The virtual time at which the tour counts as failed.
const TIME_LIMIT: Tick = Tick::from_millis(600_000);

const FRAMES_MAX: usize = 256;
const FRAME_BYTES_MAX: usize = 1_514;
const SOCKETS_MAX: usize = 8;
const BUFFER_BYTES: usize = 32 * 1024;

/// The network.
pub(super) struct Network {
    world: World<'static>,
    hosts: [Host<'static>; 2],
    /// The counts since they were last taken.
    pub(super) frames: FrameCounter,
}

/// Counts the frames, and passes the events on.
struct NetworkObserver<'f, F> {
    frames: &'f mut FrameCounter,
    on_event: F,
}

impl<F: FnMut(Tick, usize, &Event<'_>)> Witness for NetworkObserver<'_, F> {
    fn event(&mut self, now: Tick, host: usize, _app: usize, event: &Event<'_>) {
        (self.on_event)(now, host, event);
    }

    fn frame(&mut self, event: &FrameEvent, frame: &[u8]) {
        self.frames.observe(event, frame);
    }
}

impl Network {
    /// A network whose random decisions all derive from `seed`.
    pub(super) fn new(seed: u64) -> Self {
        // The network lives as long as the program, so its memory may leak.
        let ports = vec![Port::new(), Port::new()].leak();
        let frame = || Frame::new(vec![0; FRAME_BYTES_MAX].leak());
        let frames = std::iter::repeat_with(frame).take(FRAMES_MAX);
        let frames = frames.collect::<Vec<_>>().leak();
        let mut wire = Wire::new(seed, ports, frames);
        let hosts = [DEVICE, LAPTOP].map(|port| {
            wire.set_link(port, LINK);
            let sockets = [const { SocketStorage::EMPTY }; SOCKETS_MAX];
            Host::new(&mut wire, port, seed, Box::leak(Box::new(sockets)))
        });
        Self {
            world: World::new(wire),
            hosts,
            frames: FrameCounter::default(),
        }
    }

    /// The virtual time.
    pub(super) const fn now(&self) -> Tick {
        self.world.now()
    }

    /// Adds a socket to a host.
    pub(super) fn add_socket(&mut self, host: usize) -> SocketHandle {
        let [device, laptop] = &mut self.hosts;
        let host = if host == DEVICE { device } else { laptop };
        let buffer = || vec![0; BUFFER_BYTES].leak();
        host.add_socket(buffer(), buffer())
    }

    /// Runs one turn of each host's event loop, the loop of every tickwire program. `on_event` gets
    /// the time, the host and the event.
    pub(super) fn turn<'s>(
        &mut self,
        on_device: &mut [Seat<'s>],
        on_laptop: &mut [Seat<'s>],
        on_event: impl FnMut(Tick, usize, &Event<'_>),
    ) {
        let [device, laptop] = &mut self.hosts;
        let nodes = &mut [device.with(on_device), laptop.with(on_laptop)];
        let frames = &mut self.frames;
        self.world
            .turn(nodes, &mut NetworkObserver { frames, on_event });
    }

    /// Advances the virtual clock to the next frame or deadline.
    ///
    /// # Errors
    /// There is none, or the time limit has passed.
    pub(super) fn advance(&mut self) -> Result<(), Failure> {
        if self.world.rest(TIME_LIMIT, &self.hosts) {
            return Ok(());
        }
        let text = "the demo makes no progress; this is a bug";
        Err(Failure::new(Exit::Unknown, text))
    }

    /// Plugs the laptop's cable in, or pulls it.
    pub(super) fn set_cable(&mut self, is_plugged_in: bool) {
        self.world.wire.set_up(LAPTOP, is_plugged_in);
    }
}

/// A port of a host.
pub(super) fn endpoint(host: usize, port: u16) -> IpEndpoint {
    IpEndpoint::new(Host::address_of(host).into(), port)
}
