//! Two smoltcp hosts on a bad network: bare they get stuck, guarded they never do.

use std::collections::BTreeMap;

use smoltcp::iface::{Config, Interface, PollIngressSingleResult, PollResult, SocketHandle};
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::phy::Device;
use smoltcp::socket::tcp::{self, RecvError};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use tickwire::guard::Guard;

use crate::cable::Cable;
use crate::frames::{FAMILIES, Family};

const SEEDS: u64 = 60;
const LEN: usize = 16 * 1024;
const MINUTES_MAX: i64 = 4 * 60;
const EGRESS_MAX: usize = 64;

/// A linear congruential generator (Knuth's constants), good enough to draw faults.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let high = (self.0 >> 33) as u32;
        high % end
    }

    fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < chance
    }
}

/// What a seed draws.
#[derive(Debug)]
struct Weather {
    loss_percent: u32,
    duplicate_percent: u32,
    flip_percent: u32,
    delay_max_millis: u32,
    buffer: usize,
    /// A reader takes so much at a time, and then sleeps; none when it reads at once.
    slow_read: Option<(usize, u32)>,
    both_ways: bool,
}

impl Weather {
    fn drawn(dice: &mut Dice) -> Self {
        Self {
            loss_percent: dice.below(30),
            duplicate_percent: dice.below(20),
            flip_percent: dice.below(5),
            delay_max_millis: 1 + dice.below(150),
            buffer: 512 << dice.below(4),
            slow_read: (dice.below(2) == 0).then(|| (64 << dice.below(5), 10 + dice.below(300))),
            both_ways: dice.below(2) == 0,
        }
    }
}

struct End<D> {
    cable: Cable,
    device: D,
    iface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    to_send: usize,
    sent: usize,
    received: usize,
    corrupt: bool,
    finished: bool,
    closed: bool,
    read_at: i64,
}

fn byte(at: usize) -> u8 {
    (at % 251) as u8
}

impl<D: Device> End<D> {
    fn new(
        family: Family,
        number: u8,
        weather: &Weather,
        to_send: usize,
        wrap: fn(Cable, EthernetAddress) -> D,
    ) -> Self {
        let mac = EthernetAddress([2, 0, 0, 0, 0, number]);
        let cable = Cable::default();
        let mut device = wrap(cable.clone(), mac);
        let mut config = Config::new(mac.into());
        config.random_seed = u64::from(number);
        let mut iface = Interface::new(config, &mut device, Instant::ZERO);
        iface.update_ip_addrs(|addresses| {
            addresses
                .push(IpCidr::new(address(family, number), 24))
                .expect("one address fits");
        });
        let mut socket = tcp::Socket::new(
            tcp::SocketBuffer::new(vec![0; weather.buffer].leak()),
            tcp::SocketBuffer::new(vec![0; weather.buffer].leak()),
        );
        if number == 1 {
            let remote = (address(family, 2), 80);
            socket
                .connect(iface.context(), remote, 50_000)
                .expect("a unicast address");
        } else {
            socket.listen(80).expect("a port");
        }
        let mut sockets = SocketSet::new(vec![SocketStorage::EMPTY].leak());
        let handle = sockets.add(socket);
        Self {
            cable,
            device,
            iface,
            sockets,
            handle,
            to_send,
            sent: 0,
            received: 0,
            corrupt: false,
            finished: false,
            closed: false,
            read_at: 0,
        }
    }

    fn turn(&mut self, now: i64, weather: &Weather) {
        let at = Instant::from_millis(now);
        while self
            .iface
            .poll_ingress_single(at, &mut self.device, &mut self.sockets)
            != PollIngressSingleResult::None
        {}
        self.use_socket(now, weather);
        for _ in 0..EGRESS_MAX {
            if self
                .iface
                .poll_egress(at, &mut self.device, &mut self.sockets)
                == PollResult::None
            {
                break;
            }
        }
    }

    fn use_socket(&mut self, now: i64, weather: &Weather) {
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.handle);
        while socket.can_send() && self.sent < self.to_send {
            let chunk: Vec<u8> = (self.sent..self.to_send).take(700).map(byte).collect();
            self.sent += socket.send_slice(&chunk).expect("it can send");
        }
        // When TIME-WAIT ends smoltcp throws away what is still unread, so the slowest reader hurries then.
        let hurries = socket.state() == tcp::State::TimeWait;
        while !self.finished && (now >= self.read_at || hurries) {
            let (len, pause) = weather.slow_read.unwrap_or((usize::MAX, 0));
            let mut data = vec![0; len.min(weather.buffer)];
            match socket.recv_slice(&mut data) {
                Ok(0) => break,
                Ok(len) => {
                    let expected = (self.received..).map(byte);
                    self.corrupt |= data.iter().take(len).copied().ne(expected.take(len));
                    self.received += len;
                    self.read_at = now + i64::from(pause);
                }
                Err(RecvError::Finished) => self.finished = true,
                Err(RecvError::InvalidState) => break,
            }
        }
        let may_close = self.sent == self.to_send && (self.to_send > 0 || self.finished);
        if may_close && socket.may_send() && !self.closed {
            socket.close();
            self.closed = true;
        }
    }

    /// When it wants to be polled again, in milliseconds.
    fn wake(&mut self, now: i64) -> Option<i64> {
        let wake = self.iface.poll_at(Instant::from_millis(now), &self.sockets);
        let wake = wake.map(|at| (at.total_micros() + 999).div_euclid(1000));
        let reads = (!self.finished && self.read_at > now).then_some(self.read_at);
        [wake, reads].into_iter().flatten().min()
    }
}

