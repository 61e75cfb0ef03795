//! A client on host 0, and servers on the other hosts.

use std::cell::RefCell;
use std::rc::Rc;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp::{self, PacketBuffer, PacketMetadata, UdpMetadata};
use smoltcp::wire::IpEndpoint;
use tickwire::sntp::{NTP_PORT, Sntp, SntpError, SntpOptions, UnixTime, WallClock};
use tickwire::{Io, Step, Tick};

use crate::common::fixture::{Fixture, TaskId, endpoint, leak};
use crate::common::mock_app::MockApp;

/// Seconds since 1970 at tick 0.
const START_SECS: u64 = 1_700_000_000;

/// A question that came to a server.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) at: Tick,
    pub(crate) from: UdpMetadata,
    pub(crate) packet: Vec<u8>,
}

/// All questions that came to one server.
pub(crate) type Log = Rc<RefCell<Vec<Asked>>>;

pub(crate) struct Network {
    pub(crate) fixture: Fixture,
    pub(crate) clock: &'static WallClock,
    pub(crate) client: TaskId<Sntp<'static>>,
}

fn add_udp_socket(fixture: &mut Fixture, host: usize) -> SocketHandle {
    let buffer = || PacketBuffer::new(leak(PacketMetadata::EMPTY, 4), leak(0, 512));
    let socket = udp::Socket::new(buffer(), buffer());
    fixture.hosts[host].node.stack.sockets.add(socket)
}

/// The true time at `tick`.
pub(crate) fn truth(tick: Tick) -> UnixTime {
    UnixTime::from_micros((START_SECS * 1_000 + tick.as_millis()) * 1_000)
}

fn timestamp(time: UnixTime) -> [u8; 8] {
    let secs = time.as_secs() + 2_208_988_800;
    let fraction = ((time.as_micros() % 1_000_000) << 32) / 1_000_000;
    (secs << 32 | fraction).to_be_bytes()
}

/// The answer of a server that works, to this question.
pub(crate) fn answer(question: &[u8], now: Tick) -> Vec<u8> {
    let mut packet = vec![0x24, 2, 6, 0xe9, 0, 0, 1, 0, 0, 0, 1, 0, 10, 0, 0, 1];
    packet.extend([0; 8]);
    packet.extend(&question[40..48]);
    packet.extend(timestamp(truth(now)));
    packet.extend(timestamp(truth(now)));
    packet
}

/// `packet` with a refusal of this code in it.
pub(crate) fn kiss(mut packet: Vec<u8>, code: &[u8; 4]) -> Vec<u8> {
    packet[1] = 0;
    packet[12..16].copy_from_slice(code);
    packet
}

impl Network {
    /// A client of `servers` servers, which are silent until a test plays them.
    pub(crate) fn new(servers: usize, options: SntpOptions) -> Self {
        let mut fixture = Fixture::guarded(1, servers + 2);
        let socket = add_udp_socket(&mut fixture, 0);
        let list: Vec<IpEndpoint> = (1..=servers).map(|host| endpoint(host, NTP_PORT)).collect();
        let clock: &'static WallClock = Box::leak(Box::new(WallClock::new()));
        let client = fixture.start(0, Sntp::new(socket, list.leak(), clock, options));
        Self {
            fixture,
            clock,
            client,
        }
    }

    /// A client that asks once.
    pub(crate) fn once(servers: usize) -> Self {
        let options = SntpOptions {
            once: true,
            ..SntpOptions::default()
        };
        Self::new(servers, options)
    }

    /// Plays a server: what `play` makes of each question goes back, in this order.
    pub(crate) fn serve(
        &mut self,
        host: usize,
        mut play: impl FnMut(&[u8], Tick) -> Vec<Vec<u8>> + 'static,
    ) -> Log {
        self.play(host, NTP_PORT, move |io, socket, asked| {
            for packet in play(&asked.packet, io.now) {
                io.send_to(socket, asked.from, &packet).unwrap();
            }
        })
    }

    /// Plays a host that does `play` with each datagram that comes to this port.
    pub(crate) fn play(
        &mut self,
        host: usize,
        port: u16,
        mut play: impl FnMut(&mut Io<'_, '_>, SocketHandle, &Asked) + 'static,
    ) -> Log {
        let log = Log::default();
        let kept = Rc::clone(&log);
        let socket = add_udp_socket(&mut self.fixture, host);
        let server = MockApp::new(&[socket], move |io, _| {
            if !io.socket::<udp::Socket<'_>>(socket).is_open() {
                io.bind(socket, port).unwrap();
            }
            let at = io.now;
            let asked = io.receive_from(socket, |bytes, from| Asked {
                at,
                from: *from,
                packet: bytes.to_vec(),
            });
            let Some(asked) = asked else {
                return Ok(Step::Wait);
            };
            play(io, socket, &asked);
            kept.borrow_mut().push(asked);
            Ok(Step::Again)
        });
        self.fixture.start(host, server);
        log
    }

    /// Runs until the client has ended.
    #[track_caller]
    pub(crate) fn finish(&mut self, secs: u64) -> Result<(), SntpError> {
        let time = tickwire::Duration::from_secs(secs);
        self.fixture.finish(self.client, time)
    }

    /// By how many microseconds the clock is wrong now.
    pub(crate) fn error_micros(&self) -> Option<u64> {
        let now = self.fixture.now();
        let told = self.clock.time(now)?;
        Some(told.as_micros().abs_diff(truth(now).as_micros()))
    }
}
