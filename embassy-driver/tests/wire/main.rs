//! An echo server over a driver of embassy's, and a client over smoltcp's own kind of device, on one
//! virtual Ethernet.

mod wired;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Wake, Waker};

use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::phy::{Checksum, Device, Medium};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint};
use tickwire::guard::{Guarded, Storage};
use tickwire::http::{Get, GetError, GetOptions, Request, Url};
use tickwire::{Config, Discard, Duration, Echo, Error, Stack, Task, Tick, TimeoutKind};
use tickwire_embassy_driver::{EmbassyDevice, LinkState};
use tickwire_sim::ethernet::{Ethernet, Frame, Link, PortState};
use tickwire_sim::{Act, Opening, Script};

use crate::wired::{Controls, MAC, Wired};

const SERVER: IpAddress = IpAddress::v4(10, 0, 0, 1);
const CLIENT: IpAddress = IpAddress::v4(10, 0, 0, 2);
const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const ECHOED: u64 = 20_000;
const A_MINUTE: Tick = Tick::from_millis(60_000);

/// A wire of two ports, the second of which loses frames.
fn with_wire(loss_ppm: u32, test: impl FnOnce(&Ethernet<'_>)) {
    let (mut bytes, mut ports) = ([[0; 1514]; 64], [const { PortState::new() }; 2]);
    let mut frames = bytes.each_mut().map(|bytes| Frame::new(&mut bytes[..]));
    let ethernet = Ethernet::new(3, &mut ports[..], &mut frames[..]);
    let link = Link {
        delay_micros: 1_000,
        loss_ppm,
        ..Link::PERFECT
    };
    ethernet.set_link(0, link);
    ethernet.set_link(1, link);
    test(&ethernet);
}

/// A stack with room for one TCP socket, in memory that is never freed.
fn stack<D: Device>(device: D, mac: [u8; 6], address: IpAddress) -> Stack<'static, D> {
    let storage: &'static mut [SocketStorage<'static>] = vec![SocketStorage::EMPTY].leak();
    let config = Config {
        mac: EthernetAddress(mac),
        addresses: &[IpCidr::new(address, 24)],
        gateway: None,
        seed: 1,
    };
    Stack::new(device, &config, SocketSet::new(storage), Tick::ZERO)
}

fn buffers() -> (&'static mut [u8], &'static mut [u8]) {
    (vec![0; 4_000].leak(), vec![0; 4_000].leak())
}

/// The client at port 1: sends, wants all of it back, and closes.
struct Client<'e, D> {
    stack: Stack<'static, D>,
    script: Task<Script<'e>>,
}

const ACTS: [Act<'static>; 4] = [
    Act::Fill(ECHOED),
    Act::Read(ECHOED),
    Act::Close,
    Act::ExpectEnd,
];

impl<D: Device> Client<'_, D> {
    fn new(device: D) -> Self {
        let mut stack = stack(device, CLIENT_MAC, CLIENT);
        let (receive, send) = buffers();
        let socket = stack.add_tcp_socket(receive, send);
        let dial = Opening::Dial((SERVER, 7).into());
        let script = Task::new(Script::new(socket, dial, &ACTS));
        Self { stack, script }
    }

    fn turn(&mut self, now: Tick) -> Option<Tick> {
        self.stack.turn(now, &mut [&mut self.script], &mut ())
    }
}

/// The server at port 0, over a driver.
fn server<D: Device>(device: D) -> (Stack<'static, D>, Task<Echo<1>>) {
    let mut stack = stack(device, MAC, SERVER);
    let (receive, send) = buffers();
    let socket = stack.add_tcp_socket(receive, send);
    (stack, Task::new(Echo::echo([socket], 7, true)))
}

/// The earliest of these times.
fn first(times: [Option<Tick>; 3]) -> Tick {
    times.into_iter().flatten().min().unwrap_or(A_MINUTE)
}

#[test]
fn a_bare_loop_serves_over_a_driver_and_wakes_nobody() {
    with_wire(0, |ethernet| {
        let controls = Controls::new();
        let driver = Wired {
            port: ethernet.port(0),
            controls: &controls,
        };
        let (mut stack, mut echo) = server(EmbassyDevice::new(driver));
        let mut client = Client::new(ethernet.port(1));
        let mut now = Tick::ZERO;
        while now < A_MINUTE && (echo.outcome().is_none() || client.script.outcome().is_none()) {
            ethernet.set_now(now);
            let server_at = stack.turn(now, &mut [&mut echo], &mut ());
            let client_at = client.turn(now);
            now = first([server_at, client_at, ethernet.next_due()]);
        }
        assert_eq!(client.script.outcome(), Some(&Ok(())));
        assert_eq!(echo.outcome(), Some(&Ok(())));
    });
}

/// Counts how often it was woken.
#[derive(Default)]
struct Counter(AtomicU32);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// How often a loop without room for a frame looks at its deadlines.
const ROOM_WAIT: Duration = Duration::from_millis(100);
/// How often the driver of [`serve_as_a_task`] sends what it has.
const SENDS_EVERY: Duration = Duration::from_millis(20);