fn address(family: Family, number: u8) -> IpAddress {
    match (family, number) {
        (family, 1) => family.host(),
        (family, _) => family.peer(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Whole,
    Stuck,
    Endless,
    Corrupt,
}

struct Storm<D> {
    ends: [End<D>; 2],
    /// Frames under way by arrival, then by the order in which they were sent.
    air: BTreeMap<(i64, u64), (usize, Vec<u8>)>,
    weather: Weather,
    dice: Dice,
    sent: u64,
}

impl<D: Device> Storm<D> {
    fn new(family: Family, seed: u64, wrap: fn(Cable, EthernetAddress) -> D) -> Self {
        let mut dice = Dice(seed);
        dice.below(2);
        let weather = Weather::drawn(&mut dice);
        let back = if weather.both_ways { LEN } else { 0 };
        Self {
            ends: [
                End::new(family, 1, &weather, LEN, wrap),
                End::new(family, 2, &weather, back, wrap),
            ],
            air: BTreeMap::new(),
            weather,
            dice,
            sent: 0,
        }
    }

    fn run(&mut self) -> Outcome {
        let mut now = 1;
        while now < MINUTES_MAX * 60_000 {
            for end in 0..2 {
                self.ends[end].turn(now, &self.weather);
                self.carry(end, now);
            }
            if self.ends.iter().any(|end| end.corrupt) {
                return Outcome::Corrupt;
            }
            if self.ends.iter().all(|end| end.finished) {
                let whole = self.ends[0].received == self.ends[1].to_send
                    && self.ends[1].received == self.ends[0].to_send;
                return if whole {
                    Outcome::Whole
                } else {
                    Outcome::Corrupt
                };
            }
            let arrival = self.air.keys().next().map(|key| key.0);
            let [one, other] = &mut self.ends;
            let next = [arrival, one.wake(now), other.wake(now)]
                .into_iter()
                .flatten()
                .min();
            let Some(next) = next else {
                return Outcome::Stuck;
            };
            now = next.max(now + 1);
            self.deliver(now);
        }
        Outcome::Endless
    }

    fn carry(&mut self, from: usize, now: i64) {
        let frames: Vec<_> = self.ends[from]
            .cable
            .0
            .borrow_mut()
            .from_host
            .drain(..)
            .collect();
        for mut frame in frames {
            let is_ip = frame.len() > 40 && frame[12..14] != [0x08, 0x06];
            let copies = 1 + u32::from(self.dice.percent(self.weather.duplicate_percent));
            if is_ip && self.dice.percent(self.weather.flip_percent) {
                let at = 14 + self.dice.below(frame.len() as u32 - 14) as usize;
                frame[at] ^= 1 << self.dice.below(8);
            }
            for _ in 0..copies {
                if self.dice.percent(self.weather.loss_percent) {
                    continue;
                }
                let delay = 1 + self.dice.below(self.weather.delay_max_millis);
                self.sent += 1;
                self.air.insert(
                    (now + i64::from(delay), self.sent),
                    (1 - from, frame.clone()),
                );
            }
        }
    }

    fn deliver(&mut self, now: i64) {
        while let Some(entry) = self.air.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let (to, frame) = entry.remove();
            self.ends[to].cable.0.borrow_mut().to_host.push_back(frame);
        }
    }
}

#[test]
fn guarded_hosts_get_everything_through_where_bare_hosts_do_not() {
    let mut bare_failures = 0;
    for seed in 0..SEEDS {
        for &family in FAMILIES {
            let bare = Storm::new(family, seed, |cable, _| cable).run();
            bare_failures += u32::from(bare != Outcome::Whole);
            let mut guarded = Storm::new(family, seed, Guard::<_, 3>::new);
            let outcome = guarded.run();
            assert_eq!(
                outcome,
                Outcome::Whole,
                "seed {seed}, {family:?}, {:?}, {:#?}",
                guarded.weather,
                guarded.ends.each_ref().map(|end| end.device.counters())
            );
        }
    }
    assert!(bare_failures > 0, "smoltcp needs no guard any more");
}
