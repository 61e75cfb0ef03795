//! Two hosts, an app on each, and what was made of them.

use smoltcp::iface::{SocketHandle, SocketStorage};
use smoltcp::wire::IpEndpoint;
use tickwire::wire::{Frame, FrameEvent, Planned, Port, Wire};
use tickwire::{App, Error, Event, Slot, Tick};
use tickwire_sim::{Host, Witness, World};

/// Bytes of each socket buffer, so that a few hundred bytes need several frames.
const BUFFER: usize = 256;
/// Longer than every deadline of a conversation with one fault.
const SECONDS_MAX: u64 = 600;

/// Memory for the length of the test program; a run needs little.
pub(crate) fn leak<T: Clone>(value: T, count: usize) -> &'static mut [T] {
    vec![value; count].leak()
}

/// Host 0 dials, host 1 listens.
pub(crate) struct Stage {
    pub(crate) world: World<'static>,
    pub(crate) hosts: [Host<'static>; 2],
}

/// When turns were worth something: the times of all frames and events.
#[derive(Default)]
pub(crate) struct Moments(pub(crate) Vec<Tick>);

impl Witness for Moments {
    fn event(&mut self, now: Tick, _host: usize, _app: usize, _event: &Event<'_>) {
        self.0.push(now);
    }

    fn frame(&mut self, event: &FrameEvent, _frame: &[u8]) {
        self.0.push(Tick::from_millis(event.at_micros / 1_000));
    }
}

impl Stage {
    /// With a plan for the frames that each host sends. Frames take 2 ms.
    pub(crate) fn new(plans: [&'static [Planned]; 2]) -> Self {
        let ports: Vec<Port<'static>> = (0..2).map(|_| Port::new()).collect();
        let frames: Vec<Frame<'static>> = (0..24).map(|_| Frame::new(leak(0u8, 620))).collect();
        let mut wire = Wire::new(1, ports.leak(), frames.leak());
        for (port, plan) in plans.into_iter().enumerate() {
            wire.set_mtu(port, 600);
            wire.set_plan(port, plan);
            let delay_micros = 2_000;
            let link = tickwire::wire::Link {
                delay_micros,
                ..tickwire::wire::Link::PERFECT
            };
            wire.set_link(port, link);
        }
        let hosts = [0, 1].map(|port| boot(&mut wire, port, 1));
        Self {
            world: World::new(wire),
            hosts,
        }
    }

    /// A socket of a host.
    pub(crate) fn socket(&mut self, host: usize) -> SocketHandle {
        self.hosts[host].add_socket(leak(0, BUFFER), leak(0, BUFFER))
    }

    /// The host loses all that it has, and starts again.
    pub(crate) fn restart(&mut self, host: usize) {
        self.hosts[host] = boot(&mut self.world.wire, host, 2);
    }

    /// Runs an app on each host until `until`, or until both have ended. How they ended.
    pub(crate) fn run_until(
        &mut self,
        until: Tick,
        apps: [(&mut dyn App, &mut Slot); 2],
        witness: &mut dyn Witness,
    ) -> [Option<Result<(), Error>>; 2] {
        let [one, two] = &mut self.hosts;
        let [(first, first_slot), (second, second_slot)] = apps;
        let (mut here, mut there) = ([first_slot.seat(first)], [second_slot.seat(second)]);
        let nodes = &mut [one.with(&mut here), two.with(&mut there)];
        self.world.run_watched(until, nodes, witness);
        [here[0].outcome(), there[0].outcome()]
    }

    /// Runs an app on each host until both have ended.
    pub(crate) fn run<'a>(
        &mut self,
        here: &'a mut dyn App,
        there: &'a mut dyn App,
    ) -> [Result<(), Error>; 2] {
        let until = self.world.now().after(SECONDS_MAX * 1_000);
        let (mut one, mut two) = (Slot::new(), Slot::new());
        let apps = [(here, &mut one), (there, &mut two)];
        self.run_until(until, apps, &mut ())
            .map(|outcome| outcome.expect("every app comes to an end"))
    }

    /// Frames that a host has sent.
    pub(crate) fn sent(&self, host: usize) -> u64 {
        self.world.wire.counts(host).sent
    }
}

fn boot(wire: &mut Wire<'_>, port: usize, seed: u64) -> Host<'static> {
    let places: Vec<SocketStorage<'static>> = (0..2).map(|_| SocketStorage::EMPTY).collect();
    Host::new(wire, port, seed, places.leak())
}

/// Where the listener is.
pub(crate) fn listener(port: u16) -> IpEndpoint {
    IpEndpoint::new(Host::address_of(1).into(), port)
}
