//! Two smoltcp hosts on a bad network: without guards they get stuck, with guards never.

use std::collections::BTreeMap;

use smoltcp::iface::{Config, Interface, PollIngressSingleResult, PollResult, SocketHandle};
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::phy::Device;
use smoltcp::socket::tcp::{self, RecvError};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use crate::cable::Cable;
use crate::frames::{FAMILIES, Family};
use crate::host::guarded;

const SEEDS: u64 = 60;
const LEN: usize = 16 * 1024;
const MINUTES_MAX: i64 = 4 * 60;
const EGRESS_MAX: usize = 64;

/// A linear congruential generator with Knuth's constants.
struct Random(u64);

impl Random {
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

/// What a seed draws: the faults of the network, and the hosts' buffers and readers.
#[derive(Debug)]
struct FaultPlan {
    loss_percent: u32,
    duplicate_percent: u32,
    flip_percent: u32,
    delay_max_millis: u32,
    buffer: usize,
    /// The number of bytes that a reader takes at a time, and for how many milliseconds it then
    /// waits. None when it reads at once.
    slow_read: Option<(usize, u32)>,
    both_ways: bool,
}

impl FaultPlan {
    fn drawn(random: &mut Random) -> Self {
        Self {
            loss_percent: random.below(30),
            duplicate_percent: random.below(20),
            flip_percent: random.below(5),
            delay_max_millis: 1 + random.below(150),
            buffer: 512 << random.below(4),
            slow_read: (random.below(2) == 0)
                .then(|| (64 << random.below(5), 10 + random.below(300))),
            both_ways: random.below(2) == 0,
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
        plan: &FaultPlan,
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
            tcp::SocketBuffer::new(vec![0; plan.buffer].leak()),
            tcp::SocketBuffer::new(vec![0; plan.buffer].leak()),
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

    fn turn(&mut self, now: i64, plan: &FaultPlan) {
        let at = Instant::from_millis(now);
        while self
            .iface
            .poll_ingress_single(at, &mut self.device, &mut self.sockets)
            != PollIngressSingleResult::None
        {}
        self.use_socket(now, plan);
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

    fn use_socket(&mut self, now: i64, plan: &FaultPlan) {
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(self.handle);
        while socket.can_send() && self.sent < self.to_send {
            let chunk: Vec<u8> = (self.sent..self.to_send).take(700).map(byte).collect();
            self.sent += socket.send_slice(&chunk).expect("it can send");
        }
        // When TIME-WAIT ends, smoltcp discards what is still unread. So a slow reader reads at
        // once then.
        let reads_at_once = socket.state() == tcp::State::TimeWait;
        while !self.finished && (now >= self.read_at || reads_at_once) {
            let (len, pause) = plan.slow_read.unwrap_or((usize::MAX, 0));
            let mut data = vec![0; len.min(plan.buffer)];
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

    /// When this end wants its next turn, in milliseconds.
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

struct Transfer<D> {
    ends: [End<D>; 2],
    /// Frames in flight, ordered by the time of arrival and then by the order of sending.
    in_flight: BTreeMap<(i64, u64), (usize, Vec<u8>)>,
    plan: FaultPlan,
    random: Random,
    sent: u64,
}

impl<D: Device> Transfer<D> {
    fn new(family: Family, seed: u64, wrap: fn(Cable, EthernetAddress) -> D) -> Self {
        let mut random = Random(seed);
        random.below(2);
        let plan = FaultPlan::drawn(&mut random);
        let back = if plan.both_ways { LEN } else { 0 };
        Self {
            ends: [
                End::new(family, 1, &plan, LEN, wrap),
                End::new(family, 2, &plan, back, wrap),
            ],
            in_flight: BTreeMap::new(),
            plan,
            random,
            sent: 0,
        }
    }

    fn run(&mut self) -> Outcome {
        let mut now = 1;
        while now < MINUTES_MAX * 60_000 {
            for end in 0..2 {
                self.ends[end].turn(now, &self.plan);
                self.send(end, now);
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
            let arrival = self.in_flight.keys().next().map(|key| key.0);
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

    fn send(&mut self, from: usize, now: i64) {
        let frames: Vec<_> = self.ends[from]
            .cable
            .0
            .borrow_mut()
            .from_host
            .drain(..)
            .collect();
        for mut frame in frames {
            let is_ip = frame.len() > 40 && frame[12..14] != [0x08, 0x06];
            let copies = 1 + u32::from(self.random.percent(self.plan.duplicate_percent));
            if is_ip && self.random.percent(self.plan.flip_percent) {
                let at = 14 + self.random.below(frame.len() as u32 - 14) as usize;
                frame[at] ^= 1 << self.random.below(8);
            }
            for _ in 0..copies {
                if self.random.percent(self.plan.loss_percent) {
                    continue;
                }
                let delay = 1 + self.random.below(self.plan.delay_max_millis);
                self.sent += 1;
                self.in_flight.insert(
                    (now + i64::from(delay), self.sent),
                    (1 - from, frame.clone()),
                );
            }
        }
    }

    fn deliver(&mut self, now: i64) {
        while let Some(entry) = self.in_flight.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let (to, frame) = entry.remove();
            self.ends[to].cable.0.borrow_mut().to_host.push_back(frame);
        }
    }
}

#[test]
fn guarded_hosts_finish_every_transfer_and_bare_hosts_do_not() {
    let mut bare_failures = 0;
    for seed in 0..SEEDS {
        for &family in FAMILIES {
            let bare = Transfer::new(family, seed, |cable, _| cable).run();
            bare_failures += u32::from(bare != Outcome::Whole);
            let mut guarded = Transfer::new(family, seed, |cable, mac| {
                let mut device = guarded::<3>(cable);
                device.set_mac(mac);
                device
            });
            let outcome = guarded.run();
            assert_eq!(
                outcome,
                Outcome::Whole,
                "seed {seed}, {family:?}, {:?}, {:#?}",
                guarded.plan,
                guarded.ends.each_ref().map(|end| end.device.counters())
            );
        }
    }
    assert!(bare_failures > 0, "smoltcp needs no guard any more");
}