/// Runs the server as a task that sleeps until the driver or a timer wakes it, over a driver with
/// room for `room` frames. Returns how often it ran.
fn serve_as_a_task(loss_ppm: u32, room: usize) -> u32 {
    let mut runs = 0;
    with_wire(loss_ppm, |ethernet| {
        let controls = Controls::new();
        controls.room.set(room);
        let driver = Wired {
            port: ethernet.port(0),
            controls: &controls,
        };
        let (mut storage, mut client_storage) = (Storage::<3>::new(), Storage::<3>::new());
        let mac = EthernetAddress(MAC);
        let guarded = Guarded::new(EmbassyDevice::new(driver), mac, &mut storage);
        let (stack, mut echo) = server(guarded);
        let mut stack = stack.with_guard();
        let mac = EthernetAddress(CLIENT_MAC);
        let guarded = Guarded::new(ethernet.port(1), mac, &mut client_storage);
        let mut client = Client::new(guarded);
        client.stack = client.stack.with_guard();

        let counter = Arc::new(Counter::default());
        let waker = Waker::from(Arc::clone(&counter));
        let (mut timer, mut now, mut sends_at) = (Some(Tick::ZERO), Tick::ZERO, Tick::ZERO);
        while now < A_MINUTE && client.script.outcome().is_none() {
            ethernet.set_now(now);
            let mut interrupts = ethernet.next_due_at(0).is_some_and(|due| due <= now);
            if sends_at <= now {
                sends_at = now + SENDS_EVERY;
                interrupts |= controls.room.replace(room) == 0;
            }
            if interrupts {
                controls.interrupt();
            }
            if counter.0.swap(0, Ordering::Relaxed) > 0 || timer.is_some_and(|timer| timer <= now) {
                runs += 1;
                stack.device.get_mut().set_waker(&waker);
                timer = stack.turn(now, &mut [&mut echo], &mut ());
                if stack.device.get_mut().had_no_room() {
                    // Until the driver wakes us.
                    timer = timer.map(|timer| timer.max(now + ROOM_WAIT));
                }
            }
            client.turn(now);
            now = now + Duration::from_millis(1);
        }
        assert_eq!(client.script.outcome(), Some(&Ok(())), "at {now:?}");
    });
    runs
}

#[test]
fn a_task_sleeps_until_the_driver_wakes_it() {
    let runs = serve_as_a_task(0, usize::MAX);
    // About a run for each segment that comes: 14 of data in each direction, and their ACKs.
    assert!((10..200).contains(&runs), "{runs} runs");
}

#[test]
fn a_task_over_a_driver_that_is_often_full_and_a_lossy_wire_loses_nothing() {
    let runs = serve_as_a_task(50_000, 1);
    assert!((10..2_000).contains(&runs), "{runs} runs");
}

#[test]
fn a_task_over_a_driver_that_never_has_room_judges_its_deadlines() {
    with_wire(0, |ethernet| {
        let controls = Controls::new();
        controls.room.set(0);
        let driver = Wired {
            port: ethernet.port(0),
            controls: &controls,
        };
        let mut stack = stack(EmbassyDevice::new(driver), CLIENT_MAC, CLIENT);
        let (receive, send) = buffers();
        let socket = stack.add_tcp_socket(receive, send);
        let url = Url::parse("http://10.0.0.1/").unwrap();
        let request = Request::new(&url, &[]).unwrap();
        let remote = IpEndpoint::new(SERVER, 80);
        let options = GetOptions::default();
        let mut get = Task::new(Get::new(socket, remote, request, options, &mut [], Discard));
        let (mut timer, mut now, mut runs) = (Some(Tick::ZERO), Tick::ZERO, 0);
        while let Some(at) = timer.filter(|at| *at < A_MINUTE) {
            (now, runs) = (at, runs + 1);
            timer = stack.turn(now, &mut [&mut get], &mut ());
            if stack.device.had_no_room() {
                timer = timer.map(|timer| timer.max(now + ROOM_WAIT));
            }
            if get.outcome().is_some() {
                break;
            }
        }
        let timed_out = GetError::Connection(Error::TimedOut(TimeoutKind::Connect));
        assert_eq!(get.outcome(), Some(&Err(timed_out)));
        let late = now.since(Tick::ZERO + options.connect_timeout);
        assert!(late <= ROOM_WAIT && runs < 100, "{late} late, {runs} runs");
    });
}

#[test]
fn each_change_of_the_link_is_told_once() {
    with_wire(0, |ethernet| {
        let controls = Controls::new();
        let port = ethernet.port(0);
        let mut device = EmbassyDevice::new(Wired {
            port,
            controls: &controls,
        });
        assert_eq!(device.link(), LinkState::Down);
        assert_eq!(device.link_change(), Some(LinkState::Up));
        assert_eq!(device.link_change(), None);
        controls.is_link_up.set(false);
        assert_eq!(device.link_change(), Some(LinkState::Down));
        assert_eq!(device.link_change(), None);
        assert_eq!(device.link(), LinkState::Down);
    });
}

#[test]
fn a_driver_without_room_is_noticed_until_it_was_asked() {
    with_wire(0, |ethernet| {
        let controls = Controls::new();
        let port = ethernet.port(0);
        let mut device = EmbassyDevice::new(Wired {
            port,
            controls: &controls,
        });
        assert!(device.transmit(Instant::ZERO).is_some() && !device.had_no_room());
        controls.room.set(0);
        assert!(device.transmit(Instant::ZERO).is_none());
        assert!(device.had_no_room() && !device.had_no_room());
    });
}

#[test]
fn smoltcp_learns_what_the_driver_can_do() {
    with_wire(0, |ethernet| {
        let controls = Controls::new();
        let port = ethernet.port(0);
        let device = EmbassyDevice::new(Wired {
            port,
            controls: &controls,
        });
        let capabilities = device.capabilities();
        assert_eq!(capabilities.medium, Medium::Ethernet);
        assert_eq!(capabilities.max_transmission_unit, 1514);
        assert_eq!(capabilities.max_burst_size, Some(4));
        assert!(matches!(capabilities.checksum.tcp, Checksum::Tx));
        assert!(matches!(capabilities.checksum.udp, Checksum::Both));
        assert_eq!(device.hardware_address(), EthernetAddress(MAC).into());
    });
}
