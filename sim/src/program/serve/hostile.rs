//! A browser that plays by no rules.

use std::collections::VecDeque;

use tickwire::{Connection, Deadline, Duration, Error, Received, Session, Step, Tick, TimeoutKind};
use tickwire_sim::Generator;

use super::member::{frame, handshake};

/// What a hostile browser does next.
enum Act {
    Send(Vec<u8>),
    Wait(Duration),
    Freeze,
    Close,
    Reset,
}

/// One connection of a hostile browser.
pub(super) struct Hostile {
    task_name: &'static str,
    acts: VecDeque<Act>,
    until: Option<Tick>,
    is_frozen: bool,
}

/// What a client of Socket.IO might send, and must not.
const PACKETS: [&str; 24] = [
    "40",
    "40/attic,",
    "40/x,",
    "40/*,",
    "40/a/b,{}",
    "41",
    "41/attic,",
    "42[\"message\",\"x\"]",
    "42[\"event\",{\"a\":[1,2,{\"b\":null}]}]",
    "42/attic,7[\"event\"]",
    "427[\"message\",{\"name\":\"y\"}]",
    "42[\"joined\",{\"name\":\"y\"}]",
    "42[\"connect\"]",
    "42[",
    "42{}",
    "43[]",
    "430[]",
    "440{}",
    "451-[\"a\",{\"_placeholder\":true,\"num\":0}]",
    "2",
    "3",
    "1",
    "5",
    "42[\"\\ud83d\",\"\\u0000\"]",
];
const LINES: [&str; 8] = [
    "/name x\n",
    "/name lobby\r\n",
    "/room attic\n",
    "/room x\r",
    "/who\n",
    "\u{1b}[2J\u{202e}\n",
    "x\n\n\n",
    "/quit\n",
];
const TARGETS: [&str; 6] = [
    "/ws",
    "/ws?room=attic&name=x",
    "/ws?name=%zz",
    "/socket.io/?EIO=4&transport=websocket",
    "/socket.io/?EIO=4&transport=polling",
    "/",
];

impl Hostile {
    /// One whose acts are drawn. `is_web` says to which port it speaks.
    pub(super) fn new(task_name: &'static str, random: &mut Generator, is_web: bool) -> Self {
        let mut acts = VecDeque::new();
        if is_web && random.chance(900_000) {
            let target = pick(random, &TARGETS);
            acts.push_back(Act::Send(handshake(target).into_bytes()));
        }
        for _ in 0..random.between(1, 30) {
            acts.push_back(match random.below(20) {
                0 => Act::Wait(Duration::from_millis(random.log_uniform(1, 20_000))),
                1 => Act::Freeze,
                2 if random.chance(300_000) => Act::Close,
                3 if random.chance(300_000) => Act::Reset,
                _ => Act::Send(Self::bytes(random, is_web)),
            });
        }
        Self {
            task_name,
            acts,
            until: None,
            is_frozen: false,
        }
    }

    fn bytes(random: &mut Generator, is_web: bool) -> Vec<u8> {
        let len = random.log_uniform(1, 700) as usize;
        let noise: Vec<u8> = (0..len).map(|_| random.below(256) as u8).collect();
        let mut bytes = match (random.below(8), is_web) {
            (0, _) => noise,
            (1, false) => noise.repeat(9),
            (_, false) => pick(random, &LINES).as_bytes().to_vec(),
            (1, true) => frame(0x2, &noise),
            (2, true) => frame(0x9, &noise[..len.min(125)]),
            (3, true) => frame(random.below(16) as u8, &noise),
            // It announces more than it sends.
            (4, true) => vec![0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
            _ => frame(0x1, pick(random, &PACKETS).as_bytes()),
        };
        if random.chance(100_000) {
            bytes.truncate(random.below(bytes.len() as u64 + 1) as usize);
        }
        bytes
    }
}

fn pick<'p>(random: &mut Generator, texts: &[&'p str]) -> &'p str {
    let at = random.below(texts.len() as u64) as usize;
    texts.get(at).copied().unwrap_or_default()
}

impl Session for Hostile {
    type Error = Error;

    fn name(&self) -> &'static str {
        self.task_name
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), Error> {
        connection.set_idle_timeout(None, TimeoutKind::Receive);
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        if !self.is_frozen {
            match connection.read_with(|bytes| (bytes.len(), ()))? {
                Received::Data(()) => return Ok(Step::Again),
                Received::Nothing => {}
                Received::End => return Ok(Step::Done),
            }
        }
        if self.until.is_some_and(|until| until > connection.now()) {
            return Ok(Step::Wait);
        }
        self.until = None;
        match self.acts.pop_front() {
            None => return Ok(Step::Wait),
            Some(Act::Send(bytes)) => {
                let count = connection.write(&bytes)?;
                if count < bytes.len() {
                    self.acts.push_front(Act::Send(bytes[count..].to_vec()));
                    return Ok(Step::Wait);
                }
            }
            Some(Act::Wait(time)) => self.until = Some(connection.now() + time),
            Some(Act::Freeze) => self.is_frozen = true,
            Some(Act::Close) => return Ok(Step::Done),
            Some(Act::Reset) => return Err(Error::Reset),
        }
        Ok(Step::Again)
    }

    fn deadline(&self) -> Option<Deadline> {
        let at = self.until.unwrap_or(Tick::from_millis(u64::MAX / 4));
        Some(Deadline::new(at, TimeoutKind::Total))
    }

    fn expired(&mut self, connection: &mut Connection, _: Deadline) -> Result<Step, Error> {
        self.step(connection)
    }
}
